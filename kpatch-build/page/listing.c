// SPDX-License-Identifier: GPL-2.0-only
/* Texts and code in lines, and which lines of two of them differ: see page.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/page/page.h"
#include "lib/arch/arch.h"
#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/xmalloc.h"

#define TEXT_MAX 160	/* bytes of an instruction's text */
#define STRING_SHOWN 40 /* characters of a string that code refers to */
#define DISTANCE_MAX                                                                                         \
	2000 /* lines that are put in or taken out between two texts: the search takes that squared */

static struct listing_line *add(struct arena *a, struct listing *l, size_t *room)
{
	struct listing_line *lines;

	if (l->n < *room)
		return &l->lines[l->n++];
	lines = arena_array(a, *room ? *room * 2 : 64, sizeof(*lines));
	if (l->n)
		memcpy(lines, l->lines, l->n * sizeof(*lines));
	*room = *room ? *room * 2 : 64;
	l->lines = lines;
	return &l->lines[l->n++];
}

void listing_text(struct arena *a, const char *text, size_t size, struct listing *out)
{
	const char *end = text + size;
	size_t room = 0;

	*out = (struct listing){ .n = 0 };
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct listing_line *line = add(a, out, &room);

		line->text = line->key =
			arena_strndup(a, text, stop ? (size_t)(stop - text) : (size_t)(end - text));
		text = stop ? stop + 1 : end;
	}
}

/* What a reference leads to, by its name in the source, or what a string says. */
static const char *target_name(struct arena *a, const struct object *o, const struct ref *r)
{
	const struct atom *t = r->target < o->n_atoms ? &o->atoms[r->target] : NULL;
	const uint8_t *bytes = t ? atom_bytes(t) : NULL;
	uint64_t left;

	if (!t)
		return "?";
	if (t->kind == ATOM_STRING && bytes && r->addend >= 0 && (uint64_t)r->addend < t->size) {
		left = t->size - (uint64_t)r->addend;
		return arena_printf(a, "\"%.*s\"", left < STRING_SHOWN ? (int)left : STRING_SHOWN,
				    (const char *)bytes + r->addend);
	}
	if (!r->addend || (t->symbol && (uint64_t)r->addend == t->entry))
		return t->name;
	return arena_printf(a, "%s%+" PRId64, t->name, r->addend);
}

/* The reference in bytes [@start, @end) of an atom, or NULL. */
static const struct ref *ref_in(const struct object *o, const struct atom *atom, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < atom->n_refs; i++) {
		const struct ref *r = &o->refs[atom->first_ref + i];

		if (r->width && r->offset >= start && r->offset < end)
			return r;
	}
	return NULL;
}

static bool is_branch(const struct insn *insn)
{
	return insn->relative && insn->flow != FLOW_NEXT;
}

/*
 * One instruction. A branch within the function is compared by its kind alone: where it leads moves with all that is between.
 * The field of a reference is empty in the file, and its target's name stands for it.
 */
static void add_insn(struct arena *a, const struct object *o, const struct atom *atom, uint64_t at,
		     const struct insn *insn, struct listing_line *line)
{
	const uint8_t *code = atom_bytes(atom) + at;
	const struct ref *r = ref_in(o, atom, at, at + insn->length);
	char text[TEXT_MAX], still[TEXT_MAX];
	size_t name;

	if (!insn->valid || !o->arch->disassemble(code, atom->size - at, at, text, sizeof(text)) ||
	    !o->arch->disassemble(code, atom->size - at, 0, still, sizeof(still))) {
		line->key = arena_printf(a, "byte 0x%02x", *code);
	} else if (r && is_branch(insn)) {
		name = strcspn(still, " ");
		line->key = arena_printf(a, "%.*s %s", (int)name, still, target_name(a, o, r));
	} else if (r) {
		line->key = arena_printf(a, "%s  # %s", still, target_name(a, o, r));
	} else if (is_branch(insn)) {
		line->key = arena_strndup(a, still, strcspn(still, " "));
		line->text = arena_printf(a, "%5" PRIx64 "  %s", at, text);
		return;
	} else {
		line->key = arena_strdup(a, still);
	}
	line->text = arena_printf(a, "%5" PRIx64 "  %s", at, line->key);
}

