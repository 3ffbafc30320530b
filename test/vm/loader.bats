#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch against a booted stock kernel: states, stalls, kills, refusals. What can be tested on a fake
# machine is in test/loader.

load vm

setup_file() {
	local name patch
	export MODULES=$BATS_FILE_TMPDIR
	for patch in sleeper-1 kernel-thread; do
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --no-replace \
			--output "$MODULES" "$(patch_form "$patch.patch")"
	done
	for name in one two; do
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --output "$MODULES" \
			--name "livepatch-$name" "$TEST_TOP/examples/meminfo-string.patch"
	done
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --output "$MODULES" \
		--name livepatch-stacked --no-replace "$TEST_TOP/examples/meminfo-string.patch"
	# the same module for a function that this kernel does not have
	LC_ALL=C sed 's/meminfo_proc_show/meminfo_proc_shoo/g' "$MODULES/livepatch-one.ko" \
		> "$MODULES/livepatch-missing.ko"
	# an ordinary module, signed by the distribution
	xz -dcf "$(find "$KERNEL_ROOT/lib/modules" -name 'dummy.ko*' | head -1)" > "$MODULES/dummy.ko"
	vm put "$MODULES"/*.ko
}

teardown() {
	[[ -z ${VM_NAME-} ]] || own_vm_stop # left by a test that failed
	in_vm '[ ! -e /tmp/sleeper ] || kill -9 $(cat /tmp/sleeper); rm -rf /tmp/fifo /tmp/sleeper
		rm -rf /var/lib/kpatch' || true
	unload_all
	check_log
}

# expect CODE LINE: run it in the machine; its output and errors are in $output
expect() {
	run vm exec "$2"
	[[ $status -eq $1 ]] || { echo "expected $1, got $status from: $2"; echo "$output"; return 1; }
}

loaded() { in_vm 'ls /sys/kernel/livepatch; cut -d" " -f1 /proc/modules | grep livepatch'; }

# a process that sleeps in fifo_open(); its number is in /tmp/sleeper
start_sleeper() {
	in_vm 'rm -f /tmp/fifo; mkfifo /tmp/fifo; cat /tmp/fifo > /dev/null 2>&1 &
		echo $! | tee /tmp/sleeper
		for i in 1 2 3 4 5 6 7 8 9 10; do
			grep -q fifo_open /proc/$!/stack && exit 0; sleep 0.2
		done
		exit 1'
}

# bats test_tags=any-kernel
@test "kpatch: load, list, info, status, unload; reading as an ordinary user" {
	expect 0 'kpatch check livepatch-one.ko'
	assert_match "$output" 'vmlinux: meminfo_proc_show: newly patched'
	expect 0 'kpatch load livepatch-one.ko'
	assert_match "$output" 'livepatch_one: enabled, 1 function replaced'
	for as in '' 'as-user '; do
		expect 0 "${as}kpatch list -v"
		assert_match "$output" '^livepatch_one +1 +enabled +1 +1 +[^ ]+ +vmlinux$'
		assert_match "$output" 'vmlinux: meminfo_proc_show$'
		expect 0 "${as}kpatch list --format json"
		assert_match "$output" '"state": "enabled"'
		expect 0 "${as}kpatch status"
	done
	expect 0 'kpatch info livepatch-one.ko'
	assert_match "$output" '^loaded +enabled'
	expect 9 'cp livepatch-one.ko /tmp && as-user kpatch load /tmp/livepatch-one.ko'
	expect 0 'kpatch load livepatch-one.ko'
	assert_match "$output" 'already loaded'
	expect 0 'kpatch unload livepatch-one'
	[[ -z $(loaded || true) ]]
	expect 5 'kpatch unload livepatch-one'
	expect 5 'kpatch unload ext4'
}

@test "kpatch: a patch that replaces others removes their modules, one that does not leaves them" {
	in_vm 'kpatch load livepatch-one.ko && kpatch load livepatch-stacked.ko'
	[[ $(in_vm 'ls /sys/kernel/livepatch | wc -l') == 2 ]]
	expect 0 'kpatch check livepatch-two.ko'
	assert_match "$output" 'meminfo_proc_show: patched again'
	assert_match "$output" 'replaces livepatch_one'
	expect 0 'kpatch load livepatch-two.ko'
	assert_match "$output" 'livepatch_one: replaced and removed'
	assert_match "$output" 'livepatch_stacked: replaced and removed'
	[[ $(loaded | sort -u) == livepatch_two ]]
}

@test "kpatch: what the kernel refuses is explained with the kernel's own words" {
	expect 7 'kpatch load livepatch-missing.ko'
	assert_match "$output" 'kernel-refused-module'
	assert_match "$output" 'the kernel says:.*meminfo_proc_shoo'
	[[ -z $(loaded || true) ]]
}

# other_build FILE BUILD-ID OUTPUT: the patch as it would be for another build of what has this ID
other_build() {
	local last=${2: -1}
	[[ $last == 0 ]] && last=1 || last=0
	LC_ALL=C sed "s/$2/${2%?}$last/g" "$MODULES/$1" > "$MODULES/$3"
	echo "${2%?}$last"
}

# bats test_tags=any-kernel
@test "kpatch: a kernel or a module of another build, though the release is the same" {
	local running nfsd other
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--output "$MODULES" "$TEST_TOP/examples/nfsd-noexec.patch"
	running=$(in_vm 'od -An -v -tx1 /sys/kernel/notes' | tr -d ' \n' |
		sed -n 's/.*040000001400000003000000474e5500\(.\{40\}\).*/\1/p')
	in_vm 'modprobe nfsd'
	nfsd=$(in_vm 'od -An -v -tx1 /sys/module/nfsd/notes/.note.gnu.build-id' | tr -d ' \n')
	nfsd=${nfsd: -40}

	other=$(other_build livepatch-one.ko "$running" other-kernel.ko)
	vm put "$MODULES/other-kernel.ko"
	expect 4 'kpatch load other-kernel.ko'
	assert_match "$output" "expected build ID $other, found $running"

	other=$(other_build livepatch-nfsd-noexec.ko "$nfsd" other-nfsd.ko)
	vm put "$MODULES"/{other-nfsd,livepatch-nfsd-noexec}.ko
	expect 4 'kpatch load other-nfsd.ko'
	assert_match "$output" "expected build ID $other, loaded is $nfsd"
	[[ -z $(loaded || true) ]]
	expect 0 'kpatch load livepatch-nfsd-noexec.ko'
	expect 0 'kpatch unload livepatch-nfsd-noexec'
	in_vm 'rmmod nfsd'
}

