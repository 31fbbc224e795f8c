/* SPDX-License-Identifier: Apache-2.0
 * Gradients that there are not: an error where the loss would have needed one, silence where it is
 * zero by right. */
#include "graph/internal.h"

#include "leaks.h"

#include <kindred/layers.h>

static const kd_spec shape = {.rank = 2, .dim = {3, 4}};

static kd_tensor *weight(kd_scope s) {
    return kd_param(kd_child(s, "head"), "weight", shape, (kd_init){KD_INIT_NORMAL, .b = 1});
}

static kd_tensor *largest(kd_tensor *x) {
    return kd_max_axes(x, NULL, 0, false);
}

static kd_tensor *top(kd_tensor *x) {
    kd_tensor *values, *indices;
    kd_top_k(x, 2, &values, &indices);
    return values;
}

static kd_tensor *replaced(kd_tensor *x) {
    kd_scope s = kd_child(x->api->scope_of(x), "bank");
    kd_tensor *bank = kd_fill(s, (kd_spec){.rank = 2, .dim = {5, 4}}, 1);
    return kd_scatter_rows(bank, kd_range(s, 0, 3), x);
}

static kd_tensor *second_order(kd_tensor *x) {
    kd_tensor *d;
    x->api->gradients(kd_sum(kd_gelu(x)), &x, 1, &d);
    return d;
}

/* Fails the test unless the gradient of sum(of(2 w)) by w is refused, or is not. */
static void expect(kd_tensor *(*of)(kd_tensor *x), const char *refused) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_tensor *w = weight(graph_root(g)), *d;
    graph_root(g)->api->gradients(kd_sum(of(kd_scale(w, 2))), &w, 1, &d);
    const bool fine = graph_check(g, &err);
    if (refused) {
        cr_expect(!fine, "%s is taken", refused);
        cr_expect(strstr(err.message, refused), "no \"%s\" in: %s", refused, err.message);
        cr_expect(strstr(err.message, "depends on 'head.weight' through it"), "%s", err.message);
        cr_expect(strstr(err.message, "kd_stop_gradient()"), "%s", err.message);
    } else {
        cr_expect(fine, "%s", err.message);
    }
    graph_destroy(g);
}

TEST(autodiff, a_gradient_that_there_is_not_is_refused_with_its_op_and_place) {
    expect(largest, "head: 'max' has no gradient");
    expect(top, "head: 'top_k' has no gradient");
    expect(replaced, "'scatter_rows' has no gradient");
    expect(second_order, "'gelu_grad' has no gradient");
}

/* Output `which` of an op over x [3, 4], and what it wants beside. */
static kd_tensor *secondary(const char *op, kd_tensor *const *in, uint32_t n, uint32_t which) {
    kd_tensor *out[5] = {NULL};
    const kd_attr attrs[] = {KD_I("heads", 1), KD_F("scale", 1), KD_F("eps", 1e-5),
                             KD_F("momentum", 0.1)};
    in[0]->api->emit(NULL, op, in, n, attrs, 4, out, which < 3 ? which + 1 : 5);
    return out[which];
}

static kd_tensor *batch_statistic(kd_tensor *x, uint32_t which) {
    kd_tensor *c = kd_fill(x->api->scope_of(x), (kd_spec){.rank = 1, .dim = {4}}, 1);
    return secondary("batch_norm", (kd_tensor *[]){x, c, c, c, c}, 5, which);
}

static kd_tensor *batch_inv_std(kd_tensor *x) {
    return batch_statistic(x, 2);
}

/* The value counts too: its gradient alone would hide what is missing. */
static kd_tensor *row_mean_and_value(kd_tensor *x) {
    kd_tensor *c = kd_fill(x->api->scope_of(x), (kd_spec){.rank = 1, .dim = {4}}, 1), *out[3];
    x->api->emit(NULL, "layer_norm", (kd_tensor *[]){x, c, c}, 3, NULL, 0, out, 3);
    return kd_add(kd_sum(out[0]), kd_sum(out[1]));
}

/* The gradient wants the statistics, which this node was made without. */
static kd_tensor *batch_value_alone(kd_tensor *x) {
    return batch_statistic(x, 0);
}

static kd_tensor *batch_running_mean(kd_tensor *x) {
    return batch_statistic(x, 3);
}

