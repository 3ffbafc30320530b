#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Which addresses of the patch get away from it (escape.c), and which do not.

load differ.bash

# as kpatch-build compiles: debug information tells how many arguments a function takes
look() { extra_flags=(-g) && differ; }

# KEPT...: what the differ says may outlive the patch, line by line, and nothing else
kept() {
	[[ $status -eq 0 ]] || return
	diff <(printf '%s\n' "$@" | sort) <(sed -n 's/^kept  *//p' <<< "$output" | sort)
}
nothing_kept() { written && no grep -q '^kept' <<< "$output"; }

# f(): what f() of the patch says, between braces; the original's is empty
f() { # DECLARATIONS BODY
	original <<< "$1
		void *f(int x, void **where) { return 0; }"
	patched <<< "$1
		void *f(int x, void **where) { $2 }"
	look
}

@test "stored in memory: through a pointer, in a variable, as an immediate" {
	f '' '*where = "text"; return 0;'
	kept '"text": f() stores it in memory'
	f 'extern const char *name;' 'name = "text"; return 0;'
	kept '"text": f() stores it in memory'
	f '' 'where[x] = x ? "one" : "two"; return 0;'
	kept '"two": f() stores it in memory' '"one": f() stores it in memory'
}

@test "returned" {
	f '' 'return x ? "text" : 0;'
	kept '"text": f() returns it'
}

@test "printed only" {
	sed -i 's/printk(const/_printk(const/; $a #define printk _printk' kernel.h
	f '' 'printk("text %s %d\n", x ? "yes" : "no", x); return 0;'
	nothing_kept
	f '' 'printk("%d%d%d%d%d%d%d %s\n", 1, 2, 3, 4, 5, 6, 7, x ? "yes" : "no"); return 0;'
	nothing_kept
}

@test "printed by scsi, given to a tracepoint, and a stack that is broken" {
	f 'void sdev_prefix_printk(const char *, void *, const char *, const char *, ...); void do_trace_netlink_extack(const char *);' \
		'sdev_prefix_printk("3", where, "name", "%s %d %d %d\n", x ? "a" : "b", 1, 2, x); do_trace_netlink_extack("text"); return 0;'
	nothing_kept
	extra_flags=(-g -fstack-protector-all)
	original <<< 'long use(long *); long f(int x) { long v[4] = { x }; return use(v); }'
	patched <<< 'static const long t[2] = { 1, 2 }; long use(long *); long f(int x) { long v[4] = { x }; x = use(v); asm volatile("" :: "D"(t)); return x; }'
	rm -f kallsyms out.o
	differ
	nm patched.o | grep -qw __stack_chk_fail
	nothing_kept
}

@test "passed to a function of which nothing is known" {
	f 'void keep(int, const char *);' 'keep(1, "text"); return 0;'
	kept '"text": f() passes it to keep(), which may keep it'
	f '' '((void (*)(const char *))where)("text"); return 0;'
	kept '"text": f() passes it on through a pointer'
	f 'void *keep(int, const char *);' 'return keep(1, "text");'
	kept '"text": f() passes it to keep(), which may keep it'
	f 'void keep(int, int, int, int, int, int, const char *);' 'keep(1, 2, 3, 4, 5, 6, "text"); return 0;'
	kept '"text": f() passes it to keep(), which may keep it'
}

@test "known functions: what is copied, and results that point into an argument" {
	f 'void *memcpy(void *, const void *, unsigned long);' 'memcpy(where, "text", x); return 0;'
	nothing_kept
	f 'void *memcpy(void *, const void *, unsigned long); static const char *const names[] = { "a", "b" };' \
		'memcpy(where, names, x); return 0;'
	kept 'names: f() passes it to memcpy(), which may keep it'
	f 'char *strstr(const char *, const char *);' 'return strstr("text", (void *)where);'
	kept '"text": f() returns it'
	f 'char *strstr(const char *, const char *);' 'return strstr((void *)where, "text");'
	nothing_kept
	f 'char *strstr(const char *, const char *);' 'return (void *)(long)*strstr("text", (void *)where);'
	nothing_kept
}

@test "compared only" {
	f 'static int fresh[2];' 'if (where[2] == (void *)&fresh) ext(1); return 0;'
	nothing_kept
}

