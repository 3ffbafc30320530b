/* SPDX-License-Identifier: GPL-2.0-only */
/* See sysfs.h. */
#include "kpatch/live/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch/system/system.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"
#include "lib/util/xmalloc.h"

#define LIVEPATCH "/sys/kernel/livepatch"
#define MODULES "/sys/module"

/* A growing array in an arena. */
struct vector {
	struct arena *arena;
	char *items;
	size_t n, room, size;
};

static void *vector_add(struct vector *v)
{
	if (v->n == v->room) {
		size_t room = v->room ? v->room * 2 : 8;
		char *items = arena_array(v->arena, room, v->size);

		if (v->n)
			memcpy(items, v->items, v->n * v->size);
		v->items = items;
		v->room = room;
	}
	return v->items + v->n++ * v->size;
}

static DIR *open_directory(const struct system *s, const char *path)
{
	char full[PATH_MAX];

	if (system_path(s, full, "%s", path))
		return NULL;
	return opendir(full);
}

/* The next entry that is a directory; attributes are files. NULL at the end. */
static const char *next_directory(DIR *d)
{
	struct dirent *e;

	while ((e = readdir(d)))
		if (e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
			return e->d_name;
	return NULL;
}

static int read_number(const struct system *s, const char *directory, const char *name, const char *attribute,
		       long *out)
{
	char text[32], *end;
	ssize_t n = system_read(s, text, sizeof(text), "%s/%s/%s", directory, name, attribute);

	if (n < 0)
		return (int)n;
	errno = 0;
	*out = strtol(text, &end, 10);
	return !n || *end || errno ? -EBADMSG : 0;
}

bool sysfs_capable(const struct system *s)
{
	return system_exists(s, LIVEPATCH);
}

const char *patch_state_name(enum patch_state state)
{
	static const char *const names[] = {
		[PATCH_ENABLED] = "enabled",
		[PATCH_ENABLING] = "enabling",
		[PATCH_DISABLING] = "disabling",
		[PATCH_DISABLED] = "disabled",
	};

	return names[state];
}

/*
 * "enabled" is what the patch is going to be, "transition" whether it is on the way there. A patch
 * whose transition to disabled has ended is removed from sysfs a moment later.
 */
int sysfs_patch_state(const struct system *s, const char *name, enum patch_state *out)
{
	long enabled, transition;
	int err = read_number(s, LIVEPATCH, name, "transition", &transition);

	if (!err)
		err = read_number(s, LIVEPATCH, name, "enabled", &enabled);
	if (err == -ENODEV) /* the attribute's kobject is just going */
		err = -ENOENT;
	if (err)
		return err;
	if (transition)
		*out = enabled ? PATCH_ENABLING : PATCH_DISABLING;
	else
		*out = enabled ? PATCH_ENABLED : PATCH_DISABLED;
	return 0;
}

static int compare_functions(const void *a, const void *b)
{
	const struct live_function *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : (x->position > y->position) - (x->position < y->position);
}

static int compare_objects(const void *a, const void *b)
{
	const struct live_object *x = a, *y = b;
	bool x_vmlinux = is_vmlinux(x->name), y_vmlinux = is_vmlinux(y->name);

	return x_vmlinux != y_vmlinux ? y_vmlinux - x_vmlinux : strcmp(x->name, y->name);
}

/* A patch is enabled as it is loaded, and never again. */
bool live_is_below(const struct live_patch *a, const struct live_patch *b)
{
	if (a->stack_order >= 0 && b->stack_order >= 0)
		return a->stack_order < b->stack_order;
	return a->age >= 0 && b->age >= 0 && a->age > b->age;
}

static int compare_patches(const void *a, const void *b)
{
	const struct live_patch *x = a, *y = b;

	if (live_is_below(x, y) || live_is_below(y, x))
		return live_is_below(x, y) ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* @entry is "function,position". */
static void add_function(struct vector *v, const char *entry)
{
	const char *comma = strrchr(entry, ',');
	struct live_function *f = vector_add(v);

	f->name = comma ? arena_strndup(v->arena, entry, (size_t)(comma - entry)) :
			  arena_strdup(v->arena, entry);
	f->position = comma ? strtoull(comma + 1, NULL, 10) : 0;
}

static int read_object(const struct system *s, struct arena *a, const char *patch, const char *name,
		       struct live_object *out)
{
	struct vector v = { .arena = a, .size = sizeof(struct live_function) };
	char path[PATH_MAX];
	const char *entry;
	long patched;
	DIR *d;

	snprintf(path, sizeof(path), LIVEPATCH "/%s/%s", patch, name);
	out->name = arena_strdup(a, name);
	out->known = !read_number(s, path, ".", "patched", &patched);
	out->patched = out->known && patched;
	d = open_directory(s, path);
	if (!d)
		return -errno;
	while ((entry = next_directory(d)))
		add_function(&v, entry);
	closedir(d);
	if (v.n)
		qsort(v.items, v.n, v.size, compare_functions);
	out->functions = (void *)v.items;
	out->n_functions = v.n;
	return 0;
}

static int read_objects(const struct system *s, struct arena *a, struct live_patch *p)
{
	struct vector v = { .arena = a, .size = sizeof(struct live_object) };
	char path[PATH_MAX];
	const char *entry;
	int err = 0;
	DIR *d;

	snprintf(path, sizeof(path), LIVEPATCH "/%s", p->name);
	d = open_directory(s, path);
	if (!d)
		return -errno;
	while (!err && (entry = next_directory(d))) {
		struct live_object *o = vector_add(&v);

		err = read_object(s, a, p->name, entry, o);
	}
	closedir(d);
	if (!err && v.n)
		qsort(v.items, v.n, v.size, compare_objects);
	p->objects = (void *)v.items;
	p->n_objects = v.n;
	return err;
}

static int read_patch(const struct system *s, struct arena *a, const char *name, struct live_patch *p)
{
	long number;
	int err = sysfs_patch_state(s, name, &p->state);

	if (err)
		return err;
	p->name = arena_strdup(a, name);
	p->replace = read_number(s, LIVEPATCH, name, "replace", &number) ? -1 : number != 0;
	p->stack_order = read_number(s, LIVEPATCH, name, "stack_order", &number) ? -1 : (int)number;
	return read_objects(s, a, p);
}

/*
 * For kernels that do not tell the order of the stack: /proc/modules has the module that was loaded last in its first
 * line.
 */
static void note_ages(const struct system *s, struct live_patch *patches, size_t n)
{
	enum { ROOM = 1 << 20 };
	char *text = xmalloc(ROOM);
	ssize_t got = system_read_bytes(s, text, ROOM - 1, "/proc/modules");

	text[got > 0 ? got : 0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(patches[i].name);
		const char *line = text;

		patches[i].age = -1;
		for (; line && *line && patches[i].age < 0; line = strchr(line, '\n')) {
			line += *line == '\n';
			if (!strncmp(line, patches[i].name, length) && line[length] == ' ')
				patches[i].age = line - text;
		}
	}
	free(text);
}

static int read_patches(const struct system *s, struct arena *a, struct live *out)
{
	struct vector v = { .arena = a, .size = sizeof(struct live_patch) };
	DIR *d = open_directory(s, LIVEPATCH);
	const char *entry;
	int err = 0;

	if (!d)
		return -errno;
	while (!err && (entry = next_directory(d))) {
		struct live_patch *p = vector_add(&v);

		err = read_patch(s, a, entry, p);
		if (err == -ENOENT) { /* gone while we looked */
			v.n--;
			memset(p, 0, sizeof(*p));
			err = 0;
		}
	}
	closedir(d);
	out->patches = (void *)v.items;
	if (!err && v.n > 1) {
		if (out->patches->stack_order < 0)
			note_ages(s, out->patches, v.n);
		qsort(v.items, v.n, v.size, compare_patches);
	}
	out->n_patches = v.n;
	return err;
}

/* 'K' among a module's taint flags: it is a live patch. */
static bool is_livepatch_module(const struct system *s, const char *name)
{
	char taint[64];

	return system_read(s, taint, sizeof(taint), MODULES "/%s/taint", name) > 0 && strchr(taint, 'K');
}

static int read_leftovers(const struct system *s, struct arena *a, struct live *out)
{
	struct vector v = { .arena = a, .size = sizeof(const char *) };
	DIR *d = open_directory(s, MODULES);
	const char *entry;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = next_directory(d))) {
		const char **name;

		if (!is_livepatch_module(s, entry) || system_exists(s, LIVEPATCH "/%s", entry))
			continue;
		name = vector_add(&v);
		*name = arena_strdup(a, entry);
	}
	closedir(d);
	if (v.n)
		qsort(v.items, v.n, v.size, compare_strings);
	out->leftovers = (void *)v.items;
	out->n_leftovers = v.n;
	return 0;
}

