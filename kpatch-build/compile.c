// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compile stage: each object three times. The reference with the very flags of the distribution,
 * run through objtool where Kbuild does so: that is the code to find in the installed kernel. The
 * original and the patched one with a section for each function and object, which is what the differ
 * reads; by the same command but for the tree they come from, and without objtool, which runs over
 * the finished module. Debug information changes no byte of code and takes a third of the time, so
 * it is left out, but for the types, where the patch may change some: the differ compares them.
 *
 * Reads the prepared tree and build.patched; writes into the work directory.
 */
#include "kpatch-build/compile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/declarations.h"
#include "kpatch-build/kbuild.h"
#include "kpatch-build/shadow.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/process.h"

/* One object; the units of all its owners share it. */
struct compile_job {
	const struct unit *unit; /* the first of them */
	struct kbuild_object how;
	const char *reference, *original, *patched;
};

enum variant { REFERENCE, ORIGINAL, PATCHED };

static const char *const variant_names[] = { "reference", "original", "patched" };

static bool ends_in(const char *text, const char *ending)
{
	size_t n = strlen(text), m = strlen(ending);

	return n >= m && !strcmp(text + n - m, ending);
}

/* -g, -g3, -gdwarf-5, -gz=zlib, …, what leaves types out; not an option that only begins with those letters. */
static bool is_debug_flag(const char *word)
{
	return !strcmp(word, "-g") || (!strncmp(word, "-g", 2) && word[2] >= '0' && word[2] <= '9') ||
	       !strncmp(word, "-gdwarf", 7) || !strncmp(word, "-gz", 3) || !strncmp(word, "-gsplit", 7) ||
	       !strncmp(word, "-gsimple", 8) || !strncmp(word, "-femit-struct-debug", 19);
}

/* The compiler command for one variant of an object. */
static const char *const *command_of(struct build *b, const struct compile_job *job,
				     enum variant variant, const char *object, bool debug)
{
	static const char depfile[] = "-Wp,-MMD,";
	struct words argv = { 0 };
	int err = 0;

	for (size_t i = 0; i < job->how.cc.n && !err; i++) {
		const char *word = job->how.cc.word[i];

		if (!strncmp(word, depfile, sizeof(depfile) - 1))
			word = arena_printf(b->arena, "%s%s.d", depfile, object);
		else if (is_debug_flag(word) && !debug)
			continue;
		err = word ? words_add(b->arena, &argv, word) : -ENOMEM;
	}
	if (!err && debug)
		err = words_add(b->arena, &argv, "-g");
	else if (!err && variant != REFERENCE && !b->types_same)
		err = words_add_list(b->arena, &argv, "-g -fno-var-tracking");
	if (!err && variant != REFERENCE)
		err = words_add_list(b->arena, &argv, "-ffunction-sections -fdata-sections");
	if (!err)
		err = words_add_list(b->arena, &argv, "-c -o");
	if (!err)
		err = words_add(b->arena, &argv, object);
	if (!err)
		err = words_add(b->arena, &argv, job->how.source);
	return err ? NULL : argv.word;
}

static int add_compile(struct build *b, struct command *c, const struct compile_job *job,
		       enum variant variant, const char *object, bool debug)
{
	*c = (struct command){
		.argv = command_of(b, job, variant, object, debug),
		.cwd = variant == PATCHED ? b->shadow : b->pristine,
		.out = arena_printf(b->arena, "%s.log", object),
	};
	return c->argv && c->out ? 0 : -ENOMEM;
}

static int add_objtool(struct build *b, struct command *c, const struct compile_job *job,
		       const struct command *after)
{
	struct words argv = { 0 };
	int err = 0;

	for (size_t i = 0; i < job->how.objtool.n && !err; i++)
		err = words_add(b->arena, &argv, job->how.objtool.word[i]);
	if (!err)
		err = words_add(b->arena, &argv, job->reference);
	*c = (struct command){ .argv = argv.word, .cwd = b->kernel.tree, .after = after,
			       .out = arena_printf(b->arena, "%s.objtool.log", job->reference) };
	return err ? err : c->out ? 0 : -ENOMEM;
}

/* What the compiler printed, cut to a length that a person reads. */
static const char *output_of(struct build *b, const struct command *c)
{
	char *text;

	if (file_read(b->arena, c->out, &text, NULL))
		return "";
	return strlen(text) > 6000 ? arena_printf(b->arena, "%.6000s…", text) : text;
}

static void report_failure(struct build *b, const struct compile_job *job, enum variant variant,
			   const struct command *c)
{
	const char *object = job->unit->object;

	if (variant == PATCHED) {
		diag_error(b->diags, "compile-failed", diag_file(job->unit->source), "Correct the patch",
			   "with the patch this does not compile (exit code %d):\n%s", c->status,
			   output_of(b, c));
		return;
	}
	build_fails_as(b, EXIT_KERNEL);
	diag_error(b->diags, "compile-failed-unpatched", diag_file(object),
		   "Check that source, configuration and compiler are the kernel's",
		   "without the patch this does not compile (exit code %d):\n%s", c->status, output_of(b, c));
}

