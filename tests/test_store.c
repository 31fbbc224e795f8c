/* SPDX-License-Identifier: Apache-2.0
 * The packed store: what it holds, when it is made anew, and what happens to broken images. */
#include "data/store.h"

#include "base/file.h"
#include "base/log.h"
#include "base/safetensors.h"
#include "data/resize.h"
#include "data/store_file.h"
#include "data_kit.h"

#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A list of images and the options to pack it with. */
typedef struct packing {
    kit kit;
    kit_list list;
    kd_set *set;
    store_options options;
    int reads, progress_calls;
    int64_t done, total, skipped;
    int64_t cancel_at; /* -1: never */
} packing;

static bool note_progress(void *context, int64_t done, int64_t total, int64_t skipped) {
    packing *p = context;
    p->progress_calls++;
    cr_assert(done > p->done && done <= total && skipped <= done);
    p->done = done;
    p->total = total;
    p->skipped = skipped;
    return done < p->cancel_at || p->cancel_at < 0;
}

static void init(packing *p) {
    *p = (packing){.cancel_at = -1};
    kit_init(&p->kit);
    p->list = (kit_list){.per_sample = 1, .fingerprint = "one", .reads = &p->reads};
    kd_error err = KD_ERROR_INIT;
    kit_dataset.open(&p->list, NULL, &p->set, &err);
    p->options = (store_options){.table = &kit_dataset,
                                 .set = p->set,
                                 .id = "list",
                                 .version = "1.0.0",
                                 .options = "{}",
                                 .size = 16,
                                 .cache = kit_path(&p->kit, "cache"),
                                 .progress = note_progress,
                                 .context = p};
}

static void finish(packing *p) {
    kit_dataset.close(p->set);
    kit_finish(&p->kit);
}

static store *open_store(packing *p) {
    store *s = NULL;
    kd_error err = KD_ERROR_INIT;
    p->done = 0;
    EXPECT_GOOD(store_open(&p->options, &s, &err), err);
    return s;
}

static void expect_failure(packing *p, int32_t code, const char *part) {
    store *s = NULL;
    kd_error err = KD_ERROR_INIT;
    p->done = 0;
    cr_assert_not(store_open(&p->options, &s, &err));
    cr_assert_null(s);
    cr_assert_eq(err.code, code, "%d: %s", err.code, err.message);
    EXPECT_IN(part, err.message);
}

static char *path_of_store(packing *p) {
    char *path = NULL;
    kd_error err = KD_ERROR_INIT;
    EXPECT_GOOD(store_path(&p->options, &path, &err), err);
    return path;
}

static int files_in_cache(packing *p) {
    const char *command = arena_print(&p->kit.memory, "ls -A %s | wc -l", p->options.cache);
    FILE *out = popen(command, "r");
    int count = -1;
    cr_assert_eq(fscanf(out, "%d", &count), 1);
    pclose(out);
    return count;
}

static void expect_image(const store *s, int64_t i, const image *want) {
    cr_assert(s->height[i] == want->height && s->width[i] == want->width, "image %d: %d x %d",
              (int)i, s->height[i], s->width[i]);
    const image got = {s->height[i], s->width[i], s->channels, (uint8_t *)s->pixels + s->offset[i]};
    cr_assert_eq(kit_difference(&got, want), 0, "image %d", (int)i);
}

static image gray_to_color(kit *k, image grey) {
    const int64_t pixels = (int64_t)grey.height * grey.width;
    image out = {grey.height, grey.width, 3, arena_alloc(&k->memory, (size_t)pixels * 3)};
    for (int64_t i = 0; i < 3 * pixels; i++) {
        out.pixels[i] = grey.pixels[i / 3];
    }
    return out;
}

/* ---- What it holds. ---- */

#define MANY 40

/* Images of many sizes; from `color` on every third has colour. */
static kit_file *many_images(packing *p, image *pictures, int color) {
    kit_file *files = arena_alloc(&p->kit.memory, MANY * sizeof *files);
    for (int i = 0; i < MANY; i++) {
        const int channels = i >= color && i % 3 == 0 ? 3 : 1;
        pictures[i] = kit_picture(&p->kit, 5 + i % 11, 7 + i % 5, channels, i);
        files[i] = kit_png(&p->kit, arena_print(&p->kit.memory, "im/%d.png", i), pictures[i]);
    }
    p->list.files = files;
    p->list.count = MANY;
    return files;
}

