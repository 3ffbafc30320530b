// SPDX-License-Identifier: GPL-2.0-only
/* What a boot image says of itself in its header, before anything is decompressed. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kpatch-build/kernel/kernel.h"
#include "kpatch-build/kernel/provider.h"
#include "lib/arch/arch.h"
#include "lib/util/arena.h"
#include "lib/util/file.h"
#include "lib/util/text.h"

int kernel_image_version(struct arena *arena, const char *path, const char **version)
{
	const struct arch *arch;
	uint8_t head[BOOT_IMAGE_HEAD];
	char text[512];
	struct stat st;
	int fd = file_open_regular(path, &st), err = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		err = -errno;
	arch = n > 0 ? arch_of_boot_image(head, (size_t)n) : NULL;
	if (!err && !arch)
		err = -ENOTSUP;
	if (!err) {
		n = pread(fd, text, sizeof(text) - 1, (off_t)arch->boot_image->version_at(head));
		if (n <= 0 || !memchr(text, '\0', (size_t)n))
			err = -EBADMSG;
	}
	close(fd);
	if (err)
		return err;
	*version = arena_strdup(arena, text);
	return 0;
}

const char *kernel_image_package(struct build *b, const struct provider *p, const char *version)
{
	const char *package = provider_package(p, b->arena, version);

	return package && text_is_plain(package, KERNEL_PACKAGE_OTHERS) ? package : NULL;
}
