#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Tables that describe code: entries come along with their function, and only with it.

load differ.bash

# WARN-like entries in f and g, as 6.1 lays them out: site, file, line, flags
bug_source() {
	original <<END
		#define WARN(flags) asm volatile("1: ud2\n.pushsection __bug_table,\"aw\"\n" \
			"2: .long 1b - .\n.long %c0 - .\n.word %c1\n.word %c2\n.org 2b + 12\n.popsection" \
			: : "i"("file.c"), "i"(__LINE__), "i"(flags))
		int g(int x) { if (x == 5) WARN(9); return ext2(x); }
		int f(int x)
		{
			if (x == 6)
				WARN(9);
			return ext(x) + 1;
		}
END
}

@test "a bug entry: only the changed function's, with its new line" {
	bug_source
	patched 's/\+ 1;/+ 2;/' 's/if \(x == 6\)/\n\n\n\nif (x == 6)/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	line=$(grep -n 'WARN(9);$' patched.c | cut -d: -f1)
	[[ $(bytes __bug_table) == "0000000000000000$(printf %02x "$line")000900" ]]
	[[ $(relocs __bug_table | wc -l) -eq 2 ]]
	grep -q '^0 R_X86_64_PC32 .text.f +' <(relocs __bug_table)
}

@test "a bug entry whose line alone changed: no change" {
	bug_source
	patched '1s/^/\n\n\n\n/'
	differ
	no_change
}

@test "a bug entry whose flags changed" {
	bug_source
	patched '/x == 6/,/WARN/s/WARN\(9\)/WARN(1)/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $output == *"its bug table entry differs"* ]]
}

@test "a bug entry that is new" {
	bug_source
	patched 's/return ext\(x\) \+ 1/WARN(3); return ext(x) + 1/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $(relocs __bug_table | wc -l) -eq 4 ]]
}

# Entries of 7.x: address, format, file, line, flags. A function passes the address of its entry on.
bug_source_16() {
	original <<-'END'
		void __WARN_trap(const void *, ...);
		#define WARN(fmt, flags) do { const void *e; \
			asm volatile("1: lea 2f(%%rip), %0\n.pushsection __bug_table,\"aw\"\n" \
			"2: .long 1b - .\n .long %c1 - .\n .long %c2 - .\n .word %c3\n .word %c4\n" \
			".popsection" : "=r"(e) : "i"(fmt), "i"(__FILE__), "i"(__LINE__), "i"(flags)); \
			__WARN_trap(e, 1); } while (0)
		noinline int f(int x) { if (x == 5) WARN("five", 9); return ext(x) + 1; }
		noinline int g(int x) { if (x == 6) WARN("six", 9); return ext(x) + 3; }
		int use(int x) { return f(x) + g(x); }
	END
}

@test "a bug entry of 16 bytes: only the changed function's, with its format, file and new line; nobody keeps it" {
	bug_source_16
	patched 's/\+ 1;/+ 2;/' 's/^noinline int f/\n\n\n\n&/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	line=$(grep -n '"five"' patched.c | cut -d: -f1)
	[[ $(bytes __bug_table) == "000000000000000000000000$(printf %02x "$line")000900" ]]
	[[ $(relocs __bug_table | cut -d' ' -f1,2) == "0 R_X86_64_PC32"$'\n'"4 R_X86_64_PC32"$'\n'"8 R_X86_64_PC32" ]]
	no grep address-kept <<< "$output$stderr"
}

@test "a bug entry of 16 bytes whose line alone changed: no change; its format: one" {
	bug_source_16
	patched '1s/^/\n\n\n\n/'
	differ
	no_change
	patched 's/"six"/"half a dozen"/'
	differ
	written
	[[ $(funcs) == "g g 0 vmlinux" ]]
}

# What GCC makes for -fsanitize=bounds: nameless writable data, which a copy in the patch does for
ubsan_source() {
	extra_flags=(-fsanitize=bounds,shift)
	original <<-'END'
		int table[8];
		noinline int f(int x) { return ext(table[x]) + 1; }
		noinline int g(int x) { return ext(2 << x) + 3; }
		int use(int x) { return f(x) + g(x); }
	END
}

