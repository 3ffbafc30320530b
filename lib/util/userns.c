// SPDX-License-Identifier: GPL-2.0-only
/* See userns.h. */
#include "lib/util/userns.h"

#include <stdio.h>

#define USUAL_OVERFLOW 65534U
#define ALL_USERS 4294967295U

static unsigned int overflow_user(void)
{
	FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
	unsigned int user = USUAL_OVERFLOW;

	if (f && fscanf(f, "%u", &user) != 1)
		user = USUAL_OVERFLOW;
	if (f)
		fclose(f);
	return user;
}

/* As the system's first namespace does, and copies of it. */
static bool knows_all_users(void)
{
	FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned int inside, outside, n;
	bool all = f && fscanf(f, "%u %u %u", &inside, &outside, &n) == 3 && !inside && !outside &&
		   n == ALL_USERS;

	if (f)
		fclose(f);
	return all;
}

bool userns_hides(uid_t user)
{
	return user == overflow_user() && !knows_all_users();
}
