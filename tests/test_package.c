/* SPDX-License-Identifier: Apache-2.0
 * Packages from packing to removal: same bytes, whole or not there, kept for locks, and loaded only
 * where the policy lets them be. */
#include "package_kit.h"

#include "base/file.h"
#include "base/log.h"
#include "package/locks.h"
#include "package/places.h"
#include "plugin/search.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

static const char *const variant[] = {"variant_1_0", NULL};

static void install(const char *file, arena *a, installation *ret) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(kit_install(file, a, ret, &err), "%s (%s)", err.message, err.hint);
}

static const char *digest_of(const char *file, arena *a) {
    char digest[SHA256_HEX];
    kd_error err = KD_ERROR_INIT;
    cr_assert(sha256_file(file, digest, &err), "%s", err.message);
    return arena_text(a, digest);
}

TEST(package, the_same_files_make_the_same_bytes) {
    arena a = {0};
    const char *home = kit_begin(&a);
    const struct utimbuf old = {.actime = 1, .modtime = 1};
    kit_pack("one.kdpkg", true, (const char *const[]){"variant_1_0", "variant_1_0_v2", NULL});
    utime(corpus_file(&a, "variant_1_0"), &old);
    umask(077);
    kit_pack("two.kdpkg", true, (const char *const[]){"variant_1_0_v2", "variant_1_0", NULL});
    cr_assert_str_eq(digest_of("one.kdpkg", &a), digest_of("two.kdpkg", &a));
    kit_end(home);
    arena_free(&a);
}

TEST(package, what_is_installed_is_what_was_packed) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    installation i;
    struct stat s;
    const char *home = kit_begin(&a);
    kit_trust("ids: variant\n");
    kit_pack("x.kdpkg", true, variant);
    umask(0);
    install("x.kdpkg", &a, &i);
    cr_assert_not(i.was_there);
    cr_assert_str_eq(i.path, arena_print(&a, "%s/plugins/variant-1.0.0", home));
    cr_assert_not_null(i.what.key);
    const char *file = arena_print(&a, "%s/variant_1_0.so", i.path);
    cr_assert_str_eq(digest_of(file, &a), digest_of(corpus_file(&a, "variant_1_0"), &a));
    cr_assert(stat(file, &s) == 0 && (s.st_mode & 0777) == 0644);
    cr_assert(stat(i.path, &s) == 0 && (s.st_mode & 0777) == 0755);
    install("x.kdpkg", &a, &i);
    cr_assert(i.was_there);

    const char *folder = arena_print(&a, "%s/plugins", home), *path;
    cr_assert(package_remove(folder, "variant", NULL, &a, &path, &err), "%s", err.message);
    cr_assert_not(file_exists(i.path));
    cr_assert_not(package_remove(folder, "variant", NULL, &a, &path, &err));
    EXPECT_IN("not installed", err.message);
    kit_end(home);
    arena_free(&a);
}

static void write_lock(const char *run, const char *plugin_file, arena *a) {
    kd_error err = KD_ERROR_INIT;
    const char *lock = arena_print(a, "%s/plugins.lock", run);
    kit_write(lock, arena_print(a,
                                "{\"plugins\": [{\"kind\": \"method\", \"id\": \"variant\", "
                                "\"version\": \"1.0.0\", \"isa\": \"\", \"sha256\": \"%s\", "
                                "\"path\": \"%s\"}]}",
                                digest_of(plugin_file, a), plugin_file));
    cr_assert(locks_remember(lock, &err), "%s", err.message);
}

TEST(package, an_upgrade_removes_what_no_lock_names) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    installation i;
    const char *home = kit_begin(&a), *path;
    const char *folder = arena_print(&a, "%s/plugins", home);
    kit_trust("");
    kit_pack("old.kdpkg", true, variant);
    kit_pack("new.kdpkg", true, (const char *const[]){"variant_1_1", NULL});
    install("old.kdpkg", &a, &i);
    install("new.kdpkg", &a, &i);
    cr_assert_eq(i.n_removed, 1);
    cr_assert_not(file_exists("plugins/variant-1.0.0"));

    install("old.kdpkg", &a, &i);
    cr_assert_str_eq(i.newer, "1.1.0");
    write_lock("run", arena_print(&a, "%s/variant_1_0.so", i.path), &a);
    install("new.kdpkg", &a, &i);
    cr_assert_eq(i.n_kept, 1);
    EXPECT_IN("run/plugins.lock", i.kept[0]);
    cr_assert(file_exists("plugins/variant-1.0.0"));
    cr_assert_not(package_remove(folder, "variant", NULL, &a, &path, &err));
    EXPECT_IN("2 versions", err.message);
    cr_assert_not(package_remove(folder, "variant", "1.0.0", &a, &path, &err));
    EXPECT_IN("is named by", err.message);

    cr_assert(file_remove_tree("run", &err));
    cr_assert(package_remove(folder, "variant", "1.0.0", &a, &path, &err), "%s", err.message);
    kit_end(home);
    arena_free(&a);
}

