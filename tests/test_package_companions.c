/* SPDX-License-Identifier: Apache-2.0
 * Companions, from packing to removal: they go where their plugin goes, and what is asked of it is
 * asked of them. */
#include "package_kit.h"

#include "base/file.h"
#include "package/locks.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIB "lib/x86_64-linux-gnu"
#define INSTALLED "plugins/org.example.cubes-1.0.0"

static const char *const cubes[] = {"brings_op_cuda", NULL};

static const char *digest_of(const char *file, arena *a) {
    char digest[SHA256_HEX];
    kd_error err = KD_ERROR_INIT;
    cr_assert(sha256_file(file, digest, &err), "%s", err.message);
    return arena_text(a, digest);
}

static void install(const char *file, arena *a, installation *ret) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(kit_install(file, a, ret, &err), "%s (%s)", err.message, err.hint);
}

static bool pack(const char *const *files, int n, const char *to, kd_error *err) {
    arena a = {0};
    const char *name;
    const pack_request request = {.files = files, .n_files = n, .to = to};
    const bool ok = package_pack(&request, &a, &to, &name, err);
    arena_free(&a);
    return ok;
}

TEST(package_companions, those_beside_a_plugin_or_named_are_packed) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *home = kit_begin(&a);
    const char *apart[] = {corpus_put(&a, "brings_op_cuda.cuda", "there"),
                           corpus_put(&a, "brings_op_cuda", "here")};
    const char *beside[] = {corpus_file(&a, "brings_op_cuda")};
    const char *both[] = {beside[0], corpus_file(&a, "brings_op_cuda.cuda")};
    cr_assert(pack(beside, 1, "beside.kdpkg", &err), "%s", err.message);
    cr_assert(pack(both, 2, "both.kdpkg", &err), "%s", err.message);
    cr_assert(pack(apart, 2, "apart.kdpkg", &err), "%s", err.message);
    cr_assert_str_eq(digest_of("beside.kdpkg", &a), digest_of("both.kdpkg", &a));
    cr_assert_str_eq(digest_of("beside.kdpkg", &a), digest_of("apart.kdpkg", &a));

    package p;
    kit_unpack("beside.kdpkg", "x", &a);
    cr_assert(package_open("x", &a, &p, &err), "%s", err.message);
    cr_assert_eq(p.n_plugins, 1);
    cr_assert_eq(p.plugins[0].n_companions, 1);
    const package_companion *c = &p.plugins[0].companions[0];
    cr_assert_str_eq(c->file, LIB "/brings_op_cuda.cuda.so");
    cr_assert_str_eq(c->device, "cuda");
    cr_assert_str_eq(c->sha256, digest_of(both[1], &a));
    kit_end(home);
    arena_free(&a);
}

static bool refuse_all(const char *file, kd_error *err) {
    (void)file;
    return kd_fail(err, KD_E_INVALID, "looked at");
}

TEST(package_companions, what_is_packed_is_checked) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *home = kit_begin(&a), *name, *to;
    const char *files[] = {corpus_file(&a, "brings_op_cuda")};
    const pack_request request = {
        .files = files, .n_files = 1, .to = "x.kdpkg", .check_companion = refuse_all};
    cr_assert_not(package_pack(&request, &a, &to, &name, &err));
    EXPECT_IN("brings_op_cuda.cuda.so: looked at", err.message);
    cr_assert_not(file_exists("x.kdpkg"));
    kit_end(home);
    arena_free(&a);
}

