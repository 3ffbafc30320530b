#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# --report html: what the page says of each function, what it says of the rest, and that what comes from others stays text.

load build

# ask NAME CODE: python on the page of that name, read as XML: page; text(element); with_heading(text): what is under a heading up to
# the next one of its level; function(name): the columns by their titles
ask() {
	python3 - "$OUT/$1.report.html" <<-END
		import sys, re
		import xml.etree.ElementTree as E
		H = '{http://www.w3.org/1999/xhtml}'
		page = E.parse(sys.argv[1]).getroot()
		body = list(page.find(H + 'body'))
		def text(e): return ''.join(e.itertext())
		def under(pattern, tag):
		    out, inside = [], False
		    for e in body:
		        if e.tag in (H + 'h2', H + tag):
		            inside = e.tag == H + tag and re.search(pattern, text(e)) is not None
		        elif inside:
		            out.append(e)
		    return out
		def words(pattern, tag='h2'): return ' '.join(' '.join(text(e).split()) for e in under(pattern, tag))
		def rows(pattern, tag='h2'):
		    return [[text(c) for c in r] for e in under(pattern, tag) for r in e.iter(H + 'tr')]
		def columns(name):
		    beside = [e for e in under('^(New: )?' + name + ' in ', 'h3') if e.get('class') == 'beside'][0]
		    return {text(d.find(H + 'h4')): d.find(H + 'pre') for d in beside}
		def changed(pre, tag): return [e.text for e in pre.iter(H + tag)]
		$2
	END
}

@test "each function: the reason, the source's difference, the code before and after" {
	make_patch two fs/proc/meminfo.c 's/"Committed_AS:   "/"CommittedAS<\&> "/' fs/proc/version.c '0,/^	return 0;/s//	seq_puts(m, "patched\\n");\n&/' \
		fs/proc/devices.c 's/"Character devices/"Char devices/; s/(\*pos < (BLKDEV_MAJOR_MAX + CHRDEV_MAJOR_MAX))/(*pos + 1 < (BLKDEV_MAJOR_MAX + CHRDEV_MAJOR_MAX))/'
	run -0 kpatch_build --report html "$patch"
	says "^$OUT/livepatch-two.report.html$"
	ask livepatch-two "$(cat <<-'END'
		assert 'refers to "CommittedAS<&> " instead of "Committed_AS: "' in words('^meminfo_proc_show in fs/proc/meminfo.c', 'h3')
		c = columns('meminfo_proc_show')
		assert list(c) == ['Source', 'Original', 'Replacement']
		assert changed(c['Source'], 'del') == ['-	show_val_kb(m, "Committed_AS:   ", committed);'], changed(c['Source'], 'del')
		assert changed(c['Source'], 'ins') == ['+	show_val_kb(m, "CommittedAS<&> ", committed);']
		assert text(c['Source']).count('fs/proc/') == 1
		# one instruction, and not those behind it, whose place is the same
		assert len(changed(c['Original'], 'del')) == 1 and '# "Committed_AS:   "' in changed(c['Original'], 'del')[0]
		assert len(changed(c['Replacement'], 'ins')) == 1 and '# "CommittedAS<&> "' in changed(c['Replacement'], 'ins')[0]
		assert '… ' in text(c['Original']) and 'call seq_put_decimal_ull_width' in text(c['Original'])
		v = columns('version_proc_show')
		assert changed(v['Source'], 'del') == [] and changed(v['Source'], 'ins') == ['+	seq_puts(m, "patched\\n");']
		assert any('call seq_puts' in x for x in changed(v['Replacement'], 'ins'))
		assert not any('seq_printf' in x for x in changed(v['Replacement'], 'ins'))
		assert 'seq_puts' not in text(v['Original'])
		# of a file the change that the function is made from, and no other
		d = columns('devinfo_show')
		assert len(changed(d['Source'], 'ins')) == 1 and 'Char devices' in text(d['Source']) and 'BLKDEV_MAJOR_MAX +' not in text(d['Source'])
		d = columns('devinfo_start')
		assert len(changed(d['Source'], 'ins')) == 1 and '*pos + 1 <' in text(d['Source'])
	END
	)"
}

