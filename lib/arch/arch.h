/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a machine is: relocation types, special sections, instructions. The one place that knows. A folder for each
 * machine defines one struct arch, arch.c finds it, and everybody else asks.
 *
 * Nothing in here knows objects or kernels: the questions are about bytes. Everything is constant.
 */
#ifndef KPATCH_ARCH_H
#define KPATCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arch/reloc.h"
#include "lib/arch/special.h"

/* Where control goes after an instruction. */
enum flow_kind {
	FLOW_NEXT,   /* to the next one; also where it stops or traps */
	FLOW_CALL,   /* to the place that its field names, and back as a rule */
	FLOW_BRANCH, /* to that place, perhaps */
	FLOW_JUMP,   /* to that place */
	FLOW_AWAY,   /* to a place that its bytes do not name: a return, a jump through a pointer */
};

/* A decoded instruction, as far as references go. */
struct insn {
	uint8_t length; /* bytes; 1 for a byte that starts no instruction */
	bool valid;
	bool nop;
	enum flow_kind flow;
	bool relative;	      /* it has a pc-relative field: the three members below */
	uint8_t field, width; /* offset in the instruction and size of the field */
	uint32_t type;	      /* the relocation type that such a field has */
	uint8_t base;	   /* where distances count from, behind the instruction's start: its length, or 0 */
	int64_t distance;  /* the field's value: from there */
	uint8_t condition; /* FLOW_BRANCH: the machine's number of it, or OTHER_CONDITION */
};

#define OTHER_CONDITION 0xff

/* What the field of an instruction at @at leads to, if no relocation says otherwise. */
static inline uint64_t insn_target(const struct insn *insn, uint64_t at)
{
	return at + insn->base + (uint64_t)insn->distance;
}

/* What an instruction does to what its reference leads to. */
#define ACCESS_READ 1u
#define ACCESS_WRITE 2u
#define ACCESS_ADDRESS 4u /* takes its address */
#define ACCESS_ELEMENT 8u /* all this is done to what registers choose, from there on */

/* When a branch is taken: by how what was compared relates to what it was compared with. */
enum branch_when {
	WHEN_OTHER,
	WHEN_EQUAL,
	WHEN_LESS, /* with a sign */
	WHEN_LESS_EQUAL,
	WHEN_BELOW, /* without one */
	WHEN_BELOW_EQUAL,
	WHEN_NEGATIVE, /* the difference is */
};

/* An instruction, as far as control and memory go. */
struct insn_flow {
	uint8_t length;	  /* at least 1 */
	uint8_t flow;	  /* enum flow_kind */
	uint8_t access;	  /* ACCESS_* */
	bool tests;	  /* compares with zero, or looks at bits; also of what it makes */
	bool compares;	  /* compares with a constant */
	bool masks;	  /* looks at those bits that @value has set; else it compares with it */
	bool moves;	  /* copies what it reads to a register, and does no more */
	bool narrows;	  /* keeps those bits of a register that @value has set */
	uint8_t bits;	  /* so many are compared; 0: with what is not known */
	uint8_t when;	  /* enum branch_when, of a branch */
	bool unless;	  /* it is the other way round: taken if not */
	uint64_t value;	  /* what is compared with, or written to memory */
	bool constant;	  /* writes a constant to memory */
	bool sets_flags;  /* what a branch may depend on */
	bool reads_flags; /* and makes a value of them, or branches */
	uint8_t base;	  /* where distances count from: see struct insn */
	int64_t distance; /* of a branch or jump without a reference: from there */
};

/* A field that a relocation or a decoded branch fills, in code of @size bytes. */
struct code_field {
	const uint8_t *code;
	size_t size;
	uint32_t offset;
	uint8_t width;
	bool pc_relative;
};

#define N_ARGUMENTS 6 /* in registers */
#define N_RESULTS 2

