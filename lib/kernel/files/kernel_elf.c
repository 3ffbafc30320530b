/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel_elf.h. */
#include "lib/kernel/files/kernel_elf.h"

#include <errno.h>
#include <string.h>

#include "lib/elf/file.h"
#include "lib/util/diag.h"

int kernel_elf_open(const char *name, const char *kind, const uint8_t *data, size_t size, struct arena *arena,
		    struct diags *diags, struct elf_file *out)
{
	bool is_elf = size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
	int err = elf_file_open(out, data, size, arena);

	if (!is_elf || (!err && (out->class != ELFCLASS64 || out->order != ELFDATA2LSB))) {
		diag_error(diags, "elf-foreign", diag_file(name), NULL,
			   "this is no %s of a 64-bit little-endian machine", kind);
		return -ENOTSUP;
	}
	if (!err)
		err = elf_file_sections(out);
	if (err)
		diag_error(diags, "elf-damaged", diag_file(name), "Install the file again",
			   "this %s is damaged: %s", kind, elf_file_damage(out));
	return err;
}
