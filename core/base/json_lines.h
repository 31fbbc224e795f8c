/* SPDX-License-Identifier: Apache-2.0
 * Files of one JSON object a line, as metrics.jsonl and results.jsonl are. What counts are whole
 * lines that are objects; what else there is, as a last line that is half-written or one that is
 * damaged, is passed over. */
#ifndef CORE_BASE_JSON_LINES_H
#define CORE_BASE_JSON_LINES_H

#include <jansson.h>
#include <kindred/error.h>
#include <sys/types.h>

/* Calls `each` with every line, without its end, and its object, which is borrowed; false stops.
 * text is written to. */
void json_lines_walk(char *text, bool (*each)(void *context, const char *line, json_t *object),
                     void *context);

/* All objects in their order, as an array, which the caller decrefs: empty where there is no file.
 * NULL on failure. */
json_t *json_lines_read(const char *path, kd_error *err);

/* How far a file has been read that others append to. Begins as zeros. */
typedef struct json_place {
    dev_t device;
    ino_t inode;
    off_t bytes;
} json_place;

/* The same of the lines that have come since the last call; an empty array where none have, or
 * where the file cannot be read. *ret_anew: what was read until now is no longer there, for the
 * file has been replaced or cut, and these are all of its lines. */
json_t *json_lines_more(json_place *from, const char *path, bool *ret_anew);

#endif
