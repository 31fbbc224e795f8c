/* SPDX-License-Identifier: Apache-2.0
 * Downloads through libcurl; see download.h. */
#include "fetch/download.h"

#include "base/arena.h"
#include "base/file.h"
#include "fetch/md5.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define GO_ON_HINT "the same command goes on from where it is"

enum { MOST_OPENED = 100 };
static const long connect_seconds = 30, stalled_seconds = 60;

typedef struct transfer {
    const download *d;
    CURL *curl;
    const char *part;
    int fd;
    int64_t from, done; /* bytes of the part at the beginning, and now */
    int problem;        /* errno of a write that failed */
    bool refused;       /* the reply is no file: its body is not one either */
    bool elsewhere;     /* it is another part of the file than was asked for */
    bool stopped;
} transfer;

/* The number behind that of the reply's Content-Range ("bytes 100-199/200"); -1: none. */
static int64_t content_range(CURL *curl, const char *after) {
    struct curl_header *header;
    const bool there =
        curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
    const char *at = there ? strstr(header->value, after) : NULL;
    const char *digits = at ? at + strlen(after) : "";
    return *digits >= '0' && *digits <= '9' ? strtoll(digits, NULL, 10) : -1;
}

/* Looks at the reply before its first bytes are written. */
static void begin_body(transfer *t) {
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    t->elsewhere = code == 206 && content_range(t->curl, "bytes ") != t->from;
    t->refused = t->elsewhere || (code != 200 && code != 206);
    if (code == 200 && t->from > 0) { /* a server without ranges sends all of it again */
        t->problem = ftruncate(t->fd, 0) == 0 ? 0 : errno;
        t->from = t->done = 0;
    }
}

static size_t take(char *data, size_t one, size_t bytes, void *context) {
    transfer *t = context;
    (void)one;
    if (t->done == t->from) {
        begin_body(t);
    }
    for (size_t put = 0; !t->refused && !t->problem && put < bytes;) {
        const ssize_t n = write(t->fd, data + put, bytes - put);
        if (n > 0) {
            put += (size_t)n;
        } else if (errno != EINTR) {
            t->problem = errno;
        }
    }
    t->done += t->refused || t->problem ? 0 : (int64_t)bytes;
    return t->problem ? 0 : bytes;
}

static int show(void *context, curl_off_t total, curl_off_t now, curl_off_t up, curl_off_t sent) {
    transfer *t = context;
    (void)now;
    (void)up;
    (void)sent;
    if (t->d->progress && !t->refused &&
        !t->d->progress(t->d->context, t->done, total > 0 ? t->from + total : -1)) {
        t->stopped = true;
    }
    return t->stopped;
}

static bool fail_reply(const transfer *t, long code, kd_error *err) {
    kd_fail(err, KD_E_IO, "%s: the server answers %ld", t->d->url, code);
    return kd_hint(err, code == 404 ? "it is not there any more: look for another address and give "
                                      "it by --from"
                                    : "try again later, or give another address by --from");
}

static bool fail_write(const transfer *t, kd_error *err) {
    kd_fail(err, KD_E_IO, "%s: cannot write: %s", t->part, strerror(t->problem));
    return kd_hint(err, t->problem == ENOSPC
                            ? "the disk is full; free some space (df -h), then " GO_ON_HINT
                            : "check who may write there, and how much; then " GO_ON_HINT);
}

static bool fail_transfer(const transfer *t, CURLcode code, const char *why, kd_error *err) {
    if (t->stopped) {
        kd_fail(err, KD_E_CANCELLED, "stopped after %lld bytes, which are kept in %s",
                (long long)t->done, t->part);
        return kd_hint(err, GO_ON_HINT);
    }
    if (t->problem) {
        return fail_write(t, err);
    }
    kd_fail(err, KD_E_IO, "%s: %s", t->d->url, *why ? why : curl_easy_strerror(code));
    return t->done > 0
               ? kd_hint(err, "%lld bytes are kept in %s; " GO_ON_HINT, (long long)t->done, t->part)
               : kd_hint(err, "check the network, or give another address by --from");
}

static bool perform(transfer *t, kd_error *err) {
    char why[CURL_ERROR_SIZE] = "", range[32];
    snprintf(range, sizeof range, "%lld-", (long long)t->from);
    curl_easy_setopt(t->curl, CURLOPT_URL, t->d->url);
    curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(t->curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(t->curl, CURLOPT_USERAGENT, "kindred/" KINDRED_VERSION);
    curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    curl_easy_setopt(t->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(t->curl, CURLOPT_LOW_SPEED_TIME, stalled_seconds);
    curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, show);
    curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
    if (t->from > 0) { /* not RESUME_FROM: with that a server without ranges is curl's error */
        curl_easy_setopt(t->curl, CURLOPT_RANGE, range);
    }
    const CURLcode code = curl_easy_perform(t->curl);
    curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK) {
        return fail_transfer(t, code, why, err);
    }
    long reply = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &reply);
    if (t->elsewhere || (reply == 416 && content_range(t->curl, "/") != t->from)) {
        kd_fail(err, KD_E_IO, "%s: the server does not go on from byte %lld", t->d->url,
                (long long)t->from);
        return kd_hint(err, "remove %s and fetch it again", t->part);
    }
    /* 416: nothing is left to send */
    return reply == 200 || reply == 206 || reply == 416 || fail_reply(t, reply, err);
}

