/* SPDX-License-Identifier: Apache-2.0
 * The eager graph must catch what kernels do wrong: a device whose every kernel has one fault. */
#include "harness.h"
#include "leaks.h"

#include <kindred/ops.h>
#include <math.h>
#include <stdlib.h>

static bool allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    *ret = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return *ret ? true : kd_fail(err, KD_E_MEMORY, "no memory");
}

static void release(kd_device *device, void *memory) {
    free(memory);
}

static void transfer(kd_device *device, void *to, const void *from, size_t bytes) {
    memcpy(to, from, bytes);
}

static bool wait_for_all(kd_device *device, kd_error *err) {
    return true;
}

/* f(x) = -x on floats, done right. */
static void negate(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    const float *x = in[0];
    float *y = out[0];
    for (int64_t i = 0; i < kd_elements(&node->outputs[0]); i++) {
        y[i] = -x[i];
    }
}

static void write_past_the_end(kd_device *device, const kd_node *node, void *state, void *const *in,
                               void *const *out, void *scratch) {
    negate(device, node, state, in, out, scratch);
    ((float *)out[0])[kd_elements(&node->outputs[0])] = 0;
}

static void write_before_the_start(kd_device *device, const kd_node *node, void *state,
                                   void *const *in, void *const *out, void *scratch) {
    negate(device, node, state, in, out, scratch);
    ((float *)out[0])[-1] = 0;
}

static void leave_the_last(kd_device *device, const kd_node *node, void *state, void *const *in,
                           void *const *out, void *scratch) {
    for (int64_t i = 0; i + 1 < kd_elements(&node->outputs[0]); i++) {
        ((float *)out[0])[i] = ((const float *)in[0])[i];
    }
}

static void alter_the_input(kd_device *device, const kd_node *node, void *state, void *const *in,
                            void *const *out, void *scratch) {
    memset(out[0], 0, kd_bytes(&node->outputs[0]));
    ((float *)in[0])[0] = 7;
}

/* Reads what it has overwritten when the output lies over the input. */
static void reverse(kd_device *device, const kd_node *node, void *state, void *const *in,
                    void *const *out, void *scratch) {
    const int64_t count = kd_elements(&node->outputs[0]);
    for (int64_t i = 0; i < count; i++) {
        ((float *)out[0])[i] = ((const float *)in[0])[count - 1 - i];
    }
}

static bool want_scratch(kd_device *device, const kd_node *node, void **ret_state,
                         size_t *ret_scratch, kd_error *err) {
    *ret_scratch = 8;
    return true;
}

static void exceed_scratch(kd_device *device, const kd_node *node, void *state, void *const *in,
                           void *const *out, void *scratch) {
    negate(device, node, state, in, out, scratch);
    memset(scratch, 0, 9);
}

static bool refuse(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                   kd_error *err) {
    return kd_fail(err, KD_E_UNSUPPORTED, "not today");
}

static const kd_kernel kernels[] = {
    {sizeof(kd_kernel), 1, "neg", NULL, negate},
    {sizeof(kd_kernel), 0, "exp", NULL, write_past_the_end},
    {sizeof(kd_kernel), 0, "log", NULL, write_before_the_start},
    {sizeof(kd_kernel), 0, "sqrt", NULL, leave_the_last},
    {sizeof(kd_kernel), 0, "abs", NULL, alter_the_input},
    {sizeof(kd_kernel), 1, "relu", NULL, reverse},
    {sizeof(kd_kernel), 0, "copy", want_scratch, exceed_scratch},
    {sizeof(kd_kernel), 0, "softmax", refuse, negate},
};

static const kd_device_plugin table = {
    .size = sizeof table,
    .allocate = allocate,
    .release = release,
    .upload = transfer,
    .download = transfer,
    .wait = wait_for_all,
    .alignment = 64,
    .n_kernels = sizeof kernels / sizeof *kernels,
    .kernel_stride = sizeof *kernels,
    .kernels = kernels,
};

static const struct {
    const char *op;
    int status;
    const char *says;
} cases[] = {
    {"neg", EAGER_FINE, ""},
    {"exp", EAGER_WRONG, "outside of output 0"},
    {"log", EAGER_WRONG, "outside of output 0"},
    {"sqrt", EAGER_WRONG, "not all written"},
    {"abs", EAGER_WRONG, "writes to input 0"},
    {"relu", EAGER_WRONG, "over input 0"},
    {"copy", EAGER_WRONG, "outside of its scratch"},
    {"softmax", EAGER_UNSUPPORTED, "not today"},
    {"log_softmax", EAGER_UNSUPPORTED, "no kernel"},
    {"no_such_op", EAGER_WRONG, "is no op"},
};

TEST(harness, catches_faulty_kernels) {
    const check_device device = {.name = "faulty", .table = &table};
    const double values[] = {1, 2, 3, 4, 5};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eager *e = eager_create(&device, KD_F32, KD_F32);
        kd_tensor *x = eager_tensor(e, (kd_spec){.rank = 1, .dim = {5}}, values);
        kd_tensor *y = kd_emit1(cases[i].op, x);
        const char *why;
        cr_expect_eq(eager_status(e, &why), cases[i].status, "%s: %s", cases[i].op, why);
        cr_expect(strstr(why, cases[i].says), "%s: %s", cases[i].op, why);
        cr_expect(cases[i].status != EAGER_FINE || eager_read(y)[4] == -5);
        eager_destroy(e);
    }
}

TEST(harness, errors_of_numbers) {
    const double inf = HUGE_VAL, one[] = {1, NAN, inf}, other[] = {1, NAN, -inf};
    cr_expect_eq(number_error(one, one, 3), 0);
    cr_expect_eq(number_error(one, other, 3), inf, "infinities of unequal sign");
    cr_expect_eq(number_error((double[]){0}, (double[]){NAN}, 1), inf);
    cr_expect_eq(number_error((double[]){NAN}, (double[]){0}, 1), inf);
    cr_expect_eq(number_error((double[]){inf}, (double[]){1}, 1), inf);
    cr_expect_float_eq(number_error((double[]){3, 4.5}, (double[]){3, 4}, 2), 0.01, 1e-15);
    cr_expect_eq(number_error((double[]){1e-30}, (double[]){0}, 1), inf,
                 "nothing but zero is zero");
}
