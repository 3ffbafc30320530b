// SPDX-License-Identifier: GPL-2.0-only
/*
 * kpatch-package: a hotfix package from a finished patch module. Reads the module, writes one
 * package to the output directory; all else happens in a work directory in the cache, as for
 * kpatch-build, whose exit codes it shares.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch-build/build.h"
#include "kpatch-build/install/install.h"
#include "kpatch-build/options.h"
#include "kpatch-build/package/package.h"
#include "kpatch-build/work.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/option.h"
#include "lib/util/path.h"
#include "lib/util/process.h"

enum { OPT_CACHE = 256, OPT_MAINTAINER, OPT_DIAGNOSTICS };

static const struct option options[] = {
	{ "format", required_argument, NULL, 'f' },
	{ "output", required_argument, NULL, 'o' },
	{ "release", required_argument, NULL, 'r' },
	{ "maintainer", required_argument, NULL, OPT_MAINTAINER },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "help", no_argument, NULL, 'h' },
	{ "diagnostics", required_argument, NULL, OPT_DIAGNOSTICS },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static void help(FILE *f)
{
	fputs("Usage: kpatch-package [options] --format rpm|deb MODULE\n"
	      "Makes a package that installs and loads a patch module made by kpatch-build.\n\n"
	      "  -f, --format FORMAT    rpm or deb\n"
	      "  -o, --output DIR       directory for the package (.)\n"
	      "  -r, --release N        release of the package (1)\n"
	      "      --maintainer TEXT  who makes the package, as \"NAME <MAIL>\"\n"
	      "      --cache DIR        directory to work in (~/.cache/kpatch)\n"
	      "      --diagnostics FORMAT  problems as text or json\n"
	      "  -h, --help             this text\n"
	      "  -V, --version          the program's version\n"
	      "\nExit codes: 0 made; 1 the system; 2 wrong usage; 12 the module is none that can be packed, or the\n"
	      "package cannot be made; 128 + a signal. See kpatch-package(8).\n",
	      f);
}

static int usage(struct build *b, const char *what, const char *argument)
{
	diag_error(b->diags, "usage", NULL, "kpatch-package --help lists the options", "%s%s%s%s", what,
		   argument ? " '" : "", argument ? argument : "", argument ? "'" : "");
	return -EINVAL;
}

static int set_format(struct build *b, const char *name)
{
	if (!package_format_named(name, &b->options.packages[0]))
		return usage(b, "--format is rpm or deb, not", name);
	b->options.n_packages = 1;
	return 0;
}

static int unknown_option(struct build *b, const char *word)
{
	const char *remedy = "kpatch-package --help lists the options",
		   *nearest = option_nearest(options, word);

	if (nearest)
		remedy = arena_printf(b->arena, "Did you mean --%s?", nearest);
	diag_error(b->diags, "usage", NULL, remedy, "unknown option '%s'", word);
	return -EINVAL;
}

static int set_option(struct build *b, int value, char **argv, enum options_action *action)
{
	struct options *o = &b->options;

	if (value != '?' && value != ':' && optarg && !*optarg)
		return usage(b, "an option's argument is empty", NULL);
	switch (value) {
	case 'f':
		return set_format(b, optarg);
	case 'o':
		o->output = optarg;
		break;
	case 'r':
		o->package_revision = optarg;
		break;
	case 'h':
		*action = OPTIONS_HELP;
		break;
	case OPT_MAINTAINER:
		o->maintainer = optarg;
		break;
	case OPT_CACHE:
		o->cache = optarg;
		o->cache_home = NULL;
		break;
	case OPT_DIAGNOSTICS:
		if (!options_diagnostics(optarg, &o->diagnostics_json))
			return usage(b, "--diagnostics takes text or json, not", optarg);
		break;
	case 'V':
		*action = OPTIONS_VERSION;
		break;
	case ':':
		return usage(b, "an argument is missing for", argv[optind - 1]);
	default:
		return unknown_option(b, argv[optind - 1]);
	}
	return 0;
}

static int check_options(struct build *b, int n)
{
	struct options *o = &b->options;

	if (!o->n_packages)
		return usage(b, "--format rpm or --format deb is missing", NULL);
	if (n != 1)
		return usage(b, n ? "one module at a time" : "no module was given", NULL);
	if (!package_revision_is_valid(o->package_revision))
		return usage(b, "--release needs a number, not", o->package_revision);
	if (!o->maintainer)
		o->maintainer = package_maintainer(b->arena);
	if (!o->maintainer) {
		diag_error(b->diags, "usage", NULL, PACKAGE_NO_MAINTAINER,
			   "who makes the package is not known");
		return -EINVAL;
	}
	if (!package_maintainer_is_valid(o->maintainer))
		return usage(b, "--maintainer needs \"NAME <MAIL>\", not", o->maintainer);
	if (access(o->output, W_OK | X_OK) < 0) {
		diag_error(b->diags, "output", diag_file(o->output), "Choose another directory with --output",
			   "results cannot be written there: %s", strerror(errno));
		return -EINVAL;
	}
	return package_check(b, o->packages[0]);
}

/* Programs are run in the work directory. */
static void make_absolute(struct build *b, const char **path)
{
	const char *normal;
	char cwd[PATH_MAX];

	if (**path != '/' && getcwd(cwd, sizeof(cwd)))
		*path = arena_printf(b->arena, "%s/%s", cwd, *path);
	/* above the root is the root, which the kernel knows as well */
	normal = path_normal(b->arena, *path);
	*path = normal ? normal : *path;
}

