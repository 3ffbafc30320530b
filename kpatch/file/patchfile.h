/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A patch module as a file: opened once, judged by who could have written it, read into memory,
 * and understood. What was read is what is loaded.
 */
#ifndef KPATCH_PATCHFILE_H
#define KPATCH_PATCHFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kpatch/kpatch.h"

struct kmodule;
struct module_signature;
struct manifest;

struct patch_file {
	const char *path;
	int fd; /* open until it has been read */
	struct module_image image;
	struct kmodule *module;
	const struct manifest *manifest; /* NULL: it has none */
	const uint8_t *yaml;		 /* the manifest as it is in the file */
	size_t yaml_size;
	bool is_signed;				  /* the kernel's signature marker is at the end */
	const struct module_signature *signature; /* NULL: none, or none that can be read */
	uint8_t *bytes;				  /* the file */
	size_t n_bytes;
};

/*
 * Opens a module. Whatever is wrong with the file itself is said here: OUTCOME_NOT_FOUND,
 * OUTCOME_PERMISSION, or OUTCOME_BAD_FILE with "file-not-regular", "file-is-a-link",
 * "file-writable-by-others", "file-not-roots", "directory-not-trusted", "not-a-livepatch", "manifest-missing" (unless
 * --unchecked), "manifest-…", or what lib/kernel/files/module.h says. *out is to be released with
 * patch_file_close() also after a failure.
 */
enum outcome patch_file_open(struct kpatch *k, const char *path, struct patch_file *out);
void patch_file_close(struct patch_file *f);

/*
 * The same for an argument of the user: a path if there is a '/' or a ".ko" in it, else the installed patch
 * of that name for the running kernel.
 */
enum outcome patch_file_get(struct kpatch *k, const char *argument, struct patch_file *out);

#endif
