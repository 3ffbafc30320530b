#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Source or configuration that are nearly the kernel's: what is equal is patched, what is not is refused
# and blamed on the right thing.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# older_source: the newest source package of an older point release than the kernel's that is on offer;
# its tar file is in $older
older_source() {
	local series version
	. "$TEST_TOP/test/lib/common.sh"
	series=$(cut -d . -f 1,2 <<< "$KERNEL_RELEASE")
	version=$(source_versions "$series" | awk -v own="$(cut -d - -f 1 "$KERNEL_ROOT/.version")" \
		'index($1, own) == 1 { exit } { last = $1 } END { print last }')
	[[ $version ]] || skip "the archive offers no older linux-source-$series"
	older=$(fetch_source "$series" "$version")
}

@test "the source of an older point release: equal functions are patched, fixed ones are not" {
	older_source
	local cache=$BATS_TEST_TMPDIR/cache changed=0 refused=0 file id
	run -0 kpatch_build --cache "$cache" --source "$older" "$MEMINFO"
	[[ -s $OUT/livepatch-meminfo-string.ko ]]
	says 'source-version'
	grep -qx 'verified: true' "$OUT/livepatch-meminfo-string.yaml"
	# without the proof it is too much of a risk
	rm "$OUT"/*
	refuses 3 source-version --no-verify --cache "$cache" --source "$older" "$MEMINFO"

	# the fixes that the newer release has, as patches of the older: the kernel has them already
	old=$(echo "$cache"/tree-*/tree)
	for file in $(cd "$old" && find fs net/core net/ipv4 net/netfilter kernel mm -name '*.c' | LC_ALL=C sort); do
		cmp -s "$old/$file" "$KERNEL_TREE/$file" && continue
		((changed < 6)) || break
		patch=$BATS_TEST_TMPDIR/$((changed++)).patch
		diff -u --label "a/$file" --label "b/$file" "$old/$file" "$KERNEL_TREE/$file" > "$patch" || true
		rm -f "$OUT"/*
		run kpatch_build --cache "$cache" --source "$older" --output "$OUT" "$patch"
		id=$(grep -oE '\[[a-z-]+\]$' <<< "$output" | tail -n 1)
		echo "$file: exit code $status $id" >&3
		# 3: not of this kernel; 6: the fix needs a header, too; 8: changes what no patch can; 9: no code
		[[ $status == [36789] ]] || { echo "$output"; return 1; }
		[[ -z $(ls "$OUT") ]]
		[[ $status != 7 ]] || { grep -F code-not-verified <<< "$output"; refused=$((refused + 1)); }
	done
	((changed >= 3 && refused >= 1))
}

# bats test_tags=nightly
@test "another configuration: refused, and blamed on it" {
	config=$BATS_TEST_TMPDIR/config
	sed -e 's/^CONFIG_MEMORY_FAILURE=y/# CONFIG_MEMORY_FAILURE is not set/' -e '/^CONFIG_HWPOISON_INJECT=/d' \
		"$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/.config" > "$config"
	run ! grep '^CONFIG_MEMORY_FAILURE=' "$config"
	refuses 7 code-not-verified --cache "$BATS_TEST_TMPDIR/cache" --config "$config" "$MEMINFO"
	says "'meminfo_proc_show' is not what vmlinux runs: the code differs at"
	says '1 of 3 functions are not those of vmlinux.* are source and configuration of this very version'
	says 'changed 1 of its options here.*config-restored'
}
