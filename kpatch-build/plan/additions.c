// SPDX-License-Identifier: GPL-2.0-only
/*
 * See additions.h. A makefile is looked at twice. As text: all lines that were there are there still, in their order, and what is
 * new in them, and in lines of their own, are names of objects in a list ("nfsd-y += new.o"). And as Kbuild evaluates it: nothing
 * but the new objects has come into its lists, and no module that is not there. A list that means something else than the
 * text looks like is refused by the second, a flag of the compiler by the first. A patch is text that others wrote, and make
 * runs what a makefile says: only what the first has passed reaches it.
 *
 * Reads build.patched and the prepared tree; writes the changed makefile into the work directory, for make.
 */
#include "kpatch-build/plan/additions.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/prepare/kbuild.h"
#include "kpatch-build/prepare/owner.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

/* --- as text --- */

/* An assignment to a list: "nfsd-$(CONFIG_NFSD_V4) += a.o b.o" is a name and words. */
struct list {
	const char *name; /* with the operator and blanks as they are, from the arena */
	struct words words;
};

/* "name-y", "name-objs", "name-m" or "name-$(CONFIG_OPTION)", of @n characters. */
static bool is_list_name(const char *name, size_t n)
{
	static const char *const endings[] = { "-y", "-m", "-objs" };
	static const char option[] = "-$(CONFIG_";
	size_t head = 0;

	while (head < n && name[head] != '$' &&
	       text_is_plain((const char[]){ 'a', name[head], '\0' }, "_./-"))
		head++;
	if (head == n) {
		for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
			if (n > strlen(endings[i]) &&
			    !memcmp(name + n - strlen(endings[i]), endings[i], strlen(endings[i])))
				return true;
		return false;
	}
	if (head < 2 || n - head + 1 < sizeof(option) || memcmp(name + head - 1, option, sizeof(option) - 1))
		return false;
	head += sizeof(option) - 2;
	while (head < n && text_is_plain((const char[]){ 'a', name[head], '\0' }, "_"))
		head++;
	return head + 1 == n && name[head] == ')';
}

/* False: the line is no such assignment. */
static bool read_list(struct arena *arena, const char *line, struct list *out)
{
	size_t n = strcspn(line, "#");
	const char *sign;

	*out = (struct list){ .name = NULL };
	if (*line == '\t' || (n && line[n] && line[n - 1] == '\\'))
		return false;
	line = arena_strndup(arena, line, n); /* what follows is a comment */
	sign = strchr(line, '=');
	if (!sign)
		return false;
	for (n = (size_t)(sign - line); n && strchr(":+", line[n - 1]); n--)
		;
	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (!is_list_name(line, n))
		return false;
	out->name = arena_strndup(arena, line, (size_t)(sign - line) + 1);
	words_add_list(arena, &out->words, sign + 1);
	return true;
}

/* A path of an object at or below the makefile's directory, that make and a shell take for nothing else. */
static bool is_object(const char *word)
{
	return text_is_plain(word, "/_.-") && text_ends_in(word, ".o") && *word != '/' && !strstr(word, "..");
}

/* The lines of @text, those that go on with the next one put together. False: it is not clear where they end. */
static bool read_lines(struct arena *arena, const char *text, struct words *out)
{
	char *copy = arena_strdup(arena, text), *line = copy;

	for (char *p = copy; *p; p++) {
		if (*p != '\n')
			continue;
		if (p > line && p[-1] == '\\') {
			/* to make, two are one backslash, and the line ends */
			if (p - 1 > line && p[-2] == '\\')
				return false;
			p[-1] = *p = ' ';
			continue;
		}
		*p = '\0';
		words_add(arena, out, line);
		line = p + 1;
	}
	if (*line)
		words_add(arena, out, line);
	return true;
}

/* What the makefile's text is about. */
struct reading {
	struct arena *arena;
	const char *directory;
	struct words *out;
};

/* Appends the objects that @is has and @was (NULL: no such line) has not. Whether there is no other difference. */
static bool add_more(struct reading *r, const char *was, const char *is)
{
	struct list old = { .name = NULL }, new;
	size_t i = 0;

	if (!read_list(r->arena, is, &new) || (was && !read_list(r->arena, was, &old)))
		return false;
	if (was && strcmp(old.name, new.name))
		return false;
	for (size_t k = 0; k < new.words.n; k++) {
		if (i < old.words.n && !strcmp(old.words.word[i], new.words.word[k]))
			i++;
		else if (!is_object(new.words.word[k]))
			return false;
	}
	if (i < old.words.n)
		return false;
	for (size_t k = i = 0; k < new.words.n; k++) {
		const char *path;

		if (i < old.words.n && !strcmp(old.words.word[i], new.words.word[k])) {
			i++;
			continue;
		}
		path = path_normal(r->arena,
				   arena_printf(r->arena, "%s/%s", r->directory, new.words.word[k]));
		words_add(r->arena, r->out, path);
	}
	return true;
}

int additions_read(struct arena *arena, const char *path, const char *was, const char *is, struct words *out)
{
	struct reading r = { .arena = arena, .directory = path_directory(arena, path), .out = out };
	struct words old = { 0 }, new = { 0 };
	size_t i = 0;

	*out = (struct words){ 0 };
	if (!read_lines(arena, was, &old) || !read_lines(arena, is, &new))
		return -EINVAL;
	for (size_t k = 0; k < new.n; k++) {
		if (i < old.n && !strcmp(old.word[i], new.word[k]))
			i++;
		else if (i < old.n && add_more(&r, old.word[i], new.word[k]))
			i++;
		else if (!add_more(&r, NULL, new.word[k]))
			return -EINVAL;
	}
	return i == old.n ? 0 : -EINVAL;
}

