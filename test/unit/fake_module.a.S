/* SPDX-License-Identifier: GPL-2.0-only */
/* See kernel_files.c. */
	.text
	.skip 64, 0x90
	.type dup, @function
dup:	ret
	.size dup, . - dup
	.type once, @function
once:	call wanted
	ret
	.size once, . - once
	.section .modinfo, "a"
	.asciz "depends=sunrpc,lockd"
	.asciz "name_of=another"
	.asciz "name=fake_mod"
	.asciz "vermagic=6.1.0-99-test SMP mod_unload"
	.section .note.gnu.build-id, "a", @note
	.long 4, 20, 3
	.asciz "GNU"
	.byte 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
	.section .note.GNU-stack, "", @progbits
