/* SPDX-License-Identifier: Apache-2.0
 * What the files that read and write a run share. */
#ifndef CORE_TRAIN_RUN_INTERNAL_H
#define CORE_TRAIN_RUN_INTERNAL_H

#include "train/run.h"
#include "train/run_options.h"

/* Where a run is being read from and to. */
typedef struct run_reader {
    run *run;
    const registry *plugins;
    kd_error *err;
} run_reader;

/* Fills `keys` from a map that a section of the host's describes. `others`: keys that someone else
 * reads, ending in NULL. */
bool read_section(run_reader *reader, const config_node *map, const char *path,
                  const char *const *others, void *keys, size_t size);

/* Reads a map that names a plugin, whose options stand beside the section's own keys. `inner`: maps
 * inside of it that someone else reads, ending in NULL. */
bool read_part(run_reader *reader, const config_node *map, const char *path,
               const char *const *inner, part *ret, void *keys, size_t size);

/* `data`, and an eval's `train` and `test`. base: where store keys come from that are not given;
 * NULL: the defaults. */
bool read_data(run_reader *reader, const config_node *map, const data_part *base, data_part *ret);

/* The run's own data, of another split. fails when the dataset has no such option. */
bool read_split(run_reader *reader, const config_node *eval, const char *split, data_part *ret);

bool read_evals(run_reader *reader, const config_node *root);

/* What several keys say together. */
bool run_check(const run *r, kd_error *err);

#endif
