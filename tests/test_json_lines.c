/* SPDX-License-Identifier: Apache-2.0
 * Files of one JSON object a line: as a whole, and while another process writes them. */
#include "base/json_lines.h"

#include "base/file.h"

#include "leaks.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[64], path[128];

static void open_folder(void) {
    strcpy(folder, "/tmp/kindred-lines-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
}

static void close_folder(void) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_remove_tree(folder, &err), "%s", err.message);
}

TestSuite(json_lines, .init = open_folder, .fini = close_folder);

static void add(const char *text) {
    FILE *file = fopen(path, "a");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void replace(const char *text) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_write(path, text, strlen(text), &err), "%s", err.message);
}

/* Takes the array over; want: the lines' steps, as "1 2". */
static void expect_steps(json_t *lines, const char *want) {
    char is[256] = "";
    cr_assert(lines);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *step = json_object_get(json_array_get(lines, i), "step");
        snprintf(is + strlen(is), sizeof is - strlen(is), "%s%lld", i ? " " : "",
                 (long long)json_integer_value(step));
    }
    json_decref(lines);
    cr_assert_str_eq(is, want);
}

TEST(json_lines, whole_objects_count) {
    kd_error err = KD_ERROR_INIT;
    expect_steps(json_lines_read(path, &err), "");
    add("{\"step\":1}\n[2]\n{\"step\":\n\n{\"step\":3}\n{\"step\":4}");
    expect_steps(json_lines_read(path, &err), "1 3");
    cr_assert_null(json_lines_read(folder, &err)); /* a directory */
    cr_assert(strstr(err.message, folder), "%s", err.message);
}

static void expect_more(json_place *from, const char *want, bool want_anew) {
    bool anew = !want_anew;
    expect_steps(json_lines_more(from, path, &anew), want);
    cr_assert_eq(anew, want_anew);
}

TEST(json_lines, each_comes_once) {
    json_place from = {0};
    expect_more(&from, "", false);
    add("{\"step\":1}\n{\"step\":2}\n{\"st");
    expect_more(&from, "1 2", false);
    expect_more(&from, "", false);
    add("ep\":3}\n{\"step\":4}\n");
    expect_more(&from, "3 4", false);
    expect_more(&from, "", false);
}

/* As a run does that goes on from a checkpoint; whatever the length by then. */
TEST(json_lines, a_file_that_was_replaced_is_read_anew) {
    json_place from = {0};
    add("{\"step\":1}\n{\"step\":2}\n");
    expect_more(&from, "1 2", false);
    replace("{\"step\":7}\n{\"step\":8}\n");
    expect_more(&from, "7 8", true);
    replace("{\"step\":7}\n");
    add("{\"step\":8}\n{\"step\":9}\n");
    expect_more(&from, "7 8 9", true);
    cr_assert_eq(truncate(path, 11), 0);
    expect_more(&from, "7", true);
}
