// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that do not return, for objtool. It follows the code of every function, and takes a call for the
 * end of a path if it sees that the called function has no way back, or knows its name. What a patch
 * calls in the kernel is undefined in the module: of skb_over_panic(), a static function, objtool can know
 * neither, and would walk on from the call into whatever comes next.
 *
 * The objects of the build tell: a function that they define is looked at, and of another one a call that
 * is the last instruction of a function says that the compiler knew. While objtool runs, such calls go
 * to panic(), a name that it knows in all kernels; then they go back to where they belong. Nothing that
 * objtool writes depends on which of the functions without return it was.
 *
 * Reads units and their diffs; changes relocations of an elf_edit, and changes them back.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/link/link.h"
#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"

/* Declared noreturn in every kernel, and in every objtool's list. */
#define STAND_IN "panic"

/* A function's code on its way through the decoder. */
struct code {
	const struct object *o;
	const struct atom *a;
	const struct arch *arch;
	_Alignas(16) unsigned char decoder[DECODER_STATE];
	uint64_t at; /* of the instruction, in the atom */
	uint32_t ref;
	struct insn insn;
};

static bool code_start(struct code *c, const struct object *o, const struct atom *a)
{
	c->o = o;
	c->a = a;
	c->arch = o->arch;
	c->at = a->entry;
	c->ref = a->first_ref;
	c->insn = (struct insn){ .length = 0 };
	if (c->arch)
		c->arch->decode_init(c->decoder);
	return c->arch && a->kind == ATOM_FUNC && atom_bytes(a);
}

static bool code_next(struct code *c)
{
	c->at += c->insn.length;
	if (c->at >= c->a->size)
		return false;
	c->arch->decode(c->decoder, atom_bytes(c->a) + c->at, c->a->size - c->at, &c->insn);
	return true;
}

/* Where the field of the instruction leads to; NULL: no further than the atom. */
static const struct atom *code_target(struct code *c)
{
	const struct ref *refs = c->o->refs;
	uint32_t end = c->a->first_ref + c->a->n_refs;

	while (c->ref < end && refs[c->ref].offset < c->at)
		c->ref++;
	for (uint32_t i = c->ref; i < end && refs[i].offset < c->at + c->insn.length; i++)
		if (refs[i].offset == c->at + c->insn.field && refs[i].target != NO_ATOM)
			return &c->o->atoms[refs[i].target];
	return NULL;
}

/* A function and the parts that the compiler split off it. */
static bool is_of(const struct atom *part, const struct atom *f)
{
	return part == f || part->parent == f->id;
}

/* Whether the code of @part has a way out of @f: a return, or a jump to something else. */
static bool has_way_out(const struct object *o, const struct atom *f, const struct atom *part)
{
	struct code c;

	if (!code_start(&c, o, part))
		return true;
	while (code_next(&c)) {
		bool jumps = c.insn.flow == FLOW_BRANCH || c.insn.flow == FLOW_JUMP;
		const struct atom *to = jumps ? code_target(&c) : NULL;

		if (!c.insn.valid || c.insn.flow == FLOW_AWAY || (to && !is_of(to, f)))
			return true;
	}
	return false;
}

static bool returns(const struct object *o, const struct atom *f)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (is_of(&o->atoms[i], f) && has_way_out(o, f, &o->atoms[i]))
			return true;
	return false;
}

/* The function that @o defines by that name, or NULL. */
static const struct atom *definition(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (o->atoms[i].kind == ATOM_FUNC && o->atoms[i].symbol &&
		    !strcmp(o->atoms[i].symbol->name, name))
			return &o->atoms[i];
	return NULL;
}

/* Adds what @o calls last in some function. */
static void add_last_calls(const struct object *o, struct strmap *last)
{
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *to = NULL;
		struct code c;

		if (!code_start(&c, o, &o->atoms[i]))
			continue;
		while (code_next(&c))
			if (c.insn.flow == FLOW_CALL && c.at + c.insn.length == c.a->size)
				to = code_target(&c);
		if (to && to->symbol)
			strmap_set(last, to->symbol->name, (union strmap_value){ .num = 1 });
	}
}

static bool never_returns(const struct unit *u, const struct strmap *last, const char *name)
{
	const struct atom *f = definition(u->original_object, name);

	return f ? !returns(u->original_object, f) : strmap_get(last, name) != NULL;
}

/* Adds what the diff of @u refers to: a klp reference by all of its name, which means one function only. */
static int add_unit(struct build *b, const struct unit *u, struct noreturn *calls)
{
	struct strmap *last = strmap_new(64);
	struct elf_edit *f;
	int ret = elf_edit_read(u->diff, b->arena, b->diags, &f);

	if (!ret) {
		add_last_calls(u->original_object, last);
		add_last_calls(u->patched_object, last);
	}
	for (uint32_t i = 1; !ret && i < f->n_symbols; i++) {
		const char *symbol = f->symbols[i].name;
		struct klp_ref ref = { .name = symbol };

		if (!elf_edit_undefined(&f->symbols[i]))
			continue;
		klp_ref_parse(b->arena, symbol, &ref);
		if (never_returns(u, last, ref.name))
			strmap_set(calls->names, symbol, (union strmap_value){ .num = 1 });
	}
	strmap_free(last);
	return ret;
}

