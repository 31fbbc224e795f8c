/* SPDX-License-Identifier: Apache-2.0
 * Kernels on a device: its own go first, then what plugins brought for it. */
#include "graph/op_kernel.h"

#include "graph/op_set_list.h"

static void hear_failure(const kd_kernel_host *host, const kd_node *node, const char *text) {
    op_device *d = (op_device *)((char *)host - offsetof(op_device, host));
    if (!d->failed) {
        d->failed = true;
        kd_fail(&d->failure, KD_E_DEVICE, "%s: %s: %s", node->path, node->op, text);
    }
}

bool op_device_take_failure(op_device *d, kd_error *err) {
    const bool failed = d->failed;
    d->failed = false;
    return !failed || kd_fail(err, d->failure.code, "%s", d->failure.message);
}

op_device op_device_of(const kd_device_plugin *table, kd_device *device, const op_set *ops) {
    const kd_device_kernels *takes = kd_device_extension(table, device, KD_DEVICE_KERNELS);
    op_device d = {
        .table = table,
        .device = device,
        .ops = ops,
        .accepts = takes && KD_HAS(kd_device_kernels, takes, accepts) ? takes->accepts : "",
        .host = {.size = sizeof d.host, .host = ops ? ops->host : NULL, .fail = hear_failure}};
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
    const op_source *source = op_set_source(d->ops, op);
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
