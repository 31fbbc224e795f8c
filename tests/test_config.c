/* SPDX-License-Identifier: Apache-2.0
 * Configurations that are right: scalars, nodes, overrides, filling; and wrong declarations. */
#include "base/arena.h"
#include "config/scalar.h"
#include "config_schema.h"

#include "leaks.h"

#include <math.h>
#include <stdlib.h>

static config *load(const char *text, const char *const *overrides, int count) {
    kd_error err = KD_ERROR_INIT;
    config *c = config_load_text("run.yaml", text, strlen(text), overrides, count, &err);
    cr_assert(c != NULL, "%s", err.message);
    return c;
}

/* clang-format off */
static const struct {
    const char *text;
    int kind;
    double number;
} scalars[] = {
    {"", SCALAR_NULL}, {"~", SCALAR_NULL}, {"null", SCALAR_NULL}, {"NULL", SCALAR_NULL},
    {"true", SCALAR_BOOL}, {"False", SCALAR_BOOL},
    {"0", SCALAR_INT, 0}, {"-12", SCALAR_INT, -12}, {"+7", SCALAR_INT, 7}, {"007", SCALAR_INT, 7},
    {"0x1F", SCALAR_INT, 31}, {"0o17", SCALAR_INT, 15},
    {"1e-3", SCALAR_FLOAT, 1e-3}, {"1.0e-6", SCALAR_FLOAT, 1e-6}, {"1E+2", SCALAR_FLOAT, 100},
    {".5", SCALAR_FLOAT, 0.5}, {"5.", SCALAR_FLOAT, 5}, {"-.5e1", SCALAR_FLOAT, -5},
    {"1e400", SCALAR_FLOAT, HUGE_VAL}, {".inf", SCALAR_FLOAT, HUGE_VAL},
    {"-.Inf", SCALAR_FLOAT, -HUGE_VAL}, {"+.INF", SCALAR_FLOAT, HUGE_VAL},
    {"nil", SCALAR_TEXT}, {"yes", SCALAR_TEXT}, {"off", SCALAR_TEXT}, {"tRue", SCALAR_TEXT},
    {"0x", SCALAR_TEXT}, {"0o8", SCALAR_TEXT}, {"-0x1", SCALAR_TEXT}, {"0x-1", SCALAR_TEXT},
    {"1_000", SCALAR_TEXT}, {"-", SCALAR_TEXT}, {"+", SCALAR_TEXT}, {".", SCALAR_TEXT},
    {"e3", SCALAR_TEXT}, {".e3", SCALAR_TEXT}, {"1e", SCALAR_TEXT}, {"1e+", SCALAR_TEXT},
    {"1.2.3", SCALAR_TEXT}, {"1 ", SCALAR_TEXT}, {"inf", SCALAR_TEXT}, {"nan", SCALAR_TEXT},
    {"0x1p3", SCALAR_TEXT}, {"1:30", SCALAR_TEXT},
};
/* clang-format on */

TEST(scalar, core_schema) {
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++) {
        const char *text = scalars[i].text;
        const int kind = scalars[i].kind;
        double number = 0;
        int64_t whole = 0;
        bool truth;
        cr_assert_eq(scalar_kind(text), kind, "\"%s\" is %d", text, scalar_kind(text));
        cr_assert_eq(scalar_bool(text, &truth), kind == SCALAR_BOOL, "%s", text);
        cr_assert_eq(scalar_int(text, &whole), kind == SCALAR_INT, "%s", text);
        cr_assert_eq(scalar_float(text, &number), kind == SCALAR_INT || kind == SCALAR_FLOAT);
        cr_assert(number == scalars[i].number, "%s is %g", text, number);
        cr_assert(kind != SCALAR_INT || (double)whole == scalars[i].number, "%s", text);
    }
    double nan_value = 0;
    int64_t whole;
    cr_assert(scalar_float(".nan", &nan_value) && isnan(nan_value));
    cr_assert(scalar_int("9223372036854775807", &whole) && whole == INT64_MAX);
    cr_assert(scalar_int("-9223372036854775808", &whole) && whole == INT64_MIN);
    cr_assert(!scalar_int("9223372036854775808", &whole));
}

