/* SPDX-License-Identifier: Apache-2.0
 * What a user reads: each golden/config/NAME.yaml (with the overrides in NAME.args, one a line) is
 * refused with the message and the hint in NAME.txt. KINDRED_REWRITE_GOLDEN=1 writes those. */
#include "base/arena.h"
#include "base/file.h"
#include "config_schema.h"

#include "leaks.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST_OVERRIDES 8

static const char *read_text(arena *a, const char *path, size_t *ret_bytes) {
    kd_error err = KD_ERROR_INIT;
    char *data;
    if (!file_exists(path)) {
        return NULL;
    }
    cr_assert(file_read(path, 0, &data, ret_bytes, &err), "%s", err.message);
    const char *text = arena_copy(a, data, *ret_bytes);
    free(data);
    return text;
}

static int read_overrides(arena *a, const char *path, const char **ret) {
    size_t bytes;
    const char *text = read_text(a, path, &bytes);
    char *rest = text ? arena_text(a, text) : NULL, *line;
    int count = 0;
    while ((line = strsep(&rest, "\n")) && *line) {
        cr_assert(count < MOST_OVERRIDES);
        ret[count++] = line;
    }
    return count;
}

static const char *refusal(arena *a, const char *name) {
    const char *overrides[MOST_OVERRIDES];
    kd_error err = KD_ERROR_INIT;
    struct schema s;
    size_t bytes;
    const char *text = read_text(a, arena_print(a, "%s/%s.yaml", GOLDEN, name), &bytes);
    const int count = read_overrides(a, arena_print(a, "%s/%s.args", GOLDEN, name), overrides);
    config *c = config_load_text("run.yaml", text, bytes, overrides, count, &err);
    cr_assert(!c || !schema_read(c, &s, a, &err), "%s was accepted", name);
    config_destroy(c);
    cr_assert_eq(err.code, KD_E_INVALID, "%s: code %d", name, err.code);
    return arena_print(a, "%s\n%s%s%s", err.message, *err.hint ? "hint: " : "", err.hint,
                       *err.hint ? "\n" : "");
}

TEST(config, errors_are_golden) {
    DIR *directory = opendir(GOLDEN);
    int cases = 0;
    cr_assert(directory != NULL, "%s is missing", GOLDEN);
    cr_assert_eq(chdir(GOLDEN), 0); /* what they include lies in included/ */
    for (const struct dirent *entry; (entry = readdir(directory));) {
        const char *end = strstr(entry->d_name, ".yaml");
        if (!end) {
            continue;
        }
        arena a = {0};
        size_t bytes;
        kd_error err = KD_ERROR_INIT;
        const char *name = arena_copy(&a, entry->d_name, (size_t)(end - entry->d_name));
        const char *path = arena_print(&a, "%s/%s.txt", GOLDEN, name);
        const char *got = refusal(&a, name);
        if (getenv("KINDRED_REWRITE_GOLDEN")) {
            cr_assert(file_write(path, got, strlen(got), &err), "%s", err.message);
        }
        const char *wanted = read_text(&a, path, &bytes);
        cr_expect(wanted && strcmp(wanted, got) == 0, "%s\n--- wanted\n%s--- got\n%s", name,
                  wanted ? wanted : "(no golden text)\n", got);
        arena_free(&a);
        cases++;
    }
    closedir(directory);
    cr_assert(cases > 60, "only %d cases were found", cases);
}