@test "UBSAN's descriptions: copied with the code that has them, with type and new line" {
	ubsan_source
	patched 's/\+ 1;/+ 2;/' 's/^noinline int f/\n\n\n\n&/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	line=$(grep -n 'int f' patched.c | cut -d: -f1)
	section=$(readelf -SW out.o | grep -o '\.data\.\.Lubsan_data[0-9]*' | sort -u)
	[[ $(wc -l <<< "$section") -eq 1 && $(bytes "$section") == 0000000000000000$(printf %02x "$line")000000* ]]
	[[ $(relocs "$section" | wc -l) -eq 3 ]]
	[[ $(relocs "$section") == *$'\n'"10 R_X86_64_64 .data..Lubsan_type"* ]]
	no grep Lubsan <<< "$(grep '^kept' <<< "$output")"
}

@test "UBSAN's descriptions whose lines alone changed: no change" {
	ubsan_source
	patched '1s/^/\n\n\n\n/'
	differ
	no_change
}

# lines: the snippets that follow have debug information
lines() { extra_flags=(-g); }

@test "a line number that a call is given, by the debug information of both: no change, and a note that says which" {
	lines
	original <<-'END'
		void fail_at(void *, const char *, int);
		int f(int x) { if (x == 3) fail_at(&x, "f", __LINE__); return ext(x); }
	END
	patched '1s/^/\n\n\n/'
	differ
	no_change
	[[ $stderr == *"/file.c:5: note: "*"f+0x"*": argument 3 of this call is its line number, 2 before and 5 now"*"[line-number-ignored]"* ]]
	# the debug information is what tells: without it nothing is left out
	extra_flags=()
	rm kallsyms
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $stderr != *line-number-ignored* ]]
}

@test "a line number beside what always was one: on the stack, in a function that ends in the call, of an inlined call" {
	lines
	original <<-'END'
		int many(int, int, int, int, int, int, int, long), start(int, int);
		static inline __attribute__((always_inline)) int start_at(int x, int line) { return start(x, line); }
		#define begin(x) start_at(x, __LINE__)
		int f(int x) { return many(x, 1, 2, 3, 4, 5, __LINE__ + 0x1000 - 0x1000, 7) + 1; }
		int g(int x) { return start(x, __LINE__); }
		int h(int x)
		{
			ext2(x);
			return begin(
				x) + 1;
		}
	END
	# numbers below 128 take fewer bytes on the stack
	sed -i "3s/^/$(printf '\\n%.0s' {1..200})/" original.c
	patched '3s/^/\n\n\n/'
	differ
	no_change
	[[ $stderr == *"f+0x"*"an argument on the stack of this call is its line number"* ]]
	[[ $stderr == *"g+0x"*"argument 2 of this call is its line number"* ]]
	[[ $stderr == *"h+0x"*"argument 2 of this call is its line number"* ]]
}

