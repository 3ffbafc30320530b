/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of live patching, from sysfs and nowhere else (Documentation/ABI/testing/
 * sysfs-kernel-livepatch, sysfs-module): which patches there are, in what state, what they patch;
 * and which modules of patches are still in memory although their patch is gone. Attributes that
 * only newer kernels have (replace: 6.11, stack_order: 6.14) are optional.
 */
#ifndef KPATCH_SYSFS_H
#define KPATCH_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/files/buildid.h"
#include "lib/klp/names.h"

struct arena;
struct system;

enum patch_state {
	PATCH_ENABLED,
	PATCH_ENABLING,	 /* in transition to enabled */
	PATCH_DISABLING, /* in transition to disabled */
	PATCH_DISABLED,	 /* about to disappear */
};

struct live_function {
	const char *name;
	uint64_t position;
};

struct live_object {
	const char *name;
	bool patched;			 /* false: waits for its module to be loaded */
	bool known;			 /* whether the kernel tells (patched: 6.1 and later) */
	struct live_function *functions; /* by name */
	size_t n_functions;
};

struct live_patch {
	const char *name; /* of its module */
	enum patch_state state;
	int replace;		     /* 0, 1; -1: this kernel does not tell */
	int stack_order;	     /* from 1; -1: this kernel does not tell */
	long age;		     /* of its module: the larger, the earlier it was loaded; -1: not known */
	struct live_object *objects; /* vmlinux first, then by name */
	size_t n_objects;
};

struct live {
	struct live_patch *patches; /* in stacking order, the oldest first; by name where nothing tells */
	size_t n_patches;
	const char **leftovers; /* modules of live patches that are loaded without a patch */
	size_t n_leftovers;
};

/* Whether this kernel has live patching. */
bool sysfs_capable(const struct system *s);

/*
 * Reads the state. A patch that disappears meanwhile is left out. 0, -ENOENT (no live patching
 * in this kernel), -errno.
 */
int sysfs_read(const struct system *s, struct arena *a, struct live *out);

/* The state of one patch. @name as the kernel spells it. -ENOENT: there is no such patch. */
int sysfs_patch_state(const struct system *s, const char *name, enum patch_state *out);

/* A name for each state: "enabled", "enabling", … */
const char *patch_state_name(enum patch_state state);

const struct live_patch *live_find(const struct live *l, const char *name);
/* Whether it is the module of a patch that is gone. */
bool live_leftover(const struct live *l, const char *module);
size_t live_functions(const struct live_patch *p);
/* Whether @a is known to be below @b in the stack. */
bool live_is_below(const struct live_patch *a, const struct live_patch *b);
/* Whether it replaces the function. */
bool live_has(const struct live_patch *p, const char *object, const char *function, uint64_t position);

/*
 * The newest live patch that replaces the function, or NULL. Where stacking order is unknown it is
 * any of them.
 */
const struct live_patch *live_owner(const struct live *l, const char *object, const char *function,
				    uint64_t position);

/* Modules: */
bool module_is_loaded(const struct system *s, const char *name);
/* Whether the runtime says that the module stays in memory when its patch is gone. */
bool module_is_kept(const struct system *s, const char *name);
/* Whether the runtime says that nothing has proven the patch to be for the code that runs. */
bool module_is_unverified(const struct system *s, const char *name);
/* References to it, -ENOENT, or another -errno. */
long module_references(const struct system *s, const char *name);
/* 0, -ENOENT (not loaded, or without a build ID), -EBADMSG. */
int module_build_id(const struct system *s, const char *name, struct buildid *out);
/* Of the running kernel. */
int kernel_build_id(const struct system *s, struct buildid *out);

/* "my-patch" → "my_patch" into @out. -EINVAL if it cannot be the name of a module. */
#define MODULE_NAME_SIZE (KLP_OBJECT_MAX + 1)
int module_name(const char *name, char out[MODULE_NAME_SIZE]);
/* The same of what a user says: the name, or that of a file, "my-patch.ko" or "DIR/my-patch.ko", which need not be there. */
int module_name_said(const char *said, char out[MODULE_NAME_SIZE]);

#endif
