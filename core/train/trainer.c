/* SPDX-License-Identifier: Apache-2.0
 * The loop, and what happens between two steps. */
#include "train/trainer.h"

#include "base/log.h"
#include "train/checkpoint.h"
#include "train/feeder.h"
#include "train/interrupt.h"
#include "train/reports.h"
#include "train/results.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct trainer {
    assembly *a;
    const run_folder *folder;
    feeder feeder;
    metrics *metrics;
    events *events;
    checkpoint_info info;
    int64_t step, total; /* steps done, and to do in all */
    checkpoint_writer *writer;
    int64_t copied; /* step of the newest checkpoint, which may still be under way; -1: none */
    reports reports;
    /* Since the last line of metrics, and since the last progress line. */
    double logged_at, shown_at, waited, waited_shown;
    int64_t logged_step, shown_step;
} trainer;

static double views_between(const trainer *t, int64_t from) {
    return (double)(t->step - from) * t->a->run->train.batch * t->a->views.count;
}

/* Adds the checkpoint to go back to, when training broke down. Returns false. */
static bool name_good(const trainer *t, int64_t good, kd_error *err) {
    if (good < 0) {
        return kd_hint(err, "lower optimizer.lr or lengthen the warm-up; no checkpoint is left "
                            "from before");
    }
    char path[4096];
    checkpoint_path(t->folder->checkpoints, good, path, sizeof path);
    return kd_hint(
        err, "lower optimizer.lr or lengthen the warm-up; the last good checkpoint is %s", path);
}

/* ok: what the writer said. */
static bool explain(const trainer *t, bool ok, kd_error *err) {
    const bool bad = !ok && err->code == KD_E_DATA;
    return bad ? name_good(t, checkpoint_writer_saved(t->writer), err) : ok;
}

static bool save(trainer *t, kd_error *err) {
    if (t->copied == t->step) {
        return true;
    }
    t->info.step = t->step;
    t->copied = t->step;
    return explain(t, checkpoint_writer_save(t->writer, &t->info, err), err);
}

static bool finish_saving(trainer *t, kd_error *err) {
    return explain(t, checkpoint_writer_wait(t->writer, err), err);
}

static bool run_step(trainer *t, kd_error *err) {
    const double begin = progress_now();
    if (program_fed(t->a->step) == 0 && !feeder_fill(&t->feeder, err)) {
        return false;
    }
    const double waited = progress_now() - begin;
    t->waited += waited;
    t->waited_shown += waited;
    if (!program_run(t->a->step, err)) {
        return kd_while(err, "step %lld", (long long)t->step + 1);
    }
    t->step++;
    return true;
}

/* The newest checkpoint whose encoder gave a finite loss in a step after it; -1: none. The one of
 * the step before `bad` holds the very values that gave its loss. */
static int64_t last_good(const trainer *t, int64_t bad) {
    int64_t *steps = NULL, good = -1;
    kd_error ignored = KD_ERROR_INIT;
    checkpoint_writer_wait(t->writer, &ignored); /* one under way may be it */
    const int count = checkpoint_list(t->folder->checkpoints, &steps);
    for (int i = 0; i < count; i++) {
        good = steps[i] < bad - 1 ? steps[i] : good;
    }
    free(steps);
    return good;
}

/* Waits for all steps taken so far, and looks at the loss of each. What the steps after them need
 * is made ready before, while the device is busy. */
static bool read_reports(trainer *t, kd_error *err) {
    int64_t bad = 0;
    if (!feeder_fill(&t->feeder, err)) {
        return false;
    }
    if (reports_read(&t->reports, t->step, &bad, err)) {
        return true;
    }
    return bad > 0 ? name_good(t, last_good(t, bad), err)
                   : kd_while(err, "step %lld", (long long)t->step);
}

