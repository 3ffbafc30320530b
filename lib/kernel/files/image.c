/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See image.h. Finds the ELF file in what a boot loader starts, or reads one as it is; decodes kallsyms, and
 * keeps both in the cache.
 */
#include "lib/kernel/files/image.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arch/arch.h"
#include "lib/kernel/files/decompress.h"
#include "lib/kernel/files/image_cache.h"
#include "lib/kernel/files/input.h"
#include "lib/kernel/files/kernel_elf.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

#define KIND "kernel image"
#define FILE_LIMIT (2048ul << 20) /* a vmlinux with debug information is 1 GB or less */
#define PLAIN_LIMIT (512ul << 20) /* what a payload may become: ten times the usual */

#define BANNER "Linux version "

struct kimage_private {
	struct arena *arena;
	uint8_t *file, *plain; /* as read; decompressed */
	struct image_cache cache;
};

static int damaged(const struct kimage *k, struct diags *diags, const char *what)
{
	diag_error(diags, "image-damaged", diag_file(k->path), "Install the kernel package again",
		   "this kernel image is damaged: %s", what);
	return -EBADMSG;
}

static int unpack(const struct kimage *k, const uint8_t *data, size_t size, size_t expected,
		  struct diags *diags, size_t *plain_size)
{
	enum compression c = compression_detect(data, size);
	size_t limit = expected ? expected : PLAIN_LIMIT;
	int err = decompress(c, data, size, limit, expected, &k->priv->plain, plain_size);

	if (err == -ENOTSUP) {
		diag_error(diags, "compression-unsupported", diag_file(k->path),
			   "Give the uncompressed vmlinux instead",
			   c ? "this kernel image is compressed with %s, which is not supported" :
			       "the payload of this kernel image is compressed in an unknown way",
			   compression_name(c));
		return err;
	}
	if (err == -EBADMSG)
		return damaged(k, diags, "its payload does not decompress");
	if (err == -EFBIG)
		return damaged(k, diags, "its payload is larger than it says");
	return err;
}

static int unpack_boot_image(const struct kimage *k, const struct boot_image *image, const uint8_t *data,
			     size_t size, struct diags *diags, size_t *plain_size)
{
	struct boot_payload p = { 0 };
	const char *why = NULL;
	int err = image->payload(data, size, &p, &why);

	if (err == -ENOTSUP) {
		diag_error(diags, "image-too-old", diag_file(k->path), NULL, "%s", why);
		return err;
	}
	if (err)
		return damaged(k, diags, why);
	if (!p.size || p.size > PLAIN_LIMIT)
		return damaged(k, diags, "its payload claims to be larger than any kernel");
	return unpack(k, data + p.offset, p.length, p.size, diags, plain_size);
}

/* Finds the ELF file in @data. */
static int find_elf(struct kimage *k, const uint8_t *data, size_t size, struct diags *diags,
		    const uint8_t **elf, size_t *elf_size)
{
	const struct arch *arch = arch_of_boot_image(data, size);
	int err;

	if (size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG)) {
		*elf = data;
		*elf_size = size;
		return 0;
	}
	if (arch) {
		err = unpack_boot_image(k, arch->boot_image, data, size, diags, elf_size);
	} else if (compression_detect(data, size) != COMPRESSION_NONE) {
		err = unpack(k, data, size, 0, diags, elf_size);
	} else {
		diag_error(diags, "image-foreign", diag_file(k->path),
			   "Give the kernel image of the boot directory (vmlinuz) or a vmlinux",
			   "this is no kernel image: neither what a boot loader starts nor an ELF file");
		return -ENOTSUP;
	}
	*elf = k->priv->plain;
	return err;
}

