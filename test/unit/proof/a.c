/* SPDX-License-Identifier: GPL-2.0-only */
/* The object that is proven: see test/unit/proof.c. */
struct item {
	const char *name;
	int (*call)(int);
	int *counter;
};

extern int elsewhere(int x);
extern int shared_counter;
extern void nowhere(void) __attribute__((weak));
int weak_one(int x);

static int counter_a, counter_b = 5;
static int never_used_in_code __attribute__((used)) = 77;
static int never_used_bss[4] __attribute__((used));

static __attribute__((noinline)) int dup(int x)
{
	return x * 3 + counter_a;
}

/* overridden by b.c */
__attribute__((weak)) int weak_one(int x)
{
	return x + 1;
}

__attribute__((noinline, cold)) static int rare(int x)
{
	counter_b += x;
	return elsewhere(x) + 1;
}

static int twice(int x)
{
	return x * 2;
}

static const struct item items[] = {
	{ "first item", twice, &counter_b },
	{ "second item", dup, &shared_counter },
};

static const int table[] = { 3, 1, 4, 1, 5, 9, 2, 6 };

const char *describe(unsigned int i)
{
	counter_a += (int)i;
	return i < 2 ? items[i].name : "no such item";
}

int work(int x)
{
	if (__builtin_expect(x < 0, 0))
		return rare(x);
	if (nowhere)
		nowhere();
	*items[x & 1].counter += table[x & 7];
	return items[x & 1].call(x) + dup(x) + weak_one(x) + shared_counter;
}
