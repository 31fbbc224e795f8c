/* SPDX-License-Identifier: Apache-2.0
 * Right packages where they cannot be installed, and files of trust that are wrong. */
#include "wrong_packages.h"

#include <elf.h>
#include <stddef.h>
#include <sys/stat.h>

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
    pack_sound();
}

static void folder_is_open(arena *a) {
    (void)a;
    kit_trust("");
    pack_sound();
    cr_assert_eq(mkdir("plugins", 0777), 0);
    cr_assert_eq(chmod("plugins", 0777), 0);
}

static void keys_are_open(arena *a) {
    (void)a;
    kit_trust("");
    pack_sound();
    cr_assert_eq(chmod(".config/kindred/keys.d", 0777), 0);
}

static void key_is_no_key(arena *a) {
    (void)a;
    pack_sound();
    kit_write(".config/kindred/keys.d/lab.pub", "ssh-ed25519 AAAA me@here\n");
}

static void key_has_more(arena *a) {
    (void)a;
    pack_sound();
    kit_trust("expires: soon\n");
}

static void revocation_is_none(arena *a) {
    (void)a;
    pack_sound();
    kit_write(".config/kindred/revoked.d/lab", KIT_KEY "\n");
}

static void policy_is_none(arena *a) {
    (void)a;
    pack_sound();
    kit_write(".config/kindred/trust.yaml", "policies:\n  - folder: /opt/lab\n    policy: maybe\n");
}

static void policy_is_relative(arena *a) {
    (void)a;
    pack_sound();
    kit_write(".config/kindred/trust.yaml", "policies: [{folder: lab, policy: off}]\n");
}

const wrong_package wrong_places[] = {
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
    {.what = NULL},
};
