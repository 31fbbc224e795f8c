/* SPDX-License-Identifier: Apache-2.0
 * One name for two options. */
#include <kindred/method.h>

struct one {
    int hidden;
};

KD_PLUGIN(METHOD, "option_twice", "1.0.0", struct one, "says it again", "-")
KD_INT(struct one, hidden, 1, 1, 10, "once")
KD_INT(struct one, hidden, 2, 1, 10, "twice")
