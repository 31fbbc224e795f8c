/* SPDX-License-Identifier: Apache-2.0
 * Needs a later minor of the host. */
#include <kindred/abi.h>
#undef KD_MIN_HOST_MINOR
#define KD_MIN_HOST_MINOR 7
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "abi_minor", "1.0.0", struct none, "from a little ahead", "-")
