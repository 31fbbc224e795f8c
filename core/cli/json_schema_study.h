/* SPDX-License-Identifier: Apache-2.0
 * The keys of a run that an axis of a study can have values of, for its schema. */
#ifndef CORE_CLI_JSON_SCHEMA_STUDY_H
#define CORE_CLI_JSON_SCHEMA_STUDY_H

#include "cli/json_schema.h"

/* What `key:` may be: the dotted paths of all single values, and any in `views` and `evals`. */
json_t *json_schema_study_key(const registry *plugins);

/* A list of cases: when `key` is this path, then each of `values` is such. Where several plugins
 * have an option of one path, it is such as one of them has it. */
json_t *json_schema_study_keys(const registry *plugins);

#endif