@test "a constant that is not the line of its call on both sides: a change" {
	lines
	# as ext4_new_inode(): flags on the stack, and a comment above
	original <<-'END'
		void *__ext4_new_inode(int, int, int, int, int, int, int, int, int, long);
		int f(int x)
		{
			return __ext4_new_inode(x, 1, 2, 3, 4, 5, 0x200400, 0, 0, __LINE__ + 0x10000) != 0;
		}
	END
	patched 's/0x200400/0x200000/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	original <<-'END'
		int take(int, const char *, int);
		int f(int x) { return take(x, __FILE__, 2) + 1; }
		int g(int x) { return take(x, "dir/file.c", 7) + 1; }
	END
	# was the line, and is not
	patched 's/__FILE__, 2/__FILE__, 9/'
	rm kallsyms
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	# was not, and is
	patched 's/"dir.file.c", 7/"dir\/file.c", 3/'
	rm kallsyms
	differ
	written
	[[ $(funcs) == "g g 0 vmlinux" ]]
	# is the line of the other version's call
	patched 's/__FILE__, 2/__FILE__, 4/' '1s/^/\n/'
	rm kallsyms
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "a line that more is made of than an argument: a change" {
	lines
	original <<-'END'
		int take(int, int);
		int f(int x) { int line = __LINE__; asm volatile("" : "+S"(line)); asm volatile("nop" : : "S"(line)); return take(x, line); }
	END
	patched '1s/^/\n\n/'
	differ
	no_change
	patched '1s/^/\n\n/'
	sed -i 's/"nop"/"mov %%esi, %%eax"/' original.c patched.c
	rm kallsyms
	differ
	written
}

@test "a line that is loaded before a jump within the function: a change" {
	lines
	original <<-'END'
		int take(int, int);
		int f(int x) { asm volatile("mov %0,%%esi; jmp 1f; .skip 200, 0x90; 1:" : : "i"(__LINE__)); return take(x, 9) + 1; }
	END
	patched '1s/^/\n\n/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "any other constant that is passed: a change" {
	original <<< 'int f(int x) { if (x) printk("failed at %s (%d)", "there", 5); return ext(x); }'
	patched 's/, 5\)/, 8)/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
}

@test "a line number together with a real change: a change" {
	lines
	original <<< 'int f(int x) { if (x) printk("failed at %s (%d)", __FILE__, __LINE__); return ext(x + 70000); }'
	patched '1s/^/\n\n\n/' 's/70000/70001/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $stderr != *line-number-ignored* ]]
}

@test "an exception table entry and its fixup" {
	original <<'END'
		int f(int *p)
		{
			int r;
			asm volatile("1: movl (%1),%0\n2:\n.pushsection __ex_table,\"a\"\n.balign 4\n"
				".long 1b - .\n.long 2b - .\n.long 3\n.popsection" : "=r"(r) : "r"(p));
			return r + 1;
		}
		int g(int *p)
		{
			int r;
			asm volatile("1: movl (%1),%0\n2:\n.pushsection __ex_table,\"a\"\n.balign 4\n"
				".long 1b - .\n.long 2b - .\n.long 4\n.popsection" : "=r"(r) : "r"(p));
			return r + 1;
		}
END
	patched '/int f/,/^\t\t\}/s/\+ 1;/+ 2;/'
	differ
	written
	[[ $(bytes __ex_table) == 000000000000000003000000 ]]
	[[ $(relocs __ex_table | grep -c 'R_X86_64_PC32 .text.f +') -eq 2 ]]
}

# ex_source LONG: a function with two entries and one with one, which end in LONG
ex_source() {
	original <<END
		#define LOAD(r, p) asm volatile("1: movl (%1),%0\n2:\n.pushsection __ex_table,\"a\"\n.balign 4\n" \\
			".long 1b - .\n.long 2b - .\n$1.popsection" : "=r"(r) : "r"(p))
		int f(int *p, int *q) { int r, s; LOAD(r, p); LOAD(s, q); return r + s + 1; }
		int g(int *p) { int r; LOAD(r, p); return r + 3; }
END
}

@test "exception table entries with a handler: its function by its name (until 5.15)" {
	ex_source '.long ex_handler - .\n'
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && ! $(ids) =~ layout ]]
	[[ $(relocs __ex_table | cut -d' ' -f1 | paste -sd ' ') == "0 4 8 c 10 14" ]]
	[[ $(relocs __ex_table | grep -c 'R_X86_64_PC32 .*ex_handler') -eq 2 ]]
	[[ $(relocs __ex_table | grep -c 'R_X86_64_PC32 .text.f +') -eq 4 ]]
}

@test "exception table entries of 8 bytes, three of which are as large as two of 12" {
	ex_source ''
	patched 's/\+ 3;/+ 4;/'
	differ
	written
	[[ $(funcs) == "g g 0 vmlinux" && ! $(ids) =~ layout ]]
	[[ $(bytes __ex_table) == 0000000000000000 && $(relocs __ex_table | grep -c 'PC32 .text.g +') -eq 2 ]]
}

# an alternative: site, replacement, feature, lengths (6.1)
alternative_source() {
	original <<'END'
		#define ALT(insn) asm volatile("1: .byte 0x90,0x90,0x90\n2:\n" \
			".pushsection .altinstructions,\"a\"\n.long 1b - .\n.long 3f - .\n.word 0x0123\n" \
			".byte 2b - 1b\n.byte 4f - 3f\n.popsection\n" \
			".pushsection .altinstr_replacement,\"ax\"\n3: " insn "\n4:\n.popsection")
		int g(int x) { ALT("clac"); return ext2(x); }
		int f(int x) { ALT("stac"); return ext(x) + 1; }
END
}

@test "an alternative brings its own replacement, and no other" {
	alternative_source
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(bytes .altinstructions) == 000000000000000023010303 ]]
	[[ $(bytes .altinstr_replacement) == 0f01cb ]]
	grep -qF 'R_X86_64_PC32 .altinstr_replacement +0' <(relocs .altinstructions | sed 's/+4/+0/')
}

@test "an alternative whose replacement changed" {
	alternative_source
	patched 's/"stac"/"lfence"/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(bytes .altinstr_replacement) == 0faee8 ]]
}

