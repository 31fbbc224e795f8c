/* SPDX-License-Identifier: Apache-2.0
 * `kindred pairs build`: a pair set out of labels. */
#include "cli/cli_pairs.h"

#include "base/log.h"
#include "data/pairs_build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

bool pairs_check_words(const command_line *in, const char *name, kd_error *err) {
    if (!in->n_data) {
        kd_fail(err, E_USAGE, "%s: --data plugin=NAME key=value ... is missing", name);
    } else if (!in->to) {
        kd_fail(err, E_USAGE, "%s: --to FILE is missing", name);
    } else {
        return true;
    }
    return kd_hint(err, "kindred %s --help", name);
}

bool pairs_read_number(const char *name, const char *text, int64_t least, int64_t *ret,
                       kd_error *err) {
    if (!text) {
        return true;
    }
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno || !*text || *end || value < least) {
        return kd_fail(err, E_USAGE, "--%s %s: not a number from %" PRId64, name, text, least);
    }
    *ret = value;
    return true;
}

bool pairs_check_data(const data_part *data, bool shows, kd_error *err) {
    static const char *const single = "pairs are made of a dataset's single images",
                             *const all = "it is for runs: leave it out, and give it to the run";
    static const struct {
        const char *map, *key, *makes, *shows;
    } keys[] = {
        {"pairs", "manifest", single, "the manifest comes first: pairs show PAIRS --data ..."},
        {"pairs", "reject", single, "--rejected FILE ticks the pairs that were turned down before"},
        {"pairs", "arm", all, all},
        {"pairs", "seed", all, "--seed N draws which pairs are shown"},
        {NULL, "fraction", all, all},
        {NULL, "fraction_seed", all, all},
        {NULL, "factors", all, all},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const config_node *map =
            keys[i].map ? config_child(data->part.node, keys[i].map) : data->part.node;
        if (map && config_child(map, keys[i].key)) {
            kd_fail(err, KD_E_INVALID, "--data: %s%s%s has no place here",
                    keys[i].map ? keys[i].map : "", keys[i].map ? "." : "", keys[i].key);
            return kd_hint(err, "%s", shows ? keys[i].shows : keys[i].makes);
        }
    }
    return true;
}

bool pairs_list_data(registry *plugins, const data_part *data, listing *ret, kd_error *err) {
    *ret = (listing){0};
    if (!pairs_check_data(data, false, err)) {
        return false;
    }
    const plugin *p = registry_load(plugins, KD_KIND_DATASET, data->part.name, err);
    return p && (listing_open(p->table, data->part.config, registry_host(plugins), ret, err) ||
                 kd_while(err, "--data"));
}

static void print_counts(const command_line *in, const build_options *o, const build_counts *c) {
    printf("%s: %" PRId64 " pairs of %d classes, ", in->to, c->pairs, c->classes);
    if (c->fewest < c->most) {
        printf("%" PRId64 " to ", c->fewest);
    }
    printf("%" PRId64 " a class, seed %" PRIu64 "\n", c->most, o->seed);
    if (c->short_classes && o->per_class) {
        log_line(KD_LOG_WARN, "%d classes have fewer than %" PRId64 " pairs", c->short_classes,
                 o->per_class);
    } else if (c->short_classes) {
        log_line(KD_LOG_WARN, "%d classes have no two images, so no pair", c->short_classes);
    }
}

static bool build(const command_line *in, const build_options *o, registry *plugins,
                  const data_part *data, kd_error *err) {
    listing l;
    manifest pairs = {0};
    build_counts counts;
    const bool ok = pairs_list_data(plugins, data, &l, err) &&
                    pairs_build(&l, o, &pairs, &counts, err) && manifest_write(in->to, &pairs, err);
    if (ok) {
        print_counts(in, o, &counts);
    }
    manifest_free(&pairs);
    listing_free(&l);
    return ok;
}

bool command_pairs_build(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    build_options o = {.classes = in->classes, .allow_fewer = in->allow_fewer};
    int64_t seed = 1;
    run *r = NULL;
    if (!pairs_check_words(in, "pairs build", err) || !manifest_check_name(in->to, NULL, err) ||
        !pairs_read_number("per-class", in->per_class, 1, &o.per_class, err) ||
        !pairs_read_number("seed", in->seed, 0, &seed, err)) {
        return false;
    }
    o.seed = (uint64_t)seed;
    registry *plugins = registry_open(&in->search, err);
    const bool ok = plugins && run_of_data(plugins, in->data, in->n_data, &r, err) &&
                    build(in, &o, plugins, &r->data, err);
    run_destroy(r);
    registry_close(plugins);
    return ok;
}
