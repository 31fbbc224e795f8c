/* SPDX-License-Identifier: Apache-2.0
 * What is prefetched from the host's memory: a run's nodes see its pieces and no others, however
 * far ahead inputs are written, whichever stream lags, with the pieces copied ahead or not, and
 * with another program in between that uses what room is free. */
#include "test_double.h"

#include "graph/engine.h"

#include <kindred/ops.h>

#include <cuda_runtime_api.h>
#include <stdlib.h>

#define WIDTH 128 /* numbers of a row: 512 bytes */
#define IMAGES 20
#define ROWS 6
#define RUNS 15
#define PIECES 3

/* "total" becomes the sum of the rows of "images" that runs took, by "which" row of the room. */
typedef struct sums {
    kd_device *device;
    engine *engine;
    kd_program *step, *other;
    float *host;
    double want[2]; /* the sum of rows' numbers so far, of the step and of the other */
    int64_t written, run;
} sums;

static const kd_device_prefetching *real;
static int64_t copies; /* that were not ahead */
static bool no_feed, not_ahead;

static void count_copy(kd_device *device, const kd_device_pieces *what) {
    copies++;
    real->copy(device, what);
}

/* The device's own, or less. */
static const void *extension(kd_device *device, const char *id) {
    static kd_device_prefetching counted;
    const void *ret = table->extension(device, id);
    if (strcmp(id, KD_DEVICE_FEED) == 0 && no_feed) {
        return NULL;
    }
    if (strcmp(id, KD_DEVICE_PREFETCH) != 0) {
        return ret;
    }
    real = ret;
    counted = *real;
    counted.copy = count_copy;
    counted.size = not_ahead ? KD_END(kd_device_prefetching, copy) : sizeof counted;
    return &counted;
}

static kd_program *compile(engine *e, const char *total_name) {
    kd_error err = KD_ERROR_INIT;
    kd_program *p = NULL;
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    kd_scope s = graph_root(g);
    kd_tensor *images = kd_input(s, "images", (kd_spec){KD_F32, 2, {IMAGES, WIDTH}});
    kd_tensor *which = kd_input(s, "which", (kd_spec){KD_I32, 1, {1}});
    kd_tensor *total = kd_state(s, total_name, (kd_spec){KD_F32, 2, {1, WIDTH}}, (kd_init){.a = 0});
    kd_assign(total, kd_add(total, kd_gather(images, which)));
    cr_assert(engine_compile(e, g, total_name, &p, &err), "%s", err.message);
    return p;
}

static float number(int64_t image, int i) {
    return (float)(image * 100 + i % 7);
}

static void fill_host(float *host) {
    for (int i = 0; i < IMAGES * WIDTH; i++) {
        host[i] = number(i / WIDTH, i % WIDTH);
    }
}

#define MUST(call) cr_assert((call), "%s", err.message)

static void start(sums *s, kd_device_plugin *own) {
    kd_error err = KD_ERROR_INIT;
    void *host = NULL, *seen = NULL;
    *own = *table;
    own->extension = extension;
    *s = (sums){.device = must_open()};
    copies = 0;
    const kd_device_host_reads *reads = kd_device_extension(table, s->device, KD_DEVICE_HOST_READS);
    MUST(reads->allocate(s->device, IMAGES * WIDTH * 4, &host, &seen, &err));
    s->host = host;
    fill_host(s->host);
    s->engine = engine_create(own, s->device, 1);
    s->step = compile(s->engine, "total");
    s->other = compile(s->engine, "other");
    program_feed(s->step, ROWS);
    MUST(program_share_input(s->other, "images", s->step, &err));
    MUST(program_prefetch(s->step, "images", PIECES, 2 * WIDTH * 4, &err));
    MUST(program_prefetch(s->other, "images", PIECES, 0, &err));
    MUST(program_bind(s->step, "images", seen, &err));
    engine_plan plan;
    engine_get_plan(s->engine, &plan);
    cr_expect_eq(plan.room_bytes, 2 * WIDTH * 4);
    const size_t before = cuda_double.used;
    MUST(engine_allocate(s->engine, &err));
    cr_expect_eq(cuda_double.used - before, plan.total_bytes);
}

