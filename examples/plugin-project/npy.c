/* SPDX-License-Identifier: Apache-2.0
 * A dataset: images in an array that NumPy saved, and labels in another one.
 *
 *     np.save("images.npy", images)   # uint8 [n, h, w], [n, h, w, 1] or [n, h, w, 3]
 *     np.save("labels.npy", labels)   # uint8, int32 or int64 [n]; may be left out
 *
 * source  the file's format: NumPy's NEP 1, https://numpy.org/neps/nep-0001-npy-format.html */
#include <errno.h>
#include <fcntl.h>
#include <kindred/dataset.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct npy {
    const char *images, *labels;
};

KD_PLUGIN(DATASET, "org.example.npy", "1.0.0", struct npy, "images in an array of NumPy's",
          "https://numpy.org/neps/nep-0001-npy-format.html")
KD_REQUIRED_PATH(struct npy, images, "a .npy file of uint8 [n, h, w] or [n, h, w, channels]")
KD_PATH(struct npy, labels, "", "a .npy file of uint8, int32 or int64 [n]; empty: no labels")

typedef struct array {
    int file;
    int64_t dim[4];
    int rank, item; /* bytes of one element */
    off_t start;    /* of the elements */
    struct stat status;
} array;

static bool fail(kd_error *err, const char *path, const char *what) {
    kd_fail(err, KD_E_DATA, "%s: %s", path, what);
    return kd_hint(err,
                   "write it by numpy.save(), of a C-ordered array of uint8 (labels: or int32, "
                   "int64)");
}

/* "60000, 28, 28), }" */
static bool read_shape(const char *text, array *a) {
    for (a->rank = 0; a->rank < 4; a->rank++) {
        char *end;
        a->dim[a->rank] = strtoll(text, &end, 10);
        if (end == text) {
            break;
        }
        if (a->dim[a->rank] < 1) {
            return false;
        }
        text = end + strspn(end, ", ");
    }
    return a->rank > 0 && *text == ')';
}

/* The header is the text of a Python dictionary. */
static bool read_header(const char *header, array *a) {
    static const struct {
        const char *descr;
        int bytes;
    } types[] = {{"'|u1'", 1}, {"'<i4'", 4}, {"'<i8'", 8}};
    const char *shape = strstr(header, "'shape': (");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        a->item = strstr(header, types[i].descr) ? types[i].bytes : a->item;
    }
    return a->item > 0 && strstr(header, "'fortran_order': False") && shape &&
           read_shape(shape + strlen("'shape': ("), a);
}

static bool parse(const char *path, array *a, kd_error *err) {
    unsigned char first[12];
    char header[4096] = "";
    if (pread(a->file, first, sizeof first, 0) != sizeof first ||
        memcmp(first, "\x93NUMPY", 6) != 0 || first[6] < 1 || first[6] > 2) {
        return fail(err, path, "is no .npy file of version 1 or 2");
    }
    const int wide = first[6] == 2;
    const size_t bytes = (size_t)first[8] | (size_t)first[9] << 8 |
                         (wide ? (size_t)first[10] << 16 | (size_t)first[11] << 24 : 0);
    a->start = (off_t)(bytes + (wide ? 12 : 10));
    if (bytes >= sizeof header ||
        pread(a->file, header, bytes, a->start - (off_t)bytes) != (ssize_t)bytes ||
        !read_header(header, a)) {
        return fail(err, path, "holds another sort of array");
    }
    int64_t elements = 1;
    for (int i = 0; i < a->rank; i++) {
        if (elements > (INT64_MAX >> 4) / a->dim[i]) {
            return fail(err, path, "claims to have more elements than there can be");
        }
        elements *= a->dim[i];
    }
    return a->start + elements * a->item <= a->status.st_size ||
           fail(err, path, "is shorter than its header says");
}

static bool array_open(const char *path, array *ret, kd_error *err) {
    array a = {.file = open(path, O_RDONLY | O_CLOEXEC)};
    if (a.file < 0 || fstat(a.file, &a.status) != 0) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        return kd_hint(err, "paths are relative to the folder that kindred runs in");
    }
    if (!parse(path, &a, err)) {
        close(a.file);
        return false;
    }
    *ret = a;
    return true;
}

struct kd_set {
    array images;
    char path[4096];
    int32_t *label; /* [count]; NULL: none */
    int32_t classes;
    char fingerprint[256]; /* of both files */
};

static void close_set(kd_set *set) {
    close(set->images.file);
    free(set->label);
    free(set);
}

