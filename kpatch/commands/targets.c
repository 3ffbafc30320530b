/* SPDX-License-Identifier: GPL-2.0-only */
/* See targets.h. */
#include "kpatch/commands/targets.h"

#include <string.h>

#include "kpatch/file/check.h"
#include "kpatch/live/sysfs.h"
#include "lib/kernel/files/buildid.h"
#include "lib/manifest/schema.h"
#include "lib/util/diag.h"

/* A line "OBJECT BUILD [REFUSED]" in its words. */
struct target {
	const char *object, *build, *refused;
};

/* false: not such a line. Other runtimes have no such file, and a long one is cut. */
static bool parse(char *line, struct target *out)
{
	char *rest = line;

	out->object = strsep(&rest, " ");
	out->build = strsep(&rest, " ");
	out->refused = rest;
	return schema_object.valid(out->object) && out->build && schema_hex.valid(out->build) &&
	       (!out->refused || !strcmp(out->refused, "-") || schema_hex.valid(out->refused));
}

static void judge_refused(struct kpatch *k, const struct live_patch *p, const struct target *t)
{
	bool known = strcmp(t->refused, "-");

	diag_warning(k->diags, "target-refused", diag_file(p->name),
		     "Load the module that it was made for (is the one in the initramfs, or below updates/, "
		     "another?), or unload the patch and get one for this build",
		     "module %s was not loaded, because the patch is not for this build of it: expected "
		     "build ID %s, found %s",
		     t->object, t->build, known ? t->refused : "none");
}

static bool waits_for(const struct live_patch *p, const char *object)
{
	for (size_t i = 0; i < p->n_objects; i++)
		if (!strcmp(p->objects[i].name, object))
			return p->objects[i].known && !p->objects[i].patched;
	return false;
}

static void judge_waiting(struct kpatch *k, const char *release, const struct live_patch *p,
			  const struct target *t)
{
	char text[BUILDID_TEXT];
	struct buildid id;

	if (installed_build_id(k, release, t->object, &id) || !strcmp(buildid_text(&id, text), t->build))
		return;
	diag_warning(
		k->diags, "target-other-build", diag_file(p->name),
		"Install the module that it was made for, or unload the patch and get one for this build",
		"module %s cannot be loaded while this patch is: it is for build ID %s, installed is %s",
		t->object, t->build, *text ? text : "one without");
}

void targets_judge(struct kpatch *k, const char *release, const struct live_patch *p)
{
	char text[4097], *rest = text, *line;
	struct target t;

	if (system_read(&k->system, text, sizeof(text), "/sys/module/%s/parameters/targets", p->name) <= 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		if (!parse(line, &t))
			continue;
		if (t.refused)
			judge_refused(k, p, &t);
		else if (waits_for(p, t.object))
			judge_waiting(k, release, p, &t);
	}
}
