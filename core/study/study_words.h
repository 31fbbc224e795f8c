/* SPDX-License-Identifier: Apache-2.0
 * Words of a study: names of files, lists in messages; and how large a study may be. */
#ifndef CORE_STUDY_STUDY_WORDS_H
#define CORE_STUDY_STUDY_WORDS_H

#include "base/arena.h"

#include <stdbool.h>

#define MAX_ROWS 1000
#define MAX_SEEDS 1000

/* Whether "seeds=[1]" is for the study itself and not for its runs. */
bool is_study_key(const char *override);

/* "examples/tiny.yaml" -> "tiny"; lives in `a`. */
const char *path_stem(const char *path, arena *a);

bool word_is_among(const char *word, const char *const *words, int count);

/* "a, b, c"; lives in `a`. */
const char *word_list(const char *const *words, int count, arena *a);

#endif
