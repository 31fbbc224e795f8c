/* SPDX-License-Identifier: Apache-2.0
 * Tables of inputs, copies beside the work and memory of the host's: that each waits for what it
 * has to wait for and for nothing else, whichever stream is late, and what happens when a call
 * fails. */
#include "test_double.h"

#include <kindred/device_extensions.h>
#include <pthread.h>
#include <stdlib.h>

static const void *need(kd_device *device, const char *id) {
    const void *extension = kd_device_extension(table, device, id);
    cr_assert(extension, "no %s", id);
    return extension;
}

DOUBLE_TEST(knows_no_other_extension) {
    kd_device *device = must_open();
    cr_expect_null(kd_device_extension(table, device, "kindred.device.feed/2"));
    cr_expect_null(kd_device_extension(table, device, ""));
    table->close(device);
}

#define ROW_BYTES 768
#define ROWS 3
#define COUNTER ((size_t)ROWS * ROW_BYTES)
#define TO (COUNTER + 256)

/* A recording that takes a row, and room for the table, the counter and the row. */
typedef struct feeding {
    kd_device *device;
    const kd_device_feed *feed;
    char *memory;
    void *recording;
} feeding;

static bool feeding_open(feeding *f, kd_error *err) {
    void *memory = NULL;
    *f = (feeding){.memory = NULL};
    if (!table->open(&defaults, NULL, &f->device, err)) {
        return false;
    }
    f->feed = need(f->device, KD_DEVICE_FEED);
    if (!table->allocate(f->device, TO + ROW_BYTES, &memory, err)) {
        return false;
    }
    f->memory = memory;
    if (!table->capture_begin(f->device, err)) {
        return false;
    }
    f->feed->fetch(f->device, f->memory + TO, f->memory, ROW_BYTES, f->memory + COUNTER);
    f->feed->advance(f->device, f->memory + COUNTER, ROWS);
    return table->capture_end(f->device, &f->recording, err);
}

static void feeding_close(feeding *f) {
    if (f->recording) {
        table->capture_release(f->device, f->recording);
    }
    if (f->memory) {
        table->release(f->device, f->memory);
    }
    if (f->device) {
        table->close(f->device);
    }
}

static void send_row(const feeding *f, int number) {
    unsigned char row[ROW_BYTES];
    memset(row, number, sizeof row);
    table->upload(f->device, f->memory + (size_t)(number % ROWS) * ROW_BYTES, row, sizeof row);
}

static bool took_row(const feeding *f, int number, kd_error *err) {
    unsigned char row[ROW_BYTES];
    table->download(f->device, row, f->memory + TO, sizeof row);
    if (!table->wait(f->device, err)) {
        return false;
    }
    for (int i = 0; i < ROW_BYTES; i++) {
        cr_assert_eq(row[i], number, "byte %d of run %d is of row %d", i, number, row[i]);
    }
    return true;
}

/* Rows are written over as soon as the run that takes them is enqueued, undone as it may be. */
DOUBLE_TEST(runs_take_their_rows) {
    kd_error err = KD_ERROR_INIT;
    feeding f;
    cuda_double.late = true;
    cr_assert(feeding_open(&f, &err), "%s", err.message);
    for (int i = 0; i < ROWS; i++) {
        send_row(&f, i);
    }
    for (int i = 0; i < 4 * ROWS; i++) {
        table->launch(f.device, f.recording);
        send_row(&f, i + ROWS);
        cr_expect(i % 5 != 4 || took_row(&f, i, &err), "%s", err.message);
    }
    cr_expect(took_row(&f, 4 * ROWS - 1, &err), "%s", err.message);
    feeding_close(&f);
    cr_expect_eq(cuda_double.live, 0);
}

#define PIECE ((size_t)5000)

typedef struct copier {
    kd_device *device;
    const kd_device_copying *calls;
    kd_device_copy *room;
    char *from;
} copier;

static bool copier_open(copier *c, kd_error *err) {
    void *memory = NULL;
    *c = (copier){.from = NULL};
    if (!table->open(&defaults, NULL, &c->device, err)) {
        return false;
    }
    c->calls = need(c->device, KD_DEVICE_COPY);
    if (!table->allocate(c->device, 2 * PIECE, &memory, err)) {
        return false;
    }
    c->from = memory;
    return c->calls->create(c->device, 2 * PIECE, &c->room, err);
}

