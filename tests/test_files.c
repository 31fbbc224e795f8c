/* SPDX-License-Identifier: Apache-2.0
 * The reader of files: folders, every type of archive, compressed files, parts of them. */
#include "files_kit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the archive's order, which is not that of the paths. */
static const kit_file tree[] = {
    {"b/two.txt", "two", 3},         {"a.txt", "first", 5},      {".hidden", "x", 1},
    {"b/._two.txt", "x", 1},         {"__MACOSX/a.txt", "x", 1}, {"b/.git/config", "x", 1},
    {"./c/d/deep.bin", "\0\1\2", 3}, {"b-side", "", 0},
};
static const char *const sorted[] = {"a.txt", "b-side", "b/two.txt", "c/d/deep.bin"};
#define N_TREE ((int)(sizeof tree / sizeof tree[0]))

static void expect_tree(kd_files *f) {
    cr_assert_eq(files_api()->count(f), 4, "%d entries", (int)files_api()->count(f));
    for (int i = 0; i < 4; i++) {
        EXPECT_TEXT(files_api()->path(f, i), sorted[i]);
    }
    cr_assert_eq(files_api()->bytes(f, 2), 3);
    files_kit_entry(f, 2, "two", 3); /* forwards, backwards and again */
    files_kit_entry(f, 3, "\0\1\2", 3);
    files_kit_entry(f, 0, "first", 5);
    files_kit_entry(f, 0, "first", 5);
    files_kit_entry(f, 1, "", 0);
}

TEST(files, folder) {
    kit k;
    kit_init(&k);
    for (int i = 0; i < N_TREE; i++) {
        kit_write(&k, arena_print(&k.memory, "t/%s", tree[i].path), tree[i].data, tree[i].bytes);
    }
    kd_files *f = files_kit_open(arena_print(&k.memory, "%s/t//", k.folder));
    expect_tree(f);
    cr_assert_eq(files_api()->order(f, 3), 3);
    files_api()->close(f);
    kit_finish(&k);
}

TEST(files, every_archive) {
    static const char *const names[] = {"t.tar",    "t.tar.gz",  "t.tar.bz2",
                                        "t.tar.xz", "t.tar.zst", "t.zip"};
    kit k;
    kit_init(&k);
    for (int i = 0; i < 6; i++) {
        kd_files *f = files_kit_open(kit_archive(&k, names[i], tree, N_TREE));
        expect_tree(f);
        cr_assert_lt(files_api()->order(f, 2), files_api()->order(f, 0), "%s", names[i]);
        cr_assert_lt(files_api()->order(f, 0), files_api()->order(f, 3), "%s", names[i]);
        files_api()->close(f);
    }
    kit_finish(&k);
}

/* An archive is known by what it holds. */
TEST(files, archive_of_another_name) {
    kit k;
    kit_init(&k);
    const char *path = kit_archive(&k, "t.tar.gz", tree, N_TREE), *other = kit_path(&k, "data");
    cr_assert_eq(rename(path, other), 0);
    kd_files *f = files_kit_open(other);
    expect_tree(f);
    files_api()->close(f);
    kit_finish(&k);
}

TEST(files, single_file) {
    static const kit_file one = {"numbers.bin", "1234567", 7};
    static const char *const names[] = {"numbers.bin.gz", "numbers.bin.bz2", "numbers.bin.xz",
                                        "numbers.bin.zst"};
    kit k;
    kit_init(&k);
    for (int i = 0; i < 4; i++) {
        kd_files *f = files_kit_open(kit_archive(&k, names[i], &one, 1));
        cr_assert_eq(files_api()->count(f), 1);
        cr_assert_eq(files_api()->bytes(f, 0), -1);
        EXPECT_TEXT(files_api()->path(f, 0), "numbers.bin");
        files_kit_entry(f, 0, "1234567", 7);
        files_kit_entry(f, 0, "1234567", 7);
        files_api()->close(f);
    }
    kd_files *f = files_kit_open(kit_text(&k, "plain.gz.txt", "not packed"));
    EXPECT_TEXT(files_api()->path(f, 0), "plain.gz.txt");
    cr_assert_eq(files_api()->bytes(f, 0), 10);
    files_kit_entry(f, 0, "not packed", 10);
    files_api()->close(f);
    kit_finish(&k);
}

