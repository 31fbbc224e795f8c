/* SPDX-License-Identifier: Apache-2.0
 * Hostile configurations: limits, truncations, random damage. Each gives a configuration or an
 * error that names the file, never a crash, and none takes long. */
#include "base/arena.h"
#include "config/tree.h"
#include "config_schema.h"

#include "leaks.h"

#include <stdlib.h>

/* Refused with a message that holds `wanted`; NULL: either way. */
static void expect(const char *text, size_t bytes, const char *wanted) {
    kd_error err = KD_ERROR_INIT;
    config *c = config_load_text("run.yaml", text, bytes, NULL, 0, &err);
    if (wanted) {
        cr_assert(c == NULL, "not refused: %s", wanted);
        cr_assert(strstr(err.message, wanted), "%s", err.message);
    }
    if (c) {
        arena a = {0};
        struct schema s;
        const bool read = schema_read(c, &s, &a, &err);
        yaml_writer *w = yaml_writer_create();
        yaml_write_node(w, "copy", config_root(c));
        cr_assert(yaml_finish(w, NULL) != NULL);
        yaml_writer_destroy(w);
        arena_free(&a);
        config_destroy(c);
        if (read) {
            return;
        }
    }
    cr_assert(strncmp(err.message, "run.yaml:", 9) == 0, "%s", err.message);
}

static void expect_text(const char *text, const char *wanted) {
    expect(text, strlen(text), wanted);
}

/* `count` times `part`, between `begin` and `end`; the caller frees. */
static char *repeat(const char *begin, const char *part, int count, const char *end) {
    char *text = kd_alloc(strlen(begin) + strlen(part) * (size_t)count + strlen(end) + 1),
         *at = text;
    at = stpcpy(at, begin);
    for (int i = 0; i < count; i++) {
        at = stpcpy(at, part);
    }
    stpcpy(at, end);
    return text;
}

