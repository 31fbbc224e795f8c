/* SPDX-License-Identifier: Apache-2.0
 * Engines: gradients by differences, fusion, the memory plan (in-place off and on, between guards),
 * states, programs that share variables, and what is refused. On the reference device. */
#include "graph/engine.h"

#include "harness.h"
#include "small_graph.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static check_device devices[TEST_MAX_DEVICES];
static int n_devices;
static check_device *reference;

static void open_devices(void) {
    n_devices = test_devices_open(devices);
    reference = test_device_find(devices, n_devices, "reference");
    cr_assert(reference);
}

static void close_devices(void) {
    test_devices_close(devices, n_devices);
}

TestSuite(engine, .init = open_devices, .fini = close_devices);

static const graph_options exact = {.real = KD_F64};

static double *read_all(engine *e, int64_t *ret_count) {
    int64_t count = 0;
    for (int i = 0; i < engine_variables(e); i++) {
        count += kd_elements(&engine_variable(e, i)->spec);
    }
    double *all = calloc((size_t)count, sizeof *all), *to = all;
    kd_error err = KD_ERROR_INIT;
    for (int i = 0; i < engine_variables(e); i++) {
        const kd_spec *spec = &engine_variable(e, i)->spec;
        cr_assert(engine_read_variable(e, i, to, kd_bytes(spec), &err), "%s", err.message);
        to += kd_elements(spec);
    }
    *ret_count = count;
    return all;
}

static double *train(const kd_device_plugin *table, const graph_options *options, int steps,
                     int64_t *ret_count, size_t *ret_arena) {
    kd_program *p;
    engine *e = small_engine(table, reference->handle, options, &p);
    for (int i = 0; i < steps; i++) {
        small_step(p);
    }
    engine_plan plan;
    engine_get_plan(e, &plan);
    *ret_arena = plan.arena_bytes;
    double *all = read_all(e, ret_count);
    engine_destroy(e);
    return all;
}

Test(engine, training_lowers_the_loss_and_repeats_bit_for_bit) {
    kd_program *p, *q;
    engine *e = small_engine(reference->table, reference->handle, &exact, &p);
    engine *f = small_engine(reference->table, reference->handle, &exact, &q);
    const double first = small_step(p);
    cr_assert_eq(first, small_step(q));
    double last = first;
    for (int i = 0; i < 15; i++) {
        last = small_step(p);
        cr_assert_eq(last, small_step(q));
    }
    cr_assert_lt(last, first - 0.2);
    engine_destroy(e);
    engine_destroy(f);
}

Test(engine, fusion_changes_no_number) {
    int64_t n, m;
    size_t fused_bytes, plain_bytes;
    const graph_options unfused = {.real = KD_F64, .keep_unfused = true};
    double *fused = train(reference->table, &exact, 5, &n, &fused_bytes);
    double *plain = train(reference->table, &unfused, 5, &m, &plain_bytes);
    cr_assert_eq(n, m);
    cr_assert_lt(number_error(fused, plain, n), 1e-24);
    cr_assert_lt(fused_bytes, plain_bytes);
    free(fused);
    free(plain);
}

/* The reference device with nothing in place, and with guards round each allocation. */
#define GUARD 4096
static kd_kernel kernels[256];
static kd_device_plugin without_sharing;
static unsigned char *guarded[64];
static size_t guarded_bytes[64];
static int n_guarded;

static bool allocate_guarded(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    void *memory;
    if (!reference->table->allocate(device, bytes + 2 * GUARD, &memory, err)) {
        return false;
    }
    guarded[n_guarded] = memory;
    guarded_bytes[n_guarded++] = bytes;
    memset(memory, 0xa5, GUARD);
    memset((char *)memory + GUARD + bytes, 0xa5, GUARD);
    *ret = (char *)memory + GUARD;
    return true;
}

static void check_guards(int i) {
    for (size_t k = 0; k < GUARD; k++) {
        cr_assert_eq(guarded[i][k], 0xa5, "written before region %d", i);
        cr_assert_eq(guarded[i][GUARD + guarded_bytes[i] + k], 0xa5, "written past region %d", i);
    }
}

