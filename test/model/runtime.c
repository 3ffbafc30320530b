// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compiles kmod/kpatch-runtime.c, as it is, into the model checker. Gives it a patch of two objects
 * (vmlinux and the module "target"), the relocation sections of such a patch, memory for the fields,
 * and a kernel whose text_poke() writes there and notes what it was asked to write. The init function
 * of the module runs once; after that the model calls the callbacks that it gave to klp_enable_patch().
 * Nothing is kept between two calls: each begins by making the world as the model says it is.
 */
#include RUNTIME /* kmod/kpatch-runtime.c, or a broken one */
#include "runtime.h"

/* The sections of the patch: a table, and what it relocates. Two targets whose names begin alike. */
enum { TEXT = 1, DATA, OTHER, RELA_GUARD, RELA_TEXT, RELA_DATA, RELA_OTHER, SYMBOLS, N_SECTIONS };

static u8 text[16], data[16], other[16];
static Elf_Sym symbols[] = { { 0 }, { .st_value = 0x12345678 }, { .st_value = 0x1122334455667788 } };
static Elf_Rela guard[] = { { .r_info = ELF64_R_INFO(1, R_X86_64_NONE) },
			    { .r_info = ELF64_R_INFO(2, R_X86_64_NONE) } };
static Elf_Rela rela_text[] = {
	{ .r_offset = 1, .r_info = ELF64_R_INFO(1, R_X86_64_PLT32), .r_addend = -4 },
	{ .r_offset = 8, .r_info = ELF64_R_INFO(1, R_X86_64_32S) },
};
static Elf_Rela rela_data[] = {
	{ .r_offset = 0, .r_info = ELF64_R_INFO(1, R_X86_64_64), .r_addend = 8 },
	{ .r_offset = 8, .r_info = ELF64_R_INFO(2, R_X86_64_64) },
};
static char names[] = "\0.klp.rela.target.text\0.klp.rela.target2.text\0";
#define NAME_TARGET 1
#define NAME_OTHER (NAME_TARGET + sizeof(".klp.rela.target.text"))

#define PLACE(memory) ((unsigned long)(memory))
#define RELA(table, of, name_at)                                                                             \
	{                                                                                                    \
		.sh_type = SHT_RELA, .sh_flags = SHF_RELA_LIVEPATCH, .sh_name = (name_at),                   \
		.sh_size = sizeof(table), .sh_info = (of), .sh_link = SYMBOLS                                \
	}

static Elf_Shdr sections[N_SECTIONS] = {
	[RELA_GUARD] = RELA(guard, TEXT, NAME_TARGET),
	[RELA_TEXT] = RELA(rela_text, TEXT, NAME_TARGET),
	[RELA_DATA] = RELA(rela_data, DATA, NAME_TARGET),
	[RELA_OTHER] = RELA(rela_text, OTHER, NAME_OTHER),
};
static struct klp_modinfo info = {
	.hdr.e_shnum = N_SECTIONS,
	.sechdrs = sections,
	.secstrings = names,
	.symndx = SYMBOLS,
};
struct module model_patch_module = { .klp_info = &info };

static struct klp_object *target_object;
static struct module target_module;
static struct situation *now;

/* The places of the target's fields, one after the other; false after the last. */
static bool field_at(unsigned int n, u8 **place, size_t *size, u64 *value)
{
	const Elf_Rela *rela = n < 2 ? &rela_text[n] : &rela_data[n - 2];
	u8 *base = n < 2 ? text : data;

	if (n >= 4)
		return false;
	*place = base + rela->r_offset;
	*size = n < 2 ? 4 : 8;
	*value = symbols[ELF64_R_SYM(rela->r_info)].st_value + rela->r_addend;
	if (ELF64_R_TYPE(rela->r_info) == R_X86_64_PLT32)
		*value -= PLACE(*place);
	return true;
}