static void check_many(packing *p, image *pictures, int channels) {
    static int32_t labels[MANY];
    for (int i = 0; i < MANY; i++) {
        labels[i] = i % 4 - 1;
    }
    p->list.labels = labels;
    p->list.classes = 3;
    store *s = open_store(p);
    cr_assert(s->samples == MANY && s->images == MANY && s->channels == channels);
    cr_assert(s->classes == 3 && strcmp(s->class_name[0], "zero") == 0 && !s->class_name[1]);
    double sum[3] = {0}, squares[3] = {0}, count = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(s->source[i] == i && s->label[i] == labels[i]);
        cr_assert(s->range[2 * i] == i && s->range[2 * i + 1] == 1);
        const image want =
            pictures[i].channels < channels ? gray_to_color(&p->kit, pictures[i]) : pictures[i];
        expect_image(s, i, &want);
        for (int j = 0; j < want.height * want.width; j++, count++) {
            for (int c = 0; c < channels; c++) {
                const double v = want.pixels[j * channels + c] / 255.0;
                sum[c] += v;
                squares[c] += v * v;
            }
        }
    }
    for (int c = 0; c < channels; c++) {
        const double mean = sum[c] / count;
        cr_assert_lt(fabs(s->mean[c] - mean), 1e-9);
        cr_assert_lt(fabs(s->std[c] - sqrt(squares[c] / count - mean * mean)), 1e-9);
    }
    cr_assert(s->max_height == 15 && s->max_width == 11 && s->min_side == 5);
    cr_assert(p->done == MANY && p->total == MANY && p->skipped == 0);
    store_close(s);
}

TEST(store, grey_only_has_one_channel) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    check_many(&p, pictures, 1);
    finish(&p);
}

TEST(store, one_image_in_color_makes_three) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, 37);
    check_many(&p, pictures, 3);
    finish(&p);
}

/* The order of reading is the dataset's business; the store's is that of the samples. */
TEST(store, order_of_reading_leaves_no_trace) {
    packing p;
    image pictures[MANY];
    char *data[2];
    size_t bytes[2];
    kd_error err = KD_ERROR_INIT;
    init(&p);
    many_images(&p, pictures, 5);
    for (int i = 0; i < 2; i++) {
        p.list.backwards = i;
        check_many(&p, pictures, 3);
        char *path = path_of_store(&p);
        EXPECT_GOOD(file_read(path, 0, &data[i], &bytes[i], &err), err);
        cr_assert_eq(unlink(path), 0);
        free(path);
    }
    cr_assert(bytes[0] == bytes[1] && memcmp(data[0], data[1], bytes[0]) == 0);
    free(data[0]);
    free(data[1]);
    finish(&p);
}

TEST(store, shrinks_to_the_size) {
    packing p;
    init(&p);
    const image large = kit_picture(&p.kit, 60, 90, 3, 1), small = kit_picture(&p.kit, 9, 30, 3, 2);
    const kit_file files[] = {kit_png(&p.kit, "large", large), kit_png(&p.kit, "small", small)};
    p.list.files = files;
    p.list.count = 2;
    image shrunk;
    image_resize(&large, 16, 24, FILTER_BICUBIC, &shrunk);
    store *s = open_store(&p);
    expect_image(s, 0, &shrunk);
    expect_image(s, 1, &small);
    store_close(s);
    p.options.size = 0;
    s = open_store(&p);
    expect_image(s, 0, &large);
    store_close(s);
    cr_assert_eq(files_in_cache(&p), 2);
    free(shrunk.pixels);
    finish(&p);
}

TEST(store, pairs_are_samples_of_two) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    p.list.per_sample = 2;
    store *s = open_store(&p);
    cr_assert(s->samples == MANY / 2 && s->images == MANY);
    cr_assert(s->range[10] == 10 && s->range[11] == 2);
    expect_image(s, 11, &pictures[11]);
    store_close(s);
    finish(&p);
}

/* ---- Reuse. ---- */

