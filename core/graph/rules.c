/* SPDX-License-Identifier: Apache-2.0
 * What a method says about the training of a scope: frozen, following, with rates of its own; and
 * the scalars and keys that the host sets every step. */
#include "graph/engine_internal.h"

#include <kindred/ops.h>

const kd_rule *rule_of(const place *p) {
    while (p && !p->rule) {
        p = p->parent;
    }
    return p ? p->rule : NULL;
}

/* The scope whose rule says what the parameters of `p` follow, if any does. What is frozen within a
 * scope that follows has nothing but its start of it. */
static const place *follower_of(const place *p) {
    while (p && (!p->rule || p->rule->flags & KD_RULE_FROZEN)) {
        p = p->parent;
    }
    return p && p->rule->follows ? p : NULL;
}

static bool is_under(const char *name, const char *path) {
    const size_t length = strlen(path);
    return length == 0 || (strncmp(name, path, length) == 0 && name[length] == '.');
}

static bool is_scalar(const kd_tensor *t) {
    return t && kd_rank(t) == 0;
}

static bool any_under(const list *variables, const char *path) {
    for (int i = 0; i < variables->count; i++) {
        if (is_under(((const struct value *)variables->item[i])->name, path)) {
            return true;
        }
    }
    return false;
}

static const char *refuse(const graph *g, const place *p, const kd_rule *rule) {
    if (p->rule) {
        return "has a rule, and another one is set";
    }
    if (any_under(&g->parameters, p->path) || any_under(&g->averages, p->path)) {
        return "a rule must be set before the first parameter under its scope";
    }
    if (rule->follows && (rule->flags & KD_RULE_FROZEN)) {
        return "a scope is frozen or follows another one, not both";
    }
    if (rule->follows && !is_scalar(rule->keep)) {
        return "a scope that follows another one wants `keep`, a scalar";
    }
    if (rule->active && !is_scalar(rule->active)) {
        return "`active` of a rule is not a scalar";
    }
    return rule->lr_scale < 0 ? "`lr_scale` of a rule is negative" : NULL;
}

void rule_set(kd_scope scope, const kd_rule *rule) {
    place *p = as_place(scope);
    graph *g = p->g;
    kd_rule *own = arena_alloc(&g->memory, sizeof *own);
    memcpy(own, rule, rule->size < sizeof *own ? rule->size : sizeof *own);
    own->lr_scale = own->lr_scale == 0 ? 1 : own->lr_scale;
    const bool again = p->rule && memcmp(p->rule, own, sizeof *own) == 0;
    const char *why = g->failed || again ? NULL : refuse(g, p, own);
    if (why) {
        graph_fail(g, p->path, "%s", why);
    }
    p->rule = again ? p->rule : own;
}

/* The parameter that one of `p`, which is `follower` or under it, follows; NULL, with the graph
 * failed, when there is none. */
static struct value *followed(const place *p, const place *follower, const char *name) {
    graph *g = p->g;
    const char *inner = p->path + strlen(follower->path);
    inner += *inner == '.';
    const char *scope = as_place(follower->rule->follows)->path;
    const char *full = arena_print(&g->memory, "%s%s%s%s%s", scope, *scope && *inner ? "." : "",
                                   inner, *scope || *inner ? "." : "", name);
    struct value *v = graph_find(&g->parameters, full);
    v = v ? v : graph_find(&g->states, full);
    if (!v) {
        graph_fail(g, p->path,
                   "'%s' follows '%s', and there is no such parameter; build what is "
                   "followed first",
                   name, full);
    }
    return v;
}

static kd_tensor *follow(place *p, const place *follower, const char *name, const kd_spec *wanted) {
    graph *g = p->g;
    struct value *of = followed(p, follower, name);
    if (!of) {
        return &g->poison.base;
    }
    /* What never changes is followed by staying the same. */
    const bool still = of->home == HOME_STATE || rule_of(p)->flags & KD_RULE_FROZEN;
    struct value *v = graph_declare(p, name, wanted, &of->init, still ? &g->states : &g->averages,
                                    still ? HOME_STATE : HOME_AVERAGE);
    if (!g->failed && kd_elements(&v->spec) != kd_elements(&of->spec)) {
        graph_fail(g, v->name, "has another shape than '%s', which it follows", of->name);
    }
    v->drawn_as = of->drawn_as;
    v->followed = of;
    v->rule = of->rule;
    return &v->base;
}

kd_tensor *rule_param(kd_scope scope, const char *name, const kd_spec *wanted,
                      const kd_init *init) {
    place *p = as_place(scope);
    graph *g = p->g;
    const kd_rule *rule = rule_of(p);
    const place *follower = follower_of(p);
    if (g->failed) {
        return &g->poison.base;
    }
    if (follower) {
        return follow(p, follower, name, wanted);
    }
    const bool frozen = rule && (rule->flags & KD_RULE_FROZEN);
    struct value *v = graph_declare(p, name, wanted, init, frozen ? &g->states : &g->parameters,
                                    frozen ? HOME_STATE : HOME_PARAMETER);
    v->rule = g->failed ? NULL : rule;
    return &v->base;
}

static const scheduled *find_schedule(const graph *g, const struct value *input) {
    for (int i = 0; i < g->schedules.count; i++) {
        const scheduled *s = g->schedules.item[i];
        if (s->input == input) {
            return s;
        }
    }
    return NULL;
}

kd_tensor *schedule_declare(kd_scope scope, const char *name, const kd_schedule *schedule) {
    place *p = as_place(scope);
    graph *g = p->g;
    struct value *v =
        graph_declare(p, name, &(kd_spec){.dtype = KD_REAL}, NULL, &g->inputs, HOME_INPUT);
    if (g->failed) {
        return &g->poison.base;
    }
    kd_schedule own = {0};
    memcpy(&own, schedule, schedule->size < sizeof own ? schedule->size : sizeof own);
    const scheduled *before = find_schedule(g, v);
    if (before && memcmp(&before->schedule, &own, sizeof own) != 0) {
        graph_fail(g, v->name, "scheduled twice, differently");
    } else if (!before) {
        scheduled *s = arena_alloc(&g->memory, sizeof *s);
        *s = (scheduled){v, own};
        list_add(&g->schedules, s);
    }
    return &v->base;
}

kd_tensor *schedule_step_key(kd_scope scope) {
    graph *g = as_place(scope)->g;
    const kd_rule *rule = rule_of(as_place(scope));
    if (!g->options.draws || (rule && (rule->follows || (rule->flags & KD_RULE_FROZEN)))) {
        return NULL;
    }
    const kd_spec spec = {.dtype = KD_I64, .rank = 1, .dim = {2}};
    return &graph_declare(g->root, "step_key", &spec, NULL, &g->inputs, HOME_INPUT)->base;
}

int program_schedules(const kd_program *p) {
    return p->g->schedules.count;
}

const char *program_schedule(const kd_program *p, int i, kd_schedule *ret) {
    const scheduled *s = p->g->schedules.item[i];
    *ret = s->schedule;
    return s->input->name;
}
