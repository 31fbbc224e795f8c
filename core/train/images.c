/* SPDX-License-Identifier: Apache-2.0
 * Opening datasets, with a line that tells how packing goes on. */
#include "train/images.h"

#include "base/log.h"
#include "base/sha256.h"
#include "train/interrupt.h"

#include <stdlib.h>

static const int decoder_nice = 19;

void images_init(image_sets *all, registry *plugins, const kd_host *host, progress *p) {
    *all = (image_sets){.plugins = plugins, .host = host, .progress = p};
}

void images_close(image_sets *all) {
    for (int i = 0; i < all->count; i++) {
        source_close(all->source[i]);
    }
    free(all->source);
    free(all->key);
    pool_destroy(all->pool);
    arena_free(&all->memory);
}

static bool show(void *context, int64_t done, int64_t total, int64_t skipped) {
    image_sets *all = context;
    char text[128];
    snprintf(text, sizeof text, "packing images %lld/%lld%s", (long long)done, (long long)total,
             skipped ? "  (some left out)" : "");
    progress_note(all->progress, text, progress_now());
    return interrupt_signal() == 0;
}

/* Everything that decides what is opened. */
static const char *key_of(image_sets *all, const data_part *d, const char *options) {
    return arena_print(&all->memory, "%s|%s|%s|%d|%d|%s|%s|%s|%s|%d|%d|%.17g|%d",
                       d->part.plugin->path, d->part.plugin->note.version, options, d->store_size,
                       d->keys.on_error, d->store.cache, d->keys.factors, d->pairs.manifest,
                       d->pairs.reject, d->pairs.arm, d->pairs.seed, d->keys.fraction,
                       d->keys.fraction_seed);
}

static bool open_source(image_sets *all, const data_part *d, const char *options, source **ret,
                        kd_error *err) {
    const plugin *p = registry_load(all->plugins, KD_KIND_DATASET, d->part.name, err);
    if (!p || (!all->pool && !(all->pool = pool_create(threads_available(), decoder_nice, err)))) {
        return false;
    }
    const source_options how = {.table = p->table,
                                .config = d->part.config,
                                .id = p->note.id,
                                .version = p->note.version,
                                .options = options,
                                .host = all->host,
                                .store_size = d->store_size,
                                .on_error = d->keys.on_error,
                                .pool = all->pool,
                                .cache = d->store.cache,
                                .factors = d->keys.factors,
                                .pairs = {.manifest = d->pairs.manifest,
                                          .reject = d->pairs.reject,
                                          .arm = d->pairs.arm,
                                          .seed = (uint64_t)d->pairs.seed,
                                          .fraction = d->keys.fraction,
                                          .fraction_seed = (uint64_t)d->keys.fraction_seed},
                                .progress = show,
                                .context = all};
    if (!source_open(&how, ret, err)) {
        progress_break(all->progress);
        return false;
    }
    progress_break(all->progress);
    const int64_t bad = (*ret)->store->n_bad;
    if (bad) {
        log_line(KD_LOG_WARN, "%s: %lld broken images left out, the first: %s", p->note.id,
                 (long long)bad, (*ret)->store->bad[0]);
    }
    return true;
}

bool images_open(image_sets *all, const data_part *data, source **ret, kd_error *err) {
    const char *options = NULL;
    if (!part_text(&data->part, &all->memory, &options, err)) {
        return false;
    }
    const char *key = key_of(all, data, options);
    for (int i = 0; i < all->count; i++) {
        if (strcmp(all->key[i], key) == 0) {
            *ret = all->source[i];
            return true;
        }
    }
    source *s = NULL;
    if (!open_source(all, data, options, &s, err)) {
        return false;
    }
    const size_t count = (size_t)++all->count;
    all->source = kd_grow(all->source, count * sizeof *all->source);
    all->key = kd_grow(all->key, count * sizeof *all->key);
    all->source[count - 1] = s;
    all->key[count - 1] = key;
    *ret = s;
    return true;
}

static bool begins_with(const char *message, const char *file) {
    const size_t length = strlen(file);
    return length && strncmp(message, file, length) == 0 && message[length] == ':';
}

bool images_blame(const data_part *data, const char *whose, kd_error *err) {
    const pairs_keys *pairs = &data->pairs;
    const config_node *map = config_child(data->part.node, "pairs");
    if (begins_with(err->message, pairs->manifest) || begins_with(err->message, pairs->reject) ||
        begins_with(err->message, data->keys.factors)) {
        return false;
    }
    for (int i = 0; map && i < config_count(map); i++) {
        char key[64];
        const int length = snprintf(key, sizeof key, "data.pairs.%s ", config_key(map, i));
        if (strncmp(err->message, key, (size_t)length) == 0) {
            return kd_while(err, "%s", config_where(config_item(map, i)));
        }
    }
    return kd_while(err, "%s", whose);
}

const char *images_identity(const source *s, arena *a) {
    char hex[SHA256_HEX];
    const samples *list = &s->samples;
    sha256_bytes(list->image, sizeof *list->image * (size_t)(list->count * list->n_images), hex);
    return arena_print(a, "%lld samples (%.12s) of %lld images, %lld bytes", (long long)list->count,
                       hex, (long long)s->store->images, (long long)s->store->pixel_bytes);
}
