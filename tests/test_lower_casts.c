/* SPDX-License-Identifier: Apache-2.0
 * Casts to bf16 that cost no pass or no launch of their own: of views, of weights. What is
 * replaced, what stays, and that no bit changes. */
#include "lower_kit.h"
#include "small_graph.h"

#include <kindred/augment.h>

#include <criterion/criterion.h>
#include <stdlib.h>

#define STEPS 4
#define ROWS 8
#define SIDE 10
#define STORE 657 /* bytes: an image of 9 x 11 pixels, and one of 12 x 10 */

static const char *const stand_ins[] = {"narrow_augment", "cast_all"};
#define STAND_INS 2

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

TestSuite(lower_casts, .init = open_devices, .fini = close_devices);

static const graph_options half = {.real = KD_F32, .compute = KD_BF16};

static kd_tensor *view(kd_scope s, int number) {
    static const int64_t ops[] = {KD_AUGMENT_RANDOM_RESIZED_CROP, KD_AUGMENT_COLOR_JITTER,
                                  KD_AUGMENT_BLUR, KD_AUGMENT_NORMALIZE};
    static const double args[4][KD_AUGMENT_ARGS] = {{0.2, 1, 0.75, 1.3333, 1},
                                                    {0.5, 0.4, 0.4, 0.4, 0.1},
                                                    {0.5, 0, 0.5, 2},
                                                    {0.5, 0.4, 0.6, 0.2, 0.3, 0.25}};
    kd_tensor *const in[] = {kd_input(s, "pixels", (kd_spec){KD_U8, 1, {STORE}}),
                             kd_input(s, "rows", (kd_spec){KD_I64, 2, {ROWS, 4}}),
                             kd_input(s, "key", (kd_spec){KD_I64, 1, {2}})};
    const kd_attr attrs[] = {KD_I("view", number), KD_I("size", SIDE), KD_I("channels", 3),
                             KD_IS("ops", ops, 4), KD_FS("args", args[0], 4 * KD_AUGMENT_ARGS)};
    return kd_emit("augment", in, 3, attrs, 5);
}

static void write_images(kd_program *p) {
    kd_error err = KD_ERROR_INIT;
    unsigned char pixels[STORE];
    int64_t rows[ROWS][4];
    for (int i = 0; i < STORE; i++) {
        pixels[i] = (unsigned char)(i * 7919 % 251);
    }
    for (int i = 0; i < ROWS; i++) {
        const int64_t row[2][4] = {{0, 9, 11, i}, {297, 12, 10, i}};
        memcpy(rows[i], row[i % 2], sizeof rows[i]);
    }
    cr_assert(program_write(p, "pixels", pixels, sizeof pixels, &err), "%s", err.message);
    cr_assert(program_write(p, "rows", rows, sizeof rows, &err), "%s", err.message);
    cr_assert(program_write(p, "key", (int64_t[]){3, 5}, 16, &err), "%s", err.message);
}

static kd_tensor *encode(kd_scope s, kd_tensor *images) {
    kd_tensor *x = kd_conv2d(s, "conv1", images, (kd_conv){.channels = 8, .kernel = 3});
    x = kd_relu(kd_batchnorm(s, "bn1", x, true, (kd_norm){0}));
    x = kd_relu(kd_conv2d(s, "conv2", x, (kd_conv){.channels = 8, .kernel = 3, .bias = true}));
    return kd_linear(s, "head", kd_mean_pool2d(x), (kd_dense){.width = ROWS});
}

/* A student of two views in one batch, and of one shuffled; and a teacher of the first view. */
static kd_tensor *loss(graph *g) {
    static const double order[ROWS] = {3, 1, 0, 2, 7, 6, 4, 5};
    kd_scope s = graph_root(g), student = kd_child(s, "student"), teacher = kd_child(s, "teacher");
    kd_tensor *a = view(s, 0), *b = view(s, 1);
    kd_tensor *rows = kd_range(s, 0, ROWS);
    kd_tensor *shuffle = kd_constant(s, (kd_spec){KD_I32, 1, {ROWS}}, order);
    kd_tensor *y = encode(student, kd_concat(a, b, 0));
    kd_tensor *z = encode(student, kd_gather(b, shuffle));
    kd_follow(teacher, student, kd_scalar(s, 0.9));
    kd_tensor *t = kd_softmax(encode(teacher, a));
    y = kd_add(kd_cross_entropy(y, kd_concat(rows, rows, 0)), kd_cross_entropy(z, shuffle));
    return kd_add(y, kd_soft_cross_entropy(z, kd_stop_gradient(t)));
}

