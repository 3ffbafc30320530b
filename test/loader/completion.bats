#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bash completion: contrib/completions/kpatch

load ../lib/tests.bash

complete_line() {
	bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_kpatch
		printf "%s\n" "${COMPREPLY[@]}"' - "$BATS_TEST_DIRNAME/../../contrib/completions/kpatch" "$@"
}

@test "completion: commands" {
	[ "$(complete_line kpatch un)" = "unload
uninstall" ]
	[ "$(complete_line kpatch help sta)" = status ]
}

@test "completion: every command of the program, and no other" {
	make_programs /kpatch
	[ "$(complete_line kpatch '' | sort)" = "$("$BUILD/kpatch" help | awk '/^  [a-z]/ { print $1 }' | sort)" ]
}

@test "completion: options that the command takes" {
	make_programs /kpatch
	for command in load unload list status info check install uninstall enable disable \
		boot signal force; do
		[ "$(complete_line kpatch "$command" -- | sort)" = \
			"$("$BUILD/kpatch" help "$command" | sed -n 's/^  .\{4\}\(--[a-z-]*\).*/\1/p' | sort)" ]
	done
	[ "$(complete_line kpatch list --format j)" = json ]
	[ "$(complete_line kpatch list --format p)" = "" ]
	[ "$(complete_line kpatch status --format p)" = prometheus ]
}

@test "completion: modules in the directory" {
	cd "$BATS_TEST_TMPDIR"
	mkdir sub
	touch fix.ko fix.yaml other.ko.xz
	[ "$(complete_line kpatch load '' | sort)" = "fix.ko
other.ko.xz
sub/" ]
}

@test "completion: options and values of kpatch-build and kpatch-package" {
	cd "$TEST_TOP"
	make_programs /kpatch-build /kpatch-package
	complete_program() {
		bash -c '
			. "contrib/completions/$1"
			function=_${1//-/_}
			shift
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			$function
			printf "%s\n" "${COMPREPLY[@]}"' - "$(basename "$1")" "$@"
	}
	[ "$(complete_program "$BUILD/kpatch-build" --sign- | paste -sd ' ')" = '--sign-key --sign-cert' ]
	[ "$(complete_program "$BUILD/kpatch-build" --package r)" = rpm ]
	[ "$(complete_program "$BUILD/kpatch-build" --stop-after in)" = install ]
	[ "$(complete_program "$BUILD/kpatch-build" examples/meminfo)" = examples/meminfo-string.patch ]
	[ "$(complete_program "$BUILD/kpatch-package" --format d)" = deb ]
	[ "$(complete_program "$BUILD/kpatch-package" --rel)" = --release ]
}