@test "through a register that survives calls, a stack slot, a loop" {
	f '' 'const char *s = x ? "one" : "two"; ext(1); ext(2); *where = (void *)s; return 0;'
	kept '"two": f() stores it in memory' '"one": f() stores it in memory'
	f '' 'const char *s = x ? "one" : "two"; ext(1);
	      asm volatile("" ::: "rbx", "rbp", "r12", "r13", "r14", "r15"); ext(2);
	      where[0] = (void *)s; return 0;'
	kept '"two": f() stores it in memory' '"one": f() stores it in memory'
	f '' 'const char *s = "one"; for (int i = 0; i < x; i++) { asm("" : "+r"(s)); if (ext(i)) *where = (void *)s; }
	      return 0;'
	kept '"one": f() stores it in memory'
	f '' 'const char *s = "one"; for (int i = 0; i < x; i++) { asm("" : "+r"(s)); if (ext(i)) ext(s[i]); }
	      return 0;'
	nothing_kept
}

@test "in a structure on the stack, which is copied or whose address is passed on" {
	f 'struct s { long a; const char *b; };' '*(struct s *)where = (struct s){ x, "text" }; return 0;'
	kept '"text": f() stores it in memory'
	f 'struct s { long a; const char *b; }; void keep(struct s *);' \
		'struct s s = { x, "text" }; keep(&s); return 0;'
	kept '"text": what f() does with it cannot be followed'
	f 'struct s { long a[3]; const char *b; };
	   static noinline void put(struct s *to, struct s *from) { barrier(); *to = *from; }' \
		'struct s s = { { x }, "text" }; put((void *)where, &s); return 0;'
	kept '"text": what f() does with it cannot be followed'
	f 'struct s { long a; const char *b; };
	   static noinline int use(struct s *s) { barrier(); return s->b[s->a]; }' \
		'struct s s = { x, "text" }; return (void *)(long)use(&s);'
	nothing_kept
}

@test "what is in a table of the patch: its address, and what is loaded from it" {
	local table='static const char *const names[] = { "one", "two", "three" };'
	f "$table" '*where = (void *)names; return 0;'
	kept 'names: f() stores it in memory'
	f "$table" '*where = (void *)names[x]; return 0;'
	kept 'names: f() stores it in memory'
	f "$table" 'return (void *)(long)names[x][1];'
	nothing_kept
	f 'static const long numbers[] = { 1, 2, 3 };' 'return (void *)numbers[x];'
	nothing_kept
}

@test "a new function: its address, and calls of it" {
	original <<< 'void keep(void *); int f(int x) { return ext(x); }'
	patched << 'END'
		void keep(void *);
		static noinline int fresh(int x) { return ext2(x) * 3; }
		int f(int x) { keep(fresh); return ext(x) + fresh(x); }
END
	look
	kept 'fresh: f() passes it to keep(), which may keep it'
	patched << 'END'
		void keep(void *);
		static noinline int fresh(int x) { return ext2(x) * 3; }
		int f(int x) { return ext(x) + fresh(x); }
END
	look
	nothing_kept
}

@test "a pointer to a function that is replaced leads to the kernel's" {
	original <<< 'void keep(void *); int g(int x) { return ext(x); } int f(int x) { keep(g); return ext(x); }'
	patched 's/ext\(x\)/ext(x + 1)/g'
	look
	nothing_kept
}

@test "through functions whose code is at hand" {
	local both='static noinline void put(void **to, const char *s) { barrier(); *to = (void *)s; }
		static noinline int use(const char *s, int x) { barrier(); return s[x]; }
		static noinline const char *same(const char *s, int x) { barrier(); return s + x; }
		__used static void user(void **w) { put(w, "a"); use("b", 1); same("c", 1); }'
	f "$both" 'put(where, "text"); return 0;'
	kept '"a": user() passes it to put(), which may keep it' '"text": f() passes it to put(), which may keep it'
	f "$both" 'return (void *)(long)use("text", x);'
	nothing_kept
	f "$both" 'return (void *)same("text", x);'
	kept '"text": f() returns it'
	f "$both" 'ext(*same("text", x)); return 0;'
	nothing_kept
	f 'static noinline int down(const char *s, int x) { barrier(); return x ? down(s + 1, x - 1) + ext(2) : *s; }' \
		'return (void *)(long)down("text", x);'
	kept '"text": f() passes it to down(), which may keep it'
}

