/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peek FUNCTION|0xADDRESS [MODULE]: the bytes of a function as the running kernel has them, after
 * alternatives, static calls, static branches and all that. Prints its address and its bytes in
 * hexadecimal. Reads /proc/kallsyms and /proc/kcore, changes nothing. Without MODULE the function
 * of vmlinux is meant.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_BYTES 8192

/*
 * Whether @line of kallsyms ("ADDRESS TYPE NAME" or "ADDRESS TYPE NAME\t[MODULE]") is @name of
 * @module ("" for vmlinux).
 */
static int is_symbol(const char *line, const char *name, const char *module)
{
	const char *at = strchr(line, ' ');
	size_t len = strlen(name);

	if (!at || !at[1] || strncmp(at + 3, name, len))
		return 0;
	at += 3 + len;
	if (!module[0])
		return *at == '\n';
	len = strlen(module);
	return !strncmp(at, "\t[", 2) && !strncmp(at + 2, module, len) && at[2 + len] == ']';
}

/* Address of the function, and of the next symbol of the kernel above it. */
static int find_function(const char *name, const char *module, unsigned long *start, unsigned long *end)
{
	unsigned long addr;
	char line[1024];
	FILE *f;

	*start = strncmp(name, "0x", 2) ? 0 : strtoul(name, NULL, 16);
	*end = ~0UL;
	for (int pass = *start ? 1 : 0; pass < 2; pass++) {
		f = fopen("/proc/kallsyms", "r");
		if (!f)
			return -1;
		while (fgets(line, sizeof(line), f)) {
			if (pass == 0 && !is_symbol(line, name, module))
				continue;
			addr = strtoul(line, NULL, 16);
			if (pass == 0)
				*start = addr;
			else if (addr > *start && addr < *end)
				*end = addr;
		}
		fclose(f);
		if (!*start)
			return -1;
	}
	if (*end - *start > MAX_BYTES)
		*end = *start + MAX_BYTES;
	return 0;
}

/* Reads @size bytes of kernel memory at @addr through the segments of /proc/kcore. */
static int read_kernel(unsigned long addr, unsigned char *buf, size_t size)
{
	int fd = open("/proc/kcore", O_RDONLY);
	Elf64_Phdr ph;
	Elf64_Ehdr eh;

	if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh))
		return -1;
	for (int i = 0; i < eh.e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)) != sizeof(ph))
			return -1;
		if (ph.p_type != PT_LOAD || addr < ph.p_vaddr || addr + size > ph.p_vaddr + ph.p_memsz)
			continue;
		return pread(fd, buf, size, ph.p_offset + addr - ph.p_vaddr) == (ssize_t)size ? 0 : -1;
	}
	return -1;
}

int main(int argc, char **argv)
{
	unsigned char buf[MAX_BYTES];
	unsigned long start, end;

	if (argc < 2) {
		fprintf(stderr, "usage: peek FUNCTION|0xADDRESS [MODULE]\n");
		return 2;
	}
	if (find_function(argv[1], argc > 2 ? argv[2] : "", &start, &end)) {
		fprintf(stderr, "peek: no function %s\n", argv[1]);
		return 1;
	}
	if (read_kernel(start, buf, end - start)) {
		perror("peek: /proc/kcore");
		return 1;
	}
	printf("%#lx ", start);
	for (unsigned long i = 0; i < end - start; i++)
		printf("%02x", buf[i]);
	printf("\n");
	return 0;
}
