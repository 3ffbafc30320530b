# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# What an s390x kernel is compiled with, as far as it shows in an object, by Debian's cross compiler. Sourced.

# shellcheck source=everything.bash
. "${BASH_SOURCE[0]%/*}/everything.bash"

S390_CC=s390x-linux-gnu-gcc
S390_OBJCOPY=s390x-linux-gnu-objcopy
S390_OBJDUMP=s390x-linux-gnu-objdump
S390_FLAGS=(-O2 -std=gnu11 -ffreestanding -fPIE -m64 -march=z14 -mbackchain -msoft-float -mpacked-stack
	-pg -mfentry -mrecord-mcount -mnop-mcount -mindirect-branch=thunk-extern -mfunction-return=thunk-extern
	-mindirect-branch-table -fno-asynchronous-unwind-tables -fno-strict-aliasing -fno-common -fno-stack-protector -w)
S390_SPLIT=(-ffunction-sections -fdata-sections)

# s390_everything: a source with what the kernel's code is made of
s390_everything() {
	plain_everything
	cat <<-'END'
		int through(int (*p)(int)) { return p(3) + 1; }
		int label(int x)
		{
			asm goto("0: brcl 0,%l[yes]\n.pushsection __jump_table,\"aw\"\n.balign 8\n.long 0b - ., %l[yes] - .\n"
				 ".quad extvar - .\n.popsection" :::: yes);
			return x;
		yes:
			return ext(2);
		}
		int bug(int x)
		{
			asm volatile("0: mc 0,0\n.section .rodata.str,\"aMS\",@progbits,1\n1: .asciz \"file.c\"\n.previous\n"
				     ".pushsection __bug_table,\"aw\"\n2: .long 0b - ., 1b - .\n.short 77, 1\n.org 2b + 12\n.popsection");
			asm volatile("0: lg %0,0(%0)\n1:\n.pushsection __ex_table,\"a\"\n.balign 4\n.long 0b - ., 1b - .\n"
				     ".short 3, 0\n.popsection" : "+a"(x));
			return x;
		}
		int alternative(int x)
		{
			asm volatile("661: brcl 0,.\n662:\n.pushsection .altinstr_replacement,\"ax\"\n6641: brasl %%r14,ext2\n6651:\n"
				     ".popsection\n.pushsection .altinstructions,\"a\"\n.long 661b - ., 6641b - .\n.word 9\n.byte 662b - 661b\n"
				     ".popsection" ::: "14");
			asm volatile("661: nop\n662:\n.pushsection .altinstr_replacement,\"ax\"\n6641: lghi %%r0,1\n6651:\n"
				     ".popsection\n.pushsection .altinstructions,\"a\"\n.long 661b - ., 6641b - .\n.word 9\n.byte 662b - 661b\n"
				     ".popsection" ::: "0");
			return x;
		}
	END
}