/* What came of some steps. */
typedef struct outcome {
    double loss[STEPS];
    program_cost cost;
    engine_plan plan;
    int narrow_views, casts, cast_alls;
} outcome;

static outcome train_on(const kd_device_plugin *table, kd_device *device,
                        const graph_options *options) {
    outcome o;
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(options);
    graph_minimize(g, loss(g), &(optimizer){.name = "sgd", .momentum = 0.9});
    engine *e = engine_create(table, device, 1);
    kd_program *p = compile_alone(e, g);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    write_images(p);
    for (int i = 0; i < STEPS; i++) {
        o.loss[i] = small_step(p);
    }
    program_get_cost(p, &o.cost);
    engine_get_plan(e, &o.plan);
    char *text = program_dump(p);
    o.narrow_views = count_word(text, "= narrow_augment(");
    o.casts = count_word(text, "= cast(");
    o.cast_alls = count_word(text, "= cast_all(");
    free(text);
    engine_destroy(e);
    return o;
}

/* Three casts of views go, and of fifteen of weights, five of each visit, two are left. The
 * reference device has no bf16 but in casts. */
Test(lower_casts, devices_give_the_same_bits_either_way) {
    for (int d = 0; d < n_devices; d++) {
        const check_device *device = &devices[d];
        if (device == reference) {
            continue;
        }
        const outcome lowered = train_on(device->table, device->handle, &half);
        const outcome as_said =
            train_on(device_without(device, stand_ins, STAND_INS), device->handle, &half);
        cr_expect(lowered.narrow_views == 2 && as_said.narrow_views == 0);
        cr_expect_eq(as_said.casts - lowered.casts, 3 + 15);
        cr_expect(lowered.cast_alls == 2 && as_said.cast_alls == 0);
        cr_expect_eq(as_said.cost.nodes - lowered.cost.nodes, 3 + 15 - 2);
        cr_expect_lt(lowered.cost.bytes, as_said.cost.bytes);
        cr_expect_lt(lowered.loss[STEPS - 1], lowered.loss[0]);
        cr_expect(memcmp(lowered.loss, as_said.loss, sizeof lowered.loss) == 0, "%s", device->name);
    }
}

Test(lower_casts, nothing_is_narrow_in_f32) {
    const outcome o =
        train_on(reference->table, reference->handle, &(graph_options){.real = KD_F32});
    cr_expect_eq(o.narrow_views, 0);
    cr_expect_eq(o.casts, 0);
}

/* Makes a graph of two views a and b; returns what it has for output. */
typedef kd_tensor *builder(kd_scope s, kd_tensor *a, kd_tensor *b);

/* What is left of it on the reference device, and the bytes of the output. */
typedef struct left {
    int narrow_views, views, casts;
    size_t bytes;
    unsigned char y[4 * 2 * ROWS * SIDE * SIDE * 3];
} left;

static left *run_on(const kd_device_plugin *table, builder *build) {
    kd_error err = KD_ERROR_INIT;
    left *l = calloc(1, sizeof *l);
    graph *g = graph_create(&half);
    kd_scope s = graph_root(g);
    kd_tensor *y = build(s, view(s, 0), view(s, 1));
    const kd_spec spec = kd_spec_of(y);
    kd_output(s, "y", y);
    engine *e = engine_create(table, reference->handle, 0);
    kd_program *p = compile_alone(e, g);
    cr_assert(l && engine_allocate(e, &err), "%s", err.message);
    write_images(p);
    l->bytes = kd_bytes(&spec);
    cr_assert_leq(l->bytes, sizeof l->y);
    cr_assert(program_run(p, &err), "%s", err.message);
    cr_assert(program_read(p, "y", l->y, l->bytes, &err), "%s", err.message);
    char *text = program_dump(p);
    l->narrow_views = count_word(text, "= narrow_augment(");
    l->views = count_word(text, "= augment(");
    l->casts = count_word(text, "= cast(");
    free(text);
    engine_destroy(e);
    return l;
}

/* So many views are narrow, so many casts are left, and not a bit is another. */
static void expect_left(builder *build, int narrow_views, int casts) {
    left *lowered = run_on(reference->table, build);
    left *as_said = run_on(device_without(reference, stand_ins, STAND_INS), build);
    cr_expect_eq(lowered->narrow_views, narrow_views);
    cr_expect_eq(lowered->views, as_said->views - narrow_views);
    cr_expect_eq(lowered->casts, casts);
    cr_expect(memcmp(lowered->y, as_said->y, as_said->bytes) == 0);
    free(lowered);
    free(as_said);
}

