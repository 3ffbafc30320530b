// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which functions of installed code does nobody use but code that is gone once the kernel has booted, or the module has been
 * loaded? A module has relocations, which say it. In vmlinux whatever may be a branch to the function, or its address,
 * counts as a use, wherever it stands: that errs on the side of a function that is used. Boot code that takes the address
 * registers the function, and whoever it registers it with calls it later: only a branch, or an initcall, is its own use.
 */
#include <elf.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/installed_private.h"

enum use { NO_USE, USED_BY_BOOT, USED };

/* What __exit code calls has not run while the module is loaded. */
static bool is_boot(const char *section)
{
	return !strncmp(section, ".init", 5);
}

/* Tables that describe code, and debug information, use nothing. */
static bool describes(const struct arch *arch, const char *section, uint64_t flags)
{
	static const char *const tables[] = { "__mcount_loc",	    ".orc_",
					      ".return_sites",	    ".call_sites",
					      ".static_call_sites", "__patchable_function_entries" };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		if (!strncmp(section, tables[i], strlen(tables[i])))
			return true;
	return !(flags & SHF_ALLOC) || (arch->seals && !strcmp(section, arch->seals));
}

/* Modules */

static bool leads_to(const struct installed *in, const struct installed_rela *r, uint32_t section,
		     uint64_t value)
{
	const struct kmodule_symbol *s = &in->module->symbols[r->symbol];
	uint64_t to = s->value + (uint64_t)r->addend;

	if (s->section != section)
		return false;
	/* a symbol of the function's own, or that of its section; a branch counts from behind its field */
	return s->value == value || to == value ||
	       ((r->type == in->arch->relative_type || r->type == in->arch->call_type) && to + 4 == value);
}

static enum use used_in_module(const struct installed *in, uint32_t section, uint64_t value)
{
	const struct kmodule *m = in->module;
	enum use use = NO_USE;

	for (uint32_t i = 1; i < m->n_sections && use != USED; i++) {
		if (describes(in->arch, m->sections[i].name, m->sections[i].flags))
			continue;
		for (uint32_t r = 0; r < in->relas[i].count && use != USED; r++)
			if (leads_to(in, &in->relas[i].list[r], section, value))
				use = is_boot(m->sections[i].name) &&
						      in->relas[i].list[r].type == in->arch->call_type ?
					      USED_BY_BOOT :
					      USED;
	}
	return use;
}

/* vmlinux */

static enum use used_at(const struct arch *arch, const struct elf_section *s, uint64_t at, uint64_t address)
{
	bool code = (s->flags & SHF_EXECINSTR) != 0, led;
	int32_t value;

	memcpy(&value, s->data + at, sizeof(value));
	/* as 64 bits in data, as 32 in code: the low half is the same */
	if ((uint32_t)value == (uint32_t)address)
		return USED;
	/* branches, and addresses from their instruction's end; distances from their own place in tables: exports, initcalls */
	led = s->address + at + (code ? 4 : 0) + (uint64_t)value == address;
	if (!led)
		return NO_USE;
	if (!is_boot(s->name))
		return USED;
	return !code || arch->is_branch(&(struct code_field){ s->data, s->size, (uint32_t)at, 4, true }) ?
		       USED_BY_BOOT :
		       USED;
}

static enum use used_in_image(const struct installed *in, uint64_t address)
{
	enum use use = NO_USE;

	for (uint32_t i = 0; i < in->image->n_sections && use != USED; i++) {
		const struct elf_section *s = &in->image->sections[i];

		if (!s->data || describes(in->arch, s->name, s->flags))
			continue;
		for (uint64_t at = 0; at + 4 <= s->size && use != USED; at++) {
			enum use here = used_at(in->arch, s, at, address);

			use = here == NO_USE ? use : here;
		}
	}
	return use;
}

bool installed_boot_only(const struct installed *in, const char *name)
{
	uint32_t i = installed_first(in, name);

	/* of several nobody knows which is meant */
	if (i == INSTALLED_NONE || installed_next(in, i) != INSTALLED_NONE || in->arch->big_endian)
		return false;
	if (in->image)
		return used_in_image(in, installed_address(in, i)) == USED_BY_BOOT;
	return used_in_module(in, in->module->symbols[i].section, in->module->symbols[i].value) ==
	       USED_BY_BOOT;
}