static void add_atom(struct arena *a, const struct object *o, const struct atom *atom, struct listing *out,
		     size_t *room)
{
	_Alignas(16) unsigned char decoder[DECODER_STATE];
	const uint8_t *code = atom_bytes(atom);

	o->arch->decode_init(decoder);
	for (uint64_t at = atom->entry; code && at < atom->size;) {
		struct insn insn;

		o->arch->decode(decoder, code + at, atom->size - at, &insn);
		add_insn(a, o, atom, at, &insn, add(a, out, room));
		at += insn.length;
	}
}

void listing_code(struct arena *a, const struct object *o, uint32_t function, struct listing *out)
{
	size_t room = 0;

	*out = (struct listing){ .n = 0 };
	add_atom(a, o, &o->atoms[function], out, &room);
	for (uint32_t i = 0; i < o->n_atoms; i++) {
		struct listing_line *line;

		if (o->atoms[i].parent != function || o->atoms[i].kind != ATOM_FUNC)
			continue;
		line = add(a, out, &room);
		line->text = line->key = arena_printf(a, "%s:", o->atoms[i].name);
		add_atom(a, o, &o->atoms[i], out, &room);
	}
}

/* Two texts without what they begin and end with in common. */
struct compared {
	struct listing_line *was, *is;
	long n, m;
};

static bool same(const struct compared *c, long x, long y)
{
	return !strcmp(c->was[x].key, c->is[y].key);
}

/*
 * Myers' algorithm, "An O(ND) Difference Algorithm and Its Variations" (1986). @v: for each diagonal (what was put in minus what was
 * taken out), from @v[-d] to @v[d], how far into @was a way of d steps gets. Returns the length of the way, of which @trace
 * then has the state before each step; -1: longer than DISTANCE_MAX.
 */
static long search(const struct compared *c, long *v, long **trace)
{
	v[1] = 0;
	for (long d = 0; d <= DISTANCE_MAX; d++) {
		trace[d] = xcalloc((size_t)(2 * d + 3), sizeof(long));
		memcpy(trace[d], v - d - 1, (size_t)(2 * d + 3) * sizeof(long));
		for (long k = -d; k <= d; k += 2) {
			long x = k == -d || (k != d && v[k - 1] < v[k + 1]) ? v[k + 1] : v[k - 1] + 1;

			while (x < c->n && x - k < c->m && same(c, x, x - k))
				x++;
			v[k] = x;
			if (x >= c->n && x - k >= c->m)
				return d;
		}
	}
	return -1;
}

/* Goes the way back from its end, and marks what each step takes out or puts in. */
static void mark(const struct compared *c, long length, long *const *trace)
{
	long x = c->n, y = c->m;

	for (long d = length; d > 0; d--) {
		const long *v = trace[d] + d + 1;
		long k = x - y;
		bool put_in = k == -d || (k != d && v[k - 1] < v[k + 1]);
		long before = put_in ? k + 1 : k - 1;

		x = v[before];
		y = x - before;
		if (put_in)
			c->is[y].changed = true;
		else
			c->was[x].changed = true;
	}
}

void listing_compare(struct listing *was, struct listing *is)
{
	struct compared c = { was->lines, is->lines, (long)was->n, (long)is->n };
	long *v = xcalloc(2 * DISTANCE_MAX + 5, sizeof(*v)), length;
	long **trace = xcalloc(DISTANCE_MAX + 1, sizeof(*trace));

	for (; c.n && c.m && same(&c, 0, 0); c.n--, c.m--)
		c.was++, c.is++;
	while (c.n && c.m && same(&c, c.n - 1, c.m - 1))
		c.n--, c.m--;
	length = search(&c, v + DISTANCE_MAX + 2, trace);
	if (length >= 0)
		mark(&c, length, trace);
	for (long i = 0; i < c.n && length < 0; i++)
		c.was[i].changed = true;
	for (long i = 0; i < c.m && length < 0; i++)
		c.is[i].changed = true;
	for (long d = 0; d <= DISTANCE_MAX; d++)
		free(trace[d]);
	free(trace);
	free(v);
}
