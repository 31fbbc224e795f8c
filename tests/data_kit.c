/* SPDX-License-Identifier: Apache-2.0
 * Folders, archives and a dataset in memory for the tests of data; data_images.c makes images. */
#include "data_kit.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>

void kit_init(kit *k) {
    char path[] = "/tmp/kindred-test-XXXXXX";
    *k = (kit){0};
    cr_assert(mkdtemp(path));
    k->folder = arena_text(&k->memory, path);
}

void kit_finish(kit *k) {
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(file_remove_tree(k->folder, &err), err);
    arena_free(&k->memory);
}

const char *kit_path(kit *k, const char *name) {
    return arena_print(&k->memory, "%s/%s", k->folder, name);
}

static void make_parents(kit *k, const char *path) {
    kd_error err = KD_ERROR_INIT;
    char *parent = arena_text(&k->memory, path);
    *strrchr(parent, '/') = 0;
    EXPECT_GOOD(file_make_directories(parent, &err), err);
}

const char *kit_write(kit *k, const char *name, const void *data, size_t bytes) {
    const char *path = kit_path(k, name);
    make_parents(k, path);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0);
    return path;
}

const char *kit_text(kit *k, const char *name, const char *text) {
    return kit_write(k, name, text, strlen(text));
}

static bool ends(const char *text, const char *suffix) {
    const size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

static struct archive *open_by_suffix(const char *path) {
    static const struct {
        const char *suffix;
        int filter;
    } filters[] = {{".gz", ARCHIVE_FILTER_GZIP},
                   {".bz2", ARCHIVE_FILTER_BZIP2},
                   {".xz", ARCHIVE_FILTER_XZ},
                   {".zst", ARCHIVE_FILTER_ZSTD}};
    struct archive *a = archive_write_new();
    for (int i = 0; i < 4; i++) {
        if (ends(path, filters[i].suffix)) {
            cr_assert_eq(archive_write_add_filter(a, filters[i].filter), ARCHIVE_OK);
        }
    }
    if (ends(path, ".zip")) {
        archive_write_set_format_zip(a);
    } else if (strstr(path, ".tar")) {
        archive_write_set_format_pax_restricted(a);
    } else {
        archive_write_set_format_raw(a);
    }
    cr_assert_eq(archive_write_open_filename(a, path), ARCHIVE_OK);
    return a;
}

const char *kit_archive(kit *k, const char *name, const kit_file *files, int count) {
    const char *path = kit_path(k, name);
    setlocale(LC_CTYPE, "C.UTF-8"); /* to write names beyond ASCII */
    struct archive *a = open_by_suffix(path);
    for (int i = 0; i < count; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, files[i].path);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_size(e, files[i].data ? (int64_t)files[i].bytes : 0);
        if (!files[i].data && files[i].bytes) {
            archive_entry_set_hardlink(e, files[i - 1].path);
        } else if (!files[i].data) {
            archive_entry_set_filetype(e, AE_IFLNK);
            archive_entry_set_symlink(e, files[i - 1].path);
        }
        cr_assert_eq(archive_write_header(a, e), ARCHIVE_OK, "%s", archive_error_string(a));
        if (files[i].data) {
            cr_assert_eq(archive_write_data(a, files[i].data, files[i].bytes),
                         (la_ssize_t)files[i].bytes);
        }
        archive_entry_free(e);
    }
    cr_assert_eq(archive_write_free(a), ARCHIVE_OK);
    setlocale(LC_CTYPE, "C"); /* as programs begin */
    return path;
}

struct kd_set {
    const kit_list *list;
};

static bool open_list(const void *config, const kd_dataset_host *host, kd_set **ret,
                      kd_error *err) {
    (void)host;
    (void)err;
    *ret = kd_alloc(sizeof **ret);
    (*ret)->list = config;
    return true;
}

static void close_list(kd_set *set) {
    free(set);
}

static int64_t count_list(const kd_set *set) {
    return set->list->count / set->list->per_sample;
}

static int32_t classes_of_list(const kd_set *set) {
    return set->list->classes;
}

static const char *class_name(const kd_set *set, int32_t label) {
    (void)set;
    return label == 0 ? "zero" : NULL;
}

static int32_t label_of(const kd_set *set, int64_t index) {
    return set->list->labels ? set->list->labels[index] : -1;
}

static const char *path_of(const kd_set *set, int64_t index) {
    return set->list->files[index * set->list->per_sample].path;
}

static bool read_list(kd_set *set, int64_t index, kd_sample *ret, kd_error *err) {
    const kit_list *list = set->list;
    if (list->reads) {
        __atomic_fetch_add(list->reads, 1, __ATOMIC_RELAXED);
    }
    for (int i = 0; i < list->per_sample; i++) {
        const kit_file *f = &list->files[index * list->per_sample + i];
        if (!f->data) {
            return kd_fail(err, KD_E_IO, "%s: gone", f->path);
        }
        ret->images[i] = (kd_image){
            .format = KD_IMAGE_ENCODED, .data = f->data, .bytes = f->bytes, .name = f->path};
    }
    ret->n_images = (uint32_t)list->per_sample;
    ret->label = label_of(set, index);
    return true;
}

static void release(kd_set *set, kd_sample *sample) {
    (void)set;
    (void)sample;
}

static const char *fingerprint_of(const kd_set *set) {
    return set->list->fingerprint;
}

static int64_t order_of(const kd_set *set, int64_t index) {
    return set->list->backwards ? -index : index;
}

const kd_dataset kit_dataset = {.size = sizeof(kd_dataset),
                                .open = open_list,
                                .close = close_list,
                                .count = count_list,
                                .classes = classes_of_list,
                                .class_name = class_name,
                                .label = label_of,
                                .path = path_of,
                                .read = read_list,
                                .release_sample = release,
                                .fingerprint = fingerprint_of,
                                .order = order_of};

static void log_nothing(const kd_host *host, int32_t level, const char *text, size_t length) {
    (void)host;
    (void)level;
    (void)text;
    (void)length;
}

const kd_host kit_host = {.size = sizeof(kd_host), .version = "0", .log = log_nothing};