int sysfs_read(const struct system *s, struct arena *a, struct live *out)
{
	struct live l = { .n_patches = 0 };
	int err = read_patches(s, a, &l);

	if (!err)
		err = read_leftovers(s, a, &l);
	if (!err)
		*out = l;
	return err;
}

const struct live_patch *live_find(const struct live *l, const char *name)
{
	for (size_t i = 0; i < l->n_patches; i++)
		if (!strcmp(l->patches[i].name, name))
			return &l->patches[i];
	return NULL;
}

bool live_leftover(const struct live *l, const char *module)
{
	for (size_t i = 0; i < l->n_leftovers; i++)
		if (!strcmp(l->leftovers[i], module))
			return true;
	return false;
}

size_t live_functions(const struct live_patch *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_objects; i++)
		n += p->objects[i].n_functions;
	return n;
}

/* Positions 0 and 1 both mean the only, or the first, of a name. */
static bool same_position(uint64_t a, uint64_t b)
{
	return a == b || (a <= 1 && b <= 1);
}

bool live_has(const struct live_patch *p, const char *object, const char *function, uint64_t position)
{
	for (size_t i = 0; i < p->n_objects; i++) {
		const struct live_object *o = &p->objects[i];

		for (size_t j = 0; !strcmp(o->name, object) && j < o->n_functions; j++)
			if (!strcmp(o->functions[j].name, function) &&
			    same_position(o->functions[j].position, position))
				return true;
	}
	return false;
}

