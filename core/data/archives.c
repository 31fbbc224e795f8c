/* SPDX-License-Identifier: Apache-2.0
 * Recognises and lists archives. Only formats that libarchive reads in its own process are enabled:
 * no external decompressors. */
#include "data/archives.h"

#include "data/archive_open.h"

#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <strings.h>

void file_list_add(file_list *list, file_entry entry) {
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->entry = kd_grow(list->entry, (size_t)list->room * sizeof *list->entry);
    }
    list->entry[list->count++] = entry;
}

bool path_is_hidden(const char *path) {
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (*part == '.' || strncmp(part, "__MACOSX/", 9) == 0) {
            return true;
        }
    }
    return false;
}

struct archive *archive_open_path(const char *path, bool raw, kd_error *err) {
    struct archive *a = archive_read_new();
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_lzma(a);
    archive_read_support_filter_zstd(a);
    if (raw) {
        archive_read_support_format_raw(a);
    } else {
        archive_read_support_format_tar(a);
        archive_read_support_format_zip(a);
        archive_read_support_format_empty(a); /* or else an empty file is just not known */
    }
    if (archive_read_open_filename(a, path, 1 << 18) != ARCHIVE_OK) {
        archive_fail(a, path, NULL, err);
        if (err && archive_errno(a) == EILSEQ) { /* libarchive's "Unrecognized archive format" */
            err->code = KD_E_UNSUPPORTED;
        }
        archive_read_free(a);
        return NULL;
    }
    return a;
}

bool archive_fail(struct archive *a, const char *path, const char *entry, kd_error *err) {
    const char *why = archive_error_string(a);
    kd_fail(err, KD_E_DATA, entry ? "%s: %s: %s" : "%s: %s%s", path, entry ? entry : "",
            why ? why : "unreadable");
    return kd_hint(err, "the file is damaged or cut short: fetch or pack it again");
}

const char *archive_path_of(struct archive_entry *header) {
    const char *path = archive_entry_pathname_utf8(header);
    path = path ? path : archive_entry_pathname(header);
    while (path && path[0] == '.' && path[1] == '/') {
        path += 2;
    }
    return path;
}

