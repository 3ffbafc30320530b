/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each section is. Decided once, from its type and flags, from the machine's table of
 * special sections and from the names below, and never again: later passes and other rooms look
 * at section.kind.
 */
#include <elf.h>

#include "lib/elf/reader.h"

/* Names that say what a section is, on every machine. The first rule that matches counts. */
struct rule {
	const char *name; /* a trailing "*" stands for any rest, none included */
	enum section_kind kind;
	bool per_cpu, once;
};

static const struct rule rules[] = {
	/* the many, first */
	{ .name = ".text.*", .kind = SECTION_TEXT },
	{ .name = ".data..percpu*", .kind = SECTION_DATA, .per_cpu = true },
	{ .name = ".bss..percpu*", .kind = SECTION_DATA, .per_cpu = true },
	{ .name = ".data..once", .kind = SECTION_DATA, .once = true },
	{ .name = ".data.once", .kind = SECTION_DATA, .once = true },
	{ .name = ".data..init*", .kind = SECTION_INIT },
	{ .name = ".data.rel.ro*", .kind = SECTION_RODATA },
	{ .name = ".data.*", .kind = SECTION_DATA },
	{ .name = ".rodata.*", .kind = SECTION_RODATA },
	{ .name = ".bss.*", .kind = SECTION_BSS },
	{ .name = ".debug*", .kind = SECTION_DEBUG },
	{ .name = ".zdebug*", .kind = SECTION_DEBUG },
	{ .name = ".text", .kind = SECTION_TEXT },
	{ .name = ".data", .kind = SECTION_DATA },
	{ .name = ".bss", .kind = SECTION_BSS },
	{ .name = ".rodata", .kind = SECTION_RODATA },
	{ .name = ".rodata1", .kind = SECTION_RODATA },

	/* code with a section of its own, there as long as the kernel or the module is */
	{ .name = ".sched.text*", .kind = SECTION_TEXT },
	{ .name = ".spinlock.text*", .kind = SECTION_TEXT },
	{ .name = ".noinstr.text*", .kind = SECTION_TEXT },
	{ .name = ".entry.text*", .kind = SECTION_TEXT },
	{ .name = ".irqentry.text*", .kind = SECTION_TEXT },
	{ .name = ".softirqentry.text*", .kind = SECTION_TEXT },
	{ .name = ".kprobes.text*", .kind = SECTION_TEXT },
	{ .name = ".cpuidle.text*", .kind = SECTION_TEXT },
	{ .name = ".ref.text*", .kind = SECTION_TEXT },
	/* with memory hotplug these stay; without it they go, and then no klp symbol is found */
	{ .name = ".meminit.text*", .kind = SECTION_TEXT },
	{ .name = ".memexit.text*", .kind = SECTION_TEXT },

	{ .name = ".ref.data*", .kind = SECTION_DATA },
	{ .name = ".ref.rodata*", .kind = SECTION_RODATA },
	{ .name = ".meminit.data*", .kind = SECTION_DATA },
	{ .name = ".memexit.data*", .kind = SECTION_DATA },
	{ .name = ".meminit.rodata*", .kind = SECTION_RODATA },
	{ .name = ".memexit.rodata*", .kind = SECTION_RODATA },
	{ .name = ".vvar_*", .kind = SECTION_DATA },
	{ .name = ".brk_reservation", .kind = SECTION_BSS },
	{ .name = ".brk.*", .kind = SECTION_BSS },
	{ .name = ".bss..*", .kind = SECTION_BSS },
	/* scheduling classes, ordered by the linker */
	{ .name = "__stop_sched_class", .kind = SECTION_RODATA },
	{ .name = "__dl_sched_class", .kind = SECTION_RODATA },
	{ .name = "__rt_sched_class", .kind = SECTION_RODATA },
	{ .name = "__fair_sched_class", .kind = SECTION_RODATA },
	{ .name = "__ext_sched_class", .kind = SECTION_RODATA },
	{ .name = "__idle_sched_class", .kind = SECTION_RODATA },

	/* gone after boot or after the load of a module; and code that ends a module */
	{ .name = ".init.*", .kind = SECTION_INIT },
	{ .name = ".exit.*", .kind = SECTION_INIT },
	{ .name = ".head.text", .kind = SECTION_INIT },
	{ .name = ".initcall*", .kind = SECTION_INIT },
	{ .name = ".con_initcall.init", .kind = SECTION_INIT },
	{ .name = ".security_initcall.init", .kind = SECTION_INIT },
	{ .name = ".exitcall.exit", .kind = SECTION_INIT },
	{ .name = ".lsm_info.init", .kind = SECTION_INIT },
	{ .name = ".early_lsm_info.init", .kind = SECTION_INIT },
	{ .name = ".x86_cpu_dev.init", .kind = SECTION_INIT },
	{ .name = ".apicdrivers", .kind = SECTION_INIT },
	{ .name = ".kunit_init_test_suites", .kind = SECTION_INIT },
	{ .name = "__earlycon_table", .kind = SECTION_INIT },
	/* tables of drivers that are walked while the kernel boots */
	{ .name = "__clksrc_of_table", .kind = SECTION_INIT },
	{ .name = "__clk_of_table", .kind = SECTION_INIT },
	{ .name = "__timer_of_table", .kind = SECTION_INIT },
	{ .name = "__irqchip_of_table", .kind = SECTION_INIT },
	{ .name = "__cpu_method_of_table", .kind = SECTION_INIT },
	{ .name = "__reservedmem_of_table", .kind = SECTION_INIT },
	{ .name = "__irqchip_acpi_probe_table", .kind = SECTION_INIT },
	{ .name = "__timer_acpi_probe_table", .kind = SECTION_INIT },
	{ .name = "__governor_thermal_table", .kind = SECTION_INIT },

	/* what is exported: until the module's link, a section each */
	{ .name = "___ksymtab*", .kind = SECTION_EXPORT },
	{ .name = "__ksymtab*", .kind = SECTION_EXPORT },
	{ .name = "___kcrctab*", .kind = SECTION_EXPORT },
	{ .name = "__kcrctab*", .kind = SECTION_EXPORT },
	{ .name = "___kflagstab*", .kind = SECTION_EXPORT },
	{ .name = "__kflagstab*", .kind = SECTION_EXPORT },
	{ .name = ".export_symbol", .kind = SECTION_EXPORT },

	{ .name = ".orc_*", .kind = SECTION_TOOL },
	{ .name = ".sframe", .kind = SECTION_TOOL },
	{ .name = ".BTF*", .kind = SECTION_DEBUG },
	{ .name = ".eh_frame*", .kind = SECTION_DEBUG },
	{ .name = ".stab*", .kind = SECTION_DEBUG },
	{ .name = ".discard.*", .kind = SECTION_DISCARD },
	{ .name = ".comment*", .kind = SECTION_META },
	{ .name = ".note.*", .kind = SECTION_META },
	{ .name = ".llvm_addrsig", .kind = SECTION_META },
	{ .name = ".gnu.lto_*", .kind = SECTION_META },
	{ .name = ".GCC.command.line", .kind = SECTION_META },
};

