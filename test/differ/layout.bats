#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Types of the running kernel's objects: the layout of one that the kernel has cannot change.

load differ.bash

# types EDIT...: a source whose types are on stdin, with code that uses all of them; the edits are the patch
types() {
	extra_flags+=(-g)
	rm -f kallsyms out.o
	{
		cat
		echo 'int f(struct s *s) { return ext(s->b) + s->c + (int)sizeof(*s); }'
		# which changes whatever else does
		echo 'int g(int x) { return ext(x) + 1; }'
	} | original
	edit "$@"
}
edit() { patched 's/ext\(x\) \+ 1/ext(x) + 2/' "$@"; }
plain='struct s { int a; int b; char c; };'

# refused_for NAME TEXT: a single message
refused_for() {
	refused "${3:-layout-changed}" && [[ $(grep -c '\[[a-z-]*\]$' <<< "$stderr") -eq 1 ]] &&
		[[ $stderr == *"/file.c:"*": error: "*"patched.o: $1: $2: "* ]]
}

@test "a member is added: in front, at the end, into padding" {
	types 's/int a; int b/int a; int new; int b/' <<< "$plain"
	differ
	refused_for "struct s" "member new is new at offset 4, member b moves from offset 4 to 8, and its size changes from 12 to 16"
	[[ $stderr == *"/file.c:1: error: "*"KPATCH_ALLOW_LAYOUT(struct s)"* ]]
	edit 's/char c; /char c; int new; /'
	differ
	refused_for "struct s" "member new is new at offset 12, and its size changes from 12 to 16"
	edit 's/char c; /char c, new; /'
	differ
	refused_for "struct s" "member new is new at offset 9"
}

@test "a member moves, is removed, or has another size" {
	types 's/int a; int b/int b; int a/' <<< "$plain"
	differ
	refused_for "struct s" "member b moves from offset 4 to 0"
	edit 's/int a; //'
	differ
	refused_for "struct s" "member a is gone, member b moves from offset 4 to 0, and its size changes from 12 to 8"
	# another member of its kind, but elsewhere, is not that member with another name
	edit 's/int a; int b/int b; int new/'
	differ
	refused_for "struct s" "member new is new at offset 4, member b moves from offset 4 to 0"
	edit 's/char c; //' 's/s->c/1/'
	differ
	refused_for "struct s" "member c is gone, and its size changes from 12 to 8"
	edit 's/char c/short c/'
	differ
	refused_for "struct s" "member c changes its size from 1 to 2"
	edit 's/int a/float a/'
	differ
	refused_for "struct s" "member a changes its type"
	edit 's/int a/void *a/'
	differ
	refused_for "struct s" "member a changes its size from 4 to 8, member b moves from offset 4 to 8, and its size changes from 12 to 16"
}

@test "bit fields" {
	local flags
	for flags in -gdwarf-4 -gdwarf-5; do
		extra_flags=($flags)
		types 's/x : 1/x : 2/' <<< 'struct s { int a, b; unsigned int c : 3, x : 1, y : 2; };'
		differ
		refused_for "struct s" "member x changes its width from 1 to 2 bits, member y moves from offset 8 bit 4 to 8 bit 5"
		edit 's/x : 1, y : 2/y : 2, x : 1/'
		differ
		refused_for "struct s" "member y moves from offset 8 bit 4 to 8 bit 3"
		edit 's/y : 2/y : 2, z : 1/'
		differ
		refused_for "struct s" "member z is new at offset 8 bit 6"
		edit 's/x : 1/other : 1/'
		differ
		written
		rm out.o
	done
}

@test "members of structures and unions without a name are their holder's" {
	types 's/char y/char y, z/' <<< 'struct s { int a; union { int b; struct { char x; char y; }; }; char c; };'
	differ
	refused_for "struct s" "member z is new at offset 6"
	# the same members in a structure more: struct_group()
	edit 's/char x; char y;/union { struct { char x; char y; }; struct { char x; char y; } both; };/'
	differ
	written
	rm out.o
	edit 's/char x; char y;/union { struct { char x; char y; }; struct { char y; char x; } both; };/'
	differ
	refused_for "struct s" "member both is new at offset 4"
}

