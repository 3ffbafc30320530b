#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Objects of ppc64le, by Debian's cross compiler: what is the same and what is not, in both code models, and what is
# written. Which rules have a test here, or in test/unit/ppc64le.bats (u):
#
#	fields of each relocation type, halves			u, "each relocation type", "one constant", "the upper half"
#	branches, decoded and relocated				u, "each branch", "one constant"
#	.toc: entries, renumbered, numbers, in which place	u, "entries of .toc", "an entry of .toc", "an address from the table"
#	entries of functions, the distance in front, ftrace	u, "a function's entries", "data: an entry"
#	tables and their owners; lines; feature fixups		u, "tables", "tables that describe code", "line numbers", "what a feature"
#	jump tables in code					"a switch's table"
#	addresses that are compared or stored			"an address that is compared"
#	numbered statics					"statics that gcc numbers"
#	routes: exports, klp, of a module, pointers, new code	"calls", "data", "functions as values", "a patch of a module"
#	thunks, what they cannot do				"calls", "calls that no thunk can make"
#	code models: halves of distances, what is out of reach	"what is near"
#	what is written is read again				"damage of every byte"
#	guards, flags, folded variables				"what is initialised", "a flag of a message", "the last writer"
#	mutated pairs						fuzz.bats
#
# No test here, because no instruction of this machine is asked: names, parts, callbacks, requests, layout of types,
# registrations. Not done here, and refused: state behind guards ("what is initialised"), feature fixups. Not done here, and
# never wrong: what of a patch escapes (values are not followed, so everything does).

load differ.bash
# shellcheck source=../lib/ppc64le.bash
. "$TEST_TOP/test/lib/ppc64le.bash"
CC=$PPC_CC OBJCOPY=$PPC_OBJCOPY
KFLAGS=("${PPC_FLAGS[@]}" "${PPC_SPLIT[@]}")

# what an earlier run wrote is none of this one's
differ() { rm -f out.o; compile original && compile patched && differ_objects "$@"; }
# model NAME: the code model of what is compiled from now on
model() {
	extra_flags=("-mcmodel=$1" -g)
	exported=(_mcount printk)
	rm -f kallsyms
}
# the patched object differs, and what it needs may be out of reach: that is a question of its own
differs() { written || refused out-of-reach; }
# the same in both models
in_both() { # no_change|differs
	local m
	for m in medium large; do
		model $m
		differ
		"$@" || { echo "model $m"; return 1; }
	done
}

@test "an object is the same as itself" {
	original < <(ppc_everything)
	cp original.c patched.c
	in_both no_change
	KFLAGS=("${PPC_FLAGS[@]}")
	in_both no_change
}

@test "entries of .toc change their places: nothing else does" {
	original <<-'END'
		extern int a, b, c;
		int f(int x) { return ext(a + b + x) + c; }
		int g(int x) { return ext2(b + c + x) + a; }
	END
	# .toc is filled in the order of the code
	patched <<-'END'
		extern int a, b, c;
		int g(int x) { return ext2(b + c + x) + a; }
		int f(int x) { return ext(a + b + x) + c; }
	END
	in_both no_change
	[[ $(powerpc64le-linux-gnu-objdump -dr -j .text.f original.o | grep TOC16) != \
	   $(powerpc64le-linux-gnu-objdump -dr -j .text.f patched.o | grep TOC16) ]]
}

@test "an entry of .toc leads to something else: the code is the same, and does something else" {
	original <<-'END'
		extern int a, b;
		int f(int x) { return ext(a + x) + 1; }
	END
	patched 's/ext\(a/ext(b/'
	in_both differs
	diff <(powerpc64le-linux-gnu-objdump -d -j .text.f original.o | tail -n +3) \
		<(powerpc64le-linux-gnu-objdump -d -j .text.f patched.o | tail -n +3)
	# another member of the same
	original <<< 'extern struct { int x, y; } s; int *f(void) { ext(1); return &s.x; }'
	patched 's/s\.x/s.y/'
	in_both differs
	# another text
	original <<< 'int f(int x) { return printk("one text %d", x) + 1; }'
	patched 's/one/two/'
	in_both differs
}

