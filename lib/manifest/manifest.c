/* SPDX-License-Identifier: GPL-2.0-only */
/* See manifest.h. The tables are the layout; what cannot be said in a table is checked below. */
#include "lib/manifest/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"
#include "lib/util/vmlinux.h"

static bool valid_kind(const char *s)
{
	return !strcmp(s, "pre_patch") || !strcmp(s, "post_patch") || !strcmp(s, "pre_unpatch") ||
	       !strcmp(s, "post_unpatch");
}

/* Versions go into package versions too, where nothing else is allowed either. */
static bool valid_version(const char *s)
{
	return schema_release.valid(s);
}

static bool valid_machine(const char *s)
{
	return schema_symbol.valid(s);
}

static bool valid_module(const char *s)
{
	return schema_object.valid(s) && !strchr(s, '-');
}

/* As cve.org numbers them; no year has had a billion. */
bool manifest_cve_is_valid(const char *s)
{
	size_t digits = strlen(s) > 9 ? strspn(s + 9, "0123456789") : 0;

	return digits >= 4 && digits <= 19 && !s[9 + digits] && !strncmp(s, "CVE-", 4) &&
	       strspn(s + 4, "0123456789") == 4 && s[8] == '-';
}

static bool valid_commit(const char *s)
{
	return schema_hex.valid(s) && strlen(s) == 40;
}

static const struct schema_rule commit_rule = { valid_commit, "40 lower case hexadecimal digits", false };
static const struct schema_rule cve_rule = { manifest_cve_is_valid, "a CVE number", true };
static const struct schema_rule version_rule = { valid_version, "a version", false };
static const struct schema_rule machine_rule = { valid_machine, "a machine as uname -m has it", true };
static const struct schema_rule callback_kind = { valid_kind, "a kind of callback", true };
static const struct schema_rule module_name = { valid_module, "a module name without \"-\"", true };

#define KEY(struct_, key_, type_, ...)                                                                       \
	{                                                                                                    \
		.key = #key_, .type = SCHEMA_##type_, .offset = offsetof(struct struct_, key_), __VA_ARGS__  \
	}
