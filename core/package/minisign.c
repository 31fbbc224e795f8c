/* SPDX-License-Identifier: Apache-2.0
 * Reads minisign's public keys and signatures, and verifies. */
#include "package/minisign_internal.h"

/* Takes the next line off *text, without what ends it; false when there is none. */
static bool take_line(const char **text, const char **ret, size_t *ret_length) {
    if (**text == 0) {
        return false;
    }
    const size_t length = strcspn(*text, "\n");
    *ret = *text;
    *ret_length = length > 0 && (*text)[length - 1] == '\r' ? length - 1 : length;
    *text += length + ((*text)[length] == '\n');
    return true;
}

static bool take_prefixed(const char **text, const char *prefix, const char **ret,
                          size_t *ret_length) {
    const size_t length = strlen(prefix);
    if (!take_line(text, ret, ret_length) || *ret_length < length ||
        memcmp(*ret, prefix, length) != 0) {
        return false;
    }
    *ret += length;
    *ret_length -= length;
    return true;
}

static bool take_bytes(const char **text, void *ret, size_t bytes) {
    const char *line;
    size_t length, got;
    return take_line(text, &line, &length) &&
           sodium_base642bin(ret, bytes, line, length, NULL, &got, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == bytes;
}

static bool is_algorithm(const char algorithm[2], const char *name) {
    return memcmp(algorithm, name, 2) == 0;
}

void minisign_id_text(const unsigned char id[MINISIGN_ID_BYTES], char ret[MINISIGN_ID_TEXT]) {
    for (int i = 0; i < MINISIGN_ID_BYTES; i++) { /* a little-endian number */
        snprintf(ret + 2 * i, 3, "%02X", id[MINISIGN_ID_BYTES - 1 - i]);
    }
}

bool minisign_key_read(const char *text, minisign_key *ret, kd_error *err) {
    key_bytes key;
    const char *comment;
    size_t length;
    if (!take_prefixed(&text, UNTRUSTED_COMMENT, &comment, &length) ||
        !take_bytes(&text, &key, sizeof key) || !is_algorithm(key.algorithm, "Ed")) {
        kd_fail(err, KD_E_DATA, "this is no public key in minisign's format");
        return kd_hint(err, "it is the file that `kindred plugin key` or `minisign -G` wrote as "
                            "NAME.pub: two lines, the second begins with RW");
    }
    memcpy(ret->id, key.id, sizeof ret->id);
    memcpy(ret->key, key.key, sizeof ret->key);
    return true;
}

bool minisign_signature_read(const char *text, arena *a, minisign_signature *ret, kd_error *err) {
    signature_bytes signature;
    minisign_signature s = {.comment = ""};
    const char *untrusted, *comment;
    size_t length;
    if (!take_prefixed(&text, UNTRUSTED_COMMENT, &untrusted, &length) ||
        !take_bytes(&text, &signature, sizeof signature) ||
        !take_prefixed(&text, TRUSTED_COMMENT, &comment, &length) ||
        !take_bytes(&text, s.whole, sizeof s.whole) ||
        !(is_algorithm(signature.algorithm, "Ed") || is_algorithm(signature.algorithm, "ED"))) {
        kd_fail(err, KD_E_DATA, "this is no signature in minisign's format");
        return kd_hint(err, "it has four lines, and the second begins with RW or RU; ask its "
                            "author to sign again");
    }
    s.hashed = is_algorithm(signature.algorithm, "ED");
    s.comment = arena_copy(a, comment, length);
    memcpy(s.id, signature.id, sizeof s.id);
    memcpy(s.bytes, signature.bytes, sizeof s.bytes);
    *ret = s;
    return true;
}

static bool verify_comment(const minisign_key *key, const minisign_signature *s) {
    const size_t length = strlen(s->comment);
    arena a = {0};
    unsigned char *signed_bytes = arena_alloc(&a, sizeof s->bytes + length);
    memcpy(signed_bytes, s->bytes, sizeof s->bytes);
    memcpy(signed_bytes + sizeof s->bytes, s->comment, length);
    const bool ok = crypto_sign_verify_detached(s->whole, signed_bytes, sizeof s->bytes + length,
                                                key->key) == 0;
    arena_free(&a);
    return ok;
}

bool minisign_verify(const minisign_key *key, const minisign_signature *s, const void *data,
                     size_t bytes, kd_error *err) {
    unsigned char digest[crypto_generichash_BYTES_MAX];
    const void *message = data;
    if (sodium_init() < 0) {
        return kd_fail(err, KD_E_INTERNAL, "libsodium does not start");
    }
    if (s->hashed) {
        crypto_generichash(digest, sizeof digest, data, bytes, NULL, 0);
        message = digest;
        bytes = sizeof digest;
    }
    if (memcmp(key->id, s->id, sizeof key->id) != 0 ||
        crypto_sign_verify_detached(s->bytes, message, bytes, key->key) != 0) {
        kd_fail(err, KD_E_DATA, "the signature is not of these bytes by this key");
        return kd_hint(err, "the files changed after they were signed: fetch the package again, "
                            "from a place that its author names");
    }
    if (!verify_comment(key, s)) {
        kd_fail(err, KD_E_DATA, "the signature's comment was changed after it was signed");
        return kd_hint(err, "fetch the package again, from a place that its author names");
    }
    return true;
}
