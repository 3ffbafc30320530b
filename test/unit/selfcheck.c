// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the differ's self-check see damage? selfcheck ORIGINAL PATCHED: runs the passes on two objects,
 * then damages the result in one place after the other and lets pass_check() look at each: every byte
 * that an atom or the metadata has outside of relocated fields; every relocation in its type, symbol,
 * addend and place; every symbol in its value, size, binding and name; then it adds relocations and
 * sections that nobody meant; at last it has each reference lead elsewhere than it was decided. Only what is not damaged may pass.
 */
#include <elf.h>
#include <stdlib.h>

#include "create-diff-object/passes.h"
#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "test/unit/tap.h"

/* Names with "exported" in them are vmlinux's exports, those with "added" nowhere; all else is the third
 * of its name. */
static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	*out = (struct ksym){ .where = KSYM_OWNER, .object = "vmlinux", .sympos = 3 };
	if (strstr(name, "exported"))
		*out = (struct ksym){ .where = KSYM_VMLINUX_EXPORT, .object = "vmlinux" };
	else if (strstr(name, "added"))
		*out = (struct ksym){ .where = KSYM_ABSENT };
	return 0;
}

static const struct ksym_source source = { .find = find };

/* The output, as the file format has it. */
struct file {
	struct diff *d;
	Elf64_Shdr *sections;
	unsigned int n_sections;
	const char *names;
	Elf64_Shdr *symtab;
	unsigned long tried, passed;
};

static void open_file(struct file *f, struct diff *d)
{
	Elf64_Ehdr *h = (Elf64_Ehdr *)d->data;

	f->d = d;
	f->sections = (Elf64_Shdr *)(d->data + h->e_shoff);
	f->n_sections = h->e_shnum;
	f->names = (const char *)d->data + f->sections[h->e_shstrndx].sh_offset;
	for (unsigned int i = 0; i < f->n_sections; i++)
		if (f->sections[i].sh_type == SHT_SYMTAB)
			f->symtab = &f->sections[i];
}

static const char *section_name(const struct file *f, unsigned int i)
{
	return f->names + f->sections[i].sh_name;
}

static bool check_says_yes(struct diff *d)
{
	struct diff again = *d;
	int err;

	again.diags = diags_new();
	again.arena = arena_new();
	again.n_refused = 0;
	err = pass_check(&again);
	diags_free(again.diags);
	arena_free(again.arena);
	return !err;
}

/* The file is damaged now: it must be seen. */
static void expect_refusal(struct file *f, const char *what, const char *where, unsigned long n)
{
	f->tried++;
	if (!check_says_yes(f->d))
		return;
	if (f->passed++ < 20)
		printf("# not seen: %s of %s, %#lx\n", what, where, n);
}

static bool in_field(const struct file *f, unsigned int section, uint64_t at)
{
	for (unsigned int i = 0; i < f->n_sections; i++) {
		const Elf64_Shdr *s = &f->sections[i];
		const Elf64_Rela *r = (const Elf64_Rela *)(f->d->data + s->sh_offset);

		if (s->sh_type != SHT_RELA || s->sh_info != section)
			continue;
		for (size_t k = 0; k < s->sh_size / sizeof(*r); k++) {
			const struct arch *arch = f->d->arch;
			const struct reloc_type *t = arch_reloc(arch, ELF64_R_TYPE(r[k].r_info));

			if (at >= r[k].r_offset && at < r[k].r_offset + t->width &&
			    reloc_byte(t, arch->big_endian, at - r[k].r_offset) == 0xff)
				return true;
		}
	}
	return false;
}

static bool in_symbol(const struct file *f, unsigned int section, uint64_t at)
{
	const Elf64_Sym *s = (const Elf64_Sym *)(f->d->data + f->symtab->sh_offset);

	for (size_t i = 0; i < f->symtab->sh_size / sizeof(*s); i++)
		if (s[i].st_shndx == section && at >= s[i].st_value && at < s[i].st_value + s[i].st_size)
			return true;
	return false;
}

static void damage_bytes(struct file *f)
{
	for (unsigned int i = 1; i < f->n_sections; i++) {
		const Elf64_Shdr *s = &f->sections[i];
		bool text = s->sh_flags & SHF_EXECINSTR;

		if (s->sh_type != SHT_PROGBITS)
			continue;
		for (uint64_t at = 0; at < s->sh_size; at++) {
			if (in_field(f, i, at) || (text && !in_symbol(f, i, at)))
				continue;
			f->d->data[s->sh_offset + at] ^= 0x41;
			expect_refusal(f, "a byte", section_name(f, i), at);
			f->d->data[s->sh_offset + at] ^= 0x41;
		}
	}
}

