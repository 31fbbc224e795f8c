/* SPDX-License-Identifier: Apache-2.0
 * libsodium's SHA-256, a megabyte at a time. */
#include "base/sha256.h"

#include "base/arena.h"

#include <sodium.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void sha256_bytes(const void *data, size_t bytes, char ret_hex[SHA256_HEX]) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, data, bytes);
    sodium_bin2hex(ret_hex, SHA256_HEX, digest, sizeof digest);
}

bool sha256_file(const char *path, char ret_hex[SHA256_HEX], kd_error *err) {
    const size_t piece = (size_t)1 << 16; /* a checkpoint is hashed beside evals: little memory */
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    unsigned char *buffer = kd_alloc(piece);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    ssize_t got;
    do {
        got = read(fd, buffer, piece);
        if (got > 0) {
            crypto_hash_sha256_update(&state, buffer, (unsigned long long)got);
        }
    } while (got > 0 || (got < 0 && errno == EINTR));
    const int why = errno;
    free(buffer);
    close(fd);
    if (got < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(why));
    }
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(ret_hex, SHA256_HEX, digest, sizeof digest);
    return true;
}
