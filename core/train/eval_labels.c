/* SPDX-License-Identifier: Apache-2.0
 * Features mean nothing without labels to compare with: which data lacks them, and what to take
 * instead. */
#include "train/eval_labels.h"

#include "train/eval_programs.h"

int32_t largest_label(const source *s) {
    int32_t largest = -1;
    for (int64_t i = 0; i < s->samples.count; i++) {
        largest = s->samples.label[i] > largest ? s->samples.label[i] : largest;
    }
    return largest;
}

bool eval_takes_labelled(const eval_part *eval, const source *from) {
    return !(eval_flags(eval) & KD_EVAL_UNLABELLED) || largest_label(from) >= 0;
}

/* Fails where the data of that key is stated. */
static bool fail_at(const eval_part *eval, const char *key, const char *what, kd_error *err) {
    const config_node *own = config_child(eval->part.node, key);
    return config_fail(own ? own : eval->part.node, err, "eval %s: its %s data %s", eval->keys.name,
                       key, what);
}

static const option *find_split(const plugin_note *note) {
    for (int i = 0; i < note->n_options; i++) {
        if (strcmp(note->options[i].name, "split") == 0) {
            return &note->options[i];
        }
    }
    return NULL;
}

static bool is_choice(const option *o, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = o->choices; at && (at = strstr(at, word)); at += length) {
        if ((at == o->choices || at[-1] == '|') && (at[length] == '|' || !at[length])) {
            return true;
        }
    }
    return false;
}

static bool fail_unlabelled(const eval_part *eval, const char *key, const data_part *data,
                            kd_error *err) {
    const plugin_note *note = &data->part.plugin->note;
    const option *split = find_split(note);
    fail_at(eval, key, "has no labels", err);
    if (split && strcmp(key, "test") == 0 && is_choice(split, "val")) {
        return kd_hint(err, "measure on its validation images: test: {plugin: %s, ..., split: val}",
                       note->id);
    }
    return split ? kd_hint(err, "name a part that has them: %s: {plugin: %s, ..., split: %s}", key,
                           note->id, split->choices ? split->choices : "...")
                 : kd_hint(err, "name data that has them: %s: {plugin: ..., ...}", key);
}

static bool check_both(const eval_part *eval, const eval_data *d, kd_error *err) {
    const int32_t classes = d->train->samples.classes, test = largest_label(d->test);
    char what[96];
    if (classes < 2 || largest_label(d->train) < 0) {
        return fail_unlabelled(eval, "train", &eval->train, err);
    }
    if (test < 0) {
        return fail_unlabelled(eval, "test", &eval->test, err);
    }
    snprintf(what, sizeof what, "has the label %d, and its train data %d classes", test, classes);
    return test < classes || fail_at(eval, "test", what, err);
}

bool eval_labels_check(const eval_part *eval, const eval_data *d, kd_error *err) {
    const uint32_t flags = eval_flags(eval);
    if (!(flags & KD_EVAL_TEST_ALONE)) {
        return check_both(eval, d, err);
    }
    return largest_label(d->test) >= 0 || flags & KD_EVAL_UNLABELLED ||
           fail_unlabelled(eval, "test", &eval->test, err);
}
