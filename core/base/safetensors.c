/* SPDX-License-Identifier: Apache-2.0
 * Mapping a safetensors file, and finding tensors in it. */
#include "base/safetensors_internal.h"

#include "base/file_internal.h"
#include "base/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_HEADER 100000000u

static bool map_file(safetensors *file, kd_error *err) {
    const int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        file_fail(err, "open", file->path);
        goto fail;
    }
    if (!S_ISREG(status.st_mode)) {
        kd_fail(err, KD_E_INVALID, "%s: is no file", file->path);
        goto fail;
    }
    if (status.st_size == 0) {
        close(fd);
        return true; /* nothing can be mapped; the header is found to be missing */
    }
    void *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        file_fail(err, "map", file->path);
        goto fail;
    }
    close(fd);
    file->map = map;
    file->map_bytes = (size_t)status.st_size;
    return true;

fail:
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

static bool read_file(safetensors *file, kd_error *err) {
    if (file->map_bytes < 8) {
        return kd_fail(err, KD_E_DATA, "it has %zu bytes", file->map_bytes);
    }
    uint64_t header_bytes = 0;
    for (int i = 7; i >= 0; i--) {
        header_bytes = header_bytes << 8 | file->map[i];
    }
    if (header_bytes > LONGEST_HEADER) {
        return kd_fail(err, KD_E_DATA, "its header would have %" PRIu64 " bytes, at most %u may be",
                       header_bytes, LONGEST_HEADER);
    }
    if (header_bytes > file->map_bytes - 8) {
        return kd_fail(err, KD_E_DATA, "its header would have %" PRIu64 " bytes, %zu are there",
                       header_bytes, file->map_bytes - 8);
    }
    const char *json = (const char *)file->map + 8;
    if (header_bytes == 0 || json[0] != '{') {
        return kd_fail(err, KD_E_DATA, "its header does not begin with {");
    }
    return safetensors_read_header(file, json, header_bytes, file->map + 8 + header_bytes,
                                   file->map_bytes - 8 - header_bytes, err);
}

safetensors *safetensors_open(const char *path, kd_error *err) {
    safetensors *file = kd_alloc(sizeof *file);
    file->path = arena_text(&file->arena, path);
    if (!map_file(file, err)) {
        safetensors_close(file);
        return NULL;
    }
    if (!read_file(file, err)) {
        kd_while(err, "%s: not a readable safetensors file", path);
        kd_hint(err, err && err->code == KD_E_UNSUPPORTED
                         ? "write it again with types and shapes that kindred knows"
                         : "it is damaged, was not written to its end, or is of another format; "
                           "fetch or write it again");
        safetensors_close(file);
        return NULL;
    }
    return file;
}

void safetensors_close(safetensors *file) {
    if (!file) {
        return;
    }
    if (file->map) {
        munmap(file->map, file->map_bytes);
    }
    arena inside = file->arena;
    arena_free(&inside);
    free(file);
}

const char *safetensors_path(const safetensors *file) {
    return file->path;
}

int safetensors_count(const safetensors *file) {
    return file->count;
}

const safetensor *safetensors_at(const safetensors *file, int i) {
    return i < 0 || i >= file->count ? NULL : &file->tensors[i];
}

static int compare_to_name(const void *name, const void *entry) {
    return strcmp(name, (*(const safetensor *const *)entry)->name);
}

const safetensor *safetensors_find(const safetensors *file, const char *name) {
    const safetensor **found =
        bsearch(name, file->by_name, (size_t)file->count, sizeof *file->by_name, compare_to_name);
    return found ? *found : NULL;
}

/* "F32 [64, 3, 7, 7]", "any" for a dimension of -1. */
static const char *describe(const char *dtype, const kd_spec *spec, char *to, size_t room) {
    size_t used = (size_t)snprintf(to, room, "%s [", dtype ? dtype : "?");
    for (int i = 0; i < spec->rank && used < room; i++) {
        const char *comma = i ? ", " : "";
        used += (size_t)(spec->dim[i] < 0
                             ? snprintf(to + used, room - used, "%sany", comma)
                             : snprintf(to + used, room - used, "%s%" PRId64, comma, spec->dim[i]));
    }
    if (used < room) {
        snprintf(to + used, room - used, "]");
    }
    return to;
}

static bool fits(const kd_spec *is, const kd_spec *want) {
    bool same = is->dtype == want->dtype && is->rank == want->rank;
    for (int i = 0; same && i < want->rank; i++) {
        same = want->dim[i] < 0 || is->dim[i] == want->dim[i];
    }
    return same;
}

static void fail_missing(const safetensors *file, const char *name, kd_error *err) {
    arena a = {0};
    const char **names = arena_alloc(&a, (size_t)file->count * sizeof *names);
    for (int i = 0; i < file->count; i++) {
        names[i] = file->tensors[i].name;
    }
    kd_fail(err, KD_E_DATA, "%s: there is no tensor %s", file->path, name);
    const char *near = suggest(name, names, file->count);
    if (near) {
        kd_hint(err, "the nearest name in the file is %s", near);
    }
    arena_free(&a);
}

const safetensor *safetensors_need(const safetensors *file, const char *name, const kd_spec *want,
                                   kd_error *err) {
    const safetensor *found = safetensors_find(file, name);
    if (!found) {
        fail_missing(file, name, err);
        return NULL;
    }
    if (want && !fits(&found->spec, want)) {
        char is[192], wanted[192];
        kd_fail(err, KD_E_DATA, "%s: tensor %s is %s, wanted %s", file->path, name,
                describe(found->dtype, &found->spec, is, sizeof is),
                describe(safetensors_dtype_name(want->dtype), want, wanted, sizeof wanted));
        return NULL;
    }
    return found;
}

int safetensors_metadata_count(const safetensors *file) {
    return file->metadata_count;
}

const char *safetensors_metadata_key(const safetensors *file, int i) {
    return i < 0 || i >= file->metadata_count ? NULL : file->metadata[i].key;
}

static int compare_to_key(const void *key, const void *pair) {
    return strcmp(key, ((const text_pair *)pair)->key);
}

const char *safetensors_metadata(const safetensors *file, const char *key) {
    if (file->metadata_count == 0) {
        return NULL; /* bsearch wants an array, even an empty one */
    }
    const text_pair *found = bsearch(key, file->metadata, (size_t)file->metadata_count,
                                     sizeof *file->metadata, compare_to_key);
    return found ? found->value : NULL;
}
