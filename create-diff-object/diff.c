// SPDX-License-Identifier: GPL-2.0-only
/*
 * The differ: two objects in, one object and a report out, by the passes listed below. Neither
 * object is changed. A pass adds diagnostics rather than stop, so that all problems are seen at
 * once; nothing is written if there was one.
 */
#include "create-diff-object/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "create-diff-object/passes.h"
#include "lib/arch/arch.h"
#include "lib/util/strmap.h"

static int pass_roles(struct diff *d)
{
	int err;

	roles_assign(d, d->input->original, &d->orig);
	roles_assign(d, d->input->patched, &d->new);
	err = roles_once(d, &d->orig);
	return err ? err : roles_once(d, &d->new);
}

/* The first function or object that differs. */
static int pass_machine(struct diff *d)
{
	for (uint32_t i = 0; d->arch->compares_only && i < d->new.object->n_atoms; i++) {
		uint8_t state = d->verdicts[i].state;

		if (state != VERDICT_CHANGED && (state != VERDICT_NEW || d->new.role[i] != ROLE_CODE))
			continue;
		diff_refuse(d, "object-not-supported", &d->new, i, -1, NULL,
			    "%s, and objects of %s are only compared: no patches are made of them yet",
			    state == VERDICT_NEW ? "it is new" : "it differs", d->arch->name);
		return -EINVAL;
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct diff *d);
} passes[] = {
	/* What is each atom to a live patch? Nothing after this looks at section names or kinds. */
	{ "roles", pass_roles },

	/* Which original atom is which patched atom? From here on twins are known and fixed. */
	{ "correlate", pass_correlate },

	/* Which pairs differ, each judged alone, and in what? */
	{ "compare", pass_compare },

	/* Which differences does the author want to be left alone? */
	{ "requests", pass_requests },

	/* Are patches of this machine made? Objects of others are compared, and that is all. */
	{ "machine", pass_machine },

	/*
	 * What does that mean for a running kernel: which functions are replaced, and which changes
	 * cannot be applied at all? From here on it is known which atoms the patch has a version of.
	 */
	{ "changes", pass_changes },

	/* Do the objects in memory, made by the code that is replaced, fit the code that replaces it? */
	{ "layout", pass_layout },

	/* Which unchanged functions must be in the patch because a branch of it reaches no further? */
	{ "copies", pass_copies },

	/* What does the author want to be called? */
	{ "callbacks", pass_callbacks },

	/* What must be in the patch, and where does each reference of it lead? From here on both are known. */
	{ "routes", pass_routes },

	/* Can a module have that? */
	{ "include", pass_include },

	/* What of it may the kernel still have a pointer to when the patch is gone? */
	{ "escape", pass_escape },

	/* And what has it of the kind already, that the patch does not replace? */
	{ "kept", pass_kept },

	/* All differences have been met: has each request? */
	{ "unused requests", pass_unused_requests },
};

static const struct {
	const char *name;
	int (*run)(struct diff *d);
} output_passes[] = {
	/* Only if nothing was refused. */
	{ "emit", pass_emit },

	/* Is what was written what was meant? Reads it again and compares. */
	{ "check", pass_check },
};

static int machines_match(struct diff *d)
{
	const struct object *o = d->input->original, *n = d->input->patched;

	if (o->arch != n->arch) {
		diff_refuse(d, "machine-mismatch", NULL, NO_ATOM, -1, NULL,
			    "the objects are for different machines (%u and %u)", o->arch->machine,
			    n->arch->machine);
		return -EINVAL;
	}
	d->arch = o->arch;
	return 0;
}

int diff_decide(struct diff *d)
{
	int err = machines_match(d);

	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]) && !err; i++)
		err = passes[i].run(d);
	return !err && d->n_refused ? -EINVAL : err;
}

static int run_passes(struct diff *d, struct diff_report *report)
{
	int err = diff_decide(d);

	for (size_t i = 0; i < sizeof(output_passes) / sizeof(output_passes[0]) && !err; i++)
		err = output_passes[i].run(d);
	return err ? err : pass_report(d, report);
}

int diff_objects(const struct diff_input *input, struct arena *arena, struct diags *diags,
		 struct diff_report *report, uint8_t **data, size_t *size)
{
	struct diff d = { .input = input, .arena = arena, .diags = diags };
	int err = run_passes(&d, report);

	strmap_free(d.literals);
	if (err) {
		free(d.data);
		return err;
	}
	*data = d.data;
	*size = d.size;
	return 0;
}