/* What a function that code calls by its name does with registers. */
enum call_kind {
	CALL_C,		/* takes arguments, and may change what C functions may change */
	CALL_ELSEWHERE, /* goes on to where a register says */
	CALL_NOTHING,	/* takes and changes none */
	CALL_ASM,	/* takes any, and may leave any as it is */
};

/* Line numbers that calls are given, and the first of them. */
struct line_arguments {
	size_t n;
	uint64_t call;	       /* its offset in the function */
	unsigned int argument; /* from 1; 0: one on the stack */
	unsigned int was, is;
};

/* What only_lines() asks of two functions of one size, whose references are the same. */
struct line_questions {
	/* Whether the bytes from @at on hold a reference; *leaves: one that leads out of the function. */
	bool (*refers)(void *of, uint64_t at, size_t size, bool *leaves);
	/* Whether @was in the one and @is in the other are, by the debug information, the line of the call at @at. */
	bool (*is_line)(void *of, uint64_t at, uint32_t was, uint32_t is);
	void *of;
};

/* Tables by which the kernel unwinds stacks: an address in the one, as a relative field of 4 bytes, an entry in the other. */
struct unwind {
	const char *addresses, *entries;
	uint8_t entry_size;
	/* The kernel's header that has the number of the stack pointer in entries, which changed in 6.13; and its name there. */
	const char *header, *stack_pointer;
	/* Whether that entry holds at a function's first instruction, @stack_pointer being that number. */
	bool (*holds_at_entry)(const uint8_t *entry, unsigned int stack_pointer);
};

/* Where the compressed kernel lies in a boot image. */
struct boot_payload {
	uint64_t offset, length; /* within the file */
	uint32_t size;		 /* decompressed; 0: it does not say */
};

/* The file that a boot loader starts, where that is not an ELF file. */
struct boot_image {
	bool (*is)(const uint8_t *head, size_t size); /* of BOOT_IMAGE_HEAD bytes or all there are */
	/* Where the text of the kernel's version is in the file. */
	uint64_t (*version_at)(const uint8_t *head);
	/* 0, -ENOTSUP or -EBADMSG with *why; checked against @size, of the whole file. */
	int (*payload)(const uint8_t *data, size_t size, struct boot_payload *out, const char **why);
};

#define BOOT_IMAGE_HEAD 0x300

/* The machine's part of the kernel's source. */
struct source_places {
	const char *directory;	   /* "arch/x86" */
	const char *not_its;	   /* what of that is another machine's: a directory, or NULL */
	const char *const *boot;   /* directories of what runs before the kernel; the last one is NULL */
	const char *vdso;	   /* directory of code that processes run */
	const char *linker_script; /* of vmlinux */
};

struct dataflow_insn;

/* Code of the patch that goes on to where an address in its table says, with the caller's arguments. */
struct thunk {
	const uint8_t *code;
	size_t size;
	struct {
		uint32_t at, type; /* a field and its relocation type, which get at the table's entry */
	} fields[2];
};

/* What the link of a kernel made of an instruction with half of a distance from the table. */
struct linked_half {
	bool dropped;  /* it was the upper half, which is 0, and is a no-operation */
	bool rebased;  /* it was the lower half, and counts from the table itself, for the upper half is 0 */
	bool direct;   /* it has read an address in the table, and computes that address */
	int64_t value; /* of a direct one: the lower half of the distance */
};

/*
 * A machine on which no field of code reaches from a module to the kernel or to another module, and the loader keeps
 * accounts of its own for calls: what leads out of the patch is an address in a writable table, which code reads.
 */
