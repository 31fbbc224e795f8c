/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin check` is itself checked: a sound plugin passes everything, each of those that
 * break one rule fails that rule and no other, and kindred's own plugins fail none. */
#include "check/plugin_rule.h"
#include "plugin_corpus.h"

#include "base/file.h"
#include "plugin/registry.h"

#include <stdlib.h>

/* Sanitizers bring symbols of their own, of which S03 warns. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

/* A device of a few ops (breaks_zeros) is warned of those that it lacks. */
static bool is_few_ops(const plugin_finding *f) {
    return strcmp(f->rule->id, "M09") == 0 && f->verdict == VERDICT_WARN;
}

static bool is_expected(const plugin_finding *f, const char *rule, verdict want) {
    if (SANITIZED && strcmp(f->rule->id, "S03") == 0 && f->verdict == VERDICT_WARN) {
        return true;
    }
    if (is_few_ops(f)) {
        return true;
    }
    if (rule && strcmp(f->rule->id, rule) == 0) {
        return f->verdict == want && *f->why;
    }
    return f->verdict == VERDICT_PASS || f->verdict == VERDICT_SKIP;
}

/* That rule, and no other, has that verdict. */
static void expect_breaks(const char *name, int level, const char *rule, verdict want,
                          const char *words) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    plugin_check *c = plugin_check_create(corpus_file(&a, name), &err);
    cr_assert(c, "%s", err.message);
    plugin_check_run(c, level, &(plugin_check_manner){.seed = 1});
    bool seen = rule == NULL;
    for (int i = 0; i < plugin_check_count(c); i++) {
        const plugin_finding *f = plugin_check_at(c, i);
        cr_expect(is_expected(f, rule, want), "%s: %s says %d: %s", name, f->rule->id, f->verdict,
                  f->why);
        if (rule && strcmp(f->rule->id, rule) == 0) {
            seen = true;
            cr_expect(strstr(f->why, words), "%s: %s: %s", name, f->rule->id, f->why);
            cr_expect(want != VERDICT_FAIL || plugin_check_passed(c) < f->rule->level);
        }
    }
    cr_expect(seen, "%s: %s was not asked", name, rule);
    plugin_check_destroy(c);
    arena_free(&a);
}

static const struct {
    const char *file;
    int level;
    const char *rule;
    verdict want;
    const char *words; /* of the reason */
} broken[] = {
    {"no_note", 1, "S01", VERDICT_FAIL, "no kindred note"},
    {"abi_major", 1, "S01", VERDICT_FAIL, "ABI 9"},
    {"abi_minor", 1, "S01", VERDICT_FAIL, "ABI 0.7"},
    {"no_entry", 1, "S02", VERDICT_FAIL, "kindred_plugin_entry_v"},
    {"breaks_export", 1, "S02", VERDICT_FAIL, "breaks_helper"},
    {"unresolved", 1, "S03", VERDICT_FAIL, "kindred_has_no_such_function"},
    {"breaks_tls", 1, "S04", VERDICT_FAIL, "static thread-local"},
    {"breaks_unique", 1, "S05", VERDICT_FAIL, "breaks_unique"},
    {"breaks_now", 1, "S06", VERDICT_FAIL, "-z,now"},
    {"breaks_relro", 1, "S06", VERDICT_FAIL, "RELRO"},
    {"breaks_stack", 1, "S06", VERDICT_FAIL, "executable stack"},
    {"breaks_runpath", 1, "S07", VERDICT_FAIL, "\"lib\""},
    {"breaks_runpath_absolute", 1, "S07", VERDICT_WARN, "/opt/lib"},
    {"needs_library", 0, "S08", VERDICT_FAIL, "libkindred-absent.so.7"},
    {"breaks_glibc", 0, "S09", VERDICT_WARN, "2.99"},
    {"breaks_fast_math", 0, "S10", VERDICT_FAIL, "denormals"},
    {"breaks_constructor", 1, "S11", VERDICT_WARN, "1 constructors"},
    {"breaks_help", 1, "S12", VERDICT_FAIL, "weight has no help"},
    {"breaks_license", 1, "S13", VERDICT_FAIL, "GPL, version 3"},
    {"breaks_build_id", 1, "S17", VERDICT_WARN, "build id"},
    {"brings_op_open_companion", 1, "S18", VERDICT_FAIL,
     "brings_op_open_companion.fake.so: exports helps_kernels"},
    {"brings_op_lazy_companion", 1, "S18", VERDICT_FAIL, "-z,now"},
    {"brings_op_plugin_companion", 1, "S18", VERDICT_FAIL, "a note of its own"},
    {"brings_op_no_cuda", 1, "S18", VERDICT_WARN,
     "its note says kernels for cuda, and brings_op_no_cuda.cuda.so is not beside it"},
    {"brings_op_stray_companion", 1, "S18", VERDICT_WARN, "no op with kernels for fake"},
    {"entry_fails", 1, "R01", VERDICT_FAIL, "no card is plugged in"},
    {"other_id", 1, "R01", VERDICT_FAIL, "does_another"},
    {"missing_slot", 1, "R01", VERDICT_FAIL, "build"},
    {"breaks_crash", 1, "R01", VERDICT_FAIL, "Segmentation fault"},
    {"breaks_exit", 1, "R01", VERDICT_FAIL, "ended the process with status 0"},
    {"breaks_rounding", 1, "R02", VERDICT_FAIL, "rounded"},
    {"breaks_thread", 1, "R03", VERDICT_FAIL, "1 threads"},
    {"breaks_handler", 1, "R04", VERDICT_FAIL, "what signal 12"},
    {"breaks_mask", 1, "R04", VERDICT_FAIL, "blocks or unblocks signal 15"},
    {"breaks_locale", 1, "R05", VERDICT_FAIL, "the locale"},
    {"breaks_folder", 1, "R05", VERDICT_FAIL, "working directory"},
    {"breaks_umask", 1, "R05", VERDICT_FAIL, "umask"},
    {"breaks_environment", 1, "R05", VERDICT_FAIL, "environment"},
    {"breaks_limit", 1, "R05", VERDICT_FAIL, "resource limit"},
    {"breaks_output", 1, "R06", VERDICT_FAIL, "all rights reserved"},
    {"breaks_descriptor", 1, "R07", VERDICT_FAIL, "1 more files"},
    {"breaks_shape", 3, "C01", VERDICT_FAIL, "reshape"},
    {"breaks_labels", 3, "C02", VERDICT_FAIL, "crashed"},
    {"breaks_half_asked", 3, "C02", VERDICT_FAIL, "crashed"},
    {"breaks_bound", 3, "C05", VERDICT_FAIL, "Floating point exception"},
    {"breaks_path", 3, "C06", VERDICT_FAIL, "/nowhere/at/all"},
    {"breaks_memory", 3, "C08", VERDICT_FAIL, "allocation number 1 fails"},
    {"breaks_map", 3, "M03", VERDICT_FAIL, "map 0"},
    {"breaks_pool", 3, "M12", VERDICT_FAIL, "with one thread"},
    {"breaks_gradient", 3, "M01", VERDICT_FAIL, "gets no gradient"},
    {"breaks_repeat", 3, "M02", VERDICT_FAIL, "built again"},
    {"breaks_old_host", 3, "C01", VERDICT_FAIL, "crashed"},
    {"breaks_old_files", 3, "C01", VERDICT_FAIL, "crashed"},
    {"breaks_order", 3, "M04", VERDICT_FAIL, "in another order"},
    {"breaks_threads", 3, "M05", VERDICT_FAIL, "threads read"},
    {"breaks_blind", 3, "M06", VERDICT_FAIL, "noise too"},
    {"breaks_again", 3, "M07", VERDICT_FAIL, "measured again"},
    {"breaks_kernel", 3, "M09", VERDICT_FAIL, "relu"},
    {"breaks_zeros", 3, "M08", VERDICT_FAIL, "not 0"},
    {"brings_op_no_note", 3, "R01", VERDICT_FAIL,
     "cubes::cube_grad, of which its note says nothing"},
    {"brings_op_prefix", 3, "R01", VERDICT_FAIL, "brings the op cube, of which"},
    {"brings_op_shape", 3, "C01", VERDICT_FAIL, "shape rule gives output 0 no shape"},
    {"brings_op_gradient", 3, "M10", VERDICT_FAIL, "differences say"},
    {"brings_op_kernel", 3, "M11", VERDICT_FAIL, "cubes::cube [3, 5] on cpu in f32"},
    {"brings_op_no_case", 3, "M11", VERDICT_FAIL, "cubes::cube_grad has no case"},
};

/* Where the check finds kindred's own plugins, to put others to work with. */
static void find_own(arena *a) {
    static const char *const kinds[] = {"backbones", "methods",           "datasets",
                                        "evals",     "devices/reference", "devices/cpu"};
    const char *root = getenv("KINDRED_TEST_PLUGINS"), *path = NULL;
    cr_assert(root, "KINDRED_TEST_PLUGINS is not set");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *one = arena_print(a, "%s/%s", root, kinds[i]);
        path = path ? arena_print(a, "%s:%s", path, one) : one;
    }
    setenv("KINDRED_PLUGIN_PATH", path, 1);
}

TEST(plugin_check, finds_each_broken_rule_and_no_other) {
    arena a = {0};
    find_own(&a);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        /* The sanitizers have constructors, link options and handlers of their own. */
        const bool theirs = SANITIZED && (strcmp(broken[i].file, "breaks_crash") == 0 ||
                                          strcmp(broken[i].file, "unresolved") == 0 ||
                                          strcmp(broken[i].rule, "S11") == 0);
        if (!theirs) {
            expect_breaks(broken[i].file, broken[i].level, broken[i].rule, broken[i].want,
                          broken[i].words);
        }
    }
    arena_free(&a);
}

TEST(plugin_check, passes_a_sound_plugin) {
    arena a = {0};
    find_own(&a);
    expect_breaks("sound", PLUGIN_CHECK_LEVELS - 1, NULL, VERDICT_PASS, "");
    expect_breaks("brings_ops", PLUGIN_CHECK_LEVELS - 1, NULL, VERDICT_PASS, "");
    expect_breaks("brings_op_cuda", 1, NULL, VERDICT_PASS, "");
    /* What the host does for a plugin is not the plugin's fault. */
    expect_breaks("uses_host", 1, NULL, VERDICT_PASS, "");
    arena_free(&a);
}

/* Kernels are for whatever device takes them: which those are, devices say. */
TEST(plugin_check, asks_devices_which_kernels_they_take) {
    arena a = {0};
    find_own(&a);
    expect_breaks("brings_op_companion", 3, "M11", VERDICT_WARN,
                  "for fake were not run: no device that is here takes them");
    char *scratch = arena_text(&a, "/tmp/kindred-check-XXXXXX");
    cr_assert(mkdtemp(scratch));
    corpus_put(&a, "takes_fake", scratch);
    setenv("KINDRED_PLUGIN_PATH", arena_print(&a, "%s:%s", getenv("KINDRED_PLUGIN_PATH"), scratch),
           1);
    expect_breaks("brings_op_companion", 3, "M11", VERDICT_FAIL, "and fake belongs there");
    scratch_remove(scratch);
    arena_free(&a);
}

/* What does not end is told by what it was at; the limit is the test's. */
TEST(plugin_check, says_which_allocation_it_hangs_at) {
    arena a = {0};
    plugin_note note;
    kd_error err = KD_ERROR_INIT;
    find_own(&a);
    const char *path = corpus_file(&a, "breaks_hang");
    plugin_case c = {.path = path,
                     .note = &note,
                     .outcome = note_read(path, &a, &note, &err),
                     .note_error = &err,
                     .memory = &a,
                     .seconds = 8};
    rule_child child = rule_begin(&plugin_rules_memory[0], &c);
    rule_end(&child);
    cr_assert_eq(c.verdict, VERDICT_FAIL);
    cr_assert_str_eq(c.why, "did not end within 8 seconds when its allocation number 1 fails");
    arena_free(&a);
}

static bool is_broken_by_some(const plugin_rule *rule) {
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        if (strcmp(broken[i].rule, rule->id) == 0) {
            return true;
        }
    }
    return false;
}

TEST(plugin_check, has_every_rule_in_its_page_and_a_plugin_that_breaks_it) {
    static const plugin_rule *const lists[] = {
        plugin_rules_static, plugin_rules_companions, plugin_rules_load, plugin_rules_contract,
        plugin_rules_memory, plugin_rules_steps,      plugin_rules_data, plugin_rules_eval,
        plugin_rules_device, plugin_rules_ops};
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char *page;
    size_t bytes;
    const char *path = arena_print(&a, "%s/../docs/plugin-rules.md", getenv("KINDRED_TEST_SOURCE"));
    cr_assert(file_read(path, 0, &page, &bytes, &err), "%s", err.message);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const plugin_rule *rule = lists[i]; rule->id; rule++) {
            cr_expect(strstr(page, arena_print(&a, "| %s |", rule->id)), "%s", rule->id);
            cr_expect(is_broken_by_some(rule), "no plugin of the corpus breaks %s", rule->id);
        }
    }
    free(page);
    arena_free(&a);
}

TEST(plugin_check, says_when_there_is_no_file) {
    kd_error err = KD_ERROR_INIT;
    cr_assert_null(plugin_check_create("/nowhere/at/all.so", &err));
    cr_assert(strstr(err.message, "/nowhere/at/all.so") && *err.hint);
}

TEST(plugin_check, fails_none_of_kindreds_own) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    static const char *const kinds[] = {"devices", "backbones", "methods", "datasets", "evals"};
    const char *folders[5];
    for (int i = 0; i < 5; i++) {
        folders[i] = arena_print(&a, "%s/%s", getenv("KINDRED_TEST_PLUGINS"), kinds[i]);
    }
    find_own(&a);
    const plugin_search search = {.folders = folders, .n_folders = 5, .no_user_plugins = true};
    registry *r = registry_open(&search, &err);
    cr_assert(r, "%s", err.message);
    cr_assert_gt(registry_count(r), 10);
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        if (p->state == PLUGIN_REFUSED) {
            continue;
        }
        plugin_check *c = plugin_check_create(p->path, &err);
        cr_assert(c, "%s", err.message);
        plugin_check_run(c, PLUGIN_CHECK_LEVELS - 1, &(plugin_check_manner){.seed = 1});
        for (int k = 0; k < plugin_check_count(c); k++) {
            const plugin_finding *f = plugin_check_at(c, k);
            cr_expect_neq(f->verdict, VERDICT_FAIL, "%s: %s %s: %s", p->note.id, f->rule->id,
                          f->rule->title, f->why);
        }
        plugin_check_destroy(c);
    }
    registry_close(r);
    arena_free(&a);
}
