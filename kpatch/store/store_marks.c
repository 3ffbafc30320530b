/* SPDX-License-Identifier: GPL-2.0-only */
/* Marks of installed patches, in their records: see store.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kpatch/store/store_private.h"

bool store_is_read_only(struct kpatch *k, const char *release)
{
	const char *path;
	struct statvfs st;
	DIR *d = NULL;
	bool read_only;

	if (store_open(k, release, &path, &d) || !d)
		return false;
	read_only = !fstatvfs(dirfd(d), &st) && st.f_flag & ST_RDONLY;
	closedir(d);
	return read_only;
}

enum outcome store_mark(struct kpatch *k, const char *release, const char *name, enum stored_boot boot)
{
	struct boot_record r = { .boot = boot, .boot_id = "-" };
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
	/* what this boot has done so far is not forgotten, what earlier ones did is */
	if (found->recorded && found->record.boot != STORED_UNREADABLE) {
		r = found->record;
		r.boot = boot;
		r.crashes = 0;
	}
	err = record_write(dirfd(d), found->module, &r);
	closedir(d);
	return err ? store_not_written(k, path, -err) : OUTCOME_OK;
}
