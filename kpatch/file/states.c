/* SPDX-License-Identifier: GPL-2.0-only */
/* See states.h. */
#include "kpatch/file/states.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch/file/patchfile.h"
#include "kpatch/live/sysfs.h"
#include "lib/manifest/manifest.h"
#include "lib/util/diag.h"

/* A line "NUMBER VERSION". false: no such line; a list that is longer than a page is cut. */
static bool parse(const char *line, struct manifest_state *out)
{
	char *end;

	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	out->id = strtoull(line, &end, 10);
	if (*end != ' ' || end[1] < '0' || end[1] > '9')
		return false;
	out->version = strtoull(end + 1, &end, 10);
	return !*end && !errno && out->id;
}

static const struct manifest_state *find(const struct manifest *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_states; i++)
		if (m->states[i].id == id)
			return &m->states[i];
	return NULL;
}

static enum outcome compare(struct kpatch *k, const struct patch_file *f, const char *loaded,
			    const struct manifest_state *old)
{
	const struct manifest_state *mine = find(f->manifest, old->id);

	if (!mine && f->manifest->replace) {
		diag_error(k->diags, "state-unknown", diag_file(f->path),
			   "Unload that one first, or get a patch that knows the state",
			   "the kernel would refuse it: %s has changed state %" PRIu64
			   " of the system, which this patch does not know and could not take over",
			   loaded, old->id);
		return OUTCOME_KERNEL_REFUSED;
	}
	if (mine && mine->version < old->version) {
		diag_error(k->diags, "state-older", diag_file(f->path),
			   "Unload that one first, or get a newer patch",
			   "the kernel would refuse it: %s has state %" PRIu64 " in version %" PRIu64
			   ", and this patch knows version %" PRIu64 " only",
			   loaded, old->id, old->version, mine->version);
		return OUTCOME_KERNEL_REFUSED;
	}
	return OUTCOME_OK;
}

static enum outcome check_one(struct kpatch *k, const struct patch_file *f, const char *loaded)
{
	char text[4097], *rest = text, *line;
	enum outcome o = OUTCOME_OK, one;
	struct manifest_state old;

	if (system_read(&k->system, text, sizeof(text), "/sys/module/%s/parameters/states", loaded) <= 0)
		return OUTCOME_OK;
	while ((line = strsep(&rest, "\n")))
		if (parse(line, &old)) {
			one = compare(k, f, loaded, &old);
			o = worse(o, one);
		}
	return o;
}

enum outcome check_states(struct kpatch *k, const struct patch_file *f, const struct live *live)
{
	enum outcome o = OUTCOME_OK, one;

	for (size_t i = 0; f->manifest && i < live->n_patches; i++) {
		const struct live_patch *p = &live->patches[i];

		if (p->state != PATCH_ENABLED && p->state != PATCH_ENABLING)
			continue;
		one = check_one(k, f, p->name);
		o = worse(o, one);
	}
	return o;
}
