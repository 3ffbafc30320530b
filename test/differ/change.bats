#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What counts as a change, and what a changed function brings along.

load differ.bash

@test "the same source: no change" {
	original <<< 'int f(int x) { printk("a %d", x); return ext(x); }'
	cp original.c patched.c
	differ
	no_change
}

@test "a constant in the code" {
	original <<< 'int f(int x) { return ext(x) + 1; } int g(int x) { return ext(x); }'
	patched 's/\+ 1/+ 2/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(symbol f) == LOCAL* ]] # other objects of the patch must find the original
	[[ -z $(symbol g) ]]
	[[ $output == *"instructions differ at +0x"* ]]
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.ext,0 -4
	has_reloc .text.f PLT32 __fentry__ -4
}

@test "a string" {
	original <<< 'int f(int x) { return printk("hello %d", x); }'
	patched 's/hello/HELLO/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $output == *'refers to "HELLO %d" instead of "hello %d"'* ]]
	[[ $(bytes .rodata.f.str1.1 | unhex | tr '\0' '\n') == "HELLO %d" ]]
	has_reloc .text.f 32S .rodata.f.str1.1 +0
}

@test "another callee, the code otherwise the same" {
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/ext/ext2/'
	differ
	written
	[[ $output == *"refers to ext2 instead of ext"* ]]
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.ext2,0 -4
	no grep -q '[.]ext,0' <(relocs .text.f)
}

@test "another member of the same variable" {
	original <<< 'extern struct { int a, b; } v; int f(void) { return v.a; }'
	patched 's/v\.a/v.b/'
	differ
	written
	has_reloc .text.f PC32 .klp.ref.vmlinux.vmlinux.v,0 +0
}

@test "a function that is new is carried, and called directly" {
	original <<< 'int f(int x) { return ext(x); }'
	patched << 'END'
		static noinline int helper(int x) { return ext2(x) * 3; }
		int f(int x) { return ext(x) + helper(x); }
END
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(symbol helper) == "LOCAL FUNC .text.helper" ]]
	[[ $output == *"function  helper: new"* ]]
	grep -qE 'PLT32|PC32' <(relocs .text.f | grep helper)
}

@test "a new global function stays global, for other objects of the patch" {
	original <<< 'int f(int x) { return ext(x); }'
	append <<< 'int brand_new(int x) { return ext(x) * 5; }'
	differ
	written
	[[ $(symbol brand_new) == "GLOBAL FUNC .text.brand_new" ]]
	[[ -z $(funcs) ]]
}