static void write_line(trainer *t, double now) {
    const double seconds = now - t->logged_at;
    const int64_t step = t->step - 1; /* whose rates these are */
    json_t *line = json_pack("{s:I, s:f, s:o, s:f, s:f, s:f, s:f}", "step", (json_int_t)t->step,
                             "epoch", (double)t->step / (double)t->feeder.epoch_steps, "loss",
                             metrics_real(reports_loss(&t->reports)), "lr",
                             schedule_lr(&t->feeder.schedule, step), "weight_decay",
                             schedule_weight_decay(&t->feeder.schedule, step), "views_per_second",
                             seconds > 0 ? views_between(t, t->logged_step) / seconds : 0.0,
                             "data_wait", seconds > 0 ? t->waited / seconds : 0.0);
    for (int i = 0; i < program_reports(t->a->step); i++) {
        json_object_set_new(line, program_report_name(t->a->step, i),
                            metrics_real(t->reports.value[1 + i]));
    }
    metrics_write(t->metrics, line);
    t->logged_at = now;
    t->logged_step = t->step;
    t->waited = 0;
}

/* The probe's accuracy in the newest step that was read; 0 without one. */
static double probe_accuracy(const trainer *t) {
    for (int i = 0; i < program_reports(t->a->step); i++) {
        if (strcmp(program_report_name(t->a->step, i), "probe_accuracy") == 0) {
            return t->reports.value[1 + i];
        }
    }
    return 0;
}

static void show(trainer *t, double now) {
    const double seconds = now - t->shown_at;
    const int64_t steps = t->step - t->shown_step;
    const progress_state state = {
        .step = t->step,
        .total = t->total,
        .epoch = (t->step - 1) / t->feeder.epoch_steps + 1,
        .epochs = (t->total - 1) / t->feeder.epoch_steps + 1,
        .loss = reports_loss(&t->reports),
        .lr = schedule_lr(&t->feeder.schedule, t->step - 1),
        .views_per_second = seconds > 0 ? views_between(t, t->shown_step) / seconds : 0,
        .data_wait = seconds > 0 ? t->waited_shown / seconds : 0,
        .probed = t->a->run->probe.lr > 0,
        .probe_accuracy = probe_accuracy(t),
        .eta_seconds = steps > 0 ? seconds / (double)steps * (double)(t->total - t->step) : -1,
    };
    progress_show(&t->a->progress, &state, now);
    t->shown_at = now;
    t->shown_step = t->step;
    t->waited_shown = 0;
}

static bool checkpoint_due(const trainer *t) {
    const checkpoint_keys *k = &t->a->run->checkpoint;
    const int64_t epochs = (int64_t)k->every_epochs * t->feeder.epoch_steps;
    return t->step == t->total || (epochs > 0 && t->step % epochs == 0) ||
           (k->every_steps > 0 && t->step % k->every_steps == 0);
}

/* Evals come when the checkpoint of their step is durable, so that a run that is stopped in them
 * has lost nothing and takes them when it goes on. */
static bool measure(trainer *t, kd_error *err) {
    results r = {.assembly = t->a,
                 .folder = t->folder,
                 .path = t->folder->metrics,
                 .metrics = t->metrics,
                 .recorded = true};
    if (!results_due(&r, t->step, t->feeder.epoch_steps, t->step == t->total)) {
        return true;
    }
    if (!finish_saving(t, err)) {
        return false;
    }
    const double begin = progress_now();
    const bool ok = results_take(&r, t->step, t->feeder.epoch_steps, t->step == t->total, err);
    const double spent = progress_now() - begin;
    t->logged_at += spent; /* rates are those of training alone */
    t->shown_at += spent;
    return ok;
}

static bool between_steps(trainer *t, kd_error *err) {
    const bool last = t->step == t->total, save_now = checkpoint_due(t) || interrupt_signal();
    const bool log_now = last || t->step % t->a->run->train.log_every == 0;
    const bool show_now = last || progress_due(&t->a->progress, progress_now());
    const bool epoch_ends = t->step % t->feeder.epoch_steps == 0;
    if ((reports_full(&t->reports, t->step) || save_now || log_now || show_now || epoch_ends) &&
        !read_reports(t, err)) {
        return false;
    }
    if (log_now) {
        write_line(t, progress_now());
    }
    if (show_now) {
        show(t, progress_now());
    }
    return explain(t, checkpoint_writer_check(t->writer, err), err) && (!save_now || save(t, err));
}

