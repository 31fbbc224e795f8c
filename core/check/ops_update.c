/* SPDX-License-Identifier: Apache-2.0
 * Cases of the optimizer updates, over an arena with gaps between its tensors. */
#include "check/ops.h"

#include <kindred/update.h>

/* Two matrices that decay and adapt, a bias that does neither; [105, 112) belongs to nobody. */
static const int64_t segments[] = {0,
                                   64,
                                   KD_UPDATE_DECAY | KD_UPDATE_ADAPT,
                                   0,
                                   64,
                                   41,
                                   KD_UPDATE_DECAY | KD_UPDATE_ADAPT,
                                   1,
                                   112,
                                   17,
                                   0,
                                   0};
#define ARENA 131
/* Tensors that begin anywhere, and are longer than what a device works on at once. */
static const int64_t large[] = {
    3, 9001, KD_UPDATE_DECAY | KD_UPDATE_ADAPT, 0, 9005, 2, 0, 1, 9010, 17003, KD_UPDATE_DECAY, 1};
#define LARGE_ARENA 26021

static kd_attr segments_of(kd_tensor *param) {
    const bool is_large = kd_dim(param, 0) == LARGE_ARENA;
    return KD_IS("segments", is_large ? large : segments, 12);
}

/* arg: nesterov; number: momentum */
static void sgd(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {segments_of(in[0]), KD_F("momentum", c->number[0]),
                             KD_I("nesterov", c->arg[0])};
    s->api->emit(s, "sgd", in, 5, attrs, 3, out, 2);
}

/* arg: variant, clip; number: momentum, trust */
static void lars(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {segments_of(in[0]), KD_F("momentum", c->number[0]),
                             KD_F("trust", c->number[1]), KD_I("variant", c->arg[0]),
                             KD_I("clip", c->arg[1])};
    s->api->emit(s, "lars", in, 5, attrs, 5, out, 2);
}

/* number: beta1, beta2, eps */
static void adamw(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const kd_attr attrs[] = {segments_of(in[0]), KD_F("beta1", c->number[0]),
                             KD_F("beta2", c->number[1]), KD_F("eps", c->number[2])};
    s->api->emit(s, "adamw", in, 6, attrs, 4, out, 3);
}

/* Segments as kindred/update.h has them, over the same arena. */
static const int64_t averaged[] = {0, 3, 60, 0, 70, 64, 1, 1, 112, 112, 17, 1};
static const int64_t unit[] = {0, 4, 16, 64, 41, 1, 112, 1, 17};
static const int64_t measured[] = {0, 64, 64, 41, 112, 17, 130, 0};
/* The same of the large arena. */
static const int64_t averaged_large[] = {0, 4, 9000, 0, 9003, 9002, 17001, 1};
static const int64_t measured_large[] = {0, 2, 3, 26000};

static void average(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const bool is_large = kd_dim(in[0], 0) == LARGE_ARENA;
    const kd_attr list =
        is_large ? KD_IS("segments", averaged_large, 8) : KD_IS("segments", averaged, 12);
    s->api->emit(s, "average", in, 3, &list, 1, out, 1);
}

static void unit_rows(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    s->api->emit(s, "unit_rows", in, 1, (kd_attr[]){KD_IS("segments", unit, 9)}, 1, out, 1);
}

static void segment_norms(const op_case *c, kd_scope s, kd_tensor *const *in, kd_tensor **out) {
    const bool is_large = kd_dim(in[0], 0) == LARGE_ARENA;
    const kd_attr list =
        is_large ? KD_IS("segments", measured_large, 4) : KD_IS("segments", measured, 8);
    s->api->emit(s, "segment_norms", in, 1, &list, 1, out, 1);
}

static const double hyper[] = {0.1, 0.01, 0.19, 0.001999, 1, 0.03, 0.5, 0.271, 0.002997, 1};
static const double asleep[] = {0.1, 0.01, 0.19, 0.001999, 0, 0.03, 0.5, 0.271, 0.002997, 1};
static const double one[] = {1}, half[] = {0.5}, none[] = {0};
static const double each[] = {0.5, 2, 0.25}, keep[] = {0.99, 0.5};

#define HYPER                                                                                      \
    { REAL(2, 5), VALUES(hyper) }
#define ASLEEP                                                                                     \
    { REAL(2, 5), VALUES(asleep) }
#define EACH                                                                                       \
    { REAL(3), VALUES(each) }
#define SCALE(list)                                                                                \
    { .given = true, VALUES(list) }
