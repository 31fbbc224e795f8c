/* SPDX-License-Identifier: Apache-2.0
 * Changes everything that belongs to the whole process. MXCSR is changed by how it is linked:
 * -ffast-math brings a constructor that turns denormals off. */
#include <kindred/method.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

struct none {
    int unused;
};

KD_PLUGIN(METHOD, "meddles", "1.0.0", struct none, "knows no manners", "-")

static void on_signal(int number) {
    (void)number;
}

__attribute__((constructor)) static void start(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    signal(SIGTERM, on_signal);
    setlocale(LC_ALL, "C.UTF-8");
    umask(0777);
    if (chdir("/") != 0) {
        _exit(1);
    }
}

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    (void)s;
    (void)in;
    return NULL;
}

KD_METHOD(.min_views = 2, .build = build)
