/* SPDX-License-Identifier: GPL-2.0-only */
/* An object's debug information, for those who read more of it than lines. */
#ifndef KPATCH_ELF_DEBUG_H
#define KPATCH_ELF_DEBUG_H

#include <elfutils/libdw.h>

struct object;

/*
 * The object's DWARF with its relocations applied, owned by the object; opened at first use, as by
 * object_source_line(). -ENOENT: the object has none. -EBADMSG: it is damaged. Not for use by
 * several threads on one object.
 */
int object_dwarf(struct object *o, Dwarf **out);

/* The address that the DWARF has for an atom's primary symbol. After object_dwarf(). 0 or -ENOENT. */
int object_address(struct object *o, uint32_t atom, Dwarf_Addr *out);

#endif
