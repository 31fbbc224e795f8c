/* SPDX-License-Identifier: Apache-2.0
 * Lists of images with their classes, such as val_annotations.txt; see wnids.h. */
#include "wnids.h"

#include <stdlib.h>

/* The name without folder and extension; the caller frees it. */
static char *stem_of(const char *path, size_t length) {
    char *name = strndup(path, length);
    if (name) {
        char *slash = strrchr(name, '/'), *dot;
        if (slash) {
            memmove(name, slash + 1, strlen(slash));
        }
        if ((dot = strrchr(name, '.'))) {
            *dot = 0;
        }
    }
    return name;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const listed *)a)->name, ((const listed *)b)->name);
}

static bool read_line(image_list *l, const wnids *w, char separator, const char *line, int number,
                      const char *what, kd_error *err) {
    const char *id = strchr(line, separator);
    const size_t length = id ? strcspn(id + 1, " \t\r\n,") : 0;
    if (!id || id >= line + strcspn(line, "\r\n") || !length) {
        kd_fail(err, KD_E_DATA, "%s:%d: neither an image's name nor its class is there", what,
                number);
        return kd_hint(err, "the file is damaged or cut short: fetch it again");
    }
    const int32_t label = wnids_find(w, id + 1, length);
    if (label < 0) {
        kd_fail(err, KD_E_DATA, "%s:%d: '%.*s' is none of the %d classes", what, number,
                (int)length, id + 1, w->count);
        return kd_hint(err, "the files are not of one set, or this one is damaged");
    }
    char *name = stem_of(line, (size_t)(id - line));
    if (!name) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    l->item[l->count++] = (listed){name, label, number};
    return true;
}

bool image_list_read(image_list *l, const wnids *w, char separator, int header, const char *text,
                     const char *what, kd_error *err) {
    size_t lines = 1;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        lines++;
    }
    l->item = calloc(lines, sizeof *l->item);
    if (!l->item) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    int number = 1;
    for (const char *line = text; *line; number++) {
        const char *end = strchr(line, '\n');
        if (number > header && strcspn(line, "\r\n") > 0 &&
            !read_line(l, w, separator, line, number, what, err)) {
            return false;
        }
        line = end ? end + 1 : line + strlen(line);
    }
    if (l->count) {
        qsort(l->item, (size_t)l->count, sizeof *l->item, by_name);
    }
    for (int64_t i = 1; i < l->count; i++) {
        if (strcmp(l->item[i - 1].name, l->item[i].name) == 0) {
            return kd_fail(err, KD_E_DATA, "%s:%d: '%s' has a line already", what, l->item[i].line,
                           l->item[i].name);
        }
    }
    return true;
}

bool image_list_ids(wnids *w, char separator, int header, const char *text, kd_error *err) {
    int number = 1;
    for (const char *line = text; *line; number++) {
        const char *end = line + strcspn(line, "\n"), *id = memchr(line, separator, end - line);
        const size_t length = id ? strcspn(id + 1, " \t\r\n,") : 0;
        if (number > header && length && !wnids_add(w, id + 1, length, err)) {
            return false;
        }
        line = *end ? end + 1 : end;
    }
    return true;
}

int32_t image_list_find(const image_list *l, const char *path) {
    listed key = {.name = stem_of(path, strlen(path))};
    const listed *found = key.name && l->count
                              ? bsearch(&key, l->item, (size_t)l->count, sizeof *l->item, by_name)
                              : NULL;
    free(key.name);
    return found ? found->label : -1;
}

void image_list_free(image_list *l) {
    for (int64_t i = 0; i < l->count; i++) {
        free(l->item[i].name);
    }
    free(l->item);
    *l = (image_list){0};
}
