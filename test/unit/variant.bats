#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The second link of the proof: whether the object that the differ reads is the one that was proven. Pairs of
# small objects in assembly, of which each differs in one thing, lawful or not.

load ../lib/tests.bash

setup_file() { make_programs /test/variant; }
setup() { cd "$BATS_TEST_TMPDIR" || return; }

# object NAME < SOURCE
object() {
	{
		echo '.macro function name'
		echo '.globl \name'
		echo '.type \name, @function'
		echo '\name:'
		echo '.endm'
		cat
	} > "$1.s"
	${CC:-gcc} -c -o "$1.o" "$1.s"
}

# pair REFERENCE ORIGINAL: two versions of the body of a function f. Calls of g, which both have, are lawful.
pair() {
	local part name=reference
	for part; do
		object "$name" <<END
.section .text.f,"ax",@progbits
function f
$part
.size f, . - f
.section .text.g,"ax",@progbits
function g
	xorl %eax, %eax
	ret
	ret
.size g, . - g
.data
.globl d, e
.type d, @object
.type e, @object
d:	.quad 1
.size d, . - d
e:	.quad 1
.size e, . - e
END
		name=original
	done
	compare
}

# whole REFERENCE ORIGINAL: two whole sources
whole() {
	object reference <<< "$1"
	object original <<< "$2"
	compare
}

compare() {
	run "$BUILD/test/variant" reference.o original.o
	echo "$output"
	[ "$status" -eq 0 ]
}
same() { grep -qxF "$1: same" <<< "$output"; }
differs() { grep -qE "^$1: .*$2" <<< "$output"; }

at="compiled for the patch it differs at"
elsewhere="refers at .* to something else"

@test "code: the same, and an operand, an opcode, a condition that differ" {
	pair $'movl $1, %eax\n call g\n ret' $'movl $1, %eax\n call g\n ret'
	same f && same g && same d
	pair $'movl $1, %eax\n ret' $'movl $2, %eax\n ret'
	differs f "$at \+0 " && same g
	pair $'nop\n xorl %eax, %eax\n incl %eax\n ret' $'xorl %eax, %eax\n decl %eax\n ret'
	differs f "$at \+0x2 from .* at \+0x3"
	pair $'je 1f\n incl %eax\n1: ret' $'jne 1f\n incl %eax\n1: ret'
	differs f "$at"
	pair $'je g\n ret' $'jne g\n ret'
	differs f "$at"
	pair $'call g\n ret' $'jmp g\n ret'
	differs f "$at"
	pair $'.byte 0x06\n ret' $'.byte 0x06\n ret'
	differs f "$at" # no instruction of this machine
}

@test "code that one of them has at its end: lawful if it does nothing" {
	pair $'ret' $'ret\n nop\n nopl 8(%rax,%rax)'
	same f
	pair $'ret\n nop\n nopl 8(%rax,%rax)' $'ret'
	same f
	pair $'ret' $'ret\n nop\n incl %eax'
	differs f "$at"
	pair $'ret\n nop\n incl %eax' $'ret'
	differs f "$at"
}

@test "widths of branches: lawful, if they lead to the same instruction" {
	pair $'jmp 1f\n incl %eax\n1: decl %eax\n ret' $'.byte 0xe9; .long 1f - . - 4\n incl %eax\n1: decl %eax\n ret'
	same f
	pair $'jmp 1f\n incl %eax\n1: decl %eax\n ret' $'.byte 0xe9; .long 1f - . - 4\n1: incl %eax\n decl %eax\n ret'
	differs f "$elsewhere"
	pair $'je 1f\n incl %eax\n1: decl %eax\n ret' $'.byte 0x0f, 0x84; .long 1f - . - 4\n incl %eax\n decl %eax\n1: ret'
	differs f "$elsewhere"
	# a branch to padding before an instruction, which need not be there on the other side
	pair $'je 1f\n incl %eax\n1: nop\n ret' $'je 1f\n incl %eax\n1: ret'
	same f
	pair $'je 1f\n incl %eax\n1: ret' $'je 1f\n incl %eax\n1: nop\n ret'
	same f
	# into the middle of an instruction
	pair $'je 1f + 1\n1: movl $0x90909090, %eax\n ret' $'je 1f + 2\n1: movl $0x90909090, %eax\n ret'
	differs f "$elsewhere"
}

