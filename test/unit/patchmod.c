// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives parts of the link and finish stages on files, for patchmod.bats:
 *
 *	patchmod copy IN OUT		read and written, nothing else
 *	patchmod natural IN OUT		names for objtool
 *	patchmod back IN OUT		the same, and back again
 *	patchmod finish IN OUT		klp references to livepatch relocations
 *	patchmod finish IN OUT KALLSYMS	the same, those of vmlinux by their distances in there
 *	patchmod break HOW IN OUT	one fault for the self-check to find
 *	patchmod imports IN OUT SYMVERS	import_ns= for the namespaces of SYMVERS
 *	patchmod check IN		self-check
 *	patchmod check IN KALLSYMS MODULES LINKED	the same, against these, and what it was made of
 *
 * Diagnostics go to standard output. Exit code 1 for any error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kmod/kpatch-abi.h"
#include "kpatch-build/finish/finish.h"
#include "kpatch-build/link/link.h"
#include "lib/elf/write/elf_edit.h"
#include "lib/kernel/symbols/kallsyms.h"
#include "lib/kernel/symbols/symvers.h"
#include "lib/util/arena.h"
#include "lib/util/diag.h"
#include "lib/util/strmap.h"

static struct elf_edit_section *section(struct elf_edit *f, const char *name)
{
	uint32_t index = elf_edit_find_section(f, name);

	if (!index)
		printf("no section %s\n", name);
	return &f->sections[index];
}

static uint32_t symbol_index(struct elf_edit *f, const char *name)
{
	uint32_t i;

	for (i = 1; i < f->n_symbols; i++)
		if (!strcmp(f->symbols[i].name, name))
			return i;
	printf("no symbol %s\n", name);
	return 0;
}

static struct elf_edit_symbol *symbol(struct elf_edit *f, const char *name)
{
	return &f->symbols[symbol_index(f, name)];
}

static Elf64_Rela *relas(struct elf_edit *f, const char *name)
{
	return (Elf64_Rela *)section(f, name)->data;
}

#define MANIFEST "name: fixture\n"
#define TEXT_KLP ".klp.rela.nfsd..text"
#define GUARD ".klp.rela.nfsd..kpatch.funcs"
#define HELPER ".klp.sym.nfsd.nfsd_show,3"

