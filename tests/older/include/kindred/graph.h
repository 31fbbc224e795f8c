/* SPDX-License-Identifier: Apache-2.0
 * The graph that methods, backbones and evals describe: tensors, scopes, parameters, states.
 *
 * A plugin builds a static graph once; the host derives gradients, types and a memory plan, and a
 * device runs it every step. Building cannot visibly fail: the first mistake is recorded with its
 * scope path, what it returned is a poisoned tensor, everything after is a no-op, and the host asks
 * once at the end. So plugin code has no error branches.
 *
 * Rule for readers: what takes a scope may create parameters; what takes only tensors is pure.
 * Tensors and scopes belong to the graph and die with it. All of it runs on the main thread. */
#ifndef KINDRED_GRAPH_H
#define KINDRED_GRAPH_H

#include <kindred/error.h>

#define KD_MAX_RANK 6

/* Element types. KD_REAL is the run's own: f32, or f64 where the reference device checks others. A
 * host resolves KD_REAL and KD_COMPUTE when a tensor is made: specs that come back never hold them. */
#define KD_REAL 0
#define KD_COMPUTE (-1) /* what layers with parameters compute in: bf16, or real */
#define KD_F32 1
#define KD_F64 2
#define KD_BF16 3
#define KD_I32 4
#define KD_I64 5
#define KD_U8 6

/* Shape and type of a tensor: dimensions outermost first, images [n, h, w, c], dense. */
typedef struct kd_spec {
    int32_t dtype, rank;
    int64_t dim[KD_MAX_RANK];
} kd_spec;

/* A named, typed argument of an op or a layer. */
#define KD_ATTR_INT 1
#define KD_ATTR_FLOAT 2
#define KD_ATTR_TEXT 3
#define KD_ATTR_INTS 4
#define KD_ATTR_FLOATS 5
typedef struct kd_attr {
    const char *name;
    uint32_t type;
    uint32_t count; /* of a list */
    int64_t i;
    double f;
    const void *p; /* const char *, const int64_t *, const double *; copied by the host */
} kd_attr;
#define KD_I(name_, value_) ((kd_attr){.name = (name_), .type = KD_ATTR_INT, .i = (value_)})
#define KD_F(name_, value_) ((kd_attr){.name = (name_), .type = KD_ATTR_FLOAT, .f = (value_)})
#define KD_S(name_, value_) ((kd_attr){.name = (name_), .type = KD_ATTR_TEXT, .p = (value_)})
#define KD_IS(name_, list_, count_)                                                                \
    ((kd_attr){.name = (name_), .type = KD_ATTR_INTS, .count = (uint32_t)(count_), .p = (list_)})
#define KD_FS(name_, list_, count_)                                                                \
    ((kd_attr){.name = (name_), .type = KD_ATTR_FLOATS, .count = (uint32_t)(count_), .p = (list_)})

typedef struct kd_graph_api kd_graph_api;

/* A node's output. What follows the table is the host's. */
typedef struct kd_tensor {
    const kd_graph_api *api;
} kd_tensor;

/* A place in the tree of names; a parameter's name is its scope's path, a dot, and its own. */
typedef struct kd_place {
    const kd_graph_api *api;
} kd_place;
typedef kd_place *kd_scope;

/* How a parameter or a state starts. Draws come from Philox keyed by (seed, name), so they depend
 * on nothing else. */
#define KD_INIT_CONSTANT 0       /* a */
#define KD_INIT_NORMAL 1         /* mean a, standard deviation b */
#define KD_INIT_UNIFORM 2        /* in [a, b) */
#define KD_INIT_TRUNC_NORMAL 3   /* mean a, standard deviation b, cut at +-2 (as timm: absolute) */
typedef struct kd_init {
    int32_t kind, reserved;
    double a, b;
} kd_init;

struct kd_graph_api {
    uint32_t size, reserved;

