/* SPDX-License-Identifier: Apache-2.0
 * Each rate is of the time between two moments: those of one kind that were told of one after the
 * other.
 *
 * The host's time is by the monotonic clock, without what it waits for the device: everything that
 * could keep the next launch back counts, a slow write of a line or a core that another process has
 * as much as arithmetic, which is why it is not the thread's processor time. Where the device works
 * in the caller's thread, or each run is waited for, the run is the device's. */
#include "train/journal.h"

void journal_begin(journal *j, int64_t done) {
    j->paused = progress_now();
    j->device = j->waited = 0;
    j->logged = j->shown = journal_moment(j, done);
}

double journal_clock(const journal *j) {
    return progress_now() - j->paused;
}

moment journal_moment(const journal *j, int64_t step) {
    const double now = journal_clock(j);
    return (moment){.step = step, .at = now, .host = now - j->device, .waited = j->waited};
}

static double ratio(double a, double b) {
    return b > 0 ? a / b : 0;
}

static double views_between(const journal *j, const moment *from, const moment *to) {
    const assembly *a = j->assembly;
    return (double)(to->step - from->step) * a->run->train.batch * a->views.count;
}

static void write_line(journal *j, const moment *m) {
    const moment *since = &j->logged;
    const double seconds = m->at - since->at, steps = (double)(m->step - since->step);
    const schedule *rates = &j->feeder->schedule;
    const int64_t last = m->step - 1; /* whose rates these are */
    const kd_program *p = j->assembly->step;
    json_t *line =
        json_pack("{s:I, s:f, s:o, s:f, s:f, s:f, s:f, s:f}", "step", (json_int_t)m->step, "epoch",
                  (double)m->step / (double)j->feeder->epoch_steps, "loss",
                  metrics_real(reports_loss(j->reports)), "lr", schedule_lr(rates, last),
                  "weight_decay", schedule_weight_decay(rates, last), "views_per_second",
                  ratio(views_between(j, since, m), seconds), "data_wait",
                  ratio(m->waited - since->waited, seconds), "host_us",
                  ratio(1e6 * (m->host - since->host), steps));
    for (int i = 0; i < program_reports(p); i++) {
        json_object_set_new(line, program_report_name(p, i),
                            metrics_real(j->reports->value[1 + i]));
    }
    metrics_write(j->metrics, line);
    j->logged = *m;
}

/* The probe's accuracy in the newest step that was read; 0 without one. */
static double probe_accuracy(const journal *j) {
    const kd_program *p = j->assembly->step;
    for (int i = 0; i < program_reports(p); i++) {
        if (strcmp(program_report_name(p, i), "probe_accuracy") == 0) {
            return j->reports->value[1 + i];
        }
    }
    return 0;
}

static void show(journal *j, const moment *m) {
    const moment *since = &j->shown;
    const double seconds = m->at - since->at;
    const int64_t steps = m->step - since->step, total = j->feeder->total_steps;
    const progress_state state = {
        .step = m->step,
        .total = total,
        .epoch = (m->step - 1) / j->feeder->epoch_steps + 1,
        .epochs = (total - 1) / j->feeder->epoch_steps + 1,
        .loss = reports_loss(j->reports),
        .lr = schedule_lr(&j->feeder->schedule, m->step - 1),
        .views_per_second = ratio(views_between(j, since, m), seconds),
        .data_wait = ratio(m->waited - since->waited, seconds),
        .probed = j->assembly->run->probe.lr > 0,
        .probe_accuracy = probe_accuracy(j),
        .eta_seconds = steps > 0 ? seconds / (double)steps * (double)(total - m->step) : -1,
    };
    progress_show(&j->assembly->progress, &state, progress_now());
    j->shown = *m;
}

void journal_tell(journal *j, moment m, bool logged, bool shown) {
    m.at = journal_clock(j);
    if (logged) {
        write_line(j, &m);
    }
    if (shown || progress_due(&j->assembly->progress, progress_now())) {
        show(j, &m);
    }
}
