// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was decided, for the manifest and for people.
 */
#include "create-diff-object/passes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/escape.h"
#include "lib/util/strmap.h"

static uint64_t whole_size(const struct side *s, uint32_t f)
{
	uint64_t size = s->object->atoms[f].size;

	for (uint32_t p = s->first_child[f]; p != NO_ATOM; p = s->next_child[p])
		if (part_only(s, p))
			size += whole_size(s, p);
	return size;
}

static int functions(struct diff *d, struct diff_report *out)
{
	uint32_t n = d->new.object->n_atoms, n_new = 0, n_changed = 0;
	struct diff_function *new, *changed;

	for (uint32_t i = 0; i < n; i++) {
		n_changed += d->replaced[i] != NULL;
		n_new += d->included[i].in && d->new.role[i] == ROLE_CODE && !d->replaced[i];
	}
	changed = arena_array(d->arena, n_changed, sizeof(*changed));
	new = arena_array(d->arena, n_new, sizeof(*new));
	out->changed = changed;
	out->new_functions = new;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t twin = d->pairs.twin[i];

		if (d->replaced[i])
			changed[out->n_changed++] = (struct diff_function){
				.name = orig_atom(d, twin)->symbol->name,
				.sympos = lookup_atom(d, i)->ksym.sympos,
				.old_size = whole_size(&d->orig, twin),
				.new_size = whole_size(&d->new, i),
				.reason = d->replaced[i],
				.section = new_atom(d, i)->section->name,
			};
		else if (new_atom(d, i)->symbol && d->included[i].in && d->new.role[i] == ROLE_CODE &&
			 !part_only(&d->new, i))
			new[out->n_new++] = (struct diff_function){
				.name = new_atom(d, i)->name,
				.new_size = whole_size(&d->new, i),
				.reason = twin == NO_ATOM ? "new" : "a copy, called by what is replaced",
			};
	}
	return 0;
}

static bool is_new_data(const struct diff *d, uint32_t i)
{
	enum role role = d->new.role[i];

	return d->included[i].in && new_atom(d, i)->symbol && (role == ROLE_STATE || role == ROLE_CONST);
}

static int new_data(struct diff *d, struct diff_report *out)
{
	uint32_t n = d->new.object->n_atoms;
	const char **names;
	size_t count = 0;

	for (uint32_t i = 0; i < n; i++)
		count += is_new_data(d, i);
	names = arena_array(d->arena, count, sizeof(*names));
	out->new_data = names;
	for (uint32_t i = 0; i < n; i++)
		if (is_new_data(d, i))
			names[out->n_new_data++] = new_atom(d, i)->name;
	return 0;
}

struct outside {
	struct diff *d;
	struct strmap *seen;
	struct diff_klp_ref *klp;
	const char **imports;
	size_t n_klp, n_imports;
};

static void count_outside(struct outside *o, const struct routing *r)
{
	const char *key = r->name;
	union strmap_value *v;

	if (r->route != ROUTE_KLP && r->route != ROUTE_IMPORT)
		return;
	if (r->route == ROUTE_KLP)
		key = route_klp_name(o->d->arena, r);
	v = strmap_get(o->seen, key);
	if (v) {
		if (r->route == ROUTE_KLP)
			o->klp[v->num].count++;
		return;
	}
	if (r->route == ROUTE_KLP) {
		o->klp[o->n_klp] = (struct diff_klp_ref){ r->ksym.object, r->name, r->ksym.sympos, 1 };
		strmap_set(o->seen, key, (union strmap_value){ .num = o->n_klp++ });
		return;
	}
	o->imports[o->n_imports] = r->name;
	strmap_set(o->seen, key, (union strmap_value){ .num = o->n_imports++ });
}

static void outside_refs(struct diff *d, struct diff_report *out)
{
	uint32_t n = d->new.object->n_atoms;
	size_t room = (size_t)n + d->new.object->n_symbols + d->n_constants;
	struct outside o = { .d = d, .seen = strmap_new(64) };

	/* Each name is that of an atom, of a symbol or of a constant, so there are no more of them. */
	o.klp = arena_array(d->arena, room, sizeof(*o.klp));
	o.imports = arena_array(d->arena, room, sizeof(*o.imports));
	for (uint32_t i = 0; i < n; i++) {
		const struct atom *a = new_atom(d, i);

		if (!d->included[i].in)
			continue;
		for (uint32_t k = a->first_ref; k < a->first_ref + a->n_refs; k++)
			count_outside(&o, route_of(d, &d->new.object->refs[k]));
	}
	for (uint32_t i = 0; i < d->n_constants; i++)
		count_outside(&o, &d->constants[i].variable);
	out->klp_refs = o.klp;
	out->n_klp_refs = o.n_klp;
	out->imports = o.imports;
	out->n_imports = o.n_imports;
	strmap_free(o.seen);
}

