/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * faults DIRECTORY: getdents64() of it, once into a page that cannot be written and once into a
 * good buffer. Prints the error of the first, and the names that the second one gave.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct entry {
	uint64_t ino, off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

int main(int argc, char **argv)
{
	static char buf[4096] __attribute__((aligned(8)));
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_DIRECTORY) : -1;
	void *bad = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct entry *entry;
	long n;

	if (fd < 0 || bad == MAP_FAILED) {
		perror("faults");
		return 1;
	}
	n = syscall(SYS_getdents64, fd, bad, 4096);
	printf("bad buffer: %s\n", n < 0 ? strerrorname_np(errno) : "no error");
	lseek(fd, 0, SEEK_SET);
	n = syscall(SYS_getdents64, fd, buf, sizeof(buf));
	printf("good buffer:");
	for (long at = 0; at < n; at += entry->reclen) {
		entry = (struct entry *)(buf + at);
		if (entry->name[0] != '.')
			printf(" %s", entry->name);
	}
	printf("\n");
	return n < 0;
}
