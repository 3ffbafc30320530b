#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2086 # flags are lists of words
#
# The object model on what the kernel's compiler makes, and the C tests of lib/elf.

load ../lib/tests.bash
TESTS=$BUILD/test TOP=$TEST_TOP

setup_file() {
	make_programs /test/elf_file /test/elf_model /test/elf_builder /test/elf_dump /test/made_up
	# what the kernel passes and what decides how code and sections look
	export KCFLAGS="-std=gnu11 -O2 -fno-PIE -mcmodel=kernel -mno-red-zone -mno-sse -fno-strict-aliasing \
		-fno-asynchronous-unwind-tables -fno-jump-tables -falign-functions=16"
	export TRACED="-pg -mrecord-mcount -mfentry -fcf-protection=none"
	export SPLIT="-ffunction-sections -fdata-sections"
	export CC=${KPATCH_TEST_CC:-gcc-12}
}

# compile FLAGS...: the source is read from standard input; the model is in $output
compile() {
	$CC $KCFLAGS "$@" -x c -c -o "$BATS_TEST_TMPDIR/t.o" - || return 1
	run "$TESTS/elf_dump" "$BATS_TEST_TMPDIR/t.o"
	[ "$status" -eq 0 ]
}

# has LINE: the model has exactly this line
has() {
	grep -qxF -- "$1" <<< "$output" || { echo "no line: $1"; echo "$output"; return 1; }
}

# follows LINE NEXT...: these lines stand below each other
follows() {
	local want
	want=$(printf '%s\n' "$@")
	[[ "$output" == *"$want"* ]] || { echo "not found:"; echo "$want"; echo "in:"; echo "$output"; return 1; }
}

tap_program() {
	run "$@"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^not ok' <<< "$output")" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 40 ]
}

@test "elf: the reader of files, whole and damaged ones" {
	tap_program "$TESTS/elf_file"
}

@test "elf: the builder" {
	tap_program "$TESTS/elf_builder"
}

@test "elf: the model on objects made by hand" {
	tap_program "$TESTS/elf_model"
}

@test "elf: a machine that nobody built: fields, byte order, and the whole differ" {
	tap_program "$TESTS/made_up" "$BATS_TEST_TMPDIR"
}

@test "elf: the model under corruption, with another seed (KPATCH_TEST_SEED)" {
	tap_program "$TESTS/elf_model" "${KPATCH_TEST_SEED:-2}"
}

snippet() {
	cat <<-'END'
		extern int ext(int), ext2(const char *);
		static int counter;
		static int array[4] = { 1, 2, 3, 4 };
		const char *const names[] = { "zero", "one", "a string of more than fifteen bytes, aligned" };
		__attribute__((noinline)) static int helper(int x) { counter += x; return ext(x) + array[x]; }
		int compare(void) { if (counter == 0x12345678) return ext2("one"); return helper(3); }
		int *end(void) { return &array[4]; }
		int *before(void) { return &array[-1]; }
		__attribute__((cold, noinline)) void coldone(void) { ext(1); }
		int split(int x) { if (x == 77) { coldone(); ext2("cold"); return ext(5); } return helper(x); }
		__attribute__((section(".sched.text"), noinline)) static int inner(int x) { return ext(x) * 3; }
		__attribute__((section(".sched.text"))) int outer(int x) { return inner(x) + 1; }
		extern __typeof__(end) end_alias __attribute__((alias("end")));
	END
}

