#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What is initialised once: behind a guard that the running kernel has set, nothing happens again.

load differ.bash

# DO_ONCE() of <linux/once.h>, with the little of jump labels that makes a table
once() {
	cat >> kernel.h <<-'END'
		_Bool __do_once_start(_Bool *, unsigned long *);
		void __do_once_done(_Bool *, void *, unsigned long *, void *);
		void get_random_bytes(void *, int);
		struct key { int enabled; unsigned long type; };
		#define label(key, to) asm goto("1: jmp %l[" #to "]\n\t.pushsection __jump_table,\"aw\"\n\t.balign 8\n\t" \
			".long 1b - ., %l[" #to "] - .\n\t.quad %c0 + 1 - .\n\t.popsection" :: "i"(key) :: to)
		#define DO_ONCE(func, ...) ({ \
			__label__ start, out; unsigned long flags; \
			static _Bool __section(".data.once") ___done; static struct key ___once_key = { 1, 1 }; \
			label(&___once_key, start); goto out; start: \
			if (__builtin_expect(__do_once_start(&___done, &flags), 0)) { \
				func(__VA_ARGS__); __do_once_done(&___done, &___once_key, &flags, 0); } out:; })
	END
}

# owner_of PREFIX: whose the variable is that the patched code means
owner_of() {
	local name
	name=$(nm patched.o | awk -v p="$1" 'index($3, p) == 1 { print $3 }')
	if [[ -n $(symbol "$name") && $(symbol "$name") != *UND ]]; then echo patch; else echo kernel; fi
}

@test "DO_ONCE() of a new variable alone: flag and key are the patch's own" {
	once
	original <<'END'
		static long keys[2]; long siphash(int, long *); void peek(void) { get_random_bytes(keys, 8); }
		long f(int x) { DO_ONCE(get_random_bytes, keys, sizeof(keys)); return siphash(x, &keys[x & 1]); }
END
	patched '1s/$/ static long new_keys[4];/' '2s/([^_])keys/\1new_keys/g'
	differ
	written
	[[ -z $(ids) ]]
	[[ $(owner_of ___done) == patch && $(owner_of ___once_key) == patch && $(owner_of new_keys) == patch ]]
	[[ $(bytes ".data.$(nm patched.o | awk '/___once_key/ { print $3 }')") == 01000000000000000100000000000000 ]]
	relocs __jump_table | grep -q 'PC64 .*___once_key'
	no grep -qE 'klp[.]ref.*___(done|once_key)' <(relocs .text.f; relocs .text.f.cold; relocs __jump_table)
	# a label that is a no-operation until the key is switched on
	sed -i 's/1: jmp %l\[" #to "\]/1: .byte 0x0f, 0x1f, 0x44, 0, 0/' kernel.h
	rm out.o
	differ
	written
	[[ $(owner_of ___done) == patch && $(owner_of ___once_key) == patch ]]
}

@test "DO_ONCE() of what it initialised before stays done" {
	once
	original <<'END'
		static long keys[2]; long siphash(int, long *);
		long f(int x) { DO_ONCE(get_random_bytes, keys, sizeof(keys)); return siphash(x, &keys[x & 1]) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(owner_of ___done) == kernel && $(owner_of ___once_key) == kernel ]]
}

