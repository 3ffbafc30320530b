#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Two users: root, who builds, and alice, who wants in (doc/trust.md). She has no entry in /etc/passwd.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"
ALICE=4321

setup() {
	[[ $(id -u) == 0 ]] || skip "needs root"
	OUT=$BATS_TEST_TMPDIR/out
	mkdir -p "$OUT"
	# where alice gets to: the directories of bats are root's alone
	PLACE=$(mktemp -d /tmp/kpatch-trust.XXXXXX)
	chmod 755 "$PLACE"
	ENTRY=$(basename "$(dirname "$KERNEL_TREE")")
}

teardown() {
	[[ ! -d $PLACE ]] || rm -rf "$PLACE"
}

as_alice() { setpriv --reuid "$ALICE" --regid "$ALICE" --clear-groups "$@"; }

# with_cache CACHE OPTION...: kpatch-build there; it ends at once if the cache is taken, for want of a kernel
with_cache() {
	"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel 5.4.0-none --cache "$1" --output "$OUT" "${@:2}" "$MEMINFO"
}

takes_cache() {
	run -3 with_cache "$1"
	says '\[kernel-file-missing\]'
}

distrusts() { # CACHE CULPRIT
	run -1 with_cache "$1"
	says "^$2: .*\[cache-not-trusted\]"
	nothing_written
}

@test "trust: a cache, and each directory on the way to it, that is alice's or that she may write to" {
	mkdir -p "$PLACE/way/to/cache"
	takes_cache "$PLACE/way/to/cache"
	takes_cache "$PLACE/way/new"
	chown "$ALICE" "$PLACE/way/to/cache"
	distrusts "$PLACE/way/to/cache" "$PLACE/way/to/cache"
	says "it belongs to user $ALICE"
	says 'with --cache'
	chown 0 "$PLACE/way/to/cache"
	chown "$ALICE" "$PLACE/way"
	distrusts "$PLACE/way/to/cache" "$PLACE/way"
	chown 0 "$PLACE/way"
	chmod 777 "$PLACE/way/to"
	distrusts "$PLACE/way/to/cache" "$PLACE/way/to"
	says 'others may write to it \(mode 0777\)'
	chmod 1777 "$PLACE/way/to" # as /tmp: nobody can rename or replace what is root's there
	takes_cache "$PLACE/way/to/cache"
	takes_cache "$PLACE/way/to" # what is in it is looked at by itself
	chmod 775 "$PLACE/way/to"
	distrusts "$PLACE/way/to/cache" "$PLACE/way/to"
	chmod 755 "$PLACE/way/to"
	ln -s way/to/cache "$PLACE/short"
	takes_cache "$PLACE/short"
	chown -h "$ALICE" "$PLACE/short"
	distrusts "$PLACE/short" "$PLACE/short"
}

# as_user CACHE: what with_cache does, by www-data, a user whose group of the same name has nobody else
as_user() {
	setpriv --reuid www-data --regid www-data --clear-groups "$PLACE/kpatch-build" --data "$PLACE/kmod" \
		--root "$PLACE" --kernel 5.4.0-none --cache "$1" --output "$PLACE/home/out" "$PLACE/fix.patch"
}

