/* SPDX-License-Identifier: Apache-2.0
 * What cuDNN itself says of the device's convolutions: it makes execution plans for a GPU that is
 * only described, so it runs where there is none. Every convolution of ResNet-18 and 50, its two
 * gradients, at 64 and 224 px, of small and narrow ones, and of ViT's patches, in f32 and bf16.
 * Where cuDNN is not installed the program says that all of it is left out, and why. */
#include "convolution.h"
#include "plan.h"
#include "test_node.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* All that cuDNN asks of a device. What the two differ in is NVIDIA's data sheets' and the compute
 * capabilities' table of the CUDA C++ programming guide. */
#define DESCRIPTION(name, version, processors, clock, memory_clock, cache, shared, memory)         \
    "{\"deviceName\": \"" name "\", \"deviceVer\": " #version ", \"driverVer\": 13000, "           \
    "\"multiProcessorCount\": " #processors ", \"smClockRateKHz\": " #clock ", "                   \
    "\"memClockRateKHz\": " #memory_clock ", \"l2CacheSize\": " #cache ", "                        \
    "\"maxSharedMemoryPerBlockOptin\": " #shared ", \"totalGlobalMem\": " #memory ", "             \
    "\"maxGridSize\": [2147483647, 65535, 65535], \"maxBlockSize\": [1024, 1024, 64], "            \
    "\"cudaDeviceId\": 0, \"warpSize\": 32, \"regsPerBlock\": 65536, "                             \
    "\"maxSharedMemoryPerBlock\": 49152, \"reservedSharedMemoryPerBlock\": 1024, "                 \
    "\"maxRegistersPerSM\": 65536, \"pciDeviceId\": 0, \"maxCtasPerSM\": 32, "                     \
    "\"maxThreadsPerBlock\": 1024, \"maxThreadsPerSM\": 2048, \"isTccDriver\": 0, "                \
    "\"supportCoopLaunch\": 1}"

static const char h100[] =
    DESCRIPTION("NVIDIA H100 80GB HBM3", 900, 132, 1980000, 2619000, 52428800, 232448, 85017493504);
static const char a100[] =
    DESCRIPTION("NVIDIA A100-SXM4-80GB", 800, 108, 1410000, 1593000, 41943040, 166912, 85094825984);

/* Of either: an engine with a larger workspace is taken for want of any other, and of these shapes
 * none does. */
#define MOST_WORKSPACE (85017493504 / WORKSPACE_SHARE)

typedef struct bench {
    vendor vendor; /* without handles */
    int64_t images;
    int plans, compiled, last_resorts;
    int64_t workspace; /* the largest */
} bench;

static void load(bench *b) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(vendor_load(&b->vendor.call, &err), "%s", err.message);
    b->vendor.deterministic = true;
    b->vendor.most_workspace = MOST_WORKSPACE;
}

static void describe(bench *b, const char *text) {
    const vendor_calls *call = &b->vendor.call;
    cr_assert_eq(call->cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR,
                                                    &b->vendor.described),
                 CUDNN_STATUS_SUCCESS);
    cr_assert_eq(call->cudnnBackendSetAttribute(b->vendor.described,
                                                CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                                                CUDNN_TYPE_CHAR, (int64_t)strlen(text) + 1, text),
                 CUDNN_STATUS_SUCCESS);
    cr_assert_eq(call->cudnnBackendFinalize(b->vendor.described), CUDNN_STATUS_SUCCESS);
}

/* A convolution of a net: images of `side`, `in` to `out` channels. */
typedef struct shape {
    int64_t side, in, out, kernel, stride;
    bool bare; /* no padding, as patches are cut */
} shape;

static const struct {
    const char *op;
    plan_builder *build;
} directions[] = {
    {"conv2d", build_conv2d},
    {"conv2d_input_grad", build_conv2d_input_grad},
    {"conv2d_weight_grad", build_conv2d_weight_grad},
};

static int64_t padding_of(const shape *s) {
    return s->bare ? 0 : s->kernel / 2;
}

