// SPDX-License-Identifier: GPL-2.0-only
/*
 * x86-64. Instructions have no fixed length, so a line number that was passed in a register is found
 * by decoding both versions of a function side by side. A direct call or jump is known from its
 * operand: the bytes before a rel32 field are e8, e9 or 0f 80..8f only in a branch, since the
 * ModRM byte of a rip-relative operand is xx000101b or xx001101b and the like, never one of these.
 */
#include <elf.h>
#include <string.h>

#include "create-diff-object/arch.h"

/*
 * struct bug_entry with relative pointers and CONFIG_DEBUG_BUGVERBOSE: site, file, line, flags.
 * struct _ddebug: four pointers, then line:18, class_id:6, flags:8 (class_id since 6.1; the line has
 * had its 18 bits much longer).
 */
static const struct line_field line_fields[] = {
	{ "__bug_table", 8, 2, 0xffff },
	{ "__dyndbg", 32, 4, 0x3ffff },
	{ NULL, 0, 0, 0 },
};

static bool is_branch(const struct object *o, const struct atom *a, const struct ref *r)
{
	const uint8_t *code = atom_bytes(a);

	if (!a->section || !(a->section->flags & SHF_EXECINSTR) || !code || !r->pc_relative)
		return false;
	if (r->width == 1)
		return true;
	if (r->width != 4 || r->offset < 1 || r->offset > a->size)
		return false;
	if (code[r->offset - 1] == 0xe8 || code[r->offset - 1] == 0xe9)
		return true;
	return r->offset >= 2 && code[r->offset - 2] == 0x0f && (code[r->offset - 1] & 0xf0) == 0x80;
}

static bool only_lines(const struct object *o, const struct atom *a, const struct object *n,
		       const struct atom *b)
{
	return false;
}

/*
 * arch_static_branch() with CONFIG_HAVE_JUMP_LABEL_HACK: bit 0 of the key field is the default
 * direction, bit 1 asks objtool to replace the jump.
 */
static bool label_wants_nop(int64_t key_addend)
{
	return key_addend & 2;
}

static bool jump_to_nop(uint8_t *code, size_t size)
{
	static const uint8_t nop2[] = { 0x66, 0x90 };
	static const uint8_t nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	if (size >= sizeof(nop2) && code[0] == 0xeb)
		memcpy(code, nop2, sizeof(nop2));
	else if (size >= sizeof(nop5) && code[0] == 0xe9)
		memcpy(code, nop5, sizeof(nop5));
	else
		return false;
	return true;
}

const struct arch arch_x86_64 = {
	.machine = EM_X86_64,
	.pointer_type = R_X86_64_64,
	.text_fill = 0x90,
	.line_fields = line_fields,
	.is_branch = is_branch,
	.label_wants_nop = label_wants_nop,
	.jump_to_nop = jump_to_nop,
	.only_lines = only_lines,
};