static bool has_archive_name(const char *path) {
    static const char *const suffix[] = {".zip",    ".tar",     ".tgz",     ".tbz2",
                                         ".txz",    ".tar.gz",  ".tar.bz2", ".tzst",
                                         ".tar.xz", ".tar.zst", ".tar.lzma"};
    const size_t length = strlen(path);
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        const size_t n = strlen(suffix[i]);
        if (length > n && strcasecmp(path + length - n, suffix[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the file is in one of our compressors' formats, whatever is inside. */
static bool is_compressed(const char *path) {
    struct archive *a = archive_open_path(path, true, NULL);
    struct archive_entry *header;
    const bool compressed = a && archive_read_next_header(a, &header) >= ARCHIVE_WARN &&
                            archive_filter_code(a, 0) != ARCHIVE_FILTER_NONE;
    archive_read_free(a);
    return compressed;
}

bool archive_sniff(const char *path, file_kind *ret, kd_error *err) {
    kd_error problem = KD_ERROR_INIT;
    struct archive *a = archive_open_path(path, false, &problem);
    struct archive_entry *header;
    int status = ARCHIVE_FATAL;
    if (a) {
        status = archive_read_next_header(a, &header);
        if (status < ARCHIVE_WARN && status != ARCHIVE_EOF) {
            archive_fail(a, path, NULL, &problem);
        }
    }
    /* libarchive reads an empty file as an archive without entries */
    const bool empty = status == ARCHIVE_EOF && archive_format(a) == ARCHIVE_FORMAT_EMPTY;
    archive_read_free(a);
    if (empty || problem.code == KD_E_UNSUPPORTED) {
        *ret = is_compressed(path) ? FILE_COMPRESSED : FILE_PLAIN;
        if (has_archive_name(path)) {
            kd_fail(err, KD_E_DATA, "%s: %s", path, empty ? "the file is empty" : "not an archive");
            return kd_hint(err, "the file is damaged or cut short: fetch or pack it again");
        }
    } else if (problem.code) {
        kd_fail(err, problem.code, "%s", problem.message);
        return kd_hint(err, "%s", problem.hint);
    } else {
        *ret = FILE_ARCHIVE;
    }
    return true;
}

static bool leads_out(const char *path) {
    if (path[0] == '/' || path[0] == '\\') {
        return true;
    }
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (part[0] == '.' && part[1] == '.' && (part[2] == '/' || part[2] == 0)) {
            return true;
        }
    }
    return false;
}

/* A hard link stands for an earlier entry: its target's path is kept until all are known. */
typedef struct link {
    int64_t entry;
    const char *target;
} link_entry;
typedef struct listing {
    arena *memory;
    file_list files;
    link_entry *links;
    int64_t n_links;
    bool in_one_piece; /* the entry added last: its bytes lie together */
} listing;

static bool add_header(listing *l, const char *archive, struct archive_entry *header, int64_t place,
                       kd_error *err) {
    const char *path = archive_path_of(header);
    if (!path) {
        kd_fail(err, KD_E_DATA, "%s: the name of entry %lld is not UTF-8", archive,
                (long long)place);
        return kd_hint(err, "pack it again with names in UTF-8");
    }
    if (leads_out(path)) {
        kd_fail(err, KD_E_DATA, "%s: entry '%s' leads out of the archive", archive, path);
        return kd_hint(err, "pack it again with paths relative to its root");
    }
    const char *target = archive_entry_hardlink_utf8(header);
    target = target ? target : archive_entry_hardlink(header);
    if ((archive_entry_filetype(header) != AE_IFREG && !target) || path_is_hidden(path)) {
        return true;
    }
    if (target) {
        l->links = kd_grow(l->links, (size_t)(l->n_links + 1) * sizeof *l->links);
        target += 2 * (strncmp(target, "./", 2) == 0);
        l->links[l->n_links++] = (link_entry){l->files.count, arena_text(l->memory, target)};
    }
    const int64_t bytes = archive_entry_size_is_set(header) ? archive_entry_size(header) : -1;
    file_list_add(&l->files, (file_entry){arena_text(l->memory, path), bytes, place, -1});
    l->in_one_piece = !target && bytes >= 0 && archive_entry_sparse_count(header) == 0;
    return true;
}

static bool resolve_links(listing *l, const char *archive, kd_error *err) {
    for (int64_t i = 0; i < l->n_links; i++) {
        file_entry *link = &l->files.entry[l->links[i].entry];
        const file_entry *target = NULL;
        for (int64_t j = l->links[i].entry - 1; j >= 0 && !target; j--) {
            if (strcmp(l->files.entry[j].path, l->links[i].target) == 0) {
                target = &l->files.entry[j];
            }
        }
        if (!target) {
            return kd_fail(err, KD_E_DATA, "%s: entry '%s' is a link to '%s', which is not there",
                           archive, link->path, l->links[i].target);
        }
        link->bytes = target->bytes;
        link->place = target->place;
        link->at = target->at;
    }
    return true;
}

static int by_path(const void *left, const void *right) {
    const file_entry *a = left, *b = right;
    const int difference = strcmp(a->path, b->path);
    return difference ? difference : (a->place > b->place) - (a->place < b->place);
}

static void sort_and_drop_repeats(file_list *files) {
    if (files->count) {
        qsort(files->entry, (size_t)files->count, sizeof *files->entry, by_path);
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < files->count; i++) {
        if (i + 1 < files->count && strcmp(files->entry[i].path, files->entry[i + 1].path) == 0) {
            continue;
        }
        files->entry[kept++] = files->entry[i];
    }
    files->count = kept;
}

/* In a tar that is not compressed, an entry's blocks of 512 bytes end where the next header begins,
 * which is where `a` has just read. */
static void place_last(listing *l, struct archive *a) {
    if (l->in_one_piece && archive_filter_code(a, 0) == ARCHIVE_FILTER_NONE &&
        (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR) {
        file_entry *last = &l->files.entry[l->files.count - 1];
        last->at = archive_read_header_position(a) - (last->bytes + 511) / 512 * 512;
    }
    l->in_one_piece = false;
}

static bool list_headers(listing *l, struct archive *a, const char *path, kd_error *err) {
    struct archive_entry *header;
    for (int64_t place = 0;; place++) {
        const int status = archive_read_next_header(a, &header);
        if (status >= ARCHIVE_WARN) {
            place_last(l, a);
        }
        if (status == ARCHIVE_EOF) {
            return resolve_links(l, path, err);
        }
        if (status < ARCHIVE_WARN) {
            return archive_fail(a, path, NULL, err);
        }
        if (!add_header(l, path, header, place, err)) {
            return false;
        }
    }
}

bool archive_list(const char *path, arena *memory, file_list *ret, kd_error *err) {
    struct archive *a = archive_open_path(path, false, err);
    if (!a) {
        return false;
    }
    listing l = {.memory = memory};
    /* libarchive converts names to the locale's characters, and "C" has none beyond ASCII */
    const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    const locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    const bool good = list_headers(&l, a, path, err);
    archive_read_free(a);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    free(l.links);
    if (!good) {
        free(l.files.entry);
        return false;
    }
    sort_and_drop_repeats(&l.files);
    *ret = l.files;
    return true;
}
