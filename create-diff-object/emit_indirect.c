// SPDX-License-Identifier: GPL-2.0-only
/* Writes table entries and thunks: what indirect.h says of them. Each address has one entry, each callee one thunk of a kind. */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>

#include "create-diff-object/indirect.h"
#include "lib/arch/arch.h"
#include "lib/elf/write/builder.h"
#include "lib/util/strmap.h"

#define ENTRY_SIZE 8
#define CODE_ALIGN 4

/* The table's entry for an address, made at first use. */
static int entry(struct outlets *x, struct builder_symbol *symbol, int64_t addend, uint64_t *at)
{
	const char *key = arena_printf(x->arena, "%p%+" PRId64, (void *)symbol, addend);
	union strmap_value *v = strmap_get(x->entries, key);

	if (v) {
		*at = v->num;
		return 0;
	}
	*at = builder_append(x->b, x->table, NULL, ENTRY_SIZE, ENTRY_SIZE);
	if (*at == UINT64_MAX)
		return -EINVAL;
	strmap_set(x->entries, key, (union strmap_value){ .num = *at });
	builder_reloc(x->b, x->table, *at, x->arch->pointer_type, symbol, addend);
	return 0;
}

int outlet_table(struct outlets *x, const struct outlet *o)
{
	uint64_t at;
	int err = entry(x, o->symbol, o->addend, &at);

	if (!err)
		builder_reloc(x->b, o->section, o->at, o->type, builder_section_symbol(x->b, x->table),
			      (int64_t)at);
	return err;
}

int outlet_half(struct outlets *x, const struct outlet *o, enum outlet_way way,
		const uint8_t insn[static HALF_INSN])
{
	struct outlet entry = *o;

	builder_patch(x->b, o->section, o->at, insn, HALF_INSN);
	entry.type = x->arch->indirection->upper_type;
	return way == WAY_UPPER ? outlet_table(x, &entry) : 0;
}

static int make_thunk(struct outlets *x, const struct outlet *o, const struct thunk *t, const char *name,
		      uint64_t *at)
{
	const char *symbol = arena_printf(x->arena, THUNK_PREFIX "%s", name);
	size_t n = sizeof(t->fields) / sizeof(t->fields[0]);
	int err = 0;

	if (!x->thunks)
		x->thunks = builder_section(x->b, THUNKS_SECTION, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR,
					    CODE_ALIGN, 0);
	*at = builder_append(x->b, x->thunks, t->code, t->size, CODE_ALIGN);
	if (*at == UINT64_MAX)
		return -EINVAL;
	builder_symbol(x->b, symbol, STB_LOCAL, STT_FUNC, x->thunks, 0, *at, t->size);
	for (size_t i = 0; i < n && !err; i++) {
		const struct outlet field = { x->thunks, *at + t->fields[i].at, t->fields[i].type, o->symbol,
					      o->addend };

		err = outlet_table(x, &field);
	}
	return err;
}

int outlet_thunk(struct outlets *x, const struct outlet *o, enum outlet_way way, const char *name)
{
	const struct indirection *in = x->arch->indirection;
	const char *key = arena_printf(x->arena, "%d%p%+" PRId64, way, (void *)o->symbol, o->addend);
	union strmap_value *v = strmap_get(x->calls, key);
	uint64_t at = v ? v->num : 0;
	int err;

	if (!v) {
		err = make_thunk(x, o, way == WAY_FRAMED ? &in->framed : &in->returning, name, &at);
		if (err)
			return err;
		strmap_set(x->calls, key, (union strmap_value){ .num = at });
	}
	if (way == WAY_RETURNING)
		builder_patch(x->b, o->section, o->at + in->restore_at, in->restore, in->restore_size);
	builder_reloc(x->b, o->section, o->at, o->type, builder_section_symbol(x->b, x->thunks), (int64_t)at);
	return 0;
}
