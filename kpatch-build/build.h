/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stages of kpatch-build hand to each other. Each stage reads what the stages before it
 * filled in and writes its own part, nothing else; all strings and arrays are owned by
 * build.arena. Stages return 0 or -errno and say what is wrong in build.diags.
 */
#ifndef KPATCH_BUILD_H
#define KPATCH_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "create-diff-object/diff.h"
#include "kpatch-build/package/package.h"
#include "kpatch-build/plan/patchfile.h"
#include "lib/util/words.h"

struct arena;
struct diags;
struct object;
struct symvers;
struct ibt;
struct installed;
struct kimage;
struct monitor;
struct oot;
struct series;
struct strmap;

/*
 * How the program ends. A script can tell them apart; kpatch-build(8) documents them. Stages say
 * only 0 or -errno: the kind is that of the stage which failed, unless build_fails_as() was called.
 */
enum exit_kind {
	EXIT_OK = 0,
	EXIT_INTERNAL = 1, /* the system: no memory, full disk, a program missing, a bug */
	EXIT_USAGE = 2,
	EXIT_KERNEL = 3,    /* files of the kernel missing, damaged or not of one version */
	EXIT_COMPILER = 4,  /* not the kernel's compiler */
	EXIT_PATCH = 5,	    /* the patch: damaged, does not apply, or touches what cannot be patched */
	EXIT_COMPILE = 6,   /* the patched source does not compile */
	EXIT_VERIFY = 7,    /* the code is not what the kernel runs */
	EXIT_REFUSED = 8,   /* the change cannot be applied to a running kernel */
	EXIT_NO_CHANGE = 9, /* nothing changes in the code that this kernel is built from */
	EXIT_LINK = 10,	    /* linking, objtool, modpost or the self-check failed */
	EXIT_SIGN = 11,	    /* the module cannot be signed */
	EXIT_PACKAGE = 12,  /* the package cannot be made */
	EXIT_STOPPED = 128, /* + the signal's number */
};

/* What the user asked for. */
struct options {
	const char *kernel; /* --kernel RELEASE, or NULL */
	const char *root;   /* --root DIR: where boot/, lib/modules/ and usr/src/ are; "" is / */
	const char *build;  /* tree in which the kernel was built, or NULL */
	const char *source, *config, *image, *modules, *symvers; /* paths given, or NULL */
	const char *oot_module, *oot_source; /* --oot-module, a path or a name; --oot-module-src; or NULL */
	struct words oot_symvers;	     /* --oot-module-symvers */
	bool fetch;			     /* --fetch */
	const char *cc;			     /* --cc, or NULL: found from the kernel's configuration */
	const char *name;		     /* --name, or NULL: from the patch file */
	const char *sign_key, *sign_cert;    /* --sign-key, --sign-cert: both or none */
	const char *version;		     /* --patch-version, "1" by default */
	enum package_format packages[N_PACKAGE_FORMATS]; /* --package */
	size_t n_packages;
	const char *package_revision, *maintainer; /* --package-release, --maintainer */
	const char *output;			   /* directory for the results, "." by default */
	const char *cache;			   /* cache directory */
	const char *cache_home; /* the home that it is in, "": there is none; NULL: the user named it */
	const char *data_dir;	/* where kmod/ was installed (or the checkout's kmod/) */
	char **patches;
	size_t n_patches;
	const char *stop_after; /* name of the last stage to run, or NULL */
	unsigned int jobs;
	bool replace;	       /* atomic replace (default) or --no-replace */
	bool verify;	       /* false: --no-verify */
	bool leave_out, check; /* --leave-out; --check, which says what it would do */
	bool output_given;     /* --output */
	bool keep;	       /* --keep: leave the work directory */
	bool verbose, quiet;
	bool report_html;      /* --report html */
	bool diagnostics_json; /* --diagnostics json: what was wrong, for programs; and no progress */
};

/* The kernel that is being patched. Made by the kernel stage. */
struct kernel {
	const char *release;	  /* "6.1.0-56-amd64" */
	const struct arch *arch;  /* of the image */
	const char *source;	  /* tarball or directory that the source comes from */
	const char *config;	  /* full configuration file */
	const char *image;	  /* what a boot loader starts, or vmlinux, as in /boot */
	const char *modules;	  /* directory, as /lib/modules/RELEASE */
	const char *symvers_path; /* Module.symvers of the kernel */
	const char *cc;		  /* compiler command, of the kernel's own version */
	const char *cc_version;	  /* CONFIG_CC_VERSION_TEXT */
	/* "ARCH=…" and "CROSS_COMPILE=…" for make, where the kernel is for another machine than this one; else NULL */
	const char *make_arch, *make_cross;
	const char *package;  /* distribution's version, "6.1.192-2", or NULL */
	const char *version;  /* begins with that of the source; NULL: not known */
	struct words fetched; /* PACKAGE=VERSION: what --fetch gets */
	const char *entry;    /* this kernel's directory in the cache, locked while we run */
	const char *tree;     /* prepared tree in it; never written to after preparation */
	const char *
		own_tree; /* the kernel's alone, which .tree links to where it has a module of others; else .tree */
	const char *runtime; /* directory in it: compiled runtime, learned commands */
	/*
	 * The environment that the tree's top Makefile exports to the makefiles it runs
	 * (KBUILD_CFLAGS, LINUXINCLUDE, …), with PATH: for programs run by a stage.
	 */
	const char *const *env;
	bool has_objtool;      /* objtool must be run over objects and the module */
	bool has_recordmcount; /* instead, that program lists the calls that ftrace replaces */
	bool has_ibt;	       /* indirect calls must land on ENDBR */
	struct symvers *symvers;
	const struct provider *provider; /* kernel/provider.h: whose .package it is; NULL if there is none */
};

