// SPDX-License-Identifier: GPL-2.0-only
/*
 * See affected.h. A .c file leads to its own object and to those of the files that include it; a
 * header to the objects of whatever includes it. Which of them really change is found out
 * later, by compiling (compile.c, screen.c).
 *
 * A header also reaches what a live patch cannot replace: assembly, the linker script, the constants
 * that assembly is given (asm-offsets.c), the vDSO, the boot loader. Those are the bystanders: they are
 * compiled with and without the patch as well, and one that changes is not passed over in silence.
 */
#include "kpatch-build/plan/affected.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/plan/additions.h"
#include "kpatch-build/prepare/includes.h"
#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/owner.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"

/* The search for the units of all patched files. */
struct affected {
	struct build *b;
	struct includes *includes;
	struct strmap *seen; /* "OWNER OBJECT" of the units, " SOURCE" of the bystanders */
	size_t n;	     /* units and bystanders that the file at hand leads to */
};

/* Appends @u to an array whose room is the next power of two. */
static int append(struct arena *arena, struct unit **units, size_t *n, const struct unit *u)
{
	if (!(*n & (*n - 1))) {
		struct unit *grown = arena_array(arena, *n ? 2 * *n : 1, sizeof(*grown));

		if (*n)
			memcpy(grown, *units, *n * sizeof(*grown));
		*units = grown;
	}
	(*units)[(*n)++] = *u;
	return 0;
}

static int add(struct affected *a, struct unit *u)
{
	struct build *b = a->b;
	const char *key =
		arena_printf(b->arena, "%s %s", u->owner ? u->owner : "", u->owner ? u->object : u->source);

	a->n++;
	if (strmap_get(a->seen, key))
		return 0;
	strmap_set(a->seen, key, (union strmap_value){ .num = 1 });
	return u->owner ? append(b->arena, &b->units, &b->n_units, u) :
			  append(b->arena, &b->bystanders, &b->n_bystanders, u);
}

static const char *object_of(struct arena *arena, const char *source)
{
	return arena_printf(arena, "%.*so", (int)(strlen(source) - 1), source);
}

/* The directory at or above the file's that has a makefile. */
static const char *makefile_directory(struct build *b, const char *path)
{
	do {
		path = path_directory(b->arena, path);
		if (file_is_regular(arena_printf(b->arena, "%s/%s/Makefile", b->kernel.tree, path)) ||
		    file_is_regular(arena_printf(b->arena, "%s/%s/Kbuild", b->kernel.tree, path)))
			return path;
	} while (strcmp(path, "."));
	return path;
}

/* What a source without an owner is made into, though no kernel object holds it. */
static enum bystander bystander_of(const struct build *b, const char *source)
{
	const struct source_places *machine = &b->kernel.arch->source;

	if (!strcmp(source, machine->linker_script))
		return BYSTANDER_LAYOUT;
	if (text_ends_in(source, ".lds.S"))
		return BYSTANDER_NONE;
	if (text_ends_in(source, "asm-offsets.c") || !strcmp(source, "kernel/bounds.c"))
		return BYSTANDER_CONSTANTS;
	if (text_starts_with(source, machine->vdso))
		return BYSTANDER_VDSO;
	for (size_t i = 0; machine->boot[i]; i++)
		if (text_starts_with(source, machine->boot[i]))
			return BYSTANDER_BOOT;
	return text_starts_with(source, "drivers/firmware/efi/libstub/") ? BYSTANDER_BOOT : BYSTANDER_NONE;
}

static int add_bystander(struct affected *a, const char *source, const char *through)
{
	struct unit u = { .source = source,
			  .through = through,
			  .bystander = bystander_of(a->b, source),
			  .object = object_of(a->b->arena, source) };

	if (!u.bystander || !through)
		return 0;
	u.spelled = u.object;
	u.dir = makefile_directory(a->b, source);
	return add(a, &u);
}

