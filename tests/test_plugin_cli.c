/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin`: what it prints, for people and as JSON, and what it refuses. */
#include "cli/command_groups.h"
#include "plugin_corpus.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

static bool run_command(int argc, char **argv, kd_error *err) {
    const command *c = find_group_command(find_group("plugin"), argc, argv, err);
    command_line in = {.subject = NULL};
    int status = STATUS_OK;
    const bool ok =
        c && command_line_parse(c, argc - 1, argv + 1, &in, err) && c->run(&in, &status, err);
    arena_free(&in.memory);
    return ok;
}

/* Runs a command with stdout in a file; returns what it printed. */
static const char *printed(arena *a, const char *scratch, const char *const *words, bool *ret_ok,
                           kd_error *err) {
    char *argv[16], text[16384];
    int argc = 0;
    while (words[argc]) {
        argv[argc] = arena_text(a, words[argc]);
        argc++;
    }
    argv[argc] = NULL;
    const char *path = arena_print(a, "%s/out", scratch);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    cr_assert_not_null(freopen(path, "w", stdout));
    *ret_ok = run_command(argc - 1, argv + 1, err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    FILE *file = fopen(path, "r");
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    return arena_text(a, text);
}

TEST(plugin_cli, describes_a_plugin_that_cannot_even_be_loaded) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    bool ok;
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "good", scratch);
    corpus_put(&a, "aborts", scratch);
    corpus_put(&a, "abi_major", scratch);
    const char *text = printed(
        &a, scratch, (const char *[]){"plugin", "describe", "good", "--plugin-path", scratch, NULL},
        &ok, &err);
    cr_assert(ok, "%s", err.message);
    EXPECT_IN("good 1.2.3 (method)\ndoes nothing, soundly", text);
    EXPECT_IN("temperature  number from 1e-3 to 10, default 0.1", text);
    EXPECT_IN("weights      path, required", text);
    EXPECT_IN("one of none|v1|v2, default v1", text);

    text = printed(&a, scratch,
                   (const char *[]){"plugin", "describe", "aborts", "--plugin-path", scratch, NULL},
                   &ok, &err);
    cr_assert(ok, "%s", err.message);
    EXPECT_IN("how long it would take", text);

    text =
        printed(&a, scratch,
                (const char *[]){"plugin", "describe", "--plugin-path", scratch, "abi_major", NULL},
                &ok, &err);
    cr_assert(ok, "%s", err.message);
    EXPECT_IN("refused  made for plugin ABI 9", text);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin_cli, lists_what_is_used_and_with_all_what_is_not) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    bool ok;
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "variant_1_0", scratch);
    const char *newer = corpus_put(&a, "variant_1_1", scratch);
    corpus_put(&a, "abi_minor", scratch);
    const char *text = printed(
        &a, scratch, (const char *[]){"plugin", "list", "--plugin-path", scratch, NULL}, &ok, &err);
    cr_assert(ok, "%s", err.message);
    EXPECT_IN("one of several", text);
    EXPECT_IN("\n1 more cannot be used: kindred plugin list --all", text);
    cr_assert_null(strstr(text, "abi_minor"));

    text = printed(&a, scratch,
                   (const char *[]){"plugin", "list", "--all", "--plugin-path", scratch, NULL}, &ok,
                   &err);
    cr_assert(ok, "%s", err.message);
    EXPECT_IN("needs plugin ABI 0.7, and this kindred has 0.0: update kindred", text);
    EXPECT_IN(arena_print(&a, "%s 1.1.0 goes before it: pin it as variant@1.0.0", newer), text);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin_cli, speaks_json) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    bool ok;
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "good", scratch);
    corpus_put(&a, "abi_minor", scratch);
    const char *text = printed(
        &a, scratch,
        (const char *[]){"plugin", "list", "--all", "--json", "--plugin-path", scratch, NULL}, &ok,
        &err);
    cr_assert(ok, "%s", err.message);
    json_t *all = json_loads(text, 0, NULL);
    cr_assert(json_is_array(all), "%s", text);
    int seen = 0;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        const char *id = json_string_value(json_object_get(one, "id"));
        if (id && strcmp(id, "abi_minor") == 0) {
            seen++;
            cr_assert_str_eq(json_string_value(json_object_get(one, "state")), "refused");
            cr_assert(json_is_string(json_object_get(one, "remedy")));
        }
    }
    cr_assert_eq(seen, 1);
    json_decref(all);

    text = printed(
        &a, scratch,
        (const char *[]){"plugin", "describe", "good", "--json", "--plugin-path", scratch, NULL},
        &ok, &err);
    json_t *one = json_loads(text, 0, NULL);
    const json_t *hidden = json_array_get(json_object_get(one, "options"), 1);
    cr_assert_str_eq(json_string_value(json_object_get(hidden, "max")), "65536");
    cr_assert_str_eq(json_string_value(json_object_get(hidden, "type")), "int");
    json_decref(one);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin_cli, refuses_wrong_uses_with_the_right_ones) {
    static const char *const cases[][6] = {
        {"plugin", NULL},
        {"plugin", "lst", NULL},
        {"plugin", "list", "good", NULL},
        {"plugin", "describe", NULL},
        {"plugin", "describe", "a", "b", NULL},
        {"plugin", "list", "--colour", NULL},
        {"plugin", "describe", "a", "--json", "--markdown", NULL},
        {"plugin", "list", "--plugin", NULL}};
    arena a = {0};
    const char *scratch = scratch_create(&a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        bool ok;
        const char *text = printed(&a, scratch, cases[i], &ok, &err);
        cr_assert_not(ok, "case %zu", i);
        cr_assert_str_eq(text, "");
        cr_assert_eq(err.code, E_USAGE);
        cr_assert_neq(err.hint[0], 0);
    }
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin_cli, an_unknown_id_is_an_error) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    bool ok;
    const char *scratch = scratch_create(&a);
    printed(&a, scratch, (const char *[]){"plugin", "describe", "no_such_thing_at_all", NULL}, &ok,
            &err);
    cr_assert_not(ok);
    EXPECT_IN("no plugin `no_such_thing_at_all`", err.message);
    scratch_remove(scratch);
    arena_free(&a);
}
