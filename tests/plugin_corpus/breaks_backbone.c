/* SPDX-License-Identifier: Apache-2.0
 * The backbone of `kindred plugin new`, whose first map has no name. */
#include <kindred/backbone.h>

#undef KD_BACKBONE
#define KD_BACKBONE(...)
#include "../../share/templates/backbone/my_plugin.c"

static void build_badly(const void *config, kd_scope s, kd_tensor *images, bool train,
                        kd_features *ret) {
    build(config, s, images, train, ret);
    ret->maps[0].name = NULL;
}

KD_ENTRY(KD_KIND_BACKBONE, kd_backbone, .build = build_badly)
