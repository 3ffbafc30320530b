// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compile stage: each object three times, or taken from the cache if an earlier build has made it of the same
 * texts (object_store.h). The reference with the very flags of the distribution,
 * run through objtool where Kbuild does so: that is the code to find in the installed kernel. The
 * original and the patched one with a section for each function and object, which is what the differ
 * reads; by the same command but for the tree they come from, and without objtool, which runs over
 * the finished module. These two have debug information, for the types that the differ compares and the
 * lines of its messages; not where variables are, which takes most of the time.
 *
 * What is in the plan only because it includes a changed header is screened first (screen.c): most of
 * it does not change, and no reference is made of that.
 *
 * Reads the prepared tree and build.patched; writes into the work directory.
 */
#include "kpatch-build/compile/compile.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/compile/line_markers.h"
#include "kpatch-build/compile/object_store.h"
#include "kpatch-build/compile/shadow.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"

static const char *const variant_names[] = { "reference", "original", "patched" };

static void add_objtool(struct build *b, struct command *c, const struct compile_job *job,
			const struct command *after)
{
	struct words argv = { 0 };

	for (size_t i = 0; i < job->how.objtool.n; i++)
		words_add(b->arena, &argv, job->how.objtool.word[i]);
	words_add(b->arena, &argv, job->reference);
	*c = (struct command){ .argv = argv.word,
			       .cwd = b->kernel.tree,
			       .after = after,
			       .out = arena_printf(b->arena, "%s.objtool.log", job->reference),
			       .label = job->unit.object };
}

/* The commands of one job; .argv is NULL for those that are not needed. */
struct job_commands {
	struct command compile[3]; /* by enum variant */
	struct command objtool;
};

static void judge_job(struct build *b, const struct compile_job *job, const struct job_commands *c)
{
	for (enum variant v = REFERENCE; v <= PATCHED; v++)
		if (c->compile[v].argv && c->compile[v].status)
			compile_report_failure(b, job, v, &c->compile[v]);
	if (c->objtool.argv && c->objtool.status > 0) {
		build_fails_as(b, EXIT_KERNEL);
		diag_error(b->diags, "objtool-failed", diag_file(job->unit.object),
			   "Check that source, configuration and compiler are the kernel's",
			   "objtool does not take the unpatched object: %s", compile_output(b, &c->objtool));
	}
	/* what a failed compilation said is in its error, and what is said of a header has been */
	if (!c->compile[PATCHED].argv || job->unit.through || c->compile[PATCHED].status)
		return;
	compile_refuse_wrong_code(b, job, &c->compile[ORIGINAL], &c->compile[PATCHED]);
	compile_report_warnings(b, job, &c->compile[ORIGINAL], &c->compile[PATCHED]);
}

static const char *path_of(const struct compile_job *job, enum variant variant)
{
	return variant == REFERENCE ? job->reference : variant == ORIGINAL ? job->original : job->patched;
}

/* @where: four a job, as run_jobs() has them. */
static int explain_jobs(struct build *b, struct compile_job *jobs, size_t n, struct command *const *where)
{
	struct compile_job **those = arena_array(b->arena, n, sizeof(*those));
	struct command **patched = arena_array(b->arena, n, sizeof(*patched));
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i].dropped)
			continue;
		those[used] = &jobs[i];
		patched[used++] = where[4 * i + PATCHED];
	}
	return compile_explain(b, b->arena, those, patched, used, true);
}

/* What run_jobs() has of the jobs; for each of them four places, by enum variant and for objtool. */
struct run {
	struct command *commands; /* to be run */
	size_t n;
	struct command *stored; /* what would have been run, had the store not had its result */
	size_t n_stored;
	struct command *reused; /* of patched objects, the same: as if they had been run */
	size_t n_reused;
	struct command **where; /* in any of them; NULL: not needed */
	struct object_store *store;
};

