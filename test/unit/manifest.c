/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest: what is written is read back the same; every way in which a file can be wrong is
 * found, in its line. Prints one TAP line a case.
 */
#include "lib/manifest/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define ID "0123456789abcdef0123456789abcdef01234567"
#define ID2 "89abcdef0123456789abcdef0123456789abcdef"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int cases, failures;

static void report(bool ok, const char *name)
{
	cases++;
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", cases, name);
}

static const struct manifest_function functions[] = {
	{ "meminfo_proc_show", "fs/proc/meminfo.c", 0, 2212, 2228, "instructions differ at +0x1c" },
	{ "show.isra.0", "fs/proc/my file.c", 3, 0, UINT64_MAX, "says \"ü\": {yes, no} # \\ %" },
};
static const struct manifest_new_function new_functions[] = { { "null", "fs/a.c", 12 } };
static const char *const new_data[] = { "__already_done.4", "yes" };
static const struct manifest_callback callbacks[] = { { "pre_patch", "check" }, { "post_unpatch", "undo" } };
static const struct manifest_reference references[] = { { "vmlinux", "si_swapinfo", 0, 2 },
							{ "sunrpc", "svc_debug", 1, 1 } };
static const struct manifest_patch patches[] = { { "fix.patch", SHA }, { "1e3", SHA } };
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
static const char *const cves[] = { "CVE-2024-12345", "CVE-1999-0001" };
static const char *const faults[] = { "123456789abc (\"a: b\")" };
static const char *const in_objects[] = { "vmlinux" };
static const struct manifest_fix fixes[] = {
	{ .patch = "fix.patch",
	  .message = 3,
	  .sha256 = SHA,
	  .subject = "net: \"ü\": %s",
	  .author = "Jörg <j@x>",
	  .commit = COMMIT,
	  .fixes = faults,
	  .n_fixes = 1,
	  .cves = cves,
	  .n_cves = 2,
	  .objects = in_objects,
	  .n_objects = 1 },
	{ .patch = "1e3", .subject = "yes" },
};
static const struct manifest_object objects[] = {
	{ .name = "vmlinux",
	  .build_id = ID,
	  .compared = 3,
	  .matched = 2,
	  .functions = functions,
	  .n_functions = 2,
	  .new_functions = new_functions,
	  .n_new_functions = 1,
	  .new_data = new_data,
	  .n_new_data = 2,
	  .callbacks = callbacks,
	  .n_callbacks = 2,
	  .references = references,
	  .n_references = 2 },
	{ .name = "nfsd",
	  .build_id = ID2,
	  .compared = 1,
	  .matched = 1,
	  .functions = functions,
	  .n_functions = 1 },
};
static const char *const warnings[] = { "first", "- second: 'x'" };

static const struct manifest sample = {
	.name = "livepatch-fix",
	.module = "livepatch_fix",
	.version = "1",
	.builder = "kpatch-build 0.1",
	.replace = true,
	.verified = true,
	.kernel = { "6.1.0-56-amd64", "x86_64", ID, "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0" },
	.patches = patches,
	.n_patches = 2,
	.fixes = fixes,
	.n_fixes = 2,
	.objects = objects,
	.n_objects = 2,
	.warnings = warnings,
	.n_warnings = 2,
};

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static bool same_object(const struct manifest_object *a, const struct manifest_object *b)
{
	bool ok = same(a->name, b->name) && same(a->build_id, b->build_id) && a->compared == b->compared &&
		  a->matched == b->matched && a->n_functions == b->n_functions &&
		  a->n_new_functions == b->n_new_functions && a->n_new_data == b->n_new_data &&
		  a->n_callbacks == b->n_callbacks && a->n_references == b->n_references;

	for (size_t i = 0; ok && i < a->n_functions; i++) {
		const struct manifest_function *x = &a->functions[i], *y = &b->functions[i];

		ok = same(x->name, y->name) && same(x->source, y->source) && x->position == y->position &&
		     x->old_size == y->old_size && x->new_size == y->new_size && same(x->reason, y->reason);
	}
	for (size_t i = 0; ok && i < a->n_new_functions; i++)
		ok = same(a->new_functions[i].name, b->new_functions[i].name) &&
		     same(a->new_functions[i].source, b->new_functions[i].source) &&
		     a->new_functions[i].size == b->new_functions[i].size;
	for (size_t i = 0; ok && i < a->n_new_data; i++)
		ok = same(a->new_data[i], b->new_data[i]);
	for (size_t i = 0; ok && i < a->n_callbacks; i++)
		ok = same(a->callbacks[i].kind, b->callbacks[i].kind) &&
		     same(a->callbacks[i].function, b->callbacks[i].function);
	for (size_t i = 0; ok && i < a->n_references; i++)
		ok = same(a->references[i].object, b->references[i].object) &&
		     same(a->references[i].name, b->references[i].name) &&
		     a->references[i].position == b->references[i].position &&
		     a->references[i].uses == b->references[i].uses;
	return ok;
}