static void make_fields(enum fields fields)
{
	unsigned int n;
	size_t size;
	u64 value;
	u8 *place;

	memset(text, 0, sizeof(text));
	memset(data, 0, sizeof(data));
	memset(other, 0xee, sizeof(other));
	for (n = 0; field_at(n, &place, &size, &value); n++)
		if (fields == FIELDS_WRITTEN || fields == FIELDS_CHANGED ||
		    (fields == FIELDS_PARTLY && n < 2))
			memcpy(place, &value, size);
	/* in its data, and not in the last of it */
	if (fields == FIELDS_CHANGED)
		data[0] ^= 0xff;
}

static enum fields read_fields(void)
{
	unsigned int n, zeroes = 0, written = 0;
	static const u64 zero;
	size_t size;
	u64 value;
	u8 *place;

	for (n = 0; field_at(n, &place, &size, &value); n++) {
		zeroes += !memcmp(place, &zero, size);
		written += !memcmp(place, &value, size);
	}
	if (zeroes == n)
		return FIELDS_ZERO;
	if (written == n)
		return FIELDS_WRITTEN;
	return zeroes ? FIELDS_PARTLY : FIELDS_CHANGED;
}

/* The target's memory: code, and what is read only, with the note of its build ID in the middle. */
static struct {
	u8 text[16];
	char before[12];
	u32 note[4];
	u8 build_id[20];
	char after[8];
} target_memory = { { 0 }, "something", { 4, 20, 3, 0x00554e47 }, { 1, 2, 3 }, "else" };

/* And the kernel's: the notes of others around it. */
struct {
	u32 other[4], note[4];
	u8 build_id[20];
	u32 last[3];
} model_notes = { { 4, 0, 7, 0x006e6558 }, { 4, 20, 3, 0x00554e47 }, { 9, 8, 7 }, { 4, 0, 1 } };
_Static_assert(sizeof(model_notes) == 64, "the end below");

/* They stand where the kernel resolves the runtime's references to what it does not export. */
#define KERNEL_HAS(name, ours)                                                                               \
	__asm__(".globl \"" KPATCH_REF_PREFIX "vmlinux.vmlinux." name ",0\"\n\t.set \"" KPATCH_REF_PREFIX    \
		"vmlinux.vmlinux." name ",0\", " ours)

void *model_text_poke(void *at, const void *bytes, size_t size);
struct mutex model_text_mutex;
KERNEL_HAS("text_poke", "model_text_poke");
KERNEL_HAS("text_mutex", "model_text_mutex");
KERNEL_HAS("__start_notes", "model_notes");
KERNEL_HAS("__stop_notes", "model_notes + 64");

void *model_text_poke(void *at, const void *bytes, size_t size)
{
	unsigned int n;
	size_t width;
	u64 value;
	u8 *place;

	for (n = 0; field_at(n, &place, &width, &value); n++)
		if (place == at && width == size)
			break;
	now->poked = 1;
	if (n == 4 || !model_text_mutex.held)
		now->poked_elsewhere = 1;
	return memcpy(at, bytes, size);
}

void *kcalloc(size_t n, size_t size, int flags)
{
	static u64 memory[256];
	static size_t used;
	void *p = &memory[used];

	used += (n * size + 7) / 8;
	return used <= 256 ? p : NULL;
}

void kfree(void *p)
{
}

void mutex_lock(struct mutex *lock)
{
	lock->held++;
}

void mutex_unlock(struct mutex *lock)
{
	lock->held--;
}

/* The author's callbacks: they use what their own code refers to. */
static void author_runs(void)
{
	now->author_ran = 1;
	now->author_saw_bad =
		read_fields() != now->fields || now->fields == FIELDS_ZERO || now->fields == FIELDS_PARTLY;
}

static int author_pre_patch(struct klp_object *obj)
{
	author_runs();
	return now->refuse ? -ENODEV : 0;
}

static void author_post_unpatch(struct klp_object *obj)
{
	author_runs();
}

static void replacement(void)
{
}

