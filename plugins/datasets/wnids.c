/* SPDX-License-Identifier: Apache-2.0
 * Classes by WordNet ids: sorted, found, named; see wnids.h. */
#include "wnids.h"

#include <stdlib.h>
#include <strings.h>

bool wnids_add(wnids *w, const char *id, size_t length, kd_error *err) {
    if (w->count == w->room) {
        const int32_t room = w->room ? 2 * w->room : 256;
        char **grown = realloc(w->id, (size_t)room * sizeof *grown);
        if (!grown) {
            return kd_fail(err, KD_E_MEMORY, "out of memory");
        }
        w->id = grown;
        w->room = room;
    }
    w->id[w->count] = strndup(id, length);
    return w->id[w->count++] || kd_fail(err, KD_E_MEMORY, "out of memory");
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void wnids_sort(wnids *w) {
    int32_t kept = 0;
    if (w->count) {
        qsort(w->id, (size_t)w->count, sizeof *w->id, by_text);
    }
    for (int32_t i = 0; i < w->count; i++) {
        if (kept && strcmp(w->id[kept - 1], w->id[i]) == 0) {
            free(w->id[i]);
        } else {
            w->id[kept++] = w->id[i];
        }
    }
    w->count = kept;
}

int32_t wnids_find(const wnids *w, const char *id, size_t length) {
    int32_t low = 0, high = w->count;
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const int d = strncmp(w->id[middle], id, length);
        if (d < 0) {
            low = middle + 1;
        } else if (d > 0 || w->id[middle][length]) {
            high = middle;
        } else {
            return middle;
        }
    }
    return -1;
}

/* The length of a line; *text moves on to the next. */
static size_t next_line(const char **text) {
    const size_t length = strcspn(*text, "\r\n");
    *text += length + strspn(*text + length, "\r\n");
    return length;
}

bool wnids_read(wnids *w, const char *text, kd_error *err) {
    for (const char *line = text; *text; line = text) {
        next_line(&text);
        const size_t length = strcspn(line, " \t\r\n,");
        if (length && *line != '#' && !wnids_add(w, line, length, err)) {
            return false;
        }
    }
    return true;
}

bool wnids_read_names(wnids *w, const char *text, kd_error *err) {
    w->name = calloc((size_t)w->count + 1, sizeof *w->name);
    if (!w->name) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    for (const char *line = text; *text; line = text) {
        const size_t bytes = next_line(&text), id = strcspn(line, " \t\r\n");
        const int32_t i = id < bytes ? wnids_find(w, line, id) : -1;
        if (i >= 0 && !w->name[i] && !(w->name[i] = strndup(line + id + 1, bytes - id - 1))) {
            return kd_fail(err, KD_E_MEMORY, "out of memory");
        }
    }
    return true;
}

void wnids_free(wnids *w) {
    for (int32_t i = 0; i < w->count; i++) {
        free(w->id[i]);
        if (w->name) {
            free(w->name[i]);
        }
    }
    free(w->id);
    free(w->name);
    *w = (wnids){0};
}

char *read_text(const kd_files_api *files, kd_files *in, int64_t entry, kd_error *err) {
    void *data;
    size_t bytes;
    if (!files->read(in, entry, &data, &bytes, err)) {
        return NULL;
    }
    char *text = calloc(1, bytes + 1);
    if (text) {
        memcpy(text, data, bytes);
    } else {
        kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    files->release(data);
    return text;
}

const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int64_t find_name(const kd_files_api *files, const kd_files *in, const char *name) {
    int64_t found = -1;
    for (int64_t i = 0; i < files->count(in); i++) {
        const char *path = files->path(in, i);
        if (strcmp(base_name(path), name) == 0 &&
            (found < 0 || strlen(path) < strlen(files->path(in, found)))) {
            found = i;
        }
    }
    return found;
}

bool is_jpeg(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".jpg") == 0);
}
