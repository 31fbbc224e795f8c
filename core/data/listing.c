/* SPDX-License-Identifier: Apache-2.0
 * A dataset's paths, labels and classes, copied out of it. */
#include "data/listing.h"

#include "data/files.h"

#include <inttypes.h>

/* How many images a sample has is known only from reading one; a sample that cannot be read says
 * nothing, and the next is asked. */
static bool check_single(const kd_dataset *table, kd_set *set, int64_t count, kd_error *err) {
    for (int64_t i = 0; i < count; i++) {
        kd_error unread = KD_ERROR_INIT;
        kd_sample sample = {.size = sizeof sample};
        if (!table->read(set, i, &sample, &unread)) {
            continue;
        }
        const uint32_t images = sample.n_images;
        table->release_sample(set, &sample);
        if (images != 1) {
            kd_fail(err, KD_E_INVALID, "the dataset yields samples of %u images already", images);
            return kd_hint(err, "pairs are made of single images; a dataset of pairs needs no "
                                "manifest");
        }
        return true;
    }
    return kd_fail(err, KD_E_DATA, "none of the dataset's %" PRId64 " images can be read", count);
}

static const char **copy_paths(const kd_dataset *table, const kd_set *set, listing *l) {
    const char **paths = arena_alloc(&l->memory, (size_t)(l->count + 1) * sizeof *paths);
    for (int64_t i = 0; i < l->count; i++) {
        const char *path = KD_HAS(kd_dataset, table, path) ? table->path(set, i) : NULL;
        if (!path) {
            return NULL;
        }
        paths[i] = arena_text(&l->memory, path);
    }
    return paths;
}

static const char **copy_names(const kd_dataset *table, const kd_set *set, listing *l) {
    const char **names = arena_alloc(&l->memory, (size_t)(l->classes + 1) * sizeof *names);
    for (int32_t c = 0; c < l->classes; c++) {
        const char *name = KD_HAS(kd_dataset, table, class_name) ? table->class_name(set, c) : NULL;
        names[c] = name ? arena_text(&l->memory, name) : NULL;
    }
    return names;
}

static bool copy_labels(const kd_dataset *table, const kd_set *set, listing *l, kd_error *err) {
    int32_t *label = arena_alloc(&l->memory, (size_t)(l->count + 1) * sizeof *label);
    for (int64_t i = 0; i < l->count; i++) {
        label[i] = l->classes > 0 ? table->label(set, i) : -1;
        if (label[i] >= l->classes) {
            return kd_fail(err, KD_E_DATA,
                           "image %" PRId64 " of the dataset has the label %d of %d classes", i,
                           label[i], l->classes);
        }
    }
    l->label = label;
    return true;
}

bool listing_open(const kd_dataset *table, const void *config, const kd_host *host, listing *ret,
                  kd_error *err) {
    const kd_dataset_host opens = {.size = sizeof opens, .host = host, .files = files_api()};
    kd_set *set = NULL;
    *ret = (listing){0};
    if (!table->open(config, &opens, &set, err)) {
        return false;
    }
    ret->count = table->count(set);
    ret->classes = table->classes(set);
    ret->path = copy_paths(table, set, ret);
    ret->class_name = copy_names(table, set, ret);
    const bool good =
        check_single(table, set, ret->count, err) && copy_labels(table, set, ret, err);
    table->close(set);
    return good;
}

void listing_free(listing *l) {
    arena_free(&l->memory);
    *l = (listing){0};
}

image_reference listing_reference(const listing *l, int64_t index) {
    return (image_reference){.path = l->path ? l->path[index] : NULL, .index = index};
}

const char *listing_class(const listing *l, int32_t label, char made[CLASS_NUMBER]) {
    if (l->class_name[label]) {
        return l->class_name[label];
    }
    snprintf(made, CLASS_NUMBER, "%d", label);
    return made;
}