@test "DO_ONCE() of a new variable beside the old one, or of another old one: refused, unless the author vouches" {
	once
	macros
	original <<'END'
		static long keys[2], other[2]; long siphash(int, long *); long peek(void) { return other[0] + keys[1]; }
		void set(int x) { other[1] = x; }
		static void fill(void) { get_random_bytes(keys, 16); }
		long f(int x) { DO_ONCE(fill); return siphash(x, &keys[x & 1]); }
END
	patched '1s/$/ static long new_keys[2];/' '3s/; \}/; get_random_bytes(new_keys, 16); }/' '4s/return/return new_keys[x \& 1] +/'
	differ
	refused initialised-once
	[[ $stderr == *"initialises new_keys where ___done.1 says"* ]]
	sed -i '2s/^/KPATCH_ALLOW_DATA_CHANGE(new_keys);/' patched.c
	differ
	written
	[[ $(owner_of ___done) == kernel && $(owner_of new_keys) == patch ]]
	patched '3s/keys/other/'
	rm out.o
	differ
	refused initialised-once
	[[ $stderr == *"initialises other where"* ]]
	# what it did before is behind a pointer
	original <<'END'
		static long *keys; long siphash(int, long *); void make(long *to) { keys = to; }
		static void fill(void) { get_random_bytes(keys, 16); }
		long f(int x) { DO_ONCE(fill); return siphash(x, &keys[x & 1]); }
END
	patched '1s/$/ static long new_keys[2];/' '2s/; \}/; get_random_bytes(new_keys, 16); }/' '3s/return/return new_keys[x \& 1] +/'
	differ
	refused initialised-once
	[[ $stderr == *"initialises new_keys where"* ]]
}

# flag GUARD INIT: f() does INIT behind a guard of its own making, and reads the new variable
flag() {
	rm -f kallsyms out.o
	original <<-END
		void init(void *), shut(void *); int lock(void *), unlock(void *);
		static int old; int peek(void) { return old; }
		int f(int x) { static int done; $1 return ext(x); }
	END
	patched '2s/$/ static int new[4];/' "s/old = x;/old = x; $2/" 's/return ext\(x\)/return new[x \& 3] + ext(x)/'
	differ
}

@test "a guard of the author's own making is a guard" {
	flag 'if (!done) { old = x; done = 1; }' 'init(new);'
	refused initialised-once
	[[ $stderr == *"initialises new where done.0 says"* ]]
	flag 'if (!done) { done = 1; old = x; }' 'new[1] = x;'
	refused initialised-once
	flag 'if (done) return 1; done = 1; old = x;' 'init(new);'
	written # all that uses it is behind the guard as well
	flag 'if (!done++) { old = x; }' 'init(new);'
	refused initialised-once
	flag 'if (++done == 1) { old = x; }' 'init(new);'
	refused initialised-once
	flag 'if (!__sync_lock_test_and_set(&done, 1)) { old = x; }' 'init(new);'
	refused initialised-once
	flag 'if (!(__sync_fetch_and_or(&done, 1) & 1)) { old = x; }' 'init(new);'
	refused initialised-once
}

@test "a guard that is compared with a constant, or told by an exchange or a counter" {
	cat >> kernel.h <<-'END'
		static inline _Bool inc_and_test(int *n) { _Bool z; asm volatile("lock incl %0" : "+m"(*n), "=@cce"(z) :: "memory"); return z; }
		static inline _Bool dec_and_test(int *n) { _Bool z; asm volatile("lock decl %0" : "+m"(*n), "=@cce"(z) :: "memory"); return z; }
		static inline _Bool take(int *n) { _Bool z; int was = 0; asm volatile("lock cmpxchgl %3, %1" : "=@ccz"(z), "+m"(*n), "+a"(was) : "r"(1) : "memory"); return z; }
	END
	for guard in 'if (done != 2) { ext(3); done = 2; old = x; }' 'if (done == 3) { done = 4; old = x; }' 'if (inc_and_test(&done)) { old = x; }' 'if (dec_and_test(&done)) { old = x; }' \
		'if (take(&done)) { old = x; }'; do
		flag "$guard" 'init(new);'
		refused initialised-once || { echo "$guard"; false; }
	done
	# one comparison after another
	flag 'int d = *(volatile int *)&done; if (d == 100) { ext(3); } else if (!d) { done = x; old = x; }' 'init(new);'
	refused initialised-once
	# a number that is counted to comes again
	flag 'done = done + ext2(x); ext2(done); if (done == 100) { done = 0; old = x; }' 'new[0] = x;'
	written
}

