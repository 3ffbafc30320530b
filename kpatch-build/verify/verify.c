/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verify stage: proves for every unit that the reference object is the code in the installed
 * image or module, and answers where its symbols are in the running kernel. Reads build.image,
 * kernel.symvers, unit.reference and unit.module_path; fills in build.installed, unit.ksyms and
 * unit.verified.
 *
 * A function that differs is no error here: the differ asks for the position of each function that
 * is replaced and of each symbol that the patch refers to, and gets the reason instead. Only an
 * object of which nothing matches is refused at once, because then no answer would be any use.
 *
 * What is opened here lives until verify_release(): the symbol sources use it.
 */
#include "kpatch-build/verify/verify.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/verify/verify_unit.h"
#include "lib/elf/object.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/ibt.h"
#include "lib/kernel/proof/proof.h"
#include "lib/kernel/symbols/ksyms.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

/* What tables of the image list is looked at once for all units. */
static int view_image(struct build *b)
{
	if (b->installed)
		return 0;
	b->installed = arena_alloc(b->arena, sizeof(*b->installed));
	return installed_image(b->image, b->arena, b->installed);
}

/*
 * Other flags or another compiler change nearly every function, another source few: if as many as this
 * match, it is the source.
 */
#define MOSTLY_MATCHED(matched, all) ((matched) >= ((all) + 1) / 2)

/* Many units can be of one module: the first of them owns it. */
static int open_module(struct build *b, struct unit *u, struct verify_report *report, struct kmodule **module)
{
	int err;

	*module = NULL;
	report->build_id = b->image->build_id;
	if (!u->module_path)
		return 0;
	for (const struct unit *other = b->units; other < u && !*module; other++)
		if (other->module_path && !strcmp(other->module_path, u->module_path))
			*module = other->verified->module;
	err = *module ? 0 : kmodule_open(u->module_path, b->diags, &u->proof->module);
	if (!err) {
		*module = *module ? *module : u->proof->module;
		report->module = *module;
		report->build_id = (*module)->build_id;
	}
	return err;
}

/* Symbols by name alone. */
static void source_by_name(struct build *b, struct unit *u, const struct kmodule *module,
			   struct ksym_source *out)
{
	struct ksyms_input input = {
		.owner = u->owner,
		.vmlinux = b->image->kallsyms,
		.module = module,
		.symvers = b->kernel.symvers,
	};

	ksyms_new(&input, out);
}

static int prove(struct build *b, struct unit *u, const struct kmodule *module, struct verify_unit *v)
{
	int err = object_open(u->reference, b->diags, &v->reference);

	if (!err)
		err = object_open(u->original, b->diags, &v->original);
	if (err)
		return err;
	if (module)
		err = installed_module(module, b->arena, &v->installed);
	else
		v->installed = *b->installed;
	if (err == -EBADMSG)
		diag_error(b->diags, "module-damaged", diag_file(u->module_path), "Install the module again",
			   "this kernel module is damaged: its relocations do not fit its symbols");
	if (!err)
		err = proof_make(v->reference, &v->installed, b->arena, &v->proof);
	if (!err)
		err = variant_compare(v->reference, v->original, b->arena, &v->variant);
	if (!err)
		verify_index_symbols(v);
	return err;
}

/* Adds what may not be called through a pointer. The image's list is read once. */
static int add_ibt(struct build *b, struct unit *u, const struct kmodule *module,
		   const struct ksym_source *base)
{
	struct installed *in = arena_alloc(b->arena, sizeof(*in));
	bool tracks = b->kernel.has_ibt || ibt_enabled(b->installed);
	struct ibt *of_module = NULL;
	int err = 0;

	if (tracks && !b->ibt)
		ibt_new(b->installed, b->arena, &b->ibt);
	if (module && tracks)
		err = installed_module(module, b->arena, in);
	if (!err && module && tracks)
		ibt_new(in, b->arena, &of_module);
	if (!err)
		ibt_source(base, b->ibt, of_module, b->arena, &u->ksyms);
	return err;
}

static bool is_function(const struct atom *a)
{
	return a->kind == ATOM_FUNC && a->symbol;
}

static void add_exception(struct verify_exception *list, size_t *n, const char *function, const char *what)
{
	list[*n].function = function;
	list[(*n)++].what = what ? what : "it differs";
}

