/* SPDX-License-Identifier: Apache-2.0
 * Has no entry of its own, but a library beneath it has one. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "borrows_entry", "1.0.0", struct none, "in borrowed plumes", "-")

extern int lender_library(void);

__attribute__((constructor)) static void start(void) {
    lender_library();
}
