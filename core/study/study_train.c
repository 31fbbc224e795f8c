/* SPDX-License-Identifier: Apache-2.0
 * Working a study off. */
#include "study/study_train.h"

#include "base/file.h"
#include "study/child.h"
#include "study/failure.h"
#include "study/record.h"
#include "study/study_data.h"
#include "train/interrupt.h"
#include "train/pace.h"
#include "train/progress.h"

#include <stdlib.h>
#include <unistd.h>

/* Where the whole stands, for the line that is shown. */
typedef struct watch {
    const study_work *work;
    const study_run *run;
    const char *metrics; /* which has been read until `read`, and that is its pace */
    json_place read;
    training_pace pace;
    progress progress;
    double begin;       /* of this run */
    double spent;       /* on the runs done in this sitting */
    int done, todo, at; /* in this sitting; of all, from 1 */
} watch;

/* Seconds until the whole is done; below 0: not known yet. share: of the run under way. */
static double remaining(const watch *w, double share) {
    const double since = progress_now() - w->begin, runs = w->done + share;
    return runs > 0.05 ? (w->spent + since) / runs * (w->todo - runs) : -1;
}

/* The file is of a whole training, and is looked at several times a second. */
static void read_on(watch *w) {
    const run *r = w->run->run;
    bool anew = false;
    json_t *lines = json_lines_more(&w->read, w->metrics, &anew);
    if (anew) { /* the run goes on from a checkpoint, and has dropped what came after that */
        w->pace = (training_pace){.step = 0};
    }
    pace_add(&w->pace, lines, (int64_t)r->train.batch * r->view_list.count);
    json_decref(lines);
}

static void show_run(void *context) {
    watch *w = context;
    const run *r = w->run->run;
    read_on(w);
    const int64_t total =
        r->train.steps > 0 ? r->train.steps : (int64_t)r->train.epoch_steps * r->train.epochs;
    char text[256], left[16], steps[64];
    snprintf(steps, sizeof steps, total > 0 ? "step %lld/%lld" : "step %lld",
             (long long)w->pace.step, (long long)total);
    progress_duration(remaining(w, total > 0 ? (double)w->pace.step / (double)total : 0), left,
                      sizeof left);
    snprintf(text, sizeof text, "run %d/%d %s  %s  %.0f views/s  study ETA %s", w->at,
             w->work->runs.count, w->run->name, steps, w->pace.views_per_second, left);
    progress_note(&w->progress, text, progress_now());
}

/* The process of a run, to its end. */
static bool run_child(watch *w, int *ret_status, kd_error *err) {
    arena a = {0};
    const study_folder *f = &w->work->folder;
    const char *name = w->run->name;
    const char *const words[] = {
        "train", study_config_path(f, name, &a), "--resume", "--runs", f->runs, NULL};
    const int pid = child_start(words, w->work->search, arena_print(&a, "%s/%s.out", f->logs, name),
                                arena_print(&a, "%s/%s.log", f->logs, name), err);
    if (pid >= 0) {
        w->metrics = study_run_folder(f, name, &a).metrics;
        w->read = (json_place){0};
        w->pace = (training_pace){.step = 0};
        *ret_status = child_wait(pid, show_run, w);
    }
    w->metrics = NULL;
    progress_break(&w->progress);
    arena_free(&a);
    return pid >= 0;
}

/* The table tells of it, until the run is begun again. */
static bool keep_failure(const watch *w, int status, kd_error *err) {
    const study_folder *f = &w->work->folder;
    const char *name = w->run->name;
    arena a = {0};
    const bool ok = failure_write(f, name, status, err) && study_write_tables(f, err);
    const char *why = ok ? failure_read(f, name, &a) : NULL;
    if (why) {
        fprintf(stderr, "run %s %s\n  %s/%s.log has all it said\n", name, why, f->logs, name);
    }
    arena_free(&a);
    return ok;
}

/* A manifest may be written anew while the study runs. The result is not kept then: the next
 * command finds which runs no longer fit. */
