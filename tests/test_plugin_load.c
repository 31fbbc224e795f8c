/* SPDX-License-Identifier: Apache-2.0
 * The loader: what it accepts, what it finds wrong, and that the process is left as it was. */
#include "base/log.h"
#include "plugin_corpus.h"

#include <kindred/dataset.h>
#include <kindred/method.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a registry that knows one file of the corpus, and loads it. */
static const plugin *load(const char *name, uint32_t kind, registry **ret, kd_error *err) {
    arena a = {0};
    const char *file = corpus_file(&a, name);
    *ret = registry_open(&(plugin_search){.files = &file, .n_files = 1}, err);
    cr_assert_not_null(*ret, "%s", err->message);
    const plugin *p = registry_load(*ret, kind, name, err);
    arena_free(&a);
    return p;
}

TEST(plugin_load, gives_the_table_and_only_one) {
    kd_error err = KD_ERROR_INIT;
    registry *r;
    const plugin *p = load("good", KD_KIND_METHOD, &r, &err);
    cr_assert_not_null(p, "%s", err.message);
    const kd_method *method = p->table;
    cr_assert_not_null(method->build);
    cr_assert_eq(method->min_views, 2);
    cr_assert_eq(registry_load(r, 0, "good", &err), p);
    cr_assert_eq(p->table, method);

    char hex[65], again[65];
    cr_assert(plugin_digest(p, hex, &err), "%s", err.message);
    cr_assert_eq(strlen(hex), 64);
    cr_assert(plugin_digest(p, again, &err) && strcmp(hex, again) == 0);
    registry_close(r);
}

TEST(plugin_load, says_what_is_wrong_with_a_plugin) {
    static const struct {
        const char *name;
        uint32_t kind;
        const char *message, *hint;
    } cases[] = {
        {"other_id", KD_KIND_METHOD, "its code says method does_another", "rebuild"},
        {"no_entry", KD_KIND_METHOD, "does not export kindred_plugin_entry_v0", "KD_METHOD"},
        {"borrows_entry", KD_KIND_METHOD, "does not export", "KD_METHOD"},
        {"missing_slot", KD_KIND_METHOD, "its table lacks `build`", "author"},
        {"short_table", KD_KIND_METHOD, "size is 8, less than", "author"},
        {"device", KD_KIND_DEVICE, "its kernel 1 (add) has no size, op or run", "author"},
        {"unresolved", KD_KIND_METHOD, "kindred_has_no_such_function", "imports nothing"},
        {"needs_library", KD_KIND_METHOD, "needs the library libkindred-absent.so.7", "package"},
        {"entry_fails", KD_KIND_METHOD, "no card is plugged in", "plug one in"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_error err = KD_ERROR_INIT;
        registry *r;
        cr_assert_null(load(cases[i].name, cases[i].kind, &r, &err), "%s", cases[i].name);
        EXPECT_IN(cases[i].message, err.message);
        EXPECT_IN(cases[i].name, err.message);
        EXPECT_IN(cases[i].hint, err.hint);
        registry_close(r);
    }
}

TEST(plugin_load, a_table_from_the_future_is_cut_to_what_is_known) {
    kd_error err = KD_ERROR_INIT;
    registry *r;
    const plugin *p = load("newer_table", KD_KIND_METHOD, &r, &err);
    cr_assert_not_null(p, "%s", err.message);
    cr_assert_eq(((const kd_method *)p->table)->min_views, 3);
    registry_close(r);
}

static void keep_line(void *arg, int32_t level, const char *line) {
    char *all = arg;
    (void)level;
    strncat(all, line, 4000 - strlen(all));
    strcat(all, "\n");
}

TEST(plugin_load, the_host_serves_and_optional_slots_are_filled) {
    char lines[4096] = "";
    kd_error err = KD_ERROR_INIT;
    registry *r;
    log_set_sink(keep_line, lines);
    const plugin *p = load("uses_host", KD_KIND_DATASET, &r, &err);
    log_set_sink(NULL, NULL);
    cr_assert_not_null(p, "%s", err.message);
    EXPECT_IN("hello from a plugin", lines);
    cr_assert_null(strstr(lines, "and more"));
    cr_assert_null(((const kd_dataset *)p->table)->class_name(NULL, 0));
    registry_close(r);
}

TEST(plugin_load, the_process_is_left_as_it_was) {
    static const char *const changed[] = {"floating-point modes", "signal handling", "locale",
                                          "umask", "working directory"};
    char lines[4096] = "", before[4096], after[4096];
    kd_error err = KD_ERROR_INIT;
    registry *r;
    volatile float tiny = 1e-38f;
    cr_assert_not_null(getcwd(before, sizeof before));
    setlocale(LC_ALL, "C");
    umask(022);
    log_set_sink(keep_line, lines);
    const plugin *p = load("meddles", KD_KIND_METHOD, &r, &err);
    log_set_sink(NULL, NULL);
    cr_assert_not_null(p, "%s", err.message);
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        EXPECT_IN(changed[i], lines);
    }
    EXPECT_IN("plugin meddles", lines);
    sigset_t blocked;
    struct sigaction action;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    sigaction(SIGTERM, NULL, &action);
    cr_assert_gt(tiny * 0.25f, 0, "denormals are flushed to zero");
    cr_assert_not(sigismember(&blocked, SIGUSR1));
    cr_assert_eq(action.sa_handler, SIG_DFL);
    cr_assert_str_eq(setlocale(LC_ALL, NULL), "C");
    cr_assert_eq(umask(022), 022);
    cr_assert_str_eq(getcwd(after, sizeof after), before);
    registry_close(r);
}
