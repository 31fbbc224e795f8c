/* SPDX-License-Identifier: Apache-2.0
 * Which classes of a dataset a pair set is made of. */
#ifndef CORE_DATA_PAIRS_CLASSES_H
#define CORE_DATA_PAIRS_CLASSES_H

#include "data/listing.h"

/* Chooses classes.
 *
 * text   NULL: all; a number N: N classes drawn by seed, those of a smaller N among them; else a
 *        file of names, one a line, or of numbers where classes have no names; or of folders, such
 *        as WordNet ids, that hold all images of a class
 * chosen [l->classes], written
 * fails  as "classes.txt:3: ..." on a name that is no class, is that of two, or stands twice; when
 * N is more than there are; when the file has none */
bool classes_choose(const listing *l, const char *text, uint64_t seed, bool *chosen, kd_error *err);

#endif
