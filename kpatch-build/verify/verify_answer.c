/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exact answers about symbols, from the proof of a unit. A symbol that the object defines: its
 * section's base gives the address, the address its position among the symbols of its name. One
 * that it does not define: where the matched code leads. What cannot be proven is refused with the
 * reason.
 */
#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#include "kpatch-build/verify/verify_unit.h"
#include "lib/elf/object.h"
#include "lib/kernel/proof/proof.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

/* Answers come from several threads, and only texts are made while answering. */
static pthread_mutex_t text_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *explain(struct verify_unit *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static const char *explain(struct verify_unit *u, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&text_lock);
	text = arena_vprintf(u->arena, fmt, ap);
	pthread_mutex_unlock(&text_lock);
	va_end(ap);
	return text;
}

static const char *explain_atom(struct verify_unit *u, uint32_t atom)
{
	const char *text;

	pthread_mutex_lock(&text_lock);
	text = proof_explain(u->proof, atom, u->arena);
	pthread_mutex_unlock(&text_lock);
	return text;
}

void verify_index_symbols(struct verify_unit *u)
{
	const struct object *o = u->reference;

	u->symbols = strmap_new(o->n_symbols);
	for (uint32_t i = 1; i < o->n_symbols; i++) {
		const struct symbol *s = &o->symbols[i];
		union strmap_value *known;

		if (!*s->name || s->type == STT_SECTION || s->type == STT_FILE || !symbol_in_section(o, s))
			continue;
		known = strmap_get(u->symbols, s->name);
		if (known)
			known->num = VERIFY_AMBIGUOUS;
		else
			strmap_set(u->symbols, s->name, (union strmap_value){ .num = i });
	}
}

/* The position of the installed symbol @i. */
static int position(struct verify_unit *u, uint32_t i, const char *name, struct ksym *out, const char **why)
{
	uint32_t count;
	int err = installed_sympos(&u->installed, i, &out->sympos, &count);

	if (err == -ENOENT)
		*why = explain(u, "'%s' is gone once %s is loaded (init code or data)", name, u->owner);
	else if (err)
		*why = explain(u,
			       "%s has %u symbols named '%s', some of them in init sections: the "
			       "position would change when the module has been loaded",
			       u->owner, count, name);
	if (err)
		return -ENOTUNIQ;
	out->address = u->installed.image ? installed_address(&u->installed, i) : 0;
	out->exact = true;
	return 0;
}

/* The address of a symbol of the reference object, if what it names is proven to be there. */
static int proven_address(struct verify_unit *u, const char *name, const struct symbol *s, uint64_t *address,
			  const char **why)
{
	const char *problem = s->atom != NO_ATOM ? explain_atom(u, s->atom) : NULL;

	if (problem && u->proof->atoms[s->atom].status == PROOF_UNPLACED) {
		*why = explain(u, "the position of '%s' cannot be given: %s", name, problem);
		return -ENOTUNIQ;
	}
	if (problem) {
		*why = explain(u, "'%s' is not what %s runs: %s", name, u->owner, problem);
		return -EKEYREJECTED;
	}
	if (u->proof->base[s->section] == PROOF_NOWHERE) {
		*why = explain(u,
			       "where %s has '%s' is not known: no matched code leads to its "
			       "section (%s)",
			       u->owner, name, u->reference->sections[s->section].name);
		return -ENOTUNIQ;
	}
	*address = u->proof->base[s->section] + s->value;
	return 0;
}

/* The same symbol in the original that was verified; @definition is of the differ's own reading. Or NULL. */
static const struct symbol *verified_symbol(const struct verify_unit *u, const struct symbol *definition)
{
	const struct object *o = u->original;
	uint32_t i = definition->index;

	return i < o->n_symbols && !strcmp(o->symbols[i].name, definition->name) ? &o->symbols[i] : NULL;
}

/* Why what the original object defines is not what the reference has, or NULL. */
static const char *variant_problem(const struct verify_unit *u, const struct symbol *definition)
{
	const struct symbol *s = verified_symbol(u, definition);

	if (!s)
		return "it comes from another object than the one that was verified";
	return s->atom != NO_ATOM ? u->variant.why[s->atom] : NULL;
}

