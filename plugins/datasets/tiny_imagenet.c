/* SPDX-License-Identifier: Apache-2.0
 * Tiny-ImageNet in its official layout, straight from the zip or from its folder:
 *
 * wnids.txt, words.txt, train/WNID/images/NAME.JPEG, val/images/NAME.JPEG with
 * val/val_annotations.txt, test/images/NAME.JPEG without labels. Validation images in class
 * folders, as many scripts sort them, are read too. */
#include "wnids.h"

#include <stdlib.h>

struct tiny_imagenet {
    const char *path;
    int split;
};

enum { TRAIN, VAL, TEST };

KD_PLUGIN(DATASET, "tiny_imagenet", "1.0.0", struct tiny_imagenet,
          "Tiny-ImageNet, from the official zip or its folder",
          "http://cs231n.stanford.edu/tiny-imagenet-200.zip")
KD_REQUIRED_PATH(struct tiny_imagenet, path, "tiny-imagenet-200.zip, or its folder")
KD_CHOICE(struct tiny_imagenet, split, "train", "train|val|test",
          "100,000 training, 10,000 validation or 10,000 test images; test has no labels")

static const char *const splits[] = {"train", "val", "test"};

typedef struct member {
    int64_t entry;
    int32_t label; /* -1: none */
} member;

struct kd_set {
    const kd_files_api *files;
    kd_files *in;
    wnids classes;
    bool labels;
    member *member;
    int64_t count;
};

/* What follows "SPLIT/" in a path, at its root or in one folder; NULL: it is not of the split. */
static const char *below_split(const char *path, int split) {
    const size_t n = strlen(splits[split]);
    const char *slash = strchr(path, '/');
    for (const char *at = path; at; at = at == path && slash ? slash + 1 : NULL) {
        if (strncmp(at, splits[split], n) == 0 && at[n] == '/') {
            return at + n + 1;
        }
    }
    return NULL;
}

/* Whether it lies in a folder of a class, which all but "images" are. */
static bool in_class_folder(const char *below) {
    const size_t n = strcspn(below, "/");
    return below[n] && !(n == 6 && strncmp(below, "images", n) == 0);
}

/* wnids.txt has the ids; where it is missing the folders have. */
static bool find_classes(kd_set *set, kd_error *err) {
    const int64_t list = find_name(set->files, set->in, "wnids.txt");
    if (list >= 0) {
        char *text = read_text(set->files, set->in, list, err);
        const bool good = text && wnids_read(&set->classes, text, err);
        free(text);
        wnids_sort(&set->classes);
        return good;
    }
    for (int64_t i = 0; i < set->files->count(set->in); i++) {
        const char *path = set->files->path(set->in, i), *below = below_split(path, TRAIN);
        below = below ? below : below_split(path, VAL);
        if (below && is_jpeg(path) && in_class_folder(below)) {
            const size_t n = strcspn(below, "/");
            const wnids *w = &set->classes;
            const bool again = w->count && strlen(w->id[w->count - 1]) == n &&
                               strncmp(w->id[w->count - 1], below, n) == 0;
            if (!again && !wnids_add(&set->classes, below, n, err)) {
                return false;
            }
        }
    }
    wnids_sort(&set->classes);
    return true;
}

static bool find_names(kd_set *set, kd_error *err) {
    const int64_t words = find_name(set->files, set->in, "words.txt");
    if (words < 0) {
        return true;
    }
    char *text = read_text(set->files, set->in, words, err);
    const bool good = text && wnids_read_names(&set->classes, text, err);
    free(text);
    return good;
}

static bool find_members(kd_set *set, const struct tiny_imagenet *c, kd_error *err) {
    const int64_t count = set->files->count(set->in);
    set->member = calloc((size_t)count + 1, sizeof *set->member);
    if (!set->member) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    for (int64_t i = 0; i < count; i++) {
        const char *path = set->files->path(set->in, i);
        if (below_split(path, c->split) && is_jpeg(path)) {
            set->member[set->count++] = (member){.entry = i, .label = -1};
        }
    }
    if (set->count == 0) {
        kd_fail(err, KD_E_INVALID, "%s: no JPEG file in '%s'", c->path, splits[c->split]);
        return kd_hint(err, "data.path is tiny-imagenet-200.zip or the folder tiny-imagenet-200, "
                            "with wnids.txt, train, val and test");
    }
    return true;
}