TEST(store, is_reused_until_something_changes) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    for (int round = 0; round < 2; round++) {
        store_close(open_store(&p));
        cr_assert_eq(p.reads, MANY, "read %d times", p.reads);
    }
    cr_assert_eq(files_in_cache(&p), 1); /* nothing is left beside it */
    const store_options base = p.options;
    for (int change = 0; change < 5; change++) {
        p.options = base;
        p.list.fingerprint = change == 0 ? "two" : "one";
        p.options.options = change == 1 ? "{a: 1}" : base.options;
        p.options.version = change == 2 ? "1.0.1" : base.version;
        p.options.size = change == 3 ? 12 : base.size;
        p.options.id = change == 4 ? "other" : base.id;
        p.reads = 0;
        store_close(open_store(&p));
        cr_assert_eq(p.reads, MANY, "change %d", change);
    }
    cr_assert_eq(files_in_cache(&p), 6);
    finish(&p);
}

TEST(store, lies_in_the_cache_folder) {
    packing p;
    init(&p);
    p.options.cache = NULL;
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    char *path = path_of_store(&p);
    cr_assert_eq(strncmp(path, "/xdg/kindred/list-", 18), 0, "%s", path);
    free(path);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/home/someone", 1);
    path = path_of_store(&p);
    cr_assert_eq(strncmp(path, "/home/someone/.cache/kindred/list-", 34), 0, "%s", path);
    free(path);
    unsetenv("HOME");
    expect_failure(&p, KD_E_INVALID, "HOME is not set");
    finish(&p);
}

/* ---- Damage to the store. ---- */

static void drop_log(void *arg, int32_t level, const char *line) {
    (void)level;
    snprintf(arg, 512, "%s", line);
}

static void expect_rebuilt(packing *p, const char *what) {
    char line[512] = "";
    p->reads = 0;
    log_set_sink(drop_log, line);
    store *s = open_store(p);
    log_set_sink(NULL, NULL);
    cr_assert_eq(p->reads, MANY, "%s: used as it is", what);
    EXPECT_IN("making the packed store anew", line);
    cr_assert_eq(s->samples, MANY);
    store_close(s);
}

TEST(store, a_damaged_one_is_made_anew) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    store_close(open_store(&p));
    char *path = path_of_store(&p);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    for (int cut = 0; cut < 5; cut++) {
        cr_assert_eq(truncate(path, info.st_size * cut / 5), 0);
        expect_rebuilt(&p, "cut short");
    }
    /* every eighth byte of the header and the index, one at a time */
    for (long at = 0; at < info.st_size && at < 3000; at += 97) {
        FILE *file = fopen(path, "r+b");
        fseek(file, at, SEEK_SET);
        const int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 0x11, file);
        fclose(file);
        kd_error err = KD_ERROR_INIT;
        store *s = NULL;
        if (store_map(path, &s, &err)) { /* a letter of a fingerprint may change unnoticed */
            cr_assert(s->samples == MANY && s->images == MANY, "byte %ld", at);
            store_close(s);
        }
        file = fopen(path, "r+b");
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
        fclose(file);
    }
    free(path);
    finish(&p);
}

/* ---- Stores that lie. ---- */

typedef struct lie {
    const char *tensor;
    int64_t at, value;
    bool with_digest; /* made to fit, as only malice does */
} lie;

static int64_t element(const safetensor *t, int64_t i) {
    int64_t wide = 0;
    int32_t narrow = 0;
    if (t->spec.dtype == KD_I64) {
        memcpy(&wide, (const char *)t->data + 8 * i, 8);
        return wide;
    }
    memcpy(&narrow, (const char *)t->data + 4 * i, 4);
    return narrow;
}

/* Copies a tensor, one element replaced. */
static void *changed_copy(arena *a, const safetensor *t, const lie *l) {
    char *data = arena_copy(a, t->data, t->bytes);
    if (strcmp(t->name, l->tensor) == 0) {
        const int64_t wide = l->value;
        const int32_t narrow = (int32_t)l->value;
        cr_assert_neq(element(t, l->at), l->value);
        if (t->spec.dtype == KD_I64) {
            memcpy(data + 8 * l->at, &wide, 8);
        } else {
            memcpy(data + 4 * l->at, &narrow, 4);
        }
    }
    return data;
}

