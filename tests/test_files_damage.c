/* SPDX-License-Identifier: Apache-2.0
 * The reader of files where they are not as one would have them: links, names that lead out, what
 * is there twice, and damage. */
#include "files_kit.h"

#include <stdlib.h>
#include <unistd.h>

TEST(files, folder_links) {
    kit k;
    kit_init(&k);
    kit_text(&k, "real/x.txt", "x");
    kit_text(&k, "t/y.txt", "y");
    cr_assert_eq(symlink("../real", kit_path(&k, "t/linked")), 0);
    cr_assert_eq(symlink("nowhere", kit_path(&k, "t/dangling.txt")), 0);
    kd_files *f = files_kit_open(kit_path(&k, "t"));
    cr_assert_eq(files_api()->count(f), 3);
    EXPECT_TEXT(files_api()->path(f, 1), "linked/x.txt");
    files_kit_entry(f, 1, "x", 1);
    void *data;
    size_t bytes;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(files_api()->read(f, 0, &data, &bytes, &err));
    EXPECT_IN("dangling.txt: No such file", err.message);
    files_api()->close(f);
    cr_assert_eq(symlink("..", kit_path(&k, "t/loop")), 0);
    cr_assert_eq(symlink("../t", kit_path(&k, "t/again")), 0);
    kd_files *none = NULL;
    cr_assert_not(files_api()->open(kit_path(&k, "t"), &none, &err));
    EXPECT_IN("a link that leads back", err.message);
    kit_finish(&k);
}

TEST(files, archive_links) {
    static const kit_file linked[] = {
        {"a", "content", 7}, {"hard", NULL, 1}, {"z", "last", 4}, {"soft", NULL, 0}};
    kit k;
    kit_init(&k);
    kd_files *f = files_kit_open(kit_archive(&k, "t.tar", linked, 4));
    cr_assert_eq(files_api()->count(f), 3); /* symbolic links are left out */
    EXPECT_TEXT(files_api()->path(f, 1), "hard");
    cr_assert_eq(files_api()->bytes(f, 1), 7);
    files_kit_entry(f, 1, "content", 7);
    files_api()->close(f);
    kit_finish(&k);
}

TEST(files, archive_repeats) {
    static const kit_file twice[] = {{"a", "old", 3}, {"b", "b", 1}, {"a", "newer", 5}};
    kit k;
    kit_init(&k);
    kd_files *f = files_kit_open(kit_archive(&k, "t.tar", twice, 3));
    cr_assert_eq(files_api()->count(f), 2);
    files_kit_entry(f, 0, "newer", 5); /* as when unpacking */
    files_api()->close(f);
    kit_finish(&k);
}

TEST(files, paths_that_lead_out) {
    static const kit_file bad[] = {
        {"/etc/passwd", "x", 1}, {"../up", "x", 1}, {"a/../../up", "x", 1}, {"a/..", "x", 1}};
    kit k;
    kit_init(&k);
    for (int i = 0; i < 4; i++) {
        files_kit_refused(kit_archive(&k, "t.tar", &bad[i], 1), "leads out of the archive");
    }
    const kit_file fine = {"a..b/..c", "x", 1};
    kd_files *f = files_kit_open(kit_archive(&k, "t.tar.gz", &fine, 1));
    cr_assert_eq(files_api()->count(f), 0); /* "..c" is hidden, but no danger */
    files_api()->close(f);
    kit_finish(&k);
}

TEST(files, names_in_utf8) {
    static const kit_file named[] = {{"hund/größe.txt", "x", 1}};
    kit k;
    kit_init(&k);
    for (int i = 0; i < 2; i++) {
        kd_files *f = files_kit_open(kit_archive(&k, i ? "t.zip" : "t.tar", named, 1));
        EXPECT_TEXT(files_api()->path(f, 0), named[0].path);
        files_api()->close(f);
    }
    kit_finish(&k);
}

/* Of data that does not compress, so that a cut falls into it. */
static const char *random_archive(kit *k, const char *name) {
    unsigned char *noise = arena_alloc(&k->memory, 200000);
    uint32_t random = 1;
    for (int i = 0; i < 200000; i++) {
        random = random * 1664525 + 1013904223;
        noise[i] = (unsigned char)(random >> 24);
    }
    const kit_file files[] = {{"a", noise, 100000}, {"b", noise + 100000, 100000}};
    return kit_archive(k, name, files, 2);
}

TEST(files, archives_cut_short) {
    static const char *const names[] = {"t.tar",    "t.tar.gz",  "t.tar.bz2",
                                        "t.tar.xz", "t.tar.zst", "t.zip"};
    kit k;
    kit_init(&k);
    for (int i = 0; i < 6; i++) {
        const char *path = random_archive(&k, names[i]);
        cr_assert_eq(truncate(path, 150000), 0);
        files_kit_refused(path, "");
        cr_assert_eq(truncate(path, 0), 0);
        files_kit_refused(path, "the file is empty");
    }
    files_kit_refused(kit_text(&k, "text.tar.gz", "hello"), "not an archive");
    files_kit_refused(kit_path(&k, "missing.zip"), "No such file");
    kit_finish(&k);
}

/* A damaged member of a zip is an error of its own; the others can still be read. */
TEST(files, one_damaged_entry) {
    kit k;
    kit_init(&k);
    unsigned char *data = NULL;
    const char *path = random_archive(&k, "t.zip");
    FILE *file = fopen(path, "r+b");
    cr_assert(file && fseek(file, 50000, SEEK_SET) == 0 && fwrite("damage", 1, 6, file) == 6);
    fclose(file);
    kd_files *f = files_kit_open(path);
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(files_api()->read(f, 0, (void **)&data, &bytes, &err));
    EXPECT_IN("t.zip: a: ", err.message);
    EXPECT_GOOD(files_api()->read(f, 1, (void **)&data, &bytes, &err), err);
    cr_assert_eq(bytes, 100000);
    files_api()->release(data);
    files_api()->close(f);
    kit_finish(&k);
}