# bats test_tags=any-kernel
@test "kpatch: damaged and foreign files" {
	expect 3 'head -c 9000 livepatch-one.ko > cut.ko; kpatch load cut.ko'
	expect 3 'kpatch load /bin/busybox'
	assert_match "$output" '\['
	expect 3 'kpatch load dummy.ko'
	assert_match "$output" 'not-a-livepatch'
	expect 4 'sed s/'"$KERNEL_RELEASE"'/'"${KERNEL_RELEASE//[0-9]/0}"'/g livepatch-one.ko > old.ko; kpatch load old.ko'
	assert_match "$output" 'other-release'
	[[ -z $(loaded || true) ]]
}

# bats test_tags=any-kernel
@test "kpatch: compressed modules" {
	xz -k "$MODULES/livepatch-one.ko"
	zstd -q "$MODULES/livepatch-one.ko"
	gzip -k "$MODULES/livepatch-one.ko"
	vm put "$MODULES"/livepatch-one.ko.*
	for suffix in xz zst gz; do
		expect 0 "kpatch load livepatch-one.ko.$suffix"
		in_vm "grep -q ^CommittedLive: /proc/meminfo"
		expect 0 'kpatch unload livepatch-one'
	done
}

@test "kpatch: a user task that stays in the function: named, patch taken back, and later it works" {
	pid=$(start_sleeper)
	expect 8 'kpatch load --timeout 4 livepatch-sleeper-1.ko'
	assert_match "$output" 'transition-stalled'
	assert_match "$output" "^livepatch_sleeper_1: enabling, [1-4] s of 4 s, 1 task left: cat\[$pid\] in "
	assert_match "$output" "task $pid \(cat\) is in .*fifo_open"
	[[ -z $(loaded || true) ]]
	assert_match "$(log_of_test)" 'kpatch: load livepatch_sleeper_1: stalled: not enabled within 4 s, .*\[transition-stalled\]'
	in_vm 'echo data > /tmp/fifo'
	expect 0 'kpatch load livepatch-sleeper-1.ko'
	assert_match "$(log_of_test)" 'kpatch: load livepatch_sleeper_1: ok'
}

