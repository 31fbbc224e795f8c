/* SPDX-License-Identifier: Apache-2.0
 * Programs of devices that have what does not fit copied from the host's memory, a run ahead. */
#include "check/conformance_internal.h"

#include "graph/engine.h"

#include <kindred/ops.h>
#include <stdlib.h>

/* WIDTH: numbers of a row, enough for a copy to take as long as a run. */
enum { WIDTH = 65536, ROW = WIDTH * 4, IMAGES = 12, ROWS = 4, RUNS = 30 };

/* "total" becomes the sum of the rows of "images" that runs take through either half of the room.
 */
static kd_program *compile(engine *e, kd_error *err) {
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    kd_scope s = graph_root(g);
    kd_tensor *images = kd_input(s, "images", (kd_spec){KD_F32, 2, {IMAGES, WIDTH}});
    kd_tensor *half = kd_input(s, "half", (kd_spec){KD_I32, 1, {1}});
    kd_tensor *total = kd_state(s, "total", (kd_spec){KD_F32, 2, {1, WIDTH}}, (kd_init){.a = 0});
    kd_assign(total, kd_add(total, kd_gather(images, half)));
    kd_program *p = NULL;
    return engine_compile(e, g, "sums", &p, err) ? p : NULL;
}

static int image_of(int run) {
    return run * 5 % IMAGES;
}

static float number(int image, int i) {
    return (float)(image * 1000 + i % 997);
}

static bool write_run(kd_program *p, int run, kd_error *err) {
    const int32_t half = run % 2;
    const kd_device_piece piece = {(int64_t)image_of(run) * ROW, (int64_t)half * ROW, ROW};
    if (!program_write_pieces(p, &piece, err) || !program_write(p, "half", &half, 4, err)) {
        return false;
    }
    program_feed_next(p);
    return true;
}

static bool run_all(kd_program *p, kd_error *err) {
    bool ok = true;
    for (int run = 0, written = 0; ok && run < RUNS; run++) {
        while (ok && written < RUNS && program_fed(p) < 2 + run % 3) {
            ok = write_run(p, written++, err);
        }
        ok = ok && program_run(p, err);
    }
    return ok;
}

static bool check_total(kd_program *p, float *got, kd_error *err) {
    if (!program_read(p, "total", got, ROW, err)) {
        return false;
    }
    for (int i = 0; i < WIDTH; i++) {
        float want = 0;
        for (int run = 0; run < RUNS; run++) {
            want += number(image_of(run), i);
        }
        if (got[i] != want) {
            return kd_fail(err, KD_E_INVALID,
                           "what is copied ahead from the host's memory is not what runs see: "
                           "number %d of a sum is %g in place of %g",
                           i, (double)got[i], (double)want);
        }
    }
    return true;
}

static bool run_from(const check_device *d, float *host, void *seen, kd_error *err) {
    engine *e = engine_create(d->table, d->handle, 1);
    kd_program *p = compile(e, err);
    for (int i = 0; i < IMAGES * WIDTH; i++) {
        host[i] = number(i / WIDTH, i % WIDTH);
    }
    if (p) {
        program_feed(p, ROWS);
    }
    float *got = kd_alloc(ROW);
    const bool ok = p && program_prefetch(p, "images", 1, 2 * ROW, err) &&
                    program_bind(p, "images", seen, err) && engine_allocate(e, err) &&
                    run_all(p, err) && check_total(p, got, err);
    free(got);
    engine_destroy(e);
    return ok;
}

bool check_prefetch(const check_device *d, kd_error *err) {
    const kd_device_host_reads *reads =
        kd_device_extension(d->table, d->handle, KD_DEVICE_HOST_READS);
    void *host = NULL, *seen = NULL;
    if (!reads) {
        return kd_fail(err, KD_E_INVALID,
                       "it has " KD_DEVICE_PREFETCH " and no " KD_DEVICE_HOST_READS);
    }
    if (!reads->allocate(d->handle, (size_t)IMAGES * ROW, &host, &seen, err)) {
        return false;
    }
    const bool ok = run_from(d, host, seen, err);
    reads->release(d->handle, host);
    return ok;
}
