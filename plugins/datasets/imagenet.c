/* SPDX-License-Identifier: Apache-2.0
 * ImageNet (ILSVRC 2012): class folders, or the official tars read where they lie; all of it, or
 * some images of some classes. */
#include "imagenet.h"
#include "nested_tar.h"

KD_PLUGIN(DATASET, "imagenet", "1.0.0", struct imagenet,
          "ImageNet (ILSVRC 2012), from class folders or the official tars",
          "https://www.image-net.org/challenges/LSVRC/2012/")
KD_REQUIRED_PATH(struct imagenet, path,
                 "folder with train/WNID/ and val/, or with ILSVRC2012_img_train.tar and "
                 "ILSVRC2012_img_val.tar, or one of those")
KD_CHOICE(struct imagenet, split, "train", "train|val", "training or validation images")
KD_PATH(struct imagenet, classes, "",
        "file of WordNet ids, one a line: only these classes; empty: all that are there")
KD_INT(struct imagenet, per_class, 0, 0, 100000, "so many images of each class; 0: all")
KD_CHOICE(struct imagenet, pick, "first", "first|random",
          "which images of a class: the first by name, or drawn by seed")
KD_INT(struct imagenet, seed, 1, 0, 2147483647, "of the draw")
KD_PATH(struct imagenet, val_labels, "",
        "labels of validation images that lie in no class folders: LOC_val_solution.csv, or a "
        "WordNet id a line in the order of the images; empty: LOC_val_solution.csv in path")

/* The official tar, where the path is a folder with it. */
static bool open_official(kd_set *set, const struct imagenet *c, kd_error *err) {
    static const char *const names[] = {"ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"};
    const int64_t entry = find_name(set->files, set->in, names[c->split]);
    if (entry < 0) {
        return true;
    }
    const char *name = set->files->path(set->in, entry);
    const size_t room = strlen(c->path) + strlen(name) + 2;
    char *path = malloc(room);
    if (!path) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    snprintf(path, room, "%s/%s", c->path, name);
    const bool good = set->files->open(path, &set->images, err);
    free(path);
    return good;
}

static bool read_classes(kd_set *set, const struct imagenet *c, kd_error *err) {
    if (!*c->classes) {
        return true;
    }
    char *text = read_list_file(set->files, c->classes, err);
    if (!text) {
        return kd_while(err, "data.classes");
    }
    bool good = wnids_read(&set->classes, text, err);
    free(text);
    wnids_sort(&set->classes);
    set->chosen = true;
    if (good && set->classes.count == 0) {
        kd_fail(err, KD_E_INVALID, "%s: names no class", c->classes);
        good = kd_hint(err, "one WordNet id a line, such as n01440764");
    }
    return good;
}

/* Every class that was asked for must have images. */
static bool check_found(const kd_set *set, const struct imagenet *c, kd_error *err) {
    if (set->count == 0 && !set->chosen) {
        kd_fail(err, KD_E_INVALID, "%s: no images of the split '%s'", c->path,
                c->split == TRAIN ? "train" : "val");
        return kd_hint(err, "data.path is a folder with train/WNID/*.JPEG and val/, or with "
                            "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar");
    }
    int64_t i = 0;
    for (int32_t label = 0; label < set->classes.count; label++) {
        if (i == set->count || set->member[i].label != label) {
            kd_fail(err, KD_E_INVALID, "%s: no images of class %s", c->path,
                    set->classes.id[label]);
            return kd_hint(err, "it is in %s: take it out there, or bring its images",
                           set->chosen ? c->classes : "the list of labels");
        }
        while (i < set->count && set->member[i].label == label) {
            i++;
        }
    }
    return true;
}

static bool read_names(kd_set *set, kd_error *err) {
    static const char *const names[] = {"LOC_synset_mapping.txt", "words.txt"};
    for (int i = 0; i < 2; i++) {
        const int64_t entry = find_name(set->files, set->in, names[i]);
        if (entry >= 0) {
            char *text = read_text(set->files, set->in, entry, err);
            const bool good = text && wnids_read_names(&set->classes, text, err);
            free(text);
            return good;
        }
    }
    return true;
}

/* Files, and what was chosen of them: lists may have changed where files have not. */
static void note_fingerprint(kd_set *set) {
    uint64_t h = 0;
    for (int64_t i = 0; i < set->count; i++) {
        h = hash_text(h + (uint64_t)set->member[i].label, set->member[i].name);
    }
    for (int32_t i = 0; i < set->classes.count; i++) {
        h = hash_text(h, set->classes.id[i]);
    }
    snprintf(set->fingerprint, sizeof set->fingerprint, "%s %016llx",
             set->files->fingerprint(set->images ? set->images : set->in), (unsigned long long)h);
}

static void close_set(kd_set *set) {
    if (set) {
        for (int64_t i = 0; i < set->count; i++) {
            free(set->member[i].name);
        }
        if (set->images) {
            set->files->close(set->images);
        }
        if (set->in) {
            set->files->close(set->in);
        }
        wnids_free(&set->classes);
        free(set->member);
        free(set);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct imagenet *c = config;
    if (!KD_HAS(kd_files_api, host->files, read_part)) {
        return kd_fail(err, KD_E_UNSUPPORTED, "imagenet: this kindred cannot read parts of files");
    }
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    set->files = host->files;
    bool good = host->files->open(c->path, &set->in, err) && open_official(set, c, err) &&
                read_classes(set, c, err) &&
                (c->split == TRAIN ? find_train(set, c, err) : find_val(set, c, err));
    sort_members(set);
    good = good && check_found(set, c, err) && pick_members(set, c, err) && read_names(set, err);
    if (!good) {
        close_set(set);
        return false;
    }
    note_fingerprint(set);
    *ret = set;
    return true;
}

static kd_files *source(const kd_set *set) {
    return set->images ? set->images : set->in;
}

static int64_t count(const kd_set *set) {
    return set->count;
}

static int32_t classes(const kd_set *set) {
    return set->classes.count;
}

static const char *class_name(const kd_set *set, int32_t label) {
    const wnids *w = &set->classes;
    return w->name && w->name[label] ? w->name[label] : w->id[label];
}

static int32_t label(const kd_set *set, int64_t index) {
    return set->member[index].label;
}

static const char *path(const kd_set *set, int64_t index) {
    return set->member[index].name;
}

static const char *fingerprint(const kd_set *set) {
    return set->fingerprint;
}

/* Headers of a tar begin at multiples of 512. */
static int64_t order(const kd_set *set, int64_t index) {
    const member *m = &set->member[index];
    return set->files->order(source(set), m->entry) << 32 | (m->at < 0 ? 0 : m->at / 512);
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const member *m = &set->member[index];
    void *data;
    size_t bytes;
    if (m->at < 0 ? !set->files->read(source(set), m->entry, &data, &bytes, err)
                  : !nested_read(set->files, source(set), m->entry, m->at, &data, &bytes, err)) {
        return kd_while(err, "%s", m->name);
    }
    ret->n_images = 1;
    ret->images[0] =
        (kd_image){.format = KD_IMAGE_ENCODED, .data = data, .bytes = bytes, .name = m->name};
    ret->label = m->label;
    ret->owner = m->at < 0 ? NULL : data; /* out of a tar: this plugin's memory */
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    if (sample->owner) {
        free(sample->owner);
    } else {
        set->files->release((void *)sample->images[0].data);
    }
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes,
           .class_name = class_name, .label = label, .path = path, .read = read_sample,
           .release_sample = release_sample, .fingerprint = fingerprint, .order = order)
