/* SPDX-License-Identifier: Apache-2.0
 * The graph under construction: scopes, variables, names, and the first mistake. */
#include "graph/internal.h"

#include <kindred/ops.h>

#include <stdlib.h>

void list_add(list *l, void *item) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? 2 * l->capacity : 64;
        l->item = kd_grow(l->item, (size_t)l->capacity * sizeof *l->item);
    }
    l->item[l->count++] = item;
}

void graph_fail(graph *g, const char *path, const char *format, ...) {
    if (g->failed) {
        return;
    }
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    g->failed = true;
    kd_fail(&g->error, KD_E_INVALID, "%s%s%s", path ? path : "", path && *path ? ": " : "", text);
    kd_hint(&g->error, "the plugin that builds this part of the graph must be mended, or its "
                       "options or the view size changed");
}

int32_t graph_dtype(const graph *g, int32_t dtype) {
    return dtype == KD_REAL ? g->real : dtype == KD_COMPUTE ? g->compute : dtype;
}

static const kd_graph_api *api_of(const graph *g) {
    return g->options.api ? g->options.api : &graph_api;
}

struct value *graph_value(graph *g, const kd_spec *spec, int home) {
    struct value *v = arena_alloc(&g->memory, sizeof *v);
    v->base.api = api_of(g);
    v->g = g;
    v->spec = *spec;
    v->spec.dtype = graph_dtype(g, spec->dtype);
    v->home = home;
    v->scope = g->root;
    v->id = g->values.count;
    list_add(&g->values, v);
    return v;
}

struct value *graph_find(const list *values, const char *name) {
    for (int i = 0; i < values->count; i++) {
        struct value *v = values->item[i];
        if (strcmp(v->name, name) == 0) {
            return v;
        }
    }
    return NULL;
}

static place *find_place(graph *g, const char *path) {
    for (place *p = g->places; p; p = p->next) {
        if (strcmp(p->path, path) == 0) {
            return p;
        }
    }
    place *p = arena_alloc(&g->memory, sizeof *p);
    p->base.api = api_of(g);
    p->g = g;
    p->path = path;
    p->next = g->places;
    g->places = p;
    return p;
}

static char *join(graph *g, const char *path, const char *name) {
    return arena_print(&g->memory, "%s%s%s", path, *path ? "." : "", name);
}

static kd_scope child(kd_scope scope, const char *name) {
    place *p = as_place(scope);
    place *found = find_place(p->g, join(p->g, p->path, name));
    found->parent = p;
    return &found->base;
}

static int32_t visit(kd_scope scope) {
    return as_place(scope)->visits++;
}

static kd_scope scope_of(kd_tensor *tensor) {
    return &as_value(tensor)->scope->base;
}

static void spec(const kd_tensor *tensor, kd_spec *ret) {
    *ret = as_value(tensor)->spec;
}

static bool same_spec(const graph *g, const kd_spec *have, const kd_spec *wanted) {
    return have->rank == wanted->rank && have->dtype == graph_dtype(g, wanted->dtype) &&
           memcmp(have->dim, wanted->dim, (size_t)have->rank * sizeof have->dim[0]) == 0;
}

struct value *graph_declare(place *p, const char *name, const kd_spec *wanted, const kd_init *init,
                            list *of, int home) {
    graph *g = p->g;
    if (g->failed) {
        return &g->poison;
    }
    const char *full = join(g, p->path, name);
    struct value *v = graph_find(of, full);
    if (v && !same_spec(g, &v->spec, wanted)) {
        graph_fail(g, full, "asked for again with another shape or type");
        return &g->poison;
    }
    if (!v) {
        v = graph_value(g, wanted, home);
        v->name = v->drawn_as = full;
        v->scope = p;
        v->latest = v;
        if (init) {
            v->init = *init;
        }
        list_add(of, v);
    }
    return v;
}

static kd_tensor *state(kd_scope scope, const char *name, const kd_spec *wanted,
                        const kd_init *init) {
    place *p = as_place(scope);
    return &graph_declare(p, name, wanted, init, &p->g->states, HOME_STATE)->base;
}

static kd_tensor *input(kd_scope scope, const char *name, const kd_spec *wanted) {
    place *p = as_place(scope);
    return &graph_declare(p, name, wanted, NULL, &p->g->inputs, HOME_INPUT)->base;
}

static kd_tensor *latest(kd_tensor *tensor) {
    struct value *v = as_value(tensor);
    return v->latest ? &v->latest->base : tensor;
}