static int take_sections(struct kimage *k, const struct elf_file *f, struct diags *diags)
{
	const struct arch *arch = arch_find(f->machine);

	k->machine = f->machine;
	k->sections = f->sections;
	k->n_sections = f->n_sections;
	if (!arch || (f->type != ET_EXEC && f->type != ET_DYN)) {
		diag_error(diags, "image-foreign", diag_file(k->path), NULL,
			   "this is no kernel of a machine that is known");
		return -ENOTSUP;
	}
	if (!arch->kernels) {
		diag_error(diags, "image-foreign", diag_file(k->path), NULL,
			   "patches for kernels of %s are not built yet", arch->name);
		return -ENOTSUP;
	}
	for (uint32_t i = 0; i < k->n_sections; i++)
		if (k->sections[i].address + k->sections[i].size < k->sections[i].address)
			return damaged(k, diags, "a section ends beyond the address space");
	return 0;
}

/* The end of the parenthesis that opens at @p, or NULL. */
static const char *closing(const char *p)
{
	int depth = 0;

	for (; *p; p++) {
		depth += (*p == '(') - (*p == ')');
		if (!depth)
			return p;
	}
	return NULL;
}

/*
 * "Linux version RELEASE (who@where) (COMPILER, LINKER) #1 SMP …", init/version.c. The compiler's
 * own text may hold parentheses, and ends at the comma outside of them.
 */
static void parse_banner(struct kimage *k, const char *banner, size_t room)
{
	const char *release = banner + strlen(BANNER), *p, *end;
	int depth = 0;

	k->banner = arena_strndup(k->priv->arena, banner, strcspn(banner, "\n"));
	k->release = arena_strndup(k->priv->arena, release, strcspn(release, " "));
	p = strchr(k->banner, '(');
	end = p ? closing(p) : NULL;
	p = end ? strchr(end, '(') : NULL;
	if (!p)
		return;
	for (end = ++p; *end && depth >= 0; end++) {
		depth += (*end == '(') - (*end == ')');
		if (!depth && *end == ',')
			break;
	}
	if (depth < 0)
		end--;
	k->compiler = arena_strndup(k->priv->arena, p, (size_t)(end - p));
}

static int find_banner(struct kimage *k, struct diags *diags)
{
	const struct elf_section *s = kimage_section(k, ".rodata");
	const uint8_t *p, *end;

	if (!s || !s->data)
		return damaged(k, diags, "it has no section .rodata");
	end = s->data + s->size;
	for (p = s->data; (p = memmem(p, (size_t)(end - p), BANNER, strlen(BANNER))); p++) {
		const char *text = (const char *)p;
		size_t room = (size_t)(end - p);

		/* the banner is an object of its own: others of these words are inside strings */
		if (!memchr(p, 0, room) || !isdigit((unsigned char)text[strlen(BANNER)]))
			continue;
		parse_banner(k, text, room);
		return 0;
	}
	return damaged(k, diags, "it has no version banner");
}

static void find_build_id(struct kimage *k)
{
	for (uint32_t i = 1; i < k->n_sections; i++)
		if (k->sections[i].type == SHT_NOTE && k->sections[i].data &&
		    !buildid_from_notes(k->sections[i].data, k->sections[i].size, &k->build_id))
			return;
}

static int decode_kallsyms(struct kimage *k, struct diags *diags)
{
	const struct elf_section *rodata = kimage_section(k, ".rodata");
	const struct elf_section *text = kimage_section(k, ".text");
	struct kallsyms_range r, t;
	int err;

	if (!text || !text->data)
		return damaged(k, diags, "it has no section .text");
	r = (struct kallsyms_range){ rodata->address, rodata->data, rodata->size };
	t = (struct kallsyms_range){ text->address, text->data, text->size };
	err = kallsyms_decode(&r, &t, &k->kallsyms);
	if (err == -ENOENT || err == -EBADMSG)
		diag_error(diags, "kallsyms-undecodable", diag_file(k->path),
			   "Report this with the version of the kernel",
			   err == -ENOENT ? "no kallsyms table was found in this kernel image" :
					    "the kallsyms table of this kernel image does not decode");
	return err;
}