@test "elf: functions and data in sections of their own" {
	compile $TRACED $SPLIT < <(snippet)
	follows "TEXT .text.helper" \
		"  FUNC helper offset 0x0 size 0x1f local traced" \
		"    +0x1 type 4 width 4 -> __fentry__+0 bias -4 pcrel" \
		"    +0xd type 2 width 4 -> counter+0 bias -4 pcrel" \
		"    +0x12 type 4 width 4 -> ext+0 bias -4 pcrel" \
		"    +0x19 type 11 width 4 -> array+0 bias 0"
	# cmpl $0x12345678, counter(%rip): four bytes of immediate after the field
	follows "  FUNC compare offset 0x0 size 0x38 global traced" \
		"    +0x1 type 4 width 4 -> __fentry__+0 bias -4 pcrel" \
		"    +0xb type 2 width 4 -> counter+0 bias -8 pcrel" \
		"    +0x1f type 2 width 4 -> helper+0 bias -4 pcrel"
	has "  FUNC end offset 0x0 size 0xd global traced alias end_alias"
	has "    +0x8 type 11 width 4 -> array+16 bias 0"
	has "    +0x7 type 1 width 8 -> array-4 bias 0"
	follows "TEXT .text.unlikely.split" "  FUNC split.cold offset 0x0 size 0x1d local parent split"
	has "    +0xa type 2 width 4 -> split.cold+0 bias -4 pcrel"
	has "  EXTERN ext2 offset 0x0 size 0x0 global"
}

@test "elf: strings are atoms, and references lead to the very string" {
	compile $TRACED < <(snippet)
	follows "STRINGS .rodata.str1.1" \
		"  STRING .rodata.str1.1+0x0 offset 0x0 size 0x4 local" \
		"  STRING .rodata.str1.1+0x4 offset 0x4 size 0x5 local" \
		"  STRING .rodata.str1.1+0x9 offset 0x9 size 0x5 local"
	follows "  OBJECT names offset 0x0 size 0x18 global" \
		"    +0x0 type 1 width 8 -> .rodata.str1.1+0x9+0 bias 0" \
		"    +0x8 type 1 width 8 -> .rodata.str1.1+0x0+0 bias 0" \
		"    +0x10 type 1 width 8 -> .rodata.str1.8+0x0+0 bias 0"
}

@test "elf: branches that the assembler resolved become references" {
	compile $TRACED < <(snippet)
	follows "TEXT .sched.text" \
		"  FUNC inner offset 0x0 size 0x16 local traced" \
		"    +0x1 type 4 width 4 -> __fentry__+0 bias -4 pcrel" \
		"    +0xa type 4 width 4 -> ext+0 bias -4 pcrel"
	follows "  FUNC outer offset 0x20 size 0x16 global traced" \
		"    +0x1 type 4 width 4 -> __fentry__+0 bias -4 pcrel" \
		"    +0xa type 4 width 4 -> inner+0 bias -4 pcrel decoded"
	# jmp helper, in eight bits
	has "    +0x1f type 15 width 1 -> helper+0 bias -1 pcrel decoded"
}

@test "elf: call padding belongs to the function, and ftrace's call may come after endbr64" {
	compile -pg -mrecord-mcount -mfentry -fcf-protection=branch -fpatchable-function-entry=16,16 < <(snippet)
	has "  FUNC helper offset 0x0 size 0x2f entry 0x10 local traced"
	follows "  FUNC compare offset 0x30 size 0x48 entry 0x10 global traced" \
		"    +0x15 type 4 width 4 -> __fentry__+0 bias -4 pcrel"
	has "    +0x33 type 15 width 1 -> helper+16 bias -1 pcrel decoded"
	follows "DISCARD __patchable_function_entries special" \
		"  ENTRY __patchable_function_entries+0x0 offset 0x0 size 0x8 local owner helper" \
		"    +0x0 type 1 width 8 -> helper+0 bias 0"
	compile -pg -mrecord-mcount -mfentry -fcf-protection=branch -fpatchable-function-entry=16,16 $SPLIT < <(snippet)
	has "  FUNC helper offset 0x0 size 0x2f entry 0x10 local traced"
	has "    +0x33 type 2 width 4 -> helper+16 bias -4 pcrel"
}