@test "returned by a new function to the patch" {
	original <<< 'int f(int x, const char **where) { return ext(x); }'
	patched << 'END'
		static noinline const char *name(int x) { barrier(); return x ? "one" : 0; }
		int f(int x, const char **where) { return *name(x); }
END
	look
	nothing_kept
	patched << 'END'
		static noinline const char *name(int x) { barrier(); return x ? "one" : 0; }
		int f(int x, const char **where) { *where = name(x); return ext(x); }
END
	look
	kept '"one": name() stores it in memory'
	patched << 'END'
		static noinline const char *name(int x) { barrier(); return x ? "one" : 0; }
		const char *f(int x, const char **where) { ext(x); return name(x); }
END
	look
	kept '"one": name() returns it'
}

@test "returned by a function that is replaced, to code that the patch does not have" {
	original << 'END'
		static noinline const char *name(int x) { barrier(); return x ? "one" : 0; }
		int f(int x) { return *name(x); }
END
	patched << 'END'
		static noinline const char *name(int x) { barrier(); return x ? "three" : 0; }
		int f(int x) { return *name(x) + 1; }
END
	look
	kept '"three": name() returns it'
}

@test "a way that only a jump label takes, and the replacement of an alternative" {
	f 'extern long key;' 'register const char *s asm("rbx") = "text"; asm volatile("" : "+r" (s));
		asm goto("1: .byte 0x0f,0x1f,0x44,0x00,0x00\n"
		".pushsection __jump_table, \"aw\"\n .balign 8\n .long 1b - ., %l[yes] - .\n .quad key - .\n .popsection"
		:: "r" (s) : "memory" : yes);
		return 0; yes: *where = (void *)s; return 0;'
	kept '"text": f() stores it in memory'
	f '' 'asm volatile("1: nop; nop; nop; 2:\n"
		".pushsection .altinstructions, \"a\"\n .long 1b - ., 3f - .\n .long 0\n .byte 3, 3\n .popsection\n"
		".pushsection .altinstr_replacement, \"ax\"\n 3: mov %0, (%1)\n .popsection"
		:: "r" ("text"), "r" (where) : "memory"); return 0;'
	kept '"text": f() stores it in memory'
	f '' 'asm volatile("1: nop; nop; nop; 2:\n"
		".pushsection .altinstructions, \"a\"\n .long 1b - ., 3f - .\n .long 0\n .byte 3, 3\n .popsection\n"
		".pushsection .altinstr_replacement, \"ax\"\n 3: cmp %0, %1\n .popsection"
		:: "r" ("text"), "r" (where) : "cc"); return 0;'
	nothing_kept
}

@test "a result in two registers" {
	original <<< 'struct two { long a; const char *b; }; struct two f(int x) { return (struct two){ ext(x) }; }'
	patched <<< 'struct two { long a; const char *b; }; struct two f(int x) { return (struct two){ ext(x), "text" }; }'
	look
	kept '"text": f() returns it'
	original <<< 'int f(int x) { return ext(x); }'
	patched <<< 'int f(int x) { asm volatile("" :: "d" ("text")); return ext(x); }'
	look
	nothing_kept
}

@test "what is left in registers is no argument of a function that takes fewer, nor a result of none" {
	f 'void seven(int, int, int, int, int, int, long); void two(long, long);' \
		'const char *s = "text"; asm volatile("" : "+S" (s)); two(1, 2); return 0;'
	nothing_kept
	original <<< 'void f(void) { ext(1); }'
	patched <<< 'void f(void) { ext(1); asm volatile("" :: "a" ("text")); }'
	look
	nothing_kept
	extra_flags=() # without debug information anything may be one
	differ
	kept '"text": f() returns it'
}

@test "goto *label, and a jump that may be one" {
	f '' 'static void *const to[] = { &&a, &&b }; const char *s = "text"; asm("" : "+r"(s));
	      goto *to[x]; a: ext(1); *where = (void *)s; b: return 0;'
	kept '"text": f() stores it in memory'
}

