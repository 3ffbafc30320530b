// SPDX-License-Identifier: GPL-2.0-only
/*
 * Klp references become what the kernel documents in Documentation/livepatch/module-elf-format.rst:
 * symbols that it resolves itself and relocation sections that it applies when the object they
 * belong to is loaded. Changes an elf_edit; the ordinary relocations stay as they are.
 *
 * Guard sections: klp_resolve_symbols() looks up all symbols of one section before that section is
 * applied, but sections are taken one after the other. If a symbol of the second is missing, the
 * first has been applied already and the module can never be loaded again on kernels that do not
 * clear. So the first section of each module has relocations without effect only, one for each
 * symbol that the others use and one for each function that is replaced, and every lookup that can
 * fail does so before anything was written.
 */
#include "kpatch-build/finish/finish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "kpatch-build/link/link.h"
#include "lib/arch/arch.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

/* A relocation that is on its way from an ordinary section to a klp section. */
struct moved {
	const char *object; /* section object */
	uint32_t target;    /* section it applies to */
	Elf64_Rela rela;
	size_t order; /* keeps the sort stable */
};

struct klp {
	struct elf_edit *f;
	struct diags *diags;
	struct klp_ref *refs; /* by symbol index; .name NULL: not a klp reference */
	bool *used;	      /* by symbol index */
	struct moved *moved;
	size_t n_moved;
	uint32_t n_refs; /* symbols that existed when @refs was made */
};

/*
 * Sections that module_finalize(), post_relocation() and the notifiers of a module that is being
 * loaded read (alternatives, static calls, jump labels, unwinding, ftrace, bug table, …), and those
 * that are freed or unmapped after its init function.
 */
