/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module.symvers: what is exported, by whom, and its checksum. Lines of five tab-separated fields:
 * CRC, symbol, object, kind of export, namespace (may be empty or, in old files, absent).
 */
#ifndef KPATCH_KERNEL_SYMVERS_H
#define KPATCH_KERNEL_SYMVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diags;
struct symvers;

struct symvers_entry {
	const char *name;
	uint32_t crc;
	const char *path;	/* as in the file: "vmlinux", "fs/nfsd/nfsd" */
	const char *owner;	/* as the kernel names it: "vmlinux", "nfsd", "nf_nat" */
	const char *kind;	/* "EXPORT_SYMBOL", "EXPORT_SYMBOL_GPL" */
	const char *name_space; /* "" if none */
};

/*
 * Reads a file. *out is owned by the caller. Errors, each with a diagnostic with file and line:
 * -errno of open/read, -EBADMSG.
 */
int symvers_open(const char *path, struct diags *diags, struct symvers **out);
/* The same from memory; @path is for messages. */
int symvers_read(const char *path, const char *text, size_t size, struct diags *diags, struct symvers **out);
void symvers_free(struct symvers *s);

/* The entry of an exported symbol, or NULL. Lives as long as @s. */
const struct symvers_entry *symvers_find(const struct symvers *s, const char *name);
/*
 * Whether a patch module can import it. A namespace "module:a,b" (since 6.16) is for the modules of these names alone, and
 * the kernel accepts no import_ns= of it.
 */
bool symvers_importable(const struct symvers_entry *e);
/* All of them, in the order of the file. */
size_t symvers_count(const struct symvers *s);
const struct symvers_entry *symvers_get(const struct symvers *s, size_t i);

#endif
