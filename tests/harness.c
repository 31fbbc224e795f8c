/* SPDX-License-Identifier: Apache-2.0
 * Opens device plugins for tests, and converts and compares numbers of any type. */
#include "harness.h"

#include "config/config.h"
#include "plugin/isa.h"
#include "plugin/note.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>

/* ---- Devices. ---- */

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
static bool read_note(const char *path, test_device *d, plugin_note *ret, kd_error *err) {
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

static bool open_with_defaults(const plugin_note *note, test_device *d, kd_error *err) {
    d->config = arena_alloc(&d->memory, note->config_size);
    return config_fill(NULL, note->options, note->n_options, NULL, d->config, note->config_size,
                       &d->memory, err) &&
           d->table->open(d->config, &test_host, &d->handle, err);
}

bool test_device_open(const char *path, test_device *ret, kd_error *err) {
    test_device d = {.name = NULL};
    plugin_note note;
    if (!read_note(path, &d, &note, err) || !load(path, &d.table, err) ||
        !open_with_defaults(&note, &d, err)) {
        arena_free(&d.memory);
        return false;
    }
    *ret = d;
    return true;
}

void test_device_close(test_device *d) {
    d->table->close(d->handle);
    arena_free(&d->memory);
}

int test_devices_open(test_device ret[TEST_MAX_DEVICES]) {
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

void test_devices_close(test_device *devices, int count) {
    for (int i = 0; i < count; i++) {
        test_device_close(&devices[i]);
    }
}

test_device *test_device_find(test_device *devices, int count, const char *name) {
    for (int i = 0; i < count; i++) {
        if (strcmp(devices[i].name, name) == 0) {
            return &devices[i];
        }
    }
    return NULL;
}

const kd_kernel *test_kernel_at(const test_device *d, uint32_t i) {
    const char *first = (const char *)d->table->kernels;
    return i < d->table->n_kernels
               ? (const kd_kernel *)(const void *)(first + (size_t)i * d->table->kernel_stride)
               : NULL;
}

const kd_kernel *test_kernel(const test_device *d, const char *op) {
    const kd_kernel *kernel;
    for (uint32_t i = 0; (kernel = test_kernel_at(d, i)); i++) {
        if (strcmp(kernel->op, op) == 0) {
            return kernel;
        }
    }
    return NULL;
}

/* ---- Numbers. ---- */

/* Rounds by carrying into the kept half: another way than the reference device's. */
static uint16_t to_bf16(double value) {
    const float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (isnan(value)) {
        return (uint16_t)(bits >> 16 | 0x40);
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float from_bf16(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float single;
    memcpy(&single, &bits, sizeof single);
    return single;
}

double test_get(const void *data, int32_t dtype, int64_t i) {
    switch (dtype) {
    case KD_F32:
        return (double)((const float *)data)[i];
    case KD_F64:
        return ((const double *)data)[i];
    case KD_BF16:
        return (double)from_bf16(((const uint16_t *)data)[i]);
    case KD_I32:
        return ((const int32_t *)data)[i];
    case KD_I64:
        return (double)((const int64_t *)data)[i];
    default:
        return ((const uint8_t *)data)[i];
    }
}

void test_put(void *data, int32_t dtype, int64_t i, double value) {
    switch (dtype) {
    case KD_F32:
        ((float *)data)[i] = (float)value;
        break;
    case KD_F64:
        ((double *)data)[i] = value;
        break;
    case KD_BF16:
        ((uint16_t *)data)[i] = to_bf16(value);
        break;
    case KD_I32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    case KD_I64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    default:
        ((uint8_t *)data)[i] = (uint8_t)(int32_t)value;
    }
}

double test_round(double x, int32_t dtype) {
    double kept;
    test_put(&kept, dtype, 0, x);
    return test_get(&kept, dtype, 0);
}

const char *test_type_name(int32_t dtype) {
    static const char *const names[] = {"real", "f32", "f64", "bf16", "i32", "i64", "u8"};
    return names[dtype];
}

double test_error(const double *got, const double *want, int64_t count) {
    double difference = 0, size = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(want[i]) && isfinite(got[i])) {
            difference += (got[i] - want[i]) * (got[i] - want[i]);
            size += want[i] * want[i];
        } else if (!(isnan(want[i]) && isnan(got[i])) && got[i] != want[i]) {
            return HUGE_VAL;
        }
    }
    return difference > 0 ? (size > 0 ? difference / size : HUGE_VAL) : 0;
}