/* Containers of the file format, by their type. */
static bool kind_by_type(const struct section *s, enum section_kind *kind)
{
	switch (s->type) {
	case SHT_NULL:
	case SHT_SYMTAB:
	case SHT_STRTAB:
	case SHT_SYMTAB_SHNDX:
	case SHT_GROUP:
		*kind = SECTION_META;
		return true;
	case SHT_RELA:
	case SHT_REL:
		*kind = SECTION_RELA;
		return true;
	default:
		return false;
	}
}

/* Sections of the compiler's pools of constants have flags that say so. */
static enum section_kind kind_of_rodata(const struct section *s)
{
	if (!(s->flags & SHF_MERGE) || !s->entsize)
		return SECTION_RODATA;
	return s->flags & SHF_STRINGS ? SECTION_STRINGS : SECTION_CONSTANTS;
}

static bool flags_agree(const struct section *s, enum section_kind kind)
{
	switch (kind) {
	case SECTION_TEXT:
		return (s->flags & (SHF_ALLOC | SHF_EXECINSTR)) == (SHF_ALLOC | SHF_EXECINSTR) &&
		       s->type == SHT_PROGBITS;
	case SECTION_DATA:
	case SECTION_RODATA:
	case SECTION_BSS:
		return s->flags & SHF_ALLOC && !(s->flags & SHF_EXECINSTR);
	default:
		return true;
	}
}

static void classify_by_rule(struct section *s)
{
	s->kind = SECTION_UNKNOWN;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!section_name_matches(rules[i].name, s->name) || !flags_agree(s, rules[i].kind))
			continue;
		s->kind = rules[i].kind;
		s->per_cpu = rules[i].per_cpu;
		s->once = rules[i].once;
		break;
	}
	if (s->kind == SECTION_RODATA)
		s->kind = kind_of_rodata(s);
	if (s->kind == SECTION_DATA && s->type == SHT_NOBITS && !s->per_cpu)
		s->kind = SECTION_BSS;
}

int classify(struct reader *r)
{
	for (uint32_t i = 0; i < r->o->n_sections; i++) {
		struct section *s = &r->o->sections[i];
		const struct special_section *special;

		if (kind_by_type(s, &s->kind))
			continue;
		special = arch_special(r->arch, s->name);
		if (special) {
			s->kind = special->kind;
			s->special = &special->special;
		} else {
			classify_by_rule(s);
		}
		if (section_has_atoms(s) && s->flags & SHF_COMPRESSED)
			return damaged(r, s, 0, "compressed section that is no debug information");
	}
	return 0;
}
