/* SPDX-License-Identifier: Apache-2.0
 * The ids of pairs that a person has looked at and turned down: one a line; what follows a # is
 * a remark. */
#ifndef CORE_DATA_PAIRS_REJECT_H
#define CORE_DATA_PAIRS_REJECT_H

#include "base/arena.h"

#include <kindred/error.h>

#include <stdint.h>

typedef struct rejected_id {
    const char *id;
    int64_t line; /* counted from 1 */
    bool used;    /* some pair has it */
} rejected_id;

typedef struct reject_list {
    const char *path;
    rejected_id *list; /* [count] sorted by id */
    int64_t count;
    arena memory;
} reject_list;

/* path  NULL or "": an empty list. fails when the file cannot be read. owns: reject_free */
bool reject_read(const char *path, reject_list *ret, kd_error *err);
void reject_free(reject_list *list);

/* Whether the pair is turned down; remembers that the id is known. */
bool reject_has(reject_list *list, const char *id);

/* fails as "rejected.txt:3: ..." on the first line whose id no pair had; `what` names the pairs. */
bool reject_check(const reject_list *list, const char *what, kd_error *err);

#endif
