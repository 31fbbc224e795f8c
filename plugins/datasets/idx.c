/* SPDX-License-Identifier: Apache-2.0
 * MNIST's format: one file of images, one of labels, plain or compressed. */
#include "idx_file.h"

#include <stdlib.h>
#include <sys/stat.h>

struct idx {
    const char *path, *images, *labels;
    int split;
};

enum { TRAIN, TEST };

KD_PLUGIN(DATASET, "idx", "1.0.0", struct idx,
          "MNIST's format (MNIST, Fashion-MNIST, EMNIST, KMNIST), files plain or compressed",
          "http://yann.lecun.com/exdb/mnist/ (file format)")
KD_REQUIRED_PATH(struct idx, path,
                 "folder or archive that holds the files, or the file of images itself")
KD_CHOICE(struct idx, split, "train", "train|test",
          "which files to take by name: train-images-idx3-ubyte or t10k-images-idx3-ubyte")
KD_TEXT(struct idx, images, "", "file of images inside path, where its name is not a usual one")
KD_TEXT(struct idx, labels, "",
        "file of labels inside path; empty: by the usual names; none: no labels")

struct kd_set {
    idx_file images, labels; /* labels.memory NULL: none */
    int32_t classes;
    char fingerprint[512];
};

static const char *const usual[2][2][4] = {
    [TRAIN] = {{"train-images-idx3-ubyte", "train-images.idx3-ubyte"},
               {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte"}},
    [TEST] = {{"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "test-images-idx3-ubyte",
               "test-images.idx3-ubyte"},
              {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "test-labels-idx1-ubyte",
               "test-labels.idx1-ubyte"}},
};
static const char *const suffixes[] = {"", ".gz", ".bz2", ".xz", ".zst"};

/* Whether path ends in `name`, with or without a compressor's suffix. */
static bool ends_in(const char *path, const char *name) {
    const size_t length = strlen(path), n = strlen(name);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        const size_t m = strlen(suffixes[i]);
        if (length >= n + m && strcmp(path + length - m, suffixes[i]) == 0 &&
            strncmp(path + length - m - n, name, n) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const char *path, const char *given, int split, int what) {
    if (*given) {
        return strcmp(path, given) == 0;
    }
    for (int i = 0; i < 4; i++) {
        if (usual[split][what][i] && ends_in(path, usual[split][what][i])) {
            return true;
        }
    }
    return false;
}

/* The entry of images (what 0) or labels (what 1), -1 for none. fails when several fit. */
static bool find(const kd_files_api *files, const kd_files *in, const struct idx *c, int what,
                 int64_t *ret, kd_error *err) {
    *ret = -1;
    for (int64_t i = 0; i < files->count(in); i++) {
        if (!is_wanted(files->path(in, i), what ? c->labels : c->images, c->split, what)) {
            continue;
        }
        if (*ret >= 0) {
            kd_fail(err, KD_E_INVALID, "%s: both '%s' and '%s' fit", c->path, files->path(in, *ret),
                    files->path(in, i));
            return kd_hint(err, "name one as data.%s", what ? "labels" : "images");
        }
        *ret = i;
    }
    return true;
}

static void add_fingerprint(kd_set *set, const char *text) {
    const size_t used = strlen(set->fingerprint);
    snprintf(set->fingerprint + used, sizeof set->fingerprint - used, "%s ", text);
}

/* A file of a folder is opened by itself, so that a compressed one is read as it should be. */
static bool load_file(const kd_files_api *files, const char *folder, const char *name, bool labels,
                      kd_set *set, idx_file *ret, kd_error *err) {
    char path[4096];
    kd_files *in;
    if (snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name) >=
        (int)sizeof path) {
        return kd_fail(err, KD_E_INVALID, "%s/%s: the path is too long", folder, name);
    }
    if (!files->open(path, &in, err)) {
        return false;
    }
    add_fingerprint(set, files->fingerprint(in));
    const bool good = idx_file_load(files, in, 0, labels, ret, err) || kd_while(err, "%s", path);
    files->close(in);
    return good;
}

static bool missing(const struct idx *c, int what, kd_error *err) {
    const char *given = what ? c->labels : c->images;
    kd_fail(err, KD_E_INVALID, "%s: no file '%s'", c->path,
            *given ? given : usual[c->split][what][0]);
    return kd_hint(err, "name the file as data.%s%s", what ? "labels" : "images",
                   what ? ", or none" : "");
}

/* in: the folder or archive of c->path. */
static bool load_part(const kd_files_api *files, kd_files *in, bool archive, const struct idx *c,
                      int what, kd_set *set, kd_error *err) {
    int64_t entry;
    if (!find(files, in, c, what, &entry, err)) {
        return false;
    }
    if (entry < 0) {
        return (what && !*c->labels) || missing(c, what, err);
    }
    idx_file *t = what ? &set->labels : &set->images;
    if (!archive) {
        return load_file(files, c->path, files->path(in, entry), what, set, t, err);
    }
    add_fingerprint(set, files->fingerprint(in));
    return idx_file_load(files, in, entry, what, t, err) || kd_while(err, "%s", c->path);
}

/* path is the file of images: the labels lie beside it, "images" and "idx3" read as "labels" and
 * "idx1". Returns whether that gives a name. */
static bool labels_beside(const char *path, char *ret, size_t room) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *images = strstr(name, "images");
    if (!images || strlen(path) + 1 > room) {
        return false;
    }
    snprintf(ret, room, "%.*slabels%s", (int)(images - path), path, images + 6);
    char *rank = strstr(ret + (images - path), "idx3");
    if (rank) {
        rank[3] = '1';
    }
    return true;
}

static bool load_beside(const kd_files_api *files, const struct idx *c, kd_set *set,
                        kd_error *err) {
    char path[4096];
    if (*c->labels) {
        return load_file(files, "", c->labels, true, set, &set->labels, err);
    }
    struct stat info;
    if (!labels_beside(c->path, path, sizeof path) || stat(path, &info) != 0) {
        return true;
    }
    return load_file(files, "", path, true, set, &set->labels, err);
}

static bool load_all(const kd_files_api *files, const struct idx *c, kd_set *set, kd_error *err) {
    kd_files *in;
    if (!files->open(c->path, &in, err)) {
        return false;
    }
    const char *slash = strrchr(c->path, '/'), *name = slash ? slash + 1 : c->path;
    const bool labels = strcmp(c->labels, "none") != 0;
    struct stat info;
    const bool folder = stat(c->path, &info) == 0 && S_ISDIR(info.st_mode);
    bool good;
    /* a single file's only entry has its name, or what is left of it without the suffix */
    if (!folder && files->count(in) == 1 &&
        strncmp(name, files->path(in, 0), strlen(files->path(in, 0))) == 0) {
        good = load_file(files, "", c->path, false, set, &set->images, err) &&
               (!labels || load_beside(files, c, set, err));
    } else {
        good = load_part(files, in, !folder, c, 0, set, err) &&
               (!labels || load_part(files, in, !folder, c, 1, set, err));
    }
    files->close(in);
    return good;
}

static void close_set(kd_set *set) {
    if (set) {
        if (set->images.memory) {
            set->images.files->release(set->images.memory);
        }
        if (set->labels.memory) {
            set->labels.files->release(set->labels.memory);
        }
        free(set);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct idx *c = config;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    bool good = load_all(host->files, c, set, err);
    if (good && set->labels.memory && set->labels.count != set->images.count) {
        kd_fail(err, KD_E_INVALID, "%s: %lld labels for %lld images", c->path,
                (long long)set->labels.count, (long long)set->images.count);
        good = kd_hint(err, "the two files are not of one set");
    }
    if (!good) {
        close_set(set);
        return false;
    }
    for (int64_t i = 0; i < set->labels.count; i++) {
        const int32_t label = set->labels.data[i];
        set->classes = label >= set->classes ? label + 1 : set->classes;
    }
    *ret = set;
    return true;
}

static int64_t count(const kd_set *set) {
    return set->images.count;
}

static int32_t classes(const kd_set *set) {
    return set->classes;
}

static int32_t label(const kd_set *set, int64_t index) {
    return set->labels.memory ? set->labels.data[index] : -1;
}

static const char *path(const kd_set *set, int64_t index) {
    (void)set;
    (void)index;
    return NULL; /* samples are known by their index */
}

static const char *fingerprint(const kd_set *set) {
    return set->fingerprint;
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    (void)err;
    const idx_file *t = &set->images;
    const size_t bytes = (size_t)(t->height * t->width * t->channels);
    ret->n_images = 1;
    ret->images[0] = (kd_image){.format = KD_IMAGE_RAW,
                                .height = (int32_t)t->height,
                                .width = (int32_t)t->width,
                                .channels = (int32_t)t->channels,
                                .data = t->data + (size_t)index * bytes,
                                .bytes = bytes};
    ret->label = label(set, index);
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    (void)set;
    (void)sample;
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes, .label = label,
           .path = path, .read = read_sample, .release_sample = release_sample,
           .fingerprint = fingerprint)
