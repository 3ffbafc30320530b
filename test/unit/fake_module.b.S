/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel_files.c. */
	.section .text.unlikely, "ax"
	.type dup, @function
dup:	xor %eax, %eax
	ret
	.size dup, . - dup
	.section .init.text, "ax"
	.type early, @function
early:	ret
	.size early, . - early
	.type only_init, @function
only_init: ret
	.size only_init, . - only_init
	.section .note.GNU-stack, "", @progbits
