#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# lib/arch/s390x and what lib/elf makes of its objects, against binutils: what Debian's cross compiler makes of C.

bats_require_minimum_version 1.5.0
load ../lib/tests.bash
# shellcheck source=../lib/s390x.bash
. "$TEST_TOP/test/lib/s390x.bash"

setup_file() {
	make_programs /test/elf_dump /test/decode /test/fields
	cd "$BATS_FILE_TMPDIR"
	s390_everything > file.c
	"$S390_CC" "${S390_FLAGS[@]}" "${S390_SPLIT[@]}" -c -o split.o file.c
	"$S390_CC" "${S390_FLAGS[@]}" -c -o whole.o file.c
	for o in split whole; do "$BUILD/test/elf_dump" $o.o > $o.dump; done
}
setup() { cd "$BATS_FILE_TMPDIR" || return; }

# atom DUMP NAME: its lines of the dump
atom() { awk -v name="$2" '/^  [A-Z]/ { on = $2 == name } /^[A-Z]/ { on = 0 } on' "$1.dump"; }
# line DUMP NAME TEXT: one of them
line() { atom "$1" "$2" | grep -qF -- "$3" || { atom "$1" "$2"; return 1; }; }

# what objdump says of code: "offset kind [place]"
disassembly() {
	"$S390_OBJDUMP" -d --no-show-raw-insn -j .text "$1" | sed -nE 's/^ *([0-9a-f]+):\s+(\S+)\s*([^<]*).*$/\1 \2 \3/p' | awk '
		function place(s) { sub(/ *$/, "", s); sub(/.*,/, "", s); return s }
		function show(kind) { print $1, kind, place($3) }
		# those that go nowhere: with a distance they are jump labels
		$2 == "jgnop" || ($2 == "jnop") { if (place($3) == $1) print $1, "next", $1; else show("branch"); next }
		$2 ~ /^(nop|nopr)$/ || ($2 == "br" && $3 ~ /%r0/) { print $1, "nop"; next }
		$2 ~ /^(j|jg)$/ { show("jump"); next }
		$2 ~ /^(bras|brasl)$/ { show("call"); next }
		$2 ~ /^(larl|exrl|pfdrl|l.*rl|st.*rl|c.*rl)$/ { show("next"); next }
		$2 ~ /^(j|jg)(n?[ehlzmpo]|nhe|nle|nlh|he|le|lh|xh|xle|xhg|xlg)$/ || $2 ~ /^(brct|brctg|brcth|brxh|brxle|brxhg|brxlg)$/ ||
		$2 ~ /^cl?g?[ri]j(n?[ehl]|nhe|nle|nlh|he|le|lh)?$/ { show("branch"); next }
		$2 ~ /^(br|b|lpswe?)$/ { print $1, "away" }'
}

@test "each branch and each distance is decoded as objdump has it" {
	local o
	cat > more.s <<-'END'
		start:	larl %r1,start
		lgrl %r1,start
		lrl %r2,start
		lgfrl %r2,start
		llgfrl %r2,start
		lhrl %r2,start
		lghrl %r2,start
		llhrl %r2,start
		llghrl %r2,start
		stgrl %r3,start
		strl %r3,start
		sthrl %r3,start
		cgrl %r4,start
		crl %r4,start
		chrl %r4,1f
		cghrl %r4,1f
		cgfrl %r4,1f
		clrl %r4,1f
		clgrl %r4,1f
		clgfrl %r4,1f
		clhrl %r4,1f
		clghrl %r4,1f
		exrl %r5,1f
		pfdrl 1,1f
		brasl %r14,start
		bras %r14,1f
		brcl 15,start
		brcl 7,1f
		brcl 0,1f
		brcl 0,.
		brc 15,start
		brc 8,1f
		brc 0,1f
		1: brct %r1,start
		brctg %r1,start
		brcth %r1,start
		brxh %r1,%r2,start
		brxle %r1,%r2,start
		brxhg %r1,%r2,start
		brxlg %r1,%r2,start
		cgrj %r1,%r2,8,start
		clgrj %r1,%r2,2,start
		crj %r1,%r2,6,start
		clrj %r1,%r2,12,start
		cgij %r1,5,8,start
		clgij %r1,5,2,start
		cij %r1,5,6,start
		clij %r1,5,12,start
		bcr 0,%r7
		bcr 15,%r0
		bcr 15,%r14
		bc 0,0
		bc 15,0(%r1)
		bcr 8,%r1
		basr %r14,%r1
		risbg %r1,%r2,0,63,0
		lpswe 0(%r1)
		lgfi %r2,0x12345678
		aghik %r1,%r2,7
	END
	s390x-linux-gnu-as -m64 -march=z14 -o more.o more.s
	for o in whole more; do
		"$S390_OBJCOPY" -O binary -j .text $o.o $o.bin
		disassembly $o.o > want
		# a no-operation with a distance of none, as objdump shows one
		"$BUILD/test/decode" s390x $o.bin > have
		diff -u want have
	done
	[[ $(grep -c next have) -ge 23 && $(grep -c branch have) -ge 17 && $(grep -c call have) == 2 && $(grep -c jump have) == 2 ]]
	[[ $(grep -c away have) == 3 && $(grep -c nop have) == 3 ]]
}