static void release_guarded(kd_device *device, void *memory) {
    unsigned char *base = (unsigned char *)memory - GUARD;
    for (int i = 0; i < n_guarded; i++) {
        if (guarded[i] == base) {
            check_guards(i);
            guarded[i] = NULL;
        }
    }
    reference->table->release(device, base);
}

static const kd_device_plugin *stripped(uint32_t in_place_mask) {
    without_sharing = *reference->table;
    without_sharing.allocate = allocate_guarded;
    without_sharing.release = release_guarded;
    for (uint32_t i = 0; i < without_sharing.n_kernels; i++) {
        kernels[i] = *check_kernel_at(reference, i);
        kernels[i].in_place &= in_place_mask;
    }
    without_sharing.kernels = kernels;
    without_sharing.kernel_stride = sizeof *kernels;
    return &without_sharing;
}

Test(engine, sharing_memory_changes_no_bit_and_saves_some) {
    int64_t n, m;
    size_t shared_bytes, apart_bytes;
    double *shared = train(stripped(~0u), &exact, 5, &n, &shared_bytes);
    double *apart = train(stripped(0), &exact, 5, &m, &apart_bytes);
    cr_assert_eq(n, m);
    cr_assert_eq(memcmp(shared, apart, (size_t)n * sizeof *shared), 0);
    cr_assert_lt(shared_bytes, apart_bytes);
    free(shared);
    free(apart);
}

static double loss_at(engine *e, kd_program *p, int index, int64_t element, double delta) {
    kd_error err = KD_ERROR_INIT;
    const kd_spec *spec = &engine_variable(e, index)->spec;
    double *values = calloc((size_t)kd_elements(spec), sizeof *values), loss = 0;
    cr_assert(engine_read_variable(e, index, values, kd_bytes(spec), &err));
    values[element] += delta;
    cr_assert(engine_write_variable(e, index, values, kd_bytes(spec), &err));
    cr_assert(program_run(p, &err), "%s", err.message);
    cr_assert(program_read_scalar(p, "loss", &loss, &err));
    values[element] -= delta;
    cr_assert(engine_write_variable(e, index, values, kd_bytes(spec), &err));
    free(values);
    return loss;
}

