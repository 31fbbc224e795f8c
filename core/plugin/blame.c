/* SPDX-License-Identifier: Apache-2.0
 * Signal handlers and an exit handler while a plugin is loaded; what they say is made beforehand,
 * for a handler may do little more than write. */
#include "plugin/blame.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STACK_BYTES = 1 << 16 };
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { N_CRASHES = sizeof crashes / sizeof *crashes };

/* Of the process, as signals are. */
static struct {
    bool watching, silent, registered;
    char who[4096];  /* "kindred: plugin simclr (PATH) " */
    char hint[4200]; /* the line after */
    struct sigaction before[N_CRASHES];
    stack_t stack_before;
    char stack[STACK_BYTES]; /* a plugin may have used up its own */
} state;

static void say(const char *text) {
    const ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written;
}

static void on_crash(int number) {
    const char *what = sigdescr_np(number);
    say(state.who);
    say("crashed when it was loaded: ");
    say(what ? what : "a signal");
    say("\n");
    say(state.hint);
    signal(number, SIG_DFL);
    raise(number);
}

static void on_exit_called(void) {
    if (state.watching) {
        say(state.who);
        say("ended the process when it was loaded\n");
        say(state.hint);
        _exit(1);
    }
}

void blame_begin(const char *id, const char *file, const char *path) {
    if (state.silent) {
        return;
    }
    snprintf(state.who, sizeof state.who, "kindred: plugin %.200s (%.3800s) ", id, file);
    snprintf(state.hint, sizeof state.hint,
             "  hint: kindred plugin check '%.3800s' says more; runs are as they were\n", path);
    if (!state.registered) {
        state.registered = atexit(on_exit_called) == 0;
    }
    sigaltstack(&(stack_t){.ss_sp = state.stack, .ss_size = STACK_BYTES}, &state.stack_before);
    for (int i = 0; i < N_CRASHES; i++) {
        const struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
        sigaction(crashes[i], &action, &state.before[i]);
    }
    state.watching = true;
}

void blame_end(void) {
    if (!state.watching) {
        return;
    }
    state.watching = false;
    for (int i = 0; i < N_CRASHES; i++) {
        sigaction(crashes[i], &state.before[i], NULL);
    }
    sigaltstack(&state.stack_before, NULL);
}

void blame_nobody(void) {
    state.silent = true;
}
