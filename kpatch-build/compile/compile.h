/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compiling the objects of the units.
 */
#ifndef KPATCH_BUILD_COMPILE_H
#define KPATCH_BUILD_COMPILE_H

#include "kpatch-build/build.h"
#include "kpatch-build/prepare/kbuild.h"

struct command;
struct object_store;

enum variant { REFERENCE, ORIGINAL, PATCHED };

/* Headers of this program for authors of patches, in include/ of both trees. */
#define N_MACRO_HEADERS 2
extern const char *const compile_macros[N_MACRO_HEADERS];

/* One object; the units of all its owners share it. */
struct compile_job {
	struct unit unit; /* the first of them, as planned */
	struct kbuild_object how;
	const char *directory; /* in the work directory; nothing else is in it */
	const char *reference, *original, *patched;
	const char *plain; /* as patched, from the text without line markers: made when it is needed */
	bool dropped;	   /* by the screen: the patch changes nothing in it; the directory is gone */
	bool patched_kept; /* the patched object is the store's, which knows what it was made from */
};

/*
 * The command that makes one variant of a job's object, with debug information or without, its output
 * to OBJECT.log and what it read to OBJECT.d. The strings are owned by @arena.
 */
void compile_command(struct build *b, struct arena *arena, const struct compile_job *job,
		     enum variant variant, const char *object, bool debug, struct command *out);
/*
 * compile_plain.c. Whether line markers make what is compiled of the patched files another text.
 */
bool compile_has_markers(const struct build *b);
/* Puts the patched files into the patched tree, with or without line markers. 0 or -errno. */
int compile_put_texts(struct build *b, bool markers);
/*
 * Compiles the patched object of each of @n jobs from the text without markers, to .plain. @commands: room for
 * as many, each with its result. Strings are owned by @arena. 0 or -errno.
 */
int compile_plain(struct build *b, struct arena *arena, struct compile_job *const *jobs, size_t n, bool debug,
		  struct command *commands);
/*
 * After the patched objects of @n jobs were compiled by the commands @patched: where the compiler said something,
 * says it of the text without markers, in place of the command. An object that compiles only so becomes the
 * job's. 0 or -errno.
 */
int compile_explain(struct build *b, struct arena *arena, struct compile_job *const *jobs,
		    struct command *const *patched, size_t n, bool debug);
/* The end of what a command said, for a message; or that it said nothing. */
const char *compile_output(struct build *b, const struct command *c);
/* Reports that the command of a variant failed. */
void compile_report_failure(struct build *b, const struct compile_job *job, enum variant variant,
			    const struct command *c);
/* Refuses a warning that only the patched source has, if it means that the code is wrong. */
void compile_refuse_wrong_code(struct build *b, const struct compile_job *job, const struct command *original,
			       const struct command *patched);
/* A warning that only the patched source has is the patch's. Returns whether there is one. */
bool compile_report_warnings(struct build *b, const struct compile_job *job, const struct command *original,
			     const struct command *patched);
/*
 * Appends the names in a dependency file of compiler or assembler, "target: file file \\ file", as they were written;
 * a name with a blank is in pieces, which are no files. The strings are owned by @arena. 0 or -errno.
 */
int compile_dependencies(struct arena *arena, const char *path, struct words *out);
/*
 * Whether the compilation of a job's patched object read any file that the patches change: *read. 0 or
 * -errno with a diagnostic.
 */
int compile_reads_patched(struct build *b, const struct compile_job *job, bool *read);
/* The same of one patched file, by its path in the tree. 0 or -errno. */
int compile_reads_file(struct build *b, const struct compile_job *job, const char *path, bool *read);
/*
 * Whether the patched object of @job was made from nothing but files of the kernel's source, and such as go into the original,
 * too. 0, -EINVAL with a diagnostic, -errno.
 */
int compile_check_inputs(struct build *b, const struct compile_job *job);
/*
 * Whether @object was made from nothing but the prepared tree, the compiler's own headers, the program's macros and, if it is
 * the patched one, patched files: not from what Kbuild generated for this build, nor from a file elsewhere.
 */
bool compile_reads_only_the_tree(struct build *b, const struct compile_job *job, enum variant variant,
				 const char *object);

/*
 * screen.c: compiles original and patched object of each job, some at a time, and drops the jobs in which
 * nothing changes. -EINVAL if an object does not compile, or if a bystander's changes; other -errno.
 */
int screen_jobs(struct build *b, struct object_store *store, struct compile_job *jobs, size_t n);
/* Whether the job, which cannot be compiled, is none of the running kernel; says that it is not followed then. */
bool screen_not_followed(struct build *b, const struct compile_job *job);

#endif