/* A program that only differentiates: output "loss", and "d0", "d1", ... one a parameter. */
static engine *differentiating(kd_program **ret, int *ret_parameters) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&exact);
    kd_tensor *loss = small_loss(g), *wrt[16], *d[16];
    kd_scope s = graph_root(g), encoder = kd_child(s, "encoder");
    kd_scope layer1 = kd_child(encoder, "layer1");
    const kd_spec conv = {.rank = 4, .dim = {8, 3, 3, 8}}, channels = {.rank = 1, .dim = {8}};
    wrt[0] = kd_param(kd_child(encoder, "conv1"), "weight",
                      (kd_spec){.rank = 4, .dim = {8, 3, 3, 3}}, (kd_init){0});
    wrt[1] = kd_param(kd_child(encoder, "bn1"), "weight", channels, (kd_init){0});
    wrt[2] = kd_param(kd_child(layer1, "conv2"), "weight", conv, (kd_init){0});
    wrt[3] = kd_param(kd_child(layer1, "bn2"), "bias", channels, (kd_init){0});
    wrt[4] =
        kd_param(kd_child(s, "head"), "weight", (kd_spec){.rank = 2, .dim = {8, 8}}, (kd_init){0});
    wrt[5] = kd_param(s, "unused", channels, (kd_init){.a = 1});
    *ret_parameters = 6;
    s->api->gradients(loss, wrt, 6, d);
    kd_output(s, "loss", loss);
    for (int i = 0; i < 6; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", i);
        kd_output(s, name, d[i]);
    }
    engine *e = engine_create(reference->table, reference->handle, 3);
    cr_assert(engine_compile(e, g, "gradients", ret, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    return e;
}

Test(engine, gradients_agree_with_differences) {
    static const char *const names[] = {
        "encoder.conv1.weight",    "encoder.bn1.weight", "encoder.layer1.conv2.weight",
        "encoder.layer1.bn2.bias", "head.weight",        "unused"};
    kd_error err = KD_ERROR_INIT;
    kd_program *p;
    int count;
    engine *e = differentiating(&p, &count);
    double x[SMALL_PIXELS];
    for (int i = 0; i < SMALL_PIXELS; i++) {
        x[i] = sin(i * 1.7) * cos(i * 0.3);
    }
    cr_assert(program_write_reals(p, "x", x, SMALL_PIXELS, &err));
    for (int i = 0; i < count; i++) {
        const int v = engine_find_variable(e, names[i]);
        const kd_spec *spec = &engine_variable(e, v)->spec;
        const int64_t n = kd_elements(spec);
        double *d = calloc((size_t)n, sizeof *d);
        char name[8];
        snprintf(name, sizeof name, "d%d", i);
        cr_assert(program_run(p, &err));
        cr_assert(program_read(p, name, d, kd_bytes(spec), &err));
        for (int64_t k = 0; k < n; k += 1 + n / 7) {
            const double slope = (loss_at(e, p, v, k, 1e-5) - loss_at(e, p, v, k, -1e-5)) / 2e-5;
            cr_assert_float_eq(d[k], slope, 1e-8 + 1e-5 * fabs(slope), "%s[%lld]: %g, not %g",
                               names[i], (long long)k, d[k], slope);
        }
        free(d);
    }
    engine_destroy(e);
}

/* One state, read before and assigned twice in a chain: x -> 2 x -> 2 x + 1. */
static void build_counter(void *context, kd_scope s) {
    (void)context;
    kd_tensor *state = kd_state(s, "count", (kd_spec){.rank = 0}, (kd_init){.a = 3});
    kd_assign(state, kd_scale(kd_latest(state), 2));
    kd_assign(state, kd_affine(kd_latest(state), 1, 1));
    kd_output(s, "before", kd_affine(state, 1, 0));
}

Test(engine, a_state_reads_as_before_the_step_and_chains_its_updates) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p;
    graph *g = graph_create(&exact);
    build_counter(NULL, graph_root(g));
    engine *e = engine_create(reference->table, reference->handle, 0);
    cr_assert(engine_compile(e, g, "counter", &p, &err), "%s", err.message);
    cr_assert(engine_allocate(e, &err));
    double before, count, wanted = 3;
    for (int i = 0; i < 4; i++) {
        cr_assert(program_run(p, &err));
        cr_assert(program_read_scalar(p, "before", &before, &err));
        cr_assert(program_read_scalar(p, "count", &count, &err));
        cr_assert_eq(before, wanted);
        wanted = 2 * wanted + 1;
        cr_assert_eq(count, wanted);
    }
    engine_destroy(e);
}

Test(engine, a_late_program_shares_parameters_and_owns_the_rest) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p, *late, *again;
    engine *e = small_engine(reference->table, reference->handle, &exact, &p);
    const int shared = engine_variables(e);
    for (int i = 0; i < 2; i++) {
        graph *g = graph_create(&exact);
        kd_scope s = graph_root(g);
        build_counter(NULL, s);
        kd_tensor *head = kd_param(kd_child(s, "head"), "weight",
                                   (kd_spec){.rank = 2, .dim = {8, 8}}, (kd_init){0});
        kd_output(s, "head", kd_affine(head, 1, 0));
        cr_assert(engine_compile(e, g, "late", i ? &again : &late, &err), "%s", err.message);
    }
    cr_assert_eq(engine_variables(e), shared);
    double count, one[64], two[64];
    cr_assert(program_run(late, &err));
    cr_assert(program_run(late, &err));
    cr_assert(program_run(again, &err));
    cr_assert(program_read_scalar(again, "count", &count, &err));
    cr_assert_eq(count, 7, "two late programs share no state");
    small_step(p);
    cr_assert(program_run(late, &err));
    cr_assert(program_read(late, "head", one, sizeof one, &err));
    cr_assert(
        engine_read_variable(e, engine_find_variable(e, "head.weight"), two, sizeof two, &err));
    cr_assert_arr_eq(one, two, sizeof one);
    program_close(late);
    engine_destroy(e);
}

