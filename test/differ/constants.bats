#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Constants that the patch and the kernel both have: whose address gets away is the kernel's own, what is
# only read is a copy.

load differ.bash

# named NAME FILE: the symbol of a numbered constant, with its number
named() { readelf -sW "$2" | awk -v n="^$1[.]" '$8 ~ n { print $8 }'; }

# shifted: a function at the end, where gcc begins to count, so that all numbers are others
shifted() {
	echo 'int shift(int x) { static const int a[2] = {}, b[2] = {}; return ext((long)a ^ (long)b ^ x); }' >> patched.c
}

# kernels_own NAME SECTION: it refers to the kernel's, by the number that it has there, and to no copy
kernels_own() {
	relocs "$2" | grep -F ".klp.ref.$owner.$owner.$(named "$1" original.o),0 +" || return
	[[ -z $(symbol "$(named "$1" patched.o)") ]]
}
# copied NAME: the patch has a copy
copied() { [[ $(symbol "$(named "$1" patched.o)") == "LOCAL OBJECT .rodata.$1."* ]]; }

@test "the address of a numbered constant that is stored, returned, compared, computed, pushed or passed on is the kernel's" {
	original <<'END'
		struct ops { long a[4]; };
		struct node { long pad; const struct ops *ops; };
		void keep(const void *);
		int f1(struct node *n, int x) { static const struct ops none; n->ops = &none; return ext(x + 1); }
		const void *f2(int x) { static const struct ops some = { { 1 } }; ext(x + 1); return &some; }
		int f3(struct node *n, int x) { static const struct ops cmp; return n->ops == &cmp ? ext(x + 1) : 0; }
		const void *f4(int x) { static const struct ops many[4] = { { { 2 } } }; ext(x + 1); return &many[x]; }
		int f5(int x) { static const struct ops given; keep(&given); return ext(x + 1); }
		int f6(int x) { static const struct ops after; const struct ops *p = &after; ext(x + 1); barrier(); keep(p); return 3; }
		int f7(int x) { static const struct ops other; const void *p; asm volatile("movabs %1, %0" : "=r"(p) : "i"(&other)); keep(p); return ext(x + 1); }
		int f8(int x) { static const struct ops stack; const void *p; asm volatile("push %1; pop %0" : "=r"(p) : "i"(&stack)); keep(p); return ext(x + 1); }
		int f9(const struct ops **p, int x) { static const struct ops both; const struct ops *q = &both; asm("" : "+r"(q)); *p = q; _printk("%p", q); return ext(x + 1); }
END
	patched 's/x \+ 1/x + 3/'
	shifted
	differ
	written
	for n in 1:none 2:some 3:cmp 4:many 5:given 6:after 7:other 8:stack 9:both; do
		kernels_own "${n#*:}" ".text.f${n%:*}"
	done
	[[ $(named none original.o) != "$(named none patched.o)" ]]
	has_reloc .text.f4 32S ".klp.ref.vmlinux.vmlinux.$(named many original.o),0" +0
}

@test "a module's, too" {
	owner=mod
	original <<< 'const void *f(int x) { static const long none[2]; ext(x + 1); return none; }'
	patched 's/x \+ 1/x + 3/'
	differ --owner mod
	written
	kernels_own none .text.f
}

@test "a constant that is only read is copied" {
	original <<'END'
		int f(int x) { static const int tab[] = { 5, 6, 8, 3 }; return ext(tab[x] + 1); }
		int g(int x) { switch (x) { case 1: return 5; case 2: return 77; case 3: return 3; case 4: return 12; case 5: return 8; } return ext(x + 1); }
END
	patched 's/\+ 1/+ 3/'
	differ
	written
	copied tab
	[[ -n $(named CSWTCH original.o) ]]
	copied CSWTCH
	no grep -E 'klp[.]ref[.].*(tab|CSWTCH)' <(relocs .text.f; relocs .text.g)
}

