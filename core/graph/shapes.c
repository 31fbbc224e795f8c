/* SPDX-License-Identifier: Apache-2.0
 * Rules for shapes that several ops share. */
#include "graph/shapes.h"

bool same_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    (void)err;
    *out = node->inputs[0];
    return true;
}

const char *shape_text(const kd_spec *spec, char *to) {
    size_t used = (size_t)snprintf(to, 128, "[");
    for (int i = 0; i < spec->rank && used < 120; i++) {
        used += (size_t)snprintf(to + used, 128 - used, "%s%lld", i ? ", " : "",
                                 (long long)spec->dim[i]);
    }
    snprintf(to + used, 128 - used, "]");
    return to;
}

bool is_real_type(int32_t dtype) {
    return dtype == KD_F32 || dtype == KD_F64 || dtype == KD_BF16;
}

bool equal_specs(const kd_spec *a, const kd_spec *b) {
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

/* Brings `b` into `a`; false when they do not broadcast. */
static bool merge(kd_spec *a, const kd_spec *b) {
    kd_spec r = {.dtype = b->dtype, .rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= r.rank; i++) {
        const int64_t da = i <= a->rank ? a->dim[a->rank - i] : 1;
        const int64_t db = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (da != db && da != 1 && db != 1) {
            return false;
        }
        r.dim[r.rank - i] = da == 1 ? db : da;
    }
    *a = r;
    return true;
}

bool broadcast_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    kd_spec r = node->inputs[0];
    for (uint32_t i = 1; i < node->n_inputs; i++) {
        if (!merge(&r, &node->inputs[i])) {
            char a[128], b[128];
            return kd_fail(err, KD_E_INVALID, "%s and %s do not broadcast",
                           shape_text(&node->inputs[0], a), shape_text(&node->inputs[i], b));
        }
    }
    *out = r;
    return true;
}

kd_tensor *zero_of(kd_tensor *x) {
    return kd_fill(x->api->scope_of(x), (kd_spec){.dtype = kd_spec_of(x).dtype}, 0);
}