static void drop_guard(struct elf_edit *f)
{
	section(f, GUARD)->removed = true;
}
static void guard_writes(struct elf_edit *f)
{
	relas(f, GUARD)->r_info += R_X86_64_PC32;
}
static void guard_lacks(struct elf_edit *f)
{
	relas(f, GUARD)->r_info = ELF64_R_INFO(symbol_index(f, HELPER), R_X86_64_NONE);
}
static void field(struct elf_edit *f)
{
	section(f, ".text")->data[relas(f, TEXT_KLP)->r_offset + 3] = 1;
}
static void offset(struct elf_edit *f)
{
	relas(f, TEXT_KLP)->r_offset = 1 << 20;
}
static void reloc_type(struct elf_edit *f)
{
	relas(f, TEXT_KLP)->r_info += 0x30;
}
static void klp_symbol_name(struct elf_edit *f)
{
	symbol(f, ".klp.sym.nfsd.counter,1")->name = ".klp.sym.nfsd.counter";
}
static void klp_symbol_tail(struct elf_edit *f)
{
	symbol(f, ".klp.sym.nfsd.counter,1")->name = ".klp.sym.nfsd.counter,1x";
}
static void klp_symbol_object(struct elf_edit *f)
{
	symbol(f, ".klp.sym.nfsd.counter,1")->name = ".klp.sym.vmlinux.counter,1";
}
static void klp_symbol_kind(struct elf_edit *f)
{
	symbol(f, ".klp.sym.nfsd.counter,1")->reserved = 0;
}
static void klp_section_name(struct elf_edit *f)
{
	section(f, TEXT_KLP)->name = ".klp.rela.nfsd.text";
}
static void klp_section_target(struct elf_edit *f)
{
	section(f, TEXT_KLP)->info = elf_edit_find_section(f, ".data");
}
static void klp_section_flags(struct elf_edit *f)
{
	section(f, TEXT_KLP)->flags &= ~SHF_ALLOC;
}
static void distance(struct elf_edit *f)
{
	relas(f, ".rela.data.anchored")[1].r_addend += 8;
}
static void distance_anchor(struct elf_edit *f)
{
	relas(f, ".rela.data.anchored")[1].r_info = ELF64_R_INFO(symbol_index(f, "__fentry__"), R_X86_64_64);
}
static void livepatch_addend(struct elf_edit *f)
{
	relas(f, TEXT_KLP)->r_addend += 8;
}
static void livepatch_other(struct elf_edit *f)
{
	relas(f, TEXT_KLP)->r_info = ELF64_R_INFO(symbol_index(f, HELPER), R_X86_64_PLT32);
}
static void livepatch_gone(struct elf_edit *f)
{
	section(f, TEXT_KLP)->size -= sizeof(Elf64_Rela);
}
static void ordinary(struct elf_edit *f)
{
	relas(f, ".rela.data")->r_info = ELF64_R_INFO(symbol_index(f, HELPER), R_X86_64_64);
}
static void left_over(struct elf_edit *f)
{
	symbol(f, "first")->name = ".klp.ref.nfsd.nfsd.x,0";
}
static void discard(struct elf_edit *f)
{
	section(f, ".bss")->name = ".discard.addressable";
}
static void module_gone(struct elf_edit *f)
{
	section(f, ".gnu.linkonce.this_module")->name = ".x";
}
static void livepatch(struct elf_edit *f)
{
	section(f, ".modinfo")->data[10] = 'N';
}
static void name(struct elf_edit *f)
{
	section(f, ".modinfo")->data[18] = 'F';
}
static void vermagic(struct elf_edit *f)
{
	section(f, ".modinfo")->data[35] = '2';
}
static void mcount(struct elf_edit *f)
{
	relas(f, ".rela__mcount_loc")->r_addend += 1;
}
static void mcount_gone(struct elf_edit *f)
{
	section(f, ".rela__mcount_loc")->removed = true;
}
static void manifest(struct elf_edit *f)
{
	section(f, KPATCH_MANIFEST_SECTION)->data[0] ^= 1;
}
static void manifest_loaded(struct elf_edit *f)
{
	section(f, KPATCH_MANIFEST_SECTION)->flags |= SHF_ALLOC;
}
/* Of two entries one has its relocation. */
static void mcount_short(struct elf_edit *f)
{
	static uint8_t two[16];
	struct elf_edit_section *s = section(f, "__mcount_loc");

	s->data = two;
	s->size = sizeof(two);
}
static void call(struct elf_edit *f)
{
	section(f, ".text")->data[symbol(f, "new_show")->value] = 0x90;
}
static void function_size(struct elf_edit *f)
{
	symbol(f, "new_show")->size = 0;
}
static void function_type(struct elf_edit *f)
{
	symbol(f, "new_show")->type = STT_NOTYPE;
}
static void orc(struct elf_edit *f)
{
	section(f, ".orc_unwind")->data[0] = 16;
}
static void orc_register(struct elf_edit *f)
{
	section(f, ".orc_unwind")->data[4] = 4;
}
static void orc_three(struct elf_edit *f)
{
	section(f, ".orc_unwind")->data[4] = 3;
}
static void orc_late(struct elf_edit *f)
{
	relas(f, ".rela.orc_unwind_ip")->r_addend = 64;
}
static void modinfo_bss(struct elf_edit *f)
{
	section(f, ".modinfo")->type = SHT_NOBITS;
	section(f, ".modinfo")->data = NULL;
}
static void version(struct elf_edit *f)
{
	section(f, "__versions")->data[8] = 'x';
}
static void weak(struct elf_edit *f)
{
	symbol(f, "__fentry__")->bind = STB_WEAK;
}
static void abi(struct elf_edit *f)
{
	section(f, KPATCH_FUNCS_SECTION)->data[0] = 9;
}
/* Fields of the first target, and of the second's. */
static struct kpatch_target *targets(struct elf_edit *f)
{
	return (struct kpatch_target *)section(f, KPATCH_TARGETS_SECTION)->data;
}
static void target_gone(struct elf_edit *f)
{
	section(f, KPATCH_TARGETS_SECTION)->size = sizeof(struct kpatch_target);
}
static void target_kernel_gone(struct elf_edit *f)
{
	targets(f)[0].object[0]++;
}
static void target_twice(struct elf_edit *f)
{
	static struct kpatch_target three[3];
	struct elf_edit_section *s = section(f, KPATCH_TARGETS_SECTION);

	memcpy(three, s->data, 2 * sizeof(*three));
	three[2] = three[1];
	s->data = (uint8_t *)three;
	s->size = sizeof(three);
}
static void target_without_id(struct elf_edit *f)
{
	targets(f)[1].size = 0;
}
static void target_abi(struct elf_edit *f)
{
	targets(f)[0].abi_version++;
}
static void target_refused(struct elf_edit *f)
{
	targets(f)[1].refused = 1;
}

