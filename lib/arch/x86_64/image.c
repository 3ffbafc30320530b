/* SPDX-License-Identifier: GPL-2.0-only */
/* The bzImage: a setup header (Documentation/arch/x86/boot.rst), and a payload that is a compressed ELF file. */
#include <errno.h>
#include <string.h>

#include "lib/arch/x86_64/x86_64.h"
#include "lib/util/bytes.h"

/* Offsets in the first sectors. */
#define SETUP_SECTS 0x1f1
#define BOOT_FLAG 0x1fe
#define SETUP_MAGIC 0x202
#define PROTOCOL 0x206
#define KERNEL_VERSION 0x20e
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define SETUP_HEADER_END 0x250
#define PROTOCOL_WITH_PAYLOAD 0x0208
#define SECTOR 512u
#define DEFAULT_SETUP_SECTS 4u

static bool is_bzimage(const uint8_t *head, size_t size)
{
	return size >= SETUP_HEADER_END && head[BOOT_FLAG] == 0x55 && head[BOOT_FLAG + 1] == 0xaa &&
	       !memcmp(head + SETUP_MAGIC, "HdrS", 4);
}

static uint64_t version_at(const uint8_t *head)
{
	return get_le16(head + KERNEL_VERSION) + 0x200;
}

/* The build appends the payload's uncompressed size to it (gzip streams end with it anyway). */
static int payload(const uint8_t *data, size_t size, struct boot_payload *out, const char **why)
{
	uint32_t sectors = data[SETUP_SECTS] ? data[SETUP_SECTS] : DEFAULT_SETUP_SECTS;

	if (get_le16(data + PROTOCOL) < PROTOCOL_WITH_PAYLOAD) {
		*why = "this kernel image does not say where its payload is (boot protocol before 2.08)";
		return -ENOTSUP;
	}
	out->offset = (sectors + 1) * (uint64_t)SECTOR + get_le32(data + PAYLOAD_OFFSET);
	out->length = get_le32(data + PAYLOAD_LENGTH);
	if (out->length < 8 || out->offset > size || out->length > size - out->offset) {
		*why = "its payload lies outside the file";
		return -EBADMSG;
	}
	out->size = get_le32(data + out->offset + out->length - 4);
	return 0;
}

const struct boot_image x86_64_boot_image = { .is = is_bzimage,
					      .version_at = version_at,
					      .payload = payload };
