/* SPDX-License-Identifier: Apache-2.0
 * The bytes inside of minisign's base64, as keys and signatures have them in common. */
#ifndef CORE_PACKAGE_MINISIGN_INTERNAL_H
#define CORE_PACKAGE_MINISIGN_INTERNAL_H

#include "package/minisign.h"

#include <sodium.h>

#define UNTRUSTED_COMMENT "untrusted comment: "
#define TRUSTED_COMMENT "trusted comment: "

typedef struct key_bytes {
    char algorithm[2]; /* "Ed" */
    unsigned char id[MINISIGN_ID_BYTES], key[crypto_sign_PUBLICKEYBYTES];
} key_bytes;

typedef struct signature_bytes {
    char algorithm[2]; /* "Ed" or "ED" */
    unsigned char id[MINISIGN_ID_BYTES], bytes[crypto_sign_BYTES];
} signature_bytes;

typedef struct secret_bytes {
    char algorithm[2], kdf[2], checksum_algorithm[2]; /* "Ed", "Sc" or zeros, "B2" */
    unsigned char salt[crypto_pwhash_scryptsalsa208sha256_SALTBYTES], operations[8], memory[8];
    /* From here on combined with the password's key, where there is one. */
    unsigned char id[MINISIGN_ID_BYTES], key[crypto_sign_SECRETKEYBYTES], checksum[32];
} secret_bytes;

_Static_assert(sizeof(key_bytes) == 42 && sizeof(signature_bytes) == 74 &&
                   sizeof(secret_bytes) == 158,
               "these are bytes of a file");

#endif
