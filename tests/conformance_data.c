/* SPDX-License-Identifier: Apache-2.0
 * What the host may rely on from every dataset and every eval of this build. */
#include "built_plugins.h"
#include "data/files.h"
#include "leaks.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the files that datasets read. */
static char folder[64];

static void make_folder(void) {
    strcpy(folder, "/tmp/kindred-conformance-XXXXXX");
    cr_assert(mkdtemp(folder));
}

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(dataset, .init = make_folder, .fini = remove_folder);

static void put(const char *name, const void *data, size_t bytes) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, bytes, file) == bytes && fclose(file) == 0, "%s", path);
}

/* Six images of 4 x 3, labels 0 to 2. */
static void make_idx(void) {
    unsigned char images[16 + 6 * 12] = {0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 4, 0, 0, 0, 3};
    const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 2, 2, 1, 0};
    for (int i = 0; i < 6 * 12; i++) {
        images[16 + i] = (unsigned char)(i * 37);
    }
    put("train-images-idx3-ubyte", images, sizeof images);
    put("train-labels-idx1-ubyte", labels, sizeof labels);
}

/* Two records in each of five files. */
static void make_cifar(void) {
    unsigned char records[2 * 3073];
    for (int file = 1; file <= 5; file++) {
        for (int i = 0; i < 2 * 3073; i++) {
            records[i] = (unsigned char)(i * 31 + file);
        }
        records[0] = (unsigned char)file;
        records[3073] = (unsigned char)(file + 4);
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", file);
        put(name, records, sizeof records);
    }
}

/* Three images, of which the second fold has two. */
static void make_stl10(void) {
    static unsigned char images[3 * 27648];
    for (size_t i = 0; i < sizeof images; i++) {
        images[i] = (unsigned char)(i * 29 + i / 27648);
    }
    put("train_X.bin", images, sizeof images);
    put("train_y.bin", "\3\12\1", 3);
    put("unlabeled_X.bin", images, 2 * 27648);
    put("fold_indices.txt", "0 1 2\n2 0\n", 10);
}

/* Two classes of two files, which only begin like PNG: the host decodes, not the dataset. */
static void make_images(void) {
    static const char *const names[] = {"photos/cat/1.png", "photos/cat/2.png", "photos/dog/1.png",
                                        "photos/dog/2.png"};
    static const char *const folders[] = {"photos", "photos/cat", "photos/dog"};
    char path[128];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    for (int i = 0; i < 4; i++) {
        const char bytes[] = {(char)0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', (char)i};
        put(names[i], bytes, sizeof bytes);
    }
}

static void make_tiny_imagenet(void) {
    static const char *const folders[] = {"tiny", "tiny/train", "tiny/train/n02", "tiny/train/n01"};
    char path[128];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        cr_assert_eq(mkdir(path, 0700), 0);
    }
    put("tiny/wnids.txt", "n02\nn03\nn01\n", 12);
    put("tiny/train/n02/a.JPEG", "\xff\xd8\xff", 3);
    put("tiny/train/n01/b.JPEG", "\xff\xd8\xff\xe0", 4);
}

/* Every dataset needs a row. */
static const struct {
    const char *id;
    void (*make)(void);
    const char *options; /* %s: the folder */
    int64_t count;
    int32_t classes;
    uint32_t images; /* of a sample */
} sets[] = {
    {"synthetic", NULL, "{count: 20, kinds: 4, size: 16}", 20, 4, 1},
    {"synthetic", NULL, "{count: 20, kinds: 4, size: 16, paired: true, seed: 2}", 20, 4, 2},
    {"idx", make_idx, "{path: %s}", 6, 3, 1},
    {"cifar", make_cifar, "{path: %s}", 10, 10, 1},
    {"stl10", make_stl10, "{path: %s}", 3, 10, 1},
    {"stl10", NULL, "{path: %s, fold: 2}", 2, 10, 1},
    {"stl10", NULL, "{path: %s, split: train+unlabeled}", 5, 10, 1},
    {"stl10", NULL, "{path: %s, split: unlabeled}", 2, 0, 1},
    {"tiny_imagenet", make_tiny_imagenet, "{path: %s/tiny}", 2, 3, 1},
    {"imagenet", NULL, "{path: %s/tiny}", 2, 2, 1},
    {"imagenet", NULL, "{path: %s/tiny, per_class: 1, pick: random}", 2, 2, 1},
    {"image_folder", make_images, "{path: %s/photos}", 4, 2, 1},
};
enum { N_SETS = sizeof sets / sizeof *sets };

