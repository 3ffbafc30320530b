// SPDX-License-Identifier: GPL-2.0-only
/*
 * For the fuzzers: writes a made kernel, its kallsyms table in one of its forms (ORDER 0 to 2,
 * enum fake_form), as WHAT: its .rodata ("rodata"), an ELF file ("elf") or a bzImage ("gzip", "xz", "zstd").
 * fake_dump WHAT ORDER FILE
 */
#include "test/unit/fake_kernel.h"

static struct fake_buffer dump(const char *what, enum fake_form order)
{
	struct fake_kernel k = { 0 };
	struct fake_buffer image;

	if (!strcmp(what, "rodata"))
		return fake_rodata(&k, order);
	k = fake_kernel_make(order);
	if (!strcmp(what, "elf"))
		return (struct fake_buffer){ k.elf, k.size };
	image = fake_bzimage(!strcmp(what, "gzip") ? FAKE_GZIP :
			     !strcmp(what, "xz")   ? FAKE_XZ :
			     !strcmp(what, "lz4")  ? FAKE_LZ4 :
						     FAKE_ZSTD,
			     k.elf, k.size, (uint32_t)k.size);
	free(k.elf);
	return image;
}

int main(int argc, char **argv)
{
	struct fake_buffer b;

	if (argc != 4)
		return 2;
	b = dump(argv[1], (enum fake_form)atoi(argv[2]));
	fake_write(argv[3], b.data, b.size);
	free(b.data);
	return 0;
}
