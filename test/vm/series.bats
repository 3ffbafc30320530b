#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A series of fixes, of which one is left out, in the running kernel: which CVE numbers are fixed there, and which wait.

load vm

setup_file() {
	KERNEL_TREE=$("$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--verbose --stop-after prepare "$TEST_TOP/examples/meminfo-string.patch" 2>&1 | sed -n 's/^tree  *//p')
	[[ -d $KERNEL_TREE ]]
	export KERNEL_TREE
}

# Whether tun waits is what is asked: another file of the suite may have loaded it.
setup() {
	vm_setup
	in_vm 'modprobe -r tun'
}
teardown() {
	in_vm 'modprobe -r tun' || true
	unload_all
	check_log
}

# mail N FILE SED: a fix, as git would send it
mail() {
	local dir=$BATS_TEST_TMPDIR/mail
	mkdir -p "$dir"/{a,b}/"$(dirname "$2")"
	cp "$KERNEL_TREE/$2" "$dir/a/$2"
	sed "$3" "$KERNEL_TREE/$2" > "$dir/b/$2"
	printf 'From %040d Mon Sep 17 00:00:00 2001\nSubject: [PATCH] fix %d\n\nCVE-2024-1000%d\n---\n' "$1" "$1" "$1"
	(cd "$dir" && diff -rup a b) || true
	printf -- '-- \n2.40\n\n'
	rm -rf "$dir"
}

# asks CVE CODE TEXT
asks() {
	run -"$2" in_vm "kpatch status --cve $1"
	# shellcheck disable=SC2154 # run sets it
	[[ $output == "$3"* ]] || { echo "$output"; return 1; }
}

@test "an mbox: what is applied is in effect, a module's fix waits for it, what is left out is not fixed" {
	{
		mail 1 fs/proc/meminfo.c 's/Committed_AS/CommittedSr/'
		mail 2 fs/proc/version.c 's/"version"/"versions"/; s/linux_proc_banner,/"series %s %s %s\\n",/'
		mail 3 drivers/net/tun.c 's/return -EBADFD/return -EBADF/'
	} > "$BATS_TEST_TMPDIR/fixes.mbox"
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--output "$BATS_TEST_TMPDIR" --leave-out - --name livepatch-fixes < "$BATS_TEST_TMPDIR/fixes.mbox"
	cat "$BATS_TEST_TMPDIR/livepatch-fixes.report"
	vm put "$BATS_TEST_TMPDIR/livepatch-fixes.ko"
	asks CVE-2024-10001 5 'CVE-2024-10001: no'
	in_vm 'kpatch load livepatch-fixes.ko; rm livepatch-fixes.ko'
	in_vm 'grep -q ^CommittedSr: /proc/meminfo'
	[[ $(in_vm 'cat /proc/version') == Linux* ]]
	in_vm 'kpatch list --fixes' > "$BATS_TEST_TMPDIR/list"
	cat "$BATS_TEST_TMPDIR/list"
	grep -E '^livepatch_fixes +[^ ]+ +enabled +[0-9]+ +2 +[^ ]+ +vmlinux, tun \(waits\)' "$BATS_TEST_TMPDIR/list"
	grep -Fx '    fix 1 (commit 000000000000): CVE-2024-10001' "$BATS_TEST_TMPDIR/list"
	asks CVE-2024-10001 0 'CVE-2024-10001: yes, in livepatch_fixes: fix 1'
	asks CVE-2024-10002 5 'CVE-2024-10002: no'
	asks CVE-2024-10003 11 'CVE-2024-10003: waits for module tun, in livepatch_fixes: fix 3'
	in_vm 'modprobe tun'
	asks CVE-2024-10003 0 'CVE-2024-10003: yes'
	in_vm 'kpatch unload livepatch-fixes'
	asks CVE-2024-10001 5 'CVE-2024-10001: no'
	in_vm '[ ! -e /run/kpatch/livepatch_fixes.yaml ]'
}
