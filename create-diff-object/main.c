// SPDX-License-Identifier: GPL-2.0-only
/*
 * create-diff-object: the differ as a program of its own. Words the diagnostics, prints the report
 * with --verbose, and turns the result into an exit code. Everything else is in the library.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "create-diff-object/diff.h"
#include "lib/elf/object.h"
#include "lib/kernel/files/image.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/proof/ibt.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/kernel/symbols/ksyms.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/option.h"
#include "lib/util/text.h"
#include "lib/util/vmlinux.h"

enum { EXIT_WRITTEN = 0, EXIT_ERROR = 1, EXIT_REFUSED = 2, EXIT_NO_CHANGE = 3 };

struct arguments {
	const char *owner, *image, *kallsyms, *module, *symvers, *cache;
	const char *original, *patched, *output;
	bool verbose, stacked;
};

/* Everything that is opened for a run; released in one place. */
struct run {
	struct arguments args;
	struct diags *diags;
	struct arena *arena;
	struct kimage *image;
	struct kallsyms *text;
	struct kmodule *module;
	struct symvers *symvers;
	struct ksym_source ksyms;
	struct ksym_source source;     /* the same, with what IBT forbids */
	struct installed installed[2]; /* image, module */
	bool have_ksyms;
	struct object *original, *patched;
};

static const char usage_text[] =
	"Usage: create-diff-object [options] ORIGINAL PATCHED OUTPUT\n"
	"\n"
	"Compares two relocatable objects, compiled from the original and the patched source with\n"
	"-ffunction-sections -fdata-sections, and writes an object with the changed functions, the\n"
	"references that the kernel's livepatch core resolves, and the metadata for the patch module.\n"
	"\n"
	"  -O, --owner NAME      kernel object that ORIGINAL is part of: a module's name (default: vmlinux)\n"
	"  -i, --image FILE      kernel image whose symbols are used: /boot/vmlinuz-* or a vmlinux\n"
	"  -k, --kallsyms FILE   instead of --image: symbols as text, in the format of /proc/kallsyms\n"
	"  -m, --module FILE     installed file of the module that --owner names\n"
	"  -s, --symvers FILE    Module.symvers: what is exported, and by whom\n"
	"  -c, --cache DIR       keep the decoded image in DIR, for the next run\n"
	"  -n, --no-replace      the patch is one of several: calls of what it replaces go through ftrace\n"
	"  -v, --verbose         print what was decided, and why\n"
	"  -h, --help            print this text\n"
	"  -V, --version         print the version\n"
	"\n"
	"Exit status: 0 OUTPUT was written; 1 an error; 2 the change cannot be applied to a running\n"
	"kernel; 3 nothing changed, and OUTPUT was not written.\n";

static const struct option options[] = {
	{ "owner", required_argument, NULL, 'O' },
	{ "image", required_argument, NULL, 'i' },
	{ "kallsyms", required_argument, NULL, 'k' },
	{ "module", required_argument, NULL, 'm' },
	{ "no-replace", no_argument, NULL, 'n' },
	{ "symvers", required_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "cache", required_argument, NULL, 'c' },
	{ NULL, 0, NULL, 0 },
};

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "create-diff-object: %s%s", what, word ? " " : "");
	text_print(stderr, word ? word : "");
	fputs("\nTry 'create-diff-object --help'.\n", stderr);
	return -EINVAL;
}

static int unknown_option(const char *word)
{
	const char *nearest = option_nearest(options, word);

	if (nearest)
		fprintf(stderr, "create-diff-object: did you mean --%s?\n", nearest);
	return usage_error("unknown option", word);
}

/* 0 to go on; 1 if the program has done what was asked; -EINVAL. */
static int parse(int argc, char **argv, struct arguments *a)
{
	int c;

	a->owner = VMLINUX;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":O:i:k:m:s:c:nvhV", options, NULL)) != -1) {
		switch (c) {
		case 'O':
			a->owner = optarg;
			break;
		case 'i':
			a->image = optarg;
			break;
		case 'k':
			a->kallsyms = optarg;
			break;
		case 'm':
			a->module = optarg;
			break;
		case 's':
			a->symvers = optarg;
			break;
		case 'c':
			a->cache = optarg;
			break;
		case 'n':
			a->stacked = true;
			break;
		case 'v':
			a->verbose = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 1;
		case 'V':
			puts("create-diff-object " KPATCH_VERSION);
			return 1;
		case ':':
			return usage_error("an argument is missing for", argv[optind - 1]);
		default:
			return unknown_option(argv[optind - 1]);
		}
	}
	if (argc - optind != 3)
		return usage_error("three files are needed: ORIGINAL PATCHED OUTPUT", NULL);
	if (!a->image == !a->kallsyms)
		return usage_error("one of --image and --kallsyms is needed", NULL);
	if (!a->symvers)
		return usage_error("--symvers is needed", NULL);
	if (a->module && is_vmlinux(a->owner))
		return usage_error("--module needs --owner", NULL);
	a->original = argv[optind];
	a->patched = argv[optind + 1];
	a->output = argv[optind + 2];
	return 0;
}

