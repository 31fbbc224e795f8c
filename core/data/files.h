/* SPDX-License-Identifier: Apache-2.0
 * The host's reader of files: kd_files_api over folders, archives and single files. */
#ifndef CORE_DATA_FILES_H
#define CORE_DATA_FILES_H

#include <kindred/dataset.h>

/* What dataset plugins are given. Entries of a folder are regular files, symbolic links followed
 * (a loop is an error naming it); of an archive, regular files only: links, absolute paths and
 * paths with `..` are refused. Hidden files (".x", "._x") and "__MACOSX" are left out. */
const kd_files_api *files_api(void);

#endif
