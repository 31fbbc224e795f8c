/* SPDX-License-Identifier: Apache-2.0
 * Words of a study. */
#include "study/study_words.h"

#include <string.h>

bool is_study_key(const char *override) {
    static const char *const keys[] = {"name",   "seeds",   "equal", "run",
                                       "matrix", "compare", "paper", "overrides"};
    const size_t length = strcspn(override, ".=");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strlen(keys[i]) == length && strncmp(keys[i], override, length) == 0) {
            return true;
        }
    }
    return false;
}

const char *path_stem(const char *path, arena *a) {
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    return arena_copy(a, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

bool word_is_among(const char *word, const char *const *words, int count) {
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

const char *word_list(const char *const *words, int count, arena *a) {
    const char *all = "";
    for (int i = 0; i < count; i++) {
        all = arena_print(a, "%s%s%s", all, i ? ", " : "", words[i]);
    }
    return all;
}
