/* SPDX-License-Identifier: Apache-2.0
 * Building graphs of cuDNN's; see dnn.h. */
#include "dnn.h"

const char *dnn_more(const vendor *v, char *text, size_t room) {
    static const char separator[] = ": ";
    const size_t used = sizeof separator - 1;
    memcpy(text, separator, sizeof separator);
    v->call.cudnnGetLastErrorString(text + used, room - used);
    return text[used] ? text : "";
}

bool dnn_fail(const vendor *v, cudnnStatus_t status, const char *what, kd_error *err) {
    char more[256];
    return kd_fail(err, KD_E_DEVICE, "cuDNN cannot %s: %s%s", what,
                   v->call.cudnnGetErrorString(status), dnn_more(v, more, sizeof more));
}

/* Records a failure unless there was one before. */
static void check(dnn_build *b, cudnnStatus_t status, const char *what) {
    if (status != CUDNN_STATUS_SUCCESS && !b->failed) {
        b->failed = true;
        dnn_fail(b->vendor, status, what, b->err);
        kd_while(b->err, "%s", b->node->path);
    }
}

void dnn_adopt(dnn_build *b, descriptor d) {
    if (b->count < DNN_MAX_DESCRIPTORS) {
        b->made[b->count++] = d;
        return;
    }
    b->vendor->call.cudnnBackendDestroyDescriptor(d);
    if (!b->failed) {
        b->failed = true;
        kd_fail(b->err, KD_E_INTERNAL, "%s: too many descriptors", b->node->path);
    }
}

descriptor dnn_make(dnn_build *b, cudnnBackendDescriptorType_t type) {
    descriptor d = NULL;
    if (!b->failed) {
        check(b, b->vendor->call.cudnnBackendCreateDescriptor(type, &d), "make a descriptor");
    }
    if (b->failed) {
        return NULL;
    }
    dnn_adopt(b, d);
    return b->failed ? NULL : d;
}

void dnn_set(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name,
             cudnnBackendAttributeType_t type, int64_t count, const void *values) {
    if (!b->failed) {
        char what[64];
        snprintf(what, sizeof what, "set attribute %d", (int)name);
        check(b, b->vendor->call.cudnnBackendSetAttribute(d, name, type, count, values), what);
    }
}

void dnn_finalize(dnn_build *b, descriptor d) {
    if (!b->failed) {
        check(b, b->vendor->call.cudnnBackendFinalize(d), "finalise a descriptor");
    }
}

void dnn_set_descriptor(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name,
                        descriptor value) {
    dnn_set(b, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

void dnn_set_int(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name, int64_t value) {
    dnn_set(b, d, name, CUDNN_TYPE_INT64, 1, &value);
}

void dnn_set_type(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name,
                  cudnnDataType_t value) {
    dnn_set(b, d, name, CUDNN_TYPE_DATA_TYPE, 1, &value);
}

cudnnDataType_t dnn_type(int32_t dtype) {
    return dtype == KD_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

descriptor dnn_tensor(dnn_build *b, int64_t number, cudnnDataType_t type, int rank,
                      const int64_t *dim, const int64_t *stride) {
    descriptor d = dnn_make(b, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    dnn_set_int(b, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, number);
    dnn_set_type(b, d, CUDNN_ATTR_TENSOR_DATA_TYPE, type);
    dnn_set(b, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, rank, dim);
    dnn_set(b, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, rank, stride);
    dnn_set_int(b, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, TENSOR_ALIGNMENT);
    dnn_finalize(b, d);
    return d;
}

void dnn_finish(dnn_build *b) {
    while (b->count > 0) {
        b->vendor->call.cudnnBackendDestroyDescriptor(b->made[--b->count]);
    }
}
