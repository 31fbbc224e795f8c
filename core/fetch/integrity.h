/* SPDX-License-Identifier: Apache-2.0
 * Whether a file is the one that was asked for: by its MD5, or where nobody states one, by its
 * length and the first bytes of an archive of its name. */
#ifndef CORE_FETCH_INTEGRITY_H
#define CORE_FETCH_INTEGRITY_H

#include "fetch/download.h"

typedef struct integrity {
    bool right;
    char why[160];           /* it is not: "it has 18 bytes and should have 248100043" */
    char sha256[SHA256_HEX]; /* of a file that is right and has no MD5; else "" */
} integrity;

/* fails  when the file cannot be read */
bool integrity_check(const download *d, const char *file, integrity *ret, kd_error *err);

/* Whether a part can be the beginning: it is not too long, and an archive begins so. A part that is
 * too short to tell, or of a file with an MD5, can. fails  as above */
bool integrity_check_part(const download *d, const char *part, integrity *ret, kd_error *err);

#endif
