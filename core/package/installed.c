/* SPDX-License-Identifier: Apache-2.0
 * Lists the packages that are installed in a folder. */
#include "package/install.h"

#include "plugin/text.h"

#include <dirent.h>
#include <stdlib.h>

static int by_age(const void *left, const void *right) {
    const package *a = left, *b = right;
    const int order = strcmp(a->id, b->id);
    return order ? order : version_compare(a->version, b->version);
}

int packages_in(const char *folder, arena *a, const package **ret) {
    struct dirent **entries;
    const int n = scandir(folder, &entries, NULL, alphasort);
    package *list = arena_alloc(a, (size_t)(n > 0 ? n : 1) * sizeof *list);
    int count = 0;
    for (int i = 0; i < n; i++) {
        kd_error ignored = KD_ERROR_INIT;
        const char *path = arena_print(a, "%s/%s", folder, entries[i]->d_name);
        count += entries[i]->d_name[0] != '.' && package_is(path) &&
                 package_open(path, a, &list[count], &ignored);
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    qsort(list, (size_t)count, sizeof *list, by_age);
    *ret = list;
    return count;
}
