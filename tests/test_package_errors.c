/* SPDX-License-Identifier: Apache-2.0
 * Every way in which a package can be wrong, and what is said then: golden/package/errors.txt.
 * KINDRED_REWRITE_GOLDEN=1 writes that. */
#include "package_kit.h"

#include "base/file.h"

#include <archive_entry.h>
#include <ctype.h>
#include <elf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIB "lib/x86_64-linux-gnu"

static const char *const variant[] = {"variant_1_0", NULL};

static void pack(void) {
    kit_pack("x.kdpkg", true, variant);
}

/* ---- who signed ---- */

static void unsigned_package(arena *a) {
    (void)a;
    kit_trust("");
    kit_pack("x.kdpkg", false, variant);
}

static void unknown_key(arena *a) {
    (void)a;
    pack();
}

static void limited_key(arena *a) {
    (void)a;
    kit_trust("ids: org.example.*\n");
    pack();
}

static void expired_key(arena *a) {
    (void)a;
    kit_trust("until: 2020-12-31\n");
    pack();
}

static void revoked_key(arena *a) {
    (void)a;
    kit_trust("");
    kit_write(".config/kindred/revoked.d/lab",
              "# of the laboratory\nkey " KIT_KEY " it was lost\n");
    pack();
}

static void revoked_file(arena *a) {
    kd_error err = KD_ERROR_INIT;
    char digest[SHA256_HEX];
    cr_assert(sha256_file(corpus_file(a, "variant_1_0"), digest, &err));
    kit_trust("");
    kit_write(".config/kindred/revoked.d/lab",
              arena_print(a, "sha256 %s it deletes checkpoints\n", digest));
    pack();
}

static void another_key_of_that_id(arena *a) {
    char *text = arena_text(a, kit_public);
    text[strlen(text) - 20] ^= 1;
    kit_write(".config/kindred/keys.d/lab.pub", text);
    pack();
}

/* ---- what was changed ---- */

/* Packs, unpacks to x; the caller changes x, and x.kdpkg is made of it again. */
static archive_contents opened(arena *a) {
    kit_trust("");
    pack();
    return kit_unpack("x.kdpkg", "x", a);
}

static void change_byte(const char *path) {
    kd_error err = KD_ERROR_INIT;
    char *data;
    size_t bytes;
    cr_assert(file_read(path, 0, &data, &bytes, &err), "%s", err.message);
    data[bytes / 2] = data[bytes / 2] == 'x' ? 'y' : 'x';
    write_bytes(path, data, bytes);
    free(data);
}

#define CHANGED(name, file)                                                                        \
    static void name(arena *a) {                                                                   \
        archive_contents c = opened(a);                                                            \
        change_byte("x/" file);                                                                    \
        kit_repack(&c, "x", a);                                                                    \
    }
CHANGED(changed_manifest, PACKAGE_MANIFEST)
CHANGED(changed_sums, PACKAGE_SUMS)
CHANGED(changed_plugin, LIB "/variant_1_0.so")

static void changed_signature(arena *a) {
    archive_contents c = opened(a);
    FILE *file = fopen("x/" PACKAGE_SIGNATURE, "r+");
    fseek(file, 80, SEEK_SET);
    const int was = fgetc(file);
    fseek(file, 80, SEEK_SET);
    fputc(was == 'A' ? 'B' : 'A', file);
    fclose(file);
    kit_repack(&c, "x", a);
}

#define MISSING(name, file)                                                                        \
    static void name(arena *a) {                                                                   \
        archive_contents c = opened(a);                                                            \
        cr_assert_eq(unlink("x/" file), 0);                                                        \
        kit_repack(&c, "x", a);                                                                    \
    }
MISSING(missing_manifest, PACKAGE_MANIFEST)
MISSING(missing_sums, PACKAGE_SUMS)
MISSING(missing_plugin, LIB "/variant_1_0.so")

static void added_file(arena *a) {
    archive_contents c = opened(a);
    kit_write("x/share/more", "more\n");
    c.items[c.n_items++].path = "share/more";
    kit_repack(&c, "x", a);
}

static void signature_of_another(arena *a) {
    archive_contents c = opened(a);
    kit_pack("other.kdpkg", true, (const char *const[]){"variant_1_1", NULL});
    kit_unpack("other.kdpkg", "other", a);
    cr_assert_eq(rename("other/" PACKAGE_SIGNATURE, "x/" PACKAGE_SIGNATURE), 0);
    kit_repack(&c, "x", a);
}

static void renamed_folder(arena *a) {
    archive_contents c = opened(a);
    c.folder = "variant-9.0.0";
    kit_repack(&c, "x", a);
}

/* ---- what its owner signed and is wrong all the same ---- */

static int by_path(const void *left, const void *right) {
    const archive_item *a = left, *b = right;
    return strcmp(a->path, b->path);
}