@test "the first run is where the initial value leads, wherever the variable is written then" {
	local guard
	cat >> kernel.h <<-'END'
		struct list { struct list *next, *prev; };
		void mark(int *), list_add(struct list *, struct list *);
		static struct list head = { &head, &head };
		extern int elsewhere;
	END
	for guard in 'if (!done) { old = x; } done++;' 'if (!done) { old = x; } mark(&done);' 'static int at = -1; if (at == -1) { old = x; at = ext2(x); }' \
		'static signed char at = -1; if (at < 0) { old = x; at = ext2(x); }' 'if (done < 2) { done++; old = x; }' 'if (done <= 4) { done += x; old = x; }' \
		'static unsigned at = 7; if (at > 5) { at = x; old = x; }' 'static long at = 1; if (at >= 1) { at = x; old = x; }' \
		'static int at = -3; if (at < 2) { old = x; } at += x;' 'static unsigned at = 7; if (at >= 6) { at = x; old = x; }' 'if (head.next == &head) { old = x; } list_add(&head, (void *)(long)x);' 'if (!elsewhere) { elsewhere = 1; old = x; }' \
		'switch (done) { case 0: done = x; old = x; break; case 2: ext2(4); }' 'static int at = 4; if (at & 4) { old = x; } at = x;'; do
		flag "$guard" 'init(new);'
		refused initialised-once || { echo "$guard"; false; }
	done
	# the other way is not that of the first run
	for guard in 'if (done > 5) { old = x; } done += x;' 'static int at = 7; if (at == 8) { old = x; } at += x;' 'if (done) { old = x; } mark(&done);' \
		'static int at = 4; if (at & 3) { old = x; } at = x;' 'static unsigned at = 7; if (at < 7) { old = x; } at += x;'; do
		flag "$guard" 'init(new);'
		written || { echo "$guard"; false; }
	done
	# a function that only reads what it is given
	flag 'if (!done) { old = x; } printk("%p", &done);' 'init(new);'
	written
}

@test "who clears a variable has not initialised it" {
	original <<'END'
		void *alloc(int); void release(void *); int get(void *); static void *p;
		int start(int x) { if (!p) { p = alloc(x); } return get(p); }
		void stop(void) { release(p); p = 0; }
END
	patched '1s/$/ static void *new;/' '2s/p = alloc\(x\);/& new = alloc(x + 1);/' '2s/get\(p\)/get(p) + get(new)/' '3s/\}/release(new); new = 0; }/'
	differ
	refused initialised-once
	sed -i 's/new = 0;/new = alloc(7);/' patched.c
	differ
	written
}

@test "what nobody but __init code calls has run" {
	original <<'END'
		int lock(void), reg(int (*)(int)); void *alloc(int); static int old; int peek(void) { return old; }
		static noinline int setup(int x) { lock(); old = x; return ext(4); }
		static int __section(".init.text") __used start(void) { return setup(3) + 2; }
		int use(int x) { return ext2(x); }
END
	patched '1s/$/ static int new;/' '2s/old = x;/& new = 4;/' '4s/ext2\(x\)/ext2(x) + new/'
	differ
	refused initialised-once
	[[ $stderr == *"initialises new, and nothing but __init code calls setup"* ]]
	# somebody else calls it, or may
	local other
	for other in 'int again(void) { return setup(5); }' 'int again(void) { return reg(setup); }' '' ; do
		sed -i '5,$d' original.c patched.c
		echo "$other" | tee -a original.c >> patched.c
		[[ -n $other ]] || sed -i '3s/setup(3)/reg(setup)/' original.c patched.c
		rm -f kallsyms out.o
		differ
		written || { echo "$other"; false; }
	done
	# an initcall that is not __init; it is where the module's begins
	sed -i '3,$d' original.c patched.c
	echo 'int init_module(void) __attribute__((alias("begin"))); static int begin(void) { return setup(2); } int use(int x) { return ext2(x); }' | tee -a original.c >> patched.c
	sed -i '3s/ext2(x)/ext2(x) + new/' patched.c
	rm -f kallsyms out.o
	differ
	refused initialised-once
	sed -i '3s/int init_module.*"begin".*; static/static/; 3s/$/ static void *entry __section(".initcall6.init") __used = begin;/' original.c patched.c
	rm -f kallsyms
	differ
	refused initialised-once
}

