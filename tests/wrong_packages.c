/* SPDX-License-Identifier: Apache-2.0
 * Packages that the wrong people signed, or that were changed, or that contradict themselves. */
#include "wrong_packages.h"

#include "base/file.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define LIB "lib/x86_64-linux-gnu"

static const char *const variant[] = {"variant_1_0", NULL};

void pack_sound(void) {
    kit_pack("x.kdpkg", true, variant);
}

static void unsigned_package(arena *a) {
    (void)a;
    kit_trust("");
    kit_pack("x.kdpkg", false, variant);
}

static void unknown_key(arena *a) {
    (void)a;
    pack_sound();
}

static void limited_key(arena *a) {
    (void)a;
    kit_trust("ids: org.example.*\n");
    pack_sound();
}

static void expired_key(arena *a) {
    (void)a;
    kit_trust("until: 2020-12-31\n");
    pack_sound();
}

static void revoked_key(arena *a) {
    (void)a;
    kit_trust("");
    kit_write(".config/kindred/revoked.d/lab",
              "# of the laboratory\nkey " KIT_KEY " it was lost\n");
    pack_sound();
}

static void revoked_file(arena *a) {
    kd_error err = KD_ERROR_INIT;
    char digest[SHA256_HEX];
    cr_assert(sha256_file(corpus_file(a, "variant_1_0"), digest, &err));
    kit_trust("");
    kit_write(".config/kindred/revoked.d/lab",
              arena_print(a, "sha256 %s it deletes checkpoints\n", digest));
    pack_sound();
}

static void another_key_of_that_id(arena *a) {
    char *text = arena_text(a, kit_public);
    text[strlen(text) - 20] ^= 1;
    kit_write(".config/kindred/keys.d/lab.pub", text);
    pack_sound();
}

archive_contents wrong_open(const char *name, arena *a) {
    kit_trust("");
    kit_pack("x.kdpkg", true, (const char *const[]){name, NULL});
    return kit_unpack("x.kdpkg", "x", a);
}

static archive_contents opened(arena *a) {
    return wrong_open("variant_1_0", a);
}

void wrong_byte(const char *path) {
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
        wrong_byte("x/" file);                                                                     \
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

static int by_path(const void *left, const void *right) {
    const archive_item *a = left, *b = right;
    return strcmp(a->path, b->path);
}

void wrong_seal(archive_contents *c, const char *comment, arena *a) {
    kd_error err = KD_ERROR_INIT;
    minisign_secret secret;
    const char *text = "", *signature;
    char digest[SHA256_HEX];
    qsort(c->items, (size_t)c->n_items, sizeof *c->items, by_path);
    for (int i = 0; i < c->n_items; i++) {
        const char *path = c->items[i].path;
        const char *file = arena_print(a, "x/%s", path);
        if (strncmp(path, PACKAGE_SUMS, strlen(PACKAGE_SUMS)) != 0 && file_exists(file)) {
            cr_assert(sha256_file(file, digest, &err), "%s", err.message);
            text = arena_print(a, "%s%s  %s\n", text, digest, path);
        }
    }
    kit_write("x/" PACKAGE_SUMS, text);
    cr_assert(minisign_secret_read(kit_secret, NULL, &secret, &err));
    cr_assert(minisign_sign(&secret, text, strlen(text), comment, a, &signature, &err));
    kit_write("x/" PACKAGE_SIGNATURE, signature);
    kit_repack(c, "x", a);
}

void wrong_manifest(const char *from, const char *to, arena *a) {
    kd_error err = KD_ERROR_INIT;
    char *text;
    size_t bytes;
    cr_assert(file_read("x/" PACKAGE_MANIFEST, 0, &text, &bytes, &err));
    char *at = strstr(text, from);
    cr_assert_not_null(at, "%s", text);
    kit_write("x/" PACKAGE_MANIFEST,
              arena_print(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)));
    free(text);
}

static void manifest_with(arena *a, const char *from, const char *to) {
    archive_contents c = opened(a);
    wrong_manifest(from, to, a);
    wrong_seal(&c, "timestamp:1700000000", a);
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
    wrong_seal(&c, "timestamp:1700000000 package:variant@0.9.0", a);
}

static void plugin_beside(arena *a) {
    archive_contents c = opened(a);
    cr_assert_eq(link(arena_print(a, "x/" LIB "/variant_1_0.so"), "x/stowaway.so"), 0);
    c.items[c.n_items++].path = "stowaway.so";
    wrong_seal(&c, "timestamp:1700000000", a);
}

static void machine_of_another(arena *a) {
    archive_contents c = opened(a);
    const Elf64_Half machine = EM_AARCH64;
    FILE *to = fopen("x/" LIB "/variant_1_0.so", "r+");
    fseek(to, offsetof(Elf64_Ehdr, e_machine), SEEK_SET);
    fwrite(&machine, sizeof machine, 1, to);
    fclose(to);
    wrong_seal(&c, "timestamp:1700000000", a);
}

const wrong_package wrong_contents[] = {
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
    {"a plugin in the folder of another machine", machine_of_another},
    {.what = NULL},
};
