/* SPDX-License-Identifier: Apache-2.0
 * Opening and reading files for tests. */
#include "files_kit.h"

kd_files *files_kit_open(const char *path) {
    kd_files *f = NULL;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(files_api()->open(path, &f, &err), err);
    return f;
}

void files_kit_refused(const char *path, const char *part) {
    kd_files *f = NULL;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(files_api()->open(path, &f, &err), "%s was opened", path);
    EXPECT_IN(path, err.message);
    EXPECT_IN(part, err.message);
}

void files_kit_entry(kd_files *f, int64_t i, const void *want, size_t bytes) {
    void *data = NULL;
    size_t got = 0;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(files_api()->read(f, i, &data, &got, &err), err);
    cr_assert_eq(got, bytes, "%s: %zu bytes", files_api()->path(f, i), got);
    cr_assert(bytes == 0 || memcmp(data, want, bytes) == 0);
    files_api()->release(data);
}