# bats test_tags=any-kernel
@test "kpatch: whoever reads its words goes away in mid-transition: it is taken back all the same" {
	start_sleeper
	expect 0 '(kpatch load --timeout 4 livepatch-sleeper-1.ko; echo $? > /tmp/code) 2>&1 | true; cat /tmp/code'
	[[ $output == 8 ]]
	[[ -z $(loaded || true) ]]
}

# bats test_tags=any-kernel
@test "kpatch: status and list see that another build runs than the one that is installed" {
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --output "$MODULES" \
		--name livepatch-one --patch-version 2 --no-verify "$TEST_TOP/examples/meminfo-string.patch"
	in_vm 'cp livepatch-one.ko first.ko && kpatch install first.ko && kpatch load livepatch-one && kpatch status'
	vm put "$MODULES/livepatch-one.ko"
	expect 0 'kpatch install livepatch-one.ko'
	assert_match "$output" 'patch-unverified'
	expect 11 'kpatch status'
	assert_match "$output" 'other-build-loaded'
	expect 6 'kpatch load livepatch-one'
	expect 0 'kpatch unload livepatch-one && kpatch load livepatch-one && kpatch status && kpatch list'
	assert_match "$output" 'livepatch_one: note: in effect, but built with --no-verify'
	assert_match "$output" '^livepatch_one .*; not verified$'
}

# bats test_tags=any-kernel
@test "kpatch: a user task that does not leave the patch: named, stays enabled, and later it works" {
	expect 0 'kpatch load livepatch-sleeper-1.ko'
	pid=$(start_sleeper)
	expect 8 'kpatch unload --timeout 4 livepatch-sleeper-1'
	assert_match "$output" "task $pid \(cat\) is in .*fifo_open"
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_sleeper_1/enabled') == 1 ]]
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_sleeper_1/transition') == 0 ]]
	in_vm 'echo data > /tmp/fifo'
	expect 0 'kpatch unload livepatch-sleeper-1'
}

# bats test_tags=any-kernel
@test "kpatch: a kernel thread that never leaves the function" {
	expect 8 'kpatch load --timeout 18 livepatch-kernel-thread.ko'
	assert_match "$output" 'tasks? left'
	assert_match "$output" 'kernel thread [0-9]+ \(oom_reaper\) is in oom_reaper'
	[[ -z $(loaded || true) ]]
}

# bats test_tags=any-kernel
@test "kpatch: interrupted while it waits" {
	start_sleeper
	expect 12 'kpatch load livepatch-sleeper-1.ko & sleep 3; kill -INT $!; wait $!'
	assert_match "$output" 'interrupted'
	[[ -z $(loaded || true) ]]
}

