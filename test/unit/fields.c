// SPDX-License-Identifier: GPL-2.0-only
/*
 * fields MACHINE TYPE:VALUE...: what lib/arch writes to an empty unit for a relocation type, by number, and a value in
 * decimal. A line for each: the unit's bytes in hexadecimal and the value read again, or "no" where it does not fit.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/arch/arch.h"

static void show(const struct arch *arch, const struct reloc_type *t, int64_t value)
{
	uint8_t unit[8] = { 0 };

	if (!reloc_put(t, arch->big_endian, unit, value)) {
		puts("no");
		return;
	}
	for (size_t i = 0; i < t->width; i++)
		printf("%02x", unit[i]);
	printf(" %" PRId64 "\n", reloc_get(t, arch->big_endian, unit));
}

int main(int argc, char **argv)
{
	const struct arch *arch = argc > 2 ? arch_named(argv[1]) : NULL;

	for (int i = 2; i < argc; i++) {
		const struct reloc_type *t;
		uint32_t type;
		int64_t value;

		if (!arch || sscanf(argv[i], "%" SCNu32 ":%" SCNd64, &type, &value) != 2)
			return 2;
		t = arch_reloc(arch, type);
		if (!t)
			return 2;
		show(arch, t, value);
	}
	return argc < 3;
}
