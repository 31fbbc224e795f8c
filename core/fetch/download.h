/* SPDX-License-Identifier: Apache-2.0
 * One file over HTTP(S): into PATH.part, gone on with where it was left, renamed to PATH once it is
 * whole and its checksum right. */
#ifndef CORE_FETCH_DOWNLOAD_H
#define CORE_FETCH_DOWNLOAD_H

#include "base/sha256.h"

/* Called now and then. total: bytes in all, -1 while unknown. false stops. */
typedef bool (*download_progress)(void *context, int64_t done, int64_t total);

typedef struct download {
    const char *url, *path;
    const char *md5;            /* 32 digits; NULL: nobody states it, and the next is looked at */
    int64_t bytes;              /* of the whole file; 0: nobody states them either */
    download_progress progress; /* may be NULL */
    void *context;
} download;

typedef struct downloaded {
    bool was_there;          /* nothing had to be fetched */
    int64_t resumed_from;    /* bytes that PATH.part had; 0: none, or the server began anew */
    char sha256[SHA256_HEX]; /* of what came, where there was no MD5; else "" */
} downloaded;

/* What is at PATH already is compared and left.
 *
 * fails  with KD_E_CANCELLED when progress says so, with PATH.part kept; when the server says no,
 *        when the connection breaks (PATH.part kept), the disk is full (kept), or another process
 *        fetches the same; before anything is written, when the reply is a page of HTML or of a
 *        wrong length; when PATH.part cannot be its beginning (kept); on a wrong checksum, length
 *        or first bytes, with what came kept aside as PATH.wrong */
bool download_file(const download *d, downloaded *ret, kd_error *err);

#endif