static void finish(sums *s) {
    const kd_device_host_reads *reads = kd_device_extension(table, s->device, KD_DEVICE_HOST_READS);
    engine_destroy(s->engine);
    reads->release(s->device, s->host);
    table->close(s->device);
    cr_expect_eq(cuda_double.live, 0);
}

/* That the program's next run takes that image, through that half of the room. */
static void write_run(kd_program *p, int64_t image, int32_t half) {
    kd_error err = KD_ERROR_INIT;
    kd_device_piece pieces[PIECES] = {{0}};
    pieces[half] = (kd_device_piece){image * WIDTH * 4, half * WIDTH * 4, WIDTH * 4};
    MUST(program_write_pieces(p, pieces, &err));
    MUST(program_write(p, "which", &half, sizeof half, &err));
}

static int64_t image_of(int64_t run) {
    return run * 7 % IMAGES;
}

static void write_ahead(sums *s, int64_t runs) {
    for (; s->written < RUNS && program_feed_room(s->step) > 0 && s->written < s->run + runs;
         s->written++) {
        write_run(s->step, image_of(s->written), (int32_t)(s->written % 2));
        program_feed_next(s->step);
    }
}

static void expect_total(kd_program *p, const char *name, double want) {
    kd_error err = KD_ERROR_INIT;
    float got[WIDTH];
    MUST(program_read(p, name, got, sizeof got, &err));
    for (int i = 0; i < WIDTH; i += 7) {
        cr_assert_eq(got[i], (float)want, "number %d of %s is %g, not %g", i, name, (double)got[i],
                     want);
    }
}

static void run_step(sums *s) {
    kd_error err = KD_ERROR_INIT;
    MUST(program_run(s->step, &err));
    s->want[0] += (double)number(image_of(s->run), 0);
    s->run++;
}

/* Through the half that the next step does not need. */
static void run_other(sums *s, int64_t image) {
    kd_error err = KD_ERROR_INIT;
    write_run(s->other, image, (int32_t)(1 - s->run % 2));
    MUST(program_run(s->other, &err));
    s->want[1] += (double)number(image, 0);
}

/* Inputs are written when fewer than `least` runs have them, of `most` runs. */
static void train(sums *s, int64_t least, int64_t most) {
    const size_t used = cuda_double.used;
    while (s->run < RUNS) {
        if (program_fed(s->step) < least) {
            write_ahead(s, most);
        }
        run_step(s);
        if (s->run % 4 == 0) {
            run_other(s, s->run % IMAGES);
        }
        if (s->run % 7 == 0) {
            expect_total(s->step, "total", s->want[0]);
        }
    }
    expect_total(s->step, "total", s->want[0]);
    expect_total(s->other, "other", s->want[1]);
    cr_expect_eq(cuda_double.used, used, "a run allocates");
}

static void train_with(int late, bool feed, bool ahead, int64_t least, int64_t most) {
    kd_device_plugin own;
    sums s;
    cuda_double.late = late & 1;
    cuda_double.others_late = late & 2;
    no_feed = !feed;
    not_ahead = !ahead;
    start(&s, &own);
    train(&s, least, most);
    finish(&s);
}

DOUBLE_TEST(a_run_sees_its_pieces) {
    for (int late = 0; late < 4; late++) {
        train_with(late, true, true, 2, ROWS);
        train_with(late, true, true, 1, ROWS);
        train_with(late, true, true, 1, 2);
    }
    for (int late = 0; late < 4; late += 3) {
        train_with(late, true, false, 2, ROWS);
        train_with(late, false, true, 2, ROWS);
    }
}

/* Copies that a step waits for: the first one's, where the next step's inputs are always there;
 * otherwise those of each that came too late. The other program's are the rest. */
DOUBLE_TEST(pieces_come_ahead_where_inputs_are_there) {
    static const struct {
        int64_t least, most, waited;
    } cases[] = {{2, ROWS, 1}, {2, 3, 1}, {1, 1, RUNS}, {1, 2, (RUNS + 1) / 2}};
    const int64_t others = RUNS / 4;
    no_feed = not_ahead = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        kd_device_plugin own;
        sums s;
        start(&s, &own);
        train(&s, cases[i].least, cases[i].most);
        /* a program without a table enqueues its copy in its first run and when it is recorded */
        const int64_t of_others = others < 2 ? others : 2;
        cr_expect_eq(copies - of_others, cases[i].waited, "case %zu: %lld copies", i,
                     (long long)copies);
        finish(&s);
    }
}

