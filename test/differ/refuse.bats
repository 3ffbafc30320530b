#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What cannot be applied to a running kernel is refused, all of it in one run.

load differ.bash

@test "initialised data that changed" {
	original <<< 'int limit = 3; int f(int x) { return ext(x + limit); }'
	patched 's/= 3/= 4/'
	differ
	refused data-changed
	[[ $stderr == *"limit: data-changed"* || $stderr == *limit*"initial value differs at +0x0"* ]]
}

@test "data that changes its size" {
	original <<< 'int table[4]; int f(int x) { return ext(table[x]); }'
	patched 's/\[4\]/[8]/'
	differ
	refused data-changed
	[[ $stderr == *"its size changes from 16 to 32 bytes"* ]]
}

@test "a structure of operations that points to another function" {
	original <<'END'
		static int a(int x) { return ext(x); }
		static __used int b(int x) { return ext2(x); }
		const struct { int (*op)(int); } ops = { a };
END
	patched 's/\{ a \}/{ b }/'
	differ
	refused data-changed
	[[ $stderr == *"refers to b instead of a"* ]]
}

@test "__init code and data that a patch begins to use" {
	original <<-'END'
		int __section(".init.data") setting = 3;
		noinline int __section(".init.text") start(int x) { return ext(x) + 1; }
		int f(int x) { return ext(x); }
		int __section(".ref.text") g(int x) { return x ? ext(x) : start(x); }
	END
	patched 's/f\(int x\) \{ return ext\(x\)/f(int x) { return ext(x + setting)/'
	differ
	refused reference-to-init
	[[ $stderr == *"it refers to setting, which is __init"* ]]
	# code that used it before has its own means of not doing so too late
	patched 's/x \? ext/x > 1 ? ext/'
	differ
	written
}

@test "a variable that was __initdata and is used for good: refused, unless its initial value is right" {
	macros
	extra_flags+=(-g)
	original <<'END'
		static int option __section(".init.data") = 1; static int __section(".init.text") __used setup(int x) { if (ext2(x)) option = x; ext(x); return option; }
		int f(int x) { return ext(x); }
END
	patched '1s/ __section\(".init.data"\)//; 1s/$/ KPATCH_IGNORE_FUNCTION(setup);/' '2s/ext\(x\)/ext(x + option)/'
	differ
	refused difference-ignored reference-to-init
	[[ $stderr == *"f+0x"*"it uses option, which is __initdata in the running kernel"* ]]
	sed -i '1s/$/ KPATCH_ALLOW_DATA_CHANGE(option);/' patched.c
	differ
	written
	[[ $(ids) == difference-ignored ]]
	rm out.o
	# another one of that kind that stays unused
	patched '1s/ __section\(".init.data"\)//; 1s/$/ KPATCH_IGNORE_FUNCTION(setup);/' '2s/ext\(x\)/ext(x + 1)/'
	differ
	written
}

@test "__init code and data of another object" {
	original <<-'END'
		extern int setting; int start(int); extern int later;
		int f(int x) { return ext(x); }
		int __section(".ref.text") g(int x) { return x ? ext(x) : start(x); }
	END
	extra_ksyms=("ffffffff84000000 D __init_begin" "ffffffff84001000 D __init_end" "ffffffff84000100 D setting"
		"ffffffff84000200 T start" "ffffffff84001000 D later")
	patched 's/f\(int x\) \{ return ext\(x\)/f(int x) { return ext(x + setting)/'
	make_kernel() { make_symbols; sed -i -E '/^ffffffff83.* (setting|start|later)$/d' kallsyms; }
	compile original; compile patched; make_kernel
	differ_objects
	refused reference-to-init
	[[ $stderr == *"f+0x"*"it refers to setting, which is __init"* ]]
	# what is behind the end stays, and what used it before may go on
	patched 's/f\(int x\) \{ return ext\(x\)/f(int x) { return ext(x + later)/' 's/x \? ext/x > 1 ? ext/'
	compile patched; make_kernel
	differ_objects
	written
	[[ $(funcs | sort | xargs) == "f f 0 vmlinux g g 0 vmlinux" ]]
}

@test "__exit code" {
	original <<< 'int __section(".exit.text") stop(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	refused init-changed
	[[ $stderr == *"__exit code cannot be replaced"* ]]
}