@test "trust: the group of a user alone may write, as umask 002 has it; other groups and access lists may not" {
	umask 002
	mkdir -p "$PLACE/home/out" "$PLACE/home/.cache"
	cp -r "$BUILD/kpatch-build" "$TEST_TOP/kmod" "$PLACE"
	cp "$MEMINFO" "$PLACE/fix.patch"
	chown -R www-data:www-data "$PLACE/home"
	cache=$PLACE/home/.cache/kpatch
	as_user_takes() { run -3 as_user "$cache"; says '\[kernel-file-missing\]'; }
	as_user_distrusts() { run -1 as_user "$cache"; says "^$1: others may write to it .*\[cache-not-trusted\]"; }
	[[ $(stat -c %a "$PLACE/home/.cache") == 775 ]]
	as_user_takes
	[[ $(stat -c '%U %a' "$cache") == 'www-data 755' ]]
	chmod 775 "$cache"
	as_user_takes
	chown root:www-data "$PLACE/home" # as in /srv, where root made it
	as_user_takes
	chgrp users "$PLACE/home/.cache"
	as_user_distrusts "$PLACE/home/.cache"
	chgrp root "$PLACE/home/.cache"
	as_user_distrusts "$PLACE/home/.cache"
	chgrp www-data "$PLACE/home/.cache"
	chmod 777 "$PLACE/home/.cache"
	as_user_distrusts "$PLACE/home/.cache"
	chmod 775 "$PLACE/home/.cache"
	# alice may write by an access list, of which the mode shows the mask: rw- for her, written as the kernel has it
	python3 -c "import os, struct, sys
entry = lambda tag, perm, who=0xffffffff: struct.pack('<HHI', tag, perm, who)
os.setxattr(sys.argv[1], 'system.posix_acl_access', struct.pack('<I', 2) + entry(1, 7) + entry(2, 7, $ALICE) +
	entry(4, 7) + entry(16, 7) + entry(32, 5))" "$PLACE/home/.cache"
	as_user_distrusts "$PLACE/home/.cache"
	# root's group is nobody's own
	chown -R root:root "$PLACE/home"
	distrusts "$PLACE/home/.cache/kpatch" "$PLACE/home"
}

@test "trust: a private group is one in every respect" {
	printf '%s\n' root:x:0:0::/: ann:x:1001:1001::/: ben:x:1002:1002::/: cat:x:1003:1003::/: dan:x:1004:1004::/: \
		eve:x:1005:1004::/: > "$PLACE/passwd"
	printf '%s\n' root:x:0: ann:x:1001:ann ben:x:1002:ben,ann staff:x:1003: dan:x:1004: > "$PLACE/group"
	mkdir "$PLACE/cache"
	chmod 755 "$PLACE"
	cp -r "$BUILD/kpatch-build" "$TEST_TOP/kmod" "$PLACE"
	cp "$MEMINFO" "$PLACE/fix.patch"
	try() { # USER GROUP
		chown "$1:$2" "$PLACE/cache"
		chmod 775 "$PLACE/cache"
		run unshare -m bash -c 'mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group &&
			exec setpriv --reuid "$2" --regid "$3" --clear-groups "$1/kpatch-build" --data "$1/kmod" --root "$1" \
			--kernel 5.4.0-none --cache "$1/cache" "$1/fix.patch" --output /tmp' bash "$PLACE" "$1" "$2"
	}
	taken() { try "$@"; says '\[kernel-file-missing\]'; }
	not_taken() { try "$@"; says '\[cache-not-trusted\]'; }
	taken 1001 1001
	not_taken 1002 1002 # ann is in it
	not_taken 1003 1003 # it has another name
	not_taken 1004 1004 # it is eve's own, too
	not_taken 1001 1003 # it is not ann's own
	not_taken 1009 1009 # not known
}