/* Inputs and output of each direction are two of x, w, y and the third. */
static void specs_of(const shape *s, int64_t images, int direction, int32_t type, kd_spec ret[3]) {
    const int64_t after = (s->side + 2 * padding_of(s) - s->kernel) / s->stride + 1;
    const kd_spec x = {type, 4, {images, s->side, s->side, s->in}};
    const kd_spec w = {type, 4, {s->out, s->kernel, s->kernel, s->in}};
    const kd_spec y = {type, 4, {images, after, after, s->out}};
    const kd_spec all[3][3] = {{x, w, y}, {y, w, x}, {x, y, w}};
    memcpy(ret, all[direction], sizeof all[direction]);
    ret[2].dtype = direction == 2 ? KD_F32 : type; /* gradients of weights are summed in f32 */
}

static void check(bench *b, const shape *s, int direction, int32_t type) {
    const kd_attr attrs[] = {KD_I("stride", s->stride), KD_I("padding", padding_of(s))};
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    specs_of(s, b->images, direction, type, specs);
    kd_node node = node_of(directions[direction].op, "here", specs);
    node.n_attrs = 2;
    node.attrs = attrs;
    plan *p = plan_create(&b->vendor, &node, directions[direction].build, &err);
    cr_assert(p, "%s", err.message);
    cr_expect_not_null(p->dnn.plan);
    cr_expect_not(p->dnn.notes & (1u << CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC |
                                  1u << CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS |
                                  1u << CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION |
                                  1u << CUDNN_NUMERICAL_NOTE_FFT |
                                  1u << CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13));
    cr_expect_not(type == KD_F32 && p->dnn.notes & (1u << CUDNN_NUMERICAL_NOTE_TENSOR_CORE |
                                                    1u << CUDNN_NUMERICAL_NOTE_WINOGRAD));
    cr_expect_leq(p->dnn.workspace, MOST_WORKSPACE, "%s %lld: %lld bytes", node.op,
                  (long long)s->side, (long long)p->dnn.workspace);
    b->plans++;
    b->last_resorts += p->dnn.last_resort && p->dnn.engine == 0;
    b->compiled += p->dnn.compiled;
    b->workspace = p->dnn.workspace > b->workspace ? p->dnn.workspace : b->workspace;
    plan_destroy(&b->vendor, p);
}

/* Nobody asks for the gradient of images, in colour or grey. */
static void check_all(bench *b, shape s) {
    for (int direction = 0; direction < 3; direction++) {
        if (direction != 1 || (s.in != 3 && s.in != 1)) {
            check(b, &s, direction, KD_F32);
            check(b, &s, direction, KD_BF16);
        }
    }
}

/* One of each convolution of a stage: two 3x3, or 1x1, 3x3, 1x1; the stride is the 3x3's. */
static void check_block(bench *b, int depth, int64_t side, int64_t in, int64_t width,
                        int64_t stride) {
    const int64_t after = (side - 1) / stride + 1, out = depth == 50 ? 4 * width : width;
    if (depth == 50) {
        check_all(b, (shape){side, in, width, 1, 1});
        check_all(b, (shape){side, width, width, 3, stride});
        check_all(b, (shape){after, width, out, 1, 1});
    } else {
        check_all(b, (shape){side, in, width, 3, stride});
        check_all(b, (shape){after, width, out, 3, 1});
    }
    if (in != out) {
        check_all(b, (shape){side, in, out, 1, stride});
    }
}

/* Of images of this side with so many channels, the first stage so wide. */
static void check_resnet(bench *b, int depth, int64_t side, int64_t channels, int64_t narrowest) {
    int64_t in = narrowest;
    check_all(b, (shape){side, channels, narrowest, 7, 2});
    side /= 4;
    for (int stage = 0; stage < 4; stage++) {
        const int64_t width = narrowest << stage, stride = stage ? 2 : 1;
        check_block(b, depth, side, in, width, stride);
        side = (side - 1) / stride + 1;
        in = depth == 50 ? 4 * width : width;
        check_block(b, depth, side, in, width, 1);
    }
}

static void check_resnets(bench *b) {
    check_resnet(b, 18, 64, 3, 64);
    check_resnet(b, 18, 224, 3, 64);
    check_resnet(b, 50, 64, 3, 64);
    check_resnet(b, 50, 224, 3, 64);
}

