#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The units: what systemd makes of them, and what it would start. Nothing is started here.

bats_require_minimum_version 1.7.0
load machine

# UNITS: as an administrator has them who has enabled kpatch.service
setup_file() {
	make_programs programs
	export UNITS=$BATS_FILE_TMPDIR/units
	make -C "$TEST_TOP" -s --no-print-directory install DESTDIR="$BATS_FILE_TMPDIR/root" PREFIX=/usr > /dev/null
	cp -a "$BATS_FILE_TMPDIR/root/usr/lib/systemd/system" "$UNITS"
	# verify wants the programs to be there, and has no root of its own
	sed -i "s|=/usr/bin/|=$BATS_FILE_TMPDIR/root/usr/bin/|; s|^Documentation=.*||" "$UNITS"/kpatch*.service
	mkdir -p "$UNITS/sysinit.target.wants"
	ln -s ../kpatch.service "$UNITS/sysinit.target.wants/"
	chmod -R a+rX "$BATS_FILE_TMPDIR" && chmod a+x "$BATS_RUN_TMPDIR"
}

# boot_to TARGET: what systemd says of a boot to it
boot_to() {
	local user=()
	(($(id -u))) || user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	env -i PATH="$PATH" HOME=/ SYSTEMD_UNIT_PATH="$UNITS:" XDG_RUNTIME_DIR="$BATS_FILE_TMPDIR" \
		"${user[@]}" /usr/lib/systemd/systemd --test --system --unit="$1" 2>&1
}

# jobs TARGET: the units that a boot to it would start
jobs() {
	boot_to "$1" |
		sed -n 's/.*Action: \(kpatch[^ ]*\) -> start$/\1/p' | LC_ALL=C sort -u | paste -sd ' '
}

@test "a boot is confirmed by multi-user.target, and in rescue mode not at all" {
	run boot_to multi-user.target
	[[ $output != *"Cannot determine cgroup"* ]] || skip "no control groups here, without which systemd does not even try"
	[[ $(jobs multi-user.target) == "kpatch-confirm.service kpatch-down.service kpatch.service" ]]
	[[ $(jobs graphical.target) == "kpatch-confirm.service kpatch-down.service kpatch.service" ]]
	[[ $(jobs rescue.target) == "kpatch-down.service kpatch.service" ]]
	[[ -z $(jobs emergency.target) ]]
	grep -qx 'After=kpatch.service multi-user.target' "$UNITS/kpatch-confirm.service"
}

@test "systemd finds no fault with the units, and nothing that they can bear is missing from their sandbox" {
	for unit in kpatch kpatch-confirm kpatch-down; do
		run -0 systemd-analyze verify "$UNITS/$unit.service"
		[[ -z $output ]] || { echo "$output"; false; }
		run -0 systemd-analyze security --offline=yes --threshold=40 "$UNITS/$unit.service"
		grep -qx 'ProtectSystem=strict' "$UNITS/$unit.service"
		no grep -q @ <(grep -v '^SystemCallFilter' "$UNITS/$unit.service")
	done
	# all that is needed to load a module, and no more
	[[ $(grep ^CapabilityBoundingSet= "$UNITS/kpatch.service") == *=CAP_SYS_MODULE* ]]
	grep -qx CapabilityBoundingSet= "$UNITS/kpatch-confirm.service"
	grep -qx CapabilityBoundingSet= "$UNITS/kpatch-down.service"
}
