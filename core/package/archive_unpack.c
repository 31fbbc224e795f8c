/* SPDX-License-Identifier: Apache-2.0
 * Unpacks what may come from anyone. */
#include "package/archive_file.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_PATH_BYTES 240
#define MAX_PATH_PARTS 4
#define PIECE ((size_t)1 << 18)

/* An archive that is being unpacked. */
typedef struct unpacking {
    const char *path, *into;
    struct archive *archive;
    arena *a;
    archive_contents *ret;
    int64_t bytes, limit; /* unpacked so far, and at most */
    char *piece;          /* [PIECE] */
    kd_error *err;
} unpacking;

bool archive_path_is_plain(const char *path) {
    int parts = 1;
    if (strlen(path) > MAX_PATH_BYTES) {
        return false;
    }
    for (const char *at = path; *at; at++) {
        const bool begins = at == path || at[-1] == '/';
        parts += *at == '/';
        if (begins ? !isalnum((unsigned char)*at) && *at != '_' && *at != '+' && *at != '@'
                   : !isalnum((unsigned char)*at) && !strchr("._+@-/", *at)) {
            return false;
        }
    }
    return *path && path[strlen(path) - 1] != '/' && parts <= MAX_PATH_PARTS;
}

__attribute__((format(printf, 2, 3))) static bool refuse(const unpacking *u, const char *format,
                                                         ...) {
    char why[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    for (char *at = why; *at; at++) { /* names may hold what a terminal would obey */
        *at = iscntrl((unsigned char)*at) ? '?' : *at;
    }
    kd_fail(u->err, KD_E_DATA, "%s: %s", u->path, why);
    return kd_hint(u->err, "`kindred plugin pack` makes no such file: do not use it, and ask where "
                           "it comes from");
}

static bool damaged(const unpacking *u) {
    const char *why = archive_error_string(u->archive);
    kd_fail(u->err, KD_E_DATA, "%s: not a whole package: %s", u->path, why ? why : "unreadable");
    return kd_hint(u->err, "fetch it again, and compare its size with that at its source");
}

/* The path below the package's folder, which is the first one's. NULL: refused. */
static const char *path_below(unpacking *u, const char *name) {
    archive_contents *c = u->ret;
    const char *slash = strchr(name, '/');
    if (!archive_path_is_plain(name) || !slash) {
        refuse(u, "it holds a file whose path is not plain: \"%.200s\"", name);
        return NULL;
    }
    if (!c->folder) {
        c->folder = arena_copy(u->a, name, (size_t)(slash - name));
    }
    if (strncmp(c->folder, name, (size_t)(slash - name)) != 0 || c->folder[slash - name]) {
        refuse(u, "its files lie in more than one folder: %s and \"%.200s\"", c->folder, name);
        return NULL;
    }
    for (int i = 0; i < c->n_items; i++) {
        if (strcmp(c->items[i].path, slash + 1) == 0) {
            refuse(u, "it holds %s twice", slash + 1);
            return NULL;
        }
    }
    return arena_text(u->a, slash + 1);
}

/* Writes one file's bytes, counting and digesting them. */
static bool copy(unpacking *u, file_writer *to, archive_item *item) {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (;;) {
        const la_ssize_t got = archive_read_data(u->archive, u->piece, PIECE);
        if (got < 0) {
            return damaged(u);
        }
        if (got == 0) {
            break;
        }
        u->bytes += got;
        item->bytes += got;
        if (u->bytes > u->limit) {
            return refuse(u, "it unpacks to more than %d times its size, or to more than %lld MiB",
                          PACKAGE_MAX_RATIO, (long long)(PACKAGE_MAX_BYTES >> 20));
        }
        crypto_hash_sha256_update(&state, (unsigned char *)u->piece, (unsigned long long)got);
        if (!file_writer_append(to, u->piece, (size_t)got, u->err)) {
            return false;
        }
    }
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(item->sha256, sizeof item->sha256, digest, sizeof digest);
    return true;
}

static bool write_file(unpacking *u, archive_item *item) {
    arena a = {0};
    file_writer to;
    char *path = arena_print(&a, "%s/%s", u->into, item->path);
    char *slash = strrchr(path, '/');
    *slash = 0;
    bool ok = file_make_directories(path, u->err);
    *slash = '/';
    ok = ok && file_writer_open(&to, path, u->err);
    if (ok) {
        ok = copy(u, &to, item);
        if (ok) {
            ok = file_writer_commit(&to, u->err);
        } else {
            file_writer_abandon(&to);
        }
    }
    arena_free(&a);
    return ok;
}

static bool take_entry(unpacking *u, struct archive_entry *entry) {
    archive_contents *c = u->ret;
    const char *name = archive_entry_pathname(entry);
    name = name ? name : "";
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) ||
        archive_entry_symlink(entry)) {
        return refuse(u,
                      "\"%.200s\" is a link, a folder or a device, and only files may be in a "
                      "package",
                      name);
    }
    if (c->n_items == PACKAGE_MAX_FILES) {
        return refuse(u, "it holds more than %d files", PACKAGE_MAX_FILES);
    }
    archive_item *item = &c->items[c->n_items];
    item->path = path_below(u, name);
    if (!item->path || !write_file(u, item)) {
        return false;
    }
    c->n_items++;
    return true;
}

static bool take_all(unpacking *u) {
    struct archive_entry *entry;
    int status;
    while ((status = archive_read_next_header(u->archive, &entry)) == ARCHIVE_OK) {
        if (!take_entry(u, entry)) {
            return false;
        }
    }
    if (status != ARCHIVE_EOF) {
        return damaged(u);
    }
    return u->ret->n_items > 0 || refuse(u, "it holds no files");
}

bool archive_file_unpack(const char *path, const char *into, arena *a, archive_contents *ret,
                         kd_error *err) {
    struct stat status;
    archive_contents contents = {.items =
                                     arena_alloc(a, PACKAGE_MAX_FILES * sizeof *contents.items)};
    unpacking u = {.path = path, .into = into, .a = a, .ret = &contents, .err = err};
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        kd_fail(err, KD_E_IO, "%s: cannot open: %s", path,
                errno == ENOENT ? strerror(errno) : "not a file");
        return kd_hint(err, "give the path of a .kdpkg file");
    }
    u.limit = ((int64_t)1 << 20) + PACKAGE_MAX_RATIO * status.st_size;
    u.limit = u.limit < PACKAGE_MAX_BYTES ? u.limit : PACKAGE_MAX_BYTES;
    u.archive = archive_read_new();
    u.piece = kd_alloc(PIECE);
    archive_read_support_filter_zstd(u.archive);
    archive_read_support_format_tar(u.archive);
    const bool ok = archive_read_open_filename(u.archive, path, PIECE) == ARCHIVE_OK ? take_all(&u)
                                                                                     : damaged(&u);
    archive_read_free(u.archive);
    free(u.piece);
    if (ok) {
        *ret = contents;
    }
    return ok;
}
