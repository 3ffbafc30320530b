#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# make install: everything in its place, and working from there.

bats_require_minimum_version 1.7.0
. "$BATS_TEST_DIRNAME/../lib/tests.bash"

setup_file() {
	export STAGE=$BATS_FILE_TMPDIR/stage
	make -C "$TEST_TOP" -s --no-print-directory install DESTDIR="$STAGE" > "$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

@test "programs, runtime, pages, completions and examples are in their places" {
	cd "$STAGE/usr/local"
	for program in bin/kpatch-build bin/kpatch-package bin/create-diff-object bin/kpatch; do
		[[ -x $program ]]
		"$program" --version
	done
	for file in kpatch-runtime.c kpatch-abi.h kpatch-macros.h kpatch-syscall.h merge.lds; do
		cmp "share/kpatch/$file" "$TEST_TOP/kmod/$file"
	done
	for page in kpatch kpatch-package kpatch-build create-diff-object; do
		[[ -s share/man/man8/$page.8 ]]
	done
	[[ -x libexec/kpatch/hotfix && -x libexec/kpatch/kernel-hook && -x libexec/kpatch/auto ]]
	[[ -s share/man/man5/kpatch.yaml.5 && -s share/man/man5/kpatch-manifest.5 && -s share/man/man7/kpatch-macros.7 ]]
	[[ -s share/doc/kpatch/kpatch.yaml ]]
	for program in kpatch kpatch-build kpatch-package; do
		[[ -s share/bash-completion/completions/$program ]]
	done
	for program in kpatch kpatch-build kpatch-package; do
		[[ -s share/fish/vendor_completions.d/$program.fish && -s share/zsh/site-functions/_$program ]]
	done
	[[ -s share/doc/kpatch/COPYING ]]
	[[ -s share/doc/kpatch/examples/meminfo-string.patch ]]
}

@test "the units of systemd name the installed program and are understood" {
	units=$STAGE/usr/local/lib/systemd/system
	grep -qx 'ExecStart=/usr/local/bin/kpatch boot' "$units/kpatch.service"
	grep -qx 'ExecStart=/usr/local/bin/kpatch boot --done' "$units/kpatch-confirm.service"
	# but for the groups of system calls, nothing is left to be filled in
	no grep '@' <(grep -hv '^SystemCallFilter=' "$units"/*.service)
	command -v systemd-analyze > /dev/null || skip "no systemd-analyze"
	mkdir "$BATS_TEST_TMPDIR/units"
	grep -qx 'ExecStart=/usr/local/libexec/kpatch/auto' "$units/kpatch-auto.service"
	for unit in kpatch kpatch-confirm kpatch-auto; do # the program must be there for systemd-analyze
		sed -E "s,=/usr/local/(bin|libexec)/,=$STAGE/usr/local/\1/," "$units/$unit.service" > "$BATS_TEST_TMPDIR/units/$unit.service"
	done
	cp "$units/kpatch-auto.timer" "$BATS_TEST_TMPDIR/units"
	run -0 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR"/units/*
	[[ -z $output ]]
}

@test "nothing is installed outside DESTDIR/PREFIX" {
	[[ $(cd "$STAGE" && find . -mindepth 1 -maxdepth 2 | sort | paste -sd ' ') == './usr ./usr/local' ]]
}

@test "an installed kpatch-build builds with its installed runtime, no checkout in sight" {
	root=${KPATCH_TEST_ROOT:-$("$TEST_TOP/test/lib/fetch-kernel")}
	cd "$BATS_TEST_TMPDIR"
	cp "$TEST_TOP/examples/meminfo-string.patch" .
	"$STAGE/usr/local/bin/kpatch-build" --root "$root" --kernel "$(basename "$root")" \
		--data "$STAGE/usr/local/share/kpatch" meminfo-string.patch
	[[ -s livepatch-meminfo-string.ko ]]
	[[ -s livepatch-meminfo-string.yaml ]]
	# and, by itself, it looks in its PREFIX
	grep -qaF /usr/local/share/kpatch "$STAGE/usr/local/bin/kpatch-build"
}

@test "the pages have no mistakes that man complains about" {
	command -v groff > /dev/null || skip "no groff"
	for page in "$STAGE"/usr/local/share/man/man[578]/*; do
		run groff -man -ww -z -Tutf8 "$page"
		echo "$output"
		[[ -z $output ]]
	done
}

# pages FILE...: the pages that they refer to, NAME(SECTION) a line
pages() { sed 's/\\-/-/g; s/^\.BR \([^ ]*\) (\([1-8]\))/\1(\2)/' "$@" | grep -ohE '[A-Za-z][A-Za-z0-9_.-]*\([1-8]\)' | sort -u; }

@test "pages refer to pages that there are" {
	local page
	# what other projects have
	others=' apt(8) cpio(1) dpkg-deb(1) git-config(1) git-format-patch(1) gzip(1) kernel-install(8) modprobe(8) mokutil(1) patch(1) quilt(1) rpm(8) rpmbuild(8) rpmsign(8) uname(1) xz(1) '
	for page in $(pages "$TEST_TOP"/man/* "$TEST_TOP"/README.md "$TEST_TOP"/doc/{admin,authors,design,from-kpatch,kernels,lifecycle,trust}.md "$TEST_TOP"/contrib/{auto,hotfix,kpatch.yaml,systemd/*}); do
		case $page in
		kpatch* | create-diff-object*) page=${page%)} && [[ -s $TEST_TOP/man/${page/(/.} ]] || { echo "there is no $page)"; return 1; } ;;
		*) [[ $others == *" $page "* ]] || { echo "$page is neither ours nor known"; return 1; } ;;
		esac
	done
	# and every page is referred to by another one
	for page in "$TEST_TOP"/man/*; do
		name=$(basename "$page")
		pages $(printf '%s\n' "$TEST_TOP"/man/* | grep -vxF "$page") | grep -qxF "${name%.*}(${name##*.})"
	done
}

@test "pages: every macro, every key of the manifest, every setting" {
	cd "$TEST_TOP"
	text() { sed 's/\\-/-/g' "$1"; }
	# but for what the macros are made of
	for macro in $(sed -n 's/^#define \(KPATCH_[A-Z0-9_]*\)(.*/\1/p' kmod/kpatch-macros.h | grep -vxE 'KPATCH_(CALLBACK|REQUEST|SAY|SYSCALL_DEFINE[2-5])|KPATCH_SYSCALL_DEFINE'); do
		text man/kpatch-macros.7 | grep -qw "$macro" || { echo "no $macro"; return 1; }
	done
	for macro in $(text man/kpatch-macros.7 | grep -oE 'KPATCH_[A-Z0-9_]+' | sort -u); do
		grep -q "define $macro(" kmod/kpatch-macros.h || { echo "there is no $macro"; return 1; }
	done
	keys=$(grep -oE '\b(KEY|TEXT|LIST)\(manifest[a-z_]*, [a-z_0-9]+' lib/manifest/manifest.c | sed 's/.* //' | sort -u)
	(($(wc -w <<< "$keys") > 30))
	for key in $keys; do
		text man/kpatch-manifest.5 | grep -E '^\.(B|BR|TP)' | grep -qw -- "$key" || { echo "no $key"; return 1; }
	done
	for key in $(sed -n 's/^\tKEY("\([a-z-]*\)".*/\1/p' kpatch/store/config.c); do
		text man/kpatch.yaml.5 | grep -q "^.BR $key " && grep -q "^#$key: " contrib/kpatch.yaml || { echo "no $key"; return 1; }
	done
}
