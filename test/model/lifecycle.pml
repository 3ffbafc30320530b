/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doc/lifecycle.md as a model for spin: a target module that comes and goes, PATCHES patches that are loaded,
 * enabled, turned round, forced, replaced and removed, and two tasks that run the target's code, in all their
 * interleavings. The steps are the kernel's, in the kernel's order, and bear the names of its functions.
 * The callbacks of the patches are not modelled: each call goes to kmod/kpatch-runtime.c itself (runtime.c).
 *
 * What is asked of it stands at the PROPERTY lines. Every one is seen to fail by a breakage of the runtime,
 * of the patch module's layout or of the core (test/model/breakages).
 *
 * -DPATCHES=n      how many patches (2)
 * -DKERNEL_CLEARS  the core clears relocations itself when a target goes (6.3 and later)
 * -DNO_FORCE       nobody writes to a patch's "force"
 * -DWITHOUT_...    the breakages of the core and of the layout
 *
 * Each patch has one function in vmlinux, a(), and one in the target, b(), and klp relocations in the code and
 * data of its b(). One d_step is what nobody else can see the middle of: what else happens under klp_mutex is
 * interleaved with all that does not take it.
 */
#ifndef PATCHES
#define PATCHES 2
#endif
#define NONE PATCHES

/*
 * The target module. Builds: 0 is the right one, 1 + i lacks a symbol that patch i needs, OTHER has all
 * symbols, but is not what the patches were made for.
 */
#define OTHER (PATCHES + 1)
#define ABSENT 0
#define COMING 1
#define LIVE 2
#define GOING 3
byte state, build, references;
bool klp_alive;

/* The patches. order[] is the core's list of them, oldest first. */
byte order[PATCHES], listed;
bool on_list[PATCHES];
bool module[PATCHES], held[PATCHES];	/* in memory; the core holds a reference */
bool replace[PATCHES], on[PATCHES], forced[PATCHES];	/* on: klp_patch.enabled */
bool a_patched[PATCHES], b_patched[PATCHES];
bool obj_mod[PATCHES], post_unpatch_enabled[PATCHES];
byte fields[PATCHES];			/* enum fields of runtime.h */
#define ZERO 0
#define WRITTEN 1
#define CHANGED 2
#define PARTLY 3

bool klp_mutex;
byte klp_transition_patch = NONE;
bool to_patched;			/* klp_target_state */
bool func_transition;			/* of klp_transition_patch */

/* Tasks: one that calls into the target, and the one that loads and unloads it. */
#define CALLER 0
#define LOADER 1
#define OUTSIDE 0
#define ORIGINAL 1
#define PATCHED_BY(i) (2 + (i))
bool switched[2];			/* task->patch_state is that of the patched world */
byte inside[2];				/* which b() the task is in */

