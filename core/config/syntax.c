/* SPDX-License-Identifier: Apache-2.0
 * A line number, libyaml's own words, and what usually is the reason. */
#include "config/syntax.h"

static const struct {
    const char *words, *hint;
} hints[] = {
    {"mapping values are not allowed", "check the indentation, or quote a text that holds ': '"},
    {"could not find expected ':'", "a key needs ': ' behind it; check the indentation"},
    {"cannot start any token",
     "indent with spaces, not tabs; quote a text that begins with @, ` or %"},
    {"did not find expected key", "check the indentation of this line and of those above it"},
    {"did not find expected '-' indicator", "begin every item with '- ', all in one column"},
    {"did not find expected ',' or", "close the list or map that is open here"},
    {"alphabetic or numeric character", "quote a text that begins with * or &"},
    {"unexpected end of stream", "a quote is not closed"},
    {"unknown escape character", "write \\\\ for a backslash, or use single quotes"},
    {"control characters are not allowed", "this is no text file"},
    {"UTF-8", "save the file as UTF-8"},
};

bool syntax_fail(const yaml_parser_t *parser, const source *from, kd_error *err) {
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR) {
        kd_fail(err, KD_E_INVALID, "%s: byte %zu: %s", from->name, parser->problem_offset, problem);
    } else {
        char context[160] = "";
        if (parser->context && !from->key &&
            parser->context_mark.line < parser->problem_mark.line) {
            snprintf(context, sizeof context, " %s from line %zu on", parser->context,
                     parser->context_mark.line + 1);
        }
        kd_fail(err, KD_E_INVALID, "%s%s", problem, context);
        if (from->key) {
            kd_while(err, "%s", from->name);
        } else {
            kd_while(err, "%s:%zu:%zu", from->name, parser->problem_mark.line + 1,
                     parser->problem_mark.column + 1);
        }
    }
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        if (strstr(problem, hints[i].words)) {
            return kd_hint(err, "%s", hints[i].hint);
        }
    }
    return false;
}
