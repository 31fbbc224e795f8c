/* SPDX-License-Identifier: Apache-2.0
 * A note, and nothing behind it. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "no_entry", "1.0.0", struct none, "forgot its last line", "-")