static int start_install(const char *file) {
    const int pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        arena a = {0};
        kd_error err = KD_ERROR_INIT;
        installation i;
        const bool ok = kit_install(file, &a, &i, &err);
        if (!ok) {
            fprintf(stderr, "%s\n", err.message);
        }
        _exit(ok ? 0 : 1);
    }
    return pid;
}

/* Whole or not there, and nothing that a later install does not sweep away. */
static void expect_whole(arena *a) {
    kd_error err = KD_ERROR_INIT;
    const package *list;
    package p;
    const int n = packages_in("plugins", a, &list);
    if (file_exists("plugins/variant-1.0.0")) {
        cr_assert_eq(n, 1);
        cr_assert(package_open("plugins/variant-1.0.0", a, &p, &err), "%s", err.message);
        cr_assert_str_eq(digest_of("plugins/variant-1.0.0/variant_1_0.so", a),
                         digest_of(corpus_file(a, "variant_1_0"), a));
    } else {
        cr_assert_eq(n, 0);
    }
}

TEST(package, a_killed_install_leaves_all_or_nothing) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *home = kit_begin(&a);
    int whole = 0, gone = 0;
    kit_trust("");
    kit_pack("x.kdpkg", true, variant);
    for (int i = 0; i < 40; i++) {
        int status;
        const int pid = start_install("x.kdpkg");
        usleep((useconds_t)(i * 500));
        kill(pid, SIGKILL);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        expect_whole(&a);
        const bool there = file_exists("plugins/variant-1.0.0");
        whole += there;
        gone += !there;
        cr_assert(file_remove_tree("plugins/variant-1.0.0", &err), "%s", err.message);
    }
    cr_assert_gt(gone, 0, "none was killed in time");
    installation i;
    install("x.kdpkg", &a, &i);
    expect_whole(&a);
    cr_assert_eq(system("test -z \"$(ls -A plugins | grep tmp-)\""), 0, "something was left");
    kit_end(home);
    arena_free(&a);
}

TEST(package, installs_at_once_wait_for_one_another) {
    arena a = {0};
    const char *home = kit_begin(&a);
    int pids[6];
    kit_trust("");
    kit_pack("x.kdpkg", true, variant);
    kit_pack("y.kdpkg", true, (const char *const[]){"good", NULL});
    for (int i = 0; i < 6; i++) {
        pids[i] = start_install(i % 2 ? "x.kdpkg" : "y.kdpkg");
    }
    for (int i = 0; i < 6; i++) {
        int status;
        cr_assert_eq(waitpid(pids[i], &status, 0), pids[i]);
        cr_assert_eq(status, 0);
    }
    const package *list;
    cr_assert_eq(packages_in("plugins", &a, &list), 2);
    kit_end(home);
    arena_free(&a);
}

static int warnings;

static void count_warning(void *arg, int32_t level, const char *line) {
    (void)arg;
    (void)line;
    warnings += level == KD_LOG_WARN;
}

/* Whether the host would load "variant" from where it now is; counts what it warns of. */
static bool loads(const plugin_search *where, kd_error *err) {
    plugin_search search = *where;
    search.trusts = trust_plugin;
    warnings = 0;
    log_set_sink(count_warning, NULL);
    registry *r = registry_open(&search, err);
    const bool ok = r && registry_load(r, KD_KIND_METHOD, "variant", err);
    registry_close(r);
    log_set_sink(NULL, NULL);
    return ok;
}

/* The user's own folder of plugins, as --plugin-path has it and as the home folder is. */
static const char *user_folder(arena *a) {
    const char *folder = search_user_folder(a);
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_make_directories(folder, &err), "%s", err.message);
    return folder;
}

