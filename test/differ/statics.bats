#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Static variables: which one of the running kernel is meant, what is new, what is only a value.

load differ.bash

# f adds 1000 + $2 to count.$1
one_user() {
	cat <<END
	.section .text.f,"ax",@progbits
	.globl f
	.type f,@function
f:	call __fentry__
	addl \$$(($2 + 1000)),count.$1(%rip)
	ret
	.size f,.-f
	.section .bss.count.$1,"aw",@nobits
	.type count.$1,@object
	.size count.$1,4
count.$1: .zero 4
END
}

@test "a static local that was renumbered is the same variable" {
	one_user 1 1 > original.s; one_user 4 2 > patched.s
	assemble original; assemble patched
	differ_objects
	written
	[[ $(funcs) == "f f 0 vmlinux" && $(relocs .text.f | wc -l) -eq 2 ]]
	has_reloc .text.f PC32 .klp.ref.vmlinux.vmlinux.count.1,0 -8
	[[ -z $(symbol count.4) && -z $(symbol count.1) ]]
}

@test "a new static local is carried, with its initial value" {
	original <<< 'int f(int x) { return ext(x); }'
	patched <<< 'int f(int x) { static int limit = 4711; if (x > limit) limit = x; return ext(limit); }'
	differ
	written
	name=$(readelf -sW patched.o | awk '$8 ~ /^limit/ { print $8 }')
	[[ $(symbol "$name") == "LOCAL OBJECT .data.$name" ]]
	[[ $(bytes ".data.$name") == 67120000 ]]
	[[ $output == *"data      $name"* ]]
}

# f and g refer to buf.$1 and buf.$2, in this order
two_users() {
	cat <<END
	.section .text.f,"ax",@progbits
	.globl f
	.type f,@function
f:	call __fentry__
	incl buf.$1(%rip)
	ret
	.size f,.-f
	.section .text.g,"ax",@progbits
	.globl g
	.type g,@function
g:	call __fentry__
	incl buf.$2(%rip)
	ret
	.size g,.-g
	.section .bss.buf.$1,"aw",@nobits
	.type buf.$1,@object
	.size buf.$1,4
buf.$1:	.zero 4
	.section .bss.buf.$2,"aw",@nobits
	.type buf.$2,@object
	.size buf.$2,4
buf.$2:	.zero 4
END
}

@test "two statics of one name, both renumbered: no change" {
	two_users 1 2 > original.s; two_users 3 4 > patched.s
	assemble original; assemble patched
	differ_objects
	no_change
}

@test "two statics of one name, one number taken by the other: no change" {
	two_users 1 2 > original.s; two_users 2 3 > patched.s
	assemble original; assemble patched
	differ_objects
	no_change
}

@test "two statics of one name whose uses were exchanged: a change" {
	two_users 1 2 > original.s; two_users 2 1 > patched.s
	assemble original; assemble patched
	differ_objects
	written
	[[ $(funcs | sort | xargs) == "f f 0 vmlinux g g 0 vmlinux" ]]
	grep -q 'vmlinux.buf.2,0' <(relocs .text.f)
	grep -q 'vmlinux.buf.1,0' <(relocs .text.g)
}

@test "functions that changed their order in the file keep their statics" {
	original <<'END'
		int f(int x) { static int buf; buf += x; return ext(buf) + 1; }
		int g(int x) { static int buf; buf -= x; return ext2(buf) + 1; }
END
	patched <<'END'
		int g(int x) { static int buf; buf -= x; return ext2(buf) + 1; }
		int f(int x) { static int buf; buf += x; return ext(buf) + 1; }
END
	differ
	no_change
}

@test "two statics of one name in one function that change places: refused; that stay: matched" {
	original <<'END'
		int f(int x) {
			if (x > 3) { static int buf; buf += x; x = ext(buf); }
			if (x < -3) { static int buf; buf -= x; x = ext2(buf); }
			return x;
		}
END
	patched '2{h;d}' '3G'
	differ
	refused static-local-undecided
	[[ $(grep -c 'buf[.][0-9]*: it cannot be told' <<< "$stderr") -ge 1 ]]
	patched 's/x < -3/x < -5/' '3s/ext2/printk("now"); ext2/'
	differ
	written
	[[ -z $(ids) && $(relocs .text.f | grep -oE 'klp.ref.vmlinux.vmlinux.buf[.][0-9]' | sort -u | wc -l) -eq 2 ]]
}

