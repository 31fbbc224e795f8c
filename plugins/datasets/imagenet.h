/* SPDX-License-Identifier: Apache-2.0
 * What imagenet's files share: the set, and how its images are found and chosen. */
#ifndef PLUGINS_DATASETS_IMAGENET_H
#define PLUGINS_DATASETS_IMAGENET_H

#include "wnids.h"

#include <stdlib.h>

struct imagenet {
    const char *path, *classes, *val_labels;
    int split, per_class, pick, seed;
};

enum { TRAIN, VAL };
enum { PICK_FIRST, PICK_RANDOM };

typedef struct member {
    char *name;    /* "train/n01440764/n01440764_18.JPEG", "n01440764.tar/n01440764_18.JPEG" */
    int64_t entry; /* of set->images: the image, or the tar of its class */
    int64_t at;    /* where its header begins in that tar; -1: it is no tar */
    int32_t label; /* of set->classes */
    int32_t reserved;
} member;

struct kd_set {
    const kd_files_api *files;
    kd_files *in;     /* what data.path is */
    kd_files *images; /* the official tar in it; NULL: `in` has the images */
    wnids classes;
    bool chosen; /* classes are those of data.classes: images of others are passed over */
    member *member;
    int64_t count, room;
    char fingerprint[160];
};

/* fails when there is no memory. `name` is copied; class -1 is passed over */
bool add_member(kd_set *set, member m, kd_error *err);

/* Finds the split's images and their classes, sorted by class and name. */
bool find_train(kd_set *set, const struct imagenet *c, kd_error *err);
bool find_val(kd_set *set, const struct imagenet *c, kd_error *err);
void sort_members(kd_set *set);

/* The text of a list in a file of its own, which the caller frees. */
char *read_list_file(const kd_files_api *files, const char *path, kd_error *err);

/* Keeps data.per_class images of each class. fails where a class has fewer */
bool pick_members(kd_set *set, const struct imagenet *c, kd_error *err);

/* 64 bits that depend on every byte (FNV-1a, then mixed). */
uint64_t hash_text(uint64_t seed, const char *text);

#endif
