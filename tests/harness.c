/* SPDX-License-Identifier: Apache-2.0
 * Opens device plugins for tests. */
#include "harness.h"

#include "config/config.h"
#include "plugin/isa.h"
#include "plugin/note.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdlib.h>

static void say(const kd_host *host, int32_t level, const char *text, size_t length) {
    (void)host;
    (void)level;
    fprintf(stderr, "%.*s\n", (int)length, text);
}

static void all_at_once(const kd_host *host, int64_t count, int64_t grain,
                        void (*body)(void *arg, int64_t begin, int64_t end), void *arg) {
    (void)host;
    (void)grain;
    body(arg, 0, count);
}

static const void *no_extension(const kd_host *host, const char *id) {
    (void)host;
    (void)id;
    return NULL;
}

static const kd_host test_host = {
    .size = sizeof(kd_host),
    .abi_major = KD_ABI_MAJOR,
    .abi_minor = KD_ABI_MINOR_LATEST,
    .version = KINDRED_VERSION,
    .log = say,
    .parallel_for = all_at_once,
    .extension = no_extension,
};

/* What the plugin says of itself, and whether this machine has the instructions it needs. */
static bool read_note(const char *path, check_device *d, plugin_note *ret, kd_error *err) {
    if (note_read(path, &d->memory, ret, err) != NOTE_READ) {
        return kd_while(err, "%s", path);
    }
    const char *slash = strrchr(path, '/');
    d->name = arena_print(&d->memory, "%.*s", (int)strcspn(slash + 1, "."), slash + 1);
    if (isa_rank(ret->isa) > isa_rank(isa_of_this_cpu())) {
        return kd_fail(err, KD_E_UNSUPPORTED, "this machine is no %s", ret->isa);
    }
    return true;
}

static bool load(const char *path, const kd_device_plugin **ret, kd_error *err) {
    typedef const kd_plugin *entry_function(const kd_host *host, kd_error *err);
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        return kd_fail(err, KD_E_IO, "%s", dlerror());
    }
    entry_function *entry;
    *(void **)&entry = dlsym(module, "kindred_plugin_entry_v0");
    const kd_plugin *plugin = entry ? entry(&test_host, err) : NULL;
    if (!plugin || plugin->kind != KD_KIND_DEVICE) {
        return kd_fail(err, KD_E_INVALID, "%s is no device", path);
    }
    *ret = plugin->table;
    return true;
}

static bool open_with_defaults(const plugin_note *note, check_device *d, kd_error *err) {
    d->config = arena_alloc(&d->memory, note->config_size);
    return config_fill(NULL, note->options, note->n_options, NULL, d->config, note->config_size,
                       &d->memory, err) &&
           d->table->open(d->config, &test_host, &d->handle, err);
}

bool test_device_open(const char *path, check_device *ret, kd_error *err) {
    check_device d = {.name = NULL};
    plugin_note note;
    if (!read_note(path, &d, &note, err) || !load(path, &d.table, err) ||
        !open_with_defaults(&note, &d, err)) {
        arena_free(&d.memory);
        return false;
    }
    *ret = d;
    return true;
}

void test_device_close(check_device *d) {
    d->table->close(d->handle);
    arena_free(&d->memory);
}

int test_devices_open(check_device ret[TEST_MAX_DEVICES]) {
    const char *list = getenv("KINDRED_TEST_DEVICES");
    cr_assert(list && *list, "KINDRED_TEST_DEVICES names no device module");
    char *paths = strdup(list), *rest = paths;
    int count = 0;
    for (char *path; (path = strsep(&rest, ":"));) {
        kd_error err = KD_ERROR_INIT;
        cr_assert(count < TEST_MAX_DEVICES);
        if (test_device_open(path, &ret[count], &err)) {
            count++;
        } else {
            cr_assert_eq(err.code, KD_E_UNSUPPORTED, "%s", err.message);
            printf("not here: %s (%s)\n", path, err.message);
        }
    }
    free(paths);
    return count;
}

void test_devices_close(check_device *devices, int count) {
    for (int i = 0; i < count; i++) {
        test_device_close(&devices[i]);
    }
}

check_device *test_device_find(check_device *devices, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(devices[i].name, name) == 0) {
            return &devices[i];
        }
    }
    return NULL;
}