# gcc gives the numbers; here they are written down, in an order that tells nothing any more
@test "statics that users and numbers do not tell apart: by the function that each is declared in, if there is debug information" {
	original <<'END'
		static inline __attribute__((always_inline)) int check(int x) { static int lock asm("lock.4"); lock += x; return ext(lock); }
		int start(int x) { return check(x) + 1; }
		int lost(int x) { if (x > 1) { static int lock asm("lock.11"); lock -= x; x = ext2(lock); } return x; }
END
	patched 's/lock\.11/lock.8/' 's/lock\.4/lock.11/' 's/\+ 1/+ 2/' '$a int more(int x) { return check(x) - 1; }'
	differ
	refused static-local-undecided
	extra_flags=(-g)
	differ
	written
	[[ -z $(ids) && $(funcs) == "start start 0 vmlinux" ]]
	[[ $(relocs .text.start | grep -oE 'klp.ref.vmlinux.vmlinux.lock[.0-9]+' | sort -u) == klp.ref.vmlinux.vmlinux.lock.4 ]]
	[[ $(relocs .text.more | grep -oE 'klp.ref.vmlinux.vmlinux.lock[.0-9]+' | sort -u) == klp.ref.vmlinux.vmlinux.lock.4 ]]
	# declared in a function that is new, it may be either
	rm out.o
	sed -i 's/check/verify/' patched.c
	differ
	refused static-local-undecided
	# and so may one of two in one function
	sed -i 's/verify/check/; s/^\t*int lost(int x) {/& if (x > 3) { static int lock asm("lock.12"); lock ^= x; x = ext(lock); }/' patched.c
	grep -q 'lock.12' patched.c
	differ
	refused static-local-undecided
}

@test "a static that might be one of several is refused, not guessed" {
	original <<'END'
		int f(int x)
		{
			if (x) { static int buf; return ext(buf += x); }
			else { static int buf; return ext2(buf -= x); }
		}
END
	patched <<'END'
		int f(int x)
		{
			if (x == 1) { static int buf; return ext(buf += 2 * x); }
			else if (x == 2) { static int buf; return ext(buf += 3 * x); }
			else { static int buf; return ext2(buf -= x); }
		}
END
	differ
	refused static-local-undecided
}

@test "state that a call site makes for itself is copied" {
	original <<< 'int f(int x) { static _Bool __section(".data.once") __already_done;
		if (!__already_done) { __already_done = 1; printk("once"); } return ext(x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ $(symbol __already_done.0) == "LOCAL OBJECT .data.once" ]]
}

@test "what DO_ONCE() guards is not done again" {
	original <<< 'int f(int x) { static _Bool __section(".data.once") ___done;
		if (!___done) { ___done = 1; printk("once"); } return ext(x) + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ -z $(symbol ___done.0) ]]
	grep -q 'vmlinux.___done.0,0' <(relocs .text.f)
}

@test "__func__ is a value" {
	original <<< 'int f(int x) { static int n; n++; return printk("%s %d", __func__, n); }
		int g(int x) { return printk("%s", __func__); }'
	patched '1s/^/static int unrelated(void) { return printk("%s", __func__); } void *p = unrelated;/'
	sed -i 's/void \*p = unrelated;/int h(void) { return unrelated(); }/' patched.c
	differ
	written
	[[ -z $(funcs) ]] # f and g are as they were; h is new
	[[ $(symbol h) == "GLOBAL FUNC .text.h" ]]
}

@test "a local table of numbers that changed: its users are replaced" {
	original <<'END'
		static const int limits[] = { 1, 2, 3, 5, 7, 11, 13, 17 };
		int f(int x) { return ext(limits[x & 7]); }
		int g(int x) { return ext2(x); }
END
	patched 's/11, 13/11, 14/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	[[ $(bytes .rodata.limits) == 01000000020000000300000005000000070000000b0000000e00000011000000 ]]
	[[ $output == *"it uses limits, which changed"* ]]
}

@test "the same table, with its address in a structure: refused" {
	original <<'END'
		static const int limits[] = { 1, 2, 3, 5, 7, 11, 13, 17 };
		const struct { const int *l; } ops = { limits };
		int f(int x) { return ext(limits[x & 7]); }
END
	patched 's/11, 13/11, 14/'
	differ
	refused data-changed
}

@test "a table of function pointers is the kernel's, not copied" {
	original <<'END'
		static int a(int x) { return ext(x); }
		static int b(int x) { return ext2(x); }
		static int (*const table[])(int) = { a, b };
		int f(int x) { return table[x & 1](x) + 1; }
END
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	[[ -z $(symbol table) && -z $(symbol a) ]]
	grep -q 'vmlinux.table,0' <(relocs .text.f)
}

@test "a new table of function pointers leads to originals and to new functions" {
	original <<'END'
		static __used noinline int a(int x) { return ext(x); }
		int f(int x) { return a(x) + 1; }
END
	patched <<'END'
		static __used noinline int a(int x) { return ext(x); }
		static int b(int x) { return ext2(x); }
		static int (*const table[])(int) = { a, b };
		int f(int x) { return table[x & 1](x) + 1; }
END
	differ
	written
	grep -qF 'R_X86_64_64 .klp.ref.vmlinux.vmlinux.a,0 +0' <(relocs .rodata.table || relocs .data.rel.ro.local.table) ||
		grep -qF '.klp.ref.vmlinux.vmlinux.a,0 +0' <(for s in $(sections | grep table); do relocs "$s"; done)
	[[ $(symbol b) == "LOCAL FUNC .text.b" ]]
}

