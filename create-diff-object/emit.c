// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the included atoms, their references and the metadata into a new object. Sections
 * keep their names, so that the link stage can sort them; entries keep their order. What a klp
 * reference looks like until the module is finished is in kmod/kpatch-abi.h.
 */
#include "create-diff-object/indirect.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "lib/arch/arch.h"
#include "lib/elf/write/builder.h"
#include "lib/klp/names.h"
#include "lib/util/strmap.h"

struct emit {
	struct diff *d;
	struct builder *b;
	struct builder_section **sections; /* by section index of the patched object */
	struct builder_symbol **symbols;   /* by symbol index of the patched object */
	uint64_t *where;		   /* by atom: offset in its output section */
	struct strmap *undefined;	   /* name → builder_symbol */
	struct strmap *merged;		   /* name and kind of a section → builder_section */
	struct outlets outlets;
};

/* Sections and atoms */

const char *section_key(struct arena *arena, const struct section *s)
{
	return arena_printf(arena, "%s|%x|%llx", s->name, s->type,
			    (unsigned long long)(s->flags & KEPT_FLAGS));
}

static struct builder_section *new_section(struct emit *e, const struct section *s)
{
	return builder_section(e->b, s->name, s->type, s->flags & KEPT_FLAGS,
			       s->kind == SECTION_SPECIAL ? s->align : 1, 0);
}

static struct builder_section *out_section(struct emit *e, const struct section *s)
{
	struct section out;
	const char *key;
	union strmap_value *v;

	if (e->sections[s->index])
		return e->sections[s->index];
	out = indirect_section(e->d, s);
	key = section_key(e->d->arena, &out);
	v = strmap_get(e->merged, key);
	e->sections[s->index] = v ? v->ptr : new_section(e, &out);
	if (!v)
		strmap_set(e->merged, key, (union strmap_value){ .ptr = e->sections[s->index] });
	return e->sections[s->index];
}

/* The alignment that an atom can rely on, given its section's and its offset. */
static uint64_t atom_align(const struct atom *a)
{
	uint64_t align = a->section->align ? a->section->align : 1;
	uint64_t low = a->offset & -a->offset;

	/* Entries of a table stand next to each other, whatever their offsets suggest. */
	if (a->kind == ATOM_ENTRY && a->section->special && a->section->special->cut != CUT_BY_SYMBOL)
		return 1;
	return low && low < align ? low : align;
}

static void fill_gap(struct emit *e, struct builder_section *s, uint64_t align)
{
	uint64_t size = builder_section_size(s), gap = -size & (align - 1);

	while (gap--)
		builder_append(e->b, s, &e->d->arch->text_fill, 1, 1);
}

/* A copy of an atom's bytes in which all fields of references are zero; NULL for none. */
static uint8_t *clean_bytes(struct emit *e, const struct atom *a)
{
	const uint8_t *bytes = atom_bytes(a);
	uint8_t *copy;

	if (!bytes)
		return NULL;
	copy = arena_memdup(e->d->arena, bytes, a->size);
	for (uint32_t i = a->first_ref; i < a->first_ref + a->n_refs; i++) {
		const struct ref *r = &e->d->new.object->refs[i];

		if (r->offset + (uint64_t)r->width <= a->size)
			reloc_clear(arch_reloc(e->d->arch, r->type), e->d->arch->big_endian,
				    copy + r->offset);
	}
	return copy;
}

static int emit_atom(struct emit *e, uint32_t id)
{
	const struct atom *a = new_atom(e->d, id);
	struct builder_section *s = out_section(e, a->section);
	uint64_t align = atom_align(a);
	uint8_t *bytes = clean_bytes(e, a);

	if (a->section->flags & SHF_EXECINSTR)
		fill_gap(e, s, align);
	e->where[id] = builder_append(e->b, s, bytes, a->size, align);
	return e->where[id] == UINT64_MAX ? -EINVAL : 0;
}

/* Symbols */

static uint8_t out_bind(const struct diff *d, const struct atom *a, const struct symbol *s)
{
	/* Others mean the original, which ftrace redirects. */
	if (d->pairs.twin[a->id] != NO_ATOM)
		return STB_LOCAL;
	return s->bind;
}

static void emit_symbols(struct emit *e, uint32_t id)
{
	const struct object *o = e->d->new.object;
	const struct atom *a = &o->atoms[id];

	for (uint32_t i = a->first_symbol; i < a->first_symbol + a->n_symbols; i++) {
		uint32_t index = o->atom_symbols[i];
		const struct symbol *s = &o->symbols[index];

		if (s->type == STT_SECTION || s->type == STT_FILE || !strncmp(s->name, ".L", 2))
			continue;
		e->symbols[index] = builder_symbol(e->b, s->name, out_bind(e->d, a, s), s->type,
						   e->sections[a->section->index], 0,
						   e->where[id] + (s->value - a->offset), s->size);
		builder_symbol_other(e->symbols[index], s->other);
	}
}

