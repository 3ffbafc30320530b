/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own symbol table, kallsyms: decoded from a kernel image, or read from the text
 * format of /proc/kallsyms.
 *
 * The order of the table is kept: it is the order in which the livepatch core counts symbols of
 * one name (vmlinux: ascending addresses).
 */
#ifndef KPATCH_KERNEL_KALLSYMS_H
#define KPATCH_KERNEL_KALLSYMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diags;
struct kallsyms;

#define KALLSYMS_NONE UINT32_MAX

struct kallsym {
	const char *name;
	uint64_t address;
	char type;	    /* as nm prints it: upper case is global */
	const char *module; /* text format: module of the symbol; NULL: vmlinux */
};

/* A piece of a kernel image: where it is linked, and its bytes. */
struct kallsyms_range {
	uint64_t address;
	const uint8_t *data;
	size_t size;
};

/*
 * Finds and decodes the table in @rodata (the section .rodata of an image). No symbol says where
 * it is: it is found by its shape and every part of it is validated. @text is .text, which the
 * addresses must fit. Knows the orders of the parts that 6.1 to 6.12 kernels use.
 * *out is owned by the caller. Errors, without a diagnostic: -ENOENT (nothing that looks like
 * it), -EBADMSG (found, but it does not decode). @name of the image is for the caller's
 * message.
 */
int kallsyms_decode(const struct kallsyms_range *rodata, const struct kallsyms_range *text,
		    struct kallsyms **out);

/*
 * Reads text as in /proc/kallsyms ("address type name [module]"). Names are kept in the order of
 * the file. A file whose addresses are all zero (read without privilege) is refused unless
 * @any_address. -EBADMSG with a diagnostic that names file and line; -errno of open/read.
 */
int kallsyms_read_text(const char *path, bool any_address, struct diags *diags, struct kallsyms **out);

void kallsyms_free(struct kallsyms *k);

/* Number of symbols. */
uint32_t kallsyms_count(const struct kallsyms *k);
/* Symbol @i of the table, i < kallsyms_count(). Strings live as long as the table. */
struct kallsym kallsyms_get(const struct kallsyms *k, uint32_t i);

/* First symbol of that name in table order and the next after @i, or KALLSYMS_NONE. */
uint32_t kallsyms_first(const struct kallsyms *k, const char *name);
uint32_t kallsyms_next(const struct kallsyms *k, uint32_t i);

/*
 * First symbol in the table with exactly this address, or KALLSYMS_NONE; others with the same
 * address follow it directly. Only for decoded tables, which are sorted.
 */
uint32_t kallsyms_at(const struct kallsyms *k, uint64_t address);
/* The last symbol at or below @address, or KALLSYMS_NONE. Only for decoded tables. */
uint32_t kallsyms_below(const struct kallsyms *k, uint64_t address);

/*
 * Position of symbol @i as the livepatch core counts among symbols of the same name and the same
 * module (NULL: vmlinux): 0 if it is the only one, else from 1. *count: how many there are; may
 * be NULL.
 */
uint32_t kallsyms_sympos(const struct kallsyms *k, uint32_t i, uint32_t *count);

/* The symbol of vmlinux at that position, or KALLSYMS_NONE: also if @position is 0 and there are several. */
uint32_t kallsyms_find(const struct kallsyms *k, const char *name, unsigned long position);

/* The table as one block of memory for a cache, and back (borrowed: @data must outlive it). */
const void *kallsyms_block(const struct kallsyms *k, size_t *size);
int kallsyms_from_block(const void *data, size_t size, struct kallsyms **out);

#endif
