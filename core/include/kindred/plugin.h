/* SPDX-License-Identifier: Apache-2.0
 * A plugin's one exported symbol, and what the host hands to it.
 *
 * A plugin imports no host symbol and links to nothing of kindred's: these headers are the SDK. It
 * is loaded with RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE and never unloaded. It makes no threads
 * (devices excepted), prints nothing, never exits, and leaves locale, signals and floating-point
 * modes alone. */
#ifndef KINDRED_PLUGIN_H
#define KINDRED_PLUGIN_H

#include <kindred/error.h>
#include <kindred/note.h>

#define KD_LOG_DEBUG 0
#define KD_LOG_INFO 1
#define KD_LOG_WARN 2

/* Services of the host. A table is valid until the process ends. */
typedef struct kd_host kd_host;
struct kd_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *version;

    /* [any thread] */
    void (*log)(const kd_host *host, int32_t level, const char *text, size_t length);

    /* [main thread] Calls body(arg, begin, end) over disjoint pieces of [0, count), of at least
     * `grain` (but the last), on the host's threads, and returns when all are done. */
    void (*parallel_for)(const kd_host *host, int64_t count, int64_t grain,
                         void (*body)(void *arg, int64_t begin, int64_t end), void *arg);

    /* [any thread] A named optional ability, "kindred.name/REV", or NULL. */
    const void *(*extension)(const kd_host *host, const char *id);
};

/* What the entry returns: static, the plugin's. The host copies it and compares it with the note.
 */
typedef struct kd_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *id, *version;
    uint32_t kind, reserved;
    const void *table; /* kd_method, kd_backbone, kd_dataset, kd_eval or kd_device_plugin */
    /* What it has beside its table: a table by name (kindred/custom_ops.h), or NULL. NULL: none. */
    const void *(*extension)(const char *id);
} kd_plugin;

/* The function that KD_ENTRY puts there; kindred/custom_ops.h has one. */
#define KD_EXTENSION NULL

/* [main thread, once] NULL on failure. */
KD_EXPORT const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err);

/* Defines the entry. Used through KD_METHOD(...), KD_BACKBONE(...) and so on, at a file's end. */
#define KD_ENTRY(kind_, type_, ...)                                                                \
    static const type_ kd_this_table = {.size = sizeof(type_), __VA_ARGS__};                       \
    const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {                 \
        _Static_assert((int)kd_this_kind == (int)(kind_), "KD_PLUGIN names another kind");         \
        static const kd_plugin plugin = {.size = sizeof plugin,                                    \
                                         .abi_major = KD_ABI_MAJOR,                                \
                                         .abi_minor = KD_ABI_MINOR,                                \
                                         .id = kd_this_id,                                         \
                                         .version = kd_this_version,                               \
                                         .kind = (kind_),                                          \
                                         .table = &kd_this_table,                                  \
                                         .extension = KD_EXTENSION};                               \
        (void)host;                                                                                \
        (void)err;                                                                                 \
        return &plugin;                                                                            \
    }

#endif
