/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The runtime of a patch module as the model (lifecycle.pml) calls it: kmod/kpatch-runtime.c itself, in a
 * world of one patch and one target that is built anew for each call. See runtime.c.
 */
#ifndef MODEL_RUNTIME_H
#define MODEL_RUNTIME_H

/* The state of the fields that klp relocations fill, in the patch's code and data for the target. */
enum fields {
	FIELDS_ZERO,
	FIELDS_WRITTEN, /* all of them, as the kernel wrote them */
	FIELDS_CHANGED, /* written, and the patch's code stored something else into its data since */
	FIELDS_PARTLY,	/* some are zero, some are not */
};

/* What a callback of the runtime sees of the world, and what it did to it. */
struct situation {
	/* in: the target, the patch, its object */
	int loaded;	     /* klp_object.mod is set */
	int coming, going;   /* the target's state, LIVE if neither */
	int alive;	     /* klp_alive */
	int enabled, forced; /* klp_patch */
	int transition;	     /* klp_func.transition of the object's functions */
	int other_build;     /* the target is not of the build that the patch was made for */
	int refuse;	     /* the author's pre_patch is to refuse the target */
	/* in and out */
	enum fields fields;
	/* out */
	int poked;	     /* a field was written */
	int poked_elsewhere; /* something was written that is not a field of this target */
	int author_ran;	     /* the author's callback ran */
	int author_saw_bad;  /* and the fields were not what the patch's code left there */
};

/* Runs the module's init function; fails if it does not register what a patch with one target needs. */
int runtime_start(void);
int runtime_pre_patch(struct situation *s);
void runtime_post_unpatch(struct situation *s);

#endif
