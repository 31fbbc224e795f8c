/* SPDX-License-Identifier: Apache-2.0
 * Matrix products through cuBLASLt, summed in f32.
 *
 * cuBLASLt's matrices are column by column, ours row by row: what it sees of [rows, columns] is the
 * transpose. So y = a @ b is asked for as y' = b' @ a', which needs no copy. */
#include "bias.h"
#include "kernels.h"
#include "status.h"
#include "vendor.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

#define MAX_WORKSPACE ((size_t)32 << 20)
#define DEEPEST_BLOCK 128 /* of cuBLAS's kernels, along what is summed */

typedef struct product {
    cublasLtMatmulDesc_t how;
    cublasLtMatrixLayout_t first, second, result; /* b, a and y */
    cublasLtMatmulAlgo_t algorithm;
    size_t workspace;
    bool sum;          /* false: nothing to sum, y is zero */
    bool has_epilogue; /* the product adds the bias */
    bool wide;         /* it lies in scratch as f32 until the bias is added, so that y is rounded
                          once */
} product;

static bool check(cublasStatus_t status, const vendor *v, const kd_node *node, const char *what,
                  kd_error *err) {
    if (status == CUBLAS_STATUS_SUCCESS) {
        return true;
    }
    if (status == CUBLAS_STATUS_ALLOC_FAILED) {
        out_of_memory("cuBLAS", err);
        return kd_while(err, "%s: %s", node->path, node->op);
    }
    char why[128];
    snprintf(why, sizeof why, "cuBLAS cannot %s: %s", what,
             v->call.cublasLtGetStatusString(status));
    return refuse(node, why, err);
}

static void product_destroy(const vendor *v, product *p) {
    cublasLtMatrixLayout_t const layouts[] = {p->first, p->second, p->result};
    for (int i = 0; i < 3; i++) {
        if (layouts[i]) {
            v->call.cublasLtMatrixLayoutDestroy(layouts[i]);
        }
    }
    if (p->how) {
        v->call.cublasLtMatmulDescDestroy(p->how);
    }
    free(p);
}

/* A dense matrix, or a batch of them, as cuBLASLt sees it. */
static bool make_layout(const vendor *v, const kd_node *node, const kd_spec *s,
                        cublasLtMatrixLayout_t *ret, kd_error *err) {
    const uint64_t rows = (uint64_t)s->dim[s->rank - 2], columns = (uint64_t)s->dim[s->rank - 1];
    const cudaDataType_t type = s->dtype == KD_BF16 ? CUDA_R_16BF : CUDA_R_32F;
    if (!check(v->call.cublasLtMatrixLayoutCreate(ret, type, columns, rows, (int64_t)columns), v,
               node, "describe a matrix", err)) {
        *ret = NULL;
        return false;
    }
    const int32_t batch = s->rank == 3 ? (int32_t)s->dim[0] : 1;
    const int64_t stride = (int64_t)(rows * columns);
    return check(v->call.cublasLtMatrixLayoutSetAttribute(*ret, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
                                                          &batch, sizeof batch),
                 v, node, "batch matrices", err) &&
           check(v->call.cublasLtMatrixLayoutSetAttribute(
                     *ret, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride),
                 v, node, "batch matrices", err);
}

static bool make_how(const vendor *v, const kd_node *node, product *p, kd_error *err) {
    const bool fast = v->tf32 && node->inputs[0].dtype == KD_F32;
    const cublasComputeType_t compute = fast ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    if (!check(v->call.cublasLtMatmulDescCreate(&p->how, compute, CUDA_R_32F), v, node,
               "describe the product", err)) {
        p->how = NULL;
        return false;
    }
    const bool transposed[] = {kd_attr_int(node, "transpose_b", 0) != 0,
                               kd_attr_int(node, "transpose_a", 0) != 0};
    static const cublasLtMatmulDescAttributes_t names[] = {CUBLASLT_MATMUL_DESC_TRANSA,
                                                           CUBLASLT_MATMUL_DESC_TRANSB};
    for (int i = 0; i < 2; i++) {
        const cublasOperation_t operation = transposed[i] ? CUBLAS_OP_T : CUBLAS_OP_N;
        if (!check(v->call.cublasLtMatmulDescSetAttribute(p->how, names[i], &operation,
                                                          sizeof operation),
                   v, node, "transpose", err)) {
            return false;
        }
    }
    return true;
}

