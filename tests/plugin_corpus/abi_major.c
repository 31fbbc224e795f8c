/* SPDX-License-Identifier: Apache-2.0
 * Made for an ABI that this host has never heard of. */
#include <kindred/abi.h>
#undef KD_ABI_MAJOR
#define KD_ABI_MAJOR 9
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "abi_major", "1.0.0", struct none, "from far ahead", "-")
