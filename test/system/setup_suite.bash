# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The packages of this toolchain, as for test/package.

# shellcheck source=../package/setup_suite.bash
. "$(dirname "${BASH_SOURCE[0]}")/../package/setup_suite.bash"
