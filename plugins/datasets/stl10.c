/* SPDX-License-Identifier: Apache-2.0
 * STL-10 in its binary version, straight from the archive or from its folder. The images without
 * labels are 2.6 GB: files are read a block of images at a time. */
#include "stl10.h"

KD_PLUGIN(DATASET, "stl10", "1.0.0", struct stl10,
          "STL-10, binary version, from the archive or its folder",
          "https://cs.stanford.edu/~acoates/stl10/")
KD_REQUIRED_PATH(struct stl10, path, "stl10_binary.tar.gz, or a folder with its files")
KD_CHOICE(struct stl10, split, "train", "train|test|unlabeled|train+unlabeled",
          "5,000 training, 8,000 test or 100,000 images without labels, or training and those")
KD_INT(struct stl10, fold, 0, 0, 10,
       "1 to 10: the 1,000 training images of that predefined fold; 0: all")

#define SIDE 96
#define PLANE (SIDE * SIDE)
#define RECORD ((int64_t)3 * PLANE)
#define BLOCK_IMAGES 128 /* 3.5 MB */

static const struct {
    const char *images, *labels;
    int64_t official; /* images, where nothing else tells that some are missing; 0: labels do */
} sources[] = {
    [TRAIN] = {"train_X.bin", "train_y.bin", 0},
    [TEST] = {"test_X.bin", "test_y.bin", 0},
    [UNLABELED] = {"unlabeled_X.bin", NULL, 100000},
};

static bool fail_missing(const kd_set *set, const char *path, const char *name, kd_error *err) {
    kd_fail(err, KD_E_INVALID, "%s: %s is missing", path, name);
    if (find_file(set, "train.mat") >= 0) {
        return kd_hint(err, "this is the Matlab version; bring stl10_binary.tar.gz");
    }
    return kd_hint(err, "wanted is stl10_binary.tar.gz or its folder, with train_X.bin, "
                        "train_y.bin, test_X.bin, test_y.bin, unlabeled_X.bin");
}

