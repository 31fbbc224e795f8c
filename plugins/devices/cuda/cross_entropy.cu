/* SPDX-License-Identifier: Apache-2.0
 * Cross-entropy of rows against a label or shares of the classes, and its gradient. What is kept of
 * a row is two numbers: probabilities are computed again, and never stored. */
#include "softmax.h"

#include "faults.h"
#include "kernels.h"

namespace {

/* What a row is compared with: a label, or shares of all classes; the other is NULL. */
struct answer {
    const int32_t *label;
    const float *share; /* [rows, classes] */
    fault_word *fault;
    int32_t watch;
};

/* What thread 0 says is the row's: -1 and a fault where the label is none of the classes. */
__device__ __forceinline__ int64_t label_of(const answer &a, int64_t row, int64_t classes) {
    const int32_t label = a.label[row];
    if (label >= 0 && label < classes) {
        return label;
    }
    if (threadIdx.x == 0) {
        fault_report(a.fault, a.watch, label, row);
    }
    return -1;
}

template <int N>
__global__ void __launch_bounds__(THREADS)
    find_losses(answer a, const float *x, float *loss, float *sums, int64_t rows, int64_t classes) {
    __shared__ float room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < rows;
    const float *from = x + row * classes;
    const total t = total_of<N>(from, any ? classes : 0, room);
    const float log_sum = logf(t.sum);
    float found = 0;
    const int64_t shares = any && a.share ? classes : 0;
    for_packs<N>(from, shares, [&](int64_t i, const pack<float, N> &x) {
        const pack<float, N> share = load<N>(a.share + row * classes + i);
#pragma unroll
        for (int k = 0; k < N; k++) {
            found += share.at[k] * (log_sum - (x.at[k] - t.max));
        }
    });
    if (a.share) {
        found = over_row<sum>(found, room);
    } else if (any) {
        const int64_t label = label_of(a, row, classes);
        found = label < 0 ? 0 : log_sum - (from[label] - t.max);
    }
    if (any && threadIdx.x == 0) {
        loss[row] = found;
        if (sums) {
            sums[2 * row] = t.max;
            sums[2 * row + 1] = log_sum;
        }
    }
}

/* dlogits = dloss (p sum(target) - target), where a label is all of its class, and a label that is
 * none of the classes is nothing. dx may lie over x. */
template <int N>
__global__ void __launch_bounds__(THREADS)
    pass_back(answer a, const float *dloss, const float *x, const float *sums, float *dx,
              int64_t rows, int64_t classes) {
    __shared__ float room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < rows;
    const float d = any ? dloss[row] : 0, max = any ? sums[2 * row] : 0;
    const float log_sum = any ? sums[2 * row + 1] : 0;
    const int64_t label = any && a.label ? a.label[row] : -1;
    float all = label >= 0 && label < classes ? 1 : 0;
    const float *share = a.share ? a.share + row * classes : nullptr;
    for_packs<N>(share, any && share ? classes : 0, [&](int64_t, const pack<float, N> &here) {
#pragma unroll
        for (int k = 0; k < N; k++) {
            all += here.at[k];
        }
    });
    all = share ? over_row<sum>(all, room) : all;
    const float *from = x + row * classes;
    for_packs<N>(from, any ? classes : 0, [&](int64_t i, const pack<float, N> &here) {
        const pack<float, N> own = share ? load<N>(share + i) : pack<float, N>{};
        pack<float, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float target = i + k == label ? 1 : own.at[k];
            to.at[k] = d * (expf(here.at[k] - max - log_sum) * all - target);
        }
        store(dx + row * classes + i, to);
    });
}

/* ---- On the host. ---- */

/* logits: their input, after which comes the target. */
answer answer_of(kd_device *device, const kd_node *node, uint32_t logits, void *const *in) {
    answer a = {};
    if (node->inputs[logits + 1].dtype == KD_I32) {
        a.label = (const int32_t *)in[logits + 1];
    } else {
        a.share = (const float *)in[logits + 1];
    }
    a.fault = device->fault;
    return a;
}

#define TYPES (1u << KD_F32 | 1u << KD_I32)

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    return accept_types(node, TYPES, err) &&
           fault_watch(device, node, "label", node->inputs[0].dim[1], "classes", ret_state, err);
}

template <int N>
void find(kd_device *device, const kd_node *node, const answer &a, void *const *in,
          void *const *out) {
    const int64_t rows = node->inputs[0].dim[0], classes = node->inputs[0].dim[1];
    KD_LAUNCH(device, find_losses<N>, row_blocks(rows, classes), row_block(classes), 0, a,
              (const float *)in[0], (float *)out[0],
              node->n_outputs > 1 ? (float *)out[1] : nullptr, rows, classes);
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *) {
    answer a = answer_of(device, node, 0, in);
    a.watch = ((const watched *)state)->number;
    if (node->inputs[0].dim[0]) {
        comes_in_packs(&node->inputs[0]) ? find<PACK<float>>(device, node, a, in, out)
                                         : find<1>(device, node, a, in, out);
    }
}

bool prepare_grad(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    return accept_types(node, TYPES, err);
}

template <int N>
void back(kd_device *device, const kd_node *node, const answer &a, void *const *in,
          void *const *out) {
    const int64_t rows = node->inputs[1].dim[0], classes = node->inputs[1].dim[1];
    KD_LAUNCH(device, pass_back<N>, row_blocks(rows, classes), row_block(classes), 0, a,
              (const float *)in[0], (const float *)in[1], (const float *)in[3], (float *)out[0],
              rows, classes);
}

void run_grad(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
              void *) {
    const answer a = answer_of(device, node, 1, in);
    if (node->inputs[1].dim[0]) {
        comes_in_packs(&node->inputs[1]) ? back<PACK<float>>(device, node, a, in, out)
                                         : back<1>(device, node, a, in, out);
    }
}

} // namespace

extern "C" const kd_kernel cuda_cross_entropy[] = {
    {sizeof(kd_kernel), 0, "cross_entropy", prepare, run, release_state},
    {sizeof(kd_kernel), 2, "cross_entropy_grad", prepare_grad, run_grad, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
