/* SPDX-License-Identifier: Apache-2.0
 * The registry: where it looks, which of several files it chooses, what it says of the others. */
#include "base/file.h"
#include "plugin/isa.h"
#include "plugin_corpus.h"

#include <stdlib.h>
#include <unistd.h>

static registry *open_folders(const char *const *folders, int n, const char *isa) {
    kd_error err = KD_ERROR_INIT;
    const plugin_search search = {.folders = folders, .n_folders = n, .isa = isa};
    registry *r = registry_open(&search, &err);
    cr_assert_not_null(r, "%s", err.message);
    return r;
}

static void expect_version(const char *const *folders, int n, const char *isa, const char *name,
                           const char *version, const char *chosen_isa) {
    kd_error err = KD_ERROR_INIT;
    registry *r = open_folders(folders, n, isa);
    const plugin *p = registry_find(r, KD_KIND_METHOD, name, &err);
    cr_assert_not_null(p, "%s", err.message);
    cr_assert_str_eq(p->note.version, version);
    cr_assert_str_eq(p->note.isa, chosen_isa);
    cr_assert_eq(p->state == PLUGIN_CHOSEN, strchr(name, '@') == NULL);
    cr_assert_null(p->table);
    registry_close(r);
}

TEST(plugin, the_newest_of_a_level_is_chosen_unless_pinned) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "variant_1_0", scratch);
    corpus_put(&a, "variant_1_1", arena_print(&a, "%s/variant", scratch));
    expect_version(&scratch, 1, "", "variant", "1.1.0", "");
    expect_version(&scratch, 1, "", "variant@1.0.0", "1.0.0", "");
    corpus_put(&a, "variant_2_0_rc", scratch);
    expect_version(&scratch, 1, "", "variant", "2.0.0-rc.1", "");
    expect_version(&scratch, 1, "", "variant@^1.0", "1.1.0", "");
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, an_earlier_level_goes_before_a_newer_version) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    const char *folders[] = {arena_print(&a, "%s/first", scratch),
                             arena_print(&a, "%s/second", scratch)};
    corpus_put(&a, "variant_1_0", folders[0]);
    const char *newer = corpus_put(&a, "variant_1_1", folders[1]);
    expect_version(folders, 2, "", "variant", "1.0.0", "");
    expect_version(folders, 2, "", "variant@1.1.0", "1.1.0", "");

    kd_error err = KD_ERROR_INIT;
    const plugin_search named = {.files = &newer, .n_files = 1, .folders = folders, .n_folders = 1};
    registry *r = registry_open(&named, &err);
    const plugin *p = registry_find(r, 0, "variant", &err);
    cr_assert_str_eq(p->path, newer);
    cr_assert_str_eq(p->level, "--plugin");
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, the_richest_build_that_the_machine_has_is_chosen) {
    static const struct {
        const char *machine, *chosen;
    } cases[] = {{"", ""},
                 {"x86-64-v2", "x86-64-v2"},
                 {"x86-64-v3", "x86-64-v3"},
                 {"x86-64-v4", "x86-64-v4"}};
    arena a = {0};
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "variant_1_0", scratch);
    corpus_put(&a, "variant_1_0_v2", scratch);
    corpus_put(&a, "variant_1_0_v3", scratch);
    corpus_put(&a, "variant_1_0_v4", scratch);
    corpus_put(&a, "variant_1_0_v9", scratch);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_version(&scratch, 1, cases[i].machine, "variant", "1.0.0", cases[i].chosen);
    }
    cr_assert_geq(isa_rank(isa_of_this_cpu()), 0);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, two_files_with_equal_right_are_an_error_that_names_both) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *scratch = scratch_create(&a);
    const char *one = corpus_put(&a, "variant_1_0", scratch);
    const char *two = corpus_put(&a, "variant_1_0_again", scratch);
    corpus_put(&a, "good", scratch);
    registry *r = open_folders(&scratch, 1, "");
    cr_assert_null(registry_find(r, KD_KIND_METHOD, "variant", &err));
    EXPECT_IN(one, err.message);
    EXPECT_IN(two, err.message);
    EXPECT_IN("remove one", err.hint);
    int count;
    cr_assert_eq(find_listed(r, "variant", &count)->state, PLUGIN_TIED);
    cr_assert_eq(count, 2);
    cr_assert_not_null(registry_find(r, KD_KIND_METHOD, "good", &err));
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, one_file_by_two_paths_is_one_plugin) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    const char *folders[] = {arena_print(&a, "%s/first", scratch),
                             arena_print(&a, "%s/second", scratch)};
    const char *file = corpus_put(&a, "good", folders[0]);
    cr_assert_eq(symlink(file, arena_print(&a, "%s/alias.so", folders[0])), 0);
    cr_assert_eq(symlink(folders[0], folders[1]), 0);
    registry *r = open_folders(folders, 2, NULL);
    int count;
    cr_assert_eq(find_listed(r, "good", &count)->state, PLUGIN_CHOSEN);
    cr_assert_eq(count, 1);
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, every_refusal_has_a_reason_and_a_remedy) {
    static const struct {
        const char *file, *id, *reason;
    } cases[] = {{"abi_major", "abi_major", "made for plugin ABI 9"},
                 {"abi_minor", "abi_minor", "needs plugin ABI 0.7"},
                 {"variant_1_0_v9", "variant", "needs a CPU with x86-64-v9"},
                 {"option_outside", "option_outside", "option far"}};
    arena a = {0};
    const char *scratch = scratch_create(&a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        corpus_put(&a, cases[i].file, scratch);
    }
    registry *r = open_folders(&scratch, 1, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        const plugin *p = find_listed(r, cases[i].id, NULL);
        cr_assert_eq(p->state, PLUGIN_REFUSED, "%s", cases[i].id);
        EXPECT_IN(cases[i].reason, p->reason);
        cr_assert_gt(strlen(p->remedy), 10);
        cr_assert_null(registry_load(r, KD_KIND_METHOD, cases[i].id, &err));
        EXPECT_IN(cases[i].reason, err.message);
        EXPECT_IN(p->path, err.message);
        cr_assert_str_eq(err.hint, p->remedy);
    }
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, a_cut_off_file_is_listed_and_a_foreign_one_is_not) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    const char *cut = corpus_put(&a, "good", scratch);
    corpus_put(&a, "no_note", scratch);
    cr_assert_eq(truncate(cut, 5000), 0);
    registry *r = open_folders(&scratch, 1, NULL);
    int found = 0;
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        cr_assert_null(strstr(p->path, "no_note"));
        if (strcmp(p->path, cut) == 0) {
            found++;
            cr_assert_eq(p->state, PLUGIN_REFUSED);
            EXPECT_IN("cut off", p->reason);
        }
    }
    cr_assert_eq(found, 1);
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, a_file_that_is_named_must_be_a_plugin) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    static const struct {
        const char *file, *message;
    } cases[] = {{"no_note", "no kindred note"}, {"option_default", "option hidden"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        const char *file = corpus_file(&a, cases[i].file);
        cr_assert_null(registry_open(&(plugin_search){.files = &file, .n_files = 1}, &err));
        EXPECT_IN(cases[i].message, err.message);
        EXPECT_IN(cases[i].file, err.message);
        cr_assert_neq(err.hint[0], 0);
    }
    kd_error err = KD_ERROR_INIT;
    const char *nowhere = "/nowhere.so";
    cr_assert_null(registry_open(&(plugin_search){.files = &nowhere, .n_files = 1}, &err));
    EXPECT_IN("/nowhere.so", err.message);
    cr_assert_null(registry_open(&(plugin_search){.folders = &nowhere, .n_folders = 1}, &err));
    EXPECT_IN("no such folder", err.message);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, a_refused_file_that_is_named_is_not_replaced) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *scratch = scratch_create(&a);
    const char *named = corpus_put(&a, "variant_1_0_v9", arena_print(&a, "%s/n", scratch));
    corpus_put(&a, "variant_1_0", scratch);
    const plugin_search search = {
        .files = &named, .n_files = 1, .folders = &scratch, .n_folders = 1};
    registry *r = registry_open(&search, &err);
    cr_assert_not_null(r, "%s", err.message);
    cr_assert_null(registry_find(r, 0, "variant", &err));
    EXPECT_IN("x86-64-v9", err.message);
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

