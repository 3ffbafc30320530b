/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agree DEVICE: reads until it is told to end (SIGTERM) which patch answers in the kernel (the line
 * "patch N" of /proc/version) and in the module of a network device (its receive errors in
 * /proc/net/dev), and again in the kernel. When the kernel's answer was the same twice, the module's
 * must be that one as well. Prints how often it was, how often not, how often the kernel's answer
 * changed in between, and how often there was no device; ends with 1 if they ever differed or never
 * could be compared.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ABSENT -1

/* Where one thread emulates all processors, a busy one holds up the thousands of code changes that a
 * transition on 6.12 consists of. */
#define PAUSE_US 3000

static volatile sig_atomic_t done;

static void end(int signal)
{
	(void)signal;
	done = 1;
}

static void read_all(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY);
	size_t length = 0;
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && length + 1 < room) {
		n = read(fd, text + length, room - 1 - length);
		if (n > 0)
			length += (size_t)n;
	}
	if (fd < 0 || n < 0) {
		perror(path);
		exit(2);
	}
	text[length] = '\0';
	close(fd);
}

static long kernel_answer(void)
{
	static char text[4096];

	read_all("/proc/version", text, sizeof(text));
	return strncmp(text, "patch ", 6) ? 0 : atol(text + 6);
}

static long module_answer(const char *device)
{
	static char text[16384];
	const char *line;
	long errors;

	read_all("/proc/net/dev", text, sizeof(text));
	line = strstr(text, device);
	if (!line || sscanf(line + strlen(device), ": %*u %*u %ld", &errors) != 1)
		return ABSENT;
	return errors;
}

int main(int argc, char **argv)
{
	unsigned long same = 0, differ = 0, changed = 0, absent = 0;

	if (argc != 2)
		return 2;
	signal(SIGTERM, end);
	for (; !done; usleep(PAUSE_US)) {
		long before = kernel_answer(), module = module_answer(argv[1]);

		if (module == ABSENT)
			absent++;
		else if (kernel_answer() != before)
			changed++;
		else if (module == before)
			same++;
		else if (!differ++)
			printf("the kernel is at patch %ld, the module at %ld\n", before, module);
	}
	printf("same %lu, differ %lu, changed %lu, no device %lu\n", same, differ, changed, absent);
	return differ || !same;
}
