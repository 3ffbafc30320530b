#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# References and tables that only assembly or a wrong kernel lead to: refused by name, never guessed.

load differ.bash

@test "writable data without a symbol" {
	original <<'END'
		int f(int x)
		{
			asm volatile(".pushsection .data.counters,\"aw\"\n1: .long 7\n.popsection\nincl 1b");
			return ext(x) + 1;
		}
END
	patched 's/\+ 1;/+ 2;/'
	differ
	refused anonymous-data
	[[ $stderr == *"f+0x"*"writable data without a symbol"* ]]
}

@test "the middle of a function that the patch does not replace" {
	original <<'END'
		int g(int x) { asm volatile("inside: nop"); return ext2(x); }
		int f(int x) { asm volatile("jmp inside"); return ext(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	refused reference-into-function
	[[ $stderr == *"f+0x"*"middle of a function"* ]]
	# both come along, and so does what leads from one into the other
	patched 's/\+ 1;/+ 2;/' 's/ext2\(x\)/ext2(x + 1)/'
	differ
	written
	relocs .text.f | grep -qE ' (inside|\.text\.g) '
}

@test "a table entry that a patch cannot add" {
	original <<-'END'
		struct tracepoint { long a, b; };
		struct tracepoint __section("__tracepoints") __tracepoint_old = { 1, 2 };
		int f(int x) { return ext(x + *(volatile long *)&__tracepoint_old.a); }
	END
	patched <<-'END'
		struct tracepoint { long a, b; };
		struct tracepoint __section("__tracepoints") __tracepoint_old = { 1, 2 };
		struct tracepoint __section("__tracepoints") __tracepoint_new = { 3, 4 };
		int f(int x) { return ext(x + *(volatile long *)&__tracepoint_new.a); }
	END
	differ
	refused new-registration
	[[ $stderr == *__tracepoint_new* ]]
}

@test "a callback of a kind that there is not" {
	original <<< 'int f(int x) { return ext(x) + 1; }'
	append <<< '__used static int (*const cb)(int) __section(".discard.kpatch.callback.before") = f;'
	differ
	refused bad-callback
	[[ $stderr == *".discard.kpatch.callback.before"* ]]
}

@test "a callback that is no function" {
	original <<< 'int f(int x) { return ext(x) + 1; } int data;'
	append <<< '__used static int *const cb __section(".discard.kpatch.callback.pre_patch") = &data;'
	differ
	refused bad-callback
	# nor the middle of one
	append <<< '__used static char *const cb __section(".discard.kpatch.callback.pre_patch") = (char *)f + 1;'
	differ
	refused bad-callback reference-into-function
}

@test "a function that the running kernel does not have" {
	absent=("ffffffff82000040 t g")
	original <<< 'static noinline int g(int x) { return ext(x) * 3; } int f(int x) { return g(x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	compile original; compile patched; make_symbols
	grep -v ' g$' kallsyms > kallsyms.without; mv kallsyms.without kallsyms
	differ_objects
	refused symbol-not-in-kernel
	[[ $stderr == *"f+0x"*"g: "* ]]
}

@test "code of vmlinux that begins to use a module's export" {
	exported=(module_ext@nfs)
	original <<< 'int module_ext(int); int f(int x) { return ext(x) + 1; }'
	patched 's/ext\(x\) \+/module_ext(x) +/'
	differ
	refused symbol-in-module
	# a module may
	rm kallsyms
	owner=nfsd
	differ
	written
	has_reloc .text.f PLT32 .klp.ref.nfsd.nfs.module_ext,0 -4
}

@test "a module whose name the livepatch core cannot read" {
	owner=vendor.driver
	original <<< 'int counter; int f(int x) { return ext(x + *(volatile int *)&counter) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ
	refused bad-object-name
	# the longest name that it can, and one byte more
	owner=$(printf 'm%.0s' {1..55}) && rm kallsyms
	differ
	written
	owner+=m && rm kallsyms out.o
	differ
	refused bad-object-name
}

@test "a symbol whose name the livepatch core cannot read" {
	original <<'END'
		static noinline int g(int x) { return ext(x) * 3; }
		noinline int odd(int x) { return ext(x) * 5; }
		int f(int x) { return g(x) + 1; }
END
	patched 's/g\(x\) \+/g(x) + odd(x) +/'
	compile original; compile patched
	objcopy --redefine-sym odd=odd,name original.o
	objcopy --redefine-sym odd=odd,name patched.o
	make_symbols; differ_objects
	refused reference-not-possible
	[[ $stderr == *"f+0x"*"odd,name: the livepatch core cannot read the name of that symbol"* ]]
}

# objtool leaves relocations without effect where it has removed something
@test "a relocation that does nothing at the place of another one" {
	original <<< 'int f(int x) { asm volatile(".reloc 1f+1, R_X86_64_NONE, ext\n1: call ext"); return x + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.ext,0 -4
}

@test "an index that no patch can carry" {
	original <<'END'
		int f(int x)
		{
			asm volatile(".pushsection .printk_index,\"aw\"\nindex_%=: .quad 0\n.popsection\nmov $index_%=, %%eax" ::: "eax");
			return ext(x) + 1;
		}
END
	patched 's/\+ 1;/+ 2;/'
	differ
	refused reference-not-possible
}

@test "data of an unknown section that changes or is new" {
	original <<< '__section("my_table") int entry = 1; int f(int x) { return ext(x); }'
	patched 's/= 1/= 2/'
	differ
	refused unknown-section-changed
	append <<< '__section("my_table") int another = 2;'
	differ
	refused unknown-section-changed
	[[ $stderr == *"another"*my_table* ]]
	# bytes without a symbol
	append <<< 'asm(".pushsection my_table,\"aw\"; .long 5; .popsection");'
	differ
	refused unknown-section-changed
	original <<< 'asm(".pushsection my_table,\"aw\"; .long 5; .popsection"); int f(int x) { return ext(x); }'
	patched 's/long 5/long 6/'
	differ
	refused unknown-section-changed
}

# found by test/fuzz/differ_fuzz.c
@test "code that reads the pointer of a callback" {
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched <<-'END'
		static void called(void) { ext2(3); }
		__used static void (*const volatile cb)(void) __section(".discard.kpatch.callback.pre_patch") = called;
		int f(int x) { cb(); return ext(x) + 1; }
	END
	differ
	refused reference-not-possible
	[[ $stderr == *"f+0x"*"cb, which a patch cannot carry"* ]]
}

# found by test/fuzz/differ_fuzz.c
@test "a reference to a symbol without a name" {
	original <<< 'int f(int x) { return ext(x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	compile original; compile patched; make_symbols
	# the name of ext in the symbol table becomes the empty string
	python3 - patched.o <<-'END'
		import struct, sys
		d = bytearray(open(sys.argv[1], 'rb').read())
		off, = struct.unpack_from('<Q', d, 40)
		n, = struct.unpack_from('<H', d, 60)
		sections = [struct.unpack_from('<IIQQQQIIQQ', d, off + 64 * i) for i in range(n)]
		symtab = next(s for s in sections if s[1] == 2)
		names = sections[symtab[6]][4]
		for at in range(symtab[4], symtab[4] + symtab[5], 24):
		    name = names + struct.unpack_from('<I', d, at)[0]
		    if d[name:name + 4] == b'ext\0':
		        struct.pack_into('<I', d, at, 0)
		open(sys.argv[1], 'wb').write(d)
	END
	differ_objects
	refused reference-not-possible
}
