// SPDX-License-Identifier: GPL-2.0-only
/* Foreign text in a page: see page.h. */
#include "kpatch-build/page/page.h"
#include "lib/util/text.h"

void html_text(FILE *f, const char *s)
{
	while (*s) {
		unsigned int n = *s == '\t' ? 1 : text_printable(s);

		if (*s == '<' || *s == '>' || *s == '&' || *s == '"' || *s == '\'')
			fprintf(f, "&#%d;", *s);
		else if (n)
			fwrite(s, 1, n, f);
		else
			fprintf(f, "\\x%02x", (unsigned char)*s);
		s += n ? n : 1;
	}
}
