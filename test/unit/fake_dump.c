/* SPDX-License-Identifier: GPL-2.0-only */
/* For the fuzzers: writes .rodata of a made kernel, with its kallsyms table. fake_dump ORDER FILE */
#include "test/unit/fake_kernel.h"

int main(int argc, char **argv)
{
	struct fake_kernel k = { 0 };
	struct fake_buffer b;

	if (argc != 3)
		return 2;
	b = fake_rodata(&k, atoi(argv[1]));
	fake_write(argv[2], b.data, b.size);
	free(b.data);
	return 0;
}
