/* SPDX-License-Identifier: Apache-2.0
 * A dataset: random access to samples, each of one image, a pair or a group, decoded by the host.
 */
#ifndef KINDRED_DATASET_H
#define KINDRED_DATASET_H

#include <kindred/plugin.h>

/* The host's reader of files: a folder, or an archive (tar, tar.gz, tar.bz2, tar.xz, tar.zst, zip)
 * read without unpacking it to disk, or a single file (plain, or .gz and the like). Entries are
 * sorted by path; hidden files and what macOS adds are left out. Reading is thread-safe, and
 * cheapest in the order that `order` gives. */
typedef struct kd_files kd_files;
typedef struct kd_files_api {
    uint32_t size, reserved;
    /* path: a folder, an archive or a file. fails naming the path. */
    bool (*open)(const char *path, kd_files **ret, kd_error *err);
    void (*close)(kd_files *files);
    int64_t (*count)(const kd_files *files);
    /* Relative to the folder or the archive's root, '/' between parts; a single file's entry is its
     * name without the compressor's suffix. Lives as long as `files`. */
    const char *(*path)(const kd_files *files, int64_t entry);
    /* Decompressed bytes, or -1 while unknown. */
    int64_t (*bytes)(const kd_files *files, int64_t entry);
    /* [any thread] The whole entry, in memory that `release` frees. */
    bool (*read)(kd_files *files, int64_t entry, void **ret_data, size_t *ret_bytes, kd_error *err);
    void (*release)(void *data);
    /* The entry's place in the archive; of a folder, the entry itself. A compressed archive read in
     * another order is decompressed again and again. */
    int64_t (*order)(const kd_files *files, int64_t entry);
    /* Changes with the name, size or modification time of any file. Lives as long as `files`. */
    const char *(*fingerprint)(const kd_files *files);
    /* [any thread] Bytes [offset, offset + bytes) of an entry into `to`, for entries that are
     * better not held whole. From a folder, a file or an uncompressed tar in any order; from other
     * archives cheapest as entries and offsets ascend in the archive's order. fails when the entry
     * ends before. */
    bool (*read_part)(kd_files *files, int64_t entry, int64_t offset, void *to, size_t bytes,
                      kd_error *err);
} kd_files_api;

#define KD_IMAGE_RAW 1     /* u8 [height, width, channels] */
#define KD_IMAGE_ENCODED 2 /* a JPEG or PNG file, known by its first bytes */
typedef struct kd_image {
    int32_t format;
    int32_t height, width, channels; /* of raw images; channels 1 or 3 */
    const void *data;
    size_t bytes;
    const char *name; /* for messages: "train/n01443537/images/n01443537_0.JPEG", "#17" */
} kd_image;

#define KD_MAX_IMAGES 16
typedef struct kd_sample {
    uint32_t size;
    uint32_t n_images; /* 1, or 2 for a pair */
    kd_image images[KD_MAX_IMAGES];
    int32_t label; /* -1: none */
    int32_t reserved;
    void *owner; /* the plugin's, given back to release_sample */
} kd_sample;

typedef struct kd_dataset_host {
    uint32_t size, reserved;
    const kd_host *host;
    const kd_files_api *files;
} kd_dataset_host;

typedef struct kd_set kd_set; /* an opened dataset; the plugin's own */

typedef struct kd_dataset {
    uint32_t size, reserved;
    bool (*open)(const void *config, const kd_dataset_host *host, kd_set **ret, kd_error *err);
    void (*close)(kd_set *set);
    int64_t (*count)(const kd_set *set);
    /* Number of classes, 0 without labels; class_name may be NULL or return NULL. */
    int32_t (*classes)(const kd_set *set);
    const char *(*class_name)(const kd_set *set, int32_t label);
    /* The sample's label without reading its images, -1 for none. */
    int32_t (*label)(const kd_set *set, int64_t index);
    /* A path that identifies the sample's first image in a pair manifest, or NULL. */
    const char *(*path)(const kd_set *set, int64_t index);
    /* [any thread] What it points to lives until release_sample. */
    bool (*read)(kd_set *set, int64_t index, kd_sample *ret, kd_error *err);
    void (*release_sample)(kd_set *set, kd_sample *sample);
    /* Text that changes whenever what the set yields may have changed: sizes and modification times
     * of its files, seeds. Decides whether a packed store is reused. */
    const char *(*fingerprint)(const kd_set *set);
    /* The host reads samples in ascending order of this number. NULL: by index. */
    int64_t (*order)(const kd_set *set, int64_t index);
    /* Is the sample another one again with one factor changed? Then true, with that one's index
     * and the factor's name ("background"), which lives as long as the set. NULL: none is. Variants
     * are samples of one image. */
    bool (*variant)(const kd_set *set, int64_t index, int64_t *ret_base, const char **ret_factor);
} kd_dataset;

#define KD_DATASET(...) KD_ENTRY(KD_KIND_DATASET, kd_dataset, __VA_ARGS__)

#endif
