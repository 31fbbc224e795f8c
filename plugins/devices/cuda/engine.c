/* SPDX-License-Identifier: Apache-2.0
 * Choosing an engine of cuDNN's for a graph, and building its plan: heuristics alone decide, so
 * that one version of cuDNN on one kind of GPU always gives the same engine, and with it the same
 * bits. */
#include "dnn.h"

#define MAX_OFFERS 64

/* Configurations that the heuristics name, the one they think fastest first. */
typedef struct offers {
    int64_t count;
    int made;
    descriptor item[MAX_OFFERS];
} offers;

static void offers_finish(const vendor *v, offers *o) {
    while (o->made > 0) {
        v->call.cudnnBackendDestroyDescriptor(o->item[--o->made]);
    }
}

static bool get(const vendor *v, descriptor d, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t room, int64_t *ret_count, void *ret) {
    *ret_count = 0;
    return v->call.cudnnBackendGetAttribute(d, name, type, room, ret_count, ret) ==
           CUDNN_STATUS_SUCCESS;
}

/* Names the device that the work is for: this one, or one that is only described. */
static void set_device(dnn_build *b, descriptor d, cudnnBackendAttributeName_t handle,
                       cudnnBackendAttributeName_t described) {
    const vendor *v = b->vendor;
    if (v->dnn) {
        dnn_set(b, d, handle, CUDNN_TYPE_HANDLE, 1, &v->dnn);
    } else {
        dnn_set(b, d, described, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &v->described);
    }
}