static bool same_fix(const struct manifest_fix *a, const struct manifest_fix *b)
{
	bool ok = same(a->patch, b->patch) && same(a->subject, b->subject) && !a->author == !b->author &&
		  !a->commit == !b->commit && a->n_fixes == b->n_fixes && a->n_cves == b->n_cves &&
		  a->message == b->message && !a->sha256 == !b->sha256 && a->n_objects == b->n_objects &&
		  (!a->n_objects || !strcmp(*a->objects, *b->objects));

	ok = ok && (!a->author || same(a->author, b->author)) && (!a->commit || same(a->commit, b->commit));
	for (size_t i = 0; ok && i < a->n_fixes; i++)
		ok = same(a->fixes[i], b->fixes[i]);
	for (size_t i = 0; ok && i < a->n_cves; i++)
		ok = same(a->cves[i], b->cves[i]);
	return ok;
}

static bool same_manifest(const struct manifest *a, const struct manifest *b)
{
	bool ok = same(a->name, b->name) && same(a->module, b->module) && same(a->version, b->version) &&
		  same(a->builder, b->builder) && a->replace == b->replace && a->verified == b->verified &&
		  same(a->kernel.release, b->kernel.release) && same(a->kernel.machine, b->kernel.machine) &&
		  same(a->kernel.build_id, b->kernel.build_id) &&
		  same(a->kernel.compiler, b->kernel.compiler) && a->n_patches == b->n_patches &&
		  a->n_objects == b->n_objects && a->n_warnings == b->n_warnings;

	for (size_t i = 0; ok && i < a->n_patches; i++)
		ok = same(a->patches[i].name, b->patches[i].name) &&
		     same(a->patches[i].sha256, b->patches[i].sha256);
	ok = ok && a->n_fixes == b->n_fixes;
	for (size_t i = 0; ok && i < a->n_fixes; i++)
		ok = same_fix(&a->fixes[i], &b->fixes[i]);
	for (size_t i = 0; ok && i < a->n_objects; i++)
		ok = same_object(&a->objects[i], &b->objects[i]);
	for (size_t i = 0; ok && i < a->n_warnings; i++)
		ok = same(a->warnings[i], b->warnings[i]);
	return ok;
}

static void print_diags(const struct diags *d)
{
	for (size_t i = 0; i < diags_count(d); i++) {
		printf("# ");
		diag_print(stdout, diags_get(d, i));
	}
}

/* Writes @m; the text is the caller's. NULL if it was refused. */
static char *write_sample(const struct manifest *m, struct diags *d)
{
	char *text = NULL;
	size_t size;

	if (manifest_write(m, d, &text, &size))
		return NULL;
	return text;
}

static void round_trip(void)
{
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	const struct manifest *m = NULL;
	char *text = write_sample(&sample, d), *again = NULL;

	report(text != NULL, "the sample can be written");
	report(text && !manifest_read(text, strlen(text), "x.yaml", a, d, &m), "and read");
	report(m && m->format == MANIFEST_FORMAT && same_manifest(m, &sample), "with the same values");
	if (m)
		again = write_sample(m, d);
	report(text && again && !strcmp(text, again), "and written again to the same bytes");
	report(m && manifest_find_object(m, "nfsd") == &m->objects[1] && !manifest_find_object(m, "nfs"),
	       "objects are found by name");
	print_diags(d);
	free(text);
	free(again);
	arena_free(a);
	diags_free(d);
}

