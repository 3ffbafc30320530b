#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# --fetch: a kernel that is not installed, from an archive: apt's own programs on a small archive that is made of the suite's kernel,
# its packages stored without compression. One test asks Debian's.

load build

# package NAME VERSION: of what is in $BATS_FILE_TMPDIR/NAME, into the archive
package() {
	local dir=$BATS_FILE_TMPDIR/$1
	mkdir -p "$dir/DEBIAN" "$ARCHIVE"
	printf '%s\n' "Package: $1" "Version: $2" "Architecture: all" "Maintainer: Nobody <nobody@example.org>" "Description: test" \
		> "$dir/DEBIAN/control"
	dpkg-deb -Znone --root-owner-group --build "$dir" "$ARCHIVE/$1_${2}_all.deb" > /dev/null
}

# Image and headers of $VERSION; the source in that version and, without contents, in a newer one.
make_archive() {
	local image=$BATS_FILE_TMPDIR/linux-image-$KERNEL_RELEASE headers=$BATS_FILE_TMPDIR/linux-headers-$KERNEL_RELEASE
	local source=$BATS_FILE_TMPDIR/linux-source-$SERIES
	mkdir -p "$image"/{boot,lib/modules/"$KERNEL_RELEASE"/kernel/fs} "$headers/usr/src/linux-headers-$KERNEL_RELEASE" "$source/usr/src"
	cp "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" "$image/boot"
	cp -r "$KERNEL_ROOT/lib/modules/$KERNEL_RELEASE/kernel/fs/nfsd" "$image/lib/modules/$KERNEL_RELEASE/kernel/fs"
	cp "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE"/{.config,Module.symvers} "$headers/usr/src/linux-headers-$KERNEL_RELEASE"
	package "linux-source-$SERIES" 99.1-1
	cp --reflink=auto "$KERNEL_ROOT/usr/src/linux-source-$SERIES.tar.xz" "$source/usr/src"
	for name in image headers; do package "linux-$name-$KERNEL_RELEASE" "$VERSION"; done
	package "linux-source-$SERIES" "$VERSION"
	rm -rf "$image" "$headers" "$source"
	index
}

# index: the archive's list of what is in it now, and apt's view of it
index() {
	(cd "$ARCHIVE" && dpkg-scanpackages --multiversion . > Packages 2> /dev/null)
	apt-get -qq update
}

setup_file() {
	export ARCHIVE=$BATS_FILE_TMPDIR/archive APT_CONFIG=$BATS_FILE_TMPDIR/apt.conf
	export SERIES VERSION
	SERIES=$(cut -d . -f 1-2 <<< "$KERNEL_RELEASE")
	VERSION=$(strings "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" | sed -n 's/.* Debian \([^ ]*\) .*/\1/p' | head -n 1)
	[[ $VERSION == "$SERIES".* ]]
	mkdir -p "$BATS_FILE_TMPDIR"/apt/{state/lists/partial,cache/archives/partial}
	touch "$BATS_FILE_TMPDIR/apt/status"
	echo "deb [trusted=yes] file:$ARCHIVE ./" > "$BATS_FILE_TMPDIR/apt/sources"
	cat > "$APT_CONFIG" <<-END
		Dir::State "$BATS_FILE_TMPDIR/apt/state";
		Dir::State::status "$BATS_FILE_TMPDIR/apt/status";
		Dir::Cache "$BATS_FILE_TMPDIR/apt/cache";
		Dir::Etc::SourceList "$BATS_FILE_TMPDIR/apt/sources";
		Dir::Etc::SourceParts "/dev/null";
	END
	make_archive
}

# fetch CODE OPTION...: the system, on which no kernel is installed, is Debian's
fetch() {
	local code=$1 root=$BATS_TEST_TMPDIR/root
	shift
	mkdir -p "$root/etc"
	touch "$root/etc/debian_version"
	run -"$code" "$BUILD/kpatch-build" --root "$root" --kernel "$KERNEL_RELEASE" --cache "$CACHE" --output "$OUT" --fetch \
		--stop-after kernel --verbose "$@" "$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
}

# The place that an ordinary user gets to.
teardown() { [[ -z ${place:-} ]] || rm -rf "$place"; }

setup() {
	OUT=$BATS_TEST_TMPDIR/out CACHE=$BATS_TEST_TMPDIR/cache
	mkdir -p "$OUT"
}

entries() { find "$CACHE" -maxdepth 1 -name 'files-*' -type d; }

@test "fetch: image, modules, configuration and source of one version, once" {
	local entry
	fetch 0
	says "^getting the packages of kernel $KERNEL_RELEASE: once$"
	says "^kernel   $KERNEL_RELEASE, package $VERSION, gcc"
	entry=$(entries)
	cmp "$entry/boot/vmlinuz-$KERNEL_RELEASE" "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE"
	cmp "$entry/usr/src/linux-source-$SERIES.tar.xz" "$KERNEL_ROOT/usr/src/linux-source-$SERIES.tar.xz"
	[[ -s $entry/usr/src/linux-headers-$KERNEL_RELEASE/Module.symvers && $(< "$entry/complete") == "$KERNEL_RELEASE $VERSION" ]]
	[[ -n $(find "$entry/lib/modules" -name 'nfsd.ko*') && ! -e $entry/downloads ]]
	# a second build asks what is on offer, and gets nothing
	mv "$ARCHIVE" "$ARCHIVE.away"
	fetch 0
	mv "$ARCHIVE.away" "$ARCHIVE"
	no says 'getting the packages'
	says "^kernel   $KERNEL_RELEASE, package $VERSION, gcc"
	# the cache says whose the files are, and removes them
	run -0 "$BUILD/kpatch-build" --cache "$CACHE" cache list
	says "^$KERNEL_RELEASE +$VERSION .* files, by --fetch$"
	run -0 "$BUILD/kpatch-build" --cache "$CACHE" cache clean "$KERNEL_RELEASE"
	[[ -z $(entries) ]]
}

