// SPDX-License-Identifier: GPL-2.0-only
/* See options.h. Reads argv, makes struct options; looks at no file but the program's own. */
#include "kpatch-build/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "kpatch-build/options_foreign.h"
#include "lib/klp/names.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/file.h"
#include "lib/util/path.h"
#include "lib/util/text.h"

enum {
	OPT_ROOT = 256,
	OPT_BUILD,
	OPT_SOURCE,
	OPT_CONFIG,
	OPT_IMAGE,
	OPT_MODULES,
	OPT_SYMVERS,
	OPT_OOT_MODULE,
	OPT_OOT_SOURCE,
	OPT_OOT_SYMVERS,
	OPT_FETCH,
	OPT_CC,
	OPT_CACHE,
	OPT_NO_REPLACE,
	OPT_NO_VERIFY,
	OPT_KEEP,
	OPT_STOP,
	OPT_DATA,
	OPT_SIGN_KEY,
	OPT_SIGN_CERT,
	OPT_PATCH_VERSION,
	OPT_PACKAGE,
	OPT_PACKAGE_RELEASE,
	OPT_MAINTAINER,
	OPT_LEAVE_OUT,
	OPT_CHECK,
	OPT_DIAGNOSTICS,
	OPT_REPORT
};

/* One line each: what getopt needs and what --help says. */
static const struct {
	const char *name;
	const char *argument; /* NULL: takes none */
	int value;
	const char *help;
} table[] = {
	{ "kernel", "RELEASE", 'k', "kernel to patch, as uname -r names it (the running one)" },
	{ "root", "DIR", OPT_ROOT, "look for boot/, lib/modules/ and usr/src/ in DIR (/)" },
	{ "build", "DIR", OPT_BUILD, "tree in which the kernel was built: vmlinux, modules, .config" },
	{ "source", "PATH", OPT_SOURCE, "kernel source: a directory, a tar file or a source RPM" },
	{ "config", "FILE", OPT_CONFIG, "full kernel configuration" },
	{ "image", "FILE", OPT_IMAGE, "kernel image, as in /boot" },
	{ "modules", "DIR", OPT_MODULES, "installed modules, as /lib/modules/RELEASE" },
	{ "symvers", "FILE", OPT_SYMVERS, "Module.symvers of the kernel" },
	{ "oot-module", "FILE", OPT_OOT_MODULE,
	  "installed module from outside of the kernel's source, or its name" },
	{ "oot-module-src", "DIR", OPT_OOT_SOURCE, "its source, built or not (the one that DKMS has)" },
	{ "oot-module-symvers", "FILE", OPT_OOT_SYMVERS,
	  "Module.symvers of modules that it needs; may be repeated" },
	{ "fetch", NULL, OPT_FETCH,
	  "get the kernel's packages into the cache, where they are not installed" },
	{ "cc", "COMMAND", OPT_CC, "compiler (the one that the configuration names)" },
	{ "name", "NAME", 'n', "name of the module (livepatch- and the patch file's name)" },
	{ "output", "DIR", 'o', "directory for the results (.)" },
	{ "cache", "DIR", OPT_CACHE, "directory for prepared kernels (~/.cache/kpatch)" },
	{ "data", "DIR", OPT_DATA, "directory of the patch-module runtime" },
	{ "sign-key", "FILE", OPT_SIGN_KEY, "private key (PEM, or pkcs11: URI) to sign the module with" },
	{ "sign-cert", "FILE", OPT_SIGN_CERT, "X.509 certificate of that key (PEM, DER, or URI)" },
	{ "patch-version", "VERSION", OPT_PATCH_VERSION, "version of the patch (1); needed for a package" },
	{ "package", "FORMAT", OPT_PACKAGE, "make a package, too: rpm or deb; may be given for both" },
	{ "package-release", "N", OPT_PACKAGE_RELEASE, "release of the package (1)" },
	{ "maintainer", "TEXT", OPT_MAINTAINER,
	  "who makes the package, as \"NAME <MAIL>\" (DEBEMAIL, or as git has it)" },
	{ "jobs", "N", 'j', "compilers at a time (one a processor)" },
	{ "leave-out", NULL, OPT_LEAVE_OUT, "leave out patches that are refused, with those that need them" },
	{ "check", NULL, OPT_CHECK, "say which patches --leave-out would apply, and make nothing" },
	{ "report", "html", OPT_REPORT,
	  "make a page for reviewers, too: source, code, references and their proof" },
	{ "no-replace", NULL, OPT_NO_REPLACE, "stack on loaded patches instead of replacing them" },
	{ "no-verify", NULL, OPT_NO_VERIFY, "do not prove that the code is what the kernel runs" },
	{ "keep", NULL, OPT_KEEP, "keep the work directory" },
	{ "stop-after", "STAGE", OPT_STOP, "end after kernel, prepare, plan, compile, verify, …" },
	{ "verbose", NULL, 'v', "say what each stage does and how long it takes" },
	{ "diagnostics", "FORMAT", OPT_DIAGNOSTICS,
	  "problems as text or json: an object a line, and no progress" },
	{ "quiet", NULL, 'q', "no progress, only results and problems" },
	{ "help", NULL, 'h', "this text" },
	{ "version", NULL, 'V', "the program's version" },
};

