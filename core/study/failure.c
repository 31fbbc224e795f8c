/* SPDX-License-Identifier: Apache-2.0
 * Why runs have failed. */
#include "study/failure.h"

#include "base/file.h"

#include <stdlib.h>

#define HINT "  hint: "
#define SPEAKER "kindred: "

static const char *path_of(const study_folder *f, const char *name, arena *a) {
    return arena_print(a, "%s/%s.failed", f->logs, name);
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* The last line of a log that says something, with the hint behind it; lives in `a`. */
static const char *last_words(const study_folder *f, const char *name, arena *a) {
    char *text = NULL, *rest = NULL;
    size_t bytes = 0;
    kd_error ignored = KD_ERROR_INIT;
    const char *words = "it says nothing", *hint = NULL;
    if (file_read(arena_print(a, "%s/%s.log", f->logs, name), 0, &text, &bytes, &ignored)) {
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            const bool is_hint = begins(line, HINT);
            words = is_hint ? words : line;
            hint = is_hint ? line + strspn(line, " ") : NULL;
        }
    }
    words += begins(words, SPEAKER) ? strlen(SPEAKER) : 0;
    words = hint ? arena_print(a, "%s (%s)", words, hint) : arena_text(a, words);
    free(text);
    return words;
}

bool failure_write(const study_folder *f, const char *name, int status, kd_error *err) {
    arena a = {0};
    const char *words = last_words(f, name, &a);
    const char *text =
        status >= 256
            ? arena_print(&a, "was ended by signal %d; the last it said: %s\n", status - 256, words)
            : arena_print(&a, "failed with status %d: %s\n", status, words);
    const bool ok = file_write(path_of(f, name, &a), text, strlen(text), err);
    arena_free(&a);
    return ok;
}

const char *failure_read(const study_folder *f, const char *name, arena *a) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error ignored = KD_ERROR_INIT;
    if (!file_read(path_of(f, name, a), 0, &text, &bytes, &ignored)) {
        return NULL;
    }
    const char *ret = arena_copy(a, text, strcspn(text, "\n"));
    free(text);
    return ret;
}

bool failure_clear(const study_folder *f, const char *name, kd_error *err) {
    arena a = {0};
    const bool ok = file_remove_tree(path_of(f, name, &a), err);
    arena_free(&a);
    return ok;
}
