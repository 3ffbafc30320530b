/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * GNU build IDs: out of ELF note sections, and as text.
 */
#ifndef KPATCH_KERNEL_BUILDID_H
#define KPATCH_KERNEL_BUILDID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILDID_MAX 32

struct buildid {
	uint8_t bytes[BUILDID_MAX];
	uint32_t size; /* bytes; 0: none */
};

/*
 * Looks for NT_GNU_BUILD_ID among the notes at @notes: the contents of .notes,
 * .note.gnu.build-id, /sys/kernel/notes or /sys/module/NAME/notes/.note.gnu.build-id.
 * 0, -ENOENT (no such note) or -EBADMSG (damaged).
 */
int buildid_from_notes(const void *notes, size_t size, struct buildid *out);

/* Lower case hexadecimal digits and a NUL; "" for an absent ID. Returns @text. */
#define BUILDID_TEXT (2 * BUILDID_MAX + 1)
const char *buildid_text(const struct buildid *id, char text[BUILDID_TEXT]);

/* Reads such digits. 0 or -EINVAL. */
int buildid_parse(const char *text, struct buildid *out);

/* Both present and equal. */
bool buildid_equal(const struct buildid *a, const struct buildid *b);

#endif
