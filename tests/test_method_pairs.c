/* SPDX-License-Identifier: Apache-2.0
 * Every method takes semantic pairs: its views come from both images of a pair, small crops too,
 * and what it remembers of samples it remembers of pairs. */
#include "leaks.h"
#include "method_cases.h"
#include "run_kit.h"

#include "base/safetensors.h"

#define PAIRS 16
#define STEPS 2 /* of 8 */

static void train_on_pairs(run_kit *kit, const method_case *c, const char *name,
                           const char *views) {
    kd_error err = KD_ERROR_INIT;
    int outcome;
    char title[64], method[512], viewed[512];
    snprintf(title, sizeof title, "name=%s", name);
    snprintf(method, sizeof method, "method=%s", c->run_options);
    snprintf(viewed, sizeof viewed, "views=%s", views);
    const char *const words[] = {
        title, method, "data.paired=true", "data.count=16", "train.epochs=1", viewed, NULL};
    cr_assert(kit_train(kit, FOLDER_NEW, words, &outcome, &err), "%s: %s", c->file, err.message);
}

/* The state of a run, and in it the tensors that have a row a sample. */
static int count_memories(const method_case *c, const char *name) {
    static const char *const kept[] = {"memory.rows", "bank0.rows", "bank1.rows", "assignments"};
    char path[256];
    int found = 0;
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "runs/%s/checkpoints/step-%d/state.safetensors", name, STEPS);
    safetensors *state = safetensors_open(path, &err);
    cr_assert(state, "%s", err.message);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const safetensor *t = safetensors_find(state, kept[i]);
        found += t != NULL;
        cr_expect(!t || t->spec.dim[0] == PAIRS, "%s: %s has %lld rows", c->file, kept[i],
                  t ? (long long)t->spec.dim[0] : 0);
    }
    safetensors_close(state);
    return found;
}

/* Two views by turns, or both from one image; with small crops besides, by turns or from one. */
#define TWO(image) "{recipe: simclr_cifar, size: 12, count: 2, image: " image "}"
#define SMALL(image) "{recipe: simclr_cifar, size: 8, count: 2, image: " image "}"

EACH_METHOD_CASE(pairs, reach_every_method) {
    if (c->run_options) {
        const bool crops = c->run_views != NULL;
        run_kit kit;
        kit_open(&kit);
        train_on_pairs(&kit, c, "both",
                       crops ? "[" TWO("-1") "," SMALL("-1") "]" : "[" TWO("-1") "]");
        train_on_pairs(&kit, c, "one", crops ? "[" TWO("0") "," SMALL("-1") "]" : "[" TWO("0") "]");
        cr_expect(!kit_same_state("both", "one", STEPS), "%s sees one image of two", c->file);
        if (crops) {
            train_on_pairs(&kit, c, "small", "[" TWO("-1") "," SMALL("0") "]");
            cr_expect(!kit_same_state("both", "small", STEPS), "%s: small crops of one image",
                      c->file);
        }
        const bool remembers = strcmp(c->file, "pirl") == 0 || strcmp(c->file, "deepcluster") == 0;
        cr_expect_eq(count_memories(c, "both") > 0, remembers, "%s", c->file);
        kit_close(&kit);
    }
    EXPECT_NO_LEAKS();
}