static void add_compilations(struct build *b, struct run *r, struct compile_job *jobs, size_t n,
			     enum variant v)
{
	for (size_t i = 0; i < n; i++) {
		struct command *c = &r->commands[r->n];
		const char *object = path_of(&jobs[i], v);

		if (jobs[i].dropped || (jobs[i].unit.added && v == REFERENCE))
			continue;
		compile_command(b, b->arena, &jobs[i], v, object, v != REFERENCE, c);
		if (!object_store_get(r->store, &jobs[i], c, v, object)) {
			r->where[4 * i + v] = c;
			r->n++;
		} else if (v == PATCHED) {
			/* what its words say is judged again: that they were taken once does not mean that they are */
			jobs[i].patched_kept = true;
			r->where[4 * i + v] = &r->reused[r->n_reused++];
			*r->where[4 * i + v] = *c;
		} else {
			r->where[4 * i + v] = &r->stored[r->n_stored];
			r->stored[r->n_stored++] = (struct command){ .out = c->out };
		}
	}
}

static void add_objtools(struct build *b, struct run *r, struct compile_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct command *reference = r->where[4 * i + REFERENCE];

		if (jobs[i].dropped || !jobs[i].how.objtool.n || !reference || !reference->argv)
			continue;
		r->where[4 * i + 3] = &r->commands[r->n++];
		add_objtool(b, r->where[4 * i + 3], &jobs[i], reference);
	}
}

static void keep_objects(struct run *r, struct compile_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct command *objtool = r->where[4 * i + 3];

		for (enum variant v = REFERENCE; v <= PATCHED; v++) {
			const struct command *c = r->where[4 * i + v];
			bool was_run = c && c >= r->commands && c < r->commands + r->n;

			if (was_run && !c->status && (v != REFERENCE || !objtool || !objtool->status))
				object_store_put(r->store, &jobs[i], c, v, path_of(&jobs[i], v));
		}
	}
}

static void judge_jobs(struct build *b, const struct run *r, struct compile_job *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct job_commands c = { 0 };

		for (enum variant v = REFERENCE; v <= PATCHED; v++)
			if (r->where[4 * i + v])
				c.compile[v] = *r->where[4 * i + v];
		if (r->where[4 * i + 3])
			c.objtool = *r->where[4 * i + 3];
		judge_job(b, &jobs[i], &c);
	}
}

/* Makes all three variants of each job that is not dropped. */
static int run_jobs(struct build *b, struct object_store *store, struct compile_job *jobs, size_t n)
{
	struct run r = {
		.commands = arena_array(b->arena, 4 * n, sizeof(*r.commands)),
		.stored = arena_array(b->arena, 2 * n, sizeof(*r.stored)),
		.reused = arena_array(b->arena, n, sizeof(*r.reused)),
		.where = arena_array(b->arena, 4 * n, sizeof(*r.where)),
		.store = store,
	};
	size_t errors = diags_errors(b->diags);
	int err = 0;

	/* references first: objtool has to run after them */
	for (enum variant v = REFERENCE; v <= PATCHED; v++)
		add_compilations(b, &r, jobs, n, v);
	add_objtools(b, &r, jobs, n);
	if (r.n)
		err = build_run_all(b, r.commands, r.n);
	if (!err && b->options.verbose && r.n_stored + r.n_reused)
		build_say(b, "objects  %zu of the kernel's own and %zu of the patch's were in the cache",
			  r.n_stored, r.n_reused);
	if (!err)
		keep_objects(&r, jobs, n);
	if (!err)
		err = explain_jobs(b, jobs, n, r.where);
	if (!err)
		judge_jobs(b, &r, jobs, n);
	return err ? err : diags_errors(b->diags) > errors ? -EINVAL : 0;
}

/*
 * Drops units that are not made from any patched file after all (an #include that was not taken), and
 * those in which the screen found no change.
 */