@test "a guard in a structure, in an array, a pointer that is set" {
	local guard
	for guard in '!st.done) { st.done = 1;' '!(st.mode & 4)) { st.mode |= 4;' '!st.done && x > 3) { st.done = 1;' '!st.n[x]) { st.n[x] = 1;' \
		'!table) { table = alloc(4);' '!refs[x]++) {'; do
		rm -f kallsyms out.o
		original <<-END
			void init(void *); void *alloc(int); static int old; int peek(void) { return old; }
			static struct { int mode, done; void *p; int n[4]; } st; int peek2(int x) { return st.mode + st.n[x]; }
			static void *table; void *peek3(void) { return table; } static int refs[3]; void put(int x) { refs[x]--; }
			int f(int x) { if ($guard old = x; } return ext(x); }
		END
		patched '1s/$/ static int new[4];/' 's/old = x;/old = x; init(new);/' 's/return ext\(x\)/return new[x \& 3] + ext(x)/'
		differ
		refused initialised-once || { echo "$guard"; false; }
	done
}

@test "a branch that looks at something else decides nothing, and does not hide the one behind it" {
	local read='int d = *(volatile int *)&done;'
	flag "$read if (!x) { done = d + 1; old = x; }" 'init(new);'
	written
	flag "$read if ((char)x == 3) { done = d + 1; old = x; }" 'init(new);'
	written
	flag "$read if (*(volatile int *)(long)(d + 8)) { done = 1; old = x; }" 'init(new);'
	written
	flag "$read if (x == 3) { return 5; } if (!d) { done = 1; old = x; }" 'init(new);'
	refused initialised-once
	flag "$read int e = d + x; asm volatile(\"\" : \"+r\"(e)); if (e) { done = 1; old = x; }" 'init(new);'
	refused initialised-once
}

@test "a static key is a guard" {
	once
	cat >> kernel.h <<-'END'
		void static_key_enable(struct key *), look(struct key *); extern struct key ready;
		#define on(key) ({ __label__ yes; int r = 1; label(key, yes); r = 0; yes: r; })
	END
	flag 'if (!on(&ready)) { old = x; static_key_enable(&ready); }' 'init(new);'
	refused initialised-once
	[[ $stderr == *"initialises new where ready says"* ]]
	flag 'if (!on(&ready)) { old = x; } static_key_enable(&ready);' 'init(new);'
	written
	flag 'if (!on(&ready)) { old = x; look(&ready); }' 'init(new);'
	written
}

@test "what needs no first run is not refused" {
	# written elsewhere as well
	flag 'if (!done) { done = 1; old = x; } ' 'new[0] = x; } if (x > 3) { new[x \& 3]++;'
	written
	# a time that has come comes again
	flag 'if (done < x) { old = x; done = x + 5; }' 'new[0] = x;'
	written
	# a lock that is taken for the first run as it is for others
	flag 'if (!done) { done = 1; lock(&old); old = x; unlock(&old); }' 'lock(new); unlock(new); } if (x) { lock(new); init(\&old); unlock(new);'
	written
	# not written behind it
	flag 'if (!done) { old = x; done = 1; }' 'ext(new[x \& 1]);'
	written
}