TEST(config, nodes_know_their_place) {
    config *c = load("a: 1\n\nlist:\n- x\n- {b: 'two', c: ~}\nempty: {}\n", NULL, 0);
    const config_node *root = config_root(c), *list = config_child(root, "list");
    const config_node *two = config_child(config_item(list, 1), "b");
    const char *text;
    bool truth;
    int64_t whole;
    double number;
    kd_error err = KD_ERROR_INIT;
    cr_assert_eq(config_count(root), 3);
    cr_assert_str_eq(config_key(root, 1), "list");
    cr_assert_null(config_key(root, 3));
    cr_assert_null(config_key(list, 0));
    cr_assert_eq(config_kind(list), CONFIG_LIST);
    cr_assert_str_eq(config_path(two), "list.1.b");
    cr_assert_str_eq(config_where(two), "run.yaml:5:7");
    cr_assert_str_eq(config_where(list), "run.yaml:3:1");
    cr_assert_str_eq(config_path(root), "");
    cr_assert(config_get_text(two, &text, &err) && strcmp(text, "two") == 0);
    cr_assert_eq(config_kind(config_child(config_item(list, 1), "c")), CONFIG_NULL);
    cr_assert_eq(config_count(config_child(root, "empty")), 0);
    cr_assert_null(config_item(list, 2));
    cr_assert_null(config_item(list, -1));
    cr_assert(config_get_int(config_child(root, "a"), &whole, &err) && whole == 1);
    cr_assert(config_get_float(config_child(root, "a"), &number, &err) && number == 1);
    cr_assert(!config_get_bool(config_child(root, "a"), &truth, &err));
    cr_assert_str_eq(err.message, "run.yaml:1:4: a: expected true or false, got 1");

    /* Nothing is there: every function says so, none crashes. */
    cr_assert(!config_child(NULL, "a") && !config_item(NULL, 0) && !config_section(NULL, "a"));
    cr_assert(config_count(NULL) == 0 && config_kind(NULL) == CONFIG_NULL);
    cr_assert(!config_get_int(NULL, &whole, &err) && !config_get_text(NULL, &text, &err));
    cr_assert_str_eq(err.message, "expected text, got nothing");
    cr_assert_str_eq(config_path(config_section(root, "more")), "more");
    config_destroy(c);
    config_destroy(NULL);
}

TEST(config, an_empty_text_is_an_empty_map) {
    static const char *const texts[] = {"", "\n", "# nothing\n", "---\n", "{}", "~"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        static const char *const overrides[] = {"a.b.c=1"};
        config *c = load(texts[i], overrides, 1);
        const config_node *b = config_child(config_child(config_root(c), "a"), "b");
        cr_assert_str_eq(config_path(config_child(b, "c")), "a.b.c");
        config_destroy(c);
    }
}

TEST(config, aliases_are_copies_with_their_own_path) {
    static const char *const overrides[] = {"b.k=2"};
    config *c = load("a: &x {k: 1, l: [3]}\nb: *x\nc: &x 5\nd: *x\n", overrides, 1);
    const config_node *root = config_root(c);
    int64_t a, b, d;
    kd_error err = KD_ERROR_INIT;
    cr_assert(config_get_int(config_child(config_child(root, "a"), "k"), &a, &err) && a == 1);
    cr_assert(config_get_int(config_child(config_child(root, "b"), "k"), &b, &err) && b == 2);
    cr_assert(config_get_int(config_child(root, "d"), &d, &err) && d == 5);
    const config_node *item = config_item(config_child(config_child(root, "b"), "l"), 0);
    cr_assert_str_eq(config_path(item), "b.l.0");
    cr_assert_str_eq(config_where(item), "run.yaml:1:18");
    config_destroy(c);
}

