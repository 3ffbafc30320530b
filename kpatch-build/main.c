// SPDX-License-Identifier: GPL-2.0-only
/*
 * kpatch-build: source patches in, a livepatch module out. Runs the stages in their order, words
 * what they report, and sees to it that nothing is left behind however the run ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/cache_command.h"
#include "kpatch-build/install/install.h"
#include "kpatch-build/leave_out.h"
#include "kpatch-build/options.h"
#include "kpatch-build/series/report.h"
#include "kpatch-build/sign/sign.h"
#include "kpatch-build/verify/verify.h"
#include "kpatch-build/work.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/process.h"
#include "lib/util/strmap.h"

/* The kernel, and whether it can use what this run is to make: that costs a minute less than to prepare it. */
static int find_kernel(struct build *b)
{
	int err = stage_kernel(b);

	return err ? err : sign_check_kernel(b);
}

/* In the order of the run. Each reads what those before it have written. */
static const struct stage {
	const char *name;
	int (*run)(struct build *b);
	enum exit_kind fails_as;
} stages[] = {
	{ "kernel", find_kernel, EXIT_KERNEL },	 { "prepare", stage_prepare, EXIT_KERNEL },
	{ "plan", stage_plan, EXIT_PATCH },	 { "compile", stage_compile, EXIT_COMPILE },
	{ "verify", stage_verify, EXIT_VERIFY }, { "diff", stage_diff, EXIT_REFUSED },
	{ "link", stage_link, EXIT_LINK },	 { "finish", stage_finish, EXIT_LINK },
	{ "sign", stage_sign, EXIT_SIGN },	 { "package", stage_package, EXIT_PACKAGE },
	{ "page", stage_page, EXIT_INTERNAL },	 { "install", stage_install, EXIT_INTERNAL },
};

#define N_STAGES (sizeof(stages) / sizeof(stages[0]))

static int exit_code(const struct build *b, const struct stage *stage, int err)
{
	if (err == -EINTR && monitor_stopped(b->monitor))
		return EXIT_STOPPED + monitor_stopped(b->monitor);
	if (b->fails_as)
		return b->fails_as;
	if (error_is_disks(err) || err == -EMFILE)
		return EXIT_INTERNAL;
	return stage->fails_as;
}

/* A stage that failed has said why; this catches the ones that could not (no disk, a signal). */
static void explain(struct build *b, const struct stage *stage, int err)
{
	if (err == -EINTR && monitor_stopped(b->monitor))
		diag_error(b->diags, "stopped", NULL, NULL, "stopped in stage %s by %s; nothing was written",
			   stage->name, strsignal(monitor_stopped(b->monitor)));
	else if (!diags_errors(b->diags) && error_is_disks(err))
		build_not_written(b, "work-directory", b->work, err);
	else if (!diags_errors(b->diags))
		diag_error(b->diags, "stage-failed", NULL, NULL, "stage %s failed: %s", stage->name,
			   strerror(-err));
}

/* With --leave-out the plan's place is that of all the stages which may refuse a patch (leave_out.c). */
static int run_stage(struct build *b, const struct stage *stage)
{
	bool in_rounds =
		stage->run == stage_compile || stage->run == stage_verify || stage->run == stage_diff;
	int err;

	if (!b->options.leave_out)
		return stage->run(b);
	if (in_rounds)
		return 0;
	if (stage->run != stage_plan)
		return stage->run(b);
	err = leave_out_run(b);
	build_progress_end(b);
	if ((err && !b->options.diagnostics_json) || b->options.check)
		report_print(b, b->options.check ? stdout : stderr);
	else
		build_say(b, "series   %zu applied, %zu without effect, %zu left out (%s.report)",
			  report_count(b).applied, report_count(b).without_effect, report_count(b).left_out,
			  b->name);
	return err ? err : report_write(b);
}

/* --check: the report is all that it makes. */
static int finish_check(struct build *b)
{
	struct report_counts n = report_count(b);
	size_t printed = diags_count(b->diags);

	if (b->options.output_given && install_files(b, b->report, 2)) {
		build_print_diags(b, &printed);
		return EXIT_INTERNAL;
	}
	return n.left_out ? EXIT_REFUSED : EXIT_OK;
}

/* Most runs neither sign nor package: those stages are not shown then. */
static bool is_idle(const struct build *b, const struct stage *stage)
{
	return (stage->run == stage_sign && !b->options.sign_key) ||
	       (stage->run == stage_package && !b->options.n_packages) ||
	       (stage->run == stage_page && !b->options.report_html);
}

