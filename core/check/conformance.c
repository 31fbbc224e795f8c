/* SPDX-License-Identifier: Apache-2.0
 * Memory, kernels and programs of a device. */
#include "check/conformance_internal.h"

#include "graph/engine.h"

#include <kindred/device_extensions.h>
#include <kindred/ops.h>

static bool is_wrong(kd_error *err, const char *what) {
    return kd_fail(err, KD_E_INVALID, "%s", what);
}

enum { BYTES = 1021 };

static bool check_block(const check_device *d, unsigned char *memory, const void *other,
                        kd_error *err) {
    unsigned char sent[BYTES], got[BYTES];
    if ((uintptr_t)memory % d->table->alignment != 0) {
        return is_wrong(err, "new memory is not aligned as the device's table says");
    }
    d->table->download(d->handle, got, other, BYTES);
    if (!d->table->wait(d->handle, err)) {
        return false;
    }
    for (int i = 0; i < BYTES; i++) {
        if (got[i] != 0) {
            return is_wrong(err, "new memory is not zero");
        }
        sent[i] = (unsigned char)(i * 7);
    }
    d->table->upload(d->handle, memory, sent, BYTES);
    d->table->download(d->handle, got, memory, BYTES);
    return d->table->wait(d->handle, err) &&
           (memcmp(got, sent, BYTES) == 0 || is_wrong(err, "what was uploaded comes back altered"));
}

static bool check_memory(const check_device *d, kd_error *err) {
    void *a = NULL, *b = NULL;
    const bool ok = d->table->allocate(d->handle, BYTES, &a, err) &&
                    d->table->allocate(d->handle, BYTES, &b, err) && check_block(d, a, b, err);
    if (a) {
        d->table->release(d->handle, a);
    }
    if (b) {
        d->table->release(d->handle, b);
    }
    return ok;
}

/* AddressSanitizer ends the process where malloc would return NULL. */
static bool check_out_of_memory(const check_device *d, kd_error *err) {
#if !defined(__SANITIZE_ADDRESS__)
    kd_error why = KD_ERROR_INIT;
    void *much = NULL;
    if (d->table->allocate(d->handle, (size_t)1 << 60, &much, &why)) {
        d->table->release(d->handle, much);
        return is_wrong(err, "it hands out 2^60 bytes");
    }
    if (why.code != KD_E_MEMORY || much) {
        return is_wrong(err, "what it says when memory is short is not KD_E_MEMORY");
    }
    return check_memory(d, err);
#else
    (void)d;
    (void)err;
    return true;
#endif
}

static bool check_description(const check_device *d, kd_error *err) {
    const char *text = d->table->describe(d->handle);
    return (text && *text) || is_wrong(err, "it describes itself with no text");
}

static bool check_kernels(const check_device *d, kd_error *err) {
    const kd_op *op;
    const kd_kernel *kernel;
    for (int i = 0; (op = graph_op_at(i)); i++) {
        if (!(op->flags & (KD_OP_ALIAS | KD_OP_INSTEAD)) && !check_kernel(d, op->name)) {
            return kd_fail(err, KD_E_UNSUPPORTED, "there is no kernel for %s", op->name);
        }
    }
    for (uint32_t i = 0; (kernel = check_kernel_at(d, i)); i++) {
        if (!graph_find_op(kernel->op) || check_kernel(d, kernel->op) != kernel) {
            return kd_fail(err, KD_E_INVALID, "the kernel for %s: %s", kernel->op,
                           graph_find_op(kernel->op) ? "there are two" : "there is no such op");
        }
    }
    return true;
}

/* y = x @ w, plus `shift`: a program whose result is easy to know. */
static kd_program *small_program(engine *e, double shift, kd_error *err) {
    graph *g = graph_create(&(graph_options){.real = KD_F32});
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 2, .dim = {3, 4}});
    kd_tensor *w = kd_fill(s, (kd_spec){.rank = 2, .dim = {4, 2}}, 2);
    kd_output(s, "y", kd_affine(kd_matmul(x, w), 1, shift));
    kd_program *p;
    return engine_compile(e, g, "small", &p, err) && engine_allocate(e, err) ? p : NULL;
}

static bool check_small(kd_program *p, float x, float shift, kd_error *err) {
    float in[12], out[6];
    for (int i = 0; i < 12; i++) {
        in[i] = x;
    }
    if (!program_write(p, "x", in, sizeof in, err) || !program_run(p, err) ||
        !program_read(p, "y", out, sizeof out, err)) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        if (out[i] != 8 * x + shift) {
            return kd_fail(err, KD_E_INVALID, "a product of matrices is %g in place of %g",
                           (double)out[i], (double)(8 * x + shift));
        }
    }
    return true;
}

/* Two engines of one device, run in turn; then one after the other's end. */
static bool check_programs(const check_device *d, kd_error *err) {
    engine *one = engine_create(d->table, d->handle, 1);
    engine *two = engine_create(d->table, d->handle, 1);
    kd_program *first = small_program(one, 1, err);
    kd_program *second = first ? small_program(two, -3, err) : NULL;
    bool ok = second != NULL;
    for (int i = 0; ok && i < 3; i++) {
        ok = check_small(first, (float)i, 1, err) && check_small(second, (float)(2 * i), -3, err);
    }
    engine_destroy(one);
    ok = ok && check_small(second, 5, -3, err);
    engine_destroy(two);
    return ok;
}

bool conformance_applies(const conformance *c, const check_device *d) {
    return !c->extension || kd_device_extension(d->table, d->handle, c->extension);
}

const conformance conformances[] = {
    {"description", check_description, NULL},
    {"kernels", check_kernels, NULL},
    {"memory", check_memory, NULL},
    {"out of memory", check_out_of_memory, NULL},
    {"two programs", check_programs, NULL},
    {"copies beside", check_copies, KD_DEVICE_COPY},
    {"copies ahead", check_prefetch, KD_DEVICE_PREFETCH},
    {.name = NULL},
};
