#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Changes that need a second look: each of these once made a patch that did less, or something else, than
# its source says, without a word.

load differ.bash

@test "a table of labels comes along with its function" {
	original <<-'END'
		int f(int op, int x)
		{
			static const void *const labels[] = { &&a, &&b, &&c };

			goto *labels[op];
		a:	return ext(x) + 5;
		b:	return ext2(x);
		c:	return 7;
		}
	END
	patched 's/\+ 5/+ 6/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	has_reloc .text.f 32S .rodata.labels.0 +0
	# each label is one of the new function's
	[[ $(relocs .rodata.labels.0 | awk '$2 == "R_X86_64_64" && $3 == ".text.f"' | wc -l) -eq 3 ]]
	[[ $(relocs .rodata.labels.0) == "$(relocs .rodata.labels.0 patched.o)" ]]
}

@test "a table of labels, one of which is the start of the cold part" {
	original <<-'END'
		__attribute__((cold)) int rare(int);
		int f(int op, int x)
		{
			static const void *const labels[] = { &&a, &&b };

			goto *labels[op];
		a:	return ext(x) + 5;
		b:	return rare(x) * 3;
		}
	END
	patched 's/\+ 5/+ 6/'
	differ
	written
	has_reloc .rodata.labels.0 64 .text.unlikely.f +0
	has_reloc .text.f 32S .rodata.labels.0 +0
}

@test "a writable table of labels of a changed function is refused" {
	original <<-'END'
		int f(int op, int x)
		{
			static const void *labels[] = { &&a, &&b, &&c };

			if (x == 17)
				labels[0] = &&b;
			goto *labels[op];
		a:	return ext(x) + 5;
		b:	return ext2(x);
		c:	return 7;
		}
	END
	patched 's/\+ 5/+ 6/'
	differ
	refused reference-into-function
}

@test "a function or variable that becomes another name of one" {
	original <<-'END'
		noinline int a(int x) { return ext(x) + 1; }
		noinline int b(int x) { return ext2(x) + 2; }
	END
	patched 's/int b\(.*/int b(int x) __attribute__((alias("a")));/'
	differ
	refused alias-changed

	original <<-'END'
		int one = 1;
		int two = 2;
		int f(void) { return one + two; }
	END
	patched 's/int two.*/extern int two __attribute__((alias("one")));/'
	rm kallsyms
	differ
	refused alias-changed variable-removed
	[[ $stderr == *"two is another name"* ]]
}

@test "a second name that was one before" {
	original <<-'END'
		noinline int a(int x) { return ext(x) + 1; }
		int b(int x) __attribute__((alias("a")));
		int g(int x) { return b(x); }
	END
	patched 's/\+ 1/+ 3/'
	differ
	written
	[[ $(funcs) == "a a 0 vmlinux" ]]
}

@test "a value without a name that changes, in data" {
	original <<-'END'
		asm(".pushsection .data\n.Lvalue: .long 5\n.popsection");
		int f(void) { int r; asm volatile("mov .Lvalue, %0" : "=r"(r)); return r; }
	END
	patched 's/long 5/long 6/'
	differ
	refused anonymous-data
}

@test "a constant behind a register that no longer holds the name of a file" {
	original <<-'END'
		void take(void *a, const char *s, int n);
		void f(void *p)
		{
			register const char *s asm("rsi") = "a.c";

			asm volatile("" : : "r"(s));
			take(p, *(char **)p, 5);
		}
	END
	patched 's/, 5\)/, 6)/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "the end of a loop over a member of an array's elements, in a section that several share" {
	extra_flags=(-fno-toplevel-reorder)
	original <<-'END'
		static struct { int a, b, c, d; } table[4] __section(".data..read_mostly");
		static int last[8] __section(".data..read_mostly") = { 3 };
		int takes(int *);
		int set(int v) { last[v] = table[v].a = table[v].c = v; return 0; }
		int f(int x)
		{
			for (int i = 0; i < 4; i++)
				if (takes(&table[i].c))
					table[i].d++;
			return 1;
		}
	END
	patched 's/static int last/static int added[8] __section(".data..read_mostly");\n&/' \
		's/return 1/return 2/' 's/\{ last\[v\] =/{ added[v] = last[v] =/'
	differ
	refused end-or-start
	[[ $stderr == *"f+"*"table"* ]]

	# where the kernel has the same neighbours, the address is the same
	patched 's/return 1/return 2/'
	differ
	written
	has_reloc .text.f 32S .klp.ref.vmlinux.vmlinux.last,0 +8
}

