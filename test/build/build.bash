# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the tests of kpatch-build share.

bats_require_minimum_version 1.7.0

# shellcheck source=../lib/tests.bash
. "${BASH_SOURCE[0]%/*}/../lib/tests.bash"

setup() {
	OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$OUT"
}

# kpatch_build OPTION... PATCH...: on the suite's kernel, results to $OUT
kpatch_build() {
	mkdir -p "$OUT"
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" \
		--output "$OUT" "$@"
}

# make_patch NAME FILE SED [FILE SED]...: a patch that edits files of the kernel's source with sed
# scripts; its path is in $patch. Fails if a script changes nothing.
make_patch() {
	local dir=$BATS_TEST_TMPDIR/make_patch name=$1
	shift
	rm -rf "$dir"
	while (($#)); do
		mkdir -p "$dir/a/$(dirname "$1")" "$dir/b/$(dirname "$1")"
		cp "$KERNEL_TREE/$1" "$dir/a/$1"
		sed "$2" "$KERNEL_TREE/$1" > "$dir/b/$1"
		! cmp -s "$dir/a/$1" "$dir/b/$1" || { echo "the script changes nothing in $1"; return 1; }
		shift 2
	done
	patch=$BATS_TEST_TMPDIR/$name.patch
	(cd "$dir" && diff -rup a b) > "$patch" || true
	rm -rf "$dir"
}

# write_patch NAME < TEXT: a patch as it stands
write_patch() {
	patch=$BATS_TEST_TMPDIR/$1.patch
	cat > "$patch"
}

# refuses CODE ID OPTION...: kpatch-build ends with exit code CODE and a problem with this id, and
# leaves nothing in the output directory
refuses() {
	local code=$1 id=$2
	shift 2
	run -"$code" kpatch_build "$@"
	# shellcheck disable=SC2154 # run sets it
	grep -F "[$id]" <<< "$output" || { echo "no [$id] in:"; echo "$output"; return 1; }
	nothing_written
}

# nothing_written: the output directory is empty, and no work directory is left in the cache
nothing_written() {
	[[ -z $(ls -A "$OUT") ]] || { echo "left in $OUT:"; ls -A "$OUT"; return 1; }
}

# meant MODULE: what it refers to in vmlinux by distance, as "OFFSET TYPE NAME"; all names of that place
meant() {
	local offset type sign distance
	make_programs /test/image_symbols
	readelf -rW "$1" |
		sed -nE 's/^([0-9a-f]+) .* (R_X86_64_[A-Z0-9]+) +0+ klp_enable_patch ([-+]) ([0-9a-f]+)$/\1 \2 \3 \4/p' |
		while read -r offset type sign distance; do
			distance=$((16#$distance))
			[[ $sign == + ]] || distance=-$distance
			[[ $type != R_X86_64_P* ]] || distance=$((distance + 4))
			echo "$distance $offset $type"
		done > "$BATS_TEST_TMPDIR/distances"
	"$BUILD/test/image_symbols" "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" |
		awk 'NR == FNR { at[$1] = at[$1] $2 " " $3 "\n"; next }
			$1 in at { n = split(at[$1], lines, "\n"); for (i = 1; i < n; i++) print lines[i], $2 }' \
			"$BATS_TEST_TMPDIR/distances" -
}

says() { grep -E -- "$1" <<< "$output" || { echo "no '$1' in:"; echo "$output"; return 1; }; }