/* Opens the part and keeps other processes out of it. */
static bool lock_part(transfer *t, struct stat *ret, kd_error *err) {
    t->fd = open(t->part, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (t->fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
    }
    if (flock(t->fd, LOCK_EX | LOCK_NB) != 0) {
        kd_fail(err, KD_E_IO, "%s: another process is fetching it", t->part);
        return kd_hint(err, "wait for that one");
    }
    return fstat(t->fd, ret) == 0 || kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
}

/* Another process may have come to its end between open and flock: what was opened bears another
 * name by now, and must not be written to. */
static bool open_part(transfer *t, kd_error *err) {
    for (int i = 0; i < MOST_OPENED; i++) {
        struct stat opened, there;
        if (!lock_part(t, &opened, err)) {
            return false;
        }
        if (stat(t->part, &there) == 0 && there.st_dev == opened.st_dev &&
            there.st_ino == opened.st_ino) {
            t->from = t->done = opened.st_size;
            return true;
        }
        close(t->fd);
        t->fd = -1;
    }
    kd_fail(err, KD_E_IO, "%s: other processes go on replacing it", t->part);
    return kd_hint(err, "wait for them");
}

/* Whether the file is what it should be. Without a checksum: notes what it is. */
static bool check(const download *d, const char *file, downloaded *ret, bool *ret_right,
                  char md5[MD5_HEX], kd_error *err) {
    *ret_right = true;
    if (!d->md5) {
        return sha256_file(file, ret->sha256, err);
    }
    if (!md5_file(file, md5, err)) {
        return false;
    }
    *ret_right = strcmp(md5, d->md5) == 0;
    return true;
}

static const char *folder_of(const char *path, arena *a) {
    const char *slash = strrchr(path, '/');
    return slash ? arena_copy(a, path, (size_t)(slash - path) + 1) : ".";
}

static bool finish(const transfer *t, downloaded *ret, kd_error *err) {
    const download *d = t->d;
    char md5[MD5_HEX];
    bool right;
    if (fsync(t->fd) != 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", t->part, strerror(errno));
    }
    if (!check(d, t->part, ret, &right, md5, err)) {
        return false;
    }
    arena a = {0};
    const char *to = right ? d->path : arena_print(&a, "%s.wrong", d->path);
    bool good = rename(t->part, to) == 0;
    if (!good) {
        kd_fail(err, KD_E_IO, "%s: %s", to, strerror(errno));
    } else if (right) {
        good = directory_sync(folder_of(to, &a), err);
    } else {
        kd_fail(err, KD_E_DATA, "%s: its MD5 is %s, and should be %s", d->url, md5, d->md5);
        good = kd_hint(err,
                       "what came is kept as %s; fetch it again, or from another address by "
                       "--from",
                       to);
    }
    arena_free(&a);
    return good;
}

/* What is at PATH. */
static bool compare(const download *d, downloaded *ret, kd_error *err) {
    char md5[MD5_HEX];
    bool right;
    ret->was_there = true;
    if (!check(d, d->path, ret, &right, md5, err)) {
        return false;
    }
    if (!right) {
        kd_fail(err, KD_E_DATA, "%s: is there, but its MD5 is %s and should be %s", d->path, md5,
                d->md5);
        return kd_hint(err, "move it away to fetch it again");
    }
    return true;
}

static bool fetch(transfer *t, downloaded *ret, kd_error *err) {
    if (!open_part(t, err)) {
        return false;
    }
    if (file_exists(t->d->path)) { /* by a process that was at it until now */
        if (t->from == 0) {
            unlink(t->part);
        }
        return compare(t->d, ret, err);
    }
    t->curl = curl_easy_init();
    if (!t->curl) {
        return kd_fail(err, KD_E_INTERNAL, "libcurl cannot be started");
    }
    const bool good = perform(t, err);
    ret->resumed_from = t->from;
    return good && finish(t, ret, err);
}

bool download_file(const download *d, downloaded *ret, kd_error *err) {
    *ret = (downloaded){0};
    if (file_exists(d->path)) {
        return compare(d, ret, err);
    }
    arena a = {0};
    transfer t = {.d = d, .part = arena_print(&a, "%s.part", d->path), .fd = -1};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const bool good = fetch(&t, ret, err);
    curl_easy_cleanup(t.curl);
    curl_global_cleanup();
    if (t.fd >= 0) {
        close(t.fd);
    }
    arena_free(&a);
    return good;
}
