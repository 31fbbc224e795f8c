/* SPDX-License-Identifier: Apache-2.0
 * libarchive over the host's read_part; see nested_tar.h. A tar can be read from any of its headers
 * on, so an entry is found again by where its header begins. */
#include "nested_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#define PIECE ((int64_t)1 << 14)

typedef struct stream {
    const kd_files_api *files;
    kd_files *in;
    int64_t tar, at, end;
    kd_error *err;
    bool failed; /* by the host, with err set */
    char piece[PIECE];
} stream;

static la_ssize_t read_piece(struct archive *a, void *context, const void **ret) {
    stream *s = context;
    const int64_t left = s->end - s->at, bytes = left < PIECE ? left : PIECE;
    (void)a;
    if (bytes > 0 && !s->files->read_part(s->in, s->tar, s->at, s->piece, (size_t)bytes, s->err)) {
        s->failed = true;
        archive_set_error(a, -1, "the host cannot read it");
        return -1;
    }
    s->at += bytes;
    *ret = s->piece;
    return (la_ssize_t)bytes;
}

static la_int64_t skip_pieces(struct archive *a, void *context, la_int64_t bytes) {
    stream *s = context;
    const int64_t left = s->end - s->at, skipped = bytes < left ? bytes : left;
    (void)a;
    s->at += skipped;
    return skipped;
}

static bool fail(struct archive *a, const stream *s, kd_error *err) {
    if (s->failed) {
        return false;
    }
    const char *why = archive_error_string(a);
    kd_fail(err, KD_E_DATA, "%s: %s", s->files->path(s->in, s->tar), why ? why : "unreadable");
    return kd_hint(err, "this tar is damaged or cut short: fetch it again");
}

/* Opens the tar from the header at `at` on. The caller frees both. */
static struct archive *open_tar(const kd_files_api *files, kd_files *in, int64_t tar, int64_t at,
                                stream **ret, kd_error *err) {
    stream *s = malloc(sizeof *s);
    struct archive *a = s ? archive_read_new() : NULL;
    if (!a) {
        free(s);
        kd_fail(err, KD_E_MEMORY, "out of memory");
        return NULL;
    }
    *s = (stream){
        .files = files, .in = in, .tar = tar, .at = at, .end = files->bytes(in, tar), .err = err};
    *ret = s;
    archive_read_support_format_tar(a);
    archive_read_set_read_callback(a, read_piece);
    archive_read_set_skip_callback(a, skip_pieces);
    archive_read_set_callback_data(a, s);
    if (archive_read_open1(a) != ARCHIVE_OK) {
        fail(a, s, err);
        archive_read_free(a);
        free(s);
        return NULL;
    }
    return a;
}

bool nested_list(const kd_files_api *files, kd_files *in, int64_t tar, nested_entry entry,
                 void *context, kd_error *err) {
    stream *s;
    struct archive *a = open_tar(files, in, tar, 0, &s, err);
    struct archive_entry *header;
    bool good = a != NULL;
    int status = ARCHIVE_OK;
    while (good && (status = archive_read_next_header(a, &header)) >= ARCHIVE_WARN &&
           status != ARCHIVE_EOF) {
        if (archive_entry_filetype(header) == AE_IFREG) {
            const char *name = archive_entry_pathname(header);
            good = entry(context, name ? name : "", archive_read_header_position(a), err);
        }
    }
    if (good && status != ARCHIVE_EOF) {
        good = fail(a, s, err);
    }
    if (a) {
        archive_read_free(a);
        free(s);
    }
    return good;
}

static bool read_entry(struct archive *a, const stream *s, void **ret_data, size_t *ret_bytes,
                       kd_error *err) {
    struct archive_entry *header;
    if (archive_read_next_header(a, &header) < ARCHIVE_WARN) {
        return fail(a, s, err);
    }
    const int64_t bytes = archive_entry_size(header);
    if (bytes < 0 || bytes > s->end) {
        kd_fail(err, KD_E_DATA, "%s: an entry's size is wrong", s->files->path(s->in, s->tar));
        return kd_hint(err, "this tar is damaged: fetch it again");
    }
    char *data = malloc((size_t)bytes + 1);
    if (!data) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    const la_ssize_t got = archive_read_data(a, data, (size_t)bytes);
    if (got != bytes) {
        free(data);
        return fail(a, s, err);
    }
    *ret_data = data;
    *ret_bytes = (size_t)bytes;
    return true;
}

bool nested_read(const kd_files_api *files, kd_files *in, int64_t tar, int64_t at, void **ret_data,
                 size_t *ret_bytes, kd_error *err) {
    stream *s;
    struct archive *a = open_tar(files, in, tar, at, &s, err);
    const bool good = a && read_entry(a, s, ret_data, ret_bytes, err);
    if (a) {
        archive_read_free(a);
        free(s);
    }
    return good;
}
