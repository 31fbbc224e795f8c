/* SPDX-License-Identifier: Apache-2.0
 * What the tests of plugins share. */
#include "plugin_corpus.h"

#include "base/file.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

const char *corpus_file(arena *a, const char *name) {
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    cr_assert_gt(length, 0);
    program[length] = 0;
    *strrchr(program, '/') = 0;
    return arena_print(a, "%s/plugin_corpus/%s.so", program, name);
}

const char *scratch_create(arena *a) {
    char *folder = arena_text(a, "/tmp/kindred-plugin-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    unsetenv("KINDRED_PLUGIN_PATH");
    unsetenv("KINDRED_NO_PLUGINS");
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", folder, 1);
    return folder;
}

void scratch_remove(const char *folder) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_remove_tree(folder, &err), "%s", err.message);
}

void write_bytes(const char *path, const void *data, size_t bytes) {
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0, "%s", path);
}

const char *corpus_put(arena *a, const char *name, const char *folder) {
    kd_error err = KD_ERROR_INIT;
    char *data;
    size_t bytes;
    const char *copy = arena_print(a, "%s/%s.so", folder, name);
    cr_assert(file_make_directories(folder, &err), "%s", err.message);
    cr_assert(file_read(corpus_file(a, name), 0, &data, &bytes, &err), "%s", err.message);
    write_bytes(copy, data, bytes);
    free(data);
    return copy;
}

const plugin *find_listed(const registry *r, const char *id, int *ret_count) {
    const plugin *found = NULL;
    int count = 0;
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        if (p->note.id && strcmp(p->note.id, id) == 0) {
            found = count++ ? found : p;
        }
    }
    if (ret_count) {
        *ret_count = count;
    }
    return found;
}
