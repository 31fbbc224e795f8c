/* SPDX-License-Identifier: Apache-2.0
 * An option whose default is no value of its type. */
#include <kindred/method.h>

struct one {
    double rate;
};

KD_PLUGIN(METHOD, "option_unparsed", "1.0.0", struct one, "an expression for a number", "-")
KD_FLOAT(struct one, rate, (1.0 / 3), 0, 1, "a third")