TEST(attack, limits) {
    const struct {
        const char *begin, *part;
        int count;
        const char *end, *wanted;
    } cases[] = {
        {"a: ", "[", 30, "", "did not find"},
        {"a: ", "[", 33, "", "nested more than 32 deep"},
        {"a: ", "[", 200000, "", "nested more than 32 deep"},
        {"", "{a: ", 200000, "", "nested more than 32 deep"},
        {"", "- ", 200000, "", "nested more than 32 deep"},
        {"", "? ", 200000, "", "a key must be a word"},
        {"a: [", "1,", 20000, "]", "more than 10000 keys and values"},
        {"a: '", "x", 65536, "'", NULL},
        {"a: '", "x", 65537, "'", "longer than 65536 bytes"},
        {"", "k", 129, ": 1", "longer than 128 bytes"},
        {"# ", "x", 1 << 20, "", "longer than 1048576 bytes"},
        {"# ", "x", (1 << 20) - 2, "", NULL},
        {"", "\n", 1 << 20, "", NULL},
        {"a: ", "&x ", 10000, "1", "did not find"},
        {"a: \"", "\\", 60000, "\"", NULL},
        {"", "%YAML 1.1\n", 1000, "", "duplicate"},
        {"", "%TAG ! tag:a:\n", 1000, "--- 1", "duplicate"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = repeat(cases[i].begin, cases[i].part, cases[i].count, cases[i].end);
        expect_text(text, cases[i].wanted);
        free(text);
    }
}

TEST(attack, aliases_do_not_multiply) {
    char text[4096] = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
    for (int i = 1; i < 20; i++) {
        char *at = text + strlen(text);
        sprintf(at, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1, i - 1, i - 1, i - 1,
                i - 1);
    }
    expect_text(text, "more than 10000 keys and values");
    char deep[4096] = "a0: &a0 [1]\n";
    for (int i = 1; i < 60; i++) {
        sprintf(deep + strlen(deep), "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    expect_text(deep, "nested more than 32 deep");
}

static const char sample[] = "%YAML 1.2\n"
                             "---\n"
                             "# a run\n"
                             "name: \"p\\u00e9\\x41\\\n  irs\"\n"
                             "base: &b {path: 'it''s', on_error: skip}\n"
                             "data: *b\n"
                             "views:\n"
                             "  - {recipe: simclr, size: 64, count: 2}\n"
                             "  - recipe: |\n"
                             "      two\n"
                             "      lines\n"
                             "    size: 0x20\n"
                             "method:\n"
                             "  ? crop\n"
                             "  : [0.08, 1.0e+0]\n"
                             "  blocks: [2, 2, 0o2, +2]\n"
                             "  temperature: .5\n"
                             "...\n";

TEST(attack, truncations) {
    struct schema s;
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    config *c = config_load_text("run.yaml", sample, sizeof sample - 1, NULL, 0, &err);
    cr_assert(c && schema_read(c, &s, &a, &err), "%s", err.message);
    cr_assert(s.views == 2 && s.view[1].size == 32 && s.method.temperature == 0.5);
    config_destroy(c);
    arena_free(&a);
    for (size_t bytes = 0; bytes < sizeof sample; bytes++) {
        expect(sample, bytes, NULL);
    }
}

static uint32_t draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

TEST(attack, random_damage) {
    static const char likely[] = "\0\n\t :-?,[]{}#&*!|>'\"%@`~=.\\\xff\xc3\xef\xbb\xbf";
    uint64_t state = 20240101;
    for (int i = 0; i < 6000; i++) {
        char text[sizeof sample];
        memcpy(text, sample, sizeof sample);
        for (uint32_t k = draw(&state) % 6 + 1; k > 0; k--) {
            const uint32_t how = draw(&state) % 3, at = draw(&state) % (sizeof sample - 1);
            const uint32_t from = draw(&state) % (sizeof sample - 1);
            text[at] = how == 0   ? (char)draw(&state)
                       : how == 1 ? likely[draw(&state) % (sizeof likely - 1)]
                                  : text[from];
        }
        expect(text, sizeof sample - 1, NULL);
    }
}

TEST(attack, random_overrides) {
    static const char likely[] = "abdtpviews0123.=[]{}:, '\"\\*&\n~-\xc3\xa9";
    uint64_t state = 3;
    for (int i = 0; i < 6000; i++) {
        char texts[3][40];
        const char *overrides[3] = {texts[0], texts[1], texts[2]};
        for (int k = 0; k < 3; k++) {
            static const char *const starts[] = {"data.", "views.", "views=", "data=", "a.b.", ""};
            strcpy(texts[k], starts[draw(&state) % 6]);
            for (uint32_t n = draw(&state) % 30; n > 0; n--) {
                const size_t used = strlen(texts[k]);
                texts[k][used] = likely[draw(&state) % (sizeof likely - 1)];
                texts[k][used + 1] = 0;
            }
        }
        kd_error err = KD_ERROR_INIT;
        config *c = config_load_text("run.yaml", sample, sizeof sample - 1, overrides, 3, &err);
        if (!c) {
            cr_assert(strncmp(err.message, "command line: ", 14) == 0, "%s", err.message);
            continue;
        }
        arena a = {0};
        struct schema s;
        schema_read(c, &s, &a, &err);
        arena_free(&a);
        config_destroy(c);
    }
}

TEST(attack, endless_overrides) {
    char *deep = repeat("a", ".a", 100000, "=1"), *wide = repeat("a=", "[", 100000, "");
    char *key = repeat("", "k", 100000, "=1");
    const struct {
        const char *text, *wanted;
    } cases[] = {{deep, "nested more than 32 deep"},
                 {wide, "nested more than 32 deep"},
                 {key, "a part of the key is too long"}};
    for (size_t i = 0; i < 3; i++) {
        kd_error err = KD_ERROR_INIT;
        cr_assert_null(config_load_text("run.yaml", "", 0, &cases[i].text, 1, &err));
        cr_assert(strstr(err.message, cases[i].wanted), "%s", err.message);
        cr_assert_null(config_load_text("run.yaml", "", 0, &cases[i].text, 1, NULL));
    }
    free(deep);
    free(wide);
    free(key);
    kd_error err = KD_ERROR_INIT;
    cr_assert_null(config_load("/nowhere/run.yaml", NULL, 0, &err));
    cr_assert_str_eq(err.message, "/nowhere/run.yaml: cannot open: No such file or directory");
    cr_assert_null(config_load("/dev/zero", NULL, 0, &err));
    cr_assert_str_eq(err.message, "/dev/zero: longer than 1048576 bytes");
}
