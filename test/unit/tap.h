/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The least that a C test program needs: one line "ok N - name" or "not ok N - name" per check,
 * the plan at the end, and an exit status that is 0 only if all went well.
 */
#ifndef KPATCH_TEST_TAP_H
#define KPATCH_TEST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	tap_failed += !good;
	return good;
}

__attribute__((unused)) static bool ok_number(long long got, long long want, const char *name)
{
	if (got != want)
		printf("# %s: got %lld, want %lld\n", name, got, want);
	return ok(got == want, "%s", name);
}

__attribute__((unused)) static bool ok_string(const char *got, const char *want, const char *name)
{
	bool same = got && want ? !strcmp(got, want) : got == want;

	if (!same)
		printf("# %s: got \"%s\", want \"%s\"\n", name, got ? got : "(null)", want ? want : "(null)");
	return ok(same, "%s", name);
}

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
