/* SPDX-License-Identifier: Apache-2.0
 * A file of MNIST's format: a header, then bytes. */
#ifndef PLUGINS_DATASETS_IDX_FILE_H
#define PLUGINS_DATASETS_IDX_FILE_H

#include <kindred/dataset.h>

/* u8 [count, height, width, channels]; of labels [count]. */
typedef struct idx_file {
    void *memory;
    const kd_files_api *files; /* frees memory */
    const unsigned char *data;
    int64_t count, height, width, channels;
} idx_file;

/* An entry of labels or of images; ret->files->release(ret->memory) frees it. fails when it is of
 * another format or shape, or its bytes do not fit its header */
bool idx_file_load(const kd_files_api *files, kd_files *in, int64_t entry, bool labels,
                   idx_file *ret, kd_error *err);

#endif
