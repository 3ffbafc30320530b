#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch-package: what is in a deb and in an RPM, what they are called, and what cannot be packed.

load package

NAME=kpatch-patch-6.1.0-56-amd64

@test "deb: the module and its manifest as they are, scripts, sums, changelog" {
	versioned livepatch-fix 3 fix.ko
	sign_module fix.ko
	pack deb fix.ko --maintainer 'Jo Doe <jo@example.org>'
	[[ $package == "$PWD/${NAME}_3-1_amd64.deb" ]]
	dpkg-deb -R "$package" deb
	cmp fix.ko deb/usr/lib/kpatch/$RELEASE/livepatch-fix.ko
	cmp livepatch-fix.versioned deb/usr/share/doc/$NAME/livepatch-fix.yaml
	(cd deb && md5sum --quiet -c DEBIAN/md5sums)
	[[ $(cd deb && find usr -type f | sort) == "$(sed 's/^[^ ]*  //' deb/DEBIAN/md5sums | sort)" ]]
	field() { dpkg-deb -f "$package" "$1"; }
	[[ $(field Package) == "$NAME" && $(field Version) == 3-1 && $(field Architecture) == amd64 ]]
	[[ $(field Maintainer) == 'Jo Doe <jo@example.org>' ]]
	# it neither brings a kernel nor keeps one
	assert_match "$(field Depends)" "^kpatch-loader \(>= [0-9.]+\)$"
	[[ $(field Enhances) == "linux-image-$RELEASE, linux-image-$RELEASE-unsigned" && -z $(field Recommends) ]]
	assert_match "$(field Description)" "^live patch livepatch-fix for the kernel $RELEASE$"
	[[ -z $(dpkg-deb -c "$package" | grep -vE '^(-rw-r--r--|drwxr-xr-x) root/root ') ]]
	for script in postinst:install prerm:remove; do
		dash -n deb/DEBIAN/${script%:*}
		[[ -x deb/DEBIAN/${script%:*} ]]
		assert_match "$(< deb/DEBIAN/${script%:*})" "/usr/libexec/kpatch/hotfix ${script#*:} $NAME $RELEASE livepatch-fix$"
	done
	changelog=$(zcat deb/usr/share/doc/$NAME/changelog.Debian.gz)
	echo "$changelog" > changelog
	[[ $(dpkg-parsechangelog -l changelog -S Version) == 3-1 ]]
	[[ $(dpkg-parsechangelog -l changelog -S Timestamp) == "$SOURCE_DATE_EPOCH" ]]
	assert_match "$changelog" 'meminfo_proc_show \(fs/proc/meminfo.c\) is replaced: instructions'
	assert_match "$changelog" 'Made from fix.patch'
}

