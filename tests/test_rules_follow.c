/* SPDX-License-Identifier: Apache-2.0
 * Moving averages, banks, keys of draws and schedules as a method sees them, and what a rule cannot
 * be. */
#include "leaks.h"
#include "rule_rig.h"

#include "train/schedule.h"

#include <math.h>
#include <stdlib.h>

static const optimizer sgd = {.name = "sgd"};

static const kd_schedule keeps = {
    .shape = KD_SCHEDULE_COSINE, .from = 0.5, .to = 1, .end = KD_SCHEDULE_END};

static kd_tensor *build_followers(kd_scope s) {
    kd_scope student = kd_child(s, "student"), deep = kd_child(student, "deep");
    kd_scope still = kd_child(student, "still");
    kd_tensor *loss = kd_add(pull(student), pull(deep));
    loss = kd_add(loss, pull_with(still, (kd_rule){.flags = KD_RULE_FROZEN}));
    loss =
        kd_add(loss, pull_with(kd_child(student, "unit"), (kd_rule){.flags = KD_RULE_UNIT_ROWS}));
    kd_scope slow = kd_child(s, "slow"), curved = kd_child(s, "curved");
    kd_follow(slow, student, kd_scalar(s, 0.9));
    kd_follow(curved, student, kd_scheduled(curved, "keep", keeps));
    /* Gradients that nobody takes: what follows is no parameter. */
    loss = kd_add(loss, kd_add(pull(slow), pull(kd_child(slow, "deep"))));
    loss = kd_add(loss, kd_add(pull(kd_child(slow, "still")), pull(kd_child(slow, "unit"))));
    return kd_add(loss, pull(curved));
}

static matrix averaged(matrix average, double keep, const matrix *of) {
    for (int i = 0; i < COUNT; i++) {
        average.at[i] = keep * average.at[i] + (1 - keep) * of->at[i];
    }
    return average;
}

TEST(rules, what_follows_starts_equal_and_averages_what_each_step_leaves) {
    static const char *const names[][2] = {{"slow.w", "student.w"},
                                           {"slow.deep.w", "student.deep.w"},
                                           {"slow.unit.w", "student.unit.w"},
                                           {"slow.still.w", "student.still.w"},
                                           {"curved.w", "student.w"}};
    rig r = rig_open(build_followers, &sgd);
    matrix want[5];
    for (int i = 0; i < 5; i++) {
        want[i] = look(&r, names[i][1]);
        expect_same(&r, names[i][0], &want[i]);
    }
    const matrix still = want[3];
    for (int k = 0; k < 5; k++) {
        const double cosine = 1 - 0.5 * (1 + cos(M_PI * k / TOTAL)) / 2;
        rig_steps(&r, 1);
        for (int i = 0; i < 5; i++) {
            const matrix now = look(&r, names[i][1]);
            want[i] = averaged(want[i], i == 4 ? cosine : 0.9, &now);
            expect_close(&r, names[i][0], &want[i]);
        }
        expect_same(&r, "slow.still.w", &still);
    }
    rig_close(&r);
}

/* A frozen scope within one that follows is as at its start too, which is what it would follow. */
static kd_tensor *build_held_follower(kd_scope s) {
    kd_scope student = kd_child(s, "student"), teacher = kd_child(s, "teacher");
    kd_tensor *loss = kd_add(pull(student), pull(kd_child(student, "held")));
    kd_follow(teacher, student, kd_scalar(s, 0.5));
    kd_set_rule(kd_child(teacher, "held"), (kd_rule){.flags = KD_RULE_FROZEN});
    return kd_add(loss, kd_add(pull(teacher), pull(kd_child(teacher, "held"))));
}

TEST(rules, what_is_frozen_within_a_follower_stays_where_it_started) {
    rig r = rig_open(build_held_follower, &sgd);
    const matrix start = look(&r, "student.held.w"), teacher = look(&r, "teacher.w");
    rig_steps(&r, 2);
    expect_same(&r, "teacher.held.w", &start);
    cr_expect_neq(memcmp(&teacher, (matrix[]){look(&r, "teacher.w")}, sizeof teacher), 0);
    cr_expect_neq(memcmp(&start, (matrix[]){look(&r, "student.held.w")}, sizeof start), 0);
    rig_close(&r);
}

enum { BANK = 5 };
static const kd_spec bank_spec = {.rank = 2, .dim = {BANK, WIDTH}};

