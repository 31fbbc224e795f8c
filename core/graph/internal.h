/* SPDX-License-Identifier: Apache-2.0
 * What the files of core/graph share: nodes, values, scopes and the graph that owns them. */
#ifndef CORE_GRAPH_INTERNAL_H
#define CORE_GRAPH_INTERNAL_H

#include "graph/graph.h"

#include "base/arena.h"

typedef struct place place;

/* Where a value's bytes live. */
enum {
    HOME_ARENA,     /* planned: shared with values whose lives do not overlap */
    HOME_PARAMETER, /* the regions, each contiguous; `offset` in bytes */
    HOME_GRADIENT,
    HOME_MOMENT1,
    HOME_MOMENT2,
    HOME_AVERAGE,
    HOME_STATE,
    HOME_INPUT,
    HOME_COUNT
};

/* A kd_tensor. */
struct value {
    kd_tensor base;
    graph *g;
    kd_spec spec;
    struct node *producer; /* NULL: a variable, an input or a whole region */
    place *scope;
    const char *name; /* of variables and inputs */
    int home;
    int64_t offset;         /* in its region, in bytes; for homes other than the arena */
    kd_init init;           /* of variables */
    const char *drawn_as;   /* of variables: the name in the key of their starting draws */
    const kd_rule *rule;    /* of parameters and averages; NULL: none */
    struct value *followed; /* of an average: the parameter that it follows */
    struct value *latest;   /* of a state: the value after the assignments so far */
    struct value *alias_of; /* shares that value's memory */
    struct value *gradient; /* scratch of autodiff */
    int id;
    bool needs_gradient; /* scratch of autodiff */
    bool own;            /* a variable of one program alone: of an eval's */
};

struct node {
    kd_node view;
    const kd_op *op;
    struct value **in, **out;
    kd_spec *in_specs, *out_specs;
    kd_attr *attrs;
    bool live;
    bool update; /* writes regions in place: a root of liveness */
};

/* A kd_place. */
struct place {
    kd_place base;
    graph *g;
    const char *path;
    place *parent, *next;
    const kd_rule *rule; /* NULL: the parent's */
    int32_t visits;
};

typedef struct list {
    void **item;
    int count, capacity;
} list;
void list_add(list *l, void *item);

typedef struct named {
    const char *name;
    struct value *value;
} named;

/* A scheduled scalar. */
typedef struct scheduled {
    struct value *input;
    kd_schedule schedule;
} scheduled;

struct graph {
    arena memory;
    graph_options options;
    int32_t real, compute;
    kd_error error;
    bool failed, fused;
    place *places, *root;
    place *inside; /* the layer being composed: the scope of what it emits */
    struct value poison;
    const char *path; /* overrides the path of nodes while gradients are emitted */
    list nodes;       /* struct node *, in execution order */
    list values;      /* struct value *, by id */
    list parameters, averages, states, inputs;
    list schedules;        /* scheduled * */
    list outputs, reports; /* named * */
    list gradients;        /* struct value *, one a parameter, homed in HOME_GRADIENT */
    int moments;           /* 0, 1 or 2 */
};

extern const kd_graph_api graph_api;

static inline struct value *as_value(const kd_tensor *t) {
    return (struct value *)(uintptr_t)t;
}
static inline place *as_place(kd_scope s) {
    return (place *)(void *)s;
}

/* Records the first mistake. */
__attribute__((format(printf, 3, 4))) void graph_fail(graph *g, const char *path,
                                                      const char *format, ...);
struct value *graph_value(graph *g, const kd_spec *spec, int home);
struct value *graph_find(const list *values, const char *name);
/* Is `v` a variable's own memory, under any shape? The end of a step may change it. */
bool graph_is_variable(const struct value *v);
int32_t graph_dtype(const graph *g, int32_t dtype); /* resolves KD_REAL and KD_COMPUTE */
void graph_emit(kd_scope scope, const char *op, kd_tensor *const *inputs, uint32_t n_inputs,
                const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs, uint32_t n_outputs);
void graph_compose(kd_scope scope, const char *layer, kd_tensor *const *inputs, uint32_t n_inputs,
                   const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs, uint32_t n_outputs);
void graph_gradients(kd_tensor *loss, kd_tensor *const *wrt, uint32_t count, kd_tensor **ret);
/* The input, parameter, average or state of that name, made when new; the poison when it exists
 * with another shape. */
struct value *graph_declare(place *p, const char *name, const kd_spec *wanted, const kd_init *init,
                            list *of, int home);
/* What holds for parameters in a scope; NULL: nothing but the optimizer's own. */
const kd_rule *rule_of(const place *p);
void rule_set(kd_scope scope, const kd_rule *rule);
kd_tensor *rule_param(kd_scope scope, const char *name, const kd_spec *wanted, const kd_init *init);
kd_tensor *schedule_declare(kd_scope scope, const char *name, const kd_schedule *schedule);
kd_tensor *schedule_step_key(kd_scope scope);
/* [groups, 5] or [5], as kindred/update.h has it, from the input "hyper"; and the group of each
 * parameter. */
kd_tensor *rates_build(graph *g, const optimizer *o, kd_tensor *hyper, int64_t *group);
/* Moving averages and parameters of unit rows, after the update. `parameters`: the whole region. */
void rates_follow(graph *g, struct value *parameters);
/* A whole region as one vector. */
struct value *graph_region(graph *g, int home, int64_t count);
/* Marks `out` as `region` updated in place. */
void graph_update_in_place(kd_tensor *out, const struct value *region);
/* Folds add and ReLU into the batch norm before them. Idempotent a graph. */
void graph_fuse(graph *g);
/* Drops nodes that are not marked as live. */
void graph_drop_dead(graph *g);
/* How often a value is read, by nodes and from outside. */
int graph_reads(const graph *g, const struct value *v);
/* Puts in the place of ops what a device has kernels for and does better; to a finished graph. */
typedef bool (*kernel_rule)(const void *context, const char *op);
void graph_lower(graph *g, kernel_rule has_kernel, const void *context);
/* Makes pending assignments copies into their states, and drops nodes that nothing reads. */
void graph_finish(graph *g);

#endif