static void emit_file_symbol(struct emit *e)
{
	const struct object *o = e->d->new.object;

	for (uint32_t i = 0; i < o->n_symbols; i++)
		if (o->symbols[i].type == STT_FILE) {
			builder_symbol(e->b, o->symbols[i].name, STB_LOCAL, STT_FILE, NULL, SHN_ABS, 0, 0);
			return;
		}
}

static struct builder_symbol *undefined(struct emit *e, const char *name, uint8_t bind)
{
	union strmap_value *v = strmap_get(e->undefined, name);
	struct builder_symbol *s;

	if (v)
		return v->ptr;
	s = builder_symbol(e->b, name, bind, STT_NOTYPE, NULL, SHN_UNDEF, 0, 0);
	strmap_set(e->undefined, name, (union strmap_value){ .ptr = s });
	return s;
}

const char *route_klp_name(struct arena *arena, const struct routing *r)
{
	const struct klp_ref ref = { r->secobj, r->ksym.object, r->name, r->ksym.sympos };

	return klp_ref_name(arena, &ref);
}

/* The symbol @s for a reference that leaves the patch. */
static struct builder_symbol *outside_symbol(struct emit *e, const struct symbol *s, const struct routing *r)
{
	const char *name = r->name;
	uint8_t bind = STB_GLOBAL;

	if (r->route == ROUTE_KLP) {
		name = route_klp_name(e->d->arena, r);
		bind = STB_WEAK;
	} else if (r->route == ROUTE_SIBLING && s && s->bind == STB_WEAK) {
		bind = STB_WEAK;
	}
	return name ? undefined(e, name, bind) : NULL;
}

/* References */

/* The named symbol that the file used, if it has one in the output. */
static struct builder_symbol *used_symbol(struct emit *e, const struct ref *r)
{
	const struct symbol *s = &e->d->new.object->symbols[r->symbol];

	if (r->decoded || !r->symbol || s->atom != r->target)
		return NULL;
	return e->symbols[r->symbol];
}

/* What a reference into the patch names, and *addend from there on. */
static struct builder_symbol *inside_symbol(struct emit *e, const struct ref *r, int64_t *addend)
{
	const struct atom *t = new_atom(e->d, r->target);
	struct builder_symbol *named = used_symbol(e, r);

	if (named) {
		*addend = (int64_t)(t->offset - e->d->new.object->symbols[r->symbol].value) + r->addend;
		return named;
	}
	/* As the assembler does: a label inside code is its section and an offset. */
	*addend = (int64_t)e->where[t->id] + r->addend;
	return builder_section_symbol(e->b, e->sections[t->section->index]);
}

/* A branch of one byte: there is no relocation for it, so both ends must be in one section, and near. */
static int emit_short(struct emit *e, uint32_t id, const struct ref *r)
{
	const struct atom *a = new_atom(e->d, id), *t = new_atom(e->d, r->target);
	struct builder_section *s = e->sections[a->section->index];
	uint64_t at = e->where[id] + r->offset;
	int64_t distance = (int64_t)(e->where[t->id] - at) + r->addend + r->bias;
	uint8_t byte = 0;

	if (r->width != 1 || e->sections[t->section->index] != s ||
	    !reloc_put(arch_reloc(e->d->arch, r->type), e->d->arch->big_endian, &byte, distance)) {
		diff_refuse(e->d, "short-branch", &e->d->new, id, r->offset,
			    "Change the function so that its code is closer to the other, or a caller",
			    "its branch to %s reaches no further than 127 bytes", t->name);
		return -EINVAL;
	}
	builder_patch(e->b, s, at, &byte, 1);
	return 0;
}

/* What a reference out of the patch names, and *addend from there on. */
static struct builder_symbol *leaving_symbol(struct emit *e, const struct ref *r, const struct routing *route,
					     int64_t *addend)
{
	const struct atom *t = new_atom(e->d, r->target);

	*addend = r->addend - (int64_t)t->entry + route->distance;
	return outside_symbol(e, t->symbol, route);
}

