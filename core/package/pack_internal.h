/* SPDX-License-Identifier: Apache-2.0
 * A package that is being made, for the files that make it. */
#ifndef CORE_PACKAGE_PACK_INTERNAL_H
#define CORE_PACKAGE_PACK_INTERNAL_H

#include "package/archive_file.h"
#include "package/pack.h"
#include "plugin/note.h"

/* A file to be packed. */
typedef struct packed_file {
    archive_source source;
    const char *file;  /* where it was read from */
    plugin_note note;  /* id NULL: it is no plugin */
    bool is_companion; /* a shared object without a note, of the machine that the note says */
    bool is_claimed;   /* by a plugin, whose companion it is */
} packed_file;

typedef struct packing {
    const pack_request *in;
    arena *a;
    int n_files;
    packed_file *files;
    int n; /* of sources: the files, then manifest, sums and signature */
    archive_source *sources;
    const char *id, *version;
    kd_error *err;
} packing;

/* What folders for a machine are called; NULL: not known. machine: as in a note. */
const char *packing_triplet(const char *machine);

/* Reads a file, to be `path` in the package. NULL: it cannot be, or another file is that already.
 */
packed_file *packing_add(packing *p, const char *file, const char *path);

/* The file that is `path` in the package; NULL: there is none. */
packed_file *packing_find(const packing *p, const char *path);

/* Reads a shared object without a note, which may be a companion. */
bool packing_add_companion(packing *p, const char *file);

/* Gives every plugin its companions: those that were added, else those that lie beside it. fails
 * when one that a plugin cannot do without is missing, or when one was added that is of none. */
bool packing_claim_companions(packing *p);

#endif
