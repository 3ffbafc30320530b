/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kpatch on a disk that fails: faults ROOT AAA AAA2 KILLER does what a table says on a machine that is the
 * directory ROOT, and has the Nth call that reaches the disk fail, for each N until nothing fails any more. The
 * arguments are modules; AAA2 is another version of AAA. After each: is the state the one before or the one
 * after, does the exit code say which, and does the same command without a fault bring it to its end?
 *
 * The calls are wrapped when this is linked (-Wl,--wrap). Each run is a child process, so that the machine can
 * go down in it. Prints TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kpatch/kpatch.h"
#include "test/unit/tap.h"

#define WENT_DOWN 137
#define MAX_FDS 256

/* What fails: the call number @at (and all after it, if @sticky) with @error. 0: nothing. */
struct fault {
	int error, at;
	bool sticky;
};

static struct fault fault;
static int calls;
static bool by_kernel; /* the fake kernel's own calls */
/* Of a boot only what reaches the store fails: the rest of it is that of load. */
static bool store_only;
static bool stored[MAX_FDS];
static const char *root, *aaa, *aaa2, *killer;

/* What a call does to the disk: a full one fails what needs room, a read-only one what changes it. */
enum kind { READS, CHANGES, GROWS };

static bool fails(enum kind kind, bool in_store)
{
	bool counts =
		fault.error == EIO || (in_store && (fault.error == ENOSPC ? kind == GROWS : kind != READS));

	if (by_kernel || !fault.error || !counts)
		return false;
	calls++;
	if (calls != fault.at && !(fault.sticky && calls > fault.at))
		return false;
	errno = fault.error;
	return true;
}

static bool is_stored(int fd)
{
	return fd >= 0 && fd < MAX_FDS && stored[fd];
}

static int opened(int fd, bool in_store)
{
	if (fd >= 0 && fd < MAX_FDS)
		stored[fd] = in_store;
	return fd;
}

#define WRAP(type, name, ...)                                                                                \
	type __real_##name(__VA_ARGS__);                                                                     \
	type __wrap_##name(__VA_ARGS__);                                                                     \
	type __wrap_##name(__VA_ARGS__)

int __real_openat64(int at, const char *path, int flags, ...);

static int open_file(int at, const char *path, int flags, mode_t mode)
{
	bool in_store = at == AT_FDCWD ? strstr(path, "/var/lib/kpatch") != NULL : is_stored(at);
	enum kind kind = flags & O_CREAT ? GROWS : (flags & O_ACCMODE) == O_RDONLY ? READS : CHANGES;

	return fails(kind, in_store) ? -1 : opened(__real_openat64(at, path, flags, mode), in_store);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? va_arg(ap, mode_t) : 0;
}

WRAP(int, open64, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_file(AT_FDCWD, path, flags, mode);
}

int __wrap_openat64(int at, const char *path, int flags, ...);
int __wrap_openat64(int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return open_file(at, path, flags, mode);
}

WRAP(int, __open64_2, const char *path, int flags)
{
	return open_file(AT_FDCWD, path, flags, 0);
}
WRAP(int, __openat64_2, int at, const char *path, int flags)
{
	return open_file(at, path, flags, 0);
}

