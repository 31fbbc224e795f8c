/* SPDX-License-Identifier: Apache-2.0
 * A sound method, which BREAKS_... makes break one rule of `kindred plugin check`, in a way that a
 * tired author might: tests/test_plugin_check.c has the list. */
#include <kindred/method.h>

#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct breaks {
    double weight;
};

#ifdef BREAKS_HELP
#define HELP ""
#else
#define HELP "of the loss"
#endif

KD_PLUGIN(METHOD, "breaks", "1.0.0", struct breaks, "breaks a rule", "nobody")
KD_FLOAT(struct breaks, weight, 1, 0, 10, HELP)

#ifdef BREAKS_EXPORT
KD_EXPORT int breaks_helper(void);
int breaks_helper(void) {
    return 1;
}
#endif
#ifdef BREAKS_TLS
__attribute__((tls_model("initial-exec"))) static _Thread_local volatile int calls;
#endif
#ifdef BREAKS_UNIQUE
__asm__(".pushsection .data\n.globl breaks_unique\n.type breaks_unique, @gnu_unique_object\n"
        "breaks_unique: .long 0\n.size breaks_unique, 4\n.popsection");
#endif
#ifdef BREAKS_GLIBC
extern int breaks_from_newer(void);
#endif
#ifdef BREAKS_CONSTRUCTOR
static volatile int started;
__attribute__((constructor)) static void start(void) {
    started = 1;
}
#endif

__attribute__((unused)) static void *sleep_on(void *unused) {
    pause();
    return unused;
}

__attribute__((unused)) static void on_signal(int number) {
    (void)number;
}

static void meddle(void) {
#ifdef BREAKS_CRASH
    raise(SIGSEGV);
#endif
#ifdef BREAKS_EXIT
    exit(0);
#endif
#ifdef BREAKS_ROUNDING
    fesetround(FE_UPWARD);
#endif
#ifdef BREAKS_THREAD
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_on, NULL);
#endif
#ifdef BREAKS_HANDLER
    signal(SIGUSR2, on_signal);
#endif
#ifdef BREAKS_MASK
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGTERM);
    sigprocmask(SIG_BLOCK, &one, NULL);
#endif
#ifdef BREAKS_LOCALE
    setlocale(LC_ALL, "C.UTF-8");
#endif
#ifdef BREAKS_FOLDER
    if (chdir("/") != 0) {
        abort();
    }
#endif
#ifdef BREAKS_UMASK
    umask(0077);
#endif
#ifdef BREAKS_ENVIRONMENT
    setenv("BREAKS", "yes", 1);
#endif
#ifdef BREAKS_LIMIT
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#endif
#ifdef BREAKS_OUTPUT
    puts("breaks 1.0.0, all rights reserved");
#endif
#ifdef BREAKS_DESCRIPTOR
    if (open("/dev/null", O_RDONLY) < 0) {
        abort();
    }
#endif
#ifdef BREAKS_TLS
    calls++;
#endif
#ifdef BREAKS_GLIBC
    breaks_from_newer();
#endif
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    const struct breaks *self = config;
    kd_tensor *x = kd_encode_views(in, kd_child(s, "encoder"), 0, in->n_views);
#ifdef BREAKS_SHAPE
    x = kd_reshape(x, 1, (int64_t[]){7});
#endif
#ifdef BREAKS_BOUND
    if (self->weight == 0) {
        raise(SIGFPE);
    }
#endif
    kd_tensor *z = kd_linear(s, "projector", x, (kd_dense){.width = 8});
#ifdef BREAKS_LABELS
    kd_report(s, "first", kd_mean(kd_cast(in->labels, KD_REAL)));
#endif
#ifdef BREAKS_GRADIENT
    z = kd_stop_gradient(z);
#endif
#ifdef BREAKS_REPEAT
    static double calls;
    z = kd_scale(z, 1 + calls++);
#endif
    return kd_scale(kd_mean(kd_mul(z, z)), self->weight);
}

static const kd_method table = {
    .size = sizeof table, .min_views = 2, .max_views = 2, .build = build};

const kd_plugin *kindred_plugin_entry_v0(const kd_host *host, kd_error *err) {
    static const kd_plugin plugin = {.size = sizeof plugin,
                                     .abi_major = KD_ABI_MAJOR,
                                     .abi_minor = KD_ABI_MINOR,
                                     .id = kd_this_id,
                                     .version = kd_this_version,
                                     .kind = KD_KIND_METHOD,
                                     .table = &table};
    (void)host;
    (void)err;
    meddle();
    return &plugin;
}
