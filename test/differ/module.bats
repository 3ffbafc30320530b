#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Patches of a module, references to other objects, and the program's own behaviour.

load differ.bash

@test "symbols of the module, of vmlinux, of another module, and exports" {
	owner=mod
	exported=(printk other@sunrpc)
	extra_ksyms=($'ffffffffa0000000 t other\t[sunrpc]')
	original <<'END'
		int other(int);
		static int state;
		static noinline __used int helper(int x) { return ext2(x); }
		int f(int x) { state++; printk("x"); return helper(x) + ext(x) + other(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(funcs) == "f f 0 mod" ]]
	grep -qF '.klp.ref.mod.mod.state,0' <(relocs .text.f)
	grep -qF '.klp.ref.mod.mod.helper,0' <(relocs .text.f)
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.ext,0 -4
	has_reloc .text.f PLT32 .klp.ref.mod.sunrpc.other,0 -4
	has_reloc .text.f PLT32 printk -4
	readelf -sW out.o | awk '$8 ~ /klp.ref/ && !($5 == "WEAK" && $7 == "UND") { bad = 1 } END { exit bad }'
}

@test "of several symbols with one name, each is given with its own position" {
	original <<'END'
		static int state;
		static __used noinline int second(int x) { state++; return ext(x) + 1; }
		static __used noinline int third(int x) { return ext2(x); }
		int f(int x) { return third(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	compile original; compile patched
	make_symbols
	# global ones of other objects, before those that are meant; an import may have namesakes as well
	cat kallsyms - > more <<-'END'
		ffffffff81000010 T second
		ffffffff81000020 T third
		ffffffff81000030 T third
		ffffffff81000040 D state
		ffffffff81000050 D state
		ffffffff81000060 D state
		ffffffff81000070 t ext
	END
	sort more > kallsyms
	differ_objects
	written
	[[ $(funcs | sort) == $'f f 0 vmlinux\nsecond second 2 vmlinux' ]]
	grep -qF '.klp.ref.vmlinux.vmlinux.third,3 ' <(relocs .text.f)
	has_reloc .text.second PLT32 .klp.ref.vmlinux.vmlinux.ext,2 -4
	grep -qF '.klp.ref.vmlinux.vmlinux.state,4 ' <(relocs .text.second)
}

@test "what another object of the patch must define stays undefined" {
	original <<< 'int f(int x) { return ext(x); }'
	patched <<< 'int sibling(int); int f(int x) { return sibling(x); }'
	compile original; compile patched
	make_symbols
	sed -i '/ sibling$/d' kallsyms
	differ_objects
	written
	has_reloc .text.f PLT32 sibling -4
	[[ $output == *"needs     sibling, of another object of the patch"* ]]
	readelf -sW out.o | awk '$8 == "sibling" && $7 == "UND" && $5 == "GLOBAL" { found = 1 } END { exit !found }'
}

@test "callbacks are listed with their kind, and carried" {
	original <<< 'int f(int x) { return ext(x); }'
	append <<'END'
		static int pre(void *o) { return ext(3); }
		static void post(void *o) { ext2(4); }
		static __used __section(".discard.kpatch.callback.pre_patch") void *cb0 = pre;
		static __used __section(".discard.kpatch.callback.post_unpatch") void *cb3 = post;
END
	differ
	written
	[[ $(symbol pre) == "LOCAL FUNC .text.pre" && $(symbol post) == "LOCAL FUNC .text.post" ]]
	# version 1, kind 0; version 1, kind 3; each with two pointers
	[[ $(bytes .discard.kpatch.callbacks) == 0100000000000000????????????????????????????????0100000003000000* ]]
	grep -q '^8 R_X86_64_64 pre +0' <(relocs .discard.kpatch.callbacks)
	grep -q '^20 R_X86_64_64 post +0' <(relocs .discard.kpatch.callbacks)
	no grep -q 'discard.kpatch.callback\.' <(sections)
	[[ $output == *"callback  pre_patch: pre"* ]]
}

@test "two callbacks of a kind are refused" {
	original <<< 'int f(int x) { return ext(x); }'
	append <<'END'
		static void a(void *o) { ext(3); }
		static void b(void *o) { ext2(4); }
		static __used __section(".discard.kpatch.callback.post_patch") void *cb[] = { a, b };
END
	differ
	refused duplicate-callback
}

@test "a weak function that is overridden elsewhere is called where it is" {
	original <<'END'
		__attribute__((weak)) noinline int hook(int x) { return x; }
		int f(int x) { return hook(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.hook,0 -4
	[[ -z $(symbol hook | grep -v UND) ]]
}

@test "a weak function that is overridden elsewhere is not changed to no effect" {
	original <<'END'
		__attribute__((weak)) noinline int hook(int x) { return x; }
		int f(int x) { return hook(x) + 1; }
END
	patched 's/return x;/return x + 2;/'
	differ
	refused weak-overridden
	grep -q "^patched.o: hook: 'hook' is weak here, and another object of vmlinux overrides it. Change the definition" <<< "$stderr"
	# and the same where it is the kernel's
	sed -i 's/ T hook$/ W hook/' kallsyms
	differ_objects
	written
}

@test "a weak name of a function leads to whoever has it, a call of the other name to the function" {
	original <<'END'
		noinline int generic(int x) { return ext(x) * 3; }
		int hook(int x) __attribute__((weak, alias("generic")));
		int f(int x) { return hook(x) + 1; }
		int g(int x) { return generic(x) + 1; }
END
	symbols() { # ADDRESS-OF-HOOK
		make_symbols
		sed -i -E '/ (generic|hook)$/d' kallsyms
		printf '%s\n' "ffffffff84000000 T generic" "$1 T hook" >> kallsyms
	}
	# overridden elsewhere
	patched 's/\+ 1;/+ 2;/' 's/\* 3/* 5/'
	compile original; compile patched; symbols ffffffff84000400
	differ_objects
	written
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.hook,0 -4
	no grep -q 'klp' <(relocs .text.g | grep generic)
	# not overridden: the new version of the function that both names mean
	rm out.o; symbols ffffffff84000000
	differ_objects
	written
	[[ $(relocs .text.f) != *hook,0* ]]
	# another name is another function
	rm out.o; patched '/^.*int f/s/hook/generic/'
	compile patched; symbols ffffffff84000400
	differ_objects
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	relocs .text.f | grep -q 'klp.ref.vmlinux.vmlinux.generic,0'
}

@test "exit codes and files: no change, refusal and error leave no output" {
	original <<< 'int f(int x) { return ext(x); }'
	cp original.c patched.c
	touch out.o.keep
	differ
	no_change
	run "$CDO" --symvers Module.symvers --kallsyms kallsyms original.o patched.o
	[[ $status -eq 1 ]]
	run "$CDO" --kallsyms kallsyms original.o patched.o out.o
	[[ $status -eq 1 && $output == *symvers* ]]
	run "$CDO" --symvers Module.symvers --kallsyms missing original.o patched.o out.o
	[[ $status -eq 1 && $output == *missing* ]]
	head -c 300 patched.o > short.o
	run "$CDO" --symvers Module.symvers --kallsyms kallsyms original.o short.o out.o
	[[ $status -eq 1 && $output == *short.o* ]]
	[[ ! -e out.o ]]
	[[ -z $(find . -name 'out.o.??????') ]]
}

@test "an output that cannot be written" {
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	compile original; compile patched; make_symbols
	run "$CDO" --symvers Module.symvers --kallsyms kallsyms original.o patched.o nowhere/out.o
	[[ $status -eq 1 && $output == *nowhere/out.o* ]]
}

@test "two runs write the same bytes" {
	original <<< 'int f(int x) { static int n; return printk("%d", n += x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ; written
	cp out.o first.o; rm out.o
	differ; written
	cmp out.o first.o
}

@test "20,000 functions in one object, in linear time" {
	{
		echo '.macro fn n,k'
		printf '%s\n' '.section .text.f\n,"ax",@progbits' '.globl f\n' '.type f\n,@function' 'f\n: call __fentry__' \
			'call ext' 'incl v\n(%rip)' 'add $\k,%eax' 'ret' '.size f\n,.-f\n' \
			'.section .bss.v\n,"aw",@nobits' '.type v\n,@object' '.size v\n,4' 'v\n: .zero 4' '.endm'
		for ((i = 0; i < 20000; i++)); do echo "fn $i 1"; done
	} > original.s
	sed 's/^fn 777 1/fn 777 2/' original.s > patched.s
	assemble original; assemble patched
	make_symbols
	times > before
	differ_objects
	times > after
	# of processor time in children, the second line: what else the machine does does not count
	cat before after
	awk 'FNR == 2 { split($1, t, /[ms]/); seconds = t[1] * 60 + t[2] - seconds } END { exit seconds > 4 }' before after
	written
	[[ $(funcs) == "f777 f777 0 vmlinux" ]]
	[[ $(readelf -hW original.o | awk '/Number of section headers/ { print $NF }') != 0 ]]
}
