/* SPDX-License-Identifier: Apache-2.0
 * Lists of pairs that were turned down. */
#include "data/pairs_reject.h"

#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *left, const void *right) {
    return strcmp(((const rejected_id *)left)->id, ((const rejected_id *)right)->id);
}

/* The text of a line without remark and blanks. */
static char *id_of(arena *memory, const char *line, size_t length) {
    const char *remark = memchr(line, '#', length);
    length = remark ? (size_t)(remark - line) : length;
    while (length > 0 && strchr(" \t\r", line[length - 1])) {
        length--;
    }
    while (length > 0 && strchr(" \t", *line)) {
        line++;
        length--;
    }
    return arena_copy(memory, line, length);
}

bool reject_read(const char *path, reject_list *ret, kd_error *err) {
    *ret = (reject_list){.path = path};
    if (!path || !*path) {
        return true;
    }
    char *text;
    size_t bytes;
    if (!file_read(path, (size_t)1 << 30, &text, &bytes, err)) {
        return false;
    }
    const char *at = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    int64_t room = 0;
    for (int64_t line = 1; *at; line++) {
        const size_t length = strcspn(at, "\n");
        const char *id = id_of(&ret->memory, at, length);
        if (*id) {
            if (ret->count == room) {
                room = room ? 2 * room : 64;
                ret->list = kd_grow(ret->list, (size_t)room * sizeof *ret->list);
            }
            ret->list[ret->count++] = (rejected_id){id, line, false};
        }
        at += length + (at[length] == '\n');
    }
    free(text);
    if (ret->count) {
        qsort(ret->list, (size_t)ret->count, sizeof *ret->list, by_id);
    }
    return true;
}

void reject_free(reject_list *list) {
    free(list->list);
    arena_free(&list->memory);
    *list = (reject_list){0};
}

bool reject_has(reject_list *list, const char *id) {
    const rejected_id key = {.id = id};
    rejected_id *found =
        list->count ? bsearch(&key, list->list, (size_t)list->count, sizeof key, by_id) : NULL;
    if (!found) {
        return false;
    }
    /* An id may stand there twice: all of them are known. */
    while (found > list->list && strcmp(found[-1].id, id) == 0) {
        found--;
    }
    for (; found < list->list + list->count && strcmp(found->id, id) == 0; found++) {
        found->used = true;
    }
    return true;
}

bool reject_check(const reject_list *list, const char *what, kd_error *err) {
    const rejected_id *first = NULL;
    for (int64_t i = 0; i < list->count; i++) {
        if (!list->list[i].used && (!first || list->list[i].line < first->line)) {
            first = &list->list[i];
        }
    }
    if (!first) {
        return true;
    }
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": no pair '%s' in %s", list->path, first->line,
            first->id, what);
    return kd_hint(err, "the list belongs to another set of pairs, or an id is misspelt; `kindred "
                        "pairs show` shows each pair's");
}
