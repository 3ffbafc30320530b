/* SPDX-License-Identifier: GPL-2.0-only */
/* The rest of the "kernel" around a.c: it has functions and strings of the same names and contents. */
int shared_counter = 1;
static int counter_a, counter_b = 6;
int weak_one(int x);
int elsewhere(int x);
const char *others(int x);

static __attribute__((noinline)) int dup(int x)
{
	return x * 3 + counter_a;
}

int weak_one(int x)
{
	return x - 1;
}

int elsewhere(int x)
{
	counter_b++;
	counter_a--;
	return dup(x) ^ 0x55;
}

const char *others(int x)
{
	return x ? "no such item" : "a string that ends like second item";
}

/* The second entry of the table. */
void other_site(void)
{
	asm volatile("1: nop\n"
		     ".pushsection .smp_locks, \"a\"\n"
		     ".balign 4\n"
		     ".long 1b - .\n"
		     ".popsection");
}
