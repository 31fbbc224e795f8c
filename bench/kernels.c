/* SPDX-License-Identifier: Apache-2.0
 * Times the kernels of a device on the shapes of ResNet-18 and ResNet-50, 128 views at 64 px, and
 * adds them up to what a step of each spends in them.
 *
 *     bench/kernels plugins/devices/cpu/cpu-x86-64-v4.so [bf16] [part of a row's name]
 *
 * The best of several runs, after one that is not counted. */
#include <kindred/device.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

#define VIEWS 128
#define RUNS 7
#define MAX_TENSORS 8

/* A convolution with the batch norm behind it: how often a ResNet-18 and a ResNet-50 have it. */
typedef struct row {
    int size, in, out, kernel, stride; /* size of the input's side */
    int in_18, in_50;
    bool residual, relu; /* of the batch norm */
} row;

static const row rows[] = {
    {64, 3, 64, 7, 2, 1, 1, false, true},      {16, 64, 64, 3, 1, 2, 3, false, true},
    {16, 64, 64, 3, 1, 2, 0, true, true},      {16, 64, 128, 3, 2, 1, 0, false, true},
    {16, 64, 128, 1, 2, 1, 0, false, false},   {8, 128, 128, 3, 1, 1, 3, false, true},
    {8, 128, 128, 3, 1, 2, 0, true, true},     {8, 128, 256, 3, 2, 1, 0, false, true},
    {8, 128, 256, 1, 2, 1, 0, false, false},   {4, 256, 256, 3, 1, 1, 5, false, true},
    {4, 256, 256, 3, 1, 2, 0, true, true},     {4, 256, 512, 3, 2, 1, 0, false, true},
    {4, 256, 512, 1, 2, 1, 0, false, false},   {2, 512, 512, 3, 1, 1, 2, false, true},
    {2, 512, 512, 3, 1, 2, 0, true, true},     {16, 64, 64, 1, 1, 0, 1, false, true},
    {16, 64, 256, 1, 1, 0, 1, false, false},   {16, 64, 256, 1, 1, 0, 3, true, true},
    {16, 256, 64, 1, 1, 0, 2, false, true},    {16, 256, 128, 1, 1, 0, 1, false, true},
    {16, 128, 128, 3, 2, 0, 1, false, true},   {8, 128, 512, 1, 1, 0, 4, true, true},
    {16, 256, 512, 1, 2, 0, 1, false, false},  {8, 512, 128, 1, 1, 0, 3, false, true},
    {8, 512, 256, 1, 1, 0, 1, false, true},    {8, 256, 256, 3, 2, 0, 1, false, true},
    {4, 256, 1024, 1, 1, 0, 6, true, true},    {8, 512, 1024, 1, 2, 0, 1, false, false},
    {4, 1024, 256, 1, 1, 0, 5, false, true},   {4, 1024, 512, 1, 1, 0, 1, false, true},
    {4, 512, 512, 3, 2, 0, 1, false, true},    {2, 512, 2048, 1, 1, 0, 3, true, true},
    {4, 1024, 2048, 1, 2, 0, 1, false, false}, {2, 2048, 512, 1, 1, 0, 2, false, true},
};

typedef struct bench {
    const kd_device_plugin *table;
    kd_device *device;
    const char *filter;
    double total_18, total_50;
} bench;

/* One node and what it does: floating-point operations and bytes, for the rates. */
typedef struct job {
    kd_node node;
    kd_spec inputs[MAX_TENSORS], outputs[MAX_TENSORS];
    kd_attr attrs[8];
    double flops;
} job;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static const kd_kernel *find_kernel(const kd_device_plugin *table, const char *op) {
    for (uint32_t i = 0; i < table->n_kernels; i++) {
        const kd_kernel *k =
            (const void *)((const char *)table->kernels + (size_t)i * table->kernel_stride);
        if (strcmp(k->op, op) == 0) {
            return k;
        }
    }
    return NULL;
}

static void die(const kd_error *err) {
    fprintf(stderr, "%s\n%s\n", err->message, err->hint);
    exit(1);
}

static void *allocate(bench *b, size_t bytes) {
    kd_error err = KD_ERROR_INIT;
    void *ret;
    if (!b->table->allocate(b->device, bytes, &ret, &err)) {
        die(&err);
    }
    return ret;
}

/* Small multiples of 1/8 around 0, none exactly alike along a row. */
static void fill(const kd_spec *spec, void *data) {
    const int64_t count = kd_elements(spec);
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        const float value = (float)((int)(state >> 27) - 16) * 0.125f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        if (spec->dtype == KD_F32) {
            ((float *)data)[i] = value;
        } else if (spec->dtype == KD_BF16) {
            ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
        } else {
            ((uint8_t *)data)[i] = 0;
        }
    }
}

