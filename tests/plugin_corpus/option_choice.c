/* SPDX-License-Identifier: Apache-2.0
 * An option whose default is not among its choices. */
#include <kindred/method.h>

struct one {
    int head;
};

KD_PLUGIN(METHOD, "option_choice", "1.0.0", struct one, "chose otherwise", "-")
KD_CHOICE(struct one, head, "v3", "none|v1|v2", "form of the head")