#define MANY 300

static const char *many_archive(kit *k, const char *name) {
    kit_file *files = arena_alloc(&k->memory, MANY * sizeof *files);
    for (int i = 0; i < MANY; i++) {
        const int number = (i * 7) % MANY; /* the archive's order differs from the sorted one */
        const char *text = arena_print(&k->memory, "content %d", number);
        files[i] = (kit_file){arena_print(&k->memory, "%03d", number), text, strlen(text)};
    }
    return kit_archive(k, name, files, MANY);
}

typedef struct reader {
    kd_files *files;
    const int64_t *order; /* entries by their place */
    int *next;
    int wrong;
} reader;

static void *read_many(void *arg) {
    reader *r = arg;
    for (int i; (i = __atomic_fetch_add(r->next, 1, __ATOMIC_RELAXED)) < MANY;) {
        void *data = NULL;
        size_t bytes = 0;
        kd_error err = KD_ERROR_INIT;
        char want[32];
        const int64_t entry = r->order[i];
        const bool good = files_api()->read(r->files, entry, &data, &bytes, &err);
        snprintf(want, sizeof want, "content %d", (int)entry);
        r->wrong += !good || bytes != strlen(want) || memcmp(data, want, bytes) != 0;
        files_api()->release(data);
    }
    return NULL;
}

TEST(files, threads_share_one_pass) {
    static const char *const names[] = {"t.tar.gz", "t.zip", "t.tar"};
    kit k;
    kit_init(&k);
    for (int i = 0; i < 3; i++) {
        kd_files *f = files_kit_open(many_archive(&k, names[i]));
        int64_t order[MANY];
        for (int j = 0; j < MANY; j++) {
            order[files_api()->order(f, j)] = j;
        }
        pthread_t threads[4];
        reader readers[4];
        int next = 0;
        for (int t = 0; t < 4; t++) {
            readers[t] = (reader){f, order, &next, 0};
            cr_assert_eq(pthread_create(&threads[t], NULL, read_many, &readers[t]), 0);
        }
        for (int t = 0; t < 4; t++) {
            pthread_join(threads[t], NULL);
            cr_assert_eq(readers[t].wrong, 0);
        }
        files_api()->close(f);
    }
    kit_finish(&k);
}

static void expect_part(kd_files *f, int64_t entry, int64_t offset, const void *want,
                        size_t bytes) {
    char got[64] = "";
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(files_api()->read_part(f, entry, offset, got, bytes, &err), err);
    cr_assert_eq(memcmp(got, want, bytes), 0, "%s from %lld: \"%s\"", files_api()->path(f, entry),
                 (long long)offset, got);
}

static void expect_no_part(kd_files *f, int64_t entry, int64_t offset, size_t bytes) {
    char to[64];
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(files_api()->read_part(f, entry, offset, to, bytes, &err));
    EXPECT_IN("t", err.message);
}

static void expect_parts(kd_files *f) {
    for (int round = 0; round < 2; round++) { /* onwards, back, into another one and again */
        expect_part(f, 0, 0, "first", 5);
        expect_part(f, 2, 0, "t", 1);
        expect_part(f, 2, 2, "o", 1);
        expect_part(f, 2, 1, "wo", 2);
        files_kit_entry(f, 2, "two", 3);
        expect_part(f, 2, 3, "", 0);
        expect_part(f, 3, 1, "\1\2", 2);
        expect_no_part(f, 2, 2, 2);
        expect_no_part(f, 2, 4, 0);
        expect_no_part(f, 2, -1, 1);
    }
}

