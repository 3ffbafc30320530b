/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a boot: what is going on with a patch is in its record, on the disk, before the next
 * thing is begun. A boot whose records say later on that it came to no end took the machine down. See
 * store.h.
 */
#include <errno.h>
#include <string.h>

#include "kpatch/store/store_private.h"
#include "lib/util/diag.h"

/*
 * Crashes in a row after which a patch that had been loaded is held back. A single one can have any cause:
 * somebody who can crash the machine once would keep a fix out.
 */
#define CRASHES_ALLOWED 2

/* The kernel's name for this boot; "-": it has none. */
static void this_boot(struct kpatch *k, char out[BOOT_ID_SIZE])
{
	if (system_read(&k->system, out, BOOT_ID_SIZE, "/proc/sys/kernel/random/boot_id") !=
		    BOOT_ID_SIZE - 1 ||
	    strspn(out, "0123456789abcdef-") != BOOT_ID_SIZE - 1)
		strcpy(out, "-");
}

/* A boot that is over, and that nobody has noted the end of. */
static bool is_of_another_boot(const struct stored *s, const char *now)
{
	return !strcmp(now, "-") || strcmp(s->record.boot_id, now);
}

static enum outcome write_record(struct kpatch *k, const char *release, struct stored *s)
{
	const char *path = "";
	DIR *d = NULL;
	enum outcome o = store_open(k, release, &path, &d);
	int err;

	if (o)
		return o;
	err = d ? record_write(dirfd(d), s->module, &s->record) : -ENOENT;
	if (d)
		closedir(d);
	if (!err)
		s->recorded = true;
	if (!err)
		return OUTCOME_OK;
	diag_error(k->diags, "boot-unwatched", diag_file(s->path),
		   "Make room or have the disk looked at; kpatch.enable=0 on the kernel's command line boots "
		   "without live patches",
		   "how this boot goes cannot be noted down: %s. If it takes the machine down, it is not "
		   "held back",
		   strerror(-err));
	return OUTCOME_INCOMPLETE;
}

static void hold_back(struct kpatch *k, struct stored *s, const char *when)
{
	if (s->record.boot != STORED_ENABLED)
		return;
	diag_error(k->diags, "held-back", diag_file(s->module),
		   "See what happened; then load it with kpatch load, and let it be loaded at boot again "
		   "with kpatch enable",
		   "the machine went down %s, so it is not loaded at boot any more", when);
	s->record.boot = STORED_HELD;
}

/* One of those that had been loaded when the machine went down. */
static enum outcome count_crash(struct kpatch *k, const char *release, struct stored *s)
{
	enum outcome o;

	if (++s->record.crashes >= CRASHES_ALLOWED)
		hold_back(k, s, "after it was loaded at each of the last boots");
	o = write_record(k, release, s);
	if (o) /* the next boot would count from here again, and so for ever */
		hold_back(k, s, "after it was loaded at the last boot, which cannot be counted");
	else if (s->record.boot == STORED_ENABLED)
		diag_warning(k->diags, "went-down", diag_file(s->module),
			     "See what happened; kpatch disable it if it may be the cause",
			     "the machine went down after it was loaded at the last boot; after another time "
			     "it is held back");
	return o;
}

/* @blamed: another one was being loaded when the machine went down. */
static enum outcome judge_one(struct kpatch *k, const char *release, struct stored *s, bool blamed)
{
	enum boot_run run = s->record.run;

	s->record.run = RUN_IDLE;
	if (run == RUN_LOADED && !blamed)
		return count_crash(k, release, s);
	if (run == RUN_LOADING)
		hold_back(k, s, "while it was being loaded at the last boot");
	return write_record(k, release, s);
}

enum outcome bootlog_judge(struct kpatch *k, const char *release, struct stored *list, size_t n)
{
	enum outcome o = OUTCOME_OK, one;
	char now[BOOT_ID_SIZE];
	bool blamed = false;

	this_boot(k, now);
	for (size_t i = 0; i < n; i++)
		blamed |= list[i].record.run == RUN_LOADING && is_of_another_boot(&list[i], now);
	for (size_t i = 0; i < n; i++) {
		if (list[i].record.run == RUN_IDLE || !is_of_another_boot(&list[i], now))
			continue;
		one = judge_one(k, release, &list[i], blamed);
		if (!one && list[i].record.boot == STORED_HELD)
			one = OUTCOME_INCOMPLETE;
		o = worse(o, one);
	}
	return o;
}

enum outcome bootlog_note(struct kpatch *k, const char *release, struct stored *s, enum boot_run run)
{
	s->record.run = run;
	this_boot(k, s->record.boot_id);
	return write_record(k, release, s);
}

enum outcome bootlog_close(struct kpatch *k, const char *release, bool up)
{
	struct stored *list;
	size_t n;
	enum outcome o = store_list(k, release, &list, &n), one;
	char now[BOOT_ID_SIZE];

	this_boot(k, now);
	for (size_t i = 0; i < n; i++) {
		struct boot_record *r = &list[i].record;

		/* an earlier boot that was judged, but whose verdict could not be noted, is judged again */
		if (r->run == RUN_IDLE || (strcmp(now, "-") && is_of_another_boot(&list[i], now)))
			continue;
		r->run = RUN_IDLE;
		if (up)
			r->crashes = 0;
		one = write_record(k, release, &list[i]);
		o = worse(o, one);
	}
	return o;
}