@test "a guarded function that nobody else calls is guarded" {
	original <<'END'
		void init(void *); static int old;
		static noinline int setup(int x) { init(&old); return x + 1; }
		int f(int x) { static int done; if (!done) { done = 1; x = setup(x); } return ext(old + x); }
END
	patched '1s/$/ static int new[4];/' 's/init\(&old\)/init(\&old); init(new)/' 's/ext\(old/ext(new[x \& 3] + old/'
	differ
	refused initialised-once
	# nor is one that guarded code hands to somebody, who may call it again
	sed -i 's/x = setup(x);/hand(setup);/; 1s/$/ void hand(int (*)(int));/' original.c patched.c
	rm kallsyms
	differ
	written
	rm out.o
	sed -i 's/hand(setup);/x = setup(x);/' original.c patched.c
	# one that others call as well is not
	sed -i '$s/$/ int g(int x) { return setup(x); }/' original.c patched.c
	rm kallsyms
	differ
	written
}

@test "a flag of a message is the patch's own; one behind which state is written is the kernel's" {
	lite() { # FLAG CODE
		rm -f kallsyms out.o
		original <<-EOF
			void init(void *); int _printk(const char *, ...);
			static int old; int peek(void) { return old; }
			static noinline void setup(int x) { old += x; }
			int f(int x) { static _Bool $1; if (!${1%% *}) { ${1%% *} = 1; $2 } return ext(x); }
		EOF
		patched 's/ext\(x\)/ext(x) + 1/'
		differ
		written
	}
	for flag in '__already_done __section(".data.once")' 'done __section(".data.once")' __warned; do
		for code in 'old = x;' 'init(&old);' 'setup(x);' '_printk("x"); old++;'; do
			lite "$flag" "$code"
			[[ $(owner_of "${flag%% *}") == kernel ]] || { echo "$flag $code"; false; }
		done
		for code in '_printk("x %d", old);' '_printk("x %p", &old);' 'ext2(x);'; do
			lite "$flag" "$code"
			[[ $(owner_of "${flag%% *}") == patch ]] || { echo "$flag $code"; false; }
		done
	done
}

@test "two guards of one run, each read and combined in every way" {
	local guard
	for guard in 'if (!done || !more)' 'if (!done && !more)' 'if (!(done && more))' 'if (!(done | more))' 'if ((done & 6) != 6)'; do
		flag "static int more; $guard { done |= ext2(x); more = x; old = x; }" 'init(new);'
		refused initialised-once || { echo "$guard"; false; }
	done
	# something else leads there as well
	for guard in 'if (!done || x)' 'if (!done || !more || x == 3)' 'if (x || !(done | more))'; do
		flag "static int more; $guard { done |= ext2(x); more = x; old = x; }" 'init(new);'
		written || { echo "$guard"; false; }
	done
	# the bits that are looked at, not the others
	flag 'static int at = 5; if ((at & 6) != 4) { old = x; } at += x;' 'init(new);'
	written
	flag 'static int at = 4; int d = *(volatile int *)&at, e = d & 6; if (e != 6) { old = x; } at = d + x;' 'init(new);'
	refused initialised-once
	flag 'static int at = 5; int d = *(volatile int *)&at, e = d & 6; ext2(e); if (d == 4) { old = x; } at = d + x;' 'init(new);'
	written
}

@test "a guard that is read before a call and tested behind it" {
	local all='asm volatile("" ::: "rbx", "rbp", "r12", "r13", "r14", "r15", "memory");' read='int d = *(volatile int *)&done;'
	flag "$read ext2(1); if (!d) { done = 1; old = x; }" 'init(new);'
	refused initialised-once
	# on the stack meanwhile, where nothing but its place tells it
	flag "$read ext2(1); $all if (!d) { done = 1; old = x; }" 'init(new);'
	refused initialised-once
	flag "$read int e = ext(4); $all ext2(d); $all ext2(d); if (!e) { done = 1; old = x; }" 'init(new);'
	written
	# a call's result is another value
	flag "$read if (!ext2(d)) { done = 1; old = x; }" 'init(new);'
	written
}

