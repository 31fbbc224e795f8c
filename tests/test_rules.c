/* SPDX-License-Identifier: Apache-2.0
 * What a method may say about the training of a scope, against closed forms: frozen for ever and
 * for a while, with rates of its own, exempt, of unit rows, clipped. */
#include "leaks.h"
#include "rule_rig.h"

#include <kindred/update.h>
#include <math.h>

static const optimizer sgd = {.name = "sgd", .lr = 0.25};
static const optimizer heavy = {.name = "sgd", .momentum = 0.9};

static kd_tensor *build_frozen(kd_scope s) {
    kd_scope held = kd_child(s, "held");
    kd_tensor *loss = pull_with(held, (kd_rule){.flags = KD_RULE_FROZEN});
    return kd_add(kd_add(loss, pull(kd_child(held, "within"))), pull(kd_child(s, "free")));
}

TEST(rules, what_is_frozen_keeps_every_bit_and_is_not_counted) {
    rig r = rig_open(build_frozen, &heavy);
    r.decay = 0.1;
    const matrix held = look(&r, "held.w"), within = look(&r, "held.within.w");
    const matrix start = look(&r, "free.w");
    rig_steps(&r, 5);
    expect_same(&r, "held.w", &held);
    expect_same(&r, "held.within.w", &within);
    cr_expect_neq(memcmp(&start, (matrix[]){look(&r, "free.w")}, sizeof start), 0);
    engine_plan plan;
    engine_get_plan(r.e, &plan);
    cr_expect_eq(plan.parameters, COUNT);
    rig_close(&r);
}

static kd_tensor *build_switched(kd_scope s) {
    const kd_schedule epochs = {.to = 1, .begin = 2, .end = 2};
    const kd_schedule off = {.flags = KD_SCHEDULE_STEPS, .from = 1, .begin = 2, .end = 2};
    kd_scope late = kd_child(s, "late"), later = kd_child(s, "later"), early = kd_child(s, "early");
    kd_tensor *loss = pull_with(late, (kd_rule){.active = kd_switched(late, "on", 4)});
    loss = kd_add(loss, pull_with(later, (kd_rule){.active = kd_scheduled(later, "on", epochs)}));
    return kd_add(loss, pull_with(early, (kd_rule){.active = kd_scheduled(early, "on", off)}));
}

/* The first `active` steps of SGD with momentum 0.9 and decay, from x. */
static matrix heavy_steps(matrix x, int active, double lr, double decay) {
    matrix moment = {{0}};
    for (int k = 0; k < active; k++) {
        for (int i = 0; i < COUNT; i++) {
            moment.at[i] = 0.9 * moment.at[i] + slope[i] + decay * x.at[i];
            x.at[i] -= lr * moment.at[i];
        }
    }
    return x;
}

TEST(rules, what_is_frozen_until_a_step_or_an_epoch_starts_then_as_if_new) {
    rig r = rig_open(build_switched, &heavy);
    r.decay = 0.02;
    const matrix none = {{0}}, late = look(&r, "late.w"), later = look(&r, "later.w"),
                 early = look(&r, "early.w");
    while (r.step < 9) {
        const int after = (int)r.step;
        const matrix want[] = {heavy_steps(late, after > 4 ? after - 4 : 0, r.lr, r.decay),
                               heavy_steps(later, after > 6 ? after - 6 : 0, r.lr, r.decay),
                               heavy_steps(early, after < 2 ? after : 2, r.lr, r.decay)};
        if (after <= 4) {
            expect_same(&r, "late.w", &late);
            expect_same(&r, "optimizer.moment1.late.w", &none);
        }
        if (after <= 2 * EPOCH) {
            expect_same(&r, "later.w", &later);
            expect_same(&r, "optimizer.moment1.later.w", &none);
        }
        expect_close(&r, "late.w", &want[0]);
        expect_close(&r, "later.w", &want[1]);
        expect_close(&r, "early.w", &want[2]);
        rig_steps(&r, 1);
    }
    rig_close(&r);
}

/* A constant gradient makes Adam's corrected moments g and g^2 in every step that counts. */
TEST(rules, adam_counts_the_steps_that_are_active) {
    const optimizer adam = {.name = "adamw", .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    rig r = rig_open(build_switched, &adam);
    r.decay = 0.02;
    matrix want = look(&r, "late.w");
    rig_steps(&r, 4);
    expect_same(&r, "late.w", &want);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < COUNT; i++) {
            want.at[i] -= r.lr * r.decay * want.at[i];
            want.at[i] -= r.lr * slope[i] / (fabs(slope[i]) + 1e-8);
        }
        rig_steps(&r, 1);
        expect_close(&r, "late.w", &want);
    }
    rig_close(&r);
}

static kd_tensor *build_rates(kd_scope s) {
    kd_scope scope[] = {kd_child(s, "plain"), kd_child(s, "tenth"), kd_child(s, "constant"),
                        kd_child(s, "both")};
    const kd_rule rule[] = {{0},
                            {.lr_scale = 0.1},
                            {.flags = KD_RULE_CONSTANT_LR},
                            {.flags = KD_RULE_CONSTANT_LR, .lr_scale = 2}};
    kd_tensor *loss = kd_scalar(s, 0);
    for (int i = 0; i < 4; i++) {
        loss = kd_add(loss, pull_with(scope[i], rule[i]));
    }
    kd_scope inner = kd_child(scope[1], "inner"); /* whose rule holds whole: no rate of its own */
    return kd_add(loss, pull_with(inner, (kd_rule){.flags = KD_RULE_NO_DECAY}));
}

