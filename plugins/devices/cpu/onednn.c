/* SPDX-License-Identifier: Apache-2.0
 * Plans of oneDNN primitives: building, sharing and running them; see onednn.h. */
#include "onednn.h"

#include "kernels.h"

#include <omp.h>
#include <stdlib.h>

#define ALIGN ((size_t)64)
#define MAX_STEPS 6
#define MAX_OPERANDS_OF_STEP 5

typedef struct step {
    dnnl_primitive_t primitive; /* or NULL, and: */
    plan_loop *loop;
    void *work;
    int count;
    slot slot[MAX_OPERANDS_OF_STEP]; /* of a loop: from, to */
    dnnl_exec_arg_t argument[MAX_OPERANDS_OF_STEP];
} step;

struct plan {
    plan *next;
    kd_device *device;
    int uses;
    size_t key_bytes;
    char *key;
    size_t scratch;
    int steps;
    step step[MAX_STEPS];
};

bool refuse(const kd_node *node, const char *why, kd_error *err) {
    char a[SHAPE_TEXT], b[SHAPE_TEXT];
    kd_fail(err, KD_E_UNSUPPORTED, "%s: %s of %s %s and %s: %s", node->path, node->op,
            kd_dtype_name(node->inputs[0].dtype), shape_text(&node->inputs[0], a),
            shape_text(&node->inputs[1], b), why);
    return node->inputs[0].dtype == KD_BF16
               ? kd_hint(err, "this processor may lack bf16: set precision: f32")
               : kd_hint(err, "use device: {plugin: reference}");
}

static bool check(dnnl_status_t status, const kd_node *node, const char *what, kd_error *err) {
    if (status == dnnl_success) {
        return true;
    }
    char why[128];
    snprintf(why, sizeof why, "oneDNN cannot %s (status %d)", what, (int)status);
    return refuse(node, why, err);
}

/* What makes two nodes equal, as bytes. `to` NULL: only counts them. */
static size_t write_key(const kd_node *node, char *to) {
    size_t used = 0;
#define APPEND(from, bytes)                                                                        \
    do {                                                                                           \
        if (to) {                                                                                  \
            memcpy(to + used, (from), (bytes));                                                    \
        }                                                                                          \
        used += (bytes);                                                                           \
    } while (0)
    APPEND(node->op, strlen(node->op) + 1);
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        const kd_spec *s =
            i < node->n_inputs ? &node->inputs[i] : &node->outputs[i - node->n_inputs];
        APPEND(&s->dtype, sizeof s->dtype);
        APPEND(&s->rank, sizeof s->rank);
        APPEND(s->dim, (size_t)s->rank * sizeof s->dim[0]);
    }
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        APPEND(node->attrs[i].name, strlen(node->attrs[i].name) + 1);
        APPEND(&node->attrs[i].i, sizeof node->attrs[i].i);
    }
#undef APPEND
    return used;
}

static void plan_destroy(plan *p) {
    for (int i = 0; i < p->steps; i++) {
        step *s = &p->step[i];
        for (int k = 0; s->primitive && k < s->count; k++) {
            dnnl_memory_destroy(s->argument[k].memory);
        }
        dnnl_primitive_destroy(s->primitive);
        free(s->work);
    }
    free(p->key);
    free(p);
}

static plan *plan_find(kd_device *device, const char *key, size_t bytes) {
    plan *p = device->plans;
    while (p && (p->key_bytes != bytes || memcmp(p->key, key, bytes) != 0)) {
        p = p->next;
    }
    return p;
}

bool plan_open(kd_device *device, const kd_node *node, plan_builder *build, void **ret_state,
               size_t *ret_scratch, kd_error *err) {
    const size_t bytes = write_key(node, NULL);
    char *key = state_create(bytes, err);
    if (!key) {
        return false;
    }
    write_key(node, key);
    plan *p = plan_find(device, key, bytes);
    if (p) {
        free(key);
    } else {
        p = state_create(sizeof *p, err);
        if (!p) {
            free(key);
            return false;
        }
        *p = (plan){.device = device, .key = key, .key_bytes = bytes};
        omp_set_num_threads(device->threads); /* primitives divide their work when they are made */
        if (!build(device, node, p, err)) {
            plan_destroy(p);
            return false;
        }
        p->next = device->plans;
        device->plans = p;
    }
    p->uses++;
    *ret_state = p;
    *ret_scratch = p->scratch;
    return true;
}

void plan_release(kd_device *device, void *state) {
    plan *p = state;
    if (--p->uses > 0) {
        return;
    }
    plan **at = &device->plans;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    plan_destroy(p);
}

static void *place_of(const slot *s, void *const *in, void *const *out, void *scratch) {
    return s->at == AT_INPUT    ? in[s->index]
           : s->at == AT_OUTPUT ? out[s->index]
                                : (char *)scratch + s->offset;
}

void plan_run(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const plan *p = state;
    omp_set_num_threads(device->threads);
    for (int i = 0; i < p->steps; i++) {
        const step *s = &p->step[i];
        if (s->loop) {
            s->loop(device, s->work, place_of(&s->slot[0], in, out, scratch),
                    place_of(&s->slot[1], in, out, scratch));
            continue;
        }
        for (int k = 0; k < s->count; k++) {
            dnnl_memory_set_data_handle(s->argument[k].memory,
                                        place_of(&s->slot[k], in, out, scratch));
        }
        if (dnnl_primitive_execute(s->primitive, device->stream, s->count, s->argument) !=
            dnnl_success) {
            device_fail(device, "%s: %s: oneDNN failed", node->path, node->op);
        }
    }
}