@test "a guard that a function which is called reads" {
	accessor() { # WHAT IT RETURNS, CODE
		rm -f kallsyms out.o
		original <<-END
			void init(void *); static int old, other; int peek(void) { return old; } void set_other(int x) { other = x; }
			static int done; static noinline int is_done(void) { barrier(); return $1; } void clear(void) { done = 0; }
			static noinline void set_done(void) { barrier(); done = 1; }
			int f(int x) { $2 return ext(x); }
		END
		patched '1s/$/ static int new[4];/' 's/old = x;/old = x; init(new);/' 's/return ext\(x\)/return new[x \& 3] + ext(x)/'
		differ
	}
	accessor done 'if (!is_done()) { set_done(); old = x; }'
	refused initialised-once
	[[ $stderr == *"initialises new where done says"* ]]
	accessor '!done' 'if (is_done()) { done = 2; old = x; }'
	refused initialised-once
	# of two variables it is not known which it tells of
	accessor 'done + other' 'if (!is_done()) { set_done(); old = x; }'
	written
	# nobody sets it there
	accessor other 'if (!is_done()) { set_done(); old = x; }'
	written
	accessor 'done++' 'if (x) { is_done(); set_done(); old = x; }'
	written
}

@test "a guard that is set by a function which is called" {
	local body
	for body in 'done = 1; old = x;' 'ext2(x); done = 1;'; do
		rm -f kallsyms out.o
		original <<-END
			void init(void *); static int old, done; int peek(void) { return old; }
			static noinline void setup(int x) { $body }
			int f(int x) { if (!done) { old = x; setup(x); } return ext(x); }
		END
		patched '1s/$/ static int new[4];/' 's/old = x; setup/& init(new); setup/; s/setup init/init/' 's/return ext\(x\)/return new[x \& 3] + ext(x)/'
		differ
		refused initialised-once
	done
	# of another variable, or of another element
	for body in 'old = 1;' 'ext2(done);'; do
		rm -f kallsyms out.o
		original <<-END
			void init(void *); static int old, done; int peek(void) { return old; } void other(int x) { done = x; }
			static noinline void setup(int x) { $body }
			int f(int x) { if (!done) { old = x; setup(x); } return ext(x); }
		END
		patched '1s/$/ static int new[4];/' 's/old = x; setup/& init(new); setup/; s/setup init/init/' 's/return ext\(x\)/return new[x \& 3] + ext(x)/'
		differ
		written || { echo "$body"; false; }
	done
}

@test "a changed function that nobody but __init code calls: refused in vmlinux, a warning in a module" {
	macros
	original <<'END'
		struct nb { int (*fn)(int); struct nb *next; }; int reg(struct nb *), reg2(struct nb *); static int old; int peek(void) { return old; }
		static int ev(int x) { return ext(x); } static struct nb nb = { ev };
		static noinline int setup(int x) { old = x; return reg(&nb); }
		static int __section(".init.text") __used start(void) { return setup(3) + 2; }
		int use(int x) { return ext2(x); }
END
	patched '3s/return/reg2(\&nb); return/'
	differ
	refused init-changed
	[[ $stderr == *"setup"*": it has run already, and nothing but __init code calls it: "* ]]
	rm kallsyms
	owner=m
	differ
	written
	[[ $(ids) == loaded-already ]]
	rm kallsyms
	owner=vmlinux
	rm out.o
	sed -i '5s/$/ KPATCH_IGNORE_FUNCTION(setup);/; 5s/ext2(x)/ext2(x + 1)/' patched.c
	differ
	written
	[[ $(ids) == difference-ignored ]]
	# __exit code calls it as well, when __init code failed, or alone
	local start
	for start in 'setup(3) + 2' 'ext(3)'; do
		rm -f out.o kallsyms
		sed -i "4s/return .*;/return $start;/" original.c
		sed -i '6,$d; 5s/$/ static void __section(".exit.text") __used stop(void) { setup(5); }/' original.c
		patched '3s/return/reg2(\&nb); return/'
		differ
		written
		[[ -z $(ids) ]]
		sed -i '5s/ static void .*//' original.c
	done
}

