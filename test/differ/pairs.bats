#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Which is which, and is it the same: the cases that only one of the rules decides. Names with numbers are
# given by asm(), so that a test does not depend on what a compiler numbers.

load differ.bash

@test "numbers in the middle of a name and at its end" {
	original <<-'END'
		static noinline int cold(int x) asm("g.isra.3.cold");
		static noinline int cold(int x) { return ext(x) * 3; }
		static noinline int g(int x) asm("g.isra.3");
		static noinline int g(int x) { return ext2(x) + cold(x) + 1; }
		int f(int x) { return g(x) + 1; }
	END
	patched 's/isra\.3/isra.4/'
	differ
	no_change
}

@test "what __UNIQUE_ID() numbers" {
	original <<-'END'
		static int counter asm("__UNIQUE_ID_counter12");
		static int counter = 5;
		int f(int x) { return ext(x + counter++); }
	END
	patched 's/counter12/counter345/'
	differ
	no_change
	patched 's/counter12/counter345/' 's/x \+ counter/x - counter/'
	differ
	written
	# its state is the kernel's, under the name that it has there
	relocs .text.f | grep -qF '.klp.ref.vmlinux.vmlinux.__UNIQUE_ID_counter12,0'
}

@test "a BTF ID has its line in its name" {
	original <<-'END'
		asm(".pushsection .BTF_ids,\"a\"; .local __BTF_ID__struct__file__8347348; .type __BTF_ID__struct__file__8347348,STT_OBJECT;"
		    ".size __BTF_ID__struct__file__8347348, 4; __BTF_ID__struct__file__8347348: .zero 4;"
		    ".local __BTF_ID__struct__task__8357348; .type __BTF_ID__struct__task__8357348,STT_OBJECT;"
		    ".size __BTF_ID__struct__task__8357348, 4; __BTF_ID__struct__task__8357348: .zero 4; .popsection");
		extern int file_id asm("__BTF_ID__struct__file__8347348"), task_id asm("__BTF_ID__struct__task__8357348");
		const struct { int *id; } ops = { &task_id };
		int f(int x) { return ext(x + *(volatile int *)&file_id); }
	END
	patched 's/8347348/8347565/g' 's/8357348/8357565/g'
	differ
	no_change
	patched 's/8347348/8347565/g' 's/8357348/8357565/g' 's/x \+ \*/x - */'
	differ
	written
	relocs .text.f | grep -qF '.klp.ref.vmlinux.vmlinux.__BTF_ID__struct__file__8347348,0'
	# another structure is another ID
	patched 's/__BTF_ID__struct__file__8347348/__BTF_ID__struct__inode__8347348/g'
	differ
	[[ $status -eq 2 && " $(ids) " == *" registration-changed "* ]]
}

@test "a static that is called descriptor and is no dynamic debug entry" {
	original <<< 'int f(int x) { static int descriptor = 7; return ext(x + descriptor++) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	relocs .text.f | grep -qF '.klp.ref.vmlinux.vmlinux.descriptor.0,0'
	no grep -q descriptor <(sections)
}

# two statics of one name, as gcc would number them
two_statics() {
	cat <<-'END'
		static int one asm("buf.1"), two asm("buf.2");
		static int one = 1, two = 2;
	END
}

@test "two functions disagree about which static is which" {
	original < <(two_statics; echo 'int f(int x) { return ext(one += x); } int g(int x) { return ext2(two += x); }')
	patched 's/ext2\(two/ext2(one/'
	differ
	refused static-local-undecided
}

@test "two statics that were one" {
	original < <(two_statics; echo 'int f(int x) { return ext(one += x); } int g(int x) { return ext2(one += x); }')
	patched 's/ext2\(one/ext2(two/'
	differ
	refused static-local-undecided
}

@test "two clones of a function that both changed: neither is guessed to be one of the old ones" {
	original <<-'END'
		static noinline int a(int x) asm("g.constprop.0"); static noinline int b(int x) asm("g.constprop.1");
		static noinline int a(int x) { return ext(x) + 11; }
		static noinline int b(int x) { return ext(x) * 22; }
		int f1(int x) { return a(x) + 1; }
		int f2(int x) { return b(x) + 1; }
	END
	patched 's/11/33/' 's/22/44/'
	differ
	written
	[[ $(funcs | sort | xargs) == "f1 f1 0 vmlinux f2 f2 0 vmlinux" ]]
}

@test "clones that exchanged their numbers are told apart by what they refer to" {
	original <<-'END'
		extern int table[];
		static noinline int a(int x) asm("g.constprop.0"); static noinline int b(int x) asm("g.constprop.1");
		static noinline int a(int x) { return ext(*(volatile int *)&table[1]); }
		static noinline int b(int x) { return ext(*(volatile int *)&table[2]); }
		int f1(int x) { return a(x) + 1; }
		int f2(int x) { return b(x) + 1; }
	END
	patched 's/asm\("g.constprop.0"\)/asm("g.constprop.2")/' 's/constprop.1/constprop.0/' 's/constprop.2/constprop.1/'
	differ
	no_change
}

