/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel_files.c. */
	.text
	.globl dup
	.type dup, @function
dup:	ret
	.size dup, . - dup
	.type early, @function
early:	ret
	.size early, . - early
	.weak weakling
	.type weakling, @function
weakling: ret
	.size weakling, . - weakling
	.section .note.GNU-stack, "", @progbits
