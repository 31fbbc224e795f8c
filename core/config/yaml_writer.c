/* SPDX-License-Identifier: Apache-2.0
 * libyaml's emitter writes; what is decided here is which texts need quotes, and how floats look.
 */
#include "config/yaml_writer.h"

#include "config/convert.h"
#include "config/scalar.h"

#include <yaml.h>

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct yaml_writer {
    yaml_emitter_t emitter;
    char *text;
    size_t bytes;
    bool is_list[MAX_DEPTH + MAX_DEPTH]; /* of each map or list that is open, the document first */
    int depth;
    bool failed;
};

static int collect(void *to, unsigned char *bytes, size_t count) {
    yaml_writer *w = to;
    w->text = kd_grow(w->text, w->bytes + count + 1);
    memcpy(w->text + w->bytes, bytes, count);
    w->bytes += count;
    w->text[w->bytes] = 0;
    return 1;
}

/* After the first failure nothing is sent any more; finish tells. */
static void send_event(yaml_writer *w, int initialized, yaml_event_t *event) {
    if (!initialized) {
        w->failed = true;
    } else if (w->failed) {
        yaml_event_delete(event);
    } else {
        w->failed = !yaml_emitter_emit(&w->emitter, event);
    }
}

static void send_scalar(yaml_writer *w, const char *text, bool plain) {
    yaml_event_t event;
    const yaml_scalar_style_t style =
        plain ? YAML_PLAIN_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    send_event(w,
               yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                            (int)strlen(text), 1, 1, style),
               &event);
}

/* Whether readers of any YAML version take the text for a text without quotes. */
static bool is_plain_text(const char *text) {
    static const char *const words[] = {"y",   "n",    "yes",   "no",   "on",
                                        "off", "true", "false", "null", NULL};
    for (int i = 0; words[i]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return false;
        }
    }
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const size_t inside = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                       "0123456789_./+-");
    return *text && (strchr(letters, *text) || *text == '/') && text[inside] == 0;
}

static void send_key(yaml_writer *w, const char *key) {
    assert((key == NULL) == w->is_list[w->depth - 1]);
    if (key) {
        send_scalar(w, key, is_plain_text(key));
    }
}

static void begin_map(yaml_writer *w) {
    yaml_event_t event;
    assert(w->depth < (int)(sizeof w->is_list / sizeof *w->is_list));
    w->is_list[w->depth++] = false;
    send_event(w,
               yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE),
               &event);
}

static void begin_list(yaml_writer *w, yaml_sequence_style_t style) {
    yaml_event_t event;
    assert(w->depth < (int)(sizeof w->is_list / sizeof *w->is_list));
    w->is_list[w->depth++] = true;
    send_event(w, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style), &event);
}

