/* SPDX-License-Identifier: Apache-2.0
 * Uses all that the host hands over, from its entry, and fails when something is amiss. It leaves
 * out kd_dataset's one optional function. */
#include <kindred/dataset.h>

struct none {
    int unused;
};

KD_PLUGIN(DATASET, "uses_host", "1.0.0", struct none, "trusts, and verifies", "-")

#define COUNT 1000

static void add(void *arg, int64_t begin, int64_t end) {
    int *touched = arg;
    for (int64_t i = begin; i < end; i++) {
        touched[i]++;
    }
}

static bool host_works(const kd_host *host, kd_error *err) {
    int touched[COUNT] = {0};
    host->log(host, KD_LOG_INFO, "hello from a plugin, and more", 19);
    host->parallel_for(host, COUNT, 7, add, touched);
    host->parallel_for(host, COUNT, 0, add, touched);
    for (int i = 0; i < COUNT; i++) {
        if (touched[i] != 2) {
            return kd_fail(err, KD_E_INTERNAL, "row %d was done %d times", i, touched[i]);
        }
    }
    return !host->extension(host, "kindred.nothing/1") ||
           kd_fail(err, KD_E_INTERNAL, "an extension that nobody wrote");
}

static bool set_open(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    (void)config;
    (void)host;
    (void)ret;
    return kd_fail(err, KD_E_UNSUPPORTED, "a test's set");
}

static void set_close(kd_set *set) {
    (void)set;
}

static int64_t count(const kd_set *set) {
    (void)set;
    return 0;
}

static int32_t classes(const kd_set *set) {
    (void)set;
    return 0;
}

static int32_t label(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return -1;
}

static const char *no_text(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL;
}

static bool read(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    (void)set;
    (void)index;
    (void)ret;
    return kd_fail(err, KD_E_UNSUPPORTED, "a test's sample");
}

static void release_sample(kd_set *set, kd_sample *sample) {
    (void)set;
    (void)sample;
}

static const char *fingerprint(const kd_set *set) {
    (void)set;
    return "";
}

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static const kd_dataset table = {.size = sizeof table,
                                     .open = set_open,
                                     .close = set_close,
                                     .count = count,
                                     .classes = classes,
                                     .label = label,
                                     .path = no_text,
                                     .read = read,
                                     .release_sample = release_sample,
                                     .fingerprint = fingerprint};
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = KD_KIND_DATASET,
                                     .table = &table};
    return host_works(host, err) ? &plugin : NULL;
}
