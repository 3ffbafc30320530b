// SPDX-License-Identifier: GPL-2.0-only
/* See names.h. */
#include "lib/klp/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/util/arena.h"
#include "lib/util/vmlinux.h"

_Static_assert(KPATCH_OBJECT_SIZE == KLP_OBJECT_MAX + 1, "the runtime's names are as long as the core's");

#define DIGITS_OF(n) #n
#define WIDTH(n) DIGITS_OF(n)
/* As the core reads an object's name and a symbol's. */
#define OBJECT_FORMAT "%" WIDTH(KLP_OBJECT_MAX) "[^.]"
#define SYMBOL_FORMAT "%" WIDTH(KLP_SYMBOL_MAX) "[^,]"

static bool length_is_valid(size_t length)
{
	return length > 0 && length <= KLP_OBJECT_MAX;
}

bool klp_object_is_valid(const char *object)
{
	return length_is_valid(strlen(object)) && !strchr(object, '.');
}

const char *klp_ref_name(struct arena *a, const struct klp_ref *ref)
{
	return arena_printf(a, KPATCH_REF_PREFIX "%s.%s.%s,%lu", ref->section_object, ref->symbol_object,
			    ref->name, ref->position);
}

/* A dot-terminated object name at *@s, which moves behind the dot. */
static int parse_object(struct arena *a, const char **s, const char **out)
{
	const char *dot = strchr(*s, '.');

	if (!dot || !length_is_valid((size_t)(dot - *s)))
		return -EINVAL;
	*out = arena_strndup(a, *s, (size_t)(dot - *s));
	*s = dot + 1;
	return 0;
}

static int parse_position(const char *s, unsigned long *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoul(s, &end, 10);
	return *end || errno ? -EINVAL : 0;
}

int klp_ref_parse(struct arena *a, const char *name, struct klp_ref *out)
{
	const char *s = name + strlen(KPATCH_REF_PREFIX), *comma;
	struct klp_ref ref;
	int err;

	if (strncmp(name, KPATCH_REF_PREFIX, strlen(KPATCH_REF_PREFIX)))
		return -ENOENT;
	err = parse_object(a, &s, &ref.section_object);
	if (!err)
		err = parse_object(a, &s, &ref.symbol_object);
	if (err)
		return err;
	comma = strchr(s, ',');
	if (!comma || comma == s || comma - s > KLP_SYMBOL_MAX || parse_position(comma + 1, &ref.position))
		return -EINVAL;
	/* The kernel takes symbols of vmlinux only in the sections applied at load, and the reverse. */
	if (is_vmlinux(ref.symbol_object) != is_vmlinux(ref.section_object))
		return -EINVAL;
	ref.name = arena_strndup(a, s, (size_t)(comma - s));
	*out = ref;
	return 0;
}

const char *klp_symbol_name(struct arena *a, const char *object, const char *name, unsigned long position)
{
	return arena_printf(a, KLP_SYMBOL_PREFIX "%s.%s,%lu", object, name, position);
}

bool klp_symbol_parse(const char *symbol, char object[KLP_OBJECT_MAX + 1], char name[KLP_SYMBOL_MAX + 1],
		      unsigned long *position)
{
	int length = 0;

	return sscanf(symbol, KLP_SYMBOL_PREFIX OBJECT_FORMAT "." SYMBOL_FORMAT ",%lu%n", object, name,
		      position, &length) == 3 &&
	       symbol[length] == '\0';
}

const char *klp_section_name(struct arena *a, const char *object, const char *section)
{
	return arena_printf(a, KLP_SECTION_PREFIX "%s.%s", object, section);
}

bool klp_section_parse(const char *name, char object[KLP_OBJECT_MAX + 1], const char **target)
{
	int length = 0;

	if (sscanf(name, KLP_SECTION_PREFIX OBJECT_FORMAT ".%n", object, &length) != 1 || !length)
		return false;
	*target = name + length;
	return true;
}
