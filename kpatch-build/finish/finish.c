// SPDX-License-Identifier: GPL-2.0-only
/*
 * The finish stage. Reads the linked module; makes NAME.ko and NAME.yaml in the work directory.
 */
#include "kpatch-build/finish/finish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "kpatch-build/build.h"
#include "kpatch-build/kernel/oot.h"
#include "lib/arch/arch.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/kernel/files/image.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

/* Whether a section says something about the build machine's files, and nothing to the kernel. */
static bool is_debug(const struct elf_edit *f, const struct elf_edit_section *s)
{
	if (s->type == SHT_RELA)
		s = &f->sections[s->info];
	return !(s->flags & SHF_ALLOC) && !strncmp(s->name, ".debug_", 7);
}

/*
 * Debug information comes with an object that newer Kbuilds link into every module
 * (.module-common.o). It names paths of the machine where the kernel was prepared.
 */
static void drop_debug(struct elf_edit *f)
{
	uint32_t i;

	for (i = 1; i < f->n_sections; i++)
		if (is_debug(f, &f->sections[i]))
			f->sections[i].removed = true;
	for (i = 1; i < f->n_symbols; i++)
		if (f->sections[f->symbols[i].section].removed)
			f->symbols[i].removed = true;
}

/* Puts the manifest's text into the module. It is not loaded: only kpatch and people read it. */
static void add_manifest(struct elf_edit *f, char *text, size_t size)
{
	struct elf_edit_section section = {
		.name = KPATCH_MANIFEST_SECTION,
		.type = SHT_PROGBITS,
		.align = 1,
		.data = (uint8_t *)text,
		.size = size,
	};

	elf_edit_add_section(f, &section);
}

/* The runtime, too, refuses a second callback of a kind for an object, but not before it is loaded. */
static int check_callbacks(struct build *b, const struct elf_edit *f)
{
	static const char *const kinds[] = {
		[KPATCH_PRE_PATCH] = "pre_patch",
		[KPATCH_POST_PATCH] = "post_patch",
		[KPATCH_PRE_UNPATCH] = "pre_unpatch",
		[KPATCH_POST_UNPATCH] = "post_unpatch",
	};
	struct module_entries callbacks = { 0 };
	size_t i, j;
	int ret = module_callbacks(f, b->arena, b->diags, &callbacks);

	for (i = 0; !ret && i < callbacks.n; i++) {
		const struct module_entry *x = &callbacks.entry[i];

		for (j = 0; !ret && j < i; j++) {
			const struct module_entry *y = &callbacks.entry[j];

			if (x->number != y->number || strcmp(x->object, y->object))
				continue;
			diag_error(b->diags, "callback-twice", &(struct diag_place){ .function = x->object },
				   "Call both from one function", "the patch has two %s callbacks for %s",
				   kinds[x->number], x->object);
			ret = build_fails_as(b, EXIT_REFUSED);
		}
	}
	return ret;
}

/* The core stops at the first without a number, and knows one of a number: so the runtime refuses both. */
static int check_states(struct build *b, const struct manifest *m)
{
	int ret = 0;

	for (size_t i = 0; i < m->n_states; i++) {
		size_t j = 0;

		while (j < i && m->states[j].id != m->states[i].id)
			j++;
		if (m->states[i].id && j == i)
			continue;
		diag_error(b->diags, "state-number", NULL,
			   "Give each state a number of its own in KPATCH_STATE(), other than 0",
			   m->states[i].id ? "the patch declares state %" PRIu64 " twice" :
					     "the patch declares a state with the number %" PRIu64,
			   m->states[i].id);
		ret = build_fails_as(b, EXIT_REFUSED);
	}
	return ret;
}

static int read_linked(struct build *b, struct elf_edit **f, struct module_entries *funcs)
{
	int ret = elf_edit_read(b->linked, b->arena, b->diags, f);

	if (!ret)
		ret = module_funcs(*f, b->arena, b->diags, funcs);
	return ret ? ret : check_callbacks(b, *f);
}

static int write_module(struct build *b, struct elf_edit *f, const struct module_entries *funcs,
			char *manifest, size_t size, const char *module)
{
	int ret;

	drop_debug(f);
	finish_distances(f, b->image->kallsyms);
	ret = finish_klp(f, funcs, b->diags);
	if (!ret) {
		add_manifest(f, manifest, size);
		ret = finish_build_id(f);
	}
	return ret ? ret : elf_edit_write(f, module);
}

/* vermagic as the kernel's own modules have it, recorded when the kernel was prepared. */
static int read_vermagic(struct build *b, const char **out)
{
	char *path = arena_printf(b->arena, "%s/vermagic", b->kernel.runtime), *text;
	int ret = file_read(b->arena, path, &text, NULL);

	if (ret)
		diag_error(b->diags, "cache-damaged", diag_file(path),
			   "Remove this directory and build again", "%s", strerror(-ret));
	else
		*out = text;
	return ret;
}

/* The number that the tree's ORC tables have for the stack pointer; 0: it does not unwind with them. */
static int read_stack_pointer(struct build *b, unsigned int *out)
{
	const struct unwind *unwind = b->kernel.arch->unwind;
	const char *path, *define;
	char *text, *at = NULL, *end = NULL;
	int ret;

	*out = 0;
	if (!unwind || !b->kernel.has_objtool)
		return 0;
	path = arena_printf(b->arena, "%s/%s", b->kernel.tree, unwind->header);
	define = arena_printf(b->arena, "#define %s", unwind->stack_pointer);
	ret = file_read(b->arena, path, &text, NULL);
	if (!ret)
		at = strstr(text, define);
	if (at)
		*out = (unsigned int)strtoul(at + strlen(define), &end, 0);
	if (*out)
		return ret;
	diag_error(b->diags, "cache-damaged", diag_file(path), "Remove the prepared kernel and build again",
		   "it does not say which register %s is", unwind->stack_pointer);
	return -EINVAL;
}

static int check_module(struct build *b, const char *module, const char *manifest, size_t size)
{
	struct selfcheck_want want = {
		.module_name = b->module_name,
		.linked = b->linked,
		.kallsyms = b->image->kallsyms,
		.build_id = &b->image->build_id,
		.modules = b->kernel.modules,
		.other = b->oot ? b->oot->name : NULL,
		.other_file = b->oot ? b->oot->file : NULL,
		.manifest = manifest,
		.manifest_size = size,
	};
	int ret = read_vermagic(b, &want.vermagic);

	if (!ret)
		ret = read_stack_pointer(b, &want.orc_stack_pointer);
	return ret ? ret : selfcheck(module, &want, b->arena, b->diags);
}

int stage_finish(struct build *b)
{
	char *module = build_work_path(b, "%s.ko", b->name);
	char *manifest = build_work_path(b, "%s.yaml", b->name);
	struct module_entries funcs = { 0 };
	struct elf_edit *f = NULL;
	struct manifest m;
	char *text = NULL;
	size_t size;
	int ret = module && manifest ? read_linked(b, &f, &funcs) : -EIO;

	if (!ret)
		ret = finish_manifest(b, f, &m);
	if (!ret)
		ret = check_states(b, &m);
	if (!ret)
		ret = manifest_write(&m, b->diags, &text, &size);
	if (!ret)
		ret = file_write(manifest, text, size, 0644);
	if (!ret)
		ret = write_module(b, f, &funcs, text, size, module);
	if (!ret)
		ret = check_module(b, module, text, size);
	free(text);
	if (ret)
		return ret;
	b->module = module;
	b->manifest = manifest;
	return 0;
}
