/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Installed code, seen the same way whether it is vmlinux or a module: bytes at addresses, symbols
 * by name, and what the relocated fields in it lead to.
 *
 * vmlinux is linked: addresses are its own, and a field is decoded from its bytes. A module is
 * relocatable: every section gets an address range of its own (INSTALLED_SECTION_SHIFT), and a
 * field is read from the relocation at that place.
 */
#ifndef KPATCH_KERNEL_INSTALLED_H
#define KPATCH_KERNEL_INSTALLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct kimage;
struct kmodule;
struct ref;

/* Section i of a module is at i << this: sections are far smaller, and none is at 0. */
#define INSTALLED_SECTION_SHIFT 36

#define INSTALLED_NONE UINT32_MAX

struct arch;
struct installed_rela;
struct installed_lists;

struct installed {
	const struct kimage *image; /* one of these two, borrowed */
	const struct kmodule *module;
	const struct arch *arch;
	/* modules: relocations of each section, sorted by offset */
	struct installed_relas {
		const struct installed_rela *list;
		uint32_t count;
	} * relas;
	struct installed_lists *lists; /* of installed_sites.c: what has been listed so far */
};

/* What a relocated field leads to. */
struct installed_field {
	bool external; /* a symbol that the module does not define: @name and @addend */
	const char *name;
	int64_t addend;	  /* byte meant, from that symbol */
	uint64_t address; /* byte meant, where not external */
};

/*
 * Fills @out. Memory comes from @arena, which has to outlive it. 0; -EBADMSG (a module's relocations are
 * damaged, or it is of an unknown machine).
 */
int installed_image(const struct kimage *image, struct arena *arena, struct installed *out);
int installed_module(const struct kmodule *module, struct arena *arena, struct installed *out);

/* "vmlinux" or the module's name. */
const char *installed_name(const struct installed *in);

/* @size bytes at @address, or NULL where they are not all in one section with contents. */
const uint8_t *installed_bytes(const struct installed *in, uint64_t address, size_t size);
/* Whether they are in one section without contents (bss). */
bool installed_empty(const struct installed *in, uint64_t address, size_t size);

/* Address and size of the section of that name. false: there is none with contents. */
bool installed_section(const struct installed *in, const char *name, uint64_t *address, uint64_t *size);

/*
 * What the field of @ref leads to when its atom is at @atom_address. 0; -ENOENT: there is no
 * relocation (module), or the field lies outside; -ENOTSUP: a kind of field that is not known.
 */
int installed_field(const struct installed *in, uint64_t atom_address, const struct ref *ref,
		    struct installed_field *out);
/* Number of fields in the range. Modules only; UINT32_MAX for vmlinux, where nobody knows. */
uint32_t installed_fields(const struct installed *in, uint64_t address, size_t size);

/* A table of entries of one size, found at every @step bytes. */
struct installed_table {
	uint64_t start, size;
	uint32_t entry_size, step;
};

/* An entry whose field leads to @code. */
struct installed_site {
	uint64_t code, at;
};

struct installed_sites {
	const struct installed_site *list; /* by code, then by place */
	uint32_t n;
};

/*
 * What the field of each entry leads to; those that lead to another module's symbol or to nothing are
 * left out. @field: as in installed_field(), its offset from the entry. Lists are kept, so not for
 * several threads at once.
 */
int installed_sites(const struct installed *in, const struct installed_table *table, const struct ref *field,
		    struct installed_sites *out);
/* What installed_image() and installed_module() begin with. */
void installed_lists_new(struct arena *arena, struct installed_lists **out);

/* Symbols of a name: index of the first and of the next, or INSTALLED_NONE. Defined ones only. */
uint32_t installed_first(const struct installed *in, const char *name);
uint32_t installed_next(const struct installed *in, uint32_t i);
uint64_t installed_address(const struct installed *in, uint32_t i);
/* The symbol @name at @address, or INSTALLED_NONE. */
uint32_t installed_at(const struct installed *in, const char *name, uint64_t address);
/*
 * As the livepatch core counts: 0, -ENOENT (not in memory once a module is loaded) or -ENOTUNIQ
 * (changes when the module has been loaded), as kmodule_sympos().
 */
int installed_sympos(const struct installed *in, uint32_t i, uint32_t *sympos, uint32_t *count);

/* Whether __init code calls the global function @name, or it is an initcall, and nothing else uses it. */
bool installed_boot_only(const struct installed *in, const char *name);

/* "name+0x1c" of the symbol nearest to @address, for messages; from @arena. */
const char *installed_describe(const struct installed *in, uint64_t address, struct arena *arena);

#endif
