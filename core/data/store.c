/* SPDX-License-Identifier: Apache-2.0
 * Finds packed stores, or has them made: store_map.c maps them, store_build.c makes them. */
#include "data/store.h"

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "data/store_file.h"

#include <stdlib.h>

static void store_key(const store_options *o, char ret[SHA256_HEX]) {
    arena memory = {0};
    const char *fingerprint = o->table->fingerprint(o->set);
    const char *text =
        arena_print(&memory, "store %s\nplugin %s %s\nsize %d\noptions %s\nfingerprint %s\n",
                    STORE_FORMAT, o->id, o->version, o->size, o->options, fingerprint);
    sha256_bytes(text, strlen(text), ret);
    arena_free(&memory);
}

static bool cache_folder(const store_options *o, arena *memory, const char **ret, kd_error *err) {
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (o->cache && *o->cache) {
        *ret = o->cache;
    } else if (xdg && *xdg == '/') {
        *ret = arena_print(memory, "%s/kindred", xdg);
    } else if (home && *home) {
        *ret = arena_print(memory, "%s/.cache/kindred", home);
    } else {
        kd_fail(err, KD_E_INVALID, "no folder for the packed store: HOME is not set");
        return kd_hint(err, "set data.store.cache to a folder");
    }
    return true;
}

bool store_path(const store_options *options, char **ret, kd_error *err) {
    arena memory = {0};
    const char *folder = NULL;
    const bool good = cache_folder(options, &memory, &folder, err);
    if (good) {
        char key[SHA256_HEX];
        store_key(options, key);
        *ret = strdup(arena_print(&memory, "%s/%s-%.16s.safetensors", folder, options->id, key));
    }
    arena_free(&memory);
    return good;
}

/* A store that was made with `skip` is no answer to `fail`. */
static bool accept(store *s, const store_options *o, store **ret, kd_error *err) {
    if (o->on_error == ON_ERROR_FAIL && s->n_bad > 0) {
        kd_fail(err, KD_E_DATA, "%s", s->bad[0]);
        kd_hint(err, STORE_BAD_HINT);
        store_close(s);
        return false;
    }
    *ret = s;
    return true;
}

static bool build_and_map(const store_options *o, const char *folder, const char *path,
                          const char *key, store **ret, kd_error *err) {
    return file_make_directories(folder, err) && file_sweep(folder, err) &&
           store_build(o, path, key, err) && store_map(path, ret, err);
}

bool store_open(const store_options *options, store **ret, kd_error *err) {
    arena memory = {0};
    const char *folder = NULL;
    char *path = NULL;
    if (!cache_folder(options, &memory, &folder, err) || !store_path(options, &path, err)) {
        arena_free(&memory);
        return false;
    }
    char key[SHA256_HEX];
    store_key(options, key);
    store *found = NULL;
    kd_error damage = KD_ERROR_INIT;
    if (file_exists(path) && store_map(path, &found, &damage) && !store_has_key(found, key)) {
        store_close(found);
        found = NULL;
    }
    if (damage.code) {
        log_line(KD_LOG_WARN, "making the packed store anew: %s", damage.message);
    }
    const bool good = found ? accept(found, options, ret, err)
                            : build_and_map(options, folder, path, key, ret, err);
    free(path);
    arena_free(&memory);
    return good;
}
