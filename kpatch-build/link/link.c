// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link stage. Reads the differ's outputs and what prepare_link() left in kernel.runtime; makes
 * module/NAME.ko in the work directory, a module like any other but for its klp references, which
 * are weak undefined symbols still (kmod/kpatch-abi.h). In order:
 *
 *	merge		ld -r with merge.lds, in the order of link_order.c: runtime and diffs become one object
 *	objtool		once, over the whole, with references under their natural names, and the calls that
 *			do not return marked as such (link_noreturn.c)
 *	metadata	takes its final section names, references their own again
 *	modpost		checks imports, writes NAME.mod.c with versions and vermagic
 *	final		ld -r with the kernel's module.lds
 *
 * Each step writes a file of its own, so that --keep shows all of them.
 */
#include "kpatch-build/link/link.h"
#include "kpatch-build/prepare/link_prepare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "kpatch-build/build.h"
#include "kpatch-build/prepare/link_tools.h"
#include "kpatch-build/verify/verify.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/strmap.h"

struct linker {
	struct build *b;
	struct module_commands commands;
	struct command_places places;
	const char *runtime_object; /* kpatch-runtime.o */
	char *merged;		    /* after the merge */
	char *object;		    /* @DIR@/@NAME@.o, what objtool and modpost work on */
	char *mod_object;
	char *ko;
};

static bool same_file(struct arena *a, const char *path, const char *other)
{
	char *x, *y;
	size_t x_size, y_size;

	return !file_read(a, path, &x, &x_size) && !file_read(a, other, &y, &y_size) && x_size == y_size &&
	       !memcmp(x, y, x_size);
}

/* The cached runtime, or one compiled now if its sources have changed since. */
static int find_runtime(struct linker *l)
{
	struct build *b = l->b;
	char *object = arena_printf(b->arena, "%s/kpatch-runtime.o", b->kernel.runtime);
	bool current = true;
	size_t i;

	for (i = 0; runtime_sources[i]; i++) {
		char *ours = arena_printf(b->arena, "%s/%s", b->options.data_dir, runtime_sources[i]);
		char *cached = arena_printf(b->arena, "%s/%s", b->kernel.runtime, runtime_sources[i]);

		current = current && same_file(b->arena, ours, cached);
	}
	if (!current)
		object = build_work_path(b, "module/kpatch-runtime.o");
	if (!object)
		return -EIO;
	l->runtime_object = object;
	return current ? 0 : runtime_compile(b, &l->commands, &l->places, object);
}

static int set_up(struct linker *l)
{
	struct build *b = l->b;
	char *list = arena_printf(b->arena, "%s/commands", b->kernel.runtime);
	int ret;

	l->merged = build_work_path(b, "module/merged.o");
	if (!l->merged)
		return -EIO;
	l->places = (struct command_places){
		.dir = path_directory(b->arena, l->merged),
		.name = b->module_name,
		.tree = b->kernel.tree,
		.runtime = b->kernel.runtime,
	};
	l->object = arena_printf(b->arena, "%s/%s.o", l->places.dir, b->module_name);
	l->mod_object = arena_printf(b->arena, "%s/%s.mod.o", l->places.dir, b->module_name);
	l->ko = arena_printf(b->arena, "%s/%s.ko", l->places.dir, b->module_name);
	ret = commands_read(b->arena, list, &l->commands);
	if (ret)
		diag_error(b->diags, "cache-damaged", diag_file(list),
			   "Remove this kernel's directory in the cache and build again",
			   "what was learned about this kernel cannot be read: %s", strerror(-ret));
	return ret ? ret : find_runtime(l);
}

/* The kernel's own linker and flags, without what belongs to the final link of a module. */
static void merge_words(struct linker *l, struct words *out)
{
	const struct words *ld = &l->commands.tool[TOOL_LD];
	size_t i;

	for (i = 0; i < ld->n; i++) {
		const char *word = ld->word[i];
		size_t length = strlen(word);

		if (!strcmp(word, "-T") || !strcmp(word, "-o"))
			i++;
		else if (strncmp(word, "--build-id", 10) &&
			 (word[0] != '@' || length < 2 || strcmp(word + length - 2, ".o")))
			words_add(l->b->arena, out, word);
	}
}

static int merge(struct linker *l)
{
	struct build *b = l->b;
	char *script = arena_printf(b->arena, "%s/merge.lds", b->options.data_dir), *order;
	char *targets = build_work_path(b, "module/targets.o");
	struct words words = { 0 };
	size_t i;
	int ret = targets ? write_targets(b, targets) : -EIO;

	if (!ret)
		ret = order_script(b, l->runtime_object, &order);
	if (ret)
		return ret;
	merge_words(l, &words);
	words_add(b->arena, &words, "-T");
	words_add(b->arena, &words, order);
	words_add(b->arena, &words, "-T");
	words_add(b->arena, &words, script);
	words_add(b->arena, &words, "-o");
	words_add(b->arena, &words, l->merged);
	words_add(b->arena, &words, l->runtime_object);
	words_add(b->arena, &words, targets);
	for (i = 0; i < b->n_units; i++)
		if (b->units[i].diff)
			words_add(b->arena, &words, b->units[i].diff);
	return tool_run(b, "merge-failed", words.word, l->places.tree, NULL);
}

