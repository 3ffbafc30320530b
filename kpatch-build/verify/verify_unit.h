/* SPDX-License-Identifier: GPL-2.0-only */
/* The proof of one unit and the symbol source made from it. Private to the verify stage. */
#ifndef KPATCH_BUILD_VERIFY_UNIT_H
#define KPATCH_BUILD_VERIFY_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/kernel/proof/installed.h"
#include "lib/kernel/proof/variant.h"
#include "lib/kernel/symbols/ksym.h"

struct arena;
struct kmodule;
struct object;
struct proof;
struct strmap;
struct symvers;

/* What is known about a unit when its proof has been made. It owns what it has opened: see verify_release(). */
struct verify_unit {
	const char *owner;		     /* "vmlinux" or the module's name */
	struct kmodule *module;		     /* NULL: vmlinux's, or an earlier unit owns it */
	struct object *reference, *original; /* NULL with --no-verify, as is the proof */
	struct installed installed;
	struct proof *proof;	/* reference against the installed code */
	struct variant variant; /* original against reference */
	const struct symvers *symvers;
	struct ksym_source by_name; /* for what the object does not define */
	struct strmap *symbols;	    /* named symbols of the reference → index, or VERIFY_AMBIGUOUS */
	struct strmap *literals;    /* literal_key() of the reference's strings and constants → address */
	const char *anchor; /* a symbol exported by vmlinux, in the section that has them all; or NULL */
	uint64_t anchor_address;
	struct arena *arena; /* texts; under the lock of answers */
};

#define VERIFY_AMBIGUOUS 0 /* index 0 is the null symbol: several symbols of that name */

/* Fills @u->symbols. */
void verify_index_symbols(struct verify_unit *u);

/* verify_literal.c: fills @u->literals and the anchor. After the proof. */
int verify_index_literals(struct verify_unit *u);
bool verify_find_literal(struct verify_unit *u, const struct atom *literal, struct ksym_place *out);

/* Makes @out answer from the proof. @u is borrowed. */
void verify_answer_from(struct verify_unit *u, struct ksym_source *out);

#endif
