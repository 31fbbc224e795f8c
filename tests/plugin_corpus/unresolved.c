/* SPDX-License-Identifier: Apache-2.0
 * Calls a function that nobody has. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "unresolved", "1.0.0", struct none, "relies on the host's symbols", "-")

extern kd_tensor *kindred_has_no_such_function(kd_scope s);

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    (void)in;
    return kindred_has_no_such_function(s);
}

KD_METHOD(.min_views = 2, .build = build)