yaml_writer *yaml_writer_create(void) {
    yaml_writer *w = kd_alloc(sizeof *w);
    yaml_event_t event;
    w->text = kd_alloc(1);
    if (!yaml_emitter_initialize(&w->emitter)) {
        w->failed = true;
        return w;
    }
    yaml_emitter_set_output(&w->emitter, collect, w);
    yaml_emitter_set_unicode(&w->emitter, 1);
    yaml_emitter_set_width(&w->emitter, -1);
    send_event(w, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
    send_event(w, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
    begin_map(w);
    return w;
}

void yaml_writer_destroy(yaml_writer *w) {
    if (w) {
        yaml_emitter_delete(&w->emitter);
        free(w->text);
        free(w);
    }
}

void yaml_begin_map(yaml_writer *w, const char *key) {
    send_key(w, key);
    begin_map(w);
}

void yaml_begin_list(yaml_writer *w, const char *key) {
    send_key(w, key);
    begin_list(w, YAML_BLOCK_SEQUENCE_STYLE);
}

void yaml_end(yaml_writer *w) {
    yaml_event_t event;
    assert(w->depth > 0);
    send_event(w,
               w->is_list[--w->depth] ? yaml_sequence_end_event_initialize(&event)
                                      : yaml_mapping_end_event_initialize(&event),
               &event);
}

void yaml_write_bool(yaml_writer *w, const char *key, bool value) {
    send_key(w, key);
    send_scalar(w, value ? "true" : "false", true);
}

void yaml_write_int(yaml_writer *w, const char *key, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    send_key(w, key);
    send_scalar(w, text, true);
}

const char *yaml_float(double value, char to[YAML_FLOAT_BYTES]) {
    if (!isfinite(value)) {
        const char *text = isnan(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
        snprintf(to, YAML_FLOAT_BYTES, "%s", text);
        return to;
    }
    char digits[YAML_FLOAT_BYTES];
    int precision = 1;
    do {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
    } while (strtod(digits, NULL) != value && precision++ < 17);
    if (value == floor(value) && fabs(value) < 1e9) {
        snprintf(digits, sizeof digits, "%.0f", value); /* 20, which was 2e+01 */
    }
    /* YAML 1.1 takes 1e-06 for a text: a point is what makes a float for every reader. */
    const size_t mantissa = strcspn(digits, "e");
    const char *point = strchr(digits, '.') ? "" : ".0";
    snprintf(to, YAML_FLOAT_BYTES, "%.*s%s%s", (int)mantissa, digits, point, digits + mantissa);
    return to;
}

void yaml_write_float(yaml_writer *w, const char *key, double value) {
    char text[YAML_FLOAT_BYTES];
    send_key(w, key);
    send_scalar(w, yaml_float(value, text), true);
}

void yaml_write_text(yaml_writer *w, const char *key, const char *value) {
    send_key(w, key);
    send_scalar(w, value, is_plain_text(value));
}

void yaml_write_node(yaml_writer *w, const char *key, const config_node *node) {
    send_key(w, key);
    if (config_kind(node) == CONFIG_NULL) {
        send_scalar(w, "null", true);
    } else if (node->kind == CONFIG_SCALAR) {
        const bool plain = node->plain && scalar_kind(node->text) != SCALAR_TEXT;
        send_scalar(w, node->text, plain || is_plain_text(node->text));
    } else {
        const bool is_map = node->kind == CONFIG_MAP;
        is_map ? begin_map(w) : begin_list(w, YAML_BLOCK_SEQUENCE_STYLE);
        for (int i = 0; i < node->count; i++) {
            yaml_write_node(w, is_map ? node->item[i]->name : NULL, node->item[i]);
        }
        yaml_end(w);
    }
}

static void write_bool(yaml_writer *w, const option *o, const void *field) {
    yaml_write_bool(w, o->name, *(const bool *)field);
}

static void write_int(yaml_writer *w, const option *o, const void *field) {
    yaml_write_int(w, o->name, *(const int *)field);
}

static void write_float(yaml_writer *w, const option *o, const void *field) {
    yaml_write_float(w, o->name, *(const double *)field);
}

static void write_text(yaml_writer *w, const option *o, const void *field) {
    yaml_write_text(w, o->name, *(const char *const *)field);
}

static void write_choice(yaml_writer *w, const option *o, const void *field) {
    int length;
    const char *word = choice_word(o->choices, *(const int *)field, &length);
    char *copy = strndup(word ? word : "", (size_t)length);
    yaml_write_text(w, o->name, copy);
    free(copy);
}

static void write_floats(yaml_writer *w, const option *o, const void *field) {
    const kd_floats *list = field;
    send_key(w, o->name);
    begin_list(w, YAML_FLOW_SEQUENCE_STYLE);
    for (int64_t i = 0; i < list->count; i++) {
        yaml_write_float(w, NULL, list->value[i]);
    }
    yaml_end(w);
}

static void write_ints(yaml_writer *w, const option *o, const void *field) {
    const kd_ints *list = field;
    send_key(w, o->name);
    begin_list(w, YAML_FLOW_SEQUENCE_STYLE);
    for (int64_t i = 0; i < list->count; i++) {
        yaml_write_int(w, NULL, list->value[i]);
    }
    yaml_end(w);
}

void yaml_write_options(yaml_writer *w, const option *options, int count, const void *from) {
    static void (*const writers[])(yaml_writer *, const option *, const void *) = {
        [KD_OPTION_BOOL] = write_bool,     [KD_OPTION_INT] = write_int,
        [KD_OPTION_FLOAT] = write_float,   [KD_OPTION_TEXT] = write_text,
        [KD_OPTION_PATH] = write_text,     [KD_OPTION_CHOICE] = write_choice,
        [KD_OPTION_FLOATS] = write_floats, [KD_OPTION_INTS] = write_ints,
    };
    for (int i = 0; i < count; i++) {
        union {
            double number;
            kd_floats floats;
        } field; /* aligned, wherever the plugin's field lies */
        assert(options[i].size == option_bytes(options[i].type));
        memcpy(&field, (const char *)from + options[i].offset, options[i].size);
        writers[options[i].type](w, &options[i], &field);
    }
}

const char *yaml_finish(yaml_writer *w, kd_error *err) {
    yaml_event_t event;
    assert(w->depth == 1);
    yaml_end(w);
    send_event(w, yaml_document_end_event_initialize(&event, 1), &event);
    send_event(w, yaml_stream_end_event_initialize(&event), &event);
    if (w->failed) {
        const char *problem = w->emitter.problem ? w->emitter.problem : "a text is not UTF-8";
        kd_fail(err, KD_E_INVALID, "the configuration cannot be written as YAML: %s", problem);
        return NULL;
    }
    return w->text;
}
