// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of builds that the patch is made for (struct kpatch_target in kmod/kpatch-abi.h): the
 * installed kernel's, and that of each module with something to patch, as the proof found them. Reads
 * the build; writes an object of that one section.
 */
#include "kpatch-build/link/link.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "kpatch-build/build.h"
#include "kpatch-build/verify/verify.h"
#include "lib/elf/write/builder.h"
#include "lib/kernel/files/buildid.h"
#include "lib/kernel/files/image.h"
#include "lib/util/diag.h"
#include "lib/util/vmlinux.h"

_Static_assert(KPATCH_BUILD_ID_SIZE == BUILDID_MAX, "room for every build ID that is read");

static int add_target(struct build *b, struct builder *o, struct builder_section *s, const char *object,
		      const struct buildid *id)
{
	struct kpatch_target target = { .abi_version = KPATCH_ABI_VERSION, .size = id->size };

	if (!id->size) {
		diag_error(b->diags, "build-id-missing", &(struct diag_place){ .function = object }, NULL,
			   "the installed %s has no build ID, so a patch could not be told from one for "
			   "another kernel",
			   object);
		return -EINVAL;
	}
	if (strlen(object) >= sizeof(target.object))
		return -ENAMETOOLONG; /* no kernel has such a module */
	strcpy(target.object, object);
	memcpy(target.build_id, id->bytes, id->size);
	return builder_append(o, s, &target, sizeof(target), 8) == UINT64_MAX ? -EINVAL : 0;
}

static bool has_target(const struct build *b, size_t n, const char *owner)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (b->units[i].diff && !strcmp(b->units[i].owner, owner))
			return true;
	return false;
}

static int add_targets(struct build *b, struct builder *o, struct builder_section *s)
{
	int ret = add_target(b, o, s, VMLINUX, &b->image->build_id);
	size_t i;

	for (i = 0; !ret && i < b->n_units; i++) {
		const struct unit *u = &b->units[i];

		if (u->diff && !is_vmlinux(u->owner) && !has_target(b, i, u->owner))
			ret = add_target(b, o, s, u->owner, &u->verified->build_id);
	}
	return ret;
}

int write_targets(struct build *b, const char *object)
{
	struct builder *o = builder_new(b->image->machine, 0);
	struct builder_section *s =
		builder_section(o, KPATCH_TARGETS_SECTION, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 8, 0);
	int ret = add_targets(b, o, s);

	if (!ret)
		ret = builder_write(o, object);
	builder_free(o);
	return ret;
}
