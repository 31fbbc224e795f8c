/* SPDX-License-Identifier: Apache-2.0
 * Level 2: memory runs out, at every allocation of the plugin's own in turn. Each try is a process
 * of its own, for what follows a failed allocation is not to be trusted. */
#include "check/plugin_data.h"
#include "check/plugin_method.h"
#include "check/starve.h"

#include "data/files.h"
#include "graph/internal.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 200, READ = 3 };

/* How a try ended; its process's status. */
enum { ALL_WENT_WELL, FAILED_WELL, FAILED_SILENTLY };

/* What a plugin of its kind does; true: all of it. */
typedef bool work(plugin_kit *k, const feature_rows *f, kd_error *err);

static bool reads_samples(plugin_kit *k, const feature_rows *f, kd_error *err) {
    (void)f;
    kd_set *set;
    const kd_dataset *table = k->subject->table;
    const kd_dataset_host host = {
        .size = sizeof host, .host = &k->host.table, .files = files_api()};
    const void *options = kit_config(k, k->subject, NULL, err);
    if (!options || !table->open(options, &host, &set, err)) {
        return false;
    }
    bool ok = true;
    for (int64_t i = 0; i < table->count(set) && i < READ && ok; i++) {
        kd_sample sample = {.size = sizeof sample};
        ok = table->read(set, i, &sample, err);
        if (ok) {
            table->release_sample(set, &sample);
        }
    }
    table->close(set);
    return ok;
}

static bool measures(plugin_kit *k, const feature_rows *f, kd_error *err) {
    kd_eval_output out;
    return bench_eval(k, f, sizeof(kd_eval_input), &out, err);
}

static bool opens(plugin_kit *k, const feature_rows *f, kd_error *err) {
    (void)f;
    const kd_device_plugin *table = k->subject->table;
    kd_device *device;
    void *memory;
    const void *options = kit_config(k, k->subject, NULL, err);
    if (!options || !table->open(options, &k->host.table, &device, err)) {
        return false;
    }
    const bool ok = table->allocate(device, 1000, &memory, err);
    if (ok) {
        table->release(device, memory);
    }
    table->close(device);
    return ok;
}

static bool builds(plugin_kit *k, const feature_rows *f, kd_error *err) {
    (void)f;
    plugin_case scratch = {.note = (plugin_note *)&k->subject->note, .options = k->options};
    method_bench b;
    kd_spec spec[BENCH_HELD];
    int held;
    if (!bench_open(&b, k, &scratch)) {
        return kd_fail(err, KD_E_INVALID, "%s", scratch.why);
    }
    return graph_check(bench_graph(&b, END_TRAINS, &held, spec), err);
}

static work *const works[] = {[KD_KIND_METHOD] = builds,
                              [KD_KIND_BACKBONE] = builds,
                              [KD_KIND_DATASET] = reads_samples,
                              [KD_KIND_EVAL] = measures,
                              [KD_KIND_DEVICE] = opens};

/* One try, in a process of its own, which ends with the rule's when that one has had its time;
 * never returns. */
static void try(plugin_kit *k, work *of, const feature_rows *f, int number) {
    kd_error err = KD_ERROR_INIT;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    starve_at(number);
    const bool ok = of(k, f, &err);
    const bool reached = starve_count() >= number;
    starve_at(0);
    _exit(!reached ? ALL_WENT_WELL : ok || *err.message ? FAILED_WELL : FAILED_SILENTLY);
}

/* true: there was such an allocation, and one more may be tried. */
static bool goes_on(plugin_case *c, int number, int status) {
    if (WIFSIGNALED(status)) {
        rule_fail(c, "crashes when its allocation number %d fails: %s", number,
                  strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) == FAILED_SILENTLY) {
        rule_fail(c, "fails without a message when its allocation number %d does", number);
    } else if (WEXITSTATUS(status) > FAILED_SILENTLY) {
        rule_fail(c, "ends the process with status %d when its allocation number %d fails",
                  WEXITSTATUS(status), number);
    }
    return c->verdict == VERDICT_PASS && WEXITSTATUS(status) != ALL_WENT_WELL;
}

static void survives_without_memory(plugin_case *c) {
    plugin_kit k;
    if (!kit_open(&k, c)) {
        return;
    }
    work *of = works[c->note->kind];
    feature_rows *f = arena_alloc(&k.memory, sizeof *f);
    features_make(f, 1, c->seed);
    if (required_option(k.subject) && !k.options) {
        rule_skip(c, "option %s has no default; say one: %s=VALUE", required_option(k.subject),
                  required_option(k.subject));
    } else if (!starve_attach(c->path)) {
        rule_skip(c, "it asks the C library for no memory");
    }
    for (int number = 1; number <= MOST && c->verdict == VERDICT_PASS; number++) {
        int status = 0;
        rule_doing(c, "when its allocation number %d fails", number);
        const pid_t child = fork();
        if (child == 0) {
            try(&k, of, f, number);
        }
        if (child < 0 || waitpid(child, &status, 0) != child) {
            rule_skip(c, "no process for it");
        } else if (!goes_on(c, number, status)) {
            return;
        }
    }
}

const plugin_rule plugin_rules_memory[] = {
    {"C08", "it says so when memory runs out, at each of its allocations", 2, 0,
     survives_without_memory},
    {.id = NULL},
};
