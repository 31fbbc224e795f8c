/* SPDX-License-Identifier: Apache-2.0
 * Gives a size that not even the first kd_method had. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "short_table", "1.0.0", struct none, "cut too far", "-")

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static const uint32_t table[2] = {sizeof table};
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = KD_KIND_METHOD,
                                     .table = table};
    (void)host;
    (void)err;
    return &plugin;
}
