/* SPDX-License-Identifier: Apache-2.0
 * Reads a package's manifest.json and SHA256SUMS, which may come from anyone. */
#include "package/package.h"

#include "package/archive_file.h"
#include "plugin/text.h"

#include <jansson.h>

#define FORMAT 1

static bool refuse(kd_error *err, const char *file, const char *why) {
    kd_fail(err, KD_E_DATA, "%s: %s", file, why);
    return kd_hint(err, "`kindred plugin pack` writes no such file: ask its author to pack again");
}

static bool get_text(const json_t *object, const char *key, arena *a, const char **ret) {
    const char *text = json_string_value(json_object_get(object, key));
    *ret = text ? arena_text(a, text) : NULL;
    return text && text_is_plain(text);
}

/* "lib/TRIPLET/NAME.so": when installed, NAME.so lies beside the package's own files. */
static bool get_library(const json_t *object, arena *a, const char **ret) {
    if (!get_text(object, "file", a, ret) || !archive_path_is_plain(*ret) ||
        strncmp(*ret, "lib/", 4) != 0) {
        return false;
    }
    const char *slash = strchr(*ret + 4, '/');
    const size_t length = slash ? strlen(slash + 1) : 0;
    return length > 3 && !strchr(slash + 1, '/') && strcmp(slash + 1 + length - 3, ".so") == 0;
}

static bool read_companions(const json_t *list, arena *a, package_plugin *ret) {
    const size_t n = json_array_size(list);
    if (list && (n == 0 || n > PACKAGE_MAX_FILES)) {
        return false;
    }
    package_companion *companions = arena_alloc(a, (n + 1) * sizeof *companions);
    for (size_t i = 0; i < n; i++) {
        const json_t *object = json_array_get(list, i);
        package_companion *c = &companions[i];
        if (!get_library(object, a, &c->file) || !get_text(object, "device", a, &c->device) ||
            !get_text(object, "sha256", a, &c->sha256)) {
            return false;
        }
    }
    ret->companions = companions;
    ret->n_companions = (int)n;
    return true;
}

static bool read_plugin(const json_t *object, arena *a, package_plugin *ret) {
    return get_library(object, a, &ret->file) &&
           read_companions(json_object_get(object, "companions"), a, ret) &&
           get_text(object, "kind", a, &ret->kind) && get_text(object, "id", a, &ret->id) &&
           text_is_id(ret->id) && get_text(object, "version", a, &ret->version) &&
           version_parses(ret->version) && get_text(object, "isa", a, &ret->isa) &&
           get_text(object, "abi", a, &ret->abi);
}

static bool read_plugins(const json_t *list, arena *a, package *ret, kd_error *err) {
    const size_t n = json_array_size(list);
    if (n == 0 || n > PACKAGE_MAX_FILES) {
        return refuse(err, PACKAGE_MANIFEST, "\"plugins\" is not a list of plugins");
    }
    package_plugin *plugins = arena_alloc(a, n * sizeof *plugins);
    for (size_t i = 0; i < n; i++) {
        if (!read_plugin(json_array_get(list, i), a, &plugins[i])) {
            return refuse(err, PACKAGE_MANIFEST, "an entry of \"plugins\" is not one");
        }
    }
    ret->plugins = plugins;
    ret->n_plugins = (int)n;
    return true;
}

static bool read_root(const json_t *root, arena *a, package *ret, kd_error *err) {
    const json_int_t format = json_integer_value(json_object_get(root, "format"));
    if (format > FORMAT) {
        kd_fail(err, KD_E_UNSUPPORTED,
                PACKAGE_MANIFEST ": its format is %lld, and this kindred reads %d",
                (long long)format, FORMAT);
        return kd_hint(err, "update kindred");
    }
    if (format != FORMAT) {
        return refuse(err, PACKAGE_MANIFEST, "\"format\" is not 1");
    }
    if (!get_text(root, "id", a, &ret->id) || !text_is_id(ret->id)) {
        return refuse(err, PACKAGE_MANIFEST, "\"id\" is not an id");
    }
    if (!get_text(root, "version", a, &ret->version) || !version_parses(ret->version)) {
        return refuse(err, PACKAGE_MANIFEST, "\"version\" is not of the form 1.2.3");
    }
    return read_plugins(json_object_get(root, "plugins"), a, ret, err);
}

bool package_manifest_read(const char *text, size_t bytes, arena *a, package *ret, kd_error *err) {
    json_error_t why;
    json_t *root = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why);
    if (!root) {
        kd_fail(err, KD_E_DATA, PACKAGE_MANIFEST ":%d:%d: %s", why.line, why.column, why.text);
        return kd_hint(err, "ask its author to pack again");
    }
    const bool ok = read_root(root, a, ret, err);
    json_decref(root);
    return ok;
}

/* "DIGEST  PATH" without what ends the line. */
static bool read_sum(const char *line, size_t length, arena *a, package_sum *ret) {
    const size_t digits = SHA256_HEX - 1;
    if (length < digits + 3 || strspn(line, "0123456789abcdef") != digits || line[digits] != ' ' ||
        line[digits + 1] != ' ') {
        return false;
    }
    ret->sha256 = arena_copy(a, line, digits);
    ret->path = arena_copy(a, line + digits + 2, length - digits - 2);
    return archive_path_is_plain(ret->path);
}

bool package_sums_read(const char *text, arena *a, package *ret, kd_error *err) {
    package_sum *sums = arena_alloc(a, PACKAGE_MAX_FILES * sizeof *sums);
    int n = 0;
    while (*text) {
        const size_t length = strcspn(text, "\n");
        if (n == PACKAGE_MAX_FILES || text[length] != '\n' ||
            !read_sum(text, length, a, &sums[n])) {
            return refuse(err, PACKAGE_SUMS, "a line is not \"DIGEST  PATH\"");
        }
        if (n > 0 && strcmp(sums[n - 1].path, sums[n].path) >= 0) {
            return refuse(err, PACKAGE_SUMS, "its lines are not in the order of their paths");
        }
        n++;
        text += length + 1;
    }
    ret->sums = sums;
    ret->n_sums = n;
    return true;
}
