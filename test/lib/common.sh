# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# Shared by the shell programs below test/. Sourced, defines functions and three paths:
# TEST_TOP (the checkout), TEST_CACHE (downloads, outside the tree), and TEST_ME (for messages).

TEST_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TEST_CACHE=${KPATCH_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kpatch-test}
TEST_ME=${TEST_ME:-$(basename "$0")}

say() { printf '%s: %s\n' "$TEST_ME" "$*" >&2; }
die() { say "$*"; exit 1; }

# need PROGRAM...: stop with a remedy if one is missing.
need() {
	local program
	for program; do
		command -v "$program" > /dev/null ||
			die "$program is missing. Run test/install-deps."
	done
}

# programs installed in sbin directories are wanted as an ordinary user, too
PATH=$PATH:/usr/sbin:/sbin

# apt_own COMMAND ARG...: apt-get or apt-cache with the machine's package sources, but with
# lists and a package cache of our own, so that no root is needed. TEST_DEB: packages of another machine, as dpkg calls it.
apt_own() {
	local command=$1
	shift
	local apt=$TEST_CACHE/apt${TEST_SUITE:+-$TEST_SUITE}${TEST_DEB:+-$TEST_DEB} sources=()
	[[ -z ${TEST_SUITE:-} ]] ||
		sources=(-o Dir::Etc::sourcelist="$apt/suite.sources" -o Dir::Etc::sourceparts=-)
	[[ -z ${TEST_DEB:-} ]] || sources+=(-o APT::Architecture="$TEST_DEB" -o APT::Architectures::="$TEST_DEB"
		-o Dir::State::status=/dev/null)
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	"$command" -o Dir::State::lists="$apt/lists" "${sources[@]}" \
		-o Dir::Cache="$apt/cache" -o Debug::NoLocking=true \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

# apt_refresh [MINUTES]: package lists newer than MINUTES (default 240); fails if that cannot be had.
# Suites that run side by side: one asks, the others wait for its answer.
# shellcheck disable=SC2120
apt_refresh() (
	apt=$TEST_CACHE/apt${TEST_SUITE:+-$TEST_SUITE}${TEST_DEB:+-$TEST_DEB}
	stamp=$apt/updated
	mkdir -p "$apt"
	exec {lock}> "$apt/.lock"
	flock "$lock"
	if [[ -n $(find "$stamp" -mmin "-${1:-240}" 2> /dev/null) ]]; then
		return 0
	fi
	apt_own apt-get -qq --error-on=any update > "$apt/update.log" 2>&1 || return 1
	touch "$stamp"
)

# apt_suite SUITE: apt_own and apt_refresh ask another suite of the archive that the machine's own sources name, from now on.
# Signatures are verified as those of the machine's own.
apt_suite() {
	local archive
	apt_refresh || return 1
	# shellcheck disable=SC2016
	archive=$(apt_own apt-get indextargets --format '$(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "main" { print $3; exit }')
	[[ -n $archive ]] || { say "the machine's package sources name no archive of Debian"; return 1; }
	export TEST_SUITE=$1
	mkdir -p "$TEST_CACHE/apt-$TEST_SUITE"
	cat > "$TEST_CACHE/apt-$TEST_SUITE/suite.sources" <<-END
		Types: deb
		URIs: $archive
		Suites: $TEST_SUITE
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	apt_refresh
}

# debian_sources: the files in /etc/apt that lead to Debian 12's own archive
debian_sources() {
	grep -lsE '^(Suites:.* bookworm|Suites: bookworm|deb .* bookworm)' /etc/apt/sources.list \
		/etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list || true
}

# needed_libraries FILE...: the shared libraries that programs need, one path a line.
# LD_LIBRARY_PATH is honoured. Fails, naming it, if one is not found.
needed_libraries() {
	local file list missing
	for file; do
		list=$(ldd "$file" 2> /dev/null) || continue	# static
		missing=$(awk '/not found/ { print $1 }' <<< "$list")
		[[ -z $missing ]] || { say "$file needs ${missing//$'\n'/ }, not found"; return 1; }
		awk '/=> \// { print $3 } /^[ \t]*\// { print $1 }' <<< "$list"
	done | sort -u
}

# source_versions SERIES: the versions of linux-source-SERIES on offer, oldest first
source_versions() {
	apt_own apt-cache madison "linux-source-$1" | awk -F' *[|] *' '{ print $2 }' | sort -Vu
}

# fetch_source SERIES VERSION: prints the tar file of that source package, kept in the cache
fetch_source() (
	package=linux-source-$1 directory=$TEST_CACHE/older/linux-source-$1-$2
	mkdir -p "$TEST_CACHE/older"
	exec {lock}> "$directory.lock"
	flock "$lock"
	if [[ ! -e $directory ]]; then
		rm -rf "$directory.new"
		mkdir "$directory.new"
		(cd "$directory.new" && apt_own apt-get -qq download "$package=$2" && dpkg-deb -x ./*.deb . &&
			rm ./*.deb) >&2 || return 1
		mv "$directory.new" "$directory"
	fi
	echo "$directory/usr/src/$package.tar.xz"
)
