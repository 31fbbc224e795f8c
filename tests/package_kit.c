/* SPDX-License-Identifier: Apache-2.0
 * What the tests of packages share. */
#include "package_kit.h"

#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <unistd.h>

const char kit_public[] = "untrusted comment: minisign public key 654D8C87A76D31A3\n"
                          "RWSjMW2nh4xNZazWzD74QijpAGGosuVCuLIIZ7/7PXvEb07a7U1Aq5xU\n";
const char kit_secret[] =
    "untrusted comment: minisign encrypted secret key\n"
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAozFtp4eMTWULjDKLVn3e"
    "ZzP8BrdU5BVkEz4NgE+6LYBe4aTIHJZ5qKzWzD74QijpAGGosuVCuLIIZ7/"
    "7PXvEb07a7U1Aq5xUAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAA=\n";

const char *kit_begin(arena *a) {
    const char *folder = scratch_create(a);
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_STATE_HOME");
    cr_assert_eq(chdir(folder), 0);
    return folder;
}

void kit_end(const char *folder) {
    cr_assert_eq(chdir("/"), 0);
    scratch_remove(folder);
}

void kit_write(const char *path, const char *text) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char *whole = arena_print(&a, "%s/%s", getenv("HOME"), path);
    char *slash = strrchr(whole, '/');
    *slash = 0;
    cr_assert(file_make_directories(whole, &err), "%s", err.message);
    *slash = '/';
    cr_assert(file_write(whole, text, strlen(text), &err), "%s", err.message);
    arena_free(&a);
}

void kit_trust(const char *lines) {
    arena a = {0};
    kit_write(".config/kindred/keys.d/lab.pub", arena_print(&a, "%s%s", kit_public, lines));
    arena_free(&a);
}

void kit_pack(const char *to, bool sign, const char *const *names) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    minisign_secret secret;
    const char *files[16], *name;
    int n = 0;
    for (; names[n]; n++) {
        files[n] = corpus_file(&a, names[n]);
    }
    cr_assert(minisign_secret_read(kit_secret, NULL, &secret, &err), "%s", err.message);
    const pack_request request = {.files = files,
                                  .n_files = n,
                                  .to = to,
                                  .secret = sign ? &secret : NULL,
                                  .date = 1700000000};
    cr_assert(package_pack(&request, &a, &to, &name, &err), "%s", err.message);
    arena_free(&a);
}

void kit_archive(const char *to, const kit_entry *entries, int n) {
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_add_filter_zstd(archive);
    cr_assert_eq(archive_write_open_filename(archive, to), ARCHIVE_OK);
    for (int i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, entries[i].path);
        archive_entry_set_filetype(entry, (unsigned)entries[i].type);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)entries[i].bytes);
        if (entries[i].link && entries[i].type == AE_IFREG) {
            archive_entry_set_hardlink(entry, entries[i].link);
        } else if (entries[i].link) {
            archive_entry_set_symlink(entry, entries[i].link);
        }
        cr_assert_eq(archive_write_header(archive, entry), ARCHIVE_OK, "%s",
                     archive_error_string(archive));
        archive_write_data(archive, entries[i].data, entries[i].bytes);
        archive_entry_free(entry);
    }
    cr_assert_eq(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
}

archive_contents kit_unpack(const char *file, const char *to, arena *a) {
    kd_error err = KD_ERROR_INIT;
    archive_contents c;
    cr_assert(file_make_directories(to, &err), "%s", err.message);
    cr_assert(archive_file_unpack(file, to, a, &c, &err), "%s", err.message);
    return c;
}

void kit_repack(const archive_contents *c, const char *to, arena *a) {
    kd_error err = KD_ERROR_INIT;
    archive_source sources[32];
    int n = 0;
    for (int i = 0; i < c->n_items; i++) {
        char *data;
        const char *path = arena_print(a, "%s/%s", to, c->items[i].path);
        archive_source *s = &sources[n];
        if (file_exists(path)) {
            cr_assert(file_read(path, 0, &data, &s->bytes, &err), "%s", err.message);
            s->path = c->items[i].path;
            s->data = data;
            n++;
        }
    }
    cr_assert(archive_file_write(arena_print(a, "%s.kdpkg", to), c->folder, sources, n, &err), "%s",
              err.message);
    for (int i = 0; i < n; i++) {
        free((void *)sources[i].data);
    }
}

bool kit_install(const char *file, arena *a, installation *ret, kd_error *err) {
    trust t;
    const install_request request = {
        .file = file, .folder = arena_print(a, "%s/plugins", getenv("HOME")), .prunes = true};
    const bool ok = trust_open(&t, err) && package_install(&request, &t, a, ret, err);
    trust_close(&t);
    return ok;
}