@test "each relocation of the file is a reference of that type and place" {
	local o
	for o in split whole; do
		readelf -rW $o.o | awk '/^Relocation section/ { on = $3 !~ /debug/ } on && /R_390/ { print substr($2, 9) }' |
			perl -nle 'print hex' | sort > want
		awk '/^[A-Z]/ { on = $1 != "DEBUG" } on && /^    \+/ && !/ decoded/ { print $3 }' $o.dump | sort > have
		diff -u want have
	done
}

@test "what code leads to, whatever the file adds for the distance's start" {
	line split f "type 20 width 4 -> printk+0 bias 2 pcrel"
	line split f "type 26 width 4 -> extvar+0 bias 2 pcrel"
	line split f "type 19 width 4 -> global+0 bias 2 pcrel"
	line split f "type 19 width 4 -> table+0 bias 2 pcrel"
	line split take "type 20 width 4 -> stat+0 bias 2 pcrel"
	atom split f | grep -qE 'type 19 width 4 -> \.rodata\.f\.str1\.2\+0x0\+0 bias 2 pcrel'
	line split ops "+0x8 type 22 width 8 -> stat+0"
	# in one section, where the assembler knows all distances, the branch of one function to another is a reference
	cat > decoded.s <<-'END'
		.text
		.type f,@function
		f: brc 8,.Lg
		brcl 15,.Lf
		.size f,.-f
		.type g,@function
		g: .Lg: cgij %r2,3,8,.Lf
		.Lf: br %r14
		.size g,.-g
	END
	s390x-linux-gnu-as -m64 -march=z14 -o decoded.o decoded.s
	"$BUILD/test/elf_dump" decoded.o > decoded.dump
	line decoded f "+0x2 type 16 width 2 -> g+0 bias 2 pcrel decoded" || line decoded f "type 17 width 2 -> g+0 bias 2 pcrel decoded"
	line decoded f "+0x6 type 19 width 4 -> g+6 bias 2 pcrel decoded"
}

@test "a function that ftrace reaches, and one that it does not" {
	local f
	for f in stat leaf f take tail label bug; do
		atom split $f | grep -q " traced"
		atom whole $f | grep -q " traced"
	done
	echo '__attribute__((no_instrument_function)) int n(int x) { return x; }' > n.c
	"$S390_CC" "${S390_FLAGS[@]}" -c -o n.o n.c
	"$BUILD/test/elf_dump" n.o > n.dump
	grep -q 'FUNC n ' n.dump
	no grep -q 'FUNC n.*traced' n.dump
}

@test "tables: sizes and owners" {
	local o
	for o in split whole; do
		line $o __bug_table+0x0 "size 0xc local owner bug"
		line $o __ex_table+0x0 "size 0xc local owner bug"
		line $o __jump_table+0x0 "size 0x10 local owner label"
		line $o __jump_table+0x0 "+0x8 type 23 width 8 -> extvar+0"
		line $o .altinstructions+0x0 "size 0xb local owner alternative"
		line $o .altinstructions+0xb "size 0xb local owner alternative"
		line $o .altinstr_replacement+0x0 "type 19 width 4 -> ext2+0 bias 2 pcrel"
		line $o .altinstr_replacement+0x6 "size 0x4"
		[[ $(grep -c "ENTRY __mcount_loc+.* owner" $o.dump) == 10 ]]
	done
	# 6.12 has a longer number in front of the length
	sed 's/\.word 9/.long 9/' file.c > longer.c
	"$S390_CC" "${S390_FLAGS[@]}" -c -o longer.o longer.c
	"$BUILD/test/elf_dump" longer.o > longer.dump
	line longer .altinstructions+0xd "size 0xd local owner alternative"
	line longer .altinstr_replacement+0x6 "size 0x4"
	# returns and calls through registers, which the kernel may write over
	grep -qE 'ENTRY \.s390_return_reg\+0x0 .*size 0x4 local owner' split.dump
	grep -qE 'ENTRY \.s390_indirect_call\+0x0 .*size 0x4 local owner through' split.dump
}

