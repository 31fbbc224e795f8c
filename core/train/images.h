/* SPDX-License-Identifier: Apache-2.0
 * The images of a run: every dataset that it names, opened once. */
#ifndef CORE_TRAIN_IMAGES_H
#define CORE_TRAIN_IMAGES_H

#include <kindred/method.h>

#include "base/threads.h"
#include "data/source.h"
#include "train/progress.h"
#include "train/run.h"

typedef struct image_sets {
    registry *plugins;
    const kd_host *host;
    pool *pool;         /* decodes; made when the first store is opened */
    progress *progress; /* shows how the packing goes on */
    arena memory;
    int count;
    source **source;
    const char **key; /* what each was opened with */
} image_sets;

void images_init(image_sets *all, registry *plugins, const kd_host *host, progress *p);
void images_close(image_sets *all);

/* The data of a part: packed first where that has not been done, opened once however often it is
 * asked for. Lives until images_close. fails as source_open does, and when the user interrupts. */
bool images_open(image_sets *all, const data_part *data, source **ret, kd_error *err);

/* Puts `whose` in front of what images_open says, unless that begins with a place already: a line
 * of a manifest or list; or with a key of data.pairs, which gets its place. Returns false. */
bool images_blame(const data_part *data, const char *whose, kd_error *err);

/* What a set of samples is known by in checkpoints: "50000 samples of ... images, ... bytes". */
const char *images_identity(const source *s, arena *a);

#endif