/* Milliseconds of the best run. */
static double time_job(bench *b, job *j) {
    kd_error err = KD_ERROR_INIT;
    void *in[MAX_TENSORS], *out[MAX_TENSORS], *state = NULL;
    size_t scratch_bytes = 0;
    const kd_kernel *k = find_kernel(b->table, j->node.op);
    j->node.size = sizeof j->node;
    j->node.path = "bench";
    j->node.inputs = j->inputs;
    j->node.outputs = j->outputs;
    j->node.attrs = j->attrs;
    if (k->prepare && !k->prepare(b->device, &j->node, &state, &scratch_bytes, &err)) {
        die(&err);
    }
    for (uint32_t i = 0; i < j->node.n_inputs; i++) {
        in[i] = allocate(b, kd_bytes(&j->inputs[i]));
        fill(&j->inputs[i], in[i]);
    }
    for (uint32_t i = 0; i < j->node.n_outputs; i++) {
        out[i] = allocate(b, kd_bytes(&j->outputs[i]));
    }
    void *scratch = allocate(b, scratch_bytes);
    double best = 1e30;
    for (int run = 0; run <= RUNS; run++) {
        const double start = now();
        k->run(b->device, &j->node, state, in, out, scratch);
        const double took = now() - start;
        best = run && took < best ? took : best;
    }
    b->table->release(b->device, scratch);
    for (uint32_t i = 0; i < j->node.n_inputs; i++) {
        b->table->release(b->device, in[i]);
    }
    for (uint32_t i = 0; i < j->node.n_outputs; i++) {
        b->table->release(b->device, out[i]);
    }
    if (k->release) {
        k->release(b->device, state);
    }
    return best;
}

static double bytes_of(const job *j) {
    double bytes = 0;
    for (uint32_t i = 0; i < j->node.n_inputs; i++) {
        bytes += (double)kd_bytes(&j->inputs[i]);
    }
    for (uint32_t i = 0; i < j->node.n_outputs; i++) {
        bytes += (double)kd_bytes(&j->outputs[i]);
    }
    return bytes;
}

static void report(bench *b, const char *name, job *j, int in_18, int in_50) {
    char text[128];
    snprintf(text, sizeof text, "%s %s", j->node.op, name);
    if (!strstr(text, b->filter)) {
        return;
    }
    const double ms = time_job(b, j);
    printf("%-46s %8.3f ms %7.1f GFLOP/s %6.1f GB/s  x%d x%d\n", text, ms, j->flops / ms * 1e-6,
           bytes_of(j) / ms * 1e-6, in_18, in_50);
    fflush(stdout);
    b->total_18 += ms * in_18;
    b->total_50 += ms * in_50;
}

static kd_spec image(int32_t dtype, int64_t size, int64_t channels) {
    return (kd_spec){dtype, 4, {VIEWS, size, size, channels}};
}

static void bench_convolution(bench *b, const row *r, int32_t type) {
    char name[64];
    snprintf(name, sizeof name, "%dx%d %d>%d k%d s%d", r->size, r->size, r->in, r->out, r->kernel,
             r->stride);
    const int out = (r->size - 1) / r->stride + 1;
    const kd_spec x = image(type, r->size, r->in), y = image(type, out, r->out);
    kd_spec w = {type, 4, {r->out, r->kernel, r->kernel, r->in}};
    job j = {.flops = 2.0 * VIEWS * out * out * r->in * r->out * r->kernel * r->kernel,
             .attrs = {KD_I("stride", r->stride), KD_I("padding", r->kernel / 2)}};
    j.node = (kd_node){.op = "conv2d", .n_inputs = 2, .n_outputs = 1, .n_attrs = 2};
    j.inputs[0] = x;
    j.inputs[1] = w;
    j.outputs[0] = y;
    report(b, name, &j, r->in_18, r->in_50);
    if (r->in > 3) {
        j.node.op = "conv2d_input_grad";
        j.inputs[0] = y;
        j.outputs[0] = x;
        report(b, name, &j, r->in_18, r->in_50);
    }
    j.node.op = "conv2d_weight_grad";
    j.inputs[0] = x;
    j.inputs[1] = y;
    w.dtype = KD_F32;
    j.outputs[0] = w;
    report(b, name, &j, r->in_18, r->in_50);
}

