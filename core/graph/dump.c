/* SPDX-License-Identifier: Apache-2.0
 * A graph as text: a line a node. What golden files hold, so that a change of the graph or of the
 * memory plan shows in review. */
#include "graph/engine_internal.h"
#include "graph/shapes.h"

#include <stdlib.h>

static void print_value(FILE *to, const struct value *v) {
    static const char *const regions[HOME_COUNT] = {"",        "parameters", "gradients", "moment1",
                                                    "moment2", "averages",   "state",     "input"};
    if (v->producer) {
        fprintf(to, "%%%d", v->id);
    } else if (v->name && *v->name) {
        fprintf(to, "%s", v->name);
    } else {
        fprintf(to, "<%s>", regions[v->home]);
    }
}

static void print_list(FILE *to, const kd_attr *a) {
    fprintf(to, "[");
    for (uint32_t i = 0; i < a->count && i < 8; i++) {
        const char *comma = i ? ", " : "";
        if (a->type == KD_ATTR_INTS) {
            fprintf(to, "%s%lld", comma, (long long)((const int64_t *)a->p)[i]);
        } else {
            fprintf(to, "%s%g", comma, ((const double *)a->p)[i]);
        }
    }
    fprintf(to, "%s]", a->count > 8 ? ", ..." : "");
}

static void print_attr(FILE *to, const kd_attr *a) {
    fprintf(to, "%s ", a->name);
    if (strcmp(a->name, "dtype") == 0) {
        fprintf(to, "%s", kd_dtype_name((int32_t)a->i));
    } else if (a->type == KD_ATTR_INT) {
        fprintf(to, "%lld", (long long)a->i);
    } else if (a->type == KD_ATTR_FLOAT) {
        fprintf(to, "%g", a->f);
    } else if (a->type == KD_ATTR_TEXT) {
        fprintf(to, "%s", (const char *)a->p);
    } else {
        print_list(to, a);
    }
}

static void print_outputs(FILE *to, const struct node *n, const plan *layout) {
    for (uint32_t i = 0; i < n->view.n_outputs; i++) {
        char text[128];
        const struct value *v = n->out[i];
        fprintf(to, "%s%%%d %s %s", i ? ", " : "", v->id, kd_dtype_name(v->spec.dtype),
                shape_text(&v->spec, text));
        if (layout && layout->offset[v->id] >= 0) {
            fprintf(to, " @%lld", (long long)layout->offset[v->id]);
        }
    }
}

static void print_node(FILE *to, const struct node *n, const plan *layout) {
    print_outputs(to, n, layout);
    fprintf(to, " = %s(", n->op->name);
    for (uint32_t i = 0; i < n->view.n_inputs; i++) {
        fprintf(to, "%s", i ? ", " : "");
        print_value(to, n->in[i]);
    }
    fprintf(to, ")");
    for (uint32_t i = 0; i < n->view.n_attrs; i++) {
        fprintf(to, "%s", i ? ", " : " {");
        print_attr(to, &n->attrs[i]);
    }
    fprintf(to, "%s%s%s\n", n->view.n_attrs ? "}" : "", *n->view.path ? "  # " : "", n->view.path);
}

static void print_variables(FILE *to, const char *kind, const list *variables) {
    for (int i = 0; i < variables->count; i++) {
        char text[128];
        const struct value *v = variables->item[i];
        fprintf(to, "%s %s %s %s\n", kind, v->name, kd_dtype_name(v->spec.dtype),
                shape_text(&v->spec, text));
    }
}

static char *dump(const graph *g, const plan *layout) {
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    print_variables(to, "input", &g->inputs);
    print_variables(to, "parameter", &g->parameters);
    print_variables(to, "average", &g->averages);
    print_variables(to, "state", &g->states);
    for (int i = 0; i < g->nodes.count; i++) {
        print_node(to, g->nodes.item[i], layout);
    }
    const list *const results[] = {&g->outputs, &g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < results[l]->count; i++) {
            const named *n = results[l]->item[i];
            fprintf(to, "%s %s = ", l ? "report" : "output", n->name);
            print_value(to, n->value);
            fprintf(to, "\n");
        }
    }
    if (layout) {
        fprintf(to, "arena %zu bytes\n", layout->arena_bytes);
    }
    fclose(to);
    return text;
}

char *graph_dump(const graph *g) {
    return dump(g, NULL);
}

char *program_dump(const kd_program *p) {
    return dump(p->g, &p->plan);
}