static kd_tensor *row_mean(kd_tensor *x) {
    kd_tensor *c = kd_fill(x->api->scope_of(x), (kd_spec){.rank = 1, .dim = {4}}, 1);
    return secondary("layer_norm", (kd_tensor *[]){x, c, c}, 3, 1);
}

static kd_tensor *attention_sum(kd_tensor *x) {
    x = KD_RESHAPE(x, 1, 4, 3);
    return secondary("attention", &x, 1, 1);
}

static kd_tensor *entropy_sums(kd_tensor *x) {
    return secondary("cross_entropy", (kd_tensor *[]){x, kd_range(x->api->scope_of(x), 0, 3)}, 2,
                     1);
}

static kd_tensor *stopped_statistic(kd_tensor *x) {
    return kd_mul(x, kd_stop_gradient(batch_statistic(x, 1)));
}

TEST(autodiff, statistics_beside_a_value_have_none_and_say_so) {
    expect(batch_inv_std, "output 2 of 'batch_norm' has no gradient");
    expect(row_mean_and_value, "output 1 of 'layer_norm' has no gradient");
    expect(batch_running_mean, "output 3 of 'batch_norm' has no gradient");
    expect(row_mean, "output 1 of 'layer_norm' has no gradient");
    expect(attention_sum, "output 1 of 'attention' has no gradient");
    expect(entropy_sums, "output 1 of 'cross_entropy' has no gradient");
    expect(stopped_statistic, NULL);
}

TEST(autodiff, a_gradient_of_outputs_that_were_not_made_is_refused) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_tensor *w = weight(graph_root(g)), *d;
    graph_root(g)->api->gradients(kd_sum(batch_value_alone(w)), &w, 1, &d);
    cr_expect(!graph_check(g, &err));
    cr_expect(strstr(err.message, "batch_norm_grad has an input that is NULL"), "%s", err.message);
    graph_destroy(g);
}

static kd_tensor *stopped(kd_tensor *x) {
    return kd_mul(x, kd_add(largest(kd_stop_gradient(x)), kd_sum(top(kd_stop_gradient(x)))));
}

static kd_tensor *picked(kd_tensor *x) {
    kd_tensor *values, *indices;
    kd_top_k(x, 2, &values, &indices);
    return kd_gather(x, KD_RESHAPE(kd_slice(indices, 0, 0, 1), 2));
}

static kd_tensor *masked(kd_tensor *x) {
    kd_tensor *positive = kd_greater(x, kd_scalar(x->api->scope_of(x), 0));
    return kd_mul(x, kd_cast(positive, KD_REAL));
}

static kd_tensor *through_integers(kd_tensor *x) {
    return kd_add(x, kd_cast(kd_cast(x, KD_I32), KD_REAL));
}

/* The places alone depend on x. */
static kd_tensor *placed(kd_tensor *x) {
    kd_scope s = x->api->scope_of(x);
    kd_tensor *bank = kd_fill(s, (kd_spec){.rank = 2, .dim = {4, 4}}, 1), *values, *places;
    kd_top_k(x, 1, &values, &places);
    bank = kd_scatter_rows(bank, KD_RESHAPE(places, 3), kd_fill(s, shape, 2));
    return kd_mul(x, kd_slice(bank, 0, 0, 3));
}

static kd_tensor *best(kd_tensor *x) {
    return kd_gather(x, kd_argmax(x));
}

static kd_tensor *beside(kd_tensor *x) {
    kd_report(x->api->scope_of(x), "largest", largest(x));
    return x;
}

TEST(autodiff, integers_masks_and_what_is_stopped_have_none_by_right) {
    expect(stopped, NULL);
    expect(picked, NULL);
    expect(masked, NULL);
    expect(through_integers, NULL);
    expect(best, NULL);
    expect(placed, NULL);
    expect(beside, NULL);
}

/* Nothing flows back through an integer, even where a kernel would find a type for it. */
TEST(autodiff, integers_carry_no_gradient) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_tensor *w = weight(graph_root(g)), *d;
    kd_tensor *loss = kd_sum(kd_cast(kd_cast(w, KD_I32), KD_REAL));
    graph_root(g)->api->gradients(loss, &w, 1, &d);
    cr_assert(graph_check(g, &err), "%s", err.message);
    cr_expect_null(as_value(w)->gradient);
    cr_expect_str_eq(as_value(d)->producer->op->name, "fill");
    graph_destroy(g);
}