static const char *level_of_good(bool no_user_plugins, arena *a) {
    kd_error err = KD_ERROR_INIT;
    registry *r = registry_open(&(plugin_search){.no_user_plugins = no_user_plugins}, &err);
    cr_assert_not_null(r, "%s", err.message);
    const plugin *p = find_listed(r, "good", NULL);
    const char *level = p ? arena_text(a, p->level) : "";
    registry_close(r);
    return level;
}

TEST(plugin, the_environment_goes_before_the_home_folder) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    const char *home = arena_print(&a, "%s/.local/share/kindred/plugins/x86_64-linux-gnu", scratch);
    const char *data = arena_print(&a, "%s/d/kindred/plugins/x86_64-linux-gnu", scratch);
    const char *path = arena_print(&a, "%s/path", scratch);
    cr_assert_str_eq(level_of_good(false, &a), "");
    corpus_put(&a, "good", arena_print(&a, "%s/good", home));
    cr_assert_str_eq(level_of_good(false, &a), home);
    corpus_put(&a, "good", data);
    setenv("XDG_DATA_HOME", arena_print(&a, "%s/d", scratch), 1);
    cr_assert_str_eq(level_of_good(false, &a), data);
    corpus_put(&a, "good", path);
    setenv("KINDRED_PLUGIN_PATH", arena_print(&a, "/nowhere:%s", path), 1);
    cr_assert_str_eq(level_of_good(false, &a), arena_print(&a, "KINDRED_PLUGIN_PATH %s", path));
    cr_assert_str_eq(level_of_good(true, &a), "");
    setenv("KINDRED_NO_PLUGINS", "1", 1);
    cr_assert_str_eq(level_of_good(false, &a), "");
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, the_environment_names_absolute_folders_only) {
    static const char *const wrong[] = {"plugins", "/tmp::/usr", "/tmp:", ":/tmp", "./x:/tmp"};
    arena a = {0};
    const char *scratch = scratch_create(&a);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kd_error err = KD_ERROR_INIT;
        setenv("KINDRED_PLUGIN_PATH", wrong[i], 1);
        cr_assert_null(registry_open(&(plugin_search){0}, &err), "%s", wrong[i]);
        EXPECT_IN("KINDRED_PLUGIN_PATH", err.message);
        EXPECT_IN("absolute", err.hint);
    }
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, a_folder_is_searched_one_level_deep) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "good", arena_print(&a, "%s/good/lib", scratch));
    corpus_put(&a, "variant_1_0", arena_print(&a, "%s/.hidden", scratch));
    registry *r = open_folders(&scratch, 1, NULL);
    cr_assert_null(find_listed(r, "good", NULL));
    cr_assert_null(find_listed(r, "variant", NULL));
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}