static int drop_untouched(struct build *b)
{
	bool screened = false;
	size_t n = 0;

	for (size_t i = 0; i < b->n_units; i++) {
		bool read = false;
		int err = 0;

		screened |= b->units[i].job->dropped;
		if (!b->units[i].job->dropped)
			err = compile_reads_patched(b, b->units[i].job, &read);
		if (!err && read)
			err = compile_check_inputs(b, b->units[i].job);
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
		   screened ? "the compiled code of kernel %s is the same with and without the patch" :
			      "no object of kernel %s is made from the files that the patch changes",
		   b->kernel.release);
	return -EINVAL;
}

/* For authors of patches: #include "kpatch-macros.h" finds it, in both trees. */
static int add_macros(struct build *b)
{
	int err = 0;

	for (size_t i = 0; i < N_MACRO_HEADERS && !err; i++) {
		const char *path = arena_printf(b->arena, "%s/%s", b->options.data_dir, compile_macros[i]);
		const char *as = arena_printf(b->arena, "include/%s", compile_macros[i]);
		char *text;
		size_t size;

		err = file_read(b->arena, path, &text, &size);
		if (!err)
			err = shadow_put(b->arena, b->kernel.tree, b->pristine, as, text, size);
	}
	return err;
}

/*
 * In the original tree a new source is an empty file, so that all in it is new, and the makefile that adds it says how it is
 * compiled.
 */
static int add_new_sources(struct build *b)
{
	int err = 0;

	for (size_t i = 0; i < b->n_patched && !err; i++) {
		const struct patched_file *f = &b->patched[i];

		if (f->adds.n)
			err = shadow_put(b->arena, b->kernel.tree, b->pristine, f->path, f->now.text,
					 f->now.size);
		else if (f->created && text_ends_in(f->path, ".c"))
			err = shadow_put(b->arena, b->kernel.tree, b->pristine, f->path, "", 0);
	}
	return err;
}

static int make_shadows(struct build *b)
{
	int err;

	b->pristine = build_work_path(b, "tree.original");
	b->shadow = build_work_path(b, "tree.patched");
	err = b->pristine && b->shadow ? shadow_make(b->arena, b->kernel.tree, b->pristine) : -EIO;
	if (!err)
		err = add_new_sources(b);
	return err ? err : add_macros(b);
}

/*
 * A search by -I for "../entry/calling.h" leaves the directory again, to the shadow's neighbours only if
 * the directory itself is the shadow's.
 */
static int open_include_directories(struct build *b, const struct compile_job *job)
{
	int err = 0;

	for (size_t i = 0; i < job->how.cc.n && !err; i++) {
		const char *dir = job->how.cc.word[i];

		if (strncmp(dir, "-I", 2))
			continue;
		dir = dir[2] || i + 1 == job->how.cc.n ? dir + 2 : job->how.cc.word[i + 1];
		if (*dir != '/' && *dir)
			err = shadow_open(b->arena, b->pristine, b->shadow,
					  arena_printf(b->arena, "%s/.", dir));
		/* makefiles name directories that are not there, which is no error of the compiler either */
		if (err == -ENOENT || err == -ENOTDIR)
			err = 0;
	}
	return err;
}

/* After Kbuild was asked: it may have generated files that both trees need. */
static int make_patched_shadow(struct build *b, const struct compile_job *jobs, size_t n)
{
	int err = shadow_make(b->arena, b->pristine, b->shadow);

	for (size_t i = 0; i < n && !err; i++)
		err = shadow_open(b->arena, b->pristine, b->shadow, jobs[i].how.source);
	for (size_t i = 0; i < n && !err; i++)
		err = open_include_directories(b, &jobs[i]);
	for (size_t i = 0; i < b->n_patched && !err; i++)
		line_markers_add(b->arena, &b->patched[i].now, &b->patched[i].marked,
				 &b->patched[i].marked_size);
	return err ? err : compile_put_texts(b, true);
}

