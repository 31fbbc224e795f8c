/* SPDX-License-Identifier: Apache-2.0
 * Options as JSON Schema: type, range, choices, default, help. */
#include "cli/json_schema.h"

#include "config/scalar.h"

#include <limits.h>
#include <math.h>

/* A number as the option's type has it; NULL where JSON has none (infinities), or no number. */
static json_t *number(const option *o, const char *text) {
    const bool whole = o->type == KD_OPTION_INT || o->type == KD_OPTION_INTS;
    int64_t integer;
    double real;
    if (whole) {
        return scalar_int(text, &integer) ? json_integer(integer) : NULL;
    }
    return scalar_float(text, &real) && isfinite(real) ? json_real(real) : NULL;
}

/* Sets a key unless there is nothing to set it to. */
static void set(json_t *to, const char *key, json_t *value) {
    if (value) {
        json_object_set_new(to, key, value);
    }
}

static json_t *number_schema(const option *o) {
    const bool whole = o->type == KD_OPTION_INT || o->type == KD_OPTION_INTS;
    json_t *s = json_pack("{s:s}", "type", whole ? "integer" : "number");
    if (o->type == KD_OPTION_INT) { /* a field of 32 bits */
        set(s, "minimum", json_integer(INT_MIN));
        set(s, "maximum", json_integer(INT_MAX));
    }
    set(s, "minimum", o->min ? number(o, o->min) : NULL);
    set(s, "maximum", o->max ? number(o, o->max) : NULL);
    return s;
}

/* A word is what stands there, but an editor reads `50` as a number and `true` as a truth. */
static void append_as_read(json_t *list, const char *word) {
    bool truth;
    int64_t integer;
    double real;
    if (scalar_bool(word, &truth)) {
        json_array_append_new(list, json_boolean(truth));
    } else if (scalar_int(word, &integer)) {
        json_array_append_new(list, json_integer(integer));
    } else if (scalar_float(word, &real) && isfinite(real)) {
        json_array_append_new(list, json_real(real));
    }
}

static json_t *choice_schema(const option *o) {
    json_t *words = json_array();
    for (const char *at = o->choices; at && *at;) {
        const size_t length = strcspn(at, "|");
        json_t *word = json_stringn(at, length);
        json_array_append_new(words, word);
        append_as_read(words, json_string_value(word));
        at += length + (at[length] == '|');
    }
    return json_pack("{s:o}", "enum", words);
}

/* Any scalar is a text: `size: 96` too. */
static json_t *text_schema(const option *o) {
    (void)o;
    return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
}

static json_t *bool_schema(const option *o) {
    (void)o;
    return json_pack("{s:s}", "type", "boolean");
}

static json_t *list_schema(const option *o) {
    return json_pack("{s:s,s:o}", "type", "array", "items", number_schema(o));
}

/* "[0.1, 1]" */
static json_t *list_default(const option *o) {
    json_t *list = json_array();
    for (const char *at = o->value; *at;) {
        at += strspn(at, "[], ");
        const size_t length = strcspn(at, "[], ");
        json_t *word = json_stringn(at, length);
        json_t *item = length ? number(o, json_string_value(word)) : NULL;
        if (item) {
            json_array_append_new(list, item);
        }
        json_decref(word);
        at += length;
    }
    return list;
}

static json_t *number_default(const option *o) {
    return number(o, o->value);
}

static json_t *text_default(const option *o) {
    return json_string(o->value);
}

static json_t *bool_default(const option *o) {
    return json_boolean(strcmp(o->value, "true") == 0);
}

static const struct {
    json_t *(*schema)(const option *o);
    json_t *(*standard)(const option *o);
} types[] = {
    [KD_OPTION_BOOL] = {bool_schema, bool_default},
    [KD_OPTION_INT] = {number_schema, number_default},
    [KD_OPTION_FLOAT] = {number_schema, number_default},
    [KD_OPTION_TEXT] = {text_schema, text_default},
    [KD_OPTION_PATH] = {text_schema, text_default},
    [KD_OPTION_CHOICE] = {choice_schema, text_default},
    [KD_OPTION_FLOATS] = {list_schema, list_default},
    [KD_OPTION_INTS] = {list_schema, list_default},
};

json_t *json_schema_option(const option *o) {
    json_t *s = types[o->type].schema(o);
    set(s, "description", json_string(o->help));
    if (!(o->flags & KD_OPTION_REQUIRED)) {
        set(s, "default", types[o->type].standard(o));
    }
    return s;
}

void json_schema_add(json_t *map, const char *key, json_t *value) {
    json_object_set_new(json_object_get(map, "properties"), key, value);
}

json_t *json_schema_complete(json_t *map) {
    json_t *complete = json_object_get(map, "else");
    if (!complete) {
        complete = json_object();
        json_object_set_new(map, "if", json_pack("{s:[s]}", "required", "include"));
        json_object_set_new(map, "else", complete);
    }
    return complete;
}

void json_schema_require(json_t *map, const char *key) {
    json_t *complete = json_schema_complete(map), *required = json_object_get(complete, "required");
    if (!required) {
        required = json_array();
        json_object_set_new(complete, "required", required);
    }
    json_array_append_new(required, json_string(key));
}

void json_schema_add_options(json_t *map, const option *options, int count) {
    for (int i = 0; i < count; i++) {
        json_schema_add(map, options[i].name, json_schema_option(&options[i]));
        if (options[i].flags & KD_OPTION_REQUIRED) {
            json_schema_require(map, options[i].name);
        }
    }
}

static json_t *include_schema(void) {
    return json_pack("{s:[{s:s},{s:s,s:{s:s}}],s:s}", "anyOf", "type", "string", "type", "array",
                     "items", "type", "string", "description",
                     "files, relative to this one, whose keys lie under those of this map");
}

json_t *json_schema_map(const option *options, int count, const char *help) {
    json_t *map = json_pack("{s:s,s:{s:o},s:b}", "type", "object", "properties", "include",
                            include_schema(), "additionalProperties", false);
    set(map, "description", help ? json_string(help) : NULL);
    json_schema_add_options(map, options, count);
    return map;
}
