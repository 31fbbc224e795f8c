/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin outdated`: which installed packages are not the newest. */
#include "cli/cli_plugin_package.h"

#include "package/install.h"
#include "package/locks.h"
#include "plugin/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

/* What packages a folder offers, whose names are ID-VERSION.kdpkg. */
typedef struct offer {
    const char *file, *stem;
} offer;

static int offers_in(const char *folder, arena *a, const offer **ret, kd_error *err) {
    struct dirent **entries;
    const char *suffix = ".kdpkg";
    const int n = scandir(folder, &entries, NULL, alphasort);
    int count = 0;
    if (n < 0) {
        kd_fail(err, KD_E_IO, "%s: %s", folder, strerror(errno));
        kd_hint(err, "give the folder in which .kdpkg files are published");
        return -1;
    }
    offer *list = arena_alloc(a, ((size_t)n + 1) * sizeof *list);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        const size_t length = strlen(name), end = strlen(suffix);
        if (length > end && strcmp(name + length - end, suffix) == 0) {
            list[count].file = arena_print(a, "%s/%s", folder, name);
            list[count++].stem = arena_copy(a, name, length - end);
        }
        free(entries[i]);
    }
    free(entries);
    *ret = list;
    return count;
}

/* The version that a name offers of an id; NULL: of another one. */
static const char *offered_version(const offer *o, const char *id) {
    const size_t length = strlen(id);
    return strncmp(o->stem, id, length) == 0 && o->stem[length] == '-' &&
                   version_parses(o->stem + length + 1)
               ? o->stem + length + 1
               : NULL;
}

static const offer *newest_offer(const offer *offers, int n, const package *p) {
    const offer *best = NULL;
    const char *newest = p->version;
    for (int i = 0; i < n; i++) {
        const char *version = offered_version(&offers[i], p->id);
        if (version && version_compare(version, newest) > 0) {
            best = &offers[i];
            newest = version;
        }
    }
    return best;
}

/* One line about an installed package that is not the newest; false: it is. */
static bool print_outdated(const package *list, int n, int i, const offer *offers, int n_offers,
                           arena *a) {
    const package *p = &list[i];
    const bool superseded = i + 1 < n && strcmp(list[i + 1].id, p->id) == 0;
    const offer *newer = superseded ? NULL : newest_offer(offers, n_offers, p);
    if (superseded) {
        const char *lock = locks_naming(p, a);
        printf("%s %s: %s is installed; %s%s%s\n", p->id, p->version, list[i + 1].version,
               lock ? "kept for " : "kindred plugin remove ", lock ? lock : p->id,
               lock ? "" : arena_print(a, "@%s", p->version));
    } else if (newer) {
        printf("%s %s: %s is there; kindred plugin install %s\n", p->id, p->version,
               offered_version(newer, p->id), newer->file);
    }
    return superseded || newer;
}

bool command_plugin_outdated(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    const char *folder;
    const offer *offers = NULL;
    int n_offers = 0, count = 0;
    (void)ret_status;
    const bool ok = package_folder(in, "outdated", &a, &folder, err) &&
                    (!in->from || (n_offers = offers_in(in->from, &a, &offers, err)) >= 0);
    if (ok) {
        const package *list;
        const int n = packages_in(folder, &a, &list);
        for (int i = 0; i < n; i++) {
            count += print_outdated(list, n, i, offers, n_offers, &a);
        }
        if (count == 0) {
            printf("none of %d in %s is outdated\n", n, folder);
        }
    }
    arena_free(&a);
    return ok;
}