/* Adds @like for each of its owners. */
static int add_owners(struct affected *a, const struct owners *owners, const struct unit *like)
{
	int err = 0;

	for (size_t i = 0; i < owners->n && !err; i++) {
		const struct owner *o = &owners->owner[i];
		struct unit u = *like;

		u.owner = like->bystander ? NULL : o->name;
		u.module_path = o->module_path;
		u.dir = o->dir;
		u.spelled = o->object;
		err = add(a, &u);
	}
	return err;
}

/* Adds what is made from @source, which includes the changed header @through (NULL: is itself changed). */
static int add_source(struct affected *a, const char *source, const char *through)
{
	bool assembly = !text_ends_in(source, ".c");
	struct unit u = { .source = source,
			  .object = object_of(a->b->arena, source),
			  .through = through,
			  .bystander = assembly ? BYSTANDER_ASSEMBLY : BYSTANDER_NONE };
	struct owners owners = { .n = 0 };
	int err = owners_find(a->b, u.object, &owners);

	if (!err && !owners.n)
		return add_bystander(a, source, through);
	return err ? err : add_owners(a, &owners, &u);
}

void left_out_add(struct build *b, const char *path)
{
	const char **grown = arena_array(b->arena, b->n_left_out + 1, sizeof(*grown));

	if (b->n_left_out)
		memcpy(grown, b->left_out, b->n_left_out * sizeof(*grown));
	grown[b->n_left_out++] = path;
	b->left_out = grown;
}

/* A source that the patch brings along. */
static int add_new_source(struct affected *a, const char *source)
{
	struct unit u = { .source = source, .object = object_of(a->b->arena, source), .added = true };
	struct owners owners = { .n = 0 };
	int err = additions_owners(a->b, source, &owners);

	if (!err && !owners.n)
		left_out_add(a->b, source);
	return err ? err : add_owners(a, &owners, &u);
}

/* A header may be read by more than the compiler, when the kernel is built. */
static void warn_of_readers(struct build *b, const char *path, const struct words *readers)
{
	if (readers->n)
		diag_warning(b->diags, "header-read-by-build", diag_file(path),
			     "Check what the kernel's build makes of it; what is generated stays as it is",
			     "%s names this header%s: other files may be made from it, and these are not "
			     "patched",
			     readers->word[0], readers->n > 1 ? ", with others" : "");
}

/* All makefiles that may say to what the sources belong are evaluated at once. */
static int read_makefiles(struct build *b, const struct words *sources)
{
	struct strmap *seen = strmap_new(256);
	struct words dirs = { 0 };

	for (size_t i = 0; i < sources->n; i++) {
		const char *dir = sources->word[i];

		do {
			dir = path_directory(b->arena, dir);
			if (strmap_get(seen, dir))
				break;
			strmap_set(seen, dir, (union strmap_value){ .num = 1 });
			words_add(b->arena, &dirs, dir);
		} while (strcmp(dir, "."));
	}
	strmap_free(seen);
	return kbuild_read_directories(b, &dirs);
}

/* How the units of a patched file are looked for; in this order, so that an object of a changed source is its. */
enum pass { BY_ITSELF, BY_INCLUSION, N_PASSES };

static int add_includers(struct affected *a, const struct patched_file *f)
{
	struct includers found = { .sources.n = 0 };
	int err = includes_find(a->includes, f->path, &found);

	if (!err)
		err = read_makefiles(a->b, &found.sources);
	for (size_t i = 0; i < found.sources.n && !err; i++)
		err = add_source(a, found.sources.word[i], f->path);
	if (!err) {
		warn_of_readers(a->b, f->path, &found.makefiles);
		warn_of_readers(a->b, f->path, &found.programs);
	}
	return err;
}