/* Makes sums and signature of x as it is now. */
static void seal(archive_contents *c, const char *comment, arena *a) {
    kd_error err = KD_ERROR_INIT;
    minisign_secret secret;
    const char *text = "", *signature;
    char digest[SHA256_HEX];
    qsort(c->items, (size_t)c->n_items, sizeof *c->items, by_path);
    for (int i = 0; i < c->n_items; i++) {
        const char *path = c->items[i].path;
        if (strncmp(path, PACKAGE_SUMS, strlen(PACKAGE_SUMS)) != 0) {
            cr_assert(sha256_file(arena_print(a, "x/%s", path), digest, &err), "%s", err.message);
            text = arena_print(a, "%s%s  %s\n", text, digest, path);
        }
    }
    kit_write("x/" PACKAGE_SUMS, text);
    cr_assert(minisign_secret_read(kit_secret, NULL, &secret, &err));
    cr_assert(minisign_sign(&secret, text, strlen(text), comment, a, &signature, &err));
    kit_write("x/" PACKAGE_SIGNATURE, signature);
    kit_repack(c, "x", a);
}

static void manifest_with(arena *a, const char *from, const char *to) {
    kd_error err = KD_ERROR_INIT;
    archive_contents c = opened(a);
    char *text;
    size_t bytes;
    cr_assert(file_read("x/" PACKAGE_MANIFEST, 0, &text, &bytes, &err));
    char *at = strstr(text, from);
    cr_assert_not_null(at, "%s", text);
    kit_write("x/" PACKAGE_MANIFEST,
              arena_print(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    free(text);
    seal(&c, "timestamp:1700000000", a);
}

static void manifest_lies(arena *a) {
    manifest_with(a, "\"kind\": \"method\"", "\"kind\": \"device\"");
}

static void manifest_names_another_id(arena *a) {
    kit_trust("ids: org.example.*\n");
    manifest_with(a, "\"kind\": \"method\",\n      \"id\": \"variant\"",
                  "\"kind\": \"method\",\n      \"id\": \"org.example.variant\"");
}

static void manifest_of_later_format(arena *a) {
    manifest_with(a, "\"format\": 1", "\"format\": 2");
}

static void manifest_is_no_json(arena *a) {
    manifest_with(a, "{", "");
}

static void manifest_leads_out(arena *a) {
    manifest_with(a, "\"file\": \"lib", "\"file\": \"../lib");
}

static void manifest_has_no_version(arena *a) {
    manifest_with(a, "\"version\": \"1.0.0\"", "\"version\": \"one\"");
}

static void comment_of_another(arena *a) {
    archive_contents c = opened(a);
    seal(&c, "timestamp:1700000000 package:variant@0.9.0", a);
}

static void plugin_beside(arena *a) {
    archive_contents c = opened(a);
    cr_assert_eq(link(arena_print(a, "x/" LIB "/variant_1_0.so"), "x/stowaway.so"), 0);
    c.items[c.n_items++].path = "stowaway.so";
    seal(&c, "timestamp:1700000000", a);
}

/* ---- archives that nobody should unpack ---- */

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
    pack();
    cr_assert_eq(truncate("x.kdpkg", 2000), 0);
}

static void is_not_there(arena *a) {
    (void)a;
}

/* ---- right packages in wrong places ---- */

static void of_another_abi(arena *a) {
    (void)a;
    kit_trust("");
    kit_pack("x.kdpkg", true, (const char *const[]){"abi_major", NULL});
}

static void of_another_machine(arena *a) {
    kd_error err = KD_ERROR_INIT;
    const char *file = corpus_put(a, "variant_1_0", "arm"), *name;
    minisign_secret secret;
    const Elf64_Half machine = EM_AARCH64;
    FILE *to = fopen(file, "r+");
    fseek(to, offsetof(Elf64_Ehdr, e_machine), SEEK_SET);
    fwrite(&machine, sizeof machine, 1, to);
    fclose(to);
    kit_trust("");
    cr_assert(minisign_secret_read(kit_secret, NULL, &secret, &err));
    const pack_request request = {
        .files = &file, .n_files = 1, .to = "x.kdpkg", .secret = &secret, .date = 1700000000};
    cr_assert(package_pack(&request, a, &file, &name, &err), "%s", err.message);
}

static void version_is_there(arena *a) {
    kd_error err = KD_ERROR_INIT;
    installation i;
    kit_trust("");
    kit_pack("first.kdpkg", true, (const char *const[]){"variant_1_0", "variant_1_0_v2", NULL});
    cr_assert(kit_install("first.kdpkg", a, &i, &err), "%s", err.message);
    pack();
}

static void folder_is_open(arena *a) {
    (void)a;
    kit_trust("");
    pack();
    cr_assert_eq(mkdir("plugins", 0777), 0);
    cr_assert_eq(chmod("plugins", 0777), 0);
}

static void keys_are_open(arena *a) {
    (void)a;
    kit_trust("");
    pack();
    cr_assert_eq(chmod(".config/kindred/keys.d", 0777), 0);
}

static void key_is_no_key(arena *a) {
    (void)a;
    pack();
    kit_write(".config/kindred/keys.d/lab.pub", "ssh-ed25519 AAAA me@here\n");
}

static void key_has_more(arena *a) {
    (void)a;
    pack();
    kit_trust("expires: soon\n");
}

static void revocation_is_none(arena *a) {
    (void)a;
    pack();
    kit_write(".config/kindred/revoked.d/lab", KIT_KEY "\n");
}

static void policy_is_none(arena *a) {
    (void)a;
    pack();
    kit_write(".config/kindred/trust.yaml", "policies:\n  - folder: /opt/lab\n    policy: maybe\n");
}

static void policy_is_relative(arena *a) {
    (void)a;
    pack();
    kit_write(".config/kindred/trust.yaml", "policies: [{folder: lab, policy: off}]\n");
}

static const struct {
    const char *what;
    void (*make)(arena *a);
} cases[] = {
    {"unsigned", unsigned_package},
    {"signed by an unknown key", unknown_key},
    {"signed by a key that is trusted for other ids", limited_key},
    {"signed after the key's end", expired_key},
    {"signed by a revoked key", revoked_key},
    {"a revoked file", revoked_file},
    {"another key with the signer's id", another_key_of_that_id},
    {"the manifest was changed", changed_manifest},
    {"the sums were changed", changed_sums},
    {"the signature was changed", changed_signature},
    {"the plugin was changed", changed_plugin},
    {"no manifest", missing_manifest},
    {"no sums", missing_sums},
    {"no plugin", missing_plugin},
    {"a file was added", added_file},
    {"the signature of another package", signature_of_another},
    {"a renamed folder", renamed_folder},
    {"the manifest says another kind", manifest_lies},
    {"the manifest says another id", manifest_names_another_id},
    {"a later format", manifest_of_later_format},
    {"the manifest is no JSON", manifest_is_no_json},
    {"the manifest leads out", manifest_leads_out},
    {"the manifest has no version", manifest_has_no_version},
    {"signed as another version", comment_of_another},
    {"a plugin that the manifest does not name", plugin_beside},
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
    {"made for another ABI", of_another_abi},
    {"made for another machine", of_another_machine},
    {"that version is there with other files", version_is_there},
    {"others may write to the folder of plugins", folder_is_open},
    {"others may write to the folder of keys", keys_are_open},
    {"a file of keys.d is no key", key_is_no_key},
    {"a file of keys.d has a line too many", key_has_more},
    {"a file of revoked.d is not understood", revocation_is_none},
    {"trust.yaml has no such policy", policy_is_none},
    {"trust.yaml has a relative folder", policy_is_relative},
};

/* What depends on the machine becomes a word. */
static void put(FILE *to, const char *text, const char *home) {
    while (*text) {
        const size_t digits = strspn(text, "0123456789abcdef");
        if (strncmp(text, home, strlen(home)) == 0) {
            fputs("HOME", to);
            text += strlen(home);
        } else if (digits == SHA256_HEX - 1) {
            fputs("DIGEST", to);
            text += digits;
        } else {
            fputc(*text++, to);
        }
    }
}

static void try(FILE *to, size_t i) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    installation done;
    const char *home = kit_begin(&a);
    cases[i].make(&a);
    cr_assert_not(kit_install("x.kdpkg", &a, &done, &err), "%s: installed", cases[i].what);
    cr_assert_neq(err.hint[0], 0, "%s: no hint: %s", cases[i].what, err.message);
    cr_assert_not(file_exists("plugins/variant-1.0.0/manifest.json") &&
                      strstr(cases[i].what, "is there") == NULL,
                  "%s: left something", cases[i].what);
    cr_assert_not(file_exists("/tmp/evil"));
    fprintf(to, "--- %s\n", cases[i].what);
    put(to, err.message, home);
    fputs("\n  hint: ", to);
    put(to, err.hint, home);
    fputc('\n', to);
    kit_end(home);
    arena_free(&a);
}

TEST(package_errors, each_says_what_is_wrong_and_what_to_do) {
    const char *golden = GOLDEN "/errors.txt";
    kd_error err = KD_ERROR_INIT;
    char *is = NULL, *want;
    size_t bytes = 0;
    FILE *to = open_memstream(&is, &bytes);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        try(to, i);
    }
    fclose(to);
    if (getenv("KINDRED_REWRITE_GOLDEN")) {
        cr_assert(file_write(golden, is, strlen(is), &err), "%s", err.message);
    }
    cr_assert(file_read(golden, 0, &want, &bytes, &err), "%s", err.message);
    cr_assert_str_eq(is, want, "is\n%s", is);
    free(want);
    free(is);
}