Test(engine, starting_values_depend_on_seed_and_name_alone) {
    kd_program *p, *q;
    engine *e = small_engine(reference->table, reference->handle, &exact, &p);
    const graph_options single = {.real = KD_F32};
    engine *f = small_engine(reference->table, reference->handle, &single, &q);
    double wide[64];
    float narrow[64];
    kd_error err = KD_ERROR_INIT;
    cr_assert(
        engine_read_variable(e, engine_find_variable(e, "head.weight"), wide, sizeof wide, &err));
    cr_assert(engine_read_variable(f, engine_find_variable(f, "head.weight"), narrow, sizeof narrow,
                                   &err));
    const double bound = 1 / sqrt(8);
    double spread = 0;
    for (int i = 0; i < 64; i++) {
        cr_assert_eq((float)wide[i], narrow[i]);
        cr_assert(fabs(wide[i]) <= bound);
        spread += wide[i] * wide[i] / 64;
    }
    cr_assert_float_eq(spread, bound * bound / 3, 0.015);
    engine_destroy(e);
    engine_destroy(f);
}

static bool allocate_nothing(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    (void)device;
    (void)ret;
    return kd_fail(err, KD_E_MEMORY, "cannot give %zu bytes", bytes);
}

Test(engine, what_cannot_be_is_refused_with_a_reason) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p;
    kd_device_plugin table = *reference->table;
    table.allocate = allocate_nothing;
    graph *g = graph_create(&exact);
    graph_minimize(g, small_loss(g), &(optimizer){.name = "sgd"});
    engine *e = engine_create(&table, reference->handle, 0);
    cr_assert(engine_compile(e, g, "train", &p, &err));
    cr_assert_not(engine_allocate(e, &err));
    cr_assert(strstr(err.message, "for parameters: cannot give"), "%s", err.message);
    cr_assert(strstr(err.hint, "train.batch"), "%s", err.hint);
    engine_destroy(e);

    e = small_engine(reference->table, reference->handle, &exact, &p);
    cr_assert_not(program_write_reals(p, "y", (double[]){1}, 1, &err));
    cr_assert_str_eq(err.message, "program 'train' has no 'y'");
    cr_assert_not(program_write_reals(p, "hyper", (double[]){1}, 1, &err));
    cr_assert_str_eq(err.message, "'hyper' of program 'train' has 40 bytes, not 8");
    engine_destroy(e);

    table = *reference->table;
    table.n_kernels = 1;
    g = graph_create(&exact);
    graph_minimize(g, small_loss(g), &(optimizer){.name = "sgd"});
    e = engine_create(&table, reference->handle, 0);
    cr_assert_not(engine_compile(e, g, "train", &p, &err));
    cr_assert(strstr(err.message, "the device has no kernel for op"), "%s", err.message);
    engine_destroy(e);
}

Test(engine, the_cost_of_a_convolution_is_counted) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p;
    graph *g = graph_create(&exact);
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 4, .dim = {2, 6, 6, 3}});
    kd_output(s, "y", kd_conv2d(s, "c", x, (kd_conv){.channels = 5, .kernel = 3, .stride = 2}));
    engine *e = engine_create(reference->table, reference->handle, 0);
    cr_assert(engine_compile(e, g, "conv", &p, &err));
    program_cost cost;
    program_get_cost(p, &cost);
    cr_assert_eq(cost.flops, 2.0 * 2 * 3 * 3 * 5 * 27);
    cr_assert_eq(cost.bytes, 8.0 * (2 * 6 * 6 * 3 + 5 * 27 + 2 * 3 * 3 * 5));
    cr_assert_eq(cost.nodes, 1);
    engine_destroy(e);
}
