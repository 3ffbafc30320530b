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
# takes the machine down: kpatch is killed where it stands.
naming_kernel() {
	kernel <<-'END'
		case "$1 $2" in
		insert*)
			cat > "$M/inserted"
			name=$(strings "$M/inserted" | sed -n 's/^name=//p')
			echo "$name" >> "$M/order"
			grep -qx "$name" "$M/fatal" 2> /dev/null && kill -9 $PPID
			appear "$name" 1 0 vmlinux:1:meminfo_proc_show,1 ;;
		write*) name=$(basename "$(dirname "$2")")
			[[ $3 == 0 ]] && gone "$name" ;;
		remove*) forget "$2" ;;
		esac
	END
}

# reboot: nothing is loaded any more
reboot() { rm -rf "$M"/sys/kernel/livepatch/* "$M"/sys/module/* "$M/order"; }

order() { [[ ! -e $M/order ]] || paste -sd ' ' "$M/order"; }

@test "boot: what is installed, in the order of names, numbers by value" {
	naming_kernel
	installed fix-10 fix-9 another
	kpatch boot
	[ "$(order)" = "another fix_9 fix_10" ]
	kpatch status
	kpatch boot --done
	[ ! -e "$STORE/.boot" ]
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
	# the machine goes down now: it is not the refused one's doing
	reboot
	fails 7 boot
	has held-back kernel-refused-module
	[ -e "$STORE/.good.held" ]
	[ ! -e "$STORE/.bad.held" ]
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
	[ "$(ls -A "$STORE")" = "$(printf '%s\n' .boot .killer.held aaa.ko killer.ko zzz.ko)" ]
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

@test "boot: the machine goes down after all were loaded: all of them are held back" {
	naming_kernel
	installed aaa zzz
	kpatch boot
	reboot
	fails 11 boot
	says "aaa: the machine went down after it was loaded"
	says "zzz: the machine went down after it was loaded"
	[ -z "$(order)" ]
	# a newer one of that name is meant to be loaded
	kpatch install aaa.ko
	reboot
	kpatch boot
	[ "$(order)" = aaa ]
}

@test "boot: a journal that was cut short or is not one" {
	naming_kernel
	installed aaa
	printf 'loading aa' > "$STORE/.boot"
	kpatch boot
	[ "$(order)" = aaa ]
	head -c 3000 /dev/urandom > "$STORE/.boot"
	reboot
	kpatch boot
	[ "$(order)" = aaa ]
}

@test "boot: without a journal nothing is loaded" {
	naming_kernel
	installed aaa
	mkdir "$STORE/.boot"
	fails 1 boot
	has store-not-written
	[ -z "$(order)" ]
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
	[ -e "$STORE/.bbb_b.disabled" ]
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
	touch "$STORE/.ccc.new"
	kpatch uninstall --format json aaa
	[[ $output == *'"name": "aaa"'* ]]
	[ "$(ls -A "$STORE")" = bbb.ko ]
	touch "$STORE/.boot"
	kpatch uninstall --all
	[ ! -e "$STORE" ]
	touch "$M/var/lib/kpatch/x"
	mkdir "$STORE"
	touch "$STORE/.ccc.new"
	kpatch install aaa.ko
	[ "$(ls -A "$STORE")" = aaa.ko ]
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
	kpatch check fix.ko
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
