/* SPDX-License-Identifier: Apache-2.0
 * Level 1: what loading a plugin and calling its entry does to the process, each seen in a process
 * of its own that has done nothing else. */
#include "check/plugin_rule.h"

#include "plugin/host.h"
#include "plugin/loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fenv.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

extern char **environ;

typedef const kd_plugin *(*entry_function)(const kd_host *host, kd_error *err);

/* A host that does nothing to the process by itself. */
static void quiet_log(const kd_host *host, int32_t level, const char *text, size_t length) {
    (void)host;
    (void)level;
    (void)text;
    (void)length;
}

static void run_here(const kd_host *host, int64_t count, int64_t grain,
                     void (*body)(void *arg, int64_t begin, int64_t end), void *arg) {
    (void)host;
    (void)grain;
    if (count > 0) {
        body(arg, 0, count);
    }
}

static const void *no_extension(const kd_host *host, const char *id) {
    (void)host;
    (void)id;
    return NULL;
}

static const kd_host quiet = {.size = sizeof quiet,
                              .abi_major = KD_ABI_MAJOR,
                              .abi_minor = KD_ABI_MINOR_LATEST,
                              .version = KINDRED_VERSION,
                              .log = quiet_log,
                              .parallel_for = run_here,
                              .extension = no_extension};

/* Loads the file as kindred does, but puts nothing back; R01 has seen that it works. */
static void load(plugin_case *c) {
    kd_error err = KD_ERROR_INIT;
    void *object = dlopen(c->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = object ? dlsym(object, "kindred_plugin_entry_v0") : NULL;
    entry_function entry = NULL;
    memcpy(&entry, &symbol, sizeof entry);
    if (!entry || !entry(&quiet, &err)) {
        rule_fail(c, "did not load: %s", err.message);
    }
}

static void loads(plugin_case *c) {
    kd_error err = KD_ERROR_INIT;
    plugin_host host;
    plugin_host_init(&host);
    custom_ops ops;
    if (!loader_open(c->path, c->note, &host, c->memory, &ops, &err)) {
        rule_fail(c, "%s; %s", err.message, err.hint);
    }
}

static uint32_t float_modes(void) {
#if defined(__x86_64__)
    return _mm_getcsr() & ~(uint32_t)_MM_EXCEPT_MASK;
#else
    return 0;
#endif
}

static void keeps_float_modes(plugin_case *c) {
    const uint32_t before = float_modes();
    const int rounding = fegetround();
    load(c);
    if (float_modes() != before || fegetround() != rounding) {
        rule_fail(c, "changes how floating point is rounded or how denormals are treated "
                     "(-ffast-math when linking does)");
    }
}

static void keeps_signals(plugin_case *c) {
    enum { SIGNALS = 65 };
    static struct sigaction before[SIGNALS], after[SIGNALS];
    sigset_t blocked, blocked_after;
    sigprocmask(SIG_BLOCK, NULL, &blocked);
    for (int i = 1; i < SIGNALS; i++) {
        sigaction(i, NULL, &before[i]);
    }
    load(c);
    sigprocmask(SIG_BLOCK, NULL, &blocked_after);
    for (int i = 1; i < SIGNALS; i++) {
        sigaction(i, NULL, &after[i]);
        if (sigismember(&blocked, i) != sigismember(&blocked_after, i)) {
            rule_fail(c, "blocks or unblocks signal %d (%s)", i, strsignal(i));
        } else if (before[i].sa_handler != after[i].sa_handler) {
            rule_fail(c, "changes what signal %d (%s) does", i, strsignal(i));
        }
    }
}

/* What belongs to the process and is a text or a number. */
typedef struct surroundings {
    char locale[512], folder[512];
    mode_t mask;
    size_t variables; /* bytes of the environment */
    struct rlimit limits[RLIM_NLIMITS];
} surroundings;

static surroundings look_around(void) {
    surroundings s;
    memset(&s, 0, sizeof s);
    snprintf(s.locale, sizeof s.locale, "%s", setlocale(LC_ALL, NULL));
    if (!getcwd(s.folder, sizeof s.folder)) {
        s.folder[0] = 0;
    }
    s.mask = umask(0);
    umask(s.mask);
    for (char **at = environ; at && *at; at++) {
        s.variables += strlen(*at) + 1;
    }
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        getrlimit((__rlimit_resource_t)i, &s.limits[i]);
    }
    return s;
}

static void keeps_surroundings(plugin_case *c) {
    const surroundings before = look_around();
    load(c);
    const surroundings after = look_around();
    const char *what = strcmp(before.locale, after.locale) != 0   ? "the locale"
                       : strcmp(before.folder, after.folder) != 0 ? "the working directory"
                       : before.mask != after.mask                ? "the umask"
                       : before.variables != after.variables      ? "the environment"
                       : memcmp(before.limits, after.limits, sizeof before.limits) != 0
                           ? "a resource limit"
                           : NULL;
    if (what) {
        rule_fail(c, "changes %s, which is the whole process's", what);
    }
}

/* Standard output and error are one file here. */
static void prints_nothing(plugin_case *c) {
    fflush(NULL);
    const off_t before = lseek(STDOUT_FILENO, 0, SEEK_END);
    load(c);
    fflush(NULL);
    const off_t after = lseek(STDOUT_FILENO, 0, SEEK_END);
    char text[200];
    const ssize_t got = after > before ? pread(STDOUT_FILENO, text, sizeof text - 1, before) : 0;
    text[got > 0 ? got : 0] = 0;
    if (after != before) {
        rule_fail(c, "prints \"%.*s\"; use the host's log", (int)strcspn(text, "\n"), text);
    }
}

/* Entries of a folder of /proc/self but its own descriptor. */
static int entries(const char *folder) {
    DIR *d = opendir(folder);
    int count = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        count += e->d_name[0] != '.';
    }
    if (d) {
        closedir(d);
    }
    return count;
}

static void leaves_descriptors(plugin_case *c) {
    const int before = entries("/proc/self/fd");
    load(c);
    const int after = entries("/proc/self/fd");
    if (after != before) {
        rule_fail(c, "leaves %d more files open than there were", after - before);
    }
}

static void starts_no_thread(plugin_case *c) {
    const int before = entries("/proc/self/task");
    load(c);
    const int after = entries("/proc/self/task");
    if (after > before) {
        rule_fail(c,
                  "starts %d threads; use the host's parallel_for, or in a device start them "
                  "when it is opened",
                  after - before);
    }
}

const plugin_rule plugin_rules_load[] = {
    {"R01", "it loads, and its code says what its note says", 1, 0, loads},
    {"R02", "it leaves floating-point modes alone", 1, 0, keeps_float_modes},
    {"R03", "it starts no thread", 1, 0, starts_no_thread},
    {"R04", "it leaves signals alone", 1, 0, keeps_signals},
    {"R05", "it leaves locale, folder, umask, environment and limits alone", 1, 0,
     keeps_surroundings},
    {"R06", "it prints nothing", 1, 0, prints_nothing},
    {"R07", "it opens no file and leaves none closed", 1, 0, leaves_descriptors},
    {.id = NULL},
};
