#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# doc/lifecycle.md as a model (lifecycle.pml), with the runtime of patch modules in it: all orders in which two
# patches and a target can come and go. And the model is worth something: it fails when the runtime, the
# layout of a patch module or the core is broken.

bats_require_minimum_version 1.7.0

setup_file() { export KEEP=$BATS_FILE_TMPDIR; }
setup() { cd "$BATS_TEST_DIRNAME/../.."; }

check() { test/model/check --keep "$KEEP" "$@"; }

# breakages KERNEL [both|alone]: each that this kernel's model has to notice, all in one go; or those that the other
# model has to notice too, or not
breakages() {
	local kernel=$1 whose=${2:-every} word name which property rest found bad=0
	while read -r word name which property rest; do
		[[ $word == breakage && ($which == both && $whose != alone || $which == "$kernel" && $whose != both) ]] || continue
		found=$(check --break "$name" --only "$property" "$kernel" 2>&1 || true)
		found=$(grep -E '^pan:1: |errors: 0$|rror:|test/' <<< "$found" || true)
		echo "$name: $found"
		[[ $property == deadlock ]] && property='invalid end state' || property="assertion violated $property"
		grep -q "^pan:1: $property " <<< "$found" || { echo "expected $property"; bad=1; }
	done < test/model/breakages
	return $bad
}

# figures: what goes into doc/lifecycle.md
figures() { grep -E 'states, stored$|total actual|elapsed' <<< "$output" | sed 's/^/# /' >&3; }

@test "6.1: every order of two patches and a target keeps what was promised" {
	run -0 check 6.1
	figures
}

@test "6.12: every order of two patches and a target keeps what was promised" {
	run -0 check 6.12
	figures
}

@test "6.1: the model notices every breakage" {
	breakages 6.1
}

@test "6.12: the model notices what breaks no other" {
	breakages 6.12 alone
}

# bats test_tags=nightly
@test "6.12: the model notices what breaks both" {
	breakages 6.12 both
}

@test "every property is the one that notices some breakage" {
	local property
	for property in $(grep -oE 'PROPERTY\([a-z_]+' test/model/lifecycle.pml | sort -u | grep -v 'name$' | cut -d '(' -f 2); do
		grep -qE "^breakage .* (both|6.1|6.12) $property( |$)" test/model/breakages ||
			{ echo "nothing makes $property fail"; return 1; }
	done
}

@test "the kernel's functions of the model are those of doc/lifecycle.md" {
	diff <(sed -nE 's/^inline ((__)?klp_[a-z_]+)\(.*/\1()/p' test/model/lifecycle.pml | sort -u) \
		<(sed -n '/^## The order of steps/,/^## /p' doc/lifecycle.md | grep -oE '\b(__)?klp_[a-z_]+\(\)' | sort -u)
}
