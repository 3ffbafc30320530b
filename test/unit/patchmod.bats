#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Finishing a module and checking it again, on a miniature (patchmod.S): what the kernel will read
# out of it, the refusals, and that the self-check finds every fault that is put in.

load ../lib/tests.bash
PATCHMOD=$BUILD/test/patchmod SOURCE=$BATS_TEST_DIRNAME/patchmod.S

setup_file() {
	make_programs /test/patchmod
	gcc -c -o "$BATS_FILE_TMPDIR/linked.o" "$SOURCE"
	"$PATCHMOD" finish "$BATS_FILE_TMPDIR/linked.o" "$BATS_FILE_TMPDIR/good.ko"
}

setup() {
	GOOD=$BATS_FILE_TMPDIR/good.ko
	LINKED=$BATS_FILE_TMPDIR/linked.o
	OUT=$BATS_TEST_TMPDIR/out.ko
}

# assembled FAULT: patchmod.S with that fault
assembled() {
	gcc -c -D"$1" -o "$BATS_TEST_TMPDIR/$1.o" "$SOURCE"
	echo "$BATS_TEST_TMPDIR/$1.o"
}

# refuses FAULT ID: finishing it fails with that diagnostic and writes nothing
refuses() {
	local object
	object=$(assembled "$1")
	run "$PATCHMOD" finish "$object" "$OUT"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *"[$2]"* ]]
	[ ! -e "$OUT" ]
}

# relocations of SECTION in FILE: "offset type symbol addend" a line
relocations() {
	readelf -rW "$2" | awk -v name="'$1'" '$1 == "Relocation" { on = $3 == name }
		on && $3 ~ /^R_X86/ { print $1 + 0 == 0 ? "0" : $1, $3, $5, $6, $7 }'
}

# section header fields "type flags info" of SECTION in FILE
header() {
	readelf -SW "$2" | sed 's/^ *\[ *\([0-9]*\)\]/\1/' |
		awk -v name="$1" '$2 == name { print $3, $8, $10 }'
}

