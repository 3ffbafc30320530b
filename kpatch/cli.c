/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line: finds the command, reads the options that it takes, runs it, and prints what
 * it left in the report and the diagnostics, as text or for programs.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch/commands/metrics.h"
#include "kpatch/kpatch.h"
#include "kpatch/report.h"
#include "lib/manifest/manifest.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/option.h"
#include "lib/util/text.h"

static enum outcome run_version(struct kpatch *k, int argc, char **argv)
{
	report_string(k->report, "version", KPATCH_VERSION);
	if (k->options.format == FORMAT_TEXT)
		fprintf(k->out, "kpatch %s\n", KPATCH_VERSION);
	return OUTCOME_OK;
}

static const struct command version_command = {
	.name = "version",
	.arguments = "",
	.summary = "print the version",
	.help = "The same as kpatch --version.\n",
	.run = run_version,
};

static const struct command *const commands[] = {
	&load_command,	&unload_command,  &list_command,      &status_command,	&info_command,
	&check_command, &install_command, &uninstall_command, &enable_command,	&disable_command,
	&boot_command,	&signal_command,  &force_command,     &version_command, NULL,
};

static void print_usage(FILE *f)
{
	fprintf(f, "usage: kpatch COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (const struct command *const *c = commands; *c; c++)
		fprintf(f, "  %-10s %-10s %s\n", (*c)->name, (*c)->arguments, (*c)->summary);
	fprintf(f, "  %-10s %-10s %s\n", "help", "[COMMAND]", "explain a command");
	fprintf(f,
		"\nEvery command takes --format text|json|yaml, --quiet, --verbose and --help.\n"
		"\n"
		"Exit codes: 0 done; 2 wrong usage; 3 a file that is damaged or not to be trusted; 4 made for\n"
		"another kernel; 5 not found; 6 in conflict with a patch of that name; 7 refused by the kernel;\n"
		"8 a transition did not end in time; 9 root is needed; 10 another kpatch or transition is at\n"
		"work; 11 done, but something is left; 12 interrupted; 1 anything else. See kpatch(8).\n");
}

/* One line an option: the bit that a command allows it with (0: every command). */
struct option_help {
	unsigned int bit;
	const char *text;
};

static const struct option_help option_helps[] = {
	{ OPT_TIMEOUT,
	  "  -t, --timeout TIME     how long a transition may take: seconds, or such as 5m, 1h\n" },
	{ OPT_DRY_RUN, "  -n, --dry-run          check and show, change nothing\n" },
	{ OPT_UNCHECKED, "      --unchecked        take modules without a manifest\n" },
	{ OPT_ALL, "  -a, --all              all of them\n" },
	{ OPT_YES, "  -y, --yes              I know the consequences\n" },
	{ OPT_DONE, "      --done             the machine is up\n" },
	{ OPT_DOWN, "      --down             the machine goes down in order\n" },
	{ OPT_FIXES, "      --fixes            the fixes in each patch\n" },
	{ OPT_CVE, "      --cve CVE          is the fix of this CVE number in effect?\n" },
	{ OPT_KERNEL, "  -k, --kernel RELEASE   another kernel than the running one\n" },
	{ 0, "  -f, --format FORMAT    text, json or yaml\n" },
	{ 0, "  -q, --quiet            errors only\n" },
	{ 0, "  -v, --verbose          more\n" },
	{ 0, "  -h, --help             this\n" },
};

static void print_help(const struct command *c, FILE *f)
{
	fprintf(f, "usage: kpatch %s [OPTION...]%s%s\n\n%c%s.\n%s\n", c->name, *c->arguments ? " " : "",
		c->arguments, toupper((unsigned char)*c->summary), c->summary + 1, c->help);
	for (size_t i = 0; i < sizeof(option_helps) / sizeof(*option_helps); i++)
		if (!option_helps[i].bit || option_helps[i].bit & c->options)
			fputs(option_helps[i].text, f);
}

/* "Did you mean …?", or what else is said. */
static const char *did_you_mean(struct kpatch *k, const char *nearest)
{
	const char *text = nearest ? arena_printf(k->arena, "Did you mean %s?", nearest) : NULL;

	return text ? text : "See kpatch help";
}

static const struct command *find_command(const char *name)
{
	const struct command *const *c = commands;

	while (*c && strcmp((*c)->name, name))
		c++;
	return *c;
}

/* Long options without a short one. */
#define VALUE_UNCHECKED 256
#define VALUE_DONE 257
#define VALUE_DOWN 258
#define VALUE_FIXES 259
#define VALUE_CVE 260

static const struct option long_options[] = {
	{ "timeout", required_argument, NULL, 't' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "unchecked", no_argument, NULL, VALUE_UNCHECKED },
	{ "done", no_argument, NULL, VALUE_DONE },
	{ "down", no_argument, NULL, VALUE_DOWN },
	{ "fixes", no_argument, NULL, VALUE_FIXES },
	{ "cve", required_argument, NULL, VALUE_CVE },
	{ "all", no_argument, NULL, 'a' },
	{ "yes", no_argument, NULL, 'y' },
	{ "kernel", required_argument, NULL, 'k' },
	{ "format", required_argument, NULL, 'f' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* What reading the command line found out beside the options proper. */
struct parsed {
	unsigned int given; /* OPT_* */
	bool help, version;
	int argc; /* arguments without options, the command's name first */
	char **argv;
};

static enum outcome usage_error(struct kpatch *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static enum outcome usage_error(struct kpatch *k, const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(k->diags, "usage", NULL, "See kpatch help", "%s", text);
	return OUTCOME_USAGE;
}

static enum outcome parse_timeout(struct kpatch *k, const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long n = strtoul(text, NULL, 10);
	const char *unit = text + digits;
	unsigned int seconds = !strcmp(unit, "h") ? 3600 : !strcmp(unit, "m") ? 60 : 1;

	if (!digits || digits > 6 || (*unit && seconds == 1 && strcmp(unit, "s")) ||
	    n * seconds > KPATCH_MAX_TIMEOUT)
		return usage_error(k, "--timeout takes seconds, up to %d, or such as 5m, 1h",
				   KPATCH_MAX_TIMEOUT);
	k->options.timeout = (unsigned int)n * seconds;
	k->options.timeout_given = true;
	return OUTCOME_OK;
}

static enum outcome parse_format(struct kpatch *k, const char *text)
{
	if (!strcmp(text, "text"))
		k->options.format = FORMAT_TEXT;
	else if (!strcmp(text, "json"))
		k->options.format = FORMAT_JSON;
	else if (!strcmp(text, "yaml"))
		k->options.format = FORMAT_YAML;
	else if (!strcmp(text, "prometheus"))
		k->options.format = FORMAT_PROMETHEUS;
	else
		return usage_error(k, "--format takes text, json or yaml, and for kpatch status prometheus");
	return OUTCOME_OK;
}

static enum outcome parse_option(struct kpatch *k, int option, struct parsed *p)
{
	struct kpatch_options *o = &k->options;

	switch (option) {
	case 't':
		p->given |= OPT_TIMEOUT;
		return parse_timeout(k, optarg);
	case 'n':
		p->given |= OPT_DRY_RUN;
		o->dry_run = true;
		break;
	case VALUE_UNCHECKED:
		p->given |= OPT_UNCHECKED;
		o->unchecked = true;
		break;
	case VALUE_DONE:
		p->given |= OPT_DONE;
		o->done = true;
		break;
	case VALUE_DOWN:
		p->given |= OPT_DOWN;
		o->down = true;
		break;
	case VALUE_FIXES:
		p->given |= OPT_FIXES;
		o->fixes = true;
		break;
	case VALUE_CVE:
		p->given |= OPT_CVE;
		if (!manifest_cve_is_valid(optarg))
			return usage_error(k, "--cve takes a number like CVE-2024-12345");
		o->cve = optarg;
		break;
	case 'a':
		p->given |= OPT_ALL;
		o->all = true;
		break;
	case 'y':
		p->given |= OPT_YES;
		o->yes = true;
		break;
	case 'k':
		p->given |= OPT_KERNEL;
		o->kernel = optarg;
		break;
	case 'f':
		return parse_format(k, optarg);
	case 'q':
		o->quiet = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case 'h':
		p->help = true;
		break;
	case 'V':
		p->version = true;
		break;
	default:
		return OUTCOME_USAGE;
	}
	return OUTCOME_OK;
}

static enum outcome no_option(struct kpatch *k, const char *word)
{
	const char *nearest = option_nearest(long_options, word);

	if (nearest)
		nearest = arena_printf(k->arena, "--%s", nearest);
	diag_error(k->diags, "usage", NULL, did_you_mean(k, nearest), "there is no option %s", word);
	return OUTCOME_USAGE;
}

static enum outcome no_command(struct kpatch *k, const char *word)
{
	const char *names[sizeof(commands) / sizeof(*commands)];
	size_t n = 0;

	for (; commands[n]; n++)
		names[n] = commands[n]->name;
	diag_error(k->diags, "usage", NULL, did_you_mean(k, text_nearest(word, names, n)),
		   "there is no command %s", word);
	return OUTCOME_USAGE;
}

static enum outcome parse(struct kpatch *k, int argc, char **argv, struct parsed *p)
{
	enum outcome result = OUTCOME_OK;
	int option;

	opterr = 0;
	optind = 0; /* glibc: start afresh */
	while ((option = getopt_long(argc, argv, ":t:nayk:f:qvhV", long_options, NULL)) != -1) {
		enum outcome o;

		if (option == ':')
			o = usage_error(k, "%s takes a value", argv[optind - 1]);
		else if (option == '?')
			o = no_option(k, argv[optind - 1]);
		else
			o = parse_option(k, option, p);
		result = worse(result, o);
	}
	p->argc = argc - optind;
	p->argv = argv + optind;
	return result;
}

static enum outcome run_command(struct kpatch *k, const struct command *c, const struct parsed *p)
{
	int n = p->argc - 1, min = k->options.all ? 0 : c->min, max = k->options.all ? 0 : c->max;

	if (k->options.format == FORMAT_PROMETHEUS && c != &status_command) {
		k->options.format = FORMAT_TEXT;
		return usage_error(k, "--format prometheus is for kpatch status");
	}
	if (p->given & ~c->options)
		return usage_error(k, "kpatch %s does not take one of the options given", c->name);
	if (n < min)
		return usage_error(k, "kpatch %s takes %s", c->name, c->arguments);
	if (max >= 0 && n > max)
		return usage_error(k, "kpatch %s takes %s", c->name,
				   k->options.all ? "no argument with --all" :
				   max		  ? "one argument" :
						    "no arguments");
	return c->run(k, n, p->argv + 1);
}

static enum outcome no_command_at_all(struct kpatch *k)
{
	if (k->options.format == FORMAT_TEXT)
		print_usage(k->err);
	return usage_error(k, "a command is missing");
}

/* help, no command: answered here. */
static bool answer(struct kpatch *k, const struct parsed *p, enum outcome *o)
{
	const char *name = p->argc ? p->argv[0] : "";
	const struct command *c = find_command(name);
	bool is_help = !strcmp(name, "help");

	if (is_help && p->argc > 1)
		c = find_command(p->argv[1]);
	*o = OUTCOME_OK;
	if (is_help && p->argc > 1 && !c)
		*o = no_command(k, p->argv[1]);
	else if ((is_help || p->help) && c)
		print_help(c, k->out);
	else if (is_help || p->help)
		print_usage(k->out);
	else if (!p->argc)
		*o = no_command_at_all(k);
	else if (!c)
		*o = no_command(k, name);
	else
		return false;
	return true;
}

static void report_diag(struct node *list, const struct diag *d)
{
	static const char *const severities[] = { "note", "warning", "error" };
	struct node *n = report_map(list, NULL);

	report_string(n, "severity", severities[d->severity]);
	report_string(n, "id", d->id);
	if (d->place.file)
		report_string(n, "file", d->place.file);
	if (d->place.line)
		report_number(n, "line", d->place.line);
	if (d->place.function)
		report_string(n, "function", d->place.function);
	report_string(n, "what", d->what);
	report_string(n, "remedy", d->remedy);
}

/* A reader that went away has seen what it wanted to: that is no failure of what was done. */
static bool nobody_reads(FILE *f)
{
	struct pollfd p = { .fd = fileno(f), .events = POLLOUT };

	return p.fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

/* Errors come with every format; --quiet leaves out the rest. */
static int print_result(struct kpatch *k, enum outcome o)
{
	struct node *list;

	progress_end(k);
	if (k->options.format == FORMAT_TEXT) {
		fflush(k->out);
		for (size_t i = 0; i < diags_count(k->diags); i++)
			if (!k->options.quiet || diags_get(k->diags, i)->severity == DIAG_ERROR)
				diag_print(k->err, diags_get(k->diags, i));
		return fflush(k->out) || ferror(k->out) ? -EIO : 0;
	}
	if (k->options.format == FORMAT_PROMETHEUS) {
		metrics_print_outcome(k, o);
		return fflush(k->out) || ferror(k->out) ? -EIO : 0;
	}
	report_string(k->report, "result", outcome_name(o));
	report_number(k->report, "exit_code", o);
	list = report_list(k->report, "diagnostics");
	for (size_t i = 0; i < diags_count(k->diags); i++)
		report_diag(list, diags_get(k->diags, i));
	return k->options.format == FORMAT_JSON ? report_print_json(k->report, k->out) :
						  report_print_yaml(k->report, k->out);
}

static enum outcome run(struct kpatch *k, int argc, char **argv)
{
	struct parsed p = { .argc = 0 };
	enum outcome o = parse(k, argc, argv, &p);
	int err;

	if (!o && p.version)
		o = run_version(k, 0, NULL);
	else if (!o && !answer(k, &p, &o))
		o = run_command(k, find_command(p.argv[0]), &p);
	else if (!o)
		return o; /* the answer has been printed */
	err = print_result(k, o);
	if (!err || (err == -EIO && nobody_reads(k->out)))
		return o;
	fprintf(k->err, "kpatch: the result could not be printed: %s\n", strerror(-err));
	return worse(o, OUTCOME_SYSTEM);
}

int kpatch_run(int argc, char **argv, const struct system *system, FILE *out, FILE *err)
{
	struct kpatch k = {
		.system = *system,
		.options = { .timeout = KPATCH_DEFAULT_TIMEOUT },
		.arena = arena_new(),
		.diags = diags_new(),
		.out = out,
		.err = err,
		.lock = -1,
	};
	enum outcome o;

	k.report = report_new(k.arena);
	o = run(&k, argc, argv);
	arena_free(k.arena);
	diags_free(k.diags);
	return o;
}
