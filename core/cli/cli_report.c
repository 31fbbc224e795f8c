/* SPDX-License-Identifier: Apache-2.0
 * `kindred report`: what a run's folder holds, as one page to look at. */
#include "cli/opened_run.h"

#include "base/file.h"
#include "report/run_report.h"
#include "report/study_report.h"
#include "train/checkpoint.h"
#include "train/interrupt.h"

/* Why something is not to be had, as the report says it. */
static const char *reason(arena *a, const kd_error *err) {
    return arena_text(a, err->message);
}

/* Puts the run together, with the evals' data if that is there. False: not at all, and why. */
static bool assemble(opened_run *o, report_source *from, kd_error *err) {
    from->evals = o->run->n_evals > 0;
    if (assembly_open(&o->assembly, o->run, o->plugins, NULL, ASSEMBLE_EVALS | ASSEMBLE_MEMORY,
                      err)) {
        return true;
    }
    if (err->code == KD_E_CANCELLED || !from->evals) {
        return false;
    }
    assembly_close(&o->assembly);
    from->evals = false;
    return assembly_open(&o->assembly, o->run, o->plugins, NULL, ASSEMBLE_MEMORY, err);
}

/* As much as there is; only what makes a report impossible is a failure. */
static bool gather(const command_line *in, opened_run *o, report_source *from, kd_error *err) {
    arena *memory = (arena *)(uintptr_t)&in->memory;
    kd_error own = KD_ERROR_INIT;
    int64_t wanted = 0;
    if (!read_step(in, &wanted, err)) {
        return false;
    }
    if (!opened_run_load(in, in->subject, o, &own)) {
        if (!o->folder.path || in->n_keys) {
            *err = own;
            return false;
        }
        from->no_images = reason(memory, &own);
        return true;
    }
    from->run = o->run;
    interrupt_install();
    if (!assemble(o, from, &own)) {
        from->no_images = reason(memory, &own);
    } else {
        from->assembly = &o->assembly;
        if (!checkpoint_load_encoder(o->folder.checkpoints, wanted, o->assembly.engine, &from->step,
                                     &own)) {
            from->no_encoder = reason(memory, &own);
        }
    }
    if (own.code == KD_E_CANCELLED || (in->step && from->no_encoder)) {
        *err = own;
        return false;
    }
    return true;
}

static bool no_keys(const command_line *in, kd_error *err) {
    return (in->n_keys == 0 && !in->step) ||
           kd_fail(err, E_USAGE,
                   "a study's report takes no keys and no --step: those are of a run");
}

bool command_report(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    opened_run o = {.step = 0};
    html page = {0};
    report_source from = {.folder = &o.folder};
    const bool study = study_report_is_study(in->subject);
    bool ok = study ? no_keys(in, err) && study_report(in->subject, !in->to, &page, err)
                    : gather(in, &o, &from, err) && run_report(&from, &page, err);
    if (ok) {
        const char *to =
            in->to ? in->to
                   : arena_print((arena *)(uintptr_t)&in->memory, "%s/report.html", in->subject);
        ok = html_write(&page, to, err);
        if (ok) {
            printf("%s: %.0f kB\n", to, (double)page.bytes / 1000);
        }
    }
    html_free(&page);
    opened_run_close(&o);
    return ok;
}
