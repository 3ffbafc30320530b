// SPDX-License-Identifier: GPL-2.0-only
/* The names of klp references: what is made is read again, and what the livepatch core could not read is refused. */
#include <errno.h>
#include <string.h>

#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "test/unit/tap.h"

static struct arena *arena;

static const char *repeated(char c, size_t n)
{
	char *s = arena_alloc(arena, n + 1);

	memset(s, c, n);
	s[n] = '\0';
	return s;
}

static void references(void)
{
	const struct klp_ref in = { "nfsd", "nfsd", "foo.isra.0", 2 };
	const struct {
		const char *name;
		int err;
	} cases[] = {
		{ ".klp.ref.vmlinux.vmlinux.f,0", 0 },
		{ ".klp.ref.nfsd.sunrpc.f,3", 0 },
		{ arena_printf(arena, ".klp.ref.%s.%s.f,1", repeated('m', 55), repeated('n', 55)), 0 },
		{ arena_printf(arena, ".klp.ref.a.b.%s,1", repeated('s', 511)), 0 },
		{ "f", -ENOENT },
		{ ".klp.sym.nfsd.f,0", -ENOENT },
		{ arena_printf(arena, ".klp.ref.%s.b.f,1", repeated('m', 56)), -EINVAL },
		{ arena_printf(arena, ".klp.ref.a.%s.f,1", repeated('n', 56)), -EINVAL },
		{ arena_printf(arena, ".klp.ref.a.b.%s,1", repeated('s', 512)), -EINVAL },
		{ ".klp.ref.vmlinux.nfsd.f,0", -EINVAL },
		{ ".klp.ref.nfsd.vmlinux.f,0", -EINVAL },
		{ ".klp.ref..nfsd.f,0", -EINVAL },
		{ ".klp.ref.nfsd.nfsd.,0", -EINVAL },
		{ ".klp.ref.nfsd.nfsd.f", -EINVAL },
		{ ".klp.ref.nfsd.nfsd.f,", -EINVAL },
		{ ".klp.ref.nfsd.nfsd.f,-1", -EINVAL },
		{ ".klp.ref.nfsd.nfsd.f,1x", -EINVAL },
		{ ".klp.ref.nfsd.nfsd.f,99999999999999999999999", -EINVAL },
	};
	const char *name = klp_ref_name(arena, &in);
	struct klp_ref out = { 0 };

	ok(!strcmp(name, ".klp.ref.nfsd.nfsd.foo.isra.0,2"), "the name of a reference is %s", name);
	ok(!klp_ref_parse(arena, name, &out) && !strcmp(out.section_object, "nfsd") &&
		   !strcmp(out.symbol_object, "nfsd") && !strcmp(out.name, "foo.isra.0") && out.position == 2,
	   "and reads as what it was made of");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ok(klp_ref_parse(arena, cases[i].name, &out) == cases[i].err, "%.60s: %d", cases[i].name,
		   cases[i].err);
}

static void symbols(void)
{
	const char *name = klp_symbol_name(arena, "nfsd", "foo.isra.0", 2);
	char object[KLP_OBJECT_MAX + 1], symbol[KLP_SYMBOL_MAX + 1];
	const char *const bad[] = { ".klp.sym.nfsd.f",
				    ".klp.sym.nfsd.f,1x",
				    ".klp.sym..f,1",
				    "f",
				    arena_printf(arena, ".klp.sym.%s.f,1", repeated('m', 56)),
				    arena_printf(arena, ".klp.sym.m.%s,1", repeated('s', 512)) };
	unsigned long position = 0;

	ok(!strcmp(name, ".klp.sym.nfsd.foo.isra.0,2") && klp_symbol_parse(name, object, symbol, &position) &&
		   !strcmp(object, "nfsd") && !strcmp(symbol, "foo.isra.0") && position == 2,
	   "a symbol: %s", name);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!klp_symbol_parse(bad[i], object, symbol, &position), "no symbol: %.60s", bad[i]);
}

static void sections(void)
{
	const char *name = klp_section_name(arena, "nfsd", ".text.f"), *target = "";
	char object[KLP_OBJECT_MAX + 1];

	ok(!strcmp(name, ".klp.rela.nfsd..text.f") && klp_section_parse(name, object, &target) &&
		   !strcmp(object, "nfsd") && !strcmp(target, ".text.f"),
	   "a section: %s", name);
	ok(!klp_section_parse(".klp.rela.nfsd", object, &target), "no section: without what it applies to");
	ok(!klp_section_parse(".rela.text", object, &target), "no section: an ordinary one");
	ok(!klp_section_parse(arena_printf(arena, ".klp.rela.%s..text", repeated('m', 56)), object, &target),
	   "no section: an object that is too long");
}

static void objects(void)
{
	ok(klp_object_is_valid("vmlinux") && klp_object_is_valid(repeated('m', 55)), "names of objects");
	ok(!klp_object_is_valid("") && !klp_object_is_valid("a.b") && !klp_object_is_valid(repeated('m', 56)),
	   "no names of objects");
}

int main(void)
{
	arena = arena_new();
	references();
	symbols();
	sections();
	objects();
	arena_free(arena);
	return tap_done();
}
