/* SPDX-License-Identifier: Apache-2.0
 * Ops by name: kindred's own, then what plugins brought. */
#include "graph/op_set_list.h"

#include "graph/graph.h"

#include <stdlib.h>

op_set *op_set_create(const kd_host *host) {
    op_set *s = kd_alloc(sizeof *s);
    s->host = host;
    return s;
}

void op_set_destroy(op_set *s) {
    if (s) {
        free(s->sources.item);
        free(s->mentions.item);
        arena_free(&s->memory);
        free(s);
    }
}

static const kd_op *find_in(const op_source *source, const char *name) {
    for (int i = 0; i < source->n_ops; i++) {
        if (strcmp(source->ops[i].name, name) == 0) {
            return &source->ops[i];
        }
    }
    return NULL;
}

const op_source *op_set_source(const op_set *s, const char *name) {
    for (int i = 0; s && i < s->sources.count; i++) {
        const op_source *source = s->sources.item[i];
        if (find_in(source, name)) {
            return source;
        }
    }
    return NULL;
}

bool op_set_add(op_set *s, const op_source *source, kd_error *err) {
    for (int i = 0; i < source->n_ops; i++) {
        const char *name = source->ops[i].name;
        const op_source *other = op_set_source(s, name);
        const bool own = graph_find_op(name) != NULL;
        if (own || other) {
            kd_fail(err, KD_E_INVALID, "%s brings the op %s, which is %s%s already", source->plugin,
                    name, own ? "kindred's" : "brought by ", own ? "" : other->plugin);
            return kd_hint(err, own ? "its author should give it another name"
                                    : "use one of the two plugins in a run, or ask one of their "
                                      "authors for another name");
        }
    }
    op_source *mine = arena_alloc(&s->memory, sizeof *mine);
    *mine = *source;
    mine->plugin = arena_text(&s->memory, source->plugin);
    list_add(&s->sources, mine);
    return true;
}

void op_set_mention(op_set *s, const char *plugin, const char *op, const char *devices) {
    mention *m = arena_alloc(&s->memory, sizeof *m);
    *m = (mention){arena_text(&s->memory, plugin), arena_text(&s->memory, op),
                   arena_text(&s->memory, devices)};
    list_add(&s->mentions, m);
}

const kd_op *op_set_find(const op_set *s, const char *name) {
    const kd_op *own = graph_find_op(name);
    const op_source *source = own ? NULL : op_set_source(s, name);
    return own ? own : source ? find_in(source, name) : NULL;
}

const char *op_set_absence(const op_set *s, const char *name) {
    for (int i = 0; s && i < s->mentions.count; i++) {
        const mention *m = s->mentions.item[i];
        if (strcmp(m->op, name) == 0) {
            return arena_print(&((op_set *)(uintptr_t)s)->memory,
                               "is an op of %s, which this run does not use", m->plugin);
        }
    }
    return "is not an op of this host; a plugin that brings it is missing, or the host is too old";
}

static bool is_sound(const kd_spec *s) {
    bool sound = s->dtype >= KD_F32 && s->dtype <= KD_U8 && s->rank >= 0 && s->rank <= KD_MAX_RANK;
    double elements = 1;
    for (int axis = 0; sound && axis < s->rank; axis++) {
        elements *= (double)s->dim[axis];
        sound = s->dim[axis] >= 0 && elements < 0x1p50;
    }
    return sound;
}

bool op_specs_are_sound(const kd_spec *specs, uint32_t n, kd_error *err) {
    for (uint32_t i = 0; i < n; i++) {
        if (!is_sound(&specs[i])) {
            return kd_fail(err, KD_E_INTERNAL, "its shape rule gives output %u no shape", i);
        }
    }
    return true;
}
