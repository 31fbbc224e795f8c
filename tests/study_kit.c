/* SPDX-License-Identifier: Apache-2.0
 * A small study for tests. */
#include "study_kit.h"

#include "base/file.h"

#include <criterion/criterion.h>
#include <stdlib.h>

char *study_kit_text(const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(path, 0, &text, &bytes, &err), "%s", err.message);
    return text;
}

void study_kit_copy(const char *name, const char *to) {
    char path[512];
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s", GOLDEN, name);
    char *text = study_kit_text(path);
    cr_assert(file_write(to, text, strlen(text), &err), "%s", err.message);
    free(text);
}

void study_kit_open(run_kit *kit) {
    kit_open(kit);
    study_kit_copy("run.yaml", "run.yaml");
    study_kit_copy("study.yaml", "study.yaml");
}

char *study_kit_printed(const study_results *r, void (*print)(const study_results *r, FILE *to)) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    print(r, out);
    fclose(out);
    return text;
}