@test "a jump label: a no-operation for the jump, where the table says so" {
	local table='.pushsection __jump_table, "aw"; .balign 8; .long 0b - ., 1f - .; .quad d - .; .popsection'
	pair "0: .byte 0x66, 0x90; $table
		incl %eax
	1:	ret" "0: jmp 1f; $table
		incl %eax
	1:	ret"
	same f
	pair $'.byte 0x66, 0x90\n incl %eax\n1: ret' $'jmp 1f\n incl %eax\n1: ret'
	differs f "$at"
	# the table has another place of the function, and not this one
	pair "0: .byte 0x66, 0x90; $table
		.byte 0x66, 0x90
		incl %eax
	1:	ret" "0: jmp 1f; $table
		jmp 1f
		incl %eax
	1:	ret"
	differs f "$at"
	pair "0: .byte 0x66, 0x90; $table
		incl %eax
	1:	ret" "0: je 1f; $table
		incl %eax
	1:	ret"
	differs f "$at"
}

@test "references: to another function, another place of it, another variable, another name" {
	pair $'call g\n ret' $'call f\n ret'
	differs f "$elsewhere"
	pair $'call g\n ret' $'call g + 2\n ret'
	differs f "$elsewhere"
	pair $'call g + 1\n ret' $'call g + 1\n ret'
	same f # a field in an instruction that is as long on both sides
	pair $'call g + 2\n ret' $'call g + 2\n ret'
	same f
	pair $'movq d(%rip), %rax\n ret' $'movq e(%rip), %rax\n ret'
	differs f "$elsewhere"
	pair $'movq d(%rip), %rax\n ret' $'movq d + 4(%rip), %rax\n ret'
	differs f "$elsewhere"
	pair $'call other\n ret' $'call another\n ret'
	differs f "$elsewhere"
	pair $'movl other, %eax\n ret' $'movl other + 4, %eax\n ret'
	differs f "$elsewhere"
	pair $'movq $d, %rax\n ret' $'movq $0, %rax\n ret'
	differs f "($elsewhere|$at)"
	pair $'movq d(%rip), %rax\n ret' $'movq d@GOTPCREL(%rip), %rax\n ret'
	differs f "$elsewhere"
}

@test "a limit behind a string's end is that of the string, wherever that is among others" {
	text() { # STRINGS DISTANCE: f compares with a place behind .LC
		printf '.section .text.f,"ax",@progbits\nfunction f\n cmpq $.LC+%s, %%rax\n ret\n' "$2"
		printf '.size f, . - f\n.section .rodata.str1.1,"aMS",@progbits,1\n%s\n' "$1"
	}
	local between=$'.string "other"\n.LC: .string "tiny"\n.string "and more"\n' last=$'.LC: .string "tiny"\n'
	whole "$(text "$between" 10)" "$(text "$last" 10)"
	same f
	whole "$(text "$between" 10)" "$(text "$last" 11)"
	differs f "$elsewhere"
	whole "$(text "$between" 10)" "$(text "${last/tiny/tidy}" 10)"
	differs f "$elsewhere"
	whole "$(text "$between" -1)" "$(text "$last" -1)"
	same f
	whole "$(text "$between" -1)" "$(text "${last/tiny/tidy}" -1)"
	differs f "$elsewhere"
}

@test "a function that begins at another instruction of the same code" {
	whole '.text
		incl %ecx
		function f
		incl %eax
		ret
		.size f, . - f' '.text
		function f
		incl %ecx
		incl %eax
		ret
		.size f, . - f'
	differs f "($at|it begins at another instruction)"
	# what comes before is padding, as the kernel has it before functions
	whole '.text
		.nops 16
		function f
		incl %eax
		ret
		.size f, . - f' '.text
		.nops 11
		function f
		incl %eax
		ret
		.size f, . - f'
	same f
}

@test "a function that is data on the other side" {
	whole '.data
		.globl f
		.type f, @object
	f:	.quad 0
		.size f, . - f' '.text
		function f
		ret
		.size f, . - f'
	differs f "of another kind"
}

# data CONTENTS...: two versions of a variable v
data() {
	local part name=reference
	for part; do
		object "$name" <<END
.data
.globl v, w, x
.type v, @object
.type w, @object
.type x, @object
v:	$part
.size v, . - v
w:	.quad 5
.size w, . - w
x:	.quad 6
.size x, . - x
END
		name=original
	done
	compare
}

@test "data: contents, size, and what it refers to" {
	data '.quad 1, w' '.quad 1, w'
	same v && same w
	data '.quad 1, 2' '.quad 1, 3'
	differs v 'other contents'
	data '.quad 1, 2' '.quad 1'
	differs v 'another size'
	data '.quad 1, w' '.quad 1, x'
	differs v 'other contents'
	data '.quad 1, w' '.quad w, 1'
	differs v 'other contents'
	data '.quad 1, w' '.quad 1, 0'
	differs v 'other contents'
	data '.quad 1, 0' '.quad 1, w'
	differs v 'other contents'
	data '.long w, 0' '.long w - ., 0'
	differs v 'other contents'
	data '.long 1, w, 2' '.long 1, w, 3'
	differs v 'other contents'
}

