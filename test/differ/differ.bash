# SPDX-License-Identifier: GPL-2.0-only
# Helpers of the differ's tests: compile a snippet twice, run create-diff-object, look at the result.
#
# A test writes its snippet with `original`, derives the other version with `patched SED` (or writes
# it whole), calls `differ` and asserts on $status, $output, $stderr and out.o. The kernel that the
# differ asks about has every symbol that original.o defines, and every undefined one.

bats_require_minimum_version 1.5.0

# shellcheck source=../lib/tests.bash
. "${BASH_SOURCE[0]%/*}/../lib/tests.bash"
TOP=$TEST_TOP
CDO=${CDO:-$BUILD/create-diff-object}
CC=${CC:-gcc} OBJCOPY=${OBJCOPY:-objcopy}
# what a stock x86-64 kernel is compiled with, as far as it shows in an object
KFLAGS=(-O2 -std=gnu11 -ffreestanding -fno-PIE -mcmodel=kernel -mno-red-zone -mno-sse -mno-mmx
	-pg -mfentry -mrecord-mcount -fcf-protection=none -fno-asynchronous-unwind-tables
	-fno-strict-aliasing -fno-common -fno-jump-tables -fno-stack-protector -fconserve-stack
	-mindirect-branch=thunk-extern -mfunction-return=thunk-extern -w
	-ffunction-sections -fdata-sections)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	owner=vmlinux
	exported=() extra_ksyms=() extra_flags=()
	cat > kernel.h <<-'END'
		#define noinline __attribute__((noinline))
		#define __used __attribute__((used))
		#define __section(s) __attribute__((section(s)))
		#define notrace __attribute__((no_instrument_function))
		#define barrier() asm volatile("" ::: "memory")
		int printk(const char *, ...);
		int ext(int), ext2(int);
	END
}

compile() { # NAME: NAME.c to NAME.o; the name of the file in messages and __FILE__ is file.c
	mkdir -p "src.$1"
	cp "$1.c" "src.$1/file.c"
	(cd "src.$1" && "$CC" "${KFLAGS[@]}" "${extra_flags[@]}" -include ../kernel.h -c -o "../$1.o" file.c)
}

assemble() { # NAME: NAME.s to NAME.o
	"$CC" -c -o "$1.o" "$1.s"
}