static bool same_data(const watch *w, const json_t *records, kd_error *err) {
    const study_runs *runs = &w->work->runs;
    const study_folder *f = &w->work->folder;
    arena a = {0};
    const char *text = study_data_text(w->run->run, &a),
               *is = record_data(NULL, f, w->run->name, &a);
    bool ok = true;
    for (int i = 0; ok && i < runs->count; i++) {
        const study_run *other = &runs->item[i];
        if (!records_find(records, other->name) ||
            strcmp(study_data_text(other->run, &a), text) != 0) {
            continue;
        }
        const char *was = record_data(records, f, other->name, &a);
        if (strcmp(was, is) != 0) {
            kd_fail(err, KD_E_INVALID,
                    "the data changed while the study ran: they were %s for %s and are %s for %s",
                    was, other->name, is, w->run->name);
            ok = kd_hint(err, "the same command tells which runs no longer fit");
        }
    }
    arena_free(&a);
    return ok;
}

static bool keep_result(const watch *w, json_t *records, kd_error *err) {
    const study_folder *f = &w->work->folder;
    arena a = {0};
    json_t *line = NULL;
    bool ok =
        same_data(w, records, err) &&
        record_of(w->work->study, w->run, study_run_folder(f, w->run->name, &a).path, &line, err);
    if (ok) {
        records_put(records, w->run->name, line);
        ok = records_write(f->results, records, err) && study_write_tables(f, err);
    }
    arena_free(&a);
    return ok;
}

static bool do_run(watch *w, json_t *records, int *failed, kd_error *err) {
    char time[16], left[16];
    int status = 0;
    w->begin = progress_now();
    fprintf(stderr, "run %d/%d %s\n", w->at, w->work->runs.count, w->run->name);
    if (!failure_clear(&w->work->folder, w->run->name, err) || !run_child(w, &status, err)) {
        return false;
    }
    if (interrupt_signal()) {
        return kd_fail(err, KD_E_CANCELLED, "interrupted; the same command goes on");
    }
    if (status != 0) {
        ++*failed;
        if (!keep_failure(w, status, err)) {
            return false;
        }
    } else if (!keep_result(w, records, err)) {
        return false;
    }
    w->spent += progress_now() - w->begin;
    w->done++;
    progress_duration(progress_now() - w->begin, time, sizeof time);
    w->begin = progress_now();
    progress_duration(remaining(w, 0), left, sizeof left);
    if (w->done < w->todo) {
        fprintf(stderr, "  took %s; all of it ETA %s\n", time, left);
    }
    return true;
}

/* Counts what is to be done, and forgets results whose runs somebody has removed. */
static bool drop_stale(watch *w, json_t *records, kd_error *err) {
    const study_runs *runs = &w->work->runs;
    const size_t before = json_array_size(records);
    for (int i = 0; i < runs->count; i++) {
        if (!records_done(records, &w->work->folder, runs->item[i].name)) {
            w->todo++;
            records_put(records, runs->item[i].name, NULL);
        }
    }
    return json_array_size(records) == before ||
           records_write(w->work->folder.results, records, err);
}

static bool do_runs(watch *w, json_t *records, int *failed, kd_error *err) {
    const study_runs *runs = &w->work->runs;
    const int seeds = (int)w->work->study->keys.seeds.count, rows = runs->count / seeds;
    if (!drop_stale(w, records, err)) {
        return false;
    }
    for (int i = 0; i < runs->count; i++) {
        w->run = &runs->item[i % rows * seeds + i / rows];
        w->at = i + 1;
        if (!records_done(records, &w->work->folder, w->run->name) &&
            !do_run(w, records, failed, err)) {
            return false;
        }
    }
    return true;
}

void study_work_end(study_work *w) {
    study_runs_free(&w->runs);
    arena_free(&w->memory);
}

bool study_train(study_work *w, int *ret_failed, kd_error *err) {
    watch seen = {.work = w};
    json_t *records = records_read(w->folder.results, err);
    *ret_failed = 0;
    progress_init(&seen.progress, stderr);
    const bool ok = records && do_runs(&seen, records, ret_failed, err);
    json_decref(records);
    return ok;
}
