#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# lib/kernel: the cases are in kernel_image.c and kernel_files.c, one TAP line each.

load ../lib/tests.bash
setup_file() { make_programs /test/kernel_image /test/kernel_files /test/fake_dump; }

@test "images and kallsyms: contents, damage, bombs, the cache" {
	run "$BUILD/test/kernel_image"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 200 ]
}

@test "modules, Module.symvers, configurations, build IDs, symbols by name" {
	for part in a b c; do
		${CC:-cc} -c -o "$BATS_TEST_TMPDIR/$part.o" "$BATS_TEST_DIRNAME/fake_module.$part.S"
	done
	ld -r -o "$BATS_TEST_TMPDIR/fake.ko" "$BATS_TEST_TMPDIR"/{a,b,c}.o
	run "$BUILD/test/kernel_files" "$BATS_TEST_TMPDIR/fake.ko"
	grep -v '^ok' <<< "$output" || true
	[ "$status" -eq 0 ]
	[ "$(grep -c '^ok' <<< "$output")" -ge 110 ]
}

@test "mutated images, modules, tables and texts, with sanitizers" {
	cd "$BATS_TEST_TMPDIR"
	top=$BATS_TEST_DIRNAME/../..
	for part in a b c; do
		${CC:-cc} -c -o $part.o "$BATS_TEST_DIRNAME/fake_module.$part.S"
	done
	ld -r -o fake.ko a.o b.o c.o
	xz -k fake.ko
	gzip -k fake.ko
	cp fake.ko signed.ko
	. "$top/test/loader/machine.bash"
	sign_module signed.ko
	"$BUILD/test/fake_dump" rodata 0 old
	"$BUILD/test/fake_dump" rodata 1 new
	"$BUILD/test/fake_dump" elf 0 old.elf
	for how in elf gzip xz zstd lz4; do
		"$BUILD/test/fake_dump" $how 1 new.$how
	done
	printf '0x12345678\tgood\tvmlinux\tEXPORT_SYMBOL\t\n' > symvers
	printf 'CONFIG_A=y\nCONFIG_S="a \\"b\\""\n' > config
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -I"$top" -g -O1 -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -pthread -o fuzz "$top"/test/fuzz/kernel_fuzz.c \
		"$top"/lib/kernel/*/*.c "$top"/lib/arch/*.c "$top"/lib/arch/*/*.c "$top"/lib/elf/*.c "$top"/lib/elf/*/*.c "$top"/lib/util/*.c \
		-ldw -lelf -lZydis -llzma -lzstd -llz4 -lz -lcrypto
	seed=${KPATCH_FUZZ_SEED:-1}
	echo "seed $seed"
	run ./fuzz --mutate "${KPATCH_FUZZ_ROUNDS:-200}" "$seed" fake.ko fake.ko.xz fake.ko.gz \
		signed.ko old new old.elf new.{elf,gzip,xz,zstd,lz4} symvers config
	echo "$output"
	[ "$status" -eq 0 ]
}
