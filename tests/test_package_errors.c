/* SPDX-License-Identifier: Apache-2.0
 * Every way in which a package can be wrong, and what is said then: golden/package/errors.txt.
 * KINDRED_REWRITE_GOLDEN=1 writes that. */
#include "wrong_packages.h"

#include "base/file.h"

#include <stdlib.h>

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

static void try(FILE *to, const wrong_package *c) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    installation done;
    const char *home = kit_begin(&a);
    c->make(&a);
    cr_assert_not(kit_install("x.kdpkg", &a, &done, &err), "%s: installed", c->what);
    cr_assert_neq(err.hint[0], 0, "%s: no hint: %s", c->what, err.message);
    cr_assert_not(file_exists("plugins/variant-1.0.0/manifest.json") &&
                      strstr(c->what, "is there") == NULL,
                  "%s: left something", c->what);
    cr_assert_not(file_exists("plugins/org.example.cubes-1.0.0"), "%s: left something", c->what);
    cr_assert_not(file_exists("/tmp/evil"));
    fprintf(to, "--- %s\n", c->what);
    put(to, err.message, home);
    fputs("\n  hint: ", to);
    put(to, err.hint, home);
    fputc('\n', to);
    kit_end(home);
    arena_free(&a);
}

TEST(package_errors, each_says_what_is_wrong_and_what_to_do) {
    static const wrong_package *const lists[] = {wrong_contents, wrong_archives, wrong_companions,
                                                 wrong_places};
    const char *golden = GOLDEN "/errors.txt";
    kd_error err = KD_ERROR_INIT;
    char *is = NULL, *want;
    size_t bytes = 0;
    FILE *to = open_memstream(&is, &bytes);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (const wrong_package *c = lists[i]; c->what; c++) {
            try(to, c);
        }
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
