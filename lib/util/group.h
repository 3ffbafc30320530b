/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Groups of one: many distributions give each user a group of the same name, and people with such a group have a
 * umask of 002, which makes their directories writable to "the group", and so to nobody else.
 */
#ifndef KPATCH_UTIL_GROUP_H
#define KPATCH_UTIL_GROUP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether nobody but @user is in @group: it is the user's own, has the user's name, lists no other member and is
 * no other user's own. Never root's: where root is, daemons and containers have their processes, too. False where
 * that cannot be found out.
 */
bool group_is_private(gid_t group, uid_t user);

/* Whether the directory @fd (O_PATH will do) gives something to users or groups by name. True if that cannot be seen. */
bool directory_has_access_list(int fd);

/*
 * What is made in the directory @fd gets its mode and the umask, and nothing by the directory's list of defaults, which
 * would put the umask out of force. 0 or -errno.
 */
int directory_drop_default_list(int fd);

#endif
