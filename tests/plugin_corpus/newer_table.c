/* SPDX-License-Identifier: Apache-2.0
 * Brings a table that has grown since this host was built. */
#include <kindred/method.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "newer_table", "1.0.0", struct none, "knows more than its host", "-")

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    (void)s;
    (void)in;
    return NULL;
}

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static const struct {
        kd_method method;
        char later[64];
    } table = {.method = {.size = sizeof table, .min_views = 3, .build = build}};
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = KD_KIND_METHOD,
                                     .table = &table};
    (void)host;
    (void)err;
    return &plugin;
}