#define PROPERTY(name, condition)             \
	name = (condition);                   \
	if                                    \
	:: !name -> c_code { now.name = ignored(#name); } \
	:: else                               \
	fi;                                   \
	assert(name)
bool other_build_is_refused = 1, fields_are_zero_when_applied = 1, fields_are_zero_when_target_is_gone = 1, fields_are_written_when_used = 1,
	nobody_is_inside_when_cleared = 1, only_fields_are_written = 1, only_a_loaded_patch_is_written = 1,
	author_sees_intact_fields = 1, author_is_asked = 1, author_is_obeyed = 1, kernel_clears_what_it_wrote = 1,
	nobody_is_inside_what_is_freed = 1, b_is_as_new_as_a = 1, patch_is_loaded_when_called = 1,
	target_is_known_when_reverted = 1;

/* Scratch of d_steps: zero outside of them. */
byte n, top_a, top_b;
byte who;				/* the patch whose callback runs */
bool refuse, ret, poked, elsewhere, asked, saw_bad;

c_decl {
\#include "runtime.h"
}

c_code {
	/* test/model/check --only: a breakage is to be noticed by the property that is meant, not by its neighbour */
	static int ignored(const char *property)
	{
		const char *only = getenv("MODEL_PROPERTY");

		return only && strcmp(only, property);
	}

	/* The runtime's callback for patch "who", in the state that the model is in. */
	static void call_runtime(int (*callback)(struct situation *))
	{
		struct situation s = {
			.loaded = now.obj_mod[now.who],
			.coming = now.state == 1,
			.going = now.state == 3,
			.alive = now.klp_alive,
			.enabled = now.on[now.who],
			.forced = now.forced[now.who],
			.transition = now.klp_transition_patch == now.who && now.func_transition,
			.refuse = now.refuse,
			.other_build = now.build == PATCHES + 1,
			.fields = now.fields[now.who],
		};

		now.ret = !!callback(&s);
		now.fields[now.who] = s.fields;
		now.poked = s.poked;
		now.elsewhere = s.poked_elsewhere;
		now.asked = s.author_ran;
		now.saw_bad = s.author_saw_bad;
	}
	static int post_unpatch_of_runtime(struct situation *s)
	{
		runtime_post_unpatch(s);
		return 0;
	}
}

inline judge_callback(i) {
	PROPERTY(only_fields_are_written, !elsewhere);
	PROPERTY(only_a_loaded_patch_is_written, module[i]);
	PROPERTY(author_is_asked, asked || build == OTHER);
	PROPERTY(author_is_obeyed, refuse == ret || build == OTHER);
	PROPERTY(author_sees_intact_fields, !saw_bad);
	PROPERTY(nobody_is_inside_when_cleared,
		 !poked || (inside[CALLER] != PATCHED_BY(i) && inside[LOADER] != PATCHED_BY(i)));
	who = 0; refuse = 0; ret = 0; poked = 0; elsewhere = 0; asked = 0; saw_bad = 0
}

/* What the ftrace handler leads task t to: the newest patch, or the one below it while t has not switched. */
inline find_top(t) {
	top_a = ORIGINAL; top_b = ORIGINAL;
	n = 0;
	do
	:: n < listed ->
		if
		:: order[n] == klp_transition_patch && func_transition && !switched[t] -> skip
		:: else ->
			if :: a_patched[order[n]] -> top_a = PATCHED_BY(order[n]) :: else fi;
			if :: b_patched[order[n]] -> top_b = PATCHED_BY(order[n]) :: else fi
		fi;
		n++
	:: else -> break
	od;
	n = 0
}

inline call_b(t) {
	find_top(t);
	PROPERTY(b_is_as_new_as_a, top_a == top_b);
	if
	:: top_b > ORIGINAL ->
		PROPERTY(patch_is_loaded_when_called, module[top_b - 2]);
		PROPERTY(fields_are_written_when_used,
			 fields[top_b - 2] == WRITTEN || fields[top_b - 2] == CHANGED)
	:: else
	fi;
	inside[t] = top_b;
	top_a = 0; top_b = 0
}

/* It runs on: it jumps through its fields once more, and may store another pointer into its data. */
inline return_from_b(t) {
	if
	:: inside[t] > ORIGINAL ->
		PROPERTY(patch_is_loaded_when_called, module[inside[t] - 2]);
		PROPERTY(fields_are_written_when_used,
			 fields[inside[t] - 2] == WRITTEN || fields[inside[t] - 2] == CHANGED)
	:: else
	fi;
	inside[t] = OUTSIDE
}

inline change_data(t) {
	inside[t] > ORIGINAL && fields[inside[t] - 2] == WRITTEN;
	fields[inside[t] - 2] = CHANGED
}

/*
 * kernel/livepatch/core.c and transition.c
 */
inline lock_klp_mutex() { atomic { !klp_mutex -> klp_mutex = 1 } }
inline unlock_klp_mutex() { klp_mutex = 0 }

inline list_del(i) {
	n = 0;
	do :: order[n] != i -> n++ :: else -> break od;
	do
	:: n + 1 < listed -> order[n] = order[n + 1]; n++
	:: else -> break
	od;
	listed--;
	on_list[i] = 0;
	order[listed] = 0;
	n = 0;
	on[i] = 0; replace[i] = 0; obj_mod[i] = 0; post_unpatch_enabled[i] = 0
}

/* klp_apply_object_relocs() and the lookups that follow it. The guard section has all names in it. */
inline klp_init_object_loaded(i, failed) {
	d_step {
		PROPERTY(only_a_loaded_patch_is_written, module[i]);
		failed = (build == 1 + i);
#ifdef WITHOUT_GUARD
		PROPERTY(fields_are_zero_when_applied, fields[i] == ZERO);
		fields[i] = (failed -> PARTLY : WRITTEN)
#else
		if
		:: !failed ->
			PROPERTY(fields_are_zero_when_applied, fields[i] == ZERO);
			fields[i] = WRITTEN
		:: else
		fi
#endif
	}
}

inline klp_pre_patch_callback(i, failed) {
	if :: failed = 0 :: failed = 1 fi;
	d_step {
		who = i;
		refuse = failed;
		c_code { call_runtime(runtime_pre_patch); };
		failed = ret;
		PROPERTY(other_build_is_refused, failed || build != OTHER);
		post_unpatch_enabled[i] = !failed;
		judge_callback(i)
	}
}

/* Fails for want of memory, or if another user of ftrace has the function for itself. */
inline klp_patch_object(i, failed) {
	if
	:: failed = 0; b_patched[i] = 1
	:: failed = 1
	fi
}

inline klp_unpatch_object(i) { b_patched[i] = 0 }

inline klp_pre_unpatch_callback(i) {
	d_step {
		PROPERTY(only_a_loaded_patch_is_written, module[i]);
		PROPERTY(author_sees_intact_fields, fields[i] == WRITTEN || fields[i] == CHANGED)
	}
}

inline klp_post_unpatch_callback(i) {
	d_step {
		if
		:: post_unpatch_enabled[i] ->
			who = i;
			c_code { call_runtime(post_unpatch_of_runtime); };
			post_unpatch_enabled[i] = 0;
			judge_callback(i)
		:: else
		fi
	}
}

/* Stops at the first field that is not what it wrote. */
inline klp_clear_object_relocs(i) {
	d_step {
		PROPERTY(kernel_clears_what_it_wrote, fields[i] == WRITTEN);
		fields[i] = ZERO
	}
}

inline klp_cleanup_module_patches_limited(limit) {
	k = 0;
	do
	:: k < limit ->
		p = order[k];
		d_step { PROPERTY(target_is_known_when_reverted, obj_mod[p]) };
		if
		:: p != klp_transition_patch -> klp_pre_unpatch_callback(p)
		:: else
		fi;
		klp_unpatch_object(p);
		klp_post_unpatch_callback(p);
#ifdef KERNEL_CLEARS
		klp_clear_object_relocs(p);
#endif
		obj_mod[p] = 0;
		k++
	:: else -> break
	od
}

inline klp_module_coming(failed) {
	lock_klp_mutex();
	klp_alive = 1;
	failed = 0;
	k = 0;
	do
	:: k < listed && !failed ->
		p = order[k];
#ifdef WITHOUT_PATCHES_IN_TRANSITION
		if
		:: p == klp_transition_patch -> k++; goto next_patch
		:: else
		fi;
#endif
		obj_mod[p] = 1;
		klp_init_object_loaded(p, failed);
		if
		:: !failed ->
			klp_pre_patch_callback(p, failed);
			if
			:: !failed ->
				klp_patch_object(p, failed);
				if
				:: failed -> klp_post_unpatch_callback(p)
				:: else
				fi
			:: else
			fi
		:: else
		fi;
		if
		:: failed -> break
		:: else -> k++
		fi;
#ifdef WITHOUT_PATCHES_IN_TRANSITION
next_patch:
#endif
		skip
	:: else -> break
	od;
	if
	:: failed ->
		d_step { klp_alive = 0; obj_mod[p] = 0 };
		limit = k;
		klp_cleanup_module_patches_limited(limit)
	:: else
	fi;
	atomic { k = 0; p = 0; limit = 0 };
#ifdef WITHOUT_UNLOCK
	if
	:: failed
	:: else -> unlock_klp_mutex()
	fi
#else
	unlock_klp_mutex()
#endif
}

inline klp_module_going() {
	lock_klp_mutex();
	klp_alive = 0;
	klp_cleanup_module_patches_limited(listed);
	atomic { k = 0; p = 0 };
	unlock_klp_mutex()
}

inline klp_init_transition(i, patching) {
	d_step {
		klp_transition_patch = i;
		to_patched = patching;
		switched[CALLER] = !patching;
		switched[LOADER] = !patching;
#ifndef WITHOUT_TRANSITION
		func_transition = 1
#endif
	}
}

inline klp_unpatch_objects(i) {
	d_step { a_patched[i] = 0; b_patched[i] = 0 }
}

inline klp_unpatch_replaced_patches() {
	k = 0;
	do
	:: order[k] != klp_transition_patch ->
		on[order[k]] = 0;
		klp_unpatch_objects(order[k]);
		k++
	:: else -> break
	od;
	k = 0
}

/* klp_complete_transition(), by its direction */
inline complete_patching() {
	if
	:: replace[klp_transition_patch] -> klp_unpatch_replaced_patches()
	:: else
	fi;
	func_transition = 0
}

inline complete_unpatching() {
	klp_unpatch_objects(klp_transition_patch);
	func_transition = 0;
	if
	:: obj_mod[klp_transition_patch] -> klp_post_unpatch_callback(klp_transition_patch)
	:: else
	fi
}

/* Off the list: the patch if it was taken back, all older ones if it replaced them. */
inline free_patches() {
	d_step {
		if
		:: !on[klp_transition_patch] -> list_del(klp_transition_patch)
		:: else ->
			do
			:: replace[klp_transition_patch] && order[0] != klp_transition_patch ->
				top_a = order[0];
				list_del(top_a)
			:: else -> break
			od;
			top_a = 0
		fi;
		klp_transition_patch = NONE;
		to_patched = 0; switched[CALLER] = 0; switched[LOADER] = 0
	}
}

/* The function below the one of the patch in transition, for klp_check_stack_func(). */
inline find_below() {
	top_b = ORIGINAL;
	n = 0;
	do
	:: order[n] != klp_transition_patch ->
		if :: b_patched[order[n]] -> top_b = PATCHED_BY(order[n]) :: else fi;
		n++
	:: else -> break
	od;
	n = 0
}

/* klp_try_switch_task() for each */
inline try_switch_tasks() {
	d_step {
		find_below();
		do
		:: n < 2 ->
			if
			:: b_patched[klp_transition_patch] && to_patched && inside[n] == top_b -> skip
			:: b_patched[klp_transition_patch] && !to_patched &&
			   inside[n] == PATCHED_BY(klp_transition_patch) -> skip
			:: else -> switched[n] = to_patched
			fi;
			n++
		:: else -> break
		od;
		n = 0;
		top_b = 0
	}
}

/*
 * The core also tries this once at the end of enabling and disabling, which is one of the orders in which the
 * worker can come. There are more tasks than the two: one elsewhere may be in the way at any time.
 */
inline klp_try_complete_transition() {
	if
	:: skip
	:: try_switch_tasks();
		if
		:: skip
		:: switched[CALLER] == to_patched && switched[LOADER] == to_patched ->
			if
			:: to_patched -> complete_patching()
			:: else -> complete_unpatching()
			fi;
			free_patches()
		fi
	fi
}

inline klp_cancel_transition() {
	to_patched = 0;
	complete_unpatching();
	d_step { klp_transition_patch = NONE; switched[CALLER] = 0; switched[LOADER] = 0 }
}

inline find_object_module(i) {
#ifdef WITHOUT_KLP_ALIVE
	obj_mod[i] = (state != ABSENT)
#elif defined(WITHOUT_PATCHES_WHILE_GOING)
	obj_mod[i] = klp_alive && state != GOING
#else
	obj_mod[i] = klp_alive
#endif
}

inline klp_enable_patch(i, failed) {
	lock_klp_mutex();
	d_step { held[i] = 1; find_object_module(i) };
	failed = 0;
	if
	:: obj_mod[i] -> klp_init_object_loaded(i, failed)
	:: else
	fi;
	if
	:: !failed && klp_transition_patch == NONE ->
		d_step { order[listed] = i; listed++; on_list[i] = 1 };
		klp_init_transition(i, 1);
		a_patched[i] = 1;
		if
		:: obj_mod[i] ->
			klp_pre_patch_callback(i, failed);
			if
			:: !failed -> klp_patch_object(i, failed)
			:: else
			fi
		:: else
		fi;
		if
		:: failed ->
			klp_cancel_transition();
			d_step { list_del(i) }
		:: else -> on[i] = 1
		fi
	:: else -> d_step { failed = 1; obj_mod[i] = 0; replace[i] = 0 }
	fi;
	unlock_klp_mutex()
}

inline __klp_disable_patch(i) {
	klp_init_transition(i, 0);
	if
	:: b_patched[i] -> klp_pre_unpatch_callback(i)
	:: else
	fi;
	on[i] = 0
}

/* The tasks that it turns round are those that klp_try_complete_transition() finds. */
inline klp_reverse_transition(i) {
	d_step { on[i] = !on[i]; to_patched = !to_patched }
}

inline klp_force_transition() {
	d_step {
		switched[CALLER] = to_patched;
		switched[LOADER] = to_patched;
		if
		:: !to_patched -> forced[klp_transition_patch] = 1
		:: to_patched && replace[klp_transition_patch] ->
			do
			:: order[n] != klp_transition_patch -> forced[order[n]] = 1; n++
			:: else -> break
			od;
			n = 0
		:: else
		fi
	}
}

inline free_patch_module(i) {
	d_step {
		PROPERTY(nobody_is_inside_what_is_freed,
			 inside[CALLER] != PATCHED_BY(i) && inside[LOADER] != PATCHED_BY(i));
		module[i] = 0; held[i] = 0; forced[i] = 0; fields[i] = ZERO
	}
}

/* klp_transition_work_fn(), and klp_free_patch_work_fn() for patches that are off the list */
proctype worker() {
	byte k;

	do
	:: atomic { klp_transition_patch != NONE && !klp_mutex -> klp_mutex = 1 };
		klp_try_complete_transition();
		unlock_klp_mutex()
	od
}

#ifdef WITHOUT_REFERENCE
#define MAY_BE_REMOVED(i) true
#else
#define MAY_BE_REMOVED(i) !held[i]
#endif
#ifdef WITHOUT_FORCED_MARK
#define MAY_BE_RELEASED(i) true
#else
#define MAY_BE_RELEASED(i) !forced[i]
#endif

/* Whoever loads patches, writes to their files in sysfs, and removes them. */
proctype admin(byte i) {
	bool failed;

	do
	:: d_step { !module[i] && !on_list[i] -> module[i] = 1 };
		if :: replace[i] = 1 :: skip fi;
		klp_enable_patch(i, failed);
		if
		:: failed -> free_patch_module(i); failed = 0
		:: else
		fi
	:: atomic { on[i] && klp_transition_patch == NONE && !klp_mutex -> klp_mutex = 1 };
		__klp_disable_patch(i);
		unlock_klp_mutex()
	:: d_step { klp_transition_patch == i && !klp_mutex -> klp_reverse_transition(i) }
#ifndef NO_FORCE
	:: d_step { klp_transition_patch == i && !klp_mutex -> klp_force_transition() }
#endif
	/* klp_free_patch_finish(), then rmmod */
	:: d_step { held[i] && !klp_mutex && !on_list[i] && MAY_BE_RELEASED(i) -> held[i] = 0 }
	:: module[i] && MAY_BE_REMOVED(i) -> free_patch_module(i)
	od
}

/*
 * kernel/module/main.c
 */
inline free_module() {
	d_step {
		PROPERTY(nobody_is_inside_what_is_freed,
			 inside[CALLER] == OUTSIDE && inside[LOADER] == OUTSIDE);
		do
		:: n < listed ->
			PROPERTY(fields_are_zero_when_target_is_gone, fields[order[n]] == ZERO);
			n++
		:: else -> break
		od;
		n = 0;
		state = ABSENT; build = 0
	}
}

inline run_b(t) {
	d_step { call_b(t) };
	if
	:: d_step { change_data(t) }
	:: skip
	fi;
	d_step { return_from_b(t) }
}

proctype loader() {
	byte k, p, limit;
	bool failed;

end:	do
	:: state == ABSENT ->
		if
		:: build = 0
		:: build = 1
		:: build = PATCHES
		:: build = OTHER
		fi;
		state = COMING;
		klp_module_coming(failed);
		if
		:: failed -> goto gone			/* bug_cleanup: no notifier of any kind */
		:: else
		fi;
		if
		:: klp_module_going(); goto gone	/* a notifier for COMING objects */
		:: state = GOING; klp_module_going(); goto gone	/* parse_args() or sysfs fail */
		:: run_b(LOADER);			/* do_init_module() */
			if
			:: state = GOING; klp_module_going(); goto gone
			:: state = LIVE
			fi
		:: state = LIVE
		fi;
		atomic { references == 0 -> state = GOING };	/* try_stop_module() */
		if
		:: run_b(LOADER)			/* mod->exit() */
		:: skip
		fi;
		/* here the notifiers for GOING run */
		klp_module_going();
gone:		failed = 0;
		free_module()
	od
}

proctype caller() {
end:	do
	:: d_step { state == LIVE -> references = 1; call_b(CALLER) };
		if
		:: d_step { change_data(CALLER) }
		:: skip
		fi;
		d_step { return_from_b(CALLER); references = 0 }
	od
}

init {
	byte i;

	atomic {
		c_code {
			if (runtime_start())
				Uerror("the runtime does not start");
		};
		run loader();
		run caller();
		run worker();
		do
		:: i < PATCHES -> run admin(i); i++
		:: else -> break
		od
	}
}
