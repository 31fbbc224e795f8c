/* SPDX-License-Identifier: Apache-2.0
 * An eval that takes what it is told to, for test_plan: it knows nothing of rehearsals. */
#include <kindred/eval.h>
#include <stdlib.h>

struct hungry {
    int host, first, second, runs;
    bool waits, leaves_open;
};

KD_PLUGIN(EVAL, "org.example.hungry", "1.0.0", struct hungry, "takes memory", "nothing")
KD_INT(struct hungry, host, 1, 0, 1024, "MiB from malloc")
KD_INT(struct hungry, first, 1, 1, 1024, "MiB of the first program, which is closed")
KD_INT(struct hungry, second, 1, 1, 1024, "MiB of the second program")
KD_INT(struct hungry, runs, 1, 1, 1000000, "of each program")
KD_BOOL(struct hungry, waits, false, "runs each until the device gives more than 0")
KD_BOOL(struct hungry, leaves_open, false, "does not close the second program")

/* Half of the memory is the input's, and half the output's. */
static void build(void *context, kd_scope s) {
    const int64_t *mib = context;
    kd_tensor *x = kd_input(s, "x", (kd_spec){KD_F32, 1, {*mib << 17}});
    kd_tensor *count = kd_input(s, "count", (kd_spec){KD_F32, 1, {1}});
    kd_output(s, "y", kd_cast(kd_add(kd_cast(x, KD_REAL), kd_cast(x, KD_REAL)), KD_F32));
    kd_output(s, "more", kd_cast(kd_add(kd_cast(count, KD_REAL), kd_cast(count, KD_REAL)), KD_F32));
}

static bool use(const struct hungry *self, const kd_eval_input *in, int mib, kd_program **ret,
                kd_error *err) {
    const float one = 1;
    int64_t size = mib;
    float more = 0;
    if (!in->program_open(in, "hungry", build, &size, ret, err) ||
        !in->write(*ret, "count", &one, sizeof one, err)) {
        return false;
    }
    for (int i = 0; i < self->runs || (self->waits && more == 0); i++) {
        if (!in->run(*ret, err) || !in->read(*ret, "more", &more, sizeof more, err)) {
            return false;
        }
    }
    return true;
}

static bool run(const void *config, const kd_eval_input *in, kd_eval_output *out, kd_error *err) {
    const struct hungry *self = config;
    const size_t bytes = (size_t)self->host << 20;
    char *taken = malloc(bytes + 1);
    kd_program *first = NULL, *second = NULL;
    memset(taken, 1, bytes + 1);
    bool done = use(self, in, self->first, &first, err);
    if (first) {
        in->program_close(in, first);
    }
    done = done && use(self, in, self->second, &second, err);
    if (second && !self->leaves_open) {
        in->program_close(in, second);
    }
    out->n_results = done;
    out->results[0] = (kd_eval_result){.name = "taken", .value = taken[bytes]};
    free(taken);
    return done;
}

KD_EVAL(.run = run)
