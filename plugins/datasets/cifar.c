/* SPDX-License-Identifier: Apache-2.0
 * CIFAR-10 and CIFAR-100 in their binary version, straight from the archive or from its folder. */
#include <kindred/dataset.h>
#include <pthread.h>
#include <stdlib.h>

struct cifar {
    const char *path;
    int split, labels;
};

enum { TRAIN, TEST };
enum { FINE, COARSE };

KD_PLUGIN(DATASET, "cifar", "1.0.0", struct cifar,
          "CIFAR-10 and CIFAR-100, binary version, from the archive or its folder",
          "https://www.cs.toronto.edu/~kriz/cifar.html")
KD_REQUIRED_PATH(struct cifar, path,
                 "cifar-10-binary.tar.gz, cifar-100-binary.tar.gz, or a folder with their files")
KD_CHOICE(struct cifar, split, "train", "train|test", "50,000 training or 10,000 test images")
KD_CHOICE(struct cifar, labels, "fine", "fine|coarse",
          "the labels of CIFAR-100: 100 classes or 20 groups; CIFAR-10 has only its own 10")

#define SIDE 32
#define PLANE (SIDE * SIDE)
#define MAX_FILES 5
#define MAX_CLASSES 100

/* The two sets: what their files are called and how a record begins. */
typedef struct variant {
    const char *name;
    const char *const files[2][MAX_FILES + 1]; /* of TRAIN and TEST */
    const char *const names[2];                /* of the classes: FINE, COARSE */
    int label_bytes, label_at[2], classes[2];
} variant;

static const variant variants[] = {
    {.name = "CIFAR-10",
     .files = {{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                "data_batch_5.bin"},
               {"test_batch.bin"}},
     .names = {"batches.meta.txt", NULL},
     .label_bytes = 1,
     .label_at = {0, 0},
     .classes = {10, 10}},
    {.name = "CIFAR-100",
     .files = {{"train.bin"}, {"test.bin"}},
     .names = {"fine_label_names.txt", "coarse_label_names.txt"},
     .label_bytes = 2,
     .label_at = {1, 0},
     .classes = {100, 20}},
};

/* One file of records: read whole when first needed, for it is small and may be compressed. */
typedef struct batch {
    int64_t entry, first, count; /* records, counted over all files */
    unsigned char *data;         /* NULL: not read yet; guarded by the set's mutex */
} batch;

struct kd_set {
    const kd_files_api *files;
    kd_files *in;
    const variant *variant;
    int labels, n_batches;
    pthread_mutex_t mutex;
    batch batch[MAX_FILES];
    int64_t count;
    char *names; /* text of the file of names, lines ended by 0 */
    const char *name[MAX_CLASSES];
};