static bool set_bias(const vendor *v, const product *p, const void *bias) {
    return v->call.cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
                                                  sizeof bias) == CUBLAS_STATUS_SUCCESS;
}

/* A number for each of y's columns, which are cuBLASLt's rows, of y's type. How the bias is aligned
 * is read off its pointer, which is a stand-in until there is memory. */
static bool set_epilogue(const vendor *v, const kd_node *node, product *p, bool has_bias,
                         kd_error *err) {
    const cublasLtEpilogue_t epilogue =
        has_bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    p->has_epilogue = has_bias;
    return check(v->call.cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_EPILOGUE,
                                                        &epilogue, sizeof epilogue),
                 v, node, "have an epilogue", err) &&
           (set_bias(v, p, has_bias ? (const void *)TENSOR_ALIGNMENT : NULL) ||
            refuse(node, "cuBLAS takes no bias", err));
}

/* Unless told, cuBLASLt takes it that matrices lie at multiples of 256 bytes. */
static bool limit_alignment(const vendor *v, const kd_node *node, cublasLtMatmulPreference_t wishes,
                            kd_error *err) {
    static const cublasLtMatmulPreferenceAttributes_t names[] = {
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
    const uint32_t bytes = TENSOR_ALIGNMENT;
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
        ok = check(
            v->call.cublasLtMatmulPreferenceSetAttribute(wishes, names[i], &bytes, sizeof bytes), v,
            node, "be told how matrices are aligned", err);
    }
    return ok;
}

/* How many products each element of y sums. */
static int64_t depth_of(const kd_node *node) {
    const kd_spec *a = &node->inputs[0];
    return a->dim[a->rank - (kd_attr_int(node, "transpose_a", 0) ? 2 : 1)];
}

/* Partial sums never lie in the output's type, and of a depth that does not divide into blocks
 * there are none: cuBLAS 12 and 13 may leave the last block's part out of a sum that they split.
 * source  facebookexperimental/triton, pull request 2767: seen on H100, GB200 and GB300 */
static uint32_t reductions_for(int64_t depth) {
    return depth % DEEPEST_BLOCK == 0 ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
                                      : CUBLASLT_REDUCTION_SCHEME_NONE;
}

/* ret: whether there is one. */
static bool find_algorithm(const vendor *v, const kd_node *node, product *p, bool *ret,
                           kd_error *err) {
    const size_t most = MAX_WORKSPACE;
    const uint32_t reductions = reductions_for(depth_of(node));
    cublasLtMatmulPreference_t wishes = NULL;
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    bool done = check(v->call.cublasLtMatmulPreferenceCreate(&wishes), v, node, "choose", err);
    done = done &&
           check(v->call.cublasLtMatmulPreferenceSetAttribute(
                     wishes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most),
                 v, node, "limit its workspace", err) &&
           check(v->call.cublasLtMatmulPreferenceSetAttribute(
                     wishes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions,
                     sizeof reductions),
                 v, node, "choose how it sums", err) &&
           limit_alignment(v, node, wishes, err);
    cublasStatus_t status = CUBLAS_STATUS_SUCCESS;
    if (done) {
        status = v->call.cublasLtMatmulAlgoGetHeuristic(
            v->blas, p->how, p->first, p->second, p->result, p->result, wishes, 1, &found, &count);
    }
    if (wishes) {
        v->call.cublasLtMatmulPreferenceDestroy(wishes);
    }
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) {
        count = 0;
    } else if (!check(status, v, node, "multiply these", err)) {
        return false;
    }
    *ret = done && count > 0 && found.state == CUBLAS_STATUS_SUCCESS;
    if (*ret) {
        p->algorithm = found.algo;
        p->workspace = found.workspaceSize;
    }
    return done;
}

/* Of a product without an epilogue for its bias. */
static bool put_bias_behind(const vendor *v, const kd_node *node, product *p, kd_error *err) {
    kd_spec y = node->outputs[0];
    p->wide = y.dtype == KD_BF16;
    if (p->wide) {
        v->call.cublasLtMatrixLayoutDestroy(p->result);
        y.dtype = KD_F32;
        if (!make_layout(v, node, &y, &p->result, err)) {
            return false;
        }
    }
    return set_epilogue(v, node, p, false, err);
}

