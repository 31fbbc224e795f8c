/* SPDX-License-Identifier: Apache-2.0
 * A graph that trains, with nothing but the parameters whose rules are looked at. */
#include "rule_rig.h"

#include "train/schedule.h"

#include <criterion/criterion.h>
#include <kindred/update.h>
#include <math.h>

const double slope[COUNT] = {0.5, -1, 2, -0.25, 3, 1.5};
const kd_spec shape = {.rank = 2, .dim = {ROWS, WIDTH}};

rig rig_open(kd_tensor *(*build)(kd_scope s), const optimizer *how) {
    kd_error err = KD_ERROR_INIT;
    rig r = {.lr = 0.1};
    r.n_devices = test_devices_open(r.devices);
    const check_device *reference = test_device_find(r.devices, r.n_devices, "reference");
    cr_assert(reference);
    graph *g = graph_create(&(graph_options){.real = KD_F64, .draws = true});
    graph_minimize(g, build(graph_root(g)), how);
    r.e = engine_create(reference->table, reference->handle, 5);
    cr_assert(engine_compile(r.e, g, "train", &r.p, &err), "%s", err.message);
    cr_assert(engine_allocate(r.e, &err), "%s", err.message);
    return r;
}

void rig_close(rig *r) {
    engine_destroy(r->e);
    test_devices_close(r->devices, r->n_devices);
}

void rig_steps(rig *r, int count) {
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < count; i++, r->step++) {
        const double t = (double)r->step + 1;
        const double hyper[KD_RATES] = {r->lr, r->decay, 1 - pow(0.9, t), 1 - pow(0.999, t), 1};
        cr_assert(program_write_reals(r->p, "hyper", hyper, KD_RATES, &err), "%s", err.message);
        for (int k = 0; k < program_schedules(r->p); k++) {
            kd_schedule s;
            const char *name = program_schedule(r->p, k, &s);
            const double value = schedule_scalar(&s, r->step, EPOCH, TOTAL);
            cr_assert(program_write_reals(r->p, name, &value, 1, &err), "%s", err.message);
        }
        cr_assert(program_run(r->p, &err), "%s", err.message);
    }
}

matrix look(const rig *r, const char *name) {
    kd_error err = KD_ERROR_INIT;
    matrix m;
    const int i = engine_find_variable(r->e, name);
    cr_assert(i >= 0, "there is no '%s'", name);
    cr_assert(engine_read_variable(r->e, i, m.at, sizeof m, &err), "%s", err.message);
    return m;
}

void expect_same(const rig *r, const char *name, const matrix *want) {
    const matrix m = look(r, name);
    cr_expect(memcmp(&m, want, sizeof m) == 0, "%s has changed: %.17g, not %.17g", name, m.at[0],
              want->at[0]);
}

void expect_close(const rig *r, const char *name, const matrix *want) {
    const matrix m = look(r, name);
    for (int i = 0; i < COUNT; i++) {
        cr_expect(fabs(m.at[i] - want->at[i]) <= 1e-12, "%s[%d] after %d steps is %.17g, not %.17g",
                  name, i, (int)r->step, m.at[i], want->at[i]);
    }
}

matrix moved(matrix x, double rate) {
    for (int i = 0; i < COUNT; i++) {
        x.at[i] -= rate * slope[i];
    }
    return x;
}

kd_tensor *parameter(kd_scope s) {
    return kd_param(s, "w", shape, (kd_init){KD_INIT_UNIFORM, .a = -1, .b = 1});
}

kd_tensor *pull(kd_scope s) {
    return kd_sum(kd_mul(parameter(s), kd_constant(s, shape, slope)));
}

kd_tensor *pull_with(kd_scope s, kd_rule rule) {
    kd_set_rule(s, rule);
    return pull(s);
}
