/* SPDX-License-Identifier: Apache-2.0
 * `kindred pairs show`: a page of pairs to look through. */
#include "cli/cli_pairs.h"

#include "base/log.h"
#include "data/files.h"
#include "report/pair_sheet.h"
#include "train/interrupt.h"
#include "train/progress.h"

#include <inttypes.h>

static bool read_options(const command_line *in, shown_options *o, kd_error *err) {
    int64_t seed = 1;
    *o = (shown_options){.manifest = in->subject, .reject = in->rejected, .count = 200};
    if (!pairs_check_words(in, "pairs show", err) ||
        (in->subject && !manifest_check_name(in->subject, NULL, err))) {
        return false;
    }
    if (in->count && in->per_class) {
        return kd_fail(err, E_USAGE, "pairs show: either --count or --per-class");
    }
    if (in->count && strcmp(in->count, "all") == 0) {
        o->count = 0;
    } else if (!pairs_read_number("count", in->count, 1, &o->count, err)) {
        return kd_hint(err, "or --count all");
    }
    if (!pairs_read_number("per-class", in->per_class, 1, &o->per_class, err) ||
        !pairs_read_number("seed", in->seed, 0, &seed, err)) {
        return false;
    }
    o->seed = (uint64_t)seed;
    return true;
}

static bool note(void *context, int64_t done, int64_t total) {
    char text[128];
    snprintf(text, sizeof text, "reading images %" PRId64 "/%" PRId64, done, total);
    progress_note(context, text, progress_now());
    return interrupt_signal() == 0;
}

static bool write_sheet(const command_line *in, const pair_sheet *s, progress *p, kd_error *err) {
    int64_t broken;
    size_t bytes;
    const bool ok = pair_sheet_write(s, in->to, &broken, &bytes, err);
    progress_break(p);
    if (ok) {
        printf("%s: %" PRId64 " of %" PRId64 " pairs, %.1f MB\n", in->to, s->pairs->count,
               s->pairs->total, (double)bytes / 1e6);
    }
    if (ok && broken) {
        log_line(KD_LOG_WARN, "%" PRId64 " images cannot be read; the page says why", broken);
    }
    return ok;
}

static bool show(const command_line *in, const shown_options *o, registry *plugins,
                 const data_part *data, kd_error *err) {
    const kd_dataset_host host = {
        .size = sizeof host, .host = registry_host(plugins), .files = files_api()};
    const plugin *p = registry_load(plugins, KD_KIND_DATASET, data->part.name, err);
    const kd_dataset *table = p ? p->table : NULL;
    kd_set *set = NULL;
    if (!table || !table->open(data->part.config, &host, &set, err)) {
        return false;
    }
    shown_pairs pairs;
    progress line;
    progress_init(&line, stderr);
    bool ok = pairs_shown(table, set, o, &pairs, err);
    if (ok) {
        const pair_sheet sheet = {.table = table,
                                  .set = set,
                                  .name = in->subject ? in->subject : p->note.id,
                                  .pairs = &pairs,
                                  .progress = note,
                                  .context = &line};
        ok = write_sheet(in, &sheet, &line, err);
    }
    shown_free(&pairs);
    table->close(set);
    return ok;
}

bool command_pairs_show(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    shown_options o;
    run *r = NULL;
    if (!read_options(in, &o, err)) {
        return false;
    }
    interrupt_install();
    registry *plugins = registry_open(&in->search, err);
    const bool ok = plugins && run_of_data(plugins, in->data, in->n_data, &r, err) &&
                    pairs_check_data(&r->data, true, err) && show(in, &o, plugins, &r->data, err);
    run_destroy(r);
    registry_close(plugins);
    return ok;
}
