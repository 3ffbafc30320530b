// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pass 6: reads the object that was just written and compares it with what was meant, without
 * using anything that emit.c noted while it wrote. A difference is a bug of this program; it is
 * reported as such and nothing is handed out.
 *
 * An included atom with a name must be there once, with its size and its bytes outside of
 * references. Atoms without a name are found in the order of their section. Each reference must be
 * where it was, of its type, and lead to the same byte of the same atom, or to the undefined symbol
 * that its routing demands. Metadata must name every replaced function and nothing else.
 */
#include "create-diff-object/passes.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/arch.h"
#include "kmod/kpatch-abi.h"
#include "lib/util/strmap.h"

/* Longest names that fit the kernel's KSYM_NAME_LEN and MODULE_NAME_LEN with their NUL. */
#define KSYM_NAME_MAX 511
#define OBJECT_NAME_MAX 55

struct check {
	struct diff *d;
	struct object *out;
	struct strmap *sections; /* section_key() → section of the output */
	uint32_t *out_index;	/* by section of the patched object: section of the output, or 0 */
	uint32_t *copy;		/* by patched atom: section of the output */
	uint64_t *at;		/* by patched atom: offset in that section */
	uint32_t problems;
};

__attribute__((format(printf, 3, 4)))
static void problem(struct check *c, uint32_t atom, const char *what, ...)
{
	va_list ap;
	char *text;

	va_start(ap, what);
	text = arena_vprintf(c->d->arena, what, ap);
	va_end(ap);
	if (c->problems++ < 10)
		diff_refuse(c->d, "self-check-failed", &c->d->new, atom, -1,
			    "Please report this as a bug of create-diff-object", "%s",
			    text ? text : "no memory");
}

/* Where each atom is in the output */

static int index_sections(struct check *c)
{
	c->sections = strmap_new(c->out->n_sections);
	for (uint32_t i = 1; c->sections && i < c->out->n_sections; i++) {
		const char *key = section_key(c->d->arena, &c->out->sections[i]);

		if (!key || (!strmap_get(c->sections, key) &&
			     strmap_set(c->sections, key, (union strmap_value){ .num = i })))
			return -ENOMEM;
	}
	return c->sections ? 0 : -ENOMEM;
}

static const struct section *out_section(struct check *c, const struct section *s)
{
	if (!c->out_index[s->index]) {
		const char *key = section_key(c->d->arena, s);
		const union strmap_value *v = key ? strmap_get(c->sections, key) : NULL;

		c->out_index[s->index] = v ? (uint32_t)v->num : 0;
	}
	return c->out_index[s->index] ? &c->out->sections[c->out_index[s->index]] : NULL;
}

static uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) / align * align;
}

/*
 * The offset at which the next atom of a section must be: behind the one before, at an alignment
 * that was promised to it. Symbols prove it for all that have one.
 */
static uint64_t expected(const struct atom *a, uint64_t end)
{
	uint64_t align = a->section->align ? a->section->align : 1, low = a->offset & -a->offset;

	if (a->kind == ATOM_ENTRY && a->section->special && a->section->special->cut != CUT_BY_SYMBOL)
		return end;
	return align_up(end, low && low < align ? low : align);
}

static bool carried(const struct diff *d, uint32_t i)
{
	return d->included[i].in && d->new.role[i] != ROLE_CALLBACK;
}

/* Sections of one name and kind are one section in the output. */
static void locate(struct check *c)
{
	const struct object *o = c->d->new.object;
	uint64_t *end = arena_array(c->d->arena, c->out->n_sections, sizeof(*end));
	bool *ours = arena_array(c->d->arena, c->out->n_sections, sizeof(*ours));

	if (!end || !ours) {
		problem(c, NO_ATOM, "no memory");
		return;
	}
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		const struct atom *a = &o->atoms[i];
		const struct section *out;

		if (!carried(c->d, i))
			continue;
		out = out_section(c, a->section);
		if (!out) {
			problem(c, i, "section %s is missing", a->section->name);
			continue;
		}
		c->copy[i] = out->index;
		c->at[i] = expected(a, end[out->index]);
		end[out->index] = c->at[i] + a->size;
		ours[out->index] = true;
	}
	for (uint32_t i = 1; i < c->out->n_sections; i++)
		if (ours[i] && end[i] != c->out->sections[i].size)
			problem(c, NO_ATOM, "section %s has %" PRIu64 " bytes, not %" PRIu64,
				c->out->sections[i].name, c->out->sections[i].size, end[i]);
}

