// SPDX-License-Identifier: GPL-2.0-only
/*
 * The runtime of every patch module: kernel code, compiled once for each kernel when that kernel
 * is prepared, and linked with the output of create-diff-object.
 *
 * It reads the tables of kpatch-abi.h that the link collects in the module, builds the klp_patch
 * that they describe and hands it to the livepatch core. It changes nothing in the kernel itself;
 * what it allocates lives until the module is removed or its initialization fails.
 *
 * Besides that it keeps the targets of klp relocations fit for use. The kernel applies the
 * relocations that belong to a patched module each time that module is loaded, and on x86 it
 * demands that the fields are zero before. Kernels before 6.3 never clear them, so such a module
 * could be loaded once only; later kernels clear them, but not where loading the module failed
 * half way, and not from a field on that the patch's code has changed. The runtime does what is
 * missing, from the two callbacks that the core runs on each of those paths: post_unpatch, and a
 * pre_patch that fails. The rest of the scheme is in the module's layout: all symbols are looked up
 * before the first field is written (the guard section, kpatch-build/finish/finish_klp.c).
 *
 * And it refuses what the patch was not made for: another build of the kernel when the patch is loaded,
 * another build of a module whenever that comes. Symbols of the same names are no proof, and nobody but
 * the runtime sees every way in which a module can be loaded.
 */
#include <linux/elf.h>
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/livepatch.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kpatch-abi.h"

#define FUNC_PTR(field) ((void *)(unsigned long)(field))
#define NAME_PTR(field) ((const char *)(unsigned long)(field))

/* Bounds of the tables, from the linker script (merge.lds). */
extern const struct kpatch_func kpatch_funcs_start[], kpatch_funcs_end[];
extern const struct kpatch_callback kpatch_callbacks_start[], kpatch_callbacks_end[];
extern struct kpatch_target kpatch_targets_start[], kpatch_targets_end[];
extern struct klp_state kpatch_states_start[];
/* What reads the finished module reads them as the ABI header has them. */
_Static_assert(sizeof(struct klp_state) == sizeof(struct kpatch_state) &&
		       offsetof(struct klp_state, id) == offsetof(struct kpatch_state, id) &&
		       offsetof(struct klp_state, version) == offsetof(struct kpatch_state, version),
	       "struct kpatch_state");

/* The link puts it behind the author's states, and the core looks for it there. */
static struct klp_state states_end __used __aligned(8) __section(".data.kpatch.states_end");

/* The link stage writes the flags of this patch; not static, so that no value is assumed. */
struct kpatch_patch kpatch_patch __section(KPATCH_PATCH_SECTION) = {
	.abi_version = KPATCH_ABI_VERSION,
};

/* For branches that must not be taken in this patch (KPATCH_KEY_OFF). */
struct static_key kpatch_key_off = STATIC_KEY_INIT_FALSE;

static struct klp_patch patch = { .mod = THIS_MODULE };
static struct klp_func *funcs;	      /* for all objects, one run with a terminator each */
static struct klp_callbacks *authors; /* what the patch's author asked for, by object index */
static size_t n_objects;

/*
 * What vmlinux does not export becomes a klp relocation like any reference that a patch makes, and the
 * assembler's alias spares C a name that it could not spell.
 */
#define UNEXPORTED(alias, name)                                                                              \
	asm(".weak \"" KPATCH_REF_PREFIX "vmlinux.vmlinux." name ",0\"\n\t.set " alias                       \
	    ", \"" KPATCH_REF_PREFIX "vmlinux.vmlinux." name ",0\"")

UNEXPORTED("kpatch_notes_start", KPATCH_NOTES_START);
UNEXPORTED("kpatch_notes_end", KPATCH_NOTES_END);
extern const u8 kpatch_notes_start[], kpatch_notes_end[];

/* Guards what targets say of refused builds: the core sets it, readers of sysfs ask. */
static DEFINE_MUTEX(refusals);

