/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the reader must know about a machine: relocation types, special sections, instructions.
 * One directory a machine below lib/elf/ defines one struct elf_arch; arch.c finds it.
 * Everything in here is constant.
 */
#ifndef KPATCH_ELF_ARCH_H
#define KPATCH_ELF_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/object.h"

/* A relocation type, by number. */
struct reloc_type {
	const char *name; /* NULL: not in use */
	uint8_t width;	  /* bytes of the field */
	bool pc_relative;
};

/* A special section with the kind it gives to a section of its name. */
struct special_section {
	enum section_kind kind;
	struct special special;
};

/* Where the processor goes after an instruction. */
enum flow {
	FLOW_ON,     /* to the next one; also where it stops or traps */
	FLOW_CALL,   /* to the place that its field names, and back */
	FLOW_BRANCH, /* to that place, perhaps, and not back */
	FLOW_AWAY,   /* to a place that its bytes do not name: a return, a jump through a pointer */
};

/* A decoded instruction, as far as references go. */
struct insn {
	uint8_t length; /* bytes; 1 for a byte that starts no instruction */
	bool valid;
	bool nop;
	enum flow flow;
	bool relative;	      /* it has a pc-relative field: the three members below */
	uint8_t field, width; /* offset in the instruction and size of the field */
	uint32_t type;	      /* the relocation type that such a field has */
	int64_t distance;     /* the field's value: from the end of the instruction */
};

struct elf_arch {
	uint16_t machine;
	const char *name;
	/*
	 * Several entries of one name stand together and are alternatives, by what fits the bytes.
	 * The last entry has no name.
	 */
	const struct special_section *specials;
	const struct reloc_type *relocs;
	size_t n_relocs;
	const char *trace_symbol; /* called at the entry of functions that ftrace can redirect */
	/*
	 * Decodes the instruction at @code, of which @size bytes are there. Always sets *out; its
	 * length is at least 1 and at most @size. @state is what decode_init() filled.
	 */
	void (*decode)(const void *state, const uint8_t *code, size_t size, struct insn *out);
	/* Prepares a decoder in @state, of DECODER_STATE bytes. */
	void (*decode_init)(void *state);
	/*
	 * Whether a relocated field at @offset of a function whose entry is at @entry belongs to the
	 * first instructions, where the call of @trace_symbol is.
	 */
	bool (*trace_site)(const uint8_t *code, size_t size, uint64_t entry, uint64_t offset);
};

#define DECODER_STATE 128

/* The machine with that ELF number, or NULL. */
const struct elf_arch *elf_arch_find(uint16_t machine);
/* The name of a machine by its ELF number, for messages; NULL for rare ones. */
const char *elf_machine_name(uint16_t machine);

extern const struct elf_arch elf_arch_x86_64;

/* Relocation type @type, or NULL. */
static inline const struct reloc_type *elf_arch_reloc(const struct elf_arch *arch, uint32_t type)
{
	if (type >= arch->n_relocs || !arch->relocs[type].name)
		return NULL;
	return &arch->relocs[type];
}

#endif
