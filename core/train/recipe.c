/* SPDX-License-Identifier: Apache-2.0
 * From `views:` to lists of ops: entries, free lists, and what a view is normalised with. */
#include "train/recipe.h"

#include "base/suggest.h"
#include "train/recipe_named.h"
#include "train/recipe_ops.h"

#include <kindred/ops.h>

#define MAX_WORDS 64

struct entry {
    const char *recipe;
    int size, count, image;
};
static const option entry_options[] = {
    OPTION_TEXT(struct entry, recipe, "", "a named recipe; or give a list of ops"),
    OPTION_REQUIRED_INT(struct entry, size, 1, 4096, "pixels along a side of the view"),
    OPTION_INT(struct entry, count, 1, 1, 1024, "how many views are cut by it"),
    OPTION_INT(struct entry, image, -1, -1, 15,
               "which image of a sample the views are cut from; -1: by turns"),
};
static const char *const entry_other_keys[] = {"ops", "normalize", NULL};

struct statistics {
    kd_floats mean, std;
};
static const option statistics_options[] = {
    OPTION_FLOATS(struct statistics, mean, "[0.0]", -1000, 1000, "one a channel, or one for all"),
    OPTION_FLOATS(struct statistics, std, "[1.0]", 1.0e-6, 1000, "one a channel, or one for all"),
};

static bool append(kd_augment *a, int code, const double *arg, kd_error *err) {
    if (a->n_ops == KD_AUGMENT_MAX_OPS) {
        return kd_fail(err, KD_E_INVALID, "more than %d ops", KD_AUGMENT_MAX_OPS);
    }
    a->op[a->n_ops] = code;
    memcpy(a->arg[a->n_ops], arg, sizeof a->arg[0]);
    a->n_ops++;
    return true;
}

/* mean and std [count] of count 1 or as many as there are channels */
static bool append_normalize(kd_augment *a, const double *mean, const double *std, int count,
                             kd_error *err) {
    double arg[KD_AUGMENT_ARGS] = {0, 0, 0, 1, 1, 1};
    for (int c = 0; c < a->channels; c++) {
        arg[c] = mean[count > 1 ? c : 0];
        arg[3 + c] = std[count > 1 ? c : 0];
    }
    return append(a, KD_AUGMENT_NORMALIZE, arg, err);
}

static bool fail_unknown(const char *what, const char *name, const char *const *words, int count,
                         kd_error *err) {
    const char *near = suggest(name, words, count);
    kd_fail(err, KD_E_INVALID, near ? "no %s is called %s; did you mean %s?" : "no %s is called %s",
            what, name, near);
    return kd_hint(err, "docs/augmentation.md lists them");
}

/* name: store, none, or that of published statistics */
static bool normalize_as(kd_augment *a, const char *name, const recipe_source *source,
                         kd_error *err) {
    const char *words[MAX_WORDS] = {"store", "none"};
    int n = 2;
    if (strcmp(name, "none") == 0) {
        return true;
    }
    if (strcmp(name, "store") == 0) {
        return append_normalize(a, source->mean, source->std, 3, err);
    }
    for (int i = 0; recipe_statistics_at(i); i++) {
        const recipe_statistics *s = recipe_statistics_at(i);
        words[n++] = s->name;
        if (strcmp(name, s->name) != 0) {
            continue;
        }
        if (a->channels != 3) {
            kd_fail(err, KD_E_INVALID, "%s has three channels, the images have %d", name,
                    a->channels);
            return kd_hint(err, "normalize: store takes the statistics of the images themselves");
        }
        return append_normalize(a, s->mean, s->std, 3, err);
    }
    return fail_unknown("normalization", name, words, n, err);
}

/* The recipe's own statistics are of colour images; those of one channel take their store's. */
static const char *own_normalize(const named_recipe *recipe, const recipe_source *source) {
    const char *name = recipe->normalize;
    return source->channels == 1 && strcmp(name, "none") != 0 ? "store" : name;
}

static bool append_named(kd_augment *a, const named_recipe *recipe, int number, kd_error *err) {
    const recipe_step *step = recipe->list[number % recipe->lists];
    for (; step->code != RECIPE_END; step++) {
        if (!append(a, step->code, step->arg, err)) {
            return false;
        }
    }
    return true;
}