/* Writes the store at `from` to `to` with the lie in it. */
static void forge(arena *a, const char *from, const char *to, const lie *l) {
    kd_error err = KD_ERROR_INIT;
    safetensors *file = safetensors_open(from, &err);
    safetensors_writer *w = safetensors_writer_create(to);
    const int count = safetensors_count(file);
    void *data[16];
    store s = {.images = MANY, .samples = MANY};
    for (int i = 0; i < count; i++) {
        const safetensor *t = safetensors_at(file, i);
        safetensors_declare(w, t->name, &t->spec);
        data[i] = changed_copy(a, t, l);
        s.offset = strcmp(t->name, "offset") ? s.offset : data[i];
        s.height = strcmp(t->name, "height") ? s.height : data[i];
        s.width = strcmp(t->name, "width") ? s.width : data[i];
        s.range = strcmp(t->name, "samples") ? s.range : data[i];
        s.source = strcmp(t->name, "source") ? s.source : data[i];
        s.label = strcmp(t->name, "label") ? s.label : data[i];
    }
    for (int i = 0; i < safetensors_metadata_count(file); i++) {
        const char *key = safetensors_metadata_key(file, i);
        if (!l->with_digest || strcmp(key, "index_sha256") != 0) {
            safetensors_set_metadata(w, key, safetensors_metadata(file, key));
        }
    }
    char digest[SHA256_HEX];
    store_index_digest(&s, digest);
    if (l->with_digest) {
        safetensors_set_metadata(w, "index_sha256", digest);
    }
    cr_assert(safetensors_begin(w, &err), "%s", err.message);
    for (int i = 0; i < count; i++) {
        cr_assert(safetensors_write(w, i, data[i], safetensors_at(file, i)->bytes, &err));
    }
    cr_assert(safetensors_commit(w, &err), "%s", err.message);
    safetensors_writer_destroy(w);
    safetensors_close(file);
}

TEST(store, an_index_that_lies_is_refused) {
    static const lie lies[] = {
        {"offset", 3, -1, true},         {"offset", 39, 1 << 20, true},
        {"offset", 5, INT64_MAX, true},  {"height", 2, 0, true},
        {"height", 2, 65500, true},      {"width", 4, -8, true},
        {"width", 4, INT32_MAX, true},   {"samples", 0, -1, true},
        {"samples", 0, MANY, true},      {"samples", 1, 0, true},
        {"samples", 3, INT32_MAX, true}, {"source", 4, 3, true},
        {"source", 0, -5, true},         {"label", 7, 0 + 9, true},
        {"label", 7, -2, true},          {"offset", 0, 1, false},
        {"height", 3, 1, false},         {"source", 39, 100, false},
    };
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    store_close(open_store(&p));
    char *path = path_of_store(&p);
    const char *forged = kit_path(&p.kit, "forged.safetensors");
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        forge(&p.kit.memory, path, forged, &lies[i]);
        store *s = NULL;
        kd_error err = KD_ERROR_INIT;
        cr_assert_not(store_map(forged, &s, &err), "lie %zu", i);
        EXPECT_IN("its index is damaged", err.message);
    }
    /* the same way of copying makes a good store when nothing is changed */
    store *s = NULL;
    kd_error err = KD_ERROR_INIT;
    forge(&p.kit.memory, path, forged, &(lie){"none", 0, 0, true});
    EXPECT_GOOD(store_map(forged, &s, &err), err);
    store_close(s);
    cr_assert_eq(rename(forged, path), 0); /* and where it lies, a lie is replaced */
    forge(&p.kit.memory, path, forged, &lies[0]);
    cr_assert_eq(rename(forged, path), 0);
    expect_rebuilt(&p, "a lie");
    free(path);
    finish(&p);
}

TEST(store, of_another_kind_is_refused) {
    kit k;
    kit_init(&k);
    kd_error err = KD_ERROR_INIT;
    const char *path = kit_path(&k, "x.safetensors");
    safetensors_writer *w = safetensors_writer_create(path);
    safetensors_declare(w, "weight", &(kd_spec){KD_F32, 1, {1}});
    cr_assert(safetensors_begin(w, &err) && safetensors_write(w, 0, "1234", 4, &err) &&
              safetensors_commit(w, &err));
    safetensors_writer_destroy(w);
    store *s = NULL;
    cr_assert_not(store_map(path, &s, &err));
    EXPECT_IN("not a packed store", err.message);
    kit_finish(&k);
}

/* ---- Broken images. ---- */

static const char *const broken[] = {
    "im/3.png: damaged PNG: ",
    "im/11.png: the file is empty",
    "im/20.png: neither JPEG nor PNG",
    "im/31.png: gone",
};