/* --- with their sources --- */

/* The makefile of the patches that adds @object; NULL: none. */
static const struct patched_file *adds(const struct build *b, const char *object)
{
	for (size_t i = 0; i < b->n_patched; i++)
		for (size_t k = 0; k < b->patched[i].adds.n; k++)
			if (!strcmp(b->patched[i].adds.word[k], object))
				return &b->patched[i];
	return NULL;
}

/* The name with another letter at its end: of a source for an object, and back. */
static const char *with_ending(struct build *b, const char *path, char letter)
{
	return arena_printf(b->arena, "%.*s%c", (int)(strlen(path) - 1), path, letter);
}

static void check_added(struct build *b, const struct patched_file *f, const struct diag_place *place)
{
	for (size_t i = 0; i < f->adds.n; i++) {
		const char *source = with_ending(b, f->adds.word[i], 'c');
		const struct patched_file *s = build_patched(b, source);

		if (!s || !s->created)
			diag_error(b->diags, "patch-build-file", place,
				   "Leave it out, or let the patch bring the source as a new file",
				   "%s adds %s, of which the patch does not bring the source", f->path,
				   f->adds.word[i]);
	}
}

void additions_check(struct build *b, const struct patch_file *p)
{
	for (size_t i = 0; i < p->n_entries; i++) {
		const struct patch_entry *e = &p->entries[i];
		const struct patched_file *f = build_patched(b, e->path);
		struct diag_place place = { .file = p->path, .line = e->line };

		if (!f)
			continue;
		if (f->created && text_ends_in(e->path, ".c") && !adds(b, with_ending(b, e->path, 'o')))
			diag_error(b->diags, "patch-new-file", &place,
				   "Add it to an object of the kernel in that object's makefile (NAME-y += "
				   "NEW.o), or put the code into a source that is there or a new header",
				   "%s is a new source, and no makefile of the patch adds its object",
				   e->path);
		check_added(b, f, &place);
	}
}

/* --- as Kbuild has it --- */

/* Whether @is, without what the makefile @f adds, is @was; *more: it has some of that. */
static bool only_adds(struct build *b, const struct patched_file *f, const struct words *was,
		      const struct words *is)
{
	size_t i = 0;

	for (size_t k = 0; k < is->n; k++) {
		const char *normal = path_normal(b->arena, is->word[k]);

		if (i < was->n && !strcmp(was->word[i], is->word[k]))
			i++;
		else if (!normal || !words_has(&f->adds, normal))
			return false;
	}
	return i == was->n;
}

static const struct words *parts_of(const struct kbuild_directory *d, const char *module)
{
	for (size_t i = 0; i < d->n_modules; i++)
		if (!strcmp(d->modules[i].object, module))
			return &d->modules[i].parts;
	return NULL;
}

static int refuse(struct build *b, const struct patched_file *f, const char *what)
{
	diag_error(
		b->diags, "patch-build-file", diag_file(f->path),
		"Add new objects to an object of the kernel or of a module that is there, and change nothing "
		"else",
		"%s", what);
	return -EINVAL;
}

static int compare(struct build *b, const struct patched_file *f, const struct kbuild_directory *was,
		   const struct kbuild_directory *is)
{
	static const struct words none = { 0 };

	if (!only_adds(b, f, was ? &was->builtin : &none, &is->builtin) ||
	    !only_adds(b, f, was ? &was->library : &none, &is->library))
		return refuse(b, f, "of what vmlinux is linked from, more changes than new objects");
	if (was && was->n_modules > is->n_modules)
		return refuse(b, f, "it takes a module out of the build");
	for (size_t i = 0; i < is->n_modules; i++) {
		const struct words *parts = was ? parts_of(was, is->modules[i].object) : NULL;

		if (!parts)
			return refuse(
				b, f,
				"it makes a module that this kernel does not have, which can be built and "
				"loaded by itself");
		if (!only_adds(b, f, parts, &is->modules[i].parts))
			return refuse(b, f, "of what a module is linked from, more changes than new objects");
	}
	return 0;
}

int additions_owners(struct build *b, const char *path, struct owners *out)
{
	const char *object = with_ending(b, path, 'o');
	const struct patched_file *f = adds(b, object);
	const char *dir, *makefile;
	const struct kbuild_directory *was = NULL, *is = NULL;
	int err;

	*out = (struct owners){ 0 };
	if (!f)
		return -EINVAL;
	dir = path_directory(b->arena, f->path);
	makefile = build_work_path(b, "makefiles/%s", f->path);
	err = makefile ? 0 : -EIO;
	if (!err)
		err = file_write(makefile, f->now.text, f->now.size, 0666);
	if (!err)
		err = kbuild_read_directory(b, dir, &was);
	if (!err)
		err = kbuild_read_makefile(b, dir, makefile, &is);
	if (!err && !is)
		err = refuse(b, f, "make does not take it");
	if (!err)
		err = compare(b, f, was, is);
	return err ? err : owners_in(b, is, object, out);
}
