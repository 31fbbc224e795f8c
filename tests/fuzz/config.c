/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target for configurations: any bytes as YAML, and their second line as an override. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct keys {
    bool truth;
    int whole, choice;
    double real;
    const char *text;
    kd_floats floats;
    kd_ints ints;
};
static const option options[] = {
    OPTION_BOOL(struct keys, truth, true, "help"),
    OPTION_INT(struct keys, whole, 1, -5, 100, "help"),
    OPTION_CHOICE(struct keys, choice, "one", "one|two", "help"),
    OPTION_FLOAT(struct keys, real, 0.5, 0, 1, "help"),
    OPTION_TEXT(struct keys, text, "", "help"),
    OPTION_FLOATS(struct keys, floats, "[0.5]", 0, 1, "help"),
    OPTION_INTS(struct keys, ints, "[1]", 0, 9, "help"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    struct keys into = {.text = ""};
    /* A file that includes others would make what is found depend on this machine. */
    const char *text = arena_copy(&a, data, bytes), *newline = strchr(text, '\n');
    if (!strstr(text, "include")) {
        const char *override = newline ? newline + 1 : "whole=2";
        config *c = config_load_text("fuzz.yaml", text, bytes, &override, 1, &err);
        if (c) {
            config_fill(config_root(c), options, OPTION_COUNT(options), NULL, &into, sizeof into,
                        &a, &err);
            config_destroy(c);
        }
    }
    arena_free(&a);
    return 0;
}
