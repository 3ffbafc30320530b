// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which changes of a source are to the bodies of functions alone (kpatch-build/declarations.c): pairs of sources,
 * and whether they count as the same. And that no truncation or mutation of a source does any harm.
 */
#include "kpatch-build/declarations.h"

#include <stdlib.h>

#include "test/unit/tap.h"

static const struct {
	bool same;
	const char *name, *before, *after;
} cases[] = {
	{ true, "nothing", "", "" },
	{ true, "a body", "int f(int x) { return 1; }\n", "int f(int x) { return 2; }\n" },
	{ true, "an argument", "int f(int x) { return 1; }\n", "int f(long x) { return 1; }\n" },
	{ true, "a new function", "int a;\nint b;\n",
	  "int a;\nstatic struct s *f(struct s *s) { if (s) { return s; } return s + 1; }\nint b;\n" },
	{ true, "a type in a body", "void f(void) { g(); }\n", "void f(void) { struct s { int x; } s; g(&s); }\n" },
	{ true, "a system call", "SYSCALL_DEFINE3(f, int, x) { return 1; }\n",
	  "SYSCALL_DEFINE3(f, int, x) { return 2; }\n" },
	{ true, "a directive around a body that changes", "int f(void) {\n#ifdef A\ng();\n#endif\nreturn 1; }\n",
	  "int f(void) {\n#ifdef A\nh(1);\n#endif\nreturn 2; }\n" },
	{ true, "comments and blanks", "int a; // it's one\nint b;\n", "int  a;\n/* two { */ int b;\n" },
	{ true, "a body behind a function that is not understood",
	  "int f(int x) __attribute__((cold)) { return 1; }\nint g(void) { return 1; }\n",
	  "int f(int x) __attribute__((cold)) { return 1; }\nint g(void) { return 2; }\n" },
	{ true, "braces in strings and characters", "int f(void) { g(\"}\", '{', '\\''); return 1; }\n",
	  "int f(void) { g(\"}{\", '}', '\"'); return 2; }\n" },
	{ false, "a member", "struct s { int a; };\n", "struct s { int a, b; };\n" },
	{ false, "a member behind a directive",
	  "struct s {\n#ifdef A\nint a;\n#endif\nint b; };\n", "struct s {\n#ifdef A\nint a; int b;\n#endif\n};\n" },
	{ false, "a typedef", "typedef struct { int a; } t;\n", "typedef struct { long a; } t;\n" },
	{ false, "an enumeration", "enum e { A, B };\n", "enum e { A, X, B };\n" },
	{ false, "a definition", "#define N 4\nint f(void) { return 1; }\n", "#define N 5\nint f(void) { return 1; }\n" },
	{ false, "a definition in a body", "int f(void) {\n#define N 4\nreturn 1; }\n",
	  "int f(void) {\n#define N 5\nreturn 1; }\n" },
	{ false, "the second line of a definition", "#define N \\\n 4\n", "#define N \\\n 5\n" },
	{ false, "a string in a definition", "#define N \"a//b\"\n", "#define N \"a//c\"\n" },
	{ false, "an include", "#include \"a.h\"\n", "#include \"b.h\"\n" },
	{ false, "a condition", "#if A\nstruct s { int a; };\n#endif\n", "#if B\nstruct s { int a; };\n#endif\n" },
	{ false, "the branch of a condition", "#if A\nint a;\n#else\nint b;\n#endif\n",
	  "#if A\nint a;\nint b;\n#else\n#endif\n" },
	{ false, "a structure with attributes in front", "struct s __attribute__((packed)) { int a; };\n",
	  "struct s __attribute__((packed)) { int b; };\n" },
	{ false, "a structure with an attribute of a macro", "struct s __aligned(8) { int a; } x;\n",
	  "struct s __aligned(8) { int b; } x;\n" },
	{ false, "what a macro makes of braces", "DECLARE(s) { int a; };\n", "DECLARE(s) { int b; };\n" },
	{ false, "what a macro makes of two", "DECLARE(s) DECLARE2(t) { int a; }\nint x;\n",
	  "DECLARE(s) DECLARE2(t) { int b; }\nint x;\n" },
	{ false, "what looks like a function, but for its end", "static DECLARE(s) { int a; };\n",
	  "static DECLARE(s) { int b; };\n" },
	{ false, "a variable's initial value", "int a[] = { 1 };\n", "int a[] = { 1, 2 };\n" },
	{ false, "a structure behind one with a function's attribute",
	  "int f(int x) __cold { return 1; }\nstruct s { int a; };\n",
	  "int f(int x) __cold { return 1; }\nstruct s { int b; };\n" },
	{ false, "braces that do not match", "int f(void) { return 1;\n", "int f(void) { return 1;\n" },
	{ false, "too many", "int f(void) { return 1; } }\n", "int f(void) { return 1; } }\n" },
	{ false, "branches that open differently", "#if A\nint f(void) {\n#else\nint f(int x) {\n#endif\nreturn 1; }\n",
	  "#if A\nint f(void) {\n#else\nint f(int x) {\n#endif\nreturn 1; }\n" },
	{ false, "an open condition", "#if A\nint a;\n", "#if A\nint a;\n" },
	{ false, "an open string", "int a = \"x;\n", "int a = \"x;\n" },
	{ false, "words that grow together", "unsigned a;\n", "unsigneda;\n" },
};

static bool compare(const char *a, const char *b)
{
	return declarations_same(a, strlen(a), b, strlen(b));
}

/* Memory of its own, so that a sanitizer sees a byte too many; the answer does not matter. */
static void harmless(const char *text)
{
	size_t size = strlen(text);

	for (size_t n = 0; n <= size; n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, text, n);
		declarations_same(copy, n, text, size);
		for (size_t i = 0; i < n; i++) {
			char was = copy[i];

			copy[i] = "{}()#\"'\\/*\n"[i % 11];
			declarations_same(copy, n, copy, n);
			copy[i] = was;
		}
		free(copy);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ok(compare(cases[i].before, cases[i].after) == cases[i].same, "%s", cases[i].name);
		ok(compare(cases[i].after, cases[i].before) == cases[i].same, "%s, the other way round",
		   cases[i].name);
		harmless(cases[i].after);
	}
	return tap_done();
}
