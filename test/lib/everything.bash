# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the sources of all machines' tests have in common. Sourced by the files of machines, which add what each has of its own.

# plain_everything: a source with what the kernel's code is made of, without assembly
plain_everything() {
	cat <<-'END'
		int ext(int), ext2(int), printk(const char *, ...);
		extern int extvar;
		static int count;
		int global = 5;
		static const int table[] = { 1, 2, 3, 4, 5, 6, 7 };
		__attribute__((__noinline__)) static int stat(int x) { static int calls; return ext(x) * 3 + count++ + calls++; }
		__attribute__((__noinline__)) int leaf(int x) { return x * 3; }
		int f(int x) { printk("hello %d\n", x); return stat(x) + global + extvar + table[x] + leaf(x) + 1; }
		void *take(void) { return stat; }
		int tail(int x) { return stat(x + 1); }
		int sw(int x)
		{
			switch (x) {
			case 1: return ext(3);
			case 2: return ext2(4);
			case 3: return ext(7) * 2;
			case 4: return ext2(9) + 5;
			case 5: return ext(11) ^ 77;
			case 6: ext(1); return 9;
			case 7: return ext2(33) * ext(3);
			}
			return 0;
		}
		void *pointers[] = { &count, stat, f };
		const struct { int (*a)(int), (*b)(int); const char *name; } ops = { f, stat, "ops" };
	END
}
