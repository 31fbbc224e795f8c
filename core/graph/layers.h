/* SPDX-License-Identifier: Apache-2.0
 * The table of named compositions that kindred/layers.h calls by name. */
#ifndef CORE_GRAPH_LAYERS_H
#define CORE_GRAPH_LAYERS_H

#include <kindred/op.h>

/* False when there is no layer of that name with that many inputs. */
bool layer_build(kd_scope s, const char *name, kd_tensor *const *in, uint32_t n_in,
                 const kd_attr *attrs, uint32_t n_attrs, kd_tensor **ret);

/* heads.c: what layers.c lists by name. */
kd_tensor *layer_head(kd_scope s, const kd_node *call, kd_tensor *const *in);
/* Mean over rows; target: labels or shares of the classes. */
kd_tensor *mean_cross_entropy(kd_tensor *logits, kd_tensor *target);
kd_tensor *layer_soft_cross_entropy(kd_scope s, const kd_node *call, kd_tensor *const *in);
kd_tensor *layer_spread(kd_scope s, const kd_node *call, kd_tensor *const *in);
kd_tensor *layer_squared_frobenius(kd_scope s, const kd_node *call, kd_tensor *const *in);

/* tokens.c: likewise. */
kd_tensor *layer_resize_tokens(kd_scope s, const kd_node *call, kd_tensor *const *in);

#endif
