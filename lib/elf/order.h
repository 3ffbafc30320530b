/* SPDX-License-Identifier: GPL-2.0-only */
/* The byte order of a file. Not for other rooms. */
#ifndef KPATCH_ELF_ORDER_H
#define KPATCH_ELF_ORDER_H

#include <elf.h>
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

/* As e_ident[EI_DATA] has it. */
static inline uint8_t elf_order(bool big_endian)
{
	return big_endian ? ELFDATA2MSB : ELFDATA2LSB;
}

/* Whether numbers in such a file are as this machine has them. */
static inline bool elf_order_is_ours(uint8_t order)
{
	return order == elf_order(__BYTE_ORDER == __BIG_ENDIAN);
}

#endif
