// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which distribution this is, and what its provider's data mean for one kernel. Only looks.
 */
#include "kpatch-build/kernel/provider.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"

/* The last one is present everywhere. */
static const struct provider *const providers[] = { &provider_debian, &provider_generic };
#define N_PROVIDERS (sizeof(providers) / sizeof(*providers))

/* A word in braces and what it stands for. */
struct word {
	const char *name, *text;
};

const struct provider *provider_of(struct arena *arena, const char *root)
{
	size_t i = 0;

	while (i < N_PROVIDERS - 1 && !providers[i]->present(arena, root))
		i++;
	return providers[i];
}

const struct provider *provider_of_image(const char *version)
{
	for (size_t i = 0; i < N_PROVIDERS; i++)
		if (providers[i]->package_mark && strstr(version, providers[i]->package_mark))
			return providers[i];
	return NULL;
}

/* @text with each of @words, which end with one without a name, replaced. NULL: no memory. */
static const char *expand(struct arena *arena, const char *text, const struct word *words)
{
	for (; text && words->name; words++) {
		const char *at = strstr(text, words->name);

		if (at)
			text = arena_printf(arena, "%.*s%s%s", (int)(at - text), text, words->text,
					    at + strlen(words->name));
	}
	return text;
}

/* "6.1.0-56-amd64" → "6.1" */
static const char *series(struct arena *arena, const char *release)
{
	size_t n = strspn(release, "0123456789");

	if (release[n] == '.')
		n += 1 + strspn(release + n + 1, "0123456789");
	return arena_strndup(arena, release, n);
}

/* What a link in the directory of modules leads to. That of another system is meant to be followed from its own root. */
static const char *follow(struct arena *arena, const char *root, const char *release, const char *name)
{
	const char *path = arena_printf(arena, "%s/lib/modules/%s/%s", root, release, name);
	char target[PATH_MAX];
	ssize_t n = path && *root ? readlink(path, target, sizeof(target) - 1) : -1;

	return n > 0 && *target == '/' ? arena_printf(arena, "%s%.*s", root, (int)n, target) : path;
}

static int find(struct arena *arena, const char *root, const struct word *words,
		const struct kernel_place *place, struct kernel_file *out)
{
	for (const char *const *p = place->paths; *p && !out->found; p++) {
		bool directory = (*p)[strlen(*p) - 1] == '/';
		const char *path = expand(arena, arena_strndup(arena, *p, strlen(*p) - directory), words);
		const char *inside;

		path = path ? arena_printf(arena, "%s%s", **p == '/' ? root : "", path) : NULL;
		inside = path && place->inside ? arena_printf(arena, "%s/%s", path, place->inside) : path;
		if (!inside)
			return -ENOMEM;
		out->found = directory && !place->inside ? file_is_directory(path) : file_is_regular(inside);
		if (out->found || p == place->paths)
			out->path = path;
	}
	out->package = place->package ? expand(arena, place->package, words) : NULL;
	return place->package && !out->package ? -ENOMEM : 0;
}

int provider_find(const struct provider *p, struct arena *arena, const char *root, const char *release,
		  struct kernel_files *out)
{
	const struct word words[] = {
		{ "{release}", release },
		{ "{series}", series(arena, release) },
		{ "{build}", follow(arena, root, release, "build") },
		{ "{source}", follow(arena, root, release, "source") },
		{ NULL, NULL },
	};
	int err = words[1].text && words[2].text && words[3].text ? 0 : -ENOMEM;

	if (!err)
		err = find(arena, root, words, &p->image, &out->image);
	if (!err)
		err = find(arena, root, words, &p->modules, &out->modules);
	if (!err)
		err = find(arena, root, words, &p->config, &out->config);
	if (!err)
		err = find(arena, root, words, &p->symvers, &out->symvers);
	if (!err)
		err = find(arena, root, words, &p->source, &out->source);
	return err;
}

const char *provider_package(const struct provider *p, struct arena *arena, const char *version)
{
	const char *at = p->package_mark ? strstr(version, p->package_mark) : NULL;

	if (!at)
		return NULL;
	at += strlen(p->package_mark);
	return arena_strndup(arena, at, strcspn(at, " ()"));
}

int provider_make(const struct provider *p, struct arena *arena, const char *version, struct words *make)
{
	const struct word words[] = { { "{package}", version }, { NULL, NULL } };
	int err = 0;

	for (const char *const *m = p->make; *m && !err; m++)
		err = words_add(arena, make, expand(arena, *m, words));
	return err;
}

const char *provider_need(struct arena *arena, enum provider_need need)
{
	const struct provider *p = provider_of(arena, "");

	return p->install ? arena_printf(arena, "%s %s", p->install, p->needs[need]) : p->needs[need];
}