@test "a lock prefix" {
	original <<'END'
		#define LOCKED asm volatile(".pushsection .smp_locks,\"a\"\n.balign 4\n.long 671f - .\n" \
			".popsection\n671:\n\tlock; incl (%0)" : : "r"(&v) : "memory")
		extern int v;
		int g(int x) { LOCKED; return ext2(x); }
		int f(int x) { LOCKED; return ext(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(bytes .smp_locks) == 00000000 ]]
	grep -q '^0 R_X86_64_PC32 .text.f +' <(relocs .smp_locks)
}

@test "ftrace sites: those of the carried functions" {
	original <<< 'int f(int x) { return ext(x) + 1; } int g(int x) { return ext2(x); }'
	patched 's/\+ 1;/+ 2;/' '$s/$/ int h(int x) { return ext(x) - 4; }/'
	differ
	written
	[[ $(relocs __mcount_loc | cut -d" " -f3 | sort | xargs) == ".text.f .text.h" ]]
}

# a static branch on a key, with objtool's mark (2) as 6.1's compiler flags have it
label_source() {
	original <<'END'
		struct key { int enabled; long entries; };
		extern struct key __attribute__((aligned(8))) KEY;
		static inline __attribute__((always_inline)) _Bool branch(struct key *const key)
		{
			asm goto("1: jmp %l[yes]\n.pushsection __jump_table,\"aw\"\n.balign 8\n"
				".long 1b - .\n.long %l[yes] - .\n.quad %c0 + 2 - .\n.popsection\n"
				: : "i"(key) : : yes);
			return 0;
		yes:	return 1;
		}
		int f(int x) { if (branch(&KEY)) x = ext2(x); return ext(x) + 1; }
END
	sed -i "s/KEY/$1/g" original.c
}

@test "a static branch on a key of vmlinux, for vmlinux" {
	label_source my_key
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(relocs __jump_table | wc -l) -eq 3 ]]
	grep -q '^8 R_X86_64_PC64 .klp.ref.vmlinux.vmlinux.my_key,0 +2' <(relocs __jump_table)
	[[ $(bytes __jump_table) == 00000000000000000000000000000000 ]]
}

@test "static branches of 24 bytes, two of which are as large as three of 16 (until 4.19)" {
	label_source my_key
	sed -i -e 's/\.long 1b - \.\\n\.long %l\[yes\] - \.\\n\.quad %c0 + 2 - \./.quad 1b, %l[yes], %c0 + 2/' \
		-e 's/^.*int f(.*/&\nint g(int x) { if (branch(\&my_key)) x = ext2(x); return ext(x) + 3; }/' original.c
	grep -q 'quad 1b, %l' original.c
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && ! $(ids) =~ layout ]]
	[[ $(relocs __jump_table | cut -d' ' -f1,2 | paste -sd ' ') == "0 R_X86_64_64 8 R_X86_64_64 10 R_X86_64_64" ]]
	grep -q '^10 R_X86_64_64 .klp.ref.vmlinux.vmlinux.my_key,0 +2' <(relocs __jump_table)
	rm out.o
	patched '1s/^/\n\n/'
	differ
	no_change
}

@test "a static branch on a key of vmlinux, for a module" {
	owner=mod
	label_source my_key
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	grep -q '^8 R_X86_64_PC64 .klp.ref.vmlinux.vmlinux.my_key,0 +2' <(relocs __jump_table)
}

@test "a static branch on a key of the patched module is refused, with its function" {
	owner=mod
	label_source my_key
	sed -i 's/extern struct key/struct key/' original.c
	patched 's/\+ 1;/+ 2;/'
	differ
	refused klp-reference-too-late
	[[ $stderr == *"f+0x"*my_key*static_key_enabled* ]]
}

@test "a tracepoint of the patched module is switched off: its key is the runtime's" {
	owner=mod
	label_source __tracepoint_mine
	# a tracepoint has its key inside
	sed -i -e 's/extern struct key.*/struct tracepoint { char *name; struct key key; } __tracepoint_mine;/' \
		-e 's/&__tracepoint_mine/&.key/' -e 's/branch(\(.*\)))/branch(\1) || branch(\1))/' original.c
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	# said once, although it is used twice
	[[ $(ids) == tracepoint-disabled && $stderr == *__tracepoint_mine* ]]
	[[ $(grep -c tracepoint-disabled <<< "$stderr") -eq 1 ]]
	# the entry stays, so that objtool finds the way to the code behind the branch, and makes the jump a nop
	[[ $(relocs __jump_table | wc -l) -eq 6 ]]
	[[ $(grep -c '^\(8\|18\|24\) R_X86_64_PC64 kpatch_key_off +2' <(relocs __jump_table)) -eq 2 ]]
	[[ $(bytes .text.f) == "$(bytes .text.f patched.o)" ]]
}

