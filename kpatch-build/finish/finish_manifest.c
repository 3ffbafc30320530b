// SPDX-License-Identifier: GPL-2.0-only
/*
 * The manifest of a patch module, from what the stages found out. Reads the build; makes structures
 * of lib/manifest in its arena.
 */
#include "kpatch-build/finish/finish.h"
#include "kpatch-build/compile/compile.h"
#include "kpatch-build/series/series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/verify/verify.h"
#include "lib/arch/arch.h"
#include "lib/kernel/files/buildid.h"
#include "lib/kernel/files/image.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/vmlinux.h"

/* An object being described; the arrays have room for all units of it. */
struct described {
	struct manifest_object *object;
	struct manifest_function *functions;
	struct manifest_new_function *new_functions;
	const char **new_data;
	struct manifest_callback *callbacks;
	struct manifest_reference *references;
};

/*
 * @text as one line of ASCII: a reason may quote a string of the kernel, with what is in it. What the
 * compiler says can be of any length, and a value of the manifest cannot (lib/manifest/rules.c): the rest is left
 * out, with a note.
 */
#define LINE_MAX_SIZE 3000

static const char *one_line(struct arena *a, const char *text)
{
	char *copy = arena_alloc(a, LINE_MAX_SIZE + 64), *to = copy;

	for (; *text; text++) {
		if (to - copy >= LINE_MAX_SIZE) {
			sprintf(to, " [and %zu characters more]", strlen(text));
			break;
		}
		unsigned char c = *text;

		if (c == '\n')
			to = stpcpy(to, "\\n");
		else if (c < ' ' || c > '~')
			to += sprintf(to, "\\x%02x", c);
		else
			*to++ = c;
	}
	return copy;
}

/* Whether the unit is made from a file that the patch changes. */
static int reaches(struct build *b, const struct series_patch *p, const struct unit *u, bool *out)
{
	int err = 0;

	*out = false;
	for (size_t i = 0; i < p->files.n && !err && !*out; i++)
		err = compile_reads_file(b, u->job, p->files.word[i], out);
	return err;
}

/* The kernel objects, of those that are patched, that a patch changes. */
static int describe_reach(struct build *b, const struct series_patch *p, struct manifest_fix *fix)
{
	const char **objects = arena_array(b->arena, b->n_units, sizeof(*objects));
	int err = 0;

	for (size_t i = 0; i < b->n_units && !err; i++) {
		const struct unit *u = &b->units[i];
		bool known = !u->diff;

		for (size_t k = 0; k < fix->n_objects && !known; k++)
			known = !strcmp(objects[k], u->owner);
		if (known)
			continue;
		err = reaches(b, p, u, &known);
		if (known)
			objects[fix->n_objects++] = u->owner;
	}
	fix->objects = objects;
	return err;
}

static int describe_fixes(struct build *b, struct manifest *m)
{
	const struct series *s = b->series;
	struct manifest_fix *fixes = arena_array(b->arena, s->n, sizeof(*fixes));
	int err = 0;

	for (size_t i = 0; i < s->n && !err; i++) {
		if (!s->patches[i].fix || s->patches[i].fate != SERIES_IN)
			continue;
		fixes[m->n_fixes] = *s->patches[i].fix;
		err = describe_reach(b, &s->patches[i], &fixes[m->n_fixes++]);
	}
	m->fixes = fixes;
	return err;
}

/* Whether anything in the file is applied: what is left out is no source of the module. */
static bool is_used(const struct series *s, size_t source)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->patches[i].source == source && s->patches[i].fate == SERIES_IN)
			return true;
	return false;
}

static int describe_patches(struct build *b, struct manifest *m)
{
	const struct series *s = b->series;
	struct manifest_patch *patches = arena_array(b->arena, s->n_files, sizeof(*patches));

	for (size_t i = 0; i < s->n_files; i++)
		if (is_used(s, i))
			patches[m->n_patches++] =
				(struct manifest_patch){ s->files[i].name, s->files[i].sha256 };
	m->patches = patches;
	return describe_fixes(b, m);
}

static const char *build_id(struct build *b, const struct buildid *id)
{
	char text[BUILDID_TEXT];

	return arena_strdup(b->arena, buildid_text(id, text));
}

static void add_reference(struct described *d, const struct diff_klp_ref *ref)
{
	struct manifest_object *o = d->object;
	size_t i;

	for (i = 0; i < o->n_references; i++) {
		struct manifest_reference *known = &d->references[i];

		if (known->position == ref->sympos && !strcmp(known->name, ref->name) &&
		    !strcmp(known->object, ref->object)) {
			known->uses += ref->count;
			return;
		}
	}
	d->references[o->n_references++] = (struct manifest_reference){
		.object = ref->object,
		.name = ref->name,
		.position = ref->sympos,
		.uses = ref->count,
	};
}

/* Why a function is replaced, and how the patch reached its object. */
static const char *reason_of(struct arena *a, const struct unit *u, const char *reason)
{
	const char *line = one_line(a, reason);

	return u->through ? arena_printf(a, "%s (through %s)", line, u->through) : line;
}

