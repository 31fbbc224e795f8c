/* SPDX-License-Identifier: Apache-2.0
 * Reading a file of MNIST's format.
 *
 * source  http://yann.lecun.com/exdb/mnist/ (file format) */
#include "idx_file.h"

static int64_t big_endian(const unsigned char *p) {
    return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static bool parse(idx_file *t, const char *name, size_t bytes, bool labels, kd_error *err) {
    const unsigned char *p = t->memory;
    if (bytes < 8 || p[0] != 0 || p[1] != 0 || p[3] < 1 || p[3] > 4 || bytes < 4u + 4u * p[3]) {
        kd_fail(err, KD_E_DATA, "%s: not in IDX format", name);
        return kd_hint(err, "an IDX file begins with 00 00 08 01 (labels) or 00 00 08 03 (images)");
    }
    const int rank = p[3];
    if (p[2] != 8 || (labels ? rank != 1 : rank < 3)) {
        return kd_fail(err, KD_E_UNSUPPORTED, "%s: type 0x%02x with %d dimensions, wanted bytes %s",
                       name, p[2], rank, labels ? "[n]" : "[n, height, width] or [n, h, w, 3]");
    }
    int64_t dim[4] = {0, 1, 1, 1};
    int64_t total = 1;
    for (int i = 0; i < rank; i++) {
        dim[i] = big_endian(p + 4 + 4 * i);
        total = __builtin_mul_overflow(total, dim[i], &total) ? INT64_MAX : total;
    }
    if (dim[3] != 1 && dim[3] != 3) {
        return kd_fail(err, KD_E_UNSUPPORTED, "%s: %lld channels, wanted 1 or 3", name,
                       (long long)dim[3]);
    }
    if (total < 1 || total != (int64_t)(bytes - 4u - 4u * p[3])) {
        kd_fail(err, KD_E_DATA, "%s: %zu bytes do not fit its header", name, bytes);
        return kd_hint(err, "the file is cut short or damaged: fetch it again");
    }
    t->data = p + 4 + 4 * rank;
    t->count = dim[0];
    t->height = dim[1];
    t->width = dim[2];
    t->channels = dim[3];
    return true;
}

bool idx_file_load(const kd_files_api *files, kd_files *in, int64_t entry, bool labels,
                   idx_file *ret, kd_error *err) {
    size_t bytes;
    idx_file t = {.files = files};
    if (!files->read(in, entry, &t.memory, &bytes, err)) {
        return false;
    }
    if (!parse(&t, files->path(in, entry), bytes, labels, err)) {
        files->release(t.memory);
        return false;
    }
    *ret = t;
    return true;
}
