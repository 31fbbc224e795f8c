/* SPDX-License-Identifier: Apache-2.0
 * An index that names no row, in a program that is captured and launched over and over: the wait
 * that follows says so, and nothing else is waited for or copied. */
#include "test_double.h"

#include <kindred/device_extensions.h>

/* x [4, 2] from byte 0 on, i32 [3] from 64, y [3, 2] from 128. */
static const kd_spec inputs[] = {{KD_F32, 2, {4, 2}}, {KD_I32, 1, {3}}};
static const kd_spec output = {KD_F32, 2, {3, 2}};
static const kd_node node = {.size = sizeof node,
                             .n_inputs = 2,
                             .n_outputs = 1,
                             .op = "gather",
                             .path = "bank.rows",
                             .inputs = inputs,
                             .outputs = &output};

typedef struct session {
    kd_device *device;
    void *state, *recording;
    char *memory;
} session;

static session record(void) {
    kd_error err = KD_ERROR_INIT;
    size_t scratch = 0;
    void *memory;
    session s = {.device = must_open()};
    cr_assert(kernel_of("gather")->prepare(s.device, &node, &s.state, &scratch, &err), "%s",
              err.message);
    cr_assert(table->allocate(s.device, 256, &memory, &err), "%s", err.message);
    s.memory = memory;
    void *in[] = {s.memory, s.memory + 64}, *out[] = {s.memory + 128};
    cr_assert(table->capture_begin(s.device, &err), "%s", err.message);
    kernel_of("gather")->run(s.device, &node, s.state, in, out, NULL);
    cr_assert(table->capture_end(s.device, &s.recording, &err), "%s", err.message);
    return s;
}

static void finish(session *s) {
    table->capture_release(s->device, s->recording);
    table->release(s->device, s->memory);
    kernel_of("gather")->release(s->device, s->state);
    table->close(s->device);
    cr_expect_eq(cuda_double.live, 0);
}

/* Launches with these indices. */
static bool launch(const session *s, const int32_t index[3], kd_error *err) {
    table->upload(s->device, s->memory + 64, index, 3 * sizeof *index);
    const int64_t before = cuda_double.calls;
    table->launch(s->device, s->recording);
    const bool ok = table->wait(s->device, err);
    cr_expect_eq(cuda_double.calls, before + 2, "a launch and a wait, no more");
    return ok;
}

DOUBLE_TEST(tells_of_an_index_that_names_no_row) {
    static const int32_t good[] = {3, 0, 2}, bad[] = {3, 0, -7};
    kd_error err = KD_ERROR_INIT;
    session s = record();
    cr_expect(launch(&s, good, &err), "%s", err.message);
    cr_expect_not(launch(&s, bad, &err));
    cr_expect_eq(err.code, KD_E_INVALID);
    cr_expect_str_eq(err.message, "bank.rows: gather: index -7 (at 2) is outside of 4 rows");
    err = (kd_error)KD_ERROR_INIT;
    cr_expect(launch(&s, good, &err), "it is told once: %s", err.message);
    finish(&s);
}

/* Who only ever takes copies hears of it too, and waits for nothing while there is none. */
DOUBLE_TEST(tells_of_an_index_behind_a_copy) {
    static const int32_t good[] = {3, 0, 2}, bad[] = {3, 0, -7};
    kd_error err = KD_ERROR_INIT;
    session s = record();
    const kd_device_copying *calls = kd_device_extension(table, s.device, KD_DEVICE_COPY);
    kd_device_copy *room = NULL;
    const void *at = NULL;
    cr_assert(calls->create(s.device, 24, &room, &err), "%s", err.message);
    for (int i = 0; i < 2; i++) {
        table->upload(s.device, s.memory + 64, i ? bad : good, sizeof good);
        table->launch(s.device, s.recording);
        calls->put(s.device, room, 0, s.memory + 128, 24);
        calls->send(s.device, room);
        cr_expect(calls->wait(room, &at, &err), "%s", err.message);
        const int64_t made = cuda_double.calls;
        cr_expect_eq(calls->check(s.device, &err), i == 0);
        cr_expect(i || cuda_double.calls == made);
    }
    cr_expect_str_eq(err.message, "bank.rows: gather: index -7 (at 2) is outside of 4 rows");
    cr_expect(calls->check(s.device, &err), "it is told once");
    calls->destroy(s.device, room);
    finish(&s);
}

/* The node may be gone when its fault is read. */
DOUBLE_TEST(tells_of_an_index_of_a_program_that_is_gone) {
    static const int32_t bad[] = {4, 0, 0};
    kd_error err = KD_ERROR_INIT;
    session s = record();
    table->upload(s.device, s.memory + 64, bad, sizeof bad);
    table->launch(s.device, s.recording);
    kernel_of("gather")->release(s.device, s.state);
    s.state = NULL;
    cr_expect_not(table->wait(s.device, &err));
    cr_expect_str_eq(err.message, "bank.rows: gather: index 4 (at 0) is outside of 4 rows");
    finish(&s);
}
