#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What only reads or keeps files: kpatch list, status, info, install, uninstall; and the command line.

bats_require_minimum_version 1.5.0
load machine

setup_file() { machine_build; }

setup() {
	machine
	umask 022
	STORE=$M/var/lib/kpatch/$RELEASE
}

@test "list: nothing" {
	kpatch list
	[ "$output" = "no patches are loaded" ]
	rmdir "$M/sys/kernel/livepatch"
	fails 7 list
	has kernel-without-livepatch
}

@test "list: states, objects that wait, leftovers, as an ordinary user" {
	echo 1000 > "$M/euid"
	live_patch p_enabled 1 0 vmlinux:1:f,1 vmlinux:1:g,3 nfsd:0:h,1
	live_patch p_enabling 1 1 vmlinux:1:f,1
	live_patch p_disabling 0 1 vmlinux:1:f,1
	live_patch p_off 0 0 vmlinux:1:f,1
	loaded_module left_over "" 0 OK
	loaded_module ext4
	kpatch list
	[ "${lines[0]}" = "PATCH        VERSION  STATE      FUNCTIONS  FIXES  SINCE  OBJECTS" ]
	[ "${lines[1]}" = "p_disabling  -        disabling          1  -      -      vmlinux" ]
	[ "${lines[2]}" = "p_enabled    -        enabled            3  -      -      vmlinux, nfsd (waits)" ]
	[ "${lines[3]}" = "p_enabling   -        enabling           1  -      -      vmlinux" ]
	[ "${lines[4]}" = "p_off        -        disabled           1  -      -      vmlinux" ]
	[ "${lines[5]}" = "left_over    -        off                -  -      -      its module is still loaded" ]
	[ "${#lines[@]}" -eq 6 ]
	kpatch list -v
	says "    vmlinux: g,3"
	says "    nfsd: h"
	# what a transition waits for, as status -v says it
	task 5 busy 0
	kpatch list -v
	has task-blocks
	says "task 5 (busy) is somewhere unknown. [task-blocks]"
	kpatch list
	[ -z "$stderr" ]
}

@test "list: stacking order and replace where the kernel tells them" {
	live_patch aaa 1 0 vmlinux:1:f,1
	live_patch bbb 1 0 vmlinux:1:f,1
	echo 2 > "$M/sys/kernel/livepatch/aaa/stack_order"
	echo 1 > "$M/sys/kernel/livepatch/bbb/stack_order"
	echo 1 > "$M/sys/kernel/livepatch/aaa/replace"
	kpatch list --format json
	python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		assert [p["name"] for p in r["patches"]] == ["bbb", "aaa"]
		assert r["patches"][1]["replace"] is True and "replace" not in r["patches"][0]
		assert r["patches"][0]["stack_order"] == 1
		assert r["patches"][0]["objects"] == [{"name": "vmlinux", "patched": True,
			"functions": [{"name": "f", "position": 1}]}]
		assert r["leftovers"] == [] and r["installed"] == [] and r["exit_code"] == 0
	END
}

@test "list: a kernel without the patched attribute" {
	live_patch aaa 1 0 vmlinux:1:f,1
	rm "$M/sys/kernel/livepatch/aaa/vmlinux/patched"
	kpatch list
	says "aaa    -        enabled          1  -      -      vmlinux"
	kpatch list -f json
	[[ $output != *patched* ]]
}

@test "list: a patch that is just being made or going is left out, a damaged one is an error" {
	live_patch aaa 1 0 vmlinux:1:f,1
	mkdir "$M/sys/kernel/livepatch/bbb"
	kpatch list
	[[ $output == *aaa* && $output != *bbb* ]]
	echo nonsense > "$M/sys/kernel/livepatch/aaa/enabled"
	fails 9 list
	has sysfs-unreadable
}

@test "list: JSON and YAML say the same" {
	python3 -c 'import yaml' 2> /dev/null || skip "no PyYAML"
	live_patch aaa 1 0 vmlinux:1:f,1 nfsd:0:g,2
	kpatch list --format json
	json=$output
	kpatch list --format yaml
	python3 - "$json" "$output" <<-'END'
		import json, sys, yaml
		a, b = json.loads(sys.argv[1]), yaml.safe_load(sys.argv[2])
		assert a == b, (a, b)
		assert a["patches"][0]["objects"][1]["name"] == "nfsd"
	END
}

@test "list: installed patches" {
	mkdir -p "$STORE"
	touch "$STORE/livepatch-b.ko" "$STORE/livepatch_a.ko.xz" "$STORE/.livepatch_c.new" "$STORE/readme"
	kpatch list
	[ "${lines[1]}" = "installed for $RELEASE:" ]
	[ "${lines[2]}" = "  livepatch_a" ]
	[ "${lines[3]}" = "  livepatch_b" ]
	[ "${#lines[@]}" -eq 4 ]
}