@test "per-CPU data is referred to" {
	original <<< 'int __section(".data..percpu") pcpu; int f(int x) { int r; asm("movl %%gs:%1,%0" : "=r"(r) : "m"(pcpu)); return r + 1; }'
	patched 's/\+ 1;/+ 2;/'
	differ
	written
	grep -q 'vmlinux.pcpu,0' <(relocs .text.f)
}

@test "a static local that is gone: a warning with its name" {
	original <<< 'int f(int x) { static int calls; return ext(x + ++calls); } int g(int x) { static char once[3]; return ext(once[x]++); }'
	patched 's/static int calls; return ext\(x \+ \+\+calls\)/return ext(x + 1)/'
	differ
	written
	[[ "$(ids)" == variable-removed && $stderr == *"f: warning: it no longer uses calls."[0-9]*"which stays in the kernel"* ]]
}

@test "a variable that gets another name would lose its value: refused, unless the author knows better" {
	original <<'END'
		static int count;
		int f(int x) { static int calls; return ext(x + ++calls); }
		int g(int x) { return ext(count += x); }
END
	patched 's/calls/rounds/g'
	differ
	refused variable-renamed
	[[ $stderr == *"f+0x"*"it uses the new variable rounds."*" in place of calls."* ]]
	patched 's/count/counter/g'
	differ
	refused variable-renamed
	[[ $stderr == *"g+0x"*"the new variable counter in place of count,"* ]]
	# wider, in a structure, in a table: the size tells nothing
	local now
	for now in 'static long rounds; return ext(x + ++rounds)' 'static struct { int a, n; } rounds; return ext(x + ++rounds.n)' 'static char rounds[3]; return ext(x + rounds[x]++)'; do
		patched "s/static int calls; return.*\\+calls\\)/$now/"
		differ
		refused variable-renamed || { echo "$now"; false; }
	done
	patched 's/calls/rounds/g' '$a static const char __used __section(".discard.kpatch.request.allow_data") r[] = "rounds";'
	differ
	written
	[[ "$(ids)" == variable-removed ]]
}

@test "a variable that gets another name in another function, which only one version has: refused" {
	original <<'END'
		static int count; static noinline void last(void) { count--; }
		int a(int x) { if (count) last(); return ext(x); }
		int f(int x) { count += x; return ext2(x); }
END
	# a() just stops to use it
	patched '1s/int count/int number; static noinline int take(int x) { number += x; return number; }/; 1s/static noinline void last.*//' '2s/if .* last\(\);//' '3s/count \+= x/take(x)/'
	differ
	refused variable-renamed
	[[ $stderr == *"f+0x"*"the new variable number in place of count,"* ]]
	# by two
	sed -i '1s/$/ static noinline int deep(int x) { return ext(take(x)); }/; 3s/take/deep/' patched.c
	differ
	refused variable-renamed
	# who calls a function that is gone did what that did
	original <<'END'
		static int count; static noinline int take(int x) { count += x; return count; }
		int f(int x) { return ext2(x) + take(x); }
END
	patched '1s/.*/static int number;/' '2s/take\(x\)/(number += x)/'
	rm -f kallsyms
	differ
	refused variable-renamed
	[[ $stderr == *"f+0x"* ]]
	# a function that another one calls has it for that one
	patched '1s/count \+= x; return count/return ext(x)/; 1s/static int count;//' '$a static int number; int g(int x) { return ext2(number += x); }'
	rm -f kallsyms
	differ
	written
	[[ "$(ids)" == variable-removed ]]
}

@test "a static whose function is gone with it, or that moves along with its code: no word" {
	original <<'END'
		static noinline int old(int x) { static int calls; return ext(x + ++calls); }
		int f(int x) { return old(x); }
END
	patched <<< 'int f(int x) { return ext2(x); }'
	differ
	written
	[[ -z "$(ids)" ]]
}

@test "the end of an array and the start of what follows: refused where these are two places" {
	original <<'END'
		#define __read_mostly __section(".data..read_mostly")
		static __read_mostly long last = 9; // gcc turns the order round
		static __read_mostly long first[4] = { 1, 2, 3, 4 };
		int f(int x) { for (long *p = first; p < first + 4; p++) x += ext(*p + x); return x; }
		int g(int x) { return ext(first[x] + last); }
END
	# the kernel has both, one behind the other
	patched 's/x \+= ext\(\*p/x -= ext(*p/'
	differ
	written
	[[ $(funcs) == "f f 0 vmlinux" ]]
	# a new one between them
	rm out.o
	patched '/first\[4\] =/i static __read_mostly long added = 5;' 's/x\] \+ last/x] - last - added++/'
	differ
	refused end-or-start
	[[ $stderr == *"whether the end of first or the start of added is meant"* ]]
	# a new array, used with its end
	patched '/first\[4\] =/a static __read_mostly long more[4] = { 5, 6, 7, 8 };' 's/p = first; p < first \+ 4/p = more; p < more + 4/'
	differ
	refused end-or-start
	# a new one that is used without its neighbour
	patched '/last = 9/i static __read_mostly long added = 5;' '$a int h(int x) { return ext(x + added++); }'
	differ
	written
	[[ $output == *"data      added"* ]]
}
