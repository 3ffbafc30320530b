// SPDX-License-Identifier: GPL-2.0-only
/*
 * See object_store.h. A file of the store is named after the digest of what decides its contents: the words of the
 * commands and the compiler's file; of a patched object, also the texts of the patched files that it is made from.
 * Which those are is known once it was compiled. So there is a second file, named after the command alone, with the
 * lists of what the object was made from when the command was run last: by these the name of the object's file is found.
 * The object's own lists then must lead to the same name.
 *
 *	MAGIC				16 bytes
 *	four sizes			8 bytes each, of this machine's byte order; ABSENT: there is no such file
 *	the four files			what make_names() says; some may be absent
 *	SHA-256 of all that		64 hexadecimal digits
 */
#include "kpatch-build/compile/object_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/arena.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/process.h"
#include "lib/util/sha256.h"

#define MAGIC "kpatch object 2\n" /* goes into the names, too: another format, other names */
enum { OBJECT, READ_BY_COMPILER, READ_BY_ASSEMBLER, SAID, N_FILES };
#define ABSENT UINT64_MAX
#define LIMIT (2ull << 30)     /* bytes of a store */
#define KEPT (LIMIT / 4 * 3)   /* what is left when there was more */
#define LARGEST (256ull << 20) /* bytes of a file */

struct object_store {
	struct build *build;
	int dir;
	const char *path;
	struct sha256 common; /* of the names of all objects: what they have in common */
	bool grown;
};

struct header {
	char magic[sizeof(MAGIC) - 1];
	uint64_t size[N_FILES];
};

/* --- what it is --- */

/* The words of a command, in which the object's own path, which is another in each build, is "@". False: another path of this build is. */
static bool add_command(struct object_store *store, struct arena *a, struct sha256 *s,
			const char *const *argv, const char *object)
{
	size_t n = strlen(object);

	for (; *argv; argv++) {
		const char *at = strstr(*argv, object);
		const char *word = at ? arena_printf(a, "%.*s@%s", (int)(at - *argv), *argv, at + n) : *argv;

		if (!word || strstr(word, store->build->work))
			return false;
		sha256_add_text(s, word);
	}
	sha256_add_text(s, "");
	return true;
}

/* The file of a program: another one, or the same with other contents, is another compiler. */
static bool add_program(struct arena *a, struct sha256 *s, const char *name)
{
	const char *path = getenv("PATH");
	struct stat st;
	bool found = strchr(name, '/') && !stat(name, &st);

	while (!found && path && *path && !strchr(name, '/')) {
		size_t n = strcspn(path, ":");
		const char *file = arena_printf(a, "%.*s/%s", (int)n, path, name);

		found = n && !access(file, X_OK) && !stat(file, &st);
		path += n + (path[n] == ':');
	}
	if (found) {
		sha256_add(s, &st.st_dev, sizeof(st.st_dev));
		sha256_add(s, &st.st_ino, sizeof(st.st_ino));
		sha256_add(s, &st.st_size, sizeof(st.st_size));
		sha256_add(s, &st.st_mtim, sizeof(st.st_mtim));
	}
	return found;
}

/* The headers of this program's own that a patch may include. */
static bool add_macros(struct build *b, struct sha256 *s)
{
	for (size_t i = 0; i < N_MACRO_HEADERS; i++) {
		const char *path = arena_printf(b->arena, "%s/include/%s", b->pristine, compile_macros[i]);
		char *text;

		if (file_read(b->arena, path, &text, NULL))
			return false;
		sha256_add_text(s, text);
	}
	return true;
}

/* What all objects of a build have in common. */
static bool add_build(struct build *b, struct sha256 *s)
{
	struct words compiler = { 0 };

	sha256_add_text(s, MAGIC);
	sha256_add_text(s, KPATCH_VERSION);
	words_add_list(b->arena, &compiler, b->kernel.cc);
	if (!compiler.n)
		return false;
	/* "ccache gcc-12": whichever of them is another */
	for (size_t i = 0; i < compiler.n; i++)
		if (!add_program(b->arena, s, compiler.word[i]))
			return false;
	return add_macros(b, s);
}

