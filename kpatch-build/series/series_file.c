// SPDX-License-Identifier: GPL-2.0-only
/*
 * One file of a series: the patch that it is, or those in its messages. Knows of diffs no more than where there is one.
 */
#include "kpatch-build/series/series_private.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/series/identity.h"
#include "kpatch-build/series/mbox.h"
#include "kpatch-build/series/text.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/path.h"
#include "lib/util/sha256.h"

/* An array of @n elements of @size bytes with room for one more; the room is the next power of two. */
static void *grown(struct arena *arena, void *array, size_t n, size_t size)
{
	void *more = n & (n - 1) ? array : arena_array(arena, n ? 2 * n : 1, size);

	if (more && n && more != array)
		memcpy(more, array, n * size);
	return more;
}

static const char *digest(struct arena *arena, const char *data, size_t size)
{
	struct sha256 sha;
	char text[SHA256_TEXT];

	sha256_start(&sha);
	sha256_add(&sha, data, size);
	return sha256_end(&sha, text) ? arena_strdup(arena, text) : NULL;
}

static int add_source(struct build *b, struct series *s, const char *name, const char *data, size_t size)
{
	struct series_file *files = grown(b->arena, s->files, s->n_files, sizeof(*files));
	struct series_file f = { name, digest(b->arena, data, size) };

	s->files = files;
	s->files[s->n_files++] = f;
	return 0;
}

/* @raw: the message as it is in the file. */
static int identify(struct build *b, struct series_patch *p, const char *raw, size_t raw_size)
{
	struct diag_place place = { .file = p->file, .line = p->line + 1 };
	struct manifest_fix *fix;
	bool cut = false;
	int err = identity_read(b->arena, p->name, p->data, p->size, &fix, &cut);

	if (!err && cut)
		diag_warning(
			b->diags, "fixes-left-out", &place, NULL,
			"it has more than %d CVE numbers or Fixes: lines; the manifest does not name them all",
			IDENTITY_LIST);
	if (err || !fix)
		return err;
	fix->message = p->message;
	if (p->message) {
		fix->sha256 = digest(b->arena, raw, raw_size);
	}
	p->fix = fix;
	return 0;
}

static int add_patch(struct build *b, struct series *s, struct series_patch *p, const char *raw,
		     size_t raw_size)
{
	struct series_patch *patches;
	int err = identify(b, p, raw, raw_size);

	if (err)
		return err;
	patches = grown(b->arena, s->patches, s->n, sizeof(*patches));
	s->patches = patches;
	s->patches[s->n++] = *p;
	return 0;
}

/* A mail's text as it was before it was encoded: of that the lines are others than the file's. -EINVAL: several parts. */
static int decode(struct build *b, struct series_patch *p)
{
	struct diag_place place = { .file = p->file, .line = p->line + 1 };
	size_t body;
	enum mbox_encoding encoding = mbox_encoding(p->data, p->size, &body);

	if (encoding == MBOX_PLAIN)
		return 0;
	if (encoding == MBOX_PARTS) {
		diag_error(b->diags, "mail-encoded", &place,
			   "Let git take it (git am) and write it again (git format-patch), or save its text",
			   "this mail has several parts, and nothing says which of them is the patch");
		return -EINVAL;
	}
	p->file = p->message ? arena_printf(b->arena, "%s, message %u, decoded", p->file, p->message) :
			       arena_printf(b->arena, "%s, decoded", p->file);
	p->line = 0;
	mbox_decode(b->arena, encoding, p->data, p->size, body, &p->data, &p->size);
	return 0;
}

/* What is no patch where patches are: a cover letter, an answer, an empty file. */
static void pass_over(struct build *b, const struct series_patch *p)
{
	struct diag_place place = { .file = p->file, .line = p->line + 1 };

	diag_note(b->diags, "series-no-diff", &place, NULL, "there is no diff in this %s: it is passed over",
		  p->message ? "message" : "file");
}

/* The patches in a text, of which @p says what is the same for all. */
static int add_messages(struct build *b, struct series *s, struct series_patch p, const char *data,
			size_t size, bool member)
{
	const char *const file = p.name;
	unsigned int lines;
	size_t used = mbox_message(data, size, &lines), found = s->n;
	bool several = used < size;
	int err = add_source(b, s, file, data, size);

	p.source = s->n_files - 1;
	for (; !err && (size || !used); p.line += lines, data += used, size -= used) {
		struct series_patch one = p;

		used = mbox_message(data, size, &lines);
		p.message += several;
		one.message = p.message;
		one.data = data;
		one.size = used;
		err = decode(b, &one);
		if (!err && (several || member) && !mbox_has_diff(one.data, one.size))
			pass_over(b, &one);
		else if (!err)
			err = add_patch(b, s, &one, data, used);
		if (err == -EINVAL)
			err = 0; /* what is wrong with others is said, too */
		if (!used)
			break;
	}
	if (!err && several && s->n == found && !diags_errors(b->diags)) {
		diag_error(b->diags, "patch-empty", diag_file(p.file), "Give an mbox of patches",
			   "none of its messages has a diff");
		return -EINVAL;
	}
	return err;
}

int series_add_file(struct build *b, struct series *s, const char *path, unsigned int strip, bool member)
{
	struct series_patch p = { .file = path, .name = path_base(path), .strip = strip };
	char *data;
	size_t size;
	int err = series_text(b->arena, b->diags, path, &data, &size);

	return err ? err : add_messages(b, s, p, data, size, member);
}

int series_add_standard_input(struct build *b, struct series *s)
{
	struct series_patch p = { .file = "standard input", .name = "stdin", .strip = 1 };
	char *data;
	size_t size;
	int err = series_text_of(b->arena, b->diags, 0, p.file, &data, &size);

	return err ? err : add_messages(b, s, p, data, size, false);
}