@test "__init code" {
	original <<< 'int __section(".init.text") start(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	refused init-changed
}

@test "what __init code registered has another name: the remedy is the old one" {
	local source
	source=$(cat <<'END'
		struct nb { int (*call)(int); int prio; }; int reg(const void *);
		static noinline int hook(int x) { return ext(x) + 1; }
		static struct nb block = { hook, 3 }; static const struct nb constant = { hook, 5 };
		int __section(".init.text") start(void) { return reg(&block) + reg(&constant); }
		static __used __section(".initcall6.init") int (*__initcall_start)(void) = start;
END
	)
	original <<< "$source"
	for name in block constant hook start; do
		rm -f kallsyms
		patched "s/\\b$name\\b/other/g" 's/\+ 1/+ 2/'
		differ
		case $name in
		hook) refused data-changed; [[ $stderr == *"Keep the name hook, and the function is replaced"*"hand over other in a callback"* ]] ;;
		start) refused init-changed; [[ $stderr == *"Keep the name start: a patch has no __init"* ]] ;;
		*) refused init-changed; [[ $stderr == *"start+0x"*"Keep the name $name, and the patch uses what the kernel has;"* ]] ;;
		esac || { echo "$name"; false; }
	done
	# a parameter that keeps its own name
	original <<'END'
		static int limit = 3; extern int param_ops;
		static __used __section("__param") struct { const char *name; void *ops, *arg; } __param_limit = { "limit", &param_ops, &limit };
END
	patched 's/(static int |&)limit/\1bound/g'
	rm kallsyms
	differ
	refused registration-changed
	[[ $stderr == *"__param_limit: "*"Keep the name limit, and"* ]]
	# another one that was there before is no new name
	original <<< "${source/static struct/static struct nb second = { hook, 3 \}; static struct}
		void *peek(int x) { return x ? &second : &block; }"
	patched 's/reg\(&block/reg(\&second/'
	rm kallsyms
	differ
	refused init-changed
	[[ $stderr == *"start+0x"*"Leave __init and __exit code as it is"* ]]
}

@test "a function without an ftrace entry that others may call" {
	original <<< 'notrace int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	refused function-not-traceable
}

@test "a local function without an ftrace entry: its callers are replaced" {
	original <<< 'static noinline notrace int g(int x) { return ext(x) * 3; } int f(int x) { return g(x) + 1; }'
	patched 's/\* 3/* 7/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(symbol g) == "LOCAL FUNC .text.g" ]]
	no grep -q 'klp.*[.]g,' <(relocs .text.f)
	[[ $output == *"it calls g, which changed and cannot be traced"* ]]
}

@test "a local function without an ftrace entry whose address is taken" {
	original <<< 'void use(void *); static noinline notrace int g(int x) { return ext(x) * 3; }
		int f(int x) { use(g); return 1; }'
	patched 's/\* 3/* 7/'
	differ
	refused function-not-traceable
}

@test "untraced functions that call each other end in an answer" {
	original <<< 'static noinline notrace int g(int x); static noinline notrace int h(int x) { return x > 9 ? ext(x) * 3 : g(x + 1) + 1; }
		static noinline notrace int g(int x) { return x > 7 ? ext2(x) : h(x + 2) + 1; } int f(int x) { return g(x) + h(x); }'
	patched 's/\* 3/* 7/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "new per-CPU data" {
	original <<< 'int f(int x) { return ext(x); }'
	patched '1s/^/int __section(".data..percpu") counter; /' 's/ext\(x\)/ext(x) + counter/'
	differ
	refused new-per-cpu-data
	[[ $stderr == *"Leave it in the file where the kernel has it if it comes from another one"* ]]
}

@test "an export that is added" {
	original <<< 'int f(int x) { return ext(x); }'
	patched '1s/^/asm(".section \\"___ksymtab+f\\",\\"a\\"; __ksymtab_f: .long f - .; .long 0; .previous"); /'
	differ
	refused registration-changed
	[[ $stderr == *"f: the patch adds or changes the export of f"* ]]
}