struct indirection {
	const char *table; /* the section, an address an entry */
	/*
	 * Whether the branch is a call that is followed by what the loader replaces, so that it may lead out of a
	 * module if that is to something the loader finds when it loads the module.
	 */
	bool (*may_leave)(const struct code_field *f);
	/* Whether a function finds the table, by its symbol's st_other: who does not need it may not know where it is. */
	bool (*finds_table)(uint8_t other);
	/*
	 * For such a call of anything else: @returning in its place, and behind it @restore in place of what the loader
	 * would replace, @size bytes at @behind from the field.
	 */
	struct thunk returning;
	const uint8_t *restore;
	uint32_t restore_size, restore_at;
	/* For a call or jump that nothing follows. It passes on so many words of arguments, in registers and behind. */
	struct thunk framed;
	uint32_t framed_words;
	/*
	 * For an instruction with the upper half of a distance from the table: makes at @out one of the same length that reads an
	 * entry near it into the same register, its field being of @upper_type. An instruction with the lower half then
	 * gets at the address in the entry, with what remains as its distance, of no more than 16 bits with a sign.
	 */
	bool (*read_upper)(const uint8_t *code, uint8_t *out);
	uint32_t upper_type;
	/*
	 * In a kernel: the section with the table; how far behind its start distances count from, which is where code has
	 * @base_symbol; and what the link may make of instructions that get at it. @linked: false where @theirs is not what
	 * it makes of @ours, fields aside.
	 */
	const char *linked_table, *base_symbol;
	uint64_t base;
	bool (*linked)(const uint8_t *ours, const uint8_t *theirs, struct linked_half *out);
	/* How far behind a function's entry, at @code, those enter it that have the same table. Never more than @most. */
	uint64_t (*second_entry)(const uint8_t *code, size_t size);
	uint64_t most;
};

struct arch {
	uint16_t machine; /* EM_* */
	const char *name; /* as uname -m and RPM have it */
	const char *deb;  /* as dpkg has it */
	bool big_endian;
	uint8_t abi, abi_mask; /* what e_flags has in the bits of the mask */
	bool kernels;	    /* patches for kernels of it are built; else the differ alone knows its objects */
	bool compares_only; /* the differ writes no objects of it: one that differs is refused */
	struct source_places source;
	const struct boot_image *boot_image; /* NULL: it boots ELF files */

	/*
	 * Sections that only this machine has, or that have other entries on it. Several of one name stand
	 * together and are alternatives, by what fits the bytes. The last entry has no name.
	 */
	const struct special_section *specials;
	uint8_t site_length_before; /* bytes before the length of a replacement: the length of what it replaces */

	const struct reloc_type *relocs;
	size_t n_relocs;
	uint32_t pointer_type;	/* relocation type of a pointer in data */
	uint32_t relative_type; /* of four bytes that count from their own place, */
	uint32_t call_type;	/* and of the same in a direct call: one through a table where there is one */
	uint32_t guard_type;	/* of those that the kernel's module loader takes: one that fills nothing */

	/* Prepares a decoder in @state, of DECODER_STATE bytes. */
	void (*decode_init)(void *state);
	/* Decodes the instruction at @code, of which @size bytes are there. Always sets *out, whose length is 1 to @size. */
	void (*decode)(const void *state, const uint8_t *code, size_t size, struct insn *out);
	/*
	 * Reads the instruction at @code, of which @size bytes are there and whose reference's field is
	 * @field bytes behind @code (anything beyond the instruction: it has none).
	 */
	void (*read_insn)(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out);
	/* What the instruction at @offset of @size bytes of code does with values: dataflow.h. */
	void (*dataflow)(const uint8_t *code, size_t size, uint32_t offset, struct dataflow_insn *out);
	/* Writes the instruction at @code, which is to be at @address, as text to @out, of @room bytes. False: there is none. */
	bool (*disassemble)(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room);
	uint8_t text_fill; /* one-byte instruction that fills gaps between functions */

	/* Whether the field is the operand of a direct call or jump. */
	bool (*is_branch)(const struct code_field *f);
	bool (*is_call)(const struct code_field *f);
	/*
	 * Whether the field's address is compared with a value, rather than used to get at something.
	 * *start is where some instruction not behind the field starts (0 will always do), and then where the
	 * one starts that the field is part of: fields asked about in order cost one walk.
	 */
	bool (*is_compared)(const struct code_field *f, uint64_t *start);
	/* Whether the field's address is written to memory other than the stack. */
	bool (*is_stored)(const struct code_field *f);

