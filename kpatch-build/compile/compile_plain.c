// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is compiled of a patched file has line markers (line_markers.c): a message about it would name other
 * lines than the file's and quote the wrong ones. So what the compiler has something to say of is compiled
 * once more, from the text as the patches leave it, and that is what the user gets to read. Likewise
 * for messages of the differ (diff.c).
 *
 * Reads build.patched; puts the texts into the patched tree, and those with markers back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kpatch-build/compile/compile.h"
#include "kpatch-build/compile/shadow.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/process.h"

static bool has_markers(const struct patched_file *f)
{
	return f->marked != f->now.text;
}

bool compile_has_markers(const struct build *b)
{
	for (size_t i = 0; i < b->n_patched; i++)
		if (has_markers(&b->patched[i]))
			return true;
	return false;
}

int compile_put_texts(struct build *b, bool markers)
{
	int err = 0;

	for (size_t i = 0; i < b->n_patched && !err; i++) {
		const struct patched_file *f = &b->patched[i];

		err = shadow_put(b->arena, b->pristine, b->shadow, f->path, markers ? f->marked : f->now.text,
				 markers ? f->marked_size : f->now.size);
	}
	return err;
}

int compile_plain(struct build *b, struct arena *arena, struct compile_job *const *jobs, size_t n, bool debug,
		  struct command *commands)
{
	int err = n ? compile_put_texts(b, false) : 0, back;

	for (size_t i = 0; i < n && !err; i++)
		compile_command(b, arena, jobs[i], PATCHED, jobs[i]->plain, debug, &commands[i]);
	if (!err && n)
		err = build_run_all(b, commands, n);
	back = n ? compile_put_texts(b, true) : 0;
	return err ? err : back;
}

static bool said_something(const struct command *c)
{
	struct stat st;

	return c->status || (stat(c->out, &st) == 0 && st.st_size > 0);
}

/* Markers that the compiler does not take are left out: more is patched, and nothing less. */
static int take_plain(struct arena *arena, const struct compile_job *job)
{
	static const char *const endings[] = { "", ".d", ".as.d" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		const char *from = arena_printf(arena, "%s%s", job->plain, endings[i]);
		const char *to = arena_printf(arena, "%s%s", job->patched, endings[i]);

		if (rename(from, to) < 0)
			return -errno;
	}
	return 0;
}

int compile_explain(struct build *b, struct arena *arena, struct compile_job *const *jobs,
		    struct command *const *patched, size_t n, bool debug)
{
	struct compile_job **again = arena_array(arena, n, sizeof(*again));
	struct command *commands = arena_array(arena, n, sizeof(*commands));
	size_t n_again = 0, k = 0;
	int err;

	if (!compile_has_markers(b))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (said_something(patched[i]))
			again[n_again++] = jobs[i];
	err = compile_plain(b, arena, again, n_again, debug, commands);
	for (size_t i = 0; i < n && !err; i++) {
		if (!said_something(patched[i]))
			continue;
		if (patched[i]->status && !commands[k].status)
			err = take_plain(arena, jobs[i]);
		*patched[i] = commands[k++];
	}
	return err;
}