@test "an export is one refusal, whatever it is made of; and its namespace is part of it" {
	original <<'END'
		asm(".section \"__ksymtab_strings\",\"aMS\",%progbits,1; __kstrtab_f: .asciz \"f\"; __kstrtabns_f: .asciz \"\"; .previous");
		asm(".section \"___ksymtab+f\",\"a\"; __ksymtab_f: .long f - .; .long __kstrtab_f - .; .long __kstrtabns_f - .; .previous");
		int f(int x) { return ext(x); } int g(int x) { return ext(x) + 1; }
END
	append <<'END'
		asm(".section \"__ksymtab_strings\",\"aMS\",%progbits,1; __kstrtab_g: .asciz \"g\"; __kstrtabns_g: .asciz \"\"; .previous");
		asm(".section \"___ksymtab+g\",\"a\"; __ksymtab_g: .long g - .; .long __kstrtab_g - .; .long __kstrtabns_g - .; .previous");
END
	differ
	refused registration-changed
	[[ $(grep -c registration-changed <<< "$stderr") -eq 1 && $stderr == *"adds or changes the export of g"* ]]
	patched '1s/(ns_f: .asciz ..)/\1NS/'
	differ
	refused registration-changed
	[[ $(grep -c registration-changed <<< "$stderr") -eq 1 && $stderr == *"the export of f"* ]]
	patched '/_ksymtab.f/d' '/__kstrtab_f/d'
	differ
	refused registration-changed
	[[ $(grep -c registration-changed <<< "$stderr") -eq 1 && $stderr == *"removes the export of f"* ]]
}

@test "an initcall that is added" {
	original <<< 'int f(int x) { return ext(x); }'
	patched '1s/^/int f(int); static __used __section(".initcall6.init") int (*__initcall_f)(int) = f; /'
	differ
	refused init-changed
}

@test "a section that nobody knows" {
	original <<< '__section("my_table") int entry = 1; int f(int x) { return ext(x); }'
	patched 's/= 1/= 2/'
	differ
	[[ $status -eq 2 ]]
	[[ $stderr == *my_table* ]]
}

@test "a function that the kernel does not have" {
	absent=("ffffffff82000000 T f")
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	refused function-not-in-kernel
}

@test "all problems are reported together" {
	original <<< 'int limit = 3; int size[2]; notrace int g(int x) { return ext(x) + 1; }
		int __section(".init.text") start(int x) { return ext2(x) + 1; }'
	patched 's/= 3/= 4/' 's/\[2\]/[3]/' 's/\+ 1/+ 2/'
	differ
	refused data-changed function-not-traceable init-changed
	[[ $(grep -c data-changed <<< "$stderr") -eq 2 ]]
}

@test "the source line, where the object has debug information" {
	extra_flags=(-g)
	original <<'END'
notrace int
f(int x) { return ext(x) + 1; }
END
	patched 's/\+ 1/+ 2/'
	differ
	refused function-not-traceable
	[[ $stderr == *"file.c:2"* ]]
}

@test "an object of another machine" {
	original <<< 'int f(int x) { return ext(x); }'
	patched 's/ext/ext2/'
	compile original; compile patched
	printf '\xb7' | dd of=patched.o bs=1 seek=18 conv=notrunc status=none # EM_AARCH64
	differ_objects
	[[ $status -eq 1 && ! -e out.o ]]
	[[ $stderr == *AArch64* || $stderr == *aarch64* || $stderr == *183* ]]
}

@test "a section that nobody knows and that describes a changed function" {
	original <<'END'
		int f(int x)
		{
			asm volatile("1: nop\n.pushsection .who_knows,\"a\"\n.long 1b - .\n.popsection");
			return ext(x) + 1;
		}
END
	patched 's/\+ 1;/+ 2;/'
	differ
	refused unknown-section
	[[ $stderr == *"f+0x"*.who_knows* ]]
}

@test "a section that nobody knows, with a pointer to a changed function, stays right" {
	original <<< '__section("my_table") __used static int (*entry)(int); int f(int x) { return ext(x) + 1; }'
	sed -i '$s/$/ __section("my_table") __used static void *p = f;/' original.c
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	no grep -q my_table <(sections)
}

@test "a table entry of an unknown layout is not lost in silence" {
	original <<'END'
		int f(int x)
		{
			asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n.long 1b - .\n.byte 1,2,3\n.popsection");
			return ext(x) + 1;
		}
END
	patched 's/\+ 1;/+ 2;/'
	differ
	[[ $status -eq 2 && ! -e out.o ]]
	[[ $stderr == *__bug_table* ]]
}