# bats test_tags=any-kernel
@test "kpatch: killed at any moment, the next call puts things in order" {
	cat > "$BATS_TEST_TMPDIR/kill.sh" <<-'END'
		#!/bin/sh
		# kill.sh N: kill -9 a load or unload N times; after each, unload and load must work
		i=0
		while [ $i -lt $1 ]; do
			i=$((i + 1))
			delay=$(awk "BEGIN { srand($i); print rand() * 1.5 }")
			kpatch load -q livepatch-one.ko 2> /dev/null &
			pid=$!
			sleep "$delay"
			kill -9 $pid 2> /dev/null
			wait $pid
			if [ $((i % 2)) = 0 ]; then
				kpatch unload -q livepatch_one & pid=$!
				sleep "$delay"
				kill -9 $pid 2> /dev/null
				wait $pid
			fi
			kpatch load -q livepatch-one.ko || { echo "load failed: $?, round $i"; exit 1; }
			grep -q ^CommittedLive: /proc/meminfo || { echo "not in effect, round $i"; exit 1; }
			[ "$(cat /sys/kernel/livepatch/livepatch_one/transition)" = 0 ] || exit 1
			kpatch unload -q livepatch_one || { echo "unload failed: $?, round $i"; exit 1; }
			grep -q ^Committed_AS: /proc/meminfo || { echo "still in effect, round $i"; exit 1; }
			[ ! -e /sys/module/livepatch_one ] || { echo "left over, round $i"; exit 1; }
		done
	END
	vm put "$BATS_TEST_TMPDIR/kill.sh"
	vm exec --timeout 580 "sh kill.sh ${KPATCH_TEST_KILLS:-4}"
}

# bats test_tags=any-kernel
@test "kpatch: two at once" {
	expect 0 'kpatch load livepatch-one.ko & kpatch load livepatch-one.ko; a=$?; wait $!; b=$?
		[ $a = 0 ] && [ $b = 0 ]'
	assert_match "$output" 'already loaded'
	expect 0 'kpatch unload livepatch-one & kpatch load livepatch-two.ko; wait $! || [ $? = 5 ]'
	[[ $(loaded | sort -u) == livepatch_two ]]
}

# bats test_tags=any-kernel
@test "kpatch: installed patches" {
	expect 0 'kpatch install livepatch-one.ko'
	expect 11 'kpatch status'
	assert_match "$output" 'installed-not-loaded'
	expect 0 'kpatch load --all'
	expect 0 'kpatch status'
	expect 0 'kpatch unload --all; kpatch load livepatch-one; kpatch uninstall livepatch_one'
	expect 5 'kpatch uninstall livepatch_one'
}

# bats test_tags=any-kernel
@test "kpatch: what a boot does" {
	in_vm 'kpatch install livepatch-one.ko && kpatch install livepatch-two.ko && kpatch disable livepatch-one'
	expect 0 'kpatch boot'
	assert_match "$output" 'livepatch_one: disabled, left out'
	assert_match "$output" 'livepatch_two: enabled'
	in_vm "grep -q ^CommittedLive: /proc/meminfo"
	in_vm "grep -q ' enabled loaded 0 $(in_vm 'cat /proc/sys/kernel/random/boot_id') ' /var/lib/kpatch/*/.livepatch_two.boot"
	expect 0 'kpatch boot --done && kpatch status'
	# both replace: the order of names decides, and what the second replaced is not loaded again
	expect 0 'kpatch enable livepatch-one && kpatch load --all && kpatch status'
	assert_match "$output" 'livepatch_one: replaced by livepatch_two, left out'
	[[ $(loaded | sort -u) == livepatch_two ]]
	expect 0 'kpatch unload --all && kpatch boot && kpatch boot --done && kpatch status'
	assert_match "$output" 'livepatch_one: replaced and removed'
	[[ $(loaded | sort -u) == livepatch_two ]]
	expect 0 'kpatch uninstall --all && [ ! -e /var/lib/kpatch/* ]'
}

