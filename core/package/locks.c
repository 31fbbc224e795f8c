/* SPDX-License-Identifier: Apache-2.0
 * Remembers the locks of runs. */
#include "package/locks.h"

#include "base/file.h"
#include "package/places.h"

#include <dirent.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_TEXT ((size_t)1 << 20)

static const char *folder_of(arena *a) {
    const char *state = places_user_state(a);
    return state ? arena_print(a, "%s/locks", state) : NULL;
}

static json_t *load(const char *lock) {
    return json_load_file(lock, 0, NULL);
}

static const char *text_of(const json_t *root, size_t i, const char *key) {
    const json_t *entry = json_array_get(json_object_get(root, "plugins"), i);
    const char *text = json_string_value(json_object_get(entry, key));
    return text ? text : "";
}

static size_t count_of(const json_t *root) {
    return json_array_size(json_object_get(root, "plugins"));
}

static bool uses_packages(const char *lock, arena *a) {
    json_t *root = load(lock);
    bool any = false;
    for (size_t i = 0; i < count_of(root) && !any; i++) {
        any = package_is(dirname(arena_text(a, text_of(root, i, "path"))));
    }
    json_decref(root);
    return any;
}

bool locks_remember(const char *lock, kd_error *err) {
    arena a = {0};
    char real[PATH_MAX], digest[SHA256_HEX];
    const char *folder = folder_of(&a);
    bool ok = true;
    if (folder && realpath(lock, real) && uses_packages(real, &a)) {
        sha256_bytes(real, strlen(real), digest);
        ok = file_make_directories(folder, err) &&
             file_write(arena_print(&a, "%s/%.16s", folder, digest), real, strlen(real), err);
    }
    arena_free(&a);
    return ok;
}

static bool names(const char *lock, const package *p) {
    json_t *root = load(lock);
    bool any = false;
    for (size_t i = 0; i < count_of(root); i++) {
        for (int k = 0; k < p->n_plugins; k++) {
            const char *digest = package_sha256(p, p->plugins[k].file);
            any = any || (digest && strcmp(digest, text_of(root, i, "sha256")) == 0);
        }
    }
    json_decref(root);
    return any;
}

/* The lock that a record points to, if it names the package; forgets one that is gone. */
static const char *ask(const char *record, const package *p, arena *a) {
    kd_error ignored = KD_ERROR_INIT;
    char *lock = NULL;
    size_t bytes;
    const char *found = NULL;
    if (file_read(record, MAX_TEXT, &lock, &bytes, &ignored)) {
        if (!file_exists(lock)) {
            unlink(record);
        } else if (names(lock, p)) {
            found = arena_text(a, lock);
        }
        free(lock);
    }
    return found;
}

const char *locks_naming(const package *p, arena *a) {
    struct dirent **entries;
    const char *folder = folder_of(a), *found = NULL;
    const int n = folder ? scandir(folder, &entries, NULL, alphasort) : -1;
    for (int i = 0; i < n; i++) {
        if (!found && entries[i]->d_name[0] != '.') {
            found = ask(arena_print(a, "%s/%s", folder, entries[i]->d_name), p, a);
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return found;
}
