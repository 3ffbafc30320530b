#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# lib/kernel/proof/proof_field.c: what fields lead to that have half of a distance in them, in what ld makes of ppc64le's code.

bats_require_minimum_version 1.5.0
load ../lib/tests.bash
# shellcheck source=../lib/ppc64le.bash
. "$TEST_TOP/test/lib/ppc64le.bash"
setup_file() { make_programs /test/proof_field; }

# What gets at something near the table and far from it, at what an entry of it leads to, and at its own table. ld makes
# shorter code of `closer`, `entry` and the first half of `both`, none of `other`; `away` reads an entry whatever it is.
setup() {
	cd "$BATS_TEST_TMPDIR"
	"${PPC_CC%gcc}as" -o a.o - <<-'END'
		.abiversion 2
		.section .toc, "aw"
		.LC0: .quad near
		.LC1: .quad absolute
		.LC2: .quad far
		.data
		.globl near
		.type near, @object
		.size near, 8
		near: .quad 1
		.section .far, "aw"
		.zero 0x20000
		.globl far
		.type far, @object
		far: .quad 2, 3
		.size far, .-far
		.macro function name
		.globl \name
		.type \name, @function
		\name:
		.endm
		.macro finish name
		blr
		.size \name, .-\name
		.endm
		.text
		function closer
			addis 9, 2, near@toc@ha
			lwz 10, near@toc@l(9)
			addi 9, 9, near@toc@l
		finish closer
		function other
			addis 9, 2, far@toc@ha
			ld 10, far@toc@l(9)
			addi 9, 9, far@toc@l
			addis 8, 2, far+8@toc@ha
			ld 8, far+8@toc@l(8)
		finish other
		function entry
			addis 9, 2, .LC0@toc@ha
			ld 9, .LC0@toc@l(9)
			addis 10, 2, .LC2@toc@ha
			ld 10, .LC2@toc@l(10)
		finish entry
		function away
			addis 9, 2, .LC1@toc@ha
			ld 9, .LC1@toc@l(9)
		finish away
		function own
			0: addis 2, 12, .TOC.-0b@ha
			addi 2, 2, .TOC.-0b@l
			.localentry own, 8
			addis 3, 2, near@toc@ha
			lwz 3, near@toc@l(3)
		finish own
		function _start
			bl own
			nop
		finish _start
	END
	"${PPC_CC%gcc}ld" --build-id=none -Ttext=0xc000000000000000 --defsym absolute=0x7700000000000000 -o linked a.o
	# kallsyms does not list that one
	"${PPC_CC%gcc}nm" -n linked | grep -v ' [wU] \| \.TOC\.$' > symbols
}

# at FUNCTION N: the address of its Nth instruction, from 0
at() { printf '%x' $((0x$(awk -v f="$1" '$3 == f { print $1 }' symbols) + 4 * $2)); }
# word FUNCTION N: that instruction, in hexadecimal
word() {
	local from
	from=$(at "$1" "$2")
	"$PPC_OBJDUMP" -d --start-address="0x$from" --stop-address="$(printf 0x%x $((0x$from + 4)))" linked |
		awk -F '\t' '/^ *[0-9a-f]+:/ { split($2, b, " "); print b[4] b[3] b[2] b[1] }' | grep -E '^[0-9a-f]{8}$'
}
# proof FUNCTION [N=WORD...]: what is said of it after its Nth instructions have become these
proof() {
	local f=$1 e edits=()
	shift
	for e; do edits+=("$(at "$f" "${e%=*}")=${e#*=}"); done
	"$BUILD/test/proof_field" a.o linked symbols "$f" "${edits[@]}"
}
refused() {
	local said
	said=$(proof "$@")
	[[ $said == *" in vmlinux"* ]] || { echo "$*: $said"; return 1; }
}
accepted() { [[ $(proof "$@") == matched ]] || { echo "$*: $(proof "$@")"; return 1; }; }