static bool label_by_folder(kd_set *set, const struct tiny_imagenet *c, member *m, kd_error *err) {
    const char *path = set->files->path(set->in, m->entry), *below = below_split(path, c->split);
    const size_t n = strcspn(below, "/");
    m->label = wnids_find(&set->classes, below, n);
    if (m->label < 0) {
        kd_fail(err, KD_E_INVALID, "%s: '%s': '%.*s' is none of the %d classes", c->path, path,
                (int)n, below, set->classes.count);
        return kd_hint(err, "wnids.txt lists the classes: the files are not of one set");
    }
    return true;
}

static bool read_annotations(kd_set *set, const struct tiny_imagenet *c, image_list *ret,
                             kd_error *err) {
    const int64_t entry = find_name(set->files, set->in, "val_annotations.txt");
    if (entry < 0) {
        kd_fail(err, KD_E_INVALID, "%s: val_annotations.txt is missing", c->path);
        return kd_hint(err, "it has the labels of val/images: unpack or fetch the zip again");
    }
    char *text = read_text(set->files, set->in, entry, err);
    const bool good =
        text && image_list_read(ret, &set->classes, '\t', 0, text, "val_annotations.txt", err);
    free(text);
    return good || kd_while(err, "%s", c->path);
}

static bool label_by_list(kd_set *set, const struct tiny_imagenet *c, const image_list *list,
                          member *m, kd_error *err) {
    const char *path = set->files->path(set->in, m->entry);
    m->label = image_list_find(list, path);
    if (m->label < 0) {
        kd_fail(err, KD_E_DATA, "%s: '%s' has no line in val_annotations.txt", c->path, path);
        return kd_hint(err, "the list is cut short, or not of this set: fetch the zip again");
    }
    return true;
}

static bool find_labels(kd_set *set, const struct tiny_imagenet *c, kd_error *err) {
    image_list list = {0};
    bool good = true;
    int64_t by_list = 0;
    for (int64_t i = 0; good && c->split != TEST && i < set->count; i++) {
        member *m = &set->member[i];
        if (in_class_folder(below_split(set->files->path(set->in, m->entry), c->split))) {
            good = label_by_folder(set, c, m, err);
        } else {
            good = (by_list++ || read_annotations(set, c, &list, err)) &&
                   label_by_list(set, c, &list, m, err);
        }
    }
    if (good && by_list && by_list < list.count) {
        kd_fail(err, KD_E_DATA, "%s: val/images has %lld of the %lld images of val_annotations.txt",
                c->path, (long long)by_list, (long long)list.count);
        good = kd_hint(err, "some were not unpacked: unpack or fetch the zip again");
    }
    image_list_free(&list);
    set->labels = c->split != TEST;
    return good;
}

static void close_set(kd_set *set) {
    if (set) {
        wnids_free(&set->classes);
        if (set->in) {
            set->files->close(set->in);
        }
        free(set->member);
        free(set);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct tiny_imagenet *c = config;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    set->files = host->files;
    if (!host->files->open(c->path, &set->in, err) || !find_members(set, c, err) ||
        !find_classes(set, err) || !find_names(set, err) || !find_labels(set, c, err)) {
        close_set(set);
        return false;
    }
    *ret = set;
    return true;
}

static int64_t count(const kd_set *set) {
    return set->count;
}

static int32_t classes(const kd_set *set) {
    return set->labels ? set->classes.count : 0;
}

static const char *class_name(const kd_set *set, int32_t label) {
    const wnids *w = &set->classes;
    return w->name && w->name[label] ? w->name[label] : w->id[label];
}

static int32_t label(const kd_set *set, int64_t index) {
    return set->member[index].label;
}

static const char *path(const kd_set *set, int64_t index) {
    return set->files->path(set->in, set->member[index].entry);
}

static const char *fingerprint(const kd_set *set) {
    return set->files->fingerprint(set->in);
}

static int64_t order(const kd_set *set, int64_t index) {
    return set->files->order(set->in, set->member[index].entry);
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    void *data;
    size_t bytes;
    if (!set->files->read(set->in, set->member[index].entry, &data, &bytes, err)) {
        return false;
    }
    ret->n_images = 1;
    ret->images[0] = (kd_image){
        .format = KD_IMAGE_ENCODED, .data = data, .bytes = bytes, .name = path(set, index)};
    ret->label = label(set, index);
    ret->owner = data;
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    set->files->release(sample->owner);
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes,
           .class_name = class_name, .label = label, .path = path, .read = read_sample,
           .release_sample = release_sample, .fingerprint = fingerprint, .order = order)
