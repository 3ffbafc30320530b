/* SPDX-License-Identifier: GPL-2.0-only */
/* The machines that are known, and the names of others. */
#include "lib/arch/arch.h"

#include <elf.h>
#include <string.h>

#include "lib/arch/ppc64le/ppc64le.h"
#include "lib/arch/s390x/s390x.h"
#include "lib/arch/x86_64/x86_64.h"

static const struct arch *const archs[] = {
	&arch_x86_64,
	&arch_ppc64le,
	&arch_s390x,
};

const char *const arch_directories[] = {
	"alpha", "arc",	       "arm",	"arm64", "csky",     "hexagon", "ia64",	   "loongarch",
	"m68k",	 "microblaze", "mips",	"nios2", "openrisc", "parisc",	"powerpc", "riscv",
	"s390",	 "sh",	       "sparc", "um",	 "x86",	     "xtensa",	NULL,
};

const struct arch *arch_find(uint16_t machine)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (archs[i]->machine == machine)
			return archs[i];
	return NULL;
}

const struct arch *arch_named(const char *name)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (!strcmp(archs[i]->name, name))
			return archs[i];
	return NULL;
}

const struct arch *arch_of_boot_image(const uint8_t *head, size_t size)
{
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++)
		if (archs[i]->boot_image && archs[i]->boot_image->is(head, size))
			return archs[i];
	return NULL;
}

const char *arch_machine_name(uint16_t machine)
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

static const struct special_section *find(const struct special_section *all, const char *name)
{
	for (; all->special.name; all++)
		if (section_name_matches(all->special.name, name))
			return all;
	return NULL;
}

const struct special_section *arch_special(const struct arch *arch, const char *name)
{
	const struct special_section *own = find(arch->specials, name);

	return own ? own : find(common_specials, name);
}