@test "what it refers to and how that is known; what was compared; a weak function that another object has" {
	run -0 kpatch_build --report html "$TEST_TOP/examples/meminfo-string.patch"
	ask livepatch-meminfo-string "$(cat <<-'END'
		r = {x[1]: x for x in rows('What it refers to', 'h3')}
		assert r['si_swapinfo'][0] == 'vmlinux' and re.match('code that was compared leads to it, at 0xffffffff8', r['si_swapinfo'][4]), r
		assert 'leads to it, at 0xffffffff8' in r['arch_report_meminfo'][4], r['arch_report_meminfo']
		assert r['seq_printf'][4].startswith('exported')
		assert re.search('Of ([0-9]+) functions compiled .*, \\1 are', words('^fs/proc/meminfo.c, in vmlinux'))
		assert 'Nothing: all of what was given' in words('^Left out')
		assert 'Nothing' in words('^What is not removable')
	END
	)"
	# the address of the image's own table
	address=$(grep -o 'si_swapinfo</code></td>.*' "$OUT"/*.html | grep -oE '0xf[0-9a-f]*' | head -n 1)
	[[ -n $address ]]
	run -0 kpatch_build --no-verify --report html --name livepatch-unproven "$TEST_TOP/examples/meminfo-string.patch"
	ask livepatch-unproven "$(cat <<-'END'
		assert rows('What it refers to', 'h3')[1][4] == 'by its name alone'
		assert 'NONE' in text(body[1]) and 'Nothing was compared' in words('^fs/proc/meminfo.c, in vmlinux')
	END
	)"
}

@test "fixes with their CVEs, what was left out and why, what stays in memory and why" {
	mkdir "$BATS_TEST_TMPDIR/series" && cd "$BATS_TEST_TMPDIR/series"
	make_patch one fs/proc/meminfo.c 's/"Committed_AS:   "/"CommittedAS:    "/'
	{ printf 'Subject: [PATCH] proc: <script>alert("x")</script> & more\n\nCVE-2024-10001\n---\n'; cat "$patch"; } > 1.patch
	make_patch two fs/proc/Makefile '$s/$/\nobj-y += x.o/'
	{ printf 'Subject: [PATCH] proc: builds\n\nCVE-2024-10002\n---\n'; cat "$patch"; } > 2.patch
	make_patch three fs/proc/version.c 's/^static int version_proc_show/static const char *kept_text;\n&/; 0,/^	return 0;/s//	kept_text = "in memory";\n	WRITE_ONCE(init_uts_ns.user_ns->parent, (void *)kept_text);\n&/; s/^#include <linux\/utsname.h>/&\n#include <linux\/user_namespace.h>/'
	{ printf 'Subject: [PATCH] proc: keeps\n\n---\n'; cat "$patch"; } > 3.patch
	run -0 kpatch_build --leave-out --report html --name livepatch-all .
	ask livepatch-all "$(cat <<-'END'
		f = rows('^Fixes')
		assert f[1][:2] == ['proc: <script>alert("x")</script> & more', 'CVE-2024-10001'] and f[1][3] == 'vmlinux', f
		assert not any('CVE-2024-10002' in x for x in f)
		l = rows('^Left out')
		assert len(l) == 2 and l[1][0] == '2.patch' and l[1][2:4] == ['CVE-2024-10002', 'left out'] and '[patch-build-file]' in l[1][4], l
		k = rows('^What is not removable')
		assert k[1][0] == '"in memory"' and 'version_proc_show' in k[1][1] and k[1][2] == 'fs/proc/version.c', k
		assert 'Can be removedno' in text(body[1])
	END
	)"
	# whatever the patch says, it is text, and nothing comes from outside
	page=$OUT/livepatch-all.report.html
	no grep -iE '<script|<img|<link|<iframe|src=|href=|url\(|@import|http-equiv="refresh"' "$page"
	grep -qF "default-src &#39;none&#39;" "$page" || grep -qF "default-src 'none'" "$page"
}

@test "a function that only changes by a constant elsewhere shows all of the source's changes; the same input gives the same bytes" {
	make_patch macro fs/proc/loadavg.c 's/FIXED_1\/200/ROUNDING/; s/^static int loadavg_proc_show/#define ROUNDING (FIXED_1 \/ 300)\n&/'
	run -0 kpatch_build --report html "$patch"
	cp "$OUT/livepatch-macro.report.html" "$BATS_TEST_TMPDIR/first"
	ask livepatch-macro "$(cat <<-'END'
		c = columns('loadavg_proc_show')
		assert any('ROUNDING (FIXED_1' in x for x in changed(c['Source'], 'ins'))
		assert all('nop' not in x for x in changed(c['Replacement'], 'ins'))
	END
	)"
	run -0 kpatch_build --report html --jobs 1 "$patch"
	cmp "$OUT/livepatch-macro.report.html" "$BATS_TEST_TMPDIR/first"
}

@test "code that has moved is the same: branches within a function are not compared by where they lead" {
	make_patch moved fs/proc/softirqs.c 's/^	seq_puts(p, .*/&\n	seq_puts(p, "one more");/'
	run -0 kpatch_build --report html "$patch"
	ask livepatch-moved "$(cat <<-'END'
		c = columns('show_softirqs')
		assert any('"one more"' in x for x in changed(c['Replacement'], 'ins'))
		assert changed(c['Original'], 'del') == [], changed(c['Original'], 'del')
		assert len(changed(c['Replacement'], 'ins')) in (2, 3)
	END
	)"
}

@test "no page without --report; formats that there are none of; with --check, which builds nothing" {
	run -0 kpatch_build "$TEST_TOP/examples/meminfo-string.patch"
	[[ $(ls "$OUT") == "livepatch-meminfo-string.ko
livepatch-meminfo-string.yaml" ]]
	rm "$OUT"/*
	refuses 2 usage --report pdf "$TEST_TOP/examples/meminfo-string.patch"
	says 'makes html, not'
	refuses 2 usage --report html --check "$TEST_TOP/examples/meminfo-string.patch"
}
