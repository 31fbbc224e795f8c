/* SPDX-License-Identifier: Apache-2.0
 * A library, no plugin, that nevertheless exports an entry. */
#include <kindred/plugin.h>

extern int lender_library(void);

KD_EXPORT int lender_library(void) {
    return 1;
}

KD_EXPORT const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    (void)host;
    kd_fail(err, KD_E_INTERNAL, "the library's entry was called");
    return NULL;
}
