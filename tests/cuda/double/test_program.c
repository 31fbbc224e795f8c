/* SPDX-License-Identifier: Apache-2.0
 * Programs of the host's engine on the device over its double: a step is one launch and nothing
 * else, inputs of many steps go at once, copies of the variables are of their moment. And the same
 * without any extension. */
#include "test_double.h"

#include "graph/engine.h"

#include <kindred/device_extensions.h>
#include <kindred/ops.h>
#include <stdlib.h>

#define WIDTH 100
#define ROWS 5
#define RUNS 37

typedef struct sums {
    kd_device_plugin table;
    kd_device *device;
    engine *engine;
    kd_program *program;
    bool copied;
    float row[WIDTH];
    int64_t written, run;
} sums;

/* "total" becomes the sum of what "x" has been. */
static kd_program *compile(engine *e) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p = NULL;
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    kd_scope s = graph_root(g);
    const kd_spec spec = {.dtype = KD_F32, .rank = 1, .dim = {WIDTH}};
    kd_tensor *total = kd_state(s, "total", spec, (kd_init){.a = 0});
    kd_assign(total, kd_add(total, kd_input(s, "x", spec)));
    cr_assert(engine_compile(e, g, "sums", &p, &err), "%s", err.message);
    return p;
}

static sums sums_open(bool extended) {
    sums s = {.table = *table, .device = must_open()};
    s.table.extension = extended ? table->extension : NULL;
    return s;
}

static void sums_start(sums *s) {
    kd_error err = KD_ERROR_INIT;
    s->engine = engine_create(&s->table, s->device, 1);
    s->program = compile(s->engine);
    program_feed(s->program, ROWS);
    engine_keep_copies(s->engine);
    s->copied = program_keep_copy(s->program, "total");
    cr_assert(engine_allocate(s->engine, &err), "%s", err.message);
}

static void sums_close(sums *s) {
    engine_destroy(s->engine);
    table->close(s->device);
    cr_expect_eq(cuda_double.live, 0);
}

/* Run i adds i, and one more to its first number. */
static void fill(sums *s) {
    kd_error err = KD_ERROR_INIT;
    for (; program_feed_room(s->program) > 0; s->written++) {
        for (int i = 0; i < WIDTH; i++) {
            s->row[i] = (float)(s->written + (i == 0));
        }
        cr_assert(program_write(s->program, "x", s->row, sizeof s->row, &err), "%s", err.message);
        program_feed_next(s->program);
    }
}

static void run(sums *s) {
    kd_error err = KD_ERROR_INIT;
    if (program_fed(s->program) == 0) {
        fill(s);
    }
    cr_assert(program_run(s->program, &err), "%s", err.message);
    s->run++;
}

static void expect_total(const float *got, int64_t runs) {
    for (int i = 0; i < WIDTH; i++) {
        const int64_t wanted = runs * (runs - 1) / 2 + (i == 0 ? runs : 0);
        cr_assert_eq(got[i], (float)wanted, "number %d after %lld runs: %g", i, (long long)runs,
                     (double)got[i]);
    }
}

static void expect_read(sums *s) {
    kd_error err = KD_ERROR_INIT;
    float got[WIDTH];
    cr_assert(program_read(s->program, "total", got, sizeof got, &err), "%s", err.message);
    expect_total(got, s->run);
}

static void expect_copied(sums *s, int64_t runs) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(engine_copy_wait(s->engine, &err), "%s", err.message);
    expect_total(engine_copied(s->engine, engine_find_variable(s->engine, "total")), runs);
}

static void run_and_copy(bool extended) {
    kd_error err = KD_ERROR_INIT;
    sums s = sums_open(extended);
    sums_start(&s);
    while (s.run < RUNS) {
        run(&s);
        if (s.run % 4 == 0) {
            const int64_t copied = s.run;
            cr_assert(engine_copy(s.engine, &err), "%s", err.message);
            run(&s);
            fill(&s); /* while nothing that is enqueued is done */
            run(&s);
            expect_copied(&s, copied);
        }
        if (s.run % 7 == 0) {
            expect_read(&s);
        }
    }
    expect_read(&s);
    sums_close(&s);
}

DOUBLE_TEST(programs_take_their_rows_and_copies_their_moment) {
    for (int how = 0; how < 8; how++) {
        cuda_double.late = how & 1;
        cuda_double.others_late = how & 2;
        run_and_copy(how & 4);
    }
}

static void expect_value(sums *s, int64_t runs) {
    kd_error err = KD_ERROR_INIT;
    const void *got = NULL;
    cr_assert(program_copy_wait(s->program, &got, &err), "%s", err.message);
    expect_total(got, runs);
}

/* Copies of one value, one under way at any time: each is of its moment, and none makes the host
 * wait for more than the run before it. */