static kd_tensor *rounded(kd_tensor *x) {
    return kd_cast(x, KD_COMPUTE);
}

static kd_tensor *cast_alone(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_output(s, "b", rounded(b));
    return rounded(a);
}

/* Joined, mirrored, cut, taken apart and put into another order: moved and no more. */
static kd_tensor *moved(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_tensor *x = kd_slice(kd_concat(a, kd_permute(b, (int64_t[]){0, 2, 1, 3}), 0), 1, 2, 7);
    x = KD_RESHAPE(kd_pad(x, 2, 1, 1), 2 * ROWS * 5, (SIDE + 2) * 3);
    kd_output(s, "elsewhere", rounded(kd_stop_gradient(b)));
    return rounded(kd_gather(x, kd_range(s, 3, 80)));
}

Test(lower_casts, views_that_are_read_rounded_are_made_so) {
    expect_left(cast_alone, 2, 0);
    expect_left(moved, 2, 0);
}

static kd_tensor *as_pixels(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_output(s, "rounded", rounded(a));
    kd_output(s, "b", rounded(b));
    return KD_RESHAPE(a, ROWS, SIDE * SIDE * 3);
}

static kd_tensor *computed_with(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_output(s, "rounded", rounded(b));
    return rounded(kd_concat(kd_scale(a, 0.5), kd_slice(a, 0, 0, 2), 0));
}

/* What is joined with an f32 tensor stays one, and with it what is read through it. */
static kd_tensor *joined_with_others(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_tensor *x = kd_concat(a, kd_fill(s, kd_spec_of(a), 0.1), 0);
    kd_output(s, "b", kd_sum(kd_concat(b, a, 0)));
    return rounded(kd_slice(x, 0, 1, 9));
}

/* The first is wanted as it is, so their batch is f32, and the second with it. */
static kd_tensor *joined_with_one_that_stays(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_output(s, "a", kd_sum(a));
    return rounded(kd_concat(a, b, 0));
}

static kd_tensor *kept(kd_scope s, kd_tensor *a, kd_tensor *b) {
    kd_tensor *last = kd_state(s, "last", kd_spec_of(a), (kd_init){0});
    kd_assign(last, a);
    kd_output(s, "rounded", rounded(a));
    return rounded(b);
}

Test(lower_casts, views_that_are_read_whole_stay) {
    expect_left(as_pixels, 1, 1);
    expect_left(computed_with, 1, 1);
    expect_left(joined_with_others, 0, 1);
    expect_left(joined_with_one_that_stays, 0, 1);
    expect_left(kept, 1, 1);
}

static const kd_spec weight = {.rank = 2, .dim = {3, 5}}, bias = {.rank = 1, .dim = {7}};

static void expect_casts(const kd_program *p, int cast_alls, int casts) {
    char *text = program_dump(p);
    cr_expect_eq(count_word(text, "= cast_all("), cast_alls, "%s", text);
    cr_expect_eq(count_word(text, "= cast("), casts, "%s", text);
    free(text);
}

static void read_halves(kd_program *p, const char *name, uint16_t *to, size_t count) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(program_read(p, name, to, count * sizeof *to, &err), "%s", err.message);
}

/* Of each home those of its own, each variable once. */
Test(lower_casts, variables_are_cast_together) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&half);
    kd_scope s = graph_root(g);
    kd_tensor *w = kd_param(s, "w", weight, (kd_init){.a = 2});
    kd_tensor *frozen = kd_state(s, "frozen", weight, (kd_init){.a = 4});
    kd_output(s, "first", rounded(w));
    kd_output(s, "frozen1", rounded(frozen));
    kd_output(s, "second", kd_concat(rounded(w), rounded(w), 0));
    kd_output(s, "third", rounded(kd_param(s, "b", bias, (kd_init){.a = 8})));
    kd_output(s, "frozen2", rounded(kd_state(s, "still", bias, (kd_init){.a = 16})));
    kd_output(s, "again", rounded(w));
    engine *e = engine_create(reference->table, reference->handle, 0);
    kd_program *p = compile_alone(e, g);
    expect_casts(p, 2, 0);
    cr_assert(engine_allocate(e, &err) && program_run(p, &err), "%s", err.message);
    uint16_t first[15], second[30], third[7], frozen1[15], frozen2[7], again[15];
    read_halves(p, "first", first, 15);
    read_halves(p, "second", second, 30);
    read_halves(p, "third", third, 7);
    read_halves(p, "frozen1", frozen1, 15);
    read_halves(p, "frozen2", frozen2, 7);
    read_halves(p, "again", again, 15);
    cr_expect(first[14] == 0x4000 && second[29] == 0x4000 && again[0] == 0x4000);
    cr_expect(frozen1[14] == 0x4080 && third[6] == 0x4100 && frozen2[6] == 0x4180);
    engine_destroy(e);
}

