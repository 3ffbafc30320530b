#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch load and check, on a machine that is a directory (machine.bash). What the kernel does is
# written down in each test.

bats_require_minimum_version 1.5.0
load machine

setup_file() { machine_build; }

setup() {
	machine
	umask 022
}

@test "load: a patch that is enabled at once" {
	patch_module livepatch-fix fix.ko
	prompt_kernel
	kpatch load fix.ko
	says "livepatch_fix: enabled, 1 function replaced"
	[ "$(calls)" = insert ]
	[ -e "$M/sys/kernel/livepatch/livepatch_fix" ]
}

@test "load: the kernel gets the bytes of the file, decompressed" {
	patch_module livepatch-fix fix.ko
	kernel <<-'END'
		[[ $1 != insert ]] || { cat > got; appear livepatch_fix 1 0 vmlinux:1:a,1; }
	END
	for how in "cat" "xz -c" "zstd -qc" "gzip -c"; do
		$how < fix.ko > try.ko
		rm -rf "$M"/sys/kernel/livepatch/* "$M"/sys/module/livepatch_fix
		kpatch load try.ko
		cmp fix.ko "$M/got"
	done
}

@test "load: waits for the transition to end, and says how many tasks are left" {
	patch_module livepatch-fix fix.ko
	task 17 busy 0 "[<0>] do_sys_poll+0x1/0x2"
	task 18 lazy 0
	task 19 done 1
	kernel <<-'END'
		case $1 in
		insert) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		sleep) (( $3 < 9000 )) || set_state livepatch_fix 1 0 ;;
		esac
	END
	kpatch load fix.ko
	# in a file a line when the number changes, among the errors
	[[ $stderr == "livepatch_fix: enabling, 1 s of 60 s, 2 tasks left: busy[17] in do_sys_poll" ]]
	says "livepatch_fix: enabled"
	[ "$(calls)" = insert ]
	rm -rf "$M"/sys/kernel/livepatch/* "$M"/sys/module/livepatch_fix
	sed -i 's/^sleep)/& (( $3 < 5000 )) || echo 1 > "$M\/proc\/17\/task\/17\/patch_state";/' "$M/kernel"
	kpatch load --timeout 2m fix.ko
	[[ ${stderr_lines[0]} == "livepatch_fix: enabling, 1 s of 120 s, 2 tasks left: busy[17] in do_sys_poll" ]]
	[[ ${stderr_lines[1]} =~ "livepatch_fix: enabling, "[4-7]" s of 120 s, 1 task left: lazy[18]"$ ]]
	[ "${#stderr_lines[@]}" -eq 2 ]
	rm -rf "$M"/sys/kernel/livepatch/* "$M"/sys/module/livepatch_fix
	kpatch load --quiet fix.ko
	[[ -z $output && -z $stderr ]]
}

@test "load: on a terminal one line is written again and again, and goes" {
	patch_module livepatch-fix fix.ko
	task 17 busy 0
	kernel <<-'END'
		case $1 in
		insert) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		sleep) (( $3 < 9000 )) || set_state livepatch_fix 1 0 ;;
		esac
	END
	script -qec "$FAKE $M load fix.ko" /dev/null > terminal < /dev/null
	line=$'livepatch_fix: enabling, [0-9] s of 60 s, 1 task left: busy\\[17\\]'
	[[ $(grep -oE "$line" terminal | sort -u | wc -l) -ge 3 ]]
	[[ $(wc -l < terminal) == 1 ]]
	# each is overwritten, the last one by what follows
	[[ $(tail -n 1 terminal | tr -d '\r') == *$'\033[K''livepatch_fix: enabled, 1 function replaced' ]]
}

@test "load: a stalled transition names its tasks, and the patch is taken back" {
	patch_module livepatch-fix fix.ko
	task 17 "odd) (name" 0 "[<0>] do_sys_poll+0x1/0x2" "[<0>] meminfo_proc_show+0x3e0/0x5a0" \
		"[<0>] seq_read+0x1/0x2"
	FLAGS=2129984 task 18 kthread 0 "[<0>] svc_recv+0x1/0x2 [sunrpc]"
	task 19 switched 1 "[<0>] meminfo_proc_show+0x1/0x2"
	kernel <<-'END'
		case "$1 $3" in
		insert*) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		"write 0") set_state livepatch_fix 0 1; touch reversed ;;
		sleep*) [[ ! -e reversed ]] || gone livepatch_fix ;;
		remove*) forget livepatch_fix ;;
		esac
	END
	fails 8 load --timeout 20s fix.ko
	has transition-stalled task-blocks
	says "not enabled within 20 s, so it is taken back. Wait for these tasks or restart their services"
	says "task 17 (odd) (name) is in do_sys_poll, called from meminfo_proc_show"
	says "kernel thread 18 (kthread) is in svc_recv"
	[[ $stderr != *"19 (switched)"* ]]
	[ "$(calls)" = "insert
write /sys/kernel/livepatch/livepatch_fix/enabled 0
remove livepatch_fix" ]
	[ ! -e "$M/sys/kernel/livepatch/livepatch_fix" ]
}

@test "load: kernel threads alone hold it: nobody is told to restart them" {
	patch_module livepatch-fix fix.ko
	FLAGS=2129984 task 18 kthread 0 "[<0>] svc_recv+0x1/0x2 [sunrpc]"
	kernel <<-'END'
		case "$1 $3" in
		insert*) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		"write 0") gone livepatch_fix ;;
		esac
	END
	fails 8 load --timeout 5 fix.ko
	says "Kernel threads cannot be restarted: bring about what they wait for, or try again with more time"
	[[ $stderr != *services* ]]
}

@test "load: nobody in /proc holds it" {
	patch_module livepatch-fix fix.ko
	kernel <<-'END'
		case "$1 $3" in
		insert*) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		"write 0") gone livepatch_fix ;;
		esac
	END
	fails 8 load --timeout 5 fix.ko
	says "idle task of a processor"
}

@test "load: what cannot be taken back either is said so" {
	patch_module livepatch-fix fix.ko
	kernel <<-'END'
		case "$1 $3" in
		insert*) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		"write 0") set_state livepatch_fix 0 1 ;;
		esac
	END
	fails 11 load --timeout 5 fix.ko
	has transition-stalled not-taken-back
}

@test "load: an interrupt takes the patch back" {
	patch_module livepatch-fix fix.ko
	kernel <<-'END'
		case "$1 $3" in
		insert*) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		sleep*) [[ -e reversed ]] && gone livepatch_fix || touch interrupt ;;
		"write 0") set_state livepatch_fix 0 1; touch reversed ;;
		esac
	END
	fails 12 load fix.ko
	has interrupted
	[ "$(calls | tail -1)" = "remove livepatch_fix" ]
}

@test "load: somebody else disables it meanwhile" {
	patch_module livepatch-fix fix.ko
	kernel <<-'END'
		case $1 in
		insert) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		sleep) gone livepatch_fix ;;
		esac
	END
	fails 7 load fix.ko
	has patch-gone
}

@test "load: every error of the kernel has a meaning and an exit code, and the log is shown" {
	patch_module livepatch-fix fix.ko
	for case in 1:9:EPERM 2:7:ENOENT 8:7:ENOEXEC 12:1:ENOMEM 16:10:EBUSY 17:7:EEXIST 19:7:ENODEV \
		22:7:EINVAL 74:7:EBADMSG 126:7:ENOKEY 129:7:EKEYREJECTED; do
		IFS=: read -r number code name <<< "$case"
		kernel <<-END
			[[ \$1 != insert ]] || { log "livepatch: symbol 'x' not found"; log "usb: noise"; exit $number; }
		END
		fails "$code" load fix.ko
		has kernel-refused-module kernel-log
		says "($name)"
		says "symbol 'x' not found"
		[[ $stderr != *noise* ]]
	done
}

@test "load: a module that registers nothing is removed" {
	patch_module livepatch-fix fix.ko
	kernel <<< ''
	fails 7 load fix.ko
	has no-patch-registered
	[ "$(calls)" = "insert
remove livepatch_fix" ]
}

@test "load: the same build again is no error" {
	patch_module livepatch-fix fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 1 OK
	kpatch load fix.ko
	says "already loaded"
	[ -z "$(calls)" ]
}

@test "load: another build of that name is a conflict" {
	patch_module livepatch-fix fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
	loaded_module livepatch_fix 2222222222222222222222222222222222222222 1 OK
	fails 6 load fix.ko
	has name-taken
	fails 6 check fix.ko
	has name-taken
	[ -z "$(calls)" ]
}

@test "load: a load that was killed half way is finished" {
	patch_module livepatch-fix fix.ko
	live_patch livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 1 OK
	kernel <<< '[[ $1 != sleep ]] || set_state livepatch_fix 1 0'
	kpatch load fix.ko
	says "livepatch_fix: enabled"
	[ -z "$(calls)" ]
}

@test "load: an unload that was killed half way is finished first" {
	patch_module livepatch-fix fix.ko
	live_patch livepatch_fix 0 1 vmlinux:1:meminfo_proc_show,1
	kernel <<-'END'
		case $1 in
		insert) appear livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1 ;;
		sleep) gone livepatch_fix ;;
		remove) forget livepatch_fix ;;
		esac
	END
	kpatch load fix.ko
	[ "$(calls)" = "remove livepatch_fix
insert" ]
}

@test "load: a module left over from before is removed first" {
	patch_module livepatch-fix fix.ko
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 0 OK
	prompt_kernel
	kpatch load fix.ko
	[ "$(calls)" = "remove livepatch_fix
insert" ]
}

@test "load: waits for another patch's transition, but not for ever" {
	patch_module livepatch-fix fix.ko
	live_patch other 1 1 vmlinux:1:f,1
	kernel <<-'END'
		case $1 in
		insert) appear livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1 ;;
		sleep) (( $3 < 5000 )) || set_state other 1 0 ;;
		esac
	END
	kpatch load fix.ko
	[ "$(calls)" = insert ]
	rm -rf "$M/sys/kernel/livepatch/livepatch_fix" "$M/calls" "$M/sys/module/livepatch_fix"
	live_patch other 1 1
	fails 10 load --timeout 3 fix.ko
	has transition-busy
	says "transition of other"
	[ -z "$(calls)" ]
}

@test "load: patches that it replaces are removed with their modules" {
	REPLACE=true patch_module livepatch-fix fix.ko
	live_patch old_one 1 0 vmlinux:1:f,1
	live_patch old_two 1 0 vmlinux:1:g,1
	kernel <<-'END'
		case "$1 $2" in
		insert*) appear livepatch_fix 1 1 vmlinux:1:meminfo_proc_show,1 ;;
		sleep*) set_state livepatch_fix 1 0; gone old_one; (( $3 < 1010 )) || gone old_two ;;
		remove*) forget "$2" ;;
		esac
	END
	kpatch load fix.ko
	says "old_one: replaced and removed"
	[ "$(calls)" = "insert
remove old_one
remove old_two" ]
}

@test "load: a replaced module that stays is named" {
	REPLACE=true patch_module livepatch-fix fix.ko
	live_patch old_one 1 0 vmlinux:1:f,1
	kernel <<-'END'
		case "$1 $2" in
		insert*) appear livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
			 gone old_one; echo 1 > sys/module/old_one/refcnt ;;
		esac
	END
	fails 11 load fix.ko
	has module-still-used
	says "old_one"
}

@test "load: without replace nothing else is touched" {
	patch_module livepatch-fix fix.ko
	live_patch old_one 1 0 vmlinux:1:f,1
	prompt_kernel
	kpatch load fix.ko
	[ "$(calls)" = insert ]
	[ -e "$M/sys/module/old_one" ]
}

@test "load: in a stack, functions that change hands are named" {
	patch_module livepatch-fix fix.ko
	live_patch old_one 1 0 vmlinux:1:meminfo_proc_show,1 vmlinux:1:other,1
	prompt_kernel
	kpatch check fix.ko
	has function-taken-over
	says "fix.ko: meminfo_proc_show: warning: old_one has replaced it already"
	[[ $stderr != *": other: "* ]]
	kpatch load fix.ko
	has function-taken-over
	[ "$(calls)" = insert ]
	REPLACE=true patch_module livepatch-new new.ko
	kpatch check new.ko
	[[ $stderr != *function-taken-over* ]]
}

@test "load: states of loaded patches that it does not know, or knows in an older version" {
	live_patch old_one 1 0 vmlinux:1:f,1
	says_of old_one states "7 2" "9 1"
	kernel <<-'END'
		[[ $1 != insert ]] || { appear livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1; gone old_one; }
		[[ $1 != remove ]] || forget "$2"
	END
	REPLACE=true STATES="9:4" patch_module livepatch-fix fix.ko
	for command in check "load --dry-run" load; do
		fails 7 $command fix.ko
		has state-unknown
		says "old_one has changed state 7 of the system, which this patch does not know"
		[[ $stderr != *"state 9"* && $output != *"can be loaded"* ]]
	done
	for replace in true false; do
		REPLACE=$replace STATES="9:1 7:1" patch_module livepatch-fix fix.ko
		for command in check load; do
			fails 7 $command fix.ko
			has state-older
			says "old_one has state 7 in version 2, and this patch knows version 1 only"
		done
	done
	[ -z "$(calls)" ]
	# one that stacks leaves alone what it does not know; one that knows all versions takes over
	STATES="9:1" patch_module livepatch-fix fix.ko
	kpatch check fix.ko
	REPLACE=true STATES="7:2 9:4294967295" patch_module livepatch-fix fix.ko
	kpatch check fix.ko
	kpatch load fix.ko
	[ "$(calls | head -n 1)" = insert ]
}

@test "load: states of a patch that goes, of other tools' patches, and lines that are none" {
	REPLACE=true patch_module livepatch-fix fix.ko
	live_patch old_one 0 1 vmlinux:1:f,1
	says_of old_one states "7 2"
	live_patch foreign 1 0 vmlinux:1:g,1
	live_patch odd 1 0 vmlinux:1:h,1
	says_of odd states 7 "7 " "7 x" "-7 1" "0 1" "" "99999999999999999999 1" "7 1 1"
	kpatch check fix.ko
	says "can be loaded"
	# what is there already has been taken
	live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 1 OK
	says_of odd states "7 1"
	kpatch check fix.ko
	says "loaded already"
}

@test "load: the states in the manifest are the module's" {
	STATES="7:1" REAL_STATES="7:2" patch_module livepatch-fix fix.ko
	fails 3 check fix.ko
	has manifest-lies
	STATES="7:1" REAL_STATES="" patch_module livepatch-fix fix.ko
	fails 3 check fix.ko
	STATES="" REAL_STATES="7:1" patch_module livepatch-fix fix.ko
	fails 3 check fix.ko
	says "the states of the system"
	STATES="7:1 7:2" patch_module livepatch-fix fix.ko
	fails 3 check fix.ko
	has manifest-inconsistent
	STATES="0:1" patch_module livepatch-fix fix.ko
	fails 3 check fix.ko
	has manifest-inconsistent
}

@test "load: a patch that nobody has verified says so wherever it turns up" {
	VERIFIED=false patch_module livepatch-fix fix.ko
	kernel <<-'END'
		[[ $1 != insert ]] || { appear livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
			mkdir -p "$M/sys/module/livepatch_fix/parameters"
			echo N > "$M/sys/module/livepatch_fix/parameters/verified"; }
	END
	for command in check install load; do
		kpatch $command fix.ko
		has patch-unverified
	done
	kpatch list
	[[ ${lines[1]} == "livepatch_fix  1        enabled          1  1      20"*"Z  vmlinux; not verified" ]]
	says "  livepatch_fix; not verified"
	kpatch list --format json
	[ "$(grep -c '"unverified": true' <<< "$output")" = 2 ]
	kpatch status
	has patch-unverified
	[[ $output != *"all is well"* ]]
	kpatch info fix.ko
	says "verified      no, built with --no-verify"
	# the module says the same as its manifest; and a verified one is not mentioned
	VERIFIED=false FLAGS_VERIFIED=true patch_module livepatch-liar liar.ko
	fails 3 check liar.ko
	has manifest-lies
	says "whether it is verified"
	patch_module livepatch-good good.ko
	kpatch check good.ko
	[[ $stderr != *patch-unverified* ]]
}

@test "check: whatever load refuses because of its name or of what goes on" {
	patch_module livepatch-fix fix.ko
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 0
	for command in check load; do
		fails 6 $command fix.ko
		has name-taken
	done
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 1 OK
	says_of livepatch_fix kept Y
	for command in check load; do
		fails 6 $command fix.ko
		has module-in-memory
	done
	# on its way out it will stay as well
	live_patch livepatch_fix 0 1 vmlinux:1:meminfo_proc_show,1
	for command in check load; do
		fails 6 $command fix.ko
		has module-in-memory
	done
	rm -r "$M/sys/kernel/livepatch/livepatch_fix" "$M/sys/module/livepatch_fix/parameters"
	kpatch check fix.ko
	has module-still-used
	live_patch other 1 1 vmlinux:1:f,1
	kpatch check fix.ko
	has transition-going-on
	says "other: warning: it is being enabled, and a load waits for the end"
	mkdir -p "$M/etc"
	echo 'timeout: soon' > "$M/etc/kpatch.yaml"
	for command in check "load --dry-run" load; do
		fails 3 $command fix.ko
		has config-wrong-type
	done
	[ -z "$(calls)" ]
}

# Wrong kernels

@test "load: another release" {
	KERNEL=6.1.0-55-amd64 patch_module livepatch-fix fix.ko
	fails 4 load fix.ko
	has other-release
	says "made for kernel 6.1.0-55-amd64, but 6.1.0-56-amd64 is running"
	[ -z "$(calls)" ]
}

@test "load: a release that begins like ours" {
	KERNEL=6.1.0-56-amd64-rt patch_module livepatch-fix fix.ko
	fails 4 load fix.ko
	has other-release
}

@test "load: another build of the same release says both build IDs" {
	ID=fedcba9876543210fedcba9876543210fedcba98 patch_module livepatch-fix fix.ko
	fails 4 load fix.ko
	has other-kernel-build
	says "expected build ID fedcba9876543210fedcba9876543210fedcba98, found $KERNEL_ID"
	[ -z "$(calls)" ]
}

@test "load: a kernel that does not tell its build ID" {
	patch_module livepatch-fix fix.ko
	rm "$M/sys/kernel/notes"
	fails 4 load fix.ko
	has build-id-unknown
}

@test "load: a build ID that ends with a newline character" {
	ID=0123456789abcdef0123456789abcdef01230a0a
	note "$M/sys/kernel/notes" "$ID"
	ID=$ID patch_module livepatch-fix fix.ko
	prompt_kernel
	kpatch load fix.ko
}

@test "load: a loaded module of another build, of ours, and one that is not loaded" {
	NFSD=1 patch_module livepatch-fix fix.ko
	prompt_kernel
	loaded_module nfsd cccccccccccccccccccccccccccccccccccccccc
	fails 4 load fix.ko
	has other-module-build
	says "expected build ID $NFSD_ID, loaded is cccccccccccccccccccccccccccccccccccccccc"
	rm "$M/sys/module/nfsd/notes/.note.gnu.build-id"
	fails 4 load fix.ko
	has build-id-unknown
	[ -z "$(calls)" ]
	rm -r "$M/sys/module/nfsd"
	kpatch check fix.ko
	loaded_module nfsd "$NFSD_ID"
	kpatch load fix.ko
}

@test "load: a module that would be loaded later is compared on disk" {
	NFSD=1 patch_module livepatch-fix fix.ko
	prompt_kernel
	d=$M/lib/modules/$RELEASE/kernel/fs/nfsd
	mkdir -p "$d"
	BUILD_ID=cccccccccccccccccccccccccccccccccccccccc LIVEPATCH=N MANIFEST=none patch_module nfsd "$d/nfsd.ko"
	echo "kernel/fs/nfsd/nfsd.ko:" > "$M/lib/modules/$RELEASE/modules.dep"
	fails 4 load fix.ko
	has other-module-build
	says "installed is cccccccccccccccccccccccccccccccccccccccc"
	BUILD_ID=$NFSD_ID LIVEPATCH=N MANIFEST=none patch_module nfsd "$d/nfsd.ko"
	kpatch load fix.ko
}

# Wrong files

@test "load: not a livepatch module" {
	LIVEPATCH=N patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has not-a-livepatch
}

@test "load: no manifest, unless it is asked for" {
	MANIFEST=none patch_module livepatch-fix fix.ko
	prompt_kernel
	fails 3 load fix.ko
	has manifest-missing
	kpatch load --unchecked fix.ko
	MANIFEST=none KERNEL=5.10 patch_module livepatch-other other.ko
	fails 4 load --unchecked other.ko
	has other-release
}

@test "load: manifests that lie" {
	REAL_FUNCTION=other patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has manifest-lies
	says "it does not have other of vmlinux"
	FLAGS_REPLACE=true patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has manifest-lies
	NFSD=1 manifest livepatch-fix > more.yaml
	MANIFEST=$PWD/more.yaml patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has manifest-lies
	says "functions that the module does not replace"
	manifest livepatch-other > other.yaml
	MANIFEST=$PWD/other.yaml patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has manifest-lies
	VERMAGIC="5.10 SMP" patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has manifest-lies
	[ -z "$(calls)" ]
}

@test "load: a broken manifest says what and where" {
	manifest livepatch-fix | sed 's/^version: .*/version: 1/; /^builder/d' > bad.yaml
	MANIFEST=$PWD/bad.yaml patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	has manifest-wrong-type manifest-missing-key
	says "fix.ko:4:"
}

