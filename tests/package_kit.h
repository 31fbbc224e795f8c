/* SPDX-License-Identifier: Apache-2.0
 * What the tests of packages share: keys that minisign made, packages of the corpus, and archives
 * with anything in them. Mistakes end the test. */
#ifndef TESTS_PACKAGE_KIT_H
#define TESTS_PACKAGE_KIT_H

#include "package/archive_file.h"
#include "package/install.h"
#include "plugin_corpus.h"

/* Made by `minisign -G -W` (0.11); it signs nothing but what tests make. */
extern const char kit_public[], kit_secret[];
#define KIT_KEY "654D8C87A76D31A3"

/* A folder of the test's own that is HOME, and the working directory. */
const char *kit_begin(arena *a);
void kit_end(const char *folder);

/* Writes a text below HOME, and the folders above it. */
void kit_write(const char *path, const char *text);

/* keys.d/lab.pub, with further lines. */
void kit_trust(const char *lines);

/* Packs files of the corpus ("variant_1_0"), ending in NULL, as `to`. */
void kit_pack(const char *to, bool sign, const char *const *names);

/* An entry of an archive that nobody should unpack. */
typedef struct kit_entry {
    const char *path;
    int type; /* AE_IFREG, ... */
    const char *link;
    const void *data;
    size_t bytes;
} kit_entry;
void kit_archive(const char *to, const kit_entry *entries, int n);

/* Unpacks a package to the folder `to`; packs it again as `to`.kdpkg with its files as they are
 * then. */
archive_contents kit_unpack(const char *file, const char *to, arena *a);
void kit_repack(const archive_contents *c, const char *to, arena *a);

/* Installs below HOME/plugins; false with the message. */
bool kit_install(const char *file, arena *a, installation *ret, kd_error *err);

#endif