/* One alone, another type, and what is no variable. */
Test(lower_casts, other_casts_stay) {
    graph *g = graph_create(&half);
    kd_scope s = graph_root(g);
    kd_tensor *w = kd_param(s, "w", weight, (kd_init){.a = 1});
    kd_output(s, "alone", rounded(w));
    kd_output(s, "wide", kd_cast(w, KD_F64));
    kd_output(s, "state", rounded(kd_state(s, "state", bias, (kd_init){.a = 0})));
    kd_output(s, "input", rounded(kd_input(s, "x", bias)));
    kd_output(s, "computed", rounded(kd_neg(kd_param(s, "b", bias, (kd_init){.a = 1}))));
    engine *e = engine_create(reference->table, reference->handle, 0);
    expect_casts(compile_alone(e, g), 0, 5);
    engine_destroy(e);
}

/* After the update a weight is another: its cast stays behind it. */
Test(lower_casts, what_is_written_before_a_cast_is_cast_after) {
    kd_error err = KD_ERROR_INIT;
    graph *g = graph_create(&half);
    kd_scope s = graph_root(g);
    kd_tensor *w = kd_param(s, "w", weight, (kd_init){.a = 2});
    kd_tensor *b = kd_param(s, "b", bias, (kd_init){.a = 4});
    kd_output(s, "w before", rounded(w));
    kd_output(s, "b before", rounded(b));
    kd_tensor *loss = kd_add(kd_sum(kd_mul(w, w)), kd_sum(kd_mul(b, b)));
    graph_minimize(g, loss, &(optimizer){.name = "sgd"});
    kd_output(s, "w after", rounded(w));
    kd_output(s, "b after", rounded(b));
    engine *e = engine_create(reference->table, reference->handle, 0);
    kd_program *p = compile_alone(e, g);
    expect_casts(p, 2, 0);
    cr_assert(engine_allocate(e, &err), "%s", err.message);
    small_step(p);
    uint16_t before[15], after[15];
    read_halves(p, "w before", before, 15);
    read_halves(p, "w after", after, 15);
    cr_expect_eq(before[14], 0x4000);
    cr_expect_lt(after[14], before[14]);
    engine_destroy(e);
}

/* 4.5 MB in bf16. */
static kd_tensor *large(kd_scope s, int number) {
    char name[8];
    snprintf(name, sizeof name, "w%d", number);
    return rounded(kd_param(s, name, (kd_spec){.rank = 2, .dim = {1500, 1500}}, (kd_init){.a = 1}));
}

static void read_row(kd_scope s, int number, kd_tensor *x) {
    char name[8];
    snprintf(name, sizeof name, "y%d", number);
    kd_output(s, name, kd_slice(x, 0, 1, 2));
}

/* Each weight is read where it is cast, the first one twice; or all of them at the end. */
static size_t plan_large(const kd_device_plugin *table, bool at_end, int cast_alls, int casts) {
    static const int order[] = {0, 1, 2, 0};
    kd_tensor *x[4];
    engine_plan plan;
    graph *g = graph_create(&half);
    kd_scope s = graph_root(g);
    for (int i = 0; i < 4; i++) {
        x[i] = large(s, order[i]);
        if (!at_end) {
            read_row(s, i, x[i]);
        }
    }
    for (int i = 0; at_end && i < 4; i++) {
        read_row(s, i, x[i]);
    }
    engine *e = engine_create(table, reference->handle, 0);
    expect_casts(compile_alone(e, g), cast_alls, casts);
    engine_get_plan(e, &plan);
    engine_destroy(e);
    return plan.arena_bytes;
}

/* A node of what is read soon has 8 MiB of it at most, and casts no weight for a later visit. */
Test(lower_casts, little_memory_is_taken_sooner) {
    const kd_device_plugin *plain = device_without(reference, stand_ins, STAND_INS);
    const size_t soon = plan_large(reference->table, false, 1, 2);
    cr_expect_leq(soon, plan_large(plain, false, 0, 4) + (8 << 20));
    const size_t at_end = plan_large(reference->table, true, 1, 0);
    cr_expect_lt(at_end, plan_large(plain, true, 0, 4));
}
