/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the passes of the differ hand to each other. Private to create-diff-object/.
 *
 * Each pass fills in its own part of struct diff and changes nothing that an earlier pass wrote.
 * Arrays are indexed by atom id: of the patched object unless the name says otherwise. The order
 * of the passes, and what each may rely on, is the list in diff.c.
 */
#ifndef KPATCH_PASSES_H
#define KPATCH_PASSES_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "create-diff-object/diff.h"
#include "lib/elf/object.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

struct arch;
struct escapes;
struct fate;
struct kept;
struct strmap;

/* What an atom is to a live patch. Decided once an object, by roles_assign(). */
enum role {
	ROLE_IGNORED,  /* the file's own, debug information, what objtool makes or reads */
	ROLE_CODE,     /* a function, or code without a symbol */
	ROLE_STATE,    /* writable data: what runs has one copy of it and must keep that one */
	ROLE_CONST,    /* read-only data with a symbol */
	ROLE_LITERAL,  /* read-only and known by its value alone: strings, constants, tables of code */
	ROLE_FRESH,    /* a static that a macro makes per call site: a copy does as well */
	ROLE_ENTRY,    /* table entry that describes a function and comes along with it */
	ROLE_HINT,     /* what objtool reads about a function: comes along, means nothing else */
	ROLE_PIECE,    /* table entry or code that comes along with whatever refers to it */
	ROLE_REGISTER, /* announces something to the kernel: initcalls, parameters, exports, … */
	ROLE_INIT,     /* gone after boot or module load */
	ROLE_EXTERN,   /* undefined or absolute symbol */
	ROLE_CALLBACK, /* pointer to a callback of the patch author */
	ROLE_REQUEST,  /* what the patch author asks of the differ */
	ROLE_UNKNOWN,  /* in a section that nobody knows */
};

/* Per object: the roles, and the atoms' names without what the compiler numbered. */
struct side {
	struct object *object;
	uint8_t *role;	       /* enum role, by atom */
	const char **base;     /* by atom: name_base() of its name; NULL for anonymous atoms */
	const char **source;   /* by atom: name_source(); the function or variable as in the source */
	uint32_t *first_child; /* by atom: split parts of a function, as a list; NO_ATOM ends it */
	uint32_t *next_child;
	uint32_t *first_entry; /* by atom: table entries and hints of the function, in file order */
	uint32_t *next_entry;
};

/* How a patched atom found its twin. */
enum match {
	MATCH_NONE,	 /* no twin: new in the patched object */
	MATCH_NAME,	 /* same name, which the compiler did not number */
	MATCH_SINGLE,	 /* the only ones whose names differ in their numbers alone */
	MATCH_NUMBER,	 /* same name with its number, and the same set of names on both sides */
	MATCH_CONTENT,	 /* of several, the ones with the same bytes and references */
	MATCH_USERS,	 /* of several, the ones that the same functions refer to, in the same order */
	MATCH_DECLARED,	 /* of several statics, the ones that are declared in the same function */
	MATCH_AFRESH,	 /* the kernel's exists, and the patch has its own all the same: once.c */
	MATCH_UNDECIDED, /* no twin, but the original has atoms that it might be */
};

struct pairing {
	uint32_t *twin; /* original atom, or NO_ATOM */
	uint32_t *back; /* by original atom: patched atom, or NO_ATOM */
	uint8_t *how;	/* enum match */
};

enum verdict_state {
	VERDICT_NONE, /* not compared: neither code nor data that a patch could change */
	VERDICT_SAME,
	VERDICT_CHANGED,
	VERDICT_NEW,
};

struct verdict {
	uint8_t state;	    /* enum verdict_state */
	const char *reason; /* for VERDICT_CHANGED: "instructions differ at +0x1c" */
	uint64_t offset;    /* first difference, in the patched atom */
};

enum route {
	ROUTE_PATCH,   /* an atom that the patch carries */
	ROUTE_IMPORT,  /* exported by vmlinux: an ordinary undefined symbol */
	ROUTE_KLP,     /* resolved by the livepatch core */
	ROUTE_SIBLING, /* undefined: another object of the same patch must define it */
	ROUTE_OFF,     /* a static key: the runtime's own, which is never switched on, takes its place */
	ROUTE_REFUSED,
};

