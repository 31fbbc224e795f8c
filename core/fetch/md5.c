/* SPDX-License-Identifier: Apache-2.0
 * nettle's MD5, a megabyte at a time. */
#include "fetch/md5.h"

#include "base/arena.h"

#include <errno.h>
#include <nettle/md5.h>
#include <stdlib.h>

bool md5_file(const char *path, char ret_hex[MD5_HEX], kd_error *err) {
    const size_t piece = (size_t)1 << 20;
    FILE *file = fopen(path, "rbe");
    if (!file) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    struct md5_ctx state;
    md5_init(&state);
    unsigned char *buffer = kd_alloc(piece), digest[MD5_DIGEST_SIZE];
    for (size_t got; (got = fread(buffer, 1, piece, file)) > 0;) {
        md5_update(&state, got, buffer);
    }
    const bool good = !ferror(file);
    const int why = errno;
    fclose(file);
    free(buffer);
    md5_digest(&state, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    }
    return good || kd_fail(err, KD_E_IO, "%s: %s", path, strerror(why));
}
