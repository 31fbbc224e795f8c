/* SPDX-License-Identifier: Apache-2.0
 * One op of a free list of augmentations: its options, and its arguments from them. */
#include "train/recipe_ops.h"

#include "base/suggest.h"
#include "config/yaml_writer.h"
#include "train/recipe.h"

#include <stdlib.h>

/* The options of all ops; each has some. */
struct keys {
    kd_floats scale, ratio, sigma;
    double zoom, p, brightness, contrast, saturation, hue, threshold, degrees;
    int interpolation, radius, fill;
};

#define FILTERS "bilinear|bicubic"
#define FILTER(value) OPTION_CHOICE(struct keys, interpolation, value, FILTERS, "antialiased")
#define CHANCE(value) OPTION_FLOAT(struct keys, p, value, 0, 1, "how often it happens")
#define STRENGTH(field, value)                                                                     \
    OPTION_FLOAT(struct keys, field, value, 0, 100, "factor even in 1 +- this, at least 0")

static const option crop_options[] = {
    OPTION_FLOATS(struct keys, scale, "[0.08, 1.0]", 1.0e-6, 1, "area, as a share of the image's"),
    OPTION_FLOATS(struct keys, ratio, "[0.75, 1.3333333333333333]", 0.001, 1000, "width / height"),
    FILTER("bilinear"),
};
static const option resize_options[] = {FILTER("bilinear")};
static const option center_options[] = {
    OPTION_FLOAT(struct keys, zoom, 1, 1, 16, "the short side is resized to this times the size"),
    FILTER("bilinear"),
};
static const option flip_options[] = {CHANCE(0.5)};
static const option jitter_options[] = {
    CHANCE(0.8),
    STRENGTH(brightness, 0.4),
    STRENGTH(contrast, 0.4),
    STRENGTH(saturation, 0.4),
    OPTION_FLOAT(struct keys, hue, 0.1, 0, 0.5, "turn even in +- this, of the circle"),
};
static const option grayscale_options[] = {CHANCE(0.2)};
static const option blur_options[] = {
    CHANCE(0.5),
    OPTION_INT(struct keys, radius, 0, 0, 64,
               "of the kernel in pixels; 0: a twentieth of the size"),
    OPTION_FLOATS(struct keys, sigma, "[0.1, 2.0]", 0.001, 100, "standard deviation in pixels"),
};
static const option solarize_options[] = {
    CHANCE(0.2),
    OPTION_FLOAT(struct keys, threshold, 0.5, 0, 1, "values from here on are inverted"),
};
static const option rotate_options[] = {
    CHANCE(1),
    OPTION_FLOAT(struct keys, degrees, 15, 0, 360, "angle even in +- this"),
    OPTION_CHOICE(struct keys, fill, "zero", "zero|edge", "what lies outside of the view"),
};

/* An argument: a field of the keys, and the element of a pair (0 or 1; 0 for others). */
struct argument {
    size_t offset;
    int element;
};
#define ARGUMENT(field)                                                                            \
    { offsetof(struct keys, field), 0 }
#define ARGUMENTS(field)                                                                           \
    {offsetof(struct keys, field), 0}, {                                                           \
        offsetof(struct keys, field), 1                                                            \
    }
#define OPTIONS(list) list, OPTION_COUNT(list)