WRAP(ssize_t, read, int fd, void *to, size_t size)
{
	return fails(READS, is_stored(fd)) ? -1 : __real_read(fd, to, size);
}
WRAP(ssize_t, __read_chk, int fd, void *to, size_t size, size_t room)
{
	return fails(READS, is_stored(fd)) ? -1 : __real___read_chk(fd, to, size, room);
}
WRAP(ssize_t, pread64, int fd, void *to, size_t size, off_t at)
{
	return fails(READS, is_stored(fd)) ? -1 : __real_pread64(fd, to, size, at);
}
WRAP(ssize_t, __pread64_chk, int fd, void *to, size_t size, off_t at, size_t room)
{
	return fails(READS, is_stored(fd)) ? -1 : __real___pread64_chk(fd, to, size, at, room);
}
WRAP(struct dirent64 *, readdir64, DIR *d)
{
	return fails(READS, is_stored(dirfd(d))) ? NULL : __real_readdir64(d);
}
WRAP(ssize_t, write, int fd, const void *from, size_t size)
{
	/* half of it gets through */
	return fails(GROWS, is_stored(fd)) ? (size > 1 ? __real_write(fd, from, size / 2), -1 : -1) :
					     __real_write(fd, from, size);
}
/* Only in files that have their size already, or are new: then something before it failed, or this does. */
WRAP(ssize_t, pwrite64, int fd, const void *from, size_t size, off_t at)
{
	struct stat st;
	bool grows = fstat(fd, &st) || st.st_size < at + (off_t)size;

	return fails(grows ? GROWS : CHANGES, is_stored(fd)) ? -1 : __real_pwrite64(fd, from, size, at);
}
WRAP(int, fsync, int fd)
{
	return fails(CHANGES, is_stored(fd)) ? -1 : 0;
}
WRAP(int, renameat, int from_at, const char *from, int to_at, const char *to)
{
	return fails(GROWS, is_stored(to_at)) ? -1 : __real_renameat(from_at, from, to_at, to);
}
WRAP(int, unlinkat, int at, const char *path, int flags)
{
	return fails(CHANGES, is_stored(at)) ? -1 : __real_unlinkat(at, path, flags);
}
WRAP(int, mkdir, const char *path, mode_t mode)
{
	return fails(GROWS, strstr(path, "/var")) ? -1 : __real_mkdir(path, mode);
}
/* Its number may be that of another file next. */
WRAP(int, close, int fd)
{
	opened(fd, false);
	return __real_close(fd);
}
WRAP(int, closedir, DIR *d)
{
	opened(dirfd(d), false);
	return __real_closedir(d);
}
WRAP(int, fchmod, int fd, mode_t mode)
{
	return fails(CHANGES, is_stored(fd)) ? -1 : __real_fchmod(fd, mode);
}

/* The machine: files below the root, and a kernel that takes what it is given. */

static char *at_root(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *at_root(const char *fmt, ...)
{
	static char paths[4][PATH_MAX];
	static int n;
	char *out = paths[n++ % 4];
	va_list ap;
	int used = snprintf(out, PATH_MAX, "%s", root);

	va_start(ap, fmt);
	vsnprintf(out + used, (size_t)(PATH_MAX - used), fmt, ap);
	va_end(ap);
	return out;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

static void remove_all(const char *path)
{
	bool before = by_kernel;

	by_kernel = true;
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		abort();
	by_kernel = before;
}

/* What is loaded, in a file, so that it outlives the child: one line an insertion. */
static void note_insertion(const char *name)
{
	FILE *f = fopen(at_root("/order"), "a");

	if (!f || fprintf(f, " %s", name) < 0 || fclose(f))
		abort();
}

static const char *name_in(const struct module_image *image)
{
	const char *name = memmem(image->data, image->size, "\0name=", 6);

	return name ? name + 6 : (const char *)memmem(image->data, image->size, "name=", 5) + 5;
}

static int fake_insert(struct system *s, const struct module_image *image)
{
	const char *name = name_in(image);

	by_kernel = true;
	note_insertion(name);
	if (!strcmp(name, "killer") && !access(at_root("/fatal"), F_OK))
		_exit(WENT_DOWN);
	mkdir(at_root("/sys/kernel/livepatch/%s", name), 0755);
	put(at_root("/sys/kernel/livepatch/%s/enabled", name), "1\n");
	put(at_root("/sys/kernel/livepatch/%s/transition", name), "0\n");
	mkdir(at_root("/sys/module/%s", name), 0755);
	put(at_root("/sys/module/%s/initstate", name), "live\n");
	put(at_root("/sys/module/%s/refcnt", name), "1\n");
	put(at_root("/sys/module/%s/taint", name), "OK\n");
	mkdir(at_root("/sys/module/%s/notes", name), 0755);
	if (link(at_root("/../build-id"), at_root("/sys/module/%s/notes/.note.gnu.build-id", name)))
		abort();
	by_kernel = false;
	return 0;
}

static int fake_remove(struct system *s, const char *module)
{
	remove_all(at_root("/sys/module/%s", module));
	return 0;
}

static int fake_write(struct system *s, const char *path, const char *value)
{
	char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));

	put(at_root("/sys/module/%s/refcnt", strrchr(directory, '/') + 1), "0\n");
	remove_all(directory);
	free(directory);
	return 0;
}

