/* SPDX-License-Identifier: GPL-2.0-only */
/* See kconfig.h. */
#include "lib/kernel/files/kconfig.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/files/input.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
#include "lib/util/text.h"
#include "lib/util/xmalloc.h"

#define KCONFIG_LIMIT (16u << 20)

struct kconfig {
	struct arena *arena;
	struct strmap *options;
};

/* Takes quotes and backslashes out of a string value, in place. -EBADMSG: no closing quote. */
static int unquote(char *value, char **out)
{
	char *from = value + 1, *to = value;

	while (*from && *from != '"') {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from++;
	}
	if (*from != '"' || from[1])
		return -EBADMSG;
	*to = 0;
	*out = value;
	return 0;
}

/*
 * What no option of a kernel has, and what a shell or make would take for more than text: the kernel's makefiles use
 * options in the commands that they run, some without quotes.
 */
static bool is_unsafe(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || strchr("$`;|&<>", *value))
			return true;
	return false;
}

/* y, m, a number or a string in quotes. */
static bool is_value(const char *value)
{
	return *value == '"' || text_is_plain(value + (*value == '-'), "");
}

/* "CONFIG_X=value"; comments (also "# CONFIG_X is not set") and empty lines mean nothing. */
static int add_line(struct kconfig *c, char *line)
{
	char *value;

	if (!*line || *line == '#')
		return 0;
	value = strchr(line, '=');
	if (!value || strncmp(line, "CONFIG_", 7))
		return -EBADMSG;
	*value++ = 0;
	if (!text_is_plain(line, "_") || !is_value(value))
		return -EBADMSG;
	if (is_unsafe(value))
		return -EPERM;
	if (*value == '"' && unquote(value, &value))
		return -EBADMSG;
	strmap_set(c->options, line, (union strmap_value){ .cptr = value });
	return 0;
}

static int add_lines(struct kconfig *c, const char *path, char *text, struct diags *diags)
{
	unsigned int number = 1;
	int err = 0;

	for (char *line = text, *next; line && *line && !err; line = next, number++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		err = add_line(c, line);
	}
	if (err == -EBADMSG)
		diag_error(diags, "config-damaged",
			   &(const struct diag_place){ .file = path, .line = number - 1 },
			   "Use the .config of the kernel's headers package",
			   "this is no line of a kernel configuration");
	if (err == -EPERM)
		diag_error(
			diags, "config-unsafe",
			&(const struct diag_place){ .file = path, .line = number - 1 },
			"Use the .config of the kernel's headers package; a string that has such characters for a "
			"reason can be empty there, unless code is built from it",
			"the value of this option has characters ($ ` ; | & < >) that the kernel's makefiles would "
			"run as commands");
	return err;
}

int kconfig_read(const char *path, const char *text, size_t size, struct diags *diags, struct kconfig **out)
{
	struct kconfig *c = xcalloc(1, sizeof(*c));
	char *copy;
	int err;

	c->arena = arena_new();
	c->options = strmap_new(size / 24);
	copy = arena_alloc(c->arena, size + 1);
	memcpy(copy, text, size);
	if (memchr(text, 0, size)) {
		diag_error(diags, "config-damaged", diag_file(path), NULL, "this is no text file");
		err = -EBADMSG;
		goto fail;
	}
	err = add_lines(c, path, copy, diags);
	if (!err && !strmap_count(c->options)) {
		diag_error(diags, "config-damaged", diag_file(path), NULL, "there is no option in this file");
		err = -EBADMSG;
	}
	if (err)
		goto fail;
	*out = c;
	return 0;
fail:
	kconfig_free(c);
	return err;
}

int kconfig_open(const char *path, struct diags *diags, struct kconfig **out)
{
	uint8_t *data;
	size_t size;
	int err = input_read_text(path, "kernel configuration", KCONFIG_LIMIT, diags, &data, &size);

	if (err)
		return err;
	err = kconfig_read(path, (const char *)data, size, diags, out);
	free(data);
	return err;
}

void kconfig_free(struct kconfig *c)
{
	if (!c)
		return;
	strmap_free(c->options);
	arena_free(c->arena);
	free(c);
}

const char *kconfig_get(const struct kconfig *c, const char *option)
{
	const union strmap_value *v = strmap_get(c->options, option);

	return v ? v->cptr : NULL;
}

bool kconfig_yes(const struct kconfig *c, const char *option)
{
	const char *value = kconfig_get(c, option);

	return value && !strcmp(value, "y");
}
