#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Objects that no compiler makes, but somebody may: cost grows with their size. What is measured is how much more
# a larger object takes than a smaller one.

load differ.bash

# run_differ FORMAT: the differ on original.o with itself; prints what time(1) says in this format
run_differ() {
	cp original.o patched.o
	[[ -e kallsyms ]] || make_symbols
	/usr/bin/time -f "$1" -o cost "$CDO" --kallsyms kallsyms --symvers Module.symvers original.o patched.o \
		out.o > /dev/null 2> messages || [[ $? -eq 3 ]] # no change
	tail -n 1 cost
}

# at_most TIMES SMALL LARGE FLOOR: LARGE is not that many times SMALL, which counts as FLOOR if it is less
at_most() {
	echo "$2 to $3"
	awk -v times="$1" -v small="$2" -v large="$3" -v floor="$4" \
		'BEGIN { exit !(large <= times * (small > floor ? small : floor)) }'
}

@test "nameless data that refers to nameless data, twice at each level" {
	levels() {
		local i
		for ((i = 0; i < $1; i++)); do
			printf '.section .rodata.a%d,"a"\n.La%d: .quad .La%d, .La%d\n' $i $i $((i + 1)) $((i + 1))
		done
		printf '.section .rodata.a%d,"a"\n.La%d: .quad 1, 2\n' "$1" "$1"
		printf '.section .text.f,"ax"\n.globl f\n.type f,@function\nf: call __fentry__\n'
		printf 'mov $.La0,%%rax\nret\n.size f,.-f\n.section __mcount_loc,"a"\n.quad f\n'
	}
	local small
	levels 11 > original.s && assemble original
	small=$(run_differ %U)
	levels 27 > original.s && assemble original
	at_most 10 "$small" "$(run_differ %U)" 0.05
}

@test "the same where an original has two equals at each level" {
	# two originals of each level, one patched: whatever is remembered of one pair must do for the other
	levels() {
		local i
		printf '.section .text.f,"ax"\n.globl f\n.type f,@function\nf: call __fentry__\n'
		printf 'mov $.La0,%%rax\nret\n.size f,.-f\n.section __mcount_loc,"a"\n.quad f\n'
		for ((i = 0; i <= $1; i++)); do
			printf '.section .rodata.x%d,"a"\n' $i
			((i == $1)) && printf '.La%d: .quad 1, 2\n.section .rodata.x%d.1,"a"\n.Lb%d: .quad 1, 2\n' \
				$i $i $i && break
			printf '.La%d: .quad .La%d, %s%d\n' $i $((i + 1)) "$2" $((i + 1))
			printf '.section .rodata.x%d.1,"a"\n.Lb%d: .quad .La%d, %s%d\n' $i $i $((i + 1)) "$2" $((i + 1))
		done
	}
	local n small=
	for n in 11 27; do
		levels $n .La > patched.s && assemble patched
		levels $n .Lb > original.s && assemble original
		make_symbols
		/usr/bin/time -f %U -o cost "$CDO" --kallsyms kallsyms --symvers Module.symvers \
			original.o patched.o out.o > messages 2>&1 || [[ $? -eq 3 ]]
		[[ -n $small ]] || small=$(tail -n 1 cost)
	done
	at_most 10 "$small" "$(tail -n 1 cost)" 0.05
}

@test "a registration with thousands of references" {
	param() {
		printf '.section __param,"a"\n.type p,@object\np: .rept %d\n.quad text\n.endr\n.size p,.-p\n' "$1"
		printf '.section .text.f,"ax"\n.globl f\n.type f,@function\nf: call __fentry__\nret\n.size f,.-f\n'
		printf '.section __mcount_loc,"a"\n.quad f\n'
	}
	local small
	param 2000 > original.s && assemble original
	small=$(run_differ %M)
	param 8000 > original.s && assemble original
	at_most 4 "$small" "$(run_differ %M)" 1
}
