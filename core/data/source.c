/* SPDX-License-Identifier: Apache-2.0
 * Dataset -> store -> samples. The dataset is closed again: what it held in memory goes. */
#include "data/source.h"

#include "base/arena.h"
#include "base/log.h"
#include "data/files.h"

#include <inttypes.h>
#include <stdlib.h>

static bool read_samples(const source_options *o, const kd_set *set, source *s, kd_error *err) {
    const pair_options *pairs = &o->pairs;
    if (!samples_open(s->store, o->table, set, pairs, &s->samples, err)) {
        return false;
    }
    if (s->samples.left_out) {
        log_line(KD_LOG_WARN, "%s: left out %" PRId64 " pairs of broken images", pairs->manifest,
                 s->samples.left_out);
    }
    if (s->samples.rejected) {
        log_line(KD_LOG_INFO, "%s: left out %" PRId64 " rejected pairs", pairs->reject,
                 s->samples.rejected);
    }
    if (s->samples.whole) {
        log_line(KD_LOG_INFO, "data.fraction: %" PRId64 " of %" PRId64 " samples", s->samples.taken,
                 s->samples.whole);
    }
    if (s->samples.kept) {
        log_line(KD_LOG_INFO,
                 "data.pairs.arm repaired: %" PRId64 " of %" PRId64
                 " pairs drew their own second image and stay as they were",
                 s->samples.kept, s->samples.count);
    }
    return true;
}

bool source_open(const source_options *options, source **ret, kd_error *err) {
    const kd_dataset_host host = {.size = sizeof host, .host = options->host, .files = files_api()};
    kd_set *set = NULL;
    if (!options->table->open(options->config, &host, &set, err)) {
        return false;
    }
    const store_options packed = {.table = options->table,
                                  .set = set,
                                  .id = options->id,
                                  .version = options->version,
                                  .options = options->options,
                                  .size = options->store_size,
                                  .on_error = options->on_error,
                                  .pool = options->pool,
                                  .cache = options->cache,
                                  .progress = options->progress,
                                  .context = options->context};
    source *s = kd_alloc(sizeof *s);
    const bool good = store_open(&packed, &s->store, err) && read_samples(options, set, s, err) &&
                      variants_open(s->store, options->table, set, &s->samples, options->factors,
                                    &s->variants, err);
    options->table->close(set);
    if (!good) {
        source_close(s);
        return false;
    }
    *ret = s;
    return true;
}

void source_close(source *s) {
    if (s) {
        store_close(s->store);
        samples_free(&s->samples);
        variants_free(&s->variants);
        free(s);
    }
}
