/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold: sleeps in kernel_clone(), as the parent of a child that never ends, until it is killed. Others that sleep
 * in a system call leave it for a moment when a transition has taken 15 s and the kernel wakes them with a
 * signal that is none; this one does not. The child ends with it.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <unistd.h>

int main(void)
{
	pid_t child = vfork();

	if (child < 0) {
		perror("hold: vfork");
		return 1;
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return 0;
}
