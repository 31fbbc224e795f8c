/* SPDX-License-Identifier: Apache-2.0
 * Installs a package: unpack beside, verify, rename. */
#include "package/install_internal.h"

#include "base/file.h"
#include "package/locks.h"
#include "package/places.h"
#include "plugin/search.h"
#include "plugin/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Waits for other installs into the folder; ends with the process, however that ends. */
static bool lock(const char *folder, int *ret, kd_error *err) {
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0) {
        kd_fail(err, KD_E_IO, "%s: cannot lock: %s", folder, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    *ret = fd;
    return true;
}

static bool move_up(const unpacked *u, const char *file, arena *a, kd_error *err) {
    const char *to = arena_print(a, "%s/%s", u->folder, strrchr(file, '/') + 1);
    return rename(arena_print(a, "%s/%s", u->folder, file), to) == 0 ||
           kd_fail(err, KD_E_IO, "%s: %s", to, strerror(errno));
}

static bool move_plugin_up(const unpacked *u, const package_plugin *p, arena *a, kd_error *err) {
    bool ok = move_up(u, p->file, a, err);
    for (int i = 0; i < p->n_companions && ok; i++) {
        ok = move_up(u, p->companions[i].file, a, err);
    }
    return ok;
}

/* Plugins of this machine and their companions move up beside the manifest, those of others go. */
static bool arrange(const unpacked *u, arena *a, kd_error *err) {
    const char *here = arena_print(a, "lib/%s/", search_triplet());
    for (int i = 0; i < u->package.n_plugins; i++) {
        const package_plugin *p = &u->package.plugins[i];
        if (strncmp(p->file, here, strlen(here)) == 0 && !move_plugin_up(u, p, a, err)) {
            return false;
        }
    }
    return file_remove_tree(arena_print(a, "%s/lib", u->folder), err);
}

static bool same_as(const package *p, const char *path, bool *ret, kd_error *err) {
    arena a = {0};
    package there;
    bool ok = package_open(path, &a, &there, err) || kd_while(err, "%s", path);
    if (ok && strcmp(there.sums_text, p->sums_text) != 0) {
        kd_fail(err, KD_E_INVALID, "%s is installed with other files than these", path);
        kd_hint(err,
                "a version names one set of files: its author should give the new ones a new "
                "version; or first: kindred plugin remove %s@%s",
                p->id, p->version);
        ok = false;
    }
    *ret = ok;
    arena_free(&a);
    return ok;
}

static bool fits_here(const char *file, const verification *v, kd_error *err) {
    if (!v->fits) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s: has no build for this machine (%s), only %s", file,
                search_triplet(), v->package.plugins[0].file);
        return kd_hint(err, "ask its author for a package with lib/%s", search_triplet());
    }
    return true;
}

static bool place(unpacked *u, const install_request *in, arena *a, installation *ret,
                  kd_error *err) {
    const package *p = &u->package;
    ret->path = arena_print(a, "%s/%s-%s", in->folder, p->id, p->version);
    if (file_exists(ret->path)) {
        return same_as(p, ret->path, &ret->was_there, err);
    }
    return arrange(u, a, err) && directory_commit(u->folder, ret->path, err);
}

static bool discard(const char *folder, const package *p, kd_error *err) {
    arena a = {0};
    const char *aside =
        arena_print(&a, "%s/.gone-%s-%s.tmp-%ld", folder, p->id, p->version, (long)getpid());
    bool ok = rename(p->folder, aside) == 0;
    ok = ok ? file_remove_tree(aside, err)
            : kd_fail(err, KD_E_IO, "%s: cannot remove: %s", p->folder, strerror(errno));
    arena_free(&a);
    return ok;
}

static bool look_at_others(const install_request *in, const package *p, arena *a, installation *ret,
                           kd_error *err) {
    const package *list;
    const int n = packages_in(in->folder, a, &list);
    ret->removed = arena_alloc(a, ((size_t)n + 1) * sizeof *ret->removed);
    ret->kept = arena_alloc(a, ((size_t)n + 1) * sizeof *ret->kept);
    for (int i = 0; i < n; i++) {
        const int order =
            strcmp(list[i].id, p->id) == 0 ? version_compare(list[i].version, p->version) : 0;
        const char *lock_file = order < 0 ? locks_naming(&list[i], a) : NULL;
        if (order > 0) {
            ret->newer = list[i].version;
        } else if (lock_file) {
            ret->kept[ret->n_kept++] =
                arena_print(a, "%s, which %s names", list[i].version, lock_file);
        } else if (order < 0 && in->prunes) {
            ret->removed[ret->n_removed++] = list[i].version;
            if (!discard(in->folder, &list[i], err)) {
                return false;
            }
        }
    }
    return true;
}

static bool install_locked(const install_request *in, const trust *t, int policy, arena *a,
                           installation *ret, kd_error *err) {
    char *beside = NULL;
    kd_error ignored = KD_ERROR_INIT;
    if (!file_sweep(in->folder, err) ||
        !directory_begin(arena_print(a, "%s/.incoming", in->folder), &beside, err)) {
        return false;
    }
    unpacked u = {.folder = beside, .check = in->check};
    const bool ok = unpacked_verify(&u, in->file, t, policy, a, &ret->what, err) &&
                    fits_here(in->file, &ret->what, err) && place(&u, in, a, ret, err) &&
                    look_at_others(in, &u.package, a, ret, err);
    file_remove_tree(beside, &ignored);
    free(beside);
    return ok;
}

bool package_install(const install_request *in, const trust *t, arena *a, installation *ret,
                     kd_error *err) {
    const int given = trust_policy_given(t, in->folder);
    const int policy = given >= 0 ? given : TRUST_REQUIRE;
    int fd = -1;
    *ret = (installation){.was_there = false};
    /* What is installed is for everyone to read and for its owner to write. */
    const mode_t before = umask(022);
    bool ok = file_make_directories(in->folder, err) &&
              (policy != TRUST_REQUIRE || places_private(in->folder, err)) &&
              lock(in->folder, &fd, err) && install_locked(in, t, policy, a, ret, err);
    umask(before);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static const package *find(const package *list, int n, const char *id, const char *version,
                           int *ret_count) {
    const package *found = NULL;
    *ret_count = 0;
    for (int i = 0; i < n; i++) {
        if (strcmp(list[i].id, id) == 0 && (!version || strcmp(list[i].version, version) == 0)) {
            found = &list[i];
            ++*ret_count;
        }
    }
    return found;
}

bool package_remove(const char *folder, const char *id, const char *version, arena *a,
                    const char **ret_path, kd_error *err) {
    const package *list;
    int count = 0, fd = -1;
    const int n = packages_in(folder, a, &list);
    const package *p = find(list, n, id, version, &count);
    if (count == 0) {
        kd_fail(err, KD_E_INVALID, "%s%s%s is not installed in %s", id, version ? " " : "",
                version ? version : "", folder);
        return kd_hint(err, "kindred plugin list --all shows what is where");
    }
    if (count > 1) {
        kd_fail(err, KD_E_INVALID, "%s is installed in %d versions in %s", id, count, folder);
        return kd_hint(err, "say which: kindred plugin remove %s@%s", id, p->version);
    }
    const char *lock_file = locks_naming(p, a);
    if (lock_file) {
        kd_fail(err, KD_E_INVALID, "%s %s is named by %s", id, p->version, lock_file);
        return kd_hint(err, "without it `kindred train --locked` cannot repeat that run; remove "
                            "the run's folder or its plugins.lock first");
    }
    *ret_path = p->folder;
    const bool ok = lock(folder, &fd, err) && discard(folder, p, err);
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}
