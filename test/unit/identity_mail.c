// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who wrote a fix, what it is called, and which CVE numbers it names: by mails as git and the stable kernels have them, and
 * by hostile ones, of which nothing may reach a manifest that could not be shown on a terminal.
 */
#include <stdlib.h>

#include "kpatch-build/series/identity.h"
#include "kpatch-build/series/mbox.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/text.h"
#include "test/unit/tap.h"

#define A40 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B40 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define NIL "0000000000000000000000000000000000000000"
#define DATE " Mon Sep 17 00:00:00 2001\n"
#define DIFF "---\n x.c | 2 +-\n\ndiff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n"

static struct arena *arena;
static size_t n; /* fixes that the last message was */
static bool cut;

static const struct manifest_fix *read_bytes(const char *text, size_t size)
{
	struct manifest_fix *f = NULL;

	arena_free(arena);
	arena = arena_new();
	if (identity_read(arena, "x.patch", text, size, &f, &cut))
		exit(1);
	n = f != NULL;
	return f;
}

static const struct manifest_fix *read_mail(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void subject(const char *header, const char *want, const char *name)
{
	const struct manifest_fix *f = read_mail(header);

	ok_string(n ? f->subject : NULL, want, name);
}

static void git_mail(void)
{
	const struct manifest_fix *f = read_mail(
		"From " A40 DATE "From: =?UTF-8?q?J=C3=B6rg_R=C3=B6del?= <jr@x.org>\nDate: x\n"
		"Subject: [PATCH 6.1 1/2] net: fix a use after free in\n a long subject\n\n"
		"commit " B40 " upstream.\n\nIt is CVE-2024-12345, CVE-2023-0001 and CVE-2024-12345.\n"
		"Not XCVE-2024-1111, CVE-2024-123, CVE-24-12345 or CVE-2024-1234a.\n"
		"Fixes: 123456789abc (\"net: a fault\")\nFixes: 123456789abc (\"net: a fault\")\n" DIFF
		"+CVE-2020-9999 Fixes: nothing\n");

	ok_number((long long)n, 1, "one mail, one fix");
	ok_string(f->patch, "x.patch", "the patch that it is in");
	ok_string(f->subject, "net: fix a use after free in a long subject", "a subject over two lines");
	ok_string(f->author,
		  "J\xc3\xb6rg R\xc3\xb6"
		  "del <jr@x.org>",
		  "an author in UTF-8");
	ok_string(f->commit, B40, "the commit upstream, not that of the stable kernel");
	ok_number((long long)f->n_cves, 2, "each CVE number once, and no other");
	ok_string(f->cves[0], "CVE-2024-12345", "the first CVE number");
	ok_string(f->cves[1], "CVE-2023-0001", "the second CVE number");
	ok_number((long long)f->n_fixes, 1, "each Fixes: once");
	ok_string(f->fixes[0], "123456789abc (\"net: a fault\")", "what it fixes");
}

static void commits_and_authors(void)
{
	const struct manifest_fix *f = read_mail("From " A40 DATE "From: A\nSubject: s\n\nt\n" DIFF);

	ok_string(f->commit, A40, "git's own commit where the text names none");
	f = read_mail("From " NIL DATE "From: A\nSubject: s\n\nt\n" DIFF);
	ok_string(f->commit, NULL, "no commit: git format-patch --zero-commit");
	f = read_mail("From: A\nSubject: s\n\n[ Upstream commit " B40 " ]\n" DIFF);
	ok_string(f->commit, B40, "the other form of the stable kernels");
	f = read_mail("From: A\nSubject: s\n\ncommit " B40 "b upstream.\n" DIFF);
	ok_string(f->commit, NULL, "41 digits are no commit");
	f = read_mail("From: Sender\nSubject: s\n\nFrom: Author <a@b>\n\nt\n" DIFF);
	ok_string(f->author, "Author <a@b>", "the text's first line tells the author");
	f = read_mail("From: Sender\nSubject: s\n\ntext\nFrom: Nobody\n" DIFF);
	ok_string(f->author, "Sender", "a later line does not");
	f = read_mail("Subject: s\r\nFrom: A\r\n\r\nt\r\n" DIFF);
	ok_string(f->author, "A", "lines that end as mail's do");
}

/* The messages of an mbox: @want has a letter each, the first of its subject, or '-' without one. */
static void messages(const char *text, const char *want, const char *name)
{
	size_t size = strlen(text), used, found = 0;
	unsigned int lines, all = 0, newlines = 0;
	char got[32] = "";

	for (; size && found < sizeof(got) - 1; text += used, size -= used) {
		const struct manifest_fix *f;

		used = mbox_message(text, size, &lines);
		for (size_t i = 0; i < used; i++)
			newlines += text[i] == '\n';
		all += lines;
		f = read_bytes(text, used);
		got[found++] = f ? *f->subject : '-';
	}
	ok_string(got, want, name);
	ok_number(all, newlines, "each line is in one of them");
}

static void encoding(const char *text, enum mbox_encoding want, const char *name)
{
	size_t body;

	ok(mbox_encoding(text, strlen(text), &body) == want, name);
}

/* The text of a mail, decoded. */
static void decodes(const char *header, const char *text, const char *want, const char *name)
{
	char mail[400];
	const char *out = NULL;
	size_t body, size;
	enum mbox_encoding e;

	snprintf(mail, sizeof(mail), "Subject: a\nContent-Transfer-Encoding: %s\n\n%s", header, text);
	arena_free(arena);
	arena = arena_new();
	e = mbox_encoding(mail, strlen(mail), &body);
	mbox_decode(arena, e, mail, strlen(mail), body, &out, &size);
	ok_string(out + body, want, name);
	ok(!memcmp(out, mail, body) && size == strlen(out), "behind the header as it was");
}

static void several(void)
{
	static const char plain[] = "--- a\n+++ b\n", words[] = "Subject: a\n\n--- \ndiff\n+++ b\n";

	messages("From " A40 DATE "Subject: one\n\nCVE-2024-0001\n" DIFF "-- \n2.40\n\nFrom " B40 DATE
		 "Subject: two\n\nt\n" DIFF,
		 "ot", "an mbox of two");
	ok_number((long long)n, 1, "the second is a fix");
	messages("From a@b.org Fri Nov  7 10:11:12 2025\nSubject: one\n\nt\n\n"
		 "From - Fri Nov 7 10:11:12 +0100 2025\nSubject: two\n\nt\n",
		 "ot", "an mbox as mail programs write it");
	messages("From " A40 DATE "Subject: one\n\nFrom here on it is wrong.\nFrom Monday on, too\n"
		 "From Mon Sep 17 on\n" DIFF,
		 "o", "sentences that begin with From");
	messages(DIFF "From " A40 DATE "Subject: two\n\nt\n" DIFF, "-t", "a diff in front of the first");
	messages("From " A40 DATE "From " B40 DATE "Subject: two\n\nt\n", "-t", "a message of nothing");
	ok(mbox_has_diff(DIFF, strlen(DIFF)), "a diff of git's");
	ok(mbox_has_diff(plain, strlen(plain)), "a plain one");
	ok(!mbox_has_diff(words, strlen(words)), "words are none");
	encoding("From " A40 DATE "Subject: a\nContent-Transfer-Encoding: Base64\n\nt\n", MBOX_BASE64,
		 "an encoded text");
	encoding("Content-Type: multipart/mixed;\n boundary=x\n\n", MBOX_PARTS, "a mail of several parts");
	encoding("Subject: a\nContent-Transfer-Encoding: 8bit\n\n", MBOX_PLAIN, "a plain one");
	encoding("Subject: a\n\nContent-Transfer-Encoding: base64\n", MBOX_PLAIN,
		 "what the text says of encodings");
	decodes("quoted-printable", "+a =3D b;=20\n+long =\nline\n=C3=BC =zz =4\n",
		"+a = b; \n+long line\n\xc3\xbc =zz =4\n", "quoted-printable");
	decodes("quoted-printable",
		"a= \t\r\nb=\nc=", "abc=", "lines that are joined, and one that is cut off");
	decodes("base64", "K2EK\nK2\nI=\nK2EK", "+a\n+b",
		"base64, with its digits on any line, up to its end");
}

static void none(void)
{
	read_mail("");
	ok_number((long long)n, 0, "nothing");
	read_mail(DIFF);
	ok_number((long long)n, 0, "a diff alone");
	read_mail("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-Subject: a\n+Subject: b\nSubject: c\n");
	ok_number((long long)n, 0, "what the diff has is no subject");
	read_mail("some words\n\nSubject: too late\n" DIFF);
	ok_number((long long)n, 0, "nor what the text has");
	read_mail("From: A\nSubject:\n\nt\n" DIFF);
	ok_number((long long)n, 0, "an empty subject");
}

static void subjects(void)
{
	subject("Subject: =?utf-8?b?w7xiZXI=?=\n\n" DIFF,
		"\xc3\xbc"
		"ber",
		"base64");
	subject("Subject: =?utf-8?q?a?=\n =?utf-8?q?b?= c\n\n" DIFF, "ab c",
		"no blank between encoded words");
	subject("Subject: =?latin1?q?=FC?=\n\n" DIFF,
		"=?latin1?q?=FC?=", "another character set stays as it is");
	subject("Subject: =?utf-8?q?=1b[31m=0a=00x?=\n\n" DIFF, "?[31m??x", "controls behind an encoding");
	subject("Subject: a\x1b[2Jb\xff\n\n" DIFF, "a?[2Jb?", "escapes and bytes that are no text");
	subject("Subject: a\xe2\x80\xae"
		"b\n\n" DIFF,
		"a???b", "a change of direction");
	subject("Subject: =?utf-8?q?open\n\n" DIFF, "=?utf-8?q?open", "an encoded word without an end");
	subject("Subject: [PATCH]\n\n" DIFF, NULL, "a tag and no title");
	subject("Subject: [PATCH] [RFC] a [b]\n\n" DIFF, "a [b]", "tags before the title");
}

/* Whatever was read can be shown, and every CVE number is one. */
static bool is_fit(const struct manifest_fix *f)
{
	for (const char *p = f->subject; *p; p += text_printable(p))
		if (!text_printable(p))
			return false;
	for (size_t i = 0; i < f->n_cves; i++)
		if (!manifest_cve_is_valid(f->cves[i]))
			return false;
	return strlen(f->subject) <= IDENTITY_TEXT && f->n_cves <= IDENTITY_LIST &&
	       f->n_fixes <= IDENTITY_LIST;
}

static void hostile(void)
{
	static const char mail[] =
		"From " A40 DATE "From: =?UTF-8?b?w7w=?= <a>\nSubject: a =?utf-8?q?=C3=BC?=\n"
		" b\n\nFrom: b\ncommit " B40 " upstream.\nCVE-2024-12345\nFixes: a\n" DIFF;
	static char big[400000];
	bool fit = true;
	const struct manifest_fix *f;
	size_t at;

	for (size_t i = 0; i < sizeof(mail); i++) {
		char *part = malloc(i ? i : 1); /* exactly as long: what is read beyond is found */

		memcpy(part, mail, i);
		f = read_bytes(part, i);
		fit = fit && (!f || is_fit(f));
		free(part);
	}
	ok(fit, "cut at any byte");
	srand(1);
	for (int round = 0; round < 20000; round++) {
		char copy[sizeof(mail)];

		memcpy(copy, mail, sizeof(mail));
		for (int k = rand() % 6; k >= 0; k--)
			copy[(size_t)rand() % (sizeof(mail) - 1)] = (char)rand();
		f = read_bytes(copy, sizeof(mail) - 1);
		fit = fit && (!f || is_fit(f));
	}
	ok(fit, "any bytes changed");
	at = (size_t)sprintf(big, "Subject: ");
	memset(big + at, 'x', 50000);
	at += 50000;
	at += (size_t)sprintf(big + at, "\n\n");
	for (int i = 0; i < 1000; i++)
		at += (size_t)sprintf(big + at, "CVE-2024-%d Fixes\nFixes: %d\n", 10000 + i, i);
	f = read_bytes(big, at);
	ok(n == 1 && strlen(f->subject) == IDENTITY_TEXT, "a subject that is cut");
	ok(n == 1 && f->n_cves == IDENTITY_LIST && f->n_fixes == IDENTITY_LIST && cut,
	   "lists that are cut, which is said");
	at = 0;
	for (int i = 0; i < IDENTITY_LIST; i++)
		at += (size_t)sprintf(big + at, "%sCVE-2024-%d\n", i ? "" : "Subject: a\n\n", 10000 + i);
	f = read_bytes(big, at);
	ok(n == 1 && f->n_cves == IDENTITY_LIST && !cut, "and one that is not");
}

int main(void)
{
	git_mail();
	commits_and_authors();
	several();
	none();
	subjects();
	hostile();
	arena_free(arena);
	return tap_done();
}
