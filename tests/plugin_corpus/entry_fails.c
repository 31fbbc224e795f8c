/* SPDX-License-Identifier: Apache-2.0
 * Finds at its entry that it cannot work here. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "entry_fails", "1.0.0", struct none, "gives up with a reason", "-")

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    (void)host;
    kd_fail(err, KD_E_UNSUPPORTED, "no card is plugged in");
    kd_hint(err, "plug one in");
    return NULL;
}
