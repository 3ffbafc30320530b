// SPDX-License-Identifier: GPL-2.0-only
/*
 * See cache_command.h. What belongs to a kernel has the same key behind its kind: tree-KEY, link-KEY, objects-KEY; the file
 * "complete" of the first two says which kernel that is. Whoever builds for it has the lock of the tree; so whoever has that
 * alone may remove all three. What --fetch got is an entry of its own, files-KEY. The files of locks stay: somebody may be waiting for one.
 */
#include "kpatch-build/cache_command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kpatch-build/cache.h"
#include "kpatch-build/work.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

#define KEY_SIZE 32
#define IMAGES "images"

/* What is kept for one kernel. */
struct kept {
	char key[KEY_SIZE + 1];
	const char *release, *package; /* "?" where an earlier program did not say */
	const char *kind;	       /* whose lock is the entry's: TREE or FILES */
	bool whole;		       /* else somebody is making it, or died over it */
};

struct kept_list {
	struct kept *list;
	size_t n;
};

#define TREE "tree-"
#define FILES "files-"

static const char *const kinds[] = { TREE, "link-", "objects-", FILES };

#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* The key in the name of a directory of the cache, or NULL. */
static const char *key_of(const char *name)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		const char *key = name + strlen(kinds[i]);

		if (text_starts_with(name, kinds[i]) && strlen(key) == KEY_SIZE &&
		    strspn(key, "0123456789abcdef") == KEY_SIZE)
			return key;
	}
	return NULL;
}

static struct kept *find(struct kept_list *all, const char *key)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].key, key))
			return &all->list[i];
	return NULL;
}

/* What cache.c has written into a directory that is whole, else NULL. */
static char *label_in(struct build *b, const char *kind, const char *key)
{
	const char *path = arena_printf(b->arena, "%s/%s%s/complete", b->options.cache, kind, key);
	char *text;

	return !file_read(b->arena, path, &text, NULL) ? text : NULL;
}

static bool directory_exists(struct build *b, const char *kind, const char *key)
{
	return file_is_directory(arena_printf(b->arena, "%s/%s%s", b->options.cache, kind, key));
}

/* "RELEASE PACKAGE". */
static void read_label(struct build *b, struct kept *e)
{
	char *text, *space;

	e->kind = directory_exists(b, FILES, e->key) ? FILES : TREE;
	text = label_in(b, e->kind, e->key);
	e->whole = text;
	if (!text || !*text)
		text = label_in(b, kinds[1], e->key);
	e->release = e->package = "?";
	if (!text || !*text)
		return;
	text[strcspn(text, "\n")] = '\0';
	space = strchr(text, ' ');
	if (space)
		*space = '\0';
	e->release = text;
	if (space && space[1])
		e->package = space + 1;
}

static int by_kernel(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int order = strverscmp(x->release, y->release);

	return order ? order : strcmp(x->key, y->key);
}

static int read_cache(struct build *b, struct kept_list *all)
{
	int fd = openat(b->cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t room = 0;
	struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		const char *key = key_of(e->d_name);

		if (!key || find(all, key))
			continue;
		if (all->n == room) {
			struct kept *more = arena_array(b->arena, 2 * room + 16, sizeof(*more));

			if (all->n)
				memcpy(more, all->list, all->n * sizeof(*more));
			all->list = more;
			room = 2 * room + 16;
		}
		memcpy(all->list[all->n].key, key, KEY_SIZE + 1);
		read_label(b, &all->list[all->n++]);
	}
	closedir(d);
	if (all->n)
		qsort(all->list, all->n, sizeof(*all->list), by_kernel);
	return 0;
}

/* Bytes on the disk of a directory of the cache; 0 if it is not there. */
static uint64_t size_of(struct build *b, const char *kind, const char *key)
{
	char *path = arena_printf(b->arena, "%s/%s%s", b->options.cache, kind, key);
	char *const paths[] = { path, NULL };
	uint64_t size = 0;
	FTSENT *e;
	FTS *f;

	if (!(f = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL)))
		return 0;
	while ((e = fts_read(f)))
		if (e->fts_info != FTS_DP && e->fts_info != FTS_NS && e->fts_info != FTS_ERR)
			size += (uint64_t)e->fts_statp->st_blocks * 512;
	fts_close(f);
	return size;
}

static uint64_t size_of_all(struct build *b, const char *key)
{
	uint64_t size = 0;

	for (size_t i = 0; i < N_KINDS; i++)
		size += size_of(b, kinds[i], key);
	return size;
}

/* The entry's lock; -EWOULDBLOCK: somebody builds. *used: when somebody last did, 0: not known. */
static int take_lock(struct build *b, const struct kept *e, time_t *used)
{
	const char *name = arena_printf(b->arena, "%s%s.lock", e->kind, e->key);
	int fd = openat(b->cache, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	struct stat st;

	*used = 0;
	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st))
		*used = st.st_mtime;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -EWOULDBLOCK;
}

