# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# What a stock ppc64le kernel is compiled with, as far as it shows in an object, by Debian's cross compiler. Sourced.

# shellcheck source=everything.bash
. "${BASH_SOURCE[0]%/*}/everything.bash"

PPC_CC=powerpc64le-linux-gnu-gcc
PPC_OBJCOPY=powerpc64le-linux-gnu-objcopy
PPC_OBJDUMP=powerpc64le-linux-gnu-objdump
# without a code model: vmlinux has the medium one, modules have the large one
PPC_FLAGS=(-O2 -std=gnu11 -ffreestanding -fno-PIE -m64 -mlittle-endian -mabi=elfv2 -mcpu=power8 -msoft-float -mno-altivec -mno-vsx
	-mno-pointers-to-nested-functions -mtraceback=no -mprofile-kernel -pg -fno-asynchronous-unwind-tables
	-fno-strict-aliasing -fno-common -fno-stack-protector -w)
PPC_SPLIT=(-ffunction-sections -fdata-sections)

# ppc_everything: a source with what the kernel's code is made of
ppc_everything() {
	plain_everything
	cat <<-'END'
		int label(int x)
		{
			asm goto("1: nop\n.pushsection __jump_table,\"aw\"\n.long 1b - ., %l[yes] - .\n.quad extvar - .\n.popsection"
				 :::: yes);
			return x;
		yes:
			return ext(2);
		}
		int bug(int x)
		{
			asm volatile("1: twi 31,0,0\n.pushsection __bug_table,\"aw\"\n2: .long 1b - 2b, %0 - .\n.short 77, 1\n"
				     ".org 2b + 12\n.popsection" :: "i"("file.c"));
			asm volatile("1: lwz %0,0(%0)\n2:\n.pushsection __ex_table,\"a\"\n.balign 4\n.long 1b - ., 2b - .\n"
				     ".popsection" : "+r"(x));
			asm volatile("1: lwsync\n.pushsection __lwsync_fixup,\"a\"\n.balign 4\n2: .8byte 1b - 2b\n.popsection");
			return x;
		}
		int feature(int x)
		{
			asm volatile("1: nop\n2:\n.pushsection __ftr_alt_97,\"a\"\n.balign 8\n3: bl ext\n4:\n.popsection\n"
				     ".pushsection __ftr_fixup,\"a\"\n.balign 8\n5: .8byte 1, 1\n"
				     ".8byte 1b - 5b, 2b - 5b, 3b - 5b, 4b - 5b\n.popsection");
			return x;
		}
	END
}
