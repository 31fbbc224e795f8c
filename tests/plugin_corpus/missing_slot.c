/* SPDX-License-Identifier: Apache-2.0
 * Lacks the one function that a method is. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "missing_slot", "1.0.0", struct none, "forgot to build", "-")

KD_METHOD(.min_views = 2)