static int fake_uname(struct system *s, struct utsname *out)
{
	memset(out, 0, sizeof(*out));
	strcpy(out->release, "6.1.0-56-amd64");
	return 0;
}

static uid_t fake_euid(struct system *s)
{
	return 0;
}
static uint64_t clock_now;
static uint64_t fake_now(struct system *s)
{
	return clock_now;
}
static void fake_sleep(struct system *s, unsigned int milliseconds)
{
	clock_now += milliseconds;
}
static int fake_interrupted(struct system *s)
{
	return 0;
}

static void no_log(struct system *s, const struct log_entry *e)
{
}

#define MAX_WORDS 6

/* kpatch WORDS in a child; what it says is in *said. Returns the exit code. */
static int run(const char *words, struct fault f, int *n_calls, char said[8192])
{
	static const struct system_calls table = {
		.uname = fake_uname,
		.euid = fake_euid,
		.insert = fake_insert,
		.remove = fake_remove,
		.write = fake_write,
		.now = fake_now,
		.sleep = fake_sleep,
		.interrupted = fake_interrupted,
		.log = no_log,
	};
	struct system s = { .calls = &table, .root = root };
	char *copy = strdup(words), *argv[MAX_WORDS + 1] = { strdup("kpatch") }, *rest = copy;
	int argc = 1, status, fds[2];
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	while (argc < MAX_WORDS && (argv[argc] = strsep(&rest, " ")))
		argc++;
	if (pipe(fds) || (pid = fork()) < 0)
		abort();
	if (!pid) {
		FILE *out = fdopen(fds[1], "w");
		int code;

		fault = f;
		calls = 0;
		code = kpatch_run(argc, argv, &s, out, out);
		fault.error = 0;
		fprintf(out, "\ncalls %d", calls);
		fclose(out);
		_exit(code);
	}
	close(fds[1]);
	while (n < 8191 && (got = read(fds[0], said + n, 8191 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(fds[0]);
	free(argv[0]);
	free(copy);
	if (n_calls)
		*n_calls = strstr(said, "\ncalls ") ? atoi(strstr(said, "\ncalls ") + 7) : 0;
	return waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ? 255 : WEXITSTATUS(status);
}

/* The kernel calls each boot something else. */
static void name_boot(void)
{
	static int n;
	char id[48];

	snprintf(id, sizeof(id), "%08x-0000-0000-0000-000000000000\n", ++n);
	put(at_root("/proc/sys/kernel/random/boot_id"), id);
	put(at_root("/order"), "");
}

static void empty_machine(void)
{
	remove_all(root);
	mkdir(root, 0755);
	for (const char *const *d =
		     (const char *const[]){ "/sys", "/sys/kernel", "/sys/kernel/livepatch", "/sys/module",
					    "/proc", "/proc/sys", "/proc/sys/kernel",
					    "/proc/sys/kernel/random", "/run", "/etc", "/dev", NULL };
	     *d; d++)
		mkdir(at_root("%s", *d), 0755);
	put(at_root("/proc/sys/kernel/ftrace_enabled"), "1\n");
	put(at_root("/proc/sys/kernel/modules_disabled"), "0\n");
	name_boot();
	remove_all(at_root("/sys/kernel/notes"));
	if (link(at_root("/../notes"), at_root("/sys/kernel/notes")))
		abort();
}

static void reboot(void)
{
	remove_all(at_root("/sys/kernel/livepatch"));
	remove_all(at_root("/sys/module"));
	mkdir(at_root("/sys/kernel/livepatch"), 0755);
	mkdir(at_root("/sys/module"), 0755);
	name_boot();
}

/* "aaa (disabled), killer; loaded: aaa" */
static void read_state(char state[512])
{
	char said[8192], *line, *rest = said;
	size_t n = 0;
	DIR *d;

	run("list", (struct fault){ .error = 0 }, NULL, said);
	state[0] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, "  ", 2) && line[2] != ' ')
			n += (size_t)snprintf(state + n, 512 - n, "%s%s", n ? ", " : "", line + 2);
	d = opendir(at_root("/sys/kernel/livepatch"));
	n += (size_t)snprintf(state + n, 512 - n, ";");
	for (const char *const *name = (const char *const[]){ "aaa", "killer", NULL }; d && *name; name++)
		if (!access(at_root("/sys/kernel/livepatch/%s", *name), F_OK))
			n += (size_t)snprintf(state + n, 512 - n, " %s", *name);
	closedir(d);
}

static bool same_file(const char *a, const char *b)
{
	static char text[2][1 << 17];
	size_t n[2];

	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(i ? b : a, "r");

		n[i] = f ? fread(text[i], 1, sizeof(text[i]), f) : 0;
		if (f)
			fclose(f);
	}
	return n[0] && n[0] == n[1] && n[0] < sizeof(text[0]) && !memcmp(text[0], text[1], n[0]);
}

