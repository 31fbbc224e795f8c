/* SPDX-License-Identifier: Apache-2.0
 * Runs one rule of the plugin check in a child process: a plugin may crash, hang, exit or write to
 * wherever it likes there. */
#include "check/plugin_rule.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIMIT_SECONDS = 120 };

/* What the child leaves, in memory that both see. */
typedef struct report {
    bool finished;
    verdict verdict;
    char why[sizeof((plugin_case *)0)->why];
} report;

/* A crash is the plugin's end, whatever the host (or a sanitizer in it) does at one. */
static void crash_plainly(void) {
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        signal(crashes[i], SIG_DFL);
    }
}

static void be_child(const plugin_rule *rule, plugin_case *c, report *r, int output) {
    crash_plainly();
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    rule->run(c);
    r->verdict = c->verdict;
    memcpy(r->why, c->why, sizeof r->why);
    r->finished = true;
    _exit(0);
}

/* The child's end, or its killing after the limit. Returns false on the latter. */
static bool await(pid_t child, int *ret_status) {
    const struct timespec nap = {.tv_nsec = 2000000};
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += LIMIT_SECONDS;
    while (waitpid(child, ret_status, WNOHANG) == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec > end.tv_sec) {
            kill(child, SIGKILL);
            waitpid(child, ret_status, 0);
            return false;
        }
        nanosleep(&nap, NULL);
    }
    return true;
}

/* The end of what the child printed, which says most about a crash; on one line. */
static void last_words(int output, char *ret, size_t bytes) {
    const off_t end = lseek(output, 0, SEEK_END);
    const off_t from = end > (off_t)bytes - 1 ? end - (off_t)bytes + 1 : 0;
    const ssize_t got = pread(output, ret, bytes - 1, from);
    ret[got > 0 ? got : 0] = 0;
    for (char *at = ret; *at; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
}

void rule_run_in_child(const plugin_rule *rule, plugin_case *c) {
    report *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const int output = memfd_create("output", MFD_CLOEXEC);
    fflush(stdout);
    fflush(stderr);
    const pid_t child = r == MAP_FAILED || output < 0 ? -1 : fork();
    if (child == 0) {
        be_child(rule, c, r, output);
    }
    int status = 0;
    char words[300];
    if (child < 0) {
        rule_skip(c, "no process for it: %s", strerror(errno));
    } else if (!await(child, &status)) {
        rule_fail(c, "did not end within %d seconds", LIMIT_SECONDS);
    } else if (r->finished) {
        c->verdict = r->verdict;
        memcpy(c->why, r->why, sizeof c->why);
    } else if (WIFSIGNALED(status)) {
        last_words(output, words, sizeof words);
        rule_fail(c, "the plugin crashed: %s%s%s", strsignal(WTERMSIG(status)), *words ? ": " : "",
                  words);
    } else {
        last_words(output, words, sizeof words);
        rule_fail(c, "the plugin ended the process with status %d%s%s", WEXITSTATUS(status),
                  *words ? ": " : "", words);
    }
    if (output >= 0) {
        close(output);
    }
    if (r != MAP_FAILED) {
        munmap(r, sizeof *r);
    }
}
