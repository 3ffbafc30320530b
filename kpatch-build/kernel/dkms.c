// SPDX-License-Identifier: GPL-2.0-only
/* See dkms.h. Reads dkms.conf files and the links of /var/lib/dkms; runs nothing, writes nothing. */
#include "kpatch-build/kernel/dkms.h"

#include <ctype.h>
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

/* --- dkms.conf --- */

/* "NAME=" or "NAME[index]=" at the start of @line: the key and what follows. NULL: it is no assignment. */
static const char *assignment(struct arena *arena, const char *line, const char **key)
{
	size_t n = 0, all;

	while (isalnum((unsigned char)line[n]) || line[n] == '_')
		n++;
	all = n;
	if (line[all] == '[')
		all += strcspn(line + all, "]\n") + 1;
	if (!n || line[all] != '=')
		return NULL;
	/* the first is also called by the array's name */
	*key = arena_strndup(arena, line, !strncmp(line + n, "[0]=", 4) ? n : all);
	return line + all + 1;
}

/* A value up to where a shell would end it; NULL if that is not on this line. */
static const char *value_of(struct arena *arena, const char *text)
{
	const char quote = *text == '"' || *text == '\'' ? *text : '\0';
	size_t n = quote ? strcspn(text + 1, quote == '"' ? "\"\n\\" : "'\n") : strcspn(text, " \t\n;\"'\\");

	if (quote && text[n + 1] != quote)
		return NULL;
	text += quote != '\0';
	if (quote == '\'' && memchr(text, '$', n))
		return NULL; /* a '$' that means itself: no value that is used here has one */
	return arena_strndup(arena, text, n);
}

static void add_value(struct arena *arena, struct dkms *d, struct dkms_value v)
{
	struct dkms_value *grown = arena_array(arena, d->n_values + 1, sizeof(*grown));
	size_t i;

	for (i = 0; i < d->n_values && strcmp(d->values[i].key, v.key); i++)
		;
	/* within an if, or an else of it: which of the two holds is the shell's to say */
	if (i < d->n_values)
		v.text = NULL;
	if (d->n_values)
		memcpy(grown, d->values, d->n_values * sizeof(*grown));
	grown[i] = v;
	d->n_values += i == d->n_values;
	d->values = grown;
}

static const char *look_up(const struct dkms *d, const char *key)
{
	for (size_t i = 0; i < d->n_values; i++)
		if (!strcmp(d->values[i].key, key))
			return d->values[i].text;
	return NULL;
}

/* What a variable in a value stands for. */
struct variable {
	const char *name, *value;
};

/* @text with its variables replaced; NULL if one is not among @known (an entry without a name ends it), or a shell is needed. */
static const char *expand(struct arena *arena, const char *text, const struct variable *known)
{
	const char *out = "";

	while (text && *text) {
		size_t plain = strcspn(text, "$`\\"), n;
		const struct variable *v = known;
		const char *name = text + plain + 1;
		bool braces;

		out = arena_printf(arena, "%s%.*s", out, (int)plain, text);
		if (!text[plain])
			return out;
		if (text[plain] != '$')
			return NULL;
		braces = *name == '{';
		name += braces;
		for (n = 0; isalnum((unsigned char)name[n]) || name[n] == '_'; n++)
			;
		while (v->name && (strlen(v->name) != n || memcmp(v->name, name, n)))
			v++;
		if (!v->name || !v->value || (braces && name[n] != '}'))
			return NULL;
		out = arena_printf(arena, "%s%s", out, v->value);
		text = name + n + braces;
	}
	return text ? out : NULL;
}

struct dkms *dkms_read(struct arena *arena, const char *text)
{
	struct dkms *d = arena_alloc(arena, sizeof(*d));
	const struct variable none[] = { { NULL, NULL } };