@test "load: cut short, empty, foreign: refused at every length" {
	patch_module livepatch-fix whole.ko
	size=$(stat -c %s whole.ko)
	for (( n = 0; n < size; n += size / 40 )); do
		head -c "$n" whole.ko > fix.ko
		fails 3 load fix.ko
		[[ $stderr == *"["* ]]
	done
	[ -z "$(calls)" ]
	echo "int main(void) { return 0; }" | gcc -x c -o fix.ko -
	fails 3 load fix.ko
}

@test "load: files that cannot be trusted, or are no files" {
	patch_module livepatch-fix fix.ko
	chmod o+w fix.ko
	fails 3 load fix.ko
	has file-writable-by-others
	chmod 644 fix.ko
	ln -s fix.ko link.ko
	fails 3 load link.ko
	has file-is-a-link
	mkdir dir.ko
	fails 3 load dir.ko
	has file-not-regular
	mkfifo fifo.ko
	fails 3 load fifo.ko
	has file-not-regular
	fails 5 load missing.ko
	has file-not-found
	fails 5 load fix.ko/inside.ko
	has file-not-found
	[ -z "$(calls)" ]
}

@test "load: files of others, and files that others could exchange" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	patch_module livepatch-fix fix.ko
	chmod g+w fix.ko # root's group counts too: with an access list these are not its bits
	fails 3 load fix.ko
	has file-writable-by-others
	chmod g-w fix.ko
	chown 1234 fix.ko
	for command in load install check; do
		fails 3 "$command" fix.ko
		has file-not-roots
	done
	kpatch info fix.ko
	chown 0 fix.ko
	mkdir -p way/to/it
	cp fix.ko way/to/it
	chmod 777 way
	fails 3 load way/to/it/fix.ko
	has directory-not-trusted
	chmod 1777 way
	kpatch check way/to/it/fix.ko
	chown 1234 way/to
	fails 3 load way/to/it/fix.ko
	has directory-not-trusted
	ln -s "$PWD/way/to/it" short
	fails 3 load short/fix.ko
	has directory-not-trusted
	chown 0 way/to
	kpatch check short/fix.ko
	[ -z "$(calls)" ]
}

