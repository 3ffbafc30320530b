/* SPDX-License-Identifier: GPL-2.0-only */
/* kpatch on the machine that it runs on. Everything else is in kpatch_run(). */
#include "kpatch/kpatch.h"

int main(int argc, char **argv)
{
	struct system system;

	system_real(&system);
	return kpatch_run(argc, argv, &system, stdout, stderr);
}