/* As a run has them: maps of one pixel in the last stage, narrow nets, grey images. */
static void check_small_nets(bench *b) {
    check_resnet(b, 18, 32, 3, 16);
    check_resnet(b, 18, 32, 1, 64);
    check_resnet(b, 50, 28, 1, 16);
    check_all(b, (shape){28, 1, 16, 3, 1});
    check_all(b, (shape){32, 3, 64, 3, 1});
    for (int64_t side = 1; side <= 2; side++) {
        check_all(b, (shape){side, 512, 512, 3, 1});
        check_all(b, (shape){side, 512, 2048, 1, 1});
        check_all(b, (shape){side, 16, 16, 3, 1});
    }
}

/* A ViT cuts its patches by a convolution without padding. */
static void check_patches(bench *b) {
    static const int64_t kernels[] = {4, 7, 8, 14, 16, 32}, widths[] = {192, 384, 768};
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            const int64_t kernel = kernels[k];
            const int64_t side = kernel < 14 ? 8 * kernel : 224 / kernel * kernel;
            check_all(b, (shape){side, 3, widths[w], kernel, kernel, .bare = true});
            check_all(b, (shape){side, 1, widths[w], kernel, kernel, .bare = true});
        }
    }
}

static void check_device(const char *description, int64_t images, void (*shapes)(bench *b)) {
    bench b = {.images = images};
    load(&b);
    describe(&b, description);
    shapes(&b);
    fprintf(stderr,
            "%d plans, %d of them compiled at run time, %d engines of last resort, workspaces of "
            "up to %.1f MiB\n",
            b.plans, b.compiled, b.last_resorts, (double)b.workspace / 1048576);
    b.vendor.call.cudnnBackendDestroyDescriptor(b.vendor.described);
}

/* Each in a process of its own, so that they go side by side. */
#define DEVICE_TEST(name, description, images, shapes)                                             \
    Test(cuda_plans, name) {                                                                       \
        check_device(description, images, shapes);                                                 \
    }

DEVICE_TEST(resnets_on_an_h100, h100, 64, check_resnets)
DEVICE_TEST(resnets_on_an_a100, a100, 64, check_resnets)
DEVICE_TEST(many_images_on_an_h100, h100, 512, check_resnets)
DEVICE_TEST(many_images_on_an_a100, a100, 512, check_resnets)
DEVICE_TEST(small_nets_on_an_h100, h100, 512, check_small_nets)
DEVICE_TEST(small_nets_on_an_a100, a100, 512, check_small_nets)
DEVICE_TEST(patches_on_an_h100, h100, 512, check_patches)
DEVICE_TEST(patches_on_an_a100, a100, 512, check_patches)

/* cuDNN looks at what it is told: an output of another size than the window makes. */
Test(cuda_plans, refuses_shapes_that_do_not_fit) {
    bench b = {.plans = 0};
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    load(&b);
    describe(&b, h100);
    specs_of(&(shape){16, 64, 64, 3, 1}, 64, 0, KD_BF16, specs);
    const kd_node node =
        node_of("conv2d", "block.conv", specs); /* no padding: y would be 14 x 14 */
    cr_expect_null(plan_create(&b.vendor, &node, build_conv2d, &err));
    cr_expect(strstr(err.message, "block.conv"), "%s", err.message);
    b.vendor.call.cudnnBackendDestroyDescriptor(b.vendor.described);
}

/* What the plans above are worth: without its description cuDNN offers nothing for a GPU that is
 * not there. */
Test(cuda_plans, needs_a_device_or_its_description) {
    bench b = {.plans = 0};
    const shape s = {16, 64, 64, 1, 1};
    kd_error err = KD_ERROR_INIT;
    kd_spec specs[3];
    load(&b);
    specs_of(&s, 64, 0, KD_BF16, specs);
    const kd_node node = node_of("conv2d", "block.conv", specs);
    cr_expect_null(plan_create(&b.vendor, &node, build_conv2d, &err));
    cr_expect(err.message[0]);
}

/* Criterion's own main but for the look at cuDNN; Meson takes 77 for skipped. */
int main(int argc, char *argv[]) {
    struct criterion_test_set *tests = criterion_initialize();
    kd_error err = KD_ERROR_INIT;
    vendor_calls calls;
    int status = 0;
    if (!vendor_load(&calls, &err)) {
        fprintf(stderr, "left out: %zu plan tests: %s\n", tests->tests, err.message);
        status = 77;
    } else if (criterion_handle_args(argc, argv, true)) {
        status = !criterion_run_all_tests(tests);
    }
    criterion_finalize(tests);
    return status;
}