    /* Appends an op. `scope` may be NULL when there are inputs. Writes outputs[0, n_outputs). */
    void (*emit)(kd_scope scope, const char *op, kd_tensor *const *inputs, uint32_t n_inputs,
                 const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs, uint32_t n_outputs);

    /* Appends a layer or a loss that the host holds by name: a composition of ops. */
    void (*compose)(kd_scope scope, const char *layer, kd_tensor *const *inputs, uint32_t n_inputs,
                    const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs,
                    uint32_t n_outputs);

    kd_scope (*child)(kd_scope scope, const char *name);
    kd_scope (*scope_of)(kd_tensor *tensor);
    void (*spec)(const kd_tensor *tensor, kd_spec *ret);

    /* The parameter of that name, trained by the run's optimizer; asked for again in one scope, the
     * same one (a shape that differs is an error). */
    kd_tensor *(*param)(kd_scope scope, const char *name, const kd_spec *spec, const kd_init *init);

    /* What a step keeps for the next and no optimizer touches: a queue, a centre, running
     * statistics. The returned tensor reads the value from before the step. */
    kd_tensor *(*state)(kd_scope scope, const char *name, const kd_spec *spec, const kd_init *init);
    /* The value after the assignments made so far: what a chained update starts from. */
    kd_tensor *(*latest)(kd_tensor *state);
    /* The state's value after the step. A second assignment must derive from latest(state). */
    void (*assign)(kd_tensor *state, kd_tensor *value);

    /* Filled by whoever runs the program, before each run. */
    kd_tensor *(*input)(kd_scope scope, const char *name, const kd_spec *spec);
    /* Read by whoever runs the program, after each run. */
    void (*output)(kd_scope scope, const char *name, kd_tensor *tensor);
    /* A scalar for the metrics of the step. */
    void (*report)(kd_scope scope, const char *name, kd_tensor *scalar);

    /* d loss / d wrt[i], for a scalar loss; zeros where it does not depend on wrt[i]. */
    void (*gradients)(kd_tensor *loss, kd_tensor *const *wrt, uint32_t count, kd_tensor **ret);

    /* Records the builder's own mistake, with the scope's path in front. */
    void (*fail)(kd_scope scope, const char *message);
};

/* Wrappers: compiled into the plugin, so not part of the interface. */

static inline kd_spec kd_spec_of(const kd_tensor *t) {
    kd_spec spec;
    t->api->spec(t, &spec);
    return spec;
}

static inline int64_t kd_dim(const kd_tensor *t, int i) {
    return kd_spec_of(t).dim[i];
}

static inline int kd_rank(const kd_tensor *t) {
    return kd_spec_of(t).rank;
}

__attribute__((format(printf, 2, 3), unused)) static inline kd_scope
kd_child(kd_scope s, const char *format, ...) {
    char name[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return s->api->child(s, name);
}

__attribute__((format(printf, 2, 3), unused)) static inline void kd_reject(kd_scope s,
                                                                           const char *format, ...) {
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    s->api->fail(s, message);
}

static inline kd_tensor *kd_param(kd_scope s, const char *name, kd_spec spec, kd_init init) {
    return s->api->param(s, name, &spec, &init);
}

static inline kd_tensor *kd_state(kd_scope s, const char *name, kd_spec spec, kd_init init) {
    return s->api->state(s, name, &spec, &init);
}

static inline kd_tensor *kd_latest(kd_tensor *state) {
    return state->api->latest(state);
}

static inline void kd_assign(kd_tensor *state, kd_tensor *value) {
    state->api->assign(state, value);
}

static inline kd_tensor *kd_input(kd_scope s, const char *name, kd_spec spec) {
    return s->api->input(s, name, &spec);
}

static inline void kd_output(kd_scope s, const char *name, kd_tensor *t) {
    s->api->output(s, name, t);
}

static inline void kd_report(kd_scope s, const char *name, kd_tensor *scalar) {
    s->api->report(s, name, scalar);
}

#endif
