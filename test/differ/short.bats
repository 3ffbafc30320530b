#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Branches of one byte between functions of a section that is not split by function.

load differ.bash

# The byte of the jump that ends a function of 32 bytes or less, as objdump reads it: where it leads.
short_jump() { objdump -d --no-show-raw-insn out.o | awk -v f="<$1>:" '$2 == f { on = 1 } on && /jmp/ { print $4; exit }'; }

@test "an unchanged function behind a one-byte branch: a copy of it comes along" {
	original <<-'END'
		#define __sched __section(".sched.text")
		int state;
		static noinline __sched int slow(int x) { return ext(x) * 3 + state; }
		int __sched f(int x) { return slow(x + 1); }
		int __sched g(int x) { return slow(x + 7); }
		int h(int x) { return ext(x) - 1; }
	END
	patched 's/x \+ 1\b/x + 2/' 's/- 1/- 2/'
	differ
	written
	[[ $(funcs | sort) == "f f 0 vmlinux"$'\n'"h h 0 vmlinux" ]]
	[[ $output == *"function  slow: a copy, called by what is replaced"* ]]
	[[ $(symbol slow) == "LOCAL FUNC .sched.text" && $(short_jump f) == "<slow>" ]]
	# nothing is left for the kernel to relocate, and the copy's data is the kernel's
	no grep -q 'PC8' <(relocs .sched.text)
	has_reloc .sched.text 32S .klp.ref.vmlinux.vmlinux.state,0 +0 ||
		has_reloc .sched.text PC32 .klp.ref.vmlinux.vmlinux.state,0 -4
	no grep -q ' g$' <(readelf -sW out.o)
}

@test "the copy's own branches, its parts and the pointers to it" {
	original <<-'END'
		#define __sched __section(".sched.text")
		void use(void *);
		static noinline __sched int slowest(int x) { use(slowest); return ext(x) * 3; }
		static noinline __sched int slow(int x) { return slowest(x + 1); }
		int __sched f(int x) { use(slow); return slow(x + 1); }
		int h(int x) { use(slow); return ext(x) - 1; }
	END
	patched 's/return slow\(x \+ 1\b/return slow(x + 2/' 's/- 1/- 2/'
	differ
	written
	[[ $(symbol slow) == "LOCAL FUNC .sched.text" && $(symbol slowest) == "LOCAL FUNC .sched.text" ]]
	[[ $(short_jump f) == "<slow>" && $(short_jump slow) == "<slowest>" ]]
	# a pointer may outlive the patch
	has_reloc .sched.text 32S .klp.ref.vmlinux.vmlinux.slow,0 +0
	has_reloc .sched.text 32S .klp.ref.vmlinux.vmlinux.slowest,0 +0
	has_reloc .text.h 32S .klp.ref.vmlinux.vmlinux.slow,0 +0
}

@test "a function that changed as well is where the branch leads" {
	original <<-'END'
		#define __sched __section(".sched.text")
		static noinline __sched int slow(int x) { return ext(x) * 3; }
		int __sched f(int x) { return slow(x + 1); }
	END
	patched 's/x \+ 1/x + 2/' 's/\* 3/* 7/'
	differ
	written
	[[ $(funcs | sort) == "f f 0 vmlinux"$'\n'"slow slow 0 vmlinux" && $(short_jump f) == "<slow>" ]]
	no grep -q 'PC8' <(relocs .sched.text)
}

@test "a branch of one byte into the middle of a function" {
	code() { # CONSTANT
		cat <<-END
			.section .sched.text,"ax"
			.type f,@function; .globl f
			f: call __fentry__
			movl \$$1, %eax
			jmp inside
			.size f, .-f
			.type slow,@function
			slow: call __fentry__
			inside: movl \$3, %eax
			ret
			.size slow, .-slow
		END
	}
	code 1 > original.s
	code 2 > patched.s
	assemble original
	assemble patched
	differ_objects
	refused reference-into-function
}

@test "a branch of one byte that does not reach as far as alignment takes its target" {
	code() { # CONSTANT OFFSET
		cat <<-END
			.section .sched.text,"ax"
			.type before,@function
			before: call __fentry__
			movl \$$1, %eax
			.size before, .-before
			.p2align 8
			.skip $2, 0x90
			.type f,@function; .globl f
			f: call __fentry__
			movl \$$1, %eax
			jmp slow
			.size f, .-f
			.p2align 8
			.type slow,@function
			slow: call __fentry__
			ret
			.size slow, .-slow
		END
	}
	code 1 0xa2 > original.s
	code 2 0xa2 > patched.s
	assemble original
	assemble patched
	differ_objects
	refused short-branch
	[[ $stderr == *"f+0xb: its branch to slow reaches no further than 127 bytes"* ]]
	code 1 0x90 | sed 's/p2align 8/p2align 7/' > original.s
	code 2 0x90 | sed 's/p2align 8/p2align 7/' > patched.s
	assemble original
	assemble patched
	differ_objects
	written
	[[ $(short_jump f) == "<slow>" ]]
}
