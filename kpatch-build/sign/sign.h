/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signing of the finished module, with --sign-key and --sign-cert.
 */
#ifndef KPATCH_BUILD_SIGN_H
#define KPATCH_BUILD_SIGN_H

struct build;

/*
 * Takes the passphrase of the key, or the PIN of its token, out of the program's environment into build.pin: what
 * libraries start, and who looks at the program's environment, finds none there. Before anything else.
 */
void sign_take_pin(struct build *b);

/*
 * Before anything is built: can the key and the certificate be read, and do they belong together?
 * -EINVAL with "sign-key", "sign-key-locked" (a passphrase that is missing or wrong), "sign-cert",
 * "sign-key-type" or "sign-mismatch", and a warning "sign-key-exposed" where others can read the key. 0 without
 * them.
 */
int sign_check(struct build *b);

/*
 * After the kernel is known, before its source is prepared: does it look at signatures at all? -ENOTSUP with
 * "kernel-without-signatures". 0 without --sign-key.
 */
int sign_check_kernel(struct build *b);

#endif
