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

/* The first that is present: one that was derived from another comes before it. The last is present everywhere. */
static const struct provider *const providers[] = { &provider_ubuntu, &provider_debian, &provider_fedora,
						    &provider_suse, &provider_generic };
#define N_PROVIDERS (sizeof(providers) / sizeof(*providers))

/* A word in braces and what it stands for. */
struct word {
	const char *name, *text;
};

/* Whether the line of os-release(5) at @line gives @key the word @id, perhaps among others and in quotes. */
static bool line_has(const char *line, const char *key, const char *id)
{
	const char *end = line + strcspn(line, "\n"), *p = line + strlen(key);

	if (strncmp(line, key, strlen(key)) != 0)
		return false;
	while (p < end) {
		size_t n;

		p += strspn(p, "\"' ");
		n = strcspn(p, "\"' \n");
		if (n == strlen(id) && !strncmp(p, id, n))
			return true;
		p += n ? n : 1;
	}
	return false;
}

static bool is_named(const struct provider *p, const char *release)
{
	for (const char *line = release; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		for (const char *const *id = p->ids; *id; id++)
			if (line_has(line, "ID=", *id) || line_has(line, "ID_LIKE=", *id))
				return true;
	}
	return false;
}

const struct provider *provider_of(struct arena *arena, const char *root)
{
	const char *path = arena_printf(arena, "%s/etc/os-release", root);
	char *release = NULL;
	size_t i = 0;

	if (file_read(arena, path, &release, NULL))
		release = NULL; /* a root that was made by hand: what else is in it? */
	for (; i < N_PROVIDERS - 1; i++)
		if ((release && is_named(providers[i], release)) ||
		    (providers[i]->present && providers[i]->present(arena, root)))
			break;
	return providers[i];
}

const struct provider *provider_of_image(const char *version)
{
	for (size_t i = 0; i < N_PROVIDERS; i++)
		if (providers[i]->made_by && strstr(version, providers[i]->made_by))
			return providers[i];
	return NULL;
}

const struct provider *provider_of_kernel(struct arena *arena, const char *root, const char *version)
{
	const struct provider *p = provider_of(arena, root);

	return version && p->made_by && !strstr(version, p->made_by) ? &provider_generic : p;
}

/* The word of @words that is at @p, or NULL. */
static const struct word *word_at(const char *p, const struct word *words)
{
	for (; words->name; words++)
		if (!strncmp(p, words->name, strlen(words->name)))
			return words;
	return NULL;
}

/* @text with each of @words, which end with one without a name, replaced. */
static const char *expand(struct arena *arena, const char *text, const struct word *words)
{
	const char *out = "";

	while (*text && out) {
		const struct word *w = word_at(text, words);
		size_t n = w ? strlen(w->name) : 1 + strcspn(text + 1, "{");

		out = w ? arena_printf(arena, "%s%s", out, w->text) :
			  arena_printf(arena, "%s%.*s", out, (int)n, text);
		text += n;
	}
	return out;
}

/* The length of "6.1" in "6.1.0-56-amd64". */
static size_t series(const char *release)
{
	size_t n = strspn(release, "0123456789");

	return release[n] == '.' ? n + 1 + strspn(release + n + 1, "0123456789") : n;
}

/* The length of @release before the last @sign in it. */
static size_t before(const char *release, char sign)
{
	const char *last = strrchr(release, sign);

	return last ? (size_t)(last - release) : strlen(release);
}

/* What a link in the directory of modules leads to. That of another system is meant to be followed from its own root. */
static const char *follow(struct arena *arena, const char *root, const char *release, const char *name)
{
	const char *path = arena_printf(arena, "%s/lib/modules/%s/%s", root, release, name);
	char target[PATH_MAX];
	ssize_t n = *root ? readlink(path, target, sizeof(target) - 1) : -1;

	return n > 0 && *target == '/' ? arena_printf(arena, "%s%.*s", root, (int)n, target) : path;
}

static int find(struct arena *arena, const char *root, const struct word *words,
		const struct kernel_place *place, struct kernel_file *out)
{
	for (const char *const *p = place->paths; *p && !out->found; p++) {
		bool directory = (*p)[strlen(*p) - 1] == '/';
		const char *path = arena_strndup(arena, *p, strlen(*p) - directory), *inside;

		path = expand(arena, path, words);
		path = arena_printf(arena, "%s%s", **p == '/' ? root : "", path);
		inside =
			place->inside && directory ? arena_printf(arena, "%s/%s", path, place->inside) : path;
		out->found = directory && !place->inside ? file_is_directory(path) : file_is_regular(inside);
		if (out->found || p == place->paths)
			out->path = path;
	}
	out->package = place->package ? expand(arena, place->package, words) : NULL;
	out->command = place->command ? expand(arena, place->command, words) : NULL;
	return 0;
}

int provider_find(const struct provider *p, struct arena *arena, const char *root, const char *release,
		  const char *package, struct kernel_files *out)
{
	size_t base = before(release, '-');
	const struct word words[] = {
		{ "{release}", release },
		{ "{version}", arena_strndup(arena, release, strcspn(release, "-")) },
		{ "{series}", arena_strndup(arena, release, series(release)) },
		{ "{bare}", arena_strndup(arena, release, before(release, '.')) },
		{ "{base}", arena_strndup(arena, release, base) },
		{ "{flavour}", release + base + (release[base] == '-') },
		{ "{=package}", package ? arena_printf(arena, "=%s", package) : "" },
		{ "{build}", follow(arena, root, release, "build") },
		{ "{source}", follow(arena, root, release, "source") },
		{ NULL, NULL },
	};

	const struct {
		const struct kernel_place *place;

		struct kernel_file *file;
	} wanted[] = {
		{ &p->image, &out->image },	{ &p->modules, &out->modules }, { &p->config, &out->config },
		{ &p->symvers, &out->symvers }, { &p->source, &out->source },
	};
	int err = 0;

	*out = (struct kernel_files){ 0 };
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted) && !err; i++)
		err = find(arena, root, words, wanted[i].place, wanted[i].file);
	return err;
}

static void add_once(struct arena *arena, struct words *words, const char *word)
{
	if (!words_has(words, word))
		words_add(arena, words, word);
}

void provider_packages(const struct provider *p, struct arena *arena, const char *release,
		       struct words *needed, struct words *more)
{
	const struct word words[] = { { "{release}", release }, { NULL, NULL } };
	struct kernel_files f = { 0 };

	provider_find(p, arena, "", release, NULL, &f);

	const char *const all[] = { f.image.package, f.modules.package, f.config.package, f.symvers.package,
				    f.source.package };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			add_once(arena, needed, all[i]);
	for (const char *const *m = p->fetch->more; *m; m++)
		add_once(arena, more, expand(arena, *m, words));
}

const char *provider_package(const struct provider *p, struct arena *arena, const char *version)
{
	return p->package ? p->package(arena, version) : NULL;
}

void provider_make(const struct provider *p, struct arena *arena, const char *version, struct words *make)
{
	const struct word words[] = { { "{package}", version }, { NULL, NULL } };

	for (const char *const *m = p->make; *m; m++)
		words_add(arena, make, expand(arena, *m, words));
}

const char *provider_need(struct arena *arena, enum provider_need need)
{
	const struct provider *p = provider_of(arena, "");

	return p->install ? arena_printf(arena, "%s %s", p->install, p->needs[need]) : p->needs[need];
}
