/* SPDX-License-Identifier: Apache-2.0
 * Every key of a run that is the host's, with its default, its range and its help. */
#include "train/run_options.h"

#include "train/run.h"

#include <assert.h>

/* clang-format off */
static const option run_options[] = {
    OPTION_TEXT(run_keys, name, "", "the run's folder is runs/NAME; empty: the file's name without .yaml"),
    OPTION_INT(run_keys, seed, 1, 0, , "of initial weights, order and augmentation"),
    OPTION_CHOICE(run_keys, precision, "auto", "auto|f32|bf16|f64",
                  "in which layers compute; auto: bf16 where the device is fast in it, else f32; f64: reference device only"),
};
static const option data_options[] = {
    OPTION_CHOICE(data_keys, on_error, "fail", "fail|skip", "what a broken image does: end the run, or be left out and listed"),
    OPTION_FLOAT(data_keys, fraction, 1, 0, 1, "of the samples to take, above 0, or of the pairs, before an arm has them; classes keep their shares, "
                 "and a smaller fraction is part of a larger one"),
    OPTION_INT(data_keys, fraction_seed, 1, 0, , "of the draw of a fraction, which stays the same for every seed of the run"),
    OPTION_PATH(data_keys, factors, "", "CSV or JSON lines with columns a, b and factor: image b shows what a shows, with that factor changed; for the eval invariance"),
};
static const option store_options[] = {
    OPTION_TEXT(store_keys, size, "full", "images are kept with their short side brought down to this many pixels; full: as they are"),
    OPTION_PATH(store_keys, cache, "", "folder of decoded images; empty: $XDG_CACHE_HOME/kindred"),
};
static const option pairs_options[] = {
    OPTION_PATH(pairs_keys, manifest, "", "CSV or JSON lines that name two images a line, by path or by index"),
    OPTION_CHOICE(pairs_keys, arm, "auto", "auto|semantic|augmented|augmented_union|repaired",
                  "what is seen of a pair: both images; its first alone; every image by itself; its first and another of its class, "
                  "drawn once; auto: semantic where samples are pairs"),
    OPTION_PATH(pairs_keys, reject, "", "text file of the ids of pairs to leave out, one a line"),
    OPTION_INT(pairs_keys, seed, 1, 0, , "repaired: of the partners, which stay the same for every seed of the run"),
};
static const option optimizer_options[] = {
    OPTION_CHOICE(optimizer_keys, name, "sgd", "sgd|lars|adamw", "how gradients change parameters"),
    OPTION_REQUIRED_FLOAT(optimizer_keys, lr, 0, 1000, "learning rate after the warm-up: the value used, scaled by nothing"),
    OPTION_FLOAT(optimizer_keys, weight_decay, 1e-4, 0, 10, "of weights; biases and norms only with decay_all"),
    OPTION_FLOAT(optimizer_keys, momentum, 0.9, 0, 0.9999, "sgd, lars"),
    OPTION_BOOL(optimizer_keys, nesterov, false, "sgd"),
    OPTION_CHOICE(optimizer_keys, variant, "fb", "fb|google|solo", "lars: which published formula (kindred/update.h)"),
    OPTION_FLOAT(optimizer_keys, trust, 0.001, 0, 1, "lars: step length relative to the weight's norm"),
    OPTION_BOOL(optimizer_keys, clip_ratio, false, "lars, solo: never step further than lr alone would"),
    OPTION_FLOAT(optimizer_keys, beta1, 0.9, 0, 0.9999, "adamw"),
    OPTION_FLOAT(optimizer_keys, beta2, 0.999, 0, 0.999999, "adamw"),
    OPTION_FLOAT(optimizer_keys, eps, 1e-8, 0, 1, "adamw"),
    OPTION_BOOL(optimizer_keys, decay_all, false, "decay, and lars adapt, biases and norms too"),
    OPTION_FLOAT(optimizer_keys, clip_norm, 0, 0, , "scale the gradient down to this norm; 0: never"),
    OPTION_CHOICE(optimizer_keys, clip, "all", "all|each", "whose norm clip_norm bounds: all of the gradient, or each tensor's"),
    OPTION_FLOAT(optimizer_keys, bias_lr, 1, 0, 1000, "times the rate, for biases and norms"),
};
static const option schedule_options[] = {
    OPTION_FLOAT(schedule_keys, warmup_epochs, 0, 0, , "the rate rises linearly for so long"),
    OPTION_FLOAT(schedule_keys, warmup_start, 0, 0, 1000, "the rate at step 0 of a warm-up"),
    OPTION_CHOICE(schedule_keys, decay, "cosine", "cosine|constant|step", "how the rate goes on from there"),
    OPTION_FLOAT(schedule_keys, final_ratio, 0, 0, 1, "cosine: the last rate as a share of lr"),
    OPTION_FLOATS(schedule_keys, milestones, "[]", 0, , "step: epochs at which the rate is multiplied by factor"),
    OPTION_FLOAT(schedule_keys, factor, 0.1, 0, 1, "step"),
    OPTION_FLOAT(schedule_keys, final_weight_decay, -1, -1, 10, "weight decay goes there along a cosine; -1: it stays"),
    OPTION_BOOL(schedule_keys, per_epoch, false, "cosine: the rate changes only between epochs (MoCo, SimSiam, PIRL)"),
};
static const option train_options[] = {
    OPTION_INT(train_keys, epochs, 100, 1, 1000000, "length of the run"),
    OPTION_INT(train_keys, batch, 256, 2, 1048576, "samples a step, in all: the global batch"),
    OPTION_INT(train_keys, steps, 0, 0, , "length of the run in steps, in place of epochs; 0: epochs decide"),
    OPTION_INT(train_keys, epoch_steps, 0, 0, , "steps that count as an epoch, here, in schedules, methods, evals and checkpoints; 0: a pass over the data"),
    OPTION_INT(train_keys, log_every, 10, 1, , "steps between two lines of metrics.jsonl"),
};
static const option probe_options[] = {
    OPTION_FLOAT(probe_keys, lr, 0, 0, 1000, "learning rate of a linear classifier of the encoder's standardised features, trained beside the run, "
                 "which it leaves as it is; its accuracy on each batch is in metrics and progress; 0: none; 0.1 suits most"),
};
static const option checkpoint_options[] = {
    OPTION_INT(checkpoint_keys, every_epochs, 1, 0, , "epochs between two checkpoints; 0: only by every_steps and at the end"),
    OPTION_INT(checkpoint_keys, every_steps, 0, 0, , "steps between two more; 0: none"),
    OPTION_INT(checkpoint_keys, keep, 2, 1, 1000, "how many of the newest stay"),
    OPTION_TEXT(checkpoint_keys, keep_best, "", "name of an eval: its best checkpoint stays too; "
                "chosen on its test data, so no figure to report"),
};
static const option eval_options[] = {
    OPTION_TEXT(eval_keys, name, "", "in tables and metrics; empty: the plugin's"),
    OPTION_INT(eval_keys, every_epochs, 0, 0, , "measure every so many epochs; 0: at the end only"),
    OPTION_BOOL(eval_keys, before, false, "measure the untrained encoder and raw pixels too, for comparison"),
};