/* Changes with a file: what the host has kept of the set is then no longer used. */
static void add_fingerprint(kd_set *set, const array *a) {
    const size_t used = strlen(set->fingerprint);
    snprintf(set->fingerprint + used, sizeof set->fingerprint - used, "%lld %lld.%09ld ",
             (long long)a->status.st_size, (long long)a->status.st_mtim.tv_sec,
             a->status.st_mtim.tv_nsec);
}

static int64_t integer(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
        value = value << 8 | at[i];
    }
    return bytes == 4 ? (int32_t)value : (int64_t)value;
}

/* Labels as they are; -1 stays "unknown". */
static bool take_labels(kd_set *set, const char *path, const unsigned char *bytes, const array *a,
                        kd_error *err) {
    for (int64_t i = 0; i < a->dim[0]; i++) {
        const int64_t label = integer(bytes + i * a->item, a->item);
        if (label < -1 || label > 1 << 20) {
            return fail(err, path, "has a label that is not in -1 ... 1048576");
        }
        set->label[i] = (int32_t)label;
        set->classes = label >= set->classes ? (int32_t)label + 1 : set->classes;
    }
    return true;
}

static bool read_labels(kd_set *set, const char *path, kd_error *err) {
    array a;
    if (!array_open(path, &a, err)) {
        return false;
    }
    const size_t bytes = (size_t)a.dim[0] * (size_t)a.item;
    unsigned char *data = malloc(bytes);
    set->label = malloc((size_t)a.dim[0] * sizeof *set->label);
    bool ok = a.rank == 1 && a.dim[0] == set->images.dim[0];
    if (!ok) {
        fail(err, path, "has not one label for each image");
    } else if (!data || !set->label) {
        ok = kd_fail(err, KD_E_MEMORY, "out of memory");
    } else if (pread(a.file, data, bytes, a.start) != (ssize_t)bytes) {
        ok = fail(err, path, "cannot be read");
    } else {
        ok = take_labels(set, path, data, &a, err);
        add_fingerprint(set, &a);
    }
    free(data);
    close(a.file);
    return ok;
}

static bool open_set(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err) {
    const struct npy *self = config;
    kd_set *set = calloc(1, sizeof *set);
    if (!set) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    if (!array_open(self->images, &set->images, err)) {
        free(set);
        return false;
    }
    const array *a = &set->images;
    const bool fits =
        a->item == 1 && (a->rank == 3 || (a->rank == 4 && (a->dim[3] == 1 || a->dim[3] == 3)));
    if (!fits || a->dim[1] > INT32_MAX / 4 || a->dim[2] > INT32_MAX / 4) {
        fail(err, self->images, "is not uint8 [n, h, w], [n, h, w, 1] or [n, h, w, 3]");
        close_set(set);
        return false;
    }
    add_fingerprint(set, a);
    if (*self->labels && !read_labels(set, self->labels, err)) {
        close_set(set);
        return false;
    }
    snprintf(set->path, sizeof set->path, "%s", self->images);
    *ret = set;
    return true;
}

static int64_t count(const kd_set *set) {
    return set->images.dim[0];
}

static int32_t classes(const kd_set *set) {
    return set->classes;
}

static int32_t label(const kd_set *set, int64_t index) {
    return set->label ? set->label[index] : -1;
}

static const char *path(const kd_set *set, int64_t index) {
    return NULL; /* samples are known by their index */
}

static const char *fingerprint(const kd_set *set) {
    return set->fingerprint;
}

/* Any thread: pread moves no place in the file. */
static bool read_sample(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const array *a = &set->images;
    const int32_t channels = a->rank == 4 ? (int32_t)a->dim[3] : 1;
    const size_t bytes = (size_t)a->dim[1] * (size_t)a->dim[2] * (size_t)channels;
    void *pixels = malloc(bytes);
    if (!pixels) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    if (pread(a->file, pixels, bytes, a->start + index * (off_t)bytes) != (ssize_t)bytes) {
        free(pixels);
        return fail(err, set->path, "has become shorter");
    }
    ret->n_images = 1;
    ret->images[0] = (kd_image){.format = KD_IMAGE_RAW,
                                .height = (int32_t)a->dim[1],
                                .width = (int32_t)a->dim[2],
                                .channels = channels,
                                .data = pixels,
                                .bytes = bytes};
    ret->label = label(set, index);
    ret->owner = pixels;
    return true;
}

static void release_sample(kd_set *set, kd_sample *sample) {
    free(sample->owner);
}

KD_DATASET(.open = open_set, .close = close_set, .count = count, .classes = classes, .label = label,
           .path = path, .read = read_sample, .release_sample = release_sample,
           .fingerprint = fingerprint)