/* A note with a build ID, as the ELF format has it. */
#define BUILD_ID_NOTE 3
struct build_note {
	u32 name_size, size, type;
	char name[4];
	u8 id[];
};

/*
 * Whether the notes from @start to @end hold the build ID of @target. *found is the first that is there,
 * NULL for none. The range of a module is all of its read-only data: while it is being loaded nothing
 * tells yet where its notes are, but they start at a multiple of four, and no other data has all of
 * header and build ID by chance.
 */
static bool has_build(const u8 *start, const u8 *end, const struct kpatch_target *target,
		      const struct build_note **found)
{
	const struct build_note *note;
	size_t left = end - start;

	*found = NULL;
	for (; left >= sizeof(*note); start += 4, left -= 4) {
		note = (const void *)start;
		if (note->name_size != sizeof(note->name) || note->type != BUILD_ID_NOTE || !note->size ||
		    memcmp(note->name, "GNU", sizeof(note->name)) || note->size > KPATCH_BUILD_ID_SIZE ||
		    note->size > left - sizeof(*note))
			continue;
		if (note->size == target->size && !memcmp(note->id, target->build_id, note->size))
			return true;
		if (!*found)
			*found = note;
	}
	return false;
}

static void note_refusal(struct kpatch_target *target, const struct build_note *found)
{
	u32 size = found ? found->size : 0;

	mutex_lock(&refusals);
	target->refused = 1;
	target->found_size = size;
	if (found)
		memcpy(target->found, found->id, size);
	mutex_unlock(&refusals);
	if (found)
		pr_err("%s: not made for this build of %s: its build ID is %*phN, not %*phN\n",
		       THIS_MODULE->name, target->object, (int)size, found->id, (int)target->size,
		       target->build_id);
	else
		pr_err("%s: not made for this build of %s: it has no build ID, not %*phN\n",
		       THIS_MODULE->name, target->object, (int)target->size, target->build_id);
}

static int check_build(const char *object, const u8 *start, const u8 *end)
{
	const struct build_note *found;
	struct kpatch_target *target;

	for (target = kpatch_targets_start; target < kpatch_targets_end; target++) {
		if (strcmp(target->object, object))
			continue;
		if (!has_build(start, end, target, &found)) {
			note_refusal(target, found);
			return -ENOEXEC;
		}
		mutex_lock(&refusals);
		target->refused = 0;
		mutex_unlock(&refusals);
		return 0;
	}
	pr_err("%s: does not say which build of %s it was made for\n", THIS_MODULE->name, object);
	return -ENOEXEC;
}

static int check_kernel(void)
{
	return check_build("vmlinux", kpatch_notes_start, kpatch_notes_end);
}

static int check_module(const struct klp_object *obj)
{
#ifdef for_each_mod_mem_type /* since 6.4 */
	const u8 *start = obj->mod->mem[MOD_RODATA].base, *end = start + obj->mod->mem[MOD_RODATA].size;
#else
	const u8 *start = (const u8 *)obj->mod->core_layout.base + obj->mod->core_layout.text_size;
	const u8 *end = (const u8 *)obj->mod->core_layout.base + obj->mod->core_layout.ro_size;
#endif

	return check_build(obj->name, start, end);
}

/*
 * /sys/module/NAME/parameters/targets: a line "OBJECT BUILD" for each; behind it the build that was
 * refused last, "-" for one without a build ID, if it has not come as it should since.
 */
static int show_targets(char *buffer, const struct kernel_param *param)
{
	const struct kpatch_target *target;
	int n = 0;

	mutex_lock(&refusals);
	for (target = kpatch_targets_start; target < kpatch_targets_end; target++) {
		n += scnprintf(buffer + n, PAGE_SIZE - n, "%s %*phN", target->object, (int)target->size,
			       target->build_id);
		if (target->refused && target->found_size)
			n += scnprintf(buffer + n, PAGE_SIZE - n, " %*phN", (int)target->found_size,
				       target->found);
		else if (target->refused)
			n += scnprintf(buffer + n, PAGE_SIZE - n, " -");
		n += scnprintf(buffer + n, PAGE_SIZE - n, "\n");
	}
	mutex_unlock(&refusals);
	return n;
}

