#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Large objects: cost grows with the size and not with its square. Two seconds of processor time and 1 GiB of
# memory for each; where a pass was quadratic, it took five times that and more.

load differ.bash

# functions N [CHANGED|all]: a section, a string, a variable and a call each; those that changed load another
# constant
functions() {
	awk -v n="$1" -v changed="${2:--1}" 'BEGIN {
		for (i = 0; i < n; i++) {
			printf ".section .text.f%d,\"ax\",@progbits\n.globl f%d\n.type f%d,@function\n", i, i, i
			printf "f%d: call __fentry__\nmov $%d,%%eax\nmov $.Ls%d,%%rdi\n", i,
				changed == "all" || i == changed ? 8 : 7, i
			printf "call f%d\nmov counter%d(%%rip),%%ecx\nret\n.size f%d,.-f%d\n",
				(i * 7 + 1) % n, i % 1000, i, i
			printf ".section .rodata.str1.1,\"aMS\",@progbits,1\n.Ls%d: .string \"text %d\"\n", i, i
			printf ".section __mcount_loc,\"a\"\n.quad f%d\n", i
		}
		for (i = 0; i < 1000; i++)
			printf ".section .bss.counter%d,\"aw\",@nobits\n.type counter%d,@object\n" \
				".size counter%d,4\ncounter%d: .zero 4\n", i, i, i, i
	}'
}

# within_limits: the differ on original.o and patched.o
within_limits() {
	[[ -e kallsyms ]] || make_symbols
	run bash -c 'ulimit -v 1048576; /usr/bin/time -f "%U %M" -o limits "$@"' - "$CDO" --kallsyms kallsyms \
		--symvers Module.symvers original.o patched.o out.o
	echo "$output"
	cat limits
	[[ $status -eq 0 ]]
	awk 'END { exit !($1 < 2 && $2 < 1048576) }' limits
}

@test "20,000 functions of which one changed, and of which all changed" {
	functions 20000 > original.s && assemble original
	functions 20000 12345 > patched.s && assemble patched
	within_limits
	[[ $(funcs) == "f12345 f12345 0 vmlinux" ]]
	functions 20000 all > patched.s && assemble patched
	rm out.o
	within_limits
	bytes .discard.kpatch.funcs > funcs.hex
	[[ $(wc -c < funcs.hex) -eq $((20000 * 32 * 2)) ]]
	[[ $(func_symbol $((32 * 19999 + 8))) == f19999 ]]
	has_reloc .text.f19999 PLT32 "f$(((19999 * 7 + 1) % 20000))" -4
}

@test "more than 65,280 sections" {
	functions 34000 > original.s && assemble original
	functions 34000 33999 > patched.s && assemble patched
	# the ELF header has no room for their number
	[[ $(readelf -hW original.o | awk '/Number of section headers/ { print $5 }') == 0 ]]
	within_limits
	[[ $(funcs) == "f33999 f33999 0 vmlinux" ]]
	has_reloc .text.f33999 PLT32 ".klp.ref.vmlinux.vmlinux.f$(((33999 * 7 + 1) % 34000)),0" -4
	functions 34000 all > patched.s && assemble patched
	rm out.o
	within_limits
	[[ $(readelf -hW out.o | awk '/Number of section headers/ { print $5 }') == 0 ]]
	has_reloc .text.f33999 PLT32 "f$(((33999 * 7 + 1) % 34000))" -4
}

@test "a function that refers to 4,000 strings" {
	one_function() {
		awk -v n=4000 -v first="$1" 'BEGIN {
			printf ".section .text.f,\"ax\",@progbits\n.globl f\n.type f,@function\n"
			printf "f: call __fentry__\nmov $%d,%%eax\n", first
			for (i = 0; i < n; i++)
				printf "mov $.Ls%d,%%rdi\ncall ext\n", i
			printf "ret\n.size f,.-f\n.section __mcount_loc,\"a\"\n.quad f\n"
			printf ".section .rodata.str1.1,\"aMS\",@progbits,1\n"
			for (i = 0; i < n; i++)
				printf ".Ls%d: .string \"text %d\"\n", i, i
		}'
	}
	one_function 1 > original.s && assemble original
	one_function 2 > patched.s && assemble patched
	within_limits
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(relocs .text.f | grep -c rodata.str1.1) -eq 4000 ]]
}
