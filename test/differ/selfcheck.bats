#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The pass that reads the output again sees any damage: test/unit/selfcheck.c tries thousands.

load differ.bash

@test "damage of every byte, relocation and symbol of an output, and of what was decided of each reference, is seen by the self-check" {
	make -s -C "$TOP" build/test/selfcheck
	original <<-'END'
		void exported_call(const char *, void *);
		extern int __SCT__hook(int);
		extern char __SCK__hook;
		static __used __section(".discard.addressable") void *keep = &__SCK__hook;
		static int counter;
		int table[4] = { 1, 2, 3, 4 };
		static noinline int other(int x) { return ext2(x) + counter; }
		noinline int f(int x)
		{
			counter += x;
			exported_call("some text", table);
			if (x > 3)
				asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n.long 1b - ., 0\n"
					     ".word 7, 0\n.popsection");
			return other(x) + 1;
		}
		int g(int x) { return f(x) + table[x & 3]; }
		int h(int x) { return __SCT__hook(x) + 1; }
	END
	{
		sed 's/other(x) + 1;/other(x) + 2;/; s/hook(x) + 1;/hook(x) + 2;/' original.c
		added_code
	} > patched.c
	compile original
	compile patched
	run "$TOP/build/test/selfcheck" original.o patched.o
	echo "$output"
	[[ $status -eq 0 && $(grep -c '^ok' <<< "$output") -eq 8 ]]
}
