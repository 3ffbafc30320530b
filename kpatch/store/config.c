/* SPDX-License-Identifier: GPL-2.0-only */
/* See config.h. The keys are one table of the schema reader that also reads manifests. */
#include "kpatch/store/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch/store/store_private.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define CONFIG_FILE "/etc/kpatch.yaml"
/* A page of settings; a bigger file is something else. */
#define CONFIG_LIMIT (64U << 10)

#define KEY(name_, type_, member, ...)                                                                       \
	{                                                                                                    \
		.key = (name_), .type = (type_), .offset = offsetof(struct kpatch_config, member),           \
		.optional = true, __VA_ARGS__                                                                \
	}

static const struct schema_key keys[] = {
	KEY("timeout", SCHEMA_NUMBER, timeout, .max = KPATCH_MAX_TIMEOUT),
	KEY("boot", SCHEMA_BOOL, boot),
	KEY("boot-timeout", SCHEMA_NUMBER, boot_timeout, .max = KPATCH_MAX_TIMEOUT),
	KEY("newer-kernel", SCHEMA_BOOL, newer_kernel),
	{ .key = NULL },
};

static const struct schema schema = {
	.what = "the configuration",
	.size = sizeof(struct kpatch_config),
	.keys = keys,
};

static const struct schema_ids ids = {
	.syntax = "config-syntax",
	.unsupported = "config-unsupported",
	.unknown_key = "config-unknown-key",
	.duplicate_key = "config-duplicate-key",
	.missing_key = "config-missing-key",
	.wrong_type = "config-wrong-type",
	.invalid_value = "config-invalid-value",
};

/* Whoever can write to it decides what root does. */
static enum outcome judge(struct kpatch *k, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return OUTCOME_SYSTEM;
	if (!S_ISREG(st.st_mode)) {
		diag_error(k->diags, "config-not-regular", diag_file(path), NULL, "not a regular file");
		return OUTCOME_BAD_FILE;
	}
	if (store_is_roots(k, path, &st))
		return OUTCOME_OK;
	diag_error(k->diags, "config-not-trusted", diag_file(path),
		   "Look at what is in it, then chown it to root and chmod go-w it",
		   "users other than root may write to it");
	return OUTCOME_BAD_FILE;
}

/* Nothing but comments, as the file is installed: no document in the sense of YAML. */
static bool is_blank(const char *text)
{
	while (*text) {
		text += strspn(text, " \t\r\n");
		if (*text && *text != '#')
			return false;
		text += strcspn(text, "\n");
	}
	return true;
}

static enum outcome parse(struct kpatch *k, const char *path, const char *text, size_t size,
			  struct kpatch_config *out)
{
	int err;

	if (strlen(text) == size && is_blank(text))
		return OUTCOME_OK;
	err = schema_read(&schema, &ids, text, size, path, k->arena, k->diags, out);
	return err ? OUTCOME_BAD_FILE : OUTCOME_OK;
}

static enum outcome unreadable(struct kpatch *k, const char *path, int error)
{
	diag_error(k->diags, "config-unreadable", diag_file(path), NULL, "cannot be read: %s",
		   strerror(error));
	return error == EACCES ? OUTCOME_PERMISSION : OUTCOME_SYSTEM;
}

static enum outcome read_open(struct kpatch *k, int fd, const char *path, struct kpatch_config *out)
{
	char *text = arena_alloc(k->arena, CONFIG_LIMIT + 1);
	enum outcome o = judge(k, fd, path);
	size_t n = 0;
	ssize_t got;

	if (o)
		return o;
	while (n < CONFIG_LIMIT && (got = read(fd, text + n, CONFIG_LIMIT - n))) {
		if (got < 0 && errno != EINTR)
			return unreadable(k, path, errno);
		n += got > 0 ? (size_t)got : 0;
	}
	if (n < CONFIG_LIMIT) {
		text[n] = '\0';
		return parse(k, path, text, n, out);
	}
	diag_error(k->diags, "config-too-big", diag_file(path), NULL, "larger than %u KiB",
		   CONFIG_LIMIT >> 10);
	return OUTCOME_BAD_FILE;
}

enum outcome config_read(struct kpatch *k, struct kpatch_config *out)
{
	struct kpatch_config c = { .timeout = KPATCH_DEFAULT_TIMEOUT,
				   .boot_timeout = KPATCH_DEFAULT_BOOT_TIMEOUT,
				   .boot = true,
				   .newer_kernel = true };
	enum outcome o = OUTCOME_OK;
	char path[PATH_MAX];
	int fd;

	if (system_path(&k->system, path, CONFIG_FILE))
		return path_too_long(k);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0) {
		o = read_open(k, fd, path, &c);
		close(fd);
	} else if (errno != ENOENT) {
		return unreadable(k, path, errno);
	}
	if (!o)
		*out = c;
	return o;
}

enum outcome config_apply(struct kpatch *k, struct kpatch_config *out)
{
	enum outcome o = config_read(k, out);

	if (!o && !k->options.timeout_given)
		k->options.timeout = (unsigned int)out->timeout;
	return o;
}
