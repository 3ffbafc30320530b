#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Completion in bash, fish and zsh: contrib/completions

load ../lib/tests.bash

complete_line() {
	bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_kpatch
		printf "%s\n" "${COMPREPLY[@]}"' - "$BATS_TEST_DIRNAME/../../contrib/completions/bash/kpatch" "$@"
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
			. "contrib/completions/bash/$1"
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

# each command as the program has it, and the options of one
the_commands() { "$BUILD/kpatch" help | awk '/^  [a-z]/ { print $1 }' | sort; }
the_options() { "$BUILD/kpatch" help "$1" | sed -n 's/^  .\{4\}\(--[a-z-]*\).*/\1/p' | sort; }

@test "completion: fish" {
	make_programs /kpatch /kpatch-build /kpatch-package
	cd "$BATS_TEST_TMPDIR"
	mkdir sub
	touch fix.ko fix.yaml fix.patch
	fish_line() {
		PATH=$BUILD:$PATH HOME=$BATS_TEST_TMPDIR fish --no-config -c "
			for file in $TEST_TOP/contrib/completions/fish/*; source \$file; end
			complete -C '$1'"
	}
	diff <(fish_line 'kpatch ' | cut -f 1 | sort) <(the_commands)
	[ "$(fish_line 'kpatch unl')" = "$(printf 'unload\ttake a patch back and remove its module')" ]
	for command in load status uninstall; do
		diff <(fish_line "kpatch $command --" | cut -f 1 | sort -u) <(the_options $command)
	done
	[ "$(fish_line 'kpatch list --format j' | cut -f 1)" = json ]
	[ -z "$(fish_line 'kpatch list --format p')" ]
	[ "$(fish_line 'kpatch status --format p' | cut -f 1)" = prometheus ]
	fish_line 'kpatch load f' | cut -f 1 | grep -qx fix.ko
	[ "$(fish_line 'kpatch-build --stop-after in' | cut -f 1)" = install ]
	[ "$(fish_line 'kpatch-build --sign-k' | cut -f 1)" = --sign-key ]
	fish_line 'kpatch-build f' | cut -f 1 | grep -qx fix.patch
	[ "$(fish_line 'kpatch-package --format d' | cut -f 1)" = deb ]
	[ "$(fish_line 'kpatch-package --rel')" = "$(printf -- '--release\trelease of the package (1)')" ]
	fish_line 'kpatch-package f' | cut -f 1 | grep -qx fix.ko
}

@test "completion: zsh" {
	make_programs /kpatch /kpatch-build /kpatch-package
	# what the functions of its completion system are given
	zsh_line() {
		PATH=$BUILD:$PATH zsh --no-rcs -c '
			_describe() { local -a list; list=("${(@P)2}"); print -l -- $list; }
			_files() { print -- files "$@"; }
			file=$1; shift
			words=("$@") CURRENT=$#
			. "$file"' - "$TEST_TOP/contrib/completions/zsh/_$1" "$@"
	}
	diff <(zsh_line kpatch '' | cut -d : -f 1 | sort) <(the_commands)
	zsh_line kpatch un | grep -qx 'unload:take a patch back and remove its module'
	for command in load status uninstall; do
		diff <(zsh_line kpatch $command -- | cut -d : -f 1 | sort) <(the_options $command)
	done
	[ "$(zsh_line kpatch list --format '' | paste -sd ' ')" = "text json yaml" ]
	[ "$(zsh_line kpatch status --format '' | paste -sd ' ')" = "text json yaml prometheus" ]
	[ "$(zsh_line kpatch load '')" = "files -g *.ko*" ]
	[ "$(zsh_line kpatch-build --package '' | paste -sd ' ')" = "rpm deb" ]
	zsh_line kpatch-build --sign | grep -q '^--sign-key:'
	[[ $(zsh_line kpatch-build '') == "files -g "*patch* ]]
	[ "$(zsh_line kpatch-package -f '' | paste -sd ' ')" = "rpm deb" ]
	zsh_line kpatch-package -- | grep -qx -- '--release:release of the package (1)'
	[ "$(zsh_line kpatch-package '')" = "files -g *.ko*" ]
}
