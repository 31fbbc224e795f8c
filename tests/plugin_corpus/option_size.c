/* SPDX-License-Identifier: Apache-2.0
 * An option whose field is too small for its type. */
#include <kindred/method.h>

struct small {
    int rate, other;
};

KD_PLUGIN(METHOD, "option_size", "1.0.0", struct small, "a double in an int", "-")
KD_OPTION_RECORD(struct small, rate, KD_OPTION_FLOAT, 0, "1", "0", "2", "", "a rate")