@test "a new block of handlers that boot code would register" {
	original <<'END'
		struct nb { int (*fn)(int); struct nb *next; }; int reg(struct nb *); static int old; int peek(void) { return old; }
		static int ev(int x) { return ext(x); } static struct nb nb = { ev };
		static noinline int setup(int x) { old = x; return reg(&nb); }
		static int __section(".init.text") __used start(void) { return setup(3) + 2; }
		int use(int x) { static int done; if (!done) { old = 4; done = x; } return ext2(x); }
END
	patched '2s/$/ static struct nb nb2 = { ev };/' '3s/return/reg(\&nb2); return/'
	differ
	refused initialised-once
	[[ $stderr == *"it initialises nb2, and nothing but __init code calls setup"* ]]
	# a work that is queued again when the last one is done
	patched '2s/$/ static struct nb nb2 = { ev };/' '5s/old = 4/reg(\&nb2)/'
	differ
	written
}

@test "a new lock in place of one that the kernel has: refused, unless the author vouches; beside it, it is not" {
	macros
	original <<'END'
		struct lock { long a[4]; }; void mutex_lock(void *), mutex_unlock(void *), down_read(void *), up_read(void *), mutex_init(void *);
		static struct lock a; static int n;
		int f(int x) { mutex_lock(&a); n += x; mutex_unlock(&a); return n; }
		int g(int x) { mutex_lock(&a); n -= x; mutex_unlock(&a); return n; }
END
	patched '2s/$/ static struct lock b;/' '3s/&a/\&b/g'
	differ
	refused lock-replaced
	[[ $stderr == *"f"*"it takes the new lock b in place of a"* ]]
	patched '2s/$/ static struct lock b;/' '3s/mutex_(un)?lock\(&a/mutex_\1lock(\&b/g; 3s/mutex_lock\(&b\)/down_read(\&b)/'
	differ
	refused lock-replaced
	patched '2s/$/ static struct lock b; KPATCH_ALLOW_DATA_CHANGE(b);/' '3s/&a/\&b/g'
	differ
	written
	rm out.o
	patched '2s/$/ static struct lock b;/' '3s/n \+= x;/mutex_lock(\&b); & mutex_unlock(\&b);/'
	differ
	written
	rm out.o
	# a function that is made of two
	sed -i '3s/return n;/mutex_lock(\&a); n = ext(n); mutex_unlock(\&a); &/' original.c
	patched '2s/$/ static struct lock b;/' '3s/(mutex_(un)?lock\(&)a(.*mutex_lock)/\1b\3/; 3s/(n \+= x; mutex_unlock\(&)a/\1b/'
	rm kallsyms
	differ
	refused lock-replaced
	rm -f kallsyms
	# the old one is no longer taken, and nothing else is
	patched '2s/$/ static struct lock b;/' '3s/mutex_(un)?lock\(&a\);//g; 3s/n \+= x;/mutex_init(\&b); &/'
	differ
	written
}

@test "a reference that one function begins to take and another one to give back: a warning" {
	original <<'END'
		void get_device(void *), put_device(void *); void *base(void *);
		int start(void *d) { return ext(3); }
		int stop(void *d) { return ext2(1); }
END
	patched '2s/return/get_device(base(d)); return/' '3s/return/put_device(base(d)); return/'
	differ
	written
	[[ $(ids) == reference-not-taken ]]
	[[ $stderr == *"stop"*"it begins to call put_device() where start() begins to call get_device()"* ]]
	# the one for the other, or both in one, or a leak that is mended
	rm out.o
	patched '2s/return/get_device(base(d)); return stop(d) +/' '1s/$/int stop(void *);/' '3s/return/put_device(base(d)); return/'
	differ
	written
	[[ -z $(ids) ]]
	rm out.o
	patched '2s/return ext/get_device(base(d)); put_device(d); return ext/' '3s/return/put_device(base(d)); return/'
	differ
	written
	[[ -z $(ids) ]]
}
