/* SPDX-License-Identifier: Apache-2.0
 * YAML that is written: shortest floats, any text, and a resolved configuration that reads back to
 * the same. */
#include "base/arena.h"
#include "config/scalar.h"
#include "config_schema.h"

#include "leaks.h"

#include <float.h>
#include <math.h>

static config *load(const char *text, const char *const *overrides, int count) {
    kd_error err = KD_ERROR_INIT;
    config *c = config_load_text("run.yaml", text, strlen(text), overrides, count, &err);
    cr_assert(c != NULL, "%s", err.message);
    return c;
}

TEST(yaml, floats_are_shortest_and_read_back) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {2, "2.0"},
                 {-0.0, "-0.0"},
                 {1e-6, "1.0e-06"},
                 {1.5e300, "1.5e+300"},
                 {HUGE_VAL, ".inf"},
                 {-HUGE_VAL, "-.inf"},
                 {1.0 / 3, "0.3333333333333333"},
                 {100000, "100000.0"},
                 {-20, "-20.0"},
                 {0, "0.0"},
                 {1e22, "1.0e+22"},
                 {1234567, "1234567.0"}};
    char text[YAML_FLOAT_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_assert_str_eq(yaml_float(cases[i].value, text), cases[i].text);
    }
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        double value, back;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            cr_assert(scalar_kind(yaml_float(value, text)) == SCALAR_FLOAT, "%s", text);
            cr_assert(scalar_float(text, &back) && back == value, "%s", text);
        }
    }
    double back;
    cr_assert(scalar_float(yaml_float(DBL_TRUE_MIN, text), &back) && back == DBL_TRUE_MIN);
    cr_assert(scalar_float(yaml_float(DBL_MAX, text), &back) && back == DBL_MAX);
}

static const char resolved[] = "name: run\n"
                               "seed: 1\n"
                               "precision: auto\n"
                               "data:\n"
                               "  path: images\n"
                               "  on_error: fail\n"
                               "  store:\n"
                               "    size: 96\n"
                               "method:\n"
                               "  temperature: 1.0\n"
                               "  weight: 1.0e-06\n"
                               "  symmetric: true\n"
                               "  hidden: 2048\n"
                               "  crop: [0.08, 1.0]\n"
                               "  blocks: []\n"
                               "views:\n"
                               "- recipe: simclr\n"
                               "  size: 32\n"
                               "  count: 2\n";

TEST(yaml, resolved_has_every_key) {
    config *c = load("data: {path: images}\nviews: [{size: 32}]\n"
                     "method: {temperature: 1, blocks: []}\n",
                     NULL, 0);
    arena a = {0};
    struct schema s;
    kd_error err = KD_ERROR_INIT;
    cr_assert(schema_read(c, &s, &a, &err), "%s", err.message);
    yaml_writer *w = schema_write(&s);
    const char *text = yaml_finish(w, &err);
    cr_assert(text != NULL, "%s", err.message);
    cr_assert_str_eq(text, resolved);
    yaml_writer_destroy(w);
    config_destroy(c);
    arena_free(&a);
}

/* clang-format off */
static const char *const texts[] = {
    "", "a b", "true", "no", "Y", "12", "1e3", ".inf", "~", "null", "- a", "a: b", "# a", "'", "\"",
    "\\n", "a\nb\n", "\tx", "[a]", "{a}", "*a", "&a", "!a", "@a", "`a", "%a", "a #b", "a/b.c", "/a",
    "..", "\xc3\xa9t\xc3\xa9", "2024-01-01", "0x10", "1:30", " lead", "trail ",
    "a,b", "a\r", "\x01",
    "\xf0\x9f\x90\xa4", "---", "...", "<<", "=", "?", "/", "e3", "-a", "x:", "\xef\xbb\xbfx",
};
/* clang-format on */
#define TEXTS ((int)(sizeof texts / sizeof *texts))

TEST(yaml, any_text_reads_back) {
    kd_error err = KD_ERROR_INIT;
    yaml_writer *w = yaml_writer_create();
    yaml_begin_list(w, "texts");
    for (int i = 0; i < TEXTS; i++) {
        yaml_write_text(w, NULL, texts[i]);
    }
    yaml_end(w);
    const char *text = yaml_finish(w, &err);
    cr_assert(text != NULL, "%s", err.message);
    config *c = load(text, NULL, 0);
    yaml_writer *again = yaml_writer_create();
    const config_node *list = config_child(config_root(c), "texts");
    cr_assert_eq(config_count(list), TEXTS);
    for (int i = 0; i < TEXTS; i++) {
        const char *back;
        double number;
        cr_assert(config_get_text(config_item(list, i), &back, &err), "%s", err.message);
        cr_assert_str_eq(back, texts[i]);
        cr_assert(!config_get_float(config_item(list, i), &number, &err), "%s", texts[i]);
    }
    yaml_write_node(again, "texts", list);
    cr_assert_str_eq(yaml_finish(again, &err), text);
    yaml_writer_destroy(again);
    yaml_writer_destroy(w);
    yaml_writer_destroy(NULL);
    config_destroy(c);
}

TEST(yaml, what_is_no_text_is_refused) {
    kd_error err = KD_ERROR_INIT;
    yaml_writer *w = yaml_writer_create();
    yaml_write_text(w, "name", "\xff\xfe");
    yaml_write_int(w, "seed", 3);
    cr_assert_null(yaml_finish(w, &err));
    cr_assert(strstr(err.message, "not UTF-8"), "%s", err.message);
    yaml_writer_destroy(w);
    yaml_writer_destroy(yaml_writer_create());
}

TEST(yaml, resolved_gives_the_same_again) {
    static const char *const overrides[] = {"method.temperature=0.07", "data.on_error=skip",
                                            "method.weight=3.3333333333333331e-5",
                                            "name=\"12 # no\"", "precision=bf16"};
    config *c = load("data: {path: 'a: b'}\nviews: [{}, {count: 3}]\n", overrides, 5);
    arena a = {0};
    struct schema s, back;
    kd_error err = KD_ERROR_INIT;
    cr_assert(schema_read(c, &s, &a, &err), "%s", err.message);
    yaml_writer *w = schema_write(&s);
    const char *text = yaml_finish(w, &err);
    config *again = load(text, NULL, 0);
    cr_assert(schema_read(again, &back, &a, &err), "%s", err.message);
    cr_assert(back.method.temperature == 0.07 && back.method.weight == s.method.weight);
    cr_assert(back.data.on_error == 1 && back.run.precision == 2 && back.views == 2);
    cr_assert_str_eq(back.run.name, "12 # no");
    cr_assert_str_eq(back.data.path, "a: b");
    yaml_writer *second = schema_write(&back);
    cr_assert_str_eq(yaml_finish(second, &err), text);
    yaml_writer_destroy(second);
    yaml_writer_destroy(w);
    config_destroy(again);
    config_destroy(c);
    arena_free(&a);
}
