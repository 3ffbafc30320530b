// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk that fails kpatch-build: loaded into it with LD_PRELOAD. Every call of its own that changes the disk has a number. With
 * KPATCH_FAULT_LOG=FILE, each is noted there: its number, its name, the path. With KPATCH_FAULT="N ERROR", the call
 * number N fails with ERROR; with "N+ ERROR", so do all after it that need room, as on a full disk.
 *
 * What kpatch-build runs is left alone: it gets another environment, and before exec() it is another process.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pid_t own;
static int fault_at, fault_error, log_to = -1;
static bool stays;
static atomic_int calls;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);

__attribute__((constructor)) static void start(void)
{
	const char *fault = getenv("KPATCH_FAULT"), *file = getenv("KPATCH_FAULT_LOG");
	char more = ' ';

	own = getpid();
	real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
	real_write = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
	if (file)
		log_to = real_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fault && sscanf(fault, "%d%c %d", &fault_at, &more, &fault_error) != 3)
		abort();
	stays = more == '+';
}

/* Where a call goes: a path as it is, or below what a descriptor is of. */
static void name_place(int at, const char *path, char out[2 * PATH_MAX])
{
	char link[32], directory[PATH_MAX] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
	if ((at != AT_FDCWD && (!path || *path != '/')) &&
	    readlink(link, directory, sizeof(directory) - 1) < 0)
		*directory = '\0';
	snprintf(out, 2 * PATH_MAX, "%s%s%s", directory, *directory && path ? "/" : "", path ? path : "");
}

/* Whether this call is to fail. Not on files, like a terminal and /dev/null, that are on no disk. @grows: it needs room. */
static bool fails(const char *call, int at, const char *path, bool grows)
{
	char place[2 * PATH_MAX], line[2 * PATH_MAX + 64];
	int n, before = errno;
	bool now;

	if (getpid() != own || (log_to < 0 && !fault_error))
		return false;
	name_place(at, path, place);
	if (*place != '/' || !strncmp(place, "/dev/", 5) || !strncmp(place, "/proc/", 6))
		return false;
	n = ++calls;
	now = fault_error && (n == fault_at || (stays && grows && n > fault_at));
	if (log_to >= 0) {
		int size = snprintf(line, sizeof(line), "%d %s %s%s\n", n, call, place, now ? " fails" : "");

		if (real_write(log_to, line, (size_t)size) != size)
			abort();
	}
	errno = now ? fault_error : before;
	return now;
}

/* A disk has nothing against what is there already. */
static bool exists(int at, const char *path)
{
	return !faccessat(at, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))
#define WRAP(name, ...) __attribute__((visibility("default"))) int name(__VA_ARGS__)

static mode_t mode_of(int flags, va_list ap)
{
	return flags & O_CREAT ? va_arg(ap, mode_t) : 0;
}

/* Of a file that is only read, the disk has nothing to fail here for. */
WRAP(open64, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return (flags & O_ACCMODE) != O_RDONLY && fails("open", AT_FDCWD, path, true) ?
		       -1 :
		       real_open(path, flags, mode);
}

WRAP(openat64, int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return (flags & O_ACCMODE) != O_RDONLY && fails("open", at, path, true) ?
		       -1 :
		       REAL(int, openat64, int, const char *, int, ...)(at, path, flags, mode);
}

__attribute__((visibility("default"))) FILE *fopen64(const char *path, const char *mode)
{
	return *mode != 'r' && fails("open", AT_FDCWD, path, true) ?
		       NULL :
		       REAL(FILE *, fopen64, const char *, const char *)(path, mode);
}

/* What was kept back is written here, and a file that is only read has a descriptor, too. */
WRAP(fclose, FILE *f)
{
	int fd = fileno(f), flags = fd < 0 ? O_RDONLY : fcntl(fd, F_GETFL);
	bool fault = (flags & O_ACCMODE) != O_RDONLY && fails("fclose", fd, NULL, true);
	int error = errno, result = REAL(int, fclose, FILE *)(f);

	if (fault)
		errno = error;
	return fault ? EOF : result;
}

/* Half of it gets through. */
__attribute__((visibility("default"))) ssize_t write(int fd, const void *from, size_t size)
{
	int error;

	if (!fails("write", fd, NULL, true))
		return real_write(fd, from, size);
	error = errno;
	if (size > 1 && real_write(fd, from, size / 2) < 0)
		abort();
	errno = error;
	return -1;
}

/* As libelf writes. */
__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *from, size_t size, off_t to)
{
	return fails("write", fd, NULL, true) ?
		       -1 :
		       REAL(ssize_t, pwrite64, int, const void *, size_t, off_t)(fd, from, size, to);
}

__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *from, size_t size, off_t to)
{
	return pwrite64(fd, from, size, to);
}

WRAP(ftruncate, int fd, off_t size)
{
	return fails("ftruncate", fd, NULL, true) ? -1 : REAL(int, ftruncate, int, off_t)(fd, size);
}

WRAP(fsync, int fd)
{
	return fails("fsync", fd, NULL, true) ? -1 : REAL(int, fsync, int)(fd);
}

WRAP(syncfs, int fd)
{
	return fails("syncfs", fd, NULL, true) ? -1 : REAL(int, syncfs, int)(fd);
}

WRAP(rename, const char *from, const char *to)
{
	return fails("rename", AT_FDCWD, to, true) ? -1 :
						     REAL(int, rename, const char *, const char *)(from, to);
}

WRAP(renameat, int from_at, const char *from, int to_at, const char *to)
{
	return fails("rename", to_at, to, true) ?
		       -1 :
		       REAL(int, renameat, int, const char *, int, const char *)(from_at, from, to_at, to);
}

WRAP(symlinkat, const char *to, int at, const char *path)
{
	return fails("symlink", at, path, true) ?
		       -1 :
		       REAL(int, symlinkat, const char *, int, const char *)(to, at, path);
}

WRAP(mkdir, const char *path, mode_t mode)
{
	return !exists(AT_FDCWD, path) && fails("mkdir", AT_FDCWD, path, true) ?
		       -1 :
		       REAL(int, mkdir, const char *, mode_t)(path, mode);
}

WRAP(mkdirat, int at, const char *path, mode_t mode)
{
	return !exists(at, path) && fails("mkdir", at, path, true) ?
		       -1 :
		       REAL(int, mkdirat, int, const char *, mode_t)(at, path, mode);
}

__attribute__((visibility("default"))) char *mkdtemp(char *path)
{
	return fails("mkdir", AT_FDCWD, path, true) ? NULL : REAL(char *, mkdtemp, char *)(path);
}

WRAP(unlink, const char *path)
{
	return exists(AT_FDCWD, path) && fails("unlink", AT_FDCWD, path, false) ?
		       -1 :
		       REAL(int, unlink, const char *)(path);
}

WRAP(unlinkat, int at, const char *path, int flags)
{
	return exists(at, path) && fails("unlink", at, path, false) ?
		       -1 :
		       REAL(int, unlinkat, int, const char *, int)(at, path, flags);
}

WRAP(fchmod, int fd, mode_t mode)
{
	return fails("fchmod", fd, NULL, false) ? -1 : REAL(int, fchmod, int, mode_t)(fd, mode);
}
