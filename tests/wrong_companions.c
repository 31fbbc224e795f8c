/* SPDX-License-Identifier: Apache-2.0
 * Packages of a plugin with a companion, which was changed, or is not what the plugin's note and
 * the manifest say. */
#include "wrong_packages.h"

#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

#define LIB "lib/x86_64-linux-gnu"
#define COMPANION LIB "/brings_op_cuda.cuda.so"
#define STAMP "timestamp:1700000000"

static archive_contents opened(arena *a) {
    return wrong_open("brings_op_cuda", a);
}

static void changed(arena *a) {
    archive_contents c = opened(a);
    wrong_byte("x/" COMPANION);
    kit_repack(&c, "x", a);
}

static void missing(arena *a) {
    archive_contents c = opened(a);
    cr_assert_eq(unlink("x/" COMPANION), 0);
    kit_repack(&c, "x", a);
}

/* A file of x as another one of it. */
static void add_copy(archive_contents *c, const char *path, arena *a) {
    cr_assert_eq(link("x/" COMPANION, arena_print(a, "x/%s", path)), 0);
    c->items[c->n_items++].path = path;
}

static void added(arena *a) {
    archive_contents c = opened(a);
    add_copy(&c, LIB "/brings_op_cuda.fake.so", a);
    kit_repack(&c, "x", a);
}

static void revoked(arena *a) {
    kd_error err = KD_ERROR_INIT;
    char digest[SHA256_HEX];
    kit_trust("");
    kit_pack("x.kdpkg", true, (const char *const[]){"brings_op_cuda", NULL});
    cr_assert(sha256_file(corpus_file(a, "brings_op_cuda.cuda"), digest, &err));
    kit_write(".config/kindred/revoked.d/lab", arena_print(a, "sha256 %s it is wrong\n", digest));
}

/* Sealed again: the signer is trusted, and the package contradicts itself. */
static void sealed_changed(arena *a) {
    archive_contents c = opened(a);
    wrong_byte("x/" COMPANION);
    wrong_seal(&c, STAMP, a);
}

static void sealed_missing(arena *a) {
    archive_contents c = opened(a);
    cr_assert_eq(unlink("x/" COMPANION), 0);
    wrong_seal(&c, STAMP, a);
}

static void sealed_added(arena *a) {
    archive_contents c = opened(a);
    add_copy(&c, LIB "/brings_op_cuda.fake.so", a);
    wrong_seal(&c, STAMP, a);
}

static void no_companion_at_all(arena *a) {
    char digest[SHA256_HEX];
    kd_error err = KD_ERROR_INIT;
    archive_contents c = opened(a);
    cr_assert(sha256_file("x/" COMPANION, digest, &err), "%s", err.message);
    cr_assert_eq(unlink("x/" COMPANION), 0);
    wrong_manifest(arena_print(a,
                               ",\n      \"companions\": [\n        {\n          \"file\": "
                               "\"" COMPANION "\",\n          \"device\": \"cuda\",\n"
                               "          \"sha256\": \"%s\"\n        }\n      ]",
                               digest),
                   "", a);
    wrong_seal(&c, STAMP, a);
}

static void listed_for_another_device(arena *a) {
    archive_contents c = opened(a);
    wrong_manifest("\"device\": \"cuda\"", "\"device\": \"fake\"", a);
    wrong_seal(&c, STAMP, a);
}

static void listed_beyond_the_note(arena *a) {
    archive_contents c = opened(a);
    add_copy(&c, LIB "/brings_op_cuda.fake.so", a);
    wrong_manifest("\n        }\n      ]",
                   "\n        },\n        {\"file\": \"" LIB "/brings_op_cuda.fake.so\", "
                   "\"device\": \"fake\", \"sha256\": \"00\"}\n      ]",
                   a);
    wrong_seal(&c, STAMP, a);
}

static void listed_elsewhere(arena *a) {
    archive_contents c = opened(a);
    wrong_manifest("\"file\": \"" COMPANION "\"", "\"file\": \"share/brings.so\"", a);
    wrong_seal(&c, STAMP, a);
}

const wrong_package wrong_companions[] = {
    {"the companion was changed", changed},
    {"no companion", missing},
    {"a companion was added", added},
    {"a revoked companion", revoked},
    {"a companion that the manifest has another digest of", sealed_changed},
    {"a companion that the manifest alone has", sealed_missing},
    {"a companion that the manifest does not have", sealed_added},
    {"no companion, where the note says one", no_companion_at_all},
    {"a companion listed for another device", listed_for_another_device},
    {"a companion that the note does not speak of", listed_beyond_the_note},
    {"a companion in another folder", listed_elsewhere},
    {.what = NULL},
};