TEST(files, parts_of_entries) {
    static const char *const names[] = {"t.tar",    "t.tar.gz",  "t.tar.bz2",
                                        "t.tar.xz", "t.tar.zst", "t.zip"};
    kit k;
    kit_init(&k);
    for (int i = 0; i < N_TREE; i++) {
        kit_write(&k, arena_print(&k.memory, "t/%s", tree[i].path), tree[i].data, tree[i].bytes);
    }
    for (int i = -1; i < 6; i++) {
        kd_files *f =
            files_kit_open(i < 0 ? kit_path(&k, "t") : kit_archive(&k, names[i], tree, N_TREE));
        expect_parts(f);
        files_api()->close(f);
    }
    static const kit_file one = {"numbers.bin", "1234567", 7};
    kd_files *f = files_kit_open(kit_archive(&k, "numbers.bin.gz", &one, 1));
    expect_part(f, 0, 2, "345", 3);
    expect_part(f, 0, 1, "23", 2);
    expect_no_part(f, 0, 6, 2); /* whose length is not known before */
    files_api()->close(f);
    f = files_kit_open(kit_text(&k, "plain.txt", "not packed"));
    expect_part(f, 0, 4, "packed", 6);
    files_api()->close(f);
    kit_finish(&k);
}

/* Links, long names, which take headers of their own, and sizes around the blocks of a tar. */
TEST(files, parts_of_a_tar) {
    static char data[3016];
    kit k;
    kit_init(&k);
    kit_file files[10];
    for (int i = 0; i < (int)sizeof data; i++) {
        data[i] = (char)(i * 7 + i / 256);
    }
    static const size_t bytes[] = {0, 1, 511, 512, 513, 1024, 3000, 700};
    for (int i = 0; i < 8; i++) {
        const int long_name = i % 2 ? 240 : 1;
        files[i] =
            (kit_file){arena_print(&k.memory, "%d%0*d", i, long_name, 0), data + i, bytes[i]};
    }
    files[8] = (kit_file){"8", NULL, 1}; /* a hard link to the one before */
    files[9] = (kit_file){"9", data + 9, 40};
    kd_files *f = files_kit_open(kit_archive(&k, "t.tar", files, 10));
    cr_assert_eq(files_api()->count(f), 10);
    for (int i = 9; i >= 0; i--) {
        const kit_file *want = &files[i == 8 ? 7 : i];
        char got[3000];
        kd_error err = KD_ERROR_INIT;
        EXPECT_GOOD(files_api()->read_part(f, i, 0, got, want->bytes, &err), err);
        cr_assert_eq(memcmp(got, want->data, want->bytes), 0, "entry %d", i);
    }
    files_api()->close(f);
    kit_finish(&k);
}

TEST(files, fingerprint_sees_changes) {
    kit k;
    kit_init(&k);
    kit_text(&k, "t/a", "1");
    const char *path = kit_text(&k, "t/b", "1"), *folder = kit_path(&k, "t");
    char seen[5][65];
    for (int i = 0; i < 5; i++) {
        struct stat info;
        cr_assert(stat(path, &info) == 0);
        if (i == 2) { /* a name */
            cr_assert_eq(rename(kit_path(&k, "t/a"), kit_path(&k, "t/c")), 0);
        } else if (i == 3) { /* a size */
            kit_text(&k, "t/c", "12");
        } else if (i == 4) { /* only a time */
            const struct timespec times[2] = {{1, 0}, {1, 5}};
            cr_assert_eq(utimensat(0, path, times, 0), 0);
        }
        kd_files *f = files_kit_open(folder);
        strcpy(seen[i], files_api()->fingerprint(f));
        files_api()->close(f);
    }
    EXPECT_TEXT(seen[0], seen[1]);
    for (int i = 2; i < 5; i++) {
        cr_assert_str_neq(seen[i - 1], seen[i]);
    }
    kit_finish(&k);
}
