#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Objects of s390x, big-endian, by Debian's cross compiler: what is the same and what is not. Of this machine objects are
# compared and no patches are made, so what differs is refused, by one id. Which rules have a test here, or in
# test/unit/s390x.bats (u):
#
#	fields of each relocation type, half-words		u, "each relocation type"
#	branches, decoded and relocated				u, "each branch", "what code leads to"
#	entries of functions, ftrace				u, "a function that ftrace reaches"
#	tables and their owners					u, "tables"; "tables that describe code"
#	one instruction, one constant, one callee		"one constant"
#	strings by number, statics that gcc numbers		"texts and statics"
#	lines							"line numbers", "what is no line"
#	what is written						nothing is

load differ.bash
# shellcheck source=../lib/s390x.bash
. "$TEST_TOP/test/lib/s390x.bash"
CC=$S390_CC OBJCOPY=$S390_OBJCOPY
KFLAGS=("${S390_FLAGS[@]}" "${S390_SPLIT[@]}")

differ() { rm -f out.o; compile original && compile patched && differ_objects "$@"; }
# it differs, and nothing is made of it
differs() { refused object-not-supported && [[ $stderr == *"objects of s390x are only compared"* && ! -e out.o ]]; }

@test "an object is the same as itself, split and whole" {
	original < <(s390_everything)
	cp original.c patched.c
	differ
	no_change
	KFLAGS=("${S390_FLAGS[@]}")
	differ
	no_change
	extra_flags=(-g)
	differ
	no_change
}

@test "one constant, one instruction, one callee, the two ends of a branch, the variable that is read" {
	local edit
	original <<-'END'
		extern int a, b;
		static int c, d;
		void set(int x) { c = x; d = x + 1; }
		static noinline int s(int x) { return ext(x) * 3; }
		int f(int x) { if (x > 5) return s(x) + 7; return ext2(x & 0xff) - 1 + a + c; }
	END
	for edit in 's/\+ 7/+ 8/' 's/x & /x | /' 's/ext2/ext/' 's/x > 5/x < 5/' 's/s\(x\) \+/s(x) -/' 's/\+ a/+ b/' \
		's/\+ c; \}/+ d; }/'; do
		patched "$edit"
		differ
		differs || { echo "$edit"; false; }
	done
}

@test "texts and statics that gcc numbers, in another order, are the same; another text is not" {
	original <<-'END'
		int f(int x) { static int calls; calls += x; return printk("one %d", x) + calls; }
		int g(int x) { static int calls; calls -= x; return printk("two %d", x) + calls; }
	END
	patched <<-'END'
		int g(int x) { static int calls; calls -= x; return printk("two %d", x) + calls; }
		int f(int x) { static int calls; calls += x; return printk("one %d", x) + calls; }
	END
	differ
	no_change
	[[ $(symtab original.o | awk '$8 ~ /^calls\./ { print $8 }' | sort | xargs) == "calls.0 calls.1" ]]
	patched 's/two/six/'
	differ
	differs
	[[ $stderr == *"g"*"it differs"* ]]
}

@test "line numbers in tables and in arguments" {
	local at
	original <<-'END'
		void warn(const char *, int, int);
		int f(int x) { if (x) warn("file", __LINE__, x); return ext(x); }
		int g(int x)
		{
			asm volatile("0: mc 0,0\n.pushsection __bug_table,\"aw\"\n2: .long 0b - ., %0 - .\n.short %1, 1\n"
				     ".org 2b + 12\n.popsection" :: "i"("file.c"), "i"(__LINE__));
			return ext2(x);
		}
		int h(int x) { ext(x); warn("file", __LINE__, 7); return 0; }
	END
	extra_flags=(-g)
	# also where two instructions are needed for one and not for the other: no
	for at in 3 30000; do
		{ printf '#line %d\n' "$at"; cat original.c; } > patched.c
		differ
		no_change
		[[ $stderr == *"argument 2 of this call is its line number, 2 before and "*" now"*"[line-number-ignored]"* ]]
	done
	patched 's/__LINE__, x\)/77, x)/'
	differ
	differs
}

@test "what is no line, or is used for something else as well" {
	extra_flags=(-g)
	original <<< 'int f(int x) { return ext(x) + __LINE__; }'
	{ printf '\n\n\n'; cat original.c; } > patched.c
	differ
	differs
	original <<-'END'
		extern volatile int v;
		void warn(const char *, int, int);
		int f(int x) { register int n asm("r3") = __LINE__; asm volatile("" : "+r"(n)); v = n; warn("file", n, x); return ext(x); }
	END
	{ printf '\n\n\n'; cat original.c; } > patched.c
	differ
	differs
	original <<< 'void warn(const char *, int, int); int f(int x) { warn("file", __LINE__, 3); return ext(x); }'
	{ printf '\n\n\n'; sed 's/, 3)/, 4)/' original.c; } > patched.c
	differ
	differs
	original <<< 'void warn(const char *, int, int); int f(int x) { warn("file", -3000, x); return ext(x); }'
	patched 's/-3000/-2900/'
	differ
	differs
}

@test "tables that describe code: another one" {
	local edit
	original < <(s390_everything)
	for edit in 's/%l\[yes\] - \./0b - ./' 's/\.long 0b - \., 1b - \./.long 0b - ., 0b - ./' 's/\.short 77, 1/.short 77, 3/' \
		's/\.short 3, 0/.short 4, 0/' 's/\.quad extvar - \./.quad global - ./' 's/\.word 9/.word 8/' \
		's/brasl %%r14,ext2/brasl %%r14,ext/' 's/lghi %%r0,1/lghi %%r0,2/' 's/brcl 0,%l\[yes\]/brcl 0,1f; 1:/'; do
		patched "$edit"
		differ
		differs || { echo "$edit"; false; }
	done
	patched 's/\.short 77, 1/.short 99, 1/'
	differ
	no_change
}

@test "a new function, a function that is gone, data that changes" {
	original <<< 'int a = 1; int f(int x) { return ext(x) + a; }'
	append <<< 'int g(int x) { return ext2(x); }'
	differ
	differs
	[[ $stderr == *"it is new"* ]]
	patched 's/a = 1/a = 2/'
	differ
	differs
}

@test "objects of two byte orders are not compared" {
	original <<< 'int f(int x) { return ext(x); }'
	cp original.c patched.c
	compile patched
	gcc -O2 -include kernel.h -c -o original.o original.c
	make_symbols
	differ_objects
	refused machine-mismatch
}
