/* SPDX-License-Identifier: Apache-2.0
 * The packed store: what it holds, when it is reused, and what happens to broken images. */
#include "base/file.h"
#include "base/log.h"
#include "data/resize.h"
#include "packing.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static image gray_to_color(kit *k, image grey) {
    const int64_t pixels = (int64_t)grey.height * grey.width;
    image out = {grey.height, grey.width, 3, arena_alloc(&k->memory, (size_t)pixels * 3)};
    for (int64_t i = 0; i < 3 * pixels; i++) {
        out.pixels[i] = grey.pixels[i / 3];
    }
    return out;
}

static void check_many(packing *p, image *pictures, int channels) {
    static int32_t labels[MANY];
    for (int i = 0; i < MANY; i++) {
        labels[i] = i % 4 - 1;
    }
    p->list.labels = labels;
    p->list.classes = 3;
    store *s = packing_open(p);
    cr_assert(s->samples == MANY && s->images == MANY && s->channels == channels);
    cr_assert(s->classes == 3 && strcmp(s->class_name[0], "zero") == 0 && !s->class_name[1]);
    double sum[3] = {0}, squares[3] = {0}, count = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(s->source[i] == i && s->label[i] == labels[i]);
        cr_assert(s->range[2 * i] == i && s->range[2 * i + 1] == 1);
        const image want =
            pictures[i].channels < channels ? gray_to_color(&p->kit, pictures[i]) : pictures[i];
        packing_expect_image(s, i, &want);
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
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    check_many(&p, pictures, 1);
    packing_finish(&p);
}

TEST(store, one_image_in_color_makes_three) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    packing_many(&p, pictures, 37);
    check_many(&p, pictures, 3);
    packing_finish(&p);
}

/* The order of reading is the dataset's business; the store's is that of the samples. */
TEST(store, order_of_reading_leaves_no_trace) {
    packing p;
    image pictures[MANY];
    char *data[2];
    size_t bytes[2];
    kd_error err = KD_ERROR_INIT;
    packing_init(&p);
    packing_many(&p, pictures, 5);
    for (int i = 0; i < 2; i++) {
        p.list.backwards = i;
        check_many(&p, pictures, 3);
        char *path = packing_path(&p);
        EXPECT_GOOD(file_read(path, 0, &data[i], &bytes[i], &err), err);
        cr_assert_eq(unlink(path), 0);
        free(path);
    }
    cr_assert(bytes[0] == bytes[1] && memcmp(data[0], data[1], bytes[0]) == 0);
    free(data[0]);
    free(data[1]);
    packing_finish(&p);
}

TEST(store, shrinks_to_the_size) {
    packing p;
    packing_init(&p);
    const image large = kit_picture(&p.kit, 60, 90, 3, 1), small = kit_picture(&p.kit, 9, 30, 3, 2);
    const kit_file files[] = {kit_png(&p.kit, "large", large), kit_png(&p.kit, "small", small)};
    p.list.files = files;
    p.list.count = 2;
    image shrunk;
    image_resize(&large, 16, 24, FILTER_BICUBIC, &shrunk);
    store *s = packing_open(&p);
    packing_expect_image(s, 0, &shrunk);
    packing_expect_image(s, 1, &small);
    store_close(s);
    p.options.size = 0;
    s = packing_open(&p);
    packing_expect_image(s, 0, &large);
    store_close(s);
    cr_assert_eq(packing_files(&p), 2);
    free(shrunk.pixels);
    packing_finish(&p);
}

TEST(store, pairs_are_samples_of_two) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    p.list.per_sample = 2;
    store *s = packing_open(&p);
    cr_assert(s->samples == MANY / 2 && s->images == MANY);
    cr_assert(s->range[10] == 10 && s->range[11] == 2);
    packing_expect_image(s, 11, &pictures[11]);
    store_close(s);
    packing_finish(&p);
}

TEST(store, is_reused_until_something_changes) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    for (int round = 0; round < 2; round++) {
        store_close(packing_open(&p));
        cr_assert_eq(p.reads, MANY, "read %d times", p.reads);
    }
    cr_assert_eq(packing_files(&p), 1); /* nothing is left beside it */
    const store_options base = p.options;
    for (int change = 0; change < 5; change++) {
        p.options = base;
        p.list.fingerprint = change == 0 ? "two" : "one";
        p.options.options = change == 1 ? "{a: 1}" : base.options;
        p.options.version = change == 2 ? "1.0.1" : base.version;
        p.options.size = change == 3 ? 12 : base.size;
        p.options.id = change == 4 ? "other" : base.id;
        p.reads = 0;
        store_close(packing_open(&p));
        cr_assert_eq(p.reads, MANY, "change %d", change);
    }
    cr_assert_eq(packing_files(&p), 6);
    packing_finish(&p);
}

