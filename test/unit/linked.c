// SPDX-License-Identifier: GPL-2.0-only
/*
 * linked MACHINE OURS:THEIRS...: what lib/arch says that a link has made of instructions, two words in hexadecimal as objdump
 * prints them. A line for each pair: "other", or what the field has become and its value.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/arch/arch.h"

/* In the order of the file. */
static void bytes_of(uint32_t word, bool big_endian, uint8_t out[static 4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(word >> 8 * (big_endian ? 3 - i : i));
}

int main(int argc, char **argv)
{
	const struct arch *arch = argc > 2 ? arch_named(argv[1]) : NULL;

	if (!arch || !arch->indirection)
		return 2;
	for (int i = 2; i < argc; i++) {
		uint8_t ours[4], theirs[4];
		struct linked_half h;
		uint32_t a, b;

		if (sscanf(argv[i], "%" SCNx32 ":%" SCNx32, &a, &b) != 2)
			return 2;
		bytes_of(a, arch->big_endian, ours);
		bytes_of(b, arch->big_endian, theirs);
		if (arch->indirection->linked(ours, theirs, &h))
			printf("%s%s%s%" PRId64 "\n", h.dropped ? "dropped " : "",
			       h.rebased ? "rebased " : "", h.direct ? "direct " : "",
			       h.dropped ? 0 : h.value);
		else
			puts("other");
	}
	return 0;
}