/* The table of addresses, which the patched object's own numbers may be in as well. */
static void need_table(struct emit *e)
{
	const struct section s = { .name = e->d->arch->indirection->table,
				   .type = SHT_PROGBITS,
				   .flags = SHF_ALLOC | SHF_WRITE };
	const char *key = section_key(e->d->arena, &s);
	union strmap_value *v = strmap_get(e->merged, key);

	if (!e->outlets.table)
		e->outlets.table = v ? v->ptr : builder_section(e->b, s.name, s.type, s.flags, 8, 0);
}

static int emit_ref(struct emit *e, uint32_t id, const struct ref *r)
{
	const struct atom *a = new_atom(e->d, id);
	const struct routing *route = route_of(e->d, r);
	bool inside = route->route == ROUTE_PATCH;
	enum outlet_way way = indirect_way(e->d, id, r, route->route);
	uint8_t insn[HALF_INSN];
	struct outlet o = { e->sections[a->section->index], e->where[id] + r->offset, r->type, NULL, 0 };

	if (inside && is_short(r))
		return emit_short(e, id, r);
	o.symbol = inside ? inside_symbol(e, r, &o.addend) : leaving_symbol(e, r, route, &o.addend);
	if (way != WAY_FIELD)
		need_table(e);
	if (way == WAY_TABLE)
		return outlet_table(&e->outlets, &o);
	if (way_is_half(way)) {
		o.addend -= r->addend;
		return indirect_half(e->d, a, r, way, insn) ? outlet_half(&e->outlets, &o, way, insn) :
							      -EINVAL;
	}
	if (way != WAY_FIELD)
		return outlet_thunk(&e->outlets, &o, way, new_atom(e->d, r->target)->name);
	o.addend += r->bias;
	/* A tracepoint has its key inside: what stays are the flags in the low bits. */
	if (route->route == ROUTE_OFF)
		o.addend &= JUMP_LABEL_FLAGS;
	builder_reloc(e->b, o.section, o.at, o.type, o.symbol, o.addend);
	return 0;
}

/* objtool finds the key of a static call by name: a mention in a section it drops keeps it. */
static void emit_static_key(struct emit *e, const struct routing *key)
{
	struct builder_section *s = builder_find_section(e->b, STATIC_KEYS_SECTION);
	struct builder_symbol *symbol = outside_symbol(e, NULL, key);
	uint64_t at;

	if (!s)
		s = builder_section(e->b, STATIC_KEYS_SECTION, SHT_PROGBITS, SHF_ALLOC | SHF_WRITE,
				    STATIC_KEY_MENTION, 0);
	at = builder_append(e->b, s, NULL, STATIC_KEY_MENTION, STATIC_KEY_MENTION);
	builder_reloc(e->b, s, at, e->d->arch->pointer_type, symbol, 0);
}

static void emit_constant(struct emit *e, const struct constant *c)
{
	struct builder_section *s = e->sections[new_atom(e->d, c->function)->section->index];
	struct builder_symbol *variable = outside_symbol(e, NULL, &c->variable);
	uint64_t at = e->where[c->function] + c->offset;

	builder_patch(e->b, s, at, c->code, c->size);
	builder_reloc(e->b, s, at + c->field, e->d->arch->operand_type, variable, c->addend);
}

static int emit_code_and_data(struct emit *e)
{
	const struct diff *d = e->d;
	const struct object *o = d->new.object;
	int err = 0;

	emit_file_symbol(e);
	for (uint32_t i = 0; i < o->n_atoms && !err; i++)
		if (d->included[i].in && d->new.role[i] != ROLE_CALLBACK)
			err = emit_atom(e, i);
	for (uint32_t i = 0; i < o->n_atoms && !err; i++)
		if (d->included[i].in && d->new.role[i] != ROLE_CALLBACK)
			emit_symbols(e, i);
	for (uint32_t i = 0; i < o->n_atoms && !err; i++) {
		if (!d->included[i].in || d->new.role[i] == ROLE_CALLBACK)
			continue;
		for (uint32_t r = 0; r < o->atoms[i].n_refs && !err; r++)
			err = emit_ref(e, i, &o->refs[o->atoms[i].first_ref + r]);
	}
	for (uint32_t i = 0; i < d->n_static_keys && !err; i++)
		emit_static_key(e, &d->static_keys[i]);
	for (uint32_t i = 0; i < d->n_constants && !err; i++)
		emit_constant(e, &d->constants[i]);
	return err;
}

/* Metadata */

struct strings {
	struct builder_section *section;
	struct strmap *seen;
};