@test "an unchanged static function is referred to, not carried" {
	original <<< 'static noinline int helper(int x) { return ext(x) * 3; }
		int f(int x) { return helper(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	written
	[[ -z $(symbol helper) ]]
	has_reloc .text.f PC32 .klp.ref.vmlinux.vmlinux.helper,0 -4
}

@test "calls between replaced functions stay in the patch" {
	original <<< 'noinline int g(int x) { return ext(x) * 3; } int f(int x) { return g(x) + 1; }'
	patched 's/\+ 1/+ 2/' 's/\* 3/* 7/'
	differ
	written
	[[ $(funcs | sort | xargs) == "f f 0 vmlinux g g 0 vmlinux" ]]
	no grep -q 'klp.*[.]g,' <(relocs .text.f)
	grep -q PLT32 <(relocs .text.f | grep -w g)
}

@test "a pointer to a replaced function leads to the original" {
	original <<< 'void use(void *); noinline int g(int x) { return ext(x) * 3; }
		int f(int x) { use(g); return 1; }'
	patched 's/return 1/return 2/' 's/\* 3/* 7/'
	differ
	written
	has_reloc .text.f 32S .klp.ref.vmlinux.vmlinux.g,0 +0
}

@test "a function's pointer to itself leads to the original" {
	original <<< 'void use(void *); int f(int x) { use(f); return 1; }'
	patched 's/return 1/return 2/'
	differ
	written
	has_reloc .text.f 32S .klp.ref.vmlinux.vmlinux.f,0 +0
}

@test "a pointer to a replaced exported function is an import" {
	exported=(g)
	original <<< 'void use(void *); noinline int g(int x) { return ext(x) * 3; }
		int f(int x) { use(g); return 1; }'
	patched 's/return 1/return 2/' 's/\* 3/* 7/'
	differ
	written
	grep -q 'R_X86_64_32S g +0' <(relocs .text.f)
	readelf -sW out.o | awk '$8 == "g" && $7 == "UND" && $5 == "GLOBAL" { found = 1 } END { exit !found }'
}

@test "a pointer to a new function leads to the new function" {
	original <<< 'void use(void *); int f(int x) { return 1; }'
	patched << 'END'
		void use(void *);
		static noinline int helper(int x) { return ext2(x) * 3; }
		int f(int x) { use(helper); return 1; }
END
	differ
	written
	has_reloc .text.f 32S helper +0 || has_reloc .text.f 32S .text.helper +0
}

@test "a function that moves to .text.unlikely" {
	original <<< 'int f(int x) { return ext(x); } int g(int x) { return ext2(x); }'
	patched 's/int f/__attribute__((cold)) int f/'
	differ
	# whatever the compiler made of it: no error, and g is not part of it
	[[ $status -eq 0 || $status -eq 3 ]]
	[[ $status -eq 3 || $(funcs) == "f f 0 vmlinux" ]]
}

@test "static becomes global: no change to the code" {
	original <<< 'static __used noinline int g(int x) { return ext(x) * 3; } int f(int x) { return ext(x); }'
	patched 's/static __used/__used/'
	differ
	no_change
}

@test "the position of one of several functions of its name" {
	extra_ksyms=("ffffffff81000040 t f")
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	written
	[[ $(funcs) == "f f 2 vmlinux" ]]
}

@test "a position that cannot be known is refused" {
	extra_ksyms=("ffffffff81000040 t f")
	original <<< 'static __used noinline int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1/+ 2/'
	differ
	refused symbol-position-unknown
}

@test "a reason is one line of printable text" {
	original <<< 'int f(int x) { return printk("\0016tab\there \"quoted\" %d\n", x); }'
	patched 's/here/there/'
	differ
	written
	[[ $output == *'refers to "\x016tab\tthere \"quoted\" %d\n" instead of "\x016tab\there \"quoted\" %d\n"'* ]]
}

# A stack of patches: a later one may replace what this one calls.
@test "--no-replace: calls of a replaced function go to the kernel's own, of a new one to the patch's" {
	original <<-'END'
		noinline int g(int x) { barrier(); return ext(x) + 1; }
		int f(int x) { return g(x) * 3; }
		int h(int x) { barrier(); return g(x); }
	END
	patched <<-'END'
		noinline int added(int x) { barrier(); return ext(x) + 5; }
		noinline int g(int x) { barrier(); return ext(x) + 2; }
		int f(int x) { return g(x) * 4 + added(x); }
		int h(int x) { barrier(); ext2(x); return g(x); }
	END
	differ
	written
	[[ $output != *"klp       vmlinux:g,"* ]]
	has_reloc .text.f PLT32 g -4
	rm out.o
	differ --no-replace
	written
	[[ $output == *"klp       vmlinux:g,0 (2 uses)"* ]]
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.g,0 -4
	has_reloc .text.h PLT32 .klp.ref.vmlinux.vmlinux.g,0 -4 # a jump as the last deed
	has_reloc .text.f PLT32 added -4
}

@test "--no-replace: a function that calls itself does so directly" {
	original <<-'END'
		/* not f(...) * 3, which gcc makes a loop of */
		noinline int f(int x) { barrier(); return x ? ext(f(ext(x))) : 1; }
	END
	patched 's/: 1/: 2/'
	differ --no-replace
	written
	[[ $output != *"klp       vmlinux:f,"* ]]
}

@test "a function that a kernel thread is in for ever: a warning" {
	original <<'END'
		void *kthread_create_on_node(int (*)(void *), void *, int, const char *);
		void *setup_timer(int (*)(void *), void *);
		int kthread(void *data) { return ext(1) + 1; }
		static int step(void *data) { return ext(2) + 1; }
		static int loop(void *data) { while (ext(3)) step(data); return 0; }
		static int expired(void *data) { return ext(5) + 1; }
		void *start(void *data) { setup_timer(expired, data); return kthread_create_on_node(loop, data, -1, "x"); }
END
	patched 's/ext\(3\)/ext(4)/' 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(ids) == transition-stalls && $(grep -c transition-stalls <<< "$stderr") -eq 2 ]]
	grep -q 'loop: warning: it is given to kthread_create_on_node(): the thread is in it until it ends' <<< "$stderr"
	grep -q 'kthread: warning: every kernel thread is in it as long as it lives' <<< "$stderr"
	# what a thread is given is not what it runs
	sed -i 's/kthread_create_on_node(loop, data/kthread_create_on_node(loop, expired/' original.c patched.c
	rm out.o
	differ
	written
	[[ $(ids) == transition-stalls && $stderr != *expired:* ]]
	sed -i 's/kthread_create_on_node(loop, expired/kthread_create_on_node(loop, data/' original.c patched.c
	# what the loop calls returns, and so does what is no thread
	patched 's/ext\((2|5)\) \+ 1/ext(\1) + 7/'
	rm out.o
	differ
	written
	[[ -z $(ids) ]]
}

@test "what a module says of itself stays as it is, with a note" {
	original <<'END'
		static const char version[] __used __section(".modinfo") __attribute__((aligned(1))) = "mod.version=1.0";
		static const char author[] __used __section(".modinfo") __attribute__((aligned(1))) = "author=somebody";
		static const char alias[] __used __section(".modinfo") __attribute__((aligned(1))) = "alias=version=1";
		int f(int x) { return ext(x) + 1; }
END
	patched 's/=1\.0/=1.1/' 's/somebody/somebody else/' 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(ids) == modinfo-kept && $(funcs) == "f f 0 vmlinux" ]]
	# what depmod, modprobe and who packs an initial file system read of the module's file
	rm out.o
	append <<'END'
		static const char l[] __used __section(".modinfo") __attribute__((aligned(1))) = "mod.license=GPL";
		static const char w[] __used __section(".modinfo") __attribute__((aligned(1))) = "firmware=some.bin";
		static const char s[] __used __section(".modinfo") __attribute__((aligned(1))) = "softdep=pre: other";
END
	sed -i 's/alias=version=1/alias=version=2/; s/+ 1;/+ 2;/' patched.c
	differ
	written
	[[ $(ids) == modinfo-kept && $(grep -c 'adds or changes what this says' <<< "$stderr") -eq 4 ]]
	[[ $(funcs) == "f f 0 vmlinux" && $(sections) != *modinfo* ]]
	# what the kernel reads is no remark
	rm out.o
	sed -i 's/softdep=pre: other/livepatch=Y/' patched.c
	differ
	[[ $status -eq 2 && "$(ids)" == "modinfo-kept registration-changed" ]]
}
