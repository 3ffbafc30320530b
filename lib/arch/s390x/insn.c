// SPDX-License-Identifier: GPL-2.0-only
/*
 * s390x instructions, as far as references and control go (z/Architecture Principles of Operation). They have two, four or
 * six bytes, which the first two bits say. Distances count half-words from the start of their instruction; those of 32
 * bits stand behind its first two bytes (formats RIL), and so do those of 16 (RI, RSI, RIE).
 *
 * A branch whose mask no condition fits goes nowhere. Where its distance is not zero it is a jump label, of which the
 * kernel makes a jump to the same place; with none it is what ftrace writes over.
 */
#include <elf.h>
#include <stdio.h>

#include "lib/arch/s390x/s390x.h"

/* First bytes. */
enum {
	BCR = 0x07,
	BASSM = 0x0c,
	BASR = 0x0d,
	BC = 0x47,
	BAS = 0x4d,
	LPSW = 0x82,
	BRXH = 0x84,
	BRXLE = 0x85,
	RI = 0xa7,
	LPSWE = 0xb2, /* and 0xb2 behind it */
	RIL_C0 = 0xc0,
	RIL_C4 = 0xc4,
	RIL_C6 = 0xc6,
	RIL_CC = 0xcc,
	RIE = 0xec,
};

/* The rest of the opcode in the lower half of the second byte. */
enum { RI_BRC = 4, RI_BRAS, RI_BRCT, RI_BRCTG };
enum { C0_LARL = 0, C0_BRCL = 4, C0_BRASL = 5, CC_BRCTH = 6 };

static unsigned int upper(uint8_t byte)
{
	return byte >> 4;
}

static unsigned int lower(uint8_t byte)
{
	return byte & 0xf;
}

/* RIE: branch on index, compare and branch; by the last byte. */
static bool rie_branches(uint8_t last)
{
	switch (last) {
	case 0x44: /* brxhg, brxlg */
	case 0x45:
	case 0x64: /* cgrj, clgrj, crj, clrj */
	case 0x65:
	case 0x76:
	case 0x77:
	case 0x7c: /* cgij, clgij, cij, clij */
	case 0x7d:
	case 0x7e:
	case 0x7f:
		return true;
	default:
		return false;
	}
}

/* The width of the distance that the instruction has; 0: it has none. */
static uint8_t distance_width(const uint8_t *code)
{
	switch (code[0]) {
	case BRXH:
	case BRXLE:
		return 2;
	case RI:
		return lower(code[1]) >= RI_BRC && lower(code[1]) <= RI_BRCTG ? 2 : 0;
	case RIE:
		return rie_branches(code[5]) ? 2 : 0;
	case RIL_C0:
		return lower(code[1]) == C0_LARL || lower(code[1]) == C0_BRCL || lower(code[1]) == C0_BRASL ?
			       4 :
			       0;
	case RIL_C4:
	case RIL_C6:
		return 4;
	case RIL_CC:
		return lower(code[1]) == CC_BRCTH ? 4 : 0;
	default:
		return 0;
	}
}

static int64_t distance_of(const uint8_t *code, uint8_t width)
{
	uint64_t value = get_unsigned(code + 2, width, true);

	return 2 * (width == 2 ? (int64_t)(int16_t)value : (int64_t)(int32_t)value);
}

/* Of a branch with a mask. */
static enum flow_kind masked(unsigned int mask, int64_t distance)
{
	if (mask == S390_ALWAYS)
		return FLOW_JUMP;
	return mask || distance ? FLOW_BRANCH : FLOW_NEXT;
}

static enum flow_kind flow_of(const uint8_t *code, int64_t distance)
{
	switch (code[0]) {
	case RI:
		if (lower(code[1]) == RI_BRC)
			return masked(upper(code[1]), distance);
		return lower(code[1]) == RI_BRAS ? FLOW_CALL : FLOW_BRANCH;
	case RIL_C0:
		if (lower(code[1]) == C0_BRCL)
			return masked(upper(code[1]), distance);
		return lower(code[1]) == C0_BRASL ? FLOW_CALL : FLOW_NEXT;
	case RIL_C4:
	case RIL_C6:
		return FLOW_NEXT;
	default:
		return FLOW_BRANCH;
	}
}

/* Whether it goes to a place that a register or memory has, and does not come back. */
static bool goes_away(const uint8_t *code)
{
	switch (code[0]) {
	case BCR:
		return upper(code[1]) == S390_ALWAYS && lower(code[1]);
	case BC:
		return upper(code[1]) == S390_ALWAYS;
	case LPSW:
		return true;
	case LPSWE:
		return code[1] == 0xb2;
	default:
		return false;
	}
}