# nameless LABEL CONTENTS CONTENTS: v leads to data without a name
nameless() {
	local part name=reference
	for part in "$2" "$3"; do
		object "$name" <<END
.section .rodata
.Lother: .quad 17
.Ldata:	$part
.section .rodata.str1.1,"aMS",@progbits,1
.Lstring: .string "text"
.Lchanged: .string "$name"
.bss
.Lempty: .skip 16
.data
.globl v
.type v, @object
v:	.quad $1
.size v, . - v
END
		name=original
	done
	compare
}

@test "nameless data is compared by its contents, whatever it leads to" {
	nameless .Ldata '.quad 1, 2' '.quad 1, 2'
	same v
	nameless .Ldata '.quad 1, 2' '.quad 1, 3'
	differs v 'other contents'
	nameless .Ldata '.quad 1, .Lstring' '.quad 1, .Lstring'
	same v
	nameless .Ldata '.quad 1, .Lstring' '.quad 1, .Lstring + 1'
	differs v 'other contents'
	nameless .Ldata '.quad 1, .Lchanged' '.quad 1, .Lchanged'
	differs v 'other contents'
	nameless .Ldata '.quad .Ldata, .Ldata' '.quad .Ldata, .Ldata'
	differs v 'other contents' # leads to itself: cannot be told
	nameless .Lempty '.quad 1' '.quad 2'
	same v
}

@test "what only one of them has, or has twice" {
	whole '.text
		function f
		ret
		.size f, . - f' '.text
		function f
		ret
		.size f, . - f
		.section .text.h,"ax",@progbits
		function h
		ret
		.size h, . - h'
	same f && differs h 'does not have it'
	whole '.text
		.type twice, @function
	twice:	ret
		.size twice, . - twice' '.text
		.type twice, @function
	twice:	ret
		.size twice, . - twice
		.section .text.other
		.type once, @function
	once:	ret
		.size once, . - once'
	same twice && differs once 'does not have it'
}

# table ENTRY ENTRY: two versions of a function's entries in a table
table() {
	pair "1: movl (%rdi), %eax
		ret
	2:	incl %eax
		ret
		.section .text.other,\"ax\",@progbits
		function other
	3:	movl (%rdi), %eax
		ret
		.size other, . - other
		.pushsection __ex_table, \"a\"
		.balign 4
		$1
		.popsection
		.section .text.f,\"ax\",@progbits" "1: movl (%rdi), %eax
		ret
	2:	incl %eax
		ret
		.section .text.other,\"ax\",@progbits
		function other
	3:	movl (%rdi), %eax
		ret
		.size other, . - other
		.pushsection __ex_table, \"a\"
		.balign 4
		$2
		.popsection
		.section .text.f,\"ax\",@progbits"
}

@test "tables: an entry that differs, and one that only one of them has, is the function's that it describes" {
	local f='.long 1b - ., 2b - ., 3' other='.long 3b - ., 2b - ., 3'
	table "$f; $other" "$f; $other"
	same f && same other
	table "$f; $other" "${f%3}4; $other"
	differs f 'another exception table entry' && same other
	table "$f" '.long 1b - ., 1b - ., 3'
	differs f 'another exception table entry'
	table '' "$f"
	differs f 'another exception table entry' && same other
	table "$f" ''
	differs f 'another exception table entry' && same other
	# the original has no such table at all
	pair "1: ret; 2: ret; .pushsection __ex_table, \"a\"; .balign 4; $f; .popsection" '1: ret; 2: ret'
	differs f 'another exception table entry'
	table "$f; $other" "$other"
	differs f 'another exception table entry'
}

# tree N: data without names, in six levels, each of which leads N times to the next
tree() {
	local level
	for level in 0 1 2 3 4 5; do
		echo ".section .rodata.level$level, \"a\""
		echo ".Llevel$level: .rept $1; .quad .Llevel$((level + 1)); .endr"
	done
	echo '.section .rodata.level6, "a"'
	echo '.Llevel6: .quad 1'
	printf '.data\n.globl v\n.type v, @object\nv: .quad .Llevel0\n.size v, . - v\n'
}

@test "nested nameless data is followed so far and no further" {
	whole "$(tree 3)" "$(tree 3)"
	same v
	whole "$(tree 7)" "$(tree 7)"
	differs v 'other contents' # 137,000 ways: no compiler makes such
}
