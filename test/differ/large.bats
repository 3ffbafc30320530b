#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Large objects: cost grows with the size and not with its square. An object of twice the size may take three times
# the processor time and memory; where a pass was quadratic, it took four times as much. A machine's speed and
# what the programs are compiled with make no difference.

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

# cost: processor time and memory of the differ on original.o and patched.o, to the file cost
cost() {
	rm -f kallsyms out.o
	make_symbols
	run /usr/bin/time -f "%U %M" -o cost "$CDO" --kallsyms kallsyms --symvers Module.symvers original.o patched.o out.o
	echo "$output"
	[[ $status -eq 0 ]]
}

# linear MAKE HALF ARG...: makes original.o and patched.o by MAKE with half of the size, then with all of it, and
# compares what the differ takes. A machine that is busy can make one of them look dear: three times.
linear() {
	local make=$1 half=$2 tries half_cost
	shift 2
	for tries in 1 2 3; do
		"$make" "$half" "$@" && cost || return
		half_cost=$(< cost)
		"$make" $((2 * half)) "$@" && cost || return
		echo "half: $half_cost, whole: $(< cost)"
		if awk -v half="$half_cost" '{ split(half, h); exit !($1 <= 3 * h[1] && $2 <= 3 * h[2]) }' cost; then
			return
		fi
	done
	return 1
}

# pair_of N [all]: functions of which the last, or all, changed
pair_of() {
	functions "$1" > original.s && assemble original
	functions "$1" "${2:-$(($1 - 1))}" > patched.s && assemble patched
}

@test "20,000 functions of which one changed, and of which all changed" {
	linear pair_of 10000
	[[ $(funcs) == "f19999 f19999 0 vmlinux" ]]
	linear pair_of 10000 all
	bytes .discard.kpatch.funcs > funcs.hex
	[[ $(wc -c < funcs.hex) -eq $((20000 * 32 * 2)) ]]
	[[ $(func_symbol $((32 * 19999 + 8))) == f19999 ]]
	has_reloc .text.f19999 PLT32 "f$(((19999 * 7 + 1) % 20000))" -4
}

@test "more than 65,280 sections" {
	pair_of 34000
	# the ELF header has no room for their number
	[[ $(readelf -hW original.o | awk '/Number of section headers/ { print $5 }') == 0 ]]
	cost
	[[ $(funcs) == "f33999 f33999 0 vmlinux" ]]
	has_reloc .text.f33999 PLT32 ".klp.ref.vmlinux.vmlinux.f$(((33999 * 7 + 1) % 34000)),0" -4
	pair_of 34000 all
	cost
	[[ $(readelf -hW out.o | awk '/Number of section headers/ { print $5 }') == 0 ]]
	has_reloc .text.f33999 PLT32 "f$(((33999 * 7 + 1) % 34000))" -4
}

@test "a function that refers to 4,000 strings" {
	one_function() {
		awk -v n="$1" -v first="$2" 'BEGIN {
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
	with_strings() {
		one_function "$1" 1 > original.s && assemble original
		one_function "$1" 2 > patched.s && assemble patched
	}
	linear with_strings 2000
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(relocs .text.f | grep -c rodata.str1.1) -eq 4000 ]]
}
