// SPDX-License-Identifier: GPL-2.0-only
/*
 * A changed header is included by tens or thousands of sources, of which few compile to anything else.
 * Here each of them is compiled with and without the patch, a number at a time; where the two objects say
 * the same they are deleted, so that neither the disk nor any later stage sees more than what changes.
 *
 * "The same" is what the differ calls so: a new line in a header changes the line numbers in the
 * warnings below it, and a new declaration the numbers in the names of static variables.
 *
 * Bystanders, which no live patch can replace, are held to more: one that changes is refused, or, where
 * the running kernel has no more use for it, warned of.
 *
 * Reads and writes build.work; sets compile_job.dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kpatch-build/build.h"
#include "kpatch-build/compile/compile.h"
#include "kpatch-build/compile/object_store.h"
#include "lib/elf/object.h"
#include "lib/kernel/symbols/ksym.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/vmlinux.h"

#define JOBS_PER_PROCESS 16 /* in one batch: files on the disk, and between two looks at them */
#define JOBS_WITHOUT_END 64 /* the same with --leave-out */
#define SAY_EVERY 30	    /* seconds */

struct screen {
	struct build *b;
	struct object_store *store;
	size_t done, changed, n;
	time_t said;
	bool warned; /* of what the compiler says about the header: once is enough */
};

/* What has been changed by the patch, if @job's objects are not the same. */
static void judge_bystander(struct build *b, const struct compile_job *job)
{
	static const char redo[] = "Make the change where only C code sees it, or restart into a new kernel";
	const struct unit *u = &job->unit;
	const char *id = "assembly-changed", *what = "assembly, of which functions cannot be replaced";

	switch (u->bystander) {
	case BYSTANDER_BOOT:
		diag_warning(b->diags, "boot-code-changed", diag_file(u->source), NULL,
			     "it includes %s and changes; it is not part of the running kernel and stays as "
			     "it is",
			     u->through);
		return;
	case BYSTANDER_LAYOUT:
	case BYSTANDER_CONSTANTS:
		id = "build-constant-changed";
		what = "read when a kernel is built, for all of its assembly or for its layout";
		break;
	case BYSTANDER_VDSO:
		id = "vdso-changed";
		what = "code that processes have mapped";
		break;
	default:
		break;
	}
	build_fails_as(b, EXIT_REFUSED);
	diag_error(b->diags, id, diag_file(u->source), redo,
		   "it includes %s and changes with it, but it is %s", u->through, what);
}

/* What the makefiles of boot code make of a source is not always told by the rule that is asked for. */
bool screen_not_followed(struct build *b, const struct compile_job *job)
{
	if (job->unit.bystander != BYSTANDER_BOOT && job->unit.bystander != BYSTANDER_VDSO)
		return false;
	diag_warning(b->diags, "header-not-followed", diag_file(job->unit.source), NULL,
		     "it includes %s; whether it changes is not known, because it does not compile by "
		     "itself. It stays as it is",
		     job->unit.through);
	return true;
}

/* A source of symbols that answers nothing and notes that it was asked: nobody asks without a change. */
static int note_question(const struct ksym_source *source, const char *name, const struct symbol *definition,
			 struct ksym *out, const char **why)
{
	(void)name, (void)definition, (void)out;
	*(bool *)source->context = true;
	*why = "not looked for yet";
	return -ENOENT;
}

/* Whether the differ finds nothing in the two objects that a patch would carry, refuse or mention. */
static void differ_finds_nothing(const struct compile_job *job, bool *same)
{
	struct arena *arena = arena_new();
	struct diags *diags = diags_new();
	bool asked = false;
	struct ksym_source ksyms = { .find = note_question, .context = &asked };
	struct diff_input in = { .name = job->unit.object, .owner = VMLINUX, .ksyms = &ksyms };
	struct diff_report report = { 0 };
	uint8_t *data = NULL;
	size_t size;
	int err = object_open(job->original, diags, &in.original);

	if (!err)
		err = object_open(job->patched, diags, &in.patched);
	if (!err)
		err = diff_objects(&in, arena, diags, &report, &data, &size);
	*same = !err && !data && !asked && !diags_count(diags);
	free(data);
	object_free(in.original);
	object_free(in.patched);
	diags_free(diags);
	arena_free(arena);
}

static int same_bytes(const struct compile_job *job, bool *same)
{
	struct arena *arena = arena_new();
	size_t n, m;
	char *a, *b;
	int err;

	*same = false;
	err = file_read(arena, job->original, &a, &n);
	if (!err)
		err = file_read(arena, job->patched, &b, &m);
	if (!err)
		*same = n == m && !memcmp(a, b, n);
	arena_free(arena);
	return err;
}

static bool is_compared_by_bytes(const struct unit *u)
{
	return u->bystander == BYSTANDER_ASSEMBLY || u->bystander == BYSTANDER_LAYOUT ||
	       u->bystander == BYSTANDER_CONSTANTS;
}

static void drop(struct compile_job *job)
{
	job->dropped = true;
	directory_remove(job->directory);
}