int noreturn_find(struct build *b, struct noreturn *calls)
{
	int ret = 0;

	calls->n = 0;
	calls->names = strmap_new(16);
	calls->places = strmap_new(16);
	for (size_t i = 0; !ret && i < b->n_units; i++)
		if (b->units[i].diff)
			ret = add_unit(b, &b->units[i], calls);
	return ret;
}

void noreturn_free(struct noreturn *calls)
{
	strmap_free(calls->names);
	strmap_free(calls->places);
}

static bool is_call(const struct elf_edit *f, const struct elf_edit_section *s, const Elf64_Rela *rela)
{
	const struct reloc_type *type = arch_reloc(f->arch, ELF64_R_TYPE(rela->r_info));
	struct code_field field = { .code = s->data, .size = s->size };

	if (!type || !(s->flags & SHF_EXECINSTR) || !s->data || rela->r_offset > s->size)
		return false;
	field.offset = (uint32_t)rela->r_offset;
	field.width = type->width;
	field.pc_relative = type->pc_relative;
	return f->arch->is_call(&field);
}

/*
 * A place that objtool leaves as it is. Section numbers may change, and two sections have one name where new functions stand apart
 * from those that replace others: which of them counts.
 */
static const char *place_name(struct elf_edit *f, const struct elf_edit_section *s, const Elf64_Rela *rela)
{
	unsigned int which = 0;

	for (const struct elf_edit_section *other = f->sections + 1; other < s; other++)
		which += !strcmp(other->name, s->name);
	return arena_printf(f->arena, "%s %u %#llx", s->name, which, (unsigned long long)rela->r_offset);
}

/* The undefined symbol of that name, or 0. */
static uint32_t undefined_symbol(const struct elf_edit *f, const char *name)
{
	for (uint32_t i = 1; i < f->n_symbols; i++)
		if (elf_edit_undefined(&f->symbols[i]) && !f->symbols[i].removed &&
		    !strcmp(f->symbols[i].name, name))
			return i;
	return 0;
}

/* Has @change look at every relocation of a call. */
static int for_calls(struct elf_edit *f, struct noreturn *calls,
		     int (*change)(struct elf_edit *f, const struct elf_edit_section *s, Elf64_Rela *rela,
				   struct noreturn *calls))
{
	int ret = 0;

	for (uint32_t i = 1; i < f->n_sections; i++) {
		size_t n = 0;
		Elf64_Rela *rela = f->sections[i].type == SHT_RELA ? elf_edit_relas(f, i, &n) : NULL;

		for (size_t k = 0; !ret && k < n; k++)
			if (is_call(f, &f->sections[f->sections[i].info], &rela[k]))
				ret = change(f, &f->sections[f->sections[i].info], &rela[k], calls);
	}
	return ret;
}

static int hide(struct elf_edit *f, const struct elf_edit_section *s, Elf64_Rela *rela,
		struct noreturn *calls)
{
	const char *name = f->symbols[ELF64_R_SYM(rela->r_info)].name, *place;
	uint32_t stand_in;

	if (!elf_edit_undefined(&f->symbols[ELF64_R_SYM(rela->r_info)]) || !strcmp(name, STAND_IN) ||
	    !strmap_get(calls->names, name))
		return 0;
	place = place_name(f, s, rela);
	strmap_set(calls->places, place, (union strmap_value){ .cptr = name });
	stand_in = undefined_symbol(f, STAND_IN);
	if (!stand_in)
		stand_in = elf_edit_add_symbol(f, &(struct elf_edit_symbol){ .name = STAND_IN,
									     .bind = STB_GLOBAL });
	rela->r_info = ELF64_R_INFO((uint64_t)stand_in, ELF64_R_TYPE(rela->r_info));
	calls->n++;
	return 0;
}

int noreturn_hide(struct elf_edit *f, struct noreturn *calls)
{
	return for_calls(f, calls, hide);
}

static int restore(struct elf_edit *f, const struct elf_edit_section *s, Elf64_Rela *rela,
		   struct noreturn *calls)
{
	const char *place = place_name(f, s, rela);
	const union strmap_value *was = strmap_get(calls->places, place);
	uint32_t symbol = was ? undefined_symbol(f, was->cptr) : 0;

	if (!was)
		return 0;
	if (!symbol || strcmp(f->symbols[ELF64_R_SYM(rela->r_info)].name, STAND_IN))
		return -EBADMSG;
	rela->r_info = ELF64_R_INFO((uint64_t)symbol, ELF64_R_TYPE(rela->r_info));
	calls->n--;
	return 0;
}

/* The stand-in, if nothing refers to it any more. */
static void drop_stand_in(struct elf_edit *f)
{
	uint32_t symbol = undefined_symbol(f, STAND_IN);

	for (uint32_t i = 1; symbol && i < f->n_sections; i++) {
		size_t n = 0;
		Elf64_Rela *rela = f->sections[i].type == SHT_RELA ? elf_edit_relas(f, i, &n) : NULL;

		for (size_t k = 0; k < n; k++)
			if (ELF64_R_SYM(rela[k].r_info) == symbol)
				return;
	}
	if (symbol)
		f->symbols[symbol].removed = true;
}

int noreturn_restore(struct elf_edit *f, struct noreturn *calls)
{
	int ret = for_calls(f, calls, restore);

	if (!ret && calls->n)
		ret = -EBADMSG;
	if (!ret)
		drop_stand_in(f);
	return ret;
}