/* The tables that create-diff-object and the link would have made, between the bounds of merge.lds. */
#define POINTER(p) ((kpatch_u64)(unsigned long)(p))
struct kpatch_func kpatch_funcs[2] __asm__("kpatch_funcs_start");
struct kpatch_callback kpatch_callbacks[2] __asm__("kpatch_callbacks_start");
__asm__(".globl kpatch_funcs_end, kpatch_callbacks_end\n"
	".set kpatch_funcs_end, kpatch_funcs_start + 64\n"
	".set kpatch_callbacks_end, kpatch_callbacks_start + 48\n"
	".globl kpatch_states_start\n"
	".set kpatch_states_start, states_end");
struct kpatch_target kpatch_targets[2] __asm__("kpatch_targets_start");
__asm__(".globl kpatch_targets_end\n\t.set kpatch_targets_end, kpatch_targets_start + 2 * 136");
_Static_assert(sizeof(kpatch_targets) == 2 * 136, "the bound above");
_Static_assert(sizeof(kpatch_funcs) == 64 && sizeof(kpatch_callbacks) == 48, "the bounds above");

static void make_tables(void)
{
	static const char *const objects[] = { "vmlinux", "target" };
	int i;

	for (i = 0; i < 2; i++)
		kpatch_funcs[i] = (struct kpatch_func){ KPATCH_ABI_VERSION, 0, POINTER(replacement),
							POINTER("f"), POINTER(objects[i]) };
	for (i = 0; i < 2; i++) {
		kpatch_targets[i] = (struct kpatch_target){ KPATCH_ABI_VERSION, 20 };
		strcpy(kpatch_targets[i].object, objects[i]);
		memcpy(kpatch_targets[i].build_id, i ? target_memory.build_id : model_notes.build_id, 20);
	}
	kpatch_callbacks[0] = (struct kpatch_callback){ KPATCH_ABI_VERSION, KPATCH_PRE_PATCH,
							POINTER(author_pre_patch), POINTER("target") };
	kpatch_callbacks[1] = (struct kpatch_callback){ KPATCH_ABI_VERSION, KPATCH_POST_UNPATCH,
							POINTER(author_post_unpatch), POINTER("target") };
}

int klp_enable_patch(struct klp_patch *enabled)
{
	struct klp_object *obj;

	for (obj = enabled->objs; obj->funcs; obj++)
		if (obj->name && !strcmp(obj->name, "target"))
			target_object = obj;
	return target_object && target_object->callbacks.pre_patch && target_object->callbacks.post_unpatch ?
		       0 :
		       -EINVAL;
}

int runtime_start(void)
{
	u8 *memory[] = { [TEXT] = text,	  data,		other, (u8 *)guard, (u8 *)rela_text, (u8 *)rela_data,
			 (u8 *)rela_text, (u8 *)symbols };
	unsigned int i;

	if (target_object)
		return 0;
	for (i = TEXT; i < N_SECTIONS; i++)
		sections[i].sh_addr = PLACE(memory[i]);
	make_tables();
	return model_module_init();
}

static void enter(struct situation *s)
{
	now = s;
	target_module.state = s->coming ? MODULE_STATE_COMING :
			      s->going	? MODULE_STATE_GOING :
					  MODULE_STATE_LIVE;
	target_module.klp_alive = s->alive;
	target_module.core_layout = (struct module_layout){
		.base = &target_memory,
		.text_size = sizeof(target_memory.text),
		.ro_size = sizeof(target_memory),
	};
	target_memory.build_id[19] = s->other_build;
	target_object->mod = s->loaded ? &target_module : NULL;
	target_object->funcs->transition = s->transition;
	patch.enabled = s->enabled;
	patch.forced = s->forced;
	make_fields(s->fields);
}

static void leave(void)
{
	now->fields = read_fields();
	if (model_text_mutex.held)
		now->poked_elsewhere = 1;
	model_text_mutex.held = 0;
}

int runtime_pre_patch(struct situation *s)
{
	int ret;

	enter(s);
	ret = target_object->callbacks.pre_patch(target_object);
	leave();
	return ret;
}

void runtime_post_unpatch(struct situation *s)
{
	enter(s);
	target_object->callbacks.post_unpatch(target_object);
	leave();
}
