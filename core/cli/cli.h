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
    const char *const *more; /* further subjects, where the command takes several */
    int n_more;
    const char *const *keys; /* key=value, in order */
    int n_keys;
    const char *const *data; /* those after --data */
    int n_data;
    const char *const *drop; /* those after each --drop */
    int n_drop;
    const char *runs, *run, *to, *step; /* NULL: not given */
    const char *key, *id, *ids, *until, *from;
    const char *device, *op;
    const char *kind, *level, *seed;
    const char *classes, *per_class;
    const char *encoder, *k, *min_similarity, *max_similarity, *per_image;
    const char *count, *rejected;
    bool allow_fewer;
    bool tap;
    bool user, system, locked;
    bool resume, overwrite, markdown, text, all, json, quick, plan, study;
} command_line;

typedef struct command {
    const char *name;
    const char *takes;   /* options beside those of plugins, as "resume overwrite runs" */
    const char *subject; /* the word that must follow: "RUN.yaml", "FILE...", or may: "[FILE]";
                            NULL: none */
    const char *summary; /* a line */
    const char *help;    /* the whole */
    /* Writes the exit status on success. */
    bool (*run)(const command_line *in, int *ret_status, kd_error *err);
} command;

/* Takes what follows the command's name apart. fails with E_USAGE */
bool command_line_parse(const command *c, int argc, char **argv, command_line *ret, kd_error *err);

bool command_train(const command_line *in, int *ret_status, kd_error *err);
bool command_plan(const command_line *in, int *ret_status, kd_error *err);
bool command_study(const command_line *in, int *ret_status, kd_error *err);
bool command_eval(const command_line *in, int *ret_status, kd_error *err);
bool command_embed(const command_line *in, int *ret_status, kd_error *err);
bool command_export(const command_line *in, int *ret_status, kd_error *err);
bool command_report(const command_line *in, int *ret_status, kd_error *err);
bool command_import(const command_line *in, int *ret_status, kd_error *err);
bool command_check(const command_line *in, int *ret_status, kd_error *err);
bool command_schema(const command_line *in, int *ret_status, kd_error *err);

/* Takes the options of plugin_search out of argv, for any command: removes --plugin FILE,
 * --plugin-path DIR, --no-user-plugins from argv, lowering *argc. The texts stay argv's, the lists
 * live in `a`. fails on an option without its value. */
bool take_plugin_search(int *argc, char **argv, arena *a, plugin_search *ret, kd_error *err);

/* What every command's help says of them. */
#define PLUGIN_OPTIONS                                                                             \
    "  --plugin FILE       also look at this plugin, before all others\n"                          \
    "  --plugin-path DIR   also look for plugins here\n"                                           \
    "  --no-user-plugins   not in KINDRED_PLUGIN_PATH and the home folder\n"

/* Ends in a name of NULL. */
extern const command commands[];

/* `kindred --help`. */
void print_help(FILE *to);

#endif