/* Rows of the batch go into a bank whose rows from before the step are read, later in the text. */
static kd_tensor *build_bank(kd_scope s) {
    kd_tensor *bank = kd_state(s, "bank", bank_spec, (kd_init){KD_INIT_NORMAL, .b = 1});
    kd_tensor *at = kd_input(s, "at", (kd_spec){KD_I32, 1, {ROWS}});
    kd_assign(bank, kd_scatter_rows(bank, at, kd_input(s, "rows", shape)));
    kd_output(s, "before", kd_scale(bank, 1));
    return pull(s);
}

TEST(rules, a_bank_takes_rows_where_it_lies_after_all_have_read_it) {
    kd_error err = KD_ERROR_INIT;
    rig r = rig_open(build_bank, &sgd);
    char *text = program_dump(r.p);
    cr_expect(strstr(text, "scatter_rows") && !strstr(text, "copy"), "the bank is copied:\n%s",
              text);
    free(text);
    double bank[BANK][WIDTH], before[BANK][WIDTH], now[BANK][WIDTH];
    const int index = engine_find_variable(r.e, "bank");
    cr_assert(engine_read_variable(r.e, index, bank, sizeof bank, &err), "%s", err.message);
    for (int k = 0; k < 4; k++) {
        const int32_t at[ROWS] = {k % BANK, (k + 2) % BANK};
        double rows[ROWS][WIDTH];
        for (int i = 0; i < COUNT; i++) {
            rows[i / WIDTH][i % WIDTH] = 100 * k + i;
        }
        cr_assert(program_write(r.p, "at", at, sizeof at, &err), "%s", err.message);
        cr_assert(program_write_reals(r.p, "rows", rows[0], COUNT, &err), "%s", err.message);
        rig_steps(&r, 1);
        cr_assert(program_read(r.p, "before", before, sizeof before, &err), "%s", err.message);
        cr_expect(memcmp(before, bank, sizeof bank) == 0, "step %d reads its own rows", k);
        memcpy(bank[at[0]], rows[0], sizeof rows[0]);
        memcpy(bank[at[1]], rows[1], sizeof rows[1]);
        cr_assert(engine_read_variable(r.e, index, now, sizeof now, &err), "%s", err.message);
        cr_expect(memcmp(now, bank, sizeof bank) == 0, "the bank after step %d", k);
    }
    rig_close(&r);
}

static kd_tensor *count_of(kd_scope s, const char *name, double start) {
    return kd_state(s, name, (kd_spec){KD_I32, 1, {1}}, (kd_init){.a = start});
}

/* States that are made of each other, and of a parameter, as they lie. */
static kd_tensor *build_exchange(kd_scope s) {
    kd_tensor *bank = kd_state(s, "bank", bank_spec, (kd_init){0}), *mark = count_of(s, "mark", 3);
    kd_tensor *next = count_of(s, "next", 0), *other = count_of(s, "other", 4);
    kd_tensor *w = parameter(s), *was = kd_state(s, "was", shape, (kd_init){0});
    kd_assign(next, other);
    kd_assign(other, next);
    kd_assign(mark, kd_add(mark, kd_fill(s, (kd_spec){.dtype = KD_I32}, 1)));
    kd_assign(was, KD_RESHAPE(w, ROWS, WIDTH));
    kd_tensor *at = kd_where(kd_greater(next, other), other, next);
    kd_assign(bank, kd_scatter_rows(bank, kd_concat(mark, at, 0), w));
    kd_assign(bank, kd_scatter_rows(kd_latest(bank), mark, kd_slice(w, 0, 1, 2)));
    return pull(s);
}

TEST(rules, what_is_assigned_is_as_it_was_before_the_step) {
    kd_error err = KD_ERROR_INIT;
    rig r = rig_open(build_exchange, &sgd);
    double bank[BANK][WIDTH];
    int32_t next, other;
    matrix w = look(&r, "w");
    rig_steps(&r, 1);
    expect_same(&r, "was", &w);
    cr_assert(engine_read_variable(r.e, engine_find_variable(r.e, "next"), &next, 4, &err));
    cr_assert(engine_read_variable(r.e, engine_find_variable(r.e, "other"), &other, 4, &err));
    cr_expect(next == 4 && other == 0, "%d and %d", next, other);
    cr_assert(
        engine_read_variable(r.e, engine_find_variable(r.e, "bank"), bank, sizeof bank, &err));
    cr_expect(memcmp(bank[3], w.at + WIDTH, sizeof bank[3]) == 0, "row 3 begins with %g",
              bank[3][0]);
    cr_expect(memcmp(bank[0], w.at + WIDTH, sizeof bank[0]) == 0, "row 0 begins with %g",
              bank[0][0]);
    cr_expect(bank[4][0] == 0, "row 4 is not the step's");
    rig_close(&r);
}

