/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the link stage hands to the finish stage, in miniature: one replaced function of a module
 * with references of every kind, and all that the kernel would look for around it. -D selects the
 * faults.
 */
	.section .modinfo, "a"
	.asciz "livepatch=Y"
	.asciz "name=fixture"
	.asciz "vermagic=6.1.0 SMP"

	.section .gnu.linkonce.this_module, "aw"
	.zero 64

	.text
	.globl first
	.type first, @function
first:
	ret
	.size first, . - first
	.type new_show, @function
new_show:
location:
	call __fentry__
	call ".klp.ref.nfsd.nfsd.helper,2"
	call ".klp.ref.nfsd.nfsd.helper,2"
	movl ".klp.ref.nfsd.nfsd.counter,0"(%rip), %eax
	movl ".klp.ref.vmlinux.vmlinux.jiffies_lock,0"(%rip), %eax
	ret
	.size new_show, . - new_show

	.data
#ifdef FILLED_FIELD
	.reloc ., R_X86_64_64, ".klp.ref.nfsd.nfsd.helper,2"
	.quad 0x1122334455667788
#else
	.quad ".klp.ref.nfsd.nfsd.helper,2"
#endif
	.quad first

	.section .kpatch.manifest
	.ascii "name: fixture\n"

	.section __mcount_loc, "a"
	.quad location

	.section .orc_unwind, "a"
	.2byte 8, 0, 0x25
	.section .orc_unwind_ip, "a"
	.long first - .

	.section .kpatch.strings, "a"
old_name:
	.asciz "nfsd_show"
object:
	.asciz "nfsd"

	.section .kpatch.funcs, "aw"
	.long 1, 3
	.quad new_show, old_name, object

	.section .kpatch.targets, "aw"
	/* version, size; the name in 56 bytes; the build ID in 32; what the runtime uses */
	.long 1, 4
	.ascii "vmlinux"
	.zero 56 - 7
	.ascii "abcd"
	.zero 28 + 40
	.long 1, 4
	.ascii "nfsd"
	.zero 56 - 4
	.ascii "efgh"
	.zero 28 + 40

	.section __versions, "a"
	.quad 0x1234
	.ascii "__fentry__"
	.zero 46

	.weak ".klp.ref.nfsd.nfsd.helper,2"
	.weak ".klp.ref.nfsd.nfsd.counter,0"
	.weak ".klp.ref.vmlinux.vmlinux.jiffies_lock,0"
	.weak ".klp.ref.nfsd.nfsd.unused,0"

#ifdef ANCHORED
	.weak ".klp.ref.vmlinux.vmlinux.same,2"
	.weak ".klp.ref.vmlinux.vmlinux.same,3"
	.weak ".klp.ref.vmlinux.vmlinux.runqueues,0"
	.weak ".klp.ref.vmlinux.vmlinux.__start_notes,0"
	.weak ".klp.ref.vmlinux.vmlinux.__stop_notes,0"
	.section __versions, "a"
	.quad 0x1234
	.ascii "klp_enable_patch"
	.zero 40
	.section .data.anchored, "aw"
	.quad klp_enable_patch
	.quad ".klp.ref.vmlinux.vmlinux.jiffies_lock,0" + 8
	.quad ".klp.ref.vmlinux.vmlinux.same,2"
	.quad ".klp.ref.vmlinux.vmlinux.same,3"
	.quad ".klp.ref.vmlinux.vmlinux.runqueues,0"
	.quad ".klp.ref.vmlinux.vmlinux.__start_notes,0"
	.quad ".klp.ref.vmlinux.vmlinux.__stop_notes,0"
	.section __jump_table, "aw"
	.long new_show - ., new_show - .
	.quad ".klp.ref.vmlinux.vmlinux.jiffies_lock,0" - .
#endif
#ifdef MALFORMED
	.weak ".klp.ref.nfsd.helper"
	.data
	.quad ".klp.ref.nfsd.helper"
#endif
#ifdef CROSSED
	.weak ".klp.ref.nfsd.vmlinux.helper,0"
	.data
	.quad ".klp.ref.nfsd.vmlinux.helper,0"
#endif
#ifdef LONG_OBJECT
	.weak ".klp.ref.a23456789012345678901234567890123456789012345678901234567.x.y,0"
	.data
	.quad ".klp.ref.a23456789012345678901234567890123456789012345678901234567.x.y,0"
#endif
#ifdef EARLY
	.section __jump_table, "aw"
	.long new_show - ., 0
	.quad ".klp.ref.nfsd.nfsd.counter,0"
#endif
#ifdef EARLY_VMLINUX
	.section __jump_table, "aw"
	.long new_show - ., new_show - .
	.quad ".klp.ref.vmlinux.vmlinux.jiffies_lock,0" - .
#endif
#ifdef TYPE
	.data
	.byte ".klp.ref.nfsd.nfsd.counter,0"
#endif
#ifdef WEAK
	.weak nowhere
	.data
	.quad nowhere
#endif
#ifdef VERSION
	.section .kpatch.funcs, "aw"
	.long 2, 3
	.quad new_show, old_name, object
#endif
#ifdef NO_POINTER
	.section .kpatch.funcs, "aw"
	.long 1, 3
	.quad 0, old_name, object
#endif
#ifdef NATURAL
	.weak ".klp.ref.vmlinux.vmlinux.panic,0"
	.weak ".klp.ref.vmlinux.vmlinux.first,0"
	.weak ".klp.ref.vmlinux.vmlinux.same,1"
	.weak ".klp.ref.vmlinux.vmlinux.same,2"
	.text
	call ".klp.ref.vmlinux.vmlinux.panic,0"
	call ".klp.ref.vmlinux.vmlinux.first,0"
	call ".klp.ref.vmlinux.vmlinux.same,1"
	call ".klp.ref.vmlinux.vmlinux.same,2"
	.section .discard.kpatch.callbacks, "aw"
	.long 1, 0
	.quad new_show, object
	.section .discard.kpatch.funcs, "aw"
	.long 1, 0
	.quad new_show, old_name, object
#endif
#if defined(LINKERS_ID) || defined(LINKERS_OTHER_ID)
	.section .note.gnu.build-id, "a", @note
	.long 4, 20, 3
	.asciz "GNU"
#ifdef LINKERS_ID
	.fill 20, 1, 0x11
#else
	.fill 20, 1, 0x22
#endif
#endif
	.section .note.GNU-stack, "", @progbits
