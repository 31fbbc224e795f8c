/* SPDX-License-Identifier: Apache-2.0
 * A web server on 127.0.0.1 for the tests of downloads: it serves one file at every path, from a
 * thread, as well or as badly as it is told to. */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct http_server {
    const char *data; /* what it serves */
    size_t bytes;
    /* How; may be changed between requests. */
    int status;       /* 0: what fits; else this reply with a page of HTML */
    bool no_ranges;   /* ranges are passed over */
    bool wrong_range; /* ranges begin a byte late */
    bool redirects;   /* /a is answered with /moved/a */
    size_t cut_after; /* > 0: closes after so many bytes of the body */
    bool stalls;      /* then waits until the client goes instead */
    /* What was asked last. */
    char path[256];
    long long range; /* where it was to begin; -1: no range */
    int requests;

    char url[64]; /* "http://127.0.0.1:PORT/" */
    int listener;
    pthread_t thread;
} http_server;

void http_start(http_server *s);
void http_stop(http_server *s);

#endif
