/* SPDX-License-Identifier: Apache-2.0
 * One request of a download, into a part that is open. */
#ifndef CORE_FETCH_TRANSFER_H
#define CORE_FETCH_TRANSFER_H

#include "fetch/download.h"

#include <curl/curl.h>

typedef struct transfer {
    const download *d;
    const char *part;
    int fd;             /* of the part, for appending */
    int64_t from, done; /* bytes of the part at the beginning, and now */
    /* Of the request, zero before it: */
    CURL *curl;
    int problem;      /* errno of a write that failed */
    bool refused;     /* the reply is no file: its body is not one either */
    char unlike[128]; /* what of the reply is not as of the file; "": nothing */
    bool elsewhere;   /* it is another part of the file than was asked for */
    bool stopped;
} transfer;

/* Appends what the server sends from byte `from` on; from becomes 0 where it begins anew.
 *
 * fails  as download_file does */
bool transfer_perform(transfer *t, kd_error *err);

#endif