/* Where a reference of the patched object leads, once it is part of a patch. */
struct routing {
	enum route route;
	const char *why;    /* the reason for the answer, a constant or in the diff's arena */
	const char *id;	    /* ROUTE_REFUSED: diagnostic id */
	const char *remedy; /* ROUTE_REFUSED, or NULL */
	const char *name;   /* all but ROUTE_PATCH, ROUTE_REFUSED: the symbol */
	const char *secobj; /* ROUTE_KLP: whose loading makes the kernel resolve it */
	struct ksym ksym;   /* ROUTE_KLP, ROUTE_IMPORT */
	int64_t distance;   /* ROUTE_IMPORT: what is meant is so many bytes behind the symbol */
};

/* A symbol as the source of symbols answered it; asked once per atom. */
struct lookup {
	bool asked;
	int err; /* of ksym_source.find() */
	const char *why;
	struct ksym ksym;
};

/* Where vmlinux has what it frees, or seals, when it has booted. */
struct init_range {
	bool asked;
	uint64_t begin, end; /* link-time addresses; equal: not known */
};

struct inclusion {
	bool in;
	uint32_t because; /* atom that needs it, NO_ATOM for what starts the walk */
};

/* A callback of the patch author. */
struct callback {
	uint32_t kind;	   /* enum kpatch_callback_kind */
	uint32_t function; /* atom */
};

/* What the patch author asks of the differ: to leave differences alone. */
enum request_kind {
	REQUEST_SECTION,
	REQUEST_FUNCTION,
	REQUEST_DATA,
	REQUEST_SYSCALL,
	REQUEST_LAYOUT,
	REQUEST_PROTOTYPE,
	REQUEST_REMOVABLE,
	REQUEST_FORCE
};

struct request {
	uint32_t kind;	  /* enum request_kind */
	const char *name; /* of a section, or in the source; of a type, as "struct s" */
	uint32_t atom;	  /* where it is */
	bool used;
};

/* An instruction of carried code whose immediate becomes a load of the variable that it stands for. */
struct constant {
	uint32_t function; /* atom */
	uint64_t offset;   /* of the instruction */
	uint8_t code[16];  /* the new instruction */
	size_t size;
	uint32_t field; /* of its operand, in the instruction */
	int64_t addend;
	struct routing variable;
};

struct diff {
	const struct diff_input *input;
	struct arena *arena;
	struct diags *diags;
	uint32_t n_refused; /* errors of this diff: @diags may be shared */
	const struct arch *arch;
	struct side orig, new;
	struct pairing pairs;	  /* correlate */
	struct verdict *verdicts; /* compare */
	uint32_t *same_values;	  /* compare: classes of atoms that hold the same, as class_of() reads them */
	struct request *requests; /* requests */
	uint32_t n_requests;
	bool *carried;	       /* changes: code and data the patch brings a version of */
	const char **replaced; /* changes: why ftrace will redirect this function, or NULL */
	uint32_t n_replaced;
	struct diff_state *prototypes; /* layout: global functions with another prototype */
	uint32_t n_prototypes;
	bool types_compared;	    /* layout: both objects have debug information */
	bool *copied;		    /* copies: unchanged function of which the patch has a copy */
	struct callback *callbacks; /* callbacks */
	uint32_t n_callbacks;
	struct lookup *lookups;	  /* route_kernel: cache, by patched atom */
	struct init_range init;	  /* route_kernel: cache */
	struct init_range sealed; /* route_kernel: cache; what is read-only then */
	struct strmap *literals;  /* kernels_own: nameless constants of the original, by literal_key() */
	uint32_t *kernels;	  /* kernels_own: cache, by patched atom: the original's equal one, plus 1 */
	uint8_t *compared;	  /* kernels_own: by original atom: its code compares that address */
	struct fate **fates; /* fates: by patched reference; NULL: not of code of the patch to a constant */
	const struct routing **routes; /* routes: by patched reference; NULL: not of the patch */
	struct inclusion *included;    /* routes */
	uint32_t *order;	       /* routes: the atoms that are in the patch, as they were met */
	uint32_t n_included;
	struct routing *static_keys; /* include: keys of static calls, which objtool finds by name */
	uint32_t n_static_keys;
	struct constant *constants; /* include: in the order of their table entries */
	uint32_t n_constants;
	struct escapes *escapes; /* escape: code that has been decoded, and what is known of it */
	struct kept *kept;	 /* escape: what may outlive the patch, in the order of the code */
	uint32_t n_kept;
	uint8_t *data; /* emit */
	size_t size;
};