TEST(rules, groups_have_rates_of_their_own) {
    rig r = rig_open(build_rates, &sgd);
    matrix plain = look(&r, "plain.w"), tenth = look(&r, "tenth.w"),
           constant = look(&r, "constant.w"), both = look(&r, "both.w"),
           inner = look(&r, "tenth.inner.w");
    static const double rates[] = {0.1, 0.03, 0.7};
    for (int k = 0; k < 3; k++) {
        r.lr = rates[k];
        rig_steps(&r, 1);
        plain = moved(plain, rates[k]);
        tenth = moved(tenth, 0.1 * rates[k]);
        constant = moved(constant, 0.25);
        both = moved(both, 0.5);
        inner = moved(inner, rates[k]);
    }
    expect_close(&r, "plain.w", &plain);
    expect_close(&r, "tenth.w", &tenth);
    expect_close(&r, "constant.w", &constant);
    expect_close(&r, "both.w", &both);
    expect_close(&r, "tenth.inner.w", &inner);
    rig_close(&r);
}

static kd_tensor *build_exempt(kd_scope s) {
    kd_tensor *loss = pull(kd_child(s, "plain"));
    loss = kd_add(loss, pull_with(kd_child(s, "kept"), (kd_rule){.flags = KD_RULE_NO_DECAY}));
    return kd_add(loss, pull_with(kd_child(s, "even"), (kd_rule){.flags = KD_RULE_NO_ADAPT}));
}

static double length(const double *x, int count) {
    double square = 0;
    for (int i = 0; i < count; i++) {
        square += x[i] * x[i];
    }
    return sqrt(square);
}

/* A step of LARS: d = g + decay w, times trust |w| / |d| when it adapts. */
static matrix lars_step(matrix x, double lr, double decay, double trust) {
    matrix d;
    for (int i = 0; i < COUNT; i++) {
        d.at[i] = slope[i] + decay * x.at[i];
    }
    const double ratio = trust > 0 ? trust * length(x.at, COUNT) / length(d.at, COUNT) : 1;
    for (int i = 0; i < COUNT; i++) {
        x.at[i] -= lr * ratio * d.at[i];
    }
    return x;
}

TEST(rules, what_is_exempt_is_neither_decayed_nor_adapted) {
    const optimizer lars = {.name = "lars", .lars_variant = KD_LARS_FB, .trust = 0.02};
    rig r = rig_open(build_exempt, &lars);
    r.decay = 0.3;
    const matrix plain = lars_step(look(&r, "plain.w"), r.lr, 0.3, 0.02),
                 kept = lars_step(look(&r, "kept.w"), r.lr, 0, 0.02),
                 even = lars_step(look(&r, "even.w"), r.lr, 0.3, 0);
    rig_steps(&r, 1);
    expect_close(&r, "plain.w", &plain);
    expect_close(&r, "kept.w", &kept);
    expect_close(&r, "even.w", &even);
    rig_close(&r);
}

static kd_tensor *build_unit(kd_scope s) {
    return kd_add(pull_with(kd_child(s, "unit"), (kd_rule){.flags = KD_RULE_UNIT_ROWS}),
                  pull(kd_child(s, "free")));
}

static matrix unit_rows(matrix x) {
    for (int row = 0; row < ROWS; row++) {
        const double size = length(x.at + row * WIDTH, WIDTH);
        for (int i = 0; i < WIDTH; i++) {
            x.at[row * WIDTH + i] /= size;
        }
    }
    return x;
}

TEST(rules, unit_rows_have_length_1_from_the_start_and_after_every_step) {
    rig r = rig_open(build_unit, &sgd);
    matrix unit = unit_rows(look(&r, "unit.w")), free = look(&r, "free.w");
    expect_close(&r, "unit.w", &unit);
    for (int k = 0; k < 3; k++) {
        rig_steps(&r, 1);
        unit = unit_rows(moved(unit, r.lr));
        free = moved(free, r.lr);
        expect_close(&r, "unit.w", &unit);
        expect_close(&r, "free.w", &free);
    }
    rig_close(&r);
}

static kd_tensor *build_steep(kd_scope s) {
    return kd_add(kd_scale(pull(kd_child(s, "steep")), 5),
                  kd_scale(pull(kd_child(s, "flat")), 0.1));
}

TEST(rules, each_gradient_is_clipped_by_itself_or_all_as_one) {
    const double norm = length(slope, COUNT), clip = 1;
    for (int each = 0; each < 2; each++) {
        const optimizer clipped = {.name = "sgd", .clip_norm = clip, .clip_each = each};
        rig r = rig_open(build_steep, &clipped);
        const double whole = clip / (norm * sqrt(25.01) + 1e-6);
        const double by = each ? clip / (5 * norm + 1e-6) : whole, flat = each ? 1 : whole;
        const matrix steep = moved(look(&r, "steep.w"), r.lr * 5 * by),
                     gentle = moved(look(&r, "flat.w"), r.lr * 0.1 * flat);
        rig_steps(&r, 1);
        expect_close(&r, "steep.w", &steep);
        expect_close(&r, "flat.w", &gentle);
        rig_close(&r);
    }
}
