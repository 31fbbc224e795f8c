/* SPDX-License-Identifier: Apache-2.0
 * Makes minisign's keys and signatures, and reads secret keys. */
#include "package/minisign_internal.h"

static const char *base64(arena *a, const void *data, size_t bytes) {
    const size_t room = sodium_base64_ENCODED_LEN(bytes, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(a, room);
    return sodium_bin2base64(text, room, data, bytes, sodium_base64_VARIANT_ORIGINAL);
}

static bool fail_start(kd_error *err) {
    return kd_fail(err, KD_E_INTERNAL, "libsodium does not start");
}

static void secret_checksum(const secret_bytes *s, unsigned char ret[32]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, (const unsigned char *)s->algorithm, sizeof s->algorithm);
    crypto_generichash_update(&state, s->id, sizeof s->id);
    crypto_generichash_update(&state, s->key, sizeof s->key);
    crypto_generichash_final(&state, ret, 32);
}

static uint64_t little_endian(const unsigned char bytes[8]) {
    uint64_t number = 0;
    for (int i = 7; i >= 0; i--) {
        number = number << 8 | bytes[i];
    }
    return number;
}

/* Combines id, key and checksum with the key that scrypt makes of the password. */
static bool unlock(secret_bytes *s, const char *password, kd_error *err) {
    unsigned char stream[MINISIGN_ID_BYTES + crypto_sign_SECRETKEYBYTES + 32];
    unsigned char *locked = (unsigned char *)s + offsetof(secret_bytes, id);
    unsigned char checksum[32];
    if (crypto_pwhash_scryptsalsa208sha256(stream, sizeof stream, password, strlen(password),
                                           s->salt, little_endian(s->operations),
                                           (size_t)little_endian(s->memory)) != 0) {
        return kd_fail(err, KD_E_MEMORY, "not enough memory to unlock the key by its password");
    }
    for (size_t i = 0; i < sizeof stream; i++) {
        locked[i] ^= stream[i];
    }
    sodium_memzero(stream, sizeof stream);
    secret_checksum(s, checksum);
    if (sodium_memcmp(checksum, s->checksum, sizeof checksum) != 0) {
        kd_fail(err, KD_E_INVALID, "the password is wrong");
        return kd_hint(err, "type the one that the key was made with");
    }
    return true;
}

static bool secret_decode(const char *text, secret_bytes *ret) {
    const size_t prefix = strlen(UNTRUSTED_COMMENT);
    const char *line = strchr(text, '\n');
    size_t got;
    return strncmp(text, UNTRUSTED_COMMENT, prefix) == 0 && line &&
           sodium_base642bin((unsigned char *)ret, sizeof *ret, line + 1, strcspn(line + 1, "\r\n"),
                             NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == sizeof *ret && memcmp(ret->algorithm, "Ed", 2) == 0;
}

bool minisign_secret_read(const char *text, const char *password, minisign_secret *ret,
                          kd_error *err) {
    secret_bytes s;
    bool ok = true;
    if (sodium_init() < 0) {
        return fail_start(err);
    }
    if (!secret_decode(text, &s)) {
        kd_fail(err, KD_E_DATA, "this is no secret key in minisign's format");
        return kd_hint(err, "give the file that `kindred plugin key` or `minisign -G` wrote "
                            "as NAME.key; the .pub file is for those who verify");
    }
    if (memcmp(s.kdf, "Sc", 2) == 0) {
        ok = password ? unlock(&s, password, err)
                      : kd_fail(err, KD_E_UNSUPPORTED, "the key is locked by a password");
    }
    if (ok) {
        memcpy(ret->id, s.id, sizeof ret->id);
        memcpy(ret->key, s.key, sizeof ret->key);
    }
    sodium_memzero(&s, sizeof s);
    return ok;
}

void minisign_secret_wipe(minisign_secret *secret) {
    sodium_memzero(secret, sizeof *secret);
}

bool minisign_generate(arena *a, const char **ret_public, const char **ret_secret, kd_error *err) {
    secret_bytes s = {.algorithm = "Ed", .checksum_algorithm = "B2"};
    key_bytes p = {.algorithm = "Ed"};
    char id[MINISIGN_ID_TEXT];
    if (sodium_init() < 0) {
        return fail_start(err);
    }
    randombytes_buf(p.id, sizeof p.id);
    crypto_sign_keypair(p.key, s.key);
    memcpy(s.id, p.id, sizeof s.id);
    secret_checksum(&s, s.checksum);
    minisign_id_text(p.id, id);
    *ret_public = arena_print(a, UNTRUSTED_COMMENT "minisign public key %s\n%s\n", id,
                              base64(a, &p, sizeof p));
    *ret_secret = arena_print(a, UNTRUSTED_COMMENT "minisign secret key %s, no password\n%s\n", id,
                              base64(a, &s, sizeof s));
    sodium_memzero(&s, sizeof s);
    return true;
}

bool minisign_sign(const minisign_secret *secret, const void *data, size_t bytes,
                   const char *comment, arena *a, const char **ret, kd_error *err) {
    unsigned char digest[crypto_generichash_BYTES_MAX], whole[crypto_sign_BYTES];
    signature_bytes s = {.algorithm = "ED"};
    const size_t length = strlen(comment);
    unsigned char *both = arena_alloc(a, sizeof s.bytes + length);
    if (sodium_init() < 0) {
        return fail_start(err);
    }
    memcpy(s.id, secret->id, sizeof s.id);
    crypto_generichash(digest, sizeof digest, data, bytes, NULL, 0);
    crypto_sign_detached(s.bytes, NULL, digest, sizeof digest, secret->key);
    memcpy(both, s.bytes, sizeof s.bytes);
    memcpy(both + sizeof s.bytes, comment, length);
    crypto_sign_detached(whole, NULL, both, sizeof s.bytes + length, secret->key);
    *ret = arena_print(
        a, UNTRUSTED_COMMENT "signature by `kindred plugin pack`\n%s\n" TRUSTED_COMMENT "%s\n%s\n",
        base64(a, &s, sizeof s), comment, base64(a, whole, sizeof whole));
    return true;
}
