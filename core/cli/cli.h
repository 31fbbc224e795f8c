/* SPDX-License-Identifier: Apache-2.0
 * What the commands of `kindred` share: their command_line and the table of commands. */
#ifndef CORE_CLI_CLI_H
#define CORE_CLI_CLI_H

#include "plugin/registry.h"

/* Exit status of the process; what was interrupted (training: after a checkpoint) ends with 128 +
 * the signal's number. */
#define STATUS_OK 0
#define STATUS_ERROR 1
#define STATUS_USAGE 2

/* kd_error.code of a wrong use of the command line. */
#define E_USAGE 1000

/* The words after a command, sorted. Texts are argv's. */
typedef struct command_line {
    arena memory;
    plugin_search search;
    const char *subject;     /* RUN.yaml or a run's folder */
    const char *const *keys; /* key=value, in order */
    int n_keys;
    const char *const *data; /* those after --data */
    int n_data;
    const char *const *drop; /* those after each --drop */
    int n_drop;
    const char *runs, *run, *to, *step; /* NULL: not given */
    bool resume, overwrite, markdown;
} command_line;

typedef struct command {
    const char *name;
    const char *takes;   /* options beside those of plugins, as "resume overwrite runs" */
    const char *subject; /* the word that must follow: "RUN.yaml"; NULL: none */
    const char *summary; /* a line */
    const char *help;    /* the whole */
    /* Writes the exit status on success. */
    bool (*run)(const command_line *in, int *ret_status, kd_error *err);
} command;

/* Takes what follows the command's name apart. fails with E_USAGE */
bool command_line_parse(const command *c, int argc, char **argv, command_line *ret, kd_error *err);

bool command_train(const command_line *in, int *ret_status, kd_error *err);
bool command_plan(const command_line *in, int *ret_status, kd_error *err);
bool command_eval(const command_line *in, int *ret_status, kd_error *err);
bool command_embed(const command_line *in, int *ret_status, kd_error *err);
bool command_export(const command_line *in, int *ret_status, kd_error *err);
bool command_import(const command_line *in, int *ret_status, kd_error *err);
bool command_schema(const command_line *in, int *ret_status, kd_error *err);

/* Ends in a name of NULL. */
extern const command commands[];

/* `kindred --help`. */
void print_help(FILE *to);

#endif
