/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command that makes one variant of an object: the build's own, with what a patch needs put in.
 */
#include "kpatch-build/compile/compile.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/compile/shadow.h"
#include "lib/util/arena.h"
#include "lib/util/process.h"

/* -g, -g3, -gdwarf-5, -gz=zlib, …, what leaves types out; not an option that only begins with those letters. */
static bool is_debug_flag(const char *word)
{
	return !strcmp(word, "-g") || (!strncmp(word, "-g", 2) && word[2] >= '0' && word[2] <= '9') ||
	       !strncmp(word, "-gdwarf", 7) || !strncmp(word, "-gz", 3) || !strncmp(word, "-gsplit", 7) ||
	       !strncmp(word, "-gsimple", 8) || !strncmp(word, "-femit-struct-debug", 19) ||
	       !strncmp(word, "-Wa,-g", 6);
}

/* What the compiler is to make, and of what. */
static void add_goal(struct arena *arena, struct words *argv, const struct compile_job *job,
		     enum variant variant, const char *object)
{
	const char *goal = "-c -o";

	if (job->unit.bystander == BYSTANDER_LAYOUT)
		goal = "-E -P -DLINKER_SCRIPT -o"; /* a linker script is text */
	else if (variant != REFERENCE)
		words_add_list(arena, argv, "-ffunction-sections -fdata-sections");
	words_add_list(arena, argv, goal);
	words_add(arena, argv, object);
	words_add(arena, argv, job->how.source);
}

void compile_command(struct build *b, struct arena *arena, const struct compile_job *job,
		     enum variant variant, const char *object, bool debug, struct command *out)
{
	static const char depfile[] = "-Wp,-MMD,";
	struct words argv = { 0 };

	for (size_t i = 0; i < job->how.cc.n; i++) {
		const char *word = job->how.cc.word[i];

		/* -MD: a file can say of itself that it is a system header, which -MMD leaves out */
		if (!strncmp(word, depfile, sizeof(depfile) - 1))
			word = arena_printf(arena, "-Wp,-MD,%s.d", object);
		else if (is_debug_flag(word))
			continue;
		words_add(arena, &argv, word);
	}
	if (debug)
		words_add_list(arena, &argv, "-g -fno-var-tracking");
	/* what .incbin and .include read: compile_inputs.c */
	if (job->unit.bystander != BYSTANDER_LAYOUT)
		words_add(arena, &argv, arena_printf(arena, "-Wa,--MD,%s.as.d", object));
	add_goal(arena, &argv, job, variant, object);
	*out = (struct command){
		.argv = argv.word,
		.cwd = variant == PATCHED ? b->shadow : b->pristine,
		.out = arena_printf(arena, "%s.log", object),
		.label = job->unit.object,
	};
}
