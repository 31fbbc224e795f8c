/* SPDX-License-Identifier: Apache-2.0
 * Public sets of images: where they are published, under what terms, and what they must hash to. */
#ifndef CORE_FETCH_PUBLIC_SETS_H
#define CORE_FETCH_PUBLIC_SETS_H

#include <stdint.h>

#define PUBLIC_MAX_FILES 4
#define PUBLIC_MAX_OPTIONS 3

typedef struct public_file {
    const char *name;
    const char *folder; /* of its address, ending in '/' */
    const char *md5;    /* NULL: nobody publishes a checksum */
    int64_t bytes;      /* where there is none, as its server states them; else 0 */
} public_file;

typedef struct public_option {
    const char *key, *value;
} public_option;

typedef struct public_set {
    const char *id;    /* as in `kindred data fetch ID` */
    const char *title; /* a line: what it is */
    const char *size;  /* of the download, about */
    const char *terms; /* of use */
    const char *page;  /* where it is described */
    const char *whose; /* who publishes the checksums; NULL: nobody */
    /* To use it: `data: {plugin: ..., path: ..., ...}`. */
    const char *plugin;
    const char *path; /* below the folder it was fetched into; NULL: that folder */
    public_option options[PUBLIC_MAX_OPTIONS + 1]; /* ends in a key of NULL */
    public_file files[PUBLIC_MAX_FILES + 1];       /* ends in a name of NULL */
} public_set;

/* Ends in an id of NULL. */
extern const public_set public_sets[];

const public_set *public_set_find(const char *id);

#endif
