// SPDX-License-Identifier: GPL-2.0-only
/*
 * The patch reader and applier of kpatch-build: what is accepted, what is refused under which id,
 * and that no truncation or mutation of a patch crashes it or is applied as something else.
 */
#include "kpatch-build/plan/patchfile.h"

#include <stdlib.h>

#include "kpatch-build/compile/line_markers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "test/unit/tap.h"

static const char old_text[] = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n";

struct result {
	int err;
	char text[4096], marked[4096];
	char id[64];
	struct patch_file patch;
	struct arena *arena;
};

/* Parses and applies the first entry to @text. */
static struct result *run(const char *patch, size_t size, const char *text)
{
	static struct result r;
	struct diags *diags = diags_new();
	struct patch_text out = { .text = "" };
	const char *marked;
	size_t n;

	arena_free(r.arena);
	memset(&r, 0, sizeof(r));
	r.arena = arena_new();
	r.err = patch_parse(&(struct patch_source){ "test.patch", 0, 1, patch, size, NULL }, r.arena, diags,
			    &r.patch);
	if (!r.err && r.patch.n_entries && r.patch.entries[0].change == PATCH_MODIFY)
		patch_text_new(r.arena, text, strlen(text), &out);
	if (!r.err && out.origin)
		r.err = patch_apply(&r.patch, &r.patch.entries[0], r.arena, diags, &out);
	if (!r.err && out.size < sizeof(r.text))
		memcpy(r.text, out.text, out.size);
	if (!r.err && out.n_lines) {
		line_markers_add(r.arena, &out, &marked, &n);
		if (n < sizeof(r.marked))
			memcpy(r.marked, marked, n);
	}
	if (diags_count(diags))
		snprintf(r.id, sizeof(r.id), "%s", diags_get(diags, diags_count(diags) - 1)->id);
	if (r.err && !diags_errors(diags))
		snprintf(r.id, sizeof(r.id), "failed without a diagnostic");
	diags_free(diags);
	return &r;
}

static void gives(const char *name, const char *hunks, const char *text, const char *want)
{
	char patch[4096];

	snprintf(patch, sizeof(patch), "--- a/x/y.c\n+++ b/x/y.c\n%s", hunks);
	ok_string(run(patch, strlen(patch), text)->text, want, name);
}

/* What the compiler is given. */
static void marks(const char *name, const char *hunks, const char *text, const char *want)
{
	char patch[4096];

	snprintf(patch, sizeof(patch), "--- a/x/y.c\n+++ b/x/y.c\n%s", hunks);
	ok_string(run(patch, strlen(patch), text)->marked, want, name);
}

static void refused(const char *name, const char *patch, const char *id)
{
	struct result *r = run(patch, strlen(patch), old_text);

	ok(r->err == -22 && !strcmp(r->id, id), "%s (%s)", name, r->id);
}

#define HEADER "--- a/x/y.c\n+++ b/x/y.c\n"

