/* SPDX-License-Identifier: Apache-2.0
 * What the host hands to every plugin. */
#include "plugin/host.h"

#include "base/log.h"

static void host_log(const kd_host *host, int32_t level, const char *text, size_t length) {
    (void)host;
    log_text(level, text, length);
}

/* One piece after another, cut where the pool would cut: what a machine without room for threads
 * gets, with the same results. */
static void run_here(int64_t count, int64_t grain,
                     void (*body)(void *arg, int64_t begin, int64_t end), void *arg) {
    for (int64_t begin = 0; begin < count; begin += grain) {
        body(arg, begin, count - begin < grain ? count : begin + grain);
    }
}

static void host_parallel_for(const kd_host *table, int64_t count, int64_t grain,
                              void (*body)(void *arg, int64_t begin, int64_t end), void *arg) {
    plugin_host *host = (plugin_host *)table;
    kd_error err = KD_ERROR_INIT;
    grain = grain < 1 ? 1 : grain;
    if (!host->workers) {
        host->workers = pool_create(threads_available(), 0, &err);
    }
    if (host->workers) {
        pool_run(host->workers, count, grain, body, arg);
    } else {
        run_here(count, grain, body, arg);
    }
}

static const void *host_extension(const kd_host *host, const char *id) {
    (void)host;
    (void)id;
    return NULL; /* this host offers none */
}

void plugin_host_init(plugin_host *host) {
    *host = (plugin_host){.table = {.size = sizeof(kd_host),
                                    .abi_major = KD_ABI_MAJOR,
                                    .abi_minor = KD_ABI_MINOR_LATEST,
                                    .version = KINDRED_VERSION,
                                    .log = host_log,
                                    .parallel_for = host_parallel_for,
                                    .extension = host_extension}};
}

void plugin_host_finish(plugin_host *host) {
    pool_destroy(host->workers);
    host->workers = NULL;
}
