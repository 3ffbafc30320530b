/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks beside an installed patch: whether it is loaded with the others, as at boot. See store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "kpatch/store_private.h"

const char *stored_boot_name(enum stored_boot boot)
{
	static const char *const names[] = {
		[STORED_ENABLED] = "enabled",
		[STORED_DISABLED] = "disabled",
		[STORED_HELD] = "held-back",
	};

	return names[boot];
}

static int set_mark(struct kpatch *k, int directory, const char *module, enum stored_boot mark, bool wanted)
{
	const char *name = store_mark_name(k, module, mark);
	int fd;

	if (!name)
		return -ENOMEM;
	if (!wanted)
		return unlinkat(directory, name, 0) && errno != ENOENT ? -errno : 0;
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

enum outcome store_mark(struct kpatch *k, const char *release, const char *name, enum stored_boot boot)
{
	const struct stored *found = NULL;
	const char *path = "";
	DIR *d = NULL;
	enum outcome o;
	int err;

	o = store_search(k, release, name, &found);
	if (!o)
		o = store_open(k, release, &path, &d);
	if (o || !d)
		return o ? o : store_not_written(k, path, ENOENT);
	err = set_mark(k, dirfd(d), found->module, STORED_DISABLED, boot == STORED_DISABLED);
	if (!err)
		err = set_mark(k, dirfd(d), found->module, STORED_HELD, boot == STORED_HELD);
	if (!err && fsync(dirfd(d)))
		err = -errno;
	closedir(d);
	return err ? store_not_written(k, path, -err) : OUTCOME_OK;
}