struct schema {
    const option *options;
    int count;
    const char *shorthand; /* the key that `name: number` sets, or NULL */
    struct argument arg[KD_AUGMENT_ARGS];
};
static const struct schema schemas[] = {
    [KD_AUGMENT_RANDOM_RESIZED_CROP] = {OPTIONS(crop_options),
                                        NULL,
                                        {ARGUMENTS(scale), ARGUMENTS(ratio),
                                         ARGUMENT(interpolation)}},
    [KD_AUGMENT_RESIZE] = {OPTIONS(resize_options), NULL, {ARGUMENT(interpolation)}},
    [KD_AUGMENT_CENTER_CROP] = {OPTIONS(center_options),
                                NULL,
                                {ARGUMENT(zoom), ARGUMENT(interpolation)}},
    [KD_AUGMENT_FLIP] = {OPTIONS(flip_options), "p", {ARGUMENT(p)}},
    [KD_AUGMENT_COLOR_JITTER] = {OPTIONS(jitter_options),
                                 NULL,
                                 {ARGUMENT(p), ARGUMENT(brightness), ARGUMENT(contrast),
                                  ARGUMENT(saturation), ARGUMENT(hue)}},
    [KD_AUGMENT_GRAYSCALE] = {OPTIONS(grayscale_options), "p", {ARGUMENT(p)}},
    [KD_AUGMENT_BLUR] = {OPTIONS(blur_options),
                         "p",
                         {ARGUMENT(p), ARGUMENT(radius), ARGUMENTS(sigma)}},
    [KD_AUGMENT_SOLARIZE] = {OPTIONS(solarize_options), "p", {ARGUMENT(p), ARGUMENT(threshold)}},
    [KD_AUGMENT_ROTATE] = {OPTIONS(rotate_options),
                           "degrees",
                           {ARGUMENT(p), ARGUMENT(degrees), ARGUMENT(fill)}},
};
#define SCHEMAS ((int)(sizeof schemas / sizeof *schemas))

const option *recipe_op_options(int code, int *ret_count) {
    const bool known = code >= 0 && code < SCHEMAS;
    *ret_count = known ? schemas[code].count : 0;
    return known ? schemas[code].options : NULL;
}

const option *recipe_op_shorthand(int code) {
    const struct schema *schema = &schemas[code];
    for (int i = 0; schema->shorthand && i < schema->count; i++) {
        if (strcmp(schema->options[i].name, schema->shorthand) == 0) {
            return &schema->options[i];
        }
    }
    return NULL;
}

static const option *option_at(const struct schema *schema, size_t offset) {
    for (int i = 0; i < schema->count; i++) {
        if (schema->options[i].offset == offset) {
            return &schema->options[i];
        }
    }
    return NULL;
}

/* A list of two, in order: the only kind of list there is. */
static bool check_pairs(const struct schema *schema, const struct keys *keys,
                        const config_node *where, kd_error *err) {
    for (int i = 0; i < schema->count; i++) {
        const option *o = &schema->options[i];
        if (o->type != KD_OPTION_FLOATS) {
            continue;
        }
        const kd_floats *pair = (const kd_floats *)(const void *)((const char *)keys + o->offset);
        if (pair->count != 2 || pair->value[0] > pair->value[1]) {
            const config_node *own = config_child(where, o->name);
            return config_fail(own ? own : where, err, "%s wants [from, to], from not above to",
                               o->name);
        }
    }
    return true;
}

static double argument_of(const struct schema *schema, const struct argument *from,
                          const struct keys *keys) {
    const option *o = option_at(schema, from->offset);
    const void *field = (const char *)keys + from->offset;
    if (!o) {
        return 0; /* an argument that this op does not have */
    }
    if (o->type == KD_OPTION_FLOATS) {
        return ((const kd_floats *)field)->value[from->element];
    }
    return o->type == KD_OPTION_FLOAT ? *(const double *)field : *(const int *)field;
}

static bool find_code(const config_node *item, const char *name, int *ret, kd_error *err) {
    const char *names[SCHEMAS];
    for (int code = 0; code < SCHEMAS; code++) {
        names[code] = kd_augment_find_rule(code)->name;
        if (strcmp(name, names[code]) == 0) {
            *ret = code;
            return true;
        }
    }
    const char *near = suggest(name, names, SCHEMAS);
    if (strcmp(name, "normalize") == 0) {
        config_fail(item, err, "normalize is no op of the list");
        return kd_hint(err,
                       "it is a key beside `ops`: {size: 64, ops: [...], normalize: imagenet}");
    }
    config_fail(item, err, near ? "unknown op %s; did you mean %s?" : "unknown op %s", name, near);
    return kd_hint(err, "docs/augmentation.md lists the ops and their options");
}

