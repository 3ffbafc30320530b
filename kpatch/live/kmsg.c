/* SPDX-License-Identifier: GPL-2.0-only */
/* See kmsg.h. */
#include "kpatch/live/kmsg.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/diag.h"

/* Longer than any record of the log. */
#define RECORD_SIZE 8192
/* Never list more than this: a flood of messages explains nothing. */
#define LINES_SHOWN 12

int kmsg_open(const struct system *s)
{
	char path[PATH_MAX];
	int fd;

	if (system_path(s, path, "/dev/kmsg"))
		return -1;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static bool concerns(const char *text, const char *module)
{
	return strstr(text, "livepatch: ") || strstr(text, module) || strstr(text, "module: ") ||
	       strstr(text, "odule verification failed") ||
	       (!strncmp(text, "Loading of ", 11) && strstr(text, "rejected"));
}

/* "priority,sequence,time,flags;text", then lines of properties that begin with a space. */
static unsigned int report_record(struct kpatch *k, char *record, const char *module)
{
	char *text = strchr(record, ';');

	if (*record == ' ' || !text || !concerns(++text, module))
		return 0;
	for (char *p = text; *p; p++)
		if (!isprint((unsigned char)*p))
			*p = ' ';
	diag_note(k->diags, "kernel-log", NULL, NULL, "the kernel says: %s", text);
	return 1;
}

void kmsg_report(struct kpatch *k, int fd, const char *module)
{
	char buffer[RECORD_SIZE];
	unsigned int shown = 0;

	while (fd >= 0 && shown < LINES_SHOWN) {
		ssize_t n = read(fd, buffer, sizeof(buffer) - 1);
		char *line = buffer, *rest;

		if (n < 0 && (errno == EPIPE || errno == EINTR)) /* overwritten before we came */
			continue;
		if (n <= 0)
			break;
		buffer[n] = '\0';
		while (shown < LINES_SHOWN && (line = strtok_r(line, "\n", &rest))) {
			shown += report_record(k, line, module);
			line = NULL;
		}
	}
	kmsg_close(fd);
}

void kmsg_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
