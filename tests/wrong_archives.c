/* SPDX-License-Identifier: Apache-2.0
 * Archives that nobody should unpack, or that are none. */
#include "wrong_packages.h"

#include <archive_entry.h>
#include <stdlib.h>
#include <unistd.h>

static void archive_of(const kit_entry *entry) {
    const kit_entry entries[] = {
        {.path = "variant-1.0.0/share/first", .type = AE_IFREG, .data = "x", .bytes = 1}, *entry};
    kit_archive("x.kdpkg", entries, 2);
}

#define HOLDS(name, ...)                                                                           \
    static void name(arena *a) {                                                                   \
        (void)a;                                                                                   \
        archive_of(&(kit_entry){__VA_ARGS__});                                                     \
    }
HOLDS(climbs, .path = "variant-1.0.0/../../evil", .type = AE_IFREG)
HOLDS(is_absolute, .path = "/tmp/evil", .type = AE_IFREG)
HOLDS(is_hidden, .path = "variant-1.0.0/.evil", .type = AE_IFREG)
HOLDS(is_control, .path = "variant-1.0.0/e\033[31mvil", .type = AE_IFREG)
HOLDS(has_symlink, .path = "variant-1.0.0/evil", .type = AE_IFLNK, .link = "/etc/passwd")
HOLDS(has_hard_link, .path = "variant-1.0.0/evil", .type = AE_IFREG, .link = "/etc/passwd")
HOLDS(has_folder, .path = "variant-1.0.0/evil/", .type = AE_IFDIR)
HOLDS(has_pipe, .path = "variant-1.0.0/evil", .type = AE_IFIFO)
HOLDS(has_two_folders, .path = "other-1.0.0/evil", .type = AE_IFREG)
HOLDS(has_it_twice, .path = "variant-1.0.0/share/first", .type = AE_IFREG)

static void is_a_bomb(arena *a) {
    const size_t bytes = (size_t)64 << 20;
    void *zeros = calloc(1, bytes);
    (void)a;
    archive_of(&(kit_entry){
        .path = "variant-1.0.0/zeros", .type = AE_IFREG, .data = zeros, .bytes = bytes});
    free(zeros);
}

static void has_many_files(arena *a) {
    kit_entry entries[PACKAGE_MAX_FILES + 1];
    for (int i = 0; i <= PACKAGE_MAX_FILES; i++) {
        entries[i] = (kit_entry){.path = arena_print(a, "variant-1.0.0/%d", i), .type = AE_IFREG};
    }
    kit_archive("x.kdpkg", entries, PACKAGE_MAX_FILES + 1);
}

static void is_empty(arena *a) {
    (void)a;
    kit_archive("x.kdpkg", NULL, 0);
}

static void is_text(arena *a) {
    (void)a;
    kit_write("x.kdpkg", "<html>404 not found</html>\n");
}

static void is_cut(arena *a) {
    (void)a;
    pack_sound();
    cr_assert_eq(truncate("x.kdpkg", 2000), 0);
}

static void is_not_there(arena *a) {
    (void)a;
}

const wrong_package wrong_archives[] = {
    {"a path that climbs", climbs},
    {"an absolute path", is_absolute},
    {"a hidden file", is_hidden},
    {"a path with control characters", is_control},
    {"a symbolic link", has_symlink},
    {"a hard link", has_hard_link},
    {"a folder", has_folder},
    {"a pipe", has_pipe},
    {"two folders", has_two_folders},
    {"a file twice", has_it_twice},
    {"a bomb", is_a_bomb},
    {"too many files", has_many_files},
    {"no files", is_empty},
    {"no archive", is_text},
    {"cut short", is_cut},
    {"not there", is_not_there},
    {.what = NULL},
};