static void copier_close(copier *c) {
    if (c->room) {
        c->calls->destroy(c->device, c->room);
    }
    if (c->from) {
        table->release(c->device, c->from);
    }
    if (c->device) {
        table->close(c->device);
    }
}

static void set(const copier *c, int value) {
    unsigned char bytes[2 * PIECE];
    memset(bytes, value, sizeof bytes);
    table->upload(c->device, c->from, bytes, sizeof bytes);
}

/* The halves change places. */
static void send(const copier *c) {
    c->calls->put(c->device, c->room, PIECE, c->from, PIECE);
    c->calls->put(c->device, c->room, 0, c->from + PIECE, PIECE);
    c->calls->send(c->device, c->room);
}

static bool arrived(const copier *c, int value, kd_error *err) {
    const void *at = NULL;
    if (!c->calls->wait(c->room, &at, err)) {
        return false;
    }
    for (size_t i = 0; i < 2 * PIECE; i++) {
        const int got = ((const unsigned char *)at)[i];
        if (got != value) {
            return kd_fail(err, KD_E_DATA, "byte %zu is %d, not %d", i, got, value);
        }
    }
    return true;
}

static bool copy_thrice(kd_error *err) {
    copier c;
    bool ok = copier_open(&c, err);
    for (int i = 1; ok && i < 4; i++) {
        set(&c, i);
        send(&c);
        set(&c, 100 + i); /* the steps go on */
        c.calls->arrived(c.room);
        ok = arrived(&c, i, err);
        if (!ok && err->code == KD_E_DATA) { /* only for what went wrong before the copy */
            cr_expect_not(table->wait(c.device, &(kd_error)KD_ERROR_INIT), "%s", err->message);
        }
    }
    ok = ok && table->wait(c.device, err);
    copier_close(&c);
    return ok;
}

/* Either stream may be far behind the other: the copy is of the moment it was asked for. */
DOUBLE_TEST(copies_are_of_their_moment) {
    for (int late = 0; late < 4; late++) {
        kd_error err = KD_ERROR_INIT;
        cuda_double.late = late & 1;
        cuda_double.others_late = late & 2;
        cr_expect(copy_thrice(&err), "%s", err.message);
        cr_expect_eq(cuda_double.live, 0);
    }
}

/* Nothing of a copy is waited for until it is wanted. */
DOUBLE_TEST(copies_do_not_hold_up_the_work) {
    kd_error err = KD_ERROR_INIT;
    copier c;
    cr_assert(copier_open(&c, &err), "%s", err.message);
    set(&c, 1);
    cuda_double.others_late = true;
    send(&c);
    const int64_t waiting = cuda_double.late_count;
    cr_expect_gt(waiting, 0);
    set(&c, 2);
    cr_expect(table->wait(c.device, &err), "%s", err.message);
    cr_expect_eq(cuda_double.late_count, waiting);
    cr_expect(arrived(&c, 1, &err), "%s", err.message);
    cr_expect_eq(cuda_double.late_count, 0);
    cr_expect_eq(cuda_double.spins, 0, "who waits for a copy keeps a core busy");
    copier_close(&c);
}

/* Nothing is waited for at all by who looks whether one has come, and that nothing went wrong. */
DOUBLE_TEST(a_copy_is_looked_for_without_a_wait) {
    kd_error err = KD_ERROR_INIT;
    copier c;
    cr_assert(copier_open(&c, &err), "%s", err.message);
    cuda_double.late = cuda_double.others_late = true;
    set(&c, 1);
    send(&c);
    const int64_t waiting = cuda_double.late_count, waits = cuda_double.waits;
    cr_expect_not(c.calls->arrived(c.room));
    cr_expect(c.calls->check(c.device, &err), "%s", err.message);
    cr_expect_eq(cuda_double.late_count, waiting);
    set(&c, 2);
    cr_expect(arrived(&c, 1, &err), "%s", err.message);
    cr_expect(c.calls->arrived(c.room));
    cr_expect_eq(cuda_double.waits, waits);
    cr_expect_gt(cuda_double.late_count, 0, "more than the copy was waited for");
    copier_close(&c);
    cr_expect_eq(cuda_double.live, 0);
}

typedef struct waiter {
    const copier *from;
    int value;
    bool ok;
} waiter;

static void *wait_beside(void *arg) {
    waiter *w = arg;
    kd_error err = KD_ERROR_INIT;
    w->ok = arrived(w->from, w->value, &err);
    return NULL;
}