static void damage_relocation(struct file *f, Elf64_Rela *r, const char *where)
{
	const Elf64_Rela was = *r;
	uint32_t symbol = ELF64_R_SYM(was.r_info), type = ELF64_R_TYPE(was.r_info);
	uint32_t n = f->symtab->sh_size / sizeof(Elf64_Sym);

	r->r_addend++;
	expect_refusal(f, "an addend", where, was.r_offset);
	*r = was;
	r->r_info = ELF64_R_INFO(symbol, type == R_X86_64_32S ? R_X86_64_32 : R_X86_64_32S);
	expect_refusal(f, "a type", where, was.r_offset);
	r->r_info = ELF64_R_INFO(symbol + 1 < n ? symbol + 1 : 1, type);
	expect_refusal(f, "a symbol", where, was.r_offset);
	*r = was;
	r->r_offset++;
	expect_refusal(f, "a place", where, was.r_offset);
	*r = was;
}

static void damage_relocations(struct file *f)
{
	for (unsigned int i = 1; i < f->n_sections; i++) {
		const Elf64_Shdr *s = &f->sections[i];
		Elf64_Rela *r = (Elf64_Rela *)(f->d->data + s->sh_offset);

		if (s->sh_type == SHT_RELA)
			for (size_t k = 0; k < s->sh_size / sizeof(*r); k++)
				damage_relocation(f, &r[k], section_name(f, s->sh_info));
	}
}

static void damage_symbol(struct file *f, Elf64_Sym *s)
{
	const Elf64_Sym was = *s;
	const char *name = (const char *)f->d->data + f->sections[f->symtab->sh_link].sh_offset + s->st_name;

	s->st_name++;
	expect_refusal(f, "the name", name, 0);
	*s = was;
	if (was.st_shndx == SHN_UNDEF) {
		s->st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE);
		if (ELF64_ST_BIND(was.st_info) == STB_WEAK)
			expect_refusal(f, "the binding", name, 0);
		*s = was;
		return;
	}
	s->st_value++;
	expect_refusal(f, "the value", name, 0);
	*s = was;
	s->st_size += s->st_size > 1 ? -1 : 8;
	expect_refusal(f, "the size", name, 0);
	*s = was;
	s->st_info = ELF64_ST_INFO(ELF64_ST_BIND(was.st_info), STT_NOTYPE);
	expect_refusal(f, "the type", name, 0);
	*s = was;
}

static void damage_symbols(struct file *f)
{
	Elf64_Sym *s = (Elf64_Sym *)(f->d->data + f->symtab->sh_offset);

	for (size_t i = 1; i < f->symtab->sh_size / sizeof(*s); i++) {
		unsigned int type = ELF64_ST_TYPE(s[i].st_info);

		if (type != STT_FILE && type != STT_SECTION)
			damage_symbol(f, &s[i]);
	}
}

/* Metadata cannot lose or gain an entry, and a replaced function cannot be left out. */
static void damage_sizes(struct file *f)
{
	for (unsigned int i = 1; i < f->n_sections; i++) {
		Elf64_Shdr *s = &f->sections[i];
		uint64_t was = s->sh_size, step = s->sh_type == SHT_RELA ? sizeof(Elf64_Rela) : 1;

		if (s->sh_type != SHT_PROGBITS && s->sh_type != SHT_RELA && s->sh_type != SHT_NOBITS)
			continue;
		s->sh_size -= was >= step ? step : 0;
		if (s->sh_size != was)
			expect_refusal(f, "the size", section_name(f, i), was);
		s->sh_size = was;
	}
}

static uint64_t free_field(const struct file *f, unsigned int section)
{
	for (uint64_t at = 0; at + 4 <= f->sections[section].sh_size; at++)
		if (!in_field(f, section, at) && !in_field(f, section, at + 3))
			return at;
	return UINT64_MAX;
}

/* Has @change make something of the output with @room more bytes, and puts it back afterwards. */
static void with_room(struct file *f, size_t room, const char *what, unsigned int section,
		      void (*change)(struct file *grown, size_t end, unsigned int section))
{
	struct diff *d = f->d;
	uint8_t *was = d->data;
	size_t size = d->size;
	struct file grown = { 0 };

	d->data = calloc(1, size + room);
	if (!d->data)
		abort();
	memcpy(d->data, was, size);
	d->size = size + room;
	open_file(&grown, d);
	change(&grown, size, section);
	expect_refusal(f, what, section_name(f, section), room);
	free(d->data);
	d->data = was;
	d->size = size;
}

static unsigned int undefined_symbol(const struct file *f)
{
	const Elf64_Sym *s = (const Elf64_Sym *)(f->d->data + f->symtab->sh_offset);
	unsigned int i = 1;

	while (s[i].st_shndx != SHN_UNDEF)
		i++;
	return i;
}

/*
 * A relocation that nobody meant, but one that the reader of objects takes: the table moves to the end
 * of the file, to have room for it.
 */
