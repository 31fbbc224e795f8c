/* SPDX-License-Identifier: Apache-2.0
 * The eval of `kindred plugin new`, with a run that breaks a rule. */
#include <kindred/eval.h>

#undef KD_EVAL
#define KD_EVAL(...)
#include "../../share/templates/eval/my_plugin.c"

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
    return ok;
}

KD_ENTRY(KD_KIND_EVAL, kd_eval, .run = run_badly)
