#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Variables and functions by their declarations: types of the kernel's variables, which static is which, what the
# compiler left out, and who calls a function with what.

load differ.bash

# code: a source on stdin; the edits are the patch
code() {
	extra_flags+=(-g)
	rm -f kallsyms out.o
	original
	patched "$@"
	differ
}

# var OLD NEW: the declaration of the static "var" changes
var() {
	code 's/__used OLD/__used NEW/' 's/ext\(x\)/ext(x) + 1/' <<-END
		#define OLD $1
		#define NEW $2
		struct two { short a, b; }; struct other { int z; }; struct same { short c, d; };
		enum e { A, B }; enum x { C = 1, D = 0 };
		typedef int row[3]; typedef struct { long counter; } atomic_long_t; typedef struct { int counter; } atomic_t;
		static __used OLD;
		int f(int x) { void *p = &var; asm volatile("" : "+r"(p) :: "memory"); return ext(x); }
	END
}

@test "a variable of the same size and another type is refused" {
	for pair in 'atomic_long_t var/struct { atomic_t a, b; } var' 'int var[2]/short var[4]' 'struct two *var/struct other *var' \
		'int var/struct two var' 'long var/void *var' 'enum e var/enum x var' 'int *var/short *var' \
		'_Bool var/char var' 'int (*var)(int)/int (*var)(int, int)' 'void (*var)(struct two *)/void (*var)(int)' \
		'int var[2][3]/int var[3][2]' 'int var[6]/int var[2][3]' \
		'struct { int a:3, b:5; } var/struct { int a:5, b:3; } var'; do
		var "${pair%%/*}" "${pair#*/}"
		refused variable-type-changed || [[ $pair == *:* && $(ids) == layout-changed ]] || { echo "$pair"; false; }
	done
	var 'int var[2]' 'short var[4]'
	[[ $stderr == *"/file.c:6: error: "*"patched.o: var: changes its type"* ]]
}

@test "a variable whose type has another name, sign or qualifier is the same" {
	for pair in 'int var/unsigned int var' 'int var/volatile int var' 'struct two var/struct same var' 'struct two *var/struct same *var' \
		'void *var/struct two *var' 'enum e var/int var' 'int var/typeof(1) var' \
		'int var[2][3]/row var[2]' 'row *var[2]/int (*var[2])[3]'; do
		var "${pair%%/*}" "${pair#*/}"
		written || { echo "$pair"; false; }
	done
}

@test "a variable that is, or points to, another structure of the same layout, which a version has as well" {
	for type in '' '*' '**'; do
		code "2s/one/two/" 's/ext\(x/ext2(x/' <<-END
			struct one { int a; }; struct two { int b; };
			static __used struct one ${type}var;
			int f(int x, struct one *one, struct two *two) { void *p = &var; asm volatile("" : "+r"(p) :: "memory"); return ext(x + one->a + two->b); }
		END
		refused variable-type-changed || { echo "$type"; false; }
		[[ $stderr == *"var: "*"changes its type from one to two: "* ]]
	done
}

@test "a type that is declared in the function, for a static of it" {
	code 's/short a, b/int a/' 's/s.a \+ 1/s.a + 2/' <<-'END'
		int f(int x) { struct local { short a, b; struct local *next; }; static struct local s; s.a += x; ext2((long)&s); return ext(s.a + 1); }
	END
	refused variable-type-changed
	code 's/s.a \+ 1/s.a + 2/' <<-'END'
		int f(int x) { struct local { short a, b; struct local *next; }; static struct local s; s.a += x; ext2((long)&s); return ext(s.a + 1); }
	END
	written
}

@test "a variable that another object defines, and one that nothing here uses" {
	code 's/int counter\[2\]/short counter[4]/' <<< 'extern int counter[2]; int f(int x) { return ext(counter[0]); }'
	refused variable-type-changed
	code 's/int counter\[2\]/short counter[4]/' 's/ext\(x/ext2(x/' <<< 'int counter[2]; int f(int x) { return ext(x); }'
	refused variable-type-changed
	code 's/ext\(counter/ext2(counter/' 's/counter\[\]/counter[2]/' <<< 'extern int counter[]; int f(int x) { return ext(counter[0]); }'
	written
}

@test "KPATCH_ALLOW_DATA_CHANGE: the author vouches for a variable's type" {
	macros
	code 's/int counter\[2\]/short counter[4]/' 's/^/KPATCH_ALLOW_DATA_CHANGE(counter);/' 's/(KPATCH[^;]*;)(.*)/\2 \1/' \
		<<< 'static int counter[2]; int f(int x) { return ext(counter[x]++); }'
	written
}