static bool find_recipe(const char *name, const named_recipe **ret, kd_error *err) {
    const char *words[MAX_WORDS];
    int n = 0;
    for (; named_recipe_at(n); n++) {
        words[n] = named_recipe_at(n)->name;
    }
    *ret = find_named_recipe(name);
    return *ret || fail_unknown("recipe", name, words, n, err);
}

bool recipe_named(const char *name, int number, int size, const char *normalize,
                  const recipe_source *source, kd_augment *ret, kd_error *err) {
    const named_recipe *recipe;
    kd_augment a = {.view = number, .size = size, .channels = source->channels};
    if (!find_recipe(name, &recipe, err) || !append_named(&a, recipe, number, err) ||
        !normalize_as(&a, normalize ? normalize : own_normalize(recipe, source), source, err) ||
        !kd_augment_check(&a, err)) {
        return false;
    }
    *ret = a;
    return true;
}

/* Puts the place of a node in front of what went wrong with it; a hint stays. */
static bool at(const config_node *node, kd_error *err) {
    kd_error why = *err;
    config_fail(node, err, "%s", why.message);
    return why.hint[0] ? kd_hint(err, "%s", why.hint) : false;
}

static bool read_normalize(const config_node *node, const char *otherwise, kd_augment *a,
                           const recipe_source *source, arena *memory, kd_error *err) {
    if (config_kind(node) != CONFIG_MAP) {
        const char *name = otherwise;
        if (node && !config_get_text(node, &name, err)) {
            return false;
        }
        return normalize_as(a, name, source, err) || (node && at(node, err));
    }
    struct statistics s = {0};
    if (!config_fill(node, statistics_options, OPTION_COUNT(statistics_options), NULL, &s, sizeof s,
                     memory, err)) {
        return false;
    }
    if (s.mean.count != s.std.count || (s.mean.count != 1 && s.mean.count != a->channels)) {
        return config_fail(node, err,
                           "%lld means and %lld deviations: give as many of both, 1 or %d",
                           (long long)s.mean.count, (long long)s.std.count, a->channels);
    }
    return append_normalize(a, s.mean.value, s.std.value, (int)s.mean.count, err) || at(node, err);
}

/* Cuts begin a list, and nothing else does: every other op works on the pixels of the view. */
static bool check_place(const config_node *item, int i, int code, kd_error *err) {
    const kd_augment_rule *rule = kd_augment_find_rule(code);
    const bool cut = rule->place == KD_AUGMENT_CUT;
    if (cut == (i == 0)) {
        return true;
    }
    config_fail(item, err, cut ? "%s can only come first" : "the list begins with %s, no cut",
                rule->name);
    return kd_hint(err, "a list is one cut (random_resized_crop, center_crop or resize), then what "
                        "is done to the view");
}

/* The ops of the `number`-th view of an entry, normalisation excluded. */
static bool read_ops(const config_node *entry, const struct entry *keys, int number, kd_augment *a,
                     const char **ret_normalize, const recipe_source *source, arena *memory,
                     kd_error *err) {
    const config_node *list = config_child(entry, "ops");
    const named_recipe *recipe;
    if ((list != NULL) == (keys->recipe[0] != 0)) {
        config_fail(entry, err, list ? "both a recipe and a list of ops" : "no recipe and no ops");
        return kd_hint(err, "give one: recipe: simclr, or ops: [random_resized_crop: {}, ...]");
    }
    if (!list) {
        const config_node *name = config_child(entry, "recipe");
        if (!find_recipe(keys->recipe, &recipe, err) || !append_named(a, recipe, number, err)) {
            return at(name, err);
        }
        *ret_normalize = own_normalize(recipe, source);
        return true;
    }
    *ret_normalize = "none";
    if (config_kind(list) != CONFIG_LIST || config_count(list) == 0) {
        return config_fail(list, err, "wants a list of ops");
    }
    for (int i = 0; i < config_count(list); i++) {
        int code = 0;
        double arg[KD_AUGMENT_ARGS];
        if (!recipe_op_read(config_item(list, i), &code, arg, memory, err) ||
            !check_place(config_item(list, i), i, code, err)) {
            return false;
        }
        if (!append(a, code, arg, err)) {
            return at(list, err);
        }
    }
    return true;
}