static bool calls_register(const uint8_t *code)
{
	return ((code[0] == BASR || code[0] == BASSM) && lower(code[1])) || code[0] == BAS;
}

/* Without a mask or without a register it goes nowhere. */
static bool is_nop(const uint8_t *code)
{
	return (code[0] == BCR && (!upper(code[1]) || !lower(code[1]))) || (code[0] == BC && !upper(code[1]));
}

void s390x_decode_init(void *state)
{
	(void)state;
}

void s390x_decode(const void *state, const uint8_t *code, size_t size, struct insn *out)
{
	size_t length = size ? s390x_length(code[0]) : 0;

	(void)state;
	*out = (struct insn){ .length = 1 };
	if (!length || length > size)
		return;
	/* no instruction begins with 0 but the one that is not valid, on purpose */
	*out = (struct insn){ .length = (uint8_t)length,
			      .valid = code[0] != 0,
			      .condition = OTHER_CONDITION };
	out->width = distance_width(code);
	if (out->width) {
		out->distance = distance_of(code, out->width);
		out->flow = flow_of(code, out->distance);
		out->relative = true;
		out->field = 2;
		out->type = out->width == 2 ? R_390_PC16DBL : R_390_PC32DBL;
		/* one of no condition and no distance, so far: a relocation may have it */
		out->nop = code[0] != RIL_C4 && code[0] != RIL_C6 && out->flow == FLOW_NEXT &&
			   !out->distance && !(code[0] == RIL_C0 && lower(code[1]) == C0_LARL);
	} else if (is_nop(code)) {
		out->nop = true;
	} else if (goes_away(code)) {
		out->flow = FLOW_AWAY;
	}
}

/* What an instruction does with the place that its distance leads to. */
static uint8_t access_of(const uint8_t *code)
{
	if (code[0] != RIL_C4 && code[0] != RIL_C6)
		return ACCESS_ADDRESS;
	if (code[0] == RIL_C6)
		return lower(code[1]) > 2 ? ACCESS_READ : ACCESS_ADDRESS; /* exrl, pfdrl: a place */
	switch (lower(code[1])) {
	case 0x8: /* lgrl: by an entry of the GOT it gets an address */
		return ACCESS_READ | ACCESS_ADDRESS;
	case 0x7: /* sthrl, stgrl, strl */
	case 0xb:
	case 0xf:
		return ACCESS_WRITE;
	default:
		return ACCESS_READ;
	}
}

void s390x_read_insn(const uint8_t *code, size_t size, uint64_t field, struct insn_flow *out)
{
	struct insn insn;

	s390x_decode(NULL, code, size, &insn);
	*out = (struct insn_flow){ .length = insn.length,
				   .flow = (uint8_t)insn.flow,
				   .distance = insn.distance };
	if (insn.length < 2)
		return;
	if (calls_register(code))
		out->flow = FLOW_CALL;
	if (field < insn.length)
		out->access = access_of(code);
	/* most instructions set the condition code, and what they set it by is not told apart here */
	out->sets_flags = insn.flow == FLOW_NEXT;
	out->reads_flags = insn.flow == FLOW_BRANCH;
}

/* The instruction that the field belongs to; NULL: not one with a distance. */
static const uint8_t *insn_of(const struct code_field *f)
{
	const uint8_t *code;

	if (!f->pc_relative || f->offset < 2 || f->offset > f->size || f->size - f->offset < f->width)
		return NULL;
	code = f->code + f->offset - 2;
	/* its last byte may tell what it is, which stands behind a distance of 16 bits in those of six bytes */
	if (s390x_length(code[0]) > f->size - (f->offset - 2))
		return NULL;
	return distance_width(code) == f->width ? code : NULL;
}

bool s390x_is_branch(const struct code_field *f)
{
	const uint8_t *code = insn_of(f);

	return code && flow_of(code, 0) != FLOW_NEXT;
}

bool s390x_is_call(const struct code_field *f)
{
	const uint8_t *code = insn_of(f);

	return code && flow_of(code, 0) == FLOW_CALL;
}

bool s390x_disassemble(const uint8_t *code, size_t size, uint64_t address, char *out, size_t room)
{
	size_t length = size ? s390x_length(code[0]) : 0;
	int n;

	(void)address;
	if (!length || length > size)
		return false;
	n = snprintf(out, room, ".insn 0x");
	for (size_t i = 0; i < length && n >= 0 && (size_t)n < room; i++)
		n += snprintf(out + n, room - (size_t)n, "%02x", code[i]);
	return true;
}