/*
 * Functions for which one of the two links of the proof is broken; data is asked for by name when it
 * is needed. The variant compares by the original's atoms, the proof by the reference's.
 */
static void list_exceptions(struct build *b, const struct verify_unit *v, struct verify_report *report)
{
	const struct object *r = v->reference, *o = v->original;
	size_t n = 0, room = (size_t)v->proof->functions + v->variant.functions;
	struct verify_exception *list = arena_array(b->arena, room, sizeof(*list));

	for (uint32_t i = 0; i < r->n_atoms; i++)
		if (is_function(&r->atoms[i]) && v->proof->atoms[i].status != PROOF_MATCHED)
			add_exception(list, &n, r->atoms[i].name, proof_explain(v->proof, i, b->arena));
	for (uint32_t i = 0; i < o->n_atoms; i++)
		if (is_function(&o->atoms[i]) && v->variant.why[i])
			add_exception(list, &n, o->atoms[i].name, v->variant.why[i]);
	report->functions = v->proof->functions;
	report->matched = v->proof->matched;
	report->exceptions = list;
	report->n_exceptions = n;
}

static int judge(struct build *b, const struct unit *u, const struct verify_report *report)
{
	const struct verify_exception *first = report->exceptions;
	bool mostly = MOSTLY_MATCHED(report->matched, report->functions);
	const char *cause = mostly ? "This function or something that it inlines differs: are source "
				     "and configuration of this very version, without other patches?" :
				     "Compiler, flags, configuration or source are not those that "
				     "this kernel was built with";
	struct diag_place place = { .file = u->object };

	if (!report->n_exceptions)
		return 0;
	place.function = first->function;
	if (report->matched) {
		diag_warning(b->diags, "verify-mismatch", &place, cause,
			     "%zu of %u functions are not those of %s; here %s", report->n_exceptions,
			     report->functions, u->owner, first->what ? first->what : "it differs");
		return 0;
	}
	diag_error(b->diags, "verify-nothing-matches", &place, cause,
		   "none of the %u functions compiled from %s is in the installed %s; here %s",
		   report->functions, u->source, u->owner, first->what ? first->what : "it differs");
	return -EINVAL;
}

static int verify_unit(struct build *b, struct unit *u)
{
	struct verify_report *report = arena_alloc(b->arena, sizeof(*report));
	struct verify_unit *v = arena_alloc(b->arena, sizeof(*v));
	struct ksym_source source;
	struct kmodule *module;
	int err;

	u->verified = report;
	u->proof = v;
	err = open_module(b, u, report, &module);
	if (err)
		return err;
	source_by_name(b, u, module, &v->by_name);
	/* of a new source the kernel has nothing to compare with, and it replaces nothing */
	if (!b->options.verify || u->added)
		return add_ibt(b, u, module, &v->by_name);
	v->owner = u->owner;
	v->symvers = b->kernel.symvers;
	v->arena = arena_new(); /* of its own: answers are given while other threads use b->arena */
	err = prove(b, u, module, v);
	if (!err)
		err = verify_index_literals(v);
	if (!err)
		list_exceptions(b, v, report);
	if (err)
		return err;
	report->proven = true;
	verify_answer_from(v, &source);
	err = add_ibt(b, u, module, &source);
	return err ? err : judge(b, u, report);
}

bool build_proven(const struct build *b)
{
	bool any = false;

	for (size_t i = 0; i < b->n_units; i++) {
		const struct unit *u = &b->units[i];

		if (!u->diff || u->added)
			continue;
		if (!u->verified || !u->verified->proven)
			return false;
		any = true;
	}
	return any;
}

void verify_release(struct unit *u)
{
	struct verify_unit *v = u->proof;

	if (!v)
		return;
	strmap_free(v->symbols);
	strmap_free(v->literals);
	proof_free(v->proof);
	object_free(v->reference);
	object_free(v->original);
	ksyms_free(&v->by_name);
	kmodule_free(v->module);
	arena_free(v->arena);
	u->proof = NULL;
	u->verified = NULL;
	u->ksyms = (struct ksym_source){ 0 };
}

int stage_verify(struct build *b)
{
	int err = view_image(b);

	for (size_t i = 0; i < b->n_units && !err; i++) {
		build_progress(b, i, b->n_units, b->units[i].object);
		err = verify_unit(b, &b->units[i]);
	}
	return err;
}
