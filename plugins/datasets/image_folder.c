/* SPDX-License-Identifier: Apache-2.0
 * JPEG and PNG files in folders or in an archive: classes by folder, pairs by number, or neither.
 *
 * Folders that all images share (an archive's single top folder) are passed over. The first folder
 * below is an image's class; what is nested deeper belongs to it. */
#include "image_folder.h"

KD_PLUGIN(DATASET, "image_folder", "1.0.0", struct image_folder,
          "JPEG and PNG files in folders or an archive; the folder is the class",
          "as torchvision.datasets.ImageFolder")
KD_REQUIRED_PATH(struct image_folder, path, "folder, or archive (tar, tar.gz, tar.zst, zip, ...)")
KD_TEXT(struct image_folder, root, "", "folder inside path to take, such as train; empty: all")
KD_CHOICE(struct image_folder, labels, "auto", "auto|folders|none",
          "folders: the first folder is the class; none: no labels; auto: folders if every image "
          "lies in one of two or more")
KD_CHOICE(struct image_folder, pairing, "none", "none|numbered",
          "numbered: NAME_1.EXT and NAME_2.EXT (or NAME_a and NAME_b) in one folder are a pair; an "
          "image without its partner is an error")

static bool has_suffix(const char *path, const char *const *suffixes) {
    const char *dot = strrchr(path, '.');
    for (int i = 0; dot && suffixes[i]; i++) {
        if (strcasecmp(dot, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The path below root, NULL outside of it. */
static const char *below_root(const char *path, const char *root) {
    size_t n = strlen(root);
    while (n > 0 && root[n - 1] == '/') {
        n--;
    }
    if (n == 0) {
        return path;
    }
    return strncmp(path, root, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static bool find_images(kd_set *set, const struct image_folder *c, kd_error *err) {
    static const char *const known[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", NULL};
    static const char *const unknown[] = {".webp", ".gif", ".bmp",  ".tif",  ".tiff", ".ppm",
                                          ".pgm",  ".jp2", ".avif", ".heic", NULL};
    const kd_files_api *files = set->files;
    const int64_t count = files->count(set->in);
    const char *other = NULL;
    int64_t others = 0;
    set->member = calloc((size_t)count + 1, sizeof *set->member);
    if (!set->member) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    for (int64_t i = 0; i < count; i++) {
        const char *path = files->path(set->in, i), *below = below_root(path, c->root);
        if (below && has_suffix(path, known)) {
            set->member[set->n_members++] = (member){.entry = i, .path = path, .below = below};
        } else if (below && has_suffix(path, unknown)) {
            other = other ? other : path;
            others++;
        }
    }
    if (set->n_members == 0) {
        kd_fail(err, KD_E_INVALID, "%s%s%s: no JPEG or PNG file", c->path, *c->root ? "/" : "",
                c->root);
        return other ? kd_hint(err, "there is '%s': convert it to JPEG or PNG", other)
                     : kd_hint(err, "data.path is a folder or archive of images, in a folder for "
                                    "each class");
    }
    if (other) {
        set->others = others;
        set->other = other;
    }
    return true;
}

/* Bytes of the folders that all images share. */
static size_t shared_folders(const kd_set *set) {
    const char *first = set->member[0].below;
    size_t shared = 0;
    for (;;) {
        const char *slash = strchr(first + shared, '/');
        if (!slash) {
            return shared;
        }
        const size_t next = (size_t)(slash - first) + 1;
        for (int64_t i = 1; i < set->n_members; i++) {
            if (strncmp(set->member[i].below, first, next) != 0) {
                return shared;
            }
        }
        shared = next;
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int32_t class_of(const kd_set *set, const char *below) {
    int32_t low = 0, high = set->classes;
    const size_t n = strcspn(below, "/");
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const char *name = set->class_name[middle];
        const int d = strncmp(name, below, n);
        if (d < 0) {
            low = middle + 1;
        } else if (d > 0 || name[n]) {
            high = middle;
        } else {
            return middle;
        }
    }
    return -1;
}

/* Paths are sorted, so the images of a folder follow each other. */
static bool name_classes(kd_set *set, kd_error *err) {
    const char *last = NULL;
    size_t length = 0;
    for (int64_t i = 0; i < set->n_members; i++) {
        const char *below = set->member[i].below;
        const size_t n = strcspn(below, "/");
        if (last && n == length && strncmp(last, below, n) == 0) {
            continue;
        }
        last = below;
        length = n;
        char **grown = realloc(set->class_name, ((size_t)set->classes + 1) * sizeof *grown);
        char *name = strndup(below, n);
        set->class_name = grown ? grown : set->class_name;
        if (!grown || !name) {
            free(name);
            return kd_fail(err, KD_E_MEMORY, "out of memory");
        }
        set->class_name[set->classes++] = name;
    }
    qsort(set->class_name, (size_t)set->classes, sizeof *set->class_name, by_text);
    for (int64_t i = 0; i < set->n_members; i++) {
        set->member[i].label = class_of(set, set->member[i].below);
    }
    return true;
}

/* Whoever points at the folder of the splits would train on two classes, train and val. */
static bool are_splits(const kd_set *set) {
    static const char *const splits[] = {"train", "training", "val", "valid", "validation", "test"};
    for (int32_t i = 0; i < set->classes; i++) {
        int known = 0;
        for (size_t j = 0; j < sizeof splits / sizeof splits[0]; j++) {
            known += strcasecmp(set->class_name[i], splits[j]) == 0;
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

static bool find_labels(kd_set *set, const struct image_folder *c, kd_error *err) {
    const size_t shared = shared_folders(set);
    const char *loose = NULL;
    for (int64_t i = 0; i < set->n_members; i++) {
        member *m = &set->member[i];
        m->below += shared;
        m->label = -1;
        loose = loose || strchr(m->below, '/') ? loose : m->path;
    }
    if (c->labels == LABELS_NONE || (c->labels == LABELS_AUTO && loose)) {
        return true;
    }
    if (loose) {
        kd_fail(err, KD_E_INVALID, "%s: '%s' lies in no class folder", c->path, loose);
        return kd_hint(err, "put every image into its class's folder (there must be two or more), "
                            "or set data.labels: none");
    }
    if (!name_classes(set, err)) {
        return false;
    }
    if (c->labels == LABELS_AUTO && are_splits(set)) {
        kd_fail(err, KD_E_INVALID, "%s: its folders ('%s', ...) are splits, not classes", c->path,
                set->class_name[0]);
        return kd_hint(err, "choose one, such as data.root: %s; or take all with data.labels: none",
                       set->class_name[0]);
    }
    return true;
}

static void close_set(kd_set *set) {
    if (set) {
        for (int32_t i = 0; i < set->classes; i++) {
            free(set->class_name[i]);
        }
        if (set->in) {
            set->files->close(set->in);
        }
        free(set->class_name);
        free(set->member);
        free(set->pair);
        free(set);
    }
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct image_folder *c = config;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "%s: out of memory", c->path);
    }
    set->files = host->files;
    if (!host->files->open(c->path, &set->in, err) || !find_images(set, c, err) ||
        !find_labels(set, c, err) ||
        (c->pairing == PAIRS_NUMBERED && !find_pairs(set, c->path, err))) {
        close_set(set);
        return false;
    }
    if (set->other) {
        char text[512];
        const int length = snprintf(text, sizeof text,
                                    "%s: %lld files are neither JPEG nor PNG and are left out, "
                                    "such as '%s'",
                                    c->path, (long long)set->others, set->other);
        host->host->log(host->host, KD_LOG_WARN, text, (size_t)length % sizeof text);
    }
    *ret = set;
    return true;
}

static const member *member_of(const kd_set *set, int64_t index, int which) {
    return &set->member[set->pair ? set->pair[index].member[which] : index];
}

static int64_t count(const kd_set *set) {
    return set->pair ? set->n_pairs : set->n_members;
}

static int32_t classes(const kd_set *set) {
    return set->classes;
}

static const char *class_name(const kd_set *set, int32_t label) {
    return set->class_name[label];
}

static int32_t label(const kd_set *set, int64_t index) {
    return member_of(set, index, 0)->label;
}

static const char *path(const kd_set *set, int64_t index) {
    return member_of(set, index, 0)->path;
}

static const char *fingerprint(const kd_set *set) {
    return set->files->fingerprint(set->in);
}

static int64_t order(const kd_set *set, int64_t index) {
    return set->files->order(set->in, member_of(set, index, 0)->entry);
}

static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const int n = set->pair ? 2 : 1;
    for (int i = 0; i < n; i++) {
        const member *m = member_of(set, index, i);
        void *data;
        size_t bytes;
        if (!set->files->read(set->in, m->entry, &data, &bytes, err)) {
            if (i) {
                set->files->release((void *)ret->images[0].data);
            }
            return false;
        }
        ret->images[i] =
            (kd_image){.format = KD_IMAGE_ENCODED, .data = data, .bytes = bytes, .name = m->path};
    }
    ret->n_images = (uint32_t)n;
    ret->label = label(set, index);
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    for (uint32_t i = 0; i < sample->n_images; i++) {
        set->files->release((void *)sample->images[i].data);
    }
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes,
           .class_name = class_name, .label = label, .path = path, .read = read_sample,
           .release_sample = release_sample, .fingerprint = fingerprint, .order = order)
