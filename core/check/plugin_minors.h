/* SPDX-License-Identifier: Apache-2.0
 * The host's tables as long as the first host of each minor of the ABI had them: what a plugin of
 * that minor must do its work with. */
#ifndef CORE_CHECK_PLUGIN_MINORS_H
#define CORE_CHECK_PLUGIN_MINORS_H

#include <stddef.h>

/* Bytes of each table; what lies behind is a slot that a plugin asks for by KD_HAS. */
typedef struct host_minor {
    size_t host;                         /* kd_host */
    size_t graph, encoder, method_input; /* kd_graph_api, kd_encoder, kd_method_input */
    size_t dataset_host, files;          /* kd_dataset_host, kd_files_api */
    size_t eval_input;                   /* kd_eval_input */
} host_minor;

/* By minor, from 0 to KD_ABI_MINOR_LATEST. */
extern const host_minor host_minors[];

#endif
