/* SPDX-License-Identifier: Apache-2.0
 * A configuration shaped like a run's, for the tests of core/config. */
#ifndef TESTS_CONFIG_SCHEMA_H
#define TESTS_CONFIG_SCHEMA_H

#include "config/config.h"
#include "config/yaml_writer.h"

struct run_keys {
    const char *name;
    int seed, precision;
};
struct data_keys {
    const char *path;
    int on_error;
};
struct store_keys {
    int size;
};
struct method_keys {
    double temperature, weight;
    bool symmetric;
    int hidden;
    kd_floats crop;
    kd_ints blocks;
};
struct view_keys {
    const char *recipe;
    int size, count;
};

#define SCHEMA_VIEWS 4
struct schema {
    struct run_keys run;
    struct data_keys data;
    struct store_keys store;
    struct method_keys method;
    struct view_keys view[SCHEMA_VIEWS];
    int views;
};

/* false with err, as a command would. */
bool schema_read(const config *c, struct schema *ret, arena *a, kd_error *err);

/* The resolved configuration; the caller destroys the writer. */
yaml_writer *schema_write(const struct schema *s);

#endif