TEST(plugin, a_misspelt_id_gets_a_suggestion) {
    arena a = {0};
    const char *scratch = scratch_create(&a);
    corpus_put(&a, "good", scratch);
    corpus_put(&a, "uses_host", scratch);
    registry *r = open_folders(&scratch, 1, NULL);
    static const struct {
        const char *name, *message, *hint;
        uint32_t kind;
    } cases[] = {
        {"goood", "no method plugin `goood`; did you mean good?", "good", KD_KIND_METHOD},
        {"zzzzzzzz", "no method plugin `zzzzzzzz`", "looked in --plugin-path", KD_KIND_METHOD},
        {"uses_host", "`uses_host` is a plugin of kind dataset, not method", "", KD_KIND_METHOD},
        {"good@", "pins no version", "id@1.2.0", KD_KIND_METHOD},
        {"good@^x", "pins no version", "id@1.2.0", KD_KIND_METHOD},
        {"good@9.0.0", "is version 1.2.3", "choose a version", KD_KIND_METHOD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        cr_assert_null(registry_find(r, cases[i].kind, cases[i].name, &err));
        EXPECT_IN(cases[i].message, err.message);
        EXPECT_IN(cases[i].hint, err.hint);
    }
    registry_close(r);
    scratch_remove(scratch);
    arena_free(&a);
}
