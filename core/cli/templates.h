/* SPDX-License-Identifier: Apache-2.0
 * What `kindred plugin new` writes: the files below share/templates, embedded by tools/embed.sh. */
#ifndef CORE_CLI_TEMPLATES_H
#define CORE_CLI_TEMPLATES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct template_file {
    const char *kind; /* "method"; "common": of every kind that has no file of this path itself */
    const char *path; /* in the project */
    const char *text;
    bool executable;
} template_file;

/* Ends in a kind of NULL. */
extern const template_file template_files[];

#endif