/* The @nth occurrence (from 0) of @from in @text replaced by @to; the result is the caller's. */
static char *replace(const char *text, const char *from, unsigned int nth, const char *to, unsigned int *line)
{
	size_t room = strlen(text) + strlen(to) + 1;
	const char *at = strstr(text, from);
	char *out;

	while (at && nth--)
		at = strstr(at + 1, from);
	if (!at)
		return NULL;
	out = calloc(1, room);
	*line = 1;
	for (const char *p = text; p < at; p++)
		*line += *p == '\n';
	snprintf(out, room, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

struct broken {
	const char *from;
	unsigned int nth;
	const char *to;
	const char *id;
	int line; /* relative to that of the change; NO_LINE: the whole file */
};

#define NO_LINE 1000

static const struct broken broken[] = {
	/* syntax */
	{ "kernel:", 0, "kernel: [", "manifest-syntax", 2 },
	{ "replace: true", 0, "replace: true\n\tx: 1", "manifest-syntax", 1 },
	{ "version: \"1\"", 0, "version: \"1", "manifest-syntax", NO_LINE },
	/* parts of YAML that have no place here */
	{ "replace: true", 0, "replace: &a true", "manifest-unsupported", 0 },
	{ "replace: true", 0, "replace: !!bool true", "manifest-unsupported", 0 },
	{ "replace: true", 0, "replace: *a", "manifest-unsupported", 0 },
	{ ": 'x'\"", 0, ": 'x'\"\n---\nformat: 1", "manifest-unsupported", 1 },
	/* another version */
	{ "format: 1", 0, "format: 2", "manifest-format", NO_LINE },
	{ "format: 1\n", 0, "replace: true\nformat: 7\n", "manifest-duplicate-key", NO_LINE },
	/* keys */
	{ "replace:", 0, "replaces:", "manifest-unknown-key", 0 },
	{ "    position:", 0, "    \"\\e[2J\":", "manifest-unknown-key", 0 },
	{ "replace: true\n", 0, "", "manifest-missing-key", -5 },
	{ "    old_size: 2212\n", 0, "", "manifest-missing-key", -3 },
	{ "replace: true", 0, "replace: true\nreplace: true", "manifest-duplicate-key", 1 },
	{ "replace: true", 0, "{a: b}: true", "manifest-wrong-type", 0 },
	{ "  release:", 0, "  1:", "manifest-wrong-type", 0 },
	/* types */
	{ "replace: true", 0, "replace: yes", "manifest-wrong-type", 0 },
	{ "replace: true", 0, "replace: 'true'", "manifest-wrong-type", 0 },
	{ "replace: true", 0, "replace: [true]", "manifest-wrong-type", 0 },
	{ "version: \"1\"", 0, "version: 1", "manifest-wrong-type", 0 },
	{ "version: \"1\"", 0, "version: 1.0", "manifest-wrong-type", 0 },
	{ "version: \"1\"", 0, "version: 0x10", "manifest-wrong-type", 0 },
	{ "version: \"1\"", 0, "version:", "manifest-wrong-type", 0 },
	{ "version: \"1\"", 0, "version: {a: b}", "manifest-wrong-type", 0 },
	{ "old_size: 2212", 0, "old_size: \"2212\"", "manifest-wrong-type", 0 },
	{ "old_size: 2212", 0, "old_size: many", "manifest-wrong-type", 0 },
	{ "old_size: 2212", 0, "old_size: 1e3", "manifest-wrong-type", 0 },
	{ "old_size: 2212", 0, "old_size: -1", "manifest-wrong-type", 0 },
	{ "old_size: 2212", 0, "old_size: [1, [2, {a: 3}]]", "manifest-wrong-type", 0 },
	{ "warnings:", 0, "warnings: none\nx:", "manifest-wrong-type", 0 },
	{ "- kind: pre_patch\n    function: check", 0, "- pre_patch", "manifest-wrong-type", 0 },
	{ "- \"first\"", 0, "- [first]", "manifest-wrong-type", 0 },
	/* values */
	{ "old_size: 2212", 0, "old_size: 18446744073709551616", "manifest-invalid-value", 0 },
	{ "old_size: 2212", 0, "old_size: 010", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: ../fix.patch", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: \"fix\\npatch\"", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: \"fix\\0patch\"", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: \"fix\\u202epatch\"", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: \"\\e[1m\"", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: \"\"", "manifest-invalid-value", 0 },
	{ "name: fix.patch", 0, "name: ..", "manifest-invalid-value", 0 },
	{ "source: fs/proc/meminfo.c", 0, "source: /etc/passwd", "manifest-invalid-value", 0 },
	{ "source: fs/proc/meminfo.c", 0, "source: fs/../../x", "manifest-invalid-value", 0 },
	{ "name: meminfo_proc_show", 0, "name: meminfo/proc", "manifest-invalid-value", 0 },
	{ "name: meminfo_proc_show", 0, "name: a b", "manifest-invalid-value", 0 },
	{ "sha256: \"0123", 0, "sha256: \"123", "manifest-invalid-value", 0 },
	{ "sha256: \"0123", 0, "sha256: \"X123", "manifest-invalid-value", 0 },
	{ "build_id: \"0123", 0, "build_id: \"012", "manifest-invalid-value", 0 },
	{ "build_id: \"0123", 0, "build_id: \"ABCD", "manifest-invalid-value", 0 },
	{ "kind: pre_patch", 0, "kind: during_patch", "manifest-invalid-value", 0 },
	{ "module: livepatch_fix", 0, "module: livepatch-fix", "manifest-invalid-value", 0 },
	{ "release: \"6.1.0-56-amd64\"", 0, "release: \"6.1/../x\"", "manifest-invalid-value", 0 },
	{ "- \"first\"", 0, "- \"\\x9b\"", "manifest-invalid-value", 0 },
	/* values that contradict each other */
	{ "name: livepatch-fix", 0, "name: livepatch-other", "manifest-inconsistent", NO_LINE },
	{ "build_id: \"0123", 1, "build_id: \"1123", "manifest-inconsistent", NO_LINE },
	{ "matched: 2", 0, "matched: 4", "manifest-inconsistent", NO_LINE },
	{ "matched: 1", 0, "matched: 0", "manifest-inconsistent", NO_LINE },
	{ "name: nfsd", 0, "name: vmlinux", "manifest-inconsistent", NO_LINE },
	{ "name: vmlinux", 0, "name: xfs", "manifest-inconsistent", NO_LINE },
	{ "kind: post_unpatch", 0, "kind: pre_patch", "manifest-inconsistent", NO_LINE },
	{ "name: show.isra.0", 0, "name: meminfo_proc_show", NULL, 0 },
};

static bool found(const struct diags *d, const struct broken *b, unsigned int line)
{
	for (size_t i = 0; i < diags_count(d); i++) {
		const struct diag *g = diags_get(d, i);

		if (!strcmp(g->id, b->id) && same(g->place.file, "x.yaml") &&
		    (b->line == NO_LINE || (int)g->place.line == (int)line + b->line))
			return true;
	}
	return false;
}

static void refuse(const char *text, const struct broken *b)
{
	struct diags *d = diags_new();
	struct arena *a = arena_new();
	const struct manifest *m = NULL;
	unsigned int line = 0;
	char name[200], *changed = replace(text, b->from, b->nth, b->to, &line);
	int err = changed ? manifest_read(changed, strlen(changed), "x.yaml", a, d, &m) : 1;
	bool ok = b->id ? err == -EINVAL && !m && found(d, b, line) : !err;

	snprintf(name, sizeof(name), "%s: %s", b->id ? b->id : "accepted", b->to);
	for (char *p = name; *p; p++)
		if (*p == '\n' || *p == '#')
			*p = ' ';
	report(ok, name);
	if (!ok) {
		printf("# line of the change: %u, result %d\n", line, err);
		print_diags(d);
	}
	free(changed);
	arena_free(a);
	diags_free(d);
}

/* Cut anywhere, it is refused; only the last newline may be missing. */
static void truncations(const char *text)
{
	size_t size = strlen(text), accepted = 0;

	for (size_t n = 0; n + 2 < size; n++) {
		struct diags *d = diags_new();
		struct arena *a = arena_new();
		const struct manifest *m = NULL;
		int err = manifest_read(text, n, "x.yaml", a, d, &m);

		/* The last warning can be cut short without anything being wrong with it. */
		if (!err && n < size - 20)
			accepted++;
		if (err && !diags_errors(d))
			accepted++;
		arena_free(a);
		diags_free(d);
	}
	report(!accepted, "cut anywhere: refused, with a reason");
}

/* Any byte changed to any of a few others: an answer, and a reason where it is a refusal. */
static void mutations(const char *text)
{
	static const char values[] = "\0\n\t\"'[{:-#&*!%\xff"
				     "0a";
	size_t size = strlen(text), silent = 0;
	char *copy = strdup(text);

	for (size_t n = 0; n < size; n += 3) {
		for (size_t v = 0; v < sizeof(values) - 1; v++) {
			struct diags *d = diags_new();
			struct arena *a = arena_new();
			const struct manifest *m = NULL;
			int err;

			copy[n] = values[v];
			err = manifest_read(copy, size, "x.yaml", a, d, &m);
			if (err ? !diags_errors(d) : !m || diags_errors(d))
				silent++;
			arena_free(a);
			diags_free(d);
		}
		copy[n] = text[n];
	}
	free(copy);
	report(!silent, "bytes changed: never refused without a reason");
}

/* Values that cannot be read are not written. */
static void refuse_to_write(const struct manifest *m, const char *id, const char *name)
{
	struct diags *d = diags_new();
	char *text = write_sample(m, d);

	report(!text && diags_has(d, id), name);
	free(text);
	diags_free(d);
}

static void unwritable(void)
{
	struct manifest m = sample;
	struct manifest_object o = objects[0];
	struct manifest_function f[2] = { functions[0], functions[0] };
	struct manifest_object only_new[2] = { objects[0], { .name = "nfsd", .build_id = ID2 } };

	m.name = NULL;
	refuse_to_write(&m, "manifest-invalid-value", "a missing name is not written");
	m = sample;
	m.kernel.build_id = "xyz";
	refuse_to_write(&m, "manifest-invalid-value", "a bad build ID is not written");
	m = sample;
	m.n_objects = 0;
	refuse_to_write(&m, "manifest-inconsistent", "a manifest without objects is not written");
	m = sample;
	m.n_patches = 0;
	refuse_to_write(&m, "manifest-inconsistent", "a manifest without patches is not written");
	o.functions = f;
	m = sample;
	m.objects = &o;
	m.n_objects = 1;
	refuse_to_write(&m, "manifest-inconsistent", "a function replaced twice is not written");
	m.verified = false;
	o.n_functions = o.n_callbacks = 0;
	refuse_to_write(&m, "manifest-inconsistent", "a patch that only adds is not written");
	o.n_functions = 1;
	o.matched = 0;
	m.verified = true;
	refuse_to_write(&m, "manifest-inconsistent", "verified, and no function was compared: not written");
	m.objects = only_new;
	m.n_objects = 2;
	refuse_to_write(&m, "manifest-inconsistent", "an object without changes is not written");
}

/* A variable is added to an object without functions, for another object: nothing is compared there. */
static void only_added(void)
{
	struct manifest_object with_new[2] = { objects[0], objects[1] };
	struct manifest m = sample;
	struct diags *d = diags_new();
	char *text;

	with_new[1].n_functions = with_new[1].compared = with_new[1].matched = 0;
	with_new[1].new_data = new_data;
	with_new[1].n_new_data = 1;
	m.objects = with_new;
	text = write_sample(&m, d);
	report(text && strstr(text, "name: nfsd"), "an object that only gets a variable is written");
	print_diags(d);
	diags_free(d);
	free(text);
}

static void fix_refused(struct manifest_fix fix, const char *id, const char *name)
{
	struct manifest m = sample;

	m.fixes = &fix;
	m.n_fixes = 1;
	refuse_to_write(&m, id, name);
}

static void fixes_of_patches(void)
{
	static const char *const bad[] = { "CVE-2024-123",
					   "CVE-24-12345",
					   "cve-2024-12345",
					   "CVE-2024-12345 ",
					   "CVE-2024-12345678901234567890",
					   "CVE-2024" };
	struct manifest_fix f = fixes[0];
	struct manifest m = sample;
	struct diags *d = diags_new();
	char *text;

	report(manifest_find_cve(&sample, "CVE-1999-0001", NULL) == &fixes[0], "a CVE number is found");
	report(!manifest_find_cve(&sample, "CVE-1999-0001", &fixes[0]), "once");
	report(!manifest_find_cve(&sample, "CVE-2024-1234", NULL), "and none that only begins like one");
	report(manifest_count_fixes(&sample) == 2, "the number of fixes");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		report(!manifest_cve_is_valid(bad[i]), bad[i]);
	f.cves = bad;
	fix_refused(f, "manifest-invalid-value", "a bad CVE number is not written");
	f = fixes[0];
	f.commit = "0123456789abcdef";
	fix_refused(f, "manifest-invalid-value", "a short commit is not written");
	f = fixes[0];
	f.subject = NULL;
	fix_refused(f, "manifest-invalid-value", "a fix without a subject is not written");
	f = fixes[0];
	f.patch = "other.patch";
	fix_refused(f, "manifest-inconsistent", "a fix of a patch that is not listed is not written");
	m.n_fixes = 0;
	text = write_sample(&m, d);
	report(text && !strstr(text, "fixes"),
	       "without fixes, the text is what it was before there were any");
	free(text);
	diags_free(d);
}

int main(int argc, char **argv)
{
	struct diags *d = diags_new();
	char *text = write_sample(&sample, d);

	print_diags(d);
	diags_free(d);
	if (!text)
		return 1;
	if (argc > 1 && !strcmp(argv[1], "--print")) {
		fputs(text, stdout);
		free(text);
		return 0;
	}
	round_trip();
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++)
		refuse(text, &broken[i]);
	truncations(text);
	mutations(text);
	unwritable();
	only_added();
	fixes_of_patches();
	printf("1..%d\n", cases);
	free(text);
	return failures != 0;
}
