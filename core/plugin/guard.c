/* SPDX-License-Identifier: Apache-2.0
 * What belongs to the whole process: floating-point modes, signals, locale, umask, directory. A
 * library linked with -ffast-math, for one, turns denormals off for everybody when it is loaded. */
#include "plugin/guard.h"

#include "base/arena.h"
#include "base/log.h"

#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* Rounding, traps and, where there are such, flush-to-zero; without the flags that arithmetic sets.
 */
static uint32_t float_modes(void) {
#if defined(__x86_64__)
    return _mm_getcsr() & ~(uint32_t)_MM_EXCEPT_MASK;
#elif defined(__aarch64__)
    uint64_t modes;
    __asm__("mrs %0, fpcr" : "=r"(modes));
    return (uint32_t)modes;
#else
    return (uint32_t)fegetround();
#endif
}

void guard_take(guard *g) {
    fegetenv(&g->floats);
    g->float_modes = float_modes();
    pthread_sigmask(SIG_BLOCK, NULL, &g->blocked);
    for (int i = 1; i < GUARD_SIGNALS; i++) {
        sigaction(i, NULL, &g->actions[i]);
    }
    const char *locale = setlocale(LC_ALL, NULL);
    g->locale = memcpy(kd_alloc(strlen(locale) + 1), locale, strlen(locale));
    g->umask = umask(0);
    umask(g->umask);
    g->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool floats_back(guard *g) {
    bool same = float_modes() == g->float_modes;
    fesetenv(&g->floats);
    return same;
}

static bool signals_back(guard *g) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, &g->blocked, &blocked);
    bool same = true;
    for (int i = 1; i < GUARD_SIGNALS; i++) {
        struct sigaction now;
        same = same && sigismember(&blocked, i) == sigismember(&g->blocked, i);
        if (sigaction(i, NULL, &now) == 0 && now.sa_sigaction != g->actions[i].sa_sigaction) {
            sigaction(i, &g->actions[i], NULL);
            same = false;
        }
    }
    return same;
}

static bool locale_back(guard *g) {
    bool same = strcmp(setlocale(LC_ALL, NULL), g->locale) == 0;
    if (!same) {
        setlocale(LC_ALL, g->locale);
    }
    free(g->locale);
    return same;
}

static bool umask_back(guard *g) {
    return umask(g->umask) == g->umask;
}

static bool folder_back(guard *g) {
    struct stat before, now;
    bool same = g->folder < 0 || fstat(g->folder, &before) != 0 || stat(".", &now) != 0 ||
                (before.st_dev == now.st_dev && before.st_ino == now.st_ino);
    if (!same) {
        same = fchdir(g->folder) != 0; /* then there is nothing to claim */
    }
    if (g->folder >= 0) {
        close(g->folder);
    }
    return same;
}

void guard_restore(guard *g, const char *who) {
    static const struct {
        const char *what;
        bool (*back)(guard *g);
    } parts[] = {{"floating-point modes", floats_back},
                 {"signal handling", signals_back},
                 {"locale", locale_back},
                 {"umask", umask_back},
                 {"working directory", folder_back}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].back(g)) {
            log_line(KD_LOG_WARN,
                     "plugin %s changed the process's %s while it was loaded; put back as it was",
                     who, parts[i].what);
        }
    }
}
