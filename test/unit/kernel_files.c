/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules, Module.symvers, configurations, build IDs, and symbols by name. Run by kernel.bats, which
 * makes the module that is given as argument from test/unit/fake_module.*.S:
 *	dup: local in .text (file a), local in .text.unlikely (file b), global in .text (file c)
 *	once: local, only in file a;  early: local in .init.text (b) and in .text (c)
 *	only_init: local in .init.text;  weakling: weak, in file c
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/elf/object.h"
#include "lib/kernel/files/kconfig.h"
#include "lib/kernel/files/module.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/kernel/symbols/ksyms.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/diag.h"
#include "test/unit/fake_kernel.h"
#include "test/unit/tap.h"

static char work[] = "/tmp/kernel_files.XXXXXX";
static char path[4200];

static const char *in_work(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", work, name);
	return path;
}

static uint8_t *load(const char *file, size_t *size)
{
	FILE *f = fopen(file, "r");
	uint8_t *data = malloc(1 << 20);

	if (!f)
		exit(99);
	*size = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static int position(const struct kmodule *m, const char *name, unsigned int nth, uint32_t *sympos)
{
	uint32_t i = kmodule_symbol(m, name);

	while (nth--)
		i = m->symbols[i].next;
	*sympos = 99;
	return kmodule_sympos(m, i, sympos, NULL);
}

static void check_module(const struct kmodule *m)
{
	uint32_t pos, i;

	ok_string(m->name, "fake_mod", "name, from .modinfo");
	ok_string(m->vermagic, "6.1.0-99-test SMP mod_unload", "vermagic");
	ok_string(m->depends, "sunrpc,lockd", "depends");
	ok(!m->livepatch, "an absent key");
	ok_number(m->build_id.size, 20, "a build ID of 20 bytes");
	for (i = 1; i < m->n_symbols && m->symbols[i].bind == STB_LOCAL; i++)
		;
	ok(i > 1 && i < m->n_symbols, "symbols are in the order of the file: local ones first");
	ok_number(position(m, "dup", 0, &pos), 0, "first of three");
	ok_number(pos, 1, "is at 1");
	ok_number(position(m, "dup", 1, &pos), 0, "second, in another section, at a lower offset");
	ok_number(pos, 2, "is at 2");
	ok_number(position(m, "dup", 2, &pos), 0, "third, global");
	ok_number(pos, 3, "is at 3");
	ok_number(position(m, "once", 0, &pos), 0, "a unique one");
	ok_number(pos, 0, "is at 0");
	ok_number(position(m, "early", 0, &pos), -ENOENT, "one in .init.text is gone when loaded");
	ok_number(position(m, "early", 1, &pos), -ENOTUNIQ, "its namesake has two positions");
	ok_number(position(m, "only_init", 0, &pos), -ENOENT, "one that is only in .init.text");
	ok_number(position(m, "wanted", 0, &pos), -ENOENT, "an undefined one");
	ok(!kmodule_symbol(m, "absent"), "an absent one");
}

static void test_module(const char *ko)
{
	static const char *const suffix[] = { "m.ko.gz", "m.ko.xz", "m.ko.lzma", "m.ko.zst" };
	struct diags *d = diags_new();
	struct kmodule *m = NULL;
	struct fake_buffer b;
	uint8_t *data, *bomb;
	size_t size;

	ok(!kmodule_open(ko, d, &m), "a module opens");
	check_module(m);
	kmodule_free(m);
	data = load(ko, &size);
	for (int how = FAKE_GZIP; how <= FAKE_ZSTD; how++) {
		b = fake_compress((enum fake_compression)how, data, size);
		fake_write(in_work(suffix[how]), b.data, b.size);
		m = NULL;
		ok(!kmodule_open(path, d, &m) && m->size == size && !memcmp(m->data, data, size) &&
			   !strcmp(m->name, "fake_mod"),
		   "the same compressed: %s", suffix[how]);
		kmodule_free(m);
		m = NULL;
		ok_number(kmodule_read("cut", b.data, b.size - 9, d, &m), -EBADMSG, "and cut: refused");
		free(b.data);
	}
	bomb = calloc(1, 1100u << 20);
	b = fake_compress(FAKE_ZSTD, bomb, 1100u << 20);
	ok_number(kmodule_read("bomb", b.data, b.size, d, &m), -EFBIG, "a bomb of 1.1 GB: refused");
	free(b.data);
	free(bomb);
	free(data);
	diags_free(d);
}

static void test_module_damage(const char *ko)
{
	unsigned int opened = 0, silent = 0, seed = 7;
	uint8_t *data, *copy;
	struct kmodule *m;
	size_t size;

	data = load(ko, &size);
	for (size_t n = 0; n < size; n += 1 + size / 500) {
		struct diags *d = diags_new();

		copy = malloc(n ? n : 1); /* of exactly this size, for the sanitizer */
		memcpy(copy, data, n);
		m = NULL;
		opened += !kmodule_read("cut", copy, n, d, &m);
		silent += !diags_count(d);
		kmodule_free(m);
		free(copy);
		diags_free(d);
	}
	ok(!opened && !silent, "no truncated module opens, each is explained");
	for (unsigned int i = 0; i < 4000; i++) {
		struct diags *d = diags_new();
		size_t at = (size_t)rand_r(&seed) % size;
		uint8_t old = data[at];

		data[at] = (uint8_t)rand_r(&seed);
		m = NULL;
		if (!kmodule_read("mutated", data, size, d, &m)) {
			uint32_t pos;

			opened++;
			for (uint32_t s = 0; s < m->n_symbols; s++)
				kmodule_sympos(m, s, &pos, NULL);
		}
		kmodule_free(m);
		diags_free(d);
		data[at] = old;
	}
	ok(opened > 0 && opened < 4000, "4000 single bytes changed: %u still open", opened);
	free(data);
}

static void check_name(const char *file, const char *want)
{
	char name[64];

	ok(!kmodule_name_from_path(file, name, sizeof(name)), "%s", file);
	ok_string(name, want, "is the module");
}

static void make(const char *name, const char *text)
{
	char directory[4200];
	char *slash;

	in_work(name);
	for (slash = strchr(path + strlen(work) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
		mkdir(directory, 0777);
	}
	fake_write(path, text, strlen(text));
}

static void check_find(const char *dir, const char *name, const char *want)
{
	char *found = NULL, expected[4300], from[4200];
	int err;

	snprintf(from, sizeof(from), "%s/%s", work, dir);
	err = kmodule_find(from, name, &found);
	if (!want) {
		ok_number(err, -ENOENT, name);
		return;
	}
	snprintf(expected, sizeof(expected), "%s/%s/%s", work, dir, want);
	ok_string(found, expected, name);
	free(found);
}

static void test_find(void)
{
	check_name("kernel/net/nf-nat.ko.xz", "nf_nat");
	check_name("fs/nfsd/nfsd", "nfsd");
	check_name("/lib/modules/6.1/kernel/x.y.ko", "x.y");
	make("order/kernel/fs/nfsd/nfsd.ko.xz", "");
	make("order/kernel/net/nf-nat.ko", "");
	make("order/modules.order", "kernel/fs/nfsd/nfsd.ko\nkernel/net/nf-nat.ko\n");
	check_find("order", "nfsd", "kernel/fs/nfsd/nfsd.ko.xz");
	check_find("order", "nf_nat", "kernel/net/nf-nat.ko");
	check_find("order", "nf-nat", "kernel/net/nf-nat.ko");
	check_find("order", "nfs", NULL);
	make("dep/updates/nfsd.ko", "");
	make("dep/kernel/nfsd.ko", "");
	make("dep/modules.dep", "updates/nfsd.ko: kernel/x.ko\nkernel/x.ko:\n");
	check_find("dep", "nfsd", "updates/nfsd.ko");
	check_find("dep", "x", NULL);
	make("tree/a/b/lonely.ko.zst", "");
	check_find("tree", "lonely", "a/b/lonely.ko.zst");
}

static void symvers_error(const char *text, size_t size, unsigned int line, const char *name)
{
	struct diags *d = diags_new();
	struct symvers *s = NULL;
	int err = symvers_read("S", text, size, d, &s);

	ok(err == -EBADMSG && diags_count(d) == 1 && !strcmp(diags_get(d, 0)->id, "symvers-damaged") &&
		   diags_get(d, 0)->place.line == line && !strcmp(diags_get(d, 0)->place.file, "S"),
	   "%s", name);
	symvers_free(s);
	diags_free(d);
}

#define GOOD "0x12345678\tgood\tvmlinux\tEXPORT_SYMBOL\t\n"
#define SYMVERS_ERROR(text, line, name) symvers_error(text, sizeof(text) - 1, line, name)

static void test_symvers(void)
{
	static const char text[] = GOOD "0xffffffff\tof_mod\tnet/nf-nat/nf-nat\tEXPORT_SYMBOL_GPL\tNS\n"
					"0x00000001\told\tvmlinux\tEXPORT_SYMBOL";
	struct diags *d = diags_new();
	const struct symvers_entry *e;
	struct symvers *s = NULL;

	ok(!symvers_read("S", text, sizeof(text) - 1, d, &s), "reads");
	ok_number((long long)symvers_count(s), 3, "three entries");
	e = symvers_find(s, "of_mod");
	ok(e && e->crc == 0xffffffff && !strcmp(e->owner, "nf_nat") &&
		   !strcmp(e->path, "net/nf-nat/nf-nat") && !strcmp(e->kind, "EXPORT_SYMBOL_GPL") &&
		   !strcmp(e->name_space, "NS"),
	   "fields of a module's export");
	e = symvers_find(s, "old");
	ok(e && !strcmp(e->owner, "vmlinux") && !*e->name_space && e == symvers_get(s, 2),
	   "a line without namespace, and without its end");
	ok(symvers_importable(e) && symvers_importable(symvers_find(s, "of_mod")), "these can be imported");
	ok(!symvers_importable(&(struct symvers_entry){ .name_space = "module:kvm-intel,kvm-amd" }) &&
		   symvers_importable(&(struct symvers_entry){ .name_space = "modules" }),
	   "one for modules of certain names cannot");
	ok(!symvers_find(s, "goo") && !symvers_get(s, 3), "absent ones");
	symvers_free(s);
	{
		char line[512];
		int n = snprintf(line, sizeof(line), "0x12345678\tx\tdir/%0300d\tEXPORT_SYMBOL\t\n", 0);

		symvers_error(line, (size_t)n, 1, "an object with a name of 300 characters");
	}
	SYMVERS_ERROR("", 0, "an empty file");
	SYMVERS_ERROR(GOOD "0x1\tname\tvmlinux\n", 2, "too few fields");
	SYMVERS_ERROR(GOOD "0x1\tn\tvmlinux\tEXPORT_SYMBOL\t\tx\n", 2, "too many fields");
	SYMVERS_ERROR(GOOD GOOD, 2, "a symbol twice");
	SYMVERS_ERROR("1\tn\tvmlinux\tEXPORT_SYMBOL\t\n", 1, "no checksum");
	SYMVERS_ERROR("0x123456789\tn\tvmlinux\tEXPORT_SYMBOL\t\n", 1, "a checksum that is too large");
	SYMVERS_ERROR("0x1\t\tvmlinux\tEXPORT_SYMBOL\t\n", 1, "no symbol");
	SYMVERS_ERROR("0x1\tn\tvmlinux\tIMPORT\t\n", 1, "another kind");
	SYMVERS_ERROR(GOOD "\0\n", 0, "bytes that are no text");
	diags_free(d);
}

static void test_kconfig(void)
{
	static const char text[] = "# comment\nCONFIG_A=y\nCONFIG_M=m\n# CONFIG_N is not set\n\n"
				   "CONFIG_S=\"a \\\"b\\\" \\\\c\"\nCONFIG_NUMBER=12\nCONFIG_E=\"\"\n";
	struct diags *d = diags_new();
	struct kconfig *c = NULL;
	struct fake_buffer b;

	ok(!kconfig_read("C", text, sizeof(text) - 1, d, &c), "reads");
	ok(kconfig_yes(c, "CONFIG_A"), "y");
	ok(!kconfig_yes(c, "CONFIG_M") && !strcmp(kconfig_get(c, "CONFIG_M"), "m"), "m");
	ok(!kconfig_yes(c, "CONFIG_N") && !kconfig_get(c, "CONFIG_N"), "not set");
	ok_string(kconfig_get(c, "CONFIG_S"), "a \"b\" \\c", "a string without quotes and escapes");
	ok_string(kconfig_get(c, "CONFIG_NUMBER"), "12", "a number");
	ok_string(kconfig_get(c, "CONFIG_E"), "", "an empty string");
	kconfig_free(c);
	b = fake_compress(FAKE_GZIP, (const uint8_t *)text, sizeof(text) - 1);
	fake_write(in_work("config.gz"), b.data, b.size);
	free(b.data);
	ok(!kconfig_open(path, d, &c) && kconfig_yes(c, "CONFIG_A"), "compressed, as in /proc");
	kconfig_free(c);
	ok(!diags_count(d), "nothing to say so far");
	ok_number(kconfig_read("C", "CONFIG_A=y\nwhat\n", 16, d, &c), -EBADMSG, "a foreign line");
	ok(diags_count(d) == 1 && diags_get(d, 0)->place.line == 2, "named by its line");
	ok_number(kconfig_read("C", "CONFIG_A=\"x\n", 12, d, &c), -EBADMSG, "a string that does not end");
	ok_number(kconfig_read("C", "# x\n", 4, d, &c), -EBADMSG, "no option at all");
	diags_free(d);
}

static void test_buildid(void)
{
	struct buildid id, same;
	char text[BUILDID_TEXT];
	uint8_t note[sizeof(fake_note)];

	ok(!buildid_from_notes(fake_note, sizeof(fake_note), &id) && id.size == 20, "out of notes");
	ok(!buildid_parse(buildid_text(&id, text), &same) && buildid_equal(&id, &same), "round trip");
	same.bytes[19] ^= 1;
	ok(!buildid_equal(&id, &same), "one bit differs");
	memset(&same, 0, sizeof(same));
	ok(!buildid_equal(&same, &same), "absent ones are never equal");
	ok_number(buildid_parse("0", &id), -EINVAL, "half a byte");
	ok_number(buildid_parse("0g", &id), -EINVAL, "no digit");
	memcpy(note, fake_note, sizeof(note));
	note[4] = 0xff;
	ok_number(buildid_from_notes(note, sizeof(note), &id), -EBADMSG, "a length that lies");
	note[4] = 20;
	note[8] = 1;
	ok_number(buildid_from_notes(note, sizeof(note), &id), -ENOENT, "another kind of note");
	ok_number(buildid_from_notes(note, 5, &id), -ENOENT, "too short");
}

/* --- symbols by name --- */

#define TABLE                                                                                                        \
	"ffffffff81000000 T _text\nffffffff81000010 t twice\nffffffff81000020 T twice\n"                             \
	"ffffffff81000030 t both\nffffffff81000040 t both\nffffffff81000050 T exported\n"                            \
	"ffffffff81000058 T forkvm\nffffffff81000060 W weak\nffffffff81000070 T strong\nffffffff81000080 t hidden\n" \
	"ffffffffc0000000 t inmod\t[mod]\nffffffffc0000010 t inmod\t[mod]\n"                                         \
	"ffffffffc0000020 T modfn\t[mod]\nffffffffc0000030 t twice\t[mod]\n"
#define EXPORTS                                                                                              \
	"0x1\texported\tvmlinux\tEXPORT_SYMBOL\t\n0x2\tmodfn\tx/mod\tEXPORT_SYMBOL\t\n"                      \
	"0x3\tother\tx/other\tEXPORT_SYMBOL\t\n"                                                             \
	"0x4\tforkvm\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm\n"

/* @bind: -1: not defined in the object. @pos: the error, or the position. */
static void ask(const struct ksym_source *s, const char *name, int bind, enum ksym_where where,
		const char *object, int pos)
{
	struct symbol definition = { .name = name, .section = 1, .bind = (uint8_t)bind };
	struct ksym k = { 0 };
	const char *why = NULL;
	int err = s->find(s, name, bind < 0 ? NULL : &definition, &k, &why);

	if (pos < 0) {
		ok(err == pos && why && strstr(why, name), "%s (%d): refused: %s", name, bind,
		   why ? why : "");
		return;
	}
	ok(!err && !why && k.where == where && k.sympos == (uint32_t)pos && !k.exact &&
		   (object ? k.object && !strcmp(k.object, object) : !k.object),
	   "%s (%d): %d %s %u", name, bind, k.where, k.object ? k.object : "-", k.sympos);
}

static void test_ksyms(void)
{
	struct diags *d = diags_new();
	struct kallsyms *k = NULL;
	struct symvers *v = NULL;
	struct ksyms_input in = { .owner = "vmlinux" };
	struct ksym_source s;

	fake_write(in_work("kallsyms"), TABLE, sizeof(TABLE) - 1);
	if (!ok(!kallsyms_read_text(path, false, d, &k), "reads /proc/kallsyms") ||
	    symvers_read("S", EXPORTS, sizeof(EXPORTS) - 1, d, &v))
		return;
	in.vmlinux = k;
	in.symvers = v;
	ksyms_new(&in, &s);
	ask(&s, "twice", STB_LOCAL, KSYM_OWNER, "vmlinux", 1);
	ask(&s, "twice", STB_GLOBAL, KSYM_OWNER, "vmlinux", 2);
	ask(&s, "both", STB_LOCAL, KSYM_OWNER, NULL, -ENOTUNIQ);
	ask(&s, "both", STB_GLOBAL, KSYM_ABSENT, NULL, 0);
	ask(&s, "exported", STB_GLOBAL, KSYM_VMLINUX_EXPORT, "vmlinux", 0);
	ask(&s, "exported", -1, KSYM_VMLINUX_EXPORT, "vmlinux", 0);
	/* exported to some modules only: no patch module can import it */
	ask(&s, "forkvm", STB_GLOBAL, KSYM_OWNER, "vmlinux", 0);
	ask(&s, "forkvm", -1, KSYM_OWNER, "vmlinux", 0);
	ask(&s, "weak", STB_WEAK, KSYM_OWNER, "vmlinux", 0);
	ask(&s, "strong", STB_WEAK, KSYM_OWNER, NULL, -EEXIST);
	ask(&s, "hidden", STB_GLOBAL, KSYM_OWNER, "vmlinux", 0);
	ask(&s, "hidden", -1, KSYM_ABSENT, NULL, 0);
	ask(&s, "modfn", -1, KSYM_MODULE_EXPORT, "mod", 0);
	ask(&s, "nowhere", -1, KSYM_ABSENT, NULL, 0);
	ask(&s, "inmod", STB_LOCAL, KSYM_ABSENT, NULL, 0);
	ksyms_free(&s);
	in.owner = "mod";
	ksyms_new(&in, &s);
	ask(&s, "inmod", STB_LOCAL, KSYM_OWNER, NULL, -ENOTUNIQ);
	ask(&s, "twice", STB_LOCAL, KSYM_OWNER, "mod", 0);
	ask(&s, "modfn", -1, KSYM_OWNER, "mod", 0);
	ask(&s, "other", -1, KSYM_MODULE_EXPORT, "other", 0);
	ask(&s, "exported", -1, KSYM_VMLINUX_EXPORT, "vmlinux", 0);
	ask(&s, "forkvm", -1, KSYM_VMLINUX, "vmlinux", 0);
	ask(&s, "strong", -1, KSYM_VMLINUX, "vmlinux", 0);
	ksyms_free(&s);
	kallsyms_free(k);
	fake_write(path, "0000000000000000 T a\n", 21);
	ok_number(kallsyms_read_text(path, false, d, &k), -EACCES, "hidden addresses are refused");
	fake_write(path, "ffffffff81000000 T a\nwhat\n", 26);
	ok_number(kallsyms_read_text(path, false, d, &k), -EBADMSG, "a foreign line is refused");
	ok(diags_get(d, diags_count(d) - 1)->place.line == 2, "and named");
	symvers_free(v);
	diags_free(d);
}

static void test_ksyms_module(const char *ko)
{
	struct diags *d = diags_new();
	struct kmodule *m = NULL;
	struct kallsyms *k = NULL;
	struct symvers *v = NULL;
	struct ksyms_input in = { .owner = "fake_mod" };
	struct ksym_source s;

	fake_write(in_work("kallsyms"), TABLE, sizeof(TABLE) - 1);
	if (kmodule_open(ko, d, &m) || kallsyms_read_text(path, false, d, &k) ||
	    symvers_read("S", EXPORTS, sizeof(EXPORTS) - 1, d, &v)) {
		ok(false, "inputs");
		return;
	}
	in.vmlinux = k;
	in.symvers = v;
	in.module = m;
	ksyms_new(&in, &s);
	ask(&s, "dup", STB_GLOBAL, KSYM_OWNER, "fake_mod", 3);
	ask(&s, "dup", STB_LOCAL, KSYM_OWNER, NULL, -ENOTUNIQ);
	ask(&s, "once", STB_LOCAL, KSYM_OWNER, "fake_mod", 0);
	ask(&s, "only_init", STB_LOCAL, KSYM_OWNER, NULL, -ENOTUNIQ);
	ask(&s, "early", STB_LOCAL, KSYM_OWNER, NULL, -ENOTUNIQ);
	ask(&s, "weakling", STB_WEAK, KSYM_OWNER, "fake_mod", 0);
	ask(&s, "exported", -1, KSYM_VMLINUX_EXPORT, "vmlinux", 0);
	ksyms_free(&s);
	kmodule_free(m);
	kallsyms_free(k);
	symvers_free(v);
	diags_free(d);
}

int main(int argc, char **argv)
{
	if (argc != 2 || !mkdtemp(work))
		return 99;
	test_module(argv[1]);
	test_module_damage(argv[1]);
	test_find();
	test_symvers();
	test_kconfig();
	test_buildid();
	test_ksyms();
	test_ksyms_module(argv[1]);
	return tap_done();
}
