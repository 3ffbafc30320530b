// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reader of ELF files (lib/elf/file.h) on a small file that the builder made: what it says of it whole, and of each damage what
 * is wrong and in which section. What may stand behind a damaged table is not read: the file is in a buffer of exactly its size.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/elf/file.h"
#include "lib/elf/write/builder.h"
#include "lib/util/arena.h"
#include "test/unit/tap.h"

/* Sections by index. */
enum { NONE, TEXT, RELA_TEXT, BSS, SYMTAB, STRTAB, SHSTRTAB, N_SECTIONS };

static uint8_t *sample(size_t *size)
{
	struct builder *b = builder_new(EM_X86_64, 7);
	struct builder_section *text = builder_section(b, ".text", SHT_PROGBITS, SHF_ALLOC, 16, 0);
	struct builder_section *bss = builder_section(b, ".bss", SHT_NOBITS, SHF_ALLOC, 8, 0);
	uint8_t *data = NULL;

	builder_append(b, text, "\x90\x90\x90\xc3", 4, 16);
	builder_append(b, bss, NULL, 4096, 8);
	builder_symbol(b, "f", STB_GLOBAL, STT_FUNC, text, 0, 1, 3);
	builder_symbol(b, "absolute", STB_LOCAL, STT_NOTYPE, NULL, SHN_ABS, 4711, 0);
	builder_reloc(b, text, 0, R_X86_64_32, builder_symbol(b, "u", STB_WEAK, STT_NOTYPE, NULL, 0, 0, 0),
		      5);
	if (builder_finish(b, &data, size))
		exit(99);
	builder_free(b);
	return data;
}

static Elf64_Ehdr *header(uint8_t *data)
{
	return (Elf64_Ehdr *)data;
}

static Elf64_Shdr *section(uint8_t *data, int index)
{
	return (Elf64_Shdr *)(data + header(data)->e_shoff) + index;
}

static Elf64_Sym *symbols(uint8_t *data)
{
	return (Elf64_Sym *)(data + section(data, SYMTAB)->sh_offset);
}

static int read_all(struct elf_file *f, const uint8_t *data, size_t size, struct arena *arena)
{
	int err = elf_file_open(f, data, size, arena);

	if (!err)
		err = elf_file_sections(f);
	return err ? err : elf_file_symbols(f);
}

static void test_whole(void)
{
	struct arena *arena = arena_new();
	struct elf_file f;
	size_t size;
	uint8_t *data = sample(&size);

	ok_number(read_all(&f, data, size, arena), 0, "the whole file is read");
	ok(f.machine == EM_X86_64 && f.type == ET_REL && f.flags == 7 && f.class == ELFCLASS64 &&
		   f.order == ELFDATA2LSB,
	   "what its header says");
	ok_number(f.n_sections, N_SECTIONS, "its sections");
	ok(f.symtab == SYMTAB && f.symbol_names == STRTAB && f.names == SHSTRTAB, "which are the tables");
	ok_string(f.sections[TEXT].name, ".text", "a name");
	ok(f.sections[TEXT].size == 4 && !memcmp(f.sections[TEXT].data, "\x90\x90\x90\xc3", 4) &&
		   f.sections[TEXT].align == 16,
	   "bytes and alignment");
	ok(f.sections[RELA_TEXT].link == SYMTAB && f.sections[RELA_TEXT].info == TEXT, "links");
	ok(!f.sections[BSS].data && f.sections[BSS].size == 4096, "a section without bytes");
	ok(!f.sections[NONE].data && !*f.sections[NONE].name, "the null section");
	ok_number(f.n_symbols, 4, "its symbols");
	ok(!*f.symbols[0].name && !f.symbols[0].section, "the null symbol");
	ok_string(f.symbols[1].name, "absolute", "a local one");
	ok(f.symbols[1].reserved == SHN_ABS && !f.symbols[1].section && f.symbols[1].value == 4711,
	   "it is in no section, and not undefined either");
	ok_string(f.symbols[2].name, "f", "a global one");
	ok(f.symbols[2].section == TEXT && f.symbols[2].value == 1 && f.symbols[2].size == 3 &&
		   f.symbols[2].bind == STB_GLOBAL && f.symbols[2].type == STT_FUNC,
	   "its place and kind");
	ok(!f.symbols[3].section && !f.symbols[3].reserved && f.symbols[3].bind == STB_WEAK,
	   "an undefined one");
	free(data);
	arena_free(arena);
}

