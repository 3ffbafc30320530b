#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Kernels with indirect branch tracking: a patch must not take the address of a function that cannot be
# called through a pointer. No virtual machine here would show the fault, so it is refused. 6.1 has no
# IBT, 6.12 has. Of its modules nfsd has a list of sealed functions and r592 none.

load build

setup_file() {
	export ROOT_612
	ROOT_612=$("$TEST_TOP/test/lib/fetch-kernel" 6.12)
}
on_6_12() {
	KERNEL_ROOT=$ROOT_612 KERNEL_RELEASE=$(basename "$ROOT_612")
}

# pointer_to FUNCTION: a patch that makes version_proc_show() take the function's address
pointer_to() {
	write_patch "$1" <<END
--- a/fs/proc/version.c
+++ b/fs/proc/version.c
@@ -9,5 +9,11 @@
 
+extern int kpatch_test(void) asm("$1");
 static int version_proc_show(struct seq_file *m, void *v)
 {
+	int (*call)(void) = kpatch_test;
+
+	OPTIMIZER_HIDE_VAR(call);
+	if (!v)
+		call();
 	seq_printf(m, linux_proc_banner,
 		utsname()->sysname,
END
}

# the same in nfsd, for a function of nfsd
nfsd_pointer() {
	write_patch nfsd-pointer <<'END'
--- a/fs/nfsd/auth.c
+++ b/fs/nfsd/auth.c
@@ -28,5 +28,9 @@
 	int flags = nfsexp_flags(cred, exp);
+	int (*call)(struct svc_cred *, struct svc_export *) = nfsexp_flags;
 
+	OPTIMIZER_HIDE_VAR(call);
+	if (!cred)
+		return call(cred, exp);
 	/* discard any old override before preparing the new set */
 	revert_creds(get_cred(current_real_cred()));
 	new = prepare_creds();
END
}

@test "a function that the kernel seals: refused, with function and line" {
	on_6_12
	pointer_to vm_commit_limit
	refuses 8 no-indirect-target "$patch"
	says '^fs/proc/version\.c:[0-9]+: error: .*version_proc_show\+0x[0-9a-f]+: vm_commit_limit: .*IBT: the kernel seals it'
}

@test "a function without ENDBR: refused" {
	on_6_12
	pointer_to ret_from_fork_asm
	refuses 8 no-indirect-target "$patch"
	says "ret_from_fork_asm: .*IBT: it does not begin with ENDBR"
}

@test "a function of the patched module that the module's load seals: refused" {
	on_6_12
	nfsd_pointer
	refuses 8 no-indirect-target "$patch"
	says '^fs/nfsd/auth\.c:[0-9]+: error: .*nfsd_setuser\+0x[0-9a-f]+: nfsexp_flags: .*(seals it|does not begin)'
}

@test "a function that others point to, too, or that is exported: lawful" {
	on_6_12
	for function in seq_release single_release; do
		pointer_to "$function"
		rm -f "$OUT"/*
		run -0 kpatch_build "$patch"
		[[ -n $(find "$OUT" -name '*.ko') ]]
	done
}

@test "the same on a kernel without IBT: lawful" {
	pointer_to vm_commit_limit
	run -0 kpatch_build "$patch"
	[[ -n $(find "$OUT" -name '*.ko') ]]
}

@test "a patch of a module without a list: refused" {
	on_6_12
	write_patch r592-pointer <<'END'
--- a/drivers/memstick/host/r592.c
+++ b/drivers/memstick/host/r592.c
@@ -861,5 +861,8 @@
 static int r592_resume(struct device *core_dev)
 {
 	struct r592_device *dev = dev_get_drvdata(core_dev);
+	void (*call)(struct r592_device *) = r592_flush_fifo_write;
 
+	OPTIMIZER_HIDE_VAR(call);
+	call(dev);
 	r592_clear_interrupts(dev);
END
	refuses 8 no-indirect-target "$patch"
	says '^drivers/memstick/host/r592\.c:[0-9]+: error: .*r592_resume\+0x[0-9a-f]+: r592_flush_fifo_write: .*IBT: it does not begin with ENDBR'
	refuses 8 no-indirect-target --no-verify "$patch"
}

@test "a function of the patch itself without ENDBR: refused by objtool" {
	on_6_12
	write_patch noendbr <<'END'
--- a/fs/proc/version.c
+++ b/fs/proc/version.c
@@ -9,5 +9,13 @@
 
+static noinline __attribute__((nocf_check)) int kpatch_test(void)
+{
+	return jiffies & 1;
+}
+
 static int version_proc_show(struct seq_file *m, void *v)
 {
+	int (*call)(void) = (void *)kpatch_test;
+
+	OPTIMIZER_HIDE_VAR(call);
+	call();
 	seq_printf(m, linux_proc_banner,
 		utsname()->sysname,
END
	sed -i 's/^@@ -9,5 +9,13/@@ -9,5 +9,14/' "$patch"
	refuses 10 objtool "$patch"
	says 'kpatch_test.*ENDBR|ENDBR.*kpatch_test'
}
