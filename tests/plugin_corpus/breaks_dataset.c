/* SPDX-License-Identifier: Apache-2.0
 * The dataset of `kindred plugin new`, with a read that breaks a rule. */
#include <kindred/dataset.h>
#include <unistd.h>

#undef KD_DATASET
#define KD_DATASET(...)
#include "../../share/templates/dataset/my_plugin.c"

/* Another picture at each call, or one whose index another thread may change meanwhile. */
static bool read_badly(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
#ifdef BREAKS_ORDER
    static int calls;
    const bool ok = read_sample(set, index, ret, err);
    if (ok) {
        *(uint8_t *)ret->owner = (uint8_t)calls++;
    }
    return ok;
#elif defined(BREAKS_MEMORY) || defined(BREAKS_OLD_FILES) || defined(BREAKS_HANG) ||               \
    defined(BREAKS_HALF_ASKED)
    return read_sample(set, index, ret, err);
#else
    static volatile int64_t current;
    current = index;
    usleep(200);
    const bool ok = read_sample(set, current, ret, err);
    ret->label = label(set, index);
    return ok;
#endif
}

/* What it notes of itself is not asked whether it is there. */
__attribute__((unused)) static bool open_greedily(const void *config, const kd_dataset_host *host,
                                                  kd_set **ret, kd_error *err) {
    volatile char *notes = malloc(64);
    notes[0] = 1;
    free((void *)notes);
    return open_set(config, host, ret, err);
}
/* It waits for memory, which does not come. */
__attribute__((unused)) static bool open_patiently(const void *config, const kd_dataset_host *host,
                                                   kd_set **ret, kd_error *err) {
    volatile char *notes = malloc(64);
    while (!notes) {
        pause();
    }
    notes[0] = 1;
    free((void *)notes);
    return open_set(config, host, ret, err);
}
/* What came later to the host's functions is not asked whether it is there. */
__attribute__((unused)) static bool open_newly(const void *config, const kd_dataset_host *host,
                                               kd_set **ret, kd_error *err) {
    return host->files->read_part ? open_set(config, host, ret, err)
                                  : kd_fail(err, KD_E_UNSUPPORTED, "this host reads no parts");
}
/* Of a function that may be NULL in the table it only asks how long the table is. */
__attribute__((unused)) static bool open_half_asked(const void *config, const kd_dataset_host *host,
                                                    kd_set **ret, kd_error *err) {
    uintptr_t code = (uintptr_t)host;
    if (host->files->size >= KD_END(kd_files_api, read_part)) {
        memcpy(&code, &host->files->read_part, sizeof code);
    }
    (void)*(volatile const char *)code; /* as a call would */
    return open_set(config, host, ret, err);
}
#ifdef BREAKS_MEMORY
#define OPEN open_greedily
#elif defined(BREAKS_HANG)
#define OPEN open_patiently
#elif defined(BREAKS_OLD_FILES)
#define OPEN open_newly
#elif defined(BREAKS_HALF_ASKED)
#define OPEN open_half_asked
#else
#define OPEN open_set
#endif

KD_ENTRY(KD_KIND_DATASET, kd_dataset, .open = OPEN, .close = close_set, .count = count,
         .classes = classes, .label = label, .path = path, .read = read_badly,
         .release_sample = release_sample, .fingerprint = fingerprint)
