/* SPDX-License-Identifier: Apache-2.0
 * Where plugins may lie, first to last: the command line, the environment, the home folder, beside
 * the program, the system. */
#include "plugin/search.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

/* From the build: KINDRED_TRIPLET "x86_64-linux-gnu", KINDRED_LIBDIR as seen from the program's
 * folder "../lib", KINDRED_PLUGINDIR "/usr/lib/x86_64-linux-gnu/kindred/plugins". */
#define SYSTEM_FOLDER "/usr/local/lib/" KINDRED_TRIPLET "/kindred/plugins"
#define MAX_FOLDER_DEPTH 2

typedef struct searching {
    arena *a;
    search_result *found;
    kd_error *err;
} searching;

static void add_level(searching *s, const char *level) {
    search_result *f = s->found;
    const char **grown = arena_alloc(s->a, ((size_t)f->n_levels + 1) * sizeof *grown);
    if (f->n_levels > 0) {
        memcpy(grown, f->levels, (size_t)f->n_levels * sizeof *grown);
    }
    grown[f->n_levels++] = level;
    f->levels = grown;
}

static void add_hit(searching *s, const char *path, bool named) {
    search_result *f = s->found;
    if ((f->n_hits & (f->n_hits - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
        search_hit *grown =
            arena_alloc(s->a, (f->n_hits ? 2 * (size_t)f->n_hits : 1) * sizeof *grown);
        if (f->n_hits > 0) {
            memcpy(grown, f->hits, (size_t)f->n_hits * sizeof *grown);
        }
        f->hits = grown;
    }
    f->hits[f->n_hits++] = (search_hit){
        .path = path, .level = f->levels[f->n_levels - 1], .rank = f->n_levels - 1, .named = named};
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool ends_in(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* A folder holds <id>/x.so or x.so. depth: 0 takes `folder`'s own files, 1 those of its folders
 * too. Sorted, so that two machines with the same files see the same list. */
static void scan(searching *s, const char *folder, int depth) {
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        char *path = name[0] == '.' ? NULL : arena_print(s->a, "%s/%s", folder, name);
        if (path && is_folder(path)) {
            if (depth > 0) {
                scan(s, path, depth - 1);
            }
        } else if (path && ends_in(name, ".so")) {
            add_hit(s, path, false);
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
}

static void scan_level(searching *s, const char *level, const char *folder, int depth) {
    add_level(s, level);
    scan(s, folder, depth);
}

static bool command_line(searching *s, const plugin_search *search) {
    char real[PATH_MAX];
    add_level(s, "--plugin");
    for (int i = 0; i < search->n_files; i++) {
        if (!realpath(search->files[i], real)) {
            kd_fail(s->err, KD_E_IO, "--plugin %s: %s", search->files[i], strerror(errno));
            return kd_hint(s->err, "give the path of a plugin's .so file");
        }
        add_hit(s, arena_text(s->a, real), true);
    }
    for (int i = 0; i < search->n_folders; i++) {
        const char *folder = search->folders[i];
        if (!realpath(folder, real) || !is_folder(real)) {
            kd_fail(s->err, KD_E_IO, "--plugin-path %s: no such folder", folder);
            return kd_hint(s->err, "give a folder that holds .so files, or folders of them");
        }
        scan_level(s, arena_print(s->a, "--plugin-path %s", real), arena_text(s->a, real), 1);
    }
    return true;
}

static bool environment(searching *s) {
    const char *at = getenv("KINDRED_PLUGIN_PATH");
    if (!at || !*at) {
        return true;
    }
    for (;;) {
        size_t length = strcspn(at, ":");
        char *folder = arena_copy(s->a, at, length);
        if (folder[0] != '/') {
            kd_fail(s->err, KD_E_INVALID, "KINDRED_PLUGIN_PATH: \"%s\" is not an absolute path",
                    folder);
            return kd_hint(s->err, "give absolute paths with ':' between them, and none empty: "
                                   "plugins are never taken from the current directory");
        }
        scan_level(s, arena_print(s->a, "KINDRED_PLUGIN_PATH %s", folder), folder, 1);
        at += length;
        if (*at++ == 0) {
            return true;
        }
    }
}

const char *search_user_folder(arena *a) {
    const char *data = getenv("XDG_DATA_HOME"), *user = getenv("HOME");
    if (data && data[0] == '/') {
        return arena_print(a, "%s/kindred/plugins/" KINDRED_TRIPLET, data);
    }
    return user && user[0] == '/'
               ? arena_print(a, "%s/.local/share/kindred/plugins/" KINDRED_TRIPLET, user)
               : NULL;
}

const char *search_system_folder(void) {
    return SYSTEM_FOLDER;
}

const char *search_triplet(void) {
    return KINDRED_TRIPLET;
}

static void home(searching *s) {
    const char *folder = search_user_folder(s->a);
    if (folder) {
        scan_level(s, folder, folder, 1);
    }
}

/* A folder that others than the program's owner could have put there is not the program's. */
static bool belongs_to(const char *folder, const struct stat *program) {
    struct stat status;
    return stat(folder, &status) == 0 && (status.st_mode & S_IWOTH) == 0 &&
           (status.st_uid == program->st_uid || status.st_uid == 0);
}

/* Folders beside the program: of an installation or a bundle (bin/kindred), and of a build tree,
 * whose modules lie one folder deeper. */
static void beside_program(searching *s) {
    static const struct {
        const char *folder;
        int depth;
    } places[] = {{KINDRED_LIBDIR "/kindred/plugins", 1}, {"plugins", MAX_FOLDER_DEPTH}};
    char program[PATH_MAX], real[PATH_MAX];
    struct stat status;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0 || stat("/proc/self/exe", &status) != 0) {
        return;
    }
    program[length] = 0;
    *strrchr(program, '/') = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *folder = arena_print(s->a, "%s/%s", program, places[i].folder);
        if (realpath(folder, real) && belongs_to(real, &status)) {
            folder = arena_text(s->a, real);
            scan_level(s, folder, folder, places[i].depth);
        }
    }
}

static bool only_own_plugins(void) {
    const char *value = getenv("KINDRED_NO_PLUGINS");
    return value && *value && strcmp(value, "0") != 0;
}

bool search_files(const plugin_search *search, arena *a, search_result *ret, kd_error *err) {
    searching s = {.a = a, .found = ret, .err = err};
    bool only_own = only_own_plugins();
    bool user = !search->no_user_plugins && !only_own && !getauxval(AT_SECURE);
    *ret = (search_result){0};
    if (!command_line(&s, search) || (user && !environment(&s))) {
        return false;
    }
    if (user) {
        home(&s);
    }
    beside_program(&s);
    if (!only_own) {
        scan_level(&s, SYSTEM_FOLDER, SYSTEM_FOLDER, 1);
    }
    scan_level(&s, KINDRED_PLUGINDIR, KINDRED_PLUGINDIR, 1);
    return true;
}
