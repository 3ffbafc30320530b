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
 * KPATCH_SHADOW(reads, 0x7a01, struct reads) makes functions for a shadow variable of that type: memory
 * that belongs to an object of the kernel which has no room for it. The object is known by its address,
 * the variable by its number, which all patches of a system share: choose one that is yours.
 *
 *	struct reads *reads_get(object)		NULL if the object has none
 *	struct reads *reads_get_or_alloc(object, gfp)	made of zeroes if there is none; NULL: no memory
 *	void reads_free(object)			to be called where the object's life ends
 *	void reads_free_all(void)		from a post_unpatch callback: nobody will use them again
 *
 * Shadow variables outlive the patch. A patch that replaces this one finds them under the same number and
 * type; what needs a constructor or a destructor calls klp_shadow_alloc() and its sisters itself.
 *
 * KPATCH_STATE(limit, 0x7a02, 1) declares that the patch changes a state of the system beyond its
 * functions: struct klp_state limit, with its number and a version. The core refuses a patch that replaces
 * all others and does not know a state of theirs, or knows an older version only. From the callbacks,
 * limit.data is the author's to use, and klp_get_prev_state(limit.id) gives the state of the patch being
 * replaced, or NULL. Set the state up in post_patch, which looks at the state before, and restore it in
 * pre_unpatch: a patch that is replaced gets no such call, and its successor is responsible. Other files of
 * the patch say extern struct klp_state limit. Make the functions of a shadow variable, and a state, with
 * names that the kernel does not have.
 *
 * examples/shadow-variable.patch, examples/system-state-1.patch and -2.patch show both.
 *
 * The callbacks' pointers travel in .discard.kpatch.callback.KIND sections, which create-diff-object turns
 * into entries of .kpatch.callbacks (kpatch-abi.h). Nothing of them stays in the running module.
 *
 * What the kernel is to keep
 * --------------------------
 * Some differences are refused that the author knows to be harmless, or carried without need. These
 * macros name them; they hold for the file that they stand in, and change nothing in its code. The
 * kernel keeps what it has, and the patch's code refers to that. Each difference left alone is a
 * warning of the build and in the manifest, and so is a macro that met none.
 *
 *	KPATCH_IGNORE_FUNCTION(fn);	fn stays as it runs, whatever the patch changes in it: an
 *			__init function, or one in which nothing but a macro's expansion differs
 *	KPATCH_IGNORE_SECTION("name");	the same for all that is in a section that is named in
 *			the source: ".init.text", a table of one's own. New things in it are left out
 *	KPATCH_ALLOW_DATA_CHANGE(var);	the initial value of var differs, and the running kernel's
 *			value is right as it is, or a callback changes it. Not for a change of size
 *			or of the kind of memory. For a static of a function it stands in the function.
 *			Of a new variable: it is no old one under another name, and needs no initialisation that
 *			the kernel has behind it
 *	KPATCH_ALLOW_LAYOUT(type);	struct or union type has another layout, or enum type another value of a
 *			constant, and old code and old objects get on with the new code. A type without a tag is
 *			called by its typedef, or the variable or constant that it is declared with
 *	KPATCH_ALLOW_PROTOTYPE(fn);	fn takes or returns something else, and no code that the patch does not
 *			replace calls it: no module from elsewhere, nobody through a pointer
 *	KPATCH_REMOVABLE("why");	the module may be removed when the patch is gone, although the kernel may
 *			have been given addresses of what is in it (a string that is stored, a function for a timer):
 *			nothing uses them then, for the reason that is given
 *
 * KPATCH_SYSCALL_DEFINE1(name, ...) to KPATCH_SYSCALL_DEFINE6: in place of SYSCALL_DEFINEn where a patch
 * changes the types or names of a system call's arguments. The description that tracing shows was
 * read at boot and stays as it was.
 *
 * KPATCH_PRINTK(format, ...) and KPATCH_PRINTK_DEFERRED(format, ...): printk() and printk_deferred() that leave
 * the code around them where it is. The compiler takes what leads to printk() for rare, and moves it away.
 *
 * Sources that were written for kpatch compile as they are (doc/from-kpatch.md): patch_object and struct
 * kpatch_object are the kernel's struct klp_object, kpatch-syscall.h includes this file, and a semicolon behind
 * the macros that stand outside of functions may be missing. KPATCH_FORCE_UNSAFE(fn) says nothing that the
 * livepatch core could be told: it is a warning of the build.
 *
 * KPATCH_STATIC_CALL(name)(args): calls what the static call `name` leads to at this moment, through
 * the pointer in its key. static_call() works in patches as well; this one leaves nothing for objtool
 * and for the kernel to patch. The static call must not be one that can be empty (static_call_cond()).
 */
#ifndef KPATCH_MACROS_H
#define KPATCH_MACROS_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/livepatch.h>
#include <linux/printk.h>
#include <linux/static_call_types.h>

typedef struct klp_object patch_object;
#define kpatch_object klp_object

typedef int (*kpatch_pre_patch_t)(struct klp_object *obj);
typedef void (*kpatch_post_patch_t)(struct klp_object *obj);
typedef void (*kpatch_pre_unpatch_t)(struct klp_object *obj);
typedef void (*kpatch_post_unpatch_t)(struct klp_object *obj);

#define KPATCH_CALLBACK(kind, fn)                                                                            \
	static const kpatch_##kind##_t __used __section(".discard.kpatch.callback." #kind)                   \
		kpatch_callback_##kind = (fn);