@test "trust: in a user namespace, users that it does not know can be anybody" {
	mkdir "$PLACE/cache"
	chown "$ALICE" "$PLACE/cache"
	in_namespace() { run -1 unshare "$@" "$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel 5.4.0-none --cache "$PLACE/cache" \
		--output "$OUT" "$MEMINFO"; }
	in_namespace --map-root-user # which knows root and not alice
	says "^$PLACE/cache: it belongs to a user whom this user namespace does not know \(65534\).*bwrap.*\[cache-not-trusted\]"
	in_namespace --user # which knows nobody: its own number is that of all
	says '^/: it belongs to a user whom .* \(65534\).*\[cache-not-trusted\]'
	chown 65534 "$PLACE/cache" # a user like others for those who know all
	distrusts "$PLACE/cache" "$PLACE/cache"
	says 'it belongs to user 65534,'
}

@test "trust: a list of defaults makes no file of a prepared tree writable to others" {
	mkdir -p "$PLACE/cache" "$PLACE/bin"
	ln -s "$KERNEL_CACHE/images" "$PLACE/cache"
	python3 -c "import os, struct, sys
entry = lambda tag, perm, who=0xffffffff: struct.pack('<HHI', tag, perm, who)
os.setxattr(sys.argv[1], 'system.posix_acl_default', struct.pack('<I', 2) + entry(1, 7) + entry(2, 7, $ALICE) +
	entry(4, 7) + entry(16, 7) + entry(32, 7))" "$PLACE/cache"
	touch "$PLACE/cache/control"
	[[ $(stat -c %a "$PLACE/cache/control") == 666 ]]
	# in place of what unpacks the source: a file as any program makes it
	printf '#!/bin/sh\nfor a; do [ ! -d "$a" ] || { : > "$a/made"; stat -c %%a "$a/made" >> %s/modes; }; done\nexit 1\n' \
		"$PLACE" > "$PLACE/bin/tar"
	chmod +x "$PLACE/bin/tar"
	PATH=$PLACE/bin:$PATH run -3 kpatch_build --cache "$PLACE/cache" "$MEMINFO"
	says '\[source-unpack\]'
	[[ $(sort -u "$PLACE/modes") == 644 ]]
}

@test "trust: a cache where nothing can be run, or nothing written" {
	mkdir "$PLACE/cache"
	run -1 unshare -m bash -c 'mount -t tmpfs -o noexec,mode=755 none "$1" && shift && exec "$@"' bash "$PLACE/cache" \
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$PLACE/cache" --output "$OUT" "$MEMINFO"
	says 'noexec.* with --cache\. \[cache\]$'
	run -1 unshare -m bash -c 'mount -t tmpfs -o ro,mode=755 none "$1" && shift && exec "$@"' bash "$PLACE/cache" \
		"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$PLACE/cache" --output "$OUT" "$MEMINFO"
	says 'Read-only file system\. .* with --cache\. \[work-directory\]$'
	nothing_written
}

@test "trust: a prepared tree of alice's, or one file in it, runs nothing" {
	export CACHE=$PLACE/cache
	mkdir -p "$CACHE/$ENTRY/tree/scripts"
	printf '#!/bin/sh\ntouch %s/ran\n' "$PLACE" | tee "$CACHE/$ENTRY/tree/scripts/sign-file" > "$CACHE/$ENTRY/pahole"
	printf '$(shell touch %s/ran)\n' "$PLACE" > "$CACHE/$ENTRY/tree/scripts/Makefile.build"
	touch "$CACHE/$ENTRY/complete"
	ln -s "$KERNEL_CACHE/images" "$CACHE"
	tree() { run -1 kpatch_build --cache "$CACHE" "$MEMINFO"; says "^$1: .*\[cache-not-trusted\]"; nothing_written; }
	chown -R "$ALICE" "$CACHE/$ENTRY"
	tree "$CACHE/$ENTRY"
	chown 0 "$CACHE/$ENTRY"
	tree "$CACHE/$ENTRY/[a-z]*"
	chown -R 0 "$CACHE/$ENTRY"
	chmod 666 "$CACHE/$ENTRY/tree/scripts/Makefile.build"
	tree "$CACHE/$ENTRY/tree/scripts/Makefile.build"
	chmod 644 "$CACHE/$ENTRY/tree/scripts/Makefile.build"
	chmod 777 "$CACHE/$ENTRY/tree/scripts"
	tree "$CACHE/$ENTRY/tree/scripts"
	chmod 755 "$CACHE/$ENTRY/tree/scripts"
	mv "$CACHE/$ENTRY" "$PLACE/hers"
	ln -s "$PLACE/hers" "$CACHE/$ENTRY"
	chown -h "$ALICE" "$CACHE/$ENTRY"
	tree "$CACHE/$ENTRY"
	rm "$CACHE/$ENTRY"
	# an unfinished one is not for root to remove, either
	rm "$PLACE/hers/complete"
	mv "$PLACE/hers" "$CACHE/$ENTRY"
	chown "$ALICE" "$CACHE/$ENTRY"
	tree "$CACHE/$ENTRY"
	[[ -e $CACHE/$ENTRY/pahole && ! -e $PLACE/ran ]]
}

@test "trust: a lock that is a link, another user's, or no file" {
	mkdir "$PLACE/cache"
	ln -s "$KERNEL_CACHE/images" "$PLACE/cache"
	ln -s "$PLACE/elsewhere" "$PLACE/cache/$ENTRY.lock"
	refuses 1 cache --cache "$PLACE/cache" "$MEMINFO"
	[[ ! -e $PLACE/elsewhere ]]
	rm "$PLACE/cache/$ENTRY.lock"
	mkfifo "$PLACE/cache/$ENTRY.lock"
	refuses 1 cache --cache "$PLACE/cache" "$MEMINFO"
	rm "$PLACE/cache/$ENTRY.lock"
	touch "$PLACE/cache/$ENTRY.lock"
	chown "$ALICE" "$PLACE/cache/$ENTRY.lock"
	refuses 1 cache-not-trusted --cache "$PLACE/cache" "$MEMINFO"
}

@test "trust: leftovers of other runs: what is alice's and what links lead to stays" {
	cache=$PLACE/cache
	mkdir -p "$cache"/work-{old,rest,kept,hers,open,mixed/hers}/sub "$PLACE/precious"
	touch "$cache"/work-{old,hers,mixed}/.lock "$cache"/work-{old,hers,mixed/hers}/sub/file "$PLACE/precious/"{.lock,file}
	touch "$cache/work-kept/.kept" # what --keep leaves; work-rest: what a removal that failed leaves, without its lock
	ln -s "$PLACE/precious" "$cache/work-link"
	ln -s "$PLACE/precious" "$cache/work-old/sub/link"
	chown -R "$ALICE" "$cache"/work-{hers,open,mixed/hers}
	takes_cache "$cache"
	[[ ! -e $cache/work-old && ! -e $cache/work-rest && -e $cache/work-kept/sub && -e $PLACE/precious/file ]]
	[[ -e $cache/work-open/sub && ! -e $cache/work-open/.lock ]]
	[[ -e $cache/work-hers/sub/file && -e $cache/work-mixed/hers/sub/file ]]
}

@test "trust: a home that is not there, none at all, and one where root may not write" {
	unset XDG_CACHE_HOME
	none() { "$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel 5.4.0-none --output "$OUT" "$MEMINFO"; }
	HOME=$PLACE/nonexistent run -1 none
	says "^$PLACE/nonexistent: there is no such home .*\[cache\]"
	says 'Name a directory .* with --cache'
	[[ ! -e $PLACE/nonexistent ]]
	mkdir "$PLACE/home"
	HOME=$PLACE/home run -3 none
	[[ -d $PLACE/home/.cache/kpatch ]]
	rm -r "$PLACE/home/.cache"
	chown "$ALICE" "$PLACE/home" # sudo kept her HOME
	HOME=$PLACE/home run -1 none
	says "^$PLACE/home: it belongs to user $ALICE.*\[cache-not-trusted\]"
	[[ ! -e $PLACE/home/.cache ]]
	chown 0 "$PLACE/home"
	chmod 555 "$PLACE/home" # without the capability root is nobody there, as on a server that squashes it
	HOME=$PLACE/home run -1 setpriv --bounding-set=-dac_override "$BUILD/kpatch-build" --root "$KERNEL_ROOT" \
		--kernel 5.4.0-none --output "$OUT" "$MEMINFO"
	says 'Permission denied\. .*NFS.*--cache.*\[cache\]'
	mkdir -m 777 "$PLACE/out"
	cp "$BUILD/kpatch-package" "$PLACE"
	cp "$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch" "$PLACE/module.ko"
	export -n HOME
	run -1 as_alice env -u HOME "$PLACE/kpatch-package" --format deb --output "$PLACE/out" "$PLACE/module.ko"
	says '^/var/cache/kpatch: .*Permission denied\. Set HOME.*\[cache\]'
}

@test "trust: who foresees the name of a temporary file does not own the result" {
	mkdir -m 1777 "$PLACE/out"
	run -0 kpatch_build "$MEMINFO"
	kept=$OUT/livepatch-meminfo-string.ko
	# the shell's number becomes the program's
	run -0 bash -c 'for file in "$1"/.kpatch-patch-*.deb.$$; do touch "$file"; done
		touch "$1/.$2.$$"; chown '"$ALICE"' "$1"/.*.$$; chmod 666 "$1"/.*.$$
		exec "${@:3}"' bash "$PLACE/out" livepatch-meminfo-string.ko "$BUILD/kpatch-build" --root "$KERNEL_ROOT" \
		--kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --output "$PLACE/out" "$MEMINFO"
	cmp "$kept" "$PLACE/out/livepatch-meminfo-string.ko"
	[[ $(stat -c '%u %a' "$PLACE/out/livepatch-meminfo-string.ko") == '0 644' ]]
	[[ $(stat -c '%u %a' "$PLACE/out/livepatch-meminfo-string.yaml") == '0 644' ]]
	# what was left of the name is hers, and the only other file
	[[ $(find "$PLACE/out" -type f ! -user "$ALICE" | wc -l) == 2 ]]
	# a link of that name is replaced, not followed
	ln -sf "$PLACE/elsewhere" "$PLACE/out/livepatch-meminfo-string.ko"
	run -0 kpatch_build --output "$PLACE/out" "$MEMINFO"
	[[ -f $PLACE/out/livepatch-meminfo-string.ko && ! -L $PLACE/out/livepatch-meminfo-string.ko && ! -e $PLACE/elsewhere ]]
}

@test "trust: alice builds with a cache of her own" {
	run -0 kpatch_build "$MEMINFO"
	cp "$OUT/livepatch-meminfo-string.ko" "$BUILD/kpatch-package" "$PLACE"
	mkdir "$PLACE/home" "$PLACE/out"
	chown "$ALICE" "$PLACE/home" "$PLACE/out"
	HOME=$PLACE/home run -0 as_alice env -u XDG_CACHE_HOME "$PLACE/kpatch-package" --format deb --output "$PLACE/out" \
		"$PLACE/livepatch-meminfo-string.ko"
	[[ $(stat -c '%u' "$PLACE"/out/*.deb) == "$ALICE" && -d $PLACE/home/.cache/kpatch ]]
}

# image SED: the head of the suite's kernel image, its version text edited; at $IMAGE
image() {
	IMAGE=$PLACE/vmlinuz
	head -c 60000 "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE" | LC_ALL=C sed "$1" > "$IMAGE"
	! cmp -s <(head -c 60000 "$KERNEL_ROOT/boot/vmlinuz-$KERNEL_RELEASE") "$IMAGE" || { echo "not edited"; return 1; }
}

# runs_nothing CODE ID OPTION...: refused, and no "touch ran" in what was given has been run
runs_nothing() {
	refuses "$@" "$MEMINFO"
	[[ -z $(find "$PLACE" "$OUT" "$BATS_TEST_TMPDIR" . -maxdepth 1 -name 'ran*') ]] || { echo "it was run"; return 1; }
}

# edit_config SED: a configuration in $CONFIG
edit_config() {
	CONFIG=$PLACE/config
	sed "$1" "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/.config" > "$CONFIG"
	! cmp -s "$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/.config" "$CONFIG" || { echo "not edited"; return 1; }
}

@test "trust: the text of an image is no command of make's" {
	cd "$PLACE"
	mkdir "$PLACE/cache"
	on_image() { run -3 "$BUILD/kpatch-build" --root "$KERNEL_ROOT" --cache "$PLACE/cache" --output "$OUT" --image "$IMAGE" "$@" "$MEMINFO"; }
	image "s/$KERNEL_RELEASE (/9.9.9\$(shell\ttouch\tran) (/"
	on_image
	says '\[unsafe-text\]'
	image "s/$KERNEL_RELEASE (/..\/..\/x (/"
	on_image
	says '\[unsafe-text\]'
	image 's/ Debian [^ ]* (/ Debian 6$(shell\ttouch${IFS}ran) (/'
	on_image --kernel "$KERNEL_RELEASE"
	says "package's version is '6\\\$.*\[unsafe-text\]"
	image 's/ Debian [^ ]* (/ Debian 6`touch${IFS}ran` (/'
	on_image --kernel "$KERNEL_RELEASE"
	says '\[unsafe-text\]'
	[[ ! -e ran ]]
	runs_nothing 2 usage --kernel '6.1$(shell touch ran)'
	runs_nothing 2 usage --kernel ..
	runs_nothing 2 usage --cc 'gcc-12 $(shell touch ran)'
	runs_nothing 2 usage --cc 'gcc-12;touch ran'
}

@test "trust: a configuration names no program but a gcc, and its values are no commands" {
	cd "$PLACE"
	mkdir "$PLACE/bin"
	printf '#!/bin/sh\ntouch %s/ran\n' "$PLACE" | tee "$PLACE/bin/other" > "$PLACE/bin/xgcc"
	chmod +x "$PLACE/bin/"*
	PATH=$PLACE/bin:$PATH
	for program in other "${PLACE//\//\\/}\/bin\/xgcc" '-c' 'gcc;touch' 'bin\/xgcc'; do
		edit_config "s/^\(CONFIG_CC_VERSION_TEXT=\"\)[^ ]*/\1$program/"
		run -3 kpatch_build --config "$CONFIG" "$MEMINFO"
		says '\[config-(compiler|unsafe)\]'
	done
	[[ ! -e $PLACE/ran ]]
	for value in '$(shell touch ran)' '`touch ran`' 'x; touch ran' 'x | touch ran' 'x \& touch ran' 'x > ran'; do
		edit_config "s/^CONFIG_LOCALVERSION=.*/CONFIG_LOCALVERSION=\"$value\"/"
		runs_nothing 3 config-unsafe --config "$CONFIG"
	done
	edit_config 's/^CONFIG_LOCALVERSION=.*/CONFIG_LOCALVERSION=$(shell touch ran)/'
	runs_nothing 3 config-damaged --config "$CONFIG"
	edit_config 's/^CONFIG_LOCALVERSION=/CONFIG_$(shell touch ran)=/'
	runs_nothing 3 config-damaged --config "$CONFIG"
	edit_config 's/^CONFIG_LOCALVERSION=/&\x00/'
	runs_nothing 3 config-damaged --config "$CONFIG"
}

@test "trust: what Module.symvers says becomes no C code" {
	symvers=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_RELEASE/Module.symvers
	for line in '0x1\tx" }; asm(".incbin \\"/etc/shadow\\"");\tvmlinux\tEXPORT_SYMBOL' '0x1\tx\tfs/x";\tEXPORT_SYMBOL' \
		'0x1\tx\tvmlinux\tEXPORT_SYMBOL\tN"S' '0x1\tx\tvmlinux\tEXPORT_"'; do
		{ head -n 5 "$symvers"; printf "$line\n"; } > "$PLACE/symvers"
		refuses 3 symvers-damaged --symvers "$PLACE/symvers" "$MEMINFO"
		says ':6: .*\[symvers-damaged\]'
	done
}

@test "trust: the path of a cache is no macro, command or variable" {
	cd "$PLACE"
	touch module.ko
	for name in '%(touch ran)' '%(touch${IFS}ran)' '$(touch ran)' 'a$b' '`ran`' 'a b' 'a;b' "a'b" 'a"b' 'a:b' 'a#b' $'a\nb' 'a\b'; do
		runs_nothing 2 cache-name --cache "$PLACE/$name"
		run -2 "$BUILD/kpatch-package" --format rpm --output "$OUT" --cache "$PLACE/$name" module.ko
		says '\[cache-name\]'
		XDG_CACHE_HOME="$PLACE/$name" run -2 "$BUILD/kpatch-package" --format rpm --output "$OUT" module.ko
		says '\[cache-name\]'
	done
	[[ ! -e ran && ! -e $PLACE/a ]]
	run -12 "$BUILD/kpatch-package" --format deb --output "$OUT" --cache "$PLACE/jürgen+1.2_x" module.ko
}

# code TEXT: a patch that puts TEXT, lines of C, into fs/proc/cmdline.c
code() {
	local lines
	lines=$(sed 's/\\/&&/g; s/$/\\/' <<< "$1")
	make_patch code fs/proc/cmdline.c "/seq_putc/a\\
${lines%\\}"
}

from_outside() { # TEXT FILE
	code "$1"
	refuses 8 file-from-outside --cache "$KERNEL_CACHE" "$patch"
	says "fs/proc/cmdline.c: the patched code reads $2, "
}

@test "trust: no file of the builder's gets into a module" {
	echo 'the secret' > "$PLACE/key.pem"
	echo '#define SECRET "the secret"' > "$PLACE/key.h"
	ln -s "$PLACE/key.pem" "$PLACE/link"
	asm() { printf 'asm volatile(".pushsection .rodata.str1.1,\\"aMS\\",@progbits,1\\n%s\\n.popsection");' "$1"; }
	from_outside "$(asm ".incbin \\\"$PLACE/key.pem\\\"")" "$PLACE/key.pem"
	from_outside "$(asm ".incbin \\\"$PLACE/link\\\",1,3")" "$PLACE/link"
	up=$(printf '../%.0s' {1..20})
	from_outside "$(asm ".incbin \\\"$up${PLACE#/}/key.pem\\\"")" "$up${PLACE#/}/key.pem"
	from_outside "$(asm ".include \\\"$PLACE/empty\\\"" | tee >(: > "$PLACE/empty"))" "$PLACE/empty"
	from_outside "$(printf '#include "%s/key.h"\nseq_puts(m, SECRET);' "$PLACE")" "$PLACE/key.h"
	# what is called a system header is read all the same
	from_outside "$(printf '#pragma GCC system_header\n#include "%s/key.h"\nseq_puts(m, SECRET);' "$PLACE")" "$PLACE/key.h"
	# the tree's own are what sources are for
	code '#include "internal.h"'
	run kpatch_build "$patch"
	[[ $output != *file-from-outside* ]]
}

@test "trust: a patch is built in a sandbox by the command that doc/trust.md gives, and nothing else is written" {
	local command home=$PLACE/home
	mkdir -p "$home/.cache" "$PLACE/work/out"
	cp -a "$KERNEL_CACHE" "$home/.cache/kpatch"
	rm -rf "$home"/.cache/kpatch/{objects-*,*.lock}
	cp "$MEMINFO" "$PLACE/work/fix.patch"
	# the page's own words; these programs and this kernel are not where it has them
	command=$(sed -n '/^      cache=/,/^          kpatch-build /{s/^      //;p}' "$TEST_TOP/doc/trust.md")
	[[ $command == *bwrap* ]]
	command=${command/--ro-bind \/boot \/boot/--ro-bind \/boot \/boot --ro-bind "$KERNEL_ROOT" "$KERNEL_ROOT" --ro-bind "$TEST_TOP" "$TEST_TOP"}
	command=${command/kpatch-build --kernel \"\$(uname -r)\"/"$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE"}
	before=$(find "$home" -printf '%P %T@\n' | sort)
	(cd "$PLACE/work" && HOME=$home run -0 bash -c "$command" && echo "$output")
	[[ $(ls "$PLACE/work/out") == $'livepatch-fix.ko\nlivepatch-fix.yaml' ]]
	[[ $(find "$home" -printf '%P %T@\n' | sort) == "$before" ]]
	# the same module as outside
	cp "$MEMINFO" "$BATS_TEST_TMPDIR/fix.patch"
	kpatch_build "$BATS_TEST_TMPDIR/fix.patch"
	cmp "$PLACE/work/out/livepatch-fix.ko" "$OUT/livepatch-fix.ko"
}
