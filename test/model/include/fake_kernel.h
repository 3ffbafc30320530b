/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kmod/kpatch-runtime.c needs of the kernel to be compiled into the model checker: types with the fields
 * that it reads, and functions of test/model/runtime.c in place of the kernel's. Names and meanings are
 * the kernel's; nothing else is.
 */
#ifndef MODEL_FAKE_KERNEL_H
#define MODEL_FAKE_KERNEL_H

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#define __KERNEL__ 1
#define CONFIG_X86_64 1

#define __init
#define __exit
#define __used __attribute__((used))
#define __aligned(n) __attribute__((aligned(n)))
#define __section(name) __attribute__((section(name)))
#define ELF_R_TYPE(info) ELF64_R_TYPE(info)
#define ELF_R_SYM(info) ELF64_R_SYM(info)
#define SHF_RELA_LIVEPATCH 0x00100000

#define MODEL_TEXT(x) #x
#define MODEL_VALUE(x) MODEL_TEXT(x)
#define IS_ENABLED(option) (MODEL_VALUE(option)[0] == '1')

#define max_t(type, a, b) ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#define GFP_KERNEL 0
/* not malloc(): spin's program takes its memory from the system without asking the C library */
void *kcalloc(size_t n, size_t size, int flags);
void kfree(void *p);

#define DEFINE_MUTEX(name) struct mutex name
#define PAGE_SIZE 4096
#define scnprintf snprintf
#define __module_get(module) ((void)(module))
#define pr_err(...) ((void)0)

struct kernel_param {
	const char *name;
};
struct kernel_param_ops {
	int (*set)(const char *value, const struct kernel_param *param);
	int (*get)(char *buffer, const struct kernel_param *param);
};
#define module_param_cb(name, ops, argument, mode) extern int model_param_##name

#define module_init(f)                                                                                       \
	int model_module_init(void);                                                                         \
	int model_module_init(void)                                                                          \
	{                                                                                                    \
		return f();                                                                                  \
	}
#define module_exit(f)                                                                                       \
	void model_module_exit(void);                                                                        \
	void model_module_exit(void)                                                                         \
	{                                                                                                    \
		f();                                                                                         \
	}
#define MODULE_LICENSE(x)
#define MODULE_DESCRIPTION(x)
#define MODULE_INFO(a, b)

typedef Elf64_Shdr Elf_Shdr;
typedef Elf64_Rela Elf_Rela;
typedef Elf64_Ehdr Elf_Ehdr;
typedef Elf64_Sym Elf_Sym;

struct mutex {
	int held;
};

struct static_key {
	int enabled;
};
#define STATIC_KEY_INIT_FALSE                                                                                \
	{                                                                                                    \
		0                                                                                            \
	}

enum module_state {
	MODULE_STATE_LIVE,
	MODULE_STATE_COMING,
	MODULE_STATE_GOING,
};

struct klp_modinfo {
	Elf_Ehdr hdr;
	Elf_Shdr *sechdrs;
	char *secstrings;
	unsigned int symndx;
};

/* As before 6.4: code first, then what is read only. */
struct module_layout {
	void *base;
	unsigned int size, text_size, ro_size;
};

struct module {
	enum module_state state;
	char name[56];
	struct module_layout core_layout;
	bool klp_alive;
	struct klp_modinfo *klp_info;
};

extern struct module model_patch_module;
#define THIS_MODULE (&model_patch_module)

struct klp_object;

struct klp_callbacks {
	int (*pre_patch)(struct klp_object *obj);
	void (*post_patch)(struct klp_object *obj);
	void (*pre_unpatch)(struct klp_object *obj);
	void (*post_unpatch)(struct klp_object *obj);
	bool post_unpatch_enabled;
};

struct klp_func {
	const char *old_name;
	void *new_func;
	unsigned long old_sympos;
	unsigned long new_size;
	bool nop;
	bool patched;
	bool transition;
};

struct klp_object {
	const char *name;
	struct klp_func *funcs;
	struct klp_callbacks callbacks;
	struct module *mod;
	bool patched;
};

struct klp_state {
	unsigned long id;
	unsigned int version;
	void *data;
};

struct klp_patch {
	struct module *mod;
	struct klp_object *objs;
	struct klp_state *states;
	bool replace;
	bool enabled;
	bool forced;
};

int klp_enable_patch(struct klp_patch *patch);
void mutex_lock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);

#endif