#define N_OPTIONS (sizeof(table) / sizeof(table[0]))
#define SHORT_OPTIONS ":k:n:o:j:vqhV"

void options_help(FILE *f)
{
	fputs("Usage: kpatch-build [options] PATCH|SERIES|MBOX|DIRECTORY|-...\n"
	      "Builds a kernel livepatch module from source patches.\n\n",
	      f);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char left[64], dash[8] = "   ";

		if (table[i].value < 256)
			snprintf(dash, sizeof(dash), "-%c,", table[i].value);
		snprintf(left, sizeof(left), "%s --%s %s", dash, table[i].name,
			 table[i].argument ? table[i].argument : "");
		fprintf(f, "  %-24s %s\n", left, table[i].help);
	}
	fputs("\nMakes livepatch-NAME.ko and livepatch-NAME.yaml. See kpatch-build(8).\n"
	      "kpatch-build cache list shows what is kept for which kernel, and kpatch-build cache clean\n"
	      "RELEASE..., or all, removes it.\n"
	      "\nExit codes: 0 built; 1 the system; 2 wrong usage; 3 files of the kernel; 4 not the kernel's\n"
	      "compiler; 5 the patch; 6 it does not compile; 7 not the code that runs; 8 cannot be applied to\n"
	      "a running kernel; 9 nothing changes; 10 linking; 11 signing; 12 the package; 128 + a signal.\n",
	      f);
}

static int usage(struct diags *diags, const char *what, const char *argument)
{
	diag_error(diags, "usage", NULL, "kpatch-build --help lists the options", "%s%s%s%s", what,
		   argument ? " '" : "", argument ? argument : "", argument ? "'" : "");
	return -EINVAL;
}

/* The last part of a path, which may end in slashes: a directory's. */
static const char *base_of(struct arena *arena, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	path = arena_strndup(arena, path, n);
	return path_base(path);
}

const char *options_name_from_patch(struct arena *arena, const char *patch)
{
	static const char prefix[] = "livepatch-";
	const char *base = base_of(arena, patch), *dot = strrchr(base, '.');
	char *name = arena_alloc(arena, sizeof(prefix) + strlen(base)), *end;
	size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);

	if (dot && (!strcmp(dot, ".gz") || !strcmp(dot, ".xz"))) {
		/* "fix.patch.gz" is called as "fix.patch" is */
		for (size_t i = n; i-- > 1;)
			if (base[i] == '.') {
				n = i;
				break;
			}
	}

	end = strncmp(base, prefix, sizeof(prefix) - 1) ? stpcpy(name, prefix) : name;
	for (size_t i = 0; i < n && end - name < KLP_OBJECT_MAX; i++) {
		if (isalnum((unsigned char)base[i]))
			*end++ = base[i];
		else if (end > name && end[-1] != '-')
			*end++ = '-';
	}
	while (end > name && end[-1] == '-')
		end--;
	*end = '\0';
	return name;
}

static bool name_is_valid(const char *name)
{
	size_t n = strlen(name);

	if (n < 1 || n > KLP_OBJECT_MAX || !isalnum((unsigned char)name[0]))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '-' && *name != '_')
			return false;
	return true;
}

void options_cache(struct arena *arena, struct options *out)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	out->cache_home = "";
	out->cache = "/var/cache/kpatch";
	if (xdg && *xdg == '/') {
		out->cache_home = NULL;
		out->cache = arena_printf(arena, "%s/kpatch", xdg);
	} else if (home && *home == '/') {
		out->cache_home = home;
		out->cache = arena_printf(arena, "%s/.cache/kpatch", home);
	}
}

