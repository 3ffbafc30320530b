#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What the patch author vouches for: differences that the macros of kmod/kpatch-macros.h name are left alone.

load differ.bash

# Nothing of the requests is in the output.
no_trace() { no grep -q 'kpatch[._]request' <(sections; readelf -sW out.o); }

@test "KPATCH_IGNORE_FUNCTION: the kernel's stays, and what is carried calls it" {
	macros
	original <<-'END'
		static noinline int g(int x) { if (__builtin_expect(x > 9, 0)) { ext2(x); printk("cold"); } return ext(x) * 3; }
		int f(int x) { return g(x) + 1; }
		int __section(".init.text") start(int x) { return ext(x) + 5; }
	END
	patched 's/\* 3/* 7/' 's/\+ 1/+ 2/' 's/\+ 5/+ 6/' '$a KPATCH_IGNORE_FUNCTION(g); KPATCH_IGNORE_FUNCTION(start);'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	relocs .text.f | grep -qE 'PL?[TC]32 \.klp\.ref\.vmlinux\.vmlinux\.g,0 -4$'
	[[ $(ids) == "difference-ignored" && $(grep -c 'KPATCH_IGNORE_FUNCTION(g) asks' <<< "$stderr") -eq 1 ]]
	[[ $stderr == *"start: "*"KPATCH_IGNORE_FUNCTION(start) asks: instructions differ at"* ]]
	no_trace
	# only what is named
	rm out.o
	sed -i 's/KPATCH_IGNORE_FUNCTION(start)/KPATCH_IGNORE_FUNCTION(f)/' patched.c
	differ
	[[ $status -eq 2 && "$(ids)" == "difference-ignored init-changed" ]]
}

@test "KPATCH_IGNORE_FUNCTION: nothing left to patch is no change" {
	macros
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/' '$a KPATCH_IGNORE_FUNCTION(f);'
	differ
	no_change
}

@test "KPATCH_IGNORE_SECTION: changed and new things in it stay out, and cannot be used" {
	macros
	original <<-'END'
		int f(int x) { return ext(x) + 1; }
		int __section(".init.text") start(int x) { return ext(x) + 5; }
		int __section("my_table") entry = 4;
		asm(".section \"___ksymtab+f\",\"a\"; __ksymtab_f: .long f - .; .long 0; .previous");
	END
	patched 's/\+ 1/+ 2/' 's/\+ 5/+ 6/' 's/entry = 4/entry = 5/' '$a int __section(".init.text") noinline more(int x) { return ext2(x) - 5; } KPATCH_IGNORE_SECTION(".init.text"); KPATCH_IGNORE_SECTION("my_table"); KPATCH_IGNORE_SECTION("___ksymtab+f");' '/ksymtab_f:/s/long 0/long 1/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $(sections) != *init.text* && $(sections) != *my_table* ]]
	for what in start entry more __ksymtab_f; do [[ $stderr == *"patched.o: $what: "*"the kernel's is kept"* ]]; done
	no_trace
	rm out.o
	sed -i 's/+ 2/+ more(2)/' patched.c
	differ
	[[ $status -eq 2 && "$(ids)" == "difference-ignored reference-to-init" ]]
}

@test "KPATCH_ALLOW_DATA_CHANGE: the kernel's value stays, the code refers to it" {
	macros
	original <<-'END'
		int limit = 4;
		struct ops { int (*op)(int); };
		static int a(int x) { return ext(x); }
		static int __used b(int x) { return ext2(x); }
		const struct ops ops = { a };
		int f(int x) { static int count = 3; count++; return ext(x + limit + count) + 1; }
	END
	patched 's/limit = 4/limit = 5/' 's/ops = \{ a/ops = { b/' 's/count = 3;/count = 8; KPATCH_ALLOW_DATA_CHANGE(count);/' 's/\+ 1;/+ 2;/' \
		'$a KPATCH_ALLOW_DATA_CHANGE(limit); KPATCH_ALLOW_DATA_CHANGE(ops);'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	relocs .text.f | grep -q '.klp.ref.vmlinux.vmlinux.limit,0'
	relocs .text.f | grep -qE '.klp.ref.vmlinux.vmlinux.count.[0-9]*,0'
	[[ $(grep -c 'KPATCH_ALLOW_DATA_CHANGE' <<< "$stderr") -eq 3 ]]
	[[ $stderr == *"KPATCH_ALLOW_DATA_CHANGE(ops) asks: refers to b instead of a"* ]]
	no_trace
}