TEST(package_companions, those_that_are_missing_or_of_nobody_are_refused) {
    static const struct {
        const char *files[3], *message;
    } cases[] = {
        {{"brings_op_no_cuda"}, "note says kernels for cuda, and "},
        {{"brings_ops", "brings_op_cuda.cuda"}, "no companion of one here"},
        {{"brings_ops", "no_note"}, "no companion of one here"},
        {{"brings_op_plugin_companion"}, "named as another plugin's companion"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        kd_error err = KD_ERROR_INIT;
        const char *home = kit_begin(&a), *files[3];
        int n = 0;
        for (; n < 3 && cases[i].files[n]; n++) {
            files[n] = corpus_file(&a, cases[i].files[n]);
        }
        cr_assert_not(pack(files, n, "x.kdpkg", &err), "%s", cases[i].files[0]);
        EXPECT_IN(cases[i].message, err.message);
        cr_assert(*err.hint);
        kit_end(home);
        arena_free(&a);
    }
}

static void build_for_arm(const char *file) {
    const Elf64_Half machine = EM_AARCH64;
    FILE *to = fopen(file, "r+");
    fseek(to, offsetof(Elf64_Ehdr, e_machine), SEEK_SET);
    fwrite(&machine, sizeof machine, 1, to);
    cr_assert_eq(fclose(to), 0);
}

TEST(package_companions, they_are_built_for_the_machine_of_their_plugin) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    package p;
    const char *home = kit_begin(&a);
    const char *companion = corpus_put(&a, "brings_op_cuda.cuda", "arm");
    const char *files[] = {corpus_put(&a, "brings_op_cuda", "arm"),
                           corpus_file(&a, "brings_op_cuda")};
    build_for_arm(companion);
    cr_assert_not(pack(files, 1, "x.kdpkg", &err));
    EXPECT_IN("brings_op_cuda.cuda.so: built for another machine than", err.message);

    build_for_arm(files[0]);
    cr_assert(pack(files, 2, "x.kdpkg", &err), "%s", err.message);
    kit_unpack("x.kdpkg", "x", &a);
    cr_assert(package_open("x", &a, &p, &err), "%s", err.message);
    cr_assert_eq(p.n_plugins, 2);
    cr_assert_str_eq(p.plugins[0].companions[0].file,
                     "lib/aarch64-linux-gnu/brings_op_cuda.cuda.so");
    cr_assert_str_eq(p.plugins[1].companions[0].file, LIB "/brings_op_cuda.cuda.so");
    kit_end(home);
    arena_free(&a);
}

TEST(package_companions, they_are_installed_and_removed_with_their_plugin) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    installation i;
    struct stat s;
    const char *home = kit_begin(&a), *path;
    const char *companion = INSTALLED "/brings_op_cuda.cuda.so";
    kit_trust("ids: org.example.*\n");
    kit_pack("x.kdpkg", true, cubes);
    umask(0);
    install("x.kdpkg", &a, &i);
    cr_assert_str_eq(digest_of(companion, &a),
                     digest_of(corpus_file(&a, "brings_op_cuda.cuda"), &a));
    cr_assert(stat(companion, &s) == 0 && (s.st_mode & 0777) == 0644);
    install("x.kdpkg", &a, &i);
    cr_assert(i.was_there);

    const plugin_search search = {.folders = (const char *[]){"plugins"}, .n_folders = 1};
    registry *r = registry_open(&search, &err);
    int count = 0;
    cr_assert_not_null(r, "%s", err.message);
    cr_assert_not_null(find_listed(r, "org.example.cubes", &count));
    cr_assert_eq(count, 1);
    EXPECT_IN("signed by the key", trust_word(find_listed(r, "org.example.cubes", &count), &a));
    registry_close(r);

    const char *folder = arena_print(&a, "%s/plugins", home);
    cr_assert(package_remove(folder, "org.example.cubes", NULL, &a, &path, &err), "%s",
              err.message);
    cr_assert_not(file_exists(INSTALLED));
    kit_end(home);
    arena_free(&a);
}

TEST(package_companions, an_upgrade_keeps_those_of_a_plugin_that_a_lock_names) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    installation i;
    const char *home = kit_begin(&a);
    kit_trust("");
    kit_pack("old.kdpkg", true, cubes);
    kit_pack("new.kdpkg", true, (const char *const[]){"brings_op_cuda_1_1", NULL});
    install("old.kdpkg", &a, &i);
    const char *file = arena_print(&a, "%s/" INSTALLED "/brings_op_cuda.so", home);
    kit_write("run/plugins.lock",
              arena_print(&a,
                          "{\"plugins\": [{\"kind\": \"method\", \"id\": \"org.example.cubes\","
                          " \"version\": \"1.0.0\", \"sha256\": \"%s\", \"path\": \"%s\"}]}",
                          digest_of(file, &a), file));
    cr_assert(locks_remember("run/plugins.lock", &err), "%s", err.message);
    install("new.kdpkg", &a, &i);
    cr_assert_eq(i.n_kept, 1);
    cr_assert(file_exists(INSTALLED "/brings_op_cuda.cuda.so"));
    cr_assert(file_exists("plugins/org.example.cubes-1.1.0/brings_op_cuda_1_1.cuda.so"));

    cr_assert(file_remove_tree("run", &err));
    cr_assert(file_remove_tree("plugins/org.example.cubes-1.1.0", &err));
    install("new.kdpkg", &a, &i);
    cr_assert_eq(i.n_removed, 1);
    cr_assert_not(file_exists(INSTALLED));
    kit_end(home);
    arena_free(&a);
}

