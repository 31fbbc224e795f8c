/* SPDX-License-Identifier: Apache-2.0
 * Frozen features of images: batch by batch through a program, into host memory. */
#ifndef CORE_TRAIN_EXTRACTION_H
#define CORE_TRAIN_EXTRACTION_H

#include "train/assembly.h"

/* Features of the samples of one set, of those with a label only where `labelled`. */
typedef struct features {
    int64_t rows, width;
    float *value;      /* [rows, width] */
    int32_t *label;    /* [rows], -1: none */
    int64_t *sample;   /* [rows] the sample's index in the dataset, or of pairs in their list */
    int64_t *position; /* [rows] where it stands in the set's list of samples */
    int64_t *base;     /* [rows] the row that it is a variant of, -1: none; NULL: there are none */
    int32_t *factor;   /* [rows] as variants.factor; NULL where base is */
} features;

/* Compiles the assembly's feature programs: of the encoder, and of pixels where evals compare. */
bool features_compile(assembly *a, kd_error *err);
void features_finish(feature_program *p);

/* Takes features of every sample's first image. `what` begins the progress line.
 *
 * owns  features_free
 * fails with KD_E_CANCELLED when the user interrupts */
bool features_take(assembly *a, feature_program *p, const source *from, bool labelled,
                   const char *what, features *ret, kd_error *err);
void features_free(features *f);

/* The same samples with features that are all zero, read only, and take no memory; for plans. */
bool features_rehearse(const feature_program *p, const source *from, bool labelled, features *ret,
                       kd_error *err);

/* The labelled samples alone: width 0, and no values. owns: features_free */
void features_label(const source *from, features *ret);

/* Bytes of anonymous memory that features pass through, from features_take to features_finish. */
size_t features_buffers(const feature_program *p);

#endif