@test "fetch: where all of it is installed, nothing is got" {
	run -0 kpatch_build --fetch --stop-after kernel --verbose "$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
	no says 'getting the packages'
}

@test "fetch: where the source is newer than the image, the image's version is got" {
	local root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root/usr/share/doc/linux-source-$SERIES" "$root/usr/src"
	ln -s "$KERNEL_ROOT"/{boot,lib} "$root"
	ln -s "$KERNEL_ROOT"/usr/src/* "$root/usr/src"
	gzip > "$root/usr/share/doc/linux-source-$SERIES/changelog.Debian.gz" <<< 'linux (99.1-1) sid; urgency=low'
	fetch 0
	says 'getting the packages'
	says "^kernel   $KERNEL_RELEASE, package $VERSION, gcc"
}

@test "fetch: an ordinary user may" {
	place=$(mktemp -d /tmp/kpatch-fetch.XXXXXX)
	chmod 711 "$place"
	cp -a "$BUILD/kpatch-build" "$place"
	cp -r "$TEST_TOP/kmod" "$TEST_TOP/examples" "$place"
	chmod -R a+rX "$place" "$ARCHIVE" "$BATS_FILE_TMPDIR/apt"
	cp -r "$ARCHIVE" "$BATS_FILE_TMPDIR/apt" "$place"
	sed "s:$BATS_FILE_TMPDIR:$place:g" "$APT_CONFIG" > "$place/apt.conf"
	echo "deb [trusted=yes] file:$place/archive ./" > "$place/apt/sources"
	mkdir "$place/home" "$place/root" "$place/root/etc"
	touch "$place/root/etc/debian_version"
	APT_CONFIG=$place/apt.conf apt-get -qq update
	chmod -R a+rX "$place/apt"
	chown -R 4711:4711 "$place/home"
	HOME=$place/home APT_CONFIG=$place/apt.conf run -0 setpriv --reuid 4711 --regid 4711 --clear-groups \
		"$place/kpatch-build" --data "$place/kmod" --root "$place/root" --kernel "$KERNEL_RELEASE" --output "$place/home" --fetch \
		--stop-after kernel --verbose "$place/examples/meminfo-string.patch"
	says "^kernel   $KERNEL_RELEASE, package $VERSION, gcc"
	[[ -z $(find "$place/home" ! -user 4711) ]]
}

@test "fetch: what is not on offer, in the image's version, is said before anything is got" {
	mv "$ARCHIVE/linux-source-${SERIES}_${VERSION}_all.deb" "$BATS_TEST_TMPDIR"
	index
	fetch 3
	mv "$BATS_TEST_TMPDIR"/*.deb "$ARCHIVE"
	index
	says "^linux-source-$SERIES: no package of version $VERSION of this name is on offer[.] Refresh the lists of packages \(apt-get update\); Debian.s snapshot archive has what is not on offer any more[.] \[fetch-not-on-offer\]$"
	[[ -z $(entries) ]]
	fetch 3 --kernel 6.1.0-4711-amd64
	says '^linux-image-6.1.0-4711-amd64: no package of this name is on offer[.] .*\[fetch-not-on-offer\]$'
}

@test "fetch: a package that is not the one of the list is not unpacked, and nothing stays" {
	local deb=$ARCHIVE/linux-headers-${KERNEL_RELEASE}_${VERSION}_all.deb
	cp "$deb" "$BATS_TEST_TMPDIR"
	printf 'x' | dd of="$deb" bs=1 seek=2000 conv=notrunc status=none
	fetch 3
	mv "$BATS_TEST_TMPDIR"/*.deb "$ARCHIVE"
	says "^$KERNEL_RELEASE: getting its packages failed [(]exit code 100[)]:"
	says '\[fetch-failed\]$'
	[[ -z $(entries) ]]
}

@test "fetch: a system of which it is not known how its packages are got" {
	local root=$BATS_TEST_TMPDIR/fedora
	mkdir -p "$root/etc"
	printf 'NAME=Fedora Linux\nID=fedora\n' > "$root/etc/os-release"
	refuses 3 fetch-unknown --root "$root" --fetch "$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
	says "^$root: how packages of this system \(fedora\) are got"
}

# bats test_tags=nightly
@test "fetch: an older kernel of Debian's own archive, and a module of it" {
	local release
	unset APT_CONFIG
	release=$(apt-cache pkgnames "linux-image-$SERIES" | sed -n "s/^linux-image-\(.*[0-9]-amd64\)$/\1/p" | sort -V | tail -n 2 | head -n 1)
	[[ $release && $release != "$KERNEL_RELEASE" ]]
	run -0 "$BUILD/kpatch-build" --kernel "$release" --cache "$CACHE" --output "$OUT" --fetch "$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
	[[ $(modinfo -F vermagic "$OUT/livepatch-meminfo-string.ko") == "$release "* ]]
}