static const char *symbol_key(struct check *c, const char *name, uint32_t section, uint64_t value)
{
	return arena_printf(c->d->arena, "%s@%u+%" PRIx64, name, section, value);
}

static void check_symbol(struct check *c, uint32_t i, const struct strmap *named)
{
	const struct atom *a = new_atom(c->d, i);
	const char *key = symbol_key(c, a->name, c->copy[i], c->at[i] + a->entry);
	const union strmap_value *v = key ? strmap_get(named, key) : NULL;
	const struct symbol *s = v ? &c->out->symbols[v->num] : NULL;

	if (!s || s->size != a->symbol->size || s->type != a->symbol->type)
		problem(c, i, "its symbol does not lead to it");
	else if (c->d->pairs.twin[i] != NO_ATOM && s->bind != STB_LOCAL)
		problem(c, i, "its symbol would hide the original");
}

static void check_symbols(struct check *c)
{
	struct strmap *named = strmap_new(c->out->n_symbols);
	bool ok = named != NULL;

	for (uint32_t i = 1; ok && i < c->out->n_symbols; i++) {
		const struct symbol *s = &c->out->symbols[i];
		const char *key = symbol_key(c, s->name, s->section, s->value);

		ok = key && !strmap_set(named, key, (union strmap_value){ .num = i });
	}
	if (!ok)
		problem(c, NO_ATOM, "no memory");
	for (uint32_t i = 0; ok && i < c->d->new.object->n_atoms; i++)
		if (carried(c->d, i) && new_atom(c->d, i)->symbol &&
		    strncmp(new_atom(c->d, i)->name, ".L", 2))
			check_symbol(c, i, named);
	strmap_free(named);
}

/* Bytes */

static bool in_field(const struct object *o, const struct atom *a, uint64_t at)
{
	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++)
		if (at >= o->refs[i].offset && at < o->refs[i].offset + (uint64_t)o->refs[i].width)
			return true;
	return false;
}

static bool constant_site(const struct diff *d, uint32_t atom, uint64_t at)
{
	for (uint32_t i = 0; i < d->n_constants; i++)
		if (d->constants[i].function == atom && at >= d->constants[i].offset &&
		    at < d->constants[i].offset + d->constants[i].size)
			return true;
	return false;
}

static void check_bytes(struct check *c, uint32_t i)
{
	const struct atom *a = new_atom(c->d, i);
	const struct section *s = &c->out->sections[c->copy[i]];
	const uint8_t *want = atom_bytes(a), *have = s->data;

	if (!want || !a->size) {
		if (want || !have || !a->size)
			return;
		problem(c, i, "it has bytes where it had none");
		return;
	}
	if (!have || c->at[i] + a->size > s->size) {
		problem(c, i, "its bytes are missing");
		return;
	}
	have += c->at[i];
	for (uint64_t k = 0; k < a->size; k++)
		if (have[k] != want[k] && !in_field(c->d->new.object, a, k) &&
		    !constant_site(c->d, i, k)) {
			problem(c, i, "its byte at +0x%" PRIx64 " differs", k);
			return;
		}
}

/* References */

/* The raw relocations of a section, sorted by offset. */
struct relocs {
	const Elf64_Rela *list;
	size_t n;
};

static int rela_compare(const void *a, const void *b)
{
	const Elf64_Rela *x = a, *y = b;

	if (x->r_offset != y->r_offset)
		return x->r_offset < y->r_offset ? -1 : 1;
	/* one that does nothing may be where another is */
	return (ELF64_R_TYPE(x->r_info) == R_X86_64_NONE) - (ELF64_R_TYPE(y->r_info) == R_X86_64_NONE);
}

static struct relocs sorted_relocs(struct check *c, const struct section *s)
{
	const struct section *r = s->rela ? &c->out->sections[s->rela] : NULL;
	struct relocs out = { 0 };
	Elf64_Rela *list;