@test "of two statics of one name one goes, and another comes: refused" {
	code '2d' '3s/$/\n if (x == 7) { static int n; n ^= x; x = ext2(n); }/' <<-'END'
		int f(int x) {
		 if (x > 3) { static int n; n += x; x = ext(n); }
		 if (x < -3) { static int n; n -= x; x = ext2(n); }
		 return x; }
	END
	refused static-local-undecided
	# the same without debug information
	extra_flags=(-g0)
	rm kallsyms
	differ
	refused static-local-undecided
}

@test "a static in another block, or moved against another of its name: refused; moved with it: the same" {
	code '2s/.*/ if (x > 5) { static int n; n += x; x = ext(n); }/' <<-'END'
		int f(int x) {
		 static int n; n += x; x = ext(n);
		 return x; }
	END
	refused static-local-undecided
	code '3s/^/\n\n/' 's/x < -3/x < -5/' <<-'END'
		int f(int x) {
		 if (x > 3) { static int n; n += x; x = ext(n); }
		 if (x < -3) { static int n; n -= x; x = ext2(n); }
		 return x; }
	END
	refused static-local-undecided
	code '2s/^/\n\n/' 's/x < -3/x < -5/' <<-'END'
		int f(int x) {
		 if (x > 3) { static int n; n += x; x = ext(n); }
		 if (x < -3) { static int n; n -= x; x = ext2(n); }
		 return x; }
	END
	written
}

@test "the last writer of a static goes: refused, with all functions that fold it" {
	code 's/limit = x;/ext2(x);/' <<-'END'
		static int limit = 3; static int n;
		int set(int x) { limit = x; return x; }
		int f(int x) { return ext(limit + x); }
		int g(int x) { static int once; once = x; n++; return ext2(limit - x) + n; }
	END
	refused variable-folded variable-removed
	[[ $stderr == *"/file.c:1: error: "*"patched.o: limit: nothing writes it"*"used by set, f, g"* ]]
	# one that goes altogether
	code 's/limit = x;//' 's/limit . x/x/' 's/static int limit = 3;//' <<-'END'
		static int limit = 3; static int n;
		int set(int x) { limit = x; return x; }
		int f(int x) { return ext(limit + x); }
	END
	written
	# and one that comes back
	code 's/ext\(x\)/ext(limit = x)/' <<-'END'
		static int limit = 3;
		int set(int x) { return ext(x); }
		int f(int x) { return ext(limit + x); }
	END
	written
	[[ $(ids) == variable-revived ]]
}

@test "the last writer goes, and what is read by an index is still there: refused where other reads were folded" {
	macros
	code 's/a\[2\] = x;/ext2(x);/' <<-'END'
		static int a[4] = { 1, 2, 3, 4 }; static int beside[4] = { 5, 6, 7, 8 };
		int set(int x) { a[2] = x; beside[x & 3] = x; return x; }
		int f(int x) { return ext(a[2] + beside[1]); }
		int g(int x) { return ext(a[x & 3]); }
	END
	[[ $(nm patched.o) == *" r a"* ]]
	refused variable-folded
	[[ $stderr == *"a: nothing writes it any more"*"or less, by f."* && $stderr != *set* && $stderr != *beside* ]]
	sed -i 's/^int set/KPATCH_ALLOW_DATA_CHANGE(a); int set/' patched.c
	differ
	written
	# one of two reads, of a member; and the member beside it
	code 's/a\[1\].m = x;/ext2(x);/' <<-'END'
		static struct { int m, n; } a[2] = { { 1, 2 }, { 3, 4 } };
		int set(int x) { a[1].m = x; return x; }
		int f(int x) { return ext(a[1].m + a[x & 1].n); }
	END
	[[ $(nm patched.o) == *" r a"* ]]
	refused variable-folded
	[[ $stderr == *"by f."* ]]
	# nothing was folded: all go on to read the kernel's
	code 's/a\[2\] = x;/ext2(x);/' <<-'END'
		static int a[4] = { 1, 2, 3, 4 };
		int set(int x) { a[2] = x; return x; }
		int g(int x) { return ext(a[x & 3]); }
	END
	[[ $(nm patched.o) == *" r a"* ]]
	written
	[[ $(funcs) == "set set 0 vmlinux" ]]
	# and one that gets a writer
	code 's/ext2\(x\);/a[2] = x;/' <<-'END'
		static int a[4] = { 1, 2, 3, 4 };
		int set(int x) { ext2(x); return x; }
		int f(int x) { return ext(a[2]); }
		int g(int x) { return ext(a[x & 3]); }
	END
	refused data-changed
	[[ $stderr == *"it is writable now"* ]]
}