special() {
	cat <<-'END'
		extern struct key { long a, b; } the_key;
		extern int ext(int);
		int warn(int x)
		{
			asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n2: .long 1b - .\n.long %c0 - .\n"
				     ".word %c1\n.word 2305\n.org 2b+12\n.popsection" :: "i" ("file.c"), "i" (42));
			return x;
		}
		int fault(int *p)
		{
			int v = 0;
			asm volatile("1: movl (%1), %0\n2:\n.pushsection __ex_table,\"a\"\n.balign 4\n"
				     ".long 1b - .\n.long 2b - .\n.long 3\n.popsection" : "+r" (v) : "r" (p));
			return v;
		}
		int branch(void)
		{
			asm goto("1: jmp %l[yes]\n.pushsection __jump_table,\"aw\"\n.balign 8\n.long 1b - .\n"
				 ".long %l[yes] - .\n.quad %c0 + 1 - .\n.popsection" :: "i" (&the_key) :: yes);
			return ext(1);
		yes:
			return ext(2);
		}
		void locked(int *p)
		{
			asm volatile(".pushsection .smp_locks,\"a\"\n.balign 4\n.long 671f - .\n.popsection\n"
				     "671: lock; incl %0" : "+m" (*p));
		}
		void paravirt(void)
		{
			asm volatile("771: call *pv_ops+8\n772:\n.pushsection .parainstructions,\"a\"\n.balign 8\n.quad 771b\n"
				     ".byte 1\n.byte 772b-771b\n.balign 8\n.popsection");
			asm volatile("771: call *pv_ops+16\n772:\n.pushsection .parainstructions,\"a\"\n.balign 8\n.quad 771b\n"
				     ".byte 2\n.byte 772b-771b\n.balign 8\n.popsection");
		}
		void alternative(void)
		{
			asm volatile("661: call slow\n662:\n.pushsection .altinstructions,\"a\"\n.long 661b - .\n.long 663f - .\n"
				     ".word 7\n.byte 662b-661b\n.byte 664f-663f\n.popsection\n"
				     ".pushsection .altinstr_replacement,\"ax\"\n663: call fast\n664:\n.popsection");
		}
	END
}

check_special() {
	follows "  ENTRY __bug_table+0x0 offset 0x0 size 0xc local owner warn" \
		"    +0x0 type 2 width 4 -> warn+7 bias 0 pcrel" \
		"    +0x4 type 2 width 4 -> .rodata$1.str1.1+0x0+0 bias 0 pcrel"
	follows "  ENTRY __ex_table+0x0 offset 0x0 size 0xc local owner fault" \
		"    +0x0 type 2 width 4 -> fault+7 bias 0 pcrel" \
		"    +0x4 type 2 width 4 -> fault+9 bias 0 pcrel"
	follows "  ENTRY __jump_table+0x0 offset 0x0 size 0x10 local owner branch" \
		"    +0x0 type 2 width 4 -> branch+9 bias 0 pcrel" \
		"    +0x4 type 2 width 4 -> branch+32 bias 0 pcrel" \
		"    +0x8 type 24 width 8 -> the_key+1 bias 0 pcrel"
	follows "  ENTRY .smp_locks+0x0 offset 0x0 size 0x4 local owner locked" \
		"    +0x0 type 2 width 4 -> locked+5 bias 0 pcrel"
	follows "  ENTRY .parainstructions+0x0 offset 0x0 size 0x10 local owner paravirt" \
		"    +0x0 type 1 width 8 -> paravirt+5 bias 0" \
		"  ENTRY .parainstructions+0x10 offset 0x10 size 0x10 local owner paravirt" \
		"    +0x0 type 1 width 8 -> paravirt+12 bias 0"
	follows "  ENTRY .altinstructions+0x0 offset 0x0 size 0xc local owner alternative" \
		"    +0x0 type 2 width 4 -> alternative+5 bias 0 pcrel" \
		"    +0x4 type 2 width 4 -> .altinstr_replacement+0x0+0 bias 0 pcrel"
	follows "  ENTRY .altinstr_replacement+0x0 offset 0x0 size 0x5 local owner alternative" \
		"    +0x1 type 4 width 4 -> fast+0 bias -4 pcrel"
}

@test "elf: entries of special sections belong to the function they describe" {
	compile $TRACED < <(special)
	check_special
}

@test "elf: the same with a section a function" {
	compile $TRACED $SPLIT < <(special)
	check_special .warn
}