	if (!r || !r->data)
		return out;
	list = arena_memdup(c->d->arena, r->data, r->size);
	if (!list)
		return out;
	out.n = r->size / sizeof(*list);
	qsort(list, out.n, sizeof(*list), rela_compare);
	out.list = list;
	return out;
}

static const Elf64_Rela *reloc_at(const struct relocs *r, uint64_t offset, uint32_t type)
{
	const Elf64_Rela key = { .r_offset = offset, .r_info = ELF64_R_INFO(0, type) };

	return r->n ? bsearch(&key, r->list, r->n, sizeof(key), rela_compare) : NULL;
}

static void check_outside(struct check *c, uint32_t i, const struct ref *r,
			  const struct routing *route, const struct symbol *s, int64_t addend)
{
	const char *name = route->route == ROUTE_KLP ? klp_ref_name(c->d->arena, route) : route->name;
	int64_t want = r->addend - (int64_t)new_atom(c->d, r->target)->entry + r->bias;

	if (route->route == ROUTE_OFF)
		want &= JUMP_LABEL_FLAGS;
	if (s->section != SHN_UNDEF || !name || strcmp(s->name, name))
		problem(c, i, "its reference at +0x%x leads to %s instead of %s", r->offset, s->name,
			name ? name : "?");
	else if (route->route == ROUTE_KLP && s->bind != STB_WEAK)
		problem(c, i, "the symbol %s is not weak", s->name);
	else if (addend != want)
		problem(c, i, "the addend of its reference at +0x%x differs", r->offset);
}

/* A branch of one byte has no relocation: its byte is the distance. */
static void check_short(struct check *c, uint32_t i, const struct ref *r)
{
	const struct section *s = &c->out->sections[c->copy[i]];
	uint64_t at = c->at[i] + r->offset;

	if (!carried(c->d, r->target) || c->copy[r->target] != s->index ||
	    (int64_t)at + (int8_t)s->data[at] - r->bias != (int64_t)c->at[r->target] + r->addend)
		problem(c, i, "its branch at +0x%x leads elsewhere", r->offset);
}

static void check_ref(struct check *c, uint32_t i, const struct ref *r, const struct relocs *relocs)
{
	const Elf64_Rela *rela = reloc_at(relocs, c->at[i] + r->offset, r->type);
	struct routing route = diff_classify(c->d, i, r);
	const struct symbol *s;

	if (!rela || ELF64_R_TYPE(rela->r_info) != r->type) {
		problem(c, i, "its reference at +0x%x is missing or of another type", r->offset);
		return;
	}
	s = &c->out->symbols[ELF64_R_SYM(rela->r_info)];
	if (route.route != ROUTE_PATCH)
		check_outside(c, i, r, &route, s, rela->r_addend);
	else if (!carried(c->d, r->target) || s->section != c->copy[r->target] ||
		 (int64_t)s->value + rela->r_addend - r->bias !=
			 (int64_t)c->at[r->target] + r->addend)
		problem(c, i, "its reference at +0x%x leads elsewhere", r->offset);
}

/* A load of a variable: the immediate's instruction made anew, but for its operand. */
static void check_constant(struct check *c, const struct constant *k, const struct relocs *relocs)
{
	const struct atom *a = new_atom(c->d, k->function);
	uint64_t at = c->at[k->function] + k->offset;
	const Elf64_Rela *rela = reloc_at(relocs, at + k->field, c->d->arch->operand_type);
	const struct routing *v = &k->variable;
	const char *name = v->route == ROUTE_KLP ? klp_ref_name(c->d->arena, v) : v->name;
	uint8_t code[sizeof(k->code)];
	uint32_t field;
	int64_t addend;

	memcpy(code, atom_bytes(a) + k->offset, k->size);
	if (c->d->arch->load_variable(code, k->size, &field, &addend) != k->size || !name || !rela ||
	    memcmp(code, c->out->sections[c->copy[k->function]].data + at, k->size) ||
	    field != k->field || rela->r_addend != addend ||
	    ELF64_R_TYPE(rela->r_info) != c->d->arch->operand_type ||
	    strcmp(c->out->symbols[ELF64_R_SYM(rela->r_info)].name, name))
		problem(c, k->function, "its load of %s at +0x%" PRIx64 " is wrong", v->name, k->offset);
}