struct object_store *object_store_open(struct build *b)
{
	struct object_store *s = arena_alloc(b->arena, sizeof(*s));
	struct distrust why;

	s->build = b;
	sha256_start(&s->common);
	s->path = arena_printf(b->arena, "%s/objects-%s", b->options.cache,
			       path_base(b->kernel.entry) + strlen("tree-"));
	s->dir = s->path && add_build(b, &s->common) ?
			 directory_open(s->path, geteuid(), DIRECTORY_MAKE, &why) :
			 -1;
	if (s->dir >= 0)
		return s;
	sha256_drop(&s->common);
	return NULL;
}

/* Begins the name of what @c makes. False: it depends on a path of this build. To be ended or dropped in any case. */
static bool begin_key(struct object_store *store, struct arena *a, const struct compile_job *job,
		      const struct command *c, enum variant variant, const char *object, struct sha256 *s)
{
	sha256_copy(s, &store->common);
	sha256_add_text(s, variant == PATCHED ? "patched" : "");
	return add_command(store, a, s, c->argv, object) &&
	       (variant != REFERENCE || !job->how.objtool.n ||
		add_command(store, a, s, job->how.objtool.word, object));
}

static bool command_key(struct object_store *store, struct arena *a, const struct compile_job *job,
			const struct command *c, enum variant variant, const char *object,
			char key[SHA256_TEXT])
{
	struct sha256 s;
	bool named = begin_key(store, a, job, c, variant, object, &s);

	return sha256_end(&s, key) && named;
}

/* Whether a file of this name is among @files, wherever that is. */
static bool is_named(const struct words *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (!strcmp(path_base(files->word[i]), path_base(path)))
			return true;
	return false;
}

/*
 * The name of a patched object's file by the lists beside it. A file that is new may be found where another one was, so
 * all of them count.
 */
static bool patched_key(struct object_store *store, struct arena *a, const struct compile_job *job,
			const struct command *c, const char *object, const char *const names[N_FILES],
			char key[SHA256_TEXT])
{
	const struct build *b = store->build;
	struct words files = { 0 };
	struct sha256 s;
	bool named = begin_key(store, a, job, c, PATCHED, object, &s) &&
		     !compile_dependencies(a, names[READ_BY_COMPILER], &files);

	/* the assembler writes its list for some objects only */
	(void)compile_dependencies(a, names[READ_BY_ASSEMBLER], &files);
	for (size_t i = 0; i < b->n_patched; i++) {
		const struct patched_file *f = &b->patched[i];

		if (!f->created && !is_named(&files, f->path))
			continue;
		sha256_add_text(&s, f->path);
		sha256_add(&s, &f->marked_size, sizeof(f->marked_size));
		sha256_add(&s, f->marked, f->marked_size);
	}
	return sha256_end(&s, key) && named;
}

static void make_names(struct arena *a, const char *object, const char *names[N_FILES])
{
	static const char *const endings[N_FILES] = { "", ".d", ".as.d", ".log" };

	for (size_t i = 0; i < N_FILES; i++)
		names[i] = arena_printf(a, "%s%s", object, endings[i]);
}

/* Of all files the lists of what was read. */
static void only_lists(const char *const names[N_FILES], const char *lists[N_FILES])
{
	for (size_t i = 0; i < N_FILES; i++)
		lists[i] = i == READ_BY_COMPILER || i == READ_BY_ASSEMBLER ? names[i] : NULL;
}

/* --- reading --- */

