#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Split parts and clones of functions: .cold, .part, .isra, .constprop.

load differ.bash

cold_source() {
	original <<'END'
		__attribute__((cold)) void slow(int);
		int f(int x)
		{
			if (__builtin_expect(x > 100, 0)) { slow(x); printk("cold %d", x); slow(x + 1); }
			return ext(x) + 1;
		}
END
}

@test "a change in the cold part replaces the function, with both parts" {
	cold_source
	patched 's/slow\(x \+ 1\)/slow(x + 3)/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(symbol f.cold) == "LOCAL FUNC .text.unlikely.f" ]]
	[[ $output == *"replaced  f,0: its part f.cold changed: instructions differ"* ]]
}

@test "an unchanged cold part comes along, and nothing leads into original code" {
	cold_source
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(symbol f.cold) == "LOCAL FUNC .text.unlikely.f" ]]
	grep -q '.text.unlikely.f' <(relocs .text.f)
	grep -q '.text.f' <(relocs .text.unlikely.f)
	no grep -q 'klp.*[.]f' <(relocs .text.f; relocs .text.unlikely.f)
}

@test "a cold part that appears" {
	original <<< '__attribute__((cold)) void slow(int); int f(int x) { return ext(x) + 1; }'
	patched 's/return/if (__builtin_expect(x > 100, 0)) { slow(x); printk("c %d", x); } return/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(symbol f.cold) == "LOCAL FUNC .text.unlikely.f" ]]
}

@test "a cold part that vanishes" {
	original <<< '__attribute__((cold)) void slow(int);
		int f(int x) { if (__builtin_expect(x > 100, 0)) { slow(x); printk("c %d", x); } return ext(x); }'
	patched 's/if.*\} return/return/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && -z $(symbol f.cold) ]]
}

# a .part function with an ftrace entry of its own, written as the compiler would name it
part_objects() { # ADDEND-IN-PART
	cat <<END
	.section .text.f,"ax",@progbits
	.globl f
	.type f,@function
f:	call __fentry__
	test %edi,%edi
	jne f.part.0
	ret
	.size f,.-f
	.section .text.f.part.0,"ax",@progbits
	.type f.part.0,@function
f.part.0: call __fentry__
	lea $1(%rdi),%eax
	ret
	.size f.part.0,.-f.part.0
END
}

@test "a traced .part is replaced itself (the parent alone would change nothing)" {
	part_objects 1 > original.s; part_objects 7 > patched.s
	assemble original; assemble patched
	differ_objects
	written
	[[ $(funcs) == "f.part.0 f.part.0 0 vmlinux" ]]
	[[ -z $(symbol f) ]]
}

@test "an untraced .part makes its parent the replaced function" {
	part_objects 1 | sed 's/^f.part.0: call __fentry__/f.part.0: nop/' > original.s
	part_objects 7 | sed 's/^f.part.0: call __fentry__/f.part.0: nop/' > patched.s
	assemble original; assemble patched
	differ_objects
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(symbol f.part.0) == "LOCAL FUNC .text.f.part.0" ]]
	no grep -q klp.*part <(relocs .text.f)
}

# two clones and their callers
clones() { # FIRST-NUMBER SECOND-NUMBER ADDEND-OF-FIRST
	cat <<END
	.section .text.a,"ax",@progbits
	.globl a
	.type a,@function
a:	call __fentry__
	jmp g.constprop.$1
	.size a,.-a
	.section .text.b,"ax",@progbits
	.globl b
	.type b,@function
b:	call __fentry__
	jmp g.constprop.$2
	.size b,.-b
	.section .text.g.constprop.$1,"ax",@progbits
	.type g.constprop.$1,@function
g.constprop.$1: call __fentry__
	lea $3(%rdi),%eax
	ret
	.size g.constprop.$1,.-g.constprop.$1
	.section .text.g.constprop.$2,"ax",@progbits
	.type g.constprop.$2,@function
g.constprop.$2: call __fentry__
	lea 99(%rdi),%eax
	ret
	.size g.constprop.$2,.-g.constprop.$2
END
}

@test "clones that were renumbered are no change" {
	clones 0 1 5 > original.s; clones 1 0 5 > patched.s
	assemble original; assemble patched
	differ_objects
	no_change
}

@test "renumbered clones of the same contents keep their order" {
	clones 0 1 99 > original.s; clones 2 3 99 > patched.s
	assemble original; assemble patched
	differ_objects
	no_change
}

@test "of two renumbered clones, the one that changed is replaced under its old name" {
	clones 0 1 5 > original.s; clones 1 0 6 > patched.s
	assemble original; assemble patched
	differ_objects
	written
	[[ $(funcs) == "g.constprop.1 g.constprop.0 0 vmlinux" ]]
}

@test "a caller that calls the other clone has changed" {
	clones 0 1 5 > original.s
	clones 0 1 5 | sed 's/jmp g.constprop.0/jmp g.constprop.1/' > patched.s
	assemble original; assemble patched
	differ_objects
	written
	[[ $(funcs) == "a a 0 vmlinux" ]]
	[[ $output == *"refers to g.constprop.1 instead of g.constprop.0"* ]]
}