@test "an address from the table is not what is there" {
	original <<-'END'
		.abiversion 2
		.section .bss.v,"aw",@nobits
		.globl v
		.type v,@object
		.size v,8
		v: .zero 8
		.section .toc,"aw"
		.Lv: .quad v
		.section .text.f,"ax",@progbits
		.globl f
		.type f,@function
		f: addis 3,2,.Lv@toc@ha
		ld 3,.Lv@toc@l(3)
		blr
		.size f,.-f
	END
	sed 's/\.Lv@/v@/' original.c > patched.s
	mv original.c original.s
	assemble original
	assemble patched
	make_symbols
	differ_objects
	refused function-not-traceable
	cp original.o patched.o
	differ_objects
	no_change
}

@test "one constant, one instruction, one callee, the two ends of a branch" {
	local edit
	original <<-'END'
		static noinline int s(int x) { return ext(x) * 3; }
		int f(int x) { if (x > 5) return s(x) + 7; return ext2(x & 0xff) - 1; }
	END
	for edit in 's/\+ 7/+ 8/' 's/x & /x | /' 's/ext2/ext/' 's/x > 5/x < 5/' 's/s\(x\) \+/s(x) -/'; do
		patched "$edit"
		in_both differs
	done
}

@test "the upper half of a distance counts, too" {
	# medium: one member beyond 32 KB of the other
	original <<< 'struct { char a[0x30000]; } s; char *f(void) { ext(1); return &s.a[0x100]; }'
	patched 's/0x100\]/0x20100]/'
	in_both differs
	cp original.c patched.c
	in_both no_change
}

@test "line numbers in tables and in arguments" {
	original <<-'END'
		void warn(const char *, int, int);
		int f(int x) { if (x) warn("file", __LINE__, x); return ext(x); }
		int g(int x)
		{
			asm volatile("1: twi 31,0,0\n.pushsection __bug_table,\"aw\"\n2: .long 1b - 2b, %0 - .\n.short %1, 1\n"
				     ".org 2b + 12\n.popsection" :: "i"("file.c"), "i"(__LINE__));
			return ext2(x);
		}
	END
	{ printf '\n\n\n'; cat original.c; } > patched.c
	in_both no_change
	[[ $stderr == *"argument 2 of this call is its line number, 2 before and 5 now"*"[line-number-ignored]"* ]]
	# a number that is no line
	patched 's/__LINE__, x\)/77, x)/'
	in_both differs
	# a line that is used for something else
	original <<< 'int f(int x) { return ext(x) + __LINE__; }'
	{ printf '\n\n\n'; cat original.c; } > patched.c
	in_both differs
	original <<-'END'
		extern volatile int v;
		void warn(const char *, int, int);
		int f(int x) { int n = __LINE__; asm volatile("" : "+r"(n)); v = n; warn("file", n, x); return ext(x); }
	END
	{ printf '\n\n\n'; cat original.c; } > patched.c
	in_both differs
	# the line as well as something else
	original <<< 'void warn(const char *, int, int); int f(int x) { warn("file", __LINE__, 3); return ext(x); }'
	{ printf '\n\n\n'; sed 's/, 3)/, 4)/' original.c; } > patched.c
	in_both differs
	# negative numbers and those that one instruction cannot load are no lines
	original <<< 'void warn(const char *, int, int); int f(int x) { warn("file", -30000, x); return ext(x); }'
	patched 's/-30000/-29000/'
	in_both differs
}

@test "tables that describe code: one more, one less, another one" {
	local edit
	original < <(ppc_everything)
	for edit in 's/%l\[yes\] - \./1b - ./' 's/\.long 1b - \., 2b - \./.long 1b - ., 1b - ./' 's/\.short 77, 1/.short 77, 3/' \
		's/\.pushsection __lwsync_fixup,/.pushsection __barrier_nospec_fixup,/' \
		's/\.quad extvar - \./.quad global - ./'; do
		patched "$edit"
		in_both differs
	done
	for edit in 's/\.8byte 1, 1/.8byte 1, 0/' 's/3: bl ext/3: bl ext2/' 's/2b - 5b, 3b/1b - 5b, 3b/'; do
		patched "$edit"
		in_both refused fixup-not-carried
	done
	patched 's/\.short 77, 1/.short 99, 1/'
	in_both no_change
}