#define PARAMETERS                                                                                 \
    {REAL(ARENA)}, {REAL(ARENA)}, {                                                                \
        REAL(ARENA)                                                                                \
    }

#define LARGE                                                                                      \
    {REAL(LARGE_ARENA)}, {REAL(LARGE_ARENA)}, {                                                    \
        REAL(LARGE_ARENA)                                                                          \
    }

const op_case ops_update_cases[] = {
    {"sgd", .build = sgd, .in = {PARAMETERS, HYPER, SCALE(one)}, .number = {0.9}},
    {"sgd", "nesterov", .build = sgd, .in = {PARAMETERS, HYPER, SCALE(half)}, .arg = {1},
     .number = {0.9}},
    {"sgd", "no momentum", .build = sgd, .in = {PARAMETERS, HYPER, SCALE(one)}},
    {"lars", "fb", .build = lars, .in = {PARAMETERS, HYPER, SCALE(one)}, .arg = {KD_LARS_FB},
     .number = {0.9, 1e-3}},
    {"lars", "google", .build = lars, .in = {PARAMETERS, HYPER, SCALE(half)},
     .arg = {KD_LARS_GOOGLE}, .number = {0.9, 1e-3}},
    {"lars", "solo", .build = lars, .in = {PARAMETERS, HYPER, SCALE(one)}, .arg = {KD_LARS_SOLO},
     .number = {0.9, 0.02}},
    {"lars", "solo, clipped", .build = lars, .in = {PARAMETERS, HYPER, SCALE(one)},
     .arg = {KD_LARS_SOLO, 1}, .number = {0.9, 0.5}},
    {"lars", "weights of zero", .build = lars,
     .in = {{REAL(ARENA), VALUES(none)}, {REAL(ARENA)}, {REAL(ARENA)}, HYPER, SCALE(one)},
     .arg = {KD_LARS_FB}, .number = {0.9, 1e-3}},
    {"lars", "gradients of zero", .build = lars,
     .in = {{REAL(ARENA)}, {REAL(ARENA), VALUES(none)}, {REAL(ARENA)}, HYPER, SCALE(one)},
     .arg = {KD_LARS_SOLO}, .number = {0.9, 1e-3}},
    {"adamw", .build = adamw,
     .in = {PARAMETERS, {REAL(ARENA), .low = 0, .high = 1}, HYPER, SCALE(one)},
     .number = {0.9, 0.999, 1e-8}},
    {"adamw", "scaled", .build = adamw,
     .in = {PARAMETERS, {REAL(ARENA), .low = 0, .high = 1}, HYPER, SCALE(half)},
     .number = {0.9, 0.95, 1e-3}},
    {"sgd", "a group asleep, a scale each", .build = sgd, .in = {PARAMETERS, ASLEEP, EACH},
     .number = {0.9}},
    {"lars", "a group asleep, a scale each", .build = lars, .in = {PARAMETERS, ASLEEP, EACH},
     .arg = {KD_LARS_SOLO, 1}, .number = {0.9, 0.02}},
    {"adamw", "a group asleep, a scale each", .build = adamw,
     .in = {PARAMETERS, {REAL(ARENA), .low = 0, .high = 1}, ASLEEP, EACH},
     .number = {0.9, 0.999, 1e-8}},
    {"average", .build = average, .in = {{REAL(ARENA)}, {REAL(ARENA)}, {REAL(2), VALUES(keep)}}},
    {"unit_rows", .build = unit_rows, .in = {{REAL(ARENA)}}},
    {"unit_rows", "of zeros", .build = unit_rows, .in = {{REAL(ARENA), VALUES(none)}}},
    {"segment_norms", .build = segment_norms, .in = {{REAL(ARENA)}}},
    {"sgd", "large", .build = sgd, .in = {LARGE, HYPER, SCALE(one)}, .number = {0.9}},
    {"lars", "large", .build = lars, .in = {LARGE, HYPER, SCALE(half)}, .arg = {KD_LARS_FB},
     .number = {0.9, 1e-3}},
    {"adamw", "large", .build = adamw,
     .in = {LARGE, {REAL(LARGE_ARENA), .low = 0, .high = 1}, HYPER, SCALE(one)},
     .number = {0.9, 0.999, 1e-8}},
    {"average", "large", .build = average,
     .in = {{REAL(LARGE_ARENA)}, {REAL(LARGE_ARENA)}, {REAL(2), VALUES(keep)}}},
    {"segment_norms", "large", .build = segment_norms, .in = {{REAL(LARGE_ARENA)}}},
    {NULL},
};
