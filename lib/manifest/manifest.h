/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest: what a patch module is, for which kernel, and what it changes.
 *
 * kpatch-build writes it as YAML beside the module and, byte for byte the same, into the module's
 * section KPATCH_MANIFEST_SECTION; kpatch checks a module against it before loading and prints
 * it, and packages are made from it. It holds no time, no path of the build machine and no host
 * name: the same input gives the same bytes.
 *
 * The layout of the YAML is the tables in manifest.c, one line a key. Reading is strict: every
 * key must be there exactly once (lists may be empty), with the right type and a plausible value.
 */
#ifndef KPATCH_MANIFEST_H
#define KPATCH_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;

/* Version of the layout, key "format". Readers refuse any other. */
#define MANIFEST_FORMAT 1

/* More bytes than this are refused before they are read. */
#define MANIFEST_MAX_SIZE (16U << 20)

/* One source patch. */
struct manifest_patch {
	const char *name;   /* file name without its directory */
	const char *sha256; /* 64 lower case hexadecimal digits */
};

/*
 * A fix in one of the source patches, by what the mail says that it came in: foreign text, to be shown and to be searched,
 * and proof of nothing.
 */
struct manifest_fix {
	const char *patch;	  /* file name of the source patch, as in the list of those */
	uint64_t message;	  /* of several in that file, counted from 1; 0: it is the file's only one */
	const char *sha256;	  /* of the message; NULL: it is the file's only one */
	const char *subject;	  /* one line */
	const char *author;	  /* NULL: not told */
	const char *commit;	  /* the author's commit, 40 lower case hexadecimal digits; NULL: not told */
	const char *const *fixes; /* "Fixes:" lines: what brought the fault */
	size_t n_fixes;
	const char *const *cves; /* "CVE-2024-12345", each once */
	size_t n_cves;
	const char *const *objects; /* of those that are patched, the ones that it changes; none: not told */
	size_t n_objects;
};

/* The kernel that the patch was built for, and with what. */
struct manifest_kernel {
	const char *release;  /* uname -r: "6.1.0-56-amd64" */
	const char *machine;  /* as uname -m has it */
	const char *build_id; /* of vmlinux, lower case hexadecimal, as /sys/kernel/notes has it */
	const char *compiler; /* CONFIG_CC_VERSION_TEXT */
};

/* A function that is replaced. */
struct manifest_function {
	const char *name;
	const char *source;	     /* "fs/proc/meminfo.c" */
	uint64_t position;	     /* as livepatch counts: 0 unique, else the n-th of that name */
	uint64_t old_size, new_size; /* bytes */
	const char *reason;	     /* why it is replaced: one line of text */
};

/* A function that only the patch has. */
struct manifest_new_function {
	const char *name;
	const char *source;
	uint64_t size; /* bytes */
};

struct manifest_callback {
	const char *kind; /* "pre_patch", "post_patch", "pre_unpatch" or "post_unpatch" */
	const char *function;
};

/* A symbol of the running kernel that the patch reaches by a livepatch relocation. */
struct manifest_reference {
	const char *object; /* the object it is looked up in */
	const char *name;
	uint64_t position;
	uint64_t uses; /* relocations against it */
};

/*
 * One kernel object that is patched. "vmlinux" comes first where it is patched, modules follow
 * in the order of their names; the lists are in the order of the build.
 */
struct manifest_object {
	const char *name;	    /* "vmlinux", or the module's name as /sys/module has it */
	const char *build_id;	    /* lower case hexadecimal; for vmlinux that of the kernel */
	uint64_t compared, matched; /* functions of the proof; 0, 0 where it was switched off */
	const struct manifest_function *functions;
	size_t n_functions;
	const struct manifest_new_function *new_functions;
	size_t n_new_functions;
	const char *const *new_data; /* names of data objects that only the patch has */
	size_t n_new_data;
	const struct manifest_callback *callbacks;
	size_t n_callbacks;
	const struct manifest_reference *references;
	size_t n_references;
};

/* Something of the patch to which the kernel may have a pointer for ever. */
struct manifest_kept {
	const char *what;   /* a name, or a string in quotes */
	const char *how;    /* "f() stores it in memory" */
	const char *source; /* of the object that has it */
};

/* A state of the system that the patch changes (struct klp_state), as the livepatch core compares it. */
struct manifest_state {
	uint64_t id, version;
};

struct manifest {
	uint64_t format;     /* MANIFEST_FORMAT; manifest_write() does not look at it */
	const char *name;    /* "livepatch-fix": the module's file name without .ko */
	const char *module;  /* "livepatch_fix": as the kernel spells it */
	const char *version; /* of the patch: "1" where nothing else was asked for */
	const char *builder; /* "kpatch-build 0.1" */
	bool replace;	     /* atomic replace: loading it takes every other patch away */
	bool verified;	     /* the patched code was proven to be the running kernel's */
	struct manifest_kernel kernel;
	const struct manifest_patch *patches;
	size_t n_patches;
	const struct manifest_fix *fixes; /* of patches that came in a mail */
	size_t n_fixes;
	const struct manifest_object *objects;
	size_t n_objects;
	const struct manifest_kept *kept; /* not empty: the module is never removed from memory */
	size_t n_kept;
	const struct manifest_state *states;
	size_t n_states;
	const char *const *warnings; /* one line of text each */
	size_t n_warnings;
};

/*
 * Writes @m as YAML. *text is malloc'ed, owned by the caller, and NUL-terminated behind its *size
 * bytes. The values are checked as a reader checks them, so that nothing is written that cannot
 * be read: -EINVAL with one diagnostic "manifest-invalid-value" or "manifest-inconsistent" each.
 */
int manifest_write(const struct manifest *m, struct diags *diags, char **text, size_t *size);

/*
 * Reads @size bytes of YAML. @file is the name for messages. The result and its strings live in
 * @arena. -EINVAL with one diagnostic per problem, each with its line: "manifest-syntax",
 * "manifest-unsupported" (anchors, tags, several documents), "manifest-format",
 * "manifest-unknown-key", "manifest-duplicate-key", "manifest-missing-key",
 * "manifest-wrong-type", "manifest-invalid-value", "manifest-inconsistent" (a name or a
 * function given twice, vmlinux not first, …). -EFBIG.
 */
int manifest_read(const void *text, size_t size, const char *file, struct arena *arena, struct diags *diags,
		  const struct manifest **out);

/* Whether @s is a CVE number: "CVE-", a year, four digits or more. */
bool manifest_cve_is_valid(const char *s);
/* The first fix that names @cve, or the next one behind @after (NULL: from the start); NULL: there is none. */
const struct manifest_fix *manifest_find_cve(const struct manifest *m, const char *cve,
					     const struct manifest_fix *after);
/* Whether a fix is named that is in the source patch @patch. */
bool manifest_names(const struct manifest *m, const char *patch);
/* How many fixes it has: those that are named, and the patches of which nothing is known but the file. */
size_t manifest_count_fixes(const struct manifest *m);

/* The object called @name (with - and _ taken as equal), or NULL. */
const struct manifest_object *manifest_find_object(const struct manifest *m, const char *name);

#endif