/* Does `v` derive from `source`? Walks back through producers. */
static bool derives(const struct value *v, const struct value *source, int depth) {
    if (v == source) {
        return true;
    }
    if (!v->producer || depth == 0) {
        return false;
    }
    for (uint32_t i = 0; i < v->producer->view.n_inputs; i++) {
        if (derives(v->producer->in[i], source, depth - 1)) {
            return true;
        }
    }
    return false;
}

bool graph_is_variable(const struct value *v) {
    while (v->alias_of) {
        v = v->alias_of;
    }
    return v->home == HOME_PARAMETER || v->home == HOME_AVERAGE || v->home == HOME_STATE;
}

static void assign(kd_tensor *tensor, kd_tensor *update) {
    struct value *s = as_value(tensor), *v = as_value(update);
    graph *g = s->g;
    if (g->failed) {
        return;
    }
    if (s->home != HOME_STATE || !same_spec(g, &v->spec, &s->spec)) {
        graph_fail(g, s->name, "only a state can be assigned, a value of its own shape and type");
    } else if (s->latest != s && !derives(v, s->latest, 16)) {
        graph_fail(g, s->name, "assigned twice; the second value must derive from kd_latest()");
    } else if (graph_is_variable(v) && v != s) {
        s->latest = as_value(kd_emit("copy", &update, 1, NULL, 0)); /* as it is before the step */
    } else {
        s->latest = v;
    }
}

static void name_value(list *l, kd_scope scope, const char *name, kd_tensor *tensor) {
    place *p = as_place(scope);
    graph *g = p->g;
    if (g->failed) {
        return;
    }
    for (int i = 0; i < l->count; i++) {
        if (strcmp(((named *)l->item[i])->name, name) == 0) {
            graph_fail(g, p->path, "'%s' is declared twice", name);
            return;
        }
    }
    named *n = arena_alloc(&g->memory, sizeof *n);
    n->name = arena_text(&g->memory, name);
    n->value = as_value(tensor);
    list_add(l, n);
}

static void output(kd_scope scope, const char *name, kd_tensor *tensor) {
    name_value(&as_place(scope)->g->outputs, scope, name, tensor);
}

static void report(kd_scope scope, const char *name, kd_tensor *scalar) {
    if (as_value(scalar)->spec.rank != 0) {
        graph_fail(as_place(scope)->g, as_place(scope)->path, "'%s' is not a scalar", name);
        return;
    }
    name_value(&as_place(scope)->g->reports, scope, name, scalar);
}

static void fail(kd_scope scope, const char *message) {
    graph_fail(as_place(scope)->g, as_place(scope)->path, "%s", message);
}

const kd_graph_api graph_api = {
    .size = sizeof(kd_graph_api),
    .emit = graph_emit,
    .compose = graph_compose,
    .child = child,
    .scope_of = scope_of,
    .spec = spec,
    .param = rule_param,
    .state = state,
    .latest = latest,
    .assign = assign,
    .input = input,
    .output = output,
    .report = report,
    .gradients = graph_gradients,
    .fail = fail,
    .rule = rule_set,
    .scheduled = schedule_declare,
    .step_key = schedule_step_key,
    .visit = visit,
};

graph *graph_create(const graph_options *options) {
    graph *g = kd_alloc(sizeof *g);
    g->options = *options;
    g->real = options->real ? options->real : KD_F32;
    g->compute = options->compute ? options->compute : g->real;
    g->error = (kd_error)KD_ERROR_INIT;
    g->root = find_place(g, "");
    g->poison = (struct value){.base = {api_of(g)}, .g = g, .scope = g->root, .name = ""};
    g->poison.latest = &g->poison;
    g->poison.spec = (kd_spec){g->real, 0, {1, 1, 1, 1, 1, 1}};
    return g;
}

void graph_destroy(graph *g) {
    if (!g) {
        return;
    }
    list *lists[] = {&g->nodes,  &g->values,  &g->parameters, &g->averages,  &g->states,
                     &g->inputs, &g->outputs, &g->reports,    &g->gradients, &g->schedules};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        free(lists[i]->item);
    }
    arena_free(&g->memory);
    free(g);
}

kd_scope graph_root(graph *g) {
    return &g->root->base;
}

bool graph_check(const graph *g, kd_error *err) {
    if (g->failed) {
        *err = g->error;
    }
    return !g->failed;
}

int graph_reports(const graph *g) {
    return g->reports.count;
}

kd_tensor *graph_report(const graph *g, int i) {
    return &((named *)g->reports.item[i])->value->base;
}

const char *graph_report_name(const graph *g, int i) {
    return ((named *)g->reports.item[i])->name;
}
