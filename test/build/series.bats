#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Where patches come from, one by one or many; they keep what they are called, whose they are and which CVE numbers
# they have (the mails: test/unit/identity_mail.c).

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

@test "fixes: from the mail into manifest, module and packages" {
	patch=$BATS_TEST_TMPDIR/mail.patch
	{
		printf 'From %040d Mon Sep 17 00:00:00 2001\n' 7
		printf 'From: =?UTF-8?q?J=C3=B6rg?= <j@example.org>\nSubject: [PATCH] proc: another\n name %%(id) \e[31m\n\n'
		printf 'commit %040d upstream.\n\nCVE-2024-12345\nFixes: 123456789abc ("proc: x")\n' 8
		sed -n '/^---/,$p' "$MEMINFO"
	} > "$patch"
	run -0 kpatch_build --patch-version 1 --package rpm --package deb --name livepatch-mail "$patch"
	sed -n '/^fixes:/,/^objects:/{/^objects:/!p}' "$OUT/livepatch-mail.yaml" > "$BATS_TEST_TMPDIR/fixes"
	diff "$BATS_TEST_TMPDIR/fixes" - <<-END
		fixes:
		- patch: mail.patch
		  subject: "proc: another name %(id) ?[31m"
		  author: "Jörg <j@example.org>"
		  commit: "$(printf '%040d' 8)"
		  fixes:
		  - "123456789abc (\"proc: x\")"
		  cves:
		  - CVE-2024-12345
		  objects:
		  - vmlinux
	END
	"$BUILD/kpatch" info "$OUT/livepatch-mail.ko" > "$BATS_TEST_TMPDIR/info"
	grep -F 'proc: another name %(id) ?[31m (commit 000000000000): CVE-2024-12345' "$BATS_TEST_TMPDIR/info"
	rpm -qp --changelog "$OUT"/*.rpm > "$BATS_TEST_TMPDIR/changes"
	grep -F 'Fixes: proc: another name ?(id) ?[31m (CVE-2024-12345).' "$BATS_TEST_TMPDIR/changes"
	rm -rf "$OUT"
	# without a mail's header there is nothing to say
	run -0 kpatch_build --name livepatch-mail "$MEMINFO"
	no grep -q '^fixes' "$OUT/livepatch-mail.yaml"
}

@test "a compressed patch is its text; a damaged one is refused" {
	local p=$BATS_TEST_TMPDIR/meminfo-string.patch
	cp "$MEMINFO" "$p"
	run -0 kpatch_build "$p"
	cp "$OUT/livepatch-meminfo-string.yaml" "$BATS_TEST_TMPDIR/plain.yaml"
	for tool in gzip xz; do
		rm -rf "$OUT" "$p".*
		"$tool" -k "$p"
		run -0 kpatch_build "$p".*
		# of the text, whatever compressed it: the file's name is all that differs
		diff "$BATS_TEST_TMPDIR/plain.yaml" "$OUT/livepatch-meminfo-string.yaml" > "$BATS_TEST_TMPDIR/diff" || true
		[[ $(grep -c '^[<>]' "$BATS_TEST_TMPDIR/diff") == 2 ]]
		grep -q '^> *- name: meminfo-string.patch.[gx]z$' "$BATS_TEST_TMPDIR/diff"
		rm -rf "$OUT"
		mkdir "$OUT"
		for file in "$p".*; do truncate -s -12 "$file"; done
		refuses 5 text-damaged "$p".*
	done
	truncate -s 300M "$BATS_TEST_TMPDIR/zeros"
	gzip "$BATS_TEST_TMPDIR/zeros"
	refuses 5 text-damaged "$BATS_TEST_TMPDIR/zeros.gz"
	says 'zeros.gz: .*File too large'
}

# mail N SUBJECT FILE SED: a message as git format-patch writes it, to standard output
mail() {
	make_patch "mail$1" "$3" "$4"
	printf 'From %040d Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nSubject: [PATCH] %s\n\ntext\nCVE-2024-1000%d\n---\n' \
		"$1" "$2" "$1"
	cat "$patch"
	printf -- '-- \n2.40\n\n'
	rm "$patch"
}

# three_mails: 1.patch to 3.patch in $BATS_TEST_TMPDIR/mails, the third for what the first has made
three_mails() {
	local dir=$BATS_TEST_TMPDIR/mails
	mkdir "$dir"
	mail 1 one fs/proc/version.c 's/linux_proc_banner/first_change/' > "$dir/1.patch"
	mail 2 two fs/proc/meminfo.c 's/Committed_AS/Something/' > "$dir/2.patch"
	mail 3 three fs/proc/version.c 's/linux_proc_banner/second_change/' |
		sed 's/^-\(.*\)linux_proc_banner/-\1first_change/' > "$dir/3.patch"
}

# plan_is OBJECT...: what is planned
plan_is() {
	[[ $(sed -n 's/^plan     \([^ ]*\) in .*/\1/p' <<< "$output" | xargs) == "$*" ]] ||
		{ echo "not $*:"; echo "$output"; return 1; }
}

