/* SPDX-License-Identifier: Apache-2.0
 * One plugin in several versions and builds: the build gives VARIANT_VERSION and KD_ISA. */
#include <kindred/method.h>

struct variant {
    int unused;
};

KD_PLUGIN(METHOD, "variant", VARIANT_VERSION, struct variant, "one of several", "-")

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    (void)s;
    (void)in;
    return NULL;
}

KD_METHOD(.min_views = 1, .build = build)
