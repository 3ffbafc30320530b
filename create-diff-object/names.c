// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names without the numbers that the compiler and the kernel's macros put into them.
 *
 * Such numbers count things in a translation unit, so an unrelated change shifts them: static
 * locals ("buf.3"), clones and parts of functions ("foo.isra.0", "foo.part.1.cold"),
 * __UNIQUE_ID_name123 (__COUNTER__), __initcall__kmod_x__123_45_fn6 (counter and line).
 */
#include "create-diff-object/passes.h"

#include <ctype.h>
#include <string.h>

#define UNIQUE_ID "__UNIQUE_ID_"
/* __BTF_ID__struct__file__8347348: a counter and the line, with nothing between them */
#define BTF_ID "__BTF_ID__"
#define INITCALL "__initcall__"

/* The length of "123_45_" at the end of the module part of an initcall's name, else 0. */
static size_t initcall_numbers(const char *s)
{
	size_t n = strspn(s, "0123456789"), m;

	if (!n || s[n] != '_')
		return 0;
	m = strspn(s + n + 1, "0123456789");
	return m && s[n + 1 + m] == '_' ? n + m + 2 : 0;
}

static void strip_initcall(char *name)
{
	char *p = name + strlen(INITCALL);

	while ((p = strstr(p, "__"))) {
		size_t n;

		p += 2;
		n = initcall_numbers(p);
		if (n) {
			memmove(p, p + n, strlen(p + n) + 1);
			return;
		}
	}
}

static void strip_trailing_digits(char *name, size_t keep)
{
	size_t len = strlen(name);

	while (len > keep && isdigit((unsigned char)name[len - 1]))
		name[--len] = '\0';
}

/* Removes every ".123" that ends the name or is followed by another dot. */
static void strip_dot_numbers(char *name)
{
	char *in = name, *out = name;

	while (*in) {
		size_t n = *in == '.' && in != name ? strspn(in + 1, "0123456789") : 0;

		if (n && (in[n + 1] == '\0' || in[n + 1] == '.'))
			in += n + 1;
		else
			*out++ = *in++;
	}
	*out = '\0';
}

const char *name_base(struct arena *arena, const char *name)
{
	char *base;

	if (!strpbrk(name, "0123456789"))
		return name;
	base = arena_strdup(arena, name);
	strip_dot_numbers(base);
	if (!strncmp(base, UNIQUE_ID, strlen(UNIQUE_ID)))
		strip_trailing_digits(base, strlen(UNIQUE_ID));
	else if (!strncmp(base, BTF_ID, strlen(BTF_ID)))
		strip_trailing_digits(base, strlen(BTF_ID));
	else if (!strncmp(base, INITCALL, strlen(INITCALL)))
		strip_initcall(base);
	return strcmp(base, name) ? base : name;
}

const char *name_source(struct arena *arena, const char *name)
{
	const char *dot = name[0] ? strchr(name + 1, '.') : NULL;

	return dot ? arena_strndup(arena, name, (size_t)(dot - name)) : name;
}