@test "one that is only passed to who keeps nothing is copied, also by a function of the object" {
	original <<'END'
		static __attribute__((noipa)) void show(int n, const char *s) { _printk("%d %s", n, s); ext2(n); }
		int f(int x) { _printk("%s", __func__); return ext(x + 1); }
		int g(int x) { static const char text[] = "some text"; show(4, text); return ext(x + 1); }
		int h(int x) { static const char older[] = "text of 5.10"; printk("%s", older); return ext(x + 1); }
END
	patched 's/x \+ 1/x + 3/'
	differ
	written
	copied older
	no grep address-kept <<< "$stderr"
	[[ $(symbol "$(readelf -sW patched.o | awk '$8 ~ /^__func__/ { print $8 }')") == "LOCAL OBJECT .rodata."* ]]
	copied text
}

@test "passed to one of them, and used for something else as well: the kernel's" {
	original <<'END'
		struct box { const char *s; };
		static __attribute__((noipa)) void show(int n, const char *s, struct box *b) { b->s = s; _printk("%d %s", n, s); }
		static __attribute__((noipa)) void maybe(int n, const char *s) { if (n > 3) ext2((long)s); _printk("%d %s", n, s); }
		int f(int x, struct box *b) { static const char first[] = "some text"; show(4, first, b); return ext(x + 1); }
		int g(int x) { static const char second[] = "some text!"; maybe(x, second); return ext(x + 1); }
		int h(int x, struct box *b) { static const char third[] = "some texts"; asm volatile("mov %0, %%rsi; mov %%rsi, (%1); call _printk" : : "i"(third), "r"(b) : "rsi", "memory"); return ext(x + 1); }
		int i(int x) { static const char fourth[] = "some texts."; asm volatile("mov %0, %%rsi; lea 1(,%%rsi,2), %%rdi; call _printk" : : "i"(fourth) : "rsi", "rdi"); return ext(x + 1); }
		int k(int x) { static const char fifth[] = "some text.."; asm volatile("mov %0, %%rsi; jmp 2f; 1: call ext; 2: call _printk" : : "i"(fifth) : "rsi"); return ext(x + 1); }
		int l(int x) { static const char sixth[] = "some text.:"; asm volatile("mov %0, %%rsi; jmp 2f; 1: call _printk; 2: call ext" : : "i"(sixth) : "rsi"); return ext(x + 1); }
END
	patched 's/x \+ 1/x + 3/'
	differ
	written
	kernels_own first .text.f
	kernels_own second .text.g
	kernels_own third .text.h
	copied fourth
	copied fifth
	kernels_own sixth .text.l
}

@test "in new data, a pointer to one is the kernel's" {
	original <<'END'
		const void *keep(const void *);
		int f(int x) { static const char name[] = "a name"; keep(name); return ext(x); }
END
	patched <<'END'
		const void *keep(const void *);
		int f(int x) { static const char name[] = "a name"; static struct { long a; const void *p; } added = { 1, name }; keep(&added); return ext(x); }
END
	differ
	written
	kernels_own name ".data.$(named added patched.o)"
	has_reloc ".data.$(named added patched.o)" 64 ".klp.ref.vmlinux.vmlinux.$(named name original.o),0" +0
}

@test "equal ones of two functions are told apart by their users" {
	original <<'END'
		const void *f(int x) { static const long none[3]; ext(x + 1); return none; }
		const void *g(int x) { static const long none[3]; ext2(x + 1); return none; }
END
	patched 's/x \+ 1/x + 3/'
	shifted
	differ
	written
	for f in f g; do
		was=$(relocs ".text.$f" original.o | sed -n 's/.* [.]rodata[.]\(none[.][01]\) .*/\1/p')
		[[ -n $was ]]
		grep -F ".vmlinux.$was,0" <(relocs ".text.$f")
	done
}