/* kmod/ of the checkout that the program was built in, else where `make install` puts it. */
static const char *default_data(struct arena *arena)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir, *abi, *normal;

	if (n > 0) {
		self[n] = '\0';
		dir = arena_printf(arena, "%s/../kmod", path_directory(arena, self));
		abi = arena_printf(arena, "%s/kpatch-abi.h", dir);
		normal = path_normal(arena, dir);
		if (file_is_regular(abi))
			return normal ? normal : dir;
	}
	return KPATCH_DATADIR;
}

static int set_jobs(struct diags *diags, struct options *out, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || n < 1 || n > 4096)
		return usage(diags, "--jobs needs a number from 1 to 4096, not", text);
	out->jobs = (unsigned int)n;
	return 0;
}

static int add_package(struct diags *diags, struct options *out, const char *name)
{
	enum package_format format;

	if (!package_format_named(name, &format))
		return usage(diags, "--package makes rpm or deb, not", name);
	for (size_t i = 0; i < out->n_packages; i++)
		if (out->packages[i] == format)
			return 0;
	out->packages[out->n_packages++] = format;
	return 0;
}

static int set_option(struct arena *arena, struct diags *diags, struct options *out, int value,
		      const char *argument, enum options_action *action)
{
	if (argument && !*argument)
		return usage(diags, "an option's argument is empty", NULL);
	switch (value) {
	case 'k':
		out->kernel = argument;
		break;
	case 'n':
		out->name = argument;
		break;
	case 'o':
		out->output = argument;
		out->output_given = true;
		break;
	case 'j':
		return set_jobs(diags, out, argument ? argument : "");
	case 'v':
		out->verbose = true;
		break;
	case 'q':
		out->quiet = true;
		break;
	case 'h':
		*action = OPTIONS_HELP;
		break;
	case OPT_ROOT:
		out->root = argument;
		break;
	case OPT_BUILD:
		out->build = argument;
		break;
	case OPT_SOURCE:
		out->source = argument;
		break;
	case OPT_CONFIG:
		out->config = argument;
		break;
	case OPT_IMAGE:
		out->image = argument;
		break;
	case OPT_MODULES:
		out->modules = argument;
		break;
	case OPT_SYMVERS:
		out->symvers = argument;
		break;
	case OPT_OOT_MODULE:
		out->oot_module = argument;
		break;
	case OPT_OOT_SOURCE:
		out->oot_source = argument;
		break;
	case OPT_OOT_SYMVERS:
		words_add(arena, &out->oot_symvers, argument);
		break;
	case OPT_FETCH:
		out->fetch = true;
		break;
	case OPT_CC:
		out->cc = argument;
		break;
	case OPT_CACHE:
		out->cache = argument;
		out->cache_home = NULL;
		break;
	case OPT_DATA:
		out->data_dir = argument;
		break;
	case OPT_CHECK:
		out->check = true;
		out->leave_out = true;
		break;
	case OPT_LEAVE_OUT:
		out->leave_out = true;
		break;
	case OPT_NO_REPLACE:
		out->replace = false;
		break;
	case OPT_NO_VERIFY:
		out->verify = false;
		break;
	case OPT_KEEP:
		out->keep = true;
		break;
	case OPT_STOP:
		out->stop_after = argument;
		break;
	case OPT_SIGN_KEY:
		out->sign_key = argument;
		break;
	case OPT_SIGN_CERT:
		out->sign_cert = argument;
		break;
	case OPT_PATCH_VERSION:
		out->version = argument;
		break;
	case OPT_PACKAGE:
		return add_package(diags, out, argument);
	case OPT_PACKAGE_RELEASE:
		out->package_revision = argument;
		break;
	case OPT_MAINTAINER:
		out->maintainer = argument;
		break;
	case OPT_REPORT:
		out->report_html = !strcmp(argument ? argument : "", "html");
		return out->report_html ? 0 : usage(diags, "--report makes html, not", argument);
	case OPT_DIAGNOSTICS:
		return options_diagnostics(argument ? argument : "", &out->diagnostics_json) ?
			       0 :
			       usage(diags, "--diagnostics takes text or json, not", argument);
	case 'V':
		*action = OPTIONS_VERSION;
		break;
	}
	return 0;
}

bool options_is_token(const char *name)
{
	return !strncasecmp(name, "pkcs11:", strlen("pkcs11:"));
}

static int check_key(struct diags *diags, const struct options *out)
{
	return !out->sign_key == !out->sign_cert ?
		       0 :
		       usage(diags, "--sign-key and --sign-cert go together", NULL);
}

