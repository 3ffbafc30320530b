#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Loading at boot: kpatch boot, enable, disable, the order, and /etc/kpatch.yaml.

bats_require_minimum_version 1.7.0
load machine

setup_file() { machine_build; }
setup() {
	machine
	STORE=$M/var/lib/kpatch/$RELEASE
	mkdir -p "$M/etc"
}

# installed NAME...: patches in the store
installed() {
	local name
	for name; do
		patch_module "$name" "$name.ko"
		kpatch install "$name.ko"
	done
}

# A kernel that enables what it is given under the name that is in the module. What is in $M/fatal
# takes the machine down: kpatch is killed where it stands. What is in $M/interrupted is enabled, but kpatch is killed.
naming_kernel() {
	kernel <<-'END'
		case "$1 $2" in
		insert*)
			cat > "$M/inserted"
			name=$(strings "$M/inserted" | sed -n 's/^name=//p')
			echo "$name" >> "$M/order"
			# with it goes the kernel: nothing is written any more that a reboot would have to wait for
			grep -qx "$name" "$M/fatal" 2> /dev/null && { kill -9 $PPID; exit; }
			appear "$name" 1 0 vmlinux:1:meminfo_proc_show,1
			! grep -qx "$name" "$M/interrupted" 2> /dev/null || kill -9 $PPID ;;
		write*) name=$(basename "$(dirname "$2")")
			[[ $3 == 0 ]] && gone "$name" ;;
		remove*) forget "$2" ;;
		esac
	END
}

