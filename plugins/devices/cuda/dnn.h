/* SPDX-License-Identifier: Apache-2.0
 * Graphs of cuDNN's backend interface: descriptors in, an execution plan out.
 *
 * A build is sticky: its first failure is recorded in its error and what follows does nothing, so
 * that a graph is described without branches and asked for once, by dnn_choose. It owns every
 * descriptor made with it until dnn_finish, which comes after the last use of the plan: nothing
 * says that a plan outlives what it was made from. */
#ifndef CUDA_DNN_H
#define CUDA_DNN_H

#include "vendor.h"

typedef cudnnBackendDescriptor_t descriptor; /* a pointer */

#define DNN_MAX_DESCRIPTORS 64
typedef struct dnn_build {
    const vendor *vendor;
    const kd_node *node; /* for messages and types */
    kd_error *err;
    bool failed;
    int count;
    descriptor made[DNN_MAX_DESCRIPTORS];
} dnn_build;

/* An execution plan; it belongs to the build. */
typedef struct dnn_plan {
    descriptor plan;
    int64_t workspace; /* bytes */
    int64_t engine;    /* of cuDNN's numbering, for records */
    uint32_t notes;    /* on its numbers: bit 1u << CUDNN_NUMERICAL_NOTE_ */
    bool compiled;     /* its kernels are compiled when it is built */
    bool last_resort;  /* none of the engines that the heuristics think fast would do */
} dnn_plan;

/* What cuDNN adds to its last status: ": text", or nothing. Returns `text`. */
const char *dnn_more(const vendor *v, char *text, size_t room);

/* Why a status is an error, with what cuDNN adds. Returns false. */
bool dnn_fail(const vendor *v, cudnnStatus_t status, const char *what, kd_error *err);

descriptor dnn_make(dnn_build *b, cudnnBackendDescriptorType_t type);
void dnn_set(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name,
             cudnnBackendAttributeType_t type, int64_t count, const void *values);
void dnn_finalize(dnn_build *b, descriptor d);

/* The usual kinds of attribute. */
void dnn_set_descriptor(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name,
                        descriptor value);
void dnn_set_int(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name, int64_t value);
void dnn_set_type(dnn_build *b, descriptor d, cudnnBackendAttributeName_t name,
                  cudnnDataType_t value);

cudnnDataType_t dnn_type(int32_t dtype);

/* A tensor of device memory, known by its number. `dim` in cuDNN's order (images n, c, h, w),
 * `stride` in elements. */
descriptor dnn_tensor(dnn_build *b, int64_t number, cudnnDataType_t type, int rank,
                      const int64_t *dim, const int64_t *stride);

/* Chooses an engine for these operations: the first of cuDNN's heuristics, in their order, that
 * keeps what the device promises (determinism, precision), wants no workspace above the vendor's
 * most, and can be built; if there is none, the first with a larger one. fails with
 * KD_E_UNSUPPORTED when there is none, and with what went wrong before. */
bool dnn_choose(dnn_build *b, const descriptor *operations, int count, dnn_plan *ret);

/* Hands a descriptor over to the build. */
void dnn_adopt(dnn_build *b, descriptor d);

/* Destroys what was made, the last first, whether it failed or not. */
void dnn_finish(dnn_build *b);

#endif
