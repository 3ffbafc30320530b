#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# test/fuzz/differ_fuzz.c for KPATCH_FUZZ_ROUNDS, with sanitizers and bounded memory: mutated pairs of objects that
# between them have most of what the differ treats specially. How many is a number and no time, so that every
# machine tries the same ones.

load differ.bash
# shellcheck source=../lib/ppc64le.bash
. "$TEST_TOP/test/lib/ppc64le.bash"

# everything: a source of many parts; NEXT as it is patched
parts() {
	cat <<-'END'
		void exported_call(const char *, void *);
		static int counter; static int per __section(".data..percpu");
		int table[4] = { 1, 2, 3, 4 };
		static noinline int other(int x) { static int buf, buf2; buf += x; return ext2(x) + counter + buf2++; }
		static noinline __attribute__((cold)) int cold(int x) { static int buf; return ext(x + buf++); }
		__section(".sched.text") noinline int sched(int x) { return x ? other(x) : ext(x); }
		__section(".sched.text") int sched2(int x) { return sched(x) + per; }
		__section(".init.text") int start(int x) { return ext(x); }
		noinline int f(int x)
		{
			counter += x;
			exported_call("some text", table);
			if (x > 3)
				asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n.long 1b - ., 0\n"
					     ".word 7, 0\n.popsection");
			asm volatile("1: jmp 2f\n2:\n.pushsection __jump_table,\"aw\"\n.balign 8\n"
				     ".long 1b - .,2b - .\n.quad counter - .\n.popsection");
			asm volatile("1: nop\n2:\n.pushsection .altinstructions,\"a\"\n.long 1b - .,3f - .\n"
				     ".word 1,0\n.byte 1,1\n.popsection\n.pushsection .altinstr_replacement,\"ax\"\n"
				     "3: nop\n4:\n.popsection");
			asm volatile("1: nop\n.pushsection __ex_table,\"a\"\n.long 1b - .,1b - .,3\n.popsection");
			return other(x) + cold(x) + NEXT;
		}
		int g(int x) { return f(x) + table[x & 3] + (x == 5 ? cold(3) : 0); }
		const struct { int (*a)(int), (*b)(int); const char *name; } ops = { f, g, "ops" };
	END
	[[ ${1:-} != added ]] || added_code
}

# types of every kind, in little else, so that the damage is mostly to the debug information
types() {
	cat <<-'END'
		enum state { IDLE, BUSY = -3, DONE };
		enum { ONE = 200, TWO, COUNT };
		typedef struct { int x; union { char c[4]; struct { short lo, hi; }; }; } pair;
		struct list { struct list *next, **prev; };
		struct s {
			struct list list; enum state state; pair pairs[3][2], *other;
			unsigned int a : 3, b : 7; _Bool flag; volatile const float *f;
			struct { int in; struct { long deep; } deeper; } inner; int (*call)(struct s *, pair); char rest[];
		};
		static struct { int v; struct s *s; } table[4];
		int f(struct s *s) { return ext(s->a + table[s->b & 3].v++ + s->pairs[1][1].hi + s->state + COUNT) + NEXT; }
	END
}

@test "pairs of mutated objects: an answer each, none that the self-check objects to" {
	local top=$TOP seed=${KPATCH_FUZZ_SEED:-1}
	gcc -std=gnu11 -O1 -g -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined -I"$top" \
		-o fuzz "$top"/test/fuzz/differ_fuzz.c \
		$(find "$top"/create-diff-object -name '*.c' ! -name main.c) "$top"/lib/arch/*.c "$top"/lib/arch/*/*.c "$top"/lib/elf/*.c \
		"$top"/lib/elf/*/*.c "$top"/lib/klp/*.c "$top"/lib/util/*.c -ldw -lelf -lZydis -lcrypto -pthread
	parts | sed 's/NEXT/1/' | original
	parts added | sed 's/NEXT/2/' | patched
	compile original && compile patched
	cp original.o split1.o && cp patched.o split2.o
	extra_flags=(-fno-function-sections -fno-data-sections -g)
	compile original && compile patched
	export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1 ASAN_OPTIONS=hard_rss_limit_mb=1024
	# undamaged, both are changes: the mutations begin from something that goes the whole way
	run -0 ./fuzz split1.o split2.o
	[[ $output == "1 read, 0 refused, 0 same, 1 changed" ]]
	run -0 ./fuzz split1.o split1.o
	[[ $output == "1 read, 0 refused, 1 same, 0 changed" ]]
	types | sed 's/NEXT/1/' > types1.c
	types | sed 's/NEXT/2/' > types2.c
	extra_flags=(-g)
	compile types1 && compile types2
	run -0 ./fuzz types1.o types2.o
	[[ $output == "1 read, 0 refused, 0 same, 1 changed" ]]
	sed -i 's/int in;/long in;/' types2.c
	extra_flags=(-gdwarf-4)
	compile types1 && compile types2
	run -0 ./fuzz types1.o types2.o
	[[ $output == "1 read, 1 refused, 0 same, 0 changed" ]]
	ppc_everything > ppc1.c
	sed 's/leaf(x) + 1/leaf(x) + 2/; s/"hello/"bye/; s/return stat(x + 1)/return stat(x + 5)/' ppc1.c > ppc2.c
	for n in 1 2; do
		"$PPC_CC" "${PPC_FLAGS[@]}" "${PPC_SPLIT[@]}" -g -mcmodel=large -c -o ppc$n.o ppc$n.c
	done
	run -0 ./fuzz ppc1.o ppc2.o
	[[ $output == "1 read, 0 refused, 0 same, 1 changed" ]]
	echo "seed $seed"
	run ./fuzz --mutate "${KPATCH_FUZZ_ROUNDS:-600}" "$seed" \
		split1.o split2.o original.o patched.o split1.o split1.o types1.o types2.o ppc1.o ppc2.o
	tail -n 20 <<< "$output"
	echo "# seed $seed: ${output##*$'\n'}" >&3
	[[ $status -eq 0 && $output =~ ^([0-9]+)" pairs, "([0-9]+)" read, "([0-9]+)" refused, "([0-9]+)" same, "([0-9]+)" changed"$ ]]
	# it has been everywhere
	for n in 1 2 3 4 5; do [[ ${BASH_REMATCH[n]} -gt 100 ]]; done
}
