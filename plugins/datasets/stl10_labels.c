/* SPDX-License-Identifier: Apache-2.0
 * STL-10's labels, names of classes and folds. */
#include "stl10.h"

int64_t find_file(const kd_set *set, const char *name) {
    for (int64_t i = 0; i < set->files->count(set->in); i++) {
        const char *path = set->files->path(set->in, i), *slash = strrchr(path, '/');
        if (strcmp(slash ? slash + 1 : path, name) == 0) {
            return i;
        }
    }
    return -1;
}

static bool fail_labels(const char *path, const char *name, size_t labels, int64_t images,
                        kd_error *err) {
    kd_fail(err, KD_E_DATA, "%s: %s: %zu labels for %lld images", path, name, labels,
            (long long)images);
    return kd_hint(err, "one of the two files is cut short, or not of this set: fetch it again");
}

bool read_labels(kd_set *set, const char *path, const char *name, part *ret, kd_error *err) {
    const int64_t entry = find_file(set, name);
    void *data;
    size_t bytes;
    if (entry < 0) {
        kd_fail(err, KD_E_INVALID, "%s: %s is missing", path, name);
        return kd_hint(err, "unpack or fetch the archive again");
    }
    if (!set->files->read(set->in, entry, &data, &bytes, err)) {
        return false;
    }
    ret->label = data;
    if ((int64_t)bytes != ret->count) {
        return fail_labels(path, name, bytes, ret->count, err);
    }
    for (size_t i = 0; i < bytes; i++) {
        if (ret->label[i] < 1 || ret->label[i] > CLASSES) {
            kd_fail(err, KD_E_DATA, "%s: %s: label %d of image #%zu is not 1 to 10", path, name,
                    ret->label[i], i);
            return kd_hint(err, "the file is damaged: fetch it again");
        }
    }
    return true;
}

/* The entry as text of its own. */
static char *read_text(kd_set *set, int64_t entry, kd_error *err) {
    void *data;
    size_t bytes;
    if (!set->files->read(set->in, entry, &data, &bytes, err)) {
        return NULL;
    }
    char *text = calloc(1, bytes + 1);
    if (text) {
        memcpy(text, data, bytes);
    } else {
        kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    set->files->release(data);
    return text;
}

bool read_names(kd_set *set, kd_error *err) {
    const int64_t entry = find_file(set, "class_names.txt");
    if (entry < 0) {
        return true;
    }
    if (!(set->names = read_text(set, entry, err))) {
        return false;
    }
    int n = 0;
    char *rest = NULL;
    for (char *line = strtok_r(set->names, "\r\n", &rest); line && n < CLASSES;
         line = strtok_r(NULL, "\r\n", &rest)) {
        set->name[n++] = line;
    }
    return true;
}

/* The line of the fold, an empty one too; NULL: there are fewer. */
static char *line_of(char *text, int fold) {
    char *rest = text, *line = NULL;
    for (int i = 0; i < fold; i++) {
        if (!rest || !*rest) {
            return NULL;
        }
        line = strsep(&rest, "\n");
    }
    return line;
}

static bool parse_fold(kd_set *set, const struct stl10 *c, char *line, kd_error *err) {
    const int64_t images = set->part[0].count;
    set->fold = calloc(strlen(line) / 2 + 1, sizeof *set->fold);
    if (!set->fold) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    set->count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        char *end;
        const long index = strtol(word, &end, 10);
        if (*end || index < 0 || index >= images) {
            kd_fail(err, KD_E_DATA, "%s: fold_indices.txt:%d: '%s' is no index of the %lld images",
                    c->path, c->fold, word, (long long)images);
            return kd_hint(err, "the files are damaged, or not of one set: fetch them again");
        }
        set->fold[set->count++] = (int32_t)index;
    }
    if (set->count == 0) {
        kd_fail(err, KD_E_DATA, "%s: fold_indices.txt:%d: has no index", c->path, c->fold);
        return kd_hint(err, "the file is damaged: fetch it again, or leave data.fold out");
    }
    return true;
}

bool read_fold(kd_set *set, const struct stl10 *c, kd_error *err) {
    const int64_t entry = find_file(set, "fold_indices.txt");
    if (entry < 0) {
        kd_fail(err, KD_E_INVALID, "%s: fold_indices.txt is missing", c->path);
        return kd_hint(err, "unpack or fetch the archive again, or leave data.fold out");
    }
    char *text = read_text(set, entry, err), *line = text ? line_of(text, c->fold) : NULL;
    bool good = line != NULL;
    if (text && !line) {
        kd_fail(err, KD_E_DATA, "%s: fold_indices.txt: has no line %d", c->path, c->fold);
        kd_hint(err, "the file is cut short: fetch it again");
    }
    good = good && parse_fold(set, c, line, err);
    free(text);
    return good;
}