/* Each name once, with the place of its first use. */
static int needs(struct diff *d, struct diff_report *out)
{
	uint32_t n = d->new.object->n_atoms;
	struct diff_need *list = arena_array(d->arena, n, sizeof(*list));
	bool *seen = arena_array(d->arena, n, sizeof(*seen));

	for (uint32_t i = 0; i < n; i++) {
		const struct atom *a = new_atom(d, i);

		for (uint32_t k = a->first_ref; d->included[i].in && k < a->first_ref + a->n_refs; k++) {
			const struct ref *r = &d->new.object->refs[k];
			const struct routing *route = route_of(d, r);

			if (route->route != ROUTE_SIBLING || seen[r->target])
				continue;
			seen[r->target] = true;
			list[out->n_needs++] =
				(struct diff_need){ route->name, diff_place(d, &d->new, i, r->offset) };
		}
	}
	out->needs = list;
	return 0;
}

static int provided(struct diff *d, struct diff_report *out)
{
	uint32_t n = d->new.object->n_atoms;
	const char **list = arena_array(d->arena, n, sizeof(*list));

	for (uint32_t i = 0; i < n; i++)
		if (d->included[i].in && new_and_visible(d, i))
			list[out->n_provided++] = new_atom(d, i)->name;
	out->provided = list;
	return 0;
}

static struct diff_state state_of(struct diff *d, const struct side *s, uint32_t i)
{
	return (struct diff_state){ .name = s->source[i],
				    .size = s->object->atoms[i].size,
				    .place = diff_place(d, s, i, -1) };
}

/* For what moves from one object of the patch to another. */
static int state(struct diff *d, struct diff_report *out)
{
	struct diff_state *removed = arena_array(d->arena, d->orig.object->n_atoms, sizeof(*removed));
	struct diff_state *added = arena_array(d->arena, d->new.object->n_atoms, sizeof(*added));

	for (uint32_t i = 0; i < d->orig.object->n_atoms; i++)
		if (state_removed(d, i))
			removed[out->n_removed_state++] = state_of(d, &d->orig, i);
	for (uint32_t i = 0; i < d->new.object->n_atoms; i++)
		if (d->included[i].in && state_added(d, i) && !request_allows(d, i))
			added[out->n_new_state++] = state_of(d, &d->new, i);
	out->removed_state = removed;
	out->new_state = added;
	out->prototypes = d->prototypes;
	out->n_prototypes = d->n_prototypes;
	return 0;
}

static int callbacks(struct diff *d, struct diff_report *out)
{
	struct diff_callback *list = arena_array(d->arena, d->n_callbacks, sizeof(*list));

	for (uint32_t i = 0; i < d->n_callbacks; i++)
		list[i] = (struct diff_callback){ callback_kind_name(d->callbacks[i].kind),
						  new_atom(d, d->callbacks[i].function)->name };
	out->callbacks = list;
	out->n_callbacks = d->n_callbacks;
	return 0;
}

/* What people call the function that code is part of. */
static const char *function_name(struct diff *d, uint32_t atom)
{
	uint32_t root = d->new.role[atom] == ROLE_CODE ? function_root(&d->new, atom) : atom;

	return new_atom(d, root)->symbol ? d->new.source[root] : new_atom(d, root)->name;
}

static const char *how_kept(struct diff *d, const struct kept *k)
{
	const char *f = function_name(d, k->atom);

	switch (k->escape.kind) {
	case ESCAPE_STORED:
		return arena_printf(d->arena, "%s() stores it in memory", f);
	case ESCAPE_RETURNED:
		return arena_printf(d->arena, "%s() returns it", f);
	case ESCAPE_PASSED:
		return k->escape.to ? arena_printf(d->arena, "%s() passes it to %s(), which may keep it", f,
						   k->escape.to) :
				      arena_printf(d->arena, "%s() passes it on through a pointer", f);
	case ESCAPE_UNKNOWN:
	case ESCAPE_NONE:
		break;
	}
	return arena_printf(d->arena, "what %s() does with it cannot be followed", f);
}

/* Each once: one line of a patch can be several references. */
static int kept(struct diff *d, struct diff_report *out)
{
	struct diff_kept *list = arena_array(d->arena, d->n_kept, sizeof(*list));
	struct strmap *seen = strmap_new(64);

	for (uint32_t i = 0; i < d->n_kept; i++) {
		const struct kept *k = &d->kept[i];
		struct diff_kept new = {
			.what = ref_text(d, d->new.object, k->ref),
			.how = how_kept(d, k),
			.place = diff_place(d, &d->new, k->atom, k->ref->offset),
		};
		const char *key =
			arena_printf(d->arena, "%s|%s|%u", new.what, new.how ? new.how : "", new.place.line);

		if (!strmap_get(seen, key)) {
			list[out->n_kept++] = new;
			strmap_set(seen, key, (union strmap_value){ .num = 1 });
		}
	}
	out->kept = list;
	strmap_free(seen);
	return 0;
}

int pass_report(struct diff *d, struct diff_report *out)
{
	struct diff_report report = { .types_compared = d->types_compared };
	int err = functions(d, &report);

	if (!err)
		new_data(d, &report);
	if (!err)
		outside_refs(d, &report);
	if (!err)
		callbacks(d, &report);
	if (!err)
		err = needs(d, &report);
	if (!err)
		err = provided(d, &report);
	if (!err)
		err = kept(d, &report);
	if (!err)
		err = state(d, &report);
	if (!err)
		*out = report;
	return err;
}