@test "what is not 64 bits wide is refused" {
	echo 'int f(int x) { return x; }' > n.c
	"$S390_CC" -O2 -m31 -c -o narrow.o n.c
	run "$BUILD/test/elf_dump" narrow.o
	[[ $status -ne 0 && $output == *"not 64 bits wide and big-endian"*"[object-not-supported]"* ]]
}

# by what name lib/arch/s390x lists them
listed_types() { grep -oE '(WHOLE|RELATIVE|DOUBLED)\(R_390_[A-Z0-9_]+' "$TEST_TOP/lib/arch/s390x/arch.c" | sed 's/.*(//' | sort -u; }

@test "each relocation type that is listed has been read here, and fills what the assembler fills" {
	cat > types.s <<-'END'
		.data
		.quad 0
		.reloc 0, R_390_NONE, d
		.byte d8
		.short d16
		.long d32
		.quad d64
		.long p32 - .
		.quad p64 - .
		.section .text.f,"ax",@progbits
		.type f,@function
		f: brc 8,c16
		bras %r14,c16p@PLT
		larl %r1,c32
		brasl %r14,c32p@PLT
		lgrl %r1,g@GOTENT
		.size f,.-f
	END
	s390x-linux-gnu-as -m64 -march=z14 -o types.o types.s
	"$BUILD/test/elf_dump" types.o > types.dump
	readelf -rW types.o | grep -o 'R_390_[A-Z0-9]*' | sort -u > have
	diff -u <(listed_types) have
	line types f "-> c16+0 bias 2 pcrel"
	line types f "-> c32p+0 bias 2 pcrel"
	line types f "-> g+0 bias 2 pcrel"
}

@test "what a field holds is what ld writes: half-words, with a sign, in this order of bytes" {
	local want have n=0
	cat > linked.s <<-'END'
		.globl _start
		.text
		_start:	brasl %r14,there
			bras %r14,near
			larl %r1,there
		.data
			.long there - .
			.quad there - .
			.quad there
	END
	s390x-linux-gnu-as -m64 -march=z14 -o linked.o linked.s
	s390x-linux-gnu-ld --defsym near=0x1000f00 --defsym there=0x200 -Ttext=0x1000000 -Tdata=0x1002000 -o linked linked.o
	# from the place of each field, to which the distance's start is two bytes nearer in code
	mapfile -t have < <("$BUILD/test/fields" s390x 20:$((0x200 - 0x1000000)) 17:$((0xf00 - 6)) 19:$((0x200 - 0x100000a)) \
		5:$((0x200 - 0x1002000)) 23:$((0x200 - 0x1002004)) 22:$((0x200)) | cut -d ' ' -f 1)
	bytes() { "$S390_OBJCOPY" -O binary -j "$1" linked section && od -An -tx1 -v section | tr -d ' \n'; }
	want=$(bytes .text)
	for n in 4:8 16:4 24:8; do
		[[ ${have[0]} == "${want:${n%:*}:${n#*:}}" ]] || { echo "$want: ${have[0]}"; false; }
		have=("${have[@]:1}")
	done
	[[ $(bytes .data) == "$(printf %s "${have[@]}")"* ]]
	# an odd distance has no half-words, and neither has one of four gigabytes
	run -0 "$BUILD/test/fields" s390x 19:3 19:4294967294 19:4294967296 19:-4294967296 19:-4294967298 17:65534 17:65536 17:-65536 20:-2
	[[ $(xargs <<< "$output") == "no 7fffffff 4294967294 no 80000000 -4294967296 no 7fff 65534 no 8000 -65536 ffffffff -2" ]]
}
