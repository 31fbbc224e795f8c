/* SPDX-License-Identifier: Apache-2.0
 * What `kindred check` found, as JSON and as a page made of it. */
#ifndef CORE_CLI_CLI_CHECK_H
#define CORE_CLI_CLI_CHECK_H

#include <jansson.h>

/* Prints the report that cli_check.c puts together:
 *
 *     {"kindred": version, "device": id, "about": text, "seed": of the drawn inputs,
 *      "conformance": [{"name", "ok", "why"}],
 *      "ops": [{"op", "note", "in", "cases", "status", "failed", "error", "where", "why"}],
 *      "runs": [{"name", "steps", "ok", "error", "step", "why", "losses", "reference"}],
 *      "checks": how many, "failed": how many, "ok": bool}
 *
 * error: null when it is infinite. */
void print_check(const json_t *report);

#endif