static void applying(void)
{
	gives("replace a line", "@@ -2,3 +2,3 @@\n two\n-three\n+THREE\n four\n", old_text,
	      "one\ntwo\nTHREE\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
	gives("two hunks, the second moved by the first",
	      "@@ -1,2 +1,3 @@\n one\n+more\n two\n@@ -9,2 +10,2 @@ context\n nine\n-ten\n+TEN\n", old_text,
	      "one\nmore\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nTEN\n");
	gives("moved down", "@@ -2,3 +2,3 @@\n six\n-seven\n+SEVEN\n eight\n", old_text,
	      "one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\neight\nnine\nten\n");
	gives("moved up", "@@ -80,2 +80,1 @@\n one\n-two\n", old_text,
	      "one\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
	gives("insertion without context", "@@ -3,0 +4,1 @@\n+between\n", old_text,
	      "one\ntwo\nthree\nbetween\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
	gives("an end without newline", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", "a", "b\n");
	gives("an end that loses its newline", "@@ -1 +1 @@\n-a\n+b\n\\ No newline at end of file\n", "a\n",
	      "b");
	gives("an empty context line without its blank", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n", "a\n\nb\n",
	      "a\n\nc\n");
	gives("text behind the last hunk", "@@ -1,1 +1,1 @@\n-a\n+b\n-- \n2.39\n", "a\n", "b\n");
}

static void refusals(void)
{
	refused("nothing", "", "patch-empty");
	refused("text", "hello\n--- a line\nworld\n", "patch-empty");
	refused("context differs", HEADER "@@ -2,3 +2,3 @@\n two\n-tree\n+THREE\n four\n",
		"patch-does-not-apply");
	refused("removed line is elsewhere", HEADER "@@ -1,2 +1,1 @@\n one\n-three\n",
		"patch-does-not-apply");
	refused("hunks out of order", HEADER "@@ -9,1 +9,1 @@\n-nine\n+9\n@@ -1,1 +1,1 @@\n-one\n+1\n",
		"patch-does-not-apply");
	refused("text like file names", HEADER "hello\n", "patch-empty");
	refused("text like file names, and like a hunk", "--- a header\n+++ a footer\n@@ -what\n",
		"patch-empty");
	refused("cut off behind the file names", HEADER, "patch-damaged");
	refused("cut off between the file names", HEADER "@@ -1 +1 @@\n-one\n+1\n--- a/x/z.c\n",
		"patch-damaged");
	refused("hunk header", HEADER "@@ -2,x +2,3 @@\n two\n", "patch-damaged");
	refused("huge count", HEADER "@@ -1,99999999999999999999 +1,1 @@\n one\n", "patch-damaged");
	refused("empty hunk", HEADER "@@ -1,0 +1,0 @@\n", "patch-damaged");
	refused("cut off", HEADER "@@ -2,3 +2,3 @@\n two\n-three\n", "patch-damaged");
	refused("counts too small", HEADER "@@ -2,1 +2,1 @@\n two\n-three\n+THREE\n four\n@@ x\n",
		"patch-damaged");
	refused("wrapped line", HEADER "@@ -2,3 +2,3 @@\n two\n-three\n+THR\nEE\n four\n", "patch-damaged");
	refused("hunk without file", "@@ -1,1 +1,1 @@\n-one\n+1\n", "patch-damaged");
	refused("both /dev/null", "--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", "patch-damaged");
	refused("absolute path", "--- /etc/x.c\n+++ /etc/x.c\n@@ -1 +1 @@\n-a\n+b\n", "patch-path");
	refused("path to above", "--- a/../x.c\n+++ b/../x.c\n@@ -1 +1 @@\n-a\n+b\n", "patch-path");
	refused("path to above, last", "--- a/x/..\n+++ b/x/..\n@@ -1 +1 @@\n-a\n+b\n", "patch-path");
	refused("no directory", "--- x.c\n+++ x.c\n@@ -1 +1 @@\n-a\n+b\n", "patch-path");
	refused("quoted path", "--- \"a/\\303.c\"\n+++ \"b/\\303.c\"\n@@ -1 +1 @@\n-a\n+b\n", "patch-path");
	refused("git header without path", "diff --git x\nindex 1..2\n", "patch-damaged");
	ok(run(HEADER "@@ -5 +5 @@\n-a\n+b\n", strlen(HEADER) + 18, "a\na\n")->err &&
		   !strcmp(run(HEADER "@@ -5 +5 @@\n-a\n+b\n", strlen(HEADER) + 18, "a\na\n")->id,
			   "patch-ambiguous"),
	   "moved, and in two places");
}

static void kind(const char *name, const char *patch, enum patch_change change, const char *path)
{
	struct result *r = run(patch, strlen(patch), old_text);

	ok(r->patch.n_entries == 1 && r->patch.entries[0].change == change && r->patch.entries[0].path &&
		   !strcmp(r->patch.entries[0].path, path),
	   "%s", name);
}

static void kinds(void)
{
	kind("new",
	     "diff --git a/d/n.c b/d/n.c\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/d/n.c\n"
	     "@@ -0,0 +1 @@\n+a\n",
	     PATCH_CREATE, "d/n.c");
	kind("new, without git", "--- /dev/null\n+++ b/d/n.c\n@@ -0,0 +1 @@\n+a\n", PATCH_CREATE, "d/n.c");
	kind("new, by its date",
	     "--- a/d/n.h\t1970-01-01 00:00:00.000000000 +0000\n+++ b/d/n.h\t2026-01-01 00:00:00 +0000\n"
	     "@@ -0,0 +1 @@\n+a\n",
	     PATCH_CREATE, "d/n.h");
	kind("new, by its date in New York",
	     "--- a/d/n.h\t1969-12-31 19:00:00.000000000 -0500\n+++ b/d/n.h\t2026-01-01 00:00:00 +0000\n"
	     "@@ -0,0 +1 @@\n+a\n",
	     PATCH_CREATE, "d/n.h");
	kind("deleted, by its date in Delhi",
	     "--- a/d/n.h\t2026-01-01 00:00:00 +0000\n+++ b/d/n.h\t1970-01-01 05:30:00.000000000 +0530\n"
	     "@@ -1 +0,0 @@\n-one\n",
	     PATCH_DELETE, "d/n.h");
	kind("an old date, and a hunk with lines",
	     "--- a/d/n.h\t1970-01-01 00:00:00.000000000 +0000\n+++ b/d/n.h\t1970-01-01 00:00:00 +0000\n"
	     "@@ -1 +1 @@\n-one\n+1\n",
	     PATCH_MODIFY, "d/n.h");
	kind("an insertion at the top, the day after",
	     "--- a/d/n.h\t1970-01-02 00:00:00.000000000 +0000\n+++ b/d/n.h\t2026-01-01 00:00:00 +0000\n"
	     "@@ -0,0 +1 @@\n+a\n",
	     PATCH_MODIFY, "d/n.h");
	kind("a letter that quotes a header of git's",
	     "the line\ndiff --git a/d/m.c b/d/m.c\nmeans that git made it; index 1..2 follows\n"
	     "diff --git a/d/o.c b/d/o.c\n\nindex numbers are the blobs'\ndiff --git a/d/n.c b/d/n.c\n"
	     "index 1..2 100644\n--- a/d/n.c\n+++ b/d/n.c\n@@ -1 +1 @@\n-a\n+b\n",
	     PATCH_MODIFY, "d/n.c");
	kind("a letter that speaks of diffs",
	     "--- a header\n+++ is no diff\n\n--- a/d/n.c\n+++ b/d/n.c\n"
	     "@@ -1 +1 @@\n-one\n+a\n",
	     PATCH_MODIFY, "d/n.c");
	kind("deleted",
	     "diff --git a/d/n.c b/d/n.c\ndeleted file mode 100644\nindex 0..1\n--- a/d/n.c\n"
	     "+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
	     PATCH_DELETE, "d/n.c");
	kind("renamed",
	     "diff --git a/d/n.c b/d/m.c\nsimilarity index 100%\nrename from d/n.c\nrename to d/m.c\n",
	     PATCH_RENAME, "d/m.c");
	kind("mode", "diff --git a/d/n.c b/d/n.c\nold mode 100644\nnew mode 100755\n", PATCH_MODE, "d/n.c");
	kind("mode and text",
	     "diff --git a/d/n.c b/d/n.c\nold mode 100644\nnew mode 100755\nindex 1..2\n"
	     "--- a/d/n.c\n+++ b/d/n.c\n@@ -1 +1 @@\n-one\n+a\n",
	     PATCH_MODIFY, "d/n.c");
	kind("binary", "diff --git a/d/n.c b/d/n.c\nindex 1..2 100644\nGIT binary patch\nliteral 3\nabc\n",
	     PATCH_BINARY, "d/n.c");
	kind("time stamps",
	     "--- linux.orig/d/n.c\t2026-01-01 00:00:00 +0000\n+++ linux/d/n.c\t2026-01-01\n"
	     "@@ -1 +1 @@\n-one\n+a\n",
	     PATCH_MODIFY, "d/n.c");
}

static void paths(void)
{
	static const char *const headers[] = {
		"new file mode 100644\nrename to ../../x.h\n",
		"new file mode 100644\ncopy to d/../../x.h\n",
		"similarity index 100%\nrename from ../d/n.c\nrename to d/m.c\n",
		"new file mode 100644\nrename to /etc/x.h\n",
		"new file mode 100644\nrename to \"d/\\303.h\"\n",
		"new file mode 100644\ncopy to \n",
	};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		char patch[300], name[40];

		snprintf(name, sizeof(name), "path of extended header %zu", i);
		snprintf(patch, sizeof(patch),
			 "diff --git a/d/q b/d/q\n%s--- /dev/null\n+++ b/d/q\n@@ -0,0 +1 @@\n+a\n",
			 headers[i]);
		refused(name, patch, "patch-path");
	}
	kind("renamed, with a detour",
	     "diff --git a/d/n.c b/d/m.c\nsimilarity index 100%\nrename from d/n.c\nrename to d/./e//m.c\n",
	     PATCH_RENAME, "d/e/m.c");
}

static void hostile(void)
{
	static const char patch[] =
		"diff --git a/x/y.c b/x/y.c\nindex 1..2 100644\n" HEADER
		"@@ -1,2 +1,3 @@\n one\n+more\n two\n@@ -9,2 +10,2 @@ c\n nine\n-ten\n+TEN\n"
		"\\ No newline at end of file\n";
	unsigned int seed = 1;
	bool sane = true;

	for (size_t n = 0; n < sizeof(patch) - 1; n++) {
		char *copy = malloc(n + 1); /* of the exact size, for the address sanitizer */

		memcpy(copy, patch, n);
		sane &= run(copy, n, old_text)->err || strstr(run(copy, n, old_text)->text, "more");
		free(copy);
	}
	ok(sane, "every truncation is refused, or holds whole hunks only");
	for (int i = 0; i < 20000; i++) {
		char copy[sizeof(patch)];

		memcpy(copy, patch, sizeof(patch));
		for (int j = 0; j < 3; j++)
			copy[rand_r(&seed) % (sizeof(patch) - 1)] = (char)rand_r(&seed);
		run(copy, sizeof(patch) - 1, old_text);
	}
	ok(true, "20000 mutations");
}

static void markers(void)
{
	marks("no marker where no line moves", "@@ -2 +2 @@\n-two\n+2\n", "one\ntwo\nthree\n",
	      "one\n2\nthree\n");
	marks("lines added", "@@ -2,0 +3,2 @@\n+x\n+y\n", "one\ntwo\nthree\nfour\n",
	      "one\ntwo\nx\ny\n#line 3\nthree\nfour\n");
	marks("lines taken away", "@@ -2,2 +1,0 @@\n-two\n-three\n", "one\ntwo\nthree\nfour\n",
	      "one\n#line 4\nfour\n");
	marks("a marker for each hunk", "@@ -1,0 +2,1 @@\n+x\n@@ -3 +3,0 @@\n-three\n",
	      "one\ntwo\nthree\nfour\n", "one\nx\n#line 2\ntwo\n#line 4\nfour\n");
	marks("context belongs to the old file", "@@ -1,3 +1,4 @@\n one\n+x\n two\n three\n",
	      "one\ntwo\nthree\n", "one\nx\n#line 2\ntwo\nthree\n");
	marks("not in a comment", "@@ -1,0 +2,1 @@\n+x\n", "/* \"one\ntwo */\nthree\n",
	      "/* \"one\nx\ntwo */\n#line 3\nthree\n");
	marks("no comment in a string", "@@ -1,0 +2,1 @@\n+x\n", "\"\\\" /*\"\ntwo\n",
	      "\"\\\" /*\"\nx\n#line 2\ntwo\n");
	marks("no comment behind //", "@@ -1,0 +2,1 @@\n+x\n", "// /*\ntwo\n", "// /*\nx\n#line 2\ntwo\n");
	marks("not in a macro of several lines", "@@ -1,0 +2,1 @@\n+x \\\n",
	      "#define M \\\ntwo \\ \nthree\nfour\n", "#define M \\\nx \\\ntwo \\ \nthree\n#line 4\nfour\n");
	marks("again behind a group that may be skipped", "@@ -2,0 +3,1 @@\n+x\n",
	      "#ifdef A\ntwo\nthree\n# else\nfive\n#endif\nseven\n#if 1\nnine\n#endif\n",
	      "#ifdef A\ntwo\nx\n#line 3\nthree\n# else\n#line 5\nfive\n#endif\n#line 7\nseven\n#if 1\nnine\n#endif\n");
	marks("the guard of a header is such a group", "@@ -2,0 +3,1 @@\n+x\n",
	      "#ifndef H\n#define H\n#if A\nfour\n#elif B\nsix\n#endif\neight\n#endif\n",
	      "#ifndef H\n#define H\nx\n#line 3\n#if A\nfour\n#elif B\n#line 6\nsix\n#endif\n#line 8\neight\n#endif\n");
}

int main(void)
{
	applying();
	markers();
	refusals();
	kinds();
	paths();
	hostile();
	return tap_done();
}