/* Nobody sets what the runtime shows. */
static int set_targets(const char *value, const struct kernel_param *param)
{
	return -EPERM;
}

static const struct kernel_param_ops targets_ops = { .get = show_targets, .set = set_targets };
module_param_cb(targets, &targets_ops, NULL, 0444);

/*
 * /sys/module/NAME/parameters/kept: Y if the module stays in memory when its patch is gone, because what its code has
 * given away (strings, tables, functions) may be in use for ever.
 */
static int show_kept(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%c\n", kpatch_patch.flags & KPATCH_PATCH_KEEP ? 'Y' : 'N');
}

static const struct kernel_param_ops kept_ops = { .get = show_kept, .set = set_targets };
module_param_cb(kept, &kept_ops, NULL, 0444);

/* /sys/module/NAME/parameters/verified: N if the patch was built without a proof that it is for this code. */
static int show_verified(char *buffer, const struct kernel_param *param)
{
	return scnprintf(buffer, PAGE_SIZE, "%c\n", kpatch_patch.flags & KPATCH_PATCH_UNVERIFIED ? 'N' : 'Y');
}

static const struct kernel_param_ops verified_ops = { .get = show_verified, .set = set_targets };
module_param_cb(verified, &verified_ops, NULL, 0444);

/*
 * /sys/module/NAME/parameters/states: a line "NUMBER VERSION" for each state that the patch declares. The
 * core compares them when the next patch comes, and shows them to nobody.
 */
static int show_states(char *buffer, const struct kernel_param *param)
{
	const struct klp_state *state;
	int n = 0;

	for (state = kpatch_states_start; state < &states_end; state++)
		n += scnprintf(buffer + n, PAGE_SIZE - n, "%lu %u\n", state->id, state->version);
	return n;
}

static const struct kernel_param_ops states_ops = { .get = show_states, .set = set_targets };
module_param_cb(states, &states_ops, NULL, 0444);

#ifdef CONFIG_X86_64
UNEXPORTED("kpatch_text_poke", "text_poke");
UNEXPORTED("kpatch_text_mutex", "text_mutex");
extern void *kpatch_text_poke(void *addr, const void *bytes, size_t size);
extern struct mutex kpatch_text_mutex;

/* Bytes that the x86 module loader writes for a relocation of @type. */
static size_t field_size(unsigned int type)
{
	switch (type) {
	case R_X86_64_64:
	case R_X86_64_PC64:
		return 8;
	case R_X86_64_32:
	case R_X86_64_32S:
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		return 4;
	default:
		return 0;
	}
}

/* What the module loader wrote for @rela, to @place, when the target was loaded. */
static u64 applied_value(const struct klp_modinfo *info, const Elf_Rela *rela, const void *place)
{
	const Elf_Sym *symbols = (void *)info->sechdrs[info->symndx].sh_addr;
	u64 value = symbols[ELF_R_SYM(rela->r_info)].st_value + rela->r_addend;

	switch (ELF_R_TYPE(rela->r_info)) {
	case R_X86_64_PC32:
	case R_X86_64_PC64:
	case R_X86_64_PLT32:
		value -= (unsigned long)place;
	}
	return value;
}

static void reset_section(const struct klp_modinfo *info, const Elf_Shdr *rela_section, bool applied)
{
	const Elf_Rela *rela = (void *)rela_section->sh_addr;
	const Elf_Rela *end = rela + rela_section->sh_size / sizeof(*rela);
	unsigned long base = info->sechdrs[rela_section->sh_info].sh_addr;

	for (; rela < end; rela++) {
		void *place = (void *)(base + rela->r_offset);
		size_t size = field_size(ELF_R_TYPE(rela->r_info));
		u64 value = applied ? applied_value(info, rela, place) : 0;

		if (size && memcmp(place, &value, size))
			kpatch_text_poke(place, &value, size);
	}
}

