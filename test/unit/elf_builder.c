// SPDX-License-Identifier: GPL-2.0-only
/*
 * The builder: what it writes is read again byte by byte with the ELF structures (not with our
 * own reader) and, for files with more than 65,280 sections, with libelf and with our reader.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/elf/object.h"
#include "lib/elf/write/builder.h"
#include "lib/util/diag.h"
#include "test/unit/tap.h"

static const Elf64_Shdr *headers(const uint8_t *data)
{
	return (const Elf64_Shdr *)(data + ((const Elf64_Ehdr *)data)->e_shoff);
}

static int find(const uint8_t *data, const char *name)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)data;
	const Elf64_Shdr *s = headers(data);
	const char *names = (const char *)data + s[h->e_shstrndx].sh_offset;

	for (int i = 0; i < h->e_shnum; i++)
		if (!strcmp(names + s[i].sh_name, name))
			return i;
	return -1;
}

static const Elf64_Sym *symbol(const uint8_t *data, const char *name, int *index)
{
	const Elf64_Shdr *s = headers(data), *symtab = &s[find(data, ".symtab")];
	const Elf64_Sym *sym = (const Elf64_Sym *)(data + symtab->sh_offset);
	const char *names = (const char *)data + s[symtab->sh_link].sh_offset;

	for (size_t i = 1; i < symtab->sh_size / sizeof(*sym); i++) {
		if (!strcmp(names + sym[i].st_name, name)) {
			*index = i;
			return &sym[i];
		}
	}
	*index = 0;
	return sym;
}

static struct builder *small(void)
{
	struct builder *b = builder_new(EM_X86_64, 7);
	struct builder_section *text =
		builder_section(b, ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 1, 0);
	struct builder_section *bss = builder_section(b, ".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, 1, 0);
	struct builder_section *klp = builder_rela_section(b, ".klp.rela.vmlinux..text", text, 0x00100002);
	struct builder_symbol *global = builder_symbol(b, "global", STB_GLOBAL, STT_FUNC, text, 0, 3, 4);
	struct builder_symbol *local = builder_symbol(b, "local", STB_LOCAL, STT_OBJECT, bss, 0, 8, 16);
	struct builder_symbol *undefined =
		builder_symbol(b, "undefined", STB_WEAK, STT_NOTYPE, NULL, SHN_UNDEF, 0, 0);
	struct builder_symbol *live =
		builder_symbol(b, ".klp.sym.vmlinux.x,1", STB_GLOBAL, STT_FUNC, NULL, 0xff20, 0, 0);

	builder_append(b, text, "\x90\xc3", 2, 1);
	builder_append(b, text, "\xe8\0\0\0\0", 5, 16);
	builder_append(b, bss, NULL, 24, 8);
	builder_symbol(b, "absolute", STB_LOCAL, STT_NOTYPE, NULL, SHN_ABS, 0x1234, 0);
	builder_reloc(b, text, 17, R_X86_64_PLT32, undefined, -4);
	builder_reloc(b, text, 3, R_X86_64_64, builder_section_symbol(b, bss), 8);
	builder_rela_add(b, klp, 17, R_X86_64_PC32, live, -5);
	builder_reloc(b, text, 4, R_X86_64_PC8, local, 1);
	builder_reloc(b, text, 5, R_X86_64_PC8, global, 2);
	builder_reloc(b, text, 6, R_X86_64_8, NULL, 3);
	return b;
}

static void check_symbols(const uint8_t *data)
{
	const Elf64_Shdr *s = headers(data), *symtab = &s[find(data, ".symtab")];
	const Elf64_Sym *sym;
	bool ordered = true;
	int i;

	sym = symbol(data, "global", &i);
	ok(ELF64_ST_BIND(sym->st_info) == STB_GLOBAL && ELF64_ST_TYPE(sym->st_info) == STT_FUNC &&
		   sym->st_value == 3 && sym->st_size == 4 && sym->st_shndx == find(data, ".text"),
	   "a global function");
	sym = symbol(data, "local", &i);
	ok(sym->st_shndx == find(data, ".bss") && sym->st_value == 8 && sym->st_size == 16, "a local object");
	sym = symbol(data, "absolute", &i);
	ok(sym->st_shndx == SHN_ABS && sym->st_value == 0x1234, "an absolute symbol");
	sym = symbol(data, ".klp.sym.vmlinux.x,1", &i);
	ok(sym->st_shndx == 0xff20, "a livepatch symbol keeps its section number");
	sym = symbol(data, "undefined", &i);
	ok(sym->st_shndx == SHN_UNDEF && ELF64_ST_BIND(sym->st_info) == STB_WEAK, "an undefined weak symbol");
	sym = (const Elf64_Sym *)(data + symtab->sh_offset);
	for (size_t n = 0; n < symtab->sh_size / sizeof(*sym); n++)
		ordered &= (ELF64_ST_BIND(sym[n].st_info) == STB_LOCAL) == (n < symtab->sh_info);
	ok(ordered, "local symbols come before the others and sh_info says where");
}

static void check_relocations(const uint8_t *data)
{
	const Elf64_Shdr *s = headers(data), *rela = &s[find(data, ".rela.text")];
	const Elf64_Rela *r = (const Elf64_Rela *)(data + rela->sh_offset);
	int undefined, local, global, live;

	symbol(data, "undefined", &undefined);
	symbol(data, "local", &local);
	symbol(data, "global", &global);
	symbol(data, ".klp.sym.vmlinux.x,1", &live);
	ok_number(rela->sh_size / sizeof(*r), 5, "ordinary relocations");
	ok(rela->sh_info == (unsigned int)find(data, ".text") &&
		   rela->sh_link == (unsigned int)find(data, ".symtab"),
	   "relocations apply to .text and use the symbol table");
	ok(r[0].r_offset == 17 && r[0].r_info == ELF64_R_INFO((uint64_t)undefined, R_X86_64_PLT32) &&
		   r[0].r_addend == -4,
	   "relocation to an undefined symbol");
	ok(ELF64_R_SYM(r[2].r_info) == (uint64_t)local && ELF64_R_SYM(r[3].r_info) == (uint64_t)global,
	   "relocations follow symbols that were moved");
	ok(ELF64_R_SYM(r[4].r_info) == 0 && r[4].r_addend == 3, "relocation without a symbol");
	rela = &s[find(data, ".klp.rela.vmlinux..text")];
	r = (const Elf64_Rela *)(data + rela->sh_offset);
	ok(rela->sh_type == SHT_RELA && rela->sh_flags == (0x00100002 | SHF_INFO_LINK) &&
		   rela->sh_info == (unsigned int)find(data, ".text") && rela->sh_size == sizeof(*r) &&
		   rela->sh_entsize == sizeof(*r),
	   "a relocation section of its own");
	ok(r->r_offset == 17 && r->r_info == ELF64_R_INFO((uint64_t)live, R_X86_64_PC32) && r->r_addend == -5,
	   "its relocation");
}

static void test_contents(void)
{
	struct builder *b = small();
	const Elf64_Ehdr *h;
	const Elf64_Shdr *s;
	uint8_t *data = NULL, *again = NULL;
	size_t size, size_again;

	ok_number(builder_finish(b, &data, &size), 0, "finish");
	ok_number(builder_finish(b, &again, &size_again), 0, "finish again");
	ok(size == size_again && !memcmp(data, again, size), "the same bytes twice");
	h = (const Elf64_Ehdr *)data;
	ok(h->e_type == ET_REL && h->e_machine == EM_X86_64 && h->e_flags == 7 && h->e_shentsize == 64,
	   "header");
	s = &headers(data)[find(data, ".text")];
	ok(s->sh_size == 21 && s->sh_addralign == 16 && s->sh_flags == (SHF_ALLOC | SHF_EXECINSTR) &&
		   s->sh_offset % 16 == 0,
	   "alignment grows with what is appended");
	ok(!memcmp(data + s->sh_offset, "\x90\xc3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xe8\0\0\0\0", 21),
	   "bytes and padding");
	s = &headers(data)[find(data, ".bss")];
	ok(s->sh_type == SHT_NOBITS && s->sh_size == 24 && s->sh_addralign == 8, "a section without bytes");
	check_symbols(data);
	check_relocations(data);
	free(data);
	free(again);
	builder_free(b);
}

static void test_patch_and_find(void)
{
	struct builder *b = builder_new(EM_X86_64, 0);
	struct builder_section *first =
		builder_section(b, ".data", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, 1, 0);
	uint8_t *data;
	size_t size;

	builder_section(b, ".data", SHT_PROGBITS, SHF_ALLOC, 1, 0);
	ok(builder_find_section(b, ".data") == first, "the first section of a name is found");
	ok(!builder_find_section(b, ".nothing"), "a section that is not there");
	ok_number(builder_append(b, first, "abcdef", 6, 0), 0, "the first append is at 0");
	ok_number(builder_append(b, first, NULL, 3, 4), 8, "the second one is aligned");
	ok_number(builder_section_size(first), 11, "size so far");
	builder_patch(b, first, 2, "XY", 2);
	ok_number(builder_finish(b, &data, &size), 0, "finish");
	ok(!memcmp(data + headers(data)[1].sh_offset, "abXYef\0\0\0\0\0", 11), "patched bytes");
	free(data);
	builder_free(b);
}

static int misuse(int which)
{
	struct builder *b = builder_new(EM_X86_64, 0);
	struct builder_section *s =
		builder_section(b, ".x", which == 0 ? SHT_NOBITS : SHT_PROGBITS, SHF_ALLOC, 1, 0);
	uint8_t *data = NULL;
	size_t size;
	int err;

	builder_append(b, s, NULL, 8, 1);
	if (which == 0)
		builder_append(b, s, "x", 1, 1);
	if (which == 1)
		builder_patch(b, s, 7, "xy", 2);
	if (which == 2)
		builder_append(b, s, "x", 1, 3);
	if (which == 3)
		builder_reloc(b, builder_rela_section(b, ".r", s, 0), 0, 1, NULL, 0);
	err = builder_finish(b, &data, &size);
	free(data);
	builder_free(b);
	return err;
}

static void test_files(void)
{
	char dir[] = "/tmp/elf_builder.XXXXXX", path[64];
	struct builder *b = small();
	uint8_t *data, *read_back;
	struct stat st;
	size_t size;
	int fd;

	if (!mkdtemp(dir))
		return;
	snprintf(path, sizeof(path), "%s/out.o", dir);
	ok_number(builder_write(b, path), 0, "write");
	builder_finish(b, &data, &size);
	fd = open(path, O_RDONLY);
	ok(fd >= 0 && !fstat(fd, &st) && (size_t)st.st_size == size && (st.st_mode & 0777) == 0644,
	   "file's size and mode");
	read_back = malloc(size);
	ok(read(fd, read_back, size) == (ssize_t)size && !memcmp(data, read_back, size), "file's bytes");
	close(fd);
	unlink(path);
	snprintf(path, sizeof(path), "%s/missing/out.o", dir);
	ok_number(builder_write(b, path), -ENOENT, "no directory");
	ok_number(rmdir(dir), 0, "nothing is left behind");
	free(data);
	free(read_back);
	builder_free(b);
}

#define MANY 70000

/* One function a section, each calling the one before it. */
static uint8_t *many_sections(size_t *size)
{
	struct builder *b = builder_new(EM_X86_64, 0);
	struct builder_symbol *before = NULL;
	uint8_t *data = NULL;
	char name[32];

	for (int i = 0; i < MANY; i++) {
		struct builder_section *s;

		snprintf(name, sizeof(name), ".text.f%d", i);
		s = builder_section(b, name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 16, 0);
		builder_append(b, s, "\xe8\0\0\0\0\xc3", 6, 16);
		if (before)
			builder_reloc(b, s, 1, R_X86_64_PLT32, before, -4);
		before = builder_symbol(b, name + 6, STB_GLOBAL, STT_FUNC, s, 0, 0, 6);
	}
	builder_symbol(b, "absolute", STB_LOCAL, STT_NOTYPE, NULL, SHN_ABS, 42, 0);
	ok_number(builder_finish(b, &data, size), 0, "70,000 sections");
	builder_free(b);
	return data;
}

