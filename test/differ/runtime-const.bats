#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Constants that 6.12 and later write into built-in code while they boot.

load differ.bash

with_constant() {
	cat <<'END'
		static __used unsigned long hashtable;
		static __used noinline unsigned long table(void)
		{
			unsigned long p;
			asm("mov $0x0123456789abcdef,%0\n1:\n.pushsection runtime_ptr_hashtable,\"a\"\n"
			    ".long 1b - 8 - .\n.popsection" : "=r" (p));
			return p;
		}
		static __used noinline unsigned long limit(unsigned long x)
		{
			register unsigned long p asm("r9");
			asm("mov $0x0123456789abcdef,%0\n1:\n.pushsection runtime_ptr_LIMIT,\"a\"\n"
			    ".long 1b - 8 - .\n.popsection" : "=r" (p));
			return p - x;
		}
		static __used noinline unsigned int shifted(unsigned int x)
		{
			asm("shrl $12,%k0\n1:\n.pushsection runtime_shift_hashshift,\"a\"\n"
			    ".long 1b - 1 - .\n.popsection" : "+r" (x));
			return x;
		}
		int f(int x) { return ext(table() + limit(x) + shifted(x)); }
		int g(int x) { return ext2(x) + 1; }
END
}

# the bytes of the instruction that a relocation against SYMBOL is in, with the NOP behind it
load_of() { # SECTION SYMBOL
	local at
	at=$(relocs "$1" | awk -v s="$2" '$3 == s { print $1 }')
	[[ $at ]] && bytes "$1" | cut -c $(((16#$at - 3) * 2 + 1))-$(((16#$at + 7) * 2))
}

@test "a pointer that the kernel writes: the patch loads the variable, exported or not" {
	exported=(LIMIT)
	extra_ksyms=("ffffffff84000000 D LIMIT")
	original < <(with_constant)
	patched 's/return p;/return p + 1;/' 's/p - x/p + x/'
	differ
	written
	[[ $(funcs) == *"table table 0 vmlinux"* && $(funcs) == *"limit limit 0 vmlinux"* ]]
	no grep -q runtime_ptr <(readelf -SW out.o)
	has_reloc .text.table PC32 .klp.ref.vmlinux.vmlinux.hashtable,0 -4
	has_reloc .text.limit PC32 LIMIT -4
	# mov 0(%rip),%rax and mov 0(%rip),%r9, each with a NOP of three bytes
	[[ $(load_of .text.table .klp.ref.vmlinux.vmlinux.hashtable,0) == 488b05000000000f1f00 ]]
	[[ $(load_of .text.limit LIMIT) == 4c8b0d000000000f1f00 ]]
	no grep -q 'ef *cd *ab' <(objdump -d out.o)
}

@test "one whose variable the kernel does not have is refused" {
	original < <(with_constant)
	patched 's/p - x/p + x/'
	differ
	refused built-in-only
	[[ $stderr == *"limit: it has a run-time constant (runtime_ptr_LIMIT)"* ]]
}

@test "a shift that the kernel writes is refused" {
	original < <(with_constant)
	patched 's/return x;/return x + 1;/'
	differ
	refused built-in-only
	[[ $stderr == *"shifted: it has a run-time constant (runtime_shift_hashshift)"* ]]
}

@test "something else than a load of an immediate is refused" {
	original < <(with_constant | sed 's/"mov $0x0123456789abcdef,%0/"addq $0x01234567,%0\\n.quad 0x123456789abcdef/')
	patched 's/return p;/return p + 1;/'
	differ
	refused built-in-only
}

@test "callers and neighbours of such functions can be replaced" {
	original < <(with_constant)
	patched 's/table\(\) \+/table() -/' 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(funcs) == *"f f 0 vmlinux"* && $(funcs) == *"g g 0 vmlinux"* ]]
	no grep -q runtime_ptr <(readelf -SW out.o)
}