/* A warning that only the patched source has is the patch's. */
static void report_warnings(struct build *b, const struct compile_job *job,
			    const struct command *original, const struct command *patched)
{
	const char *text = output_of(b, patched);

	if (*text && strcmp(text, output_of(b, original)))
		diag_warning(b->diags, "compiler-warning", diag_file(job->unit->source), NULL,
			     "the compiler says:\n%s", text);
}

static int judge(struct build *b, const struct compile_job *jobs, size_t n,
		 const struct command *commands, const size_t (*where)[4])
{
	size_t errors = diags_errors(b->diags);

	for (size_t i = 0; i < n; i++) {
		for (enum variant v = REFERENCE; v <= PATCHED; v++)
			if (commands[where[i][v]].status)
				report_failure(b, &jobs[i], v, &commands[where[i][v]]);
		if (where[i][3] != SIZE_MAX && commands[where[i][3]].status > 0) {
			build_fails_as(b, EXIT_KERNEL);
			diag_error(b->diags, "objtool-failed", diag_file(jobs[i].unit->object),
				   "Check that source, configuration and compiler are the kernel's",
				   "objtool does not take the unpatched object: %s",
				   output_of(b, &commands[where[i][3]]));
		}
		/* what a failed compilation said is in its error */
		if (!commands[where[i][PATCHED]].status)
			report_warnings(b, &jobs[i], &commands[where[i][ORIGINAL]],
					&commands[where[i][PATCHED]]);
	}
	return diags_errors(b->diags) > errors ? -EINVAL : 0;
}

static int run_jobs(struct build *b, struct compile_job *jobs, size_t n)
{
	struct command *commands = arena_array(b->arena, 4 * n, sizeof(*commands));
	size_t (*where)[4] = arena_array(b->arena, n, sizeof(*where)), used = 0;
	int err = commands && where ? 0 : -ENOMEM;

	/* references first: objtool has to run after them */
	for (size_t i = 0; i < n && !err; i++) {
		where[i][REFERENCE] = used;
		err = add_compile(b, &commands[used++], &jobs[i], REFERENCE, jobs[i].reference, false);
	}
	for (size_t i = 0; i < n && !err; i++) {
		where[i][ORIGINAL] = used;
		err = add_compile(b, &commands[used++], &jobs[i], ORIGINAL, jobs[i].original, false);
		where[i][PATCHED] = used;
		if (!err)
			err = add_compile(b, &commands[used++], &jobs[i], PATCHED, jobs[i].patched, false);
	}
	for (size_t i = 0; i < n && !err; i++) {
		where[i][3] = SIZE_MAX;
		if (!jobs[i].how.objtool.n)
			continue;
		where[i][3] = used;
		err = add_objtool(b, &commands[used++], &jobs[i], &commands[where[i][REFERENCE]]);
	}
	if (!err)
		err = build_run_all(b, commands, used);
	return err ? err : judge(b, jobs, n, commands, (const size_t (*)[4])where);
}

/*
 * Whether the patched compilation of a job read @f: *read. The compiler has written what it read to
 * the dependency file. If it read the file of the prepared tree instead, through a path that leads
 * out of the shadow, the object is not what it should be: -EXDEV.
 */
static int reads_patched(struct build *b, const struct compile_job *job, const struct patched_file *f,
			 bool *read)
{
	const char *ours = arena_printf(b->arena, "%s/%s", b->shadow, f->path), *base = path_base(f->path);
	char *text, resolved[PATH_MAX], wanted[PATH_MAX];
	int err = file_read(b->arena, arena_printf(b->arena, "%s.d", job->patched), &text, NULL);

	if (!ours || !realpath(ours, wanted))
		return -errno;
	for (char *word = err ? NULL : strtok_r(text, " \n\\", &text); word;
	     word = strtok_r(NULL, " \n\\", &text)) {
		if (strcmp(path_base(word), base))
			continue;
		if (!realpath(*word == '/' ? word : arena_printf(b->arena, "%s/%s", b->shadow, word), resolved))
			continue;
		if (!strcmp(resolved, wanted))
			*read = true;
		else if (ends_in(resolved, arena_printf(b->arena, "/tree/%s", f->path)))
			return -EXDEV;
	}
	return err;
}

/* Drops units that are not made from any patched file after all: an #include that was not taken. */
static int drop_untouched(struct build *b)
{
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < b->n_units; i++) {
		bool read = false;

		for (size_t j = 0; j < b->n_patched && !err; j++)
			err = reads_patched(b, b->units[i].job, &b->patched[j], &read);
		if (err == -EXDEV)
			diag_error(b->diags, "shadow-left", diag_file(b->units[i].source),
				   "Please report this", "a patched file is included on a way that leads "
				   "around the patched tree");
		if (err)
			return err;
		if (read)
			b->units[n++] = b->units[i];
	}
	b->n_units = n;
	if (n)
		return 0;
	build_fails_as(b, EXIT_NO_CHANGE);
	diag_error(b->diags, "no-change", diag_file(b->options.patches[0]), NULL,
		   "no object of kernel %s is made from the files that the patch changes", b->kernel.release);
	return -EINVAL;
}

