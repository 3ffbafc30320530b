/* SPDX-License-Identifier: GPL-2.0-only */
/* as-user PROGRAM ARGUMENT...: runs it as an ordinary user (number 1000). */
#include <grp.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2 || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		return 125;
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 126;
}
