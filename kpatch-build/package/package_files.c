/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What packages of either kind share: their names, their files and how their programs are run.
 */
#include "kpatch-build/package/package.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

/* Both packagers take lower case letters, digits, '+', '.' and '-' in a name. */
const char *package_name(struct arena *a, const struct manifest *m)
{
	char *name = arena_printf(a, "kpatch-patch-%s%s%s", m->kernel.release, m->replace ? "" : "-",
				  m->replace ? "" : m->name);

	for (char *p = name; p && *p; p++) {
		*p = (char)tolower((unsigned char)*p);
		if (!isalnum((unsigned char)*p) && *p != '+' && *p != '.')
			*p = '-';
	}
	return name;
}

const char *package_module_path(struct arena *a, const struct manifest *m)
{
	return arena_printf(a, "usr/lib/kpatch/%s/%s.ko", m->kernel.release, m->name);
}

const char *package_doc_path(struct arena *a, const struct manifest *m, const char *file)
{
	return arena_printf(a, "usr/share/doc/%s/%s", package_name(a, m), file);
}

const char *package_hotfix(struct arena *a, const struct manifest *m, const char *verb)
{
	return arena_printf(a, PACKAGE_HOTFIX " %s %s %s %s", verb, package_name(a, m), m->kernel.release,
			    m->name);
}

int package_file(struct build *b, const char *root, const char *path, const void *data, size_t size,
		 unsigned int mode)
{
	const char *full = arena_printf(b->arena, "%s/%s", root, path);
	int err = directory_make_above(full, 0755);

	if (!err)
		err = file_write(full, data, size, mode);
	if (err)
		diag_error(b->diags, "package-file", diag_file(full), NULL, "cannot be written: %s",
			   strerror(-err));
	return err;
}

int package_run(struct build *b, const struct package *p, const char *const *argv)
{
	const char *path = getenv("PATH");
	const char *env[] = {
		arena_printf(b->arena, "PATH=%s", path && *path ? path : "/usr/bin:/bin"),
		arena_printf(b->arena, "HOME=%s/tmp", b->work), /* nobody's ~/.rpmmacros */
		arena_printf(b->arena, "TMPDIR=%s/tmp", b->work),
		arena_printf(b->arena, "SOURCE_DATE_EPOCH=%lld", (long long)p->date),
		"LC_ALL=C",
		"TZ=UTC",
		NULL,
	};
	const char *log = build_work_path(b, "package/log");
	char *text;
	int status, err = log ? build_run(b, argv, b->work, env, log, &status) : -EIO;

	if (err || !status)
		return err;
	if (file_read(b->arena, log, &text, NULL))
		text = NULL;
	for (char *line; text && (line = strsep(&text, "\n"));)
		if (*line)
			diag_error(b->diags, "package", diag_file(path_base(argv[0])), NULL, "%s", line);
	diag_error(b->diags, "package", diag_file(path_base(argv[0])), NULL, "ended with status %d", status);
	return -EINVAL;
}