# the macro that exports a function, with a table that says so
exports() {
	cat >> kernel.h <<-'END'
		#define EXPORT(f) extern typeof(f) f; asm(".section ___ksymtab+" #f ",\"a\"\n__ksymtab_" #f ":\n\t.long " #f " - .\n\t.previous")
	END
}

@test "an exported function changes its prototype: refused, unless the author vouches" {
	macros
	exports
	for edit in 's/int a\)/int a, int b)/;s/a \+ 1/a + b/' 's/int a\)/short a)/;s/a \+ 1/a + 2/' 's/struct two \*p/struct one *p/;s/a \+ 1/a + 2/' \
		's/, int a//;s/a \+ 1/2/' 's/^long f/char f/;s/a \+ 1/a + 2/' 's/\(\*cb\)\(int\)/(*cb)(int, int)/;s/cb\(1\)/cb(1, 2)/'; do
		code "$edit" <<-'END'
			struct one { int z; }; struct two { short x, y; };
			long f(int (*cb)(int), struct two *p, int a) { return ext(a + 1) + cb(1); }
			EXPORT(f);
		END
		refused prototype-changed || { echo "$edit"; false; }
	done
	[[ $stderr == *"parameter 1 points to another type"* || $stderr == *"another parameter"* ]]
	code 's/int a\)/int a, int b)/;s/a \+ 1/a + b/' 's/(EXPORT.f.;)/\1 KPATCH_ALLOW_PROTOTYPE(f);/' <<-'END'
		long f(int a) { return ext(a + 1); }
		EXPORT(f);
	END
	written
	[[ $(ids) == prototype-allowed ]]
	# one with a cold part
	code 's/int a\)/int a, int b)/;s/a \+ 1/a + b/' <<-'END'
		void bug(int) __attribute__((cold));
		long f(int a) { if (a < 0) { bug(2); ext2(a); } return ext(a + 1); }
		EXPORT(f);
	END
	nm patched.o | grep -q ' t f[.]cold$'
	refused prototype-changed
	# what callers do not notice
	code 's/^void f/int f/;s/(ext[^;]*;)/return \1/' 's/int a/unsigned int b/;s/a \+ 1/b + 2/' <<-'END'
		void f(int a) { ext(a + 1); }
		EXPORT(f);
	END
	written
}

@test "a function that is called through a pointer changes its prototype: refused; one that is only called: not" {
	code 's/int a\)/int a, int b)/;s/a \+ 1/a + b/' <<-'END'
		static int f(int a) { return ext(a + 1); }
		struct { void *f; int x; } ops = { f, 3 };
	END
	refused prototype-changed
	code 's/int a\)/int a, int b)/;s/a \+ 1/a + b/;s/f\(x\)/f(x, 2)/' <<-'END'
		static noinline int f(int a) { return ext(a + 1); }
		int g(int x) { return f(x) + ext2(x); }
	END
	written
}

@test "a variable without a size is not taken for the one that is at the same address" {
	extra_flags+=(-fno-toplevel-reorder) # the one that is declared first comes first
	code 's/static struct empty one;//' 's/&one/\&two/' 's/x \+ 1/x + 2/' <<-'END'
		struct empty { }; struct ops { char a[5]; };
		void keep(void *);
		int f(int x) {
			static struct empty one; static struct ops ops; static struct empty two;
			keep(&one); keep(&ops); keep(&two);
			return ext(x + 1);
		}
	END
	written
}

@test "a function that has a BTF ID changes its prototype: refused, also where the other callers are in the patch" {
	local id
	for id in __BTF_ID__func__f__7 __BTF_ID__func__f_more__7 __BTF_ID__func__f__x __BTF_ID__struct__f__7; do
		rm -f kallsyms out.o
		code 's/int a\)/int a, int b)/;s/a \+ 1/a + b/' <<-END
			asm(".pushsection .BTF_ids,\\"a\\"; .local $id; $id: .zero 4; .popsection");
			long f(int a) { return ext(a + 1); }
		END
		if [[ $id == __BTF_ID__func__f__7 ]]; then
			refused prototype-changed
			[[ $stderr == *"it has another parameter: it has a BTF ID, and BPF programs still pass what the original takes"* ]]
		else
			written || { echo "$id"; false; }
		fi
	done
}
