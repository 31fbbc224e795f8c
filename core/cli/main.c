/* SPDX-License-Identifier: Apache-2.0
 * From the command line to a command; the one place that prints errors. */
#include "cli/cli.h"
#include "cli/command_groups.h"

#include "base/suggest.h"
#include "train/interrupt.h"

#include <malloc.h>

static int report(const kd_error *err) {
    fprintf(stderr, "kindred: %s\n", err->message);
    if (*err->hint) {
        fprintf(stderr, "  hint: %s\n", err->hint);
    }
    if (err->code == KD_E_CANCELLED && interrupt_signal()) {
        return 128 + interrupt_signal();
    }
    return err->code == E_USAGE ? STATUS_USAGE : STATUS_ERROR;
}

static bool asks_help(int argc, char **argv) {
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int run(const command *c, int argc, char **argv) {
    kd_error err = KD_ERROR_INIT;
    command_line in = {.subject = NULL};
    int status = STATUS_OK;
    if (asks_help(argc, argv)) {
        fputs(c->help, stdout);
        return STATUS_OK;
    }
    if (!command_line_parse(c, argc, argv, &in, &err) || !c->run(&in, &status, &err)) {
        status = report(&err);
    }
    arena_free(&in.memory);
    return status;
}

static int run_of_group(const command_group *g, int argc, char **argv) {
    kd_error err = KD_ERROR_INIT;
    if (argc > 0 && asks_help(1, argv)) {
        print_group_help(g, stdout);
        return STATUS_OK;
    }
    const command *c = find_group_command(g, argc, argv, &err);
    return c ? run(c, argc - 1, argv + 1) : report(&err);
}

static int unknown(const char *word) {
    enum { MOST = 64 };
    const char *names[MOST];
    kd_error err = KD_ERROR_INIT;
    int count = 0;
    for (const command_group *g = command_groups; g->name && count < MOST; g++) {
        names[count++] = g->name;
    }
    for (const command *c = commands; c->name && count < MOST; c++) {
        names[count++] = c->name;
    }
    const char *near = suggest(word, names, count);
    kd_fail(&err, E_USAGE, near ? "%s: unknown command; did you mean %s?" : "%s: unknown command",
            word, near);
    kd_hint(&err, "kindred --help");
    return report(&err);
}

int main(int argc, char **argv) {
    /* Large memory goes back to the system when it is freed, whatever was freed before: else what
     * `plan` predicts would depend on the order. */
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    const char *word = argc > 1 ? argv[1] : "";
    if (argc < 2 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help(argc < 2 ? stderr : stdout);
        return argc < 2 ? STATUS_USAGE : STATUS_OK;
    }
    if (strcmp(word, "--version") == 0) {
        printf("kindred %s, plugin interface %d.%d\n", KINDRED_VERSION, KD_ABI_MAJOR,
               KD_ABI_MINOR_LATEST);
        return STATUS_OK;
    }
    const command_group *group = find_group(word);
    if (group) {
        return run_of_group(group, argc - 2, argv + 2);
    }
    for (const command *c = commands; c->name; c++) {
        if (strcmp(word, c->name) == 0) {
            return run(c, argc - 2, argv + 2);
        }
    }
    return unknown(word);
}
