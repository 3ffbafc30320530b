#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Changes that look like noise and are none. Each was once reported as "no change".

load differ.bash

@test "a constant before __func__ is a change" {
	original <<< 'int req(int, void *, long, const char *, void *); int f(int i) { return req(i, &ext, 5, __func__, 0) + 1; }'
	patched <<< 'int req(int, void *, long, const char *, void *); int f(int i) { return req(i, &ext, 6, __func__, 0) + 1; }'
	differ
	written
}

@test "a constant after __func__ is a change, unless the function is known to take a line" {
	original <<< 'int req(int, const char *, long); int f(int i) { return req(i, __func__, 5) + 1; }'
	patched <<< 'int req(int, const char *, long); int f(int i) { return req(i, __func__, 6) + 1; }'
	differ
	written
}

@test "a constant that is used before the call is a change" {
	original <<< 'int req(int, const char *, int); int f(int i) { asm volatile("mov $5,%%edx; imul %%edx,%%ecx" ::: "edx", "ecx"); return req(i, __FILE__, i) + 1; }'
	patched <<< 'int req(int, const char *, int); int f(int i) { asm volatile("mov $6,%%edx; imul %%edx,%%ecx" ::: "edx", "ecx"); return req(i, __FILE__, i) + 1; }'
	differ
	written
}

@test "two pointers that are stored the other way round, in bytes that are the same" {
	original <<< 'struct s { void *a, *b; }; int x; int f(struct s *p) { ext(1); p->a = 0; p->b = &x; return 1; }'
	patched <<< 'struct s { void *a, *b; }; int x; int f(struct s *p) { ext(1); p->a = &x; p->b = 0; return 1; }'
	differ
	written
}

@test "a static local that has the name of a macro's is the running kernel's all the same" {
	original <<< 'struct d { int a, b; }; int f(int i) { static struct d descriptor; descriptor.a += i; return ext(descriptor.a); }'
	patched <<< 'struct d { int a, b; }; int f(int i) { static struct d descriptor; descriptor.a += i; return ext(descriptor.a) + 1; }'
	differ
	written
	name=$(readelf -sW original.o | awk '$8 ~ /^descriptor/ { print $8 }')
	grep -q "klp.ref.vmlinux.vmlinux.$name,0" <(relocs .text.f)
	[[ -z $(symbol "$name") ]]
}

@test "a static of the file that becomes a function's: not copied" {
	original <<< 'static int count; int f(int i) { return ext(count++); }'
	patched <<< 'int f(int i) { static int count; return ext(++count); }'
	differ
	refused static-local-undecided
}

@test "a static of a function that becomes the file's: not copied" {
	original <<< 'int f(int i) { static int count; return ext(count++); }'
	patched <<< 'static int count; int f(int i) { return ext(count++) + 1; } int g(void) { return ext(count); }'
	differ
	refused static-local-undecided
}

# zram frees a name unless it is the default one, told apart by its address
@test "a pointer compared with a string's address: refused, in every form of the comparison" {
	original <<'END'
		struct box { long pad; const char *name; };
		int f(struct box *b, int x) { return ext(b->name == "default" ? x + 1 : 0); }
		int g(const char *name, int x) { return ext(name != "default" ? ext2(x) : x + 2); }
END
	patched 's/x \+ 1/x + 3/'
	differ
	refused literal-compared
	[[ $stderr == *"f+0x"* ]]
	patched 's/x \+ 2/x + 4/'
	differ
	refused literal-compared
	[[ $stderr == *"g+0x"* ]]
}

@test "a string's address in a register that is compared: refused" {
	original <<'END'
		int f(const char *name, int x) { const char *d = "default"; asm("" : "+r"(d)); if (x > 3) x += ext2(x); return name == d ? ext(x + 1) : 0; }
		int g(const char **name, int x) { const char *d = "other"; asm("" : "+r"(d)); return *name != d ? ext(x + 2) : 0; }
		int h(const char *name, int x) { const char *d = "third", *e; asm("" : "+r"(d)); e = d; asm("" : "+r"(e)); return name == e ? ext(x + 4) : printk(d); }
END
	patched 's/x \+ 1/x + 3/'
	differ
	refused literal-compared
	[[ $stderr == *"f+0x"* ]]
	patched 's/x \+ 2/x + 5/'
	differ
	refused literal-compared
	patched 's/x \+ 4/x + 5/'
	differ
	refused literal-compared
}

@test "a string's address in a register that is compared when it holds something else: carried on" {
	original <<'END'
		int f(const char *name, int x) { const char *d = "default"; asm("" : "+r"(d)); printk(d); asm("mov %1, %0" : "=r"(d) : "r"(name + x)); return name == d ? ext(x + 1) : 0; }
		long g(long y, int x) { const char *d = "other"; asm("" : "+r"(d)); return (long)d > -4096 ? ext(x + 2) : y; }
		int k(long y, int x) { static const long tab[] = { 5, 7, 9 }; return tab[x] == y ? ext(x + 8) : tab[x + 1]; }
		int h(const char *name, int x) { asm volatile("mov %0, %%rcx; jmp 1f; 2: cmp %%rcx, %%rdx; 1:" : : "i"("third") : "rcx"); return ext(x + 4); }
END
	patched 's/x \+ 1/x + 3/' 's/x \+ 2/x + 5/' 's/x \+ 4/x + 7/' 's/x \+ 8/x + 9/'
	differ
	written
}

@test "a string that is only used, and a variable that is compared with: carried on" {
	original <<'END'
		static int place;
		int *keep(void) { return &place; }
		int f(int *p, int x) { return p == &place ? printk("here %d", x) : x + 1; }
END
	patched 's/x \+ 1/x + 2/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}
