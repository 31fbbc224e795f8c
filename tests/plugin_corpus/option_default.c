/* SPDX-License-Identifier: Apache-2.0
 * An option whose default is out of its own range. */
#include <kindred/method.h>

struct one {
    int hidden;
};

KD_PLUGIN(METHOD, "option_default", "1.0.0", struct one, "contradicts itself", "-")
KD_INT(struct one, hidden, 0, 1, 10, "at least one")