@test "tables of labels: what the patch's own code reads of them leads into it; what a label does counts" {
	local table='static const void *const to[] = { &&one, &&two, &&three };'
	f '' "$table goto *to[x]; one: ext(1); goto *to[ext(2)]; two: return 0; three: return (void *)1;"
	nothing_kept
	f '' "$table const char *s = \"text\"; asm(\"\" : \"+r\"(s)); ext(7); goto *to[x]; one: ext(s[1]); goto *to[ext(2)];
		two: *where = (void *)s; return 0; three: return (void *)1;"
	kept '"text": f() stores it in memory'
	f '' "$table const char *s = \"text\"; asm(\"\" : \"+r\"(s)); ext(7); goto *to[x]; one: ext(s[1]); goto *to[ext(2)];
		two: ext(s[2]); return 0; three: return (void *)1;"
	nothing_kept
	f '' "$table *where = (void *)to[ext(1)]; goto *to[x]; one: ext(1); goto *to[ext(2)]; two: return 0; three: return (void *)1;"
	kept 'to.0: f() stores it in memory'
}

@test "distances between labels: where a jump leads is not known" {
	f '' 'static const int to[] = { &&a - &&a, &&b - &&a }; const char *s = "text"; asm("" : "+r"(s)); ext(7);
	      goto *(&&a + to[x]); a: ext(1); return 0; b: *where = (void *)s; return 0;'
	grep -qx 'kept  *"text": what f() does with it cannot be followed' <<< "$output"
}

@test "a new lock that is taken and released: nobody keeps it" {
	local take
	for take in 'mutex_lock_killable mutex_unlock' 'mutex_lock_interruptible mutex_unlock' '_raw_read_lock _raw_read_unlock' \
		'_raw_write_lock_bh _raw_write_unlock_bh' '_raw_spin_trylock _raw_spin_unlock' 'down_read up_read' 'down_write_killable up_write'; do
		rm -f kallsyms out.o
		f "int ${take% *}(void *); void ${take#* }(void *);" "static long lock[4]; if (!${take% *}(lock)) return 0; ext(x); ${take#* }(lock); return 0;"
		nothing_kept || { echo "$take"; false; }
	done
}

@test "names and classes of locks: nothing without lockdep" {
	local init='struct lock_class_key {MEMBER}; struct mutex; void __mutex_init(struct mutex *, const char *, struct lock_class_key *);'
	local body='static struct lock_class_key key; __mutex_init((void *)where, "lock", &key); return 0;'
	f "${init/MEMBER/}" "$body"
	nothing_kept
	f "${init/MEMBER/long member;}" "$body"
	kept '"lock": f() passes it to __mutex_init(), which may keep it' 'key.0: f() passes it to __mutex_init(), which may keep it'
	f "${init/MEMBER/}" 'static struct lock_class_key key; static long fresh[4]; __mutex_init((void *)fresh, "lock", &key); return 0;'
	kept 'fresh.1: f() passes it to __mutex_init(), which may keep it'
}

@test "in a variable that only the patch has: what is loaded from there counts" {
	f 'static const char *last;' 'if (last && last[1]) ext(*last); last = x ? "text" : 0; return 0;'
	nothing_kept
	f 'static const char *last;' 'if (x > 3) return (void *)last; last = x ? "text" : 0; return 0;'
	kept '"text": f() stores it in memory'
	f 'static const char *last[4];' 'if (last[x]) ext(*last[x]); last[x] = "text"; return 0;'
	nothing_kept
	f 'static const char *last[4];' '*where = last; last[x] = "text"; return 0;'
	kept '"text": f() stores it in memory' 'last: f() stores it in memory'
	# another file of the patch may read it
	original <<< 'void *f(int x, void **where) { return 0; }'
	patched <<< 'const char *last; void *f(int x, void **where) { if (last && last[1]) ext(*last); last = x ? "text" : 0; return 0; }'
	look
	kept '"text": f() stores it in memory'
}

@test "in a variable that the kernel has: it stays there" {
	original <<< 'static const char *last; void *f(int x, void **where) { if (last && last[1]) ext(*last); last = 0; return 0; }
		void *g(int x, void **where) { last = *where; return 0; }'
	patched 's/last = 0/last = x ? "text" : 0/'
	look
	kept '"text": f() stores it in memory'
}

