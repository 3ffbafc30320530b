/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting: for a transition to end, for a patch to disappear, for its module to become unused;
 * and what is done when that takes too long.
 */
#ifndef KPATCH_TRANSITION_H
#define KPATCH_TRANSITION_H

#include "kpatch/kpatch.h"

enum wait_result {
	WAIT_DONE,
	WAIT_TIMEOUT,
	WAIT_INTERRUPTED,
	WAIT_GONE,  /* the patch disappeared while it was to be enabled */
	WAIT_ERROR, /* sysfs cannot be read; a diagnostic says so */
};

/* When a wait that starts now has to end, by --timeout; milliseconds of the system's clock. */
uint64_t transition_deadline(struct kpatch *k);

/* Until the patch is enabled. Tells which tasks are left if it takes more than a second. */
enum wait_result wait_enabled(struct kpatch *k, const char *patch, uint64_t deadline);
/* Until the patch is disabled and gone from sysfs. */
enum wait_result wait_gone(struct kpatch *k, const char *patch, uint64_t deadline);
/* Until no patch at all is in transition; *name: the one that is, after WAIT_TIMEOUT. */
enum wait_result wait_quiet(struct kpatch *k, uint64_t deadline, const char **name);

/*
 * Names the tasks which the transition of @patch waits for, as diagnostics ("task-blocks") and in the report
 * ("blockers"). @enabling: which way it goes.
 */
void report_blockers(struct kpatch *k, const char *patch, bool enabling);
/* The same after a timeout, with the error that says so. */
void report_stalled(struct kpatch *k, const char *patch, bool enabling);

/*
 * Starts the patch's way to disabled, or back to enabled while it is still on the way. Waits for
 * another patch's transition to end first. OUTCOME_OK also if it is gone already.
 */
enum outcome patch_set_enabled(struct kpatch *k, const char *patch, bool enabled, uint64_t deadline);

/*
 * Removes a patch's module once nothing holds it. OUTCOME_INCOMPLETE, with the diagnostic
 * "module-still-used", if it stays.
 */
enum outcome module_retire(struct kpatch *k, const char *module);

/* The outcome of a wait that was not WAIT_DONE. */
enum outcome wait_outcome(enum wait_result result);

#endif