static bool read_view(const config_node *entry, const struct entry *keys, recipe_view *view,
                      const recipe_source *source, arena *memory, kd_error *err) {
    const config_node *ops = config_child(entry, "ops");
    const char *normalize = NULL;
    if (!read_ops(entry, keys, view->number, &view->augment, &normalize, source, memory, err) ||
        !read_normalize(config_child(entry, "normalize"), normalize, &view->augment, source, memory,
                        err)) {
        return false;
    }
    return kd_augment_check(&view->augment, err) || at(ops ? ops : entry, err);
}

/* Fills the entries and says how many views they are. */
static bool read_entries(const config_node *views, struct entry *entries, int *ret_count,
                         arena *memory, kd_error *err) {
    int count = 0;
    if (config_kind(views) != CONFIG_LIST || config_count(views) == 0) {
        const char *const message = "wants a list: [{recipe: simclr, size: 64, count: 2}]";
        return views ? config_fail(views, err, "%s", message)
                     : kd_fail(err, KD_E_INVALID, "views: %s", message);
    }
    for (int i = 0; i < config_count(views); i++) {
        const config_node *entry = config_item(views, i);
        if (config_kind(entry) != CONFIG_MAP) {
            return config_fail(entry, err, "wants a map: {recipe: simclr, size: 64, count: 2}");
        }
        if (!config_fill(entry, entry_options, OPTION_COUNT(entry_options), entry_other_keys,
                         &entries[i], sizeof *entries, memory, err)) {
            return false;
        }
        count += entries[i].count;
        if (count > 1024) {
            return config_fail(entry, err, "more than 1024 views of a sample");
        }
    }
    *ret_count = count;
    return true;
}

bool recipe_parse(const config_node *views, const recipe_source *source, arena *a,
                  recipe_views *ret, kd_error *err) {
    struct entry *entries = arena_alloc(a, (size_t)(config_count(views) + 1) * sizeof *entries);
    recipe_views result = {0};
    if (!read_entries(views, entries, &result.count, a, err)) {
        return false;
    }
    result.view = arena_alloc(a, (size_t)result.count * sizeof *result.view);
    int index = 0;
    for (int side = 0; side < config_count(views); side++) {
        const struct entry *keys = &entries[side];
        for (int number = 0; number < keys->count; number++, index++) {
            recipe_view *view = &result.view[index];
            *view = (recipe_view){
                .recipe = keys->recipe[0] ? keys->recipe : "ops",
                .side = side,
                .image = keys->image,
                .number = number,
                .augment = {.view = index, .size = keys->size, .channels = source->channels}};
            if (!read_view(config_item(views, side), keys, view, source, a, err)) {
                return false;
            }
        }
    }
    *ret = result;
    return true;
}

const char *recipe_at(int i, const char **ret_source) {
    const named_recipe *recipe = named_recipe_at(i);
    if (recipe && ret_source) {
        *ret_source = recipe->source;
    }
    return recipe ? recipe->name : NULL;
}

const option *recipe_entry_options(int *ret_count) {
    *ret_count = OPTION_COUNT(entry_options);
    return entry_options;
}

const option *recipe_statistics_options(int *ret_count) {
    *ret_count = OPTION_COUNT(statistics_options);
    return statistics_options;
}

kd_tensor *recipe_emit(const kd_augment *augment, kd_tensor *pixels, kd_tensor *rows,
                       kd_tensor *key) {
    const kd_attr attrs[] = {
        KD_I("view", augment->view),
        KD_I("size", augment->size),
        KD_I("channels", augment->channels),
        KD_IS("ops", augment->op, augment->n_ops),
        KD_FS("args", augment->arg[0], augment->n_ops * KD_AUGMENT_ARGS),
    };
    return kd_emit("augment", (kd_tensor *[]){pixels, rows, key}, 3, attrs, 5);
}
