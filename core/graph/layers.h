/* SPDX-License-Identifier: Apache-2.0
 * The table of named compositions that kindred/layers.h calls by name. */
#ifndef CORE_GRAPH_LAYERS_H
#define CORE_GRAPH_LAYERS_H

#include <kindred/graph.h>

/* False when there is no layer of that name with that many inputs. */
bool layer_build(kd_scope s, const char *name, kd_tensor *const *in, uint32_t n_in,
                 const kd_attr *attrs, uint32_t n_attrs, kd_tensor **ret);

#endif
