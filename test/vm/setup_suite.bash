# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Once for all tests of this directory: the kernel, the little programs that tests run in the
# machine, and the machine itself.

setup_suite() {
	local here source
	# shellcheck source=vm.bash
	. "${BASH_SOURCE[0]%/*}/vm.bash"
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	export SUITE_VM=tests-$$ KERNEL_ROOT KERNEL_RELEASE KERNEL_CACHE PROGS
	KERNEL_ROOT=${KPATCH_TEST_ROOT:-$("$here/../lib/fetch-kernel" "${KPATCH_TEST_SERIES:-6.1}")}
	KERNEL_RELEASE=$(basename "$KERNEL_ROOT")
	# the prepared tree that test/build uses, too
	KERNEL_CACHE=${KPATCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpatch-test}/build
	PROGS=$BATS_SUITE_TMPDIR/progs
	mkdir -p "$PROGS"
	for source in "$here"/progs/*.c; do
		gcc -D_GNU_SOURCE -Wall -Wextra -Werror -O1 -static -o "$PROGS/$(basename "$source" .c)" "$source"
	done
	start_suite_vm
}

teardown_suite() {
	"$(dirname "${BASH_SOURCE[0]}")/run" --name "$SUITE_VM" stop
}
