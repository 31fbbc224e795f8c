/* SPDX-License-Identifier: Apache-2.0
 * What the tests of plugins share: the corpus that the build made, and folders made from it. */
#ifndef TESTS_PLUGIN_CORPUS_H
#define TESTS_PLUGIN_CORPUS_H

#include "leaks.h"
#include "plugin/registry.h"

/* The built file of the corpus: corpus_file(&a, "good"). */
const char *corpus_file(arena *a, const char *name);

/* An empty folder of this test's own, removed by scratch_remove; the environment variables that
 * plugins are searched by are unset, and HOME is the folder. */
const char *scratch_create(arena *a);
void scratch_remove(const char *folder);

/* Puts a file of the corpus into a folder (made when it is not there), under its own name. Returns
 * the copy's path. */
const char *corpus_put(arena *a, const char *name, const char *folder);

void write_bytes(const char *path, const void *data, size_t bytes);

/* The one with that id, and the number of such; NULL: none. */
const plugin *find_listed(const registry *r, const char *id, int *ret_count);

/* Asserts that a text holds a part, showing both when it does not. */
#define EXPECT_IN(part, text)                                                                      \
    cr_assert(strstr((text), (part)) != NULL, "\"%s\" is not in \"%s\"", (part), (text))

#endif