original() { cat > original.c; }
patched() { # [SED-EXPRESSION...], or the source on stdin
	if (($#)); then
		local args=()
		for e; do args+=(-e "$e"); done
		sed -E "${args[@]}" original.c > patched.c
		cmp -s original.c patched.c && { echo "the edit changes nothing"; return 1; }
	else
		cat > patched.c
	fi
	return 0
}
append() { { cat original.c; cat; } > patched.c; } # the original and what is on stdin

# The symbols of files, without what some machines have in a column more.
symtab() { readelf -sW "$@" | sed 's/ \[<localentry>: [0-9]*\]//'; }

# The kernel: symbols of original.o and undefined ones, at made-up addresses in table order.
make_symbols() {
	local module=""
	[[ $owner == vmlinux ]] || module=$'\t['"$owner]"
	{
		echo "ffffffff81000000 T _stext"
		symtab original.o | awk -v module="$module" '
			($4 == "FUNC" || $4 == "OBJECT") && $7 != "UND" {
				t = $4 == "FUNC" ? "t" : "d"
				printf "ffffffff82%06x %s %s%s\n", 64 * n++, $5 == "LOCAL" ? t : toupper(t), $8, module
			}'
		symtab original.o patched.o | awk '$7 == "UND" && $8 != "" && !seen[$8]++ {
			printf "ffffffff83%06x T %s\n", 64 * n++, $8 }'
		((${#extra_ksyms[@]} == 0)) || printf '%s\n' "${extra_ksyms[@]}"
	} | sort > kallsyms.plain
	# a name that the owner defines is not that of an import
	awk '$2 == "T" && $1 ~ /^ffffffff83/ && defined[$3] { next } { defined[$3] = 1; print }' \
		kallsyms.plain | grep -v -F -x -f <(printf '%s\n' "${absent[@]:-/}") > kallsyms
	{
		printf '0x00000001\t__fentry__\tvmlinux\tEXPORT_SYMBOL\t\n'
		for e in "${exported[@]}"; do
			printf '0x00000002\t%s\t%s\tEXPORT_SYMBOL\t\n' "${e%%@*}" \
				"$([[ $e == *@* ]] && echo "${e#*@}" || echo vmlinux)"
		done
	} > Module.symvers
}

# Compile both and run the differ. Sets status, output, stderr.
differ() {
	compile original && compile patched && differ_objects "$@"
}
differ_objects() {
	[[ -e kallsyms ]] || make_symbols
	run --separate-stderr "$CDO" --verbose --owner "$owner" --kallsyms kallsyms \
		--symvers Module.symvers "$@" original.o patched.o out.o
	echo "status $status"
	printf '%s\n' "$output" "$stderr"
}

# The messages' ids, sorted, each once.
ids() { grep -oE '\[[a-z-]+\]$' <<< "$stderr" | tr -d '[]' | sort -u | xargs; }

refused() { # ID...: the run ended with these refusals and wrote nothing
	[[ $status -eq 2 && ! -e out.o && "$(ids)" == "$*" ]]
}
written() { [[ $status -eq 0 && -e out.o ]]; }
no_change() { [[ $status -eq 3 && ! -e out.o ]]; }

# SECTION: the relocations of a section of out.o: "offset type symbol addend", numbers in hex
relocs() {
	readelf -rW "${2:-out.o}" | awk -v want="'.rela$1'" '
		/^Relocation section/ { on = $3 == want; next }
		on && $1 ~ /^[0-9a-f]+$/ { sub(/^0+/, "", $1); s = $5 " " $6 " " $7
			if (NF == 5) s = $5 " + 0"
			print ($1 == "" ? "0" : $1), $3, s }' | sed 's/ + / +/; s/ - / -/'
}
has_reloc() { # SECTION TYPE SYMBOL ADDEND(+x or -x): one such relocation is there
	relocs "$1" | awk '{ $1 = ""; print }' | grep -qxF " R_X86_64_$2 $3 $4"
}

bytes() { # SECTION [FILE]: its bytes in hex
	"$OBJCOPY" -O binary --only-section="$1" --set-section-flags "$1=alloc,contents" "${2:-out.o}" bytes.bin
	od -An -v -tx1 bytes.bin | tr -d ' \n'
}

# NAME: "bind type section" of a symbol in out.o
symbol() {
	symtab out.o | awk -v name="$1" '$8 == name { print $5, $4, $7 }' > symbol.txt
	local bind type section
	read -r bind type section < symbol.txt || return
	[[ $section == UND ]] || section=$(readelf -SW out.o | sed 's/^ *\[ */[/' |
		awk -v n="[$section]" '$1 == n { print $2 }')
	echo "$bind $type $section"
}
sections() { readelf -SW out.o | sed -n 's/^ *\[ *[0-9]*\] \([^ ]*\) .*/\1/p'; }

# The metadata: a line "new-function old-name sympos object" for each replaced function.
funcs() {
	local off
	bytes .discard.kpatch.funcs > funcs.hex
	"$OBJCOPY" -O binary --only-section=.discard.kpatch.strings \
		--set-section-flags .discard.kpatch.strings=alloc,contents out.o strings.bin
	for ((off = 0; off < $(wc -c < funcs.hex) / 2; off += 32)); do
		printf '%s %s %d %s\n' "$(func_symbol $((off + 8)))" "$(func_string $((off + 16)))" \
			"0x$(cut -c$((off * 2 + 9))-$((off * 2 + 10)) funcs.hex)" "$(func_string $((off + 24)))"
	done
}
func_reloc() { relocs "${2:-.discard.kpatch.funcs}" | awk -v off="$(printf %x "$1")" '$1 == off { print $3, $4 }'; }
func_symbol() { func_reloc "$1" | awk '{ print $1 }'; }
func_string() {
	local addend
	addend=$(func_reloc "$1" | awk '{ print $2 }')
	tail -c "+$((16#${addend#+} + 1))" strings.bin | tr '\0' '\n' | head -n 1
}

# added_code: new code and data of every kind, for a source that has f() and exported_call()
added_code() {
	cat <<-'END'
		static const int added[] = { 5, 6, 7 };
		static int fresh_state = 8, zero_state;
		int added_function(int x) { zero_state++; return ext(added[x % 3]) + fresh_state++; }
		void *added_pointers[] = { &fresh_state, "more text", f };
		static void called(void) { exported_call("callback", added_pointers); }
		__used static void (*const cb)(void) __section(".discard.kpatch.callback.post_patch") = called;
	END
}

# The macros themselves, with the little of the kernel's headers that they are made of.
macros() {
	mkdir -p linux
	touch linux/{build_bug,compiler,livepatch,printk,static_call_types}.h
	cp "$TOP/kmod/kpatch-macros.h" .
	cat >> kernel.h <<-'END'
		struct klp_object;
		#define static_assert(e, text) _Static_assert(e, text)
		#define __aligned(n) __attribute__((aligned(n)))
		#define PASTE_(a, b) a##b
		#define PASTE(a, b) PASTE_(a, b)
		#define __UNIQUE_ID(prefix) PASTE(__UNIQUE_ID_##prefix, __COUNTER__)
		#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
		#define STATIC_CALL_TRAMP(name) __SCT__##name
		#define STATIC_CALL_KEY(name) __SCK__##name
		struct static_call_key { void *func; };
		#include "kpatch-macros.h"
	END
	extra_flags=(-I"$PWD")
}
