/* SPDX-License-Identifier: Apache-2.0
 * The commands under `kindred pairs`. */
#ifndef CORE_CLI_CLI_PAIRS_H
#define CORE_CLI_CLI_PAIRS_H

#include "cli/cli.h"
#include "data/listing.h"
#include "train/run.h"

/* Names are whole: "pairs build". Ends in a name of NULL. */
extern const command pairs_commands[];

bool command_pairs_build(const command_line *in, int *ret_status, kd_error *err);
bool command_pairs_mine(const command_line *in, int *ret_status, kd_error *err);
bool command_pairs_show(const command_line *in, int *ret_status, kd_error *err);

/* Fails with E_USAGE unless --data names a dataset and --to a file. */
bool pairs_check_words(const command_line *in, const char *name, kd_error *err);

/* A whole number from `least` on; `text` NULL: ret stays. fails with E_USAGE */
bool pairs_read_number(const char *name, const char *text, int64_t least, int64_t *ret,
                       kd_error *err);

/* Fails on keys of --data that runs alone read; the hint is for a command that shows pairs, or that
 * makes them. */
bool pairs_check_data(const data_part *data, bool shows, kd_error *err);

/* What --data's dataset says of its samples. owns: listing_free, also after a failure
 * fails  also as pairs_check_data does */
bool pairs_list_data(registry *plugins, const data_part *data, listing *ret, kd_error *err);

#endif
