/* SPDX-License-Identifier: Apache-2.0
 * Reading one scalar, and saying what is there instead of what was expected. */
#include "config/scalar.h"
#include "config/tree.h"

const char *node_describe(const config_node *node, char to[DESCRIPTION_BYTES]) {
    static const char *const kinds[] = {
        [CONFIG_NULL] = "nothing", [CONFIG_LIST] = "a list", [CONFIG_MAP] = "a map of keys"};
    if (config_kind(node) != CONFIG_SCALAR) {
        snprintf(to, DESCRIPTION_BYTES, "%s", kinds[config_kind(node)]);
        return to;
    }
    const bool is_text = !node->plain || scalar_kind(node->text) == SCALAR_TEXT;
    const char *cut = strlen(node->text) > 60 ? "..." : "";
    snprintf(to, DESCRIPTION_BYTES, is_text ? "text \"%.60s%s\"" : "%.60s%s", node->text, cut);
    for (char *at = to; *at; at++) {
        *at = (unsigned char)*at < 0x20 ? ' ' : *at;
    }
    return to;
}

static bool is_plain(const config_node *node) {
    return config_kind(node) == CONFIG_SCALAR && node->plain;
}

/* "expected a number, got ..."; quotes are the usual reason. */
static bool unexpected(const config_node *node, const char *wanted, int scalar, kd_error *err) {
    char found[DESCRIPTION_BYTES];
    config_fail(node, err, "expected %s, got %s", wanted, node_describe(node, found));
    if (config_kind(node) == CONFIG_SCALAR && !node->plain && scalar_kind(node->text) == scalar) {
        return kd_hint(err, "remove the quotes");
    }
    return false;
}

bool config_get_bool(const config_node *node, bool *ret, kd_error *err) {
    return (is_plain(node) && scalar_bool(node->text, ret)) ||
           unexpected(node, "true or false", SCALAR_BOOL, err);
}

bool config_get_int(const config_node *node, int64_t *ret, kd_error *err) {
    if (is_plain(node) && scalar_int(node->text, ret)) {
        return true;
    }
    if (is_plain(node) && scalar_kind(node->text) == SCALAR_INT) {
        return config_fail(node, err, "%.40s does not fit into 64 bits", node->text);
    }
    return unexpected(node, "a whole number", SCALAR_INT, err);
}

bool config_get_float(const config_node *node, double *ret, kd_error *err) {
    return (is_plain(node) && scalar_float(node->text, ret)) ||
           unexpected(node, "a number", SCALAR_FLOAT, err);
}

bool config_get_text(const config_node *node, const char **ret, kd_error *err) {
    if (config_kind(node) != CONFIG_SCALAR) {
        return unexpected(node, "text", SCALAR_NULL, err);
    }
    *ret = node->text;
    return true;
}
