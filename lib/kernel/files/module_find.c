/* SPDX-License-Identifier: GPL-2.0-only */
/* Finds module files by name; see module.h. */
#include "lib/kernel/files/module.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kernel/files/input.h"
#include "lib/util/xmalloc.h"

#define LIST_LIMIT (64u << 20)
#define MAX_DEPTH 32

static const char *const suffixes[] = { "", ".xz", ".zst", ".gz" };

int kmodule_name_from_path(const char *path, char *name, size_t size)
{
	const char *base = strrchr(path, '/'), *end;
	size_t n;

	base = base ? base + 1 : path;
	end = strstr(base, ".ko");
	if (!end || (end[3] && end[3] != '.'))
		end = base + strlen(base);
	n = (size_t)(end - base);
	if (n >= size)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < n; i++)
		name[i] = base[i] == '-' ? '_' : base[i];
	name[n] = 0;
	return 0;
}

bool kmodule_same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

/* Whether the file name is that of a module @name, compressed or not. */
static bool is_module(const char *path, const char *name)
{
	char found[256];

	return strstr(path, ".ko") && !kmodule_name_from_path(path, found, sizeof(found)) &&
	       kmodule_same_name(found, name);
}

/* @file below @dir, as it is or with the suffix of a compression. */
static int existing(const char *dir, const char *file, char **path)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		char *p = xasprintf("%s%s%s%s", *file == '/' ? "" : dir, *file == '/' ? "" : "/", file,
				    suffixes[i]);

		if (!access(p, F_OK)) {
			*path = p;
			return 0;
		}
		free(p);
	}
	return -ENOENT;
}

/* Looks through a list with one path a line, which ends at a colon (modules.dep) if it has one. */
static int find_in_list(const char *dir, const char *list, const char *name, char **path)
{
	char file[PATH_MAX], *save = NULL;
	uint8_t *data;
	size_t size;
	int err = -ENOENT;

	if ((size_t)snprintf(file, sizeof(file), "%s/%s", dir, list) >= sizeof(file))
		return -ENAMETOOLONG;
	if (input_read(file, LIST_LIMIT, &data, &size))
		return -ENOENT;
	for (char *line = strtok_r((char *)data, "\n", &save); line && err == -ENOENT;
	     line = strtok_r(NULL, "\n", &save)) {
		line[strcspn(line, ":")] = 0;
		if (!is_module(line, name))
			continue;
		err = existing(dir, line, path);
	}
	free(data);
	return err;
}

static int find_in_tree(const char *dir, const char *name, int depth, char **path)
{
	DIR *d = depth < MAX_DEPTH ? opendir(dir) : NULL;
	struct dirent *e;
	int err = -ENOENT;

	if (!d)
		return depth ? -ENOENT : -errno;
	while (err == -ENOENT && (e = readdir(d))) {
		struct stat st;
		char *p;

		if (e->d_name[0] == '.')
			continue;
		p = xasprintf("%s/%s", dir, e->d_name);
		if (!lstat(p, &st)) {
			if (S_ISDIR(st.st_mode)) {
				err = find_in_tree(p, name, depth + 1, path);
			} else if (S_ISREG(st.st_mode) && is_module(p, name)) {
				*path = p;
				p = NULL;
				err = 0;
			}
		}
		free(p);
	}
	closedir(d);
	return err;
}

int kmodule_find(const char *dir, const char *name, char **path)
{
	int err = find_in_list(dir, "modules.dep", name, path);

	if (err == -ENOENT)
		err = find_in_list(dir, "modules.order", name, path);
	if (err == -ENOENT)
		err = find_in_tree(dir, name, 0, path);
	return err;
}