static void break_images(kit_file *files) {
    files[3].bytes -= 60;
    files[11].bytes = 0;
    files[20].data = "\x01\x02\x03\x04";
    files[20].bytes = 4;
    files[31].data = NULL;
}

TEST(store, fail_names_the_broken_image) {
    packing p;
    image pictures[MANY];
    init(&p);
    break_images(many_images(&p, pictures, MANY));
    expect_failure(&p, KD_E_DATA, broken[0]);
    cr_assert_eq(files_in_cache(&p), 0);
    store *s;
    kd_error err = KD_ERROR_INIT;
    p.done = 0;
    store_open(&p.options, &s, &err);
    EXPECT_IN("data.on_error: skip", err.hint);
    finish(&p);
}

static void count_lines(void *arg, int32_t level, const char *line) {
    cr_assert_eq(level, KD_LOG_WARN);
    EXPECT_IN(broken[*(int *)arg], line);
    EXPECT_IN("left out: ", line);
    ++*(int *)arg;
}

static void expect_left_out(const store *s, const image *pictures) {
    cr_assert(s->samples == MANY - 4 && s->images == MANY - 4 && s->n_bad == 4);
    for (int i = 0; i < 4; i++) {
        EXPECT_IN(broken[i], s->bad[i]);
    }
    for (int i = 0, index = 0; i < MANY - 4; i++, index++) {
        while (index == 3 || index == 11 || index == 20 || index == 31) {
            index++;
        }
        cr_assert_eq(s->source[i], index);
        expect_image(s, i, &pictures[index]);
    }
}

TEST(store, skip_leaves_broken_images_out) {
    packing p;
    image pictures[MANY];
    init(&p);
    break_images(many_images(&p, pictures, MANY));
    p.options.on_error = ON_ERROR_SKIP;
    int lines = 0;
    log_set_sink(count_lines, &lines);
    store *s = open_store(&p);
    log_set_sink(NULL, NULL);
    cr_assert(lines == 4 && p.skipped == 4);
    expect_left_out(s, pictures);
    store_close(s);
    p.reads = 0;
    s = open_store(&p); /* the list survives in the file */
    expect_left_out(s, pictures);
    cr_assert_eq(p.reads, 0);
    store_close(s);
    /* a store with gaps is no answer to `fail` */
    p.options.on_error = ON_ERROR_FAIL;
    expect_failure(&p, KD_E_DATA, broken[0]);
    finish(&p);
}

static void ignore_lines(void *arg, int32_t level, const char *line) {
    (void)arg;
    (void)level;
    (void)line;
}

TEST(store, a_pair_with_one_broken_image_is_left_out) {
    packing p;
    image pictures[MANY];
    init(&p);
    break_images(many_images(&p, pictures, MANY));
    p.list.per_sample = 2;
    p.options.on_error = ON_ERROR_SKIP;
    log_set_sink(ignore_lines, NULL);
    store *s = open_store(&p);
    log_set_sink(NULL, NULL);
    cr_assert(s->samples == MANY / 2 - 4 && s->images == MANY - 8);
    cr_assert(s->source[1] == 2 && s->range[2] == 2);
    store_close(s);
    finish(&p);
}

TEST(store, nothing_left_is_an_error) {
    packing p;
    init(&p);
    const kit_file files[] = {{"a", "", 0}, {"b", "xxxx", 4}};
    p.list.files = files;
    p.list.count = 2;
    p.options.on_error = ON_ERROR_SKIP;
    log_set_sink(ignore_lines, NULL);
    expect_failure(&p, KD_E_DATA, "not one image could be read, first: a: the file is empty");
    p.list.count = 0;
    expect_failure(&p, KD_E_INVALID, "no samples");
    log_set_sink(NULL, NULL);
    finish(&p);
}

TEST(store, can_be_cancelled) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    p.cancel_at = 1;
    expect_failure(&p, KD_E_CANCELLED, "cancelled");
    cr_assert_eq(files_in_cache(&p), 0);
    p.cancel_at = -1;
    store_close(open_store(&p));
    finish(&p);
}

TEST(store, an_unwritable_cache_is_an_error) {
    packing p;
    image pictures[MANY];
    init(&p);
    many_images(&p, pictures, MANY);
    p.options.cache = kit_text(&p.kit, "file", "x");
    expect_failure(&p, KD_E_IO, p.options.cache);
    finish(&p);
}
