// SPDX-License-Identifier: GPL-2.0-only
/*
 * The finish stage. Reads the linked module; makes NAME.ko and NAME.yaml in the work directory.
 */
#include "kpatch-build/finish.h"

#include <errno.h>
#include <string.h>

#include "kpatch-build/build.h"
#include "kpatch-build/elfile.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

int stage_finish(struct build *b)
{
	struct module_entries funcs;
	struct elfile *f;
	char *module = build_work_path(b, "%s.ko", b->name);
	int ret = module ? elfile_read(b->linked, b->arena, b->diags, &f) : -ENOMEM;

	if (!ret)
		ret = module_funcs(f, b->arena, b->diags, &funcs);
	if (!ret)
		ret = finish_klp(f, &funcs, b->diags);
	if (!ret)
		ret = elfile_write(f, module);
	if (ret)
		return ret;
	b->module = module;
	return 0;
}
