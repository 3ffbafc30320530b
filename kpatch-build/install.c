// SPDX-License-Identifier: GPL-2.0-only
/*
 * Install stage: the finished module and its manifest go to the output directory. Both are written
 * beside their final names and renamed, so that on any failure there is no module, or the one of the
 * run before.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"

static int cannot_write(struct build *b, const char *path, int err)
{
	diag_error(b->diags, err == -ENOSPC || err == -EDQUOT ? "disk-full" : "output", diag_file(path),
		   err == -ENOSPC || err == -EDQUOT ? "Make room, or choose another directory with --output" :
		   "Choose another directory with --output", "the result cannot be written: %s",
		   strerror(-err));
	return err;
}

static int write_temporary(struct build *b, const char *from, const char *to)
{
	int err = from && to ? file_copy(from, to, 0644) : -ENOMEM;

	return err && err != -ENOMEM ? cannot_write(b, to, err) : err;
}

int stage_install(struct build *b)
{
	const char *dir = b->options.output;
	char *module = arena_printf(b->arena, "%s/%s.ko", dir, b->name);
	char *manifest = arena_printf(b->arena, "%s/%s.yaml", dir, b->name);
	char *module_new = arena_printf(b->arena, "%s/.%s.ko.%d", dir, b->name, (int)getpid());
	char *manifest_new = arena_printf(b->arena, "%s/.%s.yaml.%d", dir, b->name, (int)getpid());
	int err;

	if (!module || !manifest || !module_new || !manifest_new)
		return -ENOMEM;
	err = write_temporary(b, b->module, module_new);
	if (!err)
		err = write_temporary(b, b->manifest, manifest_new);
	if (!err && rename(manifest_new, manifest) < 0)
		err = cannot_write(b, manifest, -errno);
	if (!err && rename(module_new, module) < 0) {
		err = cannot_write(b, module, -errno);
		unlink(manifest);
	}
	if (err) {
		unlink(module_new);
		unlink(manifest_new);
		return err;
	}
	printf("%s\n%s\n", module, manifest);
	return 0;
}