@test "elf: an empty structure has an atom of its own" {
	compile $SPLIT <<-'END'
		static struct lock_class_key { } key, other;
		extern void use(const void *, const void *);
		void f(void) { use(&key, &other); }
	END
	follows "BSS .bss.key" "  OBJECT key offset 0x0 size 0x0 local"
	follows "BSS .bss.other" "  OBJECT other offset 0x0 size 0x0 local"
	grep -q -- '-> key+0 bias 0' <<< "$output"
	grep -q -- '-> other+0 bias 0' <<< "$output"
}

@test "elf: split parts know their function" {
	compile $SPLIT <<-'END'
		extern int ext(int);
		__attribute__((cold, noinline)) void never(void) { ext(1); }
		static __attribute__((noinline)) int part(int *p) { int v = *p; if (__builtin_expect(v == 77, 0)) { never(); ext(3); return ext(5); } return ext(v); }
		int a(int x) { int y = x * 3; return part(&y) + 1; }
		int b(int x) { int y = x * 5; return part(&y) + 2; }
	END
	grep -Eq '^  FUNC part\.isra\.0 offset 0x0 size 0x[0-9a-f]+ local$' <<< "$output"
	grep -Eq '^  FUNC part\.isra\.0\.cold offset .* parent part\.isra\.0$' <<< "$output"
}

@test "elf: source lines" {
	printf '%s\n' 'extern int ext(int);' 'int f(int x)' '{' '	return ext(x) + 1;' '}' > "$BATS_TEST_TMPDIR/lines.c"
	cd "$BATS_TEST_TMPDIR"
	$CC $KCFLAGS $SPLIT -g -c -o lines.o lines.c
	run "$TESTS/elf_dump" --line f 0 lines.o
	[ "$output" = "$PWD/lines.c:3" ]
	run "$TESTS/elf_dump" --line f 5 lines.o
	[ "$output" = "$PWD/lines.c:4" ]
	$CC $KCFLAGS $SPLIT -c -o none.o lines.c
	run "$TESTS/elf_dump" --line f 0 none.o
	[ "$status" -eq 1 ]
	[ "$output" = "no line" ]
}

@test "elf: a linked program is refused by what it is" {
	run "$TESTS/elf_dump" "$TESTS/elf_dump"
	[ "$status" -eq 1 ]
	[[ "$output" == *"[object-not-supported]"* ]]
	[[ "$output" == *"not relocatable"* ]]
}

@test "elf: every section of installed modules is known" {
	shopt -s nullglob globstar
	modules=("${KPATCH_TEST_CACHE:-$HOME/.cache/kpatch-test}"/6.1*/lib/modules/*/kernel/{fs,net,crypto,lib}/**/*.ko)
	[ ${#modules[@]} -gt 0 ] || skip "no kernel is unpacked"
	run "$TESTS/elf_dump" --quiet "${modules[@]}"
	[ "$status" -eq 0 ]
	[ "$(grep -cv ' bytes, ' <<< "$output")" -eq 0 ]
	[ "$(wc -l <<< "$output")" -eq ${#modules[@]} ]
}

@test "elf: mutations of real objects, a few seconds of them" {
	$CC -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined -I"$TOP" \
		    -o "$BATS_TEST_TMPDIR/fuzz" "$TOP"/test/fuzz/object_fuzz.c "$TOP"/lib/arch/*.c "$TOP"/lib/arch/*/*.c "$TOP"/lib/elf/*.c "$TOP"/lib/elf/*/*.c \
		    "$TOP"/lib/util/*.c -ldw -lelf -lZydis -lcrypto -pthread
	compile $TRACED -g < <(special)
	cp "$BATS_TEST_TMPDIR/t.o" "$BATS_TEST_TMPDIR/special.o"
	compile $TRACED $SPLIT < <(snippet)
	seed=${KPATCH_FUZZ_SEED:-1}
	echo "seed $seed"
	timeout 120 "$BATS_TEST_TMPDIR/fuzz" --mutate 3000 "$seed" "$BATS_TEST_TMPDIR/special.o" "$BATS_TEST_TMPDIR/t.o"
}