/* A bank's place and rows may be states themselves. */
static kd_tensor *build_marked_bank(kd_scope s) {
    kd_tensor *mark = count_of(s, "mark", 0);
    kd_tensor *bank = kd_state(s, "bank", bank_spec, (kd_init){0});
    kd_assign(mark, kd_add(mark, kd_fill(s, (kd_spec){.dtype = KD_I32}, 1)));
    kd_tensor *row = kd_slice(parameter(s), 0, 0, 1);
    kd_assign(bank, kd_scatter_rows(bank, mark, row));
    return pull(s);
}

TEST(rules, a_bank_is_written_at_the_place_from_before_the_step) {
    kd_error err = KD_ERROR_INIT;
    rig r = rig_open(build_marked_bank, &sgd);
    double bank[BANK][WIDTH];
    const int index = engine_find_variable(r.e, "bank");
    for (int k = 0; k < BANK; k++) {
        const matrix w = look(&r, "w");
        rig_steps(&r, 1);
        cr_assert(engine_read_variable(r.e, index, bank, sizeof bank, &err), "%s", err.message);
        cr_expect(memcmp(bank[k], w.at, sizeof bank[k]) == 0, "row %d begins with %g", k,
                  bank[k][0]);
    }
    rig_close(&r);
}

TEST(rules, draws_have_a_key_where_something_trains) {
    graph *training = graph_create(&(graph_options){.draws = true});
    graph *other = graph_create(&(graph_options){0});
    kd_scope s = graph_root(training), held = kd_child(s, "held"), slow = kd_child(s, "slow");
    kd_set_rule(held, (kd_rule){.flags = KD_RULE_FROZEN});
    kd_follow(slow, s, kd_scalar(s, 0.5));
    cr_expect(kd_step_key(s) && kd_step_key(kd_child(s, "deep")) == kd_step_key(s));
    cr_expect(!kd_step_key(held) && !kd_step_key(kd_child(held, "deep")) && !kd_step_key(slow));
    cr_expect(!kd_step_key(graph_root(other)));
    graph_destroy(training);
    graph_destroy(other);
}