@test "rpm: the module and its manifest as they are, scripts, dependencies, changelog" {
	KERNEL=5.14.0-70.el9.x86_64 versioned livepatch-fix 3 fix.ko
	sign_module fix.ko
	pack rpm fix.ko --maintainer 'Jo Doe <jo@example.org>' --release 2.el9
	[[ $package == "$PWD/kpatch-patch-5.14.0-70.el9.x86-64-3-2.el9.x86_64.rpm" ]]
	run -0 rpm -qpl "$package"
	[[ $output == "/usr/lib/kpatch/5.14.0-70.el9.x86_64
/usr/lib/kpatch/5.14.0-70.el9.x86_64/livepatch-fix.ko
/usr/share/doc/kpatch-patch-5.14.0-70.el9.x86-64/livepatch-fix.yaml" ]]
	unpack_rpm "$package" rpm
	cmp fix.ko rpm/usr/lib/kpatch/5.14.0-70.el9.x86_64/livepatch-fix.ko
	cmp livepatch-fix.versioned rpm/usr/share/doc/*/livepatch-fix.yaml
	run -0 rpm -qp --requires "$package"
	no grep -E '^kernel|/boot' <<< "$output"
	[[ $(rpm -qp --enhances "$package") == 'kernel-uname-r = 5.14.0-70.el9.x86_64' ]]
	assert_match "$output" '^kpatch-loader >= [0-9.]+$'
	run -0 rpm -qp --scripts "$package"
	assert_match "$output" 'hotfix install kpatch-patch-5.14.0-70.el9.x86-64 5.14.0-70.el9.x86_64 livepatch-fix$'
	assert_match "$output" 'hotfix remove kpatch-patch-5.14.0-70.el9.x86-64 5.14.0-70.el9.x86_64 livepatch-fix$'
	run -0 rpm -qp --changelog "$package"
	assert_match "$output" '^\* Tue Nov 14 2023 Jo Doe <jo@example.org> - 3-2.el9$'
	assert_match "$output" 'meminfo_proc_show \(fs/proc/meminfo.c\) is replaced: instructions'
	# a release that is no version of an RPM: the image's file
	versioned livepatch-fix 3 fix.ko
	pack rpm fix.ko
	[[ $(rpm -qp --enhances "$package") == "/boot/vmlinuz-$RELEASE" ]]
}

@test "lintian and rpmlint find no error" {
	command -v lintian rpmlint > /dev/null || skip "no lintian or no rpmlint"
	versioned livepatch-fix 3 fix.ko
	pack deb fix.ko --maintainer 'Jo Doe <jo@example.org>'
	# unstripped: it has to be, it is a kernel module; its directory is that of the loader
	run lintian --tag-display-limit 0 --suppress-tags unstripped-binary-or-object,initial-upload-closes-no-bugs "$package"
	[[ -z $(grep '^E:' <<< "$output") ]] || { echo "$output"; return 1; }
	pack rpm fix.ko --maintainer 'Jo Doe <jo@example.org>'
	run rpmlint "$package"
	# a module is linked with nothing and has no stack; who signs packages is not our business
	errors=$(grep ': E: ' <<< "$output" | grep -vE 'statically-linked-binary|missing-PT_GNU_STACK|no-signature' || true)
	[[ $output == *'1 packages'* && -z $errors ]] || { echo "$output"; return 1; }
}

@test "the same bytes whenever and wherever; without SOURCE_DATE_EPOCH the module's date counts" {
	versioned livepatch-fix 3 fix.ko
	mkdir a b
	for format in deb rpm; do
		pack $format fix.ko --output a
		(umask 077; HOME=/nonexistent TZ=Asia/Tokyo; export HOME TZ; pack $format fix.ko --output b)
	done
	diff -r a b
	xz -k fix.ko
	pack deb fix.ko.xz --output b
	diff -r a b
	unset SOURCE_DATE_EPOCH
	touch -d @1600000000 fix.ko
	pack rpm fix.ko
	[[ $(rpm -qp --qf '%{BUILDTIME}' "$package") == 1600000000 ]]
	cp "$package" first
	pack rpm fix.ko
	cmp first "$package"
}

@test "a newer version upgrades the older, a stacked patch has a name of its own, kernels do not meet" {
	versioned livepatch-fix 9 fix.ko
	pack deb fix.ko
	old=$(dpkg-deb -f "$package" Version)
	versioned livepatch-fix2 10 fix2.ko
	pack deb fix2.ko
	dpkg --compare-versions "$(dpkg-deb -f "$package" Version)" gt "$old"
	pack deb fix2.ko --release 2
	dpkg --compare-versions "$(dpkg-deb -f "$package" Version)" gt 10-1
	versioned livepatch-fix '10~rc1' fix.ko
	pack deb fix.ko
	dpkg --compare-versions "$(dpkg-deb -f "$package" Version)" lt 10-1
	[[ $(dpkg-deb -f "$package" Package) == "$NAME" ]]
	REPLACE=false versioned livepatch_Fix 10 fix.ko
	pack deb fix.ko
	[[ $(dpkg-deb -f "$package" Package) == "$NAME-livepatch-fix" ]]
	KERNEL=6.12.117+deb12-amd64 versioned livepatch-fix 10 fix.ko
	pack deb fix.ko
	[[ $(dpkg-deb -f "$package" Package) == kpatch-patch-6.12.117+deb12-amd64 ]]
	pack rpm fix.ko
	[[ $(rpm -qp --qf '%{NAME}' "$package") == kpatch-patch-6.12.117+deb12-amd64 ]]
}

@test "text of a manifest is text, not directives of a spec file or shell" {
	# shellcheck disable=SC2016
	REPLACE=true manifest livepatch-fix | sed 's|reason: .*|reason: "%(touch pwned) %{lua:x} %endif `touch pwned` $(touch pwned) \\\\"|' > fix.yaml
	REPLACE=true MANIFEST=fix.yaml patch_module livepatch-fix fix.ko
	for format in deb rpm; do
		pack $format fix.ko
	done
	run -0 rpm -qp --changelog "$package"
	assert_match "$(tr '\n' ' ' <<< "$output")" '\?\(touch pwned\) +\?\{lua:x\} \?endif .touch'
	[[ -z $(find . -name pwned) ]]
}

@test "what cannot be packed" {
	versioned livepatch-fix 3 fix.ko
	pack_fails 2 usage
	pack_fails 2 usage fix.ko
	pack_fails 2 usage --format tgz fix.ko
	pack_fails 2 usage --format deb
	pack_fails 2 usage --format deb fix.ko fix.ko
	pack_fails 2 usage --format deb --release 'a b' fix.ko
	pack_fails 2 usage --format deb --maintainer nobody fix.ko
	pack_fails 2 usage --format deb --maintainer $'Jo <a@b>\nDepends: evil' fix.ko
	pack_fails 2 output --format deb --output none fix.ko
	pack_fails 12 package-module --format deb <(:) || true # whatever it says, it must not crash
	head -c 700 fix.ko > cut.ko
	run -12 "$BUILD/kpatch-package" --format deb cut.ko
	run -12 "$BUILD/kpatch-package" --format deb none.ko
	MANIFEST=none patch_module livepatch-fix bare.ko
	pack_fails 12 package-module --format deb bare.ko
	# machines: one that nobody knows, and one that the module's code is not for
	REPLACE=true manifest livepatch-fix | sed 's/machine: .*/machine: riscv64/' > foreign.yaml
	REPLACE=true MANIFEST=foreign.yaml patch_module livepatch-fix foreign.ko
	pack_fails 12 package-module --format deb foreign.ko
	[[ $output == *"made for a machine that is not known"* ]]
	REPLACE=true manifest livepatch-fix | sed 's/machine: .*/machine: ppc64le/' > other.yaml
	REPLACE=true MANIFEST=other.yaml patch_module livepatch-fix other.ko
	pack_fails 12 package-module --format deb other.ko
	[[ $output == *"its code is not for the machine that its manifest names"* ]]
	LIVEPATCH=N versioned livepatch-fix 3 no.ko
	pack_fails 12 package-module --format deb no.ko
	versioned livepatch-fix v3 fix.ko
	pack_fails 12 package-version --format deb fix.ko
	versioned livepatch-fix 3-1 fix.ko
	pack_fails 12 package-version --format rpm fix.ko
	versioned livepatch-fix 3 fix.ko
	SOURCE_DATE_EPOCH=yesterday pack_fails 12 source-date-epoch --format rpm fix.ko
	mkdir bin
	for tool in dpkg-deb rpmbuild; do
		PATH=$PWD/bin BUILD=$BUILD run -2 "$BUILD/kpatch-package" --format "$([[ $tool == rpmbuild ]] && echo rpm || echo deb)" fix.ko
		[[ $output == *"$tool"*"[package-tool]"* ]]
	done
	# a packer that fails is quoted
	printf '#!/bin/sh\necho out of luck; exit 3\n' > bin/dpkg-deb
	chmod +x bin/dpkg-deb
	PATH=$PWD/bin:$PATH pack_fails 12 package --format deb fix.ko
	[[ $output == *'out of luck'*'status 3'* ]]
}

@test "who makes a package: the option, DEBFULLNAME and DEBEMAIL, git; and nobody is made up" {
	versioned livepatch-fix 1 fix.ko
	made_by() { pack deb fix.ko "$@"; dpkg-deb -f "$package" Maintainer; }
	unset DEBFULLNAME DEBEMAIL
	export HOME=$PWD/home GIT_CONFIG_NOSYSTEM=1
	mkdir home
	cd home
	ln -s ../fix.ko .
	pack_fails 2 usage --format deb fix.ko
	[[ $output == *'--maintainer'*DEBEMAIL*git* ]]
	git config --global user.name 'Git Name'
	pack_fails 2 usage --format deb fix.ko
	git config --global user.email git@example.org
	[[ $(made_by) == *$'Git Name <git@example.org>' ]]
	export DEBEMAIL=deb@example.org
	[[ $(made_by) == *'Git Name <deb@example.org>' ]]
	export DEBFULLNAME='Deb Name'
	[[ $(made_by) == *'Deb Name <deb@example.org>' ]]
	DEBFULLNAME='' DEBEMAIL='Both <both@example.org>'
	[[ $(made_by) == *'Both <both@example.org>' ]]
	[[ $(made_by --maintainer 'Jo Doe <jo@example.org>') == *'Jo Doe <jo@example.org>' ]]
	# it goes into files of lines
	DEBEMAIL=$'Both <both@example.org>\nDepends: x'
	pack_fails 2 usage --format deb fix.ko
}