#define SECTION(path_, options_, kind_, help_) \
    {.path = (path_), .options = (options_), .count = OPTION_COUNT(options_), .kind = (kind_), .help = (help_)}
const section run_sections[] = {
    SECTION("", run_options, 0, "the run"),
    {.path = "device", .kind = KD_KIND_DEVICE, .help = "where ops run: auto, or a plugin and its options"},
    SECTION("data", data_options, KD_KIND_DATASET, "images to train on: a plugin and its options"),
    SECTION("data.store", store_options, 0, "decoded images, packed once and reused"),
    SECTION("data.pairs", pairs_options, 0, "two images a sample"),
    {.path = "backbone", .kind = KD_KIND_BACKBONE, .help = "the encoder: a plugin and its options"},
    {.path = "method", .kind = KD_KIND_METHOD, .help = "how views become a loss: a plugin and its options"},
    SECTION("optimizer", optimizer_options, 0, "how gradients change parameters"),
    SECTION("schedule", schedule_options, 0, "what changes from step to step"),
    SECTION("train", train_options, 0, "how long, and in which steps"),
    SECTION("probe", probe_options, 0, "what labels say of the encoder during training"),
    SECTION("checkpoint", checkpoint_options, 0, "what survives a crash"),
    SECTION("evals[]", eval_options, KD_KIND_EVAL, "a list of evals: plugins and their options; train and test are as data, by default the run's data with split train and test"),
};
/* clang-format on */
const int run_section_count = OPTION_COUNT(run_sections);

const section *run_section(const char *path) {
    for (int i = 0; i < run_section_count; i++) {
        if (strcmp(run_sections[i].path, path) == 0) {
            return &run_sections[i];
        }
    }
    assert(!"every section is in the table");
    return NULL;
}
