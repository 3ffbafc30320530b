// SPDX-License-Identifier: GPL-2.0-only
/* See shadow.h. Writes below the shadow's root only, and never through a symbolic link. */
#include "kpatch-build/compile/shadow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"

/* Fills the real directory @to with links to the entries of @from. */
static int link_entries(struct arena *arena, const char *from, const char *to)
{
	DIR *d = opendir(from);
	int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	struct dirent *e;

	if (!d || fd < 0)
		err = -errno;
	while (!err && d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (symlinkat(arena_printf(arena, "%s/%s", from, e->d_name), fd, e->d_name) < 0)
			err = -errno;
	}
	if (d)
		closedir(d);
	if (fd >= 0)
		close(fd);
	return err;
}

int shadow_make(struct arena *arena, const char *base, const char *root)
{
	if (mkdir(root, 0777) < 0)
		return -errno;
	return link_entries(arena, base, root);
}

static int open_directory(struct arena *arena, const char *base, const char *root, const char *dir)
{
	const char *path = arena_printf(arena, "%s/%s", root, dir);
	const char *from = arena_printf(arena, "%s/%s", base, dir);
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!S_ISLNK(st.st_mode) || !file_is_directory(from))
		return -ENOTDIR;
	if (unlink(path) < 0 || mkdir(path, 0777) < 0)
		return -errno;
	return link_entries(arena, from, path);
}

int shadow_open(struct arena *arena, const char *base, const char *root, const char *path)
{
	int err = 0;

	for (const char *slash = strchr(path, '/'); slash && !err; slash = strchr(slash + 1, '/')) {
		const char *dir = arena_strndup(arena, path, (size_t)(slash - path));
		const char *normal = path_normal(arena, dir);

		if (!normal)
			return -EINVAL;
		/* the directories above a normal path are those above the path, or open already */
		if (strcmp(normal, "."))
			err = open_directory(arena, base, root, normal);
	}
	return err;
}

int shadow_put(struct arena *arena, const char *base, const char *root, const char *path, const void *data,
	       size_t size)
{
	const char *to = arena_printf(arena, "%s/%s", root, path);
	int err = shadow_open(arena, base, root, path);

	if (!err && unlink(to) < 0 && errno != ENOENT)
		err = -errno;
	return err ? err : file_write(to, data, size, 0666);
}