static bool choose(const vendor *v, const kd_node *node, product *p, kd_error *err) {
    const bool has_bias = node->n_inputs > 2;
    bool found = false;
    if ((has_bias && !set_epilogue(v, node, p, true, err)) ||
        !find_algorithm(v, node, p, &found, err)) {
        return false;
    }
    if (!found && has_bias &&
        (!put_bias_behind(v, node, p, err) || !find_algorithm(v, node, p, &found, err))) {
        return false;
    }
    return found || refuse(node, "cuBLAS has no such product", err);
}

static bool make(const vendor *v, const kd_node *node, product *p, kd_error *err) {
    const kd_spec *a = &node->inputs[0], *b = &node->inputs[1], *y = &node->outputs[0];
    p->sum = kd_elements(a) > 0 && kd_elements(b) > 0;
    return !p->sum || (make_how(v, node, p, err) && make_layout(v, node, b, &p->first, err) &&
                       make_layout(v, node, a, &p->second, err) &&
                       make_layout(v, node, y, &p->result, err) && choose(v, node, p, err));
}

/* Where the product lies in scratch, behind cuBLASLt's own. */
static size_t wide_offset(const product *p) {
    return (p->workspace + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
}

static bool prepare_matmul(kd_device *device, const kd_node *node, void **ret_state,
                           size_t *ret_scratch, kd_error *err) {
    if (!accept_types(node, FLOATS, err)) {
        return false;
    }
    if (node->inputs[0].dtype != node->inputs[1].dtype) {
        return refuse(node, "operands differ in type", err);
    }
    product *p = state_create(sizeof *p, err);
    if (!p) {
        return false;
    }
    if (!make(device->vendor, node, p, err)) {
        product_destroy(device->vendor, p);
        return false;
    }
    *ret_state = p;
    const size_t wide = (size_t)kd_elements(&node->outputs[0]) * sizeof(float);
    *ret_scratch = p->wide ? wide_offset(p) + wide : p->workspace;
    return true;
}

static void run_matmul(kd_device *device, const kd_node *node, void *state, void *const *in,
                       void *const *out, void *scratch) {
    const product *p = state;
    const vendor *v = device->vendor;
    const float one = 1, zero = 0;
    const size_t bytes = kd_bytes(&node->outputs[0]);
    if (!p->sum) {
        if (bytes > 0) {
            device_check(device, (int)cudaMemsetAsync(out[0], 0, bytes, device->stream),
                         "%s: matmul: clearing its output", node->path);
        }
        return;
    }
    if (p->has_epilogue && !set_bias(v, p, in[2])) {
        device_fail(device, "%s: matmul: cuBLAS takes no bias", node->path);
        return;
    }
    void *to = p->wide ? (char *)scratch + wide_offset(p) : out[0];
    const cublasStatus_t status = v->call.cublasLtMatmul(
        v->blas, p->how, &one, in[1], p->first, in[0], p->second, &zero, to, p->result, to,
        p->result, &p->algorithm, scratch, p->workspace, device->stream);
    if (status == CUBLAS_STATUS_ALLOC_FAILED) {
        device_starve(device, "%s: matmul: cuBLAS", node->path);
    } else if (status != CUBLAS_STATUS_SUCCESS) {
        device_fail(device, "%s: matmul: cuBLAS fails: %s", node->path,
                    v->call.cublasLtGetStatusString(status));
    } else if (node->n_inputs > 2 && !p->has_epilogue) {
        const kd_spec *y = &node->outputs[0];
        add_bias(device, out[0], to, in[2], y);
    }
}

static void release_matmul(kd_device *device, void *state) {
    product_destroy(device->vendor, state);
}

const kd_kernel cuda_matmul[] = {
    {.size = sizeof(kd_kernel),
     .op = "matmul",
     .prepare = prepare_matmul,
     .run = run_matmul,
     .release = release_matmul},
    {.size = sizeof(kd_kernel),
     .op = "matmul_bias",
     .prepare = prepare_matmul,
     .run = run_matmul,
     .release = release_matmul},
    {0},
};