	/*
	 * Whether the code of two functions of one size differs in nothing but constants that are passed to calls
	 * and are, in both, the line of that call. *found: which.
	 */
	bool (*only_lines)(const uint8_t *was, const uint8_t *is, size_t size,
			   const struct line_questions *ask, struct line_arguments *found);

	const char *trace_symbol; /* called at the entry of functions that ftrace can redirect */
	/*
	 * Whether a relocated field at @offset of a function whose entry is at @entry belongs to the
	 * first instructions, where the call of @trace_symbol is.
	 */
	bool (*trace_site)(const uint8_t *code, size_t size, uint64_t entry, uint64_t offset);
	/*
	 * How far the instruction that ftrace takes for its own is behind the entry at @code, in a linked module; -1: there
	 * is none.
	 */
	int (*traced_at)(const uint8_t *code, size_t size);

	/* What a function begins with that may be called through a pointer; NULL: any may be. */
	const uint8_t *landing_pad;
	uint8_t landing_pad_size;
	const char *seals; /* the section that lists functions whose landing pad the kernel takes away */

	const struct unwind *unwind; /* NULL: the kernel follows frame pointers or back chains */

	/*
	 * Constants that the kernel writes into its own code while it boots. Turns the instruction at
	 * @code that loads a 64-bit immediate into one of the same length that loads the variable. Sets
	 * where its operand's field is, the field's relocation type being @operand_type, and the
	 * addend. Its length, or 0: it is no such instruction. The immediate is @immediate_at bytes behind @code.
	 */
	uint32_t operand_type, immediate_at;
	size_t (*load_variable)(uint8_t *code, size_t size, uint32_t *field, int64_t *addend);

	/* Registers as bits, as dataflow() numbers them. */
	uint32_t arguments[N_ARGUMENTS]; /* the first arguments of a call, */
	uint32_t results[N_RESULTS];	 /* its result, and a longer result's second half; */
	uint32_t clobbered;		 /* what it may change; */
	uint32_t stack_pointer;
	uint8_t return_size; /* bytes of the stack that a call takes */
	enum call_kind (*call_kind)(const char *callee);
	const char *return_thunk; /* a jump to it is a return; NULL: there is none */
	const struct indirection
		*indirection; /* NULL: fields lead out of a patch, and klp relocations fill them */
	/*
	 * Whether dataflow() tells what becomes of values. Else what depends on that is not known: nothing that is new may
	 * need to be initialised.
	 */
	bool follows_values;
	/* Whether a symbol that no object defines is each module's own, or the loader's by its name; NULL: none is. */
	bool (*made_for_module)(const char *symbol);
};

#define DECODER_STATE 128

/* The directories below arch/ in sources of kernels, also those of machines that are not known here. Ends with NULL. */
extern const char *const arch_directories[];

/* The machine with that ELF number, or NULL. */
const struct arch *arch_find(uint16_t machine);
/* The machine that uname -m calls so, or NULL. */
const struct arch *arch_named(const char *name);
/* The machine whose boot image begins with @head, BOOT_IMAGE_HEAD bytes or all there are; NULL: none. */
const struct arch *arch_of_boot_image(const uint8_t *head, size_t size);
/* The name of a machine by its ELF number, for messages; NULL for rare ones. */
const char *arch_machine_name(uint16_t machine);

/* Relocation type @type, or NULL. */
static inline const struct reloc_type *arch_reloc(const struct arch *arch, uint32_t type)
{
	if (type >= arch->n_relocs || !arch->relocs[type].name)
		return NULL;
	return &arch->relocs[type];
}

/*
 * The special section of that name, its first alternative: the machine's, or what all have; NULL. The others follow it,
 * as long as their name is the same.
 */
const struct special_section *arch_special(const struct arch *arch, const char *name);

#endif