/* The symbol is not where the code is: a weak one whose name another object has, or none at all. */
static int not_there(struct verify_unit *u, const char *name, const struct symbol *s, const char **why)
{
	uint32_t other = s->bind == STB_WEAK ? installed_first(&u->installed, name) : INSTALLED_NONE;

	if (other == INSTALLED_NONE) {
		*why = explain(u, "%s has the code or data of '%s', but no symbol for it", u->owner, name);
		return -ENOTUNIQ;
	}
	*why = explain(
		u,
		"'%s' is weak here, and another object of %s overrides it: the one that has the symbol "
		"in front of it, %s",
		name, u->owner,
		installed_describe(&u->installed, installed_address(&u->installed, other) - 1, u->arena));
	return -EEXIST;
}

static int find_defined(struct verify_unit *u, const char *name, const struct symbol *definition,
			struct ksym *out, const char **why)
{
	const union strmap_value *known = strmap_get(u->symbols, name);
	const struct symvers_entry *export = symvers_find(u->symvers, name);
	const char *problem = variant_problem(u, definition);
	const struct symbol *s;
	uint64_t address;
	uint32_t i;
	int err;

	if (problem) {
		*why = explain(u, "'%s' cannot be proven to be what %s runs: %s", name, u->owner, problem);
		return -EKEYREJECTED;
	}
	if (!known || known->num == VERIFY_AMBIGUOUS) {
		*why = explain(u,
			       known ? "the object has several symbols named '%s'" :
				       "the object compiled with the kernel's own flags has no "
				       "symbol '%s'",
			       name);
		return -ENOTUNIQ;
	}
	s = &u->reference->symbols[known->num];
	err = proven_address(u, name, s, &address, why);
	if (err)
		return err;
	i = installed_at(&u->installed, name, address);
	if (i == INSTALLED_NONE)
		return not_there(u, name, s, why);
	out->where = KSYM_OWNER;
	out->object = u->owner;
	if (definition->bind != STB_LOCAL && export && u->installed.image && is_vmlinux(export->owner) &&
	    symvers_importable(export))
		out->where = KSYM_VMLINUX_EXPORT;
	return position(u, i, name, out, why);
}

/* Not defined in the object: the name says whose it is, matched code which one it is. */
static int find_undefined(struct verify_unit *u, const char *name, struct ksym *out, const char **why)
{
	uint64_t address;
	uint32_t i;
	int err = proof_extern(u->proof, name, &address);

	if (err == -ENOTUNIQ) {
		*why = explain(u, "the code in %s leads to different places for the one symbol '%s'",
			       u->owner, name);
		return err;
	}
	i = err ? INSTALLED_NONE : installed_at(&u->installed, name, address);
	if (i == INSTALLED_NONE) /* unused by the original, or of another kernel object */
		return u->by_name.find(&u->by_name, name, NULL, out, why);
	err = u->by_name.find(&u->by_name, name, NULL, out, why);
	/* matched code knows better than the name alone: it leads to a symbol of the owner */
	if (err == -ENOTUNIQ || (!err && (out->where == KSYM_ABSENT || out->where == KSYM_MODULE_EXPORT))) {
		*why = NULL;
		*out = (struct ksym){ .where = KSYM_OWNER, .object = u->owner };
		err = 0;
	}
	return err ? err : position(u, i, name, out, why);
}

static int find(const struct ksym_source *source, const char *name, const struct symbol *definition,
		struct ksym *out, const char **why)
{
	struct verify_unit *u = source->context;
	struct ksym answer = { .where = KSYM_ABSENT };
	int err;

	*why = NULL;
	if (definition && definition->section != SECTION_UNDEF)
		err = find_defined(u, name, definition, &answer, why);
	else
		err = find_undefined(u, name, &answer, why);
	if (!err)
		*out = answer;
	return err;
}

static bool boot_only(const struct ksym_source *source, const char *name)
{
	const struct verify_unit *u = source->context;

	return installed_boot_only(&u->installed, name);
}

static bool find_literal(const struct ksym_source *source, const struct atom *literal, struct ksym_place *out)
{
	return verify_find_literal(source->context, literal, out);
}

void verify_answer_from(struct verify_unit *u, struct ksym_source *out)
{
	out->find = find;
	out->boot_only = boot_only;
	out->find_literal = find_literal;
	out->context = u;
}