/* Both objects are there. */
static int compare(struct screen *s, struct compile_job *job)
{
	bool same;
	int err = same_bytes(job, &same);

	if (!err && !same && !is_compared_by_bytes(&job->unit))
		differ_finds_nothing(job, &same);
	if (err)
		return err;
	if (!same && job->unit.bystander)
		judge_bystander(s->b, job);
	else if (!same)
		s->changed++;
	if (same || job->unit.bystander)
		drop(job);
	return 0;
}

/* Runs one variant of the jobs that are left of a batch. @commands: one a job. */
static int run(struct screen *s, struct arena *arena, struct compile_job *jobs, size_t n,
	       enum variant variant, struct command *commands)
{
	struct command *all = arena_array(arena, n, sizeof(*all));
	bool *reused = arena_array(arena, n, sizeof(*reused));
	size_t used = 0;
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		const char *object = variant == PATCHED ? jobs[i].patched : jobs[i].original;

		if (jobs[i].dropped)
			continue;
		compile_command(s->b, arena, &jobs[i], variant, object, false, &all[used]);
		reused[i] = object_store_get(s->store, &jobs[i], &all[used], variant, object);
		if (reused[i])
			commands[i] = all[used];
		used += !reused[i];
	}
	/* each object is compiled twice: what is counted are compilations */
	build_progress_within(s->b, 2 * s->done + (variant == PATCHED ? 0 : n), 2 * s->n);
	if (used)
		err = build_run_all(s->b, all, used);
	for (size_t i = n; i-- > 0 && !err;) {
		if (jobs[i].dropped || reused[i])
			continue;
		commands[i] = all[--used];
		if (!commands[i].status)
			object_store_put(s->store, &jobs[i], &commands[i], variant,
					 variant == PATCHED ? jobs[i].patched : jobs[i].original);
	}
	return err;
}

/* After both compilations. Whether a job can be compared. */
static bool compiled(struct screen *s, struct compile_job *job, const struct command *patched,
		     const struct command *original)
{
	if (original->status && screen_not_followed(s->b, job)) {
		drop(job);
		return false;
	}
	if (original->status)
		compile_report_failure(s->b, job, ORIGINAL, original);
	else if (patched->status)
		compile_report_failure(s->b, job, PATCHED, patched);
	else if (!s->warned && !job->unit.bystander)
		s->warned = compile_report_warnings(s->b, job, original, patched);
	if (!original->status && !patched->status && !job->unit.bystander)
		compile_refuse_wrong_code(s->b, job, original, patched);
	return !original->status && !patched->status;
}

/* What the compiler says of the patched text, in the place of what it says of that with line markers. */
static int explain(struct build *b, struct arena *arena, struct compile_job *jobs, size_t n,
		   struct command *patched)
{
	struct compile_job **those = arena_array(arena, n, sizeof(*those));
	struct command **commands = arena_array(arena, n, sizeof(*commands));

	for (size_t i = 0; i < n; i++) {
		those[i] = &jobs[i];
		commands[i] = &patched[i];
	}
	return compile_explain(b, arena, those, commands, n, false);
}

static int screen_batch(struct screen *s, struct arena *arena, struct compile_job *jobs, size_t n)
{
	struct command *patched = arena_array(arena, n, sizeof(*patched));
	struct command *original = arena_array(arena, n, sizeof(*original));
	size_t errors = diags_errors(s->b->diags);
	int err = run(s, arena, jobs, n, PATCHED, patched);

	if (!err)
		err = explain(s->b, arena, jobs, n, patched);
	/* the compiler's word on what is included; it gives none if it fails */
	for (size_t i = 0; i < n && !err; i++) {
		bool read = true;

		if (!patched[i].status)
			err = compile_reads_patched(s->b, &jobs[i], &read);
		if (!err && !read)
			drop(&jobs[i]);
	}
	if (!err)
		err = run(s, arena, jobs, n, ORIGINAL, original);
	for (size_t i = 0; i < n && !err; i++)
		if (!jobs[i].dropped && compiled(s, &jobs[i], &patched[i], &original[i]))
			err = compare(s, &jobs[i]);
	return err ? err : diags_errors(s->b->diags) > errors ? -EINVAL : 0;
}

static void say(struct screen *s)
{
	time_t now = time(NULL);

	if (now - s->said < SAY_EVERY || s->done == s->n)
		return;
	s->said = now;
	build_say(s->b, "%zu of %zu objects compiled with and without the patch; %zu changed", s->done, s->n,
		  s->changed);
}

int screen_jobs(struct build *b, struct object_store *store, struct compile_job *jobs, size_t n)
{
	struct screen s = { .b = b, .store = store, .n = n, .said = time(NULL) };
	/* where a refusal is not the end, the order of refusals must not depend on the machine */
	size_t room = b->options.leave_out ? JOBS_WITHOUT_END : (size_t)b->options.jobs * JOBS_PER_PROCESS;
	int err = 0;

	if (n && !jobs[0].unit.bystander)
		build_say(b, "%zu object%s %s what the patch changes", n, n == 1 ? "" : "s",
			  n == 1 ? "includes" : "include");
	while (s.done < n && !err) {
		size_t part = n - s.done < room ? n - s.done : room;
		struct arena *arena = arena_new();

		err = screen_batch(&s, arena, jobs + s.done, part);
		arena_free(arena);
		s.done += part;
		say(&s);
	}
	build_progress_within(b, 0, 0);
	return err;
}