static void warn_fewer(const kd_dataset_host *host, const char *path, const char *name,
                       int64_t count, int64_t official) {
    char text[512];
    const int length =
        snprintf(text, sizeof text, "%s: %s has %lld images; the official one has %lld", path, name,
                 (long long)count, (long long)official);
    host->host->log(host->host, KD_LOG_WARN, text,
                    (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

static bool add_part(kd_set *set, const struct stl10 *c, const kd_dataset_host *host, int source,
                     kd_error *err) {
    const char *name = sources[source].images;
    const int64_t entry = find_file(set, name);
    if (entry < 0) {
        return fail_missing(set, c->path, name, err);
    }
    const int64_t bytes = set->files->bytes(set->in, entry);
    if (bytes < RECORD || bytes % RECORD != 0) {
        kd_fail(err, KD_E_DATA, "%s: %s: %lld bytes are not a whole number of images of %lld",
                c->path, name, (long long)bytes, (long long)RECORD);
        return kd_hint(err, "the file is cut short or damaged: fetch it again");
    }
    part *p = &set->part[set->n_parts++];
    *p = (part){.entry = entry, .first = set->count, .count = bytes / RECORD};
    set->count += p->count;
    if (sources[source].official && p->count != sources[source].official) {
        warn_fewer(host, c->path, name, p->count, sources[source].official);
    }
    return !sources[source].labels || read_labels(set, c->path, sources[source].labels, p, err);
}

static bool add_parts(kd_set *set, const struct stl10 *c, const kd_dataset_host *host,
                      kd_error *err) {
    if (c->fold && c->split != TRAIN) {
        kd_fail(err, KD_E_INVALID, "%s: folds are of the training images only", c->path);
        return kd_hint(err, "leave data.fold out, or set data.split: train");
    }
    if (c->split == TRAIN_UNLABELED) {
        return add_part(set, c, host, TRAIN, err) && add_part(set, c, host, UNLABELED, err);
    }
    return add_part(set, c, host, c->split, err);
}

static void close_set(kd_set *set) {
    if (set) {
        for (int i = 0; i < set->n_parts; i++) {
            if (set->part[i].label) {
                set->files->release(set->part[i].label);
            }
        }
        for (int i = 0; i < N_BLOCKS; i++) {
            free(set->block[i].data);
        }
        if (set->in) {
            set->files->close(set->in);
        }
        pthread_mutex_destroy(&set->mutex);
        free(set->fold);
        free(set->names);
        free(set);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct stl10 *c = config;
    if (!KD_HAS(kd_files_api, host->files, read_part)) {
        return kd_fail(err, KD_E_UNSUPPORTED, "stl10: this kindred cannot read parts of files");
    }
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    pthread_mutex_init(&set->mutex, NULL);
    set->files = host->files;
    if (!host->files->open(c->path, &set->in, err) || !add_parts(set, c, host, err) ||
        !read_names(set, err) || (c->fold && !read_fold(set, c, err))) {
        close_set(set);
        return false;
    }
    *ret = set;
    return true;
}

/* The part of a sample, and which image of it. */
static const part *part_of(const kd_set *set, int64_t index, int64_t *ret_image) {
    const part *p = set->part;
    index = set->fold ? set->fold[index] : index;
    while (index >= p->first + p->count) {
        p++;
    }
    *ret_image = index - p->first;
    return p;
}

/* Makes *b that block. */
static bool fill(kd_set *set, block *b, const part *p, int64_t number, kd_error *err) {
    const int64_t first = number * BLOCK_IMAGES, left = p->count - first;
    const int64_t images = left < BLOCK_IMAGES ? left : BLOCK_IMAGES;
    if (!b->data && !(b->data = malloc((size_t)(BLOCK_IMAGES * RECORD)))) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    b->of = NULL;
    if (!set->files->read_part(set->in, p->entry, first * RECORD, b->data,
                               (size_t)(images * RECORD), err)) {
        return false;
    }
    b->of = p;
    b->number = number;
    return true;
}

/* Copies the image as it lies in the file. */
static bool copy_image(kd_set *set, const part *p, int64_t image, unsigned char *to,
                       kd_error *err) {
    const int64_t number = image / BLOCK_IMAGES;
    pthread_mutex_lock(&set->mutex);
    block *b = NULL;
    for (int i = 0; i < N_BLOCKS; i++) {
        if (set->block[i].of == p && set->block[i].number == number) {
            b = &set->block[i];
        }
    }
    if (!b) {
        block *oldest = &set->block[set->oldest];
        if (fill(set, oldest, p, number, err)) {
            b = oldest;
            set->oldest = (set->oldest + 1) % N_BLOCKS;
        }
    }
    if (b) {
        memcpy(to, b->data + image % BLOCK_IMAGES * RECORD, (size_t)RECORD);
    }
    pthread_mutex_unlock(&set->mutex);
    return b != NULL;
}

static int64_t count(const kd_set *set) {
    return set->count;
}

static int32_t classes(const kd_set *set) {
    return set->part[0].label ? CLASSES : 0;
}

static const char *class_name(const kd_set *set, int32_t label) {
    return set->name[label];
}

static int32_t label(const kd_set *set, int64_t index) {
    int64_t image;
    const part *p = part_of(set, index, &image);
    return p->label ? p->label[image] - 1 : -1;
}

static const char *path(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL; /* samples are known by their index */
}

static const char *fingerprint(const kd_set *set) {
    return set->files->fingerprint(set->in);
}

static int64_t order(const kd_set *set, int64_t index) {
    int64_t image;
    const part *p = part_of(set, index, &image);
    return set->files->order(set->in, p->entry) << 32 | image;
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    int64_t image;
    const part *p = part_of(set, index, &image);
    unsigned char *pixels = malloc(2 * (size_t)RECORD);
    if (!pixels) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    const unsigned char *planes = pixels + RECORD;
    if (!copy_image(set, p, image, pixels + RECORD, err)) {
        free(pixels);
        return kd_while(err, "#%lld", (long long)index);
    }
    for (int y = 0; y < SIDE; y++) { /* planes hold column after column */
        for (int x = 0; x < SIDE; x++) {
            for (int c = 0; c < 3; c++) {
                pixels[3 * (y * SIDE + x) + c] = planes[c * PLANE + x * SIDE + y];
            }
        }
    }
    ret->n_images = 1;
    ret->images[0] = (kd_image){.format = KD_IMAGE_RAW,
                                .height = SIDE,
                                .width = SIDE,
                                .channels = 3,
                                .data = pixels,
                                .bytes = (size_t)RECORD};
    ret->label = p->label ? p->label[image] - 1 : -1;
    ret->owner = pixels;
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    (void)set;
    free(sample->owner);
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes,
           .class_name = class_name, .label = label, .path = path, .read = read_sample,
           .release_sample = release_sample, .fingerprint = fingerprint, .order = order)