#define KPATCH_PRE_PATCH_CALLBACK(fn) KPATCH_CALLBACK(pre_patch, fn)
#define KPATCH_POST_PATCH_CALLBACK(fn) KPATCH_CALLBACK(post_patch, fn)
#define KPATCH_PRE_UNPATCH_CALLBACK(fn) KPATCH_CALLBACK(pre_unpatch, fn)
#define KPATCH_POST_UNPATCH_CALLBACK(fn) KPATCH_CALLBACK(post_unpatch, fn)

/* A name for create-diff-object (requests.c), as text: a reference would keep the compiler from inlining. */
#define KPATCH_REQUEST(kind, text)                                                                           \
	static const char __used __aligned(1) __section(".discard.kpatch.request." #kind)                    \
		__UNIQUE_ID(kpatch_request)[] = (text)

#define KPATCH_IGNORE_SECTION(name) KPATCH_REQUEST(ignore_section, name);
#define KPATCH_IGNORE_FUNCTION(fn)                                                                           \
	KPATCH_REQUEST(ignore_function, #fn);                                                                \
	static_assert(sizeof(&(fn)), "no function");
#define KPATCH_FORCE_UNSAFE(fn)                                                                              \
	KPATCH_REQUEST(force_unsafe, #fn);                                                                   \
	static_assert(sizeof(&(fn)), "no function");
#define KPATCH_ALLOW_DATA_CHANGE(var)                                                                        \
	KPATCH_REQUEST(allow_data, #var);                                                                    \
	static_assert(sizeof(&(var)), "no variable")

#define KPATCH_ALLOW_PROTOTYPE(fn)                                                                           \
	KPATCH_REQUEST(allow_prototype, #fn);                                                                \
	static_assert(sizeof(&(fn)), "no function")

#define KPATCH_ALLOW_LAYOUT(type)                                                                            \
	KPATCH_REQUEST(allow_layout, #type);                                                                 \
	static_assert(sizeof(type) > 0, "no type")

#define KPATCH_REMOVABLE(why) KPATCH_REQUEST(removable, why)

/* SYSCALL_DEFINEn without the tables that describe it. */
#define KPATCH_SYSCALL_DEFINEx(x, name, ...)                                                                 \
	KPATCH_REQUEST(keep_syscall, #name);                                                                 \
	__SYSCALL_DEFINEx(x, _##name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE1(name, ...) KPATCH_SYSCALL_DEFINEx(1, name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE2(name, ...) KPATCH_SYSCALL_DEFINEx(2, name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE3(name, ...) KPATCH_SYSCALL_DEFINEx(3, name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE4(name, ...) KPATCH_SYSCALL_DEFINEx(4, name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE5(name, ...) KPATCH_SYSCALL_DEFINEx(5, name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE6(name, ...) KPATCH_SYSCALL_DEFINEx(6, name, __VA_ARGS__)

#define KPATCH_STATIC_CALL(name) ((typeof(STATIC_CALL_TRAMP(name)) *)READ_ONCE(STATIC_CALL_KEY(name).func))

/* The compiler does not see that the condition holds, so that only what is below it counts as rare. */
#define KPATCH_SAY(how, format, ...)                                                                         \
	({                                                                                                   \
		bool kpatch_says = true;                                                                     \
		OPTIMIZER_HIDE_VAR(kpatch_says);                                                             \
		if (kpatch_says)                                                                             \
			how(format, ##__VA_ARGS__);                                                          \
	})
#define KPATCH_PRINTK(format, ...) KPATCH_SAY(printk, format, ##__VA_ARGS__)
#define KPATCH_PRINTK_DEFERRED(format, ...) KPATCH_SAY(printk_deferred, format, ##__VA_ARGS__)

/* In some builds of kpatch, of a static that the patch removes: that is no more than a warning here. */
#define KPATCH_IGNORE_STATIC(...)

/* What kpatch had before it had callbacks: they came at other times, so that the names alone would not do. */
#define KPATCH_LOAD_HOOK(fn)                                                                                 \
	static_assert(false, "use KPATCH_PRE_PATCH_CALLBACK() or KPATCH_POST_PATCH_CALLBACK()");
#define KPATCH_UNLOAD_HOOK(fn)                                                                               \
	static_assert(false, "use KPATCH_PRE_UNPATCH_CALLBACK() or KPATCH_POST_UNPATCH_CALLBACK()");

#define KPATCH_SHADOW(name, number, type)                                                                    \
	static inline type *name##_get(void *object)                                                         \
	{                                                                                                    \
		return klp_shadow_get(object, (number));                                                     \
	}                                                                                                    \
	static inline type *name##_get_or_alloc(void *object, gfp_t gfp)                                     \
	{                                                                                                    \
		return klp_shadow_get_or_alloc(object, (number), sizeof(type), gfp, NULL, NULL);             \
	}                                                                                                    \
	static inline void name##_free(void *object)                                                         \
	{                                                                                                    \
		klp_shadow_free(object, (number), NULL);                                                     \
	}                                                                                                    \
	static inline void name##_free_all(void)                                                             \
	{                                                                                                    \
		klp_shadow_free_all((number), NULL);                                                         \
	}                                                                                                    \
	static_assert(sizeof(type) > 0)

/* The link collects these into the array that the core wants. Not static: each counts, used or not. */
#define KPATCH_STATE(name, number, of_version)                                                               \
	struct klp_state name __used __aligned(8)                                                            \
		__section(".data.kpatch.states") = { .id = (number), .version = (of_version) }

#endif