const struct live_patch *live_owner(const struct live *l, const char *object, const char *function,
				    uint64_t position)
{
	for (size_t i = l->n_patches; i-- > 0;)
		if (live_has(&l->patches[i], object, function, position))
			return &l->patches[i];
	return NULL;
}

bool module_is_loaded(const struct system *s, const char *name)
{
	/* Built-in code with parameters has a directory, too, but no state. */
	return system_exists(s, MODULES "/%s/initstate", name);
}

/* What the runtime of a patch shows of it; other tools' modules have nothing of the kind. */
static bool runtime_says(const struct system *s, const char *name, const char *parameter, char answer)
{
	char text[4];

	return system_read(s, text, sizeof(text), MODULES "/%s/parameters/%s", name, parameter) > 0 &&
	       *text == answer;
}

bool module_is_kept(const struct system *s, const char *name)
{
	return runtime_says(s, name, "kept", 'Y');
}

bool module_is_unverified(const struct system *s, const char *name)
{
	return runtime_says(s, name, "verified", 'N');
}

long module_references(const struct system *s, const char *name)
{
	long n;
	int err = read_number(s, MODULES, name, "refcnt", &n);

	return err ? err : n;
}

static int read_build_id(const struct system *s, const char *path, struct buildid *out)
{
	char notes[16384];
	ssize_t n = system_read_bytes(s, notes, sizeof(notes), "%s", path);

	return n < 0 ? (int)n : buildid_from_notes(notes, (size_t)n, out);
}

int module_build_id(const struct system *s, const char *name, struct buildid *out)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MODULES "/%s/notes/.note.gnu.build-id", name);
	return read_build_id(s, path, out);
}

int kernel_build_id(const struct system *s, struct buildid *out)
{
	return read_build_id(s, "/sys/kernel/notes", out);
}

int module_name(const char *name, char out[MODULE_NAME_SIZE])
{
	size_t n = 0;

	if (!schema_object.valid(name))
		return -EINVAL;
	for (; name[n]; n++)
		out[n] = name[n] == '-' ? '_' : name[n];
	out[n] = '\0';
	return 0;
}

int module_name_said(const char *said, char out[MODULE_NAME_SIZE])
{
	const char *base = strrchr(said, '/') ? strrchr(said, '/') + 1 : said;
	size_t n = strlen(base);
	char name[NAME_MAX + 1];

	if (n <= 3 || n > NAME_MAX || strcmp(base + n - 3, ".ko"))
		return module_name(said, out);
	memcpy(name, base, n - 3);
	name[n - 3] = '\0';
	return module_name(name, out);
}