@test "finish: relocations of a module go to its sections, guard first, vmlinux apart" {
	mapfile -t sections < <(readelf -SW "$GOOD" | grep -o '\.klp\.rela[^ ]*')
	[ "${sections[*]}" = ".klp.rela.nfsd..kpatch.funcs .klp.rela.nfsd..text \
.klp.rela.nfsd..data .klp.rela.vmlinux..text" ]
	[ "$(relocations .klp.rela.nfsd..text "$GOOD" | cut -d' ' -f2-)" = \
"R_X86_64_PLT32 .klp.sym.nfsd.helper,2 - 4
R_X86_64_PLT32 .klp.sym.nfsd.helper,2 - 4
R_X86_64_PC32 .klp.sym.nfsd.counter,1 - 4" ]
	[ "$(relocations .klp.rela.nfsd..data "$GOOD")" = "0 R_X86_64_64 .klp.sym.nfsd.helper,2 + 0" ]
	[ "$(relocations .klp.rela.vmlinux..text "$GOOD" | cut -d' ' -f2-)" = \
		"R_X86_64_PC32 .klp.sym.vmlinux.jiffies_lock,1 - 4" ]
}

@test "finish: what stands in a field before it is relocated is taken out, as the module loader wants it" {
	cd "$BATS_TEST_TMPDIR"
	"$PATCHMOD" finish "$(assembled FILLED_FIELD)" "$OUT"
	objcopy -O binary --only-section=.data "$BATS_TEST_TMPDIR/FILLED_FIELD.o" before
	[ "$(od -An -tx1 -N8 before | tr -d ' ')" = 8877665544332211 ]
	objcopy -O binary --only-section=.data "$OUT" after
	objcopy -O binary --only-section=.data "$GOOD" good
	[ "$(od -An -tx1 -N8 after | tr -d ' ')" = 0000000000000000 ]
	cmp after good
	[ "$(relocations .klp.rela.nfsd..data "$OUT")" = "0 R_X86_64_64 .klp.sym.nfsd.helper,2 + 0" ]
}

@test "finish: the guard looks up every symbol and every replaced function of the module" {
	[ "$(relocations .klp.rela.nfsd..kpatch.funcs "$GOOD" | sort)" = \
"0 R_X86_64_NONE .klp.sym.nfsd.counter,1 + 0
0 R_X86_64_NONE .klp.sym.nfsd.helper,2 + 0
0 R_X86_64_NONE .klp.sym.nfsd.nfsd_show,3 + 0" ]
}

@test "finish: flags and targets of livepatch sections, index of livepatch symbols" {
	text=$(readelf -SW "$GOOD" | sed -n 's/^ *\[ *\([0-9]*\)\] \.text .*/\1/p')
	# A: allocated, I: sh_info is a section, o: SHF_RELA_LIVEPATCH lies in the bits of the OS
	[ "$(header .klp.rela.nfsd..text "$GOOD")" = "RELA AIo $text" ]
	run readelf -sW "$GOOD"
	[ "$(grep -c 'GLOBAL DEFAULT OS \[0xff20\] .klp.sym' <<< "$output")" -eq 4 ]
	[[ $output != *.klp.ref.* ]]
	[[ $output != *unused* ]]
}

@test "finish: what livepatch relocations fill is zero, what others fill is left alone" {
	objcopy -O binary -j .data "$GOOD" "$BATS_TEST_TMPDIR/data"
	[ "$(od -An -tx1 "$BATS_TEST_TMPDIR/data" | tr -d ' \n')" = "$(printf '00%.0s' {1..16})" ]
	[ "$(relocations .rela.data "$GOOD" | cut -d' ' -f2-)" = "R_X86_64_64 first + 0" ]
	[ "$(relocations .rela.text "$GOOD" | cut -d' ' -f2-)" = "R_X86_64_PLT32 __fentry__ - 4" ]
}

# anchored: patchmod.S with references to vmlinux of all kinds, finished by the distances of a kernel
anchored() {
	object=$(assembled ANCHORED)
	cat > "$BATS_TEST_TMPDIR/kallsyms" <<-'END'
		0000000000001000 d runqueues
		ffffffff81000000 T _stext
		ffffffff81000100 t same
		ffffffff81000200 T klp_enable_patch
		ffffffff81000300 t same
		ffffffff81000400 d jiffies_lock
		ffffffff81000500 R __start_notes
		ffffffff81000600 R __stop_notes
		ffffffff81000700 B _end
		ffffffff81000800 b same
		ffffffff81000900 b same
	END
	"$PATCHMOD" finish "$object" "$OUT" "$BATS_TEST_TMPDIR/kallsyms"
}

@test "finish: what is in the image is reached from klp_enable_patch(), in no more than one build of it" {
	anchored
	[ "$(relocations .rela.data.anchored "$OUT" | cut -d' ' -f2-)" = \
"R_X86_64_64 klp_enable_patch + 0
R_X86_64_64 klp_enable_patch + 208
R_X86_64_64 klp_enable_patch + 100" ]
	[ "$(relocations .rela.text "$OUT" | cut -d' ' -f2- | sed -n 2p)" = "R_X86_64_PC32 klp_enable_patch + 1fc" ]
	# beyond the image; relative to the CPU; what tells the runtime which build runs: by name
	[ "$(relocations .klp.rela.vmlinux..data.anchored "$OUT" | cut -d' ' -f2-)" = \
"R_X86_64_64 .klp.sym.vmlinux.same,3 + 0
R_X86_64_64 .klp.sym.vmlinux.runqueues,1 + 0
R_X86_64_64 .klp.sym.vmlinux.__start_notes,1 + 0
R_X86_64_64 .klp.sym.vmlinux.__stop_notes,1 + 0" ]
	# the kernel follows the table while it loads the module, of whatever build it is
	[ "$(relocations .klp.rela.vmlinux.__jump_table "$OUT" | cut -d' ' -f2-)" = \
		"R_X86_64_PC64 .klp.sym.vmlinux.jiffies_lock,1 + 0" ]
	readelf -SW "$OUT" > "$BATS_TEST_TMPDIR/sections"
	[[ $(< "$BATS_TEST_TMPDIR/sections") != *.klp.rela.vmlinux..text* ]]
}

@test "finish: without one klp_enable_patch, or the ends of the image, all is looked up by name" {
	anchored
	local line
	for line in 's/ klp_enable_patch$/ another/' 's/ same$/ klp_enable_patch/' 's/ _stext$/ x/' 's/ _end$/ x/'; do
		sed "$line" "$BATS_TEST_TMPDIR/kallsyms" > "$BATS_TEST_TMPDIR/other"
		"$PATCHMOD" finish "$object" "$OUT.named" "$BATS_TEST_TMPDIR/other"
		[ "$(relocations .rela.data.anchored "$OUT.named" | cut -d' ' -f2-)" = "R_X86_64_64 klp_enable_patch + 0" ]
		[ "$(relocations .klp.rela.vmlinux..text "$OUT.named" | cut -d' ' -f2-)" = \
			"R_X86_64_PC32 .klp.sym.vmlinux.jiffies_lock,1 - 4" ]
	done
}

@test "self-check: every reference of the linked module leads to its symbol, by name or by distance" {
	anchored
	all=(.text:helper .data:helper .text:counter .text:nfsd_show .text:nfsd_show .text:nfsd_show)
	installed "${all[@]}"
	check=("$PATCHMOD" check "$OUT.checked" "$BATS_TEST_TMPDIR/kallsyms" "$BATS_TEST_TMPDIR/modules" "$object")
	cp "$OUT" "$OUT.checked"
	"${check[@]}"
	while read -r fault complaint; do
		"$PATCHMOD" break "$fault" "$OUT" "$OUT.checked"
		run "${check[@]}"
		echo "$fault: $output"
		[ "$status" -eq 1 ]
		[[ $output == *"$complaint"*"[selfcheck-reference]"* ]]
	done <<-'END'
		distance .data.anchored+0x8 does not lead to jiffies_lock,0 of vmlinux
		distance-anchor .data.anchored+0x8 does not lead to jiffies_lock,0 of vmlinux
		livepatch-addend does not lead to helper,2 of nfsd
		livepatch-other does not lead to helper,2 of nfsd
		livepatch-gone does not lead to counter,0 of nfsd
	END
	# the kernel of another build
	cp "$OUT" "$OUT.checked"
	sed -i 's/400 d jiffies_lock/408 d jiffies_lock/' "$BATS_TEST_TMPDIR/kallsyms"
	run "${check[@]}"
	[[ $status -eq 1 && $output == *'.data.anchored+0x8 does not lead to jiffies_lock,0 of vmlinux'*'[selfcheck-reference]'* ]]
}

@test "finish: the same input gives the same bytes" {
	"$PATCHMOD" finish "$LINKED" "$OUT"
	cmp "$OUT" "$GOOD"
}

# the linker's is a digest of what is taken out again, too: names of files, and with them of directories
@test "finish: the build ID is that of the module, whatever the linker's was" {
	"$PATCHMOD" build-id "$(assembled LINKERS_ID)" "$OUT"
	"$PATCHMOD" build-id "$(assembled LINKERS_OTHER_ID)" "$OUT.other"
	cmp "$OUT" "$OUT.other"
	id=$(readelf -nW "$OUT" | sed -n 's/.*Build ID: //p')
	[[ $id =~ ^[0-9a-f]{40}$ && $id != 1111* ]]
}

@test "finish: references that no kernel can resolve are refused" {
	refuses MALFORMED klp-reference-malformed
	refuses CROSSED klp-reference-malformed
	refuses LONG_OBJECT klp-reference-malformed
}

# The first of .data's relocations is a klp reference of eight bytes, .data has sixteen.
@test "finish: a reference whose field ends outside of its section is refused" {
	at=$(readelf -rW "$LINKED" | sed -n "s/^Relocation section '.rela.data' at offset \(0x[0-9a-f]*\) .*/\1/p")
	for offset in 08 09 10; do
		cp "$LINKED" "$BATS_TEST_TMPDIR/moved.o"
		printf '%b' "\\x$offset" |
			dd of="$BATS_TEST_TMPDIR/moved.o" bs=1 seek=$((at)) conv=notrunc status=none
		run "$PATCHMOD" finish "$BATS_TEST_TMPDIR/moved.o" "$OUT"
		echo "$offset: $output"
		if [ "$offset" = 08 ]; then
			[ "$status" -eq 0 ]
			rm "$OUT"
			continue
		fi
		[ "$status" -eq 1 ]
		[[ $output == *"the reference to 'helper' of nfsd lies outside of its section"*"[klp-reference-malformed]"* ]]
		[ ! -e "$OUT" ]
	done
}

@test "finish: module references in a section that is read early are refused, vmlinux ones not" {
	refuses EARLY klp-reference-early
	[[ $output == *"counter"*"nfsd"* ]]
	object=$(assembled EARLY_VMLINUX)
	"$PATCHMOD" finish "$object" "$OUT"
	readelf -SW "$OUT" | grep -q '\.klp\.rela\.vmlinux\.__jump_table'
}

@test "finish: a relocation type that the kernel does not know is refused" {
	refuses TYPE klp-relocation-type
}

@test "finish: a weak symbol that is nowhere is refused, not left to become a null pointer" {
	refuses WEAK symbol-undefined
	[[ $output == *nowhere* ]]
}

@test "finish: damaged tables of functions are refused" {
	refuses VERSION metadata-malformed
	refuses NO_POINTER metadata-malformed
}

@test "link: references have natural names for objtool, unless somebody else has them" {
	object=$(assembled NATURAL)
	"$PATCHMOD" natural "$object" "$OUT"
	run readelf -sW "$OUT"
	grep -q 'GLOBAL DEFAULT  UND panic$' <<< "$output"
	grep -q 'GLOBAL DEFAULT  UND helper$' <<< "$output"
	grep -q 'GLOBAL DEFAULT  UND .klp.ref.vmlinux.vmlinux.first,0$' <<< "$output"
	grep -q 'GLOBAL DEFAULT  UND same$' <<< "$output"
	grep -q 'GLOBAL DEFAULT  UND .klp.ref.vmlinux.vmlinux.same,2$' <<< "$output"
	[[ $output != *WEAK* ]]
	# IBT: objtool must see the callbacks' pointers, and must not see the others
	readelf -SW "$OUT" | grep -q ' \.kpatch\.callbacks .* WA '
	readelf -SW "$OUT" | grep -q ' \.rela\.kpatch\.callbacks '
	readelf -SW "$OUT" | grep -q ' \.discard\.kpatch\.funcs '
}

@test "link: afterwards every reference has its own name again" {
	object=$(assembled NATURAL)
	"$PATCHMOD" back "$object" "$OUT"
	diff <(readelf -sW "$object" | awk '/klp.ref/ { print $5, $7, $8 }' | sort) \
		<(readelf -sW "$OUT" | awk '/klp.ref/ { print $5, $7, $8 }' | sort)
	readelf -SW "$OUT" | grep -q ' \.rela\.kpatch\.funcs '
	[ "$(readelf -SW "$OUT" | grep -c 'discard')" -eq 0 ]
}

@test "self-check: a good module passes" {
	run "$PATCHMOD" check "$GOOD"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "self-check: the stack pointer's number in ORC tables is the kernel's: 5 until 6.12, 3 since" {
	"$PATCHMOD" break orc-three "$GOOD" "$OUT"
	"$PATCHMOD" check=3 "$OUT"
	run "$PATCHMOD" check "$OUT"
	[[ $status -eq 1 && $output == *'[selfcheck-orc]' ]]
	run "$PATCHMOD" check=3 "$GOOD"
	[[ $status -eq 1 && $output == *'[selfcheck-orc]' ]]
}

@test "self-check: every fault is found" {
	while read -r fault id; do
		"$PATCHMOD" break "$fault" "$GOOD" "$OUT"
		run "$PATCHMOD" check "$OUT"
		echo "$fault: $output"
		[ "$status" -eq 1 ]
		[[ $output == *"[$id]"* ]]
	done <<-'END'
		drop-guard selfcheck-klp
		guard-writes selfcheck-klp
		guard-lacks selfcheck-klp
		field selfcheck-klp
		offset module-damaged
		reloc-type selfcheck-klp
		klp-symbol-name selfcheck-klp
		klp-symbol-tail selfcheck-klp
		klp-symbol-object selfcheck-klp
		klp-symbol-kind selfcheck-undefined
		klp-section-name selfcheck-klp
		klp-section-target module-damaged
		klp-section-flags selfcheck-klp
		ordinary selfcheck-klp
		left-over selfcheck-klp
		discard selfcheck-section
		module-gone selfcheck-section
		livepatch selfcheck-modinfo
		name selfcheck-modinfo
		vermagic selfcheck-modinfo
		modinfo-bss selfcheck-modinfo
		mcount selfcheck-function
		manifest selfcheck-manifest
		manifest-loaded selfcheck-manifest
		mcount-gone selfcheck-table
		mcount-short selfcheck-table
		call selfcheck-function
		function-size selfcheck-function
		function-type selfcheck-function
		orc selfcheck-orc
		orc-register selfcheck-orc
		orc-late selfcheck-orc
		version selfcheck-undefined
		weak selfcheck-undefined
		abi metadata-malformed
		target-gone selfcheck-target
		target-kernel-gone selfcheck-target
		target-twice selfcheck-target
		target-without-id selfcheck-target
		target-abi selfcheck-target
		target-refused selfcheck-target
	END
}

# installed NFSD-SYMBOLS…: a directory of modules with an nfsd that has these local symbols, in order
installed() {
	rm -rf "$BATS_TEST_TMPDIR/modules" "$BATS_TEST_TMPDIR"/[0-9].o
	mkdir -p "$BATS_TEST_TMPDIR/modules/kernel"
	{
		echo '.section .modinfo, "a"; .asciz "name=nfsd"; .asciz "vermagic=6.1.0 SMP"'
		# one object a symbol: an object cannot have two local symbols of one name
		echo '.section .gnu.linkonce.this_module, "aw"; .zero 64'
		echo '.section .note.gnu.build-id, "a", @note; .long 4, 4, 3; .asciz "GNU"'
		echo ".ascii \"${BUILD_ID:-efgh}\""
	} | gcc -c -x assembler -o "$BATS_TEST_TMPDIR/0.o" -
	local n=0
	for symbol; do
		n=$((n + 1))
		printf '%s; %s: .quad 0\n' "${symbol%%:*}" "${symbol#*:}" |
			gcc -c -x assembler -o "$BATS_TEST_TMPDIR/$n.o" -
	done
	ld -r -o "$BATS_TEST_TMPDIR/modules/kernel/nfsd.ko" "$BATS_TEST_TMPDIR"/[0-9].o
}

# resolves [COMPLAINT]: the self-check finds every symbol in kallsyms and modules, or complains
resolves() {
	run "$PATCHMOD" check "$GOOD" "$BATS_TEST_TMPDIR/kallsyms" "$BATS_TEST_TMPDIR/modules" "$LINKED"
	echo "$output"
	if (($#)); then
		[ "$status" -eq 1 ]
		[[ $output == *"$1"*"[selfcheck-${2:-symbol}]"* ]]
	else
		[ "$status" -eq 0 ]
	fi
}

@test "self-check: positions are looked up as the kernel does" {
	all=(.text:helper .data:helper .text:counter .text:nfsd_show .text:nfsd_show .text:nfsd_show)
	echo 'ffffffff81000000 b jiffies_lock' > "$BATS_TEST_TMPDIR/kallsyms"
	installed "${all[@]}"
	resolves
	# one nfsd_show too few, a second counter, no second helper
	installed "${all[@]:0:5}"
	resolves "nfsd_show,3 in nfsd"
	installed "${all[@]}" .data:counter
	resolves "counter,0 in nfsd"
	installed "${all[@]:1}"
	resolves "helper,2 in nfsd"
	# the second helper is gone once the module is loaded
	installed .text:helper '.section .init.data, "aw":helper' "${all[@]:2}"
	resolves "helper,2 in nfsd"
	installed "${all[@]}"
	echo 'ffffffff81000008 b jiffies_lock' >> "$BATS_TEST_TMPDIR/kallsyms"
	resolves "jiffies_lock,0 in vmlinux"
	echo 'ffffffff81000000 b jiffies' > "$BATS_TEST_TMPDIR/kallsyms"
	resolves "jiffies_lock,0 in vmlinux"
}

@test "self-check: the module names the build that is installed" {
	all=(.text:helper .data:helper .text:counter .text:nfsd_show .text:nfsd_show .text:nfsd_show)
	echo 'ffffffff81000000 b jiffies_lock' > "$BATS_TEST_TMPDIR/kallsyms"
	BUILD_ID=efgi installed "${all[@]}"
	resolves "another build of nfsd" target
}

@test "link: namespaces of imports are imported, each once" {
	printf '0x1\t%s\tvmlinux\tEXPORT_SYMBOL\t%s\n' __fentry__ PLACE helper ELSEWHERE \
		> "$BATS_TEST_TMPDIR/symvers"
	"$PATCHMOD" imports "$LINKED" "$OUT" "$BATS_TEST_TMPDIR/symvers"
	[ "$(modinfo -F import_ns "$OUT")" = PLACE ]
	[ "$(modinfo -F livepatch "$OUT")" = Y ]
}

@test "reading and writing: sections, the sections that they belong to, symbols and relocations stay" {
	cd "$BATS_TEST_TMPDIR"
	gcc -c -x assembler -o in.o - <<-'END'
		.section .text.f, "ax"
		.globl f
		f:	call other
			ret
		.section .table, "ao", @progbits, .text.f
			.quad f
		.section .bss.zero, "aw", @nobits
		zero:	.zero 24
		.data
			.quad zero + 8, .text.f + 5
		.set absolute, 4711
	END
	"$PATCHMOD" copy in.o "$OUT"
	# ".table .text.f": by name, because numbers change
	linked() { readelf -SW "$1" | sed -nE 's/^ *\[ *([0-9]+)\] (.*)/\1 \2/p' | awk '{ name[$1] = $2 } $8 ~ /L/ { print $2, $9 }
		END { for (i in name) print i, name[i] > "/dev/stderr" }' 2> names | while read -r section link; do
		echo "$section $(awk -v n="$link" '$1 == n { print $2 }' names)"
	done; }
	[[ $(linked "$OUT") == '.table .text.f' ]]
	[[ $(linked in.o) == $(linked "$OUT") ]]
	for file in in.o "$OUT"; do
		readelf -SW "$file" | sed -nE 's/^ *\[ *[0-9]+\] (\.(text|data|bss|table)[^ ]*)/\1/p' |
			awk '{ print $1, $2, $5, $7 == "AL" ? "" : $7, $NF }' | sort > "$file.sections"
		readelf -sW "$file" | awk '$1 ~ /:$/ && $4 != "SECTION" { print $2, $3, $4, $5, $6, $8, $7 ~ /UND|ABS/ ? $7 : "" }' | sort > "$file.symbols"
		readelf -rW "$file" | awk '/^Relocation section/ { print $3 } $3 ~ /^R_/ { print $1, $3, $5, $6, $7 }' > "$file.relas"
	done
	diff in.o.sections "$OUT.sections"
	diff in.o.symbols "$OUT.symbols"
	diff in.o.relas "$OUT.relas"
	[[ $(wc -l < in.o.relas) == 7 && $(grep -c . in.o.sections) == 6 && $(< in.o.symbols) == *1267*ABS* ]]
}

@test "reading: a module cut off anywhere gives an error, not a crash" {
	size=$(stat -c %s "$GOOD")
	for ((n = 0; n < size; n += 97)); do
		head -c "$n" "$GOOD" > "$OUT"
		run "$PATCHMOD" check "$OUT"
		[ "$status" -eq 1 ] || { echo "cut at $n: status $status"; false; }
		[ -n "$output" ]
	done
}