@test "halves of a distance, with what ld made of them, are what the object says; no bit may be another" {
	local f
	# the cases are there: of `closer` and `entry` nothing is left in the upper half, of `other` it is; the entry of what is near
	# is not read, the others are
	[[ $(word closer 0) == 60000000 && $(word entry 0) == 60000000 && $(word other 0) != 60000000 ]]
	[[ $(word entry 1) == 39* && $(word entry 2) == 3d* && $(word entry 3) == 39* && $(word away 1) == e9* ]]
	for f in closer other entry away own _start; do
		run -0 "$BUILD/test/proof_field" --flip a.o linked symbols "$f"
		[[ ${lines[0]} == matched && ${lines[1]} =~ ^[0-9]+\ bits$ && ${#lines[@]} == 2 ]] || { echo "$f: $output"; false; }
	done
}

@test "an upper half is left out exactly where the lower ones do without it" {
	local low
	# the lower half still counts from where the upper one is gone: r9 is not r2
	low=$(word closer 1)
	refused closer "1=${low:0:3}9${low:4}"
	low=$(word closer 2)
	refused closer "2=${low:0:3}9${low:4}"
	# the lower one counts from r2 although there is an upper half
	refused closer "0=3d220000"
	low=$(word other 1)
	refused other "1=${low:0:3}2${low:4}"
	# all of them together are what the source says: addis with nothing, then from r9
	accepted closer 0=3d220000 "1=$(sed 's/^\(...\)./\19/' <<< "$(word closer 1)")" "2=$(sed 's/^\(...\)./\19/' <<< "$(word closer 2)")"
}

@test "halves are read together: each lower half with the upper one, and no other pair's" {
	local low up
	# both are moved by 64 KiB the one way, which no other half takes back
	up=$(word other 0)
	refused other "0=$(printf %08x $((0x$up + 1)))"
	# the second of two lower halves alone
	low=$(word other 2)
	refused other "2=$(printf %08x $((0x$low + 8)))"
	# the second pair is that of the first
	refused other "3=3d02${up:4}" "4=e908$(word other 1 | cut -c 5-)"
	# both lower halves and the upper one lead to the next word
	refused other "1=$(printf %08x $((0x$(word other 1) + 8)))" "2=$(printf %08x $((0x$low + 8)))"
}

@test "an entry that need not be read is not, and what is no entry is" {
	local low
	# the address of the variable for what it holds: the object says nothing of a table there
	low=$(word other 1)
	refused other "1=39${low:2}"
	refused other "4=39$(word other 4 | cut -c 3-)"
	# what the entry leads to for the entry's address: another instruction would read it
	low=$(word entry 1)
	refused entry "1=e9${low:2}"
	# addi whose distance is the entry's own
	low=$(word away 1)
	refused away "1=39${low:2}"
}

@test "an entry of the table leads elsewhere" {
	local entry half toc
	toc=$("$PPC_OBJDUMP" -h linked | awk '$2 == ".got" { print $4 }')
	[[ $toc ]]
	half=$(word away 1)
	entry=$((0x$toc + 0x8000 + (0x${half:4} ^ 0x8000) - 0x8000))
	accepted away
	entry_is() { "$BUILD/test/proof_field" a.o linked symbols away "$(printf %x=%s $((entry + $1)) "$2")"; }
	[[ $(entry_is 0 00000008) == *"refers to absolute, the code in vmlinux to"* ]]
	[[ $(entry_is 4 77000001) == *"refers to absolute, the code in vmlinux to"* ]]
	[[ $(entry_is 4 77000000) == matched ]]
}

@test "a kernel without a table, or with one elsewhere, has no such fields" {
	cp linked kept
	"$PPC_OBJCOPY" --rename-section .got=.elsewhere linked
	[[ $(proof closer) == "at +0 the compiled code refers to near, the code in vmlinux to nothing that can be decoded" ]]
	[[ $(proof own) == "at +0 the compiled code refers to .TOC., the code in vmlinux to "* ]]
	"$PPC_OBJCOPY" --change-section-address .got+0x10 kept linked
	[[ $(proof own) == "at +0 the compiled code refers to .TOC., the code in vmlinux to "* ]]
}
