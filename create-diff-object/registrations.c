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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/strmap.h"
#include "lib/util/xmalloc.h"

static void write_target(FILE *out, const struct side *s, const struct ref *r)
{
	const struct atom *t = r->target == NO_ATOM ? NULL : &s->object->atoms[r->target];

	if (!t)
		fputs("?", out);
	else if (t->kind == ATOM_STRING && atom_bytes(t) && r->addend >= 0 && (uint64_t)r->addend < t->size &&
		 !atom_bytes(t)[t->size - 1])
		fputs((const char *)atom_bytes(t) + r->addend, out);
	else if (!t->symbol)
		fputs(t->section ? t->section->name : "?", out);
	else
		fprintf(out, "%s+%" PRId64, s->base[r->target], r->addend);
}

/* All that an entry says, as text: name, bytes outside of references, and what they lead to. */
static const char *entry_signature(struct diff *d, const struct side *s, const struct atom *a)
{
	const uint8_t *bytes = atom_bytes(a);
	char *text = NULL, *kept;
	size_t size;
	FILE *out = xopen_memstream(&text, &size);
	uint64_t at = 0;

	fprintf(out, "%s|%s|", a->section->name, s->base[a->id] ? s->base[a->id] : "");
	for (uint32_t i = 0; i <= a->n_refs; i++) {
		const struct ref *r = i < a->n_refs ? &s->object->refs[a->first_ref + i] : NULL;
		uint64_t end = r ? r->offset : a->size;

		for (; bytes && at < end; at++)
			fprintf(out, "%02x", bytes[at]);
		if (!r)
			break;
		at = r->offset + r->width;
		fprintf(out, "|%x:%x:", r->offset, r->type);
		write_target(out, s, r);
		putc('|', out);
	}
	kept = fclose(out) ? NULL : arena_strdup(d->arena, text);
	free(text);
	return kept;
}

static const char *registration_what(const struct atom *a)
{
	return a->section->special && a->section->special->what ? a->section->special->what : "registration";
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
static void refuse_export(struct diff *d, struct strmap *told, const struct side *s, uint32_t i,
			  const char *how)
{
	const char *name = exported_name(&s->object->atoms[i]);
	uint32_t about = named_atom(s->object, name);

	if (strmap_get(told, name))
		return;
	diff_refuse(d, "registration-changed", s, about != NO_ATOM ? about : i, -1,
		    "Keep the exports as they are: other files of the patch can use a function or "
		    "variable without",
		    "the patch %s the export of %s", how, name);
	strmap_set(told, name, (union strmap_value){ .num = 1 });
}

/* What modinfo(8) and /sys/module show and depmod(8) reads, and nothing in the running kernel acts on. */
static bool only_informs(const struct atom *a)
{
	static const char *const tags[] = { "version=", "author=",   "description=", "parm=",
					    "license=", "firmware=", "alias=",	     "softdep=" };
	const char *text = (const char *)atom_bytes(a), *tag;

	if (!strcmp(a->section->name, "__modver"))
		return true;
	if (strcmp(a->section->name, ".modinfo") || !text || !a->size || text[a->size - 1])
		return false;
	/* "NAME.version=1.0" in vmlinux */
	tag = text + strcspn(text, ".=");
	tag = *tag == '.' ? tag + 1 : text;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (!strncmp(tag, tags[i], strlen(tags[i])))
			return true;
	return false;
}

static void refuse_registration(struct diff *d, struct strmap *told, const struct side *s, uint32_t i,
				const char *how)
{
	static const char keep[] =
		"Keep it as it is: the kernel has read it when it booted or loaded the module";
	const struct atom *a = &s->object->atoms[i];

	if (request_leaves(d, s, i, arena_printf(d->arena, "the patch %s it", how)))
		return;
	if (only_informs(a)) {
		diff_note(
			d, "modinfo-kept", s, i, -1, NULL,
			"the patch %s what this says of the module; the running kernel goes on to say what it did",
			how);
		return;
	}
	if (exported_name(a)) {
		refuse_export(d, told, s, i, how);
		return;
	}
	diff_refuse(d, "registration-changed", s, i, -1, s == &d->new ? renamed_remedy(d, i, keep) : keep,
		    "the patch %s this %s (section %s)", how, registration_what(a), a->section->name);
}

/* One side's registrations, in file order. */
struct registration {
	uint32_t atom;
	const char *says; /* entry_signature() */
};

struct registrations {
	struct registration *list;
	uint32_t n;
};

static void list_registrations(struct diff *d, const struct side *s, struct registrations *out)
{
	uint32_t n = s->object->n_atoms;

	out->list = arena_array(d->arena, n, sizeof(*out->list));
	for (uint32_t i = 0; i < n; i++) {
		struct registration *r = &out->list[out->n];

		if (s->role[i] != ROLE_REGISTER || !s->object->atoms[i].size)
			continue;
		*r = (struct registration){ i, entry_signature(d, s, &s->object->atoms[i]) };
		out->n++;
	}
}

/* How many of the same are left: what the original has and the patched object has not. */
static void count_originals(const struct registrations *o, struct strmap *left)
{
	for (uint32_t i = 0; i < o->n; i++) {
		union strmap_value *v = strmap_get(left, o->list[i].says);

		if (v)
			v->num++;
		else
			strmap_set(left, o->list[i].says, (union strmap_value){ .num = 1 });
	}
}

static bool take(const struct strmap *left, const struct registration *r)
{
	union strmap_value *v = strmap_get(left, r->says);

	return v && v->num && v->num--;
}

static void compare_sets(struct diff *d, const struct registrations *o, const struct registrations *n,
			 struct strmap *left, struct strmap *told)
{
	count_originals(o, left);

	for (uint32_t i = 0; i < n->n; i++)
		if (!take(left, &n->list[i]))
			refuse_registration(d, told, &d->new, n->list[i].atom, "adds or changes");
	for (uint32_t i = 0; i < o->n; i++)
		if (d->pairs.back[o->list[i].atom] == NO_ATOM && take(left, &o->list[i]))
			refuse_registration(d, told, &d->orig, o->list[i].atom, "removes");
}

void changes_registrations(struct diff *d)
{
	struct registrations o = { 0 }, n = { 0 };
	struct strmap *left = strmap_new(256), *told = strmap_new(16);

	list_registrations(d, &d->orig, &o);
	list_registrations(d, &d->new, &n);
	compare_sets(d, &o, &n, left, told);
	strmap_free(told);
	strmap_free(left);
}
