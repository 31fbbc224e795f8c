/* SPDX-License-Identifier: Apache-2.0
 * An option: one configuration key, declared once, from which come checks, defaults, help and the
 * resolved configuration. A plugin's come from its note; the host's own are declared like this:
 *
 *     struct store { int size; const char *filter; };
 *     static const option store_options[] = {
 *         OPTION_INT(struct store, size, 96, 8, 4096, "longest side of a stored image"),
 *         OPTION_TEXT(struct store, filter, "area", "..."),
 *     };
 *     config_fill(map, store_options, OPTION_COUNT(store_options), ...)
 *
 * Bounds and scalar defaults are written bare, texts and lists quoted; a bound left empty is none:
 * OPTION_INT(struct run, seed, 1, 0, , "..."). The key is the field's name. A field of another type
 * than the macro says does not compile. */
#ifndef CORE_CONFIG_OPTION_H
#define CORE_CONFIG_OPTION_H

#include <kindred/note.h>

typedef struct config_option {
    const char *name;
    int type;       /* KD_OPTION_... of kindred/note.h, which says the field's C type */
    unsigned flags; /* KD_OPTION_REQUIRED */
    size_t offset, size;
    /* YAML: a scalar, or a flow list "[0.1, 1]". "" as min or max: no bound. A FLOAT may be
     * infinite only where a bound is (".inf"), and never NaN. */
    const char *value, *min, *max;
    const char *choices; /* "a|b|c" */
    const char *help;
} option;

#define OPTION_COUNT(options) ((int)(sizeof(options) / sizeof *(options)))

/* clang-format off */
#define OPTION_FIELD(config_, field_, c_type_, type_, flags_, value_, min_, max_, choices_, help_) \
    {.name = #field_, .type = _Generic(((config_ *)0)->field_, c_type_ : (type_)), \
     .flags = (flags_), .offset = offsetof(config_, field_), \
     .size = sizeof(((config_ *)0)->field_), .value = (value_), .min = (min_), .max = (max_), \
     .choices = (choices_), .help = (help_)}
#define OPTION_REQUIRED(config, field, c_type, type, min, max, help) \
    OPTION_FIELD(config, field, c_type, type, KD_OPTION_REQUIRED, "", min, max, "", help)

#define OPTION_BOOL(config, field, value, help) \
    OPTION_FIELD(config, field, bool, KD_OPTION_BOOL, 0, #value, "", "", "", help)
#define OPTION_INT(config, field, value, min, max, help) \
    OPTION_FIELD(config, field, int, KD_OPTION_INT, 0, #value, #min, #max, "", help)
#define OPTION_FLOAT(config, field, value, min, max, help) \
    OPTION_FIELD(config, field, double, KD_OPTION_FLOAT, 0, #value, #min, #max, "", help)
#define OPTION_TEXT(config, field, value, help) \
    OPTION_FIELD(config, field, const char *, KD_OPTION_TEXT, 0, value, "", "", "", help)
#define OPTION_PATH(config, field, value, help) \
    OPTION_FIELD(config, field, const char *, KD_OPTION_PATH, 0, value, "", "", "", help)
/* The field is an int: the index of the word in `choices`. */
#define OPTION_CHOICE(config, field, value, choices, help) \
    OPTION_FIELD(config, field, int, KD_OPTION_CHOICE, 0, value, "", "", choices, help)
/* min and max bound each element. */
#define OPTION_FLOATS(config, field, value, min, max, help) \
    OPTION_FIELD(config, field, kd_floats, KD_OPTION_FLOATS, 0, value, #min, #max, "", help)
#define OPTION_INTS(config, field, value, min, max, help) \
    OPTION_FIELD(config, field, kd_ints, KD_OPTION_INTS, 0, value, #min, #max, "", help)

#define OPTION_REQUIRED_INT(config, field, min, max, help) \
    OPTION_REQUIRED(config, field, int, KD_OPTION_INT, #min, #max, help)
#define OPTION_REQUIRED_FLOAT(config, field, min, max, help) \
    OPTION_REQUIRED(config, field, double, KD_OPTION_FLOAT, #min, #max, help)
#define OPTION_REQUIRED_TEXT(config, field, help) \
    OPTION_REQUIRED(config, field, const char *, KD_OPTION_TEXT, "", "", help)
#define OPTION_REQUIRED_PATH(config, field, help) \
    OPTION_REQUIRED(config, field, const char *, KD_OPTION_PATH, "", "", help)
/* clang-format on */

#endif