static int add_unit(struct arena *a, struct described *d, const struct unit *u)
{
	const struct diff_report *r = &u->report;
	struct manifest_object *o = d->object;
	size_t i;

	for (i = 0; i < r->n_changed; i++) {
		struct manifest_function *f = &d->functions[o->n_functions++];

		*f = (struct manifest_function){
			.name = r->changed[i].name,
			.source = u->source,
			.position = r->changed[i].sympos,
			.old_size = r->changed[i].old_size,
			.new_size = r->changed[i].new_size,
			.reason = reason_of(a, u, r->changed[i].reason),
		};
	}
	for (i = 0; i < r->n_new; i++)
		d->new_functions[o->n_new_functions++] = (struct manifest_new_function){
			.name = r->new_functions[i].name,
			.source = u->source,
			.size = r->new_functions[i].new_size,
		};
	for (i = 0; i < r->n_new_data; i++)
		d->new_data[o->n_new_data++] = r->new_data[i];
	for (i = 0; i < r->n_callbacks; i++)
		d->callbacks[o->n_callbacks++] = (struct manifest_callback){
			.kind = r->callbacks[i].kind,
			.function = r->callbacks[i].function,
		};
	for (i = 0; i < r->n_klp_refs; i++)
		add_reference(d, &r->klp_refs[i]);
	if (u->verified && u->verified->proven) {
		o->compared += u->verified->functions;
		o->matched += u->verified->matched;
	}
	return 0;
}

static bool belongs(const struct unit *u, const char *owner)
{
	return u->diff && !strcmp(u->owner, owner);
}

/* Room in @d for everything that the units of @owner report. */
static void make_room(struct build *b, const char *owner, struct described *d)
{
	size_t changed = 0, added = 0, data = 0, callbacks = 0, references = 0, i;

	for (i = 0; i < b->n_units; i++) {
		const struct diff_report *r = &b->units[i].report;

		if (!belongs(&b->units[i], owner))
			continue;
		changed += r->n_changed;
		added += r->n_new;
		data += r->n_new_data;
		callbacks += r->n_callbacks;
		references += r->n_klp_refs;
	}
	d->functions = arena_array(b->arena, changed, sizeof(*d->functions));
	d->new_functions = arena_array(b->arena, added, sizeof(*d->new_functions));
	d->new_data = arena_array(b->arena, data, sizeof(*d->new_data));
	d->callbacks = arena_array(b->arena, callbacks, sizeof(*d->callbacks));
	d->references = arena_array(b->arena, references, sizeof(*d->references));
}

static int describe_object(struct build *b, const char *owner, struct manifest_object *o)
{
	struct described d = { .object = o };
	size_t i;
	int ret = 0;

	make_room(b, owner, &d);
	o->name = owner;
	for (i = 0; !ret && i < b->n_units; i++) {
		const struct unit *u = &b->units[i];

		if (!belongs(u, owner))
			continue;
		ret = add_unit(b->arena, &d, u);
		if (u->verified && !o->build_id)
			o->build_id = build_id(b, &u->verified->build_id);
	}
	o->functions = d.functions;
	o->new_functions = d.new_functions;
	o->new_data = d.new_data;
	o->callbacks = d.callbacks;
	o->references = d.references;
	return ret;
}

/* vmlinux first, then by name. */
static int by_name(const void *x, const void *y)
{
	const char *a = *(const char *const *)x, *b = *(const char *const *)y;

	if (is_vmlinux(a) || is_vmlinux(b))
		return !is_vmlinux(a) ? 1 : !is_vmlinux(b) ? -1 : 0;
	return strcmp(a, b);
}

static int describe_objects(struct build *b, struct manifest *m)
{
	const char **owners = arena_array(b->arena, b->n_units, sizeof(*owners));
	struct manifest_object *objects = arena_array(b->arena, b->n_units, sizeof(*objects));
	size_t i, n = 0;
	int ret = 0;

	for (i = 0; i < b->n_units; i++)
		if (b->units[i].diff)
			owners[n++] = b->units[i].owner;
	if (n)
		qsort(owners, n, sizeof(*owners), by_name);
	for (i = 0; !ret && i < n; i++)
		if (!i || strcmp(owners[i], owners[i - 1]))
			ret = describe_object(b, owners[i], &objects[m->n_objects++]);
	m->objects = objects;
	return ret;
}

static void describe_kept(struct build *b, struct manifest *m)
{
	struct manifest_kept *list;
	size_t n = 0;

	for (size_t i = 0; i < b->n_units; i++)
		n += b->units[i].report.n_kept;
	list = arena_array(b->arena, n, sizeof(*list));
	for (size_t i = 0; i < b->n_units; i++) {
		const struct unit *u = &b->units[i];

		for (size_t k = 0; u->diff && k < u->report.n_kept; k++)
			list[m->n_kept++] = (struct manifest_kept){
				.what = one_line(b->arena, u->report.kept[k].what),
				.how = one_line(b->arena, u->report.kept[k].how),
				.source = u->source,
			};
	}
	m->kept = list;
}

static void describe_warnings(struct build *b, struct manifest *m)
{
	size_t i, n = diags_count(b->diags);
	const char **warnings = arena_array(b->arena, n, sizeof(*warnings));

	for (i = 0; i < n; i++) {
		const struct diag *d = diags_get(b->diags, i);

		if (d->severity != DIAG_WARNING)
			continue;
		warnings[m->n_warnings++] = one_line(b->arena, d->what);
	}
	m->warnings = warnings;
}

int finish_manifest(struct build *b, const struct elf_edit *linked, struct manifest *out)
{
	struct manifest m = {
		.name = b->name,
		.module = b->module_name,
		.version = b->options.version,
		.builder = "kpatch-build " KPATCH_VERSION,
		.replace = b->options.replace,
		.verified = build_proven(b),
		.kernel = {
			.release = b->kernel.release,
			.machine = b->kernel.arch->name,
			.compiler = b->kernel.cc_version,
		},
	};
	int ret;

	m.kernel.build_id = build_id(b, &b->image->build_id);
	ret = describe_patches(b, &m);
	if (!ret)
		ret = describe_objects(b, &m);
	if (!ret)
		describe_kept(b, &m);
	if (!ret)
		ret = module_states(linked, b->arena, b->diags, &m.states, &m.n_states);
	if (!ret)
		describe_warnings(b, &m);
	if (!ret)
		*out = m;
	return ret;
}
