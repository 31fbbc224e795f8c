/* SPDX-License-Identifier: Apache-2.0
 * Downloads through libcurl: what is asked for, what comes, and what to say of it. */
#include "fetch/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define GO_ON_HINT "the same command goes on from where it is"

static const long connect_seconds = 30, stalled_seconds = 60;

/* The number behind that of the reply's Content-Range ("bytes 100-199/200"); -1: none. */
static int64_t content_range(CURL *curl, const char *after) {
    struct curl_header *header;
    const bool there =
        curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
    const char *at = there ? strstr(header->value, after) : NULL;
    const char *digits = at ? at + strlen(after) : "";
    return *digits >= '0' && *digits <= '9' ? strtoll(digits, NULL, 10) : -1;
}

/* A page to log in, or of a host that has moved, is no file; nor is what has another length. A file
 * that is shorter than its part would take the part's place. */
static void compare_reply(transfer *t, long code) {
    struct curl_header *type; /* of the last reply: CONTENT_TYPE may be that of a redirection */
    curl_off_t length = -1;
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    const int64_t total = code == 206 ? content_range(t->curl, "/") : length;
    if (curl_easy_header(t->curl, "Content-Type", 0, CURLH_HEADER, -1, &type) == CURLHE_OK &&
        strncasecmp(type->value, "text/html", strlen("text/html")) == 0) {
        snprintf(t->unlike, sizeof t->unlike, "the server sends a page of HTML, and not the file");
    } else if (total >= 0 && t->d->bytes && total != t->d->bytes) {
        snprintf(t->unlike, sizeof t->unlike, "the server's file has %lld bytes, and not %lld",
                 (long long)total, (long long)t->d->bytes);
    } else if (code == 200 && total >= 0 && total < t->from) {
        snprintf(t->unlike, sizeof t->unlike, "the server's file has %lld bytes, and %lld are here",
                 (long long)total, (long long)t->from);
    }
}

/* Looks at the reply before its first bytes are written. */
static void begin_body(transfer *t) {
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    t->elsewhere = code == 206 && content_range(t->curl, "bytes ") != t->from;
    const bool good = code == 200 || code == 206;
    if (good) {
        compare_reply(t, code);
    }
    t->refused = !good || t->elsewhere || *t->unlike;
    if (code == 200 && t->from > 0 && !t->refused) { /* a server without ranges sends it all */
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
    return t->problem || *t->unlike ? 0 : bytes; /* 0: curl breaks off */
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

static bool fail_unlike(const transfer *t, kd_error *err) {
    kd_fail(err, KD_E_DATA, "%s: %s", t->d->url, t->unlike);
    return kd_hint(err,
                   "nothing was written; look at that address in a browser, or give another by "
                   "--from");
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
    if (*t->unlike) {
        return fail_unlike(t, err);
    }
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

bool transfer_perform(transfer *t, kd_error *err) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    t->curl = curl_easy_init();
    const bool good =
        t->curl ? perform(t, err) : kd_fail(err, KD_E_INTERNAL, "libcurl cannot be started");
    curl_easy_cleanup(t->curl);
    curl_global_cleanup();
    return good;
}