TEST(config, overrides_replace_and_append) {
    static const char *const overrides[] = {
        "views.1.size=32",
        "views.2={size: 16}",
        "method={hidden: 8}",
        "method.crop=[0.5, 1]",
        "seed=1",
        "seed=7",
        "name=null",
        "name=\"007\"",
    };
    config *c = load("data: {path: x}\nviews: [{size: 8}, {size: 8}]\nmethod: {temperature: 1}\n",
                     overrides, 8);
    arena a = {0};
    struct schema s;
    kd_error err = KD_ERROR_INIT;
    cr_assert(schema_read(c, &s, &a, &err), "%s", err.message);
    cr_assert_eq(s.views, 3);
    cr_assert(s.view[0].size == 8 && s.view[1].size == 32 && s.view[2].size == 16);
    cr_assert(s.method.hidden == 8 && s.method.temperature == 0.2, "replaced, not merged");
    cr_assert(s.method.crop.count == 2 && s.method.crop.value[0] == 0.5);
    cr_assert_eq(s.run.seed, 7);
    cr_assert_str_eq(s.run.name, "007");
    cr_assert_str_eq(config_where(config_child(config_root(c), "seed")), "command line: seed=7");
    config_destroy(c);
    arena_free(&a);
}

TEST(config, defaults_and_values) {
    config *c = load("data: {path: images}\nmethod: {temperature: 1, blocks: [3, 4]}\n", NULL, 0);
    arena a = {0};
    struct schema s;
    kd_error err = KD_ERROR_INIT;
    cr_assert(schema_read(c, &s, &a, &err), "%s", err.message);
    config_destroy(c); /* texts and lists are the arena's */
    cr_assert_str_eq(s.data.path, "images");
    cr_assert_str_eq(s.run.name, "run");
    cr_assert(s.run.seed == 1 && s.run.precision == 0 && s.data.on_error == 0);
    cr_assert(s.store.size == 96 && s.method.temperature == 1 && s.method.weight == 1e-6);
    cr_assert(s.method.symmetric && s.method.hidden == 2048);
    cr_assert(s.method.crop.count == 2 && s.method.crop.value[1] == 1);
    cr_assert(s.method.blocks.count == 2 && s.method.blocks.value[1] == 4);
    arena_free(&a);
}

struct pair {
    int first, second, kept;
};
static const option pair_options[] = {
    OPTION_INT(struct pair, first, 1, 0, 9, "of two"),
    OPTION_INT(struct pair, second, 2, 0, 9, "of two"),
};

TEST(config, failure_writes_nothing_and_success_keeps_the_rest) {
    config *c = load("first: 5\nsecond: 50\n", NULL, 0);
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    struct pair p = {-1, -2, -3};
    cr_assert(!config_fill(config_root(c), pair_options, 2, NULL, &p, sizeof p, &a, &err));
    cr_assert(p.first == -1 && p.second == -2 && p.kept == -3);
    cr_assert(config_fill(NULL, pair_options, 2, NULL, &p, sizeof p, &a, &err));
    cr_assert(p.first == 1 && p.second == 2 && p.kept == -3);
    cr_assert(!config_fill(config_root(c), NULL, 0, NULL, NULL, 0, &a, &err));
    cr_assert_str_eq(err.message, "run.yaml:1:1: first: unknown key");
    cr_assert_str_eq(err.hint, "no keys belong here");
    cr_assert(config_fill(NULL, NULL, 0, NULL, NULL, 0, &a, &err));
    config_destroy(c);
    arena_free(&a);
}

#define DECLARED(name_, type_, offset_, size_, value_, max_, choices_)                             \
    {                                                                                              \
        .name = name_, .type = type_, .offset = offset_, .size = size_, .value = value_,           \
        .max = max_, .choices = choices_                                                           \
    }

