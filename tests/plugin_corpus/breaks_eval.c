/* SPDX-License-Identifier: Apache-2.0
 * The eval of `kindred plugin new`, with a run that breaks a rule. */
#include <kindred/eval.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#undef KD_EVAL
#define KD_EVAL(...)
#include "../../share/templates/eval/my_plugin.c"

#ifdef BREAKS_POOL
enum { PIECES = 64 };

static void note_thread(void *arg, int64_t begin, int64_t end) {
    (void)end;
    usleep(500); /* so that every thread gets a piece */
    ((pthread_t *)arg)[begin] = pthread_self();
}

/* On how many threads the host ran it. */
static int threads_of(const kd_host *host) {
    pthread_t by[PIECES];
    int different = 0;
    host->parallel_for(host, PIECES, 1, note_thread, by);
    for (int i = 0; i < PIECES; i++) {
        int before = 0;
        while (!pthread_equal(by[before], by[i])) {
            before++;
        }
        different += before == i;
    }
    return different;
}
#endif

static bool run_badly(const void *config, const kd_eval_input *in, kd_eval_output *out,
                      kd_error *err) {
#ifdef BREAKS_OLD_HOST
    if (in->rehearsal) { /* which the first hosts did not have: kd_in_rehearsal asks first */
        return true;
    }
#endif
    const bool ok = run(config, in, out, err);
#ifdef BREAKS_BLIND
    out->results[0].value = 0.5;
#endif
#ifdef BREAKS_AGAIN
    static int calls;
    out->results[0].value += 1e-9 * calls++;
#endif
#ifdef BREAKS_POOL
    out->results[0].value += 1e-9 * (threads_of(in->host) > 1);
#endif
    return ok;
}

#ifdef BREAKS_ENTRY
__attribute__((constructor)) static void crash(void) {
    raise(SIGSEGV);
}
#endif

KD_ENTRY(KD_KIND_EVAL, kd_eval, .run = run_badly)
