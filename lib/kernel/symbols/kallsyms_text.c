/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the text format of /proc/kallsyms; see kallsyms.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/files/input.h"
#include "lib/kernel/symbols/kallsyms_table.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define TEXT_LIMIT (1024u << 20)

struct reader {
	struct arena *arena;
	uint64_t *address;
	uint32_t *name;
	char *type;
	const char **module;
	const char *text; /* also the pool of names: cut in place */
	uint32_t count;
	bool some_address;
};

/* "ffffffff81000000 T _text" with "\t[module]" after it for a module's. false: it is not. */
static bool read_line(struct reader *r, char *line)
{
	char *end, *name, *module;
	uint32_t i = r->count;

	errno = 0;
	r->address[i] = strtoull(line, &end, 16);
	if (errno || end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	r->type[i] = end[1];
	name = end + 3;
	end = name + strcspn(name, " \t");
	if (end == name)
		return false;
	if (*end) {
		*end++ = 0;
		module = end + strspn(end, " \t");
		end = strchr(module, ']');
		if (*module != '[' || !end || end[1])
			return false;
		*end = 0;
		r->module[i] = module + 1;
	}
	r->name[i] = (uint32_t)(name - r->text);
	r->some_address |= r->address[i] != 0;
	r->count++;
	return true;
}

static int read_lines(struct reader *r, const char *path, char *text, struct diags *diags)
{
	struct diag_place place = { .file = path, .line = 1 };

	for (char *line = text, *next; line && *line; line = next, place.line++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (read_line(r, line))
			continue;
		diag_error(diags, "kallsyms-damaged", &place, NULL,
			   "this line is not \"address type name [module]\"");
		return -EBADMSG;
	}
	return 0;
}

static int allocate(struct reader *r, const char *text, size_t size)
{
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += text[i] == '\n';
	if (lines > KALLSYMS_MAX)
		return -EFBIG;
	r->arena = arena_new();
	r->address = arena_array(r->arena, lines, sizeof(*r->address));
	r->name = arena_array(r->arena, lines, sizeof(*r->name));
	r->type = arena_array(r->arena, lines, 1);
	r->module = arena_array(r->arena, lines, sizeof(*r->module));
	r->text = arena_memdup(r->arena, text, size + 1);
	return 0;
}

static int check(const struct reader *r, const char *path, bool any_address, struct diags *diags)
{
	if (!r->count) {
		diag_error(diags, "kallsyms-damaged", diag_file(path), NULL,
			   "there is no symbol in this file");
		return -EBADMSG;
	}
	if (!any_address && !r->some_address) {
		diag_error(diags, "kallsyms-hidden", diag_file(path),
			   "Read it as root, with kernel.kptr_restrict at 0 or 1",
			   "all addresses are zero: the kernel hides them from unprivileged readers");
		return -EACCES;
	}
	return 0;
}

int kallsyms_read_text(const char *path, bool any_address, struct diags *diags, struct kallsyms **out)
{
	struct reader r = { 0 };
	struct kallsyms_table t;
	uint8_t *data;
	size_t size;
	int err = input_read_diag(path, "symbol table", TEXT_LIMIT, diags, &data, &size);

	if (err)
		return err;
	err = allocate(&r, (const char *)data, size);
	free(data);
	if (!err)
		err = read_lines(&r, path, (char *)r.text, diags);
	if (!err)
		err = check(&r, path, any_address, diags);
	if (!err) {
		t = (struct kallsyms_table){ r.count, r.address, r.name, r.type, r.text, size + 1 };
		err = kallsyms_table_build(&t, false, out);
	}
	if (err)
		arena_free(r.arena);
	else
		kallsyms_set_modules(*out, r.module, r.arena);
	return err;
}