DOUBLE_TEST(what_cannot_be_prefetched_is_refused) {
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    kd_device_plugin own = *table;
    engine *e = engine_create(&own, device, 1);
    kd_program *p = compile(e, "total");
    cr_expect_not(program_prefetch(p, "pictures", 1, 512, &err));
    cr_expect_str_eq(err.message, "program 'total' has no input 'pictures'");
    own.extension = NULL;
    err = (kd_error)KD_ERROR_INIT;
    cr_expect_not(program_prefetch(p, "images", 1, 512, &err));
    cr_expect_str_eq(err.message, "the device prefetches nothing for program 'total'");
    err = (kd_error)KD_ERROR_INIT;
    cr_expect_not(program_write_pieces(p, NULL, &err));
    cr_expect_str_eq(err.message, "program 'total' prefetches nothing");
    engine_destroy(e);
    table->close(device);
}

typedef struct copier {
    kd_device *device;
    const kd_device_prefetching *calls;
    kd_device_prefetch *ahead;
    void *memory, *recording;
} copier;

static bool record_copy(copier *c, kd_error *err) {
    const kd_device_piece piece = {.from = 0, .to = 0, .bytes = 128};
    if (!table->open(&defaults, NULL, &c->device, err) ||
        !table->allocate(c->device, 2048, &c->memory, err)) {
        return false;
    }
    const kd_device_pieces what = {.from = (char *)c->memory + 1024,
                                   .from_bytes = 128,
                                   .to = (char *)c->memory + 512,
                                   .to_bytes = 128,
                                   .list = c->memory,
                                   .count = 1};
    table->upload(c->device, c->memory, &piece, sizeof piece);
    c->calls = kd_device_extension(table, c->device, KD_DEVICE_PREFETCH);
    if (!c->calls->create(c->device, &c->ahead, err) || !table->capture_begin(c->device, err)) {
        return false;
    }
    c->calls->begin(c->device, c->ahead, &what);
    c->calls->end(c->device, c->ahead);
    return table->capture_end(c->device, &c->recording, err);
}

static bool copy_ahead(kd_error *err) {
    copier c = {.device = NULL};
    bool ok = record_copy(&c, err);
    if (ok) {
        table->launch(c.device, c.recording);
        ok = table->wait(c.device, err);
    }
    if (c.recording) {
        table->capture_release(c.device, c.recording);
    }
    if (c.ahead) {
        c.calls->destroy(c.device, c.ahead);
    }
    if (c.memory) {
        table->release(c.device, c.memory);
    }
    if (c.device) {
        table->close(c.device);
    }
    return ok;
}

/* What gives things back may be quiet, and the question of how much the libraries took. */
static bool may_be_quiet(const char *call) {
    return strcmp(call, "cudaStreamSynchronize") == 0 || strcmp(call, "cudaMemGetInfo") == 0;
}

DOUBLE_TEST(survives_the_failure_of_any_call_ahead) {
    kd_error err = KD_ERROR_INIT;
    cuda_double.calls = cuda_double.fail_at = 0;
    cr_assert(copy_ahead(&err), "%s", err.message);
    const int64_t calls = cuda_double.calls;
    for (int64_t n = 1; n <= calls; n++) {
        cuda_double.calls = cuda_double.failed = 0;
        cuda_double.fail_at = n;
        err = (kd_error)KD_ERROR_INIT;
        const bool ok = copy_ahead(&err);
        cr_expect_eq(cuda_double.failed, 1);
        cr_expect(ok ? may_be_quiet(cuda_double.failed_call) : err.message[0],
                  "%s, call %lld, fails without a word", cuda_double.failed_call, (long long)n);
        cr_expect_eq(cuda_double.live, 0, "%s, call %lld, fails and leaks", cuda_double.failed_call,
                     (long long)n);
    }
}
