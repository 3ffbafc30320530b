#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch unload, force and signal, on a machine that is a directory (machine.bash).

bats_require_minimum_version 1.5.0
load machine

setup_file() { machine_build; }

setup() {
	machine
	umask 022
	live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
}

@test "unload: disables, waits, removes; the name with - or _" {
	for name in livepatch_fix livepatch-fix livepatch-fix.ko ./livepatch_fix.ko /no/such/dir/livepatch-fix.ko; do
		live_patch livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1
		loaded_module livepatch_fix "" 1 OK
		rm -f "$M/calls"
		kernel <<-'END'
			case "$1 $3" in
			"write 0") set_state livepatch_fix 0 1 ;;
			sleep*) if (( $3 > 3000 )); then echo 0 > sys/module/livepatch_fix/refcnt
				elif (( $3 > 2000 )); then gone livepatch_fix; echo 1 > sys/module/livepatch_fix/refcnt; fi ;;
			remove*) [[ $(< sys/module/livepatch_fix/refcnt) == 0 ]] || exit 11; forget livepatch_fix ;;
			esac
		END
		kpatch unload "$name"
		says "livepatch_fix: unloaded"
		[ "$(calls)" = "write /sys/kernel/livepatch/livepatch_fix/enabled 0
remove livepatch_fix" ]
	done
}

@test "unload: nothing of that name" {
	fails 5 unload other
	has not-loaded
	loaded_module ext4
	fails 5 unload ext4
	has not-loaded
	says "a module, but no live patch"
	for name in ../x .ko ../.ko ./livepatch_fix livepatch_fix.ko.ko livepatch_fix.kox; do
		fails 2 unload "$name"
		has bad-name
	done
	[ -z "$(calls)" ]
}

@test "unload: a module left over" {
	rm -r "$M/sys/kernel/livepatch/livepatch_fix"
	loaded_module livepatch_fix "" 0 OK
	kpatch unload livepatch_fix
	[ "$(calls)" = "remove livepatch_fix" ]
}

@test "unload: one that was begun before is finished" {
	live_patch livepatch_fix 0 1
	kernel <<< '[[ $1 != sleep ]] || gone livepatch_fix'
	kpatch unload livepatch_fix
	[ "$(calls)" = "remove livepatch_fix" ]
}

@test "unload: a stalled transition names its tasks, and the patch is enabled again" {
	task 20 stuck 1 "[<0>] meminfo_proc_show+0x1/0x2 [livepatch_fix]"
	task 21 done 0 "[<0>] do_poll+0x1/0x2"
	kernel <<-'END'
		case "$1 $3" in
		"write 0") set_state livepatch_fix 0 1 ;;
		"write 1") set_state livepatch_fix 1 1; touch reversed ;;
		sleep*) [[ ! -e reversed ]] || set_state livepatch_fix 1 0 ;;
		esac
	END
	fails 8 unload --timeout 7 livepatch_fix
	has transition-stalled task-blocks
	says "task 20 (stuck) is in meminfo_proc_show"
	[[ $stderr != *"21 (done)"* ]]
	[ "$(calls)" = "write /sys/kernel/livepatch/livepatch_fix/enabled 0
write /sys/kernel/livepatch/livepatch_fix/enabled 1" ]
}

@test "unload: it comes to its end while we give up" {
	kernel <<-'END'
		case "$1 $3" in
		"write 0") set_state livepatch_fix 0 1 ;;
		"write 1") gone livepatch_fix; exit 2 ;;
		esac
	END
	fails 8 unload --timeout 7 livepatch_fix
	[ "$(calls | tail -1)" = "remove livepatch_fix" ]
}

@test "unload: an interrupt enables it again" {
	kernel <<-'END'
		case "$1 $3" in
		"write 0") set_state livepatch_fix 0 1 ;;
		"write 1") set_state livepatch_fix 1 0 ;;
		sleep*) touch interrupt ;;
		esac
	END
	fails 12 unload livepatch_fix
	has interrupted
}

@test "unload: waits while another patch is in transition" {
	live_patch other 1 1 vmlinux:1:f,1
	kernel <<-'END'
		case "$1 $2" in
		write*) [[ $(< sys/kernel/livepatch/other/transition) == 0 ]] || exit 16; gone livepatch_fix ;;
		sleep*) (( $3 < 5000 )) || set_state other 1 0 ;;
		esac
	END
	kpatch unload livepatch_fix
	live_patch livepatch_fix 1 0
	live_patch other 1 1
	fails 10 unload --timeout 3 livepatch_fix
	has transition-busy
}

