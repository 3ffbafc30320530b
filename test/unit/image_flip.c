/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests: writes the vmlinux out of a kernel image, with one byte changed.
 *	image_flip IMAGE OUTPUT				as it is
 *	image_flip IMAGE OUTPUT SYMBOL OFFSET [MASK]	byte OFFSET from SYMBOL, exclusive-ored
 * OFFSET may be the text of a string instead, "=TEXT": its first occurrence in .rodata is changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kernel/files/image.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/diag.h"

static int fail(struct diags *d, const char *what)
{
	for (size_t i = 0; i < diags_count(d); i++)
		diag_print(stderr, diags_get(d, i));
	fprintf(stderr, "image_flip: %s\n", what);
	return 1;
}

/* Where in the file the byte to be changed is. */
static const uint8_t *find(const struct kimage *k, const char *symbol, const char *offset)
{
	const struct elf_section *s = kimage_section(k, ".rodata");
	uint32_t i;

	if (*offset == '=')
		return memmem(s->data, s->size, offset + 1, strlen(offset));
	i = kallsyms_first(k->kallsyms, symbol);
	if (i == KALLSYMS_NONE)
		return NULL;
	return kimage_bytes(k, kallsyms_get(k->kallsyms, i).address + strtoul(offset, NULL, 0), 1);
}

int main(int argc, char **argv)
{
	struct diags *d = diags_new();
	const uint8_t *at = NULL;
	struct kimage *k;
	FILE *out;

	if (argc != 3 && argc != 5 && argc != 6)
		return fail(d, "usage: IMAGE OUTPUT [SYMBOL OFFSET [MASK]]");
	if (kimage_open(argv[1], NULL, d, &k))
		return fail(d, "no image");
	if (argc > 3) {
		at = find(k, argv[3], argv[4]);
		if (!at)
			return fail(d, "no such place");
	}
	out = fopen(argv[2], "w");
	if (!out || fwrite(k->elf, 1, k->elf_size, out) != k->elf_size)
		return fail(d, "cannot write");
	if (at) {
		fseek(out, at - k->elf, SEEK_SET);
		fputc(*at ^ (argc > 5 ? (int)strtoul(argv[5], NULL, 0) : 1), out);
	}
	if (fclose(out))
		return fail(d, "cannot write");
	kimage_free(k);
	diags_free(d);
	return 0;
}
