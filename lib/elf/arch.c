/* SPDX-License-Identifier: GPL-2.0-only */
/* The machines that the object model knows, and the names of others. */
#include "lib/elf/arch.h"

#include <elf.h>

static const struct elf_arch *const archs[] = {
	&elf_arch_x86_64,
};

const struct elf_arch *elf_arch_find(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (archs[i]->machine == machine)
			return archs[i];
	return NULL;
}

const char *elf_machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_386:
		return "i386";
	case EM_AARCH64:
		return "aarch64";
	case EM_ARM:
		return "arm";
	case EM_PPC64:
		return "ppc64";
	case EM_PPC:
		return "powerpc";
	case EM_S390:
		return "s390";
	case EM_RISCV:
		return "riscv";
	case EM_MIPS:
		return "mips";
	case EM_LOONGARCH:
		return "loongarch";
	case EM_BPF:
		return "BPF";
	default:
		return NULL;
	}
}
