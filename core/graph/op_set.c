/* SPDX-License-Identifier: Apache-2.0
 * Ops by name: kindred's own, then what plugins brought. */
#include "graph/op_set.h"

#include "graph/graph.h"
#include "graph/internal.h"

#include <stdlib.h>

/* Someone who could have been asked. */
typedef struct mention {
    const char *plugin, *op, *devices;
} mention;

struct op_set {
    arena memory;
    const kd_host *host;
    list sources;  /* op_source * */
    list mentions; /* mention * */
};

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

/* Who brings an op; NULL: nobody. */
static const op_source *source_of(const op_set *s, const char *name) {
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
        const op_source *other = source_of(s, name);
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
    const op_source *source = own ? NULL : source_of(s, name);
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

op_device op_device_of(const kd_device_plugin *table, kd_device *device, const op_set *ops) {
    const kd_device_kernels *takes = kd_device_extension(table, device, KD_DEVICE_KERNELS);
    op_device d = {.table = table,
                   .device = device,
                   .ops = ops,
                   .accepts =
                       takes && KD_HAS(kd_device_kernels, takes, accepts) ? takes->accepts : "",
                   .host = {.size = sizeof d.host, .host = ops ? ops->host : NULL}};
    if (takes && KD_HAS(kd_device_kernels, takes, stream)) {
        d.host.stream = takes->stream(device);
    }
    return d;
}

static const kd_kernel *find_own(const kd_device_plugin *t, const char *op) {
    for (uint32_t i = 0; i < t->n_kernels; i++) {
        const kd_kernel *k = (const kd_kernel *)(const void *)((const char *)t->kernels +
                                                               (size_t)i * t->kernel_stride);
        if (strcmp(k->op, op) == 0) {
            return k;
        }
    }
    return NULL;
}

/* Sources of kernels alone (a companion's) are looked at too. */
static const kd_op_kernel *find_for(const op_set *s, const char *op, const char *word,
                                    size_t length) {
    for (int i = 0; i < s->sources.count; i++) {
        const op_source *source = s->sources.item[i];
        for (int k = 0; k < source->n_kernels; k++) {
            const kd_op_kernel *kernel = &source->kernels[k];
            if (strcmp(kernel->op, op) == 0 && strlen(kernel->device) == length &&
                strncmp(kernel->device, word, length) == 0) {
                return kernel;
            }
        }
    }
    return NULL;
}

static const kd_op_kernel *find_brought(const op_device *d, const char *op) {
    const kd_op_kernel *found = NULL;
    for (const char *word = d->accepts; d->ops && *word && !found;) {
        const size_t length = strcspn(word, " ");
        found = find_for(d->ops, op, word, length);
        word += length + strspn(word + length, " ");
    }
    return found;
}

/* "org.lab.tico 1.0.0 (host)", of all that have the op. */
static const char *who_has(const op_set *s, const char *op, arena *a) {
    const char *text = "";
    for (int i = 0; i < s->mentions.count; i++) {
        const mention *m = s->mentions.item[i];
        if (strcmp(m->op, op) == 0) {
            text = arena_print(a, "%s%s%s (%s)", text, *text ? ", " : "", m->plugin, m->devices);
        }
    }
    return text;
}

/* A device to choose: kernels for "host" run on cpu, others on the device that they are named
 * after. From what is mentioned: a companion's kernels are there on its device alone. */
static const char *device_with(const op_set *s, const char *op, arena *a) {
    const char *found = "cpu";
    for (int i = 0; i < s->mentions.count; i++) {
        const mention *m = s->mentions.item[i];
        for (const char *word = strcmp(m->op, op) == 0 ? m->devices : ""; *word;) {
            const size_t length = strcspn(word, " ");
            found = arena_copy(a, word, length);
            if (strcmp(found, "host") == 0) {
                return "cpu";
            }
            word += length + strspn(word + length, " ");
        }
    }
    return found;
}

static bool fail_missing(const op_device *d, const char *op, kd_error *err) {
    const op_source *source = source_of(d->ops, op);
    if (!source) {
        kd_fail(err, KD_E_UNSUPPORTED, "the device has no kernel for op '%s'", op);
        return kd_hint(err, "choose another device, or a newer build of this one");
    }
    arena a = {0};
    const char *has = who_has(d->ops, op, &a);
    const int own = (int)strcspn(d->accepts, " ");
    kd_fail(err, KD_E_UNSUPPORTED, "op '%s' of %s has no kernel for %s%.*s; %s%s", op,
            source->plugin, own ? "the device " : "this device, which takes none of other plugins",
            own, d->accepts, *has ? "there are kernels in: " : "there is none at all", has);
    kd_hint(err, "%s%s%s ask the author of the plugin for one",
            *has ? "choose device: {plugin: " : "", *has ? device_with(d->ops, op, &a) : "",
            *has ? "}, or" : "");
    arena_free(&a);
    return false;
}

bool kernel_find(const op_device *d, const char *op, op_kernel *ret, kd_error *err) {
    const op_kernel k = {.own = find_own(d->table, op)};
    *ret = k;
    if (!k.own) {
        ret->brought = find_brought(d, op);
    }
    return ret->own || ret->brought || fail_missing(d, op, err);
}

uint32_t kernel_in_place(const op_kernel *k) {
    return k->own ? k->own->in_place : k->brought ? k->brought->in_place : 0;
}

bool kernel_prepare(const op_device *d, const op_kernel *k, const kd_node *node, void **ret_state,
                    size_t *ret_scratch, kd_error *err) {
    if (k->own) {
        return !k->own->prepare || k->own->prepare(d->device, node, ret_state, ret_scratch, err);
    }
    return !k->brought->prepare || k->brought->prepare(&d->host, node, ret_state, ret_scratch, err);
}

void kernel_run(const op_device *d, const op_kernel *k, const kd_node *node, void *state,
                void *const *inputs, void *const *outputs, void *scratch) {
    if (k->own) {
        k->own->run(d->device, node, state, inputs, outputs, scratch);
    } else {
        k->brought->run(&d->host, node, state, inputs, outputs, scratch);
    }
}

void kernel_release(const op_device *d, const op_kernel *k, void *state) {
    if (k->own && k->own->release) {
        k->own->release(d->device, state);
    } else if (k->brought && k->brought->release) {
        k->brought->release(&d->host, state);
    }
}
