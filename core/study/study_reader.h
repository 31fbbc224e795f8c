/* SPDX-License-Identifier: Apache-2.0
 * Reading a study, between the files that read its parts: each puts what it reads into the study,
 * and fails as "study.yaml:3:5: compare.axis: ...". */
#ifndef CORE_STUDY_STUDY_READER_H
#define CORE_STUDY_STUDY_READER_H

#include "study/study.h"

typedef struct study_reader {
    study *study;
    kd_error *err;
} study_reader;

/* `matrix`; `compare`, whose words name axes and values; `paper`, whose words do too. In this
 * order.
 */
bool study_read_matrix(study_reader *in);
bool study_read_compare(study_reader *in);
bool study_read_papers(study_reader *in);

/* Whether every published number is of an eval that a run has. fails with a suggestion */
bool study_check_papers(const study *s, const study_runs *runs, kd_error *err);

/* Fills the struct of keys of the section of that path (study_section). others: keys of the map
 * that are read elsewhere, ended by NULL; may be NULL. */
bool study_read_keys(study_reader *in, const config_node *map, const char *path,
                     const char *const *others, void *keys, size_t size);

/* A key of the study itself that is a list, or nothing. */
bool study_read_list(study_reader *in, const char *key, const config_node **ret);

/* What the study itself gives each run, its name and seed: fails where the study says such a key in
 * a map of a run's keys, or means it by the text of a key or override ("seed", "seed=3"), for it
 * would be overwritten; takes out what a run's file that the map includes says of them. */
bool study_take_given(const config_node *map, kd_error *err);
bool study_check_given(const config_node *node, const char *text, kd_error *err);

/* Whether a word can be part of a folder's name. */
bool study_check_word(const config_node *node, const char *word, kd_error *err);

/* Which axis, and which of its values, a word at that node names. fails with a suggestion */
bool study_find_axis(study_reader *in, const config_node *at, const char *word, int *ret);
bool study_find_value(study_reader *in, const config_node *at, int axis, const char *word,
                      int *ret);

#endif