@test "KPATCH_ALLOW_DATA_CHANGE does not allow another size or kind of memory" {
	macros
	original <<< 'int limit[2] = { 4 }; int plain = 3; int f(int x) { return ext(x + limit[x] + plain); }'
	patched 's/limit\[2\]/limit[3]/' 's/int plain = 3/int __section(".data..ro_after_init") plain = 4/' '$a KPATCH_ALLOW_DATA_CHANGE(limit);'
	differ
	[[ $status -eq 2 && "$(ids)" == "data-changed request-without-effect" && $stderr == *"size changes from 8 to 12"* ]]
	patched 's/\[2\] = \{ 4/[2] = { 5/' '1s/^/const /' '$a KPATCH_ALLOW_DATA_CHANGE(limit);'
	mv patched.c other.c; mv original.c patched.c; mv other.c original.c
	sed -i '/KPATCH/d' original.c; echo 'KPATCH_ALLOW_DATA_CHANGE(limit);' >> patched.c
	differ
	[[ $status -eq 2 && $stderr == *"it is writable now"* ]]
}

@test "a request that meets no difference is a warning, one of another version an error" {
	macros
	original <<< 'int limit = 4; int f(int x) { return ext(x + limit) + 1; }'
	patched 's/\+ 1/+ 2/' '$a KPATCH_ALLOW_DATA_CHANGE(limit); KPATCH_IGNORE_SECTION(".init.txt"); KPATCH_IGNORE_FUNCTION(ext2);'
	differ
	written
	[[ "$(ids)" == request-without-effect && $(grep -c 'met no difference' <<< "$stderr") -eq 3 ]]
	rm out.o
	patched 's/\+ 1/+ 2/' '$a KPATCH_REQUEST(no_such_kind, "x");'
	differ
	refused bad-request
	patched 's/\+ 1/+ 2/' '$a static const char __used __section(".discard.kpatch.request.ignore_section") r[4] = { 1, 2, 3, 4 };'
	differ
	refused bad-request
}

@test "KPATCH_SYSCALL_DEFINE: the tables that describe the call may go, and no others" {
	macros
	cat >> kernel.h <<-'END'
		struct meta { const char *name; const char **types; };
		#define META(n, t) static const char *types__##n[] = { t }; static struct meta __used __syscall_meta__##n = { #n, types__##n }; \
			static struct meta __used __section("__syscalls_metadata") *__p_syscall_meta__##n = &__syscall_meta__##n; \
			static struct meta __used __section("_ftrace_events") *__event_enter__##n = &__syscall_meta__##n, \
			__used __section("_ftrace_events") *__event_exit__##n = &__syscall_meta__##n;
		#define __SYSCALL_DEFINEx(x, n, t, a) long __x64_sys##n(t a)
		#define SYSCALL_DEFINE1(n, t, a) META(n, #t) __SYSCALL_DEFINEx(1, _##n, t, a)
	END
	original <<-'END'
		SYSCALL_DEFINE1(one, int, a) { return ext(a) + 1; }
		SYSCALL_DEFINE1(two, int, a) { return ext(a) + 2; }
	END
	patched 's/SYSCALL_DEFINE1\(one, int/SYSCALL_DEFINE1(one, long/'
	differ
	refused data-changed
	patched 's/SYSCALL_DEFINE1\(one, int/KPATCH_SYSCALL_DEFINE1(one, long/' 's/\+ 1/+ (int)(a >> 3)/'
	differ
	written
	[[ $(funcs) == "__x64_sys_one __x64_sys_one 0 vmlinux" && "$(ids)" == difference-ignored ]]
	no_trace
	rm out.o
	sed -i 's/^SYSCALL_DEFINE1(two/__SYSCALL_DEFINEx(1, _two/' patched.c
	differ
	[[ $status -eq 2 && "$(ids)" == "difference-ignored registration-changed" && $stderr == *"__p_syscall_meta__two: "*removes* ]]
	[[ $(grep -c registration-changed <<< "$stderr") -eq 3 ]]
}

