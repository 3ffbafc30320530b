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

const char *inside(int x)
{
	return x ? "a string by its middle" + 9 : 0;
}

/* Ten bytes at most: the compiler compares with an address that is behind the string's end. */
char *limited(char *to)
{
	const char *s = "tiny";

	for (int left = 10; left-- && *s;)
		*to++ = *s++;
	return to;
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

/* A function with an entry in each of four tables, laid out as the kernel's are. */
int with_tables(int x)
{
	asm volatile("1: lock; incl %0\n"
		     "2: movl %0, %1\n"
		     "3: ud2\n"
		     "4:\n"
		     ".pushsection .smp_locks, \"a\"\n"
		     ".balign 4\n"
		     ".long 1b - .\n"
		     ".popsection\n"
		     ".pushsection .altinstructions, \"a\"\n"
		     ".long 2b - ., 5f - .\n"
		     ".2byte 7\n"
		     ".byte 3b - 2b, 6f - 5f\n"
		     ".popsection\n"
		     ".pushsection .altinstr_replacement, \"ax\"\n"
		     "5: xorl %1, %1\n"
		     "6:\n"
		     ".popsection\n"
		     ".pushsection __ex_table, \"a\"\n"
		     ".balign 4\n"
		     ".long 2b - ., 4b - ., 3\n"
		     ".popsection\n"
		     ".pushsection __bug_table, \"aw\"\n"
		     ".long 3b - ., %c2 - .\n"
		     ".2byte 123, 1\n"
		     ".popsection"
		     : "+m"(counter_b), "+r"(x)
		     : "i"("where it is"));
	return x;
}
