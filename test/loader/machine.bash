# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# shellcheck disable=SC2154 # output and stderr are set by run
#
# A machine that is a directory, for fake-kpatch, and patch modules to load into it.

# shellcheck source=../lib/tests.bash
. "${BASH_SOURCE[0]%/*}/../lib/tests.bash"
KERNEL_ID=0123456789abcdef0123456789abcdef01234567
NFSD_ID=aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb
RELEASE=6.1.0-56-amd64

# machine_build: the program under test, once a file
machine_build() {
	make_programs /test/fake-kpatch
	export FAKE=$BUILD/test/fake-kpatch
}

# note FILE ID: an ELF note section with that build ID
note() {
	mkdir -p "$(dirname "$1")"
	printf '\4\0\0\0\24\0\0\0\3\0\0\0GNU\0%b' "$(sed 's/../\\x&/g' <<< "$2")" > "$1"
}

# machine: an empty one in $M, with live patching and nothing loaded
machine() {
	M=$BATS_TEST_TMPDIR/machine
	mkdir -p "$M"/{sys/kernel/livepatch,sys/module,proc/sys/kernel,dev,run,var/lib,lib/modules/$RELEASE}
	echo "$RELEASE" > "$M/release"
	note "$M/sys/kernel/notes" "$KERNEL_ID"
	echo 1 > "$M/proc/sys/kernel/ftrace_enabled"
	echo 0 > "$M/proc/sys/kernel/modules_disabled"
	: > "$M/dev/kmsg"
	cd "$BATS_TEST_TMPDIR" || return
}

# kpatch ARG...: under bats' run
kpatch() { run -"${EXPECT:-0}" --separate-stderr "$FAKE" "$M" "$@"; }

# fails CODE ARG...: kpatch ends with that exit code
fails() {
	local code=$1
	shift
	EXPECT=$code kpatch "$@"
}

# has ID...: these diagnostics were printed
has() {
	local id
	for id; do
		[[ $stderr == *"[$id]"* ]] || { echo "no $id in: $stderr"; return 1; }
	done
}

# says TEXT: somewhere in output or errors
says() {
	[[ $output$'\n'$stderr == *"$1"* ]] || { echo "no '$1' in: $output / $stderr"; return 1; }
}

# loaded_module NAME [BUILD_ID [REFCNT [TAINT]]]: it is in memory
loaded_module() {
	local d=$M/sys/module/$1
	mkdir -p "$d/notes"
	echo live > "$d/initstate"
	echo "${3:-0}" > "$d/refcnt"
	echo "${4-}" > "$d/taint"
	[[ -z ${2-} ]] || note "$d/notes/.note.gnu.build-id" "$2"
}

# live_patch NAME ENABLED TRANSITION OBJECT:PATCHED:FUNCTION,POSITION...
live_patch() {
	local name=$1 d=$M/sys/kernel/livepatch/$1 spec object patched function
	mkdir -p "$d"
	echo "$2" > "$d/enabled"
	echo "$3" > "$d/transition"
	echo 0 > "$d/force"
	shift 3
	for spec; do
		IFS=: read -r object patched function <<< "$spec"
		mkdir -p "$d/$object/$function"
		echo "$patched" > "$d/$object/patched"
	done
	[[ -e $M/sys/module/$name ]] || loaded_module "$name" 1111111111111111111111111111111111111111 1 OK
}

# says_of PATCH PARAMETER LINE...: what the runtime of a loaded patch shows
says_of() {
	mkdir -p "$M/sys/module/$1/parameters"
	printf '%s\n' "${@:3}" > "$M/sys/module/$1/parameters/$2"
}

# task PID COMM PATCH_STATE [STACK_LINE...]: a task of one thread
task() {
	local d=$M/proc/$1/task/$1 pid=$1 comm=$2 flags=${FLAGS:-4194304}
	mkdir -p "$d"
	echo "$3" > "$d/patch_state"
	echo "$pid ($comm) S 1 1 1 0 -1 $flags 0 0" > "$d/stat"
	shift 3
	printf '%s\n' "$@" > "$d/stack"
}

# kernel: what the machine's kernel does, a shell script from standard input. In it:
#   $1.. the call (see fake-kpatch.c); appear NAME E T OBJ:PATCHED:FN..., gone NAME
kernel() {
	{
		echo '#!/bin/bash'
		echo "M=$M"
		declare -f live_patch loaded_module note
		cat <<-'END'
			appear() { live_patch "$@"; }
			gone() { rm -rf "$M/sys/kernel/livepatch/$1"; echo 0 > "$M/sys/module/$1/refcnt"; }
			forget() { rm -rf "$M/sys/module/$1"; }
			set_state() { echo "$2" > "$M/sys/kernel/livepatch/$1/enabled"
				      echo "$3" > "$M/sys/kernel/livepatch/$1/transition"; }
			log() { echo "6,1,1,-;$*" >> "$M/dev/kmsg"; }
		END
		cat
		echo 'exit 0'
	} > "$M/kernel"
	chmod +x "$M/kernel"
}

# A kernel that enables and disables within a moment.
prompt_kernel() {
	kernel <<-'END'
		case "$1 $2" in
		insert*) appear livepatch_fix 1 0 vmlinux:1:meminfo_proc_show,1 ;;
		write*) name=$(basename "$(dirname "$2")")
			[[ $3 == 0 ]] && gone "$name" ;;
		remove*) forget "$2" ;;
		esac
	END
}