@test "from one variable of the patch to another, and around" {
	local two='static const char *one, *two;
		static noinline void turn(int x) { const char *was = one; one = two; two = x ? was : 0; }'
	f "$two" 'turn(x); if (one) ext(*one); one = "text"; return 0;'
	nothing_kept
	f "$two" 'turn(x); if (two) *where = (void *)two; one = "text"; return 0;'
	kept '"text": f() stores it in memory'
	f "$two" 'turn(x); if (one) *where = (void *)one; one = "text"; two = "other"; return 0;'
	kept '"text": f() stores it in memory' '"other": f() stores it in memory'
}

@test "instructions that nobody understands, and unusual ones that store" {
	f '' 'asm volatile("wrmsr" :: "a" ("text"), "c" (1), "d" (0)); return 0;'
	kept '"text": what f() does with it cannot be followed'
	f '' 'void *s = "text"; asm volatile("xchg %0, %1" : "+r" (s), "+m" (*where)); return 0;'
	kept '"text": f() stores it in memory'
	f '' 'asm volatile("lock cmpxchg %1, %0" : "+m" (*where) : "r" ("text"), "a" (0L) : "memory"); return 0;'
	kept '"text": f() stores it in memory'
	f '' 'void *to = where; long n = 1; asm volatile("rep stosq" : "+D" (to), "+c" (n) : "a" ("text") : "memory"); return 0;'
	kept '"text": f() stores it in memory'
	f '' 'void *to = where; const void *from = "text"; long n = 1;
	      asm volatile("rep movsb" : "+D" (to), "+S" (from), "+c" (n) :: "memory"); return 0;'
	nothing_kept
	f '' 'asm volatile("mov %0, %%gs:8" :: "r" ("text") : "memory"); return 0;'
	kept '"text": f() stores it in memory'
}

@test "the author vouches that the patch can be removed" {
	macros
	original <<< 'void *f(int x) { ext(x); return 0; }'
	patched <<< 'void *f(int x) { ext(x); return "text"; } KPATCH_REMOVABLE("callers print it and forget it");'
	differ
	nothing_kept
	[[ $(ids) == removable-allowed && $stderr == *"1 address of the patch"*"callers print it and forget it"* ]]
	patched <<< 'void *f(int x) { ext(x + 1); return 0; } KPATCH_REMOVABLE("no reason");'
	differ
	nothing_kept
	[[ $(ids) == request-without-effect ]]
}

# handler PROTOTYPES CODE: what f() does to hand over old(), which is new() in the patch
handler() {
	rm -f kallsyms out.o
	original <<-END
		$1
		struct work { void (*fn)(struct work *); long n; };
		static void old(struct work *w) { ext(w->n); }
		int f(int x, struct work *w) { $2; return ext(x) + 1; }
	END
	patched 's/\bold\b/new/g' 's/ext\(w->n\)/ext(w->n + 1)/'
	differ
}

@test "a function that the kernel keeps a pointer to, under a new name: refused, unless the author vouches" {
	macros
	extra_flags+=(-g)
	handler '' 'w->fn = old'
	refused handler-renamed
	[[ $stderr == *"f+0x"*"it hands over new in place of old:"*"Keep the name old,"* ]]
	sed -i '4s/^/KPATCH_ALLOW_DATA_CHANGE(new);/' patched.c
	differ
	written
	[[ $stderr != *request-without-effect* ]]
	handler 'void init_timer_key(void *, void *, int);' 'init_timer_key(w, old, 3)'
	refused handler-renamed
	# one that is called before f() comes to its end, or that is not known to be kept
	handler 'int walk(void *, void *);' 'walk(w, old)'
	written
	# the old one is there as well, with its name: it is replaced
	handler '' 'w->fn = old'
	patched '2s/$/ struct work; static void new(struct work *);/' 's/w->fn = old/w->fn = x ? old : new/' 's/ext\(w->n\)/ext(w->n + 1)/' '$a static void new(struct work *w) { ext2(3); }'
	differ
	written
	# a new one beside others
	original <<< 'void *f(int x, void **where) { return 0; }'
	patched <<< 'static void new(void) { ext(3); } void *f(int x, void **where) { *where = new; return 0; }'
	rm -f kallsyms out.o
	differ
	written
}