@test "data that the running kernel holds in another kind of memory" {
	original <<< 'extern const int limit; const int limit = 3; int counter; int f(int x) { return ext(x + *(volatile int *)&limit + counter); }'
	patched 's/extern const int limit; const int/extern int limit; int/' \
		's/int counter/int __section(".data..percpu") counter/'
	differ
	[[ $status -eq 2 && $(ids) == data-changed ]]
	[[ $stderr == *"it is writable now"* && $stderr == *"it is per-CPU data now"* ]]
}

@test "a new global of a name that the kernel has: others would mean the kernel's" {
	original <<< 'int f(int x) { return ext(x); }'
	patched '1s/^/int helper(int x) { return ext2(x) * 3; } int setting = 3; /' 's/return ext\(x\);/return helper(x) + setting;/'
	extra_ksyms=("ffffffff84000000 T helper" "ffffffff84000100 D setting")
	differ
	refused name-in-kernel
	[[ $stderr == *"helper: "*"vmlinux has a global symbol of this name"* && $stderr == *"setting: "* ]]
	# a static of another file is nothing that anybody could mean
	rm kallsyms
	extra_ksyms=("ffffffff84000000 t helper" "ffffffff84000100 d setting")
	differ
	written
	[[ $(symbol helper) == "GLOBAL FUNC .text.helper" ]]
	# and a static one of this file means itself
	rm kallsyms out.o
	patched '1s/^/static noinline int helper(int x) { return ext2(x) * 3; } static int setting = 3; /' \
		's/return ext\(x\);/return helper(x) + ++setting;/'
	extra_ksyms=("ffffffff84000000 T helper" "ffffffff84000100 D setting")
	differ
	written
}

@test "a new global of a name that another module exports" {
	owner=nfsd
	exported=(helper@auth_rpcgss)
	original <<< 'int f(int x) { return ext(x); }'
	patched '1s/^/int helper(int x) { return ext2(x) * 3; } /' 's/return ext\(x\);/return helper(x);/'
	differ
	refused name-in-kernel
	[[ $stderr == *"auth_rpcgss has a global symbol"* ]]
}

@test "a write of what is read-only when the kernel has booted: refused, unless the function wrote it before" {
	original <<'END'
		static int limit __section(".data..ro_after_init") = 4; int early(int);
		static int __section(".init.text") __used start(void) { limit = 8; return 0; }
		int early(int x) { limit = ext(x); return 1; }
		int f(int x) { return x > limit ? ext(x) : 1; }
END
	patched '4s/\? ext\(x\)/? (limit = x)/'
	differ
	refused read-only-after-boot
	[[ $stderr == *"f+0x"*"it writes limit, which is __ro_after_init"* ]]
	append <<'END'
		static void called(void) { limit += 3; }
		__used static void (*const cb)(void) __section(".discard.kpatch.callback.pre_patch") = called;
END
	differ
	written # a function that is new may be made of another one
	sed -i '3d' original.c patched.c
	rm out.o kallsyms
	differ
	refused read-only-after-boot
	[[ $stderr == *"called+0x"* ]]
	# as it did before
	original <<< 'static int limit __section(".data..ro_after_init") = 4; int f(int x) { limit = ext(x); return 1; } int g(void) { return limit; }'
	patched 's/ext\(x\)/ext2(x)/'
	rm kallsyms
	differ
	written
	rm out.o
	original <<< 'int f(int x) { return ext(x); }'
	patched 's/return/static int new __section(".data..ro_after_init"); return new++ +/'
	rm kallsyms
	differ
	refused read-only-after-boot
	[[ $stderr == *"it writes new.0, "*"Leave out __ro_after_init"* ]]
	# another object's
	original <<< 'extern int elsewhere, other; int f(int x) { return ext(elsewhere + other); }'
	patched 's/return/other = 5; return/'
	compile original; compile patched; rm kallsyms; make_symbols
	at=$(awk '$3 == "elsewhere" { print $1 }' kallsyms)
	printf '%s D __start_ro_after_init\n%x D __end_ro_after_init\n' "$at" $((16#$at + 32)) >> kallsyms
	sort -o kallsyms kallsyms
	differ
	written
	rm out.o
	patched 's/return/elsewhere = 5; return/'
	differ
	refused read-only-after-boot
}