/* What a changed header reaches though no live patch can replace it. */
enum bystander {
	BYSTANDER_NONE,
	BYSTANDER_ASSEMBLY,  /* part of the kernel or of a module */
	BYSTANDER_LAYOUT,    /* the linker script of vmlinux */
	BYSTANDER_CONSTANTS, /* from which the build makes a header for assembly */
	BYSTANDER_VDSO,	     /* code that processes run */
	BYSTANDER_BOOT,	     /* ran before the kernel, or will when it starts the next one or a processor */
};

/* One object of the kernel that the patch affects, for one owner. Made by the plan stage. */
struct compile_job;
struct verify_unit;
struct unit {
	const char *source;	   /* "fs/proc/meminfo.c" */
	const char *object;	   /* "fs/proc/meminfo.o" */
	const char *dir, *spelled; /* where Kbuild makes it, and its name for the object there */
	const char
		*owner; /* "vmlinux" or the module's name as the kernel has it ("nfsd"); NULL: a bystander */
	const char *module_path; /* installed file of the module; NULL for vmlinux */
	const char *through;	 /* the changed file that it includes, NULL: its own source is changed */
	bool added;		 /* the kernel has no such source: all of it is new */
	enum bystander bystander;
	struct compile_job *job; /* compile.c; shared by the owners of an object */
	/* compile stage: files in the work directory */
	const char *reference;		/* the distribution's flags, through objtool as there */
	const char *original, *patched; /* -ffunction-sections -fdata-sections, no objtool */
	/* verify stage */
	struct ksym_source ksyms;
	struct verify_report *verified; /* verify.h; .proven is false with --no-verify */
	struct verify_unit *proof;	/* verify_unit.h; owns what .ksyms and .verified refer to */
	/* diff stage */
	const char *diff; /* output of the differ, NULL: nothing changed in this object */
	struct diff_report report;
	struct arena *arena; /* owns the report, whose strings are in it or in the objects */
	struct object *original_object, *patched_object;
};

/* A source file as the patches leave it. */
struct patched_file {
	const char *path; /* from the tree's root */
	bool created;	  /* the tree has no such file */
	struct patch_text now;
	struct words adds; /* of a makefile: objects, from the tree's root (plan/additions.h) */
	/* compile stage: what is compiled, in which lines that the patches leave alone have their old numbers */
	const char *marked; /* .now.text itself if no line has moved */
	size_t marked_size;
};

/* say.c's: the line of progress on a terminal. */
struct progress {
	const char *stage;	  /* NULL: none has begun */
	size_t of_done, of_total; /* build_progress_within(); 0: no part of anything */
	/* what is shown */
	bool on_line;
	size_t done;
	const char *what;
	long elapsed; /* seconds */
};

struct build {
	struct options options;
	struct monitor *monitor; /* children and signals */
	enum exit_kind fails_as; /* set by build_fails_as() */
	FILE *progress;		 /* for people, stderr; NULL with --quiet */
	struct progress shown;	 /* on it */
	double started;		 /* build_clock() */
	struct arena *arena;
	struct diags *diags;
	const char *pin;	   /* sign_take_pin(): for the key, NULL: none was given */
	int cache;		   /* descriptor of options.cache */
	const char *work;	   /* work directory: private, removed at the end unless --keep */
	int work_lock, entry_lock; /* descriptors that hold the locks of work and kernel.entry */
	int files_lock;		   /* and of what --fetch got */
	const char *name;	   /* "livepatch-fix", the module's file name without .ko */
	const char *module_name;   /* "livepatch_fix", as the kernel spells it */
	struct series *series;	   /* series_read()'s: the patches, series/series.h */
	struct kernel kernel;
	struct oot *
		oot; /* kernel/oot.h: a module that is not part of the kernel's source, NULL: there is none */
	struct kimage *image;	     /* the kernel stage's */
	struct installed *installed; /* the image, as proofs see it: the verify stage's */
	struct ibt *ibt; /* of the image: what may not be called through a pointer; NULL: all may */
	struct strmap *directories;   /* kbuild.c: what was asked about the tree's makefiles */
	const char *foreign;	      /* owner.c: its index, read when it is needed */
	struct patched_file *patched; /* files that the patches change */
	size_t n_patched;
	const char **left_out; /* files of the patches that no part of this machine's kernel is made from */
	size_t n_left_out;
	bool init_stays;	       /* leave_out.c: a round that passes over __init code */
	const char *report[2];	       /* in the work directory, with --leave-out: text and YAML */
	const char *page;	       /* in the work directory, with --report html */
	const char *pristine, *shadow; /* trees to compile in, without and with the patches: shadow.h */
	struct unit *units;
	size_t n_units;
	struct unit *bystanders; /* what changed headers reach and no patch can replace */
	size_t n_bystanders;
	/* link and finish stages */
	const char *linked;			 /* after ld -r, objtool, modpost and the final link */
	const char *module;			 /* finished .ko in the work directory */
	const char *manifest;			 /* finished .yaml in the work directory */
	const char *packages[N_PACKAGE_FORMATS]; /* in the work directory, as many as options.n_packages */
};