bool section_read_early(const struct arch *arch, const char *name)
{
	static const char *const names[] = {
		".data..percpu",	KPATCH_FUNCS_SECTION, KPATCH_CALLBACKS_SECTION,
		KPATCH_STRINGS_SECTION, KPATCH_PATCH_SECTION, KPATCH_TARGETS_SECTION,
	};
	const struct special_section *special = arch_special(arch, name);

	if (!strncmp(name, ".init", 5) || !strncmp(name, "__ksymtab", 9) || !strncmp(name, "__kcrctab", 9))
		return true;
	if ((special && special->special.read_early) ||
	    (arch->unwind && !strcmp(name, arch->unwind->entries)))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* The type, if the kernel's loader applies it. */
static const struct reloc_type *loaded_type(const struct arch *arch, uint32_t type)
{
	const struct reloc_type *t = arch_reloc(arch, type);

	return t && t->loaded ? t : NULL;
}

static int parse_refs(struct klp *k)
{
	struct elf_edit *f = k->f;
	uint32_t i;
	int ret, result = 0;

	k->n_refs = f->n_symbols;
	k->refs = arena_array(f->arena, f->n_symbols, sizeof(*k->refs));
	k->used = arena_array(f->arena, f->n_symbols, sizeof(*k->used));
	for (i = 1; i < f->n_symbols; i++) {
		if (!elf_edit_undefined(&f->symbols[i]))
			continue;
		ret = klp_ref_parse(f->arena, f->symbols[i].name, &k->refs[i]);
		if (ret == -EINVAL) {
			diag_error(k->diags, "klp-reference-malformed", diag_file(f->path), NULL,
				   "'%s' is not a klp reference that a kernel can resolve",
				   f->symbols[i].name);
			result = ret;
		} else if (ret == -ENOENT && f->symbols[i].bind == STB_WEAK) {
			diag_error(k->diags, "symbol-undefined", diag_file(f->path),
				   "The kernel would take it for a null pointer",
				   "the weak symbol '%s' is defined nowhere", f->symbols[i].name);
			result = -EINVAL;
		}
	}
	return result;
}

static int refuse(const struct klp *k, const char *id, uint32_t target, const Elf64_Rela *rela,
		  const char *what)
{
	struct diag_place place = {
		.file = k->f->path,
		.function = k->f->sections[target].name,
		.offset = rela->r_offset,
		.has_offset = true,
	};
	const struct klp_ref *ref = &k->refs[ELF64_R_SYM(rela->r_info)];

	diag_error(k->diags, id, &place, NULL, "the reference to '%s' of %s %s", ref->name,
		   ref->symbol_object, what);
	return -EINVAL;
}

static int take(struct klp *k, uint32_t target, const Elf64_Rela *rela)
{
	const struct klp_ref *ref = &k->refs[ELF64_R_SYM(rela->r_info)];
	struct elf_edit_section *s = &k->f->sections[target];
	const struct reloc_type *type = loaded_type(k->f->arch, ELF64_R_TYPE(rela->r_info));

	if (!type)
		return refuse(k, "klp-relocation-type", target, rela,
			      "is of a relocation type that the kernel does not apply");
	if (!s->data || rela->r_offset > s->size || s->size - rela->r_offset < type->width)
		return refuse(k, "klp-reference-malformed", target, rela, "lies outside of its section");
	if (!is_vmlinux(ref->section_object) && section_read_early(k->f->arch, s->name))
		return refuse(k, "klp-reference-early", target, rela,
			      "is in a section that the kernel reads before that module is there");
	reloc_clear(type, k->f->arch->big_endian, s->data + rela->r_offset);
	k->used[ELF64_R_SYM(rela->r_info)] = true;
	k->moved[k->n_moved] = (struct moved){
		.object = ref->section_object,
		.target = target,
		.rela = *rela,
		.order = k->n_moved,
	};
	k->n_moved++;
	return 0;
}

/* Takes the klp references out of one relocation section. */
static int split_section(struct klp *k, uint32_t index)
{
	struct elf_edit_section *s = &k->f->sections[index];
	bool kept_in_memory = k->f->sections[s->info].flags & SHF_ALLOC;
	size_t i, n, kept = 0;
	Elf64_Rela *rela = elf_edit_relas(k->f, index, &n);
	int ret, result = 0;

	for (i = 0; i < n; i++) {
		if (!k->refs[ELF64_R_SYM(rela[i].r_info)].name) {
			rela[kept++] = rela[i];
			continue;
		}
		/* What is not loaded is not relocated either. */
		if (!kept_in_memory)
			continue;
		ret = take(k, s->info, &rela[i]);
		if (ret)
			result = ret;
	}
	s->size = kept * sizeof(*rela);
	if (n && !kept)
		s->removed = true;
	return result;
}

static int split_sections(struct klp *k)
{
	const struct elf_edit *f = k->f;
	size_t total = 0;
	uint32_t i;
	int ret, result = 0;

	for (i = 1; i < f->n_sections; i++)
		if (f->sections[i].type == SHT_RELA)
			total += f->sections[i].size / sizeof(Elf64_Rela);
	k->moved = arena_array(f->arena, total, sizeof(*k->moved));
	for (i = 1; i < f->n_sections; i++) {
		if (f->sections[i].type != SHT_RELA || f->sections[i].removed)
			continue;
		ret = split_section(k, i);
		if (ret)
			result = ret;
	}
	return result;
}

static int by_object_and_target(const void *x, const void *y)
{
	const struct moved *a = x, *b = y;
	int order = strcmp(a->object, b->object);

	if (order)
		return order;
	if (a->target != b->target)
		return a->target < b->target ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/*
 * The position to search for. With zero the core reads all symbols, before 6.3 those of all modules, to see that there is no
 * other of the name. The installed file of this very build says so, and with one the search ends at the symbol: the module
 * that is being loaded is the first that it looks at.
 */
static unsigned long searched(unsigned long position)
{
	return position ? position : 1;
}

static void rename_symbols(struct klp *k)
{
	uint32_t i;

	for (i = 1; i < k->n_refs; i++) {
		struct elf_edit_symbol *s = &k->f->symbols[i];
		const struct klp_ref *ref = &k->refs[i];

		if (!ref->name)
			continue;
		if (!k->used[i]) {
			s->removed = true;
			continue;
		}
		s->name =
			klp_symbol_name(k->f->arena, ref->symbol_object, ref->name, searched(ref->position));
		s->bind = STB_GLOBAL;
		s->reserved = SHN_LIVEPATCH;
	}
}

static void add_rela_section(struct klp *k, const char *object, uint32_t target, Elf64_Rela *rela, size_t n)
{
	struct elf_edit_section section = {
		.name = klp_section_name(k->f->arena, object, k->f->sections[target].name),
		.type = SHT_RELA,
		.flags = SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH,
		.align = 8,
		.entsize = sizeof(Elf64_Rela),
		.info = target,
		.data = (uint8_t *)rela,
		.size = n * sizeof(*rela),
	};

	elf_edit_add_section(k->f, &section);
}

/* The livepatch symbol for function @name of @object, made if no reference has one. */
static uint32_t function_symbol(struct klp *k, const struct module_entry *func)
{
	struct elf_edit_symbol symbol = {
		.name = klp_symbol_name(k->f->arena, func->object, func->name, searched(func->number)),
		.bind = STB_GLOBAL,
		.type = STT_NOTYPE,
		.reserved = SHN_LIVEPATCH,
	};
	uint32_t i;

	if (!symbol.name)
		return 0;
	for (i = 1; i < k->f->n_symbols; i++)
		if (k->f->symbols[i].reserved == SHN_LIVEPATCH && !strcmp(k->f->symbols[i].name, symbol.name))
			return i;
	return elf_edit_add_symbol(k->f, &symbol);
}

/* The guard of one module; @moved are its @n relocations. */
static void add_guard(struct klp *k, const struct moved *moved, size_t n, const struct module_entries *funcs)
{
	Elf64_Rela *rela = arena_array(k->f->arena, n + funcs->n, sizeof(*rela));
	bool *seen = arena_array(k->f->arena, k->n_refs, sizeof(*seen));
	uint32_t target = elf_edit_find_section(k->f, KPATCH_FUNCS_SECTION);
	size_t i, count = 0;

	for (i = 0; i < n; i++) {
		uint32_t symbol = ELF64_R_SYM(moved[i].rela.r_info);

		if (seen[symbol])
			continue;
		seen[symbol] = true;
		rela[count++].r_info = ELF64_R_INFO(symbol, k->f->arch->guard_type);
	}
	for (i = 0; i < funcs->n; i++) {
		uint32_t symbol;

		if (strcmp(funcs->entry[i].object, moved->object))
			continue;
		symbol = function_symbol(k, &funcs->entry[i]);
		if (symbol < k->n_refs && seen[symbol])
			continue;
		rela[count++].r_info = ELF64_R_INFO(symbol, k->f->arch->guard_type);
	}
	add_rela_section(k, moved->object, target, rela, count);
}

/* Elements of @moved from @start on for which nothing but the place in the section differs. */
static size_t run_length(const struct klp *k, size_t start, bool same_target)
{
	size_t i;

	for (i = start + 1; i < k->n_moved; i++)
		if (strcmp(k->moved[i].object, k->moved[start].object) ||
		    (same_target && k->moved[i].target != k->moved[start].target))
			break;
	return i - start;
}

static void add_sections(struct klp *k, size_t start, size_t end)
{
	while (start < end) {
		size_t i, n = run_length(k, start, true);
		Elf64_Rela *rela = arena_array(k->f->arena, n, sizeof(*rela));

		for (i = 0; i < n; i++)
			rela[i] = k->moved[start + i].rela;
		add_rela_section(k, k->moved[start].object, k->moved[start].target, rela, n);
		start += n;
	}
}

static void add_objects(struct klp *k, const struct module_entries *funcs)
{
	size_t start, n;

	for (start = 0; start < k->n_moved; start += n) {
		n = run_length(k, start, false);
		if (!is_vmlinux(k->moved[start].object))
			add_guard(k, &k->moved[start], n, funcs);
		add_sections(k, start, start + n);
	}
}

int finish_klp(struct elf_edit *f, const struct module_entries *funcs, struct diags *diags)
{
	struct klp k = { .f = f, .diags = diags };
	int ret = parse_refs(&k);

	if (!ret)
		ret = split_sections(&k);
	if (!ret)
		rename_symbols(&k);
	if (ret)
		return ret;
	qsort(k.moved, k.n_moved, sizeof(*k.moved), by_object_and_target);
	add_objects(&k, funcs);
	return 0;
}