#define TEXT(struct_, key_, rule_) KEY(struct_, key_, STRING, .rule = &(rule_))
#define LIST(struct_, key_, type_, ...)                                                                      \
	KEY(struct_, key_, type_, .count_offset = offsetof(struct struct_, n_##key_), __VA_ARGS__)
#define END                                                                                                  \
	{                                                                                                    \
		.key = NULL                                                                                  \
	}
#define SCHEMA(struct_, what_, keys_)                                                                        \
	{                                                                                                    \
		.what = (what_), .size = sizeof(struct struct_), .keys = (keys_)                             \
	}

static const struct schema_key patch_keys[] = { TEXT(manifest_patch, name, schema_file),
						TEXT(manifest_patch, sha256, schema_sha256), END };
static const struct schema patch_schema = SCHEMA(manifest_patch, "a patch", patch_keys);

static const struct schema_key fix_keys[] = {
	TEXT(manifest_fix, patch, schema_file),
	KEY(manifest_fix, message, NUMBER, .optional = true, .unwritten = true),
	KEY(manifest_fix, sha256, STRING, .rule = &schema_sha256, .optional = true),
	TEXT(manifest_fix, subject, schema_text),
	KEY(manifest_fix, author, STRING, .rule = &schema_text, .optional = true),
	KEY(manifest_fix, commit, STRING, .rule = &commit_rule, .optional = true),
	LIST(manifest_fix, fixes, STRINGS, .rule = &schema_text, .optional = true, .unwritten = true),
	LIST(manifest_fix, cves, STRINGS, .rule = &cve_rule, .optional = true, .unwritten = true),
	LIST(manifest_fix, objects, STRINGS, .rule = &schema_object, .optional = true, .unwritten = true),
	END
};
static const struct schema fix_schema = SCHEMA(manifest_fix, "a fix", fix_keys);

static const struct schema_key kernel_keys[] = { TEXT(manifest_kernel, release, schema_release),
						 TEXT(manifest_kernel, machine, machine_rule),
						 TEXT(manifest_kernel, build_id, schema_hex),
						 TEXT(manifest_kernel, compiler, schema_text), END };
static const struct schema kernel_schema = SCHEMA(manifest_kernel, "the kernel", kernel_keys);

static const struct schema_key function_keys[] = { TEXT(manifest_function, name, schema_symbol),
						   TEXT(manifest_function, source, schema_path),
						   KEY(manifest_function, position, NUMBER),
						   KEY(manifest_function, old_size, NUMBER),
						   KEY(manifest_function, new_size, NUMBER),
						   TEXT(manifest_function, reason, schema_text),
						   END };
static const struct schema function_schema = SCHEMA(manifest_function, "a replaced function", function_keys);

static const struct schema_key new_function_keys[] = { TEXT(manifest_new_function, name, schema_symbol),
						       TEXT(manifest_new_function, source, schema_path),
						       KEY(manifest_new_function, size, NUMBER), END };
static const struct schema new_function_schema =
	SCHEMA(manifest_new_function, "a new function", new_function_keys);

static const struct schema_key callback_keys[] = { TEXT(manifest_callback, kind, callback_kind),
						   TEXT(manifest_callback, function, schema_symbol), END };
static const struct schema callback_schema = SCHEMA(manifest_callback, "a callback", callback_keys);

static const struct schema_key reference_keys[] = { TEXT(manifest_reference, object, schema_object),
						    TEXT(manifest_reference, name, schema_symbol),
						    KEY(manifest_reference, position, NUMBER),
						    KEY(manifest_reference, uses, NUMBER), END };
static const struct schema reference_schema = SCHEMA(manifest_reference, "a reference", reference_keys);

static const struct schema_key object_keys[] = {
	TEXT(manifest_object, name, schema_object),
	TEXT(manifest_object, build_id, schema_hex),
	KEY(manifest_object, compared, NUMBER),
	KEY(manifest_object, matched, NUMBER),
	LIST(manifest_object, functions, STRUCTS, .schema = &function_schema),
	LIST(manifest_object, new_functions, STRUCTS, .schema = &new_function_schema),
	LIST(manifest_object, new_data, STRINGS, .rule = &schema_symbol),
	LIST(manifest_object, callbacks, STRUCTS, .schema = &callback_schema),
	LIST(manifest_object, references, STRUCTS, .schema = &reference_schema),
	END
};
static const struct schema object_schema = SCHEMA(manifest_object, "a patched object", object_keys);

static const struct schema_key kept_keys[] = { TEXT(manifest_kept, what, schema_text),
					       TEXT(manifest_kept, how, schema_text),
					       TEXT(manifest_kept, source, schema_path), END };
static const struct schema kept_schema = SCHEMA(manifest_kept, "what is kept", kept_keys);

static const struct schema_key state_keys[] = { KEY(manifest_state, id, NUMBER),
						KEY(manifest_state, version, NUMBER, .max = UINT32_MAX),
						END };
static const struct schema state_schema = SCHEMA(manifest_state, "a state", state_keys);

static const struct schema_key manifest_keys[] = {
	KEY(manifest, format, NUMBER),
	TEXT(manifest, name, schema_object),
	TEXT(manifest, module, module_name),
	TEXT(manifest, version, version_rule),
	TEXT(manifest, builder, schema_text),
	KEY(manifest, replace, BOOL),
	KEY(manifest, verified, BOOL),
	KEY(manifest, kernel, STRUCT, .schema = &kernel_schema),
	LIST(manifest, patches, STRUCTS, .schema = &patch_schema),
	LIST(manifest, fixes, STRUCTS, .schema = &fix_schema, .optional = true, .unwritten = true),
	LIST(manifest, objects, STRUCTS, .schema = &object_schema),
	LIST(manifest, kept, STRUCTS, .schema = &kept_schema, .optional = true),
	LIST(manifest, states, STRUCTS, .schema = &state_schema, .optional = true),
	LIST(manifest, warnings, STRINGS, .rule = &schema_text),
	END
};
static const struct schema manifest_schema = SCHEMA(manifest, "the manifest", manifest_keys);

static const struct schema_ids ids = {
	.syntax = "manifest-syntax",
	.unsupported = "manifest-unsupported",
	.unknown_key = "manifest-unknown-key",
	.duplicate_key = "manifest-duplicate-key",
	.missing_key = "manifest-missing-key",
	.wrong_type = "manifest-wrong-type",
	.invalid_value = "manifest-invalid-value",
};

/* State of the checks of what keys say about each other. */
struct check {
	const struct manifest *m;
	const char *file;
	struct arena *arena;
	struct diags *diags;
};

#define inconsistent(c, ...)                                                                                 \
	diag_error((c)->diags, "manifest-inconsistent", diag_file((c)->file), NULL, __VA_ARGS__)

static char fold(char c)
{
	return c == '-' ? '_' : c;
}

/* As the kernel compares module names. */
static bool same_object(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) == fold(*b);
}

/* -EEXIST if @key was there already. */
static int add_once(struct strmap *seen, const char *key)
{
	if (strmap_get(seen, key))
		return -EEXIST;
	strmap_set(seen, key, (union strmap_value){ .num = 1 });
	return 0;
}

static int check_functions(struct check *c, const struct manifest_object *o)
{
	struct strmap *seen = strmap_new(o->n_functions);
	int err = 0;

	for (size_t i = 0; i < o->n_functions && !err; i++) {
		const struct manifest_function *f = &o->functions[i];

		err = add_once(seen, arena_printf(c->arena, "%s,%" PRIu64, f->name, f->position));
		if (err == -EEXIST) {
			inconsistent(c, "%s of %s is replaced twice", f->name, o->name);
			err = 0;
		}
	}
	strmap_free(seen);
	return err;
}

static int check_callbacks(struct check *c, const struct manifest_object *o)
{
	struct strmap *seen = strmap_new(o->n_callbacks);
	int err = 0;

	for (size_t i = 0; i < o->n_callbacks && !err; i++) {
		err = add_once(seen, o->callbacks[i].kind);
		if (err == -EEXIST) {
			inconsistent(c, "%s has more than one %s callback", o->name, o->callbacks[i].kind);
			err = 0;
		}
	}
	strmap_free(seen);
	return err;
}

/* Whether the kernel does anything else in @o once the patch is loaded. What is new has to be used. */
static bool changes(const struct manifest_object *o)
{
	return o->n_functions || o->n_callbacks;
}

static int check_object(struct check *c, const struct manifest_object *o)
{
	int err;

	if (!changes(o) && !o->n_new_functions && !o->n_new_data)
		inconsistent(c, "%s is listed, but nothing in it changes", o->name);
	if (o->matched > o->compared)
		inconsistent(c, "more functions of %s matched than were compared", o->name);
	if (c->m->verified && o->n_functions && !o->matched)
		inconsistent(c, "verified, but no function of %s was compared", o->name);
	if (is_vmlinux(o->name) && strcmp(o->build_id, c->m->kernel.build_id))
		inconsistent(c, "vmlinux and the kernel have different build IDs");
	err = check_functions(c, o);
	return err ? err : check_callbacks(c, o);
}

/* vmlinux before the modules, and those in the order of their names, each once. */
static void check_order(struct check *c)
{
	const struct manifest *m = c->m;

	for (size_t i = 1; i < m->n_objects; i++) {
		const char *before = m->objects[i - 1].name, *name = m->objects[i].name;

		if (same_object(before, name))
			inconsistent(c, "object %s is listed twice", name);
		else if (is_vmlinux(name) || (!is_vmlinux(before) && strcmp(before, name) > 0))
			inconsistent(c, "object %s must come before %s", name, before);
	}
}

/* The core takes the first state without a number for the end, and the first of a number for that number. */
static int check_states(struct check *c)
{
	const struct manifest *m = c->m;
	struct strmap *seen = strmap_new(m->n_states);
	int err = 0;

	for (size_t i = 0; i < m->n_states && !err; i++) {
		if (!m->states[i].id)
			inconsistent(c, "a state has the number 0");
		err = add_once(seen, arena_printf(c->arena, "%" PRIu64, m->states[i].id));
		if (err == -EEXIST) {
			inconsistent(c, "state %" PRIu64 " is declared twice", m->states[i].id);
			err = 0;
		}
	}
	strmap_free(seen);
	return err;
}

static void check_fix(struct check *c, const struct manifest_fix *f)
{
	bool found = false;

	for (size_t i = 0; i < c->m->n_patches && !found; i++)
		found = !strcmp(c->m->patches[i].name, f->patch);
	if (!found)
		inconsistent(c, "a fix is in %s, which is no source patch of this", f->patch);
	for (size_t i = 0; i < f->n_objects; i++)
		if (!manifest_find_object(c->m, f->objects[i]))
			inconsistent(c, "a fix changes %s, which is no object of this", f->objects[i]);
}

static int check_manifest(struct check *c)
{
	const struct manifest *m = c->m;
	bool any = false;
	int err;

	if (!m->n_patches)
		inconsistent(c, "no source patch is listed");
	if (!m->n_objects)
		inconsistent(c, "no patched object is listed");
	if (!same_object(m->name, m->module))
		inconsistent(c, "name %s and module %s do not belong together", m->name, m->module);
	for (size_t i = 0; i < m->n_fixes; i++)
		check_fix(c, &m->fixes[i]);
	check_order(c);
	err = check_states(c);
	for (size_t i = 0; i < m->n_objects && !err; i++) {
		any |= changes(&m->objects[i]);
		err = check_object(c, &m->objects[i]);
	}
	if (m->n_objects && !any)
		inconsistent(c, "no function is replaced, and nothing is called");
	return err;
}

int manifest_write(const struct manifest *m, struct diags *diags, char **text, size_t *size)
{
	struct manifest out = *m;
	struct check c = { .m = &out, .diags = diags, .arena = arena_new() };
	size_t errors = diags_errors(diags), length = 0;
	char *yaml = NULL;
	int err;

	out.format = MANIFEST_FORMAT;
	err = schema_write(&manifest_schema, &ids, &out, diags, &yaml, &length);
	/* The checks rely on every value being there and valid, which the writer found out. */
	if (!err)
		err = check_manifest(&c);
	if (!err && diags_errors(diags) != errors)
		err = -EINVAL;
	arena_free(c.arena);
	if (err) {
		free(yaml);
		return err;
	}
	*text = yaml;
	*size = length;
	return 0;
}

static int bad_format(const char *file, struct diags *diags, uint64_t format)
{
	diag_error(diags, "manifest-format", diag_file(file),
		   "Use the version of kpatch that belongs to the kpatch-build which made it",
		   "manifest of format %" PRIu64 ", only format %d is known", format, MANIFEST_FORMAT);
	return -EINVAL;
}

/* Another format would otherwise give a list of unknown and missing keys. */
static int check_format(const void *text, size_t size, const char *file, struct diags *diags)
{
	uint64_t format;
	int err = schema_first_number(text, size, "format", &format);

	/* If it does not start with a format, the reader finds out what is wrong. */
	if (err || format == MANIFEST_FORMAT)
		return 0;
	return bad_format(file, diags, format);
}

int manifest_read(const void *text, size_t size, const char *file, struct arena *arena, struct diags *diags,
		  const struct manifest **out)
{
	struct manifest *m = arena_alloc(arena, sizeof(*m));
	struct check c = { .m = m, .file = file, .arena = arena, .diags = diags };
	size_t errors = diags_errors(diags);
	int err;

	if (size > MANIFEST_MAX_SIZE) {
		diag_error(diags, "manifest-too-big", diag_file(file), NULL,
			   "manifest of %zu bytes, at most %u are read", size, MANIFEST_MAX_SIZE);
		return -EFBIG;
	}
	err = check_format(text, size, file, diags);
	if (!err)
		err = schema_read(&manifest_schema, &ids, text, size, file, arena, diags, m);
	if (!err && m->format != MANIFEST_FORMAT)
		err = bad_format(file, diags, m->format);
	if (!err)
		err = check_manifest(&c);
	if (!err && diags_errors(diags) != errors)
		err = -EINVAL;
	if (!err)
		*out = m;
	return err;
}

const struct manifest_fix *manifest_find_cve(const struct manifest *m, const char *cve,
					     const struct manifest_fix *after)
{
	for (size_t i = after ? (size_t)(after - m->fixes) + 1 : 0; i < m->n_fixes; i++)
		for (size_t k = 0; k < m->fixes[i].n_cves; k++)
			if (!strcmp(m->fixes[i].cves[k], cve))
				return &m->fixes[i];
	return NULL;
}

bool manifest_names(const struct manifest *m, const char *patch)
{
	for (size_t i = 0; i < m->n_fixes; i++)
		if (!strcmp(m->fixes[i].patch, patch))
			return true;
	return false;
}

size_t manifest_count_fixes(const struct manifest *m)
{
	size_t n = m->n_fixes;

	for (size_t i = 0; i < m->n_patches; i++)
		n += !manifest_names(m, m->patches[i].name);
	return n;
}

const struct manifest_object *manifest_find_object(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n_objects; i++)
		if (same_object(m->objects[i].name, name))
			return &m->objects[i];
	return NULL;
}
