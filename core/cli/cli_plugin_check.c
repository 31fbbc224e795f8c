/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin check`: the verdicts on a plugin's file, for people, as TAP and as JSON. */
#include "check/plugin_check.h"
#include "cli/cli_plugin.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

static const char *const verdicts[] = {[VERDICT_PASS] = "pass",
                                       [VERDICT_WARN] = "warn",
                                       [VERDICT_FAIL] = "fail",
                                       [VERDICT_SKIP] = "skip"};

typedef struct asked {
    int level;
    uint64_t seed;
} asked;

static int count_of(const plugin_check *c, verdict which) {
    int count = 0;
    for (int i = 0; i < plugin_check_count(c); i++) {
        count += plugin_check_at(c, i)->verdict == which;
    }
    return count;
}

static void print_text(const plugin_check *c, const asked *want) {
    const plugin_note *note = plugin_check_note(c);
    const int failed = count_of(c, VERDICT_FAIL), warned = count_of(c, VERDICT_WARN);
    printf("%s %s: %s\n", note->id ? note->id : "-", note->version ? note->version : "-",
           plugin_check_path(c));
    for (int i = 0; i < plugin_check_count(c); i++) {
        const plugin_finding *f = plugin_check_at(c, i);
        printf("  %s  %s  %s\n", verdicts[f->verdict], f->rule->id, f->rule->title);
        if (*f->why) {
            printf("             %s\n", f->why);
        }
    }
    printf("%d passed, %d warned, %d failed, %d skipped; seed %llu\n", count_of(c, VERDICT_PASS),
           warned, failed, count_of(c, VERDICT_SKIP), (unsigned long long)want->seed);
    if (plugin_check_passed(c) >= 0) {
        printf("passes level %d\n", plugin_check_passed(c));
    }
}

/* https://testanything.org, version 13. A warning passes, with a comment. */
static void print_tap(const plugin_check *c, const asked *want) {
    printf("TAP version 13\n1..%d\n# seed %llu\n", plugin_check_count(c),
           (unsigned long long)want->seed);
    for (int i = 0; i < plugin_check_count(c); i++) {
        const plugin_finding *f = plugin_check_at(c, i);
        const bool skipped = f->verdict == VERDICT_SKIP;
        printf("%s %d - %s %s%s%s\n", f->verdict == VERDICT_FAIL ? "not ok" : "ok", i + 1,
               f->rule->id, f->rule->title, skipped ? " # SKIP " : "", skipped ? f->why : "");
        if (*f->why && !skipped) {
            printf("# %s: %s\n", verdicts[f->verdict], f->why);
        }
    }
}

static void print_json(const plugin_check *c, const asked *want) {
    const plugin_note *note = plugin_check_note(c);
    json_t *rules = json_array();
    for (int i = 0; i < plugin_check_count(c); i++) {
        const plugin_finding *f = plugin_check_at(c, i);
        json_array_append_new(rules, json_pack("{s:s, s:i, s:s, s:s, s:s}", "rule", f->rule->id,
                                               "level", f->rule->level, "title", f->rule->title,
                                               "verdict", verdicts[f->verdict], "why", f->why));
    }
    json_t *all = json_pack("{s:s?, s:s?, s:s, s:s, s:i, s:i, s:I, s:o}", "id", note->id, "version",
                            note->version, "path", plugin_check_path(c), "kindred", KINDRED_VERSION,
                            "level", want->level, "passed", plugin_check_passed(c), "seed",
                            (json_int_t)want->seed, "rules", rules);
    json_dumpf(all, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(all);
}

static bool whole(const char *name, const char *text, uint64_t most, uint64_t *ret, kd_error *err) {
    char *end = NULL;
    errno = 0;
    const unsigned long long value = text ? strtoull(text, &end, 10) : 0;
    if (text && (*end || end == text || *text == '-' || errno || value > most)) {
        kd_fail(err, E_USAGE, "plugin check: %s %s: not a whole number from 0 to %llu", name, text,
                (unsigned long long)most);
        return kd_hint(err, "kindred plugin check --help");
    }
    *ret = text ? value : *ret;
    return true;
}

/* "path=here size=8" as "{path: here, size: 8}"; NULL: nothing was said. */
static const char *options_of(const command_line *in, arena *a) {
    const char *text = NULL;
    for (int i = 0; i < in->n_keys; i++) {
        const char *key = in->keys[i], *equals = strchr(key, '=');
        text = arena_print(a, "%s%s%.*s: %s", text ? text : "{", text ? ", " : "",
                           (int)(equals - key), key, equals + 1);
    }
    return text ? arena_print(a, "%s}", text) : NULL;
}

bool command_plugin_check(const command_line *in, int *ret_status, kd_error *err) {
    uint64_t level = PLUGIN_CHECK_LEVELS - 1, seed = 1;
    if (!whole("--level", in->level, PLUGIN_CHECK_LEVELS - 1, &level, err) ||
        !whole("--seed", in->seed, INT64_MAX, &seed, err)) {
        return false;
    }
    if (in->json && in->tap) {
        kd_fail(err, E_USAGE, "plugin check: --json and --tap at once");
        return kd_hint(err, "kindred plugin check --help");
    }
    plugin_check *c = plugin_check_create(in->subject, err);
    if (!c) {
        return false;
    }
    const asked want = {.level = (int)level, .seed = seed};
    arena a = {0};
    const plugin_check_manner manner = {.seed = seed, .options = options_of(in, &a)};
    plugin_check_run(c, want.level, &manner);
    arena_free(&a);
    (in->tap ? print_tap : in->json ? print_json : print_text)(c, &want);
    *ret_status = count_of(c, VERDICT_FAIL) > 0 ? STATUS_ERROR : STATUS_OK;
    plugin_check_destroy(c);
    return true;
}