/* One job an object as Kbuild spells it. */
static void make_jobs(struct build *b, struct compile_job **out, size_t *n)
{
	struct compile_job *jobs = arena_array(b->arena, b->n_units + b->n_bystanders, sizeof(*jobs));
	struct strmap *known = strmap_new(b->n_units + b->n_bystanders);

	for (size_t i = 0; i < b->n_units + b->n_bystanders; i++) {
		struct unit *u = i < b->n_units ? &b->units[i] : &b->bystanders[i - b->n_units];
		const union strmap_value *job = strmap_get(known, u->spelled);

		u->job = job ? job->ptr : &jobs[*n];
		if (job)
			continue;
		jobs[(*n)++].unit = *u;
		strmap_set(known, u->spelled, (union strmap_value){ .ptr = u->job });
	}
	strmap_free(known);
	*out = jobs;
}

/* *unknown: nobody knows how it is made, and it is no part of the running kernel. */
static int learn(struct build *b, struct compile_job *job, size_t index, bool *unknown)
{
	const struct unit *u = &job->unit;
	int err = shadow_open(b->arena, b->kernel.tree, b->pristine, u->spelled);

	if (!err)
		err = kbuild_read_object(b, u->dir, u->spelled, &job->how);
	if ((err == -ENOENT || err == -EINVAL) && screen_not_followed(b, job)) {
		*unknown = true;
		return 0;
	}
	if (err == -ENOENT || err == -EINVAL) {
		build_fails_as(b, EXIT_PATCH);
		diag_error(b->diags, "object-not-compiled", diag_file(u->object), "Leave it out of the patch",
			   "the kernel's makefiles do not make this by compiling %s", u->source);
	}
	if (err)
		return err;
	job->directory = arena_printf(b->arena, "%s/objects/%zu", b->work, index);
	job->reference = build_work_path(b, "objects/%zu/%s.o", index, variant_names[REFERENCE]);
	job->original = build_work_path(b, "objects/%zu/%s.o", index, variant_names[ORIGINAL]);
	job->patched = build_work_path(b, "objects/%zu/%s.o", index, variant_names[PATCHED]);
	job->plain = build_work_path(b, "objects/%zu/plain.o", index);
	return job->reference && job->original && job->patched && job->plain ? 0 : -EIO;
}

static int explain_shadow(struct build *b, int err)
{
	return err && !diags_errors(b->diags) ? build_not_written(b, "work-directory", b->work, err) : err;
}

/*
 * Jobs of changed sources come first, then those of sources that include what is changed, then
 * bystanders: those are few, and one that changes ends the run.
 */
static int compile_jobs(struct build *b, struct compile_job *jobs, size_t n)
{
	struct object_store *store;
	size_t direct = 0, units;
	int err;

	while (direct < n && !jobs[direct].unit.through)
		direct++;
	for (units = direct; units < n && !jobs[units].unit.bystander;)
		units++;
	store = object_store_open(b);
	err = screen_jobs(b, store, jobs + units, n - units);
	if (!err)
		err = run_jobs(b, store, jobs, direct);
	if (!err)
		err = screen_jobs(b, store, jobs + direct, units - direct);
	/* what changes is compiled once more, with debug information */
	if (!err)
		err = run_jobs(b, store, jobs + direct, units - direct);
	object_store_close(store);
	return err;
}

int stage_compile(struct build *b)
{
	struct compile_job *jobs = NULL;
	size_t n = 0;
	int err;

	make_jobs(b, &jobs, &n);
	err = make_shadows(b);
	for (size_t i = 0; i < n && !err;) {
		bool unknown = false;

		err = learn(b, &jobs[i], i, &unknown);
		/* the units of the kernel come first, and nobody asks for a bystander's job */
		if (unknown)
			jobs[i] = jobs[--n];
		else
			i++;
	}
	if (!err)
		err = make_patched_shadow(b, jobs, n);
	if (err)
		return explain_shadow(b, err);
	err = compile_jobs(b, jobs, n);
	if (!err)
		err = drop_untouched(b);
	for (size_t i = 0; i < b->n_units && !err; i++) {
		b->units[i].reference = b->units[i].job->reference;
		b->units[i].original = b->units[i].job->original;
		b->units[i].patched = b->units[i].job->patched;
	}
	return err;
}
