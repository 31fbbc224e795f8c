/* SPDX-License-Identifier: Apache-2.0
 * What image_folder's two files share: the set, and how its pairs are found. */
#ifndef PLUGINS_DATASETS_IMAGE_FOLDER_H
#define PLUGINS_DATASETS_IMAGE_FOLDER_H

#include <kindred/dataset.h>
#include <stdlib.h>
#include <strings.h>

struct image_folder {
    const char *path, *root;
    int labels, pairing;
};

enum { LABELS_AUTO, LABELS_FOLDERS, LABELS_NONE };
enum { PAIRS_NONE, PAIRS_NUMBERED };

typedef struct member {
    int64_t entry;
    const char *path;  /* the entry's */
    const char *below; /* the part of path below the folders that all share */
    int32_t label;     /* -1: none */
    int32_t reserved;
} member;

typedef struct pair {
    int64_t member[2];
} pair;

struct kd_set {
    const kd_files_api *files;
    kd_files *in;
    member *member; /* sorted by path */
    int64_t n_members;
    pair *pair; /* NULL: every image is a sample */
    int64_t n_pairs;
    char **class_name; /* sorted */
    int32_t classes;
    int64_t others; /* images in formats that are not read */
    const char *other;
};

/* Fills set->pair from the names. fails naming an image that has no partner. */
bool find_pairs(kd_set *set, const char *path, kd_error *err);

#endif