@test "structures and arrays in a structure count with their size, and are judged themselves" {
	types 's/short in/long in/' <<< 'struct in { short in; }; struct s { struct in a; int b; char c; };'
	differ
	refused layout-changed
	[[ $stderr == *"struct in: "*"member in changes its size from 2 to 8, and its size changes from 2 to 8: "* ]]
	[[ $stderr == *"struct s: "*"member a changes its size from 2 to 8, member b moves from offset 4 to 8, and its size changes from 12 to 16: "* ]]
	types 's/short x, y/short y, x/' <<< 'struct in { short x, y; }; struct s { struct in a; int b; char c; };'
	differ
	refused_for "struct in" "member y moves from offset 2 to 0"
	types 's/x\[2\]\[3\]/x[3][3]/' <<< 'struct s { int b; char c; char x[2][3]; char end; };'
	differ
	refused_for "struct s" "member x changes its size from 6 to 9, member end moves from offset 11 to 14, and its size changes from 12 to 16"
	types 's/\[8\]/[4]/' 's/short x/int x/' <<< 'struct s { int b; char c; short x[8]; };'
	differ
	refused_for "struct s" "member x changes its type, member x moves from offset 6 to 8"
	types 's/char x; char y/char y; char x/' <<< 'struct s { int b; char c; struct { char x; char y; } in; };'
	differ
	refused_for "struct s" "member in member y moves from offset 1 to 0"
	types 's/struct one one/struct two one/' <<< 'struct one { int x; }; struct two { unsigned int x; }; struct s { int b; char c; struct one one; };'
	differ
	written
}

@test "a type without a tag has the name of its typedef or variable" {
	types 's/int x/long x/' <<< 'typedef struct { int x; } t; struct s { int b; char c; t *in; }; int h(t *t) { return t->x; }'
	differ
	refused_for "t" "member x changes its size from 4 to 8, and its size changes from 4 to 8"
	types 's/int x; int y/int y; int x/' <<< "$plain static struct { int x; int y; } table[4]; int h(int i) { table[i].x = i; return table[i / 2].y; }"
	differ
	refused_for "table" "member y moves from offset 4 to 0"
	types 's/int x; int y/int y; int x/' <<< "$plain static struct { int x; int y; } *list; int h(int i) { return ext2(list[i].x); }"
	differ
	refused_for "list" "member y moves from offset 4 to 0"
}

@test "what a pointer points to is no matter of its holder, but its own" {
	# another name of the same is no matter either
	types 's/struct p \*p/struct q *p/' <<< 'struct p { int y; }; struct q { int x; }; struct s { int a, b; char c; struct p *p; }; int h(struct q *q, struct p *p) { return q->x + p->y; }'
	differ
	written
	rm out.o
	types 's/struct p \*p/struct q *p/' <<< 'struct p { short y, z; }; struct q { int x; }; struct s { int a, b; char c; struct p *p; }; int h(struct q *q, struct p *p) { return q->x + p->y; }'
	differ
	refused_for "struct s" "member p points to another type, which member x is new at offset 0"
	types 's/struct p \*p/struct q *p/' <<< 'struct p; struct q { int x; }; struct s { int a, b; char c; struct p *p; }; int h(struct q *q) { return q->x; }'
	differ
	refused_for "struct s" "member p points to another type"
	# which has no name of its own
	types 's/int x; short y/short y; int x/' <<< 'struct s { int b; char c; struct { int x; short y; } *p; };'
	differ
	refused_for "struct s" "member p member y moves from offset 4 to 0"
	types 's/p \{ int x/p { int y; int x/' <<< 'struct p { int x; }; struct s { int b; char c; struct p *p; };'
	differ
	refused_for "struct p" "member y is new at offset 0, member x moves from offset 0 to 4, and its size changes from 4 to 8"
}