DOUBLE_TEST(values_are_copied_while_runs_go_on) {
    for (int how = 0; how < 4; how++) {
        cuda_double.late = cuda_double.others_late = false;
        sums s = sums_open(true);
        sums_start(&s);
        cr_assert(s.copied);
        run(&s);
        cr_expect_not(program_launched(s.program));
        run(&s);
        cr_expect(program_launched(s.program));
        cuda_double.late = how & 1;
        cuda_double.others_late = how & 2;
        program_copy(s.program);
        int64_t copied = s.run;
        const int64_t waits = cuda_double.waits;
        while (s.run < RUNS) {
            run(&s);
            run(&s);
            cr_expect_eq(program_copy_arrived(s.program), how == 0, "run %lld", (long long)s.run);
            expect_value(&s, copied);
            program_copy(s.program);
            copied = s.run;
        }
        cr_expect_eq(cuda_double.waits, waits);
        expect_value(&s, copied);
        expect_read(&s);
        sums_close(&s);
    }
}

/* What is known to have gone wrong is the error of the wait, not what came of it. */
DOUBLE_TEST(a_run_that_fails_is_heard_behind_a_copy) {
    kd_error err = KD_ERROR_INIT;
    const void *got = NULL;
    sums s = sums_open(true);
    sums_start(&s);
    for (int i = 0; i < 2 || program_fed(s.program) == 0; i++) {
        run(&s);
    }
    cuda_double.calls = 0;
    cuda_double.fail_at = 1;
    run(&s);
    cr_assert_str_eq(cuda_double.failed_call, "cudaGraphLaunch");
    program_copy(s.program);
    cr_expect_not(program_copy_wait(s.program, &got, &err));
    cr_expect(strstr(err.message, "launching a program"), "%s", err.message);
    sums_close(&s);
}

static kd_device_copying first_copying;

/* The device as it was before it could be asked whether a copy has come. */
static const void *first_extension(kd_device *device, const char *id) {
    const void *now = table->extension(device, id);
    if (strcmp(id, KD_DEVICE_COPY) != 0) {
        return now;
    }
    first_copying = *(const kd_device_copying *)now;
    first_copying.size = offsetof(kd_device_copying, arrived);
    first_copying.arrived = NULL;
    first_copying.check = NULL;
    return &first_copying;
}

DOUBLE_TEST(values_are_not_copied_where_the_device_cannot) {
    sums s = sums_open(false);
    sums_start(&s);
    cr_expect_not(s.copied);
    sums_close(&s);
    s = sums_open(true);
    s.table.extension = first_extension;
    sums_start(&s);
    cr_expect_not(s.copied);
    run(&s);
    expect_read(&s);
    sums_close(&s);
}

DOUBLE_TEST(a_step_is_one_launch) {
    sums s = sums_open(true);
    sums_start(&s);
    for (int i = 0; i < 2; i++) { /* node by node, then recorded */
        run(&s);
    }
    while (s.run < RUNS) {
        const int64_t calls = cuda_double.calls, launches = cuda_double.launches;
        const bool fed = program_fed(s.program) > 0;
        run(&s);
        cr_expect_eq(cuda_double.launches, launches + 1);
        cr_expect_eq(cuda_double.calls, calls + (fed ? 1 : 2), "run %lld makes %lld calls",
                     (long long)s.run, (long long)(cuda_double.calls - calls));
    }
    expect_read(&s);
    sums_close(&s);
}

DOUBLE_TEST(a_run_without_inputs_is_refused) {
    kd_error err = KD_ERROR_INIT;
    sums s = sums_open(true);
    sums_start(&s);
    cr_expect_not(program_run(s.program, &err));
    cr_expect_str_eq(err.message, "program 'sums' has no inputs for its next run");
    sums_close(&s);
}

/* What the plan says is what is taken, byte by byte. */
DOUBLE_TEST(the_plan_is_what_is_taken) {
    engine_plan plan;
    sums s = sums_open(true);
    const size_t before = cuda_double.used;
    sums_start(&s);
    engine_get_plan(s.engine, &plan);
    cr_expect_gt(plan.copy_bytes, 0);
    cr_expect_eq(cuda_double.used - before, plan.total_bytes);
    const size_t used = cuda_double.used;
    for (int i = 0; i < 3 * ROWS; i++) {
        run(&s);
    }
    cr_expect_eq(cuda_double.used, used, "a run allocates");
    sums_close(&s);
}

/* A batch of images rarely fills the room for the largest. */
DOUBLE_TEST(the_first_bytes_of_a_tensor_are_written_alone) {
    static const float some[] = {3, 4}, too_many[WIDTH + 1];
    float got[WIDTH];
    kd_error err = KD_ERROR_INIT;
    sums s = sums_open(true);
    sums_start(&s);
    for (int i = 0; i < WIDTH; i++) {
        s.row[i] = 7;
    }
    cr_assert(program_write(s.program, "total", s.row, sizeof s.row, &err), "%s", err.message);
    cr_assert(program_write_first(s.program, "total", some, sizeof some, &err), "%s", err.message);
    cr_assert(program_read(s.program, "total", got, sizeof got, &err), "%s", err.message);
    for (int i = 0; i < WIDTH; i++) {
        cr_expect_eq(got[i], i < 2 ? some[i] : 7, "number %d is %g", i, (double)got[i]);
    }
    cr_expect_not(program_write_first(s.program, "total", too_many, sizeof too_many, &err));
    cr_expect_str_eq(err.message, "'total' of program 'sums' has 400 bytes, not 404");
    sums_close(&s);
}