/* Whether a makefile at or above the file's directory names its object, though not with this configuration. */
static bool is_named(struct build *b, const char *path)
{
	static const char *const files[] = { "Makefile", "Kbuild" };
	const char *name = path_base(object_of(b->arena, path)), *dir = path;
	size_t n = strlen(name);

	do {
		dir = path_directory(b->arena, dir);
		for (size_t i = 0; i < 2; i++) {
			char *text = NULL;

			if (file_read(b->arena,
				      arena_printf(b->arena, "%s/%s/%s", b->kernel.tree, dir, files[i]),
				      &text, NULL))
				continue;
			for (const char *at = text; (at = strstr(at, name)); at += n)
				if ((at == text || strchr("/ \t=", at[-1])) && strchr(" \t\n\\#", at[n]))
					return true;
		}
	} while (strcmp(dir, "."));
	return false;
}

/*
 * Whether nothing is lost if the change stays away: no part of the kernel includes this header, or the
 * source's object is not configured. What a program is made from that takes part in the build is lost.
 */
static bool can_be_left_out(struct build *b, const char *path)
{
	if (bystander_of(b, path))
		return false;
	return text_ends_in(path, ".h") || (text_ends_in(path, ".c") && is_named(b, path));
}

static int not_built(struct build *b, const struct patched_file *f)
{
	static const char *const why[] = {
		[BYSTANDER_NONE] = "no part of the kernel is built from this file, with its configuration",
		[BYSTANDER_LAYOUT] = "this is how vmlinux was linked, and that is done",
		[BYSTANDER_CONSTANTS] = "this makes constants for assembly, of which nothing can be replaced",
		[BYSTANDER_VDSO] = "this is code of the vDSO, which processes run from pages of their own",
		[BYSTANDER_BOOT] = "this is code that runs before the kernel does, and is no part of it then",
	};

	enum bystander what = bystander_of(b, f->path);
	bool program = !what && text_ends_in(f->path, ".c") && !is_named(b, f->path);

	diag_error(
		b->diags, "patch-not-built", diag_file(f->path),
		what ? "Leave it out of the patch; it needs a new kernel" :
		program ?
		       "Leave it out of the patch" :
		       "Leave it out of the patch, or choose the kernel that is built from it with --kernel",
		"%s (%s)",
		program ?
			"no makefile has an object of this file for the kernel: what a program of the build makes stays as it is" :
			why[what],
		b->kernel.release);
	return -EINVAL;
}

static int add_files(struct affected *a, const bool *changed, size_t *n)
{
	int err = 0;

	for (enum pass pass = BY_ITSELF; pass < N_PASSES; pass++) {
		for (size_t i = 0; i < a->b->n_patched && !err; i++) {
			const struct patched_file *f = &a->b->patched[i];

			a->n = 0;
			/* what no kernel object is made of is not, whoever includes it: vdso32 has the vDSO's */
			if (changed[i] && pass == BY_INCLUSION && (n[i] || !bystander_of(a->b, f->path)))
				err = add_includers(a, f);
			else if (changed[i] && pass == BY_ITSELF && text_ends_in(f->path, ".c"))
				err = f->created ? add_new_source(a, f->path) : add_source(a, f->path, NULL);
			n[i] += a->n;
		}
	}
	/* a new header is included by what the patch changes, which is here already */
	for (size_t i = 0; i < a->b->n_patched; i++) {
		const struct patched_file *f = &a->b->patched[i];

		if (!changed[i] || n[i] || f->created || (err && err != -EINVAL))
			continue;
		if ((a->b->n_units || a->b->options.leave_out) && can_be_left_out(a->b, f->path))
			left_out_add(a->b, f->path);
		else
			err = not_built(a->b, f);
	}
	return err;
}

int affected_find(struct build *b, const bool *changed)
{
	struct affected a = { .b = b, .includes = includes_open(b), .seen = strmap_new(64) };
	size_t *n = arena_array(b->arena, b->n_patched, sizeof(*n));
	int err = add_files(&a, changed, n);

	includes_close(a.includes);
	strmap_free(a.seen);
	return err;
}