/* Whether the @size bytes at @data are a whole file of the store. */
static bool is_whole(const char *data, size_t size, struct header *h)
{
	char digest[SHA256_TEXT];
	uint64_t left;
	struct sha256 s;

	if (size < sizeof(*h) + SHA256_TEXT - 1)
		return false;
	memcpy(h, data, sizeof(*h));
	left = size - sizeof(*h) - (SHA256_TEXT - 1);
	if (memcmp(h->magic, MAGIC, sizeof(h->magic)))
		return false;
	for (size_t i = 0; i < N_FILES; i++) {
		if (h->size[i] == ABSENT)
			continue;
		if (h->size[i] > left)
			return false;
		left -= h->size[i];
	}
	sha256_start(&s);
	sha256_add(&s, data, size - (SHA256_TEXT - 1));
	return sha256_end(&s, digest) && !left &&
	       !memcmp(digest, data + size - (SHA256_TEXT - 1), SHA256_TEXT - 1);
}

/* The contents of a file of the store that nobody else can have written. */
static bool read_file(struct object_store *store, struct arena *a, const char *key, char **data, size_t *size)
{
	int fd = openat(store->dir, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct distrust why;
	struct stat st;
	bool ok;

	if (fd < 0)
		return false;
	ok = !fstat(fd, &st) && S_ISREG(st.st_mode) && (uint64_t)st.st_size <= N_FILES * LARGEST &&
	     !file_judge(key, &st, geteuid(), &why);
	*size = ok ? (size_t)st.st_size : 0;
	*data = ok ? arena_alloc(a, *size + 1) : NULL;
	ok = *data && pread(fd, *data, *size, 0) == (ssize_t)*size;
	if (ok)
		futimens(fd, NULL); /* used now; if that cannot be noted, it goes earlier */
	close(fd);
	return ok;
}

static bool unpack(const char *data, const struct header *h, const char *const names[N_FILES])
{
	data += sizeof(*h);
	for (size_t i = 0; i < N_FILES; i++) {
		if (h->size[i] == ABSENT)
			continue;
		if (names[i] && file_write(names[i], data, (size_t)h->size[i], 0666))
			return false;
		data += h->size[i];
	}
	return true;
}

/* Puts the files of that name into their places. */
static bool load(struct object_store *store, struct arena *a, const char *key,
		 const char *const names[N_FILES])
{
	struct header h;
	char *data;
	size_t size;

	if (!read_file(store, a, key, &data, &size))
		return false;
	if (is_whole(data, size, &h))
		return unpack(data, &h, names);
	unlinkat(store->dir, key, 0);
	return false;
}

/* Two lists lead to one name, or the object is of other texts. */
static bool load_patched(struct object_store *store, struct arena *a, const struct compile_job *job,
			 const struct command *c, const char *object, const char *const names[N_FILES])
{
	char key[SHA256_TEXT], its[SHA256_TEXT];
	const char *lists[N_FILES];

	only_lists(names, lists);
	return command_key(store, a, job, c, PATCHED, object, key) && load(store, a, key, lists) &&
	       patched_key(store, a, job, c, object, names, key) && load(store, a, key, names) &&
	       patched_key(store, a, job, c, object, names, its) && !strcmp(key, its);
}

bool object_store_get(struct object_store *store, const struct compile_job *job, const struct command *c,
		      enum variant variant, const char *object)
{
	struct arena *a = store ? arena_new() : NULL;
	const char *names[N_FILES];
	char key[SHA256_TEXT];
	bool ok;

	if (!a)
		return false;
	make_names(a, object, names);
	ok = variant == PATCHED ?
		     load_patched(store, a, job, c, object, names) :
		     command_key(store, a, job, c, variant, object, key) && load(store, a, key, names);
	/* the assembler would leave a list alone that it does not write */
	for (size_t i = 0; i < N_FILES && !ok; i++)
		unlink(names[i]);
	arena_free(a);
	return ok;
}

/* --- writing --- */

/* All of the files behind a header, and their digest. */
static bool pack(struct arena *a, const char *const names[N_FILES], struct new_file *f)
{
	struct header h = { .magic = "" };
	char *data[N_FILES], digest[SHA256_TEXT];
	struct sha256 s;
	int err;

	memcpy(h.magic, MAGIC, sizeof(h.magic));
	for (size_t i = 0; i < N_FILES; i++) {
		size_t size;

		err = names[i] ? file_read(a, names[i], &data[i], &size) : -ENOENT;
		if ((err && err != -ENOENT) || (!err && size > LARGEST))
			return false;
		h.size[i] = err ? ABSENT : size;
	}
	sha256_start(&s);
	sha256_add(&s, &h, sizeof(h));
	err = new_file_write(f, &h, sizeof(h));
	for (size_t i = 0; i < N_FILES && !err; i++) {
		if (h.size[i] == ABSENT)
			continue;
		sha256_add(&s, data[i], (size_t)h.size[i]);
		err = new_file_write(f, data[i], (size_t)h.size[i]);
	}
	return sha256_end(&s, digest) && !err && !new_file_write(f, digest, SHA256_TEXT - 1);
}

static void keep(struct object_store *store, struct arena *a, const char *key,
		 const char *const names[N_FILES])
{
	struct new_file f;

	if (new_file_open_at(&f, store->dir, key))
		return;
	/* the digest tells whether it reached the disk */
	if (pack(a, names, &f) && !new_file_close(&f, 0644, false) && !new_file_publish(&f))
		store->grown = true;
	new_file_drop(&f);
}

void object_store_put(struct object_store *store, const struct compile_job *job, const struct command *c,
		      enum variant variant, const char *object)
{
	struct arena *a = store ? arena_new() : NULL;
	const char *names[N_FILES], *lists[N_FILES];
	char key[SHA256_TEXT];

	if (!a)
		return;
	make_names(a, object, names);
	only_lists(names, lists);
	if (!compile_reads_only_the_tree(store->build, job, variant, object)) {
		arena_free(a);
		return;
	}
	if (variant != PATCHED && command_key(store, a, job, c, variant, object, key)) {
		keep(store, a, key, names);
	} else if (variant == PATCHED && patched_key(store, a, job, c, object, names, key)) {
		keep(store, a, key, names);
		if (command_key(store, a, job, c, PATCHED, object, key))
			keep(store, a, key, lists);
	}
	arena_free(a);
}

/* --- making room --- */

struct kept {
	char name[NAME_MAX + 1];
	struct timespec used;
	uint64_t size;
};

static int by_age(const void *a, const void *b)
{
	const struct timespec *x = &((const struct kept *)a)->used, *y = &((const struct kept *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* Everything in the store, those of killed builds that never got their name included. */
static struct kept *list(struct object_store *store, struct arena *a, size_t *n, uint64_t *sum)
{
	DIR *d = opendir(store->path);
	struct kept *all = NULL;
	size_t room = 0;
	struct dirent *e;
	struct stat st;

	*n = 0;
	*sum = 0;
	while (d && (e = readdir(d))) {
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		if (*n == room) {
			struct kept *more = arena_array(a, room ? 2 * room : 256, sizeof(*more));

			if (*n)
				memcpy(more, all, *n * sizeof(*more));
			all = more;
			room = room ? 2 * room : 256;
		}
		snprintf(all[*n].name, sizeof(all[*n].name), "%s", e->d_name);
		all[*n].used = st.st_mtim;
		all[*n].size = (uint64_t)st.st_size;
		*sum += all[(*n)++].size;
	}
	if (d)
		closedir(d);
	return all;
}

void object_store_close(struct object_store *store)
{
	struct arena *a = store && store->grown ? arena_new() : NULL;
	uint64_t sum;
	size_t n;

	if (a) {
		struct kept *all = list(store, a, &n, &sum);

		if (sum > LIMIT) {
			qsort(all, n, sizeof(*all), by_age);
			for (size_t i = 0; i < n && sum > KEPT; i++) {
				unlinkat(store->dir, all[i].name, 0);
				sum -= all[i].size;
			}
		}
	}
	arena_free(a);
	if (store) {
		sha256_drop(&store->common);
		close(store->dir);
	}
}