@test "sources for kpatch: its macros need no semicolon, its names of the object are the kernel's" {
	macros
	original <<-'END'
		static noinline int g(int x) { return ext(x) * 3; }
		int __section(".init.text") start(int x) { return ext(x) + 5; }
		int f(int x) { return g(x) + 1; }
	END
	patched 's/\* 3/* 7/' 's/\+ 1/+ 2/' 's/\+ 5/+ 6/' '$a KPATCH_IGNORE_FUNCTION(g) KPATCH_IGNORE_SECTION(".init.text") \
		KPATCH_IGNORE_STATIC(gone) \
		static int pre(patch_object *obj) { return ext(8); } KPATCH_PRE_PATCH_CALLBACK(pre) \
		static void post(struct kpatch_object *obj) { ext(9); } KPATCH_POST_UNPATCH_CALLBACK(post)'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $(ids) == difference-ignored && $(grep -c 'asks: ' <<< "$stderr") -eq 2 ]]
	[[ $(sections) == *.kpatch.callbacks* ]]
	no_trace
	# a function of another type is noticed, as there
	sed -i 's/void post/int post/; s/ext(9);/return ext(9);/' patched.c
	run ! gcc -Werror -fsyntax-only "${extra_flags[@]}" -I. -include kernel.h patched.c
	[[ $output == *incompatible* ]]
}

@test "KPATCH_FORCE_UNSAFE: a warning, and nothing else" {
	macros
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	written
	without=$(objdump -dr out.o; funcs; sections)
	rm out.o
	echo 'KPATCH_FORCE_UNSAFE(f)' >> patched.c
	differ
	written
	[[ $(ids) == force-unsafe && $stderr == *"KPATCH_FORCE_UNSAFE(f) does nothing"* ]]
	[[ $(objdump -dr out.o; funcs; sections) == "$without" ]]
	no_trace
	# of a name that is none, nobody would be told
	sed -i 's/UNSAFE(f)/UNSAFE(no_such)/' patched.c
	run ! gcc -fsyntax-only "${extra_flags[@]}" -I. -include kernel.h patched.c
	# what kpatch had before callbacks says what to use
	sed -i 's/KPATCH_FORCE_UNSAFE(no_such)/KPATCH_LOAD_HOOK(f)/' patched.c
	run ! gcc -fsyntax-only "${extra_flags[@]}" -I. -include kernel.h patched.c
	[[ $output == *"use KPATCH_PRE_PATCH_CALLBACK() or KPATCH_POST_PATCH_CALLBACK()"* ]]
}

@test "KPATCH_PRINTK: what is done beside it is not taken for rare" {
	local how
	macros
	cat >> kernel.h <<-'END'
		#include <stdbool.h>
		#define OPTIMIZER_HIDE_VAR(v) asm("" : "=r" (v) : "0" (v))
		__attribute__((cold)) int printk(const char *, ...), printk_deferred(const char *, ...);
	END
	original <<< 'int f(int x) { if (x > 7) { ext2(x); } return ext(x) + 1; }'
	for how in KPATCH_PRINTK KPATCH_PRINTK_DEFERRED printk; do
		rm -f out.o kallsyms
		patched "s/ext2\(x\);/$how(\"%d\", x); ext2(x);/"
		differ
		written
		grep -q printk <<< "$(relocs .text.unlikely.f)"
		[[ $how == printk ]] || no grep -q ext2 <<< "$(relocs .text.unlikely.f)"
	done
	grep -q ext2 <<< "$(relocs .text.unlikely.f)"
}

@test "KPATCH_STATIC_CALL: through the key's pointer, nothing for objtool to patch" {
	macros
	owner=nfsd
	original <<-'END'
		extern struct static_call_key __SCK__hook;
		extern int __SCT__hook(int);
		int f(int x) { return ext(x); }
	END
	patched 's/return ext\(x\)/return KPATCH_STATIC_CALL(hook)(x) + 1/'
	differ
	written
	relocs .text.f | grep -q ' \.klp\.ref\.nfsd\.nfsd\.__SCK__hook,0 \| .klp.ref.vmlinux.vmlinux.__SCK__hook,0 '
	no grep -q '__SCT__' <(relocs .text.f)
	[[ $(sections) != *addressable* ]]
}
