/* SPDX-License-Identifier: GPL-2.0-only */
/* Words why an atom is not the installed code; see proof_explain() in proof.h. */
#include <elf.h>
#include <string.h>

#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/kernel/proof/proof_private.h"
#include "lib/util/arena.h"

#define SHOWN_BYTES 8u
#define SHOWN_TEXT 128

static bool is_code(const struct atom *a)
{
	return a->section->flags & SHF_EXECINSTR;
}

/* Start of the instruction that holds byte @offset of the @size bytes at @code. */
static uint64_t instruction_start(const struct arch *arch, const uint8_t *code, uint64_t size,
				  uint64_t offset)
{
	_Alignas(16) unsigned char decoder[DECODER_STATE];
	uint64_t pos = 0;

	arch->decode_init(decoder);
	while (pos < offset) {
		struct insn i;

		arch->decode(decoder, code + pos, size - pos, &i);
		if (!i.valid)
			return offset;
		if (pos + i.length > offset)
			break;
		pos += i.length;
	}
	return pos;
}

/* The instruction at @offset, or its bytes where there is none. */
static const char *disassemble(const struct arch *arch, const uint8_t *code, uint64_t size, uint64_t offset,
			       struct arena *arena)
{
	char hex[3 * SHOWN_BYTES + 1] = "", text[SHOWN_TEXT];

	if (arch->disassemble(code + offset, size - offset, offset, text, sizeof(text)))
		return arena_strdup(arena, text);
	for (uint64_t n = 0; n < SHOWN_BYTES && offset + n < size; n++) {
		static const char digits[] = "0123456789abcdef";

		memcpy(hex + 3 * n,
		       (char[]){ digits[code[offset + n] >> 4], digits[code[offset + n] & 15], ' ', 0 }, 4);
	}
	return arena_printf(arena, "bytes %s", hex);
}

static const char *explain_bytes(const struct proof *p, const struct atom *a, uint64_t offset,
				 struct arena *arena)
{
	const struct arch *arch = p->installed->arch;
	uint64_t address = proof_address(p, a);
	const uint8_t *ours = atom_bytes(a), *theirs;

	theirs = installed_bytes(p->installed, address, a->size);
	if (!ours || !theirs)
		return arena_printf(arena, "it does not fit where the rest of its section is in %s",
				    installed_name(p->installed));
	if (offset >= a->size)
		return "the installed module has relocations where the compiled code has none";
	if (!is_code(a))
		return arena_printf(arena, "the data differs at +%#llx: %#x in %s, %#x as compiled",
				    (unsigned long long)offset, theirs[offset], installed_name(p->installed),
				    ours[offset]);
	offset = instruction_start(arch, ours, a->size, offset);
	return arena_printf(arena, "the code differs at +%#llx: '%s' in %s, '%s' as compiled",
			    (unsigned long long)offset, disassemble(arch, theirs, a->size, offset, arena),
			    installed_name(p->installed), disassemble(arch, ours, a->size, offset, arena));
}

/* What a reference of the object means, in words. */
static const char *describe_target(const struct proof *p, const struct ref *r, struct arena *arena)
{
	const struct atom *t = &p->object->atoms[r->target];
	const uint8_t *bytes = atom_bytes(t);

	if (t->kind == ATOM_STRING && bytes && r->addend >= 0 && (uint64_t)r->addend < t->size)
		return arena_printf(arena, "the string \"%.*s\"",
				    (int)strcspn((const char *)bytes + r->addend, "\n"),
				    (const char *)bytes + r->addend);
	if (t->kind == ATOM_CONSTANT)
		return "a constant";
	if (!r->addend || (t->symbol && (uint64_t)r->addend == t->entry))
		return t->name;
	return arena_printf(arena, "%s%+lld", t->name, (long long)r->addend);
}

static const char *explain_field(const struct proof *p, const struct atom *a, const struct proof_atom *status,
				 struct arena *arena)
{
	const struct ref *r = &p->object->refs[status->ref];
	uint64_t address = proof_address(p, a);
	const char *there = "nothing that can be decoded";
	struct installed_field f;

	if (!proof_field(p, a, address, r, &f))
		there = f.external ? f.name : installed_describe(p->installed, f.address, arena);
	return arena_printf(arena, "at +%#llx the compiled code refers to %s, the code in %s to %s",
			    (unsigned long long)status->offset, describe_target(p, r, arena),
			    installed_name(p->installed), there);
}

const char *proof_explain(const struct proof *p, uint32_t atom, struct arena *arena)
{
	const struct proof_atom *status = &p->atoms[atom];
	const struct atom *a = &p->object->atoms[atom];
	const char *text = NULL, *what;

	switch (status->status) {
	case PROOF_SKIPPED:
	case PROOF_MATCHED:
		return NULL;
	case PROOF_UNPLACED:
		if (a->kind == ATOM_ENTRY && a->owner != NO_ATOM)
			return arena_printf(arena, "%s has none for that code", installed_name(p->installed));
		text = arena_printf(arena,
				    "where %s has section %s of this object is not known: none "
				    "of its names is found there alone, and no matched code leads to it",
				    installed_name(p->installed), a->section->name);
		break;
	case PROOF_DIFFERS:
		text = explain_bytes(p, a, status->offset, arena);
		break;
	case PROOF_LEADS_ELSEWHERE:
		text = explain_field(p, a, status, arena);
		break;
	case PROOF_DEPENDS:
		what = proof_explain(p, p->object->refs[status->ref].target, arena);
		text = arena_printf(arena, "it uses the read-only data %s, of which %s",
				    p->object->atoms[p->object->refs[status->ref].target].name,
				    what ? what : "nothing is known");
		break;
	case PROOF_ENTRY:
		what = proof_explain(p, status->ref, arena);
		text = arena_printf(arena, "its %s in %s is not the installed one: %s",
				    p->object->atoms[status->ref].section->special->what,
				    p->object->atoms[status->ref].name, what ? what : "unknown");
		break;
	case PROOF_OTHER_TABLE:
		text = arena_printf(arena, "%s has another number of entries in %s for it",
				    installed_name(p->installed), p->object->sections[status->ref].name);
		break;
	}
	return text ? text : "memory is exhausted";
}