static void check_image(const kd_image *a, const kd_image *b, const char *id) {
    cr_assert(a->data && a->bytes > 0, "%s", id);
    cr_assert(a->format == KD_IMAGE_RAW || a->format == KD_IMAGE_ENCODED, "%s", id);
    if (a->format == KD_IMAGE_RAW) {
        cr_assert(a->height > 0 && a->width > 0 && (a->channels == 1 || a->channels == 3));
        cr_assert_eq(a->bytes, (size_t)a->height * (size_t)a->width * (size_t)a->channels);
    }
    cr_assert_eq(a->bytes, b->bytes);
    cr_assert_arr_eq(a->data, b->data, a->bytes, "%s: two reads differ", id);
}

/* Sample i of a set, twice over, and of another opening of it. */
static void check_sample(const kd_dataset *table, kd_set *one, kd_set *two, int64_t i, int row) {
    kd_error err = KD_ERROR_INIT;
    kd_set *const from[3] = {one, one, two};
    kd_sample sample[3];
    for (int k = 0; k < 3; k++) {
        sample[k] = (kd_sample){.size = sizeof *sample};
        cr_assert(table->read(from[k], i, &sample[k], &err), "%s", err.message);
    }
    cr_assert_eq(sample[0].n_images, sets[row].images);
    cr_assert_eq(sample[0].label, table->label(one, i));
    cr_assert(sample[0].label >= -1 && sample[0].label < table->classes(one), "%s: label %d",
              sets[row].id, sample[0].label);
    for (int k = 1; k < 3; k++) {
        cr_assert_eq(sample[k].label, sample[0].label);
        for (uint32_t n = 0; n < sample[0].n_images; n++) {
            check_image(&sample[0].images[n], &sample[k].images[n], sets[row].id);
        }
    }
    for (int k = 0; k < 3; k++) {
        table->release_sample(from[k], &sample[k]);
    }
}

static void check_set(built *b, const kd_dataset *table, const plugin *p, int row) {
    kd_error err = KD_ERROR_INIT;
    const kd_dataset_host host = {
        .size = sizeof host, .host = &b->host.table, .files = files_api()};
    char *options = arena_print(&b->memory, sets[row].options, folder);
    const void *config = built_config(b, p, options);
    kd_set *one, *two;
    cr_assert(table->open(config, &host, &one, &err), "%s: %s", sets[row].id, err.message);
    cr_assert(table->open(config, &host, &two, &err), "%s: %s", sets[row].id, err.message);
    cr_assert_eq(table->count(one), sets[row].count);
    cr_assert_eq(table->classes(one), sets[row].classes);
    cr_assert_str_eq(table->fingerprint(one), table->fingerprint(two));
    cr_assert(*table->fingerprint(one));
    for (int64_t i = table->count(one) - 1; i >= 0; i--) {
        check_sample(table, one, two, i, row);
    }
    table->close(one);
    table->close(two);
}

/* A path that is not there is refused, by name. */
static void check_missing(built *b, const kd_dataset *table, const plugin *p) {
    kd_error err = KD_ERROR_INIT;
    const kd_dataset_host host = {
        .size = sizeof host, .host = &b->host.table, .files = files_api()};
    kd_set *set;
    const void *config = built_config(b, p, "{path: /nowhere/at/all}");
    cr_assert_not(table->open(config, &host, &set, &err));
    cr_assert(strstr(err.message, "/nowhere/at/all"), "%s: %s", p->note.id, err.message);
}

static bool has_path(const plugin *p) {
    for (int i = 0; i < p->note.n_options; i++) {
        if (strcmp(p->note.options[i].name, "path") == 0) {
            return true;
        }
    }
    return false;
}