TEST(store, lies_in_the_cache_folder) {
    packing p;
    packing_init(&p);
    p.options.cache = NULL;
    setenv("XDG_CACHE_HOME", "/xdg", 1);
    char *path = packing_path(&p);
    cr_assert_eq(strncmp(path, "/xdg/kindred/list-", 18), 0, "%s", path);
    free(path);
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/home/someone", 1);
    path = packing_path(&p);
    cr_assert_eq(strncmp(path, "/home/someone/.cache/kindred/list-", 34), 0, "%s", path);
    free(path);
    unsetenv("HOME");
    packing_expect_failure(&p, KD_E_INVALID, "HOME is not set");
    packing_finish(&p);
}

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
    packing_init(&p);
    break_images(packing_many(&p, pictures, MANY));
    packing_expect_failure(&p, KD_E_DATA, broken[0]);
    cr_assert_eq(packing_files(&p), 0);
    store *s;
    kd_error err = KD_ERROR_INIT;
    p.done = 0;
    store_open(&p.options, &s, &err);
    EXPECT_IN("data.on_error: skip", err.hint);
    packing_finish(&p);
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
        packing_expect_image(s, i, &pictures[index]);
    }
}

TEST(store, skip_leaves_broken_images_out) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    break_images(packing_many(&p, pictures, MANY));
    p.options.on_error = ON_ERROR_SKIP;
    int lines = 0;
    log_set_sink(count_lines, &lines);
    store *s = packing_open(&p);
    log_set_sink(NULL, NULL);
    cr_assert(lines == 4 && p.skipped == 4);
    expect_left_out(s, pictures);
    store_close(s);
    p.reads = 0;
    s = packing_open(&p); /* the list survives in the file */
    expect_left_out(s, pictures);
    cr_assert_eq(p.reads, 0);
    store_close(s);
    /* a store with gaps is no answer to `fail` */
    p.options.on_error = ON_ERROR_FAIL;
    packing_expect_failure(&p, KD_E_DATA, broken[0]);
    packing_finish(&p);
}

static void ignore_lines(void *arg, int32_t level, const char *line) {
    (void)arg;
    (void)level;
    (void)line;
}

TEST(store, a_pair_with_one_broken_image_is_left_out) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    break_images(packing_many(&p, pictures, MANY));
    p.list.per_sample = 2;
    p.options.on_error = ON_ERROR_SKIP;
    log_set_sink(ignore_lines, NULL);
    store *s = packing_open(&p);
    log_set_sink(NULL, NULL);
    cr_assert(s->samples == MANY / 2 - 4 && s->images == MANY - 8);
    cr_assert(s->source[1] == 2 && s->range[2] == 2);
    store_close(s);
    packing_finish(&p);
}

TEST(store, nothing_left_is_an_error) {
    packing p;
    packing_init(&p);
    const kit_file files[] = {{"a", "", 0}, {"b", "xxxx", 4}};
    p.list.files = files;
    p.list.count = 2;
    p.options.on_error = ON_ERROR_SKIP;
    log_set_sink(ignore_lines, NULL);
    packing_expect_failure(&p, KD_E_DATA,
                           "not one image could be read, first: a: the file is empty");
    p.list.count = 0;
    packing_expect_failure(&p, KD_E_INVALID, "no samples");
    log_set_sink(NULL, NULL);
    packing_finish(&p);
}

TEST(store, can_be_cancelled) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    p.cancel_at = 1;
    packing_expect_failure(&p, KD_E_CANCELLED, "cancelled");
    cr_assert_eq(packing_files(&p), 0);
    p.cancel_at = -1;
    store_close(packing_open(&p));
    packing_finish(&p);
}

TEST(store, an_unwritable_cache_is_an_error) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    p.options.cache = kit_text(&p.kit, "file", "x");
    packing_expect_failure(&p, KD_E_IO, p.options.cache);
    packing_finish(&p);
}