static bool applies_to(const char *section, const char *object)
{
	static const char prefix[] = ".klp.rela.";
	size_t length = strlen(object);

	if (strncmp(section, prefix, sizeof(prefix) - 1))
		return false;
	section += sizeof(prefix) - 1;
	return !strncmp(section, object, length) && section[length] == '.';
}

/*
 * Puts into every field that a klp relocation for @object fills what the kernel wrote there
 * (@applied), or zeroes, which is what the file had. The caller knows that no task can be running
 * this patch's code for @object. text_poke() writes through a mapping of its own, so it does not
 * matter how the target is mapped; the next use of the bytes comes after they were written again
 * and the CPUs were synchronized.
 */
static void reset_relocations(const char *object, bool applied)
{
	const struct klp_modinfo *info = THIS_MODULE->klp_info;
	unsigned int i;

	mutex_lock(&kpatch_text_mutex);
	for (i = 1; i < info->hdr.e_shnum; i++) {
		const Elf_Shdr *section = &info->sechdrs[i];

		if (section->sh_type == SHT_RELA && (section->sh_flags & SHF_RELA_LIVEPATCH) &&
		    applies_to(info->secstrings + section->sh_name, object))
			reset_section(info, section, applied);
	}
	mutex_unlock(&kpatch_text_mutex);
}
#elif defined(CONFIG_PPC64)
static void reset_relocations(const char *object, bool applied)
{
	/*
	 * This machine's loader would look at a call before it makes it one of another module, and would need memory of
	 * its own for each. There are none: what a klp relocation fills here is a word of writable data, an
	 * address that code reads, and such a word is overwritten whatever it holds.
	 */
}
#else
#error "what this machine's module loader demands of fields that klp relocations fill is not known here"
#endif

/*
 * Leaves the fields of a target that the core has just unpatched as its next loading needs them.
 * Called with klp_mutex held.
 *
 * !klp_alive: the target is going, or a later patch refused it. Kernels that have
 * clear_relocate_add() clear right after this. They stop at the first field that is not what they
 * wrote, such as a pointer that the patch's code has changed since, so they get back what they
 * expect.
 * COMING and alive: this patch could not be applied to a target that is being loaded; no kernel
 * clears then. Or the patch as a whole is being taken back meanwhile, which the core does with
 * both marks off: then nothing applies its relocations again, and after a forced transition the
 * target's init function may still be inside of the patch's code.
 */
static void make_loadable(const struct klp_object *obj)
{
	if (!obj->mod)
		return;
	if (!obj->mod->klp_alive)
		reset_relocations(obj->name, IS_ENABLED(KPATCH_KERNEL_CLEARS));
	else if (obj->mod->state == MODULE_STATE_COMING && (patch.enabled || obj->funcs->transition))
		reset_relocations(obj->name, false);
}

static const struct klp_callbacks *author_of(const struct klp_object *obj)
{
	return &authors[obj - patch.objs];
}

/* The end of the code that stays. (Any function of this file marks the end of the replaced ones.) */
static unsigned long code_end(void)
{
	const struct klp_modinfo *info = THIS_MODULE->klp_info;
	unsigned long end = 0;
	unsigned int i;

	for (i = 1; i < info->hdr.e_shnum; i++) {
		const Elf_Shdr *section = &info->sechdrs[i];

		if ((section->sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) == (SHF_ALLOC | SHF_EXECINSTR) &&
		    strncmp(info->secstrings + section->sh_name, ".init", 5))
			end = max_t(unsigned long, end, section->sh_addr + section->sh_size);
	}
	return end;
}