layout layout_of(int rank, const int64_t *dims, int32_t dtype, dnnl_format_tag_t tag) {
    layout ret;
    dnnl_memory_desc_init_by_tag(&ret, rank, dims, dtype == KD_BF16 ? dnnl_bf16 : dnnl_f32, tag);
    return ret;
}

slot plan_scratch(plan *p, size_t bytes) {
    const slot ret = {AT_SCRATCH, 0, p->scratch};
    p->scratch += (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return ret;
}

bool is_reference(const_dnnl_primitive_desc_t desc) {
    const char *name = "";
    dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name);
    return strncmp(name, "ref", 3) == 0;
}

static bool add_operand(plan *p, const kd_node *node, step *s, const operand *o, kd_error *err) {
    dnnl_exec_arg_t *argument = &s->argument[s->count];
    if (!check(
            dnnl_memory_create(&argument->memory, o->layout, p->device->engine, DNNL_MEMORY_NONE),
            node, "describe an operand", err)) {
        return false;
    }
    argument->arg = o->arg;
    s->slot[s->count++] = o->slot;
    return true;
}

static bool fill_step(plan *p, const kd_node *node, const_dnnl_primitive_desc_t desc,
                      const operand *operands, int count, kd_error *err) {
    step *s = &p->step[p->steps++];
    if (!check(dnnl_primitive_create(&s->primitive, desc), node, "make the primitive", err)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!add_operand(p, node, s, &operands[i], err)) {
            return false;
        }
    }
    const layout *pad = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    const size_t bytes = dnnl_memory_desc_get_size(pad);
    const operand scratchpad = {DNNL_ARG_SCRATCHPAD, pad, plan_scratch(p, bytes)};
    return bytes == 0 || add_operand(p, node, s, &scratchpad, err);
}

bool plan_add(plan *p, const kd_node *node, dnnl_primitive_desc_t desc, const operand *operands,
              int count, kd_error *err) {
    const bool done = p->steps < MAX_STEPS
                          ? fill_step(p, node, desc, operands, count, err)
                          : kd_fail(err, KD_E_INTERNAL, "%s: too many steps", node->op);
    dnnl_primitive_desc_destroy(desc);
    return done;
}

bool plan_add_loop(plan *p, plan_loop *loop, const void *work, size_t bytes, slot from, slot to,
                   kd_error *err) {
    if (p->steps == MAX_STEPS) {
        return kd_fail(err, KD_E_INTERNAL, "too many steps");
    }
    void *copy = state_create(bytes, err);
    if (!copy) {
        return false;
    }
    memcpy(copy, work, bytes);
    p->step[p->steps++] = (step){.loop = loop, .work = copy, .slot = {from, to}, .count = 2};
    return true;
}

/* A new attribute that puts scratchpads into our own memory. */
static dnnl_primitive_attr_t own_scratchpad(void) {
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_attr_create(&attr);
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    return attr;
}

static bool add_reorder(plan *p, const kd_node *node, const layout *from, slot from_slot,
                        const layout *to, slot to_slot, kd_error *err) {
    dnnl_primitive_attr_t attr = own_scratchpad();
    dnnl_primitive_desc_t desc = NULL;
    const dnnl_engine_t engine = p->device->engine;
    const dnnl_status_t status =
        dnnl_reorder_primitive_desc_create(&desc, from, engine, to, engine, attr);
    dnnl_primitive_attr_destroy(attr);
    const operand operands[] = {{DNNL_ARG_FROM, from, from_slot}, {DNNL_ARG_TO, to, to_slot}};
    return check(status, node, "reorder a weight", err) &&
           plan_add(p, node, desc, operands, 2, err);
}

bool plan_fit_in(plan *p, const kd_node *node, const layout *have, slot at, const layout *want,
                 slot *ret, kd_error *err) {
    if (dnnl_memory_desc_equal(have, want)) {
        *ret = at;
        return true;
    }
    *ret = plan_scratch(p, dnnl_memory_desc_get_size(want));
    return add_reorder(p, node, have, at, want, *ret, err);
}

slot plan_fit_out(plan *p, const layout *have, slot at, const layout *want) {
    return dnnl_memory_desc_equal(have, want) ? at
                                              : plan_scratch(p, dnnl_memory_desc_get_size(want));
}

bool plan_settle(plan *p, const kd_node *node, const layout *want, slot from, const layout *have,
                 slot at, kd_error *err) {
    return dnnl_memory_desc_equal(have, want) || add_reorder(p, node, want, from, have, at, err);
}

dnnl_status_t plan_describe(plan *p, const_dnnl_op_desc_t op, const_dnnl_primitive_desc_t hint,
                            dnnl_primitive_desc_t *ret) {
    dnnl_primitive_attr_t attr = own_scratchpad();
    const dnnl_status_t status = dnnl_primitive_desc_create(ret, op, attr, p->device->engine, hint);
    dnnl_primitive_attr_destroy(attr);
    return status;
}
