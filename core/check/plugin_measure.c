/* SPDX-License-Identifier: Apache-2.0
 * Level 3 for evals: what is measured is what is there. */
#include "check/plugin_data.h"

#include <math.h>

/* The headline of a run, NAN when it failed and the rule has. */
static double headline(plugin_kit *k, plugin_case *c, const feature_rows *f) {
    kd_error err = KD_ERROR_INIT;
    kd_eval_output out;
    if (!bench_eval(k, f, sizeof(kd_eval_input), &out, &err)) {
        rule_fail(c, "%s; %s", err.message, err.hint);
        return (double)NAN;
    }
    if (out.n_results < 1 || out.n_results > KD_MAX_RESULTS) {
        rule_fail(c, "gives %u results", out.n_results);
        return (double)NAN;
    }
    for (uint32_t i = 0; i < out.n_results; i++) {
        const kd_eval_result *r = &out.results[i];
        if (!*r->name || !*r->protocol || !isfinite(r->value)) {
            rule_fail(c, "result %u lacks a name, a protocol or a finite value", i);
        }
    }
    return out.results[0].value;
}

static void knows_signal_from_noise(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    feature_rows *f = arena_alloc(&k.memory, sizeof *f);
    features_make(f, 1, c->seed);
    const double perfect = headline(&k, c, f);
    features_reverse(f);
    const double reversed = headline(&k, c, f);
    features_make(f, 0, c->seed + 1);
    const double noise = headline(&k, c, f);
    if (c->verdict == VERDICT_FAIL) {
        return;
    }
    if (fabs(perfect - reversed) > 1e-6) {
        rule_fail(c, "%g, and %g with the rows in another order", perfect, reversed);
    } else if (perfect == noise) {
        rule_fail(c, "%g for features that tell all, and for noise too", perfect);
    }
}

static void measures_again(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    feature_rows *f = arena_alloc(&k.memory, sizeof *f);
    features_make(f, 0.3, c->seed);
    const double one = headline(&k, c, f), two = headline(&k, c, f);
    if (c->verdict != VERDICT_FAIL && one != two) {
        rule_fail(c, "%.17g, and %.17g when measured again", one, two);
    }
}

/* The host's threads are the plugin's only ones; how many there are is the machine's matter. */
static void measures_with_any_threads(plugin_case *c) {
    static const int threads[] = {1, 2, 8};
    plugin_kit k;
    double first = 0;
    if (!kit_open(&k, c)) {
        return;
    }
    feature_rows *f = arena_alloc(&k.memory, sizeof *f);
    features_make(f, 0.3, c->seed);
    if (headline(&k, c, f) != headline(&k, c, f)) {
        rule_skip(c, "it does not measure the same twice: see M07");
        return;
    }
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        kd_error err = KD_ERROR_INIT;
        plugin_host_finish(&k.host);
        k.host.workers = pool_create(threads[i], 0, &err);
        if (!k.host.workers) {
            rule_skip(c, "%s", err.message);
            return;
        }
        const double now = headline(&k, c, f);
        if (i > 0 && c->verdict != VERDICT_FAIL && now != first) {
            rule_fail(c, "%.17g with one thread, %.17g with %d", first, now, threads[i]);
        }
        first = i == 0 ? now : first;
    }
}

const plugin_rule plugin_rules_eval[] = {
    {"M06", "it knows features that tell all from noise, in any order", 3, KINDS(EVAL),
     knows_signal_from_noise},
    {"M07", "measured again, it gives the same number", 3, KINDS(EVAL), measures_again},
    {"M12", "it gives the same number whatever the number of threads", 3, KINDS(EVAL),
     measures_with_any_threads},
    {.id = NULL},
};