TEST(dataset, reads_the_same_every_time) {
    built b;
    built_open(&b, "reference");
    for (int i = 0; i < N_SETS; i++) {
        if (sets[i].make) {
            sets[i].make();
        }
    }
    for (int i = 0; i < registry_count(b.plugins); i++) {
        const plugin *p = registry_at(b.plugins, i);
        if (p->note.kind != KD_KIND_DATASET || p->state != PLUGIN_CHOSEN) {
            continue;
        }
        kd_error err = KD_ERROR_INIT;
        p = registry_load(b.plugins, KD_KIND_DATASET, p->note.id, &err);
        cr_assert(p, "%s", err.message);
        int checked = 0;
        for (int row = 0; row < N_SETS; row++) {
            if (strcmp(sets[row].id, p->note.id) == 0) {
                check_set(&b, p->table, p, row);
                checked++;
            }
        }
        cr_assert_gt(checked, 0, "dataset %s has no row here", p->note.id);
        if (has_path(p)) {
            check_missing(&b, p->table, p);
        }
    }
    built_close(&b);
}

/* Of frozen features, which evals take. */
enum { ROWS = 300, TESTS = 200, WIDTH = 10, CLASSES = 5 };

/* How to make an eval quick; one that is not named runs with its defaults. */
static const struct {
    const char *id, *options;
} quick[] = {
    {"knn", "{k: 20}"},
    {"linear", "{epochs: 5, min_steps: 150, learning_rates: [0.01, 0.1], weight_decays: [0.001]}"},
};

typedef struct features {
    float train[ROWS * WIDTH], test[TESTS * WIDTH];
    int32_t train_label[ROWS], test_label[TESTS];
    int64_t base[TESTS];
    int32_t factor[TESTS];
} features;

enum { FACTORS = 4 };
static const char *const factors[FACTORS] = {"background", "lighting", "occlusion", "style"};

/* After a row come the variants of it, one of each factor, among those of its class. */
static void name_variants(features *f) {
    int64_t base[CLASSES] = {0};
    int32_t seen[CLASSES] = {0};
    for (int64_t i = 0; i < TESTS; i++) {
        const int32_t c = f->test_label[i], factor = seen[c]++ % (1 + FACTORS) - 1;
        base[c] = factor < 0 ? i : base[c];
        f->base[i] = factor < 0 ? -1 : base[c];
        f->factor[i] = factor;
    }
}

static double draw(uint64_t i) {
    i = (i * 0x9e3779b97f4a7c15u) ^ 0xd1b54a32d192ed03u;
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9u;
    i = (i ^ i >> 27) * 0x94d049bb133111ebu;
    return (double)((i ^ i >> 31) >> 11) / 4503599627370496.0 - 1;
}

/* signal 1: the class stands in the features; 0: nothing but noise. */
static void make_features(features *f, double signal, uint64_t seed) {
    for (int i = 0; i < ROWS + TESTS; i++) {
        const int32_t label = (int32_t)((draw(seed + (uint64_t)i) + 1) * CLASSES / 2);
        float *x = i < ROWS ? f->train + i * WIDTH : f->test + (i - ROWS) * WIDTH;
        for (int k = 0; k < WIDTH; k++) {
            const double noise = draw(seed * 77 + 1000 + (uint64_t)(i * WIDTH + k));
            x[k] = (float)(signal * (k == label) + (1 - 0.95 * signal) * noise);
        }
        *(i < ROWS ? &f->train_label[i] : &f->test_label[i - ROWS]) = label;
    }
    name_variants(f);
}

static void reverse(float *x, int32_t *label, int rows) {
    for (int i = 0, j = rows - 1; i < j; i++, j--) {
        for (int k = 0; k < WIDTH; k++) {
            const float kept = x[i * WIDTH + k];
            x[i * WIDTH + k] = x[j * WIDTH + k];
            x[j * WIDTH + k] = kept;
        }
        const int32_t kept = label[i];
        label[i] = label[j];
        label[j] = kept;
    }
}