/* clang-format off */
static const struct {
    option o;
    const char *message;
} bad_options[] = {
    {DECLARED("", KD_OPTION_INT, 0, 4, "1", "", ""), "option 0 has no name"},
    {DECLARED("k", 0, 0, 4, "1", "", ""), "option k: type 0 in 4 bytes"},
    {DECLARED("k", 9, 0, 4, "1", "", ""), "option k: type 9 in 4 bytes"},
    {DECLARED("k", -1, 0, 4, "1", "", ""), "option k: type -1 in 4 bytes"},
    {DECLARED("k", KD_OPTION_INT, 0, 8, "1", "", ""), "option k: type 2 in 8 bytes"},
    {DECLARED("k", KD_OPTION_FLOATS, 0, 4, "1", "", ""), "option k: type 7 in 4 bytes"},
    {DECLARED("k", KD_OPTION_INT, 13, 4, "1", "", ""), "bytes 13 to 17 of a struct that has 16"},
    {DECLARED("k", KD_OPTION_INT, SIZE_MAX - 1, 4, "1", "", ""), "of a struct that has 16"},
    {DECLARED("k", KD_OPTION_INT, 0, 4, "x", "", ""), "option k: its default: expected a whole"},
    {DECLARED("k", KD_OPTION_INT, 0, 4, NULL, NULL, NULL), "its default: expected a whole number"},
    {DECLARED("k", KD_OPTION_INT, 0, 4, "9", "8", ""), "default: 9 is out of range: at most 8"},
    {DECLARED("k", KD_OPTION_INT, 0, 4, "9", "INT_MAX", ""), "with a bound that is no number"},
    {DECLARED("k", KD_OPTION_FLOAT, 0, 8, "9", ".nan", ""), "with a bound that is no number"},
    {DECLARED("k", KD_OPTION_CHOICE, 0, 4, "c", "", "a|b"), "\"c\" is not one of a, b"},
    {DECLARED("k", KD_OPTION_CHOICE, 0, 4, "", "", NULL), "\"\" is not one of"},
    {DECLARED("k", KD_OPTION_INTS, 0, 16, "[1", "", ""), "did not find expected ',' or ']'"},
    {DECLARED("k", KD_OPTION_INTS, 0, 16, "1", "", ""), "expected a list of whole numbers"},
};
/* clang-format on */

TEST(config, wrong_declarations_are_refused) {
    unsigned char guarded[48];
    memset(guarded, 0xa5, sizeof guarded);
    for (size_t i = 0; i < sizeof bad_options / sizeof *bad_options; i++) {
        const char *wanted = bad_options[i].message;
        arena a = {0};
        for (int with_fill = 0; with_fill < 2; with_fill++) {
            kd_error err = KD_ERROR_INIT;
            cr_assert(
                !(with_fill
                      ? config_fill(NULL, &bad_options[i].o, 1, NULL, guarded + 16, 16, &a, &err)
                      : config_check_options("simclr", &bad_options[i].o, 1, 16, &err)));
            cr_assert(strstr(err.message, wanted), "%zu: %s", i, err.message);
            cr_assert(with_fill || strstr(err.message, "simclr: ") == err.message);
            cr_assert_eq(err.code, KD_E_INTERNAL);
        }
        arena_free(&a);
    }
    for (size_t i = 0; i < sizeof guarded; i++) {
        cr_assert_eq(guarded[i], 0xa5);
    }
    const option twice[] = {DECLARED("k", KD_OPTION_INT, 0, 4, "1", "", ""),
                            DECLARED("k", KD_OPTION_INT, 4, 4, "1", "", "")};
    kd_error err = KD_ERROR_INIT;
    cr_assert(!config_check_options("simclr", twice, 2, 16, &err));
    cr_assert(strstr(err.message, "declared twice"));
    cr_assert(config_check_options("simclr", twice, 1, 16, &err), "%s", err.message);
}
