#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Objects of ppc64le, by Debian's cross compiler: what is the same and what is not, in both code models.

load differ.bash
# shellcheck source=../lib/ppc64le.bash
. "$TEST_TOP/test/lib/ppc64le.bash"
CC=$PPC_CC
KFLAGS=("${PPC_FLAGS[@]}" "${PPC_SPLIT[@]}")

# model NAME: the code model of what is compiled from now on
model() {
	extra_flags=("-mcmodel=$1" -g)
	exported=(_mcount printk)
	rm -f kallsyms
}
# the patched object differs, which is all that is said of it
differs() { [[ $status -eq 2 && " $(ids) " == *" object-not-supported "* ]]; }
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
	differs
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
	# a difference in a reference's field is none
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
		's/\.pushsection __lwsync_fixup,/.pushsection __barrier_nospec_fixup,/' 's/\.8byte 1, 1/.8byte 1, 0/' 's/bl ext/bl ext2/' \
		's/2b - 5b, 3b/1b - 5b, 3b/' 's/\.quad extvar - \./.quad global - ./'; do
		patched "$edit"
		in_both differs
	done
	patched 's/\.short 77, 1/.short 99, 1/'
	in_both no_change
}

@test "what a feature replaces in a changed function is refused" {
	original < <(ppc_everything)
	patched '/\.8byte 1b - 5b/,/return x/s/return x/return x + 1/'
	model large
	differ
	[[ $status -eq 2 && " $(ids) " == *" fixup-not-carried "* ]]
	[[ $stderr == *"feature"*"it has a feature fixup (__ftr_fixup)"* ]]
	# another function of the file is not concerned
	patched 's/leaf\(x\) \+ 1/leaf(x) + 2/'
	differ
	[[ " $(ids) " != *" fixup-not-carried "* ]]
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
