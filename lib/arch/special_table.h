/* SPDX-License-Identifier: GPL-2.0-only */
/* Words for tables of special sections. Only for the files that are such a table. */
#ifndef KPATCH_ARCH_SPECIAL_TABLE_H
#define KPATCH_ARCH_SPECIAL_TABLE_H

#include <stddef.h>

#include "lib/arch/special.h"

#define CODE(at)                                                                                             \
	{                                                                                                    \
		FIELD_CODE, at                                                                               \
	}
#define TARGET(at)                                                                                           \
	{                                                                                                    \
		FIELD_TARGET, at                                                                             \
	}
#define KEY(at)                                                                                              \
	{                                                                                                    \
		FIELD_KEY, at                                                                                \
	}
#define REPLACEMENT(at)                                                                                      \
	{                                                                                                    \
		FIELD_REPLACEMENT, at                                                                        \
	}
#define DATA(at)                                                                                             \
	{                                                                                                    \
		FIELD_DATA, at                                                                               \
	}
#define HANDLER(at)                                                                                          \
	{                                                                                                    \
		FIELD_HANDLER, at                                                                            \
	}
#define FIELDS(...)                                                                                          \
	.n_fields = sizeof((struct special_field[]){ __VA_ARGS__ }) / sizeof(struct special_field),          \
	.fields = { __VA_ARGS__ }

/* Entries of one size that belong to the function their first field leads to. */
#define OF_CODE(section_kind, section, size, words, ...)                                                     \
	{                                                                                                    \
		section_kind,                                                                                \
		{                                                                                            \
			.name = section, .cut = CUT_FIXED, .owner = OWNER_CODE, .entry_size = size,          \
			.what = words, __VA_ARGS__                                                           \
		}                                                                                            \
	}
/* One entry a symbol, included when something refers to it. */
#define REFERRED(section, words, ...)                                                                        \
	{                                                                                                    \
		SECTION_SPECIAL,                                                                             \
		{                                                                                            \
			.name = section, .cut = CUT_BY_SYMBOL, .owner = OWNER_REFERRED, .what = words,       \
			##__VA_ARGS__                                                                        \
		}                                                                                            \
	}
/* One entry a symbol, never included: being there again, it would register things again. */
#define NOBODY(section_kind, section, words, ...)                                                            \
	{                                                                                                    \
		section_kind,                                                                                \
		{                                                                                            \
			.name = section, .cut = CUT_BY_SYMBOL, .owner = OWNER_NOBODY, .what = words,         \
			##__VA_ARGS__                                                                        \
		}                                                                                            \
	}

/* Code that alternatives put in place of other code. */
#define REPLACEMENTS_OF_ALTERNATIVES                                                                         \
	{                                                                                                    \
		SECTION_SPECIAL,                                                                             \
		{                                                                                            \
			.name = ".altinstr_replacement", .cut = CUT_BY_REFERRER, .owner = OWNER_REFERRED,    \
			.referrer = ".altinstructions", .read_early = true,                                  \
			.what = "replacement of an alternative"                                              \
		}                                                                                            \
	}

/* The last row. */
#define END_OF_SPECIALS                                                                                      \
	{                                                                                                    \
		SECTION_META,                                                                                \
		{                                                                                            \
			.name = NULL                                                                         \
		}                                                                                            \
	}

#endif
