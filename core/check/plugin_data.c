/* SPDX-License-Identifier: Apache-2.0
 * Level 3 for datasets: what is read does not depend on when or by whom. */
#include "check/plugin_data.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

enum { SAMPLES = 64, READERS = 4 };

static uint64_t stir(uint64_t sum, const void *data, size_t bytes) {
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++) {
        sum = (sum ^ at[i]) * 0x100000001b3u;
    }
    return sum;
}

/* What a sample's image must be. */
static bool is_image(const kd_image *a, plugin_case *c, int64_t index) {
    const size_t pixels = (size_t)a->height * (size_t)a->width * (size_t)a->channels;
    if (!a->data || a->bytes == 0) {
        rule_fail(c, "sample %lld has an image without data", (long long)index);
    } else if (a->format == KD_IMAGE_RAW &&
               (a->height <= 0 || a->width <= 0 || (a->channels != 1 && a->channels != 3) ||
                a->bytes != pixels)) {
        rule_fail(c, "sample %lld: %d x %d x %d raw pixels in %zu bytes", (long long)index,
                  a->height, a->width, a->channels, a->bytes);
    } else if (a->format != KD_IMAGE_RAW && a->format != KD_IMAGE_ENCODED) {
        rule_fail(c, "sample %lld has an image of format %d", (long long)index, a->format);
    }
    return c->verdict != VERDICT_FAIL;
}

/* A number that stands for the whole sample; 0: it could not be read, or is not sound. */
static uint64_t read_one(const kd_dataset *table, kd_set *set, int64_t index, plugin_case *c) {
    kd_error err = KD_ERROR_INIT;
    kd_sample sample = {.size = sizeof sample};
    if (!table->read(set, index, &sample, &err)) {
        rule_fail(c, "sample %lld: %s", (long long)index, err.message);
        return 0;
    }
    uint64_t sum = stir(0xcbf29ce484222325u, &sample.label, sizeof sample.label);
    if (sample.n_images < 1 || sample.n_images > KD_MAX_IMAGES) {
        rule_fail(c, "sample %lld has %u images", (long long)index, sample.n_images);
    } else if (sample.label != table->label(set, index)) {
        rule_fail(c, "sample %lld is read with label %d, but `label` says %d", (long long)index,
                  sample.label, table->label(set, index));
    } else if (sample.label < -1 || sample.label >= table->classes(set)) {
        if (sample.label != -1) {
            rule_fail(c, "sample %lld has label %d of %d classes", (long long)index, sample.label,
                      table->classes(set));
        }
    }
    for (uint32_t i = 0; i < sample.n_images && i < KD_MAX_IMAGES; i++) {
        if (is_image(&sample.images[i], c, index)) {
            sum = stir(sum, sample.images[i].data, sample.images[i].bytes);
        }
    }
    table->release_sample(set, &sample);
    return sum | 1;
}

typedef struct reading {
    const kd_dataset *table;
    kd_set *set;
    int64_t count;
    uint64_t sums[SAMPLES];
} reading;

/* Opens and reads the first samples in order. */
static bool read_all(plugin_kit *k, plugin_case *c, reading *r) {
    r->table = k->subject->table;
    if (!open_dataset(k, c, &r->set)) {
        return false;
    }
    const int64_t count = r->table->count(r->set);
    if (count < 1) {
        rule_fail(c, "has %lld samples", (long long)count);
        return false;
    }
    r->count = count < SAMPLES ? count : SAMPLES;
    for (int64_t i = 0; i < r->count; i++) {
        r->sums[i] = read_one(r->table, r->set, i, c);
    }
    return c->verdict != VERDICT_FAIL;
}

static void reads_in_any_order(plugin_case *c) {
    plugin_kit k;
    reading one = {0}, two = {0};
    if (!kit_open(&k, c) || !read_all(&k, c, &one)) {
        return;
    }
    for (int64_t i = one.count - 1; i >= 0; i--) {
        if (read_one(one.table, one.set, i, c) != one.sums[i]) {
            rule_fail(c, "sample %lld read again, in another order, is another", (long long)i);
        }
    }
    if (!read_all(&k, c, &two)) {
        return;
    }
    if (two.count != one.count || memcmp(one.sums, two.sums, sizeof one.sums) != 0) {
        rule_fail(c, "opened again with the same options, it has other samples");
    }
    const char *mark = one.table->fingerprint(one.set), *again = two.table->fingerprint(two.set);
    if (!mark || !*mark || !again || strcmp(mark, again) != 0) {
        rule_fail(c, "its fingerprint is empty, or differs between two openings of one set");
    }
    one.table->close(one.set);
    two.table->close(two.set);
}

typedef struct reader {
    const reading *first;
    plugin_case own; /* what this thread found */
    int number;
} reader;

static void *read_concurrently(void *context) {
    reader *r = context;
    for (int64_t i = 0; i < r->first->count; i++) {
        const int64_t at = (i * 7 + r->number * 13) % r->first->count;
        if (read_one(r->first->table, r->first->set, at, &r->own) != r->first->sums[at]) {
            rule_fail(&r->own, "sample %lld is another when %d threads read", (long long)at,
                      READERS);
        }
    }
    return NULL;
}

/* Only what one thread reads alike twice can be asked of several. */
static bool reads_alike(plugin_case *c, const reading *r) {
    for (int64_t i = 0; i < r->count; i++) {
        if (read_one(r->table, r->set, i, c) != r->sums[i]) {
            rule_skip(c, "one thread does not read the same twice: see M04");
            return false;
        }
    }
    return true;
}

static void reads_from_threads(plugin_case *c) {
    plugin_kit k;
    reading one = {0};
    static reader readers[READERS];
    pthread_t threads[READERS];
    if (!kit_open(&k, c) || !read_all(&k, c, &one) || !reads_alike(c, &one)) {
        return;
    }
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader){.first = &one, .number = i};
        if (pthread_create(&threads[i], NULL, read_concurrently, &readers[i]) != 0) {
            rule_skip(c, "no thread to read with");
            return;
        }
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        if (readers[i].own.verdict == VERDICT_FAIL) {
            rule_fail(c, "%s", readers[i].own.why);
        }
    }
    one.table->close(one.set);
}

const plugin_rule plugin_rules_data[] = {
    {"M04", "a sample is the same in any order and any opening", 3, KINDS(DATASET),
     reads_in_any_order},
    {"M05", "a sample is the same when threads read at once", 3, KINDS(DATASET),
     reads_from_threads},
    {.id = NULL},
};