static int pointer_to_string(struct emit *e, struct strings *strings, struct builder_section *s, uint64_t at,
			     const char *text)
{
	union strmap_value *v = strmap_get(strings->seen, text);
	uint64_t offset;

	if (v) {
		offset = v->num;
	} else {
		offset = builder_append(e->b, strings->section, text, strlen(text) + 1, 1);
		if (offset == UINT64_MAX)
			return -EINVAL;
		strmap_set(strings->seen, text, (union strmap_value){ .num = offset });
	}
	builder_reloc(e->b, s, at, e->d->arch->pointer_type, builder_section_symbol(e->b, strings->section),
		      (int64_t)offset);
	return 0;
}

static void pointer_to_function(struct emit *e, struct builder_section *s, uint64_t at, uint32_t f)
{
	const struct atom *a = new_atom(e->d, f);

	builder_reloc(e->b, s, at, e->d->arch->pointer_type, e->symbols[a->symbol->index], 0);
}

static int emit_func(struct emit *e, struct strings *strings, struct builder_section *s, uint32_t f)
{
	const struct lookup *l = lookup_atom(e->d, f);
	const struct kpatch_func func = { .abi_version = KPATCH_ABI_VERSION, .sympos = l->ksym.sympos };
	uint64_t at = builder_append(e->b, s, &func, sizeof(func), 8);
	int err;

	pointer_to_function(e, s, at + offsetof(struct kpatch_func, new_func), f);
	err = pointer_to_string(e, strings, s, at + offsetof(struct kpatch_func, old_name),
				orig_atom(e->d, e->d->pairs.twin[f])->symbol->name);
	if (!err)
		err = pointer_to_string(e, strings, s, at + offsetof(struct kpatch_func, object),
					e->d->input->owner);
	return err;
}

static int emit_callback(struct emit *e, struct strings *strings, struct builder_section *s,
			 const struct callback *c)
{
	const struct kpatch_callback cb = { .abi_version = KPATCH_ABI_VERSION, .kind = c->kind };
	uint64_t at = builder_append(e->b, s, &cb, sizeof(cb), 8);

	pointer_to_function(e, s, at + offsetof(struct kpatch_callback, function), c->function);
	return pointer_to_string(e, strings, s, at + offsetof(struct kpatch_callback, object),
				 e->d->input->owner);
}

static struct builder_section *metadata_section(struct emit *e, const char *name)
{
	return builder_section(e->b, name, SHT_PROGBITS, 0, 8, 0);
}

static int emit_metadata(struct emit *e)
{
	const struct diff *d = e->d;
	struct strings strings = {
		metadata_section(e, KPATCH_DISCARD_PREFIX KPATCH_STRINGS_SECTION),
		strmap_new(16),
	};
	struct builder_section *s;
	int err = 0;

	if (d->n_replaced) {
		s = metadata_section(e, KPATCH_DISCARD_PREFIX KPATCH_FUNCS_SECTION);
		for (uint32_t i = 0; i < d->new.object->n_atoms && !err; i++)
			if (d->replaced[i])
				err = emit_func(e, &strings, s, i);
	}
	if (!err && d->n_callbacks) {
		s = metadata_section(e, KPATCH_DISCARD_PREFIX KPATCH_CALLBACKS_SECTION);
		for (uint32_t i = 0; i < d->n_callbacks && !err; i++)
			err = emit_callback(e, &strings, s, &d->callbacks[i]);
	}
	strmap_free(strings.seen);
	return err;
}

static void outlets_alloc(struct emit *e)
{
	struct outlets *x = &e->outlets;

	*x = (struct outlets){ .b = e->b, .arena = e->d->arena, .arch = e->d->arch };
	if (!e->d->arch->indirection)
		return;
	x->entries = strmap_new(64);
	x->calls = strmap_new(64);
}

static void emit_alloc(struct emit *e)
{
	const struct object *o = e->d->new.object;

	e->b = builder_new(o->arch->machine, o->arch->abi);
	e->sections = arena_array(e->d->arena, o->n_sections, sizeof(*e->sections));
	e->symbols = arena_array(e->d->arena, o->n_symbols, sizeof(*e->symbols));
	e->where = arena_array(e->d->arena, o->n_atoms, sizeof(*e->where));
	e->undefined = strmap_new(64);
	e->merged = strmap_new(64);
	outlets_alloc(e);
}

int pass_emit(struct diff *d)
{
	struct emit e = { .d = d };
	int err;

	if (!d->n_included)
		return 0;
	emit_alloc(&e);
	err = emit_code_and_data(&e);
	if (!err && (d->n_replaced || d->n_callbacks))
		err = emit_metadata(&e);
	if (!err)
		err = builder_finish(e.b, &d->data, &d->size);
	strmap_free(e.outlets.entries);
	strmap_free(e.outlets.calls);
	strmap_free(e.merged);
	strmap_free(e.undefined);
	builder_free(e.b);
	return err;
}