/* Everything that is read from the ELF file itself. */
static int read_elf(struct kimage *k, const uint8_t *elf, size_t size, struct diags *diags)
{
	struct elf_file f;
	int err = kernel_elf_open(k->path, KIND, elf, size, k->priv->arena, diags, &f);

	k->elf = elf;
	k->elf_size = size;
	if (!err)
		err = take_sections(k, &f, diags);
	if (!err)
		err = find_banner(k, diags);
	if (!err)
		find_build_id(k);
	return err;
}

static int open_cached(struct kimage *k, const char *cache_dir, const struct stat *st, struct diags *diags)
{
	struct image_cache *c = &k->priv->cache;
	int err = image_cache_open(cache_dir, st, c);

	if (!err)
		err = read_elf(k, c->elf, c->elf_size, diags);
	if (!err)
		err = kallsyms_from_block(c->kallsyms, c->kallsyms_size, &k->kallsyms);
	k->from_cache = !err;
	return err;
}

static int open_fresh(struct kimage *k, const char *cache_dir, const struct stat *st, struct diags *diags)
{
	const void *block;
	const uint8_t *elf;
	size_t size, elf_size, block_size;
	int err = input_read_diag(k->path, KIND, FILE_LIMIT, diags, &k->priv->file, &size);

	if (!err)
		err = find_elf(k, k->priv->file, size, diags, &elf, &elf_size);
	if (!err)
		err = read_elf(k, elf, elf_size, diags);
	if (!err)
		err = decode_kallsyms(k, diags);
	if (err || !cache_dir)
		return err;
	block = kallsyms_block(k->kallsyms, &block_size);
	image_cache_write(cache_dir, st, elf, elf_size, block, block_size);
	return 0;
}

static struct kimage *new_image(const char *path)
{
	struct arena *arena = arena_new();
	struct kimage *k = arena_alloc(arena, sizeof(*k));

	k->priv = arena_alloc(arena, sizeof(*k->priv));
	k->path = arena_strdup(arena, path);
	k->priv->arena = arena;
	return k;
}

int kimage_open(const char *path, const char *cache_dir, struct diags *diags, struct kimage **out)
{
	struct kimage *k = NULL;
	struct diags *quiet;
	struct stat st;
	int err = -ENOENT;

	if (stat(path, &st)) {
		err = -errno;
		diag_error(diags, "file-unreadable", diag_file(path), NULL,
			   "cannot read the kernel image: %s", strerror(-err));
		return err;
	}
	quiet = cache_dir ? diags_new() : NULL;
	if (quiet) {
		k = new_image(path);
		if (k)
			err = open_cached(k, cache_dir, &st, quiet);
		diags_free(quiet);
	}
	if (err) {
		kimage_free(k);
		k = new_image(path);
		err = open_fresh(k, cache_dir, &st, diags);
	}
	if (err) {
		kimage_free(k);
		return err;
	}
	*out = k;
	return 0;
}

void kimage_free(struct kimage *k)
{
	struct kimage_private *p;

	if (!k)
		return;
	p = k->priv;
	kallsyms_free(k->kallsyms);
	image_cache_close(&p->cache);
	free(p->file);
	free(p->plain);
	arena_free(p->arena); /* k and p are its own */
}

const struct elf_section *kimage_section(const struct kimage *k, const char *name)
{
	for (uint32_t i = 1; i < k->n_sections; i++)
		if (!strcmp(k->sections[i].name, name))
			return &k->sections[i];
	return NULL;
}

const struct elf_section *kimage_section_at(const struct kimage *k, uint64_t address)
{
	for (uint32_t i = 1; i < k->n_sections; i++) {
		const struct elf_section *s = &k->sections[i];

		if (s->flags & SHF_ALLOC && address >= s->address && address - s->address < s->size)
			return s;
	}
	return NULL;
}

const uint8_t *kimage_bytes(const struct kimage *k, uint64_t address, size_t size)
{
	const struct elf_section *s = kimage_section_at(k, address);

	if (!s || !s->data || size > s->size - (address - s->address))
		return NULL;
	return s->data + (address - s->address);
}
