/* SPDX-License-Identifier: Apache-2.0
 * Packs: sorted, with times and owners that are the same everywhere. */
#include "package/archive_file.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

/* Where libarchive's output goes. */
typedef struct packing {
    file_writer to;
    kd_error *err;
} packing;

static la_ssize_t append(struct archive *archive, void *arg, const void *data, size_t bytes) {
    packing *p = arg;
    if (!file_writer_append(&p->to, data, bytes, p->err)) {
        archive_set_error(archive, EIO, "cannot write");
        return -1;
    }
    return (la_ssize_t)bytes;
}

static bool write_entry(struct archive *archive, const char *folder, const archive_source *source) {
    arena a = {0};
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, arena_print(&a, "%s/%s", folder, source->path));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)source->bytes);
    archive_entry_set_mtime(entry, 0, 0);
    const bool ok =
        archive_write_header(archive, entry) == ARCHIVE_OK &&
        archive_write_data(archive, source->data, source->bytes) == (la_ssize_t)source->bytes;
    archive_entry_free(entry);
    arena_free(&a);
    return ok;
}

static bool write_all(packing *p, const char *folder, const archive_source *sources, int n) {
    struct archive *archive = archive_write_new();
    bool ok =
        archive_write_set_format_ustar(archive) == ARCHIVE_OK &&
        archive_write_add_filter_zstd(archive) == ARCHIVE_OK &&
        archive_write_set_filter_option(archive, "zstd", "compression-level", "19") == ARCHIVE_OK &&
        archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
        archive_write_open(archive, p, NULL, append, NULL) == ARCHIVE_OK;
    for (int i = 0; i < n && ok; i++) {
        ok = write_entry(archive, folder, &sources[i]);
    }
    ok = ok && archive_write_close(archive) == ARCHIVE_OK;
    if (!ok && p->err->code == 0) {
        const char *why = archive_error_string(archive);
        kd_fail(p->err, KD_E_IO, "%s: cannot pack: %s", p->to.path, why ? why : "no reason given");
    }
    archive_write_free(archive);
    return ok;
}

static int by_path(const void *left, const void *right) {
    const archive_source *a = left, *b = right;
    return strcmp(a->path, b->path);
}

bool archive_file_write(const char *to, const char *folder, archive_source *sources, int n,
                        kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    packing p = {.err = &why};
    qsort(sources, (size_t)n, sizeof *sources, by_path);
    if (!file_writer_open(&p.to, to, err)) {
        return false;
    }
    if (!write_all(&p, folder, sources, n)) {
        file_writer_abandon(&p.to);
        kd_fail(err, why.code, "%s", why.message);
        return kd_hint(err, "%s", why.hint);
    }
    return file_writer_commit(&p.to, err);
}
