#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# --leave-out and --check: a series of which some patches cannot be applied live, as a whole and with what needs them.

load build

setup_file() {
	export SERIES=$BATS_FILE_TMPDIR/series
	mkdir "$SERIES"
}

# next FILE SED [FILE SED]...: adds a patch to $SERIES that goes on from the one before
next() {
	local dir=$BATS_TEST_TMPDIR/next n file
	n=$(printf '%02d' "$(($(find "$SERIES" -name '*.patch' | wc -l) + 1))")
	mkdir -p "$dir" "$BATS_FILE_TMPDIR/now"
	while (($#)); do
		file=$1
		mkdir -p "$dir"/{a,b}/"$(dirname "$file")" "$BATS_FILE_TMPDIR/now/$(dirname "$file")"
		[[ -e $BATS_FILE_TMPDIR/now/$file ]] || cp "$KERNEL_TREE/$file" "$BATS_FILE_TMPDIR/now/$file"
		cp "$BATS_FILE_TMPDIR/now/$file" "$dir/a/$file"
		sed -i "$2" "$BATS_FILE_TMPDIR/now/$file"
		cp "$BATS_FILE_TMPDIR/now/$file" "$dir/b/$file"
		! cmp -s "$dir/a/$file" "$dir/b/$file" || { echo "the script changes nothing in $file"; return 1; }
		shift 2
	done
	{
		printf 'Subject: [PATCH] fix %s\n\nCVE-2024-100%s\n---\n' "$n" "$n"
		(cd "$dir" && diff -rup a b) || true
	} > "$SERIES/$n.patch"
	rm -rf "$dir"
}

make_series() {
	next fs/proc/meminfo.c 's/Committed_AS/Something/'
	next Documentation/index.rst '$s/$/\nwords/'
	# refused for its makefile; what uses what it brings does not compile without it
	next fs/proc/version.c 's/^static int version_proc_show/int version_helper(int i);\nint version_helper(int i) { return i * 3; }\n\n&/' \
		fs/proc/Makefile '$s/$/\nobj-y += x.o/'
	next fs/proc/version.c 's/^	return 0;/	return version_helper(0);/'
	next fs/proc/uptime.c 's/"uptime"/"uptimes"/'
	# of several patches of one object, the one that is refused, and one that no longer applies without it
	next fs/proc/loadavg.c 's/FIXED_1\/200/FIXED_1\/100/'
	next fs/proc/loadavg.c 's/"loadavg"/"loads"/; s/nr_running(), nr_threads/nr_running() + 1, nr_threads/'
	next fs/proc/loadavg.c 's/nr_running() + 1,/nr_running() + 2,/'
	next fs/proc/loadavg.c 's/%u\/%d %d/%u|%d %d/'
	next arch/x86/kernel/doublefault_32.c '$s/$/\n/'
	# whole or not at all: what is good in it stays away with the rest
	next fs/proc/softirqs.c 's/%12s:/%13s:/' fs/proc/devices.c 's/"devices"/"device"/; s/Character/Characters/'
	next fs/nfsd/nfscache.c '0,/ENOMEM/s/ENOMEM/EBUSY/'
}

# fates FILE: a line a patch of a report, as "01 applied"
fates() {
	python3 - "$1" <<-'END'
		import sys
		out, name = [], None
		for line in open(sys.argv[1]):
		    line = line.strip().replace('"', "")
		    if line.startswith("- patch: "):
		        name = line[9:].replace(".patch", "")
		    elif line.startswith("state: "):
		        out.append([name, line[7:]])
		    elif line.startswith("message_id: ") or line.startswith("needs: "):
		        out[-1].append(line.split(": ")[1].replace(".patch", ""))
		for one in out:
		    print(" ".join(one))
	END
}

EXPECTED="01 applied
02 without effect
03 left out patch-build-file
04 left out compile-failed 03
05 without effect
06 applied
07 left out init-changed
08 left out patch-does-not-apply 07
09 applied
10 without effect
11 left out init-changed
12 applied"

@test "a series: what is applied, without effect, left out, and left out because of which other" {
	make_series
	run -0 kpatch_build --leave-out --name livepatch-all "$SERIES"
	fates "$OUT/livepatch-all.report.yaml" > "$BATS_TEST_TMPDIR/fates"
	diff "$BATS_TEST_TMPDIR/fates" - <<< "$EXPECTED"
	no grep -F 'patch-part-left-out' <<< "$output"
	grep -x 'applied: 4' "$OUT/livepatch-all.report.yaml"
	grep -x 'without_effect: 3' "$OUT/livepatch-all.report.yaml"
	grep -x 'left_out: 5' "$OUT/livepatch-all.report.yaml"
	grep -x 'needs_reboot: true' "$OUT/livepatch-all.report.yaml"
	# the module has what is applied, and nothing of the rest
	sed -n 's/^  - name: \(.*_show\|show_.*\|nfsd_.*\|devinfo.*\)$/\1/p' "$OUT/livepatch-all.yaml" | sort > "$BATS_TEST_TMPDIR/functions"
	grep -x meminfo_proc_show "$BATS_TEST_TMPDIR/functions"
	grep -x loadavg_proc_show "$BATS_TEST_TMPDIR/functions"
	no grep -E 'softirqs|devinfo|uptime|version' "$BATS_TEST_TMPDIR/functions"
	[[ $(grep -o 'CVE-2024-[0-9]*' "$OUT/livepatch-all.yaml" | xargs) == \
		"CVE-2024-10001 CVE-2024-10006 CVE-2024-10009 CVE-2024-10012" ]]
	# nor is what is left out a source of it
	[[ $(sed -n '/^patches:/,/^fixes:/s/^- name: "\{0,1\}\([0-9]*\).patch.*/\1/p' "$OUT/livepatch-all.yaml" | xargs) == "01 06 09 12" ]]
	strings "$OUT/livepatch-all.ko" | grep -F '%u|%d'
	no grep -F '%13s:' <(strings "$OUT/livepatch-all.ko")
	report=$OUT/livepatch-all.report
	head -n 1 "$report" | grep -x "livepatch-all for the kernel $KERNEL_RELEASE: 12 patches: 4 applied, 3 without effect, 5 left out"
	grep -A 2 -F '  04.patch: fix 04 (CVE-2024-10004)' "$report" > "$BATS_TEST_TMPDIR/04"
	grep -Fx '      needs 03.patch, which is left out' "$BATS_TEST_TMPDIR/04"
	grep -F "implicit declaration of function 'version_helper'" "$BATS_TEST_TMPDIR/04"
	grep -A 1 -F '  11.patch: fix 11' "$report" | grep -E 'fs/proc/devices.c:[0-9]+: proc_devices_init: .*\[init-changed\]'
	grep -A 1 -F '  05.patch: fix 05' "$report" | grep -F '__init'
}

@test "the same input leaves out the same, whatever the number of compilers" {
	run -0 kpatch_build --leave-out --name livepatch-all --jobs 1 "$SERIES"
	cp -r "$OUT" "$BATS_TEST_TMPDIR/one"
	rm -rf "$OUT"
	run -0 kpatch_build --leave-out --name livepatch-all --jobs 5 "$SERIES"
	diff -r "$BATS_TEST_TMPDIR/one" "$OUT"
}

@test "--check: the report and no module, exit code 8 if anything is left out" {
	run -8 kpatch_build --check --name livepatch-all "$SERIES"
	says '^livepatch-all for the kernel .*: 12 patches: 4 applied, 3 without effect, 5 left out$'
	fates "$OUT/livepatch-all.report.yaml" > "$BATS_TEST_TMPDIR/fates"
	diff "$BATS_TEST_TMPDIR/fates" - <<< "$EXPECTED"
	[[ $(ls "$OUT" | xargs) == "livepatch-all.report livepatch-all.report.yaml" ]]
	run -0 kpatch_build --check --name livepatch-all "$SERIES/01.patch" "$SERIES/02.patch"
	says '^  02.patch: fix 02'
	# without a directory nothing is written anywhere
	cd "$BATS_TEST_TMPDIR"
	rm -rf "$OUT"
	run -0 "$BUILD/kpatch-build" --root "$KERNEL_ROOT" --kernel "$KERNEL_RELEASE" --cache "$KERNEL_CACHE" --check "$SERIES/01.patch"
	no compgen -G '*.report*'
}

@test "without --leave-out the same series is refused; with nothing left there is no module" {
	refuses 5 patch-build-file "$SERIES"
	says 'doublefault|Makefile'
	refuses 9 no-change --leave-out --name livepatch-none "$SERIES/02.patch" "$SERIES/03.patch" "$SERIES/05.patch"
	says '0 applied, 2 without effect, 1 left out'
}

@test "a patch that was damaged, or reaches what no patch may, is left out like others" {
	head -n -3 "$SERIES/01.patch" > "$BATS_TEST_TMPDIR/cut.patch"
	make_patch lds arch/x86/kernel/vmlinux.lds.S '$s/$/\nASSERT(1, "")/'
	make_patch vdso arch/x86/entry/vdso/vclock_gettime.c '$s/$/\n/'
	make_patch word fs/proc/meminfo.c 's/MemTotal/MemEvery/'
	word=$patch
	# that both miss the same name makes neither the other's
	make_patch one fs/proc/cmdline.c 's/^	return 0;/	return nowhere_known(1);/'
	make_patch two fs/proc/consoles.c 's/^	return 0;/	return nowhere_known(1);/'
	make_patch part arch/x86/kernel/doublefault_32.c '$s/$/\n/' fs/proc/loadavg.c 's/FIXED_1\/200/FIXED_1\/100/'
	run -0 kpatch_build --leave-out --name livepatch-x "$BATS_TEST_TMPDIR"/{cut,lds,vdso,one,two,part}.patch "$word"
	# of what is applied in part, that is said; of what is nothing here, the report says it
	says 'doublefault_32.c is no part of kernel .*\[patch-part-left-out\]'
	fates "$OUT/livepatch-x.report.yaml" > "$BATS_TEST_TMPDIR/fates"
	diff "$BATS_TEST_TMPDIR/fates" - <<-'END'
		cut left out patch-damaged
		lds left out patch-build-file
		vdso left out patch-not-built
		one left out compile-failed
		two left out compile-failed
		part applied
		word applied
	END
}

@test "of several patches, it is the one that brings this refusal: a part of them may not compile for another reason" {
	SERIES=$BATS_TEST_TMPDIR/parts BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
	mkdir "$SERIES"
	next fs/proc/loadavg.c 's/FIXED_1\/200/FIXED_1\/PART/'
	next fs/proc/loadavg.c 's/^#include "internal.h"/&\n\n#define PART 100/'
	next fs/proc/loadavg.c 's/"loadavg"/"loads"/; s/nr_running(), nr_threads/nr_running() + 1, nr_threads/'
	run -0 kpatch_build --leave-out --name livepatch-x "$SERIES"
	fates "$OUT/livepatch-x.report.yaml" > "$BATS_TEST_TMPDIR/fates"
	diff "$BATS_TEST_TMPDIR/fates" - <<-'END'
		01 applied
		02 applied
		03 left out init-changed
	END
}