@test "what a feature replaces in a changed function is refused" {
	original < <(ppc_everything)
	patched '/\.8byte 1b - 5b/,/return x/s/return x/return x + 1/'
	model large
	differ
	refused fixup-not-carried
	[[ $stderr == *"feature"*"it has a feature fixup (__ftr_fixup)"* ]]
	# another function of the file is not concerned
	patched 's/leaf\(x\) \+ 1/leaf(x) + 2/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "objects of two machines are not compared" {
	original <<< 'int f(int x) { return ext(x); }'
	cp original.c patched.c
	model medium
	compile patched
	gcc -O2 -include kernel.h -c -o original.o original.c
	make_symbols
	differ_objects
	refused machine-mismatch
}

# What is written

# reaches TABLE-ENTRY SECTION COUNT: so many pairs of halves of the section lead to the entry for that name
reaches() {
	local at
	at=$(relocs .toc | awk -v name="$1" '$2 == "R_PPC64_ADDR64" && $3 " " $4 == name { print $1 }')
	[[ -n $at && $at != *$'\n'* ]] || { echo "entries of $1: $at"; relocs .toc; return 1; }
	[[ $at == 0 ]] || at=0$at
	for t in HA LO_DS; do
		[[ $(relocs "$2" | awk -v t="R_PPC64_TOC16_$t" -v at="$((16#$at))" '
			$2 == t && $3 == ".toc" { print }' | while read -r _ _ _ a; do
			((16#${a#+} != 16#$at)) || echo; done | wc -l) -eq $3 ]] || { relocs "$2"; return 1; }
	done
}
# flags SECTION: of out.o
flags() { readelf -SW out.o | sed 's/^ *\[ *[0-9]*\]//' | awk -v name="$1" '$1 == name { print $7 }'; }
# thunk NAME: "offset size" of the thunk for it
thunk() { readelf -sW out.o | awk -v name="kpatch_thunk.$1" '$NF == name { print $2, $3 }'; }
# code SECTION: "offset mnemonic operands" of out.o
code() {
	"$PPC_OBJDUMP" -d --no-show-raw-insn -j "$1" out.o | sed -nE 's/^ *([0-9a-f]+):\s+(\S+)\s*([^<]*).*$/\1 \2 \3/p' |
		sed 's/ *$//'
}

@test "calls: by name where the loader finds it, else through thunks" {
	original <<-'END'
		int hidden(int), hidden2(int);
		static noinline int stat(int x) { return ext(x) * 3; }
		int f(int x) { return ext(x) + hidden(x) + stat(x) + 1; }
		int g(int x) { return stat(x + 1) + hidden(x) + hidden2(x); }
		int tail(int x) { return stat(x + 1); }
	END
	patched 's/\+ 1\)/+ 2)/' 's/\+ 1;/+ 2;/'
	model large
	exported=(ext)
	differ
	written
	[[ $(funcs | sort | xargs) == "f f 0 vmlinux g g 0 vmlinux tail tail 0 vmlinux" ]]
	# what vmlinux exports, and ftrace's call, whether it is exported or not
	[[ $(relocs .text.f | awk '$2 == "R_PPC64_REL24" { print $3, $4 }' | xargs) == \
	   "_mcount +0 ext +0 .text.kpatch_thunks +0 .text.kpatch_thunks +14" ]]
	[[ $(code .text.f | grep -A1 -E ' bl ' | awk '{ $1 = ""; print }' | head -n 5 | tail -n 2 | xargs) == "bl "*" nop" ]]
	# the compiler's no-operation behind a call of another file gives back r2, and nothing does behind one within
	code .text.f | grep -A1 -E ' bl ' | grep -q 'ld r2,24(r1)'
	[[ $(code .text.f | grep -c 'ld r2,24(r1)') == 1 && $(code .text.g | grep -c 'ld r2,24(r1)') == 2 ]]
	no grep -q 'ld r2,24' <(code .text.tail)
	[[ $(relocs .text.tail | awk '$2 == "R_PPC64_REL24" { print $3, $4 }' | xargs) == "_mcount +0 .text.kpatch_thunks +14" ]]
	[[ $(code .text.tail | tail -n 1) == *" b "* ]]
	# one for each
	[[ $(thunk hidden) == "0000000000000000 20" && $(thunk stat) == "0000000000000014 116" ]]
	[[ $(thunk hidden2) == "0000000000000088 20" ]]
	[[ $(code .text.kpatch_thunks | head -n 5 | cut -d ' ' -f 2- | xargs) == \
	   "std r2,24(r1) addis r12,r2,0 ld r12,0(r12) mtctr r12 bctr" ]]
	code .text.kpatch_thunks | sed -n '6,34p' | cut -d ' ' -f 2- | xargs > framed
	{
		echo "mflr r0 std r0,16(r1) stdu r1,-160(r1) std r2,24(r1)"
		for i in 0 1 2 3 4 5 6 7; do echo "ld r0,$((160 + 96 + 8 * i))(r1) std r0,$((96 + 8 * i))(r1)"; done
		echo "addis r12,r2,0 ld r12,0(r12) mtctr r12 bctrl ld r2,24(r1) addi r1,r1,160 ld r0,16(r1) mtlr r0 blr"
	} | xargs | diff - framed
	for name in hidden hidden2 stat; do
		reaches ".klp.ref.vmlinux.vmlinux.$name,0 +0" .text.kpatch_thunks 1
	done
	[[ $(relocs .toc | wc -l) == 3 && $(symbol .klp.ref.vmlinux.vmlinux.stat,0) == "WEAK NOTYPE UND" ]]
	# nothing else of a klp reference, and no field of code with one
	no grep -q '\.klp' <(relocs .text.f; relocs .text.g; relocs .text.tail; relocs .text.kpatch_thunks)
}

@test "data: an entry for each address, the kernel's and the patch's" {
	original <<-'END'
		extern int extvar, exvar2; int global = 5; static int count; static struct { int a, b; } s;
		static const int table[] = { 1, 2, 3 };
		int f(int x) { printk("text %d", x); printk("another text %d", x); return ext(extvar + global + count++ + x) + table[x] + s.b + exvar2; }
		int g(int x) { return ext2(extvar - x) + s.b + 1; }
		int *h(void) { ext(1); return &s.a; }
	END
	patched 's/\+ x\)/+ x + 1)/' 's/\+ 1;/+ 2;/'
	model large
	exported=(exvar2 printk ext ext2)
	differ
	written
	for name in extvar global count table; do
		reaches ".klp.ref.vmlinux.vmlinux.$name,0 +0" .text.f 1
	done
	reaches ".klp.ref.vmlinux.vmlinux.extvar,0 +0" .text.g 1
	reaches ".klp.ref.vmlinux.vmlinux.s,0 +4" .text.f 1 || reaches ".klp.ref.vmlinux.vmlinux.s,0 +0" .text.f 1
	reaches "exvar2 +0" .text.f 1
	# two texts are two places of one section
	reaches ".rodata.f.str1.8 +0" .text.f 1
	reaches ".rodata.f.str1.8 +8" .text.f 1
	[[ $(readelf -SW out.o | sed 's/^ *\[ *[0-9]*\]//' | awk '$1 == ".toc" { print $7, $NF }') == "WA 8" ]]
	# what the function computes r2 from is each module's own
	relocs .text.f | grep -qxF '0 R_PPC64_REL64 .TOC. -8'
	[[ $(symbol .TOC.) == "GLOBAL NOTYPE UND" ]]
	# the two entries, and the ABI
	[[ $(readelf -sW out.o | grep -c 'localentry>: 8') == 2 ]]
	readelf -hW out.o | grep -q 'Flags: *0x2, abiv2'
	# the code is the patched object's but for fields and calls
	[[ $(code .text.g | cut -d ' ' -f 2) == "$("$PPC_OBJDUMP" -d --no-show-raw-insn -j .text.g patched.o |
		sed -nE 's/^ *[0-9a-f]+:\s+(\S+).*$/\1/p')" ]]
}

@test "functions as values: the kernel's, unless they are new" {
	original <<-'END'
		void take(void *);
		static noinline int s(int x) { return ext(x) + 1; }
		static int t(int x) { return ext2(x) + 1; }
		void f(void) { take(s); take(t); }
	END
	patched <<-'END'
		void take(void *);
		static noinline int s(int x) { return ext(x) + 2; }
		static int t(int x) { return ext2(x) + 1; }
		static int new(int x) { return ext2(x) + 3; }
		void f(void) { take(s); take(t); take(new); }
	END
	model large
	differ
	written
	reaches ".klp.ref.vmlinux.vmlinux.s,0 +0" .text.f 1
	reaches ".klp.ref.vmlinux.vmlinux.t,0 +0" .text.f 1
	# in the patch: its global entry, by section and offset as the assembler does
	reaches ".text.new +8" .text.f 1
}

@test "a patch of a module: entries for what it has and what vmlinux has" {
	original <<-'END'
		extern int extvar; static int count;
		static noinline int s(int x) { return ext(x) + 1; }
		int f(int x) { return s(x) + extvar + count++ + 1; }
		struct ops { int (*a)(int), *b; };
		static const struct ops ops = { s, &count };
		const struct ops *g(int x) { ext2(x); return &ops; }
	END
	patched 's/count\+\+ \+ 1/count++ + 2/'
	owner=nfsd
	model large
	differ
	written
	reaches ".klp.ref.nfsd.nfsd.count,0 +0" .text.f 1
	reaches ".klp.ref.vmlinux.vmlinux.extvar,0 +0" .text.f 1
	reaches ".klp.ref.nfsd.nfsd.s,0 +0" .text.kpatch_thunks 1
	# a constant is written when the module comes: it can be, and others stay what they are
	patched 's/static const struct ops ops = .*/&\nstatic const struct ops more = { s, \&count };/' 's/return &ops/return \&more/'
	echo 'static const int (*const plain)[2] = &(const int[]){ 3, 4 }; int h(int x) { ext2(x); return (*plain)[x]; }' >> patched.c
	differ
	written
	relocs .data.rel.ro.more | grep -qxF '0 R_PPC64_ADDR64 .klp.ref.nfsd.nfsd.s,0 +0'
	relocs .data.rel.ro.more | grep -qxF '8 R_PPC64_ADDR64 .klp.ref.nfsd.nfsd.count,0 +0'
	[[ $(flags .data.rel.ro.more) == WA ]]
	no grep -q '^\.rodata\.more' <(sections)
	[[ $(sections | grep -c '^\.rodata') -ge 1 && $(flags "$(sections | grep -m 1 '^\.rodata')") == A* ]]
	# of vmlinux all is there from the beginning
	owner=vmlinux
	rm kallsyms
	differ
	written
	[[ $(flags .rodata.more) == A ]]
	relocs .rodata.more | grep -qF 'R_PPC64_ADDR64 .klp.ref.vmlinux.vmlinux.count,0 +0'
}

@test "what is near the kernel's code alone is got at by an entry, and the rest of the distance" {
	original <<-'END'
		static int count, far[20000]; static struct { int a, b; } s;
		int f(int x) { s.b = x; return ext(count++) + s.a + x; }
		int g(int x) { return ext(x) + x; }
		int h(int x) { far[16000] += x; return ext(x) + x; }
	END
	patched '/int f/s/\+ x/- x/'
	model medium
	differ
	written
	# the upper halves read an address each, of the variable itself; the lower ones have what remains
	relocs .text.f | awk '$2 ~ /TOC16/ { print $2, $3 }' | sort | uniq -c | xargs > how
	[[ $(< how) =~ ^"1 "?[0-9]*" R_PPC64_TOC16_DS .toc"$|^[0-9]+" R_PPC64_TOC16_DS .toc"$ ]] || { cat how; false; }
	[[ $(relocs .toc | awk '{ print $2, $3, $4 }' | grep -E ' .klp.ref.vmlinux.vmlinux.(count|s),0 ' | sort | xargs) == \
	   "R_PPC64_ADDR64 .klp.ref.vmlinux.vmlinux.count,0 +0 R_PPC64_ADDR64 .klp.ref.vmlinux.vmlinux.s,0 +0" ]]
	code .text.f > now
	"$PPC_OBJDUMP" -d --no-show-raw-insn -j .text.f patched.o | grep -c addis > was
	# r2's own is left
	[[ $(grep -c 'addis' now) == 1 && $(grep -cE 'ld r[0-9]+,0\(r2\)' now) == $(($(< was) - 1)) ]]
	grep -qE 'stw r[0-9]+,4\(r[0-9]+\)' now
	# what is out of the patch's reach in any other way
	patched '/int h/s/\+ x/- x/'
	differ
	refused out-of-reach
	[[ $stderr == *"h+0x"*"far"*"-mcmodel=large"* ]]
	patched '/int g/s/\+ x/- x/'
	differ
	written
	[[ $(relocs .text.g | awk '{ print $2, $3, $4 }' | head -n 2 | xargs) == "R_PPC64_REL16_HA .TOC. +0 R_PPC64_REL16_LO .TOC. +4" ]]
}

@test "calls that no thunk can make" {
	original <<-'END'
		struct big { long a[9]; };
		#define L long
		#define EIGHT(x) x a, x b, x c, x d, x e, x f, x g, x h
		#define VALUES x, x, x, x, x, x, x, x
		static noinline int many(EIGHT(L), L i, L j, L k, L l, L m, L n, L o, L p) { return ext(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p); }
		static noinline int more(EIGHT(L), L i, L j, L k, L l, L m, L n, L o, L p, L q) { return ext(a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p + q); }
		static noinline int value(struct big a, struct big b) { return ext(a.a[x()] + b.a[x()]); }
		static noinline int any(int a, ...) { __builtin_va_list l; __builtin_va_start(l, a); return ext(__builtin_va_arg(l, int)); }
		static noinline int eight(EIGHT(L)) asm("eight.isra.0");
		static noinline int nine(EIGHT(L), L i) asm("nine.isra.0");
		static noinline int eight(EIGHT(L)) { return ext(a + b + c + d + e + f + g + h); }
		static noinline int nine(EIGHT(L), L i) { return ext(a + b + c + d + e + f + g + h + i); }
		extern struct big one, two;
		int f_many(int x) { return many(VALUES, VALUES) + 1; }
		int f_more(int x) { return more(VALUES, VALUES, x) + 1; }
		int f_value(int x) { return value(one, two) + 1; }
		int f_any(int x) { return any(x, x) + 1; }
		int f_eight(int x) { return eight(VALUES) + 1; }
		int f_nine(int x) { return nine(VALUES, x) + 1; }
		int f_leaf(int x) { asm volatile("bl far\n nop" ::: "lr"); return x + 1; }
		int f_far(int x) { asm volatile("bl far" ::: "lr"); return ext(x) + 1; }
	END
	sed -i '1i int x(void);' original.c
	model large
	for name in many eight; do
		patched "/int f_$name\\(int x/s/\\+ 1;/+ 2;/"
		differ
		written
		[[ -n $(thunk $name) || -n $(thunk $name.isra.0) ]]
	done
	for name in more value any nine; do
		patched "/int f_$name\\(int x/s/\\+ 1;/+ 2;/"
		differ
		refused arguments-on-stack
		[[ $stderr == *"f_$name+0x"*"it calls $name"* ]]
	done
	# of the patch itself it needs no thunk
	patched "/int f_more\\(int x/s/\\+ 1;/+ 2;/" 's/p \+ q\)/p - q)/'
	differ
	written
	[[ -z $(thunk more) && -n $(thunk ext) ]]
	patched "/int f_far\\(int x/s/\\+ 1;/+ 2;/"
	differ
	refused call-by-assembly
	patched "/int f_leaf\\(int x/s/\\+ 1;/+ 2;/"
	differ
	refused call-by-assembly
	[[ $stderr == *"f_leaf+0x"*"it calls far as the compiler does not"* ]]
	# without debug information nobody knows how many there are
	extra_flags=(-mcmodel=large)
	patched "/int f_many\\(int x/s/\\+ 1;/+ 2;/"
	differ
	refused arguments-on-stack
}

@test "what is initialised where is not known: what a function did not use before is vouched for" {
	macros
	original <<-'END'
		static int done, other = 3; int peek(int x) { other += x; return ext(other); }
		int f(int x) { if (!done) done = ext(1); return ext(x); }
	END
	patched 's/return ext\(x\);/static int added; return ext(x) + added++;/'
	model large
	extra_flags+=(-I"$PWD")
	differ
	refused initialised-once
	[[ $stderr == *"f+0x"*"it did not use added"* ]]
	patched <<-'END'
		static int done, other = 3; int peek(int x) { other += x; return ext(other); }
		static int added; KPATCH_ALLOW_DATA_CHANGE(added);
		int f(int x) { if (!done) done = ext(1); return ext(x) + added++; }
	END
	differ
	written
	# data of the patch is led to through the table as well
	reaches ".bss.added +0" .text.f 2
	# one that is there, and may be initialised behind what has been done
	patched 's/done = ext\(1\)/done = other = ext(1)/'
	differ
	refused initialised-once
	[[ $stderr == *"f+0x"*"it did not use other before"* ]]
	# what it used before is what it was
	patched 's/done = ext\(1\)/done = ext(2)/'
	differ
	written
	reaches ".klp.ref.vmlinux.vmlinux.done,0 +0" .text.f 1
}

@test "a flag of a message is the patch's own, but in a function that uses state" {
	original <<-'END'
		static int state;
		#define once(x) ({ static _Bool __already_done __section(".data.once"); if (!__already_done) { __already_done = 1; x; } })
		int f(int x) { once(printk("first")); return ext(x) + 1; }
		int g(int x) { once(printk("first"); state = x); return ext2(x) + state + 1; }
	END
	patched '/int f/s/\+ 1;/+ 2;/'
	model large
	differ
	written
	[[ $(flags .data.once) == WA && -z $(relocs .toc | grep -F __already_done) ]]
	patched '/int g/s/\+ 1;/+ 2;/'
	differ
	written
	relocs .toc | grep -qE 'ADDR64 \.klp\.ref\.vmlinux\.vmlinux\.__already_done\.[0-9]+,0 \+0'
	no grep -qxF .data.once <(sections)
}

@test "the last writer of a variable goes: refused where a function that reads it changed" {
	original <<-'END'
		static int a[4] = { 1, 2, 3, 4 };
		int set(int x) { a[2] = x; return ext(x); }
		int f(int x) { return ext(a[2] + x); }
		int g(int x) { return ext2(a[x & 3]); }
	END
	patched 's/a\[2\] = x;/ext2(x);/'
	model large
	differ
	refused variable-folded
	[[ $stderr == *"a: nothing writes it any more"* ]]
}

@test "a switch's table in the code, and a number in .toc, come along" {
	local at entry
	original < <(ppc_everything)
	patched 's/return ext\(11\) \^ 77/return ext(12) ^ 77/'
	model large
	exported=(ext ext2)
	KFLAGS+=(-fjump-tables)
	differ
	written
	# distances from the table to its labels, as they are in the patched object, behind a jump that reads them
	entry=$(relocs .toc | awk '$3 == ".text.sw" { print $4 }')
	[[ -n $entry ]]
	reaches ".text.sw $entry" .text.sw 1
	"$PPC_OBJCOPY" -O binary -j .text.sw out.o out.bin
	"$PPC_OBJCOPY" -O binary -j .text.sw patched.o patched.bin
	cmp <(tail -c "+$((16#${entry#+} + 1))" out.bin | head -c 28) <(tail -c "+$((16#${entry#+} + 1))" patched.bin | head -c 28)
	[[ $(tail -c "+$((16#${entry#+} + 1))" out.bin | head -c 28 | od -An -v -tx4 | wc -w) == 7 ]]
	cat > original.s <<-'END'
		.abiversion 2
		.section .toc,"aw"
		.Lnumber: .quad 0x1122334455667788
		.section .text.f,"ax",@progbits
		.globl f
		.type f,@function
		f:	addis 2,12,.TOC.-f@ha
		addi 2,2,.TOC.-f@l
		.localentry f,.-f
		mflr 0
		bl _mcount
		addis 3,2,.Lnumber@toc@ha
		ld 3,.Lnumber@toc@l(3)
		addi 3,3,1
		blr
		.size f,.-f
	END
	sed 's/addi 3,3,1/addi 3,3,2/' original.s > patched.s
	assemble original
	assemble patched
	rm out.o kallsyms
	make_symbols
	differ_objects
	written
	[[ $(bytes .toc) == 8877665544332211 && -z $(relocs .toc) ]]
	[[ $(relocs .text.f | awk '$2 ~ /TOC16/ { print $2, $3, $4 }' | xargs) == "R_PPC64_TOC16_HA .toc +0 R_PPC64_TOC16_LO_DS .toc +0" ]]
	# another number is another one
	sed 's/1122334455667788/1122334455667789/' original.s > patched.s
	assemble patched
	rm out.o
	differ_objects
	written
	[[ $(bytes .toc) == 8977665544332211 ]]
}

@test "statics that gcc numbers are told apart by who uses them, through the table" {
	local k was is
	original <<-'END'
		int f(int x) { static int n = 1; return ext(n += x) + 1; }
		int g(int x) { static int n = 2; return ext2(n += x) + 1; }
	END
	patched <<-'END'
		int g(int x) { static int n = 2; return ext2(n += x) + 1; }
		int f(int x) { static int n = 1; return ext(n += x) + 2; }
	END
	model large
	differ
	written
	for k in $(readelf -sW original.o | awk '$NF ~ /^n\./ { print $NF }'); do
		[[ $(bytes .data.$k original.o) != 01000000 ]] || was=$k
		[[ $(bytes .data.$k patched.o) != 01000000 ]] || is=$k
	done
	[[ -n $was && -n $is && $was != "$is" ]]
	reaches ".klp.ref.vmlinux.vmlinux.$was,0 +0" .text.f 1
	no grep -qF "vmlinux.$is,0" <(relocs .toc)
}

@test "an address that is compared, and one that is stored" {
	original <<-'END'
		static inline const char *text(void) { return "some text"; }
		int f(const char *p, int x) { return ext(x) + (p == text()) + 1; }
		int g(const char *p, int x) { return ext(x) + (*p == *text()) + 1; }
		static const int table[4] = { 1, 2, 3, 4 };
		int h(const int **p, int x) { *p = table; return ext(x); }
		int i(int x) { return ext(table[x]); }
	END
	patched '/int f/s/\+ 1;/+ 2;/'
	in_both refused literal-compared
	patched '/int g/s/\+ 1;/+ 2;/'
	model large
	differ
	written
	# in what is there the table may be another one, but who has its address has the old one
	patched 's/\{ 1, 2, 3, 4 \}/{ 1, 2, 3, 5 }/'
	in_both refused data-changed
	[[ $stderr == *"h stores its address"* ]]
	original <<< 'static const int table[4] = { 1, 2, 3, 4 }; int i(int x) { return ext(table[x]) + 1; }'
	patched 's/\{ 1, 2, 3, 4 \}/{ 1, 2, 3, 5 }/'
	model large
	differ
	written
	[[ $(bytes .rodata.table) == 01000000020000000300000005000000 ]]
}

@test "damage of every byte, relocation and symbol of such an output is seen by the self-check" {
	make -s -C "$TOP" build/test/selfcheck
	original <<-'END'
		void exported_call(const char *, void *);
		static int counter;
		int table[4] = { 1, 2, 3, 4 };
		static noinline int other(int x) { return ext2(x) + counter; }
		noinline int f(int x)
		{
			counter += x;
			exported_call("some text", table);
			return other(x) + 1;
		}
		int g(int x) { return f(x) + table[x & 3] + ext(x); }
	END
	patched 's/other\(x\) \+ 1/other(x) + 2/' 's/\+ ext\(x\)/- ext(x)/'
	model large
	compile original
	compile patched
	run "$TOP/build/test/selfcheck" original.o patched.o
	echo "$output"
	[[ $status -eq 0 && $(grep -c '^ok' <<< "$output") -eq 8 ]]
}
