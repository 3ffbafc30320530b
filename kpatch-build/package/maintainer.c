// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who makes a package, where --maintainer does not say: DEBFULLNAME and DEBEMAIL, as the tools for debs have it, else what git commits
 * are made with. Nobody is made up: a package of root@localhost helps none who has a question about it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/package/package.h"
#include "lib/util/arena.h"

#define ANSWER_MAX 200

/* What git says, the first line of it; NULL: nothing, or there is no git. @command is a literal. */
static const char *ask_git(struct arena *a, const char *command)
{
	char line[ANSWER_MAX] = "";
	FILE *f = popen(command, "r");
	bool answered = f && fgets(line, sizeof(line), f);

	if (f && (pclose(f) || !answered))
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return *line ? arena_strdup(a, line) : NULL;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

const char *package_maintainer(struct arena *a)
{
	const char *name = variable("DEBFULLNAME"), *mail = variable("DEBEMAIL");

	/* the mail's variable may have both */
	if (mail && !name && strchr(mail, '<'))
		return mail;
	if (!name)
		name = ask_git(a, "git config --get user.name 2> /dev/null");
	if (!mail)
		mail = ask_git(a, "git config --get user.email 2> /dev/null");
	return name && mail ? arena_printf(a, "%s <%s>", name, mail) : NULL;
}