/*
 * What every program gets to see of the user's environment: PATH and HOME, nothing that could reach a compiler
 * command (KCFLAGS, ARCH, MAKEFLAGS, LANG, CPATH, …). Appends to @env.
 */
struct words;
void build_environment(struct build *b, struct words *env);
/*
 * Runs one program for a stage. @argv ends with NULL; @cwd and @env (NULL: kernel.env, or that of
 * build_environment() before the tree is prepared) as in struct command. Its output goes to the file
 * @log. A full disk or a missing program is explained in build.diags. 0: it ran, *status is its exit
 * code, which the caller judges. -EINTR: told to stop. -errno.
 */
int build_run(struct build *b, const char *const *argv, const char *cwd, const char *const *env,
	      const char *log, int *status);
/*
 * Runs @n at once, as many at a time as the user allows. Fills in .env where it is NULL.
 */
struct command;
int build_run_all(struct build *b, struct command *commands, size_t n);
/* "path/in/the/work/directory", its directories made; NULL: it cannot be, which is said. */
char *build_work_path(struct build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Says that @path cannot be written, whose place --cache decides; @id: "cache" or "work-directory", unless the disk is full.
 * Returns @err.
 */
int build_not_written(struct build *b, const char *id, const char *path, int err);
/* The file that the patches change or make, by its path from the tree's root; NULL: they do not. */
const struct patched_file *build_patched(const struct build *b, const char *path);
/* Says that the failure being reported is of this kind, not of the stage's own. Returns -EINVAL. */
int build_fails_as(struct build *b, enum exit_kind kind);
/* What is said for good: a line, without its newline. */
void build_say(struct build *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Seconds of a clock that only goes forward. */
double build_clock(void);
/*
 * A stage begins. Without a terminal that is a line for itself, unless it is one of many rounds.
 */
void build_stage(struct build *b, const char *stage, bool in_rounds);
/*
 * How far the stage has come, at @what (a string that stays, or NULL): on a terminal one line with the elapsed time, which
 * is written again; elsewhere nothing.
 */
void build_progress(struct build *b, size_t done, size_t total, const char *what);
/* Takes that line away. Whatever prints calls it first. */
void build_progress_end(struct build *b);
/* Until the next stage or call, what is counted is a part of @total, of which @done are through. 0: it is no part. */
void build_progress_within(struct build *b, size_t done, size_t total);
/* Prints the diagnostics that were added since there were *printed, as the options want them. */
void build_print_diags(struct build *b, size_t *printed);

/*
 * Reads the patches that the options name, before any stage runs (series/series.c): -EINVAL with "file-unreadable",
 * "text-damaged", "patch-empty", "series-guard", "series-option", "mail-encoded".
 */
int series_read(struct build *b);
int stage_kernel(struct build *b);  /* kernel.c: which kernel, which files, which compiler */
int stage_prepare(struct build *b); /* prepare.c: the prepared tree, once per kernel */
int stage_plan(struct build *b);    /* plan.c: which objects, whose */
int stage_compile(struct build *b); /* compile.c */
int stage_verify(struct build *b);  /* verify.c: proof and exact positions */
int stage_diff(struct build *b);    /* diff.c: create-diff-object on each unit, in parallel */
void diff_release(struct unit *u);  /* frees what the diff stage made of a unit in memory */
int stage_link(struct build *b);    /* link.c: one relocatable module */
int stage_finish(struct build *b);  /* finish.c: klp sections, manifest, self-check */
int stage_sign(struct build *b);    /* sign.c: the kernel's signature, where one was asked for */
int stage_package(struct build *b); /* package.c: RPM and deb, where they were asked for */
int stage_page(struct build *b);    /* page.c: what a reviewer wants to see, where it was asked for */
int stage_install(struct build *b); /* install.c: results to their places, atomically */

#endif