/* Children run elsewhere, so every path becomes absolute. NULL stays NULL. */
static void make_absolute(struct arena *arena, const char *cwd, const char **path)
{
	if (!*path || **path == '/')
		return;
	*path = arena_printf(arena, "%s/%s", cwd, *path);
}

static int make_all_absolute(struct arena *arena, struct diags *diags, struct options *out)
{
	const char **paths[] = { &out->root,  &out->build,    &out->source,    &out->config,
				 &out->image, &out->modules,  &out->symvers,   &out->output,
				 &out->cache, &out->data_dir, &out->oot_source };
	const char **keys[] = { &out->sign_key, &out->sign_cert };
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof(cwd)))
		return usage(diags, "the current directory is gone", NULL);
	if (!strcmp(out->root, "/"))
		out->root = "";
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (*paths[i] && **paths[i])
			make_absolute(arena, cwd, paths[i]);
	/* a module's name is no path */
	if (out->oot_module && (strchr(out->oot_module, '/') || strstr(out->oot_module, ".ko")))
		make_absolute(arena, cwd, &out->oot_module);
	for (size_t i = 0; i < out->oot_symvers.n; i++)
		make_absolute(arena, cwd, &out->oot_symvers.word[i]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (*keys[i] && !options_is_token(*keys[i]))
			make_absolute(arena, cwd, keys[i]);
	return 0;
}

int options_check_cache(struct diags *diags, const struct options *o)
{
	if (text_is_plain_path(o->cache))
		return 0;
	diag_error(diags, "cache-name", diag_file(o->cache),
		   "Name a directory with --cache whose path has letters, digits and '/._+,@=~-' alone",
		   "make, a shell and rpm would take this path for more than a path");
	return -EINVAL;
}

/* Without the runtime nothing can be built: said now, by name, not by a stage that misses a file. */
static int check_data(struct arena *arena, struct diags *diags, const char *dir)
{
	const char *abi = arena_printf(arena, "%s/kpatch-abi.h", dir);

	if (file_is_regular(abi))
		return 0;
	diag_error(diags, "runtime-missing", diag_file(dir),
		   "Name the project's kmod directory with --data DIR, or run make install",
		   "the sources of the patch module's runtime (kpatch-abi.h) are not there");
	return -ENOENT;
}

/*
 * From the patch file, and the version where one was given: while a patch is loaded, a newer version
 * of it cannot be loaded under the same name.
 */
