/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a boot: a line "WHAT MODULE" for each thing that happened, on the disk before the
 * next one is begun. See store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kpatch/store_private.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define JOURNAL ".boot"
/* Some ten thousand lines; what is beyond is not looked at. */
#define JOURNAL_LIMIT (1U << 20)

static int append(int directory, const char *line)
{
	int fd = openat(directory, JOURNAL, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	size_t size = strlen(line);
	int err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, line, size);
	if (n != (ssize_t)size)
		err = n < 0 ? -errno : -ENOSPC;
	if (!err && (fsync(fd) || fsync(directory)))
		err = -errno;
	close(fd);
	return err;
}

enum outcome bootlog_note(struct kpatch *k, const char *release, const char *what, const char *module)
{
	char *line = arena_printf(k->arena, "%s %s\n", what, module);
	const char *path = "";
	DIR *d = NULL;
	enum outcome o;
	int err;

	if (!line)
		return no_memory(k);
	o = store_open(k, release, &path, &d);
	if (o || !d)
		return o ? o : store_not_written(k, path, ENOENT);
	err = append(dirfd(d), line);
	closedir(d);
	return err ? store_not_written(k, path, -err) : OUTCOME_OK;
}

/* The journal's text, from the arena; NULL: there is none, or it cannot be read. */
static char *read_journal(struct kpatch *k, int directory)
{
	int fd = openat(directory, JOURNAL, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char *text = fd < 0 ? NULL : arena_alloc(k->arena, JOURNAL_LIMIT + 1);
	ssize_t got = 1;
	size_t n = 0;

	while (text && n < JOURNAL_LIMIT && got > 0) {
		got = read(fd, text + n, JOURNAL_LIMIT - n);
		n += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* Whether the last line about @module says @what. */
static bool last_says(const char *text, const char *what, const char *module)
{
	bool says = false;

	while (*text) {
		size_t n = strcspn(text, "\n"), word = strcspn(text, " \n");

		if (text[word] == ' ' && n - word - 1 == strlen(module) &&
		    !memcmp(text + word + 1, module, n - word - 1))
			says = word == strlen(what) && !memcmp(text, what, word);
		text += n + (text[n] == '\n');
	}
	return says;
}

static enum outcome hold_back(struct kpatch *k, const char *release, const struct stored *s, const char *when)
{
	diag_error(k->diags, "held-back", diag_file(s->module),
		   "See what happened; then load it with kpatch load, and let it be loaded at boot again "
		   "with kpatch enable",
		   "the machine went down %s at the last boot, so it is not loaded at boot any more", when);
	return store_mark(k, release, s->module, STORED_HELD);
}

/* Holds back the patches of which the journal says @what last. *n: how many those are. */
static enum outcome hold_those(struct kpatch *k, const char *release, const char *text, const char *what,
			       const char *when, size_t *n)
{
	struct stored *list;
	size_t n_list;
	enum outcome o = store_list(k, release, &list, &n_list), one;

	for (size_t i = 0; !o && i < n_list; i++)
		if (last_says(text, what, list[i].module)) {
			++*n;
			one = list[i].boot == STORED_ENABLED ? hold_back(k, release, &list[i], when) :
							       OUTCOME_OK;
			o = worse(o, one);
		}
	return o;
}

static enum outcome judge_journal(struct kpatch *k, const char *release, const char *text)
{
	size_t n = 0;
	enum outcome o = hold_those(k, release, text, "loading", "while it was being loaded", &n);

	if (!o && !n)
		o = hold_those(k, release, text, "loaded", "after it was loaded", &n);
	return worse(o, n ? OUTCOME_INCOMPLETE : OUTCOME_OK);
}

enum outcome bootlog_judge(struct kpatch *k, const char *release)
{
	enum outcome o, closed;
	const char *path;
	char *text;
	DIR *d;

	o = store_open(k, release, &path, &d);
	if (o || !d)
		return o;
	text = read_journal(k, dirfd(d));
	closedir(d);
	if (text)
		o = judge_journal(k, release, text);
	closed = bootlog_close(k, release);
	return worse(o, closed);
}

enum outcome bootlog_close(struct kpatch *k, const char *release)
{
	enum outcome o;
	const char *path;
	int err = 0;
	DIR *d;

	o = store_open(k, release, &path, &d);
	if (o || !d)
		return o;
	if (unlinkat(dirfd(d), JOURNAL, 0))
		err = errno;
	else
		fsync(dirfd(d));
	closedir(d);
	return !err || err == ENOENT ? OUTCOME_OK : store_not_written(k, path, err);
}
