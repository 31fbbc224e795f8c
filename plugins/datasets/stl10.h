/* SPDX-License-Identifier: Apache-2.0
 * What stl10's two files share: the set, and the small files beside the images. */
#ifndef PLUGINS_DATASETS_STL10_H
#define PLUGINS_DATASETS_STL10_H

#include <kindred/dataset.h>
#include <pthread.h>
#include <stdlib.h>

struct stl10 {
    const char *path;
    int split, fold;
};

enum { TRAIN, TEST, UNLABELED, TRAIN_UNLABELED };
enum { CLASSES = 10, MAX_PARTS = 2, N_BLOCKS = 2 };

/* A file of images and its labels. */
typedef struct part {
    int64_t entry, first, count; /* images; `first` counts over all parts */
    unsigned char *label;        /* 1 to 10 each; NULL: none */
} part;

/* Images that lie together in a file, kept because the next ones are most likely among them. */
typedef struct block {
    const part *of; /* NULL: empty */
    int64_t number;
    unsigned char *data;
} block;

struct kd_set {
    const kd_files_api *files;
    kd_files *in;
    int n_parts;
    part part[MAX_PARTS];
    int32_t *fold; /* the images of the fold; NULL: all */
    int64_t count;
    char *names; /* text of class_names.txt, lines ended by 0 */
    const char *name[CLASSES];
    pthread_mutex_t mutex; /* guards the blocks */
    block block[N_BLOCKS];
    int oldest;
};

/* The entry of that name, in whatever folder; -1: none. */
int64_t find_file(const kd_set *set, const char *name);

/* Labels of the part's images, one byte each. fails unless there are as many as images, all of them
 * 1 to 10. */
bool read_labels(kd_set *set, const char *path, const char *name, part *ret, kd_error *err);
/* Names are a courtesy: without their file there are none. */
bool read_names(kd_set *set, kd_error *err);
/* fold_indices.txt: a line for each fold, of indices from 0. Sets fold and count. */
bool read_fold(kd_set *set, const struct stl10 *c, kd_error *err);

#endif