/* Sets what the runtime is to do with the patches that are loaded already, and what it says of this one. */
static int set_flags(struct linker *l, struct elf_edit *f)
{
	struct kpatch_patch patch = {
		.abi_version = KPATCH_ABI_VERSION,
		.flags = l->b->options.replace ? KPATCH_PATCH_REPLACE : 0,
	};
	uint32_t section = elf_edit_find_section(f, KPATCH_PATCH_SECTION);

	for (size_t i = 0; i < l->b->n_units; i++)
		if (l->b->units[i].diff && l->b->units[i].report.n_kept)
			patch.flags |= KPATCH_PATCH_KEEP;
	if (!build_proven(l->b))
		patch.flags |= KPATCH_PATCH_UNVERIFIED;
	if (!section || f->sections[section].size != sizeof(patch) || !f->sections[section].data) {
		diag_error(l->b->diags, "runtime-mismatch", diag_file(l->runtime_object),
			   "Remove this kernel's directory in the cache and build again",
			   "the runtime is of another version of kpatch-build");
		return -EINVAL;
	}
	memcpy(f->sections[section].data, &patch, sizeof(patch));
	return 0;
}

static int before_objtool(struct linker *l, struct strmap *names, struct noreturn *calls)
{
	struct elf_edit *f;
	int ret = elf_edit_read(l->merged, l->b->arena, l->b->diags, &f);

	if (!ret)
		ret = set_flags(l, f);
	if (!ret)
		ret = import_namespaces(f, l->b->kernel.symvers);
	if (!ret)
		ret = noreturn_hide(f, calls);
	if (!ret)
		ret = refs_to_natural(f, l->b->diags, names);
	if (ret)
		return ret;
	/*
	 * Callbacks are called through pointers: under IBT, objtool must see those, or it seals the
	 * ENDBR of a function that nothing else points to.
	 */
	metadata_to_final(f, true);
	return elf_edit_write(f, l->object);
}

static int after_objtool(struct linker *l, const struct strmap *names, struct noreturn *calls)
{
	struct elf_edit *f;
	int ret = elf_edit_read(l->object, l->b->arena, l->b->diags, &f);

	if (!ret)
		refs_back(f, names);
	if (!ret)
		ret = noreturn_restore(f, calls);
	if (ret == -EBADMSG)
		diag_error(l->b->diags, "objtool", diag_file(l->object), NULL,
			   "objtool has changed calls of functions that do not return");
	if (ret)
		return ret;
	metadata_to_final(f, false);
	return elf_edit_write(f, l->object);
}

static int run_objtool(struct linker *l)
{
	struct strmap *names = strmap_new(256);
	struct noreturn calls = { .n = 0 };
	int ret = noreturn_find(l->b, &calls);

	if (!ret)
		ret = before_objtool(l, names, &calls);

	if (!ret && l->commands.tool[TOOL_OBJTOOL].n)
		ret = tool_replay(l->b, "objtool", &l->commands.tool[TOOL_OBJTOOL], &l->places);
	if (!ret)
		ret = after_objtool(l, names, &calls);
	noreturn_free(&calls);
	strmap_free(names);
	return ret;
}

/*
 * modpost's input besides the object: the list of modules, and the module's list of sources, which
 * is where it looks for the checksums of exports. A patch exports nothing, so that list is empty.
 */
static int write_modpost_lists(struct linker *l)
{
	char *list = arena_printf(l->b->arena, "%s/modules.order", l->places.dir);
	char *text = arena_printf(l->b->arena, "%s\n", l->object);
	char *sources = arena_printf(l->b->arena, "%s/%s.mod", l->places.dir, l->places.name);
	int ret = file_write(list, text, strlen(text), 0644);

	return ret ? ret : file_write(sources, "", 0, 0644);
}

static int run_modpost(struct linker *l)
{
	int ret = write_modpost_lists(l);

	if (!ret)
		ret = tool_replay(l->b, "modpost", &l->commands.tool[TOOL_MODPOST], &l->places);
	if (!ret)
		ret = tool_replay(l->b, "modpost-compile", &l->commands.tool[TOOL_CC_MOD], &l->places);
	return ret;
}

int stage_link(struct build *b)
{
	struct linker l = { .b = b };
	int ret = check_sharing(b);

	if (!ret)
		ret = set_up(&l);
	if (!ret)
		ret = merge(&l);
	if (!ret)
		ret = run_objtool(&l);
	if (!ret)
		ret = run_modpost(&l);
	if (!ret)
		ret = tool_replay(b, "module-link", &l.commands.tool[TOOL_LD], &l.places);
	if (!ret)
		b->linked = l.ko;
	return ret;
}