static const struct {
	const char *name;
	void (*apply)(struct elf_edit *f);
} faults[] = {
	{ "drop-guard", drop_guard },
	{ "guard-writes", guard_writes },
	{ "guard-lacks", guard_lacks },
	{ "field", field },
	{ "offset", offset },
	{ "reloc-type", reloc_type },
	{ "klp-symbol-name", klp_symbol_name },
	{ "klp-symbol-tail", klp_symbol_tail },
	{ "klp-symbol-object", klp_symbol_object },
	{ "klp-symbol-kind", klp_symbol_kind },
	{ "klp-section-name", klp_section_name },
	{ "klp-section-target", klp_section_target },
	{ "klp-section-flags", klp_section_flags },
	{ "distance", distance },
	{ "distance-anchor", distance_anchor },
	{ "livepatch-addend", livepatch_addend },
	{ "livepatch-other", livepatch_other },
	{ "livepatch-gone", livepatch_gone },
	{ "ordinary", ordinary },
	{ "left-over", left_over },
	{ "discard", discard },
	{ "module-gone", module_gone },
	{ "livepatch", livepatch },
	{ "name", name },
	{ "vermagic", vermagic },
	{ "modinfo-bss", modinfo_bss },
	{ "mcount", mcount },
	{ "manifest", manifest },
	{ "manifest-loaded", manifest_loaded },
	{ "mcount-gone", mcount_gone },
	{ "mcount-short", mcount_short },
	{ "call", call },
	{ "function-size", function_size },
	{ "function-type", function_type },
	{ "orc", orc },
	{ "orc-register", orc_register },
	{ "orc-three", orc_three },
	{ "orc-late", orc_late },
	{ "version", version },
	{ "weak", weak },
	{ "abi", abi },
	{ "target-gone", target_gone },
	{ "target-kernel-gone", target_kernel_gone },
	{ "target-twice", target_twice },
	{ "target-without-id", target_without_id },
	{ "target-abi", target_abi },
	{ "target-refused", target_refused },
};

static int break_it(struct elf_edit *f, const char *how)
{
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!strcmp(faults[i].name, how)) {
			faults[i].apply(f);
			return 0;
		}
	}
	printf("unknown fault %s\n", how);
	return -1;
}

static int rename_refs(struct elf_edit *f, struct diags *diags, bool back)
{
	struct strmap *names = strmap_new(16);
	int ret = refs_to_natural(f, diags, names);

	metadata_to_final(f, true);
	if (!ret && back) {
		refs_back(f, names);
		metadata_to_final(f, false);
	}
	strmap_free(names);
	return ret;
}

static int finish(struct elf_edit *f, const char *symbols, struct arena *a, struct diags *diags)
{
	struct module_entries funcs = { 0 };
	struct kallsyms *kallsyms = NULL;
	int ret = module_funcs(f, a, diags, &funcs);

	if (!ret && symbols)
		ret = kallsyms_read_text(symbols, true, diags, &kallsyms);
	if (!ret && symbols)
		finish_distances(f, kallsyms);
	kallsyms_free(kallsyms);
	return ret ? ret : finish_klp(f, &funcs, diags);
}

static int check(int argc, char **argv, struct arena *a, struct diags *diags)
{
	struct selfcheck_want want = {
		.module_name = "fixture",
		.vermagic = "6.1.0 SMP",
		.orc_stack_pointer = argv[1][5] ? (unsigned int)strtoul(argv[1] + 6, NULL, 0) : 5,
		.manifest = MANIFEST,
		.manifest_size = strlen(MANIFEST),
	};
	struct kallsyms *kallsyms = NULL;
	int ret = 0;

	if (argc == 6) {
		ret = kallsyms_read_text(argv[3], true, diags, &kallsyms);
		want.kallsyms = kallsyms;
		want.modules = argv[4];
		want.linked = argv[5];
	}
	if (!ret)
		ret = selfcheck(argv[2], &want, a, diags);
	kallsyms_free(kallsyms);
	return ret;
}

static int imports(struct elf_edit *f, const char *path, struct diags *diags)
{
	struct symvers *symvers;
	int ret = symvers_open(path, diags, &symvers);

	if (ret)
		return ret;
	ret = import_namespaces(f, symvers);
	symvers_free(symvers);
	return ret;
}

static int run(int argc, char **argv, struct arena *a, struct diags *diags)
{
	const char *command = argc > 1 ? argv[1] : "";
	bool breaking = !strcmp(command, "break");
	const char *in = argv[breaking ? 3 : 2], *out = argv[breaking ? 4 : 3];
	struct elf_edit *f;
	int ret;

	if (argc >= 3 && (!strcmp(command, "check") || !strncmp(command, "check=", 6)))
		return check(argc, argv, a, diags);
	if (argc < 4 + breaking + !strcmp(command, "imports"))
		return -1;
	ret = elf_edit_read(in, a, diags, &f);
	if (ret)
		return ret;
	if (breaking)
		ret = break_it(f, argv[2]);
	else if (!strcmp(command, "finish"))
		ret = finish(f, argv[4], a, diags);
	else if (!strcmp(command, "copy"))
		ret = 0;
	else if (!strcmp(command, "build-id"))
		ret = finish_build_id(f);
	else if (!strcmp(command, "imports"))
		ret = imports(f, argv[4], diags);
	else
		ret = rename_refs(f, diags, !strcmp(command, "back"));
	return ret ? ret : elf_edit_write(f, out);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct diags *diags = diags_new();
	int ret = run(argc, argv, a, diags);
	size_t i;

	for (i = 0; i < diags_count(diags); i++)
		diag_print(stdout, diags_get(diags, i));
	diags_free(diags);
	arena_free(a);
	return ret ? 1 : 0;
}
