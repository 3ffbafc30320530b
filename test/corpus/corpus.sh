# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # work and machine are the caller's
#
# What test/corpus/run is made of: the fixes between two point releases of Debian's kernel source as
# patches, one a .c file, built for the older of the two and tried in a machine that runs it. Reads the
# kernels that fetch-kernel keeps. Writes the patches to $shared, in the test cache, and the rest to $work.
#
# The two releases are the two before the newest but one that the archive offers: neither of them is
# what the tests were written on.

corpus_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$corpus_dir/../lib/common.sh"
build=${KPATCH_BUILD_DIR:-$TEST_TOP/build}

# corpus_pair SERIES: sets root and release (the older kernel), newer (a source version), shared
corpus_pair() {
	local versions
	apt_refresh || say "the package archive does not answer (see $TEST_CACHE/apt/update.log)"
	# one version of each point release, the newest first
	mapfile -t versions < <(source_versions "$1" | tac | awk -F - '!seen[$1]++')
	((${#versions[@]} >= 4)) || { say "the archive offers fewer than four point releases of linux-source-$1"; return 1; }
	newer=${versions[2]}
	root=$("$corpus_dir/../lib/fetch-kernel" --before "${newer%%-*}" "$1") || return 1
	release=$(basename "$root")
	shared=$TEST_CACHE/corpus/$1-$(cut -d - -f 1 "$root/.version")-${newer%%-*}
	mkdir -p "$shared"
}

# prepared_tree: the older kernel's source, as kpatch-build keeps it
prepared_tree() {
	"$build/kpatch-build" --root "$root" --kernel "$release" --cache "$TEST_CACHE/build" --verbose \
		--stop-after prepare "$TEST_TOP/examples/meminfo-string.patch" 2>&1 | sed -n 's/^tree  *//p'
}

# changes_as_patches OLD NEW: a patch for each file that both trees have and that differs; prints the names
changes_as_patches() {
	local file
	(LC_ALL=C diff -rq "$1" "$2" || true) | sed -n "s|^Files $1/\\(.*\\) and .* differ\$|\\1|p" | while read -r file; do
		mkdir -p "$shared/patches.new/$(dirname "$file")"
		diff -u --label "a/$file" --label "b/$file" "$1/$file" "$2/$file" > "$shared/patches.new/$file" ||
			(($? == 1)) || return 1
		echo "$file"
	done
}

# corpus_patches SERIES: $shared/patches/FILE for each change, and $shared/sources: which of them are .c files
corpus_patches() {
	local old new=$shared/newer tar top
	[[ ! -d $shared/patches ]] || return 0
	old=$(prepared_tree)
	[[ -d $old ]] || { say "$release cannot be prepared"; return 1; }
	tar=$(fetch_source "${1}" "$newer") || return 1
	rm -rf "$new" "$shared/patches.new"
	mkdir -p "$new"
	tar -xf "$tar" -C "$new" --wildcards '*.[ch]'
	top=$(echo "$new"/*)
	changes_as_patches "$old" "$top" | grep '\.c$' | LC_ALL=C sort > "$shared/sources"
	rm -rf "$new"
	mv "$shared/patches.new" "$shared/patches"
}

# shuffled SEED: the .c files with numbers, in an order that depends on nothing else
shuffled() {
	sort -R --random-source=<(yes "$1" | head -c 1000000) "$shared/sources" | nl -n rz -w 4 -s ' '
}

# newer_modules SERIES: prints where the modules of the newer release are, fetched if they are not there
newer_modules() {
	local image
	if [[ ! -d $shared/modules ]]; then
		image=$(apt_own apt-cache pkgnames "linux-image-$1." | grep -E '^linux-image-[0-9+~a-z.-]*[0-9]-amd64-unsigned$' |
			xargs bash -c '. "$0"; apt_own apt-cache madison "$@"' "$TEST_TOP/test/lib/common.sh" |
			awk -F ' *[|] *' -v version="$newer" '$2 == version && /Packages$/ { sub("^ *", "", $1); print $1; exit }')
		[[ $image ]] || { say "no image of $newer is on offer"; return 1; }
		rm -rf "$shared/modules.new"
		mkdir "$shared/modules.new"
		(cd "$shared/modules.new" && apt_own apt-get -qq download "$image=$newer" && dpkg-deb -x ./*.deb . && rm -r ./*.deb boot &&
			find . -name '*.ko.xz' -exec unxz {} + && find . -name '*.ko.zst' -exec unzstd -q --rm {} +) >&2 || return 1
		mv "$shared/modules.new" "$shared/modules"
	fi
	echo "$shared"/modules/lib/modules/*/kernel
}

# errors_of LOG: the ids of the problems in kpatch-build's messages, most frequent first
errors_of() {
	awk '
		!inside { first = $0; inside = 1 }
		/\[[a-z0-9-]+\]$/ {
			id = $NF
			if (first !~ /: (warning|note): / || id == "[objtool]")
				count[substr(id, 2, length(id) - 2)]++
			inside = 0
		}
		END { for (id in count) print count[id], id }' "$1" | sort -k 1,1nr -k 2 | cut -d ' ' -f 2 | xargs
}

# build_fix NUMBER FILE [PATCH]: $work/built/NUMBER gets one line: kpatch-build's exit code and the ids of problems
build_fix() {
	local number=$1 file=$2 name status=0 patch=${3:-$shared/patches/$2}
	name=fix-$number-$(basename "$file" .c)
	name=${name:0:50}
	mkdir -p "$work/out/$number"
	timeout --kill-after=10 "${time_limit:-600}" "$build/kpatch-build" --root "$root" --kernel "$release" \
		--cache "$TEST_CACHE/build" --quiet --name "$name" --output "$work/out/$number" \
		"$patch" > "$work/log/$number" 2>&1 || status=$?
	echo "$status $(errors_of "$work/log/$number")" > "$work/built/$number.new"
	mv "$work/built/$number.new" "$work/built/$number"
}

# judge NUMBER FILE: sets answer (built, same, elsewhere, half, refused, failed) and ids for what build_fix() found
# shellcheck disable=SC2034 # answer and ids are the caller's
judge() {
	local status
	read -r status ids < "$work/built/$1"
	case $status:$ids in
	0:) answer=built ;;
	9:*) answer=same ;;
	5:patch-not-built) answer=elsewhere ;;
	6:compile-failed) is_half "$work/log/$1" "$2" && answer=half || answer=failed ;;
	[3-8]:?*) is_defended && answer=refused || answer=failed ;;
	*) answer=failed ;;
	esac
}

