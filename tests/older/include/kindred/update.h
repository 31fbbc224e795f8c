/* SPDX-License-Identifier: Apache-2.0
 * Optimizer updates: one pass over all parameters, which lie in one arena with their gradients and
 * moments in the same order. The arithmetic is here, for C and CUDA alike.
 *
 * sgd(param [n], grad [n], moment [n], hyper [4], grad_scale [])
 *     {segments, momentum, nesterov} -> param, moment
 * lars(param, grad, moment, hyper, grad_scale)
 *     {segments, momentum, variant, trust, clip} -> param, moment
 * adamw(param, grad, moment1, moment2, hyper, grad_scale)
 *     {segments, beta1, beta2, eps} -> param, moment1, moment2
 *
 * All in real. Outputs are the inputs' own memory (param, moments): updated in place. hyper is
 * {learning rate, weight decay, 1 - beta1^t, 1 - beta2^t}, the last two for adamw. Every gradient is
 * multiplied by grad_scale first. segments: ints, three a tensor: offset, count, KD_UPDATE_ flags;
 * gaps between segments are left alone. */
#ifndef KINDRED_UPDATE_H
#define KINDRED_UPDATE_H

#include <kindred/op.h>

#ifdef __CUDACC__
#define KD_SHARED static inline __host__ __device__
#else
#define KD_SHARED static inline
#endif

#define KD_UPDATE_DECAY 1u /* weight decay applies */
#define KD_UPDATE_ADAPT 2u /* LARS scales this tensor's step */

/* The published implementations differ: methods.md 2.2.
 * fb      d = g + wd w; q = trust |w| / |d|; moment = m moment + q d; w -= lr moment
 *         (facebookresearch/barlowtwins, vicreg, moco-v3)
 * google  the same ratio, with the learning rate inside the moment: moment = m moment + lr q d;
 *         w -= moment (google-research/simclr lars_optimizer.py)
 * solo    q = trust |w| / (|g| + wd |w| + 1e-8), clip: q = min(q / lr, 1); d = q (g + wd w);
 *         moment = m moment + d; w -= lr moment (solo-learn, NVIDIA apex LARC)
 * q is 1 where a norm is 0 and for tensors without KD_UPDATE_ADAPT. */
#define KD_LARS_FB 0
#define KD_LARS_GOOGLE 1
#define KD_LARS_SOLO 2

/* The ratio q of one tensor, from its norms: of w, of g, and of d = g + wd w. */
KD_SHARED double kd_lars_ratio(int variant, double trust, bool clip, double lr, double wd,
                               double norm_w, double norm_g, double norm_d) {
    if (variant == KD_LARS_SOLO) {
        if (norm_w <= 0 || norm_g <= 0) {
            return 1;
        }
        const double q = trust * norm_w / (norm_g + wd * norm_w + 1e-8);
        return clip ? (q / lr < 1 ? q / lr : 1) : q;
    }
    return norm_w > 0 && norm_d > 0 ? trust * norm_w / norm_d : 1;
}

/* One element, in type T: generic over float and double by macro, since C has no templates.
 * d = g + wd w comes in; w and moment go out. */
#define KD_UPDATE_FUNCTIONS(T, suffix)                                                             \
    KD_SHARED void kd_sgd_element_##suffix(T *w, T *moment, T d, T lr, T momentum,                 \
                                           bool nesterov) {                                        \
        *moment = momentum * *moment + d;                                                          \
        *w -= lr * (nesterov ? d + momentum * *moment : *moment);                                  \
    }                                                                                              \
    KD_SHARED void kd_lars_element_##suffix(T *w, T *moment, T d, T lr, T momentum, int variant) { \
        if (variant == KD_LARS_GOOGLE) {                                                           \
            *moment = momentum * *moment + lr * d;                                                 \
            *w -= *moment;                                                                         \
        } else {                                                                                   \
            *moment = momentum * *moment + d;                                                      \
            *w -= lr * *moment;                                                                    \
        }                                                                                          \
    }                                                                                              \
    /* source: Loshchilov and Hutter 2019, as torch.optim.AdamW; root is sqrt of moment2 / c2 */   \
    KD_SHARED void kd_adamw_moments_##suffix(T *moment1, T *moment2, T g, T beta1, T beta2) {      \
        *moment1 = beta1 * *moment1 + (1 - beta1) * g;                                             \
        *moment2 = beta2 * *moment2 + (1 - beta2) * g * g;                                         \
    }                                                                                              \
    KD_SHARED void kd_adamw_element_##suffix(T *w, T moment1, T root, T lr, T wd, T c1, T eps) {   \
        *w -= lr * wd * *w;                                                                        \
        *w -= lr * (moment1 / c1) / (root + eps);                                                  \
    }
KD_UPDATE_FUNCTIONS(float, f32)
KD_UPDATE_FUNCTIONS(double, f64)

#endif
