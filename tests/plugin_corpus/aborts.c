/* SPDX-License-Identifier: Apache-2.0
 * Ends the process as soon as it is loaded: whoever only lists it must not notice. */
#include <kindred/method.h>
#include <stdlib.h>

struct aborts {
    int fuse;
};

KD_PLUGIN(METHOD, "aborts", "1.0.0", struct aborts, "never load this", "-")
KD_INT(struct aborts, fuse, 1, 0, 3, "how long it would take")

__attribute__((constructor)) static void start(void) {
    abort();
}