static void add_relocation(struct file *f, size_t end, unsigned int i)
{
	Elf64_Shdr *s = &f->sections[i];
	Elf64_Rela extra = { .r_offset = free_field(f, s->sh_info),
			     .r_info = ELF64_R_INFO(undefined_symbol(f), R_X86_64_32S) };

	memcpy(f->d->data + end, f->d->data + s->sh_offset, s->sh_size);
	memcpy(f->d->data + end + s->sh_size, &extra, sizeof(extra));
	s->sh_offset = end;
	s->sh_size += sizeof(extra);
}

/* A section that nobody meant, the like of another one. */
static void add_section(struct file *f, size_t end, unsigned int i)
{
	Elf64_Ehdr *h = (Elf64_Ehdr *)f->d->data;
	size_t size = f->n_sections * sizeof(*f->sections);

	memcpy(f->d->data + end, f->sections, size);
	memcpy(f->d->data + end + size, &f->sections[i], sizeof(*f->sections));
	h->e_shoff = end;
	h->e_shnum++;
}

static void damage_by_adding(struct file *f)
{
	for (unsigned int i = 1; i < f->n_sections; i++) {
		const Elf64_Shdr *s = &f->sections[i];

		if (s->sh_type == SHT_RELA && free_field(f, s->sh_info) != UINT64_MAX)
			with_room(f, s->sh_size + sizeof(Elf64_Rela), "one more relocation", i,
				  add_relocation);
		if (s->sh_type == SHT_PROGBITS || s->sh_type == SHT_NOBITS)
			with_room(f, (f->n_sections + 1) * sizeof(*s), "one more section", i, add_section);
	}
}

/* Not what the self-check is for, but nobody else gives a symbol a position. */
static bool has_symbol(struct diff *d, const char *name)
{
	struct file f = { 0 };
	const Elf64_Sym *s;
	bool found = false;

	open_file(&f, d);
	s = (const Elf64_Sym *)(d->data + f.symtab->sh_offset);
	for (size_t i = 1; i < f.symtab->sh_size / sizeof(*s) && !found; i++)
		found = !strcmp((const char *)d->data + f.sections[f.symtab->sh_link].sh_offset +
					s[i].st_name,
				name);
	return found;
}

static void damage_all(struct diff *d)
{
	static const struct {
		const char *what;
		void (*damage)(struct file *f);
	} kinds[] = {
		{ "bytes", damage_bytes },	   { "relocations", damage_relocations },
		{ "symbols", damage_symbols },	   { "section sizes", damage_sizes },
		{ "additions", damage_by_adding },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct file f = { 0 };

		open_file(&f, d);
		kinds[i].damage(&f);
		ok(f.tried > 4 && !f.passed, "damaged %s: %lu tried, %lu not seen", kinds[i].what, f.tried,
		   f.passed);
	}
}

/* A route that is not what another look at the reference says. */
static void damage_routes(struct diff *d)
{
	unsigned long tried = 0, passed = 0;

	for (uint32_t i = 0; i < d->n_included; i++) {
		const struct atom *a = &d->new.object->atoms[d->order[i]];

		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++) {
			const struct routing *was = d->routes[k];
			struct routing other = *was;

			/* a callback's is none of the output's, and a short one is a distance there */
			if (d->new.role[a->id] == ROLE_CALLBACK || is_short(&d->new.object->refs[k]))
				continue;
			other.route = was->route == ROUTE_PATCH ? ROUTE_IMPORT : ROUTE_PATCH;
			d->routes[k] = &other;
			tried++;
			passed += check_says_yes(d);
			d->routes[k] = was;
		}
	}
	ok(tried > 4 && !passed, "damaged routes: %lu tried, %lu not seen", tried, passed);
}

int main(int argc, char **argv)
{
	struct diff_input input = { .name = "selfcheck", .owner = "vmlinux", .ksyms = &source };
	struct diff d = { .input = &input, .arena = arena_new(), .diags = diags_new() };

	if (argc != 3 || object_open(argv[1], d.diags, &input.original) ||
	    object_open(argv[2], d.diags, &input.patched) || diff_decide(&d) || pass_emit(&d)) {
		for (size_t i = 0; i < diags_count(d.diags); i++)
			diag_print(stderr, diags_get(d.diags, i));
		return 2;
	}
	ok(d.data && check_says_yes(&d), "the output as it was written");
	ok(d.data && has_symbol(&d, ".klp.ref.vmlinux.vmlinux.counter,3"),
	   "a klp reference has its position");
	if (d.data) {
		damage_all(&d);
		damage_routes(&d);
	}
	free(d.data);
	object_free(input.patched);
	object_free(input.original);
	arena_free(d.arena);
	diags_free(d.diags);
	return tap_done();
}
