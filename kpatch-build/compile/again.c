// SPDX-License-Identifier: GPL-2.0-only
/* See again.h. The files are linked, not copied: nothing writes to an object but the compiler that makes it anew. */
#include "kpatch-build/compile/again.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch-build/series/series.h"
#include "lib/util/arena.h"
#include "lib/util/path.h"

#define ROOM (1ULL << 30) /* bytes of objects */

static const char *const endings[] = { "", ".d", ".as.d", ".log" };

#define N_ENDINGS (sizeof(endings) / sizeof(endings[0]))

/* A file that the object was made from, and its text then; NULL: that of the tree. */
struct made_from {
	const char *path, *text;
	size_t size;
};

struct made {
	const char *spelled, *path;
	enum variant variant;
	bool debug;
	struct made_from *from;
	size_t n;
	struct made *next;
};

struct again {
	struct made *list;
	size_t n;
	uint64_t used;
};

static void text_now(const struct build *b, const char *path, const char **text, size_t *size)
{
	const struct patched_file *f = build_patched(b, path);

	*text = f ? f->marked : NULL;
	*size = f ? f->marked_size : 0;
}

static bool is_same(const struct build *b, const struct made *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const char *text;
		size_t size;

		text_now(b, m->from[i].path, &text, &size);
		if (!text != !m->from[i].text || size != m->from[i].size ||
		    (text && memcmp(text, m->from[i].text, size)))
			return false;
	}
	return true;
}

static bool link_all(struct build *b, const char *from, const char *to)
{
	for (size_t i = 0; i < N_ENDINGS; i++) {
		const char *old = arena_printf(b->arena, "%s%s", from, endings[i]);
		const char *new = arena_printf(b->arena, "%s%s", to, endings[i]);

		unlink(new);
		/* the assembler writes its list for some objects only */
		if (link(old, new) && (errno != ENOENT || !*endings[i] || !strcmp(endings[i], ".d")))
			return false;
	}
	return true;
}

bool again_get(struct build *b, const struct compile_job *job, enum variant variant, bool debug,
	       const char *object)
{
	for (struct made *m = b->again ? b->again->list : NULL; m; m = m->next)
		if (m->variant == variant && m->debug == debug && !strcmp(m->spelled, job->unit.spelled) &&
		    is_same(b, m))
			return link_all(b, m->path, object);
	return false;
}

/* Whether the object was made from a file of this name, wherever that is. */
static bool names(const struct words *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (!strcmp(path_base(files->word[i]), path_base(path)))
			return true;
	return false;
}

/* Of all files that patches of the series change, whether or not they are in: those that @object was made from. */
static int find_sources(struct build *b, const char *object, struct made *m)
{
	struct words files = { 0 };
	struct arena *arena = arena_new();
	size_t room = 0;
	int err = compile_dependencies(arena, arena_printf(arena, "%s.d", object), &files);

	for (size_t i = 0; i < b->series->n; i++)
		room += b->series->patches[i].touches.n;
	m->from = arena_array(b->arena, room, sizeof(*m->from));
	for (size_t i = 0; i < b->series->n && !err && m->from; i++) {
		const struct words *touches = &b->series->patches[i].touches;

		for (size_t k = 0; k < touches->n; k++) {
			struct made_from *f = &m->from[m->n];

			if (!names(&files, touches->word[k]))
				continue;
			f->path = touches->word[k];
			text_now(b, f->path, &f->text, &f->size);
			m->n++;
		}
	}
	arena_free(arena);
	return err;
}

void again_put(struct build *b, const struct compile_job *job, enum variant variant, bool debug,
	       const char *object)
{
	struct made *m;
	struct stat st;

	if (!b->options.leave_out || stat(object, &st) < 0)
		return;
	if (!b->again)
		b->again = arena_alloc(b->arena, sizeof(*b->again));
	if (!b->again || b->again->used + (uint64_t)st.st_size > ROOM)
		return;
	m = arena_alloc(b->arena, sizeof(*m));
	*m = (struct made){ .spelled = job->unit.spelled,
			    .path = build_work_path(b, "again/%zu", b->again->n),
			    .variant = variant,
			    .debug = debug,
			    .next = b->again->list };
	if (!m->path || (variant == PATCHED && find_sources(b, object, m)) || !link_all(b, object, m->path))
		return;
	b->again->n++;
	b->again->used += (uint64_t)st.st_size;
	b->again->list = m;
}