static void check_constants(struct check *c, const struct relocs *relocs, size_t *refs)
{
	for (uint32_t i = 0; i < c->d->n_constants; i++) {
		const struct constant *k = &c->d->constants[i];
		uint32_t s = c->copy[k->function];

		refs[s]++;
		check_constant(c, k, &relocs[s]);
	}
}

static void check_atoms(struct check *c)
{
	const struct object *o = c->d->new.object;
	struct relocs *relocs = arena_array(c->d->arena, c->out->n_sections, sizeof(*relocs));
	size_t *refs = arena_array(c->d->arena, c->out->n_sections, sizeof(*refs));

	if (!relocs || !refs) {
		problem(c, NO_ATOM, "no memory");
		return;
	}
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		uint32_t s = c->copy[i];

		if (!carried(c->d, i))
			continue;
		if (!relocs[s].list)
			relocs[s] = sorted_relocs(c, &c->out->sections[s]);
		check_bytes(c, i);
		for (uint32_t k = 0; k < o->atoms[i].n_refs; k++) {
			const struct ref *r = &o->refs[o->atoms[i].first_ref + k];

			refs[s] += !is_short(r);
			if (is_short(r))
				check_short(c, i, r);
			else
				check_ref(c, i, r, &relocs[s]);
		}
	}
	check_constants(c, relocs, refs);
	for (uint32_t s = 1; s < c->out->n_sections; s++)
		if (refs[s] != relocs[s].n)
			problem(c, NO_ATOM, "section %s has %zu relocations, not %zu",
				c->out->sections[s].name, relocs[s].n, refs[s]);
}

/* Names of klp references */

static bool well_formed(const char *name)
{
	const char *p = name + strlen(KPATCH_REF_PREFIX), *dot, *comma = strrchr(name, ',');

	for (int i = 0; i < 2; i++) {
		dot = strchr(p, '.');
		if (!dot || dot == p || dot - p > OBJECT_NAME_MAX)
			return false;
		p = dot + 1;
	}
	return comma && comma > p && comma - p <= KSYM_NAME_MAX && comma[1] >= '0' && comma[1] <= '9' &&
	       strspn(comma + 1, "0123456789") == strlen(comma + 1);
}

static void check_names(struct check *c)
{
	for (uint32_t i = 1; i < c->out->n_symbols; i++) {
		const struct symbol *s = &c->out->symbols[i];

		if (s->section == SHN_UNDEF &&
		    !strncmp(s->name, KPATCH_REF_PREFIX, strlen(KPATCH_REF_PREFIX)) &&
		    !well_formed(s->name))
			problem(c, NO_ATOM, "the kernel could not parse the name %s", s->name);
	}
}

/* Metadata */

/* The relocation of a pointer, or NULL. */
static const Elf64_Rela *pointer_at(const struct check *c, const struct relocs *r, uint64_t at)
{
	const Elf64_Rela *rela = reloc_at(r, at, c->d->arch->pointer_type);

	return rela && ELF64_R_TYPE(rela->r_info) == c->d->arch->pointer_type ? rela : NULL;
}

static const char *pointed_string(const struct check *c, const struct relocs *r, uint64_t at)
{
	const Elf64_Rela *rela = pointer_at(c, r, at);
	const struct symbol *s = rela ? &c->out->symbols[ELF64_R_SYM(rela->r_info)] : NULL;
	const struct section *strings;
	uint64_t offset;

	if (!s || s->section == SHN_UNDEF || s->section >= c->out->n_sections)
		return NULL;
	strings = &c->out->sections[s->section];
	offset = s->value + (uint64_t)rela->r_addend;
	if (!strings->data || offset >= strings->size ||
	    strings->data[strings->size - 1] ||
	    strcmp(strings->name, KPATCH_DISCARD_PREFIX KPATCH_STRINGS_SECTION))
		return NULL;
	return (const char *)strings->data + offset;
}

