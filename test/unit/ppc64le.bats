#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# lib/arch/ppc64le and what lib/elf makes of its objects, against binutils: what Debian's cross compiler makes of C.

load ../lib/tests.bash
# shellcheck source=../lib/ppc64le.bash
. "$TEST_TOP/test/lib/ppc64le.bash"

setup_file() {
	make_programs /test/elf_dump /test/decode /test/linked
	cd "$BATS_FILE_TMPDIR"
	ppc_everything > file.c
	for model in medium large; do
		"$PPC_CC" "${PPC_FLAGS[@]}" "${PPC_SPLIT[@]}" -mcmodel=$model -c -o $model.o file.c
		"$PPC_CC" "${PPC_FLAGS[@]}" -mcmodel=$model -c -o $model-whole.o file.c
		"$BUILD/test/elf_dump" $model.o > $model.dump
		"$BUILD/test/elf_dump" $model-whole.o > $model-whole.dump
	done
}
setup() { cd "$BATS_FILE_TMPDIR" || return; }

# atom MODEL NAME: its lines of the model's dump
atom() { awk -v name="$2" '/^  [A-Z]/ { on = $2 == name } /^[A-Z]/ { on = 0 } on' "$1.dump"; }
# line MODEL NAME TEXT: one of them
line() { atom "$1" "$2" | grep -qF -- "$3" || { atom "$1" "$2"; return 1; }; }
# disassembly FILE: "offset mnemonic operands"
disassembly() {
	"$PPC_OBJDUMP" -d --no-show-raw-insn -j "${2:-.text}" "$1" |
		sed -nE 's/^ *([0-9a-f]+):\s+(\S+)\s*(.*)$/\1 \2 \3/p'
}

