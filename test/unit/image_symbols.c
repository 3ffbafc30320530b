// SPDX-License-Identifier: GPL-2.0-only
/*
 * Prints the symbols of a kernel image, a line each: how far it is from klp_enable_patch(), in decimal, and its name. By
 * these distances a patch module refers to vmlinux (kpatch-build/finish/finish_distance.c).
 *
 *	image_symbols IMAGE
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/kernel/files/image.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/diag.h"

static int print(const struct kallsyms *k)
{
	uint32_t anchor = kallsyms_first(k, "klp_enable_patch");

	if (anchor == KALLSYMS_NONE)
		return 1;
	for (uint32_t i = 0; i < kallsyms_count(k); i++) {
		struct kallsym s = kallsyms_get(k, i);

		printf("%" PRId64 " %s\n", (int64_t)(s.address - kallsyms_get(k, anchor).address), s.name);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct diags *d = diags_new();
	struct kimage *k;
	int status = argc == 2 && !kimage_open(argv[1], NULL, d, &k) ? 0 : 2;

	if (!status) {
		status = print(k->kallsyms);
		kimage_free(k);
	}
	diags_free(d);
	return status;
}
