/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What strings in YAML files must look like; see schema.h. Everything here comes from a file that
 * may be hostile and goes to a terminal, a path or a symbol lookup afterwards.
 */
#include "lib/manifest/schema.h"

#include <string.h>

#include "lib/klp/names.h"
#include "lib/util/text.h"

/* Longer texts help nobody. */
#define TEXT_MAX 4096

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool valid_text(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	if (!*p)
		return false;
	while (*p) {
		unsigned int len = text_printable((const char *)p);

		if (!len)
			return false;
		p += len;
	}
	return (size_t)(p - (const unsigned char *)s) <= TEXT_MAX;
}

static bool valid_file(const char *s)
{
	return valid_text(s) && !strchr(s, '/') && strcmp(s, ".") && strcmp(s, "..") && strlen(s) <= 255;
}

static bool valid_path(const char *s)
{
	if (!valid_text(s) || *s == '/')
		return false;
	for (const char *p = s; p; p = strchr(p, '/')) {
		p += p != s;
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return false;
	}
	return true;
}

static bool all_of(const char *s, const char *others, size_t min, size_t max)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (!is_alnum(s[n]) && !strchr(others, s[n]))
			return false;
	return n >= min && n <= max;
}

/* Rust and compiler suffixes use '$' and '.'. */
static bool valid_symbol(const char *s)
{
	return all_of(s, "_.$", 1, KLP_SYMBOL_MAX);
}

static bool valid_object(const char *s)
{
	return all_of(s, "_-", 1, KLP_OBJECT_MAX);
}

/* 64 characters of struct new_utsname. It is the name of directories, so it starts with none of the dots. */
static bool valid_release(const char *s)
{
	return all_of(s, "._+~:-", 1, 64) && is_alnum(*s);
}

static bool valid_hex(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return n && n % 2 == 0 && !s[n] && n <= 64;
}

static bool valid_sha256(const char *s)
{
	return valid_hex(s) && strlen(s) == 64;
}

const struct schema_rule schema_text = { valid_text, "one line of printable text", false };
const struct schema_rule schema_file = { valid_file, "a file name without directory", true };
const struct schema_rule schema_path = { valid_path, "a relative path without \"..\"", true };
const struct schema_rule schema_symbol = { valid_symbol, "a symbol name", true };
const struct schema_rule schema_object = { valid_object, "the name of a module or vmlinux", true };
const struct schema_rule schema_release = { valid_release, "a kernel release", false };
const struct schema_rule schema_hex = { valid_hex, "lower case hexadecimal digits", false };
const struct schema_rule schema_sha256 = { valid_sha256, "64 lower case hexadecimal digits", false };
