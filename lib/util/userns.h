/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User namespaces: which users this one knows.
 */
#ifndef KPATCH_UTIL_USERNS_H
#define KPATCH_UTIL_USERNS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether @user is the number that this user namespace shows in place of all users that it does not know
 * (user_namespaces(7)): it can be anybody, also where it is the number that this program itself has. True where that
 * cannot be found out for the number that kernels have for it.
 */
bool userns_hides(uid_t user);

#endif
