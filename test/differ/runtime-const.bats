#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Constants that 6.12 and later write into built-in code while they boot.

load differ.bash

with_constant() {
	cat <<'END'
		static __used noinline unsigned long table(void)
		{
			unsigned long p;
			asm("mov $0x0123456789abcdef,%0\n1:\n.pushsection runtime_ptr_hashtable,\"a\"\n"
			    ".long 1b - 8 - .\n.popsection" : "=r" (p));
			return p;
		}
		int f(int x) { return ext(table() + x); }
		int g(int x) { return ext2(x) + 1; }
END
}

@test "a function with a run-time constant cannot be replaced" {
	original < <(with_constant)
	patched 's/return p;/return p + 1;/'
	differ
	refused built-in-only
	[[ $stderr == *"table: it has a run-time constant (runtime_ptr_hashtable)"* ]]
}

@test "its callers and its neighbours can" {
	original < <(with_constant)
	patched 's/table\(\) \+ x/table() - x/' 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(funcs) == *"f f 0 vmlinux"* && $(funcs) == *"g g 0 vmlinux"* ]]
	no grep -q runtime_ptr <(readelf -SW out.o)
}