@test "one that the kernel does not have, or has with another value, is the patch's own" {
	original <<< 'const void *f(int x) { static const int tab[] = { 5, 6, 8 }; ext(x); return tab; }'
	patched 's/6, 8/6, 9/'
	differ
	written
	copied tab
	patched 's/ext\(x\)/ext(x + 1)/'
	extra_ksyms=("ffffffff84000000 d $(named tab original.o)")
	rm -f kallsyms out.o
	differ
	written
	copied tab
}

@test "another constant of the same value is a change" {
	original <<< 'void *g(const void *); int f(int x) { static const long one[2]; g(one); return ext(x); }'
	patched 's/one/two/g'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	copied two
}

# zram: a name that is not the default's is freed. Where the kernel has a string of a module cannot be said.
@test "a string of a module whose address other code compares: one that gets away is refused" {
	owner=mod
	original <<'END'
		struct z { long pad; const char *alg; };
		static const char *fallback = "lzo-rle";
		int drop(struct z *z, int x) { return z->alg != fallback ? ext(x) : 0; }
		int set(struct z *z, int x) { z->alg = fallback; return ext2(x + 1); }
		int tell(struct z *z, int x) { _printk("%s", fallback); return ext2(x + 2); }
END
	patched 's/x \+ 1/x + 3/'
	differ
	refused literal-compared
	[[ $stderr == *"set+0x"*"its address gets away"* ]]
	patched 's/x \+ 2/x + 4/'
	differ
	written
	# another one's address is nothing that the kernel compares
	patched 's/x \+ 1/x + 3/' 's/z->alg = fallback/z->alg = "lz4"/'
	differ
	written
}

@test "a folded variable that comes back, and other code that compares what it points to: refused" {
	owner=mod
	original <<'END'
		struct z { long pad; const char *alg; };
		static const char *first = "lzo-rle", *second = "lzo-rle";
		int drop(struct z *z, int x) { return z->alg != second ? ext(x) : 0; }
		int set(struct z *z, int x) { _printk("%s", first); return ext2(x + 1); }
END
	patched 's/ext2\(x \+ 1\)/(first = x > 7 ? "lz4" : first, z->alg = first, 5)/'
	differ
	refused literal-compared
	[[ $stderr == *"its address gets away"* ]]
}

# lib/vsprintf.c: resource_string() copies ten bytes at most of "io  "
@test "a loop over a string that ends behind it: the limit is the copy's, unless the pointer is from elsewhere" {
	owner=mod
	original <<'END'
		static const char *cursor;
		char *loop(char *to, int x) { const char *s = "tiny"; for (int left = 10; left-- && *s;) *to++ = *s++; ext(x + 1); return to; }
		int lone(int x) { return cursor == "next" + 9 ? ext(x + 2) : 0; }
		int ring(int x) { if (++cursor == "/-+" + 6) cursor = "/-+"; return ext(x + 3); }
		int start(int x) { cursor = "/-+"; return ext(x + 4); }
END
	patched 's/x \+ 2/x + 7/'
	differ
	refused literal-compared
	patched 's/x \+ 3/x + 7/'
	differ
	refused literal-compared
	# what the kernel's ring() does not find again
	patched 's/x \+ 4/x + 7/'
	differ
	refused literal-compared
	[[ $stderr == *"start+0x"*"its address gets away"* ]]
	patched 's/x \+ 1/x + 7/'
	differ
	written
	[[ $(relocs .text.loop | grep -c 'str1.1') == 2 ]]
}

@test "a loop that the patch brings, and a pointer from elsewhere that meets its limit: refused" {
	owner=mod
	original <<'END'
		static const char *cursor;
		char *f(char *to, int x) { cursor = "/-+"; ext(x); return to; }
END
	patched <<'END'
		static const char *cursor;
		char *f(char *to, int x) {
			const char *s = "/-+";
			for (int left = 6; left-- && *s;) *to++ = *s++;
			if (++cursor == "/-+" + 6) { ext(x); cursor = "/-+"; }
			ext(x);
			return to;
		}
END
	differ
	refused literal-compared
}
