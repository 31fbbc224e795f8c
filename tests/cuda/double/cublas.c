/* SPDX-License-Identifier: Apache-2.0
 * cuBLASLt's calls, with matrices column by column as its documentation defines them. */
#include "double.h"
#include "vendor.h"

#include <string.h>

/* What is behind cuBLASLt's handles. */
typedef struct layout {
    bool half;
    int64_t rows, columns, leading, stride;
    int32_t batch;
} layout;

typedef struct how {
    bool transposed[2];
    cublasComputeType_t compute;
    cublasLtEpilogue_t epilogue;
    const void *bias;
} how;

/* Bytes that a, b, c and d are taken to be aligned to, and how split sums may be put together:
 * cuBLASLt's defaults until it is told. */
typedef struct wishes {
    uint32_t alignment[4], reductions;
} wishes;
#define ALIGNMENT 256
_Static_assert(sizeof(wishes) <= sizeof(cublasLtMatmulAlgo_t), "an algorithm keeps them");

#define WORKSPACE 4096
#define BLOCK                                                                                      \
    128 /* of what is summed: what it leaves of a split sum is lost, as in cuBLAS 12, 13 */

static cublasStatus_t gone(void *made) {
    double_gone(made);
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void) {
    return CUBLAS_VERSION;
}

const char *cublasLtGetStatusString(cublasStatus_t status) {
    return status == CUBLAS_STATUS_SUCCESS ? "fine" : "as the test wants";
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *ret) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    *ret = double_made(1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
    return gone(handle);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *ret, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    if (scale != CUDA_R_32F) {
        double_misused("products are scaled in another type than f32");
    }
    how *h = double_made(sizeof *h);
    h->compute = compute;
    h->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
    *ret = (cublasLtMatmulDesc_t)(void *)h;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
    return gone((void *)desc);
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void *value, size_t bytes) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    how *h = (how *)(void *)desc;
    cublasOperation_t operation;
    const bool first = name == CUBLASLT_MATMUL_DESC_TRANSA;
    if ((first || name == CUBLASLT_MATMUL_DESC_TRANSB) && bytes == sizeof operation) {
        memcpy(&operation, value, sizeof operation);
        h->transposed[!first] = operation == CUBLAS_OP_T;
    } else if (name == CUBLASLT_MATMUL_DESC_EPILOGUE && bytes == sizeof h->epilogue) {
        memcpy(&h->epilogue, value, bytes);
    } else if (name == CUBLASLT_MATMUL_DESC_BIAS_POINTER && bytes == sizeof h->bias) {
        memcpy(&h->bias, value, bytes);
    } else {
        double_misused("attribute %d of a product", (int)name);
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *ret, cudaDataType type,
                                          uint64_t rows, uint64_t columns, int64_t leading) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    if (leading < (int64_t)rows || (type != CUDA_R_32F && type != CUDA_R_16BF)) {
        double_misused("a matrix of %llu rows %lld apart", (unsigned long long)rows,
                       (long long)leading);
    }
    layout *l = double_made(sizeof *l);
    *l = (layout){.half = type == CUDA_R_16BF,
                  .rows = (int64_t)rows,
                  .columns = (int64_t)columns,
                  .leading = leading,
                  .batch = 1};
    *ret = (cublasLtMatrixLayout_t)(void *)l;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l) {
    return gone((void *)l);
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t name,
                                                const void *value, size_t bytes) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    layout *l = (layout *)(void *)handle;
    if (name == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT && bytes == sizeof l->batch) {
        memcpy(&l->batch, value, bytes);
    } else if (name == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET && bytes == sizeof l->stride) {
        memcpy(&l->stride, value, bytes);
    } else {
        double_misused("attribute %d of a matrix", (int)name);
    }
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *ret) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    wishes *w = double_made(sizeof *w);
    *w = (wishes){{ALIGNMENT, ALIGNMENT, ALIGNMENT, ALIGNMENT}, CUBLASLT_REDUCTION_SCHEME_MASK};
    *ret = (cublasLtMatmulPreference_t)(void *)w;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t handle) {
    return gone((void *)handle);
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void *value, size_t bytes) {
    DOUBLE_CALL(CUBLAS_STATUS_EXECUTION_FAILED);
    const size_t wanted = name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES ? 8 : 4;
    const int operand = (int)name - (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
    if (bytes != wanted) {
        double_misused("preference %d of %zu bytes", (int)name, bytes);
    } else if (name == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
        memcpy(&((wishes *)(void *)handle)->reductions, value, bytes);
    } else if (operand >= 0 && operand < 4) {
        memcpy(&((wishes *)(void *)handle)->alignment[operand], value, bytes);
    }
    return CUBLAS_STATUS_SUCCESS;
}

/* Do the shapes fit together? */
static bool fits(const how *h, const layout *a, const layout *b, const layout *d) {
    const int64_t m = h->transposed[0] ? a->columns : a->rows;
    const int64_t k = h->transposed[0] ? a->rows : a->columns;
    const int64_t n = h->transposed[1] ? b->rows : b->columns;
    const int64_t k_of_b = h->transposed[1] ? b->columns : b->rows;
    return m == d->rows && n == d->columns && k == k_of_b && a->batch == d->batch &&
           b->batch == d->batch && a->half == b->half && (!d->half || a->half) &&
           (h->compute == CUBLAS_COMPUTE_32F ||
            (h->compute == CUBLAS_COMPUTE_32F_FAST_TF32 && !a->half));
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t wished, int room,
                                              cublasLtMatmulHeuristicResult_t *ret,
                                              int *ret_count) {
    double_unsafe();
    DOUBLE_CALL(cuda_double.starved ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_EXECUTION_FAILED);
    *ret_count = 0;
    if (!handle || !wished || c != d || room < 1 ||
        !fits((void *)desc, (void *)a, (void *)b, (void *)d)) {
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    /* PyTorch asks for no bias of a single column: there may be no such kernel. */
    const how *h = (void *)desc;
    const bool has_bias = h->epilogue == CUBLASLT_EPILOGUE_BIAS;
    if (has_bias && ((const layout *)(void *)d)->rows == 1) {
        return CUBLAS_STATUS_NOT_SUPPORTED;
    }
    if (has_bias && (uintptr_t)h->bias % 16 != 0) {
        double_misused("a bias that is not aligned");
    }
    const uint32_t reductions = ((const wishes *)(void *)wished)->reductions;
    if (reductions & ~(uint32_t)CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE) {
        double_misused("partial sums may be rounded or in no order: schemes %u", reductions);
    }
    memset(ret, 0, sizeof *ret);
    memcpy(&ret->algo, (void *)wished, sizeof(wishes));
    ret->workspaceSize = WORKSPACE;
    *ret_count = 1;
    return CUBLAS_STATUS_SUCCESS;
}

/* To the 10 bits of TF32, to nearest. */
static double as_tf32(double value) {
    const float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    bits = (bits + 0xfff + (bits >> 13 & 1)) & ~UINT32_C(0x1fff);
    float ret;
    memcpy(&ret, &bits, sizeof ret);
    return (double)ret;
}

/* Element (i, j) of the first operand or the second, transposed or not, as it is multiplied. */
static double element(const void *data, const layout *l, const how *h, int operand, int64_t batch,
                      int64_t i, int64_t j) {
    const bool transposed = h->transposed[operand];
    const int64_t row = transposed ? j : i, column = transposed ? i : j;
    const double ret = double_get(data, l->half, batch * l->stride + column * l->leading + row);
    return h->compute == CUBLAS_COMPUTE_32F ? ret : as_tf32(ret);
}

/* Do they lie where the algorithm was chosen for? */
static bool are_aligned(const cublasLtMatmulAlgo_t *algo, const void *a, const void *b,
                        const void *d) {
    const void *const at[] = {a, b, d, d};
    wishes w;
    bool ok = true;
    memcpy(&w, algo, sizeof w);
    for (int i = 0; i < 4; i++) {
        ok = ok && (uintptr_t)at[i] % w.alignment[i] == 0;
    }
    return ok;
}

typedef struct product {
    how how;
    layout a_layout, b_layout, d_layout;
    const void *a, *b;
    void *d, *workspace;
    bool split;
} product;

static void multiply(void *arguments, bool last) {
    const product *p = arguments;
    if (last) {
        return;
    }
    memset(p->workspace, 0xee, WORKSPACE);
    const int64_t whole = p->how.transposed[0] ? p->a_layout.rows : p->a_layout.columns;
    const int64_t depth = p->split && whole > BLOCK ? whole - whole % BLOCK : whole;
    const layout *d = &p->d_layout;
    for (int64_t i = 0; i < d->batch * d->columns * d->rows; i++) {
        const int64_t row = i % d->rows, column = i / d->rows % d->columns;
        const int64_t batch = i / d->rows / d->columns;
        double sum = 0;
        for (int64_t k = 0; k < depth; k++) {
            sum += element(p->a, &p->a_layout, &p->how, 0, batch, row, k) *
                   element(p->b, &p->b_layout, &p->how, 1, batch, k, column);
        }
        if (p->how.epilogue == CUBLASLT_EPILOGUE_BIAS) {
            sum += double_get(p->how.bias, d->half, row);
        }
        double_put(p->d, d->half, batch * d->stride + column * d->leading + row, sum);
    }
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha,
                              const void *a, cublasLtMatrixLayout_t a_layout, const void *b,
                              cublasLtMatrixLayout_t b_layout, const void *beta, const void *c,
                              cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo,
                              void *workspace, size_t workspace_bytes, cudaStream_t stream) {
    DOUBLE_CALL(cuda_double.starved ? CUBLAS_STATUS_ALLOC_FAILED : CUBLAS_STATUS_EXECUTION_FAILED);
    const how *h = (void *)desc;
    const layout *la = (void *)a_layout, *lb = (void *)b_layout, *ld = (void *)d_layout;
    if (!handle || !stream || !algo || c != d || c_layout != d_layout ||
        workspace_bytes != WORKSPACE || !fits(h, la, lb, ld) || *(const float *)alpha < 1 ||
        *(const float *)beta > 0 || !are_aligned(algo, a, b, d)) {
        return CUBLAS_STATUS_INVALID_VALUE;
    }
    wishes w;
    memcpy(&w, algo, sizeof w);
    double_loads();
    product p = {*h, *la, *lb, *ld, a, b, d, workspace, w.reductions != 0};
    double_enqueue(stream, multiply, &p, sizeof p);
    return CUBLAS_STATUS_SUCCESS;
}

void *double_cublas_call(const char *name) {
    static const double_symbol calls[] = {
#define ROW(call) {#call, (void *)call},
        CUBLAS_CALLS(ROW)
#undef ROW
    };
    return double_find(calls, sizeof calls / sizeof *calls, name);
}