	for (const char *line = text; *line;) {
		const char *key, *start = line + strspn(line, " \t"), *value = assignment(arena, start, &key);

		if (value)
			add_value(arena, d, (struct dkms_value){ key, value_of(arena, value) });
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	d->package = expand(arena, look_up(d, "PACKAGE_NAME"), none);
	d->version = expand(arena, look_up(d, "PACKAGE_VERSION"), none);
	/* they become directories */
	if (d->package && !text_is_plain(d->package, "._+~-"))
		d->package = NULL;
	if (d->version && !text_is_plain(d->version, "._+~-"))
		d->version = NULL;
	return d;
}

bool dkms_makes(struct arena *arena, const struct dkms *d, const char *name)
{
	const struct variable known[] = { { "PACKAGE_NAME", d->package },
					  { "PACKAGE_VERSION", d->version },
					  { NULL, NULL } };
	bool any = false;

	for (size_t i = 0; i < d->n_values; i++) {
		const char *text;

		if (!text_starts_with(d->values[i].key, "BUILT_MODULE_NAME"))
			continue;
		any = true;
		text = expand(arena, d->values[i].text, known);
		if (text && kmodule_same_name(text, name))
			return true;
	}
	/* a package of one module need not say what that is called */
	return !any && d->package && kmodule_same_name(d->package, name);
}

bool dkms_patches(const struct dkms *d)
{
	for (size_t i = 0; i < d->n_values; i++)
		if (!strcmp(d->values[i].key, "PATCH") || text_starts_with(d->values[i].key, "PATCH["))
			return true;
	return false;
}

int dkms_make(struct arena *arena, const struct dkms *d, const char *tree, const char *kernel,
	      const char *release, struct words *out)
{
	const struct variable known[] = {
		{ "PACKAGE_NAME", d->package },	 { "PACKAGE_VERSION", d->version },
		{ "module", d->package },	 { "module_version", d->version },
		{ "kernel_source_dir", kernel }, { "kernelver", release },
		{ "dkms_tree", tree },		 { NULL, NULL },
	};
	const char *text = expand(arena, look_up(d, "MAKE"), known);

	*out = (struct words){ 0 };
	if (!text || words_add_shell(arena, out, text) || !out->n || strcmp(out->word[0], "make"))
		return -ENOENT;
	return 0;
}

/* --- which of them --- */

/* Whether /var/lib/dkms says that this version of the package is installed for the kernel. */
static bool is_installed(struct build *b, const struct dkms *d)
{
	const char *pattern;
	bool found = false;
	glob_t links;

	if (!d->package || !d->version)
		return false;
	/* kernel-RELEASE-MACHINE leads to VERSION/RELEASE/MACHINE */
	pattern = arena_printf(b->arena, "%s/var/lib/dkms/%s/kernel-%s-*", b->options.root, d->package,
			       b->kernel.release);
	if (glob(pattern, 0, NULL, &links))
		return false;
	for (size_t i = 0; i < links.gl_pathc && !found; i++) {
		char to[256];
		ssize_t n = readlink(links.gl_pathv[i], to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = '\0';
		found = text_starts_with(to, d->version) && to[strlen(d->version)] == '/';
	}
	globfree(&links);
	return found;
}

static int several(struct build *b, const char *name, const struct words *dirs)
{
	diag_error(
		b->diags, "oot-source", diag_file(dirs->word[0]),
		"Name the one that the module was built from with --oot-module-src",
		"the sources of several versions of module %s are here, of which none is known to be the one that is "
		"installed for %s; another is %s",
		name, b->kernel.release, dirs->word[1]);
	return -EINVAL;
}

int dkms_find(struct build *b, const char *name, const char **dir)
{
	struct words all = { 0 }, installed = { 0 };
	glob_t files;

	if (glob(arena_printf(b->arena, "%s/usr/src/*/dkms.conf", b->options.root), 0, NULL, &files))
		return -ENOENT;
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const char *path = arena_strdup(b->arena, files.gl_pathv[i]);
		const struct dkms *d;
		char *text;

		if (file_read(b->arena, path, &text, NULL))
			continue;
		d = dkms_read(b->arena, text);
		if (!dkms_makes(b->arena, d, name))
			continue;
		path = path_directory(b->arena, path);
		words_add(b->arena, &all, path);
		if (is_installed(b, d))
			words_add(b->arena, &installed, path);
	}
	globfree(&files);
	if (installed.n != 1 && all.n > 1)
		return several(b, name, &all);
	if (!all.n)
		return -ENOENT;
	*dir = installed.n == 1 ? installed.word[0] : all.word[0];
	return 0;
}
