/* SPDX-License-Identifier: Apache-2.0
 * Sums, lengths and first bytes; see integrity.h. */
#include "fetch/integrity.h"

#include "fetch/md5.h"

#include <errno.h>
#include <sys/stat.h>

/* source  the formats: APPNOTE.TXT 4.3.7, RFC 1952 2.3.1, POSIX pax "ustar Interchange Format" */
static const struct {
    const char *ending, *name, *bytes;
    long at;
} archives[] = {
    {".zip", "a ZIP archive", "PK\3\4", 0},
    {".gz", "a gzip file", "\x1f\x8b", 0},
    {".tgz", "a gzip file", "\x1f\x8b", 0},
    {".tar", "a tar archive", "ustar", 257},
};
enum { ARCHIVES = sizeof archives / sizeof *archives };

/* Of the file's name; -1: nothing is known of such files. */
static int find_archive(const char *path) {
    const size_t length = strlen(path);
    for (int i = 0; i < ARCHIVES; i++) {
        const size_t n = strlen(archives[i].ending);
        if (length > n && strcmp(path + length - n, archives[i].ending) == 0) {
            return i;
        }
    }
    return -1;
}

/* short_is_right: what ends before those bytes is taken for right. */
static bool check_beginning(const download *d, const char *file, bool short_is_right,
                            integrity *ret, kd_error *err) {
    const int kind = find_archive(d->path);
    char is[8] = "";
    if (kind < 0) {
        return true;
    }
    FILE *from = fopen(file, "rbe");
    if (!from) {
        return kd_fail(err, KD_E_IO, "%s: %s", file, strerror(errno));
    }
    const size_t wanted = strlen(archives[kind].bytes);
    const size_t got =
        fseek(from, archives[kind].at, SEEK_SET) == 0 ? fread(is, 1, wanted, from) : 0;
    const bool failed = ferror(from);
    fclose(from);
    if (failed) {
        return kd_fail(err, KD_E_IO, "%s: cannot be read", file);
    }
    ret->right = got < wanted ? short_is_right : memcmp(is, archives[kind].bytes, wanted) == 0;
    if (!ret->right) {
        snprintf(ret->why, sizeof ret->why, "it does not begin as %s", archives[kind].name);
    }
    return true;
}

static bool check_length(const download *d, const char *file, bool short_is_right, integrity *ret,
                         kd_error *err) {
    struct stat info;
    if (stat(file, &info) != 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", file, strerror(errno));
    }
    const int64_t bytes = info.st_size;
    ret->right = !d->bytes || (short_is_right ? bytes <= d->bytes : bytes == d->bytes);
    if (!ret->right) {
        snprintf(ret->why, sizeof ret->why, "it has %lld bytes and should have %lld",
                 (long long)bytes, (long long)d->bytes);
    }
    return true;
}

static bool check_md5(const download *d, const char *file, integrity *ret, kd_error *err) {
    char md5[MD5_HEX];
    if (!md5_file(file, md5, err)) {
        return false;
    }
    ret->right = strcmp(md5, d->md5) == 0;
    snprintf(ret->why, sizeof ret->why, "its MD5 is %s and should be %s", md5, d->md5);
    return true;
}

bool integrity_check(const download *d, const char *file, integrity *ret, kd_error *err) {
    *ret = (integrity){.right = true};
    if (d->md5) {
        return check_md5(d, file, ret, err);
    }
    return check_length(d, file, false, ret, err) &&
           (!ret->right || check_beginning(d, file, false, ret, err)) &&
           (!ret->right || sha256_file(file, ret->sha256, err));
}

bool integrity_check_part(const download *d, const char *part, integrity *ret, kd_error *err) {
    *ret = (integrity){.right = true};
    return d->md5 || (check_length(d, part, true, ret, err) &&
                      (!ret->right || check_beginning(d, part, true, ret, err)));
}
