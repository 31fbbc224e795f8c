/* SPDX-License-Identifier: Apache-2.0
 * Runs one rule of the plugin check in a child process: a plugin may crash, hang, exit or write to
 * wherever it likes there. */
#include "check/plugin_rule.h"

#include "plugin/blame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the child leaves, in memory that both see. */
typedef struct rule_report {
    bool finished;
    verdict verdict;
    char doing[DOING_BYTES];
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
    blame_nobody();
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    c->doing = r->doing;
    rule->run(c);
    r->verdict = c->verdict;
    memcpy(r->why, c->why, sizeof r->why);
    r->finished = true;
    _exit(0);
}

/* The child's end, or its killing after the limit. Returns false on the latter. */
static bool await(pid_t child, int seconds, int *ret_status) {
    const struct timespec nap = {.tv_nsec = 2000000};
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += seconds;
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

rule_child rule_begin(const plugin_rule *rule, plugin_case *c) {
    rule_child r = {.rule = rule, .of = c, .child = -1};
    r.report =
        mmap(NULL, sizeof *r.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    r.output = memfd_create("output", MFD_CLOEXEC);
    fflush(stdout);
    fflush(stderr);
    if (r.report != MAP_FAILED && r.output >= 0) {
        r.child = fork();
    }
    r.error = errno;
    if (r.child == 0) {
        be_child(rule, c, r.report, r.output);
    }
    return r;
}

/* "Segmentation fault: what it printed last" */
static void say_died(const rule_child *r, const char *how) {
    char words[300];
    last_words(r->output, words, sizeof words);
    rule_fail(r->of, "%s%s%s", how, *words ? ": " : "", words);
}

static void judge(const rule_child *r, int status) {
    plugin_case *c = r->of;
    char how[100];
    if (r->report->finished) {
        c->verdict = r->report->verdict;
        memcpy(c->why, r->report->why, sizeof c->why);
    } else if (WIFSIGNALED(status)) {
        snprintf(how, sizeof how, "the plugin crashed: %s", strsignal(WTERMSIG(status)));
        say_died(r, how);
    } else {
        snprintf(how, sizeof how, "the plugin ended the process with status %d",
                 WEXITSTATUS(status));
        say_died(r, how);
    }
}

void rule_end(rule_child *r) {
    const int seconds = r->of->seconds ? r->of->seconds : RULE_SECONDS;
    int status = 0;
    if (r->child < 0) {
        rule_skip(r->of, "no process for it: %s", strerror(r->error));
    } else if (!await((pid_t)r->child, seconds, &status)) {
        const char *doing = r->report->doing;
        rule_fail(r->of, "did not end within %d seconds%s%s", seconds, *doing ? " " : "", doing);
    } else {
        judge(r, status);
    }
    if (r->output >= 0) {
        close(r->output);
    }
    if (r->report != MAP_FAILED) {
        munmap(r->report, sizeof *r->report);
    }
}
