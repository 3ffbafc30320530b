// SPDX-License-Identifier: GPL-2.0-only
/* See group.h. Asks the system's databases of users and groups, as login does. */
#include "lib/util/group.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/util/xmalloc.h"

/* The databases may not list everybody; that is why the group's name must be the user's, too. */
static bool is_anothers_own(gid_t group, uid_t user)
{
	const struct passwd *p;
	bool found = false;

	setpwent();
	while (!found && (p = getpwent()))
		found = p->pw_gid == group && p->pw_uid != user;
	endpwent();
	return found;
}

static bool has_only(const struct group *g, const char *name)
{
	for (char **member = g->gr_mem; *member; member++)
		if (strcmp(*member, name))
			return false;
	return true;
}

bool group_is_private(gid_t group, uid_t user)
{
	const struct passwd *p = user ? getpwuid(user) : NULL;
	const struct group *g;
	bool is_private;
	char *name;

	if (!p || p->pw_gid != group)
		return false;
	name = xstrdup(p->pw_name);
	g = getgrgid(group);
	is_private = g && !strcmp(g->gr_name, name) && has_only(g, name) && !is_anothers_own(group, user);
	free(name);
	return is_private;
}

bool directory_has_access_list(int fd)
{
	int readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (readable < 0)
		return true;
	err = fgetxattr(readable, "system.posix_acl_access", NULL, 0) < 0 ? errno : 0;
	close(readable);
	return err != ENODATA && err != ENOTSUP;
}

int directory_drop_default_list(int fd)
{
	return fremovexattr(fd, "system.posix_acl_default") && errno != ENODATA && errno != ENOTSUP ? -errno :
												      0;
}
