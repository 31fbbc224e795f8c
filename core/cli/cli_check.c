/* SPDX-License-Identifier: Apache-2.0
 * `kindred check`: is a device of this machine right? */
#include "cli/cli_check.h"

#include "base/suggest.h"
#include "check/conformance.h"
#include "check/golden_runs.h"
#include "check/table.h"
#include "cli/cli.h"
#include "graph/graph.h"

#include <math.h>
#include <stdio.h>

#define QUICK_STEPS 5

static json_t *real(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *reals(const double *x, int count) {
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_array_append_new(list, real(x[i]));
    }
    return list;
}

/* Adds to the counts of the report. */
static void count(json_t *report, bool failed) {
    const json_int_t checks = json_integer_value(json_object_get(report, "checks"));
    const json_int_t wrong = json_integer_value(json_object_get(report, "failed"));
    json_object_set_new(report, "checks", json_integer(checks + 1));
    json_object_set_new(report, "failed", json_integer(wrong + failed));
}

static void check_conformance(json_t *report, const check_device *d) {
    json_t *list = json_object_get(report, "conformance");
    for (const conformance *c = conformances; c->name; c++) {
        if (!conformance_applies(c, d)) {
            continue;
        }
        kd_error why = KD_ERROR_INIT;
        const bool ok = c->check(d, &why);
        json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", c->name, "ok", ok, "why",
                                              ok ? "" : why.message));
        count(report, !ok);
    }
}

static void add_row(void *context, const op_result *r) {
    static const char *const status[] = {
        [EAGER_FINE] = "ok", [EAGER_UNSUPPORTED] = "unsupported", [EAGER_WRONG] = "wrong"};
    json_t *report = context;
    json_array_append_new(json_object_get(report, "ops"),
                          json_pack("{s:s, s:s, s:s, s:i, s:s, s:b, s:o, s:s, s:s}", "op",
                                    r->row->op, "note", r->row->note ? r->row->note : "", "in",
                                    check_column_name(r->column), "cases", r->cases, "status",
                                    status[r->status], "failed", r->failed, "error", real(r->error),
                                    "where", r->where, "why", r->why));
    count(report, r->failed);
}

/* fails only when it is interrupted: what else goes wrong is a finding. */
static bool check_runs(json_t *report, registry *plugins, const device_choice *device, int steps,
                       kd_error *err) {
    for (const golden_run *r = golden_runs; r->name; r++) {
        kd_error why = KD_ERROR_INIT;
        golden_curves c;
        const bool done = golden_run_compare(r, plugins, device, steps, &c, &why);
        if (!done && why.code == KD_E_CANCELLED) {
            *err = why;
            return false;
        }
        const bool ok = done && c.error <= GOLDEN_RUNS_TOLERANCE;
        char text[sizeof why.message] = "";
        if (done && !ok) {
            snprintf(text, sizeof text, "step %d: the loss is %.9g, on the reference device %.9g",
                     c.worst, c.got[c.worst - 1], c.want[c.worst - 1]);
        }
        json_array_append_new(
            json_object_get(report, "runs"),
            json_pack("{s:s, s:i, s:b, s:o, s:i, s:s, s:o, s:o}", "name", r->name, "steps", steps,
                      "ok", ok, "error", done ? real(c.error) : json_null(), "step", c.worst, "why",
                      done ? text : why.message, "losses", reals(c.got, done ? steps : 0),
                      "reference", reals(c.want, done ? steps : 0)));
        count(report, !ok);
    }
    return true;
}

static bool check(const command_line *in, registry *plugins, const device_choice *device,
                  const check_device *d, const check_device *reference, json_t *report,
                  kd_error *err) {
    const check_choice choice = {.op = in->op, .quick = in->quick};
    if (!in->op) {
        check_conformance(report, d);
    }
    check_table(d, reference, &choice, add_row, report);
    return in->op ||
           check_runs(report, plugins, device, in->quick ? QUICK_STEPS : GOLDEN_STEPS, err);
}

static bool report_on(const command_line *in, registry *plugins, const device_choice *device,
                      const check_device *d, int *ret_status, kd_error *err) {
    check_device reference;
    if (!opened_open(plugins, &(device_choice){.name = "reference"}, &reference, err)) {
        return kd_while(err, "the device to compare with");
    }
    json_t *report =
        json_pack("{s:s, s:s, s:s, s:i, s:[], s:[], s:[], s:i, s:i}", "kindred", KINDRED_VERSION,
                  "device", d->name, "about", d->table->describe(d->handle), "seed", (int)OP_SEED,
                  "conformance", "ops", "runs", "checks", 0, "failed", 0);
    const bool done = check(in, plugins, device, d, &reference, report, err);
    const bool fine = json_integer_value(json_object_get(report, "failed")) == 0;
    json_object_set_new(report, "ok", json_boolean(fine));
    if (done && in->json) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else if (done) {
        print_check(report);
    }
    json_decref(report);
    opened_close(&reference);
    *ret_status = fine ? STATUS_OK : STATUS_ERROR;
    return done;
}

/* Has the table a row for it? */
static bool has_rows(const char *op, kd_error *err) {
    const char *names[256];
    int count_of_ops = 0;
    const op_case *row;
    for (int i = 0; (row = op_case_at(i)); i++) {
        if (strcmp(row->op, op) == 0) {
            return true;
        }
    }
    for (int i = 0; i < 256 && graph_op_at(i); i++) {
        names[count_of_ops++] = graph_op_at(i)->name;
    }
    const char *near = suggest(op, names, count_of_ops);
    kd_fail(err, E_USAGE, near ? "--op %s: no such op; did you mean %s?" : "--op %s: no such op",
            op, near);
    return kd_hint(err, "kindred check without --op checks and lists all of them");
}

bool command_check(const command_line *in, int *ret_status, kd_error *err) {
    const device_choice device = {.name = in->device, .keys = in->keys, .count = in->n_keys};
    if (!in->device) {
        kd_fail(err, E_USAGE, "check: --device NAME is missing");
        return kd_hint(err, "kindred plugin list names the devices");
    }
    if (in->op && !has_rows(in->op, err)) {
        return false;
    }
    registry *plugins = registry_open(&in->search, err);
    check_device d;
    bool ok = false;
    if (plugins && opened_open(plugins, &device, &d, err)) {
        ok = report_on(in, plugins, &device, &d, ret_status, err);
        opened_close(&d);
    }
    registry_close(plugins);
    return ok;
}
