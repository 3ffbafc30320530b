// SPDX-License-Identifier: GPL-2.0-only
/* See oot.h. Reads the installed module and what DKMS has; writes nothing. */
#include "kpatch-build/kernel/oot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/kernel/dkms.h"
#include "lib/kernel/files/module.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/directory.h"
#include "lib/util/file.h"

bool oot_has_makefile(struct build *b, const char *dir)
{
	return file_is_regular(arena_printf(b->arena, "%s/Kbuild", dir)) ||
	       file_is_regular(arena_printf(b->arena, "%s/Makefile", dir));
}

/* --oot-module has a file or a module's name. */
static int find_file(struct build *b, struct oot *o)
{
	const char *given = b->options.oot_module;
	char *path;
	int err;

	if (*given == '/') {
		o->file = given;
		return 0;
	}
	err = kmodule_find(b->kernel.modules, given, &path);
	if (err) {
		diag_error(b->diags, "oot-module-missing", diag_file(b->kernel.modules),
			   "Install it, or name its file with --oot-module FILE.ko",
			   "no module %s is installed for kernel %s", given, b->kernel.release);
		return err;
	}
	o->file = arena_strdup(b->arena, path);
	free(path);
	return 0;
}

/* What the file says of itself: its name, and for which kernel it is. */
static int read_file(struct build *b, struct oot *o)
{
	const char *vermagic;
	struct kmodule *m;
	size_t n;
	int err = kmodule_open(o->file, b->diags, &m);

	if (err)
		return err;
	vermagic = m->vermagic ? m->vermagic : "";
	n = strcspn(vermagic, " ");
	o->name = m->name && *m->name ? arena_strdup(b->arena, m->name) : NULL;
	if (!o->name) {
		diag_error(b->diags, "module-damaged", diag_file(o->file), "Install the module again",
			   "this file does not say which module it is");
		err = -EINVAL;
	} else if (!kmodule_is_for(m, b->kernel.release)) {
		diag_error(
			b->diags, "oot-module-kernel", diag_file(o->file),
			"Name the module that was built for the kernel that is to be patched, or that kernel with --kernel",
			"this module is for kernel %.*s, not for %s", n ? (int)n : 7,
			n ? vermagic : "unknown", b->kernel.release);
		err = -EINVAL;
	}
	kmodule_free(m);
	return err;
}

static int find_source(struct build *b, struct oot *o)
{
	int err = 0;

	o->source = b->options.oot_source;
	if (!o->source)
		err = dkms_find(b, o->name, &o->source);
	if (err == -ENOENT)
		diag_error(b->diags, "oot-source", diag_file(o->file),
			   "Name the directory that it was built from with --oot-module-src",
			   "no dkms.conf below %s/usr/src makes module %s, so its source is not known",
			   b->options.root, o->name);
	return err;
}

static int check_source(struct build *b, struct oot *o)
{
	const char *conf = arena_printf(b->arena, "%s/dkms.conf", o->source);
	char *text;

	if (!file_is_directory(o->source) || !oot_has_makefile(b, o->source)) {
		diag_error(b->diags, "oot-source", diag_file(o->source),
			   "Name the directory that the module was built from, with its Makefile or Kbuild",
			   file_is_directory(o->source) ?
				   "there is no Makefile and no Kbuild in this directory" :
				   "this is no directory");
		return -EINVAL;
	}
	if (!file_read(b->arena, conf, &text, NULL))
		o->dkms = dkms_read(b->arena, text);
	return 0;
}

int oot_find(struct build *b)
{
	struct oot *o;
	int err;

	if (!b->options.oot_module)
		return 0;
	o = arena_alloc(b->arena, sizeof(*o));
	err = find_file(b, o);
	if (!err)
		err = read_file(b, o);
	if (!err)
		err = find_source(b, o);
	if (!err)
		err = check_source(b, o);
	if (!err)
		b->oot = o;
	return err;
}