# reboot: nothing is loaded any more, and the kernel calls this boot something else
reboot() {
	rm -rf "$M"/sys/kernel/livepatch/* "$M"/sys/module/* "$M/order"
	mkdir -p "$M/proc/sys/kernel/random"
	cat /proc/sys/kernel/random/uuid > "$M/proc/sys/kernel/random/boot_id"
}

# record NAME: what counts of its record, "BOOT RUN CRASHES"
record() { sort -k3,3n "$STORE/.$1.boot" | awk 'END { print $4, $5, $6 }'; }

order() { [[ ! -e $M/order ]] || paste -sd ' ' "$M/order"; }

@test "boot: what is installed, in the order of names, numbers by value" {
	naming_kernel
	installed fix-10 fix-9 another
	kpatch boot
	[ "$(order)" = "another fix_9 fix_10" ]
	kpatch status
	[ "$(record fix_9)" = "enabled loaded 0" ]
	kpatch boot --done
	[ "$(record fix_9)" = "enabled idle 0" ]
	[ "$(ls -A "$STORE")" = "$(printf '%s\n' .another.boot .fix_10.boot .fix_9.boot another.ko fix_10.ko fix_9.ko)" ]
}

@test "boot: nothing installed, or not as root" {
	kpatch boot
	says "no patches are installed"
	echo 1000 > "$M/euid"
	fails 9 boot
	has needs-root
}

@test "boot: kpatch.enable=0 on the kernel's command line" {
	naming_kernel
	installed fix
	for line in 'quiet kpatch.enable=0' 'kpatch.enable=1 kpatch.enable=0 ro'; do
		echo "$line" > "$M/proc/cmdline"
		kpatch boot
		says "nothing is loaded: kpatch.enable=0"
		kpatch boot --format json
		[[ $output == *'"skipped"'* ]]
	done
	[ -z "$(order)" ]
	for line in 'kpatch.enable=0 kpatch.enable=1' 'xkpatch.enable=0' 'kpatch.enable=00'; do
		reboot
		echo "$line" > "$M/proc/cmdline"
		kpatch boot
		[ "$(order)" = fix ]
		kpatch boot --done
	done
}

@test "boot: one that the kernel refuses does not keep the others from it, and is not held back" {
	kernel <<-'END'
		[[ $1 != insert ]] || {
			cat > "$M/inserted"
			name=$(strings "$M/inserted" | sed -n 's/^name=//p')
			[[ $name != bad ]] || exit 22
			appear "$name" 1 0 vmlinux:1:meminfo_proc_show,1
		}
	END
	installed bad good
	fails 7 boot
	has kernel-refused-module
	[ -e "$M/sys/kernel/livepatch/good" ]
	kpatch boot --done
	reboot
	fails 7 boot
	# the machine goes down now, and again: it is not the refused one's doing
	reboot
	fails 7 boot
	has went-down kernel-refused-module
	reboot
	fails 7 boot
	has held-back kernel-refused-module
	[ "$(record good)" = "held-back idle 2" ]
	[ "$(record bad)" = "enabled idle 0" ]
}

@test "boot: a crash is remembered through a boot that loads nothing" {
	naming_kernel
	installed aaa
	echo aaa > "$M/fatal"
	EXPECT=137 kpatch boot
	echo kpatch.enable=0 > "$M/proc/cmdline"
	reboot
	fails 11 boot
	has held-back
	kpatch boot --done
	: > "$M/proc/cmdline"
	kpatch boot
	[ -z "$(order)" ]
}

@test "boot: a patch that takes the machine down does so once" {
	naming_kernel
	installed aaa killer zzz
	echo killer > "$M/fatal"
	EXPECT=137 kpatch boot
	[ "$(order)" = "aaa killer" ]
	reboot
	fails 11 boot
	has held-back
	says "killer: the machine went down while it was being loaded"
	[ "$(order)" = "aaa zzz" ]
	[ "$(record killer)" = "held-back idle 0" ]
	[ "$(record aaa)" = "enabled loaded 0" ]
	kpatch boot --done
	# it stays so, and says so
	reboot
	kpatch boot
	[ "$(order)" = "aaa zzz" ]
	says "killer: held back, left out"
	fails 11 status
	has held-back
	kpatch list
	says "  killer (held back)"
	kpatch boot --done
	# until somebody knows better
	rm "$M/fatal"
	kpatch enable killer
	reboot
	kpatch boot
	[ "$(order)" = "aaa killer zzz" ]
	kpatch status
}

@test "boot: the machine goes down after all were loaded: once is no reason, twice in a row is" {
	naming_kernel
	installed aaa zzz
	reboot
	kpatch boot
	reboot
	kpatch boot
	has went-down
	says "aaa: warning: the machine went down after it was loaded"
	says "zzz: warning: the machine went down after it was loaded"
	[ "$(order)" = "aaa zzz" ]
	fails 11 status
	has went-down
	# a boot that came up in between: no row
	kpatch boot --done
	kpatch status
	reboot
	kpatch boot
	[[ $stderr != *went-down* ]]
	reboot
	kpatch boot
	has went-down
	reboot
	fails 11 boot
	says "aaa: the machine went down after it was loaded at each of the last boots"
	says "zzz: the machine went down after it was loaded at each of the last boots"
	[ -z "$(order)" ]
	# a newer one of that name is meant to be loaded
	kpatch install aaa.ko
	[ "$(record aaa)" = "enabled idle 0" ]
	reboot
	kpatch boot
	[ "$(order)" = aaa ]
	kpatch enable zzz
	[ "$(record zzz)" = "enabled idle 0" ]
}

@test "boot: a crash while one is loaded is not the others' doing, and what they are suspected of stays" {
	naming_kernel
	installed aaa killer
	kpatch disable killer
	reboot
	kpatch boot
	kpatch enable killer
	echo killer > "$M/fatal"
	reboot
	EXPECT=137 kpatch boot
	[ "$(record aaa)" = "enabled loaded 1" ]
	reboot
	fails 11 boot
	has held-back
	[ "$(order)" = aaa ]
	[ "$(record aaa) $(record killer)" = "enabled loaded 1 held-back idle 0" ]
}

@test "boot: going down in order is no crash, and no proof either" {
	naming_kernel
	installed aaa
	reboot
	kpatch boot
	kpatch boot --down
	[ "$(record aaa)" = "enabled idle 0" ]
	reboot
	kpatch boot
	reboot
	kpatch boot
	has went-down
	# from rescue mode, say
	kpatch boot --down
	[ "$(record aaa)" = "enabled idle 1" ]
	reboot
	kpatch boot
	reboot
	fails 11 boot
	has held-back
}

@test "boot: twice in one boot is no crash" {
	naming_kernel
	installed aaa
	for round in 1 2 3; do
		reboot
		kpatch boot
		kpatch unload aaa
		kpatch boot
		[[ $stderr != *went-down* ]]
		kpatch boot --done
	done
}

@test "boot: the service is restarted: what was loaded already is not on trial again, what is new is" {
	naming_kernel
	installed aaa
	reboot
	kpatch boot
	kpatch boot --done
	kpatch boot
	[ "$(order) $(record aaa)" = "aaa enabled idle 0" ]
	installed zzz
	kpatch boot
	[ "$(order)" = "aaa zzz" ]
	[ "$(record aaa) $(record zzz)" = "enabled idle 0 enabled loaded 0" ]
	# days later the machine goes down
	reboot
	kpatch boot
	says "zzz: warning: the machine went down after it was loaded"
	[[ $stderr != *"aaa: warning: the machine went down"* ]]
	# a boot that is not confirmed yet goes on being one
	kpatch boot
	[ "$(record aaa) $(record zzz)" = "enabled loaded 0 enabled loaded 1" ]
}

@test "boot: kpatch is killed behind a load: started again it notes down what was loaded, which no crash is put down to" {
	naming_kernel
	installed aaa
	reboot
	echo aaa > "$M/interrupted"
	EXPECT=137 kpatch boot
	[ "$(order) $(record aaa)" = "aaa enabled loading 0" ]
	rm "$M/interrupted"
	kpatch boot
	[ "$(order) $(record aaa)" = "aaa enabled loaded 0" ]
	reboot
	kpatch boot
	has went-down
	[ "$(order) $(record aaa)" = "aaa enabled loaded 1" ]
}

@test "boot: a kernel that has no name for its boots: what is open is a crash, what was confirmed is none" {
	naming_kernel
	installed aaa
	nameless() { reboot; rm "$M/proc/sys/kernel/random/boot_id"; }
	for round in 1 2 3; do
		nameless
		kpatch boot
		[[ $stderr != *went-down* ]]
		kpatch boot --done
		kpatch boot
		[[ $stderr != *went-down* ]]
		[ "$(order) $(record aaa)" = "aaa enabled idle 0" ]
	done
	nameless
	kpatch boot
	nameless
	kpatch boot
	has went-down
	kpatch boot --down
	[ "$(record aaa)" = "enabled idle 1" ]
	nameless
	kpatch boot
	nameless
	fails 11 boot
	has held-back
}

@test "boot: a damaged record may say anything, so the patch is left out until there is a new one" {
	naming_kernel
	installed aaa bbb
	for damage in 'printf "loading aa"' 'head -c 1024 /dev/urandom' 'head -c 1024 /dev/zero' ': ' \
		'sed s/disabled/enabled/ good'; do
		reboot
		kpatch disable aaa
		cp "$STORE/.aaa.boot" good
		eval "$damage" > "$STORE/.aaa.boot"
		fails 11 boot
		has record-unreadable
		[ "$(order)" = bbb ]
		fails 11 status
		has record-unreadable
		kpatch list
		says "aaa (its record cannot be read)"
		kpatch enable aaa
		reboot
		kpatch boot --done
		kpatch boot
		[ "$(order)" = "aaa bbb" ]
		kpatch boot --done
	done
}

@test "boot: a record of which one half was torn: the older half counts" {
	naming_kernel
	installed aaa
	kpatch disable aaa
	cp "$STORE/.aaa.boot" before
	kpatch enable aaa
	cmp -s before "$STORE/.aaa.boot" && false
	# the half that was written just now
	half=$(cmp before "$STORE/.aaa.boot" | awk '{ print int(($5 - 1) / 512) }')
	head -c 100 /dev/urandom | dd of="$STORE/.aaa.boot" bs=1 seek=$((half * 512 + 20)) conv=notrunc status=none
	kpatch list
	says "aaa (disabled)"
	kpatch enable aaa
	kpatch list
	[[ $output != *"aaa ("* ]]
}

# on_full_disk SCRIPT: in which the store is on a file system of its own on which nothing is left, not even a
# name; "is CODE kpatch ARGUMENT..." checks an exit code, "record" and "order" are as above
on_full_disk() {
	{
		declare -p M STORE FAKE
		declare -f order record reboot
		cat <<-'END'
			set -e
			no() { if "$@"; then return 1; fi; }
			kpatch() { "$FAKE" "$M" "$@" > said 2>&1; }
			is() { local want=$1 code=0; shift; "$@" || code=$?; ((code == want)) || { echo "$*: $code"; cat said; false; }; }
			inodes=$(($(find "$M/var/lib/kpatch" | wc -l) + 1))
			cp -a "$M/var/lib/kpatch" kept
			mount -t tmpfs -o "mode=755,size=1m,nr_inodes=$inodes" none "$M/var/lib/kpatch"
			cp -a kept/. "$M/var/lib/kpatch"
			dd if=/dev/zero of="$M/var/lib/kpatch/full" bs=4k status=none 2> /dev/null || true
			no touch "$STORE/x" 2> /dev/null
			no dd if=/dev/zero of="$M/var/lib/kpatch/full" bs=1 count=1 oflag=append conv=notrunc status=none 2> /dev/null
		END
		echo "$1"
	} > on-disk.sh
	# root has no need of a user namespace, which a chroot (.ci/run) could not make
	local user=()
	(($(id -u) == 0)) || user=(--map-root-user)
	run -0 unshare "${user[@]}" --mount bash on-disk.sh
}

@test "boot: a full disk keeps nothing from being noted" {
	naming_kernel
	installed aaa killer
	on_full_disk '
		echo killer > "$M/fatal"
		is 137 kpatch boot
		[[ $(order) == "aaa killer" ]]
		reboot
		is 11 kpatch boot
		grep -q "\[held-back\]" said
		no grep "\[boot-unwatched\]" said
		[[ $(order) == aaa ]]
		is 0 kpatch boot --done
		[[ $(record aaa) == "enabled idle 0" ]]
		[[ $(record killer) == "held-back idle 0" ]]
		reboot
		is 0 kpatch boot
		[[ $(order) == aaa ]]
		is 0 kpatch disable aaa
		[[ $(record aaa) == "disabled loaded 0" ]]
		is 0 kpatch enable --all
		[[ $(record killer) == "enabled idle 0" ]]
	'
}

@test "install: on a full disk nothing is changed, and it is said" {
	naming_kernel
	installed aaa
	kpatch disable aaa
	patch_module bbb bbb.ko
	head -c 300000 /dev/zero >> aaa.ko
	on_full_disk '
		ls -lA "$STORE" > before
		sha256sum "$STORE"/.[a-z]* "$STORE"/* >> before
		for file in aaa.ko bbb.ko; do
			is 1 kpatch install $file
			grep -q "\[store-not-written\]" said
			ls -lA "$STORE" > after
			sha256sum "$STORE"/.[a-z]* "$STORE"/* >> after
			diff before after
		done
	'
}

@test "boot: a store that is read-only is loaded from, and it is said; but not what the machine went down with" {
	naming_kernel
	installed aaa killer
	on_full_disk '
		echo killer > "$M/fatal"
		is 137 kpatch boot
		mount -o remount,ro "$M/var/lib/kpatch"
		for again in 1 2; do
			reboot
			is 11 kpatch boot
			grep -q "killer: .*\[held-back\]" said
			grep -q "aaa.ko: .*\[boot-unwatched\]" said
			[[ $(order) == aaa ]]
			is 11 kpatch status
			grep -q "read-only.*\[boot-unwatched\]" said
			# no record is of this boot, and that of the last one waits for a disk that takes its verdict
			is 0 kpatch boot --done
		done
		is 1 kpatch uninstall aaa
		is 1 kpatch disable aaa
		is 0 kpatch unload aaa
	'
}

@test "boot: a crash that cannot be counted counts as one too many" {
	naming_kernel
	installed aaa
	on_full_disk '
		is 0 kpatch boot
		mount -o remount,ro "$M/var/lib/kpatch"
		reboot
		is 11 kpatch boot
		grep -q "aaa: .*\[held-back\]" said
		[[ -z $(order) ]]
		mount -o remount,rw "$M/var/lib/kpatch"
		is 0 kpatch boot
		grep -q "\[went-down\]" said
		[[ $(order) == aaa ]]
	'
}

@test "boot: what cannot be noted is loaded nevertheless and said; but not what the machine went down with" {
	naming_kernel
	installed aaa killer
	on_full_disk '
		rm "$STORE/.aaa.boot"
		touch "$M/var/lib/kpatch/full as well" # so that no record of it can be made
		is 11 kpatch status
		grep -q "\[boot-unwatched\]" said
		grep -q "\[installed-not-loaded\]" said
		reboot
		echo killer > "$M/fatal"
		is 137 kpatch boot
		[[ $(order) == "aaa killer" ]]
		rm "$M/fatal"
		reboot
		is 11 kpatch boot
		grep -q "\[boot-unwatched\]" said
		grep -q "\[held-back\]" said
		[[ $(order) == aaa ]]
		is 11 kpatch status
		grep -q "aaa: warning: it has no record of its boots" said
		rm "$M/var/lib/kpatch/full"*
		is 0 kpatch enable aaa
		is 11 kpatch status
		no grep -q "\[boot-unwatched\]" said
	'
}

@test "disable and enable: load --all and boot leave it out, load NAME does not, status is content" {
	naming_kernel
	installed aaa bbb-b
	kpatch disable bbb_b
	says "bbb_b: not loaded at boot any more"
	kpatch disable bbb-b
	kpatch load --all
	[ "$(order)" = aaa ]
	kpatch status
	kpatch list
	says "  bbb_b (disabled)"
	kpatch list --format json
	python3 - "$output" <<-'END'
		import json, sys
		installed = json.loads(sys.argv[1])["installed"]
		assert [(p["name"], p["boot"]) for p in installed] == [("aaa", "enabled"), ("bbb_b", "disabled")]
	END
	kpatch load bbb-b
	[ "$(order)" = "aaa bbb_b" ]
	kpatch install bbb-b.ko # the administrator's word stays
	[ "$(record bbb_b)" = "disabled idle 0" ]
	kpatch enable --all
	reboot
	kpatch boot
	[ "$(order)" = "aaa bbb_b" ]
	fails 5 disable ccc
	has not-installed
	fails 2 disable 'a/b'
	echo 1000 > "$M/euid"
	fails 9 disable aaa
	has needs-root
}

@test "load --all: a patch that a later one replaced is not loaded over it again" {
	kernel <<-'END'
		case $1 in
		insert)
			cat > "$M/inserted"
			name=$(strings "$M/inserted" | sed -n 's/^name=//p')
			echo "$name" >> "$M/order"
			for old in "$M"/sys/kernel/livepatch/*; do
				[[ ! -e $old ]] || gone "$(basename "$old")"
			done
			loaded_module "$name" 1111111111111111111111111111111111111111 1 OK
			appear "$name" 1 0 vmlinux:1:meminfo_proc_show,1 ;;
		remove) forget "$2" ;;
		esac
	END
	REPLACE=true installed fix-1 fix-2
	kpatch load --all
	[ "$(order)" = "fix_1 fix_2" ]
	says "fix_1: replaced and removed"
	rm "$M/order"
	kpatch load --all
	[ -z "$(order)" ]
	says "fix_1: replaced by fix_2, left out"
	kpatch status
	# the kernel's own word about replace counts where there is one
	echo 0 > "$M/sys/kernel/livepatch/fix_2/replace"
	fails 11 status
	has installed-not-loaded
	kpatch load --all
	[ "$(order)" = "fix_1 fix_2" ]
}

@test "uninstall: --all, with what belongs to them; leftovers of a killed install" {
	installed aaa bbb
	kpatch disable aaa
	touch "$STORE/.ccc.ko.0123456789abcdef0123456789abcdef"
	kpatch uninstall --format json aaa
	[[ $output == *'"name": "aaa"'* ]]
	[ "$(ls -A "$STORE")" = "$(printf '%s\n' .bbb.boot bbb.ko)" ]
	touch "$STORE/.stray"
	kpatch uninstall --all
	[ ! -e "$STORE" ]
	touch "$M/var/lib/kpatch/x"
	mkdir "$STORE"
	touch "$STORE/.ccc.ko.0123456789abcdef0123456789abcdef"
	kpatch install aaa.ko
	[ "$(ls -A "$STORE")" = "$(printf '%s\n' .aaa.boot aaa.ko)" ]
}

@test "install: the directory of all stores must be root's alone too" {
	installed aaa
	chmod o+w "$M/var/lib/kpatch"
	fails 3 load aaa
	has store-not-trusted
}

@test "configuration: timeouts, and the command line counts more" {
	patch_module fix fix.ko
	kernel <<-'END'
		[[ $1 != insert ]] || appear fix 1 1 vmlinux:1:meminfo_proc_show,1
		[[ "$1 $3" != "write 0" ]] || gone fix
		[[ "$1" != remove ]] || forget "$2"
	END
	task 5 busy 0
	echo 'timeout: 7' > "$M/etc/kpatch.yaml"
	fails 8 load fix.ko
	says "not enabled within 7 s"
	fails 8 load --timeout 3 fix.ko
	says "not enabled within 3 s"
	kpatch install fix.ko
	echo 'boot-timeout: 5' >> "$M/etc/kpatch.yaml"
	fails 8 boot
	says "not enabled within 5 s"
	fails 8 boot --timeout 4
	says "not enabled within 4 s"
	printf '# timeout: 7\n\n' > "$M/etc/kpatch.yaml"
	fails 8 load fix.ko
	says "not enabled within 60 s"
	fails 8 boot
	says "not enabled within 30 s"
}

@test "configuration: boot: false" {
	naming_kernel
	installed aaa
	echo 'boot: false' > "$M/etc/kpatch.yaml"
	kpatch boot
	says "boot: false"
	[ -z "$(order)" ]
	kpatch load --all
	[ "$(order)" = aaa ]
}

@test "configuration: each wrong line is named, and nothing is done" {
	naming_kernel
	patch_module fix fix.ko
	cat > "$M/etc/kpatch.yaml" <<-'END'
		timeout: soon
		boot-timeout: 1000000
		boot: yes
		bootd: true
		timeout: 3
	END
	fails 3 load fix.ko
	has config-wrong-type config-invalid-value config-unknown-key config-duplicate-key
	for line in 1 2 3 4 5; do
		[[ $stderr == *"kpatch.yaml:$line: "* ]] || { echo "$line: $stderr"; false; }
	done
	says "boot-timeout is greater than 999999"
	fails 3 unload fix
	fails 11 status
	has config-unknown-key
	kpatch list
	fails 3 check fix.ko # what it would be to load it
	fails 3 load --format json fix.ko
	[[ $output == *'"id": "config-unknown-key"'*'"line": 4'* || $output == *'"line": 4'* ]]
	[ -z "$(calls)" ]
	for text in 'timeout: [' '- a' 'timeout: &a 3' $'timeout: 3\n---\ntimeout: 4' $'\x00'; do
		printf '%s' "$text" > "$M/etc/kpatch.yaml"
		[[ -n $text ]] || printf '\0' > "$M/etc/kpatch.yaml"
		fails 3 load fix.ko
		[[ $stderr == *'[config-'* ]]
	done
	head -c 70000 /dev/zero | tr '\0' '#' > "$M/etc/kpatch.yaml"
	fails 3 load fix.ko
	has config-too-big
	rm "$M/etc/kpatch.yaml"
	mkdir "$M/etc/kpatch.yaml"
	fails 3 load fix.ko
	has config-not-regular
}

@test "configuration: one that others can write to" {
	patch_module fix fix.ko
	echo 'timeout: 3' > "$M/etc/kpatch.yaml"
	chmod o+w "$M/etc/kpatch.yaml"
	fails 3 load fix.ko
	has config-not-trusted
	fails 3 unload fix
	[ -z "$(calls)" ]
}