# is_defended: each reason of a refusal is in the file `refusals`
is_defended() {
	local id
	for id in $ids; do
		grep -q "^$id	" "$corpus_dir/refusals" || return 1
	done
}

# needed_headers LOG FILE: what the compiler complains of is declared in, or is itself a change of, headers that
# the same release changes: prints these. Prints "new" for a header which the patch includes and the older kernel
# lacks, and "any" for a name that is in the changes of too many headers to tell
needed_headers() {
	local name errors found
	errors=$(grep -m 5 'error: ' "$1")
	if [[ $errors =~ fatal\ error:\ ([^ ]*\.h): ]]; then
		! grep -q "^+#include.*[<\"]${BASH_REMATCH[1]}[>\"]" "$shared/patches/$2" || echo new
		return
	fi
	for name in $(grep -oP '^(\./)?\K[^ :]+\.h(?=:\d+:\d+: note: (declared|previous|expected))' "$1" | sort -u); do
		[[ ! -e $shared/patches/$name ]] || echo "$name"
	done
	for name in $(grep -oE "'[^']+'" <<< "$errors" | grep -oE '[A-Za-z_][A-Za-z_0-9]+' | sort -u); do
		# names that macros make: of static calls, and, from the beginning of what is left, of events
		name=${name#__SC[TK]__}
		[[ $name == trace_* ]] && name=${name#trace_} || name+='\>'
		found=$(cd "$shared/patches" && grep -rlE --include='*.h' "^[+-].*\\<$name" . | sed 's|^\./||')
		(($(wc -l <<< "$found") <= 3)) && echo "$found" || echo any
	done
}

# is_half LOG FILE: the file needs the change of a header
is_half() { [[ -n $(needed_headers "$@") ]]; }

# objects_of PATCH: how many objects the patch leads to
objects_of() {
	"$build/kpatch-build" --root "$root" --kernel "$release" --cache "$TEST_CACHE/build" --verbose \
		--output "$work" --stop-after plan "$1" 2>&1 | grep -c '^plan .* in '
}

# needed_sources LOG: files that do not compile with a changed header, but that the same release changes with it
needed_sources() {
	local name
	for name in $(sed -n 's/^\([^ :]*\.c\): with the patch this, which includes .*/\1/p' "$1"); do
		[[ ! -e $shared/patches/$name ]] || echo "$name"
	done
}

# add_headers NUMBER FILE: a fix that is half of one is built again with the headers that it needs and what these
# need, as long as few enough objects include them ($max_objects)
add_headers() {
	local number=$1 file=$2 header added objects parts=("$shared/patches/$2")
	for _ in 1 2 3 4; do
		read -r _ ids < "$work/built/$number"
		[[ $ids == compile-failed ]] || return 0
		added=''
		for header in $(needed_headers "$work/log/$number" "$file" | sort -u) $(needed_sources "$work/log/$number"); do
			[[ $header == *.[ch] && " ${parts[*]} " != *" $shared/patches/$header "* ]] || continue
			parts+=("$shared/patches/$header")
			added=1
		done
		[[ $added ]] || return 0
		cat "${parts[@]}" > "$work/out/$number.patch"
		objects=$(objects_of "$work/out/$number.patch")
		((objects && objects <= max_objects)) || { echo "$number $file: $objects objects" >> "$work/wide"; return 0; }
		build_fix "$number" "$file" "$work/out/$number.patch"
	done
}

# targets_of MANIFEST: the modules that a patch changes
targets_of() {
	awk '/^[a-z]/ { inside = $1 == "objects:" } inside && $1 == "-" && $2 == "name:" && /^- / && $3 != "vmlinux" { print $3 }' "$1" |
		tr -d '"' | xargs
}

corpus_machine() { "$TEST_TOP/test/vm/run" --name "$machine" "$@"; }

start_machine() {
	corpus_machine start --root "$root" --kernel "$release" --memory 3072 "$@" &&
		corpus_machine put --to /usr/bin "$corpus_dir/trial"
}

# try_fix NUMBER: load and unload what build_fix made; $work/tried/NUMBER gets one line
try_fix() {
	local number=$1 module status=0
	module=$(echo "$work/out/$number"/*.ko)
	corpus_machine put "$module" || true
	# shellcheck disable=SC2046
	corpus_machine exec --timeout 400 trial "$(basename "$module" .ko)" \
		$(targets_of "${module%.ko}.yaml") > "$work/log/$number.trial" 2>&1 || status=$?
	if ((status == 0)); then
		tail -n 1 "$work/log/$number.trial"
	elif ((status < 124)); then
		echo "failed $(tail -n 1 "$work/log/$number.trial")"
	else
		echo "failed the machine is gone or hangs"
	fi > "$work/tried/$number.new"
	mv "$work/tried/$number.new" "$work/tried/$number"
	((status == 0)) || { corpus_machine log > "$work/log/$number.console"; return 1; }
}