static void check_libelf(const uint8_t *data, size_t size)
{
	Elf *elf;
	Elf_Scn *scn = NULL;
	size_t n = 0, names = 0;
	GElf_Shdr h;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)(uintptr_t)data, size);
	ok(!elf_getshdrnum(elf, &n) && n == 2 * MANY - 1 + 5, "libelf counts the sections");
	ok(!elf_getshdrstrndx(elf, &names) && names == n - 1, "libelf finds the section names");
	scn = elf_getscn(elf, n - 4);
	ok(scn && gelf_getshdr(scn, &h) && h.sh_type == SHT_SYMTAB, "the symbol table");
	scn = elf_getscn(elf, n - 3);
	ok(scn && gelf_getshdr(scn, &h) && h.sh_type == SHT_SYMTAB_SHNDX && h.sh_link == n - 4,
	   "the table of extended section numbers");
	elf_end(elf);
}

static void test_many_sections(void)
{
	struct diags *diags = diags_new();
	const struct symbol *last = NULL, *absolute = NULL;
	struct object *o = NULL;
	struct timespec from, to;
	bool chain = true;
	size_t size;
	uint8_t *data = many_sections(&size);

	check_libelf(data, size);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ok_number(object_read("many.o", data, size, diags, &o), 0, "read");
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("# read in %.0f ms\n", (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6);
	ok(to.tv_sec - from.tv_sec < 5, "in a few seconds, sanitizers included");
	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct atom *a = &o->atoms[o->symbols[i].atom];

		if (!strcmp(o->symbols[i].name, "f69999"))
			last = &o->symbols[i];
		if (!strcmp(o->symbols[i].name, "absolute"))
			absolute = &o->symbols[i];
		if (a->section && a->n_refs == 1)
			chain &= atoi(o->atoms[o->refs[a->first_ref].target].name + 1) ==
				 atoi(a->name + 1) - 1;
		else if (a->section)
			chain &= !strcmp(a->name, "f0");
	}
	ok(last && !strcmp(o->sections[last->section].name, ".text.f69999"),
	   "a symbol in a section beyond 65,280");
	ok(absolute && absolute->section == SECTION_ABS && o->atoms[absolute->atom].kind == ATOM_ABS,
	   "an absolute symbol is not in the section of that number");
	ok(chain, "each function calls the one before it");
	ok(object_section(o, ".text.f69998") && object_section(o, ".text.f69998")->n_atoms == 1,
	   "lookup by name");
	object_free(o);
	diags_free(diags);
	free(data);
}

int main(void)
{
	test_contents();
	test_patch_and_find();
	ok_number(misuse(0), -EINVAL, "bytes for a section without bytes");
	ok_number(misuse(1), -EINVAL, "a patch beyond the end");
	ok_number(misuse(2), -EINVAL, "an alignment that is no power of two");
	ok_number(misuse(3), -EINVAL, "relocations of a relocation section");
	test_files();
	test_many_sections();
	return tap_done();
}