TEST(rules, schedules_have_closed_forms) {
    static const struct {
        kd_schedule schedule;
        double want[TOTAL]; /* of each step; epochs have 3 */
    } cases[] = {
        {{.from = 0.3, .to = 0.3, .end = KD_SCHEDULE_END},
         {.3, .3, .3, .3, .3, .3, .3, .3, .3, .3, .3, .3}},
        /* A warm-up of an epoch and a third, in steps, then of epochs. */
        {{.flags = KD_SCHEDULE_STEPS, .to = 8, .end = 4}, {0, 2, 4, 6, 8, 8, 8, 8, 8, 8, 8, 8}},
        {{.from = 1, .to = 7, .begin = 1, .end = 3}, {1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 7, 7}},
        {{.flags = KD_SCHEDULE_PER_EPOCH, .from = 4, .end = KD_SCHEDULE_END},
         {4, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1}},
        {{.flags = KD_SCHEDULE_STEPS, .to = 1, .begin = 5, .end = 5},
         {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}},
        {{.flags = KD_SCHEDULE_STEPS | KD_SCHEDULE_PER_EPOCH, .to = 1, .begin = 5, .end = 5},
         {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}},
        /* cos(pi k / 6): 1, root(3)/2, 1/2, 0, ...; from 10 to 2 over two epochs. */
        {{.shape = KD_SCHEDULE_COSINE, .from = 10, .to = 2, .end = 2},
         {10, 6 + 2 * 1.7320508075688772, 8, 6, 4, 6 - 2 * 1.7320508075688772, 2, 2, 2, 2, 2, 2}},
        /* moco_v3's: a step ahead of its curve. */
        {{.shape = KD_SCHEDULE_COSINE, .flags = KD_SCHEDULE_STEPS, .to = 4, .begin = -1, .end = 3},
         {2 - 1.4142135623730951, 2, 2 + 1.4142135623730951, 4, 4, 4, 4, 4, 4, 4, 4, 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int k = 0; k < TOTAL; k++) {
            const double is = schedule_scalar(&cases[i].schedule, k, EPOCH, TOTAL);
            cr_expect(fabs(is - cases[i].want[k]) <= 1e-12, "schedule %zu, step %d: %.17g, not %g",
                      i, k, is, cases[i].want[k]);
        }
    }
}

static kd_tensor *scalar(kd_scope s) {
    return kd_scalar(s, 1);
}
static void too_late(kd_scope s) {
    pull(kd_child(kd_child(s, "a"), "b"));
    kd_set_rule(kd_child(s, "a"), (kd_rule){.lr_scale = 2});
}
static void after_followers(kd_scope s) {
    pull(kd_child(s, "b"));
    kd_follow(kd_child(s, "a"), kd_child(s, "b"), scalar(s));
    parameter(kd_child(s, "a"));
    kd_set_rule(s, (kd_rule){.lr_scale = 2});
}
static void two_rules(kd_scope s) {
    kd_set_rule(kd_child(s, "a"), (kd_rule){.flags = KD_RULE_FROZEN});
    kd_set_rule(kd_child(s, "a"), (kd_rule){.flags = KD_RULE_UNIT_ROWS});
}
static void frozen_and_following(kd_scope s) {
    kd_set_rule(kd_child(s, "a"),
                (kd_rule){.flags = KD_RULE_FROZEN, .follows = s, .keep = scalar(s)});
}
static void without_keep(kd_scope s) {
    kd_follow(kd_child(s, "a"), s, NULL);
}
static void keep_is_no_scalar(kd_scope s) {
    kd_follow(kd_child(s, "a"), s, kd_fill(s, shape, 1));
}
static void active_is_no_scalar(kd_scope s) {
    kd_set_rule(kd_child(s, "a"), (kd_rule){.active = kd_fill(s, shape, 1)});
}
static void negative_rate(kd_scope s) {
    kd_set_rule(kd_child(s, "a"), (kd_rule){.lr_scale = -1});
}
static void follows_nothing(kd_scope s) {
    kd_follow(kd_child(s, "a"), kd_child(s, "b"), scalar(s));
    parameter(kd_child(s, "a"));
}
static void follows_another_shape(kd_scope s) {
    parameter(kd_child(s, "b"));
    kd_follow(kd_child(s, "a"), kd_child(s, "b"), scalar(s));
    kd_param(kd_child(s, "a"), "w", (kd_spec){.rank = 1, .dim = {COUNT + 1}}, (kd_init){0});
}
static void scheduled_twice(kd_scope s) {
    kd_switched(s, "on", 3);
    kd_switched(s, "on", 3);
    kd_switched(s, "on", 4);
}

TEST(rules, every_mistake_has_its_message) {
    static const struct {
        const char *message;
        void (*build)(kd_scope s);
    } mistakes[] = {
        {"a: a rule must be set before the first parameter under its scope", too_late},
        {"a rule must be set before the first parameter under its scope", after_followers},
        {"a: has a rule, and another one is set", two_rules},
        {"a: a scope is frozen or follows another one, not both", frozen_and_following},
        {"a: a scope that follows another one wants `keep`, a scalar", without_keep},
        {"a: a scope that follows another one wants `keep`, a scalar", keep_is_no_scalar},
        {"a: `active` of a rule is not a scalar", active_is_no_scalar},
        {"a: `lr_scale` of a rule is negative", negative_rate},
        {"a: 'w' follows 'b.w', and there is no such parameter; build what is followed first",
         follows_nothing},
        {"a.w: has another shape than 'b.w', which it follows", follows_another_shape},
        {"on: scheduled twice, differently", scheduled_twice},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        kd_error err = KD_ERROR_INIT;
        graph *g = graph_create(&(graph_options){.real = KD_F64});
        mistakes[i].build(graph_root(g));
        cr_expect(!graph_check(g, &err), "'%s' was accepted", mistakes[i].message);
        cr_expect_str_eq(err.message, mistakes[i].message);
        graph_destroy(g);
    }
}

/* Twice the same rule is one rule, wherever its parameters are by then. */
TEST(rules, a_rule_may_be_said_again) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&(graph_options){.real = KD_F64});
    kd_scope s = kd_child(graph_root(g), "a");
    pull_with(s, (kd_rule){.flags = KD_RULE_FROZEN});
    pull_with(s, (kd_rule){.flags = KD_RULE_FROZEN});
    cr_expect(graph_check(g, &err), "%s", err.message);
    graph_destroy(g);
}
