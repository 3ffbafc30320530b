// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self-check: the module names the build of the kernel, and of every module that it patches, as the
 * installed files have them. Reads those files; shares nothing with the stage that made the table.
 */
#include "kpatch-build/selfcheck/selfcheck.h"

#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/kernel/files/buildid.h"
#include "lib/kernel/files/module.h"
#include "lib/util/vmlinux.h"

/* The table's entry for @object into @out; false: there is none, or more than one. */
static bool find_target(const struct checked *c, const char *object, struct kpatch_target *out)
{
	uint32_t index = elf_edit_find_section(c->f, KPATCH_TARGETS_SECTION);
	const struct elf_edit_section *s = &c->f->sections[index];
	size_t found = 0;
	uint64_t at;

	for (at = 0; index && s->data && at + sizeof(*out) <= s->size; at += sizeof(*out)) {
		struct kpatch_target target;

		memcpy(&target, s->data + at, sizeof(target));
		if (strncmp(target.object, object, sizeof(target.object)))
			continue;
		found++;
		*out = target;
	}
	return found == 1;
}

static void check_target(struct checked *c, const char *object, const struct buildid *installed)
{
	struct kpatch_target target;

	if (!find_target(c, object, &target) || target.abi_version != KPATCH_ABI_VERSION || !target.size ||
	    target.size > KPATCH_BUILD_ID_SIZE || target.refused)
		selfcheck_error(c, "selfcheck-target", "the module does not name one build of %s", object);
	else if (installed && (target.size != installed->size ||
			       memcmp(target.build_id, installed->bytes, installed->size)))
		selfcheck_error(c, "selfcheck-target",
				"the module names another build of %s than the installed", object);
}

int selfcheck_open_module(struct checked *c, const struct selfcheck_want *want, const char *name,
			  struct kmodule **out)
{
	char *path = NULL;
	int err;

	*out = NULL;
	if (want->other && !strcmp(name, want->other))
		return kmodule_open(want->other_file, c->diags, out);
	if (!want->modules || kmodule_find(want->modules, name, &path))
		return 0;
	err = kmodule_open(path, c->diags, out);
	free(path);
	return err;
}

static void check_module(struct checked *c, const char *object, const struct selfcheck_want *want)
{
	struct kmodule *m;

	selfcheck_open_module(c, want, object, &m);
	check_target(c, object, m ? &m->build_id : NULL);
	kmodule_free(m);
}

void selfcheck_targets(struct checked *c, const struct selfcheck_want *want)
{
	size_t i, j;

	check_target(c, VMLINUX, want->build_id);
	for (i = 0; i < c->funcs.n; i++) {
		const char *object = c->funcs.entry[i].object;

		for (j = 0; j < i && strcmp(c->funcs.entry[j].object, object); j++)
			;
		if (j == i && !is_vmlinux(object))
			check_module(c, object, want);
	}
}