@test "an mbox: each message is a fix of its own, with its number and digest" {
	cat > "$BATS_TEST_TMPDIR/cover" <<-END
		From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
		Subject: [PATCH 0/2] a letter

		words

	END
	mail 1 one fs/proc/meminfo.c 's/Committed_AS/Something/' > "$BATS_TEST_TMPDIR/one"
	mail 2 two fs/proc/meminfo.c 's/MemTotal/MemEvery/' > "$BATS_TEST_TMPDIR/two"
	cat "$BATS_TEST_TMPDIR"/{cover,one,two} > "$BATS_TEST_TMPDIR/fixes.mbox"
	run -0 kpatch_build "$BATS_TEST_TMPDIR/fixes.mbox"
	says 'fixes.mbox:1: note: there is no diff in this message'
	says '^series   2 patches from 1 file$'
	sed -n '/^patches:/,/^objects:/{/^objects:/!p}' "$OUT/livepatch-fixes.yaml" > "$BATS_TEST_TMPDIR/is"
	diff - "$BATS_TEST_TMPDIR/is" <<-END
		patches:
		- name: fixes.mbox
		  sha256: "$(sha256sum < "$BATS_TEST_TMPDIR/fixes.mbox" | cut -d' ' -f1)"
		fixes:
		- patch: fixes.mbox
		  message: 2
		  sha256: "$(sha256sum < "$BATS_TEST_TMPDIR/one" | cut -d' ' -f1)"
		  subject: "one"
		  author: "A <a@b>"
		  commit: "$(printf '%040d' 1)"
		  cves:
		  - CVE-2024-10001
		  objects:
		  - vmlinux
		- patch: fixes.mbox
		  message: 3
		  sha256: "$(sha256sum < "$BATS_TEST_TMPDIR/two" | cut -d' ' -f1)"
		  subject: "two"
		  author: "A <a@b>"
		  commit: "$(printf '%040d' 2)"
		  cves:
		  - CVE-2024-10002
		  objects:
		  - vmlinux
	END
	"$BUILD/kpatch" info -v "$OUT/livepatch-fixes.ko" > "$BATS_TEST_TMPDIR/info"
	grep -x '  from        fixes.mbox, message 3' "$BATS_TEST_TMPDIR/info"
	# a problem is named with its line in the mbox
	sed -i 's/MemTotal/MemOther/' "$BATS_TEST_TMPDIR/fixes.mbox"
	rm -rf "$OUT"
	mkdir "$OUT"
	refuses 5 patch-does-not-apply "$BATS_TEST_TMPDIR/fixes.mbox"
	says "fixes.mbox:$(grep -n '^@@' "$BATS_TEST_TMPDIR/fixes.mbox" | tail -1 | cut -d: -f1):"
	# with none in it
	refuses 5 patch-empty "$BATS_TEST_TMPDIR/cover" "$BATS_TEST_TMPDIR/one"
	cat "$BATS_TEST_TMPDIR"/{cover,cover} > "$BATS_TEST_TMPDIR/letters"
	refuses 5 patch-empty "$BATS_TEST_TMPDIR/letters"
	says 'none of its messages has a diff'
}

@test "a fix has the kernel objects that it changes" {
	mail 1 one fs/proc/meminfo.c 's/Committed_AS/Something/' > "$BATS_TEST_TMPDIR/one"
	make_patch nfsd fs/nfsd/nfscache.c '0,/ENOMEM/s/ENOMEM/EBUSY/'
	{ cat "$BATS_TEST_TMPDIR/one"; printf 'From %040d Mon Sep 17 00:00:00 2001\nSubject: two\n\n' 2; cat "$patch"; } \
		> "$BATS_TEST_TMPDIR/fixes.mbox"
	run -0 kpatch_build "$BATS_TEST_TMPDIR/fixes.mbox"
	[[ $(sed -n '/^fixes:/,/^objects:/s/^  - \(vmlinux\|nfsd\)$/\1/p' "$OUT/livepatch-fixes.yaml" | xargs) == "vmlinux nfsd" ]]
}

