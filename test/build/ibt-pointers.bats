#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The differ on a kernel with indirect branch tracking: which pointers to the kernel's functions it lets pass.
# The functions are those of the 6.12 kernel and of its modules: r592, which has no list of sealed
# functions, and btrfs, which has one. ibt.bats has the same for kpatch-build.

load build

setup_file() {
	export KERNEL_ROOT KERNEL_RELEASE
	KERNEL_ROOT=$("$TEST_TOP/test/lib/fetch-kernel" 6.12)
	KERNEL_RELEASE=$(basename "$KERNEL_ROOT")
}

# differ OWNER MODULE-FILE: on original.c and patched.c, with the functions of the 6.12 kernel and module
differ() {
	local version
	for version in original patched; do
		gcc -O2 -std=gnu11 -ffreestanding -fno-PIE -mcmodel=kernel -mno-red-zone -mno-sse -pg -mfentry \
			-mrecord-mcount -fcf-protection=branch -fno-asynchronous-unwind-tables \
			-fno-stack-protector -ffunction-sections -fdata-sections -c \
			-o "$BATS_TEST_TMPDIR/$version.o" "$BATS_TEST_TMPDIR/$version.c"
	done
	run "$BUILD/create-diff-object" --verbose --image "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" \
		--cache "$KERNEL_CACHE/images" --owner "$1" \
		--module "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/kernel/$2" \
		--symvers "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/Module.symvers" \
		"$BATS_TEST_TMPDIR"/{original,patched,out}.o
}
original() { cat > "$BATS_TEST_TMPDIR/original.c"; }
patched() { sed -E "$@" "$BATS_TEST_TMPDIR/original.c" > "$BATS_TEST_TMPDIR/patched.c"; }

# r592_functions: the beginning of a drivers/memstick/host/r592.c
r592_functions() {
	cat <<'END'
int _printk(const char *, ...);
#define own static __attribute__((noipa))
own void r592_flush_fifo_write(void *d) { _printk("without ENDBR %p\n", d); }
own int r592_irq(int irq, void *d) { _printk("with ENDBR %d %p\n", irq, d); return 1; }
int (*volatile r592_driver)(int, void *) = r592_irq;
END
}

@test "a function of a module without a list, in code: refused" {
	{ r592_functions; cat; } <<'END' | original
int r592_resume(void *d) { r592_flush_fifo_write(d); return 1; }
END
	patched 's/\{ (r592_flush\w+)\(d\); return 1/{ void (*volatile p)(void *) = \1; p(d); return 2/'
	differ r592 drivers/memstick/host/r592.ko.xz
	[[ $status == 2 ]]
	says 'r592_resume.*r592_flush_fifo_write: .*IBT: it does not begin with ENDBR.*\[no-indirect-target\]'
}

@test "the same in a table of the patch: refused; a function that has an ENDBR: lawful" {
	{ r592_functions; cat; } <<'END' | original
int r592_resume(void *d, int i) { r592_flush_fifo_write(d); return r592_irq(i, d) + 1; }
END
	patched -e 's/^int r592_resume/void (*const table[])(void *) = { 0, r592_flush_fifo_write };\n&/' \
		-e 's/\{ r592_flush\w+\(d\);/{ table[i \& 1](d);/'
	differ r592 drivers/memstick/host/r592.ko.xz
	[[ $status == 2 ]]
	says 'table.*r592_flush_fifo_write: .*IBT.*\[no-indirect-target\]'

	patched -e 's/^int r592_resume/int (*const table[])(int, void *) = { 0, r592_irq };\n&/' \
		-e 's/return r592_irq\(i, d\)/return table[i \& 1](i, d)/'
	differ r592 drivers/memstick/host/r592.ko.xz
	[[ $status == 0 ]]
	says '^klp +r592:r592_irq,0 '
}

@test "a pointer in a list of functions that may fail is none that the kernel's build has seen: refused" {
	original <<'END'
int _printk(const char *, ...);
__attribute__((noipa)) int open_ctree(void *d) { return _printk("sealed %p\n", d); }
static struct { unsigned long f, type; } listed
	__attribute__((section("_error_injection_whitelist"), used)) = { (unsigned long)open_ctree, 1 };
int btrfs_check_super_csum(void *d) { return open_ctree(d) + 1; }
END
	patched 's/return open_ctree\(d\) \+ 1/int (*volatile p)(void *) = open_ctree; return p(d) + 2/'
	differ btrfs fs/btrfs/btrfs.ko.xz
	[[ $status == 2 ]]
	says 'btrfs_check_super_csum.*open_ctree: .*IBT.*\[no-indirect-target\]'
}

@test "a function's pointer to itself stays lawful for itself, and is no reason for others" {
	{ r592_functions; cat; } <<'END' | original
own void r592_set_mode(void *d) { _printk("%ps %p\n", r592_set_mode, d); }
int r592_resume(void *d) { r592_set_mode(d); return 1; }
END
	patched 's/"%ps %p/"in %ps %p/'
	differ r592 drivers/memstick/host/r592.ko.xz
	[[ $status == 0 ]]
	says '^klp +r592:r592_set_mode,0 '
	patched 's/\{ r592_set_mode\(d\); return 1/{ void (*volatile p)(void *) = r592_set_mode; p(d); return 2/'
	differ r592 drivers/memstick/host/r592.ko.xz
	[[ $status == 2 ]]
	says 'r592_resume.*r592_set_mode: .*IBT.*\[no-indirect-target\]'
}

@test "the address of a static call's trampoline, as static_call_update() is given it: lawful" {
	original <<'END'
void __static_call_update(void *key, void *tramp, void *func);
extern char key[] asm("__SCK__x86_pmu_enable_all"), tramp[] asm("__SCT__x86_pmu_enable_all");
int r592_resume(void *d) { __static_call_update(key, 0, d); return 1; }
END
	patched 's/\(key, 0,/(key, tramp,/'
	differ r592 drivers/memstick/host/r592.ko.xz
	[[ $status == 0 ]]
	says '^klp +vmlinux:__SCT__x86_pmu_enable_all,0 '
}