@test "unload: a module that stays in use, as after forcing" {
	kernel <<-'END'
		[[ $1 != write ]] || { gone livepatch_fix; echo 1 > sys/module/livepatch_fix/refcnt; }
	END
	fails 11 unload livepatch_fix
	has module-still-used
	[[ "$(calls)" != *remove* ]]
}

@test "unload: errors of the kernel" {
	kernel <<< '[[ $1 != write ]] || exit 22'
	fails 7 unload livepatch_fix
	has kernel-refused-switch
	kernel <<< '[[ $1 != write ]] || exit 13'
	fails 9 unload livepatch_fix
	has needs-root
	kernel <<< 'case $1 in write) gone livepatch_fix ;; remove) exit 38 ;; esac'
	fails 11 unload livepatch_fix
	has module-not-removed
}

@test "unload: the patch disappears before we write" {
	kernel <<< '[[ $1 != write ]] || { gone livepatch_fix; exit 2; }'
	kpatch unload livepatch_fix
}

@test "unload --all: the newest first, leftovers too" {
	echo 1 > "$M/sys/kernel/livepatch/livepatch_fix/stack_order"
	live_patch aaa 1 0 vmlinux:1:f,1
	echo 2 > "$M/sys/kernel/livepatch/aaa/stack_order"
	loaded_module leftover "" 0 OK
	prompt_kernel
	kpatch unload --all
	[ "$(calls | grep remove)" = "remove aaa
remove livepatch_fix
remove leftover" ]
	kpatch unload --all
	says "no patches are loaded"
	fails 2 unload --all livepatch_fix
}

@test "unload: not as an ordinary user" {
	echo 1000 > "$M/euid"
	fails 9 unload livepatch_fix
	has needs-root
	[ -z "$(calls)" ]
}

@test "force: only in transition, only with consent" {
	fails 5 force --yes
	has no-transition
	live_patch livepatch_fix 1 1
	fails 2 force
	has force-needs-consent
	[ -z "$(calls)" ]
	kpatch force --yes
	[ "$(calls)" = "write /sys/kernel/livepatch/livepatch_fix/force 1" ]
	kernel <<< 'exit 22'
	fails 7 force --yes
	has kernel-refused-force
}

@test "signal: where the kernel has it" {
	fails 5 signal
	live_patch livepatch_fix 1 1
	kernel <<< 'exit 2'
	kpatch signal
	says "by itself"
	kernel <<< ''
	echo 0 > "$M/sys/kernel/livepatch/livepatch_fix/signal"
	kpatch signal
	[ "$(< "$M/sys/kernel/livepatch/livepatch_fix/signal")" = 1 ]
}

# A module that stays in memory, as its runtime says.
stays() { mkdir -p "$M/sys/module/$1/parameters" && echo Y > "$M/sys/module/$1/parameters/kept"; }

@test "unload: a module that stays in memory" {
	stays livepatch_fix
	kernel <<-'END'
		[[ "$1 $3" != "write 0" ]] || { gone livepatch_fix; echo 1 > sys/module/livepatch_fix/refcnt; }
	END
	kpatch unload livepatch_fix
	says "livepatch_fix: disabled"
	has module-kept
	[ "$(calls)" = "write /sys/kernel/livepatch/livepatch_fix/enabled 0" ] # nobody tries to remove it
	kpatch unload livepatch_fix # again
	has module-kept
	kpatch list
	says "its module stays in memory until the next boot"
	kpatch status # nothing is wrong
	[[ $stderr != *module-left-over* ]]
	patch_module livepatch-fix fix.ko
	fails 6 load fix.ko
	has module-in-memory
	[[ $(calls) != *insert* ]]
}

@test "load: a replaced module that is to stay in memory is no error" {
	REPLACE=true patch_module livepatch-new new.ko
	stays livepatch_fix
	kernel <<-'END'
		[[ $1 != insert ]] || { appear livepatch_new 1 0 vmlinux:1:f,1
			gone livepatch_fix; echo 1 > sys/module/livepatch_fix/refcnt; }
	END
	kpatch load new.ko
	says "livepatch_fix: replaced"
	[[ $output != *"replaced and removed"* ]]
	has module-kept
	[ "$(calls)" = insert ]
}
