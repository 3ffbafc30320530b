/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel modules as files: .ko, plain or compressed (.ko.xz, .ko.zst, .ko.gz). Reads symbol table,
 * .modinfo and build ID; and finds modules by name in a directory like /lib/modules/RELEASE.
 */
#ifndef KPATCH_KERNEL_MODULE_H
#define KPATCH_KERNEL_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/file.h"
#include "lib/kernel/files/buildid.h"

struct diags;
struct strmap;

struct kmodule_symbol {
	const char *name;
	uint64_t value, size; /* value is relative to the section */
	uint32_t section;     /* index with SHN_XINDEX resolved; SHN_UNDEF, SHN_ABS, SHN_COMMON */
	uint8_t bind, type;
	uint32_t next; /* next symbol of the same name, 0: none */
};

struct kmodule {
	const char *path; /* as given */
	const char
		*name; /* as the kernel spells it ("nf_nat"): from .modinfo, else .gnu.linkonce.this_module */
	const char *vermagic, *depends, *livepatch; /* from .modinfo, or NULL */
	const char *modinfo;			    /* the section's bytes: NUL-terminated "key=value" */
	size_t modinfo_size;
	struct buildid build_id;
	uint16_t machine;
	const uint8_t *data; /* the ELF file, decompressed */
	size_t size;
	struct elf_section *sections;
	uint32_t n_sections;
	struct kmodule_symbol *symbols; /* in file order; [0] is the null symbol */
	uint32_t n_symbols;
	struct kmodule_private *priv;
};

/*
 * Opens a module file. On success *out is owned by the caller. Errors, each with a diagnostic:
 * -errno of open, -EBADMSG (damaged), -ENOTSUP (not a relocatable x86-64 or other 64-bit ELF
 * file), -EFBIG.
 */
int kmodule_open(const char *path, struct diags *diags, struct kmodule **out);
/* The same from memory, which is borrowed and may be compressed. @name is for messages. */
int kmodule_read(const char *name, const uint8_t *data, size_t size, struct diags *diags,
		 struct kmodule **out);
void kmodule_free(struct kmodule *m);

/* Whether it says that it was built for the kernel @release: the first word of its vermagic. */
bool kmodule_is_for(const struct kmodule *m, const char *release);

/* Index of the first symbol of that name (further ones: .next), 0: none. */
uint32_t kmodule_symbol(const struct kmodule *m, const char *name);

/* The section of that name, or NULL. */
const struct elf_section *kmodule_section(const struct kmodule *m, const char *name);

/*
 * Position of symbol @index as the livepatch core counts it in a module: symbol table order,
 * undefined symbols skipped. While a module is being loaded the kernel searches its whole symbol
 * table; later only what stays in memory (no init sections, nothing that is not allocated). If the
 * position differs between the two, no position is right at both times: -ENOTUNIQ. -ENOENT: never
 * found once the module is loaded (init). 0 with *sympos: 0 unique, else from 1; *count: symbols
 * of that name (may be NULL).
 */
int kmodule_sympos(const struct kmodule *m, uint32_t index, uint32_t *sympos, uint32_t *count);

/* Whether two names are of one module: '-' and '_' are the same. */
bool kmodule_same_name(const char *a, const char *b);

/* "kernel/net/foo-bar.ko.xz" → "foo_bar" into @name (NUL-terminated). 0 or -ENAMETOOLONG. */
int kmodule_name_from_path(const char *path, char *name, size_t size);

/*
 * Finds the file of module @name ('-' and '_' are the same) in @dir (as /lib/modules/RELEASE):
 * through modules.dep, modules.order, and last by looking through the directories. *path is
 * malloc'ed. -ENOENT: no such module there. -errno of reading.
 */
int kmodule_find(const char *dir, const char *name, char **path);

#endif
