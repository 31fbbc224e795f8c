/* SPDX-License-Identifier: Apache-2.0
 * Keys and signatures against what minisign 0.11 of Debian 12 makes and takes. */
#include "package/minisign.h"
#include "package_kit.h"

#include <stdlib.h>

static const char message[] = "hello kindred\n";

/* minisign -S -m message -t "timestamp:1700000000 package:a" */
static const char hashed[] =
    "untrusted comment: signature from minisign secret key\n"
    "RUSjMW2nh4xNZSYkfJg79NRRGHjR5Vh1RuyJTjE3DNNWYTIxkknXPBUEECqgGrKAUpusYgccpKxqRXWoqXp/"
    "EyyS6Cq64swkpQQ=\n"
    "trusted comment: timestamp:1700000000 package:a\n"
    "onHpunAaVWMDBoXkOB2KUpuBfmVRd/EVZDKg2Vs5kpaiu2irZBzIX5GEeMSWP/"
    "HZyWYNgcgXoex0GGi0lab3Cg==\n";

/* minisign -S -l -m message -t timestamp:1700000000 */
static const char legacy[] =
    "untrusted comment: signature from minisign secret key\n"
    "RWSjMW2nh4xNZZSRepIsvchs7DseRhvPQH7hlXUNJT1oMysIRNzPduDUbkROIIEEwVpz+PN/"
    "Eytkbk9NNzaCqkSjEirxJeNuvwY=\n"
    "trusted comment: timestamp:1700000000\n"
    "EWkaYmPaElDjri90L+tWqe2kX59rQD+KUrAb5ha9f9iFsMm9/sYYc6xTaObjiwNQcI/uz+O+g/"
    "L0fVioQqcjCQ==\n";

static bool verifies(const char *text, const char *data, size_t bytes, kd_error *err) {
    arena a = {0};
    minisign_key key;
    minisign_signature s;
    bool ok = minisign_key_read(kit_public, &key, err) &&
              minisign_signature_read(text, &a, &s, err) &&
              minisign_verify(&key, &s, data, bytes, err);
    arena_free(&a);
    return ok;
}

TEST(minisign, both_forms_verify_and_no_other_byte_does) {
    const char *const forms[] = {hashed, legacy};
    for (int i = 0; i < 2; i++) {
        kd_error err = KD_ERROR_INIT;
        char data[sizeof message];
        cr_assert(verifies(forms[i], message, sizeof message - 1, &err), "%s", err.message);
        memcpy(data, message, sizeof data);
        data[3] ^= 1;
        cr_assert_not(verifies(forms[i], data, sizeof message - 1, &err));
        EXPECT_IN("not of these bytes", err.message);
        cr_assert_not(verifies(forms[i], message, sizeof message - 2, &err));
    }
}

/* Every character of a signature that says something is covered. */
TEST(minisign, no_changed_character_passes) {
    for (size_t i = strlen("untrusted comment: signature from minisign secret key\n");
         i < sizeof hashed - 1; i++) {
        kd_error err = KD_ERROR_INIT;
        char text[sizeof hashed];
        memcpy(text, hashed, sizeof text);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        cr_assert_not(verifies(text, message, sizeof message - 1, &err), "at %zu:\n%s", i, text);
        cr_assert_neq(err.message[0], 0);
        cr_assert_neq(err.hint[0], 0);
    }
}

TEST(minisign, cut_texts_are_refused) {
    for (size_t i = 0; i < sizeof hashed - 3; i++) {
        kd_error err = KD_ERROR_INIT;
        char text[sizeof hashed] = "";
        memcpy(text, hashed, i);
        cr_assert_not(verifies(text, message, sizeof message - 1, &err), "%zu", i);
    }
}

TEST(minisign, what_is_signed_is_what_minisign_signs) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    minisign_secret secret;
    const char *text;
    cr_assert(minisign_secret_read(kit_secret, NULL, &secret, &err), "%s", err.message);
    cr_assert(minisign_sign(&secret, message, sizeof message - 1, "timestamp:1700000000 package:a",
                            &a, &text, &err),
              "%s", err.message);
    cr_assert_str_eq(strchr(text, '\n'), strchr(hashed, '\n'));
    arena_free(&a);
}

TEST(minisign, a_new_pair_signs_and_verifies) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *public, *private, *text;
    minisign_key key;
    minisign_secret secret;
    minisign_signature s;
    cr_assert(minisign_generate(&a, &public, &private, &err), "%s", err.message);
    cr_assert(minisign_key_read(public, &key, &err), "%s", err.message);
    cr_assert(minisign_secret_read(private, NULL, &secret, &err), "%s", err.message);
    cr_assert_arr_eq(key.id, secret.id, sizeof key.id);
    cr_assert(minisign_sign(&secret, "x", 1, "", &a, &text, &err));
    cr_assert(minisign_signature_read(text, &a, &s, &err), "%s", err.message);
    cr_assert(minisign_verify(&key, &s, "x", 1, &err), "%s", err.message);
    cr_assert_not(verifies(text, "x", 1, &err), "another key verifies it");
    arena_free(&a);
}
