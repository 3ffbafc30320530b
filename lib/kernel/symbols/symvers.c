/* SPDX-License-Identifier: GPL-2.0-only */
/* See symvers.h. The text is copied once; fields are cut in place and entries point into it. */
#include "lib/kernel/symbols/symvers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/files/input.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

#define SYMVERS_LIMIT (256u << 20)

struct symvers {
	struct arena *arena;
	struct strmap *by_name, *owners;
	struct symvers_entry *entries;
	size_t count;
};

enum { FIELD_CRC, FIELD_NAME, FIELD_PATH, FIELD_KIND, FIELD_NAMESPACE, N_FIELDS };

/* Cuts @line at its tabs. Returns how many fields there are (more than N_FIELDS: too many). */
static size_t split(char *line, char *field[N_FIELDS])
{
	size_t n = 0;

	for (;;) {
		char *tab = strchr(line, '\t');

		if (n < N_FIELDS)
			field[n] = line;
		n++;
		if (!tab)
			return n;
		*tab = 0;
		line = tab + 1;
	}
}

static const char *field_error(char *field[N_FIELDS], size_t n, uint32_t *crc)
{
	char *end;
	unsigned long value;

	if (n < FIELD_KIND + 1)
		return "has too few fields (checksum, symbol, object, kind of export)";
	if (n > N_FIELDS)
		return "has too many fields";
	errno = 0;
	value = strtoul(field[FIELD_CRC], &end, 16);
	if (strncmp(field[FIELD_CRC], "0x", 2) || *end || errno || value > UINT32_MAX)
		return "does not start with a checksum";
	if (!*field[FIELD_NAME] || !*field[FIELD_PATH])
		return "lacks the symbol or its object";
	if (strncmp(field[FIELD_KIND], "EXPORT_", 7))
		return "has an unknown kind of export";
	/* modpost writes them into C code */
	if (!text_is_plain(field[FIELD_NAME], "_.$") || !text_is_plain(field[FIELD_PATH], "/._+,@=~-") ||
	    !text_is_plain(field[FIELD_KIND], "_") ||
	    (n > FIELD_NAMESPACE && *field[FIELD_NAMESPACE] &&
	     !text_is_plain(field[FIELD_NAMESPACE], "_.:,*-")))
		return "has a name that no symbol, object or namespace has";
	*crc = (uint32_t)value;
	return NULL;
}

/* The kernel's name of the object at @path; one copy an object. NULL: too long. */
static const char *owner_name(struct symvers *s, const char *path)
{
	union strmap_value *known = strmap_get(s->owners, path);
	char name[256];
	const char *copy;

	if (known)
		return known->cptr;
	if (kmodule_name_from_path(path, name, sizeof(name)))
		return NULL;
	copy = arena_strdup(s->arena, name);
	strmap_set(s->owners, path, (union strmap_value){ .cptr = copy });
	return copy;
}

static int add_line(struct symvers *s, char *line, const char **wrong)
{
	struct symvers_entry *e = &s->entries[s->count];
	char *field[N_FIELDS];
	size_t n = split(line, field);

	*wrong = field_error(field, n, &e->crc);
	if (*wrong)
		return -EBADMSG;
	e->name = field[FIELD_NAME];
	e->path = field[FIELD_PATH];
	e->kind = field[FIELD_KIND];
	e->name_space = n > FIELD_NAMESPACE ? field[FIELD_NAMESPACE] : "";
	e->owner = owner_name(s, e->path);
	if (!e->owner) {
		*wrong = "names an object whose name is too long";
		return -EBADMSG;
	}
	if (strmap_get(s->by_name, e->name)) {
		*wrong = "repeats a symbol";
		return -EBADMSG;
	}
	s->count++;
	strmap_set(s->by_name, e->name, (union strmap_value){ .cptr = e });
	return 0;
}

static int add_lines(struct symvers *s, const char *path, char *text, struct diags *diags)
{
	unsigned int number = 1;

	for (char *line = text, *next; line && *line; line = next, number++) {
		const char *wrong = NULL;
		int err;

		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		err = add_line(s, line, &wrong);
		if (err == -EBADMSG)
			diag_error(diags, "symvers-damaged",
				   &(const struct diag_place){ .file = path, .line = number },
				   "Use the Module.symvers of the kernel's headers package", "this line %s",
				   wrong);
		if (err)
			return err;
	}
	return 0;
}

int symvers_read(const char *path, const char *text, size_t size, struct diags *diags, struct symvers **out)
{
	struct symvers *s = xcalloc(1, sizeof(*s));
	size_t lines = 1;
	char *copy;
	int err = -EBADMSG;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	s->arena = arena_new();
	s->by_name = strmap_new(lines);
	s->owners = strmap_new(1024);
	copy = arena_alloc(s->arena, size + 1);
	s->entries = arena_array(s->arena, lines, sizeof(*s->entries));
	memcpy(copy, text, size);
	if (memchr(text, 0, size)) {
		diag_error(diags, "symvers-damaged", diag_file(path), NULL, "this is no text file");
		goto fail;
	}
	if (!size) {
		diag_error(diags, "symvers-damaged", diag_file(path),
			   "Use the Module.symvers of the kernel's headers package", "the file is empty");
		goto fail;
	}
	err = add_lines(s, path, copy, diags);
	if (err)
		goto fail;
	*out = s;
	return 0;
fail:
	symvers_free(s);
	return err;
}

int symvers_open(const char *path, struct diags *diags, struct symvers **out)
{
	uint8_t *data;
	size_t size;
	int err = input_read_text(path, "Module.symvers", SYMVERS_LIMIT, diags, &data, &size);

	if (err)
		return err;
	err = symvers_read(path, (const char *)data, size, diags, out);
	free(data);
	return err;
}

void symvers_free(struct symvers *s)
{
	if (!s)
		return;
	strmap_free(s->by_name);
	strmap_free(s->owners);
	arena_free(s->arena);
	free(s);
}

const struct symvers_entry *symvers_find(const struct symvers *s, const char *name)
{
	const union strmap_value *v = strmap_get(s->by_name, name);

	return v ? v->cptr : NULL;
}

size_t symvers_count(const struct symvers *s)
{
	return s->count;
}

bool symvers_importable(const struct symvers_entry *e)
{
	return strncmp(e->name_space, "module:", 7) != 0;
}

const struct symvers_entry *symvers_get(const struct symvers *s, size_t i)
{
	return i < s->count ? &s->entries[i] : NULL;
}