@test "a union" {
	types 's/int u/int u; char v/' <<< "union u { int u; void *p; }; $plain union u *h(union u *u) { return u + ext2(u->u); }"
	differ
	refused_for "union u" "member v is new at offset 0"
	edit 's/int u; void \*p;/void *p; int u;/'
	differ
	written
	rm out.o
	edit 's/union u/struct u/g'
	differ
	refused_for "struct u" "it was union "
}

@test "constants of enumerations keep their values; the last may count them" {
	types 's/B,/NEW, B,/' <<< "$plain enum state { A, B, C, COUNT }; enum state h(int x) { return ext(COUNT) ? B : A; }"
	differ
	refused_for "enum state" "B changes from 1 to 2" enum-changed
	[[ $stderr == *"KPATCH_ALLOW_LAYOUT(enum state)"* ]]
	edit 's/C,/C, NEW,/'
	differ
	written
	rm out.o
	edit 's/A, B/A = -5, B = 1/'
	differ
	refused_for "enum state" "A changes from 0 to -5" enum-changed
	types 's/B,/NEW, B,/' <<< "$plain enum { A, B, C, COUNT }; int h(int x) { return ext(COUNT) ? B : A; }"
	differ
	refused_for "B" "B changes from 1 to 2" enum-changed
}

@test "a last constant that is a value, and a count that is not last" {
	local names
	# inserted before the last one; the last one's value; a name that only looks like a count
	for names in 'A, B, C|A, B, NEW, C|C changes from 2 to 3' 'A = 1, B = 2, C = 4|A = 1, B = 2, C = 8|C changes from 4 to 8' \
		'A, B, ABOVE_MAX_SIGHT|A, B, NEW, ABOVE_MAX_SIGHT|ABOVE_MAX_SIGHT changes from 2 to 3' 'B, SIZE_MAX_A, C_END = 0, A|B, NEW, SIZE_MAX_A, C_END = 1, A|C_END changes from 0 to 1'; do
		types "s/$(cut -d '|' -f 1 <<< "$names")/$(cut -d '|' -f 2 <<< "$names")/" <<< "$plain enum state { $(cut -d '|' -f 1 <<< "$names") }; enum state h(int x) { return ext(x) ? B : A; }"
		rm -f kallsyms
		differ
		refused_for "enum state" "$(cut -d '|' -f 3 <<< "$names")" enum-changed
	done
	# as netlink's attributes are counted, and others
	for names in 'B, __A_MAX, A_MAX = __A_MAX - 1' 'B, NUM_A, LAST_A = NUM_A - 1' 'B, A_NUM_KINDS' 'B, A_AFTER_LAST'; do
		types "s/B,/B, NEW,/" <<< "$plain enum state { A, $names }; enum state h(int x) { return ext(x) ? B : A; }"
		rm -f kallsyms out.o
		differ
		written || { echo "$names"; false; }
	done
}

@test "a number of another byte order, or of another unit, is another" {
	local types='typedef unsigned int __u32; typedef __u32 __le32; typedef __u32 __be32; typedef long long ktime_t; typedef long long s64;'
	types 's/__le32 a/__be32 a/' <<< "$types struct s { __le32 a; int b; char c; };"
	differ
	refused_for "struct s" "member a is __be32 now, and was __le32"
	types 's/__u32 a/__be32 a/' <<< "$types struct s { __u32 a; int b; char c; };"
	differ
	refused_for "struct s" "member a is __be32 now, and was a plain number"
	types 's/s64 a/ktime_t a/' <<< "$types struct s { s64 a; int b; char c; };"
	differ
	refused_for "struct s" "member a is ktime_t now, and was a plain number"
	# the machine's own is what it was
	types 's/__u32 a/__le32 a/' <<< "$types struct s { __u32 a; int b; char c; };"
	differ
	written
	# a variable
	rm out.o
	types 's/__le32 v/__be32 v/' <<< "$types $plain static __le32 v; int h(int x) { v = x; return ext2(x); } int g2(void) { return ext(v) + ext(v); }"
	sed -i 's/ext(v) + ext(v)/ext(v) + ext2(v)/' patched.c
	differ
	[[ $stderr == *"is __be32 now, and was __le32"*"[variable-type-changed]"* ]]
}

