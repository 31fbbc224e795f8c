/* SPDX-License-Identifier: Apache-2.0
 * YAML text, written key by key: resolved configurations, which read back to the same values.
 *
 *     yaml_writer *w = yaml_writer_create();
 *     yaml_write_text(w, "name", "simclr-pairs");
 *     yaml_begin_map(w, "data");
 *     yaml_write_text(w, "plugin", "image_folder");
 *     yaml_write_options(w, options, count, config);
 *     yaml_end(w);
 *     const char *text = yaml_finish(w, err);
 *     ...
 *     yaml_writer_destroy(w);
 *
 * The document is a map from the start. Inside of a list `key` is NULL. Mistakes of the caller's
 * nesting are asserted; a text that is not UTF-8 makes finish fail. Equal calls give equal bytes.
 */
#ifndef CORE_CONFIG_YAML_WRITER_H
#define CORE_CONFIG_YAML_WRITER_H

#include "config/config.h"

typedef struct yaml_writer yaml_writer;

yaml_writer *yaml_writer_create(void);
void yaml_writer_destroy(yaml_writer *w);

void yaml_begin_map(yaml_writer *w, const char *key);
void yaml_begin_list(yaml_writer *w, const char *key);
void yaml_end(yaml_writer *w); /* of the innermost map or list */

void yaml_write_bool(yaml_writer *w, const char *key, bool value);
void yaml_write_int(yaml_writer *w, const char *key, int64_t value);
void yaml_write_float(yaml_writer *w, const char *key, double value); /* shortest that reads back */
void yaml_write_text(yaml_writer *w, const char *key, const char *value);
void yaml_write_node(yaml_writer *w, const char *key, const config_node *node); /* as it was read */

/* Every option with its value in `from` (a struct that config_fill filled), in the table's order.
 */
void yaml_write_options(yaml_writer *w, const option *options, int count, const void *from);

/* Ends the document. The text lives as long as the writer; NULL on failure. */
const char *yaml_finish(yaml_writer *w, kd_error *err);

/* The shortest decimal that reads back to the same value, always with a point or as .inf or .nan:
 * "0.1", "20.0", "1.0e-06". Returns `to`. */
#define YAML_FLOAT_BYTES 32
const char *yaml_float(double value, char to[YAML_FLOAT_BYTES]);

#endif
