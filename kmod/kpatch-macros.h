/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For authors of patches: include this from a patched source file as "kpatch-macros.h".
 *
 * KPATCH_PRE_PATCH_CALLBACK(fn) and its sisters name a function of the patch that the livepatch
 * core calls around the patching of the kernel object which the file belongs to (vmlinux or a
 * module). At most one of each kind for each object. They may sleep; they run with klp_mutex
 * held, so they must not enable or disable a patch themselves.
 *
 *	pre_patch	before the object is patched, or before the module's init function if
 *			the module is loaded later; an error stops the patch or that module's load
 *	post_patch	after the last task has switched to the patched code
 *	pre_unpatch	before the patch is disabled or the module goes
 *	post_unpatch	after the last task has left the patched code. Runs if pre_patch did
 *
 * A patch that is replaced as a whole by another one gets none of the unpatch callbacks.
 *
 * The pointers travel in .discard.kpatch.callback.KIND sections, which create-diff-object turns
 * into entries of .kpatch.callbacks (kpatch-abi.h). Nothing of them stays in the running module.
 */
#ifndef KPATCH_MACROS_H
#define KPATCH_MACROS_H

#include <linux/compiler.h>
#include <linux/livepatch.h>

typedef int (*kpatch_pre_patch_t)(struct klp_object *obj);
typedef void (*kpatch_post_patch_t)(struct klp_object *obj);
typedef void (*kpatch_pre_unpatch_t)(struct klp_object *obj);
typedef void (*kpatch_post_unpatch_t)(struct klp_object *obj);

#define KPATCH_CALLBACK(kind, fn)                                                          \
	static const kpatch_##kind##_t __used __section(".discard.kpatch.callback." #kind) \
		kpatch_callback_##kind = (fn)

#define KPATCH_PRE_PATCH_CALLBACK(fn) KPATCH_CALLBACK(pre_patch, fn)
#define KPATCH_POST_PATCH_CALLBACK(fn) KPATCH_CALLBACK(post_patch, fn)
#define KPATCH_PRE_UNPATCH_CALLBACK(fn) KPATCH_CALLBACK(pre_unpatch, fn)
#define KPATCH_POST_UNPATCH_CALLBACK(fn) KPATCH_CALLBACK(post_unpatch, fn)

#endif