static int parse(struct build *b, int argc, char **argv, enum options_action *action)
{
	int value, err = 0;

	b->options = (struct options){ .output = ".", .package_revision = "1", .jobs = 1 };
	options_cache(b->arena, &b->options);
	*action = OPTIONS_BUILD;
	opterr = 0;
	while (!err && (value = getopt_long(argc, argv, ":f:o:r:hV", options, NULL)) != -1)
		err = set_option(b, value, argv, action);
	if (err || *action != OPTIONS_BUILD)
		return err;
	err = check_options(b, argc - optind);
	if (!err)
		make_absolute(b, &b->options.output);
	if (!err)
		make_absolute(b, &b->options.cache);
	return err ? err : options_check_cache(b->diags, &b->options);
}

static int make_package(struct build *b, const char *module)
{
	struct package p = { .revision = NULL };
	const char *file;
	int err = package_read(b, module, &p);

	p.revision = b->options.package_revision;
	p.maintainer = b->options.maintainer;
	if (!err)
		err = package_make(b, &p, b->options.packages[0], &file);
	return err ? err : install_files(b, &file, 1);
}

static int run(struct build *b, const char *module)
{
	int err = monitor_new(&b->monitor), stopped;

	if (!err)
		err = work_make(b);
	if (err)
		return EXIT_INTERNAL;
	err = make_package(b, module);
	stopped = monitor_stopped(b->monitor);
	work_remove(b);
	monitor_free(b->monitor);
	if (err == -EINTR && stopped)
		return EXIT_STOPPED + stopped;
	if (err && !diags_errors(b->diags))
		diag_error(b->diags, "package", diag_file(module), NULL, "%s", strerror(-err));
	return !err ? EXIT_OK : b->fails_as ? (int)b->fails_as : EXIT_PACKAGE;
}

int main(int argc, char **argv)
{
	struct build b = { .arena = arena_new(), .diags = diags_new(), .entry_lock = -1, .files_lock = -1 };
	enum options_action action;
	size_t printed = 0;
	int code = EXIT_OK;

	umask(umask(0) | 022);
	if (parse(&b, argc, argv, &action))
		code = EXIT_USAGE;
	else if (action == OPTIONS_HELP)
		help(stdout);
	else if (action == OPTIONS_VERSION)
		puts("kpatch-package " KPATCH_VERSION);
	else
		code = run(&b, argv[optind]);
	build_print_diags(&b, &printed);
	if (fflush(stdout) || ferror(stdout))
		code = EXIT_INTERNAL;
	diags_free(b.diags);
	arena_free(b.arena);
	return code;
}
