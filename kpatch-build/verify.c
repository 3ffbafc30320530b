/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verify stage: opens the installed image and modules and answers for every unit where its
 * symbols are in the running kernel. Reads kernel.image, kernel.symvers and unit.module_path;
 * fills in build.image, unit.ksyms and unit.verified.
 */
#include "kpatch-build/verify.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "lib/kernel/image.h"
#include "lib/kernel/ksyms.h"
#include "lib/kernel/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

static int open_image(struct build *b)
{
	const char *cache = NULL;
	int err;

	if (b->image)
		return 0;
	if (b->options.cache) {
		cache = arena_printf(b->arena, "%s/images", b->options.cache);
		if (!cache)
			return -ENOMEM;
	}
	err = kimage_open(b->kernel.image, cache, b->diags, &b->image);
	if (err)
		return err;
	if (strcmp(b->image->release, b->kernel.release)) {
		diag_error(b->diags, "image-release", diag_file(b->kernel.image),
			   "Give image, modules, headers and source of one kernel",
			   "this is the image of kernel %s, not of %s", b->image->release,
			   b->kernel.release);
		return build_fails_as(b, EXIT_KERNEL);
	}
	return 0;
}

/* Symbols by name alone. */
static int verify_by_name(struct build *b, struct unit *u)
{
	struct ksyms_input input = {
		.owner = u->owner,
		.vmlinux = b->image->kallsyms,
		.symvers = b->kernel.symvers,
	};
	struct verify_report *report = arena_alloc(b->arena, sizeof(*report));
	struct kmodule *module = NULL;
	int err;

	if (!report)
		return -ENOMEM;
	report->build_id = b->image->build_id;
	if (u->module_path) {
		err = kmodule_open(u->module_path, b->diags, &module);
		if (err)
			return err;
		input.module = module; /* lives until the program ends: unit.ksyms uses it */
		report->build_id = module->build_id;
	}
	err = ksyms_new(&input, &u->ksyms);
	u->verified = report;
	return err;
}

int stage_verify(struct build *b)
{
	int err = open_image(b);

	for (size_t i = 0; i < b->n_units && !err; i++)
		err = verify_by_name(b, &b->units[i]);
	return err;
}