@test "a mail whose text is encoded is its text; one of several parts is refused" {
	mail 1 one fs/proc/meminfo.c 's/Committed_AS/Something/' > "$BATS_TEST_TMPDIR/plain.patch"
	run -0 kpatch_build --name livepatch-x "$BATS_TEST_TMPDIR/plain.patch"
	cp "$OUT/livepatch-x.yaml" "$BATS_TEST_TMPDIR/plain.yaml"
	python3 - "$BATS_TEST_TMPDIR" <<-'END'
		import base64, quopri, sys
		text = open(sys.argv[1] + "/plain.patch", "rb").read()
		head, body = text.split(b"\n\n", 1)
		for name, encoded in (("quoted-printable", quopri.encodestring(body)), ("base64", base64.encodebytes(body))):
		    open(f"{sys.argv[1]}/{name}.patch", "wb").write(
		        head + b"\nContent-Transfer-Encoding: " + name.encode() + b"\n\n" + encoded)
	END
	for name in quoted-printable base64; do
		rm -rf "$OUT"
		run -0 kpatch_build --name livepatch-x "$BATS_TEST_TMPDIR/$name.patch"
		sed "s/$name/plain/; s/$(sha256sum < "$BATS_TEST_TMPDIR/$name.patch" | cut -d' ' -f1)/$(
			sha256sum < "$BATS_TEST_TMPDIR/plain.patch" | cut -d' ' -f1)/" "$OUT/livepatch-x.yaml" |
			diff "$BATS_TEST_TMPDIR/plain.yaml" -
	done
	rm -rf "$OUT"
	mkdir "$OUT"
	sed 's/^Subject/Content-Type: multipart\/mixed; boundary=x\n&/' "$BATS_TEST_TMPDIR/plain.patch" > "$BATS_TEST_TMPDIR/parts.patch"
	refuses 5 mail-encoded "$BATS_TEST_TMPDIR/parts.patch"
	says 'several parts'
}

@test "standard input: a patch, an mbox, compressed" {
	three_mails
	cat "$BATS_TEST_TMPDIR"/mails/*.patch > "$BATS_TEST_TMPDIR/all"
	for tool in cat gzip xz; do
		"$tool" < "$BATS_TEST_TMPDIR/all" > "$BATS_TEST_TMPDIR/packed"
		run -0 kpatch_build --verbose --stop-after plan --name livepatch-x - < <(cat "$BATS_TEST_TMPDIR/packed")
		plan_is fs/proc/version.o fs/proc/meminfo.o
	done
	refuses 2 usage - < "$BATS_TEST_TMPDIR/all"
	says 'name is needed'
	refuses 2 usage --name livepatch-x - - < "$BATS_TEST_TMPDIR/all"
	run -0 kpatch_build --name livepatch-x - < "$BATS_TEST_TMPDIR/mails/2.patch"
	grep -x -- '- name: stdin' "$OUT/livepatch-x.yaml"
}

@test "a directory of patches: by name, and what it took is said" {
	three_mails
	echo words > "$BATS_TEST_TMPDIR/mails/README"
	printf 'Subject: [PATCH 0/3] words\n\nwords\n' > "$BATS_TEST_TMPDIR/mails/0000-cover-letter.patch"
	run -0 kpatch_build --verbose --stop-after plan "$BATS_TEST_TMPDIR/mails/"
	plan_is fs/proc/version.o fs/proc/meminfo.o
	says 'takes 4 files, 0000-cover-letter.patch to 3.patch, in the order of their names; 1 other is left alone'
	says 'there is no diff in this file'
	gzip "$BATS_TEST_TMPDIR/mails/1.patch"
	run -0 kpatch_build --verbose --stop-after plan "$BATS_TEST_TMPDIR/mails"
	plan_is fs/proc/version.o fs/proc/meminfo.o
	# the third needs the first
	mv "$BATS_TEST_TMPDIR"/mails/{1,4}.patch.gz
	refuses 5 patch-does-not-apply "$BATS_TEST_TMPDIR/mails"
	rm "$BATS_TEST_TMPDIR"/mails/*.patch*
	refuses 5 patch-empty "$BATS_TEST_TMPDIR/mails"
}

@test "a quilt series: comments, -p, directories; guards and -R are refused" {
	three_mails
	dir=$BATS_TEST_TMPDIR/quilt
	mkdir -p "$dir/sub"
	sed 's,^\(---\|+++\) [ab]/,\1 ,' "$BATS_TEST_TMPDIR/mails/1.patch" > "$dir/sub/no prefix"
	mv "$dir/sub/no prefix" "$dir/sub/none.patch"
	sed 's,^\(---\|+++\) [ab]/,\1 x/y/,' "$BATS_TEST_TMPDIR/mails/3.patch" > "$dir/three.patch"
	cp "$BATS_TEST_TMPDIR/mails/2.patch" "$dir/a.patch"
	printf '# comment\n\nsub/none.patch -p0 # here\nthree.patch -p 2\n  a.patch\t-p1\r\n#sub/other.patch\n' > "$dir/series"
	for argument in "$dir" "$dir/series"; do
		run -0 kpatch_build --verbose --stop-after plan "$argument"
		plan_is fs/proc/version.o fs/proc/meminfo.o
	done
	printf 'sub/none.patch\n' > "$dir/series"
	refuses 5 patch-path "$dir/series"
	printf '+guard a.patch\n' > "$dir/series"
	refuses 5 series-guard "$dir/series"
	says "series:1: error: .*'\+guard'"
	printf 'a.patch -R\n' > "$dir/series"
	refuses 5 series-option "$dir/series"
	says "series:1: .*'-R'"
	printf 'a.patch -p10\nb.patch\n' > "$dir/series"
	refuses 5 series-option "$dir/series"
	says "'-p10'"
	says 'b.patch: .*file-unreadable'
	printf '# nothing\n' > "$dir/series"
	refuses 5 patch-empty "$dir/series"
}
