// SPDX-License-Identifier: GPL-2.0-only
/*
 * decode MACHINE FILE: what lib/arch makes of code, a line for each instruction that is more than the way to the next one: its
 * offset, where it goes and, where its bytes say so, the place. For comparison with other disassemblers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/arch/arch.h"

static const char *const flows[] = {
	[FLOW_NEXT] = "next", [FLOW_CALL] = "call", [FLOW_BRANCH] = "branch",
	[FLOW_JUMP] = "jump", [FLOW_AWAY] = "away",
};

static void print(const struct arch *arch, const uint8_t *code, size_t size)
{
	_Alignas(16) unsigned char decoder[DECODER_STATE];
	struct insn insn;

	arch->decode_init(decoder);
	for (size_t at = 0; at < size; at += insn.length) {
		arch->decode(decoder, code + at, size - at, &insn);
		if (insn.relative)
			printf("%zx %s %" PRIx64 "\n", at, flows[insn.flow], insn_target(&insn, at));
		else if (insn.flow != FLOW_NEXT || insn.nop)
			printf("%zx %s\n", at, insn.nop ? "nop" : flows[insn.flow]);
	}
}

int main(int argc, char **argv)
{
	const struct arch *arch = argc == 3 ? arch_named(argv[1]) : NULL;
	FILE *f = arch ? fopen(argv[2], "rb") : NULL;
	uint8_t *code = malloc(1 << 20);
	size_t size = f && code ? fread(code, 1, 1 << 20, f) : 0;

	if (!size)
		return 2;
	print(arch, code, size);
	fclose(f);
	free(code);
	return 0;
}
