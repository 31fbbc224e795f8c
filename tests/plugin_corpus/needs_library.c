/* SPDX-License-Identifier: Apache-2.0
 * Needs a library that is never installed. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "needs_library", "1.0.0", struct none, "lacks a companion", "-")

extern int absent_library(void);

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    (void)s;
    (void)in;
    absent_library();
    return NULL;
}

KD_METHOD(.min_views = 2, .build = build)
