/* SPDX-License-Identifier: Apache-2.0
 * Its note and its code disagree on what it is. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "other_id", "1.0.0", struct none, "says one thing", "-")

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static const kd_method table = {.size = sizeof table};
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = "does_another",
                                     .version = "1.0.0",
                                     .kind = KD_KIND_METHOD,
                                     .table = &table};
    (void)host;
    (void)err;
    return &plugin;
}