@test "a static call of vmlinux: its key is kept for objtool" {
	original <<'END'
		extern int __SCT__hook(int);
		extern char __SCK__hook;
		static __used __section(".discard.addressable") void *keep = &__SCK__hook;
		int f(int x) { return __SCT__hook(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	has_reloc .discard.addressable 64 .klp.ref.vmlinux.vmlinux.__SCK__hook,0 +0
	has_reloc .text.f PLT32 .klp.ref.vmlinux.vmlinux.__SCT__hook,0 -4
}

@test "a static call of the patched module goes through its trampoline" {
	owner=mod
	extra_ksyms=($'ffffffffa0000000 T __SCT__hook\t[mod]' $'ffffffffa0000040 D __SCK__hook\t[mod]')
	original <<'END'
		extern int __SCT__hook(int);
		extern char __SCK__hook;
		static __used __section(".discard.addressable") void *keep = &__SCK__hook;
		int f(int x) { return __SCT__hook(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	compile original; compile patched
	make_symbols
	grep -v ' T __SC.*hook$' kallsyms > k; mv k kallsyms
	differ_objects
	written
	has_reloc .text.f PLT32 .klp.ref.mod.mod.__SCT__hook,0 -4
	no grep -q __SCK__ <(relocs .discard.addressable)
}

@test "what objtool reads comes along, what it makes does not" {
	original <<'END'
		#define MARK(s) asm volatile("1:\n.pushsection " s "\n.long 1b - .\n.popsection")
		int g(int x) { MARK(".discard.reachable"); MARK(".return_sites,\"a\""); return ext2(x); }
		int f(int x) { MARK(".discard.reachable"); MARK(".return_sites,\"a\""); return ext(x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(relocs .discard.reachable | wc -l) -eq 1 ]]
	grep -q 'R_X86_64_PC32 .text.f +' <(relocs .discard.reachable)
	no grep -q return_sites <(sections)
}

@test "functions that share a section are told apart" {
	original <<'END'
		__section(".sched.text") noinline int a(int x) { return ext(x) + 1; }
		__section(".sched.text") noinline int b(int x) { return a(x) + 1; }
		__section(".sched.text") noinline int c(int x) { return b(x) * 2; }
END
	patched 's/b\(x\) \* 2/b(x) * 3/'
	differ
	written
	[[ $(funcs) == "c c 0 vmlinux" ]]
	[[ -z $(symbol a) && -z $(symbol b) ]]
	grep -q 'vmlinux.b,0 -4' <(relocs .sched.text)
}

@test "SRCU structures of the patch are listed for the module loader" {
	original <<< 'struct s { void *p; }; void lock(struct s *); int f(int x) { return ext(x); }'
	patched <<'END'
		struct s { void *p; };
		void lock(struct s *);
		static struct s mine = { &mine };
		static __used __section("___srcu_struct_ptrs") struct s *const mine_ptr = &mine;
		int f(int x) { lock(&mine); return ext(x); }
END
	differ
	written
	[[ $(symbol mine) == "LOCAL OBJECT "* ]]
	grep -qE '^0 R_X86_64_64 (mine|\.data[^ ]*) \+0' <(relocs ___srcu_struct_ptrs)
}

@test "the printk index and what only it refers to: no change when lines shift, and left out" {
	original <<'END'
		struct pi_entry { const char *fmt, *func, *file; unsigned line; };
		#define pr(f, x) ({ static const struct pi_entry _entry __used = { f, __func__, __FILE__, __LINE__ }; \
			static const struct pi_entry *_entry_ptr __used __section(".printk_index") = &_entry; printk(f, x); })
		int f(int x) { return pr("one %d", x); }
		int g(int x) { return pr("two %d", x); }
END
	patched '4s/^/\n\n/'
	differ
	no_change
	patched '4s/^/\n\n/' 's/two %d/three %d/'
	differ
	written
	[[ $(funcs) == "g g 0 vmlinux" && $(sections) != *printk_index* && $(sections) != *_entry* ]]
}

@test "the place of a KUnit assertion is a value that comes along" {
	original <<'END'
		struct kunit_loc { int line; const char *file; };
		void fail(const struct kunit_loc *);
		int f(int x) { if (x) { static const struct kunit_loc __loc = { __LINE__, __FILE__ }; fail(&__loc); } return 3; }
END
	patched '3s/^/\n\n/' 's/return 3/return 4/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" && $(sections) == *.rodata.__loc.* ]]
}