DOUBLE_TEST(another_thread_may_wait) {
    kd_error err = KD_ERROR_INIT;
    copier c;
    cuda_double.late = cuda_double.others_late = true;
    cr_assert(copier_open(&c, &err), "%s", err.message);
    for (int i = 1; i < 20; i++) {
        pthread_t thread;
        waiter w = {&c, i, false};
        set(&c, i);
        send(&c);
        cr_assert_eq(pthread_create(&thread, NULL, wait_beside, &w), 0);
        set(&c, 100);
        cr_expect(table->wait(c.device, &err), "%s", err.message);
        pthread_join(thread, NULL);
        cr_expect(w.ok);
    }
    copier_close(&c);
    cr_expect_eq(cuda_double.live, 0);
}

DOUBLE_TEST(the_device_reads_host_memory) {
    kd_error err = KD_ERROR_INIT;
    kd_device *device = must_open();
    const kd_device_host_reads *reads = need(device, KD_DEVICE_HOST_READS);
    void *host = NULL, *seen = NULL;
    cr_assert(reads->allocate(device, 1000, &host, &seen, &err), "%s", err.message);
    memset(host, 7, 1000);
    cr_expect_eq(((const char *)seen)[999], 7);
    reads->release(device, host);
    table->close(device);
    cr_expect_eq(cuda_double.live, 0);
}

DOUBLE_TEST(says_what_memory_is_free) {
    kd_error err = KD_ERROR_INIT;
    cuda_double.capacity = 1 << 20;
    kd_device *device = must_open();
    const kd_device_host_reads *reads = need(device, KD_DEVICE_HOST_READS);
    void *memory = NULL;
    size_t free_bytes = 0, all = 0;
    cr_assert(table->allocate(device, 1000, &memory, &err), "%s", err.message);
    cr_assert(reads->free_memory(device, &free_bytes, &all, &err), "%s", err.message);
    cr_expect_eq(all, 1 << 20);
    cr_expect_eq(free_bytes, (1 << 20) - 1000);
    table->release(device, memory);
    table->close(device);
}

static bool feed_and_take(kd_error *err) {
    feeding f;
    bool ok = feeding_open(&f, err);
    for (int i = 0; ok && i < 2 * ROWS; i++) {
        send_row(&f, i);
        table->launch(f.device, f.recording);
        ok = took_row(&f, i, err);
    }
    feeding_close(&f);
    return ok;
}

static bool use_host_memory(kd_error *err) {
    kd_device *device = NULL;
    void *host = NULL, *seen = NULL;
    size_t free_bytes = 0, all = 0;
    if (!table->open(&defaults, NULL, &device, err)) {
        return false;
    }
    const kd_device_host_reads *reads = need(device, KD_DEVICE_HOST_READS);
    bool ok = reads->free_memory(device, &free_bytes, &all, err) &&
              reads->allocate(device, 100, &host, &seen, err);
    if (ok) {
        reads->release(device, host);
    }
    table->close(device);
    return ok;
}

/* What may be quiet: what gives things back, and questions: how much the libraries took, whether a
 * copy has come. */
static bool may_be_quiet(const char *call) {
    return strcmp(call, "cudaStreamSynchronize") == 0 || strcmp(call, "cudaMemGetInfo") == 0 ||
           strcmp(call, "cudaEventQuery") == 0;
}

DOUBLE_TEST(survives_the_failure_of_any_call_beside_the_work) {
    static bool (*const sessions[])(kd_error *) = {copy_thrice, feed_and_take, use_host_memory};
    for (size_t s = 0; s < sizeof sessions / sizeof *sessions; s++) {
        kd_error err = KD_ERROR_INIT;
        cuda_double.calls = cuda_double.fail_at = 0;
        cr_assert(sessions[s](&err), "%s", err.message);
        const int64_t calls = cuda_double.calls;
        cr_expect_gt(calls, 10);
        for (int64_t n = 1; n <= calls; n++) {
            cuda_double.calls = cuda_double.failed = 0;
            cuda_double.fail_at = n;
            err = (kd_error)KD_ERROR_INIT;
            const bool ok = sessions[s](&err);
            cr_expect_eq(cuda_double.failed, 1);
            cr_expect(ok ? may_be_quiet(cuda_double.failed_call) : err.message[0],
                      "%s, call %lld of session %zu, fails without a word", cuda_double.failed_call,
                      (long long)n, s);
            cr_expect_eq(cuda_double.live, 0, "%s, call %lld of session %zu, fails and leaks",
                         cuda_double.failed_call, (long long)n, s);
        }
    }
}