static void bench_norm(bench *b, const row *r, int32_t type) {
    char name[64];
    const int out = (r->size - 1) / r->stride + 1;
    snprintf(name, sizeof name, "%dx%d %d%s%s", out, out, r->out, r->relu ? " relu" : "",
             r->residual ? " residual" : "");
    const kd_spec x = image(type, out, r->out), v = {KD_F32, 1, {r->out}};
    job j = {.attrs = {KD_I("relu", r->relu)}};
    j.node = (kd_node){.op = "batch_norm", .n_inputs = 5, .n_outputs = 5, .n_attrs = 1};
    j.node.n_inputs += r->residual;
    for (int i = 0; i < MAX_TENSORS; i++) {
        j.inputs[i] = j.outputs[i] = v;
    }
    j.inputs[0] = j.inputs[5] = j.outputs[0] = x;
    report(b, name, &j, r->in_18, r->in_50);
    j.node.op = r->residual ? "batch_norm_grad" : "batch_norm_grad_from_x";
    j.node.n_inputs = 6;
    j.node.n_outputs = r->residual ? 4 : 3;
    for (int i = 0; i < MAX_TENSORS; i++) {
        j.inputs[i] = i < 2 || (i == 2 && r->residual) ? x : v;
        j.outputs[i] = i == 0 || i == 3 ? x : v;
    }
    report(b, name, &j, r->in_18, r->in_50);
}

static void bench_pool(bench *b, int32_t type) {
    job j = {.attrs = {KD_I("kernel", 3), KD_I("stride", 2), KD_I("padding", 1)}};
    j.node = (kd_node){.op = "max_pool2d", .n_inputs = 1, .n_outputs = 2, .n_attrs = 3};
    j.inputs[0] = image(type, 32, 64);
    j.outputs[0] = image(type, 16, 64);
    j.outputs[1] = image(KD_U8, 16, 64);
    report(b, "32x32 64", &j, 1, 1);
    j.node = (kd_node){.op = "max_pool2d_grad", .n_inputs = 2, .n_outputs = 1, .n_attrs = 3};
    j.inputs[0] = j.outputs[0];
    j.inputs[1] = j.outputs[1];
    j.outputs[0] = image(type, 32, 64);
    report(b, "32x32 64", &j, 1, 1);
}

static void bench_update(bench *b, int64_t count, int in_18, int in_50) {
    const int64_t segments[] = {0, count, 3, 0};
    job j = {.attrs = {KD_IS("segments", segments, 4), KD_F("momentum", 0.9)}};
    j.node = (kd_node){.op = "lars", .n_inputs = 5, .n_outputs = 2, .n_attrs = 2};
    for (int i = 0; i < 3; i++) {
        j.inputs[i] = j.outputs[i] = (kd_spec){KD_F32, 1, {count}};
    }
    j.inputs[3] = (kd_spec){KD_F32, 1, {5}};
    j.inputs[4] = (kd_spec){KD_F32, 0, {0}};
    report(b, count > 20000000 ? "25.6 M" : "11.2 M", &j, in_18, in_50);
    job c = {.node = {.op = "cast", .n_inputs = 1, .n_outputs = 1}};
    c.inputs[0] = c.outputs[0] = j.inputs[0];
    c.outputs[0].dtype = KD_BF16;
    report(b, count > 20000000 ? "25.6 M to bf16" : "11.2 M to bf16", &c, 0, 0);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: kernels DEVICE.so [bf16] [part of a name]\n");
        return 2;
    }
    const bool half = argc > 2 && strcmp(argv[2], "bf16") == 0;
    const int32_t type = half ? KD_BF16 : KD_F32;
    bench b = {.filter = argc > 2 + half ? argv[2 + half] : ""};
    kd_error err = KD_ERROR_INIT;
    void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    const kd_plugin *(*entry)(const kd_host *, kd_error *) = NULL;
    if (module) {
        *(void **)&entry = dlsym(module, "kindred_plugin_entry_v0");
    }
    if (!entry) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    static const char defaults[4096]; /* zeros: every option of the first-party devices */
    b.table = entry(NULL, &err)->table;
    if (!b.table->open(defaults, NULL, &b.device, &err)) {
        die(&err);
    }
    printf("%s, %s\n", b.table->describe(b.device), half ? "bf16" : "f32");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bench_convolution(&b, &rows[i], type);
        bench_norm(&b, &rows[i], type);
    }
    bench_pool(&b, type);
    bench_update(&b, 11200000, 1, 0);
    bench_update(&b, 25600000, 0, 1);
    printf("sum: ResNet-18 %.1f ms, ResNet-50 %.1f ms\n", b.total_18, b.total_50);
    b.table->close(b.device);
    return 0;
}