/* diff.c: all passes that decide, none that writes. -EINVAL if the change is refused. */
int diff_decide(struct diff *d);

/* roles.c */
void roles_assign(struct diff *d, struct object *o, struct side *out);
/* once.c: makes flags that keep more than a message from coming twice ROLE_STATE. */
int roles_once(struct diff *d, struct side *s);
/* Whether the atom refers to the other one. */
bool refers_to(const struct object *o, const struct atom *a, uint32_t target);
/* Whether the atom is the split part of a function that ftrace cannot redirect on its own. */
bool part_only(const struct side *s, uint32_t atom);
/* The function that is replaced when @atom changes: itself, or what it was split from. */
uint32_t function_root(const struct side *s, uint32_t atom);

/* names.c */
/* @name without the numbers that the compiler gives: "foo.isra.0.cold" → "foo.isra.cold". */
const char *name_base(struct arena *arena, const char *name);
/* The name in the source: "foo.isra.0.cold" → "foo". */
const char *name_source(struct arena *arena, const char *name);

/* correlate.c */
int pass_correlate(struct diff *d);

/* compare.c */
int pass_compare(struct diff *d);
/*
 * Whether a reference of an original atom and one of a patched atom mean the same thing. If not
 * and @reason is not NULL, *reason is set to a text in the arena.
 */
bool refs_same(struct diff *d, const struct ref *o, const struct ref *n, const char **reason);
/* What the reference leads to, for people: a name or a quoted string. */
const char *ref_text(struct diff *d, const struct object *o, const struct ref *r);
/* Whether two atoms hold the same value: bytes and references. */
bool values_same(struct diff *d, uint32_t orig, uint32_t new);

/*
 * What the kernel's memory is, where that alone makes two atoms of one value differ: read-only or
 * not, per-CPU or not. NULL where it is the same.
 */
const char *storage_differs(const struct side *o, const struct atom *a, const struct side *n,
			    const struct atom *b);

/* requests.c */
#define REQUEST_PREFIX ".discard.kpatch.request."
int pass_requests(struct diff *d);
/*
 * Whether the author asks to leave a difference in @atom of @s alone; if so, warns of it. @how: what
 * differs.
 */
bool request_leaves(struct diff *d, const struct side *s, uint32_t atom, const char *how);
/* Whether the author vouches for a variable that is new. */
bool request_allows(struct diff *d, uint32_t atom);
/* Whether the author vouches for a function whose prototype differs; if so, warns of it. @how: in what. */
bool request_allows_prototype(struct diff *d, uint32_t atom, const char *how);
/* The same for a variable of which the patched object has nothing left. */
bool request_allows_removed(struct diff *d, uint32_t orig);
/*
 * Whether the author vouches for a type, constant or variable whose layout or value differs; if so, warns of
 * it. @what: what differs.
 */
bool request_vouches(struct diff *d, const struct diag_place *place, const char *name, const char *what);
/*
 * Whether the author vouches that the file's part of the patch can be removed, though @n_kept addresses get away;
 * says so.
 */
bool request_removable(struct diff *d, uint32_t n_kept);
/* Warns of requests that met nothing. After the last request_leaves() and request_vouches(). */
int pass_unused_requests(struct diff *d);