/* Makes the object's last replaced function below @limit reach to the end of the code. */
static void extend_last(struct klp_object *obj, unsigned long limit, unsigned long end)
{
	struct klp_func *func, *last = NULL;

	for (func = obj->funcs; func->old_name; func++)
		if ((unsigned long)func->new_func < limit && (!last || func->new_func > last->new_func))
			last = func;
	if (last && (unsigned long)last->new_func < end)
		last->new_size = end - (unsigned long)last->new_func;
}

/*
 * The core lets a patch go when no replaced function is on any stack. What a replaced function jumps
 * to as its last deed, and the cold parts that compilers split off, run without being seen. Such code
 * lies behind the replaced functions and this file's own (kpatch-build/link/link_order.c), so the last of the
 * object's is made to cover it; and the last of all, which may be in a section behind that. The core has
 * set the sizes when it calls pre_patch, and reads them in transitions only.
 */
static void cover_rest(struct klp_object *obj)
{
	unsigned long end = code_end();

	extend_last(obj, (unsigned long)code_end, end);
	extend_last(obj, ULONG_MAX, end);
}

static int pre_patch(struct klp_object *obj)
{
	const struct klp_callbacks *author = author_of(obj);
	int ret = obj->name ? check_module(obj) : 0;

	if (!ret && author->pre_patch)
		ret = author->pre_patch(obj);
	/* The core runs nothing else for this object now. */
	if (ret && obj->name)
		reset_relocations(obj->name, false);
	if (!ret)
		cover_rest(obj);
	return ret;
}

static void post_unpatch(struct klp_object *obj)
{
	const struct klp_callbacks *author = author_of(obj);

	/* First, while what it calls and reads is still in place. */
	if (author->post_unpatch)
		author->post_unpatch(obj);
	make_loadable(obj);
}

static bool is_object(const struct klp_object *obj, const char *name)
{
	return obj->name ? !strcmp(obj->name, name) : !strcmp(name, "vmlinux");
}

/* The object of that name, made if it is new. patch.objs has room for one per table entry. */
static size_t object_index(const char *name)
{
	size_t i;

	for (i = 0; i < n_objects; i++)
		if (is_object(&patch.objs[i], name))
			return i;
	patch.objs[i].name = strcmp(name, "vmlinux") ? name : NULL;
	n_objects++;
	return i;
}

static int take_callback(const struct kpatch_callback *entry)
{
	struct klp_callbacks *author = &authors[object_index(NAME_PTR(entry->object))];
	void **slot;

	switch (entry->kind) {
	case KPATCH_PRE_PATCH:
		slot = (void **)&author->pre_patch;
		break;
	case KPATCH_POST_PATCH:
		slot = (void **)&author->post_patch;
		break;
	case KPATCH_PRE_UNPATCH:
		slot = (void **)&author->pre_unpatch;
		break;
	case KPATCH_POST_UNPATCH:
		slot = (void **)&author->post_unpatch;
		break;
	default:
		return -EINVAL;
	}
	if (*slot)
		return -EEXIST;
	*slot = FUNC_PTR(entry->function);
	return 0;
}

static void set_callbacks(struct klp_object *obj)
{
	obj->callbacks = *author_of(obj);
	obj->callbacks.pre_patch = pre_patch;
	if (obj->name)
		obj->callbacks.post_unpatch = post_unpatch;
}

/* Appends the functions of @obj to the run that starts at @next; returns the end of the run. */
static struct klp_func *set_funcs(struct klp_object *obj, struct klp_func *next)
{
	const struct kpatch_func *entry;

	obj->funcs = next;
	for (entry = kpatch_funcs_start; entry < kpatch_funcs_end; entry++) {
		if (!is_object(obj, NAME_PTR(entry->object)))
			continue;
		next->old_name = NAME_PTR(entry->old_name);
		next->new_func = FUNC_PTR(entry->new_func);
		/* As finish_klp.c searches: zero, "there is no other", has the core read all symbols. */
		next->old_sympos = entry->sympos ? entry->sympos : 1;
		next++;
	}
	return next + 1;
}