static int64_t find(const kd_set *set, const char *name) {
    for (int64_t i = 0; i < set->files->count(set->in); i++) {
        const char *path = set->files->path(set->in, i), *slash = strrchr(path, '/');
        if (strcmp(slash ? slash + 1 : path, name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool fail_unknown(const kd_set *set, const char *path, kd_error *err) {
    kd_fail(err, KD_E_INVALID, "%s: neither CIFAR-10 nor CIFAR-100 in its binary version", path);
    if (find(set, "data_batch_1") >= 0 || find(set, "meta") >= 0) {
        return kd_hint(err, "this is the Python version; bring cifar-10-binary.tar.gz or "
                            "cifar-100-binary.tar.gz");
    }
    return kd_hint(err, "wanted are data_batch_1.bin to data_batch_5.bin and test_batch.bin, or "
                        "train.bin and test.bin");
}

/* Which set it is, by the name of the split's first file. */
static bool find_variant(kd_set *set, const struct cifar *c, kd_error *err) {
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        if (find(set, variants[i].files[TRAIN][0]) >= 0 ||
            find(set, variants[i].files[TEST][0]) >= 0) {
            if (set->variant) {
                kd_fail(err, KD_E_INVALID, "%s: holds both CIFAR-10 and CIFAR-100", c->path);
                return kd_hint(err, "give the folder of one of them");
            }
            set->variant = &variants[i];
        }
    }
    return set->variant || fail_unknown(set, c->path, err);
}

static bool find_batches(kd_set *set, const struct cifar *c, kd_error *err) {
    const int record = set->variant->label_bytes + 3 * PLANE;
    const char *const *names = set->variant->files[c->split];
    for (int i = 0; names[i]; i++) {
        const int64_t entry = find(set, names[i]);
        if (entry < 0) {
            kd_fail(err, KD_E_INVALID, "%s: %s is missing", c->path, names[i]);
            return kd_hint(err, "unpack or fetch the archive again");
        }
        const int64_t bytes = set->files->bytes(set->in, entry);
        if (bytes < record || bytes % record != 0) {
            kd_fail(err, KD_E_DATA,
                    "%s: %s: %lld bytes are not a whole number of %s's records of %d", c->path,
                    names[i], (long long)bytes, set->variant->name, record);
            return kd_hint(err, "the file is cut short or damaged: fetch it again");
        }
        set->batch[set->n_batches++] =
            (batch){.entry = entry, .first = set->count, .count = bytes / record};
        set->count += bytes / record;
    }
    return true;
}

/* Names are a courtesy: without their file there are none. */
static bool read_names(kd_set *set, kd_error *err) {
    const char *file = set->variant->names[set->labels];
    const int64_t entry = file ? find(set, file) : -1;
    void *text;
    size_t bytes;
    if (entry < 0) {
        return true;
    }
    if (!set->files->read(set->in, entry, &text, &bytes, err)) {
        return false;
    }
    set->names = calloc(1, bytes + 1);
    if (set->names) {
        memcpy(set->names, text, bytes);
    }
    set->files->release(text);
    if (!set->names) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    int n = 0;
    char *rest = NULL;
    for (char *line = strtok_r(set->names, "\r\n", &rest);
         line && n < set->variant->classes[set->labels]; line = strtok_r(NULL, "\r\n", &rest)) {
        set->name[n++] = line;
    }
    return true;
}

static void close_set(kd_set *set) {
    if (set) {
        for (int i = 0; i < set->n_batches; i++) {
            if (set->batch[i].data) {
                set->files->release(set->batch[i].data);
            }
        }
        if (set->in) {
            set->files->close(set->in);
        }
        pthread_mutex_destroy(&set->mutex);
        free(set->names);
        free(set);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct cifar *c = config;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    pthread_mutex_init(&set->mutex, NULL);
    set->files = host->files;
    bool good = host->files->open(c->path, &set->in, err) && find_variant(set, c, err);
    if (good && c->labels == COARSE && set->variant == &variants[0]) {
        kd_fail(err, KD_E_INVALID, "%s: CIFAR-10 has no coarse labels", c->path);
        good = kd_hint(err, "leave data.labels out");
    }
    set->labels = c->labels;
    if (!good || !find_batches(set, c, err) || !read_names(set, err)) {
        close_set(set);
        return false;
    }
    *ret = set;
    return true;
}

/* The sample's record: labels, then the planes of red, green and blue. */
static const unsigned char *record(kd_set *set, int64_t index, kd_error *err) {
    int i = 0;
    while (index >= set->batch[i].first + set->batch[i].count) {
        i++;
    }
    batch *b = &set->batch[i];
    const int64_t size = set->variant->label_bytes + 3 * PLANE;
    pthread_mutex_lock(&set->mutex);
    if (!b->data) {
        void *data;
        size_t bytes;
        if (!set->files->read(set->in, b->entry, &data, &bytes, err)) {
            kd_while(err, "#%lld", (long long)index);
        } else if ((int64_t)bytes != b->count * size) {
            set->files->release(data);
            kd_fail(err, KD_E_DATA, "#%lld: %s has %zu bytes, not %lld", (long long)index,
                    set->files->path(set->in, b->entry), bytes, (long long)(b->count * size));
        } else {
            b->data = data;
        }
    }
    const unsigned char *data = b->data;
    pthread_mutex_unlock(&set->mutex);
    return data ? data + (index - b->first) * size : NULL;
}

static int64_t count(const kd_set *set) {
    return set->count;
}

static int32_t classes(const kd_set *set) {
    return set->variant->classes[set->labels];
}

static const char *class_name(const kd_set *set, int32_t label) {
    return set->name[label];
}

static int32_t label(const kd_set *set, int64_t index) {
    const unsigned char *r = record((kd_set *)set, index, NULL);
    return r ? r[set->variant->label_at[set->labels]] : -1;
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
    int i = 0;
    while (index >= set->batch[i].first + set->batch[i].count) {
        i++;
    }
    return set->files->order(set->in, set->batch[i].entry) << 32 | index;
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const unsigned char *r = record(set, index, err);
    if (!r) {
        return false;
    }
    unsigned char *pixels = malloc(3 * PLANE);
    if (!pixels) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    const unsigned char *planes = r + set->variant->label_bytes;
    for (int i = 0; i < PLANE; i++) {
        for (int c = 0; c < 3; c++) {
            pixels[3 * i + c] = planes[c * PLANE + i];
        }
    }
    ret->n_images = 1;
    ret->images[0] = (kd_image){.format = KD_IMAGE_RAW,
                                .height = SIDE,
                                .width = SIDE,
                                .channels = 3,
                                .data = pixels,
                                .bytes = 3 * PLANE};
    ret->label = r[set->variant->label_at[set->labels]];
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
