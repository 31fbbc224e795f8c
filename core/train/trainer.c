/* SPDX-License-Identifier: Apache-2.0
 * The loop, and what happens between two steps. */
#include "train/trainer.h"

#include "base/log.h"
#include "train/checkpoint.h"
#include "train/interrupt.h"
#include "train/journal.h"
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
    journal journal;
    moment sent; /* whose reports are under way */
    bool sent_logged;
} trainer;

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
    /* The step after it too has its inputs there, so that its images can come ahead. */
    if (program_fed(t->a->step) <= 1 && !feeder_fill(&t->feeder, err)) {
        return false;
    }
    const double ready = progress_now();
    t->journal.waited += ready - begin;
    if (!program_run(t->a->step, err)) {
        return kd_while(err, "step %lld", (long long)t->step + 1);
    }
    if (!program_launched(t->a->step)) {
        t->journal.device += progress_now() - ready;
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

/* ok: what reading the reports said, with `bad` the step whose loss is not finite. A device that
 * failed did so in some step that was enqueued and of which nothing has come yet. */
static bool explain_reports(const trainer *t, bool ok, int64_t bad, kd_error *err) {
    const long long first = t->reports.read + 1, last = t->step;
    if (ok) {
        return true;
    }
    if (bad > 0) {
        return name_good(t, last_good(t, bad), err);
    }
    return first < last ? kd_while(err, "in steps %lld to %lld", first, last)
                        : kd_while(err, "step %lld", last);
}

static bool log_due(const trainer *t) {
    return t->step == t->total || t->step % t->a->run->train.log_every == 0;
}

/* Waits for the reports that are under way, and tells of them. */
static bool receive_reports(trainer *t, kd_error *err) {
    int64_t bad = 0;
    const double begin = progress_now();
    const bool ok = reports_receive(&t->reports, &bad, err);
    t->journal.device += progress_now() - begin;
    if (!explain_reports(t, ok, bad, err)) {
        return false;
    }
    journal_tell(&t->journal, t->sent, t->sent_logged, false);
    return true;
}

/* Waits for all steps taken so far, and looks at the loss of each. What the steps after them need
 * is made ready before, while the device is busy. */
static bool read_reports(trainer *t, kd_error *err) {
    int64_t bad = 0;
    if (!feeder_fill(&t->feeder, err) || (reports_sent(&t->reports) && !receive_reports(t, err))) {
        return false;
    }
    if (t->reports.read == t->step) {
        return true;
    }
    const moment now = journal_moment(&t->journal, t->step);
    const double begin = progress_now();
    const bool ok = reports_read(&t->reports, t->step, &bad, err);
    t->journal.device += progress_now() - begin;
    if (!explain_reports(t, ok, bad, err)) {
        return false;
    }
    journal_tell(&t->journal, now, log_due(t), t->step == t->total);
    return true;
}

/* Tells of the reports that are under way if they have come. Before a launch, which may take its
 * time where the device has none of its own. */
static bool look_for_reports(trainer *t, kd_error *err) {
    return !reports_sent(&t->reports) || !reports_arrived(&t->reports) || receive_reports(t, err);
}

/* Sends for the reports of the steps so far, where those before them have come: the device has the
 * last steps to do meanwhile. */
static bool send_for_reports(trainer *t, kd_error *err) {
    if (!feeder_fill(&t->feeder, err) || (reports_sent(&t->reports) && !receive_reports(t, err))) {
        return false;
    }
    reports_send(&t->reports, t->step);
    t->sent = journal_moment(&t->journal, t->step);
    t->sent_logged = log_due(t);
    return true;
}

static bool checkpoint_due(const trainer *t) {
    const checkpoint_keys *k = &t->a->run->checkpoint;
    const int64_t epochs = (int64_t)k->every_epochs * t->feeder.epoch_steps;
    return t->step == t->total || (epochs > 0 && t->step % epochs == 0) ||
           (k->every_steps > 0 && t->step % k->every_steps == 0);
}

static results results_of(const trainer *t) {
    return (results){.assembly = t->a,
                     .folder = t->folder,
                     .path = t->folder->metrics,
                     .metrics = t->metrics,
                     .recorded = true};
}

static bool measure_due(const trainer *t) {
    const results r = results_of(t);
    return results_due(&r, t->step, t->feeder.epoch_steps, t->step == t->total);
}

/* Evals come when the checkpoint of their step is durable, so that a run that is stopped in them
 * has lost nothing and takes them when it goes on. */
static bool measure(trainer *t, kd_error *err) {
    results r = results_of(t);
    if (!measure_due(t)) {
        return true;
    }
    if (!finish_saving(t, err)) {
        return false;
    }
    const double begin = progress_now();
    const bool ok = results_take(&r, t->step, t->feeder.epoch_steps, t->step == t->total, err);
    t->journal.paused += progress_now() - begin;
    return ok;
}

/* Is there something to tell, or no room for another step's reports? */
static bool reports_due(const trainer *t) {
    if (t->reports.copied) {
        const bool none_yet = t->a->progress.last < 0; /* the first one shows that it runs */
        return none_yet || log_due(t) || reports_full(&t->reports, t->step);
    }
    return t->step % t->feeder.epoch_steps == 0 || log_due(t) ||
           reports_full(&t->reports, t->step) || progress_due(&t->a->progress, progress_now());
}

/* Does what comes next build on the reports of all steps so far? */
static bool reports_needed(const trainer *t, bool save_now) {
    const bool epoch_ends = t->step % t->feeder.epoch_steps == 0;
    return save_now || t->step == t->total || (epoch_ends && t->a->n_further) || measure_due(t);
}

static bool between_steps(trainer *t, kd_error *err) {
    const bool save_now = checkpoint_due(t) || interrupt_signal();
    const bool needed = reports_needed(t, save_now);
    if (needed || reports_due(t)) {
        const bool send = t->reports.copied && !needed;
        if (!(send ? send_for_reports : read_reports)(t, err)) {
            return false;
        }
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
    t->journal.paused += progress_now() - begin;
    return true;
}

/* The signal may have come after the last step looked for one: while it waited for the device. */
static bool stop(trainer *t, kd_error *err) {
    return t->copied == t->step || (read_reports(t, err) && save(t, err));
}

static bool loop(trainer *t, kd_error *err) {
    const int64_t begun = t->step;
    t->journal = (journal){
        .assembly = t->a, .feeder = &t->feeder, .reports = &t->reports, .metrics = t->metrics};
    journal_begin(&t->journal, t->step);
    if (!measure(t, err)) {
        return false;
    }
    while (t->step < t->total && !interrupt_signal()) {
        if (!look_for_reports(t, err) || !prepare_step(t, err) || !run_step(t, err) ||
            !between_steps(t, err)) {
            return false;
        }
        if (!interrupt_signal() && !measure(t, err)) {
            return false;
        }
    }
    return t->step == begun || stop(t, err);
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
