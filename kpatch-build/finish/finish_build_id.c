// SPDX-License-Identifier: GPL-2.0-only
/*
 * The build ID of the finished module. The linker's is a digest of what sections hold, and a reference to
 * another function of the kernel is only another name in the table of symbols: two modules that call different
 * functions would have the same. The loader tells by the build ID, which the kernel shows, whether what runs
 * is what a file has. So it becomes a digest of all that the file has, the manifest included. Reads the module,
 * writes the bytes of its build ID.
 */
#include "kpatch-build/finish/finish.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/elf/write/elf_edit.h"
#include "lib/kernel/files/buildid.h"
#include "lib/util/sha256.h"
#include "lib/util/xmalloc.h"

#define NOTE_SECTION ".note.gnu.build-id"

static void add_section(struct sha256 *s, const struct elf_edit_section *section)
{
	const uint64_t facts[] = { section->type, section->flags, section->align, section->entsize,
				   section->link, section->info,  section->size };

	sha256_add_text(s, section->name ? section->name : "");
	sha256_add(s, facts, sizeof(facts));
	if (section->data)
		sha256_add(s, section->data, section->size);
}

static void add_symbol(struct sha256 *s, const struct elf_edit_symbol *symbol)
{
	const uint64_t facts[] = { symbol->bind,    symbol->type,  symbol->other, symbol->reserved,
				   symbol->section, symbol->value, symbol->size };

	sha256_add_text(s, symbol->name ? symbol->name : "");
	sha256_add(s, facts, sizeof(facts));
}

/* The bytes of the ID in the section's first note, which is the only one; NULL: not as it should be. */
static uint8_t *id_bytes(const struct elf_edit_section *s, size_t *n)
{
	Elf64_Nhdr note;

	if (!s->data || s->size < sizeof(note) + sizeof("GNU"))
		return NULL;
	memcpy(&note, s->data, sizeof(note));
	if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != sizeof("GNU") ||
	    note.n_descsz > s->size - sizeof(note) - sizeof("GNU"))
		return NULL;
	*n = note.n_descsz;
	return s->data + sizeof(note) + sizeof("GNU");
}

int finish_build_id(struct elf_edit *f)
{
	uint32_t section = elf_edit_find_section(f, NOTE_SECTION);
	char text[SHA256_TEXT];
	struct buildid digest;
	struct sha256 sum;
	size_t n = 0;
	uint8_t *id = section ? id_bytes(&f->sections[section], &n) : NULL;

	if (!id)
		return 0;
	/* the linker's knows what has been taken out since, names of files and so of directories */
	memset(id, 0, n);
	sha256_start(&sum);
	for (uint32_t i = 1; i < f->n_sections; i++)
		if (!f->sections[i].removed)
			add_section(&sum, &f->sections[i]);
	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (!f->symbols[i].removed)
			add_symbol(&sum, &f->symbols[i]);
	if (!sha256_end(&sum, text))
		memory_exhausted();
	if (!buildid_parse(text, &digest))
		memcpy(id, digest.bytes, n < digest.size ? n : digest.size);
	return 0;
}
