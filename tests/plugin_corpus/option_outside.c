/* SPDX-License-Identifier: Apache-2.0
 * An option whose field lies behind the end of the config struct. */
#include <kindred/method.h>

struct narrow {
    int near;
};
struct wide {
    int near, far;
};

KD_PLUGIN(METHOD, "option_outside", "1.0.0", struct narrow, "writes too far", "-")
KD_INT(struct narrow, near, 1, 0, 10, "inside")
KD_INT(struct wide, far, 1, 0, 10, "outside")