/* changes.c: what of the differences can be applied, and how */
int pass_changes(struct diff *d);
/* registrations.c: its part for tables that the kernel reads once */
void changes_registrations(struct diff *d);
/* removed.c: its part for variables that are gone */
int changes_removed(struct diff *d);
/* folded.c: its part for variables that only their initial values are used of */
int changes_folded(struct diff *d);
/* renamed.c: what helps where @patched differs: to keep a name, if that is what differs, else @otherwise. */
const char *renamed_remedy(struct diff *d, uint32_t patched, const char *otherwise);
/*
 * changed_uses.c: asks of each reference that code of the patch makes, @user being the function: @judge says whether that is all that is to be said
 * of its target.
 */
void for_changed_uses(struct diff *d, bool (*judge)(struct diff *d, uint32_t user, const struct ref *r));
/* Whether it is a variable of the original that the patched object no longer has, or a new one of the patch. */
bool state_removed(const struct diff *d, uint32_t orig);
bool state_added(const struct diff *d, uint32_t new);
/* Whether that was a variable of boot code. */
bool state_was_init(const struct diff *d, uint32_t new);
/* once.c: its part for what is initialised behind a guard that the kernel has */
int changes_once(struct diff *d);
/* held.c: its part for locks and references that the kernel holds */
int changes_held(struct diff *d);
/* sealed.c: its part for variables that nobody can write when the kernel has booted */
int changes_sealed(struct diff *d);
/* aliases.c: its part for names that mean something else than before */
int changes_aliases(struct diff *d);

/* layout.c: what objects in memory look like */
int pass_layout(struct diff *d);

/* copies.c */
int pass_copies(struct diff *d);
/*
 * Whether the reference is a branch that the assembler resolved in too few bits to lead out of its
 * section. The kernel's loader has no relocation for it, so that emit.c writes the distance.
 */
static inline bool is_short(const struct ref *r)
{
	return r->pc_relative && r->width && r->width < 4;
}

/*
 * The weak name by which a reference calls its target, where the target has a stronger one: another
 * object of the kernel may define that name. Or NULL.
 */
static inline const struct symbol *weak_alias(const struct object *o, const struct ref *r)
{
	const struct symbol *s = &o->symbols[r->symbol];
	const struct symbol *primary = r->target == NO_ATOM ? NULL : o->atoms[r->target].symbol;

	return !r->decoded && r->symbol && primary && s->bind == STB_WEAK && s->atom == r->target &&
			       s->section != SECTION_UNDEF && s->value == primary->value &&
			       primary->bind != STB_WEAK ?
		       s :
		       NULL;
}

/* route.c */
#define TRAMPOLINE_PREFIX "__SCT__"
/* struct jump_entry.key: the low bits beside the key's address (<linux/jump_label.h>) */
#define JUMP_LABEL_FLAGS 3

#define STATIC_KEY_PREFIX "__SCK__"
struct routing route_decide(struct diff *d, uint32_t atom, const struct ref *ref);
/* What pass_routes() decided of a reference of the patch. */
static inline uint32_t ref_index(const struct diff *d, const struct ref *ref)
{
	return (uint32_t)(ref - d->new.object->refs);
}
static inline const struct routing *route_of(const struct diff *d, const struct ref *ref)
{
	return d->routes[ref_index(d, ref)];
}

/* route_kernel.c: what the running kernel has */
struct routing route_refused(const char *id, const char *why, const char *remedy);
/* Where a symbol leads that was looked up as @l, is named @name, is @defined in this object or not. */
struct routing route_to_symbol(struct diff *d, const struct atom *from, const struct lookup *l,
			       const char *name, bool defined);
/* Where a symbol leads that is known to be the running kernel's, mentioned by @from. */
struct routing route_to_kernel(struct diff *d, const struct atom *from, uint32_t target);
/* The same for a symbol that code of vmlinux means without a reference, by its name in the source. */
struct routing route_by_name(struct diff *d, const char *name);
/* Whether vmlinux has it where boot code and data were. */
bool route_in_init(struct diff *d, const struct ksym *k);
/* Whether vmlinux has it among what is read-only when it has booted. */
bool route_in_sealed(struct diff *d, const struct ksym *k);