static bool points_to(const struct check *c, const struct relocs *r, uint64_t at, uint32_t function)
{
	const Elf64_Rela *rela = pointer_at(c, r, at);
	const struct symbol *s = rela ? &c->out->symbols[ELF64_R_SYM(rela->r_info)] : NULL;

	return s && s->section == c->copy[function] &&
	       s->value + (uint64_t)rela->r_addend ==
		       c->at[function] + new_atom(c->d, function)->entry;
}

static void check_func(struct check *c, const struct section *s, const struct relocs *r, uint64_t at,
		       uint32_t f)
{
	const char *name = pointed_string(c, r, at + offsetof(struct kpatch_func, old_name));
	const char *object = pointed_string(c, r, at + offsetof(struct kpatch_func, object));
	struct kpatch_func func;

	memcpy(&func, s->data + at, sizeof(func));
	if (func.abi_version != KPATCH_ABI_VERSION ||
	    func.sympos != lookup_atom(c->d, f)->ksym.sympos || !name || !object ||
	    strcmp(name, orig_atom(c->d, c->d->pairs.twin[f])->symbol->name) ||
	    strcmp(object, c->d->input->owner) ||
	    !points_to(c, r, at + offsetof(struct kpatch_func, new_func), f))
		problem(c, f, "its metadata is wrong");
}

static void check_callback(struct check *c, const struct section *s, const struct relocs *r,
			   uint64_t at, const struct callback *want)
{
	const char *object = pointed_string(c, r, at + offsetof(struct kpatch_callback, object));
	struct kpatch_callback cb;

	memcpy(&cb, s->data + at, sizeof(cb));
	if (cb.abi_version != KPATCH_ABI_VERSION || cb.kind != want->kind || !object ||
	    strcmp(object, c->d->input->owner) ||
	    !points_to(c, r, at + offsetof(struct kpatch_callback, function), want->function))
		problem(c, want->function, "its metadata as a callback is wrong");
}

static void check_metadata(struct check *c)
{
	const struct diff *d = c->d;
	const struct section *funcs = object_section(c->out, KPATCH_DISCARD_PREFIX KPATCH_FUNCS_SECTION);
	const struct section *cbs =
		object_section(c->out, KPATCH_DISCARD_PREFIX KPATCH_CALLBACKS_SECTION);
	uint64_t at = 0;

	if ((funcs ? funcs->size : 0) != d->n_replaced * sizeof(struct kpatch_func) ||
	    (cbs ? cbs->size : 0) != d->n_callbacks * sizeof(struct kpatch_callback)) {
		problem(c, NO_ATOM, "the metadata is incomplete");
		return;
	}
	if (funcs) {
		struct relocs r = sorted_relocs(c, funcs);

		for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
			if (d->replaced[i]) {
				check_func(c, funcs, &r, at, i);
				at += sizeof(struct kpatch_func);
			}
	}
	if (cbs) {
		struct relocs r = sorted_relocs(c, cbs);

		for (uint32_t i = 0; i < d->n_callbacks; i++)
			check_callback(c, cbs, &r, i * sizeof(struct kpatch_callback), &d->callbacks[i]);
	}
}

int pass_check(struct diff *d)
{
	struct check c = { .d = d };
	int err;

	if (!d->data)
		return 0;
	c.out_index = arena_array(d->arena, d->new.object->n_sections, sizeof(*c.out_index));
	c.copy = arena_array(d->arena, d->new.object->n_atoms, sizeof(*c.copy));
	c.at = arena_array(d->arena, d->new.object->n_atoms, sizeof(*c.at));
	if (!c.out_index || !c.copy || !c.at)
		return -ENOMEM;
	err = object_read(d->input->name, d->data, d->size, d->diags, &c.out);
	if (err)
		return err == -ENOMEM ? err : -EINVAL;
	if (index_sections(&c))
		problem(&c, NO_ATOM, "no memory");
	else
		locate(&c);
	if (!c.problems) {
		check_symbols(&c);
		check_atoms(&c);
		check_names(&c);
		check_metadata(&c);
	}
	strmap_free(c.sections);
	object_free(c.out);
	return c.problems ? -EINVAL : 0;
}
