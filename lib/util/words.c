// SPDX-License-Identifier: GPL-2.0-only
/* See words.h. Quoting as in POSIX.1-2017, Shell Command Language, section 2.2. */
#include "lib/util/words.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/util/arena.h"

#define BLANKS " \t\n"

void words_add(struct arena *a, struct words *w, const char *word)
{
	if (w->n + 1 >= w->room) {
		size_t room = w->room ? 2 * w->room : 16;
		const char **grown = arena_array(a, room, sizeof(*grown));

		if (w->n)
			memcpy(grown, w->word, w->n * sizeof(*grown));
		w->word = grown;
		w->room = room;
	}
	w->word[w->n++] = word;
	w->word[w->n] = NULL;
}

bool words_has(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->word[i], word))
			return true;
	return false;
}

void words_add_list(struct arena *a, struct words *w, const char *text)
{
	for (text += strspn(text, BLANKS); *text; text += strspn(text, BLANKS)) {
		size_t n = strcspn(text, BLANKS);

		words_add(a, w, arena_strndup(a, text, n));
		text += n;
	}
}

/* Takes one word off *text into @out, which has room enough. 0 or -EINVAL. */
static int shell_word(const char **text, char *out)
{
	const char *p = *text;
	char quote = '\0';

	for (; *p && (quote || !strchr(BLANKS, *p)); p++) {
		if (quote == '\'') {
			if (*p == '\'')
				quote = '\0';
			else
				*out++ = *p;
		} else if (*p == '\\') {
			p++;
			if (!*p)
				return -EINVAL;
			if (quote && !strchr("$`\"\\\n", *p))
				*out++ = '\\';
			*out++ = *p;
		} else if (quote == '"' ? *p == '"' : *p == '"' || *p == '\'') {
			quote = quote ? '\0' : *p;
		} else if (strchr(quote ? "$`" : "$`;|&<>()*?#", *p)) {
			return -EINVAL;
		} else {
			*out++ = *p;
		}
	}
	if (quote)
		return -EINVAL;
	*out = '\0';
	*text = p;
	return 0;
}

int words_add_shell(struct arena *a, struct words *w, const char *text)
{
	int err = 0;

	for (text += strspn(text, BLANKS); *text && !err; text += strspn(text, BLANKS)) {
		char *word = arena_alloc(a, strlen(text) + 1);

		err = shell_word(&text, word);
		if (!err)
			words_add(a, w, word);
	}
	return err;
}