/* What may not be called through a pointer; known only with the image. */
static int open_ibt(struct run *r)
{
	struct ibt *vmlinux = NULL, *module = NULL;
	int err = 0;

	if (r->image)
		err = installed_image(r->image, r->arena, &r->installed[0]);
	if (r->image && !err && ibt_enabled(&r->installed[0]))
		ibt_new(&r->installed[0], r->arena, &vmlinux);
	if (vmlinux && r->module && !err)
		err = installed_module(r->module, r->arena, &r->installed[1]);
	if (vmlinux && r->module && !err)
		ibt_new(&r->installed[1], r->arena, &module);
	if (!err)
		ibt_source(&r->ksyms, vmlinux, module, r->arena, &r->source);
	return err;
}

static int open_ksyms(struct run *r)
{
	struct ksyms_input in = { .owner = r->args.owner };
	int err;

	if (r->args.image)
		err = kimage_open(r->args.image, r->args.cache, r->diags, &r->image);
	else
		err = kallsyms_read_text(r->args.kallsyms, false, r->diags, &r->text);
	if (!err && r->args.module)
		err = kmodule_open(r->args.module, r->diags, &r->module);
	if (!err)
		err = symvers_open(r->args.symvers, r->diags, &r->symvers);
	if (err)
		return err;
	in.vmlinux = r->image ? r->image->kallsyms : r->text;
	in.module = r->module;
	in.symvers = r->symvers;
	ksyms_new(&in, &r->ksyms);
	r->have_ksyms = true;
	return open_ibt(r);
}

static void print_diags(const struct diags *diags)
{
	for (size_t i = 0; i < diags_count(diags); i++)
		diag_print(stderr, diags_get(diags, i));
}

static void print_report(const struct diff_report *r)
{
	for (size_t i = 0; i < r->n_changed; i++)
		printf("replaced  %s,%u: %s (%" PRIu64 " to %" PRIu64 " bytes)\n", r->changed[i].name,
		       r->changed[i].sympos, r->changed[i].reason, r->changed[i].old_size,
		       r->changed[i].new_size);
	for (size_t i = 0; i < r->n_new; i++)
		printf("function  %s: %s\n", r->new_functions[i].name, r->new_functions[i].reason);
	for (size_t i = 0; i < r->n_new_data; i++)
		printf("data      %s\n", r->new_data[i]);
	for (size_t i = 0; i < r->n_callbacks; i++)
		printf("callback  %s: %s\n", r->callbacks[i].kind, r->callbacks[i].function);
	for (size_t i = 0; i < r->n_klp_refs; i++)
		printf("klp       %s:%s,%u (%u uses)\n", r->klp_refs[i].object, r->klp_refs[i].name,
		       r->klp_refs[i].sympos, r->klp_refs[i].count);
	for (size_t i = 0; i < r->n_imports; i++)
		printf("import    %s\n", r->imports[i]);
	for (size_t i = 0; i < r->n_needs; i++)
		printf("needs     %s, of another object of the patch\n", r->needs[i].name);
	for (size_t i = 0; i < r->n_kept; i++)
		printf("kept      %s: %s\n", r->kept[i].what, r->kept[i].how);
}

/* Complete or absent. */
static int write_file(const char *path, const uint8_t *data, size_t size)
{
	mode_t mask = umask(0);

	umask(mask);
	return file_write_atomic(path, data, size, 0666 & ~mask);
}

static int run_diff(struct run *r)
{
	struct diff_input in = { .name = r->args.patched,
				 .lines_move = true,
				 .owner = r->args.owner,
				 .original = r->original,
				 .patched = r->patched,
				 .ksyms = &r->source,
				 .stacked = r->args.stacked };
	struct diff_report report = { 0 };
	uint8_t *data = NULL;
	size_t size = 0;
	int err = diff_objects(&in, r->arena, r->diags, &report, &data, &size);

	if (err == -EINVAL)
		return EXIT_REFUSED;
	if (err) {
		diag_error(r->diags, "internal-error", diag_file(r->args.patched), NULL, "%s",
			   strerror(-err));
		return EXIT_ERROR;
	}
	if (!data)
		return EXIT_NO_CHANGE;
	err = write_file(r->args.output, data, size);
	free(data);
	if (err) {
		diag_error(r->diags, "cannot-write", diag_file(r->args.output), NULL, "%s", strerror(-err));
		return EXIT_ERROR;
	}
	if (!report.types_compared)
		fprintf(stderr, "%s: types were not compared: the objects have no debug information\n",
			r->args.patched);
	if (r->args.verbose)
		print_report(&report);
	return EXIT_WRITTEN;
}

static int run(struct run *r)
{
	int err;

	r->diags = diags_new();
	r->arena = arena_new();
	err = object_open(r->args.original, r->diags, &r->original);
	if (!err)
		err = object_open(r->args.patched, r->diags, &r->patched);
	if (!err)
		err = open_ksyms(r);
	return err ? EXIT_ERROR : run_diff(r);
}

static void release(struct run *r)
{
	if (r->have_ksyms)
		ksyms_free(&r->ksyms);
	symvers_free(r->symvers);
	kmodule_free(r->module);
	kallsyms_free(r->text);
	kimage_free(r->image);
	object_free(r->patched);
	object_free(r->original);
	arena_free(r->arena);
	diags_free(r->diags);
}

int main(int argc, char **argv)
{
	struct run r = { 0 };
	int status = parse(argc, argv, &r.args);

	if (status)
		return status > 0 ? 0 : EXIT_ERROR;
	status = run(&r);
	if (r.diags)
		print_diags(r.diags);
	if (status == EXIT_NO_CHANGE)
		fprintf(stderr, "%s: no change\n", r.args.patched);
	release(&r);
	return status;
}
