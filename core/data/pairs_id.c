/* SPDX-License-Identifier: Apache-2.0
 * Names of samples that outlive their numbers. */
#include "data/pairs_id.h"

#include "base/sha256.h"

#include <inttypes.h>

const char *pairs_id(const kd_dataset *table, const kd_set *set, int64_t sample,
                     char made[PAIR_ID]) {
    const char *path = KD_HAS(kd_dataset, table, path) ? table->path(set, sample) : NULL;
    arena memory = {0};
    char hex[SHA256_HEX];
    if (!path) {
        path = arena_print(&memory, "%" PRId64 " of %s", sample, table->fingerprint(set));
    }
    sha256_bytes(path, strlen(path), hex);
    arena_free(&memory);
    snprintf(made, PAIR_ID, "%.12s", hex);
    return made;
}
