// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of the changes pass: what an object announces to the kernel (exports, initcalls, parameters,
 * device tables, …) was read at boot or when the module was loaded, and must be the same set on both
 * sides, in whatever order. Each one that is added, changed or removed is refused, an export once for
 * all that it is made of.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/util/strmap.h"

static const char *ref_signature(struct diff *d, const struct side *s, const struct ref *r)
{
	const struct atom *t;

	if (r->target == NO_ATOM)
		return "?";
	t = &s->object->atoms[r->target];
	if (t->kind == ATOM_STRING && atom_bytes(t) && r->addend >= 0 &&
	    (uint64_t)r->addend < t->size && !atom_bytes(t)[t->size - 1])
		return (const char *)atom_bytes(t) + r->addend;
	if (!t->symbol)
		return t->section ? t->section->name : "?";
	return arena_printf(d->arena, "%s+%" PRId64, s->base[r->target], r->addend);
}

/* All that an entry says, as text: name, bytes outside of references, and what they lead to. */
static const char *entry_signature(struct diff *d, const struct side *s, const struct atom *a)
{
	const uint8_t *bytes = atom_bytes(a);
	char *text = arena_printf(d->arena, "%s|%s|", a->section->name,
				  s->base[a->id] ? s->base[a->id] : "");
	char *hex = arena_alloc(d->arena, 2 * a->size + 1);
	uint64_t at = 0;
	char *p = hex;

	if (!text || !hex)
		return NULL;
	for (uint32_t i = 0; i <= a->n_refs; i++) {
		const struct ref *r = i < a->n_refs ? &s->object->refs[a->first_ref + i] : NULL;
		uint64_t end = r ? r->offset : a->size;

		for (; bytes && at < end; at++) {
			*p++ = "0123456789abcdef"[bytes[at] >> 4];
			*p++ = "0123456789abcdef"[bytes[at] & 15];
		}
		if (!r)
			break;
		at = r->offset + r->width;
		text = arena_printf(d->arena, "%s%x:%x:%s|", text, r->offset, r->type,
				    ref_signature(d, s, r));
		if (!text)
			return NULL;
	}
	return arena_printf(d->arena, "%s%s", text, hex);
}

static bool registers(const struct side *s, uint32_t i)
{
	return s->role[i] == ROLE_REGISTER && s->object->atoms[i].size;
}

static const char *registration_what(const struct atom *a)
{
	return a->section->special && a->section->special->what ? a->section->special->what
								: "registration";
}

/* What an atom is about that EXPORT_SYMBOL() makes; NULL: it is none. */
static const char *exported_name(const struct atom *a)
{
	static const char *const prefixes[] = { "__ksymtab_", "__kstrtab_", "__kstrtabns_", "__crc_",
						"__export_symbol_" };

	for (size_t i = 0; a->symbol && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(a->name, prefixes[i], strlen(prefixes[i])))
			return a->name + strlen(prefixes[i]);
	return NULL;
}

static uint32_t named_atom(const struct object *o, const char *name)
{
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (o->atoms[i].symbol && !strcmp(o->atoms[i].name, name))
			return i;
	return NO_ATOM;
}

/* An export is an entry and its strings: it is refused once. */
static int refuse_export(struct diff *d, struct strmap *told, const struct side *s, uint32_t i,
			 const char *how)
{
	const char *name = exported_name(&s->object->atoms[i]);
	uint32_t about = named_atom(s->object, name);

	if (strmap_get(told, name))
		return 0;
	diff_refuse(d, "registration-changed", s, about != NO_ATOM ? about : i, -1,
		    "Keep the exports as they are: other files of the patch can use a function or "
		    "variable without", "the patch %s the export of %s", how, name);
	return strmap_set(told, name, (union strmap_value){ .num = 1 });
}

static int refuse_registration(struct diff *d, struct strmap *told, const struct side *s, uint32_t i,
			       const char *how)
{
	const struct atom *a = &s->object->atoms[i];

	if (request_leaves(d, s, i, arena_printf(d->arena, "the patch %s it", how)))
		return 0;
	if (exported_name(a))
		return refuse_export(d, told, s, i, how);
	diff_refuse(d, "registration-changed", s, i, -1,
		    "Keep it as it is: the kernel has read it when it booted or loaded the module",
		    "the patch %s this %s (section %s)", how, registration_what(a), a->section->name);
	return 0;
}

int changes_registrations(struct diff *d)
{
	const struct object *o = d->orig.object, *n = d->new.object;
	struct strmap *seen = strmap_new(256), *told = strmap_new(16);
	int err = seen && told ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < o->n_atoms && !err; i++) {
		const char *sig;
		union strmap_value *v;

		if (!registers(&d->orig, i))
			continue;
		sig = entry_signature(d, &d->orig, &o->atoms[i]);
		v = sig ? strmap_get(seen, sig) : NULL;
		if (v)
			v->num++;
		else
			err = sig ? strmap_set(seen, sig, (union strmap_value){ .num = 1 }) : -ENOMEM;
	}
	for (uint32_t i = 0; i < n->n_atoms && !err; i++) {
		const char *sig;
		union strmap_value *v;

		if (!registers(&d->new, i))
			continue;
		sig = entry_signature(d, &d->new, &n->atoms[i]);
		v = sig ? strmap_get(seen, sig) : NULL;
		if (v && v->num)
			v->num--;
		else
			err = refuse_registration(d, told, &d->new, i, "adds or changes");
	}
	for (uint32_t i = 0; i < o->n_atoms && !err; i++) {
		const char *sig;
		union strmap_value *v;

		if (!registers(&d->orig, i))
			continue;
		sig = entry_signature(d, &d->orig, &o->atoms[i]);
		v = sig ? strmap_get(seen, sig) : NULL;
		if (v && v->num && d->pairs.back[i] == NO_ATOM) {
			v->num--;
			err = refuse_registration(d, told, &d->orig, i, "removes");
		}
	}
	strmap_free(told);
	strmap_free(seen);
	return err;
}
