/* SPDX-License-Identifier: Apache-2.0
 * plugins.lock: `kindred train --locked` trains with the very plugins of a lock, or says what
 * differs. */
#include "run_kit.h"

#include "base/file.h"

#include "leaks.h"

#include <stdlib.h>
#include <unistd.h>

static run_kit kit;

static void open_kit(void) {
    kit_open(&kit);
}

static void close_kit(void) {
    kit_close(&kit);
}

TestSuite(lock, .init = open_kit, .fini = close_kit);

static char *text_of(const char *path) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(path, 0, &text, &bytes, &err), "%s", err.message);
    return text;
}

static void expect_log(const char *want) {
    char *log = text_of("log");
    cr_assert(strstr(log, want), "'%s' is not in:\n%s", want, log);
    free(log);
}

static int train_locked(const char *yaml, const char *how, const char *override) {
    const char *const words[] = {"train", yaml, "--locked", how, override, NULL};
    const char *const few[] = {"train", yaml, "--locked", override, NULL};
    return kit_wait(kit_start("log", how ? words : few));
}

/* Puts one text for another in the lock beside the YAML file. */
static void alter(const char *from, const char *to) {
    kd_error err = KD_ERROR_INIT;
    char *text = text_of("runs/small/plugins.lock"), *at = strstr(text, from);
    cr_assert_not_null(at, "'%s' is not in:\n%s", from, text);
    FILE *file = fopen("plugins.lock", "w");
    fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    cr_assert_eq(fclose(file), 0);
    cr_assert(file_exists("plugins.lock"), "%s", err.message);
    free(text);
}

static void train_small(void) {
    const char *const words[] = {"train", "run.yaml", "name=small", NULL};
    cr_assert_eq(kit_wait(kit_start("log", words)), 0, "%s", text_of("log"));
}

TEST(lock, the_same_plugins_train_again) {
    train_small();
    alter("plugins", "plugins");
    cr_assert_eq(train_locked("run.yaml", NULL, "name=again"), 0, "%s", text_of("log"));
    cr_assert_eq(train_locked("runs/small/config.yaml", NULL, "name=third"), 0, "%s",
                 text_of("log"));
    /* The lock of the run's own folder goes before the one beside the YAML file. */
    alter("sha256\": \"", "sha256\": \"0");
    cr_assert_eq(train_locked("run.yaml", "--resume", "name=small"), 0, "%s", text_of("log"));
}

TEST(lock, without_a_lock_it_says_where_one_should_be) {
    cr_assert_eq(train_locked("run.yaml", NULL, "name=small"), 1);
    expect_log("--locked: there is neither runs/small/plugins.lock nor plugins.lock");
    expect_log("hint: copy the plugins.lock of the run");
}

TEST(lock, every_difference_is_named_before_anything_is_made) {
    static const struct {
        const char *from, *to, *message;
    } cases[] = {
        {"\"id\": \"resnet\",\n      \"version\": \"",
         "\"id\": \"resnet\",\n      \"version\": \"9", "the backbone resnet is "},
        {"\"id\": \"resnet\"", "\"id\": \"resnat\"", "is not in it"},
        {"\"id\": \"resnet\"", "\"id\": \"resnat\"", "the backbone resnat "},
        {"\"sha256\": \"", "\"sha256\": \"xyz", "is another file (sha256 "},
        {"\"plugins\": [",
         "\"plugins\": [{\"kind\": \"eval\", \"id\": \"extra\", \"version\": "
         "\"1.0.0\", \"sha256\": \"00\"},",
         "the eval extra 1.0.0 is not used"},
        {"\"sha256\"", "\"sha512\"", "not the plugins.lock of a run"},
        {"{", "", "not the plugins.lock of a run"},
    };
    train_small();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        alter(cases[i].from, cases[i].to);
        cr_assert_eq(train_locked("run.yaml", NULL, "name=again"), 1, "case %zu: %s", i,
                     text_of("log"));
        expect_log(cases[i].message);
        expect_log("  hint: ");
        cr_assert_not(file_exists("runs/again"));
    }
}
