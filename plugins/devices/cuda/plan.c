/* SPDX-License-Identifier: Apache-2.0
 * Plans of cuDNN's graphs: building, sharing and running them; see plan.h. */
#include "plan.h"

#include "status.h"
#include "widen.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

/* Of a workspace behind other scratch. */
#define ALIGN ((size_t)256)

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
        APPEND(&node->attrs[i].f, sizeof node->attrs[i].f);
    }
#undef APPEND
    return used;
}

static bool has_empty(const kd_node *node) {
    for (uint32_t i = 0; i < node->n_inputs + node->n_outputs; i++) {
        if (kd_elements(i < node->n_inputs ? &node->inputs[i]
                                           : &node->outputs[i - node->n_inputs]) == 0) {
            return true;
        }
    }
    return false;
}

void plan_add_operand(plan *p, int64_t number, int at, int index, size_t offset) {
    p->operand[p->operands++] = (operand){number, at, index, offset};
}

void plan_widen_output(plan *p, int64_t number, const kd_spec *output) {
    p->widened = kd_elements(output);
    p->own_scratch = ((size_t)p->widened * 2 + ALIGN - 1) / ALIGN * ALIGN;
    plan_add_operand(p, number, AT_SCRATCH, 0, 0);
}

void plan_destroy(const vendor *v, plan *p) {
    p->graph.vendor = v;
    dnn_finish(&p->graph);
    free(p->key);
    free(p);
}

plan *plan_create(const vendor *v, const kd_node *node, plan_builder *build, kd_error *err) {
    plan *p = state_create(sizeof *p, err);
    if (!p || has_empty(node)) {
        return p;
    }
    p->graph = (dnn_build){.vendor = v, .node = node, .err = err};
    if (!build(&p->graph, p)) {
        plan_destroy(v, p);
        return NULL;
    }
    p->graph.node = NULL; /* equal nodes share it */
    p->graph.err = NULL;
    return p;
}

static plan *find(const vendor *v, const char *key, size_t bytes) {
    plan *p = v->plans;
    while (p && (p->key_bytes != bytes || memcmp(p->key, key, bytes) != 0)) {
        p = p->next;
    }
    return p;
}

/* Engine 0, where the heuristics knew of none that is fast, is one without tensor cores. */
static void warn_of_last_resort(const kd_device *device, const kd_node *node, const plan *p) {
    if (!p->dnn.last_resort || p->dnn.engine != 0 || !device->host) {
        return;
    }
    char text[512];
    const int length = snprintf(text, sizeof text,
                                "%s: %s: cuDNN has nothing but engine 0 for it, its last resort, "
                                "which may be slow",
                                node->path, node->op);
    device->host->log(device->host, KD_LOG_WARN, text,
                      length < (int)sizeof text ? (size_t)length : sizeof text - 1);
}

bool plan_open(kd_device *device, const kd_node *node, plan_builder *build, void **ret_state,
               size_t *ret_scratch, kd_error *err) {
    vendor *v = device->vendor;
    const size_t bytes = write_key(node, NULL);
    char *key = state_create(bytes, err);
    if (!key) {
        return false;
    }
    write_key(node, key);
    plan *p = find(v, key, bytes);
    if (p) {
        free(key);
    } else {
        p = plan_create(v, node, build, err);
        if (!p) {
            free(key);
            return false;
        }
        warn_of_last_resort(device, node, p);
        p->key = key;
        p->key_bytes = bytes;
        p->next = v->plans;
        v->plans = p;
    }
    p->uses++;
    *ret_state = p;
    *ret_scratch = p->own_scratch + (size_t)p->dnn.workspace;
    return true;
}

void plan_release(kd_device *device, void *state) {
    plan *p = state;
    if (--p->uses > 0) {
        return;
    }
    plan **at = &device->vendor->plans;
    while (*at != p) {
        at = &(*at)->next;
    }
    *at = p->next;
    plan_destroy(device->vendor, p);
}

static void clear(kd_device *device, const kd_node *node, void *output) {
    const size_t bytes = kd_bytes(&node->outputs[0]);
    const cudaError_t status =
        bytes ? cudaMemsetAsync(output, 0, bytes, device->stream) : cudaSuccess;
    device_check(device, (int)status, "%s: %s: clearing its output", node->path, node->op);
}

static void *place_of(const operand *o, void *const *in, void *const *out, void *scratch) {
    void *const base = o->at == AT_INPUT    ? in[o->index]
                       : o->at == AT_OUTPUT ? out[o->index]
                                            : scratch;
    return (char *)base + o->offset;
}

/* Execution takes a descriptor of the pointers; the plan itself is not touched. */
static cudnnStatus_t execute(const vendor *v, const plan *p, void *const *in, void *const *out,
                             void *scratch) {
    int64_t number[PLAN_MAX_OPERANDS];
    void *pointer[PLAN_MAX_OPERANDS], *workspace = (char *)scratch + p->own_scratch;
    for (int i = 0; i < p->operands; i++) {
        number[i] = p->operand[i].number;
        pointer[i] = place_of(&p->operand[i], in, out, scratch);
    }
    const vendor_calls *call = &v->call;
    descriptor pack = NULL;
    cudnnStatus_t status =
        call->cudnnBackendCreateDescriptor(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (status != CUDNN_STATUS_SUCCESS) {
        return status;
    }
    const struct {
        cudnnBackendAttributeName_t name;
        cudnnBackendAttributeType_t type;
        int64_t count;
        const void *values;
    } attributes[] = {
        {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, p->operands, number},
        {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, p->operands, pointer},
        {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace},
    };
    for (size_t i = 0; i < 3 && status == CUDNN_STATUS_SUCCESS; i++) {
        status = call->cudnnBackendSetAttribute(pack, attributes[i].name, attributes[i].type,
                                                attributes[i].count, attributes[i].values);
    }
    status = status == CUDNN_STATUS_SUCCESS ? call->cudnnBackendFinalize(pack) : status;
    status = status == CUDNN_STATUS_SUCCESS ? call->cudnnBackendExecute(v->dnn, p->dnn.plan, pack)
                                            : status;
    call->cudnnBackendDestroyDescriptor(pack);
    return status;
}

void plan_run(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const plan *p = state;
    if (!p->dnn.plan) {
        clear(device, node, out[0]);
        return;
    }
    const vendor *v = device->vendor;
    const cudnnStatus_t status = execute(v, p, in, out, scratch);
    if (status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED) {
        device_starve(device, "%s: %s: cuDNN", node->path, node->op);
    } else if (status != CUDNN_STATUS_SUCCESS) {
        char more[256];
        device_fail(device, "%s: %s: cuDNN fails: %s%s", node->path, node->op,
                    v->call.cudnnGetErrorString(status), dnn_more(v, more, sizeof more));
    }
    widen_bf16(device, scratch, out[0], p->widened);
}
