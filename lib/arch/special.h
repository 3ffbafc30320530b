/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What sections of the kernel's objects are for, and how special ones, tables of entries that describe code or data,
 * are read: as data. Which there are depends on the machine and on the kernel.
 */
#ifndef KPATCH_ARCH_SPECIAL_H
#define KPATCH_ARCH_SPECIAL_H

#include <stdbool.h>
#include <stdint.h>

enum section_kind {
	SECTION_META,	   /* symbol and string tables, groups, .comment, .note.GNU-stack: the file's own */
	SECTION_RELA,	   /* relocations; found through the section they apply to */
	SECTION_TEXT,	   /* code of functions, split (.text.foo) or not (.text, .sched.text) */
	SECTION_INIT,	   /* code and data that is gone after boot or module load, and exit code */
	SECTION_DATA,	   /* writable data */
	SECTION_BSS,	   /* writable data without bytes in the file */
	SECTION_RODATA,	   /* read-only data */
	SECTION_STRINGS,   /* SHF_STRINGS: one atom a string */
	SECTION_CONSTANTS, /* SHF_MERGE without SHF_STRINGS: one atom per sh_entsize */
	SECTION_SPECIAL,   /* a table of entries that describe code or data; see struct special */
	SECTION_EXPORT,	   /* __ksymtab*, __kcrctab*: what the object exports */
	SECTION_TOOL,	   /* made by objtool (ORC, return sites, …): made again, never carried */
	SECTION_DISCARD,   /* .discard.*: read by objtool, dropped by the module's link */
	SECTION_DEBUG,	   /* .debug_*, .eh_frame */
	SECTION_UNKNOWN,   /* none of these: refused by name by whoever needs to understand it */
};

/* How a special section is cut into entries. */
enum special_cut {
	CUT_FIXED,	 /* entries of special.entry_size bytes */
	CUT_BY_SYMBOL,	 /* one entry a symbol (__tracepoints, _ftrace_events, …) */
	CUT_BY_REFERRER, /* pieces which entries of other sections point to (.altinstr_replacement) */
	CUT_BY_CODE,	 /* decoded by the architecture (.parainstructions with its padding, …) */
};

/* Whom an entry belongs to, and so when it is included. */
enum special_owner {
	OWNER_CODE,	/* the function that the reference at special.owner_offset leads into (of
			   tables that describe data: the object) */
	OWNER_REFERRED, /* nobody: included when something that is included refers to it */
	OWNER_NOBODY,	/* never included: it would register things again (initcalls, params, …) */
};

/* What a relocated field of an entry leads to. */
enum special_role {
	FIELD_CODE,	   /* code that the entry describes */
	FIELD_TARGET,	   /* code that is reached by it: a jump target, a fixup */
	FIELD_KEY,	   /* a static key or a static call key; the low two bits of the addend are flags */
	FIELD_REPLACEMENT, /* the code of an alternative */
	FIELD_DATA,	   /* data or a string */
	FIELD_HANDLER,	   /* a function by its own name */
};

struct special_field {
	enum special_role role;
	uint32_t offset; /* in the entry */
};

#define SPECIAL_FIELDS 4

/* One special section of an architecture. The tables are data: special.c here and in the machines' folders. */
struct special {
	const char *name; /* section name; a trailing "*" stands for any rest of the name */
	enum special_cut cut;
	enum special_owner owner;
	uint32_t entry_size;   /* CUT_FIXED */
	uint32_t owner_offset; /* offset in an entry of the field that leads to the owner */
	uint32_t n_fields;     /* where an entry may have relocations; CUT_FIXED and CUT_BY_CODE */
	struct special_field fields[SPECIAL_FIELDS];
	const char *referrer;	/* CUT_BY_REFERRER: section whose FIELD_REPLACEMENT cuts it; NULL: code */
	uint32_t length_offset; /* in an entry of the section that refers to such pieces: one byte, the
				   piece's length; 0: none */
	bool read_early;	/* the kernel reads it before klp relocations to modules are applied */
	bool complete;		/* all fields of all entries are relocated, in finished modules too */
	bool vmlinux_only;	/* the kernel handles it for built-in code only, not for modules: what has
				   such an entry cannot be moved into one as it is */
	uint32_t variable_at;	/* vmlinux_only: where the section's name names the variable whose value
				   the kernel writes into a 64-bit immediate; 0: it does not */
	uint32_t line_offset;	/* in an entry: four bytes that begin with a line number, … */
	uint8_t line_bits;	/* … so many bits wide, as a bit-field is placed; 0: no entry has one */
	bool from_entry;  /* relative fields count from the start of their entry, not from their own place */
	bool not_carried; /* a patch cannot have such an entry: what has one is refused */
	bool addresses;	  /* an address an entry, which code reads to get at what it leads to */
	const char *what; /* for messages: "bug table entry", "jump label", … */
};

/* Whether a section's name is that of a table's row. Most names differ in an early byte, so this is cheap. */
static inline bool section_name_matches(const char *row, const char *name)
{
	while (*row && *row == *name) {
		row++;
		name++;
	}
	return *row == '*' || (!*row && !*name);
}

/* A special section with the kind that a section of its name has. */
struct special_section {
	enum section_kind kind;
	struct special special;
};

/* Those that kernels of all machines have. The last entry has no name. */
extern const struct special_section common_specials[];

#endif
