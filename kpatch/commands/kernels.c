/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernels.h. */
#include "kpatch/commands/kernels.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "kpatch/commands/metrics.h"
#include "kpatch/report.h"
#include "kpatch/store/store.h"
#include "lib/manifest/schema.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"

/*
 * "6.1.0-56-amd64" → "6.1.0-56": what comes behind a hyphen and a letter, or is letters behind a plus sign, says which kernel of that
 * version it is, not how new (rt, debug). "-rc4" is part of the version.
 */
static const char *version_of(struct kpatch *k, const char *release)
{
	char *version = arena_strdup(k->arena, release), *cut;

	while ((cut = strrchr(version, '-')) && isalpha((unsigned char)cut[1]) &&
	       !(cut[1] == 'r' && cut[2] == 'c' && isdigit((unsigned char)cut[3])))
		*cut = '\0';
	cut = strrchr(version, '+');
	if (cut && !strpbrk(cut, "0123456789"))
		*cut = '\0';
	return version;
}

static const char *flavour_of(struct kpatch *k, const char *release)
{
	return release + strlen(version_of(k, release));
}

static int compare_kernels(const void *a, const void *b)
{
	return strverscmp(((const struct kernel *)a)->release, ((const struct kernel *)b)->release);
}

static struct kernel *find(struct kernels *all, const char *release)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].release, release))
			return &all->list[i];
	return NULL;
}

static void add(struct kpatch *k, struct kernels *all, const char *release)
{
	struct kernel *grown = arena_array(k->arena, all->n + 1, sizeof(*grown));

	if (all->n)
		memcpy(grown, all->list, all->n * sizeof(*grown));
	grown[all->n++] = (struct kernel){ .release = arena_strdup(k->arena, release) };
	all->list = grown;
}

/* What is not there, or may not be read, has none. */
static void add_names(struct kpatch *k, struct kernels *all, const char *directory)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	if (system_path(&k->system, path, "%s", directory))
		return;
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (*e->d_name != '.' && schema_release.valid(e->d_name) && !find(all, e->d_name))
			add(k, all, e->d_name);
	if (d)
		closedir(d);
}

static bool is_bootable(const struct system *s, const char *release)
{
	return system_exists(s, "/boot/vmlinuz-%s", release) ||
	       system_exists(s, "/boot/vmlinux-%s", release) ||
	       system_exists(s, "/lib/modules/%s/vmlinuz", release);
}

static size_t count_hotfixes(struct kpatch *k, const char *release)
{
	struct stored *list;
	size_t n, count = 0;

	if (store_list(k, release, &list, &n))
		return 0;
	for (size_t i = 0; i < n; i++)
		count += list[i].record.boot == STORED_ENABLED;
	return count;
}

/* Of two of the same version the one that is like the running kernel. */
static bool is_before(struct kpatch *k, const struct kernel *a, const struct kernel *b, const char *running)
{
	int order = strverscmp(version_of(k, a->release), version_of(k, b->release));

	if (order)
		return order < 0;
	return strcmp(flavour_of(k, a->release), flavour_of(k, running));
}

static const struct kernel *find_next(struct kpatch *k, const struct kernels *all, const char *running)
{
	const struct kernel *next = NULL;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].bootable && (!next || is_before(k, next, &all->list[i], running)))
			next = &all->list[i];
	return next && strverscmp(version_of(k, running), version_of(k, next->release)) < 0 ? next : NULL;
}

static void report_kernels(struct kpatch *k, const struct kernels *all)
{
	struct node *list = report_list(k->report, "kernels");

	for (size_t i = 0; i < all->n; i++) {
		struct node *n = report_map(list, NULL);

		report_string(n, "release", all->list[i].release);
		report_bool(n, "running", &all->list[i] == all->running);
		report_bool(n, "bootable", all->list[i].bootable);
		report_number(n, "hotfixes", (int64_t)all->list[i].hotfixes);
	}
	report_string(k->report, "next_kernel", all->next ? all->next->release : NULL);
}

/* Leaves out what is a kernel's name and no more: modules that a removed one has left, foreign files of the store. */
static void keep_known(struct kernels *all, const char *running)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->list[i].bootable || all->list[i].hotfixes || !strcmp(all->list[i].release, running))
			all->list[n++] = all->list[i];
	all->n = n;
}

void kernels_find(struct kpatch *k, const char *running, struct kernels *out)
{
	struct kernels all = { .n = 0 };
	struct kpatch quiet = *k;

	add(k, &all, running);
	add_names(k, &all, "/lib/modules");
	add_names(k, &all, "/var/lib/kpatch");
	qsort(all.list, all.n, sizeof(*all.list), compare_kernels);
	quiet.diags = diags_new();
	for (size_t i = 0; i < all.n; i++) {
		all.list[i].bootable = is_bootable(&k->system, all.list[i].release);
		all.list[i].hotfixes = count_hotfixes(&quiet, all.list[i].release);
	}
	diags_free(quiet.diags);
	keep_known(&all, running);
	all.running = find(&all, running);
	all.next = find_next(k, &all, running);
	if (all.next)
		count_hotfixes(k, all.next->release); /* for its complaints */
	report_kernels(k, &all);
	*out = all;
}

/* What kpatch-build calls the package (kpatch-build/package/package_files.c). */
static const char *package_of(struct kpatch *k, const char *release)
{
	char *name = arena_printf(k->arena, "kpatch-patch-%s", release);

	for (char *p = name; *p; p++) {
		*p = (char)tolower((unsigned char)*p);
		if (!isalnum((unsigned char)*p) && *p != '+' && *p != '.')
			*p = '-';
	}
	return name;
}

size_t kernels_judge(struct kpatch *k, const struct kernels *kernels, bool patched)
{
	size_t notes = 0;

	if (patched && kernels->next && !kernels->next->hotfixes)
		diag_warning(
			k->diags, "newer-kernel-without-hotfix", diag_file(kernels->next->release),
			arena_printf(
				k->arena,
				"Install %s before the machine boots; if this kernel has all the fixes itself, boot it",
				package_of(k, kernels->next->release)),
			"the next boot takes this kernel, for which no hotfix is installed, while the running one has one");
	for (size_t i = 0; !patched && i < kernels->n; i++) {
		const struct kernel *other = &kernels->list[i];

		if (other == kernels->running || !other->hotfixes)
			continue;
		notes++;
		diag_note(k->diags, "hotfix-for-another-kernel", diag_file(other->release), NULL,
			  "a hotfix is installed for this kernel, and none for the running one, %s",
			  kernels->running->release);
	}
	return notes;
}

void kernels_print_metrics(struct kpatch *k, const struct kernels *kernels)
{
	metrics_head(
		k->out, "kpatch_kernel_hotfixes",
		"Live patches that are installed for a kernel: the running one, the newer one that the next boot takes, another.");
	for (size_t i = 0; i < kernels->n; i++) {
		const struct kernel *one = &kernels->list[i];

		fputs("kpatch_kernel_hotfixes{", k->out);
		metrics_label(k->out, "kernel", one->release);
		fputc(',', k->out);
		metrics_label(k->out, "role",
			      one == kernels->running ? "running" :
			      one == kernels->next    ? "next" :
							"other");
		fprintf(k->out, "} %zu\n", one->hotfixes);
	}
}