/* For patches with callbacks: #include "kpatch-macros.h" finds it, in both trees. */
static int add_macros(struct build *b)
{
	const char *path = arena_printf(b->arena, "%s/kpatch-macros.h", b->options.data_dir);
	char *text;
	size_t size;
	int err = path ? file_read(b->arena, path, &text, &size) : -ENOMEM;

	return err ? err : shadow_put(b->arena, b->kernel.tree, b->pristine,
				      "include/kpatch-macros.h", text, size);
}

static int make_shadows(struct build *b)
{
	int err;

	b->pristine = build_work_path(b, "tree.original");
	b->shadow = build_work_path(b, "tree.patched");
	err = b->pristine && b->shadow ? shadow_make(b->arena, b->kernel.tree, b->pristine) : -ENOMEM;
	return err ? err : add_macros(b);
}

/* After Kbuild was asked: it may have generated files that both trees need. */
static int make_patched_shadow(struct build *b, const struct compile_job *jobs, size_t n)
{
	int err = shadow_make(b->arena, b->pristine, b->shadow);

	for (size_t i = 0; i < n && !err; i++)
		err = shadow_open(b->arena, b->pristine, b->shadow, jobs[i].how.source);
	for (size_t i = 0; i < b->n_patched && !err; i++)
		err = shadow_put(b->arena, b->pristine, b->shadow, b->patched[i].path, b->patched[i].text,
				 b->patched[i].size);
	return err;
}

/* One job an object as Kbuild spells it. */
static int make_jobs(struct build *b, struct compile_job **out, size_t *n)
{
	struct compile_job *jobs = arena_array(b->arena, b->n_units, sizeof(*jobs));

	if (!jobs)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_units; i++) {
		struct unit *u = &b->units[i];

		for (size_t j = 0; j < *n && !u->job; j++)
			if (!strcmp(jobs[j].unit->spelled, u->spelled))
				u->job = &jobs[j];
		if (u->job)
			continue;
		u->job = &jobs[(*n)++];
		u->job->unit = u;
	}
	*out = jobs;
	return 0;
}

static int learn(struct build *b, struct compile_job *job, size_t index)
{
	const struct unit *u = job->unit;
	int err = shadow_open(b->arena, b->kernel.tree, b->pristine, u->spelled);

	if (!err)
		err = kbuild_read_object(b, u->dir, u->spelled, &job->how);
	if (err == -ENOENT || err == -EINVAL) {
		build_fails_as(b, EXIT_PATCH);
		diag_error(b->diags, "object-not-compiled", diag_file(u->object), "Leave it out of the patch",
			   "the kernel's makefiles do not make this by compiling %s", u->source);
	}
	for (enum variant v = REFERENCE; v <= PATCHED && !err; v++) {
		const char *path = build_work_path(b, "objects/%zu/%s.o", index, variant_names[v]);

		*(v == REFERENCE ? &job->reference : v == ORIGINAL ? &job->original : &job->patched) = path;
		err = path ? 0 : -ENOMEM;
	}
	return err;
}

static int explain_shadow(struct build *b, int err)
{
	if (err && err != -EINTR && !diags_errors(b->diags)) {
		build_fails_as(b, EXIT_INTERNAL);
		diag_error(b->diags, err == -ENOSPC ? "disk-full" : "work-directory", diag_file(b->work),
			   "Make room, or choose another place with --cache",
			   "the trees to compile in cannot be made: %s", strerror(-err));
	}
	return err;
}

int stage_compile(struct build *b)
{
	struct compile_job *jobs = NULL;
	size_t n = 0;
	int err = make_jobs(b, &jobs, &n);

	if (!err)
		err = make_shadows(b);
	for (size_t i = 0; i < n && !err; i++)
		err = learn(b, &jobs[i], i);
	if (!err)
		err = make_patched_shadow(b, jobs, n);
	if (err)
		return explain_shadow(b, err);
	b->types_same = build_declarations_same(b);
	err = run_jobs(b, jobs, n);
	if (!err)
		err = drop_untouched(b);
	for (size_t i = 0; i < b->n_units && !err; i++) {
		b->units[i].reference = b->units[i].job->reference;
		b->units[i].original = b->units[i].job->original;
		b->units[i].patched = b->units[i].job->patched;
	}
	return err;
}

int compile_with_debug(struct build *b, struct unit *u)
{
	struct command commands[2];
	const char *original = arena_printf(b->arena, "%.*s.debug.o", (int)strlen(u->original) - 2, u->original);
	const char *patched = arena_printf(b->arena, "%.*s.debug.o", (int)strlen(u->patched) - 2, u->patched);
	int err = original && patched ? 0 : -ENOMEM;

	if (!err)
		err = add_compile(b, &commands[0], u->job, ORIGINAL, original, true);
	if (!err)
		err = add_compile(b, &commands[1], u->job, PATCHED, patched, true);
	if (!err)
		err = build_run_all(b, commands, 2);
	if (!err && (commands[0].status || commands[1].status))
		err = -EINVAL;
	if (!err) {
		u->original = original;
		u->patched = patched;
	}
	return err;
}
