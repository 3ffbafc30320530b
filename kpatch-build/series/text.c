// SPDX-License-Identifier: GPL-2.0-only
/* See text.h. */
#include "kpatch-build/series/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/kernel/files/input.h"
#include "lib/util/arena.h"

/* Moves a text of lib/kernel/files to the arena. */
static int keep(struct arena *arena, uint8_t *text, size_t n, char **data, size_t *size)
{
	*data = arena_memdup(arena, text, n + 1);
	free(text);
	*size = n;
	return 0;
}

int series_text(struct arena *arena, struct diags *diags, const char *path, char **data, size_t *size)
{
	uint8_t *text;
	size_t n;
	int err = input_read_text(path, "patch", SERIES_TEXT_MAX, diags, &text, &n);

	return err ? err : keep(arena, text, n, data, size);
}

int series_text_of(struct arena *arena, struct diags *diags, int fd, const char *name, char **data,
		   size_t *size)
{
	uint8_t *text;
	size_t n;
	int err = input_read_text_of(fd, name, "patch", SERIES_TEXT_MAX, diags, &text, &n);

	return err ? err : keep(arena, text, n, data, size);
}