@test "status: all is well, or what is not" {
	kpatch status
	says "all is well"
	mkdir -p "$STORE"
	touch "$STORE/livepatch-b.ko"
	loaded_module left_over "" 0 OK
	live_patch aaa 1 1 vmlinux:1:f,1
	task 5 busy 0
	fails 11 status
	has installed-not-loaded module-left-over transition-going-on
	says "it is being enabled, 1 task left"
	fails 11 status --format json
	[[ $output == *'"tasks_left": 1'* ]]
	[[ $stderr != *task-blocks* ]]
	fails 11 status --verbose
	says "task 5 (busy) is somewhere unknown. [task-blocks]"
	fails 11 status --verbose --format json
	[[ $output == *'"blockers"'*'"tid": 5'* ]]
}

@test "status: numbers for monitoring, whatever state the machine is in" {
	kpatch status --format prometheus
	[[ -z $stderr && $output == *$'\n'"kpatch_ok 1"$'\n'* && $output == *"kpatch_installed 0"* ]]
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	live_patch aaa 1 1 vmlinux:1:f,1
	loaded_module left_over "" 0 OK
	loaded_module 'left"2' "" 0 OK
	task 5 busy 0
	task 6 busy 0
	fails 11 status --format prometheus
	[ -z "$stderr" ]
	[ "$(grep -v '^#' <<< "$output")" = 'kpatch_patch_info{patch="aaa",state="enabling",version=""} 1
kpatch_transition_tasks{patch="aaa"} 2
kpatch_installed 1
kpatch_held_back 0
kpatch_kernel_hotfixes{kernel="6.1.0-56-amd64",role="running"} 1
kpatch_ok 0
kpatch_problems{id="transition-going-on"} 1
kpatch_problems{id="module-left-over"} 2
kpatch_problems{id="installed-not-loaded"} 1' ]
	# each has its type, once, before its samples
	awk '/^# TYPE/ { if (seen[$3]++) exit 1; next } /^#/ { next } { sub(/[{ ].*/, ""); if (!seen[$0]) exit 1 }' <<< "$output"
	rm -r "$M/sys/kernel/livepatch"
	fails 7 status --format prometheus
	[[ $output == *"kpatch_ok 0"*'kpatch_problems{id="kernel-without-livepatch"} 1'* && -z $stderr ]]
	fails 2 list --format prometheus
	says "--format prometheus is for kpatch status"
}

@test "status and list: another build runs than the one that is installed" {
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:f,1
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 1 OK
	kpatch status
	says "all is well"
	kpatch list
	[[ ${lines[*]: -1} == "  livepatch_fix" ]]
	for other in 2222222222222222222222222222222222222222 ''; do
		rm -r "$M/sys/module/livepatch_fix"
		loaded_module livepatch_fix "$other" 1 OK
		fails 11 status
		has other-build-loaded
		kpatch list
		says "  livepatch_fix; another build of it is loaded"
		kpatch list --format json
		says '"other_build_loaded": true'
	done
}

@test "status: the example for ansible reads what there is, and asks for nothing else" {
	local key example=$TEST_TOP/contrib/ansible/hotfix.yml
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	fails 11 status --format json
	[[ $output == *installed-not-loaded* ]]
	for key in $(grep -oE '\b(status|d)\.[a-z_]+' "$example" | sed 's/.*\.//' | sort -u); do
		[[ $output == *"\"$key\": "* ]] || { echo "no $key in $output"; return 1; }
	done
	# seven names, the exit code among them
	[[ $(grep -oE '\b(status|d)\.[a-z_]+' "$example" | sort -u | wc -l) -ge 8 ]]
}

@test "status: what is installed and could not be loaded" {
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	kpatch disable livepatch-fix
	kpatch status
	head -c 300 fix.ko > "$STORE/livepatch_fix.ko"
	fails 11 status
	has installed-unusable
	cat fix.ko > "$STORE/livepatch_fix.ko"
	chmod o+w "$STORE/livepatch_fix.ko"
	fails 11 status
	has installed-unusable
	says "other users may write to it"
}

# kernel_package RELEASE: its modules and its image
kernel_package() {
	mkdir -p "$M/lib/modules/$1/kernel" "$M/boot"
	: > "$M/boot/vmlinuz-$1"
}

@test "status: the newer kernel, which the next boot takes, has no hotfix, and the running one has" {
	patch_module livepatch-fix fix.ko
	kernel_package "$RELEASE"
	kernel_package 6.1.0-57-amd64
	# nothing to lose
	kpatch status
	says "all is well"
	kpatch install fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:f,1
	fails 11 status
	[ "$stderr" = "6.1.0-57-amd64: warning: the next boot takes this kernel, for which no hotfix is installed, while the running one has one. Install kpatch-patch-6.1.0-57-amd64 before the machine boots; if this kernel has all the fixes itself, boot it. [newer-kernel-without-hotfix]" ]
	fails 11 status --format json
	python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		assert r["next_kernel"] == "6.1.0-57-amd64", r
		assert r["kernels"] == [
			{"release": "6.1.0-56-amd64", "running": True, "bootable": True, "hotfixes": 1},
			{"release": "6.1.0-57-amd64", "running": False, "bootable": True, "hotfixes": 0}], r
		assert [d["id"] for d in r["diagnostics"]] == ["newer-kernel-without-hotfix"], r
	END
	fails 11 status --format prometheus
	says 'kpatch_kernel_hotfixes{kernel="6.1.0-56-amd64",role="running"} 1
kpatch_kernel_hotfixes{kernel="6.1.0-57-amd64",role="next"} 0'
	says 'kpatch_problems{id="newer-kernel-without-hotfix"} 1'
	# loaded alone, or kept for boot alone, is protection as well
	kpatch uninstall livepatch-fix
	fails 11 status
	has newer-kernel-without-hotfix
	# who knows that it has all fixes says so
	mkdir -p "$M/etc"
	echo 'newer-kernel: false' > "$M/etc/kpatch.yaml"
	kpatch status
	rm "$M/etc/kpatch.yaml"
	KERNEL=6.1.0-57-amd64 patch_module livepatch-fix next.ko
	kpatch install next.ko
	kpatch status
	says "kernel 6.1.0-57-amd64, which the next boot takes: 1 installed"
	# a hotfix for one that is not there does not count for the one that is
	kpatch uninstall --kernel 6.1.0-57-amd64 livepatch-fix
	KERNEL=6.1.0-60-amd64 patch_module livepatch-fix later.ko
	kpatch install later.ko
	fails 11 status
	has newer-kernel-without-hotfix
	kpatch install next.ko
	kpatch status
	# one that its boots will not load is none
	kpatch disable --kernel 6.1.0-57-amd64 livepatch-fix
	fails 11 status
	has newer-kernel-without-hotfix
	kpatch enable --kernel 6.1.0-57-amd64 livepatch-fix
	# a store that boots will refuse
	chmod 777 "$M/var/lib/kpatch/6.1.0-57-amd64"
	fails 11 status
	has newer-kernel-without-hotfix store-not-trusted
}

@test "status: which kernel is newer, by numbers, and by what can be booted" {
	live_patch livepatch_fix 1 0 vmlinux:1:f,1
	# next RELEASE KERNEL...: of these, which lie in the machine, it is this that the next boot takes
	next() {
		local expected=$1 release
		shift
		rm -rf "$M/lib/modules" "$M/boot"
		for release in "$RELEASE" "$@"; do kernel_package "$release"; done
		run --separate-stderr "$FAKE" "$M" status --format json
		says "\"next_kernel\": $expected"
	}
	next null
	next null 6.1.0-9-amd64 6.0.30-1-amd64 5.10.0-100-amd64
	next '"6.1.0-100-amd64"' 6.1.0-99-amd64 6.1.0-100-amd64
	next '"6.12.117+deb12-amd64"' 6.1.0-99-amd64 6.12.117+deb12-amd64
	next '"7.0.0-rc2"' 7.0.0-rc1 7.0.0-rc2
	# another kind of the same version is no newer one; of the newest version it is the same kind
	next null 6.1.0-56-rt-amd64 6.1.0-56-cloud-amd64
	next '"6.1.0-57-amd64"' 6.1.0-57-rt-amd64 6.1.0-57-amd64 6.1.0-57-cloud-amd64
	next '"6.1.0-57-rt-amd64"' 6.1.0-57-rt-amd64
	echo 6.5.6-300.fc39.x86_64 > "$M/release"
	next '"6.5.6-301.fc39.x86_64"' 6.5.6-300.fc39.x86_64+debug 6.5.6-301.fc39.x86_64 6.5.6-301.fc39.x86_64+debug
	# modules that a removed kernel left, and an image among the modules
	echo "$RELEASE" > "$M/release"
	next null
	mkdir -p "$M/lib/modules/6.1.0-58-amd64/updates"
	kpatch status
	: > "$M/lib/modules/6.1.0-58-amd64/vmlinuz"
	fails 11 status
	has newer-kernel-without-hotfix
}

@test "status: a hotfix for another kernel than the running one, which has none" {
	KERNEL=6.1.0-55-amd64 patch_module livepatch-fix old.ko
	kpatch install old.ko
	kpatch status
	says "kernel 6.1.0-55-amd64: 1 installed"
	[ "$stderr" = "6.1.0-55-amd64: note: a hotfix is installed for this kernel, and none for the running one, $RELEASE. [hotfix-for-another-kernel]" ]
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:f,1
	kpatch status
	[ -z "$stderr" ]
	# what lies in the store and is no kernel's
	mkdir "$M/var/lib/kpatch/ x" "$M/var/lib/kpatch/.."$'\n'
	: > "$M/var/lib/kpatch/7.0"
	kpatch status
	[[ -z $stderr && $output != *" x"* ]]
	kpatch status --format json
	[[ $output != *'"release": "7.0"'* && $output == *'"release": "6.1.0-55-amd64"'* ]]
}

# targets PATCH LINE...: what its runtime says of the builds that it is for
targets() {
	mkdir -p "$M/sys/module/$1/parameters"
	printf '%s\n' "${@:2}" > "$M/sys/module/$1/parameters/targets"
}

@test "status: a module that the patch refused, because it is of another build" {
	local vmlinux="vmlinux $KERNEL_ID" other=cccccccccccccccccccccccccccccccccccccccc
	live_patch livepatch_fix 1 0 vmlinux:1:f,1 nfsd:0:exp_show,2
	targets livepatch_fix "$vmlinux" "nfsd $NFSD_ID $other"
	fails 11 status
	has target-refused
	says "module nfsd was not loaded, because the patch is not for this build of it: expected build ID $NFSD_ID, found $other"
	targets livepatch_fix "$vmlinux" "nfsd $NFSD_ID -"
	fails 11 status
	says "expected build ID $NFSD_ID, found none"
	# it has come as it should since; lines that are none are no reason to complain
	targets livepatch_fix "$vmlinux" "nfsd $NFSD_ID" 'nfsd' "nfsd $NFSD_ID "$'\e[m' '../x 12 34' "" "nfsd $NFSD_ID 123"
	kpatch status
	says "all is well"
}

@test "status: a module that the patch waits for is installed as another build" {
	local d=$M/lib/modules/$RELEASE/kernel/fs/nfsd
	mkdir -p "$d"
	live_patch livepatch_fix 1 0 vmlinux:1:f,1 nfsd:0:exp_show,2
	targets livepatch_fix "vmlinux $KERNEL_ID" "nfsd $NFSD_ID"
	BUILD_ID=cccccccccccccccccccccccccccccccccccccccc LIVEPATCH=N MANIFEST=none patch_module nfsd "$d/nfsd.ko"
	echo "kernel/fs/nfsd/nfsd.ko:" > "$M/lib/modules/$RELEASE/modules.dep"
	fails 11 status
	has target-other-build
	says "it is for build ID $NFSD_ID, installed is cccccccccccccccccccccccccccccccccccccccc"
	# one that is loaded already is what the runtime has judged
	echo 1 > "$M/sys/kernel/livepatch/livepatch_fix/nfsd/patched"
	kpatch status
	echo 0 > "$M/sys/kernel/livepatch/livepatch_fix/nfsd/patched"
	BUILD_ID=$NFSD_ID LIVEPATCH=N MANIFEST=none patch_module nfsd "$d/nfsd.ko"
	kpatch status
}

# with_fixes NAME OBJECT...: m.yaml, a manifest of NAME with two fixes of which the second is in these objects
with_fixes() {
	local name=$1
	shift
	{
		manifest "$name" | sed '/^objects:/,$d'
		printf 'fixes:\n- patch: fix.patch\n  subject: "net: an \\u0022end\\u0022"\n  cves:\n  - CVE-2024-12345\n'
		printf -- '- patch: fix.patch\n  message: 2\n  subject: "another"\n  cves:\n  - CVE-2024-12345\n  - CVE-2024-23456\n'
		printf '  objects:\n'
		printf -- '  - %s\n' "$@"
		manifest "$name" | sed -n '/^objects:/,$p'
	} > m.yaml
}

@test "list and status --cve: the fixes of what is loaded, by the manifest that a load keeps" {
	prompt_kernel
	with_fixes livepatch-fix vmlinux
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	fails 5 status --cve CVE-2024-12345
	[ "$output" = "CVE-2024-12345: no, no loaded patch has it" ]
	kpatch load fix.ko
	rm fix.ko
	kpatch list --fixes
	[[ ${lines[1]} == "livepatch_fix  1        enabled          1  2      20"??-??-??T??:??:??"Z  vmlinux" ]]
	[ "${lines[2]}" = '    net: an "end": CVE-2024-12345' ]
	[ "${lines[3]}" = '    another: CVE-2024-12345, CVE-2024-23456' ]
	kpatch status --cve CVE-2024-12345
	[ "$output" = 'CVE-2024-12345: yes, in livepatch_fix: net: an "end": CVE-2024-12345' ]
	kpatch status --cve CVE-2024-23456
	fails 5 status --cve CVE-2024-2345
	fails 2 status --cve CVE-24-1
	has usage
	kpatch list --format json
	python3 - "$output" <<-'END'
		import json, sys
		p = json.loads(sys.argv[1])["patches"][0]
		assert p["fix_count"] == 2 and p["fixes"][1]["message"] == 2 and p["fixes"][1]["objects"] == ["vmlinux"]
	END
	# on its way in it waits, on its way out it is none
	echo 1 > "$M/sys/kernel/livepatch/livepatch_fix/transition"
	fails 11 status --cve CVE-2024-12345
	says "waits for the end of the transition of livepatch_fix"
	echo 0 > "$M/sys/kernel/livepatch/livepatch_fix/enabled"
	fails 5 status --cve CVE-2024-12345
	echo 1 > "$M/sys/kernel/livepatch/livepatch_fix/enabled"
	echo 0 > "$M/sys/kernel/livepatch/livepatch_fix/transition"
	# another build is loaded than the one whose manifest was kept
	cp "$M/run/kpatch/livepatch_fix.yaml" kept
	sed -i '1s/1/2/' "$M/run/kpatch/livepatch_fix.yaml"
	fails 1 status --cve CVE-2024-12345
	has manifest-not-at-hand
	cp kept "$M/run/kpatch/livepatch_fix.yaml"
	chmod 666 "$M/run/kpatch/livepatch_fix.yaml"
	fails 1 status --cve CVE-2024-12345
	chmod 644 "$M/run/kpatch/livepatch_fix.yaml"
	chmod 777 "$M/run/kpatch"
	fails 1 status --cve CVE-2024-12345
	chmod 755 "$M/run/kpatch"
	kpatch status --cve CVE-2024-12345
	kpatch unload livepatch-fix
	[ ! -e "$M/run/kpatch/livepatch_fix.yaml" ]
}

@test "status: the fixes that are installed for this kernel and not in effect" {
	with_fixes livepatch-fix vmlinux
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	fails 11 status
	says "livepatch_fix: warning: installed for this kernel, but not loaded: 2 fixes are not in effect (CVE-2024-12345, CVE-2024-23456). Load it with kpatch load. [installed-not-loaded]"
	fails 11 status --format json
	python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		assert [f["subject"] for f in r["not_live"]] == ['net: an "end"', "another"], r
		assert r["not_live"][1]["cves"] == ["CVE-2024-12345", "CVE-2024-23456"], r
	END
	live_patch livepatch_fix 1 0 vmlinux:1:f,1
	kpatch status --format json
	[[ $output == *'"not_live": []'* ]]
	# somebody has decided that it is not to be loaded
	rm -r "$M/sys/kernel/livepatch/livepatch_fix" "$M/sys/module/livepatch_fix"
	kpatch disable livepatch-fix
	kpatch status --format json
	[[ $output == *'"not_live": []'* ]]
}

@test "status --cve: a patch above in the stack that replaces a function of the fix, and does not say that it has it" {
	prompt_kernel
	with_fixes livepatch-fix vmlinux
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch load fix.ko
	live_patch another 1 0 vmlinux:1:f,1
	kpatch status --cve CVE-2024-12345
	live_patch another 1 0 vmlinux:1:meminfo_proc_show,1
	fails 1 status --cve CVE-2024-12345
	has fix-taken-over
	says 'meminfo_proc_show: it has the fix, but another'
	# which of them came later
	printf 'livepatch_fix 16384 1 - Live 0x0\nanother 16384 1 - Live 0x0\n' > "$M/proc/modules"
	kpatch status --cve CVE-2024-12345
	printf 'another 16384 1 - Live 0x0\nlivepatch_fix 16384 1 - Live 0x0\n' > "$M/proc/modules"
	fails 1 status --cve CVE-2024-12345
	# one that leaves
	echo 0 > "$M/sys/kernel/livepatch/another/enabled"
	kpatch status --cve CVE-2024-12345
}

@test "status --cve: the manifest of an installed patch; a fix in a module that is not loaded waits for it" {
	NFSD=1 with_fixes livepatch-fix nfsd
	NFSD=1 MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1 nfsd:0:exp_show,2
	fails 11 status --cve CVE-2024-23456
	[ "$output" = "CVE-2024-23456: waits for module nfsd, in livepatch_fix: another: CVE-2024-12345, CVE-2024-23456" ]
	# of which one of its two patches waits; where a patch is in both, too, but not where it is elsewhere
	fails 11 status --cve CVE-2024-12345
	fails 11 status --format json --cve CVE-2024-23456
	[[ $output == *'"fixed": "waits"'*'"waits_for": "nfsd"'*'"exit_code": 11'* ]]
	echo 1 > "$M/sys/kernel/livepatch/livepatch_fix/nfsd/patched"
	kpatch status --cve CVE-2024-12345
	# a patch that is loaded and of which nobody knows anything
	live_patch other 1 0 vmlinux:1:f,1
	kpatch status --cve CVE-2024-12345
	fails 1 status --cve CVE-2024-9999
	has manifest-not-at-hand
	kpatch list --fixes
	says "    its manifest is not at hand"
	kpatch uninstall livepatch-fix
	fails 1 status --cve CVE-2024-12345
}

@test "status --cve: a fix in vmlinux does not wait for a module that another one is in" {
	NFSD=1 with_fixes livepatch-fix vmlinux
	sed -i '0,/^  cves:/s//  objects: [vmlinux]\n&/' m.yaml
	NFSD=1 MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1 nfsd:0:exp_show,2
	kpatch status --cve CVE-2024-12345
	# a fix of two patches, of which only the second waits
	NFSD=1 with_fixes livepatch-fix nfsd
	sed -i '0,/^  cves:/s//  objects: [vmlinux]\n&/' m.yaml
	NFSD=1 MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	fails 11 status --cve CVE-2024-12345
}

@test "info: the manifest, of any module, for any kernel" {
	NFSD=1 KERNEL=5.10 REPLACE=true VERIFIED=false STATES="7:1 9:3" patch_module livepatch-fix fix.ko
	kpatch info fix.ko
	says "kernel        5.10"
	says "replaces      all patches loaded before"
	says "replaces    exp_show,2 (fs/nfsd/export.c, 110 bytes, were 100): instructions differ"
	says "verified      no, built with --no-verify"
	says "state         7, version 1"
	says "state         9, version 3"
	says "loaded        no"
	kpatch info --format json fix.ko
	python3 - "$output" "$NFSD_ID" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		assert r["kernel"]["release"] == "5.10" and r["replace"] is True and r["verified"] is False
		assert [o["name"] for o in r["objects"]] == ["vmlinux", "nfsd"]
		assert r["objects"][1]["build_id"] == sys.argv[2]
		assert r["objects"][1]["functions"] == [{"name": "exp_show", "source": "fs/nfsd/export.c",
			"position": 2, "old_size": 100, "new_size": 110, "reason": "instructions differ"}]
		assert r["signed"] is False and r["loaded"] == "no" and r["other_build_loaded"] is False
		assert r["states"] == [{"id": 7, "version": 1}, {"id": 9, "version": 3}]
	END
	live_patch livepatch_fix 1 0 vmlinux:1:f,1
	loaded_module livepatch_fix 1111111111111111111111111111111111111111 1 OK
	kpatch info fix.ko
	says "loaded        enabled"
	loaded_module livepatch_fix 2222222222222222222222222222222222222222 1 OK
	kpatch info fix.ko
	says "loaded        another build of it is enabled"
	kpatch info --format json fix.ko
	says '"other_build_loaded": true'
	MANIFEST=none patch_module livepatch-foreign foreign.ko
	kpatch info foreign.ko
	says "manifest      none"
}

@test "info and list: what a load knew: when, which file, who signed it, who had logged in; without the file" {
	prompt_kernel
	mkdir -p "$M/proc/self"
	echo 1000 > "$M/proc/self/loginuid"
	patch_module livepatch-fix fix.ko
	sign_module fix.ko
	kpatch load fix.ko
	digest=$(readelf -n fix.ko | sed -n 's/.*Build ID: //p')
	touch -d '2026-11-30 20:15:00 UTC' "$M/run/kpatch/livepatch_fix.yaml"
	kpatch info fix.ko
	says "since         2026-11-30T20:15:00Z"
	rm fix.ko
	for name in livepatch-fix livepatch_fix; do
		kpatch info "$name"
		says "source        fix.patch"
		says "signed        by A test"
		says "loaded        enabled"
		says "since         2026-11-30T20:15:00Z"
		says "loaded by     user 1000"
		says "module        build ID $digest"
	done
	kpatch list
	[ "${lines[1]}" = "livepatch_fix  1        enabled          1  1      2026-11-30T20:15:00Z  vmlinux" ]
	for command in "info livepatch-fix" list; do
		kpatch $command --format json
		python3 - "$output" "$digest" <<-'END'
			import json, sys
			r = json.loads(sys.argv[1])
			p = r["patches"][0] if "patches" in r and "state" in r["patches"][0] else r
			assert p["version"] == "1" and p["loaded_at"] == "2026-11-30T20:15:00Z" and p["loaded_by"] == "1000", p
			assert p["module_build_id"] == sys.argv[2] and p["signer"] == "A test", p
		END
	done
	# of another build, what is kept says nothing
	loaded_module livepatch_fix 2222222222222222222222222222222222222222 1 OK
	fails 5 info livepatch-fix
	has manifest-not-at-hand
	kpatch list --format json
	[[ $output == *'"loaded_at": null'*'"loaded_by": null'* ]]
	fails 5 info livepatch-none
	has not-installed
}

@test "list: one fix that has one CVE number is named by it" {
	prompt_kernel
	manifest livepatch-fix | sed '/^objects:/i fixes:\n- patch: fix.patch\n  subject: "an end"\n  cves: [CVE-2024-12345]' > m.yaml
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch load fix.ko
	kpatch list
	[[ ${lines[0]} == "PATCH          VERSION  STATE    FUNCTIONS  FIXES           SINCE                 OBJECTS" ]]
	[[ ${lines[1]} == "livepatch_fix  1        enabled          1  CVE-2024-12345  20"* ]]
}

@test "list, info, status: damaged and foreign files where manifests of loaded patches are kept" {
	prompt_kernel
	patch_module livepatch-fix fix.ko
	kpatch load fix.ko
	kept=$M/run/kpatch/livepatch_fix.yaml
	cp "$kept" good
	size=$(stat -c %s good)
	# cut short anywhere, other bytes, nothing, much, a link, a directory, a FIFO: as if there were none, never an end of kpatch
	for n in 0 1 20 43 44 60 $((size / 2)) $((size - 1)); do
		head -c "$n" good > "$kept"
		kpatch status
		kpatch list --fixes
		((n == size - 1)) || says "its manifest is not at hand"
		run "$FAKE" "$M" info livepatch-fix
		((status == 5 || n == size - 1))
	done
	{ head -n 1 good; head -c 100000 /dev/urandom; } > "$kept"
	kpatch list
	{ head -n 1 good; printf '# user: \xff\n# user: \e[31m\n# signer: \n#\n'; sed 1d good; } > "$kept"
	kpatch list --format json
	[[ $output == *'"loaded_by": null'*'"signer": null'* && $output != *$'\e'* ]]
	{ head -n 1 good; yes '# x' | head -c 20000000; sed 1d good; } > "$kept"
	kpatch list --fixes
	says "its manifest is not at hand"
	rm "$kept"
	ln -s "$PWD/good" "$kept"
	kpatch list --fixes
	says "its manifest is not at hand"
	rm "$kept"
	mkdir "$kept"
	kpatch list --fixes
	says "its manifest is not at hand"
	# a load says that it cannot keep it, and goes ahead
	rm -r "$M/sys/kernel/livepatch/livepatch_fix" "$M/sys/module/livepatch_fix"
	kpatch load fix.ko
	has manifest-not-kept
	rmdir "$kept"
	mkfifo "$kept"
	kpatch list --fixes
	says "its manifest is not at hand"
	kpatch unload livepatch-fix
	# what a killed kpatch left there, and what is nobody's
	touch "$M/run/kpatch/.livepatch_fix.yaml.123" "$M/run/kpatch/x y"
	mkdir "$M/run/kpatch/z"
	kpatch status
	rm -r "$M/run/kpatch"
	: > "$M/run/kpatch"
	kpatch load fix.ko
	has manifest-not-kept
	kpatch list
}

@test "info: the fixes in a patch, by the mails that they came in" {
	manifest livepatch-fix > m.yaml
	# a manifest of before there were any is read, and says nothing of them
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch info fix.ko
	[[ $output != *"fix           "* ]]
	sed -i '/^objects:/i fixes:\
	- patch: fix.patch\
	  subject: "net: an end"\
	  author: "A <a@b>"\
	  commit: "0123456789abcdef0123456789abcdef01234567"\
	  fixes:\
	  - "123456789abc (x)"\
	  cves:\
	  - CVE-2024-12345\
	  - CVE-2024-23456\
	- patch: fix.patch\
	  subject: "another"' m.yaml
	sed -i 's/^\t//' m.yaml
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	kpatch info fix.ko
	says "fix           net: an end (commit 0123456789ab): CVE-2024-12345, CVE-2024-23456"
	says "fix           another"
	[[ $output != *"A <a@b>"* ]]
	kpatch info -v fix.ko
	says "  by          A <a@b>"
	says "  fault of    123456789abc (x)"
	kpatch info --format json fix.ko
	python3 - "$output" <<-'END'
		import json, sys
		r = json.loads(sys.argv[1])
		assert r["fixes"][0] == {"patch": "fix.patch", "subject": "net: an end", "author": "A <a@b>",
			"commit": "0123456789abcdef0123456789abcdef01234567", "fixes": ["123456789abc (x)"],
			"cves": ["CVE-2024-12345", "CVE-2024-23456"]}
		assert r["fixes"][1]["cves"] == [] and "commit" not in r["fixes"][1]
	END
	sed -i 's/CVE-2024-23456/CVE-2024/' m.yaml
	MANIFEST=m.yaml patch_module livepatch-fix fix.ko
	fails 3 info fix.ko
	has manifest-invalid-value
}

@test "install: kept under its kernel, loaded by name, removed again" {
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	says "livepatch_fix: installed for $RELEASE"
	cmp fix.ko "$STORE/livepatch_fix.ko"
	[ "$(stat -c %a "$STORE/livepatch_fix.ko")" = 644 ]
	[ "$(ls -A "$STORE")" = "$(printf '%s\n' .livepatch_fix.boot livepatch_fix.ko)" ]
	prompt_kernel
	kpatch load livepatch-fix
	says "livepatch_fix: enabled"
	kpatch uninstall livepatch-fix
	[ ! -e "$STORE" ]
	fails 5 uninstall livepatch-fix
	has not-installed
}

@test "install: over an older one, compressed otherwise" {
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	xz < fix.ko > fix.ko.xz
	kpatch install fix.ko.xz
	says "over an older one"
	[ "$(ls -A "$STORE")" = "$(printf '%s\n' .livepatch_fix.boot livepatch_fix.ko.xz)" ]
	cmp fix.ko.xz "$STORE/livepatch_fix.ko.xz"
}

@test "install: for another kernel than the running one" {
	KERNEL=6.12.5 patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	[ -e "$M/var/lib/kpatch/6.12.5/livepatch_fix.ko" ]
	fails 4 install --kernel 6.1 fix.ko
	has other-release
	fails 5 uninstall livepatch-fix
	kpatch uninstall --kernel 6.12.5 livepatch-fix
	[ ! -e "$M/var/lib/kpatch/6.12.5" ]
	fails 2 uninstall --kernel ../../etc livepatch-fix
	has bad-release
}

@test "install: releases that are no names of a directory, and one that is not the module's" {
	for KERNEL in .. . .hidden -x; do
		export KERNEL
		VERMAGIC="$KERNEL SMP" patch_module livepatch-fix fix.ko
		fails 3 install fix.ko
		has manifest-invalid-value
	done
	unset KERNEL
	VERMAGIC="5.10 SMP" patch_module livepatch-fix fix.ko
	fails 3 install fix.ko
	has manifest-lies
	[ -z "$(ls -A "$M/var/lib/kpatch" 2> /dev/null)" ]
}

@test "install: refused files, and a store that others can write to" {
	patch_module livepatch-fix fix.ko
	REAL_FUNCTION=other patch_module livepatch-liar liar.ko
	fails 3 install liar.ko
	has manifest-lies
	MANIFEST=none patch_module livepatch-bare bare.ko
	fails 3 install bare.ko
	has manifest-missing
	[ ! -e "$STORE" ]
	mkdir -p "$STORE"
	chmod 777 "$STORE"
	fails 3 install fix.ko
	has store-not-trusted
	fails 3 load livepatch-fix
	has store-not-trusted
	[ -z "$(ls -A "$STORE")" ]
}

@test "install: a full disk leaves nothing behind" {
	[ "$(id -u)" = 0 ] || skip "needs root to mount"
	patch_module livepatch-fix fix.ko
	mkdir -p "$M/var/lib/kpatch"
	mount -t tmpfs -o size=8k,mode=755 none "$M/var/lib/kpatch" 2> /dev/null || skip "cannot mount here"
	head -c 100000 /dev/zero >> fix.ko
	run "$FAKE" "$M" install fix.ko
	left=$(ls -A "$STORE")
	umount "$M/var/lib/kpatch"
	[ "$status" -eq 1 ]
	[[ $output == *"[store-not-written]"* ]]
	[ -z "$left" ]
}

@test "install: an installed patch that was made writable is not loaded" {
	patch_module livepatch-fix fix.ko
	kpatch install fix.ko
	chmod o+w "$STORE/livepatch_fix.ko"
	fails 3 load livepatch-fix
	has file-writable-by-others
	[ -z "$(calls)" ]
}

@test "command line: errors" {
	fails 2
	fails 2 frobnicate
	says "there is no command frobnicate. See kpatch help."
	for word in lodd:load unlod:unload lst:list ninstall:install stat:status; do
		fails 2 "${word%:*}"
		says "there is no command ${word%:*}. Did you mean ${word#*:}? [usage]"
	done
	fails 2 xy
	says "there is no command xy. See kpatch help."
	fails 2 load --time-out 5 x
	says "there is no option --time-out. Did you mean --timeout?"
	fails 2 load
	says "kpatch load takes FILE|NAME"
	fails 2 load a b
	fails 2 list extra
	fails 2 list --timeout 5
	fails 2 load --timeout soon x
	fails 2 load --timeout 5d x
	fails 2 load --timeout 300h x
	says "--timeout takes seconds, up to 999999, or such as 5m, 1h"
	fails 2 load --timeout
	says "takes a value"
	fails 2 list --format xml
	fails 2 list --frobnicate
	says "--frobnicate"
	fails 2 help frobnicate
}

@test "command line: help for each command, and the version" {
	kpatch help
	commands=$(awk '/^  [a-z]/ { print $1 }' <<< "$output")
	[ "$(wc -w <<< "$commands")" -eq 15 ]
	for command in $commands; do
		[[ $command != help ]] || continue
		kpatch help "$command"
		[[ ${lines[0]} == "usage: kpatch $command "* ]]
		help=$output
		kpatch "$command" --help
		[ "$output" = "$help" ]
	done
	kpatch version
	[[ $output == "kpatch "[0-9]* ]]
	kpatch --version
	[[ $output == "kpatch "[0-9]* ]]
	kpatch version --format json
	[[ $output == *'"version": "'[0-9]*'"result": "ok"'* ]]
	kpatch --version --format yaml
	[[ $output == *'version: "'[0-9]* ]]
}

@test "command line: --quiet leaves the errors" {
	patch_module livepatch-fix fix.ko
	prompt_kernel
	kpatch load -q fix.ko
	[ -z "$output$stderr" ]
	fails 5 unload -q other
	has not-loaded
}

@test "output that cannot be written is an error" {
	[ -e /dev/full ] || skip "no /dev/full"
	run -1 bash -c '"$1" "$2" list --format json > /dev/full' - "$FAKE" "$M"
	[[ $output == *"could not be printed"* ]]
}