/* Whatever is in the store under the name of a module is one that was installed, all of it. */
static bool is_whole(void)
{
	const char *stored_aaa = at_root("/var/lib/kpatch/6.1.0-56-amd64/aaa.ko");
	const char *stored_killer = at_root("/var/lib/kpatch/6.1.0-56-amd64/killer.ko");

	if (!access(stored_aaa, F_OK) && !same_file(stored_aaa, aaa) && !same_file(stored_aaa, aaa2))
		return false;
	return access(stored_killer, F_OK) || same_file(stored_killer, killer);
}

struct scenario {
	const char *setup; /* commands, ';' between them; "reboot", "fatal" and "calm" are no kpatch's */
	const char *command;
	const char *after;     /* the state that the command is for */
	bool unchanged;	       /* after a failure the state is one of the two */
	const char *forbidden; /* never inserted in the run with the fault, nor at the next boot */
	bool through;	       /* whatever cannot be written, the state is reached */
};

static const struct scenario scenarios[] = {
	{ "", "install aaa.ko", "aaa;", true, NULL, false },
	{ "install aaa.ko;disable aaa", "install aaa2.ko", "aaa (disabled);", true, NULL, false },
	{ "install killer.ko;fatal;boot;reboot;boot;calm", "install killer.ko", "killer;", true, NULL,
	  false },
	{ "install aaa.ko;install killer.ko", "uninstall aaa", "killer;", true, NULL, false },
	{ "install aaa.ko", "uninstall --all", ";", true, NULL, false },
	{ "install aaa.ko", "disable aaa", "aaa (disabled);", true, NULL, false },
	{ "install aaa.ko;disable aaa", "enable --all", "aaa;", true, NULL, false },
	{ "install aaa.ko;install killer.ko", "boot", "aaa, killer; aaa killer", false, NULL, true },
	{ "install aaa.ko;install killer.ko;fatal;boot;reboot;calm", "boot", "aaa, killer (held back); aaa",
	  false, "killer", false },
	{ "install killer.ko;boot;reboot;boot;reboot", "boot", "killer (held back);", false, "killer",
	  false },
	{ "install aaa.ko;boot", "boot --done", "aaa; aaa", true, NULL, true },
	{ "install aaa.ko;boot", "boot --down", "aaa; aaa", true, NULL, true },
	{ "install aaa.ko", "load aaa", "aaa; aaa", false, NULL, true },
	{ "install aaa.ko", "load --all", "aaa; aaa", false, NULL, true },
	{ "install aaa.ko;load aaa", "unload aaa", "aaa;", false, NULL, true },
};