static void reverse_variants(features *f) {
    const features was = *f;
    for (int i = 0; i < TESTS; i++) {
        f->base[i] = was.base[TESTS - 1 - i] < 0 ? -1 : TESTS - 1 - was.base[TESTS - 1 - i];
        f->factor[i] = was.factor[TESTS - 1 - i];
    }
}

static double headline(built *b, const char *id, const features *f) {
    const kd_variants variants = {.size = sizeof variants,
                                  .factors = FACTORS,
                                  .base = f->base,
                                  .factor = f->factor,
                                  .factor_name = factors};
    built_eval e = {.id = id,
                    .classes = CLASSES,
                    .seed = 1,
                    .train = {ROWS, WIDTH, f->train, f->train_label},
                    .test = {TESTS, WIDTH, f->test, f->test_label},
                    .variants = &variants};
    for (size_t i = 0; i < sizeof quick / sizeof *quick; i++) {
        e.options = strcmp(quick[i].id, id) == 0 ? quick[i].options : e.options;
    }
    kd_eval_output out;
    kd_error err = KD_ERROR_INIT;
    cr_assert(built_run_eval(b, &e, &out, &err), "%s: %s", id, err.message);
    cr_assert(out.n_results > 0 && out.n_results <= KD_MAX_RESULTS);
    for (uint32_t i = 0; i < out.n_results; i++) {
        const kd_eval_result *r = &out.results[i];
        cr_assert(*r->name && *r->protocol && r->value >= 0 && r->value <= 1.5, "%s: %s", id,
                  r->name);
    }
    return out.results[0].value;
}

/* What the headline is of features that tell all, and of noise. */
typedef struct expected {
    double perfect, most_off, noise, deviation;
} expected;

static expected expected_of(built *b, const char *id) {
    kd_error err = KD_ERROR_INIT;
    const kd_eval *table = registry_load(b->plugins, KD_KIND_EVAL, id, &err)->table;
    const double chance = 1.0 / CLASSES;
    if (table->flags & KD_EVAL_LOWER_IS_BETTER) {
        /* a distance: what is left of the noise moves features a little; noise as far as another
         * kind, and a quotient of means of about 40 distances of deviation 1 / sqrt(WIDTH) */
        return (expected){0, 0.05, 1, 1 / sqrt(WIDTH * 40.0 * 4)};
    }
    return (expected){1, 0, chance, sqrt(chance * (1 - chance) / (4 * TESTS))};
}

static void check_eval(built *b, const char *id) {
    const expected e = expected_of(b, id);
    features f;
    make_features(&f, 1, 1);
    const double perfect = headline(b, id, &f);
    cr_assert_float_eq(perfect, e.perfect, e.most_off, "%s: perfect features", id);
    reverse(f.train, f.train_label, ROWS);
    reverse(f.test, f.test_label, TESTS);
    reverse_variants(&f);
    cr_assert_float_eq(headline(b, id, &f), perfect, 1e-12, "%s: perfect features in another order",
                       id);

    double mean = 0;
    for (uint64_t seed = 2; seed < 6; seed++) {
        make_features(&f, 0, seed);
        mean += headline(b, id, &f) / 4;
    }
    cr_assert_float_eq(mean, e.noise, 4 * e.deviation, "%s: %g on noise", id, mean);
}

/* One that trains on images is held to the same by rule M06 of the plugin check, which has some. */
static bool takes_features(built *b, const char *id) {
    kd_error err = KD_ERROR_INIT;
    const kd_eval *table = registry_load(b->plugins, KD_KIND_EVAL, id, &err)->table;
    return !(table->flags & KD_EVAL_IMAGES);
}

TEST(eval, knows_perfect_from_random) {
    built b;
    built_open(&b, "reference");
    for (int i = 0; i < registry_count(b.plugins); i++) {
        const plugin *p = registry_at(b.plugins, i);
        if (p->note.kind == KD_KIND_EVAL && p->state == PLUGIN_CHOSEN &&
            takes_features(&b, p->note.id)) {
            check_eval(&b, p->note.id);
        }
    }
    built_close(&b);
}