@test "load: an ordinary module of the patch's name is not removed" {
	patch_module livepatch-fix fix.ko
	loaded_module livepatch_fix 2222222222222222222222222222222222222222 0 ""
	prompt_kernel
	fails 6 load fix.ko
	has name-taken
	[ -z "$(calls)" ]
}

@test "load: what a file says of itself is shown as text, and is no path" {
	patch_module livepatch-fix fix.ko
	sed 's/name=livepatch_fix/name=..\/..\/..\/..\/x/' livepatch-fix.S > bad.S
	gcc -c -o bad.ko bad.S
	fails 3 load --unchecked bad.ko
	has bad-module-name
	VERMAGIC=$'5.10\e[2Jsigned\u202e\xff' MANIFEST=none patch_module livepatch-fix fix.ko
	fails 4 load --unchecked fix.ko
	says '5.10\x1b[2Jsigned\xe2\x80\xae\xff,'
	[[ $stderr != *$'\e'* ]]
	name=$'fix\nnote: all is well\r.ko'
	cp fix.ko "$name"
	fails 4 load --unchecked "$name"
	says 'fix\x0anote: all is well\x0d.ko: made for'
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "load: a lock that cannot be trusted" {
	patch_module livepatch-fix fix.ko
	mkfifo "$M/run/kpatch.lock"
	fails 1 load fix.ko
	has lock-failed
	rm "$M/run/kpatch.lock"
	ln -s elsewhere "$M/run/kpatch.lock"
	fails 1 load fix.ko
	has lock-failed
	[ ! -e "$M/run/elsewhere" ]
}

@test "load: whoever reads the messages may go away" {
	patch_module livepatch-fix fix.ko
	prompt_kernel
	run bash -c '"$1" "$2" load fix.ko | :; exit ${PIPESTATUS[0]}' - "$FAKE" "$M"
	[ "$status" -eq 0 ]
	[ -e "$M/sys/kernel/livepatch/livepatch_fix" ]
}

@test "load: limits for what a file makes of our memory and time" {
	head -c 200M /dev/zero | xz -1 > big.ko.xz
	fails 3 load big.ko.xz
	says "File too large"
	{ manifest livepatch-fix; printf 'extra: '; printf '[%.0s' {1..20000}; echo; } > deep.yaml
	MANIFEST=$PWD/deep.yaml patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	says "nested too deeply"
	{ manifest livepatch-fix; printf 'key%d: 1\n' {1..3000}; } > many.yaml
	MANIFEST=$PWD/many.yaml patch_module livepatch-fix fix.ko
	fails 3 load fix.ko
	says "too much is wrong"
	[ "${#stderr_lines[@]}" -lt 120 ]
}

@test "load: names that are no names" {
	for name in "a b" $'a\nb' "$(printf 'x%.0s' {1..60})"; do
		fails 2 load "$name"
		has bad-name
	done
	fails 5 load nothing-of-that-name
	has not-installed
}

# What the kernel's policy says

@test "load: kernels that would refuse are not asked" {
	patch_module livepatch-fix fix.ko
	echo 0 > "$M/proc/sys/kernel/ftrace_enabled"
	fails 7 load fix.ko
	has ftrace-disabled
	echo 1 > "$M/proc/sys/kernel/ftrace_enabled"
	echo 1 > "$M/proc/sys/kernel/modules_disabled"
	fails 7 load fix.ko
	has modules-disabled
	echo 0 > "$M/proc/sys/kernel/modules_disabled"
	mkdir -p "$M/sys/kernel/security"
	echo "none [integrity] confidentiality" > "$M/sys/kernel/security/lockdown"
	fails 7 load fix.ko
	has signature-required
	says "locked down"
	echo "[none] integrity confidentiality" > "$M/sys/kernel/security/lockdown"
	mkdir -p "$M/sys/module/module/parameters"
	echo Y > "$M/sys/module/module/parameters/sig_enforce"
	fails 7 load fix.ko
	has signature-required
	[ -z "$(calls)" ]
	sign_module fix.ko
	prompt_kernel
	kpatch load fix.ko
}

@test "load: a signature that is damaged, or that the kernel does not trust" {
	patch_module livepatch-fix plain.ko
	cp plain.ko signed.ko
	sign_module signed.ko
	size=$(stat -c %s signed.ko)
	# damage FILE: the loader must say it and not ask the kernel
	damage() {
		fails 7 load "$1"
		has signature-damaged
		kpatch info "$1"
		says 'signed        yes, but the signature is damaged'
		[ -z "$(calls)" ]
	}
	{ cat plain.ko; printf 'signature~Module signature appended~\n'; } > marker.ko
	damage marker.ko
	for spec in 40:'\1' 38:'\0' 33:'\1' 32:'\377' 31:'\377' 30:'\377\377' 30:'\0\0' 41:'\0' \
		$(($(stat -c %s signed.ko) - $(stat -c %s plain.ko))):'\1'; do
		cp signed.ko bad.ko
		printf "${spec#*:}" | dd of=bad.ko bs=1 seek=$((size - ${spec%%:*})) conv=notrunc status=none
		[ "$spec" = '41:\0' ] || damage bad.ko # the last byte of the signed hash is the kernel's to judge
	done
	kernel <<< '[[ $1 != insert ]] || exit 129'
	fails 7 load signed.ko
	has kernel-refused-module signer-not-trusted
	says "signed by A test (key "
	fails 7 load plain.ko
	has kernel-refused-module not-signed
}

@test "load: no live patching in this kernel" {
	patch_module livepatch-fix fix.ko
	rmdir "$M/sys/kernel/livepatch"
	fails 7 load fix.ko
	has kernel-without-livepatch
}

@test "load: not as an ordinary user; check works" {
	patch_module livepatch-fix fix.ko
	echo 1000 > "$M/euid"
	fails 9 load fix.ko
	has needs-root
	kpatch check fix.ko
	says "can be loaded"
}

@test "load: another kpatch at work" {
	patch_module livepatch-fix fix.ko
	prompt_kernel
	exec 8> "$M/run/kpatch.lock"
	flock 8
	fails 10 load --timeout 2 fix.ko
	has lock-held
	says "another kpatch is at work"
	[ -z "$(calls)" ]
	# who has it is in the kernel's list
	lock=$(stat -c '%Hd %Ld %i' "$M/run/kpatch.lock")
	read -r major minor inode <<< "$lock"
	printf '%d: FLOCK  ADVISORY  WRITE %d %02x:%02x:%d 0 EOF\n' 1 4712 "$major" "$minor" $((inode + 1)) 2 4711 "$major" "$minor" "$inode" \
		> "$M/proc/locks"
	mkdir -p "$M/proc/4711"
	printf 'kpatch\0load\0slow\033.ko\0' > "$M/proc/4711/cmdline"
	fails 10 load --timeout 2 fix.ko
	says 'waiting for kpatch load slow\x1b.ko (process 4711) to end'
	says 'kpatch load slow\x1b.ko (process 4711) is at work. Try again when it has ended. [lock-held]'
	exec 8>&-
	kpatch load fix.ko
}

@test "load: an initramfs without /run" {
	patch_module livepatch-fix fix.ko
	prompt_kernel
	rmdir "$M/run"
	kpatch load fix.ko
}

@test "load, check: callbacks of a replaced patch that will never run" {
	prompt_kernel
	CALLBACKS='[{kind: post_patch, function: start}, {kind: post_unpatch, function: clean_up}]' patch_module livepatch-fix fix.ko
	kpatch load fix.ko
	[[ $stderr != *callback-never-runs* ]]
	for command in check load; do
		REPLACE=true patch_module livepatch-next next.ko
		kpatch $command next.ko || true
		says "livepatch_fix: note: it is replaced without its post_unpatch callback clean_up of vmlinux: of all patches the kernel calls that of the newest alone. [callback-never-runs]"
		[[ $stderr != *" start "* ]]
	done
	REPLACE=false patch_module livepatch-next next.ko
	kpatch check next.ko
	[[ $stderr != *callback-never-runs* ]]
}

@test "load, unload, force: the system's log has a line for each, and for what was refused" {
	patch_module livepatch-fix fix.ko
	prompt_kernel
	mkdir -p "$M/proc/self"
	echo 4294967295 > "$M/proc/self/loginuid"
	kpatch check fix.ko
	[ ! -e "$M/log" ]
	kpatch load fix.ko
	kpatch unload livepatch-fix
	echo 1000 > "$M/proc/self/loginuid"
	printf x > 'evil
name.ko'
	fails 3 load 'evil
name.ko'
	live_patch other 1 1 vmlinux:1:f,1
	fails 2 force
	kpatch force --yes
	[ "$(< "$M/log")" = '<6> load livepatch_fix: ok|load|livepatch_fix|ok|
<6> unload livepatch_fix: ok|unload|livepatch_fix|ok|
<3> load evil\x0aname.ko: bad-file: this is no kernel module of a 64-bit little-endian machine [elf-foreign], by user 1000|load|?|bad-file|elf-foreign
<6> force other: ok, by user 1000|force|other|ok|' ]
}

# What changes hands

@test "check: newly patched, patched again, back to the original" {
	REPLACE=true NFSD=1 patch_module livepatch-fix fix.ko
	live_patch old_one 1 0 vmlinux:1:meminfo_proc_show,1 vmlinux:1:other,1 nfsd:0:exp_show,1
	kpatch check fix.ko
	says "vmlinux: meminfo_proc_show: patched again, now old_one"
	says "nfsd: exp_show: newly patched"
	says "vmlinux: other: back to the original, now old_one"
	says "replaces old_one"
	[ -z "$(calls)" ]
	kpatch load --dry-run --format json fix.ko
	python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		changes = {(f["object"], f["name"], f["position"]): (f["change"], f["patch"]) for f in r["functions"]}
		assert changes == {
			("vmlinux", "meminfo_proc_show", 0): ("patched-again", "old_one"),
			("nfsd", "exp_show", 2): ("newly-patched", None),
			("vmlinux", "other", 1): ("back-to-original", "old_one"),
			("nfsd", "exp_show", 1): ("back-to-original", "old_one")}, changes
		assert r["replaces"] == ["old_one"] and r["result"] == "ok" and r["exit_code"] == 0
	END
	[ -z "$(calls)" ]
}

@test "check: without replace nothing goes back" {
	patch_module livepatch-fix fix.ko
	live_patch old_one 1 0 vmlinux:1:other,1
	kpatch check fix.ko
	[[ $output != *"back to"* && $output != *replaces* ]]
}

@test "load: errors in JSON and YAML" {
	ID=fedcba9876543210fedcba9876543210fedcba98 patch_module livepatch-fix fix.ko
	fails 4 load --format json fix.ko
	[ -z "$stderr" ]
	python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		assert r["result"] == "wrong-kernel" and r["exit_code"] == 4
		d = r["diagnostics"][0]
		assert d["id"] == "other-kernel-build" and d["severity"] == "error" and d["file"] == "fix.ko"
	END
	fails 4 load --format yaml fix.ko
	[[ $output == *'id: "other-kernel-build"'* && $output == *"exit_code: 4"* ]]
}

@test "load --all: in the order of names, one failure does not stop the others" {
	d=$M/var/lib/kpatch/$RELEASE
	mkdir -p "$d"
	patch_module livepatch-a "$d/livepatch-a.ko"
	ID=fedcba9876543210fedcba9876543210fedcba98 patch_module livepatch-b "$d/livepatch-b.ko"
	patch_module livepatch-c "$d/livepatch_c.ko"
	kernel <<-'END'
		[[ $1 != insert ]] || appear livepatch_$([[ -e first ]] && echo c || echo a) 1 0 vmlinux:1:f,1
		touch first
	END
	fails 4 load --all
	has other-kernel-build
	[ -e "$M/sys/kernel/livepatch/livepatch_a" ]
	[ -e "$M/sys/kernel/livepatch/livepatch_c" ]
	[ ! -e "$M/sys/kernel/livepatch/livepatch_b" ]
}
