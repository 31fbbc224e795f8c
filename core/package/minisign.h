/* SPDX-License-Identifier: Apache-2.0
 * Keys and signatures in minisign's text format: Ed25519, over the message ("Ed") or over its
 * BLAKE2b-512 ("ED", which is what is written here).
 *
 * source  the format as https://jedisct1.github.io/minisign describes it */
#ifndef CORE_PACKAGE_MINISIGN_H
#define CORE_PACKAGE_MINISIGN_H

#include "base/arena.h"

#include <kindred/error.h>

#define MINISIGN_ID_BYTES 8
#define MINISIGN_ID_TEXT 17 /* "654D8C87A76D31A3" and an ending 0 */

typedef struct minisign_key {
    unsigned char id[MINISIGN_ID_BYTES], key[32];
} minisign_key;

typedef struct minisign_secret {
    unsigned char id[MINISIGN_ID_BYTES], key[64];
} minisign_secret;

typedef struct minisign_signature {
    unsigned char id[MINISIGN_ID_BYTES]; /* of the key that made it */
    bool hashed;                         /* "ED" */
    unsigned char bytes[64];
    unsigned char whole[64]; /* over bytes and comment */
    const char *comment;     /* the trusted one, in the arena that it was read into */
} minisign_signature;

/* Texts end in 0. fails (KD_E_DATA) on any other text; messages do not name a file. */
bool minisign_key_read(const char *text, minisign_key *ret, kd_error *err);
bool minisign_signature_read(const char *text, arena *a, minisign_signature *ret, kd_error *err);

/* A secret key, which may be locked by a password (then scrypt takes about a second and a GiB).
 * password  NULL: none. fails with KD_E_UNSUPPORTED when the key is locked and none was given. */
bool minisign_secret_read(const char *text, const char *password, minisign_secret *ret,
                          kd_error *err);
void minisign_secret_wipe(minisign_secret *secret);

/* Whether `key` signed these bytes and the comment. fails with KD_E_DATA; the caller looked the key
 * up by the signature's id. */
bool minisign_verify(const minisign_key *key, const minisign_signature *signature, const void *data,
                     size_t bytes, kd_error *err);

/* The texts of a new pair without a password, and of a signature; they live in `a`. The same bytes,
 * key and comment make the same signature. */
bool minisign_generate(arena *a, const char **ret_public, const char **ret_secret, kd_error *err);
bool minisign_sign(const minisign_secret *secret, const void *data, size_t bytes,
                   const char *comment, arena *a, const char **ret, kd_error *err);

void minisign_id_text(const unsigned char id[MINISIGN_ID_BYTES], char ret[MINISIGN_ID_TEXT]);

#endif