@test "no change of a layout: other names, lines, order, kinds of integer, new and forgotten types" {
	types 's/int a;/int other;/' <<< "$plain"
	differ
	written
	rm out.o
	# names that change places are another matter
	edit 's/int a; int b/int b; int a/'
	differ
	refused_for "struct s" "member b moves from offset 4 to 0"
	types '1s/^/\n\n\n/' <<< "$plain"
	differ
	written
	rm out.o
	types 's/int a;/unsigned int a;/' 's/int b;/volatile enum e b;/' '1s/^/enum e { E };/' <<< "$plain"
	differ
	written
	rm out.o
	types 's/^struct one.*/struct two { int x; long y; };/' 's/ext\(x\) \+ 2/ext(((struct two *)(long)x)->y)/' \
		<<< "$plain"$'\nstruct one { int x; }; int h(int x) { return ext2(((struct one *)(long)x)->x); }'
	sed -i '/^struct two/s/$/ int h(int x) { return ext2(x); }/' patched.c
	differ
	written
	rm out.o
	# only declared on one side
	types 's/^struct p;/struct p { int x; };/' 's/ext\(x\) \+ 2/ext(((struct p *)(long)x)->x)/' \
		<<< "$plain"$'\nstruct p;\nint h(struct p *p) { return ext2(p != 0); }'
	differ
	written
}

@test "nothing that is carried, nothing to say: a type alone, and objects without debug information" {
	types <<< "$plain"
	patched 's/char c; /char c, new; /'
	differ
	no_change
	edit 's/char c; /char c, new; /'
	compile original && compile patched
	strip -g -o stripped.o patched.o && mv stripped.o patched.o
	differ_objects
	written
	[[ $stderr == *"types were not compared"* ]]
}

@test "KPATCH_ALLOW_LAYOUT: the author vouches for a type; a macro that is not needed is said to be" {
	macros
	types 's/char c; /char c, new; /' 's/B,/NEW, B,/' 's/X,/NEW2, X,/' 's/int t;/int t, u;/' 's/int v;/int v, w;/' <<-END
		$plain enum state { A, B, C }; enum { W, X, Y };
		typedef struct { int t; } t; static struct { int v; } var;
		int h(t *t) { var.v += ext2(t->t); return ext(C + Y) ? B : A; }
	END
	cat >> patched.c <<-END
		KPATCH_ALLOW_LAYOUT(struct s); KPATCH_ALLOW_LAYOUT(enum state); KPATCH_ALLOW_LAYOUT(X);
		KPATCH_ALLOW_LAYOUT(t); KPATCH_ALLOW_LAYOUT(var);
	END
	differ
	# another size of a variable: nobody can vouch for that
	refused data-changed layout-allowed
	[[ $(grep -c '\[layout-allowed\]' <<< "$stderr") -eq 5 ]]
	[[ $stderr == *"warning: "*"struct s: member new is new at offset 9, for which KPATCH_ALLOW_LAYOUT(struct s) vouches"* ]]
	[[ $stderr == *"warning: "*"enum state: B changes from 1 to 2, for which KPATCH_ALLOW_LAYOUT(enum state) vouches"* ]]
	types 's/ext\(x\) \+ 2/ext(x) + 3/' '$a KPATCH_ALLOW_LAYOUT(struct s);' <<< "$plain"
	differ
	written
	[[ $(ids) == request-without-effect && $stderr == *"KPATCH_ALLOW_LAYOUT(struct s) met no difference"* ]]
	no grep -q 'kpatch[._]request' <(sections; readelf -sW out.o)
}

@test "debug information that cannot be read is no reason to trust the types" {
	types <<< "$plain"
	compile original && compile patched
	objcopy --update-section .debug_abbrev=<(head -c "$(size -A patched.o | awk '$1 == ".debug_abbrev" { print $2 }')" /dev/zero | tr '\0' '\377') patched.o
	differ_objects
	refused debug-info-damaged
}
