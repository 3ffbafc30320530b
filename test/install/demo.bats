#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# test/demo without its work: what it says before, what it says while something takes long, and what it leaves when it is ended.
# The programs that work are others here, and so is QEMU; test/demo and test/vm/run are the real ones.

bats_require_minimum_version 1.7.0
. "$BATS_TEST_DIRNAME/../lib/tests.bash"

program() { { echo '#!/bin/bash'; cat; } > "$1"; chmod +x "$1"; }

setup() {
	T=$BATS_TEST_TMPDIR/top K=6.1.0-1-amd64
	mkdir -p "$T"/{build,examples,bin,cache,test/{vm,lib}} "$T/$K/boot"
	cp "$TEST_TOP/test/demo" "$T/test/"
	cp "$TEST_TOP/test/vm/run" "$T/test/vm/"
	cp "$TEST_TOP/test/lib/common.sh" "$T/test/lib/"
	cp "$TEST_TOP/examples/meminfo-string.patch" "$T/examples/"
	echo 6.1.1-1 > "$T/$K/.version"
	touch "$T/$K/boot/vmlinuz-$K"
	program "$T/test/install-deps" <<< '[[ ${1:-} != --missing ]] || printf "%s\n" qemu-of-a-test bats-of-a-test'
	program "$T/test/lib/fetch-kernel" <<< "echo $T/$K"
	program "$T/test/vm/initramfs" <<< ': > "$5"'
	program "$T/build/kpatch-build" <<- 'END'
		[[ ! -e $KPATCH_TEST_CACHE/slow-build ]] || { touch "$KPATCH_TEST_CACHE/building"; read -r -t 120 <> <(:); }
		while [[ $1 != --output ]]; do shift; done
		echo module > "$2/livepatch-meminfo-string.ko"
	END
	cp "$T/build/kpatch-build" "$T/build/kpatch"
	cp "$T/build/kpatch-build" "$T/build/create-diff-object"
	program "$T/bin/make" <<< 'exit 0'
	program "$T/bin/apt-get" <<< 'echo "After this operation, 1,234 MB of additional disk space will be used."'
	program "$T/bin/qemu-system-x86_64" <<- 'END'
		touch "$KPATCH_TEST_CACHE/booting"
		[[ ! -e $KPATCH_TEST_CACHE/slow-start ]] || read -r -t 120 <> <(:)
		while [[ $1 != -pidfile ]]; do shift; done
		echo $$ > "$2"
		read -r -t 120 <> <(:)
	END
	export KPATCH_VM_DIR=$T/machines KPATCH_TEST_CACHE=$T/cache
	PATH=$T/bin:$PATH
	cd "$T"
}

# no process of it is left, whoever its parent is
nothing_runs() {
	local i
	for ((i = 0; i < 100; i++)); do
		pgrep -f "$T/" > left || return 0
		sleep 0.1
	done
	xargs ps -o pid,args < left
	return 1
}

# ended_by SIGNAL FILE: the demo gets that signal, as from a terminal or alone, when FILE is there
ended_by() {
	local i pid
	rm -f cache/{booting,building}
	# what is started in the background has SIGINT ignored otherwise
	env --default-signal=INT setsid "$T/test/demo" > out 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		[[ ! -e $2 ]] || break
		sleep 0.1
	done
	[[ -e $2 ]]
	if [[ $1 == INT ]]; then kill -INT -- "-$pid"; else kill "-$1" "$pid"; fi
	status=0
	wait "$pid" || status=$?
	[[ $(< out) == *"ended; nothing of it runs any more"* ]]
	nothing_runs
	[[ -z $(ls -A machines 2> /dev/null) ]]
}

@test "it says what it installs and what that costs, before anything else" {
	run -0 test/demo --costs
	[[ $output == *"Packages that are installed on this system (1,234 MB of additional disk space):"*"qemu-of-a-test bats-of-a-test"* ]]
	[[ $output == *"A kernel's packages: "*" MB are fetched"*"A prepared source tree: "*"minutes on two processors"* ]]
	[[ ! -e machines ]]
	program test/install-deps <<< 'exit 0'
	mkdir -p "cache/$K" cache/build/tree-1
	touch "cache/$K/.version"
	run -0 test/demo --costs
	[[ $output == *"No packages: "*"$K is in $T/cache."*"No source tree"* ]]
	# and it does so whenever it is started
	touch cache/slow-build
	ended_by TERM cache/building
	[[ $(grep -n '== What this costs' out) == 1:* ]]
}

@test "ended while the machine boots, even before QEMU has told its number: nothing is left" {
	ended_by TERM cache/booting
	((status == 143))
	ended_by INT cache/booting
	((status == 130))
	touch cache/slow-start
	ended_by TERM cache/booting
	((status == 143))
	ended_by INT cache/booting
	((status == 130))
}

@test "ended while something is built: nothing is left; and while it was, it was said" {
	sed -i 's/read -r -t 20 /read -r -t 1 /' test/demo
	touch cache/slow-build
	ended_by HUP cache/building
	((status == 129))
	(sleep 4 && : > late) 3>&- &
	ended_by INT late
	((status == 130))
	grep -q '    \.\.\. kpatch-build, [1-9] s' out
}

@test "a step that fails ends it, with its exit code, and nothing is left" {
	program build/kpatch-build <<< 'exit 3'
	run test/demo
	((status == 3))
	[[ $output != *'== Boot'* ]]
	nothing_runs
}