# manifest NAME: the YAML of a patch. Variables change it: KERNEL, ID, REPLACE, FUNCTION, CALLBACKS, EXTRA, VERIFIED, STATES ("ID:VERSION …").
manifest() {
	local module=${1//-/_}
	cat <<-END
		format: 1
		name: $1
		module: $module
		version: "1"
		builder: "a test"
		replace: ${REPLACE:-false}
		verified: ${VERIFIED:-true}
		kernel:
		  release: "${KERNEL:-$RELEASE}"
		  machine: x86_64
		  build_id: "${ID:-$KERNEL_ID}"
		  compiler: "gcc-12"
		patches:
		- name: fix.patch
		  sha256: "$(printf '%064d' 7)"
		objects:
		- name: vmlinux
		  build_id: "${ID:-$KERNEL_ID}"
		  compared: 1
		  matched: 1
		  functions:
		  - name: ${FUNCTION:-meminfo_proc_show}
		    source: fs/proc/meminfo.c
		    position: 0
		    old_size: 100
		    new_size: 110
		    reason: "instructions differ"
		  new_functions: []
		  new_data: []
		  callbacks: ${CALLBACKS:-[]}
		  references: []
	END
	[[ -z ${NFSD-} ]] || cat <<-END
		- name: nfsd
		  build_id: "$NFSD_ID"
		  compared: 1
		  matched: 1
		  functions:
		  - name: exp_show
		    source: fs/nfsd/export.c
		    position: 2
		    old_size: 100
		    new_size: 110
		    reason: "instructions differ"
		  new_functions: []
		  new_data: []
		  callbacks: []
		  references: []
	END
	[[ -z ${STATES-} ]] || echo "states:"
	for state in ${STATES-}; do
		printf -- '- id: %s\n  version: %s\n' "${state%:*}" "${state#*:}"
	done
	echo "warnings: []"
}

# func NAME POSITION OBJECT: one record of .kpatch.funcs, with its strings
func() {
	local label=$1_$3
	cat <<-END
		.section .kpatch.strings, "a"
		.Ln_$label: .asciz "$1"
		.Lo_$label: .asciz "$3"
		.section .kpatch.funcs, "aw"
		.long 1, $2
		.quad replacement, .Ln_$label, .Lo_$label
	END
}

# patch_module NAME FILE: a module as far as the loader looks at one. Variables: LIVEPATCH,
# VERMAGIC, BUILD_ID, MANIFEST (a file, "none"), FUNCS (more records), FLAGS_REPLACE, FLAGS_VERIFIED, REAL_STATES; those of manifest.
patch_module() {
	local module=${1//-/_} out=$2 s=$BATS_TEST_TMPDIR/$1.S yaml=${MANIFEST-} FLAGS=0
	[[ ${FLAGS_REPLACE:-${REPLACE:-false}} != true ]] || FLAGS=1
	[[ ${FLAGS_VERIFIED:-${VERIFIED:-true}} == true ]] || FLAGS=$((FLAGS | 4))
	if [[ -z $yaml ]]; then
		yaml=$BATS_TEST_TMPDIR/$1.yaml
		manifest "$1" > "$yaml"
	fi
	{
		cat <<-END
			.section .modinfo, "a"
			.asciz "livepatch=${LIVEPATCH-Y}"
			.asciz "name=$module"
			.asciz "license=GPL"
			.asciz "vermagic=${VERMAGIC-${KERNEL:-$RELEASE} SMP preempt mod_unload modversions }"
			.section .note.gnu.build-id, "a", @note
			.long 4, 20, 3
			.asciz "GNU"
			$(sed 's/../.byte 0x&\n/g' <<< "${BUILD_ID:-1111111111111111111111111111111111111111}")
			.text
			replacement: ret
			.section .kpatch.patch, "aw"
			.long 1, $((FLAGS))
			.data
			.globl kpatch_states_start, kpatch_states_end
			kpatch_states_start:
			$(for state in ${REAL_STATES-${STATES-}}; do echo ".quad ${state%:*}; .long ${state#*:}, 0; .quad 0"; done)
			kpatch_states_end:
		END
		func "${REAL_FUNCTION:-${FUNCTION:-meminfo_proc_show}}" 0 vmlinux
		[[ -z ${NFSD-} ]] || func exp_show 2 nfsd
		[[ $yaml == none ]] || cat <<-END
			.section .kpatch.manifest, ""
			.incbin "$yaml"
		END
	} > "$s"
	gcc -c -o "$out" "$s"
	chmod 644 "$out"
}

# sign_module FILE: as the kernel's sign-file does it, by a new key called "A test"
sign_module() {
	local key=$BATS_TEST_TMPDIR/key length
	openssl req -new -x509 -newkey rsa:2048 -nodes -subj '/CN=A test' -keyout "$key.pem" \
		-out "$key.crt" 2> /dev/null
	openssl cms -sign -binary -noattr -nocerts -md sha256 -in "$1" -signer "$key.crt" -inkey "$key.pem" \
		-outform DER -out "$key.cms"
	length=$(printf '%08x' "$(stat -c %s "$key.cms")")
	cat "$key.cms" >> "$1"
	printf '\0\0\2\0\0\0\0\0%b~Module signature appended~\n' "$(sed 's/../\\x&/g' <<< "$length")" >> "$1"
}

# calls: those that kpatch made, but for waiting
calls() { [[ ! -e $M/calls ]] || cat "$M/calls"; }
