/* SPDX-License-Identifier: Apache-2.0
 * Reads keys.d, revoked.d and trust.yaml. */
#include "package/trust.h"

#include "base/file.h"
#include "config/config.h"
#include "package/places.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>

#define MAX_TEXT ((size_t)1 << 20)

/* Takes a line off a text that may be written to. NULL: there is none. */
static char *take_line(char **text) {
    char *line = *text;
    if (!line || !*line) {
        return NULL;
    }
    char *end = line + strcspn(line, "\r\n");
    *text = *end ? end + 1 + strspn(end + 1, "\r\n") : end;
    *end = 0;
    return line;
}

static bool read_text(const char *file, arena *a, char **ret, kd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    if (!file_read(file, MAX_TEXT, &text, &bytes, err)) {
        return false;
    }
    *ret = arena_copy(a, text, bytes);
    free(text);
    return true;
}

static bool is_date(const char *text) {
    struct tm date = {0};
    const char *end = strptime(text, "%Y-%m-%d", &date);
    return end && *end == 0;
}

static bool key_line(char *line, trusted_key *ret, kd_error *err) {
    if (strncmp(line, "ids: ", 5) == 0) {
        ret->ids = line + 5;
    } else if (strncmp(line, "until: ", 7) == 0 && is_date(line + 7)) {
        ret->until = line + 7;
    } else {
        kd_fail(err, KD_E_DATA, "%s: a line that is not understood: \"%.80s\"", ret->file, line);
        return kd_hint(err, "after the key's two lines come \"ids: org.example.*\" and \"until: "
                            "2027-12-31\" only");
    }
    return true;
}

bool trusted_key_read(const char *file, arena *a, trusted_key *ret, kd_error *err) {
    char *text;
    trusted_key key = {.file = arena_text(a, file), .ids = "", .until = ""};
    if (!read_text(file, a, &text, err)) {
        return false;
    }
    if (!minisign_key_read(text, &key.key, err)) {
        return kd_while(err, "%s", file);
    }
    take_line(&text);
    take_line(&text);
    for (char *line; (line = take_line(&text));) {
        if (!key_line(line, &key, err)) {
            return false;
        }
    }
    *ret = key;
    return true;
}

static bool add_key(trust *t, const char *file, kd_error *err) {
    t->keys = kd_grow(t->keys, ((size_t)t->n_keys + 1) * sizeof *t->keys);
    if (!trusted_key_read(file, &t->memory, &t->keys[t->n_keys], err)) {
        return false;
    }
    t->n_keys++;
    return true;
}

static bool revoked_line(trust *t, const char *file, char *line, kd_error *err) {
    char *what = strchr(line, ' ');
    if (*line == '#') {
        return true;
    }
    if (!what || (strncmp(line, "key ", 4) != 0 && strncmp(line, "sha256 ", 7) != 0)) {
        kd_fail(err, KD_E_DATA, "%s: a line that is not understood: \"%.80s\"", file, line);
        return kd_hint(err, "write \"key ID why\" or \"sha256 DIGEST why\"");
    }
    char *why = strchr(++what, ' ');
    if (why) {
        *why++ = 0;
    }
    t->revoked = kd_grow(t->revoked, ((size_t)t->n_revoked + 1) * sizeof *t->revoked);
    t->revoked[t->n_revoked++] =
        (revocation){.what = what, .why = why ? why : "no reason given", .file = file};
    return true;
}

static bool add_revocations(trust *t, const char *file, kd_error *err) {
    char *text;
    if (!read_text(file, &t->memory, &text, err)) {
        return false;
    }
    for (char *line; (line = take_line(&text));) {
        if (!revoked_line(t, file, line, err)) {
            return false;
        }
    }
    return true;
}

typedef struct policy_keys {
    const char *folder;
    int policy;
} policy_keys;

static const option policy_options[] = {
    OPTION_REQUIRED_PATH(policy_keys, folder, "which folder, and those below it"),
    OPTION_FIELD(policy_keys, policy, int, KD_OPTION_CHOICE, KD_OPTION_REQUIRED, "", "", "",
                 "off|warn|require", "what is asked of plugins there"),
};

static bool add_policy(trust *t, const config_node *node, kd_error *err) {
    policy_keys keys = {0};
    if (!config_fill(node, policy_options, OPTION_COUNT(policy_options), NULL, &keys, sizeof keys,
                     &t->memory, err)) {
        return false;
    }
    if (keys.folder[0] != '/') {
        config_fail(node, err, "folder: %s is not an absolute path", keys.folder);
        return kd_hint(err, "write the whole path, from / on");
    }
    t->policies = kd_grow(t->policies, ((size_t)t->n_policies + 1) * sizeof *t->policies);
    t->policies[t->n_policies++] = (folder_policy){.folder = keys.folder, .policy = keys.policy};
    return true;
}

static bool add_policies(trust *t, const char *file, kd_error *err) {
    static const char *const known[] = {"policies", NULL};
    char nothing = 0;
    config *c = config_load(file, NULL, 0, err);
    const config_node *list = c ? config_child(config_root(c), "policies") : NULL;
    bool ok = c && config_fill(config_root(c), policy_options, 0, known, &nothing, sizeof nothing,
                               &t->memory, err);
    if (ok && list && config_kind(list) != CONFIG_LIST) {
        ok = config_fail(list, err, "must be a list of {folder: ..., policy: ...}");
    }
    for (int i = 0; ok && i < config_count(list); i++) {
        ok = add_policy(t, config_item(list, i), err);
    }
    config_destroy(c);
    return ok;
}

static bool ends_in(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* Calls `add` for each file of a folder that others cannot write to, sorted by name. */
static bool each_file(trust *t, const char *folder, const char *end,
                      bool (*add)(trust *t, const char *file, kd_error *err), kd_error *err) {
    struct dirent **entries;
    const int n = scandir(folder, &entries, NULL, alphasort);
    bool ok = n < 0 || places_private(folder, err);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        if (ok && name[0] != '.' && (!*end || ends_in(name, end))) {
            const char *file = arena_print(&t->memory, "%s/%s", folder, name);
            ok = places_private(file, err) && add(t, file, err);
        }
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return ok;
}

static bool read_place(trust *t, const char *place, kd_error *err) {
    arena *a = &t->memory;
    const char *file = arena_print(a, "%s/trust.yaml", place);
    return each_file(t, arena_print(a, "%s/keys.d", place), ".pub", add_key, err) &&
           each_file(t, arena_print(a, "%s/revoked.d", place), "", add_revocations, err) &&
           (!file_exists(file) || (places_private(file, err) && add_policies(t, file, err)));
}

bool trust_open(trust *t, kd_error *err) {
    const char *places[2];
    *t = (trust){.n_keys = 0};
    const int n = places_config(&t->memory, places);
    for (int i = 0; i < n; i++) {
        if (!read_place(t, places[i], err)) {
            return false;
        }
    }
    return true;
}

void trust_close(trust *t) {
    free(t->keys);
    free(t->revoked);
    free(t->policies);
    arena_free(&t->memory);
}
