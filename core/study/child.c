/* SPDX-License-Identifier: Apache-2.0
 * kindred in a process of its own. */
#include "study/child.h"

#include "train/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "/proc/self/exe"
#define MAX_WORDS 32

/* Its command line; lives in `a`. */
static char **command(const char *const *words, const plugin_search *search, arena *a) {
    const int most = MAX_WORDS + 2 * (search->n_files + search->n_folders);
    const char **argv = arena_alloc(a, sizeof *argv * (size_t)most);
    int n = 0;
    argv[n++] = "kindred";
    for (; *words && n < MAX_WORDS - 2; words++) {
        argv[n++] = *words;
    }
    for (int i = 0; i < search->n_files; i++) {
        argv[n++] = "--plugin";
        argv[n++] = search->files[i];
    }
    for (int i = 0; i < search->n_folders; i++) {
        argv[n++] = "--plugin-path";
        argv[n++] = search->folders[i];
    }
    if (search->no_user_plugins) {
        argv[n++] = "--no-user-plugins";
    }
    return (char **)(uintptr_t)argv; /* execv changes none of them */
}

static void be_child(char **argv, int parent, int out, int log) {
    const int nothing = open("/dev/null", O_RDONLY);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) { /* it ended before it could be asked to */
        _exit(127);
    }
    setpgid(0, 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execv(PROGRAM, argv);
    dprintf(STDERR_FILENO, "%s: %s\n", PROGRAM, strerror(errno));
    _exit(127);
}

static int open_file(const char *path, int how, kd_error *err) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
    if (fd < 0) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    return fd;
}

int child_start(const char *const *words, const plugin_search *search, const char *out,
                const char *log, kd_error *err) {
    arena memory = {0};
    const int to = open_file(out, O_TRUNC, err),
              errors = to < 0 ? -1 : open_file(log, O_APPEND, err);
    const int parent = getpid();
    int pid = -1;
    if (errors >= 0) {
        char **argv = command(words, search, &memory);
        fflush(NULL);
        signal(SIGCHLD, SIG_DFL); /* where it was inherited as ignored, nobody could wait */
        pid = fork();
        if (pid == 0) {
            be_child(argv, parent, to, errors);
        }
        if (pid < 0) {
            kd_fail(err, KD_E_IO, "cannot start a process: %s", strerror(errno));
        }
        close(errors);
    }
    if (to >= 0) {
        close(to);
    }
    arena_free(&memory);
    return pid;
}

int child_wait(int pid, void (*look)(void *context), void *context) {
    const struct timespec nap = {.tv_nsec = 20000000};
    int status = 0, naps = 0, got;
    bool told = false;
    while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
        if (interrupt_signal() && !told) {
            kill(pid, interrupt_signal());
            told = true;
        }
        if (look && naps++ % 12 == 0) {
            look(context);
        }
        nanosleep(&nap, NULL);
    }
    if (got < 0) {
        return 255;
    }
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