@test "two variables of one name without a number" {
	local n
	echo 'static int state = 3; int first(int x) { return ext(state += x); }' > original.c
	compile original && mv original.o first.o
	original <<< 'static int state = 4; int second(int x) { return ext2(state += x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	compile original && compile patched
	for n in original patched; do mv "$n.o" "$n.1.o" && ld -r -o "$n.o" first.o "$n.1.o"; done
	differ_objects
	refused static-local-undecided
}

@test "a value that differs in its last byte, or behind the last reference" {
	original <<-'END'
		unsigned char bytes[3] = { 1, 2, 3 };
		int f(int x) { return ext(x + bytes[x]); }
		struct { int (*op)(int); unsigned char v[3]; } ops = { f, { 1, 2, 3 } };
	END
	patched '1s/3 \}/4 }/'
	differ
	refused data-changed
	[[ $stderr == *"bytes"*"+0x2"* ]]
	patched '3s/3 \}/4 }/'
	differ
	refused data-changed
	[[ $stderr == *"ops"*"+0xa"* ]]
}

@test "a number in a string is part of it, also behind the name of a file" {
	original <<< 'int f(int x) { printk("dir/file.c:16"); return ext(x); }'
	patched 's/:16/:32/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "a function that loses a table entry" {
	original <<-'END'
		int f(int x)
		{
			asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n.long 1b - ., 0\n.word 7, 0\n.popsection");
			return ext(x) + 1;
		}
	END
	patched '/ud2/s/1: ud2.*popsection/ud2/'
	differ
	written
	[[ $output == *"replaced  f,0: it has one bug"* ]]
	# its last
	original <<-'END'
		static noinline __attribute__((no_instrument_function)) int untraced(int x)
		{
			asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n.long 1b - ., 0\n.word 7, 0\n.popsection");
			return ext(x) + 1;
		}
		int f(int x) { return untraced(x) * 3; }
	END
	patched '/ud2/s/1: ud2.*popsection/ud2/'
	rm out.o
	differ
	written
	[[ $output == *"replaced  f,0: it calls untraced, which changed"* ]]
}

@test "data that was read-only after boot" {
	original <<< 'int __section(".data..ro_after_init") limit = 3; int f(int x) { return ext(x + limit); }'
	patched 's/\.\.ro_after_init/..read_mostly/'
	differ
	refused data-changed
	[[ $stderr == *"it is writable after boot now"* ]]
}

@test "the state of another macro is another state" {
	original <<-'END'
		static _Bool __section(".data.once") a asm("__already_done.1"), b asm("__warned.2");
		static _Bool a, b;
		int f(int x) { if (!a) { a = 1; printk("once"); } return ext(x); }
		int g(int x) { if (!b) { b = 1; printk("twice"); } return ext2(x); }
	END
	patched '3s/\ba\b/b/g'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $output == *"f,0: refers to __warned.2 instead of __already_done.1"* ]]
}

@test "a local table of functions is the kernel's, also where only this file uses it" {
	original <<-'END'
		static int a(int x) { return ext(x); }
		static int b(int x) { return ext2(x); }
		static const struct { int (*op)(int), (*other)(int); } ops = { a, b };
		int f(int x) { const void *volatile p = &ops; return ext(p != 0); }
	END
	patched 's/\{ a, b \}/{ b, a }/'
	differ
	refused data-changed
}

@test "new data keeps its alignment" {
	original <<< 'int f(int x) { return ext(x) + 1; }'
	append <<< 'int __attribute__((aligned(64))) added[16] = { 1 }; __attribute__((aligned(256))) char added_bss[3];'
	differ
	written
	readelf -SW out.o > sections.txt
	grep -qE ' \.data\.added .* 64$' sections.txt
	grep -qE ' \.bss\.added_bss .* 256$' sections.txt
}

@test "a constant that is passed to a function is no line number" {
	original <<< 'int take(int, int, int); int f(int x) { return take(x, 3, 7); }'
	patched 's/ 3, 7/ 4, 8/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "a conditional jump to a changed function is a call of the new version" {
	original <<-'END'
		noinline int g(int x) { return ext(x) + 1; }
		int f(int x) { asm volatile("test %%edi,%%edi; jne g; mov $g,%%eax" ::: "eax"); return ext2(x) + 1; }
	END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	relocs .text.f > relocs.txt
	grep -qE ' R_X86_64_(PC32|PLT32) g -4$' relocs.txt
	# while a pointer leads to the original, which ftrace redirects
	grep -qF ' R_X86_64_32 .klp.ref.vmlinux.vmlinux.g,0 ' relocs.txt || grep -qF ' R_X86_64_32S .klp.ref.vmlinux.vmlinux.g,0 ' relocs.txt
}
