/* SPDX-License-Identifier: Apache-2.0
 * The options that say where plugins are looked for, taken from any command's line. */
#include "cli/cli.h"

#include <string.h>

/* The value of "--name VALUE" or "--name=VALUE" at *i, moving *i to the last argument used. */
static bool value_of(const char *name, int argc, char **argv, int *i, const char **ret,
                     kd_error *err) {
    size_t length = strlen(name);
    if (argv[*i][length] == '=') {
        *ret = argv[*i] + length + 1;
        return true;
    }
    if (*i + 1 >= argc) {
        kd_fail(err, KD_E_INVALID, "%s wants a value", name);
        return kd_hint(err, "write %s PATH", name);
    }
    *ret = argv[++*i];
    return true;
}

static bool is_option(const char *argument, const char *name) {
    size_t length = strlen(name);
    return strncmp(argument, name, length) == 0 &&
           (argument[length] == 0 || argument[length] == '=');
}

bool take_plugin_search(int *argc, char **argv, arena *a, plugin_search *ret, kd_error *err) {
    const char **files = arena_alloc(a, ((size_t)*argc + 1) * sizeof *files);
    const char **folders = arena_alloc(a, ((size_t)*argc + 1) * sizeof *folders);
    plugin_search search = {.files = files, .folders = folders};
    int kept = 0;
    for (int i = 0; i < *argc; i++) {
        bool ok = true;
        if (is_option(argv[i], "--plugin-path")) {
            ok = value_of("--plugin-path", *argc, argv, &i, &folders[search.n_folders++], err);
        } else if (is_option(argv[i], "--plugin")) {
            ok = value_of("--plugin", *argc, argv, &i, &files[search.n_files++], err);
        } else if (strcmp(argv[i], "--no-user-plugins") == 0) {
            search.no_user_plugins = true;
        } else {
            argv[kept++] = argv[i];
        }
        if (!ok) {
            return false;
        }
    }
    *argc = kept;
    *ret = search;
    return true;
}