static int run_words(const char *words, struct fault f, int *n_calls, char said[8192])
{
	char full[3 * PATH_MAX];
	const char *file = strstr(words, ".ko");

	if (!file)
		return run(words, f, n_calls, said);
	snprintf(full, sizeof(full), "install %s",
		 strstr(words, "aaa2") ? aaa2 :
		 strstr(words, "aaa")  ? aaa :
					 killer);
	return run(full, f, n_calls, said);
}

static void set_up(const struct scenario *sc)
{
	char *copy = strdup(sc->setup), *rest = copy, *words, said[8192];

	empty_machine();
	while ((words = strsep(&rest, ";")))
		if (!strcmp(words, "reboot"))
			reboot();
		else if (!strcmp(words, "fatal"))
			put(at_root("/fatal"), "");
		else if (!strcmp(words, "calm"))
			unlink(at_root("/fatal"));
		else if (*words)
			run_words(words, (struct fault){ .error = 0 }, NULL, said);
	put(at_root("/order"), "");
	free(copy);
}

static bool was_inserted(const char *name)
{
	char text[256] = "";
	FILE *f = fopen(at_root("/order"), "r");

	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return strstr(text, name);
}

static const char *judge(const struct scenario *sc, struct fault f, const char *before, int code,
			 const char *said)
{
	char state[512], again[8192];
	int second;

	read_state(state);
	if (code > 12)
		return "ends in a way of its own";
	if (!is_whole())
		return "half a file in the store";
	if (!code && strcmp(state, sc->after))
		return "says that it is done";
	if (code && !strstr(said, "["))
		return "fails without a reason";
	if (sc->unchanged && strcmp(state, sc->after) && strcmp(state, before))
		return "in between";
	if (sc->through && f.error != EIO && strcmp(state, sc->after))
		return "not done, though it takes nothing of the disk";
	if (sc->forbidden && was_inserted(sc->forbidden))
		return "loads what must not be loaded";
	if (!strcmp(sc->command, "boot")) {
		run("boot --done", (struct fault){ .error = 0 }, NULL, again);
		reboot();
	}
	second = run_words(sc->command, (struct fault){ .error = 0 }, NULL, again);
	read_state(state);
	if (strcmp(state, sc->after) || !is_whole())
		return "is not mended by the next run";
	if (sc->forbidden && was_inserted(sc->forbidden))
		return "next time loads what must not be loaded";
	return second && second != 5 && second != 11 ? "the next run fails" : NULL;
}

static void try(const struct scenario *sc, int error, bool sticky)
{
	char said[8192], before[512], state[512];
	const char *wrong = NULL;
	int at = 0, seen;

	store_only = !strcmp(sc->command, "boot");
	do {
		struct fault f = { .error = error, .at = ++at, .sticky = sticky };
		int code;

		set_up(sc);
		read_state(before);
		code = run_words(sc->command, f, &seen, said);
		wrong = judge(sc, f, before, code, said);
		if (wrong) {
			read_state(state);
			printf("# call %d of %d: code %d, before \"%s\", now \"%s\", said:\n# %s\n", at, seen,
			       code, before, state, said);
		}
	} while (!wrong && seen >= at);
	ok(!wrong, "%s, %s%s, each of %d calls%s%s", sc->command, strerrorname_np(error),
	   sticky ? " from there on" : "", at - 1, wrong ? ": " : "", wrong ? wrong : "");
}

int main(int argc, char **argv)
{
	/* a disk that is full or read-only stays so; one that is broken is so at one place */
	static const struct fault faults[] = {
		{ .error = EIO },
		{ .error = ENOSPC, .sticky = true },
		{ .error = EROFS, .sticky = true },
	};

	if (argc != 5)
		return 99;
	root = argv[1];
	aaa = argv[2];
	aaa2 = argv[3];
	killer = argv[4];
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
		for (size_t j = 0; j < sizeof(faults) / sizeof(*faults); j++)
			try(&scenarios[i], faults[j].error, faults[j].sticky);
	return tap_done();
}
