#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A machine that hangs ends one test, not the patience of all.

load vm

# bats test_tags=nightly
@test "a machine that hangs is ended, and who waits for it is told" {
	own_vm hangs
	(sleep 3; kill -STOP "$(< "${KPATCH_VM_DIR:-${TMPDIR:-/tmp}/kpatch-vm.$(id -u)}/$VM_NAME/pid")") &
	run in_vm --timeout 5 'sleep 100'
	[[ $status == 125 && $output == *"hangs, and was ended"* ]]
	run in_vm true
	[[ $status == 125 && $output == *"is not running"* ]]
	own_vm_stop
}