static const char *default_name(struct arena *arena, const struct options *o)
{
	const char *name = options_name_from_patch(arena, o->patches[0]), *with_version;

	if (!o->version)
		return name;
	with_version = arena_printf(arena, "%.*s-%s", KLP_OBJECT_MAX - 1 - (int)strlen(o->version), name,
				    o->version);
	for (char *p = (char *)(uintptr_t)with_version; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '-';
	return with_version;
}

/* Two hotfixes of one version would be one package for the package manager. */
static int check_package_given(struct arena *arena, struct diags *diags, struct options *out)
{
	if (!out->n_packages)
		return 0;
	if (!out->version) {
		diag_error(
			diags, "usage", NULL,
			"Say --patch-version 1 the first time, and a higher one each time",
			"--package needs --patch-version: by its version, a newer package replaces an older one");
		return -EINVAL;
	}
	if (!out->maintainer)
		out->maintainer = package_maintainer(arena);
	if (out->maintainer)
		return 0;
	diag_error(diags, "usage", NULL, PACKAGE_NO_MAINTAINER, "who makes the package is not known");
	return -EINVAL;
}

static int check_package(struct arena *arena, struct diags *diags, struct options *out)
{
	if (check_package_given(arena, diags, out))
		return -EINVAL;
	if (!out->version)
		out->version = "1";
	if (!package_version_is_valid(out->version) || strlen(out->version) > OPTIONS_VERSION_MAX)
		return usage(diags,
			     "--patch-version needs a digit, then letters, digits, '.', '+', '~', "
			     "at most 32, not",
			     out->version);
	if (!package_revision_is_valid(out->package_revision))
		return usage(diags, "--package-release needs a number, not", out->package_revision);
	if (out->maintainer && !package_maintainer_is_valid(out->maintainer))
		return usage(diags, "--maintainer needs \"NAME <MAIL>\", not", out->maintainer);
	return 0;
}

static int bad_name(struct arena *arena, struct diags *diags, const char *name)
{
	char *other = arena_strdup(arena, name);
	const char *remedy = NULL;

	for (char *p = other; *p; p++)
		if (*p == '.')
			*p = '-';
	if (name_is_valid(other))
		remedy = arena_printf(arena, "Say --name %s", other);
	diag_error(diags, "usage", NULL, remedy ? remedy : "kpatch-build --help lists the options",
		   "a module's name is 1 to 55 letters, digits, '-' and '_', not '%s'", name);
	return -EINVAL;
}

static int check(struct arena *arena, struct diags *diags, struct options *out)
{
	int err;

	if (!out->n_patches)
		return usage(diags, "no patch file was given", NULL);
	for (size_t i = 0, stdin_given = 0; i < out->n_patches; i++) {
		stdin_given += !strcmp(out->patches[i], "-");
		if (stdin_given > 1)
			return usage(diags, "standard input is read once", NULL);
	}
	if (!out->name && !strcmp(out->patches[0], "-"))
		return usage(diags, "--name is needed for a patch from standard input", NULL);
	if (!out->name)
		out->name = default_name(arena, out);
	if (!name_is_valid(out->name))
		return bad_name(arena, diags, out->name);
	if (check_package(arena, diags, out))
		return -EINVAL;
	if (out->quiet && out->verbose)
		return usage(diags, "--quiet and --verbose exclude each other", NULL);
	if (out->check && out->report_html)
		return usage(diags, "--report shows what was built, and --check builds nothing", NULL);
	if ((out->oot_source || out->oot_symvers.n) && !out->oot_module)
		return usage(diags, "--oot-module-src and --oot-module-symvers go with --oot-module", NULL);
	if (check_key(diags, out))
		return -EINVAL;
	if (out->kernel &&
	    (!text_is_plain(out->kernel, "._+~-") || *out->kernel == '.' || strlen(out->kernel) > 64))
		return usage(diags, "--kernel needs a release like 6.1.0-56-amd64, not", out->kernel);
	if (out->cc && !text_is_plain(out->cc, "/ ._+,@=:~-"))
		return usage(diags, "--cc needs a program and plain options, not", out->cc);
	err = make_all_absolute(arena, diags, out);
	if (!err)
		err = options_check_cache(diags, out);
	return err ? err : check_data(arena, diags, out->data_dir);
}

bool options_diagnostics(const char *name, bool *json)
{
	*json = !strcmp(name, "json");
	return *json || !strcmp(name, "text");
}

static int unknown_option(struct arena *arena, struct diags *diags, const char *word)
{
	const char *names[N_OPTIONS], *nearest, *remedy = options_foreign(word);

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = table[i].name;
	nearest = text_starts_with(word, "--") ? text_nearest(word + 2, names, N_OPTIONS) : NULL;
	if (nearest && !remedy)
		remedy = arena_printf(arena, "Did you mean --%s?", nearest);
	diag_error(diags, "usage", NULL, remedy ? remedy : "kpatch-build --help lists the options",
		   "unknown or abbreviated option '%s'", word);
	return -EINVAL;
}

int options_parse(struct arena *arena, struct diags *diags, int argc, char **argv, struct options *out,
		  enum options_action *action)
{
	struct option longs[N_OPTIONS + 1] = { 0 };
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int value, err = 0;

	for (size_t i = 0; i < N_OPTIONS; i++)
		longs[i] = (struct option){ .name = table[i].name,
					    .val = table[i].value,
					    .has_arg = table[i].argument != NULL };
	*action = OPTIONS_BUILD;
	*out = (struct options){ .root = "",
				 .output = ".",
				 .replace = true,
				 .verify = true,
				 .package_revision = "1",
				 .jobs = processors > 0 ? (unsigned int)processors : 1,
				 .data_dir = default_data(arena) };
	options_cache(arena, out);
	opterr = 0;
	while (!err && (value = getopt_long(argc, argv, SHORT_OPTIONS, longs, NULL)) != -1) {
		if (value == '?')
			err = unknown_option(arena, diags, argv[optind - 1]);
		else if (value == ':')
			err = usage(diags, "an argument is missing for", argv[optind - 1]);
		else
			err = set_option(arena, diags, out, value, optarg, action);
	}
	out->patches = argv + optind;
	out->n_patches = (size_t)(argc - optind);
	if (!err && *action == OPTIONS_BUILD && out->n_patches && !strcmp(out->patches[0], "cache")) {
		*action = OPTIONS_CACHE;
		err = make_all_absolute(arena, diags, out);
		return err ? err : options_check_cache(diags, out);
	}
	return err || *action != OPTIONS_BUILD ? err : check(arena, diags, out);
}
