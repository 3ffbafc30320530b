// SPDX-License-Identifier: GPL-2.0-only
/*
 * The source package of a kernel as RPM has it: a tar file of Linux, patches, and a spec file that tells their order.
 * rpm's own programs read it, in the work directory. A spec file's script (%prep) is not run: it may need the whole build
 * environment of the distribution. What it does beside applying the patches (configurations, the release's name) is of no
 * use here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "kpatch-build/build.h"
#include "kpatch-build/prepare/run.h"
#include "kpatch-build/prepare/source.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"
#include "lib/util/words.h"

/* A package's parts: more is no kernel's. */
#define MAX_PATCHES 20000

#define UNPACK_YOURSELF "Unpack it with rpmbuild -bp, and name the directory that this makes with --source"

struct spec_patch {
	unsigned long number;
	const char *name;
};

struct source_rpm {
	struct build *b;
	const char *path, *dir; /* the package; what is in it */
	const char *tar;
	struct spec_patch *patches;
	size_t n_patches;
};

bool source_is_rpm(const char *path)
{
	return text_ends_in(path, ".src.rpm");
}

/* Runs @script in the package's directory; *text: what it said. */
static int run_script(struct source_rpm *s, const char *what, const char *script, char **text)
{
	const char *argv[] = { "sh", "-c", script, s->path, NULL };
	const char *log = build_work_path(s->b, "run/source-unpack.log");
	int err = log ? prepare_run(s->b, "source-unpack", what, argv, s->dir, UNPACK_YOURSELF) : -EIO;

	return err ? err : file_read(s->b->arena, log, text, NULL);
}

/*
 * The package must be the one that the kernel was built from. Its release has the machine behind that, and often
 * a flavour ("6.5.11-300.MACHINE+debug").
 */
static int check_version(struct source_rpm *s)
{
	const char *release = s->b->kernel.release;
	char *version;
	int err = run_script(s, "reading the source package",
			     "exec rpm -qp --nosignature --qf '%{VERSION}-%{RELEASE}\\n' \"$0\"", &version);

	if (err)
		return err;
	version[strcspn(version, "\n")] = '\0';
	if (*version && !strncmp(release, version, strlen(version)) &&
	    !isalnum((unsigned char)release[strlen(version)]))
		return 0;
	diag_error(s->b->diags, "source-version", diag_file(s->path),
		   "Get the source package of the kernel's version",
		   "this is the source of kernel %s, not of %s", version, release);
	return -EINVAL;
}

/* The value of "KEYn: VALUE" in @line, without directories; *n: its number, or @next. */
static const char *value_of(struct arena *arena, const char *line, const char *key, unsigned long next,
			    unsigned long *n)
{
	const char *p = line + strlen(key), *end;
	char *number;

	if (strncasecmp(line, key, strlen(key)) != 0)
		return NULL;
	*n = isdigit((unsigned char)*p) ? strtoul(p, &number, 10) : next;
	p += strspn(p, "0123456789");
	if (*p++ != ':')
		return NULL;
	p += strspn(p, " \t");
	end = p + strcspn(p, " \t\r\n");
	return path_base(arena_strndup(arena, p, (size_t)(end - p)));
}

static int by_number(const void *a, const void *b)
{
	const struct spec_patch *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int read_spec(struct source_rpm *s, const char *text)
{
	unsigned long next = 0, number;

	s->patches = arena_array(s->b->arena, MAX_PATCHES, sizeof(*s->patches));
	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *name;

		line += *line == '\n';
		name = value_of(s->b->arena, line, "Source", 0, &number);
		if (name && !s->tar && !strncmp(name, "linux-", 6) && strstr(name, ".tar"))
			s->tar = name;
		name = value_of(s->b->arena, line, "Patch", next, &number);
		if (!name || s->n_patches == MAX_PATCHES)
			continue;
		s->patches[s->n_patches++] = (struct spec_patch){ number, name };
		next = number + 1;
	}
	qsort(s->patches, s->n_patches, sizeof(*s->patches), by_number);
	if (s->tar)
		return 0;
	diag_error(s->b->diags, "source-unpack", diag_file(s->path), UNPACK_YOURSELF,
		   "its spec file names no source linux-*.tar");
	return -EINVAL;
}

static int open_package(struct source_rpm *s)
{
	static const char unpack[] =
		"rpm2cpio \"$0\" > .cpio && cpio -idm --quiet --no-absolute-filenames < .cpio && rm .cpio";
	static const char expand[] =
		"set -- *.spec; [ $# = 1 ] && [ -f \"$1\" ] || { echo 'not one spec file'; exit 1; }; "
		"exec rpmspec --define \"_sourcedir $PWD\" -P \"$1\"";
	char *text = NULL;
	int err = run_script(s, "unpacking the source package", unpack, &text);

	if (!err)
		err = run_script(s, "reading the spec file", expand, &text);
	return err ? err : read_spec(s, text);
}

static int apply(struct source_rpm *s, const char *tree, const char *name)
{
	const char *path = arena_printf(s->b->arena, "%s/%s", s->dir, name);
	const char *argv[] = {
		"patch", "-p1", "-s", "-N", "-F0", "--no-backup-if-mismatch", "-i", path, NULL
	};
	struct stat st;

	if (!stat(path, &st) && !st.st_size)
		return 0; /* a place for the packager's own changes */
	return prepare_run(s->b, "source-unpack", arena_printf(s->b->arena, "applying its %s", name), argv,
			   tree, UNPACK_YOURSELF);
}

int source_rpm_unpack(struct build *b, const char *rpm, const char *tree)
{
	const char *first = build_work_path(b, "prepare/source-rpm/.");
	struct source_rpm s = { .b = b, .path = rpm, .dir = first };
	int err = first ? check_version(&s) : -EIO;
	const char *tar;

	if (!err)
		err = open_package(&s);
	if (err)
		return err;
	tar = arena_printf(b->arena, "%s/%s", s.dir, s.tar);
	const char *argv[] = { "tar",
			       "--strip-components=1",
			       "--no-same-owner",
			       "--no-same-permissions",
			       "-C",
			       tree,
			       "-xf",
			       tar,
			       NULL };

	err = prepare_run(b, "source-unpack", "unpacking the source", argv, NULL, UNPACK_YOURSELF);
	for (size_t i = 0; i < s.n_patches && !err; i++)
		err = apply(&s, tree, s.patches[i].name);
	return err;
}