static descriptor make_graph(dnn_build *b, const descriptor *operations, int count) {
    descriptor graph = dnn_make(b, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    if (b->vendor->dnn) {
        dnn_set(b, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &b->vendor->dnn);
    }
    dnn_set(b, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count,
            operations);
    dnn_finalize(b, graph);
    return graph;
}

/* What one mode of the heuristics offers; nothing when it has no answer. */
static void ask(dnn_build *b, descriptor graph, cudnnBackendHeurMode_t mode, offers *ret) {
    const vendor *v = b->vendor;
    descriptor heuristics = dnn_make(b, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    dnn_set_descriptor(b, heuristics, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    dnn_set(b, heuristics, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
    if (!v->dnn) {
        dnn_set_descriptor(b, heuristics, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, v->described);
    }
    if (b->failed || v->call.cudnnBackendFinalize(heuristics) != CUDNN_STATUS_SUCCESS) {
        return;
    }
    while (ret->made < MAX_OFFERS &&
           v->call.cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                                &ret->item[ret->made]) == CUDNN_STATUS_SUCCESS) {
        ret->made++;
    }
    if (!get(v, heuristics, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, ret->made,
             &ret->count, ret->item)) {
        ret->count = 0;
    }
    ret->count = ret->count > ret->made ? ret->made : ret->count;
}

/* Notes of an engine, bit 1u << note; all of them when it does not tell. Both kinds of note are
 * enumerations of one size. */
static uint32_t notes_of(const vendor *v, descriptor engine, cudnnBackendAttributeName_t name,
                         cudnnBackendAttributeType_t type) {
    int note[32] = {0};
    int64_t count;
    uint32_t ret = 0;
    if (!get(v, engine, name, type, 32, &count, note)) {
        return UINT32_MAX;
    }
    for (int64_t i = 0; i < count && i < 32; i++) {
        ret |= 1u << note[i];
    }
    return ret;
}

static uint32_t numerical_notes(const vendor *v, descriptor engine) {
    return notes_of(v, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE);
}

static bool is_compiled(const vendor *v, descriptor engine) {
    return notes_of(v, engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE) &
           1u << CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION;
}

#define NOTE(name) (1u << CUDNN_NUMERICAL_NOTE_##name)

/* Winograd's way sums products of what was added and taken apart before, the more of it the larger
 * its tiles, and loses bits that a sum of the products themselves keeps.
 * source  Lavin and Gray 2016, https://arxiv.org/abs/1509.09308 (section 4) */
#define WINOGRAD                                                                                   \
    (NOTE(WINOGRAD) | NOTE(WINOGRAD_TILE_4x4) | NOTE(WINOGRAD_TILE_6x6) | NOTE(WINOGRAD_TILE_13x13))

/* What an engine may not do. Operands are never rounded and sums are taken in f32; f32 is
 * multiplied as f32, product by product, unless tf32 was asked for. */
static uint32_t forbidden(const dnn_build *b) {
    const bool exact = b->node->inputs[0].dtype == KD_F32 && !b->vendor->tf32;
    return NOTE(DOWN_CONVERT_INPUTS) | NOTE(REDUCED_PRECISION_REDUCTION) | NOTE(FFT) |
           NOTE(WINOGRAD_TILE_13x13) | (b->vendor->deterministic ? NOTE(NONDETERMINISTIC) : 0) |
           (exact ? NOTE(TENSOR_CORE) | WINOGRAD : 0);
}

static descriptor engine_of(dnn_build *b, descriptor offer) {
    descriptor engine = dnn_make(b, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int64_t count;
    return !b->failed && get(b->vendor, offer, CUDNN_ATTR_ENGINECFG_ENGINE,
                             CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &engine)
               ? engine
               : NULL;
}

/* Builds a plan of this offer whose workspace is not above `most`. Its failure is no error: the
 * next one may do. */
static bool try_offer(const dnn_build *parent, descriptor offer, int64_t most, dnn_plan *ret) {
    const vendor *v = parent->vendor;
    kd_error quiet = KD_ERROR_INIT;
    dnn_build b = {.vendor = v, .node = parent->node, .err = &quiet};
    descriptor engine = engine_of(&b, offer), built = NULL;
    int64_t count;
    dnn_plan made = {.notes = engine ? numerical_notes(v, engine) : 0};
    if (engine && !(made.notes & forbidden(parent))) {
        built = dnn_make(&b, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
        set_device(&b, built, CUDNN_ATTR_EXECUTION_PLAN_HANDLE,
                   CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
        dnn_set_descriptor(&b, built, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, offer);
        dnn_finalize(&b, built);
    }
    const bool done =
        built && !b.failed &&
        get(v, built, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
            &made.workspace) &&
        made.workspace <= most &&
        get(v, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &count, &made.engine);
    if (done) {
        made.plan = built;
        made.compiled = is_compiled(v, engine);
        b.count--; /* the plan, made last, goes on */
        *ret = made;
    }
    dnn_finish(&b);
    return done;
}

/* Tries what is offered, in order. The offer that will do and its plan become the build's. */
static bool try_all(dnn_build *b, offers *o, int64_t most, dnn_plan *ret) {
    for (int64_t i = 0; i < o->count; i++) {
        if (try_offer(b, o->item[i], most, ret)) {
            dnn_adopt(b, o->item[i]);
            o->item[i] = o->item[--o->made];
            dnn_adopt(b, ret->plan);
            return !b->failed;
        }
    }
    return false;
}

/* Where to look, in order: a workspace that takes memory away from batches is the last choice but
 * for none at all. */
static const struct {
    cudnnBackendHeurMode_t mode;
    bool any_workspace;
} rounds[] = {
    {CUDNN_HEUR_MODE_A, false},
    {CUDNN_HEUR_MODE_FALLBACK, false},
    {CUDNN_HEUR_MODE_A, true},
    {CUDNN_HEUR_MODE_FALLBACK, true},
};

bool dnn_choose(dnn_build *b, const descriptor *operations, int count, dnn_plan *ret) {
    descriptor graph = make_graph(b, operations, count);
    int64_t offered = 0;
    bool done = false;
    for (size_t r = 0; r < sizeof rounds / sizeof *rounds && !done && !b->failed; r++) {
        offers o = {0};
        ask(b, graph, rounds[r].mode, &o);
        done = try_all(b, &o, rounds[r].any_workspace ? INT64_MAX : b->vendor->most_workspace, ret);
        ret->last_resort = done && rounds[r].mode == CUDNN_HEUR_MODE_FALLBACK;
        offered += rounds[r].any_workspace ? 0 : o.count;
        offers_finish(b->vendor, &o);
    }
    if (!done && !b->failed) {
        b->failed = true;
        char why[96];
        snprintf(why, sizeof why, "none of cuDNN's %lld engines will do", (long long)offered);
        refuse(b->node, why, b->err);
    }
    return done;
}