/* The tables were written by the same kpatch-build as this file; anything else is damage. */
static int check_versions(void)
{
	const struct kpatch_callback *callback;
	const struct kpatch_target *target;
	const struct kpatch_func *func;

	if (kpatch_patch.abi_version != KPATCH_ABI_VERSION)
		return -ENOEXEC;
	for (func = kpatch_funcs_start; func < kpatch_funcs_end; func++)
		if (func->abi_version != KPATCH_ABI_VERSION)
			return -ENOEXEC;
	for (callback = kpatch_callbacks_start; callback < kpatch_callbacks_end; callback++)
		if (callback->abi_version != KPATCH_ABI_VERSION)
			return -ENOEXEC;
	for (target = kpatch_targets_start; target < kpatch_targets_end; target++)
		if (target->abi_version != KPATCH_ABI_VERSION)
			return -ENOEXEC;
	return 0;
}

/* The core takes the first state without a number for the end, and the first of a number for that number. */
static int set_states(void)
{
	struct klp_state *state, *other;

	for (state = kpatch_states_start; state < &states_end; state++) {
		if (!state->id)
			return -EINVAL;
		for (other = kpatch_states_start; other < state; other++)
			if (other->id == state->id)
				return -EEXIST;
	}
	if (kpatch_states_start < &states_end)
		patch.states = kpatch_states_start;
	return 0;
}

static int build_patch(void)
{
	size_t n_funcs = kpatch_funcs_end - kpatch_funcs_start;
	size_t n_entries = n_funcs + (kpatch_callbacks_end - kpatch_callbacks_start);
	const struct kpatch_callback *callback;
	struct klp_func *next;
	size_t i;
	int ret;

	/* An upper bound of the objects, plus the terminator. */
	patch.objs = kcalloc(n_entries + 1, sizeof(*patch.objs), GFP_KERNEL);
	authors = kcalloc(n_entries + 1, sizeof(*authors), GFP_KERNEL);
	funcs = kcalloc(n_funcs + n_entries, sizeof(*funcs), GFP_KERNEL);
	if (!patch.objs || !authors || !funcs)
		return -ENOMEM;

	for (i = 0; i < n_funcs; i++)
		object_index(NAME_PTR(kpatch_funcs_start[i].object));
	for (callback = kpatch_callbacks_start; callback < kpatch_callbacks_end; callback++) {
		ret = take_callback(callback);
		if (ret)
			return ret;
	}
	for (i = 0, next = funcs; i < n_objects; i++) {
		next = set_funcs(&patch.objs[i], next);
		set_callbacks(&patch.objs[i]);
	}
	patch.replace = kpatch_patch.flags & KPATCH_PATCH_REPLACE;
	return set_states();
}

static void release_patch(void)
{
	kfree(funcs);
	kfree(authors);
	kfree(patch.objs);
}

static int __init kpatch_runtime_init(void)
{
	int ret = check_versions();

	if (!ret)
		ret = check_kernel();
	if (ret)
		return ret;
	ret = build_patch();
	if (!ret)
		ret = klp_enable_patch(&patch);
	if (ret)
		release_patch();
	else if (kpatch_patch.flags & KPATCH_PATCH_KEEP)
		__module_get(THIS_MODULE); /* nobody can remove it before its init function has returned */
	return ret;
}

/*
 * The core holds a reference to the module until the patch is disabled and none of its objects
 * is in use any more, so nothing of it is left when this runs.
 */
static void __exit kpatch_runtime_exit(void)
{
	release_patch();
}

module_init(kpatch_runtime_init);
module_exit(kpatch_runtime_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Live patch");
MODULE_INFO(livepatch, "Y");