static bool run_further(trainer *t, uint32_t index, kd_error *err) {
    assembly *a = t->a;
    const kd_method_program *program = assembly_method_program(a, index);
    const int64_t batch = a->run->train.batch, count = a->data->samples.count;
    const int64_t batches = program->over_samples ? (count + batch - 1) / batch : 1;
    for (int64_t i = 0; i < batches; i++) {
        if (interrupt_signal()) {
            return kd_fail(err, KD_E_CANCELLED, "interrupted");
        }
        progress_note(&a->progress, program->name, progress_now());
        if (!feeder_write_further(&t->feeder, a->further[index], program->over_samples, t->step, i,
                                  err) ||
            !program_run(a->further[index], err)) {
            return kd_while(err, "program '%s' before step %lld", program->name,
                            (long long)t->step + 1);
        }
    }
    return true;
}

/* What the method does before some steps. A run that is stopped in it goes back to its checkpoint,
 * which was taken before. */
static bool prepare_step(trainer *t, kd_error *err) {
    const bool epoch = t->step % t->feeder.epoch_steps == 0;
    const double begin = progress_now();
    for (int when = t->step == 0 ? KD_AT_START : KD_AT_EPOCH; when <= KD_AT_EPOCH; when++) {
        for (uint32_t i = 0; epoch && i < t->a->n_further; i++) {
            if (assembly_method_program(t->a, i)->when == when && !run_further(t, i, err)) {
                return false;
            }
        }
    }
    t->logged_at += progress_now() - begin;
    return true;
}

static bool loop(trainer *t, kd_error *err) {
    t->logged_at = t->shown_at = progress_now();
    t->logged_step = t->shown_step = t->step;
    if (!measure(t, err)) {
        return false;
    }
    while (t->step < t->total && !interrupt_signal()) {
        if (!prepare_step(t, err) || !run_step(t, err) || !between_steps(t, err)) {
            return false;
        }
        if (!interrupt_signal() && !measure(t, err)) {
            return false;
        }
    }
    return true;
}

static bool resume(trainer *t, kd_error *err) {
    if (!checkpoint_resume(t->folder->checkpoints, t->a->engine, &t->info, &t->copied, err)) {
        return false;
    }
    t->step = t->copied < 0 ? 0 : t->copied;
    if (t->copied >= 0) {
        log_line(KD_LOG_INFO, "resuming after step %lld of %lld", (long long)t->step,
                 (long long)t->total);
    }
    t->metrics = metrics_open(t->folder->metrics, t->step, err);
    t->events = t->metrics ? events_open(t->folder->path, t->step, err) : NULL;
    if (!t->events) {
        return false;
    }
    metrics_mirror(t->metrics, t->events);
    t->writer = checkpoint_writer_create(t->folder->checkpoints, t->a->engine,
                                         t->a->run->checkpoint.keep, t->copied, err);
    return t->writer != NULL;
}

bool train(assembly *a, const run_folder *folder, int *ret_outcome, kd_error *err) {
    trainer t = {.a = a,
                 .folder = folder,
                 .info = {.device = machine_text(&a->machine, &a->memory), .data = a->identity},
                 .total = run_total_steps(a->run, a->data->samples.count),
                 .copied = -1};
    bool ok = resume(&t, err);
    feeder_init(&t.feeder, a, t.step);
    reports_init(&t.reports, a, t.step);
    ok = ok && loop(&t, err);
    progress_break(&a->progress);
    if (!ok && err->code == KD_E_CANCELLED && interrupt_signal()) {
        ok = true;
    }
    ok = ok && finish_saving(&t, err);
    *ret_outcome = interrupt_signal() ? INTERRUPTED : TRAINED;
    checkpoint_writer_destroy(t.writer);
    metrics_close(t.metrics);
    events_close(t.events);
    reports_finish(&t.reports);
    feeder_finish(&t.feeder);
    return ok;
}
