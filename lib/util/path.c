// SPDX-License-Identifier: GPL-2.0-only
#include "lib/util/path.h"

#include <string.h>

#include "lib/util/arena.h"

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_directory(struct arena *a, const char *path)
{
	const char *base = path_base(path);

	return base == path ? arena_strdup(a, ".") :
			      arena_strndup(a, path, base - path > 1 ? (size_t)(base - path - 1) : 1);
}

char *path_normal(struct arena *a, const char *path)
{
	char *out = path ? arena_alloc(a, strlen(path) + 2) : NULL, *end = out, *start;

	if (!out)
		return NULL;
	if (*path == '/')
		*end++ = '/';
	start = end;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2)) {
			if (end == start)
				return NULL;
			while (end > start && end[-1] != '/')
				end--;
			if (end > start)
				end--;
		} else if (n && !(n == 1 && *path == '.')) {
			if (end > start)
				*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n;
		path += strspn(path, "/");
	}
	if (end == out)
		*end++ = '.';
	*end = '\0';
	return out;
}