static void name_of_section(uint8_t *d)
{
	section(d, TEXT)->sh_name = 1u << 20;
}
static void name_of_symbol(uint8_t *d)
{
	symbols(d)[2].st_name = 1u << 20;
}
static void section_beyond(uint8_t *d)
{
	section(d, TEXT)->sh_size = 1u << 20;
}
static void section_overflows(uint8_t *d)
{
	section(d, TEXT)->sh_size = UINT64_MAX - 63;
}
static void section_starts_beyond(uint8_t *d)
{
	section(d, TEXT)->sh_offset = UINT64_MAX;
}
static void alignment(uint8_t *d)
{
	section(d, TEXT)->sh_addralign = 24;
}
static void names_nowhere(uint8_t *d)
{
	header(d)->e_shstrndx = 77;
}
static void names_are_code(uint8_t *d)
{
	header(d)->e_shstrndx = TEXT;
}
static void names_beyond(uint8_t *d)
{
	section(d, SHSTRTAB)->sh_size = 1u << 20;
}
static void names_do_not_end(uint8_t *d)
{
	section(d, SHSTRTAB)->sh_size--;
}
static void symbol_names_do_not_end(uint8_t *d)
{
	section(d, STRTAB)->sh_size--;
}
static void symbol_names_nowhere(uint8_t *d)
{
	section(d, SYMTAB)->sh_link = 77;
}
static void symbol_names_are_code(uint8_t *d)
{
	section(d, SYMTAB)->sh_link = TEXT;
}
static void symbols_of_23_bytes(uint8_t *d)
{
	section(d, SYMTAB)->sh_entsize = 23;
}
static void half_a_symbol(uint8_t *d)
{
	section(d, SYMTAB)->sh_size -= 1;
}
static void two_symbol_tables(uint8_t *d)
{
	section(d, BSS)->sh_type = SHT_SYMTAB, section(d, BSS)->sh_size = 0;
}
static void symbol_in_no_section(uint8_t *d)
{
	symbols(d)[2].st_shndx = N_SECTIONS;
}
static void number_is_nowhere(uint8_t *d)
{
	symbols(d)[2].st_shndx = SHN_XINDEX;
}
static void headers_of_63_bytes(uint8_t *d)
{
	header(d)->e_shentsize = 63;
}

static const struct {
	void (*damage)(uint8_t *data);
	const char *what, *section;
} damages[] = {
	{ name_of_section, "name of section 1 is outside of the string table", NULL },
	{ name_of_symbol, "name of symbol 2 is outside of the string table", NULL },
	{ section_beyond, "section reaches beyond the end of the file", ".text" },
	{ section_overflows, "section reaches beyond the end of the file", ".text" },
	{ section_starts_beyond, "section reaches beyond the end of the file", ".text" },
	{ alignment, "alignment is no power of two", ".text" },
	{ names_nowhere, "no table of section names", NULL },
	{ names_are_code, "no table of section names", NULL },
	{ names_beyond, "table of section names is damaged", NULL },
	{ names_do_not_end, "table of section names is damaged", NULL },
	{ symbol_names_do_not_end, "symbol table without names", ".symtab" },
	{ symbol_names_nowhere, "symbol table without names", ".symtab" },
	{ symbol_names_are_code, "symbol table without names", ".symtab" },
	{ symbols_of_23_bytes, "symbol table whose size is no multiple of a symbol's", ".symtab" },
	{ half_a_symbol, "symbol table whose size is no multiple of a symbol's", ".symtab" },
	{ two_symbol_tables, "second symbol table", ".symtab" },
	{ symbol_in_no_section, "symbol 2 in section 7, which does not exist", NULL },
	{ number_is_nowhere, "no extended section number for symbol 2", NULL },
	{ headers_of_63_bytes, "section headers of 63 bytes", NULL },
};

static void test_damaged(void)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		struct arena *arena = arena_new();
		struct elf_file f;
		size_t size;
		uint8_t *data = sample(&size);

		damages[i].damage(data);
		ok_number(read_all(&f, data, size, arena), -EBADMSG, damages[i].what);
		ok_string(f.damage.what, damages[i].what, "is what is said");
		ok_string(f.damage.section ? f.damage.section : "-",
			  damages[i].section ? damages[i].section : "-", "and where");
		free(data);
		arena_free(arena);
	}
}

/* Each beginning of the file is an error, and none reads behind its end (valgrind and the sanitizers see that). */
static void test_cut_off(void)
{
	struct arena *arena = arena_new();
	size_t size, read = 0;
	uint8_t *data = sample(&size);

	for (size_t n = 0; n < size; n++) {
		uint8_t *part = malloc(n + !n);
		struct elf_file f;

		if (!part)
			exit(99);
		memcpy(part, data, n);
		read += !read_all(&f, part, n, arena);
		free(part);
	}
	ok_number((int)read, 0, "no beginning of the file is taken for a file");
	free(data);
	arena_free(arena);
}

int main(void)
{
	test_whole();
	test_damaged();
	test_cut_off();
	return tap_done();
}