/*
 * kernels_own.c: where a reference to a constant leads if that must be the kernel's and the kernel is
 * known to have it; false: a copy is right, or all that there is. @d->fates is there for code.
 */
bool kernels_own_route(struct diff *d, const struct atom *from, const struct ref *ref, struct routing *out);
/*
 * Whether the constant's address gets away, and code of the original object compares an equal one's address
 * with what it has: it would not know the copy. Likewise.
 */
bool kernels_own_known_by_address(struct diff *d, const struct atom *from, const struct ref *ref);
/* Whether it is the end of a loop of this function over the constant, and of nobody else's. Likewise. */
bool kernels_own_limit(struct diff *d, const struct atom *from, const struct ref *ref);
/* Whether the instruction compares the address, or what it loads it for does. Likewise. */
bool kernels_own_compares(const struct diff *d, const struct ref *ref);
/* The id for a look-up that failed, and what to do then. */
const char *lookup_failed_as(const struct lookup *l, const char **remedy);
/* The symbol of a function that is to be replaced, in the running kernel. */
const struct lookup *lookup_atom(struct diff *d, uint32_t atom);

/* callbacks.c: what the patch author asks to be called */
#define CALLBACK_PREFIX ".discard.kpatch.callback."
int pass_callbacks(struct diff *d);
const char *callback_kind_name(uint32_t kind);

/* routes.c: what must be in the patch, and where its references lead */
int pass_routes(struct diff *d);
/* Whether the atom is new and global: other objects of the same patch may need it. */
bool new_and_visible(const struct diff *d, uint32_t i);

/* A table entry that a module cannot have: it stays behind, or its function is refused. */
static inline bool built_in_only(const struct atom *entry)
{
	return entry->section->special && entry->section->special->vmlinux_only;
}

/* include.c: can a module have what must be in the patch? */
int pass_include(struct diff *d);

/* escape.c */
int pass_escape(struct diff *d);
int pass_kept(struct diff *d);

/* emit.c */
/* What the output keeps of a section's flags: each atom is where it is put, nothing is merged. */
#define KEPT_FLAGS (~(uint64_t)(SHF_MERGE | SHF_STRINGS | SHF_GROUP | SHF_LINK_ORDER | SHF_INFO_LINK))
/* A text that sections of one name and kind have in common, which are one section in the output; in the arena. */
const char *section_key(struct arena *arena, const struct section *s);
/* Where the output mentions static_keys, a pointer each: objtool drops the section afterwards. */
#define STATIC_KEYS_SECTION ".discard.addressable"
#define STATIC_KEY_MENTION 8
/* The name under which a klp reference travels, in the arena. */
const char *route_klp_name(struct arena *arena, const struct routing *r);
int pass_emit(struct diff *d);

/* check.c */
int pass_check(struct diff *d);

/* report.c */
int pass_report(struct diff *d, struct diff_report *out);

/* place.c: diagnostics with the source line where there is debug information */
struct diag_place diff_place(struct diff *d, const struct side *side, uint32_t atom, int64_t offset);
void diff_refuse(struct diff *d, const char *id, const struct side *side, uint32_t atom, int64_t offset,
		 const char *remedy, const char *what, ...) __attribute__((format(printf, 7, 8)));
/* The same for a place that is in no atom. */
void diff_refuse_at(struct diff *d, const char *id, const struct diag_place *place, const char *remedy,
		    const char *what, ...) __attribute__((format(printf, 5, 6)));
void diff_note(struct diff *d, const char *id, const struct side *side, uint32_t atom, int64_t offset,
	       const char *remedy, const char *what, ...) __attribute__((format(printf, 7, 8)));
void diff_warn(struct diff *d, const char *id, const struct side *side, uint32_t atom, int64_t offset,
	       const char *remedy, const char *what, ...) __attribute__((format(printf, 7, 8)));

static inline const struct atom *orig_atom(const struct diff *d, uint32_t id)
{
	return &d->orig.object->atoms[id];
}

static inline const struct atom *new_atom(const struct diff *d, uint32_t id)
{
	return &d->new.object->atoms[id];
}

#endif