/* `flip: 0.5`: the one key that a number may set. */
static bool read_shorthand(const config_node *value, int code, struct keys *keys, kd_error *err) {
    const option *o = recipe_op_shorthand(code);
    if (!o) {
        return config_fail(value, err, "wants a map of options");
    }
    double number = 0;
    if (!config_get_float(value, &number, err)) {
        return false;
    }
    const double low = strtod(o->min, NULL), high = strtod(o->max, NULL);
    if (!(number >= low && number <= high)) {
        return config_fail(value, err, "%s is %g, not in [%g, %g]", o->name, number, low, high);
    }
    *(double *)(void *)((char *)keys + o->offset) = number;
    return true;
}

bool recipe_op_read(const config_node *item, int *ret_code, double *arg, arena *a, kd_error *err) {
    const char *name = NULL;
    const config_node *value = NULL;
    const int kind = config_kind(item);
    if (kind == CONFIG_MAP && config_count(item) == 1) {
        name = config_key(item, 0);
        value = config_item(item, 0);
    } else if (kind != CONFIG_SCALAR || !config_get_text(item, &name, err)) {
        return config_fail(item, err, "wants one op: flip, flip: 0.5 or flip: {p: 0.5}");
    }
    int code = 0;
    struct keys keys = {0};
    if (!find_code(item, name, &code, err)) {
        return false;
    }
    const struct schema *schema = &schemas[code];
    const bool scalar = config_kind(value) == CONFIG_SCALAR;
    if (!config_fill(scalar ? NULL : value, schema->options, schema->count, NULL, &keys,
                     sizeof keys, a, err) ||
        (scalar && !read_shorthand(value, code, &keys, err)) ||
        !check_pairs(schema, &keys, value ? value : item, err)) {
        return false;
    }
    for (int k = 0; k < KD_AUGMENT_ARGS; k++) {
        const bool has = k < kd_augment_find_rule(code)->n_args;
        arg[k] = has ? argument_of(schema, &schema->arg[k], &keys) : 0;
    }
    *ret_code = code;
    return true;
}

static const char *value_text(const option *o, const double *arg, arena *a) {
    char text[2][YAML_FLOAT_BYTES];
    yaml_float(arg[0], text[0]);
    if (o->type == KD_OPTION_INT) {
        return arena_print(a, "%d", (int)arg[0]);
    }
    if (o->type == KD_OPTION_FLOATS) {
        return arena_print(a, "[%s, %s]", text[0], yaml_float(arg[1], text[1]));
    }
    if (o->type == KD_OPTION_CHOICE) {
        const char *second = strchr(o->choices, '|');
        return arg[0] > 0 ? arena_text(a, second + 1)
                          : arena_print(a, "%.*s", (int)(second - o->choices), o->choices);
    }
    return arena_text(a, text[0]);
}

/* {random_resized_crop: {scale: [0.08, 1.0], ...}} */
static const char *op_text(int64_t code, const double *arg, arena *a) {
    const struct schema *schema = &schemas[code];
    const int n_args = kd_augment_find_rule(code)->n_args;
    const char *text = "";
    for (int k = 0; k < n_args; k++) {
        if (schema->arg[k].element == 0) {
            const option *o = option_at(schema, schema->arg[k].offset);
            text = arena_print(a, "%s%s%s: %s", text, *text ? ", " : "", o->name,
                               value_text(o, arg + k, a));
        }
    }
    return arena_print(a, "{%s: {%s}}", kd_augment_find_rule(code)->name, text);
}

static const char *statistics_text(const double *value, int channels, arena *a) {
    const char *text = "";
    for (int c = 0; c < channels; c++) {
        char number[YAML_FLOAT_BYTES];
        text = arena_print(a, "%s%s%s", text, c ? ", " : "", yaml_float(value[c], number));
    }
    return text;
}

const char *recipe_describe(const kd_augment *augment, arena *a) {
    const char *text = "ops: [", *normalize = "none";
    for (int i = 0; i < augment->n_ops; i++) {
        const double *arg = augment->arg[i];
        if (augment->op[i] == KD_AUGMENT_NORMALIZE) {
            normalize = arena_print(a, "{mean: [%s], std: [%s]}",
                                    statistics_text(arg, augment->channels, a),
                                    statistics_text(arg + 3, augment->channels, a));
        } else {
            text = arena_print(a, "%s%s%s", text, i ? ", " : "", op_text(augment->op[i], arg, a));
        }
    }
    return arena_print(a, "%s], normalize: %s", text, normalize);
}
