#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# kpatch-build --sign-key --sign-cert: the signature as openssl and modinfo see it, and every file
# that is no key and no certificate.

load build

MEMINFO="$BATS_TEST_DIRNAME/../../examples/meminfo-string.patch"

# make_key NAME [OPENSSL-OPTION...]: NAME.pem and the certificate NAME.crt
make_key() {
	local name=$1 options=()
	shift
	[[ $* == *-newkey* ]] || options=(-newkey rsa:2048)
	[[ $* == *-passout* ]] || options+=(-nodes)
	openssl req -new -x509 -days 30000 -subj "/O=kpatch/CN=Key $(basename "$name")" \
		-keyout "$name.pem" -out "$name.crt" "${options[@]}" "$@" 2> /dev/null
	chmod 600 "$name.pem"
}

setup_file() {
	export KEYS=$BATS_FILE_TMPDIR
	make_key "$KEYS/one"
	make_key "$KEYS/other"
	make_key "$KEYS/locked" -passout pass:secret
	openssl x509 -in "$KEYS/one.crt" -outform DER -out "$KEYS/one.der"
}

sign() { kpatch_build --sign-key "$KEYS/one.pem" --sign-cert "$KEYS/one.crt" "$@"; }

# split MODULE: its contents to $OUT/contents, the PKCS#7 message to $OUT/cms
split() {
	local size length
	size=$(stat -c %s "$1")
	[[ $(tail -c 28 "$1") == '~Module signature appended~' ]]
	length=$((16#$(tail -c 32 "$1" | head -c 4 | od -An -tx1 | tr -d ' \n')))
	head -c $((size - 40)) "$1" | tail -c "$length" > "$OUT/cms"
	head -c $((size - 40 - length)) "$1" > "$OUT/contents"
}

# verified CERTIFICATE: openssl verifies what split made; the hash that was used must be the kernel's
verified() {
	openssl cms -verify -inform DER -in "$OUT/cms" -content "$OUT/contents" -binary -noverify \
		-certfile "$1" -out /dev/null
}

@test "sign: the signature verifies, and the rest is the unsigned module" {
	run -0 kpatch_build --output "$BATS_TEST_TMPDIR" "$MEMINFO"
	run -0 sign "$MEMINFO"
	split "$OUT/livepatch-meminfo-string.ko"
	cmp "$OUT/contents" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
	verified "$KEYS/one.crt"
	run ! verified "$KEYS/other.crt"
	hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"/\1/p' "$KERNEL_TREE/.config")
	openssl cms -cmsout -print -noout -inform DER -in "$OUT/cms" | grep -A 2 digestAlgorithms: | grep -w "$hash"
	printf x >> "$OUT/contents"
	run ! verified "$KEYS/one.crt"
}

@test "sign: the key that the manual's command makes is taken, and nobody else can read it" {
	cd "$BATS_TEST_TMPDIR"
	sed -n '/^openssl req/,/cert.der$/p' "$TEST_TOP/man/kpatch-build.8" | sed 's/\\-/-/g; s/\\e$/\\/; s/rsa:4096/rsa:2048/' > command
	[[ $(wc -l < command) == 3 ]]
	(umask 022 && bash -e ./command)
	[[ $(stat -c %a key.pem) == 600 ]]
	run -0 kpatch_build --sign-key key.pem --sign-cert cert.der "$MEMINFO"
	split "$OUT/livepatch-meminfo-string.ko"
	openssl x509 -inform DER -in cert.der -out cert.pem
	verified cert.pem
	openssl cms -cmsout -print -noout -inform DER -in "$OUT/cms" | grep 'CN=Our hotfixes'
}

@test "sign: twice the same bytes; the manifest is the unsigned one; PEM or DER" {
	run -0 sign "$MEMINFO"
	run -0 kpatch_build --sign-key "$KEYS/one.pem" --sign-cert "$KEYS/one.der" \
		--output "$BATS_TEST_TMPDIR" "$MEMINFO"
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
	run -0 kpatch_build --output "$BATS_TEST_TMPDIR" "$MEMINFO"
	cmp "$OUT/livepatch-meminfo-string.yaml" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.yaml"
}

@test "sign: kpatch info says who, and what modinfo says" {
	run -0 sign "$MEMINFO"
	module=$OUT/livepatch-meminfo-string.ko
	key=$(modinfo -F sig_key "$module")
	[[ -n $key ]]
	run -0 "$BUILD/kpatch" info "$module"
	says "^signed +by Key one \(key $key, $(modinfo -F sig_hashalgo "$module")\)$"
	run -0 "$BUILD/kpatch" info --format json "$module"
	says "\"key\": \"$key\""
	xz -k "$module"
	run -0 "$BUILD/kpatch" info "$module.xz"
	says '^signed +by Key one '
	strip -o "$OUT/stripped.ko" --strip-debug "$module"
	run -0 "$BUILD/kpatch" info "$OUT/stripped.ko"
	says '^signed +no$'
}

@test "sign: what the kernel's own sign-file makes, to the byte" {
	run -0 kpatch_build --output "$BATS_TEST_TMPDIR" "$MEMINFO"
	run -0 sign "$MEMINFO"
	hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"/\1/p' "$KERNEL_TREE/.config")
	"$KERNEL_TREE/scripts/sign-file" "$hash" "$KEYS/one.pem" "$KEYS/one.crt" \
		"$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
}

# token KEY: a token with KEY and its certificate, whose PIN is 7531
token() {
	export SOFTHSM2_CONF=$KEYS/softhsm.conf
	[[ ! -e $SOFTHSM2_CONF ]] || return 0
	mkdir "$KEYS/tokens"
	printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$KEYS/tokens" > "$SOFTHSM2_CONF"
	softhsm2-util --init-token --free --label hsm --pin 7531 --so-pin 8642
	softhsm2-util --import "$1.pem" --token hsm --label "signing key" --id 0a --pin 7531
	openssl x509 -in "$1.crt" -outform DER -out "$1.cer"
	pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label hsm --pin 7531 --write-object "$1.cer" \
		--type cert --label "signing key" --id 0a
}

TOKEN='pkcs11:token=hsm;object=signing%20key'

@test "sign: with a key in a token, the certificate in a file or there" {
	token "$KEYS/one"
	run -0 sign --output "$BATS_TEST_TMPDIR" "$MEMINFO"
	export KBUILD_SIGN_PIN=7531
	run -0 kpatch_build --sign-key "$TOKEN;type=private" --sign-cert "$KEYS/one.crt" "$MEMINFO"
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
	rm "$OUT"/*
	run -0 kpatch_build --sign-key "$TOKEN" --sign-cert "$TOKEN" "$MEMINFO"
	cmp "$OUT/livepatch-meminfo-string.ko" "$BATS_TEST_TMPDIR/livepatch-meminfo-string.ko"
	rm "$OUT"/*
	unset KBUILD_SIGN_PIN
	printf 7531 > "$BATS_TEST_TMPDIR/pin"
	run -0 kpatch_build --sign-key "$TOKEN;type=private?pin-source=file:$BATS_TEST_TMPDIR/pin" \
		--sign-cert "$KEYS/one.crt" "$MEMINFO"
	split "$OUT/livepatch-meminfo-string.ko"
	verified "$KEYS/one.crt"
}

@test "sign: a token that does not give the key, and no engine for tokens: said before anything is built" {
	token "$KEYS/one"
	local cert=(--sign-cert "$KEYS/one.crt")
	refuses 2 sign-key --sign-key "$TOKEN" "${cert[@]}" "$MEMINFO" < /dev/null
	says KBUILD_SIGN_PIN
	export KBUILD_SIGN_PIN=7531
	refuses 2 sign-key --sign-key 'pkcs11:token=hsm;object=none' "${cert[@]}" "$MEMINFO"
	refuses 2 sign-cert --sign-key "$TOKEN" --sign-cert 'pkcs11:token=hsm;object=none' "$MEMINFO"
	refuses 2 sign-mismatch --sign-key "$TOKEN" --sign-cert "$KEYS/other.crt" "$MEMINFO"
	KBUILD_SIGN_PIN=1357 refuses 2 sign-key --sign-key "$TOKEN" "${cert[@]}" "$MEMINFO"
	refuses 2 sign-pin-in-argument --sign-key "$TOKEN?pin-value=7531" "${cert[@]}" "$MEMINFO"
	[[ $output != *7531* ]]
	refuses 2 sign-pin-in-argument --sign-key "$TOKEN" --sign-cert "$TOKEN?PIN-value=7531" "$MEMINFO"
	OPENSSL_ENGINES=$BATS_TEST_TMPDIR refuses 2 sign-key-token --sign-key "$TOKEN" "${cert[@]}" "$MEMINFO"
	says 'libengine-pkcs11-openssl'
}

@test "sign: no program that is run gets the passphrase, and nothing of key or passphrase is on the disk" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	# what it is given, and what it finds in the environment of the kpatch-build that it descends from
	cat > "$BATS_TEST_TMPDIR/bin/gcc-12" <<-EOF
		#!/bin/bash
		env >> $BATS_TEST_TMPDIR/seen
		printf '%s\n' "\$@" >> $BATS_TEST_TMPDIR/seen
		for ((p = PPID; p > 1; p = \$(sed -n 's/^PPid:\t//p' /proc/\$p/status))); do
			[[ \$(< /proc/\$p/comm) != kpatch-build ]] || tr '\0' '\n' < /proc/\$p/environ >> $BATS_TEST_TMPDIR/parents
		done
		exec /usr/bin/gcc-12 "\$@"
	EOF
	chmod +x "$BATS_TEST_TMPDIR/bin/gcc-12"
	KBUILD_SIGN_PIN=secret PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 kpatch_build --keep --sign-key "$KEYS/locked.pem" \
		--sign-cert "$KEYS/locked.crt" "$MEMINFO"
	work=$(sed -n 's/^kept //p' <<< "$output")
	[[ -s $BATS_TEST_TMPDIR/seen && -d $work ]]
	no grep -E 'secret|SIGN_PIN|locked' "$BATS_TEST_TMPDIR/seen"
	grep -q '^PATH=' "$BATS_TEST_TMPDIR/parents"
	no grep secret "$BATS_TEST_TMPDIR/parents"
	no grep -rlE 'KBUILD_SIGN_PIN|PRIVATE KEY|secret$' --include=* "$work/signed" "$work/prepare" "$work/module"
	rm -r "$work"
}

@test "sign: a key with a passphrase" {
	export KBUILD_SIGN_PIN=secret
	run -0 kpatch_build --sign-key "$KEYS/locked.pem" --sign-cert "$KEYS/locked.crt" "$MEMINFO"
	split "$OUT/livepatch-meminfo-string.ko"
	verified "$KEYS/locked.crt"
	rm "$OUT"/*
	KBUILD_SIGN_PIN=wrong refuses 2 sign-key-locked --sign-key "$KEYS/locked.pem" \
		--sign-cert "$KEYS/locked.crt" "$MEMINFO"
	unset KBUILD_SIGN_PIN
	refuses 2 sign-key-locked --sign-key "$KEYS/locked.pem" --sign-cert "$KEYS/locked.crt" "$MEMINFO"
	says KBUILD_SIGN_PIN
}

@test "sign: no key, no certificate, not of one pair: said before anything is built" {
	local one=(--sign-key "$KEYS/one.pem") cert=(--sign-cert "$KEYS/one.crt")
	refuses 2 usage "${one[@]}" "$MEMINFO"
	refuses 2 usage "${cert[@]}" "$MEMINFO"
	refuses 2 sign-key --sign-key "$KEYS/none" "${cert[@]}" "$MEMINFO"
	refuses 2 sign-key --sign-key "$KEYS/one.crt" "${cert[@]}" "$MEMINFO"
	refuses 2 sign-key --sign-key "$KEYS" "${cert[@]}" "$MEMINFO"
	refuses 2 sign-cert "${one[@]}" --sign-cert "$KEYS/one.pem" "$MEMINFO"
	head -c 300 "$KEYS/one.der" > "$BATS_TEST_TMPDIR/cut"
	refuses 2 sign-cert "${one[@]}" --sign-cert "$BATS_TEST_TMPDIR/cut" "$MEMINFO"
	refuses 2 sign-cert "${one[@]}" --sign-cert /dev/null "$MEMINFO"
	refuses 2 sign-mismatch "${one[@]}" --sign-cert "$KEYS/other.crt" "$MEMINFO"
	[[ $output != *prepare* && $output != *compile* ]]
}

# certificate KEY: KEY.crt, by another key's word, for one that cannot sign its own
certificate() {
	openssl pkey -in "$1.pem" -pubout -out "$1.pub"
	openssl req -new -key "$KEYS/one.pem" -subj /CN=other |
		openssl x509 -req -CA "$KEYS/one.crt" -CAkey "$KEYS/one.pem" -force_pubkey "$1.pub" -days 300 -out "$1.crt"
}

@test "sign: kinds of keys that no kernel verifies, and an EC key, which it does" {
	make_key "$KEYS/edwards" -newkey ed25519
	make_key "$KEYS/pss" -newkey rsa-pss -pkeyopt rsa_keygen_bits:2048
	make_key "$KEYS/curve" -newkey ec -pkeyopt ec_paramgen_curve:P-384
	for key in edwards pss; do
		refuses 2 sign-key-type --sign-key "$KEYS/$key.pem" --sign-cert "$KEYS/$key.crt" "$MEMINFO"
		[[ $output != *prepare* && $output != *compile* ]]
	done
	run -0 kpatch_build --sign-key "$KEYS/curve.pem" --sign-cert "$KEYS/curve.crt" "$MEMINFO"
	split "$OUT/livepatch-meminfo-string.ko"
	verified "$KEYS/curve.crt"
}

@test "sign: a key that is too short for the hash" {
	# 448 bits, which openssl does not make: numbers as PKCS#1 has them
	{
		printf 'asn1 = SEQUENCE:rsa\n[rsa]\n'
		python3 -c 'def prime(n):
    n |= 1
    while n % 65537 == 1 or any(pow(a, n - 1, n) != 1 for a in (2, 3, 5, 7, 11, 13)): n += 2
    return n
p, q, e = prime(3 << 222), prime(7 << 221), 65537
d = pow(e, -1, (p - 1) * (q - 1))
for i, n in enumerate((0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))): print(f"n{i} = INTEGER:{n}")'
	} > "$KEYS/short.asn1"
	openssl asn1parse -genconf "$KEYS/short.asn1" -noout -out "$KEYS/short.der"
	openssl rsa -inform DER -in "$KEYS/short.der" -out "$KEYS/short.pem"
	certificate "$KEYS/short"
	refuses 11 sign-failed --sign-key "$KEYS/short.pem" --sign-cert "$KEYS/short.crt" "$MEMINFO"
	says 'digest too big'
}

@test "sign: a private key that others can read is warned about" {
	cp "$KEYS/one.pem" "$BATS_TEST_TMPDIR/open.pem"
	chmod 644 "$BATS_TEST_TMPDIR/open.pem"
	run -0 kpatch_build --sign-key "$BATS_TEST_TMPDIR/open.pem" --sign-cert "$KEYS/one.crt" "$MEMINFO"
	says '\[sign-key-exposed\]'
}

@test "sign: a kernel that looks at no signatures" {
	sed '/^CONFIG_MODULE_SIG=/d' "$KERNEL_TREE/.config" > "$BATS_TEST_TMPDIR/config"
	refuses 11 kernel-without-signatures --config "$BATS_TEST_TMPDIR/config" \
		--cache "$BATS_TEST_TMPDIR/cache" --sign-key "$KEYS/one.pem" --sign-cert "$KEYS/one.crt" "$MEMINFO"
	# said before a minute is spent on the kernel's source
	[[ -z $(compgen -G "$BATS_TEST_TMPDIR/cache/tree-*") ]]
	no says preparing
}