static int run_stages(struct build *b)
{
	size_t printed = 0;

	for (size_t i = 0; i < N_STAGES; i++) {
		const struct stage *stage = &stages[i];
		double before = build_clock();
		int err;

		if (!is_idle(b, stage))
			build_stage(b, stage->name, false);
		err = run_stage(b, stage);
		if (!err && diags_errors(b->diags))
			err = -EINVAL;
		/* whatever a signal made fail in a stage, the signal is the reason */
		if (monitor_stopped(b->monitor) && (err || i + 1 < N_STAGES))
			err = -EINTR;
		if (err)
			explain(b, stage, err);
		build_print_diags(b, &printed);
		if (err)
			return exit_code(b, stage, err);
		if (b->options.verbose)
			build_say(b, "%-8s %6.2f s", stage->name, build_clock() - before);
		if (b->options.check && stage->run == stage_plan)
			return finish_check(b);
		if (b->options.stop_after && !strcmp(b->options.stop_after, stage->name))
			return EXIT_OK;
	}
	build_say(b, "built %s for %s in %.1f s", b->name, b->kernel.release, build_clock() - b->started);
	return EXIT_OK;
}

/* What can be known to be wrong before a minute is spent. */
static bool can_start(struct build *b)
{
	const struct options *o = &b->options;
	bool known = !o->stop_after;

	for (size_t i = 0; i < N_STAGES && !known; i++)
		known = !strcmp(o->stop_after, stages[i].name);
	if (!known)
		diag_error(b->diags, "usage", NULL, "kpatch-build(8) lists the stages",
			   "there is no stage '%s'", o->stop_after);
	if (access(o->output, W_OK | X_OK) < 0)
		diag_error(b->diags, "output", diag_file(o->output), "Choose another directory with --output",
			   "results cannot be written there: %s", strerror(errno));
	for (size_t i = 0; i < o->n_patches; i++)
		if (strcmp(o->patches[i], "-") != 0 && access(o->patches[i], R_OK) < 0)
			diag_error(b->diags, "patch-unreadable", diag_file(o->patches[i]), "Check the path",
				   "the patch cannot be read: %s", strerror(errno));
	sign_check(b);
	for (size_t i = 0; i < o->n_packages; i++)
		package_check(b, o->packages[i]);
	return !diags_errors(b->diags);
}

static void cannot_start(struct build *b, int err)
{
	if (!diags_errors(b->diags))
		diag_error(b->diags, "stage-failed", NULL, NULL, "kpatch-build cannot start: %s",
			   strerror(-err));
}

static int run(struct build *b)
{
	size_t printed = 0;
	int err, code;

	if (!can_start(b)) {
		build_print_diags(b, &printed);
		return EXIT_USAGE;
	}
	err = series_read(b);
	if (err) {
		cannot_start(b, err);
		build_print_diags(b, &printed);
		return error_is_disks(err) ? EXIT_INTERNAL : EXIT_PATCH;
	}
	err = monitor_new(&b->monitor);
	if (!err)
		err = work_make(b);
	if (err) {
		cannot_start(b, err);
		build_print_diags(b, &printed);
		work_remove(b);
		return EXIT_INTERNAL;
	}
	code = run_stages(b);
	build_progress_end(b);
	for (size_t i = 0; i < b->n_units; i++) {
		diff_release(&b->units[i]);
		verify_release(&b->units[i]);
	}
	kimage_free(b->image);
	symvers_free(b->kernel.symvers);
	strmap_free(b->directories);
	work_remove(b);
	monitor_free(b->monitor);
	if (b->entry_lock >= 0)
		close(b->entry_lock);
	if (b->files_lock >= 0)
		close(b->files_lock);
	return code;
}

static char *module_name(struct arena *arena, const char *name)
{
	char *copy = arena_strdup(arena, name);

	for (char *p = copy; p && *p; p++)
		if (*p == '-')
			*p = '_';
	return copy;
}

int main(int argc, char **argv)
{
	struct build b = { .arena = arena_new(), .diags = diags_new(), .entry_lock = -1, .files_lock = -1 };
	enum options_action action;
	size_t printed = 0;
	int code = EXIT_INTERNAL, err;

	b.started = build_clock();
	umask(umask(0) | 022);
	sign_take_pin(&b);
	err = options_parse(b.arena, b.diags, argc, argv, &b.options, &action);
	b.progress = b.options.quiet || b.options.diagnostics_json ? NULL : stderr;
	if (err) {
		build_print_diags(&b, &printed);
		code = EXIT_USAGE;
	} else if (action == OPTIONS_HELP) {
		options_help(stdout);
		code = EXIT_OK;
	} else if (action == OPTIONS_VERSION) {
		puts("kpatch-build " KPATCH_VERSION);
		code = EXIT_OK;
	} else if (action == OPTIONS_CACHE) {
		code = cache_command(&b);
		build_print_diags(&b, &printed);
	} else {
		b.name = b.options.name;
		b.module_name = module_name(b.arena, b.name);
		code = run(&b);
	}
	if (fflush(stdout) || ferror(stdout))
		code = EXIT_INTERNAL;
	diags_free(b.diags);
	arena_free(b.arena);
	return code;
}