# the modules that an owner depends on are held by it; nobody would hold another one for the patch
@test "an export of a module on which the patched one does not depend" {
	owner=mod
	exported=(held_call@held_module other_call@held_mod)
	original <<< 'int f(int x) { return ext(x); }'
	cat original.c - > mod.c <<-'END'
		static const char depends[] __used __section(".modinfo") = "depends=crc7,held-module";
	END
	compile mod && mv mod.o mod.ko
	patched <<< 'int other_call(int); int f(int x) { return other_call(x); }'
	differ --module mod.ko
	refused module-not-held
	[[ $stderr == *"f+"*"other_call"*"module held_mod exports it"* ]]

	patched <<< 'int held_call(int); int f(int x) { return held_call(x); }'
	rm kallsyms
	differ --module mod.ko
	written
	has_reloc .text.f PLT32 .klp.ref.mod.held_module.held_call,0 -4
}

# A table of values that changes is carried by the patch; not where an object keeps its address.
@test "a changed table whose address is stored" {
	original <<-'END'
		struct dev { const int *limits; int n; };
		static const int limits[] = { 1, 2, 3, 4 };
		int f(struct dev *d) { d->limits = limits; return ext(d->n); }
	END
	patched 's/3, 4/3, 5/'
	differ
	refused data-changed
	[[ $stderr == *"f stores its address"* ]]
	# by a register, and after a call
	original <<-'END'
		struct dev { const int *limits; int n; };
		static const int limits[] = { 1, 2, 3, 4 };
		int f(struct dev *d, int i) { int v = limits[i]; const int *p = limits; asm volatile("" : "+r" (p)); v += ext(v); d->limits = p; return v; }
	END
	patched 's/3, 4/3, 5/'
	differ
	refused data-changed
	[[ $stderr == *"f stores its address"* ]]
	# one that is only read is carried
	original <<-'END'
		static const int limits[] = { 1, 2, 3, 4 };
		int f(int i) { int local[4]; __builtin_memcpy(local, limits, sizeof(local)); ext2(local[i & 3]); return limits[i] + ext(i); }
	END
	patched 's/3, 4/3, 5/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "a changed table, an entry of which is stored by a function that is given it" {
	extra_flags=(-g) # tells how many results and arguments a function has
	# probe CODE: what an object gets of find()
	probe() {
		rm -f kallsyms out.o
		original <<-END
			struct e { int id, v; }; struct dev { const struct e *e; int v; };
			static const struct e table[] = { { 1, 20 }, { 2, 30 }, { 7, 40 } };
			static noinline const struct e *find(int id) { for (int i = 0; i < 3; i++) if (table[i].id == id) return &table[i]; return 0; }
			static noinline const struct e *must(int id) { const struct e *e = find(id); if (!e) ext(id); return e; }
			int probe(struct dev *d, int x) { $1 return ext2(x); }
			int index(struct dev *d) { return d->e - table; }
		END
		patched '2s/30/35/'
		differ
	}
	probe 'd->e = find(x);'
	refused data-changed
	[[ $stderr == *"table: "*"and probe stores the address of an entry:"* ]]
	probe 'const struct e *e = must(x); ext2(3); d->e = e;'
	refused data-changed
	[[ $stderr == *"and probe stores"* ]]
	# what is read of it is no address
	probe 'd->v = must(x)->v;'
	written
	[[ $(bytes .rodata.table) == 010000001400000002000000230000000700000028000000 ]]
}

@test "a changed table of strings, alone or with numbers, is carried; one that leads elsewhere is not" {
	original <<-'END'
		static const struct { const char *name; int v; } words[] = { { "one", 1 }, { "two", 2 } };
		int f(int i) { return ext((long)words[i].name[0]) + words[i].v; }
		int g(int i) { return ext2(i); }
	END
	patched '1s/\{ "two"/{ "between", 7 }, { "two"/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $(symbol words) == "LOCAL OBJECT .rodata.words" ]]
	[[ $output == *"it uses words, which changed"* ]]
	relocs .rodata.words | grep -c R_X86_64_64 | grep -qx 3
	original <<-'END'
		extern int one, two;
		static const struct { int *at; int v; } words[] = { { &one, 1 }, { &two, 2 } };
		int f(int i) { return ext(*words[i].at) + words[i].v; }
	END
	patched '2s/&two, 2/\&two, 3/'
	rm -f kallsyms out.o
	differ
	refused data-changed
	[[ $stderr == *"The kernel's is read-only: leave it as it is,"* ]]
}