@test "each branch and each no-operation is decoded as objdump has it" {
	"$PPC_CC" "${PPC_FLAGS[@]}" -O3 -mcmodel=medium -x c -c -o branches.o - < file.c
	cat > more.s <<-'EOF'
		start:	beq start
		bne+ 1f
		bdnz start
		bdz 1f
		bdnzt eq, start
		bcl 20, 31, 1f
		1: ba 0x100
		bla 0x200
		beqlr
		bnectr
		blr
		bctr
		bctrl
		blrl
		.long 0x4e800460 # bctar
		rfid
		nop
		ori 1, 1, 0
		b start
		bl 1b
		beql start
		.long 0x10
		paddi 3, 3, 5
	EOF
	powerpc64le-linux-gnu-as -mpower10 -o more.o more.s
	for o in branches more medium-whole large-whole; do
		powerpc64le-linux-gnu-objcopy -O binary -j .text "$o.o" "$o.bin"
		# the linker's fields are those of calls
		disassembly "$o.o" | awk '
			function place(s) { sub(/ .*/, "", s); sub(/.*,/, "", s); return s }
			$2 == "nop" { print $1, "nop" }
			$2 ~ /^(b|bc[^a-z]?|beq|bne|blt|bgt|ble|bge|bdnz|bdz|bso|bns|bun|bnu|bdnzt|bdnzf|bdzt|bdzf|bt|bf)[-+]?$/ {
				print $1, $2 == "b" ? "jump" : "branch", place($3) }
			$2 ~ /^(bl|bcl|beql)$/ { print $1, "call", place($3) }
			$2 == "ba" { print $1, "jump" }
			$2 == "bla" { print $1, "call" }
			$2 ~ /^(blr|bctr|rfid)$/ || $2 ~ /^b(c|t)?tar/ { print $1, "away" }' > want
		"$BUILD/test/decode" ppc64le "$o.bin" > have
		diff -u want have
		[[ $(grep -c call have) -ge 2 ]]
	done
	for o in "branch 5" "away 4" "nop 1" "jump 2" "call 4"; do
		[[ $(grep -c "${o% *}" <("$BUILD/test/decode" ppc64le more.bin)) -ge ${o#* } ]]
	done
}

@test "each relocation of the file is a reference of that type and place" {
	local o
	for o in medium large medium-whole large-whole; do
		# the linker's hints are none; what leads to the entries of .toc replaces them
		readelf -rW $o.o | awk '/^Relocation section/ { on = $3 !~ /debug|toc/ }
			on && /R_PPC64/ && $3 != "R_PPC64_ENTRY" { print substr($2, 9) }' | perl -nle 'print hex' | sort > want
		awk '/^[A-Z]/ { on = $1 != "DEBUG" } on && /^    \+/ && !/ decoded/ { print $3 }' $o.dump | sort > have
		diff -u want have
	done
}

@test "what an entry of .toc leads to is what code leads to, in both models" {
	line large f "type 50 width 4 -> global+0 bias 0 table"
	line large f "type 64 width 4 -> global+0 bias 0 table"
	line large f "type 64 width 4 -> table+0 bias 0 table"
	line large f "type 64 width 4 -> extvar+0 bias 0 table"
	line large take "type 64 width 4 -> stat+8 bias 0 table"
	line medium f "type 64 width 4 -> extvar+0 bias 0 table"
	# what is near is no table's
	line medium f "type 50 width 4 -> global+0 bias 0"
	no grep -q "global.*table" medium.dump
	# and no entry has a reference left that all were followed through
	[[ -z $(awk '/^SPECIAL .toc / { on = 1; next } /^[A-Z]/ { on = 0 } on && /->/' large.dump) ]]
	[[ $(awk '/^SPECIAL .toc / { on = 1; next } /^[A-Z]/ { on = 0 } on && /ENTRY/' large.dump | wc -l) -ge 6 ]]
}

@test "a number in .toc stays data, and so does an entry that data points to" {
	cat > toc.s <<-'EOF'
		.abiversion 2
		.section .toc,"aw"
		number: .quad 0x123456789
		address: .quad there
		other: .quad there
		.data
		pointer: .quad address
		.section .text.f,"ax",@progbits
		.type f,@function
		f:	addis 3,2,number@toc@ha
			ld 3,number@toc@l(3)
			addis 4,2,other@toc@ha
			ld 4,other@toc@l(4)
			blr
		.size f,.-f
	EOF
	sed -i 's/^\(number\|address\|other\):/.L\1:/; s/\b\(number\|address\|other\)@/.L\1@/; s/quad address/quad .Laddress/' toc.s
	"$PPC_CC" -c -o toc.o toc.s
	"$BUILD/test/elf_dump" toc.o > toc.dump
	line toc f "type 64 width 4 -> .toc+0x0+0 bias 0"
	line toc f "type 64 width 4 -> there+0 bias 0 table"
	line toc .toc+0x8 "type 38 width 8 -> there+0"
	no line toc .toc+0x10 "there"
	# who wants the entry's own place cannot be followed
	sed -i 's/ld 4,.Lother@toc@l(4)/addi 4,4,.Lother@toc@l/' toc.s
	"$PPC_CC" -c -o toc.o toc.s
	run "$BUILD/test/elf_dump" toc.o
	[[ $status -ne 0 && $output == *"does not read an entry of the table of addresses"*"[object-damaged]"* ]]
}

@test "a function's entries, and what stands in front of it" {
	line large f "FUNC f offset 0x0 size 0x"
	atom large f | grep -q "entry 0x8 global traced"
	line large f "+0x0 type 44 width 8 -> .TOC.-8 bias 0 pcrel"
	# in one section they follow each other, and none is between them
	atom large-whole f | grep -q "entry 0x8 global traced"
	[[ $(awk '/^TEXT .text$/ { on = 1; next } /^[A-Z]/ { on = 0 } on && / -> .TOC./' large-whole.dump | wc -l) == \
	   $(grep -c "FUNC .* entry 0x8" large-whole.dump) ]]
	# the medium model counts from the entry
	atom medium f | grep -qE "FUNC f offset 0x0 size 0x[0-9a-f]+ global traced"
	line medium f "+0x0 type 252 width 4 -> .TOC.+0 bias 0 pcrel"
	line medium f "+0x4 type 250 width 4 -> .TOC.+4 bias 0 pcrel"
	# one that needs no r2 has one entry
	atom medium leaf | grep -q " traced"
	no line medium leaf "TOC"
	"$PPC_CC" "${PPC_FLAGS[@]}" -fno-toplevel-reorder -x c -c -o n.o - <<< '__attribute__((no_instrument_function)) int n(int x) { return x; }'
	"$BUILD/test/elf_dump" n.o > n.dump
	no grep -q "FUNC n.*traced" n.dump
	# a call of _mcount elsewhere is none of ftrace's
	"$PPC_CC" "${PPC_FLAGS[@]}" -x c -c -o n.o - <<-'EOF'
		void _mcount(void);
		__attribute__((no_instrument_function)) int n(int x) { _mcount(); return x; }
	EOF
	"$BUILD/test/elf_dump" n.o > n.dump
	grep -q "_mcount" n.dump
	no grep -q "FUNC n.*traced" n.dump
}

@test "tables: sizes, owners, and places that count from an entry's start" {
	local o
	for o in medium large; do
		grep -q "^SPECIAL __bug_table special" $o.dump
		line $o __bug_table+0x0 "size 0xc local owner bug"
		line $o __ex_table+0x0 "size 0x8 local owner bug"
		line $o __lwsync_fixup+0x0 "size 0x8 local owner bug"
		line $o __jump_table+0x0 "size 0x10 local owner label"
		line $o __jump_table+0x0 "+0x8 type 44 width 8 -> extvar+0 bias 0 pcrel"
		line $o __ftr_fixup+0x0 "size 0x30 local owner feature"
		# both ends of four bytes, in the code and in what replaces it
		atom $o __ftr_fixup+0x0 | sed -nE 's/.*\+0x([0-9a-f]+) .* -> (\S+)\+([0-9]+) bias ([0-9]+) pcrel/\1 \2 \3 \4/p' > ends
		read -r _ f start bias < ends
		[[ $f == feature && $bias == 16 ]]
		[[ $(xargs < ends) == "10 feature $start 16 18 feature $((start + 4)) 24 20 __ftr_alt_97+0x0 0 32 28 __ftr_alt_97+0x0 4 40" ]]
	done
}

# words FILE: the instructions of its .text, in hexadecimal
words() { "$PPC_OBJDUMP" -d -j .text "$1" | awk -F '\t' '/^ +[0-9a-f]+:/ { split($2, b, " "); print b[4] b[3] b[2] b[1] }'; }

@test "what ld makes of code that gets at the table, at what is near it and at what is far" {
	"${PPC_CC%gcc}as" -o l.o - <<-'END'
		.abiversion 2
		.section .toc, "aw"
		.LC0: .quad near
		.LC1: .quad far
		.LC2: .quad absolute
		.data
		near: .long 1
		.section .far, "aw"
		.zero 0x20000
		far: .long 2
		.text
		.globl _start
		_start:
			addis 9, 2, .LC0@toc@ha
			ld 9, .LC0@toc@l(9)
			addis 10, 2, .LC1@toc@ha
			ld 10, .LC1@toc@l(10)
			addis 8, 2, near@toc@ha
			lwz 8, near@toc@l(8)
			addis 7, 2, far@toc@ha
			std 7, far@toc@l(7)
			addis 6, 2, .LC2@toc@ha
			ld 6, .LC2@toc@l(6)
	END
	"${PPC_CC%gcc}ld" --defsym absolute=0x7700000000000000 -o l l.o
	mapfile -t theirs < <(words l)
	mapfile -t pairs < <(paste -d : <(words l.o) <(words l))
	output=$("$BUILD/test/linked" ppc64le "${pairs[@]}")
	near=-$((0x10000 - 0x${theirs[1]: -4})) far=-$((0x10000 - 0x${theirs[3]: -4}))
	[[ $output == "dropped 0
rebased direct $near
2
direct $far
dropped 0
rebased $near
2
$far
dropped 0
rebased -32768" ]]
	# what is no such change: another register, another instruction, another way of no operation, half of each
	while read -r pair what; do
		output=$("$BUILD/test/linked" ppc64le "$pair")
		[[ $output == other ]] || { echo "$pair ($what): $output"; return 1; }
	done <<-'END'
		3d220000:3d420000 addis to another register
		3d220000:3d250000 addis from another register
		3d290000:60000000 a no-operation for what does not count from r2
		3d220000:60420000 or of r2 with itself
		3d220000:39220000 addi for addis
		e9290000:e9490000 ld to another register
		e9290000:e9280000 ld from another register that is not r2
		e9290000:e9290001 ld that updates
		e9290002:39290000 lwa is no ld
		e9290000:e9290002 nor the other way round
		e9290000:81290000 lwz for ld
		e9290000:39490000 addi to another register
		81290000:39290000 addi for lwz
		f8690000:f8890000 std of another register
		f8690000:f8690001 std that updates
	END
}

@test "what is no ELF V2 object of this byte order is refused" {
	echo 'int f(int x) { return x; }' > v1.c
	"$PPC_CC" -O2 -mabi=elfv1 -c -o v1.o v1.c
	run "$BUILD/test/elf_dump" v1.o
	[[ $status -ne 0 && $output == *"ppc64le object of another ABI"*"[object-not-supported]"* ]]
	"$PPC_CC" -O2 -mbig -c -o big.o v1.c
	run "$BUILD/test/elf_dump" big.o
	[[ $status -ne 0 && $output == *"not 64 bits wide and little-endian"*"[object-not-supported]"* ]]
	"$PPC_CC" -O2 -c -o v2.o v1.c
	"$BUILD/test/elf_dump" v2.o > v2.dump
	grep -q "FUNC f" v2.dump
}

# by what name lib/arch/ppc64le lists them
listed_types() { grep -oE '(WHOLE|BRANCH|HALF|OF_TOC)\(R_PPC64_[A-Z0-9_]+' "$TEST_TOP/lib/arch/ppc64le/arch.c" | sed 's/.*(//' | sort -u; }
listed_tables() { grep -oE '^[[:space:]]*(OF_CODE\(SECTION_SPECIAL, |FEATURE\(|PLACE\(|\{ \.name = )"[^"]+"' \
	"$TEST_TOP/lib/arch/ppc64le/special.c" | sed 's/.*"\(.*\)"/\1/; s/\*$/97/' | sort -u; }

@test "each relocation type and each table that is listed has been read here" {
	cat > rare.s <<-'EOF'
		.abiversion 2
		.section .text.f,"ax",@progbits
		.globl f
		.type f,@function
		f:	addis 3,2,v@toc@h
		lwz 3,v@toc(2)
		ld 4,v@toc(2)
		li 5,(.TOC.-f)
		lis 6,(.TOC.-f)@h
		beq far
		blr
		.size f,.-f
		.data
		.long v
		.section __mmu_ftr_fixup,"a"
		0: .8byte 1, 1, f - 0b, f + 4 - 0b, f - 0b, f - 0b
		.section __fw_ftr_fixup,"a"
		0: .8byte 1, 1, f - 0b, f + 4 - 0b, f - 0b, f - 0b
		.section __barrier_nospec_fixup,"a"
		0: .8byte f - 0b
		.section __spec_barrier_fixup,"a"
		0: .8byte f - 0b
	EOF
	"$PPC_CC" -c -o rare.o rare.s
	"$BUILD/test/elf_dump" rare.o > rare.dump
	line rare f "+0x0 type 49 width 4 -> v+0"
	line rare f "+0x4 type 47 width 4 -> v+0"
	line rare f "+0x8 type 63 width 4 -> v+0"
	line rare f "+0xc type 249 width 4 -> .TOC.+12"
	line rare f "+0x14 type 11 width 4 -> far+0 bias 0 pcrel"
	readelf -rW medium.o large.o medium-whole.o rare.o | grep -oE 'R_PPC64_[A-Z0-9_]+' | sort -u > seen
	# one that stands nowhere in a file is known because the kernel's code names it
	diff <(listed_types | grep -vxE "R_PPC64_NONE|R_PPC64_TOCSAVE") <(grep -xFf <(listed_types) seen)
	[[ $(listed_types | wc -l) -ge 17 ]]
	# and no other has been met: it would be refused
	[[ -z $(readelf -rW medium.o large.o | awk '/debug/ { on = 0 } /^Relocation/ && !/debug/ { on = 1 } on && /R_PPC64/ { print $3 }' |
		sort -u | grep -vxFf <(listed_types)) ]]
	sed -n 's/^SPECIAL \(\S*\) special.*/\1/p' medium.dump large.dump rare.dump | sort -u > seen
	diff <(listed_tables) <(grep -xFf <(listed_tables) seen)
	[[ $(listed_tables | wc -l) -ge 9 ]]
}
