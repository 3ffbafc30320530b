// SPDX-License-Identifier: GPL-2.0-only
/*
 * Part of classify: constants that carried code and the kernel both have. They are known by their values, and
 * where code only reads them, a copy does as well. But an address may outlive the patch, in memory or with
 * whoever was called, and the kernel's own code may compare it; so an address that gets away is the
 * kernel's, if it has one for this constant. Each costs a look-up at load, which kernels before 6.2 make by
 * reading all their symbols: one that is only passed to somebody who is known to keep nothing
 * is the copy's.
 */
#include "create-diff-object/passes.h"

#include <string.h>

#include "create-diff-object/arch.h"

#define MAX_CALLS 4 /* functions of the object that hand an argument on, one to the other */

/* What keeps no pointer that it is given, and returns none: formats, copies and comparisons. */
static const char *const keep_nothing[] = {
	"_dev_alert",
	"_dev_crit",
	"_dev_emerg",
	"_dev_err",
	"_dev_info",
	"_dev_notice",
	"_dev_printk",
	"_dev_warn",
	"_printk",
	"_printk_deferred",
	"__dynamic_dev_dbg",
	"__dynamic_netdev_dbg",
	"__dynamic_pr_debug",
	"__warn_printk",
	"___ratelimit",
	"__request_module",
	"kasprintf",
	"kstrdup",
	"kstrndup",
	"memcmp",
	"netdev_alert",
	"netdev_crit",
	"netdev_emerg",
	"netdev_err",
	"netdev_info",
	"netdev_notice",
	"netdev_printk",
	"netdev_warn",
	"panic",
	"printk",
	"scnprintf",
	"seq_printf",
	"seq_put_decimal_ll",
	"seq_put_decimal_ull",
	"seq_put_decimal_ull_width",
	"seq_puts",
	"seq_write",
	"snprintf",
	"sprintf",
	"strcasecmp",
	"strcmp",
	"strlen",
	"strncasecmp",
	"strncmp",
	"strncpy_from_user",
	"sysfs_emit",
	"sysfs_emit_at",
	"sysfs_streq",
	"warn_slowpath_fmt",
};

static bool keeps_nothing(const char *name)
{
	for (size_t i = 0; i < sizeof(keep_nothing) / sizeof(keep_nothing[0]); i++)
		if (!strcmp(name, keep_nothing[i]))
			return true;
	return false;
}

/* Whether all that happens to the registers is that a call gets them that keeps nothing. */
static bool passed_in_vain(const struct diff *d, const struct atom *from, struct held held)
{
	const struct object *o = d->new.object;

	for (unsigned int i = 0; i < MAX_CALLS; i++) {
		const struct ref *call = d->arch->passed_to(o, from, &held);
		const struct atom *t = call ? &o->atoms[call->target] : NULL;

		if (!t || !t->symbol || call->addend != (int64_t)t->entry)
			return false;
		if (!t->section)
			return keeps_nothing(t->name);
		if (d->new.role[t->id] != ROLE_CODE || t->symbol->bind == STB_WEAK)
			return false;
		from = t;
		held.at = t->entry;
	}
	return false;
}

static bool gets_away(struct diff *d, const struct atom *from, const struct ref *ref)
{
	struct held held;

	switch ((enum role)d->new.role[from->id]) {
	case ROLE_STATE:
	case ROLE_CONST:
		return true;
	case ROLE_CODE:
		return d->arch->takes_address(from, ref, &d->scanned_at, &held) &&
		       !passed_in_vain(d, from, held);
	default: /* what describes code, and what macros make for a call site: read there and then */
		return false;
	}
}

bool classify_kernels_own(struct diff *d, const struct atom *from, const struct ref *ref, struct routing *out)
{
	const struct atom *t = new_atom(d, ref->target);

	if (!t->symbol || t->n_refs || d->pairs.twin[t->id] == NO_ATOM || !gets_away(d, from, ref))
		return false;
	*out = diff_classify_kernel(d, from, t->id);
	return out->route == ROUTE_KLP || out->route == ROUTE_IMPORT;
}