# bats test_tags=any-kernel
@test "kpatch: signal and force on a transition that stalls" {
	own_vm forced # a forced transition spoils the machine for everything after it
	vm put "$MODULES/livepatch-sleeper-1.ko"
	start_sleeper
	in_vm '(kpatch load --timeout 250 livepatch-sleeper-1.ko; echo $? > /tmp/code) > /tmp/log 2>&1 < /dev/null &'
	# the kernel says "transition" a moment before it says "enabled"
	in_vm 'cd /sys/kernel/livepatch; for i in $(seq 100); do
			grep -qs 1 livepatch_sleeper_1/transition && grep -qs 1 livepatch_sleeper_1/enabled && exit 0
			sleep 0.2
		done; exit 1'
	expect 11 'kpatch status'
	assert_match "$output" 'livepatch_sleeper_1: .*being enabled, [0-9]+ tasks? left'
	expect 11 'as-user kpatch status'
	assert_match "$output" 'being enabled'
	expect 0 'kpatch signal'
	expect 2 'kpatch force'
	assert_match "$output" 'force-needs-consent'
	[[ $(in_vm 'cat /sys/kernel/livepatch/livepatch_sleeper_1/transition') == 1 ]]
	expect 0 'kpatch force --yes'
	expect 0 'for i in $(seq 100); do [ -s /tmp/code ] && break; sleep 0.2; done; cat /tmp/log; exit $(cat /tmp/code)'
	assert_match "$output" 'livepatch_sleeper_1: enabled'
	in_vm 'echo data > /tmp/fifo'
	# taken back by force, the module stays
	start_sleeper
	in_vm '(kpatch unload --timeout 250 livepatch-sleeper-1; echo $? > /tmp/code2) > /tmp/log2 2>&1 < /dev/null &'
	in_vm 'for i in $(seq 100); do
			grep -qs 1 /sys/kernel/livepatch/livepatch_sleeper_1/transition && exit 0; sleep 0.2
		done; exit 1'
	expect 0 'kpatch force --yes'
	expect 11 'for i in $(seq 150); do [ -s /tmp/code2 ] && break; sleep 0.2; done; cat /tmp/log2; exit $(cat /tmp/code2)'
	assert_match "$output" 'module-still-used'
	expect 0 'kpatch list'
	assert_match "$output" '^livepatch_sleeper_1 +- +off'
	expect 11 'kpatch status'
	assert_match "$output" 'module-left-over'
	own_vm_stop
}

# put_signed: a patch, signed with a key that no kernel knows; $module and $name as after build
put_signed() {
	[[ -s $MODULES/key.crt ]] || openssl req -new -x509 -newkey rsa:2048 -nodes -subj '/CN=Hotfix test key' \
		-keyout "$MODULES/key.pem" -out "$MODULES/key.crt" 2> /dev/null
	build "$TEST_TOP/examples/meminfo-string.patch" \
		--sign-key "$MODULES/key.pem" --sign-cert "$MODULES/key.crt"
	vm put "$module"
}

@test "kpatch: a kernel that demands signatures" {
	own_vm signatures --append module.sig_enforce=1
	vm put "$MODULES/livepatch-one.ko"
	expect 7 'kpatch load livepatch-one.ko'
	assert_match "$output" 'signature-required'
	# signed, but not for these contents: the kernel finds out
	grep -q 'Module signature appended' "$MODULES/dummy.ko"
	length=$((16#$(tail -c 32 "$MODULES/dummy.ko" | head -c 4 | od -An -tx1 | tr -d ' ')))
	{ cat "$MODULES/livepatch-one.ko"; tail -c $((length + 40)) "$MODULES/dummy.ko"; } > "$MODULES/foreign.ko"
	vm put "$MODULES/foreign.ko"
	expect 7 'kpatch load foreign.ko'
	assert_match "$output" 'kernel-refused-module'
	# signed as it should be, by somebody that this kernel does not know
	put_signed
	expect 0 "kpatch info $name.ko"
	key=$(modinfo -F sig_key "$module")
	assert_match "$output" "^signed +by Hotfix test key \\(key $key, sha256\\)"
	expect 7 "kpatch load $name.ko"
	assert_match "$output" 'signer-not-trusted'
	assert_match "$output" "signed by Hotfix test key \\(key $key"
	assert_match "$output" 'the kernel says: Loading of module with unavailable key is rejected'
	[[ -z $(loaded || true) ]]
	own_vm_stop
}

# bats test_tags=any-kernel
@test "kpatch: a signed module on a kernel that takes any" {
	put_signed
	expect 0 "kpatch load $name.ko"
	in_vm "grep -q ^CommittedLive: /proc/meminfo"
}