/* Installs a package into a folder with that policy. */
static void install_under(const char *policy, const char *const *names, arena *a) {
    installation i;
    kit_write(
        ".config/kindred/trust.yaml",
        arena_print(a, "policies: [{folder: %s/plugins, policy: %s}]\n", getenv("HOME"), policy));
    kit_trust("");
    kit_pack("x.kdpkg", true, names);
    install("x.kdpkg", a, &i);
}

/* Whether the host would load the plugin from there, and then its kernels for a device. */
static bool loads(const char *word, kd_error *err) {
    const plugin_search search = {
        .folders = (const char *[]){"plugins"}, .n_folders = 1, .trusts = trust_plugin};
    const kd_op_kernel *kernels;
    int count = 0;
    registry *r = registry_open(&search, err);
    const plugin *p = r ? registry_load(r, KD_KIND_METHOD, "org.example.cubes", err) : NULL;
    const bool ok = p && registry_companion(r, p, word, &kernels, &count, err);
    registry_close(r);
    return ok;
}

static void append(const char *path) {
    FILE *to = fopen(path, "a");
    fputs("more", to);
    cr_assert_eq(fclose(to), 0);
}

static void be_open(const char *path) {
    cr_assert_eq(chmod(path, 0666), 0);
}

static void take_away(const char *path) {
    cr_assert_eq(unlink(path), 0);
}

TEST(package_companions, those_that_changed_are_refused) {
    static const struct {
        void (*change)(const char *path);
        const char *message, *hint;
    } cases[] = {
        {append, "not the file that was packed with it", "kindred plugin remove org.example.cubes"},
        {take_away, "brings_op_cuda.cuda.so is not there", "and install the package again"},
        {be_open, "others may write to", "chmod go-w"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena a = {0};
        kd_error err = KD_ERROR_INIT;
        const char *home = kit_begin(&a);
        install_under("require", cubes, &a);
        cr_assert(loads("cuda", &err), "%s (%s)", err.message, err.hint);
        cases[i].change(INSTALLED "/brings_op_cuda.cuda.so");
        cr_assert_not(loads("cuda", &err));
        EXPECT_IN("org.example.cubes-1.0.0/brings_op_cuda.so is not trusted: ", err.message);
        EXPECT_IN(cases[i].message, err.message);
        EXPECT_IN(cases[i].hint, err.hint);
        kit_end(home);
        arena_free(&a);
    }
}

TEST(package_companions, one_that_was_put_beside_an_installed_plugin_is_refused) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *home = kit_begin(&a);
    install_under("require", (const char *const[]){"brings_op_no_companion", NULL}, &a);
    const char *file = corpus_put(&a, "brings_op_stray_companion.fake", "there");
    cr_assert_eq(rename(file, INSTALLED "/brings_op_no_companion.fake.so"), 0);
    cr_assert_eq(chmod(INSTALLED "/brings_op_no_companion.fake.so", 0644), 0);
    cr_assert_not(loads("fake", &err));
    EXPECT_IN("no file of the package org.example.cubes 1.0.0", err.message);

    /* Where nothing is asked, it is loaded. */
    kit_write(".config/kindred/trust.yaml",
              arena_print(&a, "policies: [{folder: %s/plugins, policy: off}]\n", home));
    cr_assert(loads("fake", &err), "%s", err.message);
    kit_end(home);
    arena_free(&a);
}
