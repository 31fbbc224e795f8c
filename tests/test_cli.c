/* SPDX-License-Identifier: Apache-2.0
 * What a user reads: each cli/NAME.sh is run by a shell in which `kindred` is the program, in a
 * folder with run.yaml, and prints cli/NAME.txt on both streams. KINDRED_REWRITE_GOLDEN=1 writes
 * those. */
#include "run_kit.h"

#include "base/file.h"

#include "leaks.h"

#include <dirent.h>
#include <stdlib.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(cli, .init = open_kit, .fini = close_kit);

/* Replaces what depends on the machine: the temporary folder and the folder of plugins. */
static char *generalise(const char *text) {
    const char *const from[] = {kit.folder, getenv("KINDRED_TEST_PLUGINS")};
    const char *const to[] = {"FOLDER", "PLUGINS"};
    char *ret = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&ret, &bytes);
    while (*text) {
        int which = -1;
        for (int i = 0; i < 2; i++) {
            which = strncmp(text, from[i], strlen(from[i])) == 0 ? i : which;
        }
        if (which >= 0) {
            fputs(to[which], out);
            text += strlen(from[which]);
        } else {
            fputc(*text++, out);
        }
    }
    fclose(out);
    return ret;
}

static char *output_of(const char *script) {
    char command[4096], *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    snprintf(command, sizeof command,
             "kindred() { '%s' \"$@\"; }; status() { \"$@\"; echo \"status $?\"; }; . '%s'",
             getenv("KINDRED_TEST_PROGRAM"), script);
    setenv("COLUMNS", "80", true);
    FILE *file = fopen("script", "w");
    cr_assert(file && fputs(command, file) >= 0);
    fclose(file);
    cr_assert_eq(system("sh script >output 2>&1"), 0, "%s fails", script);
    cr_assert(file_read("output", 0, &text, &bytes, &err), "%s", err.message);
    char *ret = generalise(text);
    free(text);
    return ret;
}

static void check_case(const char *name) {
    char script[512], golden[512], *want = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    snprintf(script, sizeof script, "%s/%s.sh", GOLDEN, name);
    snprintf(golden, sizeof golden, "%s/%s.txt", GOLDEN, name);
    char *is = output_of(script);
    if (getenv("KINDRED_REWRITE_GOLDEN")) {
        cr_assert(file_write(golden, is, strlen(is), &err), "%s", err.message);
    }
    cr_assert(file_read(golden, 0, &want, &bytes, &err), "%s", err.message);
    cr_assert_str_eq(is, want, "%s.sh prints\n%s\nand not\n%s", name, is, want);
    free(want);
    free(is);
}

TEST(cli, help) {
    check_case("help");
}

TEST(cli, plugin_errors) {
    check_case("plugin_errors");
}

TEST(cli, errors) {
    check_case("errors");
}

TEST(cli, plan) {
    check_case("plan");
}

TEST(cli, life) {
    check_case("life");
}

TEST(cli, schema) {
    check_case("schema");
}

TEST(cli, package) {
    check_case("package");
}

TEST(cli, data) {
    check_case("data");
}

TEST(cli, study) {
    check_case("study");
}
