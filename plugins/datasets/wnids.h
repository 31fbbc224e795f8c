/* SPDX-License-Identifier: Apache-2.0
 * Classes known by WordNet ids ("n01443537"), numbered in the byte order of the ids as image_folder
 * numbers folders, and lists that say which image is of which. */
#ifndef PLUGINS_DATASETS_WNIDS_H
#define PLUGINS_DATASETS_WNIDS_H

#include <kindred/dataset.h>

typedef struct wnids {
    char **id;   /* sorted once wnids_sort has been called */
    char **name; /* [count] what words call it, NULL: nothing; NULL: nothing of any */
    int32_t count, room;
} wnids;

/* fails when there is no memory */
bool wnids_add(wnids *w, const char *id, size_t length, kd_error *err);
/* Sorts, and drops what is there twice. */
void wnids_sort(wnids *w);
/* The class of an id, once sorted; -1: unknown. */
int32_t wnids_find(const wnids *w, const char *id, size_t length);
/* An id a line; what follows it in the line is passed over. */
bool wnids_read(wnids *w, const char *text, kd_error *err);
/* Takes names from lines such as "n01443537<tab or space>goldfish, Carassius auratus". */
bool wnids_read_names(wnids *w, const char *text, kd_error *err);
void wnids_free(wnids *w);

/* The entry's bytes as text of its own, which the caller frees. */
char *read_text(const kd_files_api *files, kd_files *in, int64_t entry, kd_error *err);
/* The entry of that name in whatever folder, the topmost; -1: none. */
int64_t find_name(const kd_files_api *files, const kd_files *in, const char *name);
/* What follows the last '/'. */
const char *base_name(const char *path);
/* Whether the name ends as JPEG files do. */
bool is_jpeg(const char *path);

/* One image of a list: its name without folder and extension, and its class. */
typedef struct listed {
    char *name;
    int32_t label, line;
} listed;
typedef struct image_list {
    listed *item; /* sorted by name */
    int64_t count;
} image_list;

/* Reads lines of "NAME.EXT<separator>WNID..." whose first `header` ones say nothing; `what` begins
 * messages. fails on an id that is not of `w` (names the line), on a name that comes twice */
bool image_list_read(image_list *l, const wnids *w, char separator, int header, const char *text,
                     const char *what, kd_error *err);
/* Adds the ids of such lines to `w`, which is to be sorted then. */
bool image_list_ids(wnids *w, char separator, int header, const char *text, kd_error *err);
/* The label of an image by its path; -1: it is not listed. */
int32_t image_list_find(const image_list *l, const char *path);
void image_list_free(image_list *l);

#endif