#define MIB (1024 * 1024)

static void print_line(const char *kernel, const char *package, uint64_t size, time_t used, const char *state)
{
	char when[32] = "";
	struct tm tm;

	if (used && localtime_r(&used, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	text_print(stdout, kernel);
	printf("%*s  ", (int)(strlen(kernel) < 32 ? 32 - strlen(kernel) : 0), "");
	text_print(stdout, package);
	printf("%*s  %6llu  %-16s  %s\n", (int)(strlen(package) < 20 ? 20 - strlen(package) : 0), "",
	       (unsigned long long)((size + MIB / 2) / MIB), when, state);
}

static int list(struct build *b, const struct kept_list *all)
{
	uint64_t images = size_of(b, IMAGES, ""), sum = images;

	printf("%-32s  %-20s  %6s  %-16s\n", "KERNEL", "PACKAGE", "MiB", "LAST USED");
	for (size_t i = 0; i < all->n; i++) {
		const struct kept *e = &all->list[i];
		uint64_t size = size_of_all(b, e->key);
		time_t used;
		int lock = take_lock(b, e, &used);

		print_line(e->release, e->package, size, used,
			   lock == -EWOULDBLOCK	   ? "in use" :
			   !e->whole		   ? "incomplete" :
			   !strcmp(e->kind, FILES) ? "files, by --fetch" :
						     "");
		if (lock >= 0)
			close(lock);
		sum += size;
	}
	if (images)
		print_line("decoded images", "", images, 0, "");
	print_line("all", "", sum, 0, "");
	return EXIT_OK;
}

static int cannot_remove(struct build *b, const char *path, int err)
{
	diag_error(b->diags, "cache", diag_file(path), NULL, "cannot be removed: %s", strerror(-err));
	return EXIT_INTERNAL;
}

/* Everything of a kernel. */
static int clean_one(struct build *b, const struct kept *e)
{
	time_t used;
	int lock = take_lock(b, e, &used), code = EXIT_OK;

	if (lock == -EWOULDBLOCK) {
		diag_error(b->diags, "cache-in-use", diag_file(e->release), "Try again when that has ended",
			   "another kpatch-build builds for this kernel");
		return EXIT_INTERNAL;
	}
	if (lock < 0)
		return cannot_remove(b, e->release, lock);
	for (size_t i = 0; i < N_KINDS; i++) {
		const char *name = arena_printf(b->arena, "%s%s", kinds[i], e->key);
		int err = directory_remove_at(b->cache, name);

		if (err)
			code = cannot_remove(b, name, err);
	}
	close(lock);
	if (!code)
		build_say(b, "removed what was kept for %s", e->release);
	return code;
}

static bool is_wanted(const struct kept *e, const char *word, bool everything)
{
	return everything || !strcmp(e->release, word);
}

static int clean(struct build *b, const struct kept_list *all, const char *word)
{
	bool everything = !strcmp(word, "all"), any = everything;
	int code = EXIT_OK, one, err;

	for (size_t i = 0; i < all->n; i++) {
		if (!is_wanted(&all->list[i], word, everything))
			continue;
		any = true;
		one = clean_one(b, &all->list[i]);
		code = code ? code : one;
	}
	if (!any) {
		diag_error(b->diags, "cache-without-kernel", diag_file(b->options.cache),
			   "kpatch-build cache list shows what there is", "nothing is kept for a kernel %s",
			   word);
		return EXIT_USAGE;
	}
	if (!everything)
		return code;
	work_sweep(b->cache);
	err = directory_remove_at(b->cache, IMAGES);
	return err ? cannot_remove(b, IMAGES, err) : code;
}

static int run(struct build *b, const struct kept_list *all)
{
	char **words = b->options.patches + 1;
	size_t n = b->options.n_patches - 1;
	int code = EXIT_OK, one;

	if (n == 1 && !strcmp(words[0], "list"))
		return list(b, all);
	if (n < 2 || strcmp(words[0], "clean") != 0) {
		diag_error(b->diags, "usage", NULL,
			   "kpatch-build cache list; kpatch-build cache clean RELEASE…, or all",
			   "no command for the cache");
		return EXIT_USAGE;
	}
	for (size_t i = 1; i < n; i++) {
		one = clean(b, all, words[i]);
		code = code ? code : one;
	}
	return code;
}

int cache_command(struct build *b)
{
	struct kept_list all = { .n = 0 };
	int err = cache_open(b), code = EXIT_INTERNAL;

	if (err)
		return code;
	err = read_cache(b, &all);
	if (err)
		diag_error(b->diags, "cache", diag_file(b->options.cache), NULL, "it cannot be read: %s",
			   strerror(-err));
	else
		code = run(b, &all);
	cache_close(b);
	return code;
}