TEST(package, the_home_folder_wants_signatures) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const plugin_search anywhere = {.n_files = 0};
    const char *home = kit_begin(&a), *folder = user_folder(&a);
    const char *file = corpus_put(&a, "variant_1_0", folder);
    const plugin_search named = {.files = &file, .n_files = 1};
    cr_assert_not(loads(&anywhere, &err));
    EXPECT_IN("not from a signed package", err.message);
    EXPECT_IN("kindred plugin install", err.hint);
    cr_assert(loads(&named, &err), "%s", err.message);

    kit_write(".config/kindred/trust.yaml",
              arena_print(&a, "policies: [{folder: %s, policy: off}]\n", folder));
    cr_assert(loads(&anywhere, &err), "%s", err.message);
    cr_assert_eq(warnings, 0);
    kit_end(home);
    arena_free(&a);
}

/* An installed package, in a folder that has the policy. */
static const char *installed(const char *policy, arena *a) {
    installation i;
    kit_write(
        ".config/kindred/trust.yaml",
        arena_print(a, "policies: [{folder: %s/plugins, policy: %s}]\n", getenv("HOME"), policy));
    kit_trust("");
    kit_pack("x.kdpkg", true, variant);
    install("x.kdpkg", a, &i);
    return arena_print(a, "%s/plugins", getenv("HOME"));
}

static void change(const char *file) {
    FILE *to = fopen(file, "a");
    fputs("more", to);
    fclose(to);
}

TEST(package, an_installed_plugin_that_changed_is_refused) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *home = kit_begin(&a), *folder = installed("require", &a);
    const plugin_search search = {.folders = &folder, .n_folders = 1};
    cr_assert(loads(&search, &err), "%s (%s)", err.message, err.hint);
    change("plugins/variant-1.0.0/variant_1_0.so");
    cr_assert_not(loads(&search, &err));
    EXPECT_IN("not the file that was packed as variant 1.0.0", err.message);
    EXPECT_IN("kindred plugin remove variant@1.0.0", err.hint);
    kit_end(home);
    arena_free(&a);
}

TEST(package, a_key_that_is_revoked_later_stops_what_it_signed) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *home = kit_begin(&a), *folder = installed("require", &a);
    const plugin_search search = {.folders = &folder, .n_folders = 1};
    kit_write(".config/kindred/revoked.d/today", "key " KIT_KEY " stolen\n");
    cr_assert_not(loads(&search, &err));
    EXPECT_IN("was revoked: stolen", err.message);
    kit_end(home);
    arena_free(&a);
}

TEST(package, what_others_may_write_is_refused_or_warned_of) {
    static const char *const open_paths[] = {"plugins/variant-1.0.0/variant_1_0.so",
                                             "plugins/variant-1.0.0", "plugins"};
    static const struct {
        const char *policy;
        bool loads;
        int warnings;
    } cases[] = {{"require", false, 0}, {"warn", true, 1}, {"off", true, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < sizeof open_paths / sizeof *open_paths; k++) {
            arena a = {0};
            kd_error err = KD_ERROR_INIT;
            const char *home = kit_begin(&a), *folder = installed(cases[i].policy, &a);
            const plugin_search search = {.folders = &folder, .n_folders = 1};
            cr_assert_eq(chmod(open_paths[k], 0777), 0);
            cr_assert_eq(loads(&search, &err), cases[i].loads, "%s %s", cases[i].policy,
                         open_paths[k]);
            cr_assert_eq(warnings, cases[i].warnings);
            if (!cases[i].loads) {
                EXPECT_IN("others may write to", err.message);
                EXPECT_IN("chmod go-w", err.hint);
            }
            kit_end(home);
            arena_free(&a);
        }
    }
}

TEST(package, the_longest_folder_decides) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    trust t;
    const char *home = kit_begin(&a);
    kit_write(".config/kindred/trust.yaml", "policies:\n"
                                            "  - {folder: /opt/lab/own, policy: off}\n"
                                            "  - {folder: /opt/lab/, policy: require}\n");
    cr_assert(trust_open(&t, &err), "%s", err.message);
    cr_assert_eq(trust_policy_given(&t, "/opt/lab/x.so"), TRUST_REQUIRE);
    cr_assert_eq(trust_policy_given(&t, "/opt/lab/own/x.so"), TRUST_OFF);
    cr_assert_eq(trust_policy_given(&t, "/opt/laboratory/x.so"), -1);
    trust_close(&t);
    kit_end(home);
    arena_free(&a);
}
