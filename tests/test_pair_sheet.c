/* SPDX-License-Identifier: Apache-2.0
 * Which pairs a sheet shows, that its page is whole and needs nothing else, and that what is ticked
 * on it is what training leaves out. */
#include "base/file.h"
#include "data/manifest.h"
#include "data/pairs_id.h"
#include "data/source.h"
#include "data_kit.h"
#include "report/pair_sheet.h"

#include <math.h>
#include <stdlib.h>

enum { IMAGES = 80 };
#define EVIL "<b>&\"' 1"

/* Eighty pictures of four classes in turn, in forty pairs of neighbours' neighbours: the images of
 * pair i are 2 i and 2 i + 1 where i is even, of two classes; two of one class where it is odd. */
typedef struct bench {
    kit kit;
    kit_file files[IMAGES];
    int32_t labels[IMAGES];
    kit_list list;
    const char *manifest;
} bench;

static void init(bench *b) {
    kd_error err = KD_ERROR_INIT;
    manifest m = {0};
    *b = (bench){0};
    kit_init(&b->kit);
    for (int i = 0; i < IMAGES; i++) {
        const char *name = arena_print(&b->kit.memory, i % 9 ? "%d.png" : EVIL "%d.png", i);
        b->files[i] = kit_png(&b->kit, name, kit_picture(&b->kit, 20, 30, 3, i));
        b->labels[i] = (i / 2 % 2 ? i / 2 : i) % 4;
    }
    b->list = (kit_list){.files = b->files,
                         .count = IMAGES,
                         .per_sample = 1,
                         .labels = b->labels,
                         .classes = 4,
                         .fingerprint = "eighty"};
    for (int i = 0; i < IMAGES; i += 2) {
        manifest_add(&m, (manifest_row){.image = {{b->files[i].path, 0}, {b->files[i + 1].path, 0}},
                                        .label = -1,
                                        .similarity = i == 4 ? 0.75 : (double)NAN});
    }
    b->manifest = kit_path(&b->kit, "pairs.csv");
    EXPECT_GOOD(manifest_write(b->manifest, &m, &err), err);
    manifest_free(&m);
}

static void finish(bench *b) {
    kit_finish(&b->kit);
}

static kd_set *open_set(bench *b) {
    kd_error err = KD_ERROR_INIT;
    kd_set *set = NULL;
    const kd_dataset_host host = {.size = sizeof host, .host = &kit_host};
    EXPECT_GOOD(kit_dataset.open(&b->list, &host, &set, &err), err);
    return set;
}

static shown_pairs choose(bench *b, kd_set *set, shown_options o) {
    kd_error err = KD_ERROR_INIT;
    shown_pairs p;
    EXPECT_GOOD(pairs_shown(&kit_dataset, set, &o, &p, &err), err);
    (void)b;
    return p;
}

/* The page of the pairs; the kit's. */
static char *page_of(bench *b, kd_set *set, const shown_pairs *p, int64_t want_broken) {
    const pair_sheet sheet = {.table = &kit_dataset, .set = set, .name = EVIL, .pairs = p};
    const char *path = kit_path(&b->kit, "sheet.html");
    kd_error err = KD_ERROR_INIT;
    int64_t broken;
    size_t bytes, read;
    char *text;
    EXPECT_GOOD(pair_sheet_write(&sheet, path, &broken, &bytes, &err), err);
    EXPECT_GOOD(file_read(path, 0, &text, &read, &err), err);
    cr_assert(bytes == read && broken == want_broken);
    char *ret = arena_text(&b->kit.memory, text);
    free(text);
    return ret;
}

static int occurrences(const char *text, const char *part) {
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part)) {
        count++;
    }
    return count;
}

TEST(shown, are_drawn_and_nested_in_the_order_of_the_manifest) {
    bench b;
    init(&b);
    kd_set *set = open_set(&b);
    shown_pairs all = choose(&b, set, (shown_options){.manifest = b.manifest, .seed = 1});
    cr_assert(all.count == 40 && all.total == 40);
    cr_assert_float_eq(all.pair[2].similarity, 0.75, 1e-9);
    bool before[40] = {0};
    for (int count = 1; count <= 40; count++) {
        shown_pairs p =
            choose(&b, set, (shown_options){.manifest = b.manifest, .count = count, .seed = 1});
        cr_assert(p.count == count && p.total == 40);
        bool now[40] = {0};
        for (int i = 0; i < count; i++) {
            now[p.pair[i].side[0].sample / 2] = true;
            cr_assert(i == 0 || p.pair[i].side[0].sample > p.pair[i - 1].side[0].sample);
        }
        for (int i = 0; i < 40; i++) {
            cr_assert(now[i] || !before[i]);
            before[i] = now[i];
        }
        shown_free(&p);
    }
    shown_free(&all);
    kit_dataset.close(set);
    finish(&b);
}

TEST(shown, some_of_each_class) {
    bench b;
    init(&b);
    kd_set *set = open_set(&b);
    shown_pairs p =
        choose(&b, set, (shown_options){.manifest = b.manifest, .per_class = 3, .seed = 1});
    int of[5] = {0};
    for (int64_t i = 0; i < p.count; i++) {
        of[p.pair[i].class + 1]++;
        const bool same = strcmp(p.pair[i].side[0].class_name, p.pair[i].side[1].class_name) == 0;
        cr_assert_eq(same, p.pair[i].class >= 0);
    }
    /* pairs of odd numbers have the class 1 or 3; those of two classes count as one more */
    cr_assert(of[0] == 3 && of[1] == 0 && of[2] == 3 && of[3] == 0 && of[4] == 3);
    shown_free(&p);
    kit_dataset.close(set);
    finish(&b);
}

TEST(shown, a_dataset_of_pairs_by_its_paths) {
    bench b;
    init(&b);
    b.list.per_sample = 2;
    kd_set *set = open_set(&b);
    shown_pairs p = choose(&b, set, (shown_options){.seed = 1});
    cr_assert(p.count == 40 && p.pair[7].side[0].sample == 7 && p.pair[7].side[1].place == 1);
    char made[PAIR_ID];
    EXPECT_TEXT(p.pair[7].id, pairs_id(&kit_dataset, set, 7, made));
    const char *page = page_of(&b, set, &p, 0);
    EXPECT_IN("alt=\"14.png\"", page);
    EXPECT_IN("alt=\"15.png\"", page);
    cr_assert_eq(occurrences(page, "second of"), 0);
    shown_free(&p);
    b.list.per_sample = 1;
    kd_error err = KD_ERROR_INIT;
    p = choose(&b, set, (shown_options){.seed = 1});
    const pair_sheet sheet = {.table = &kit_dataset, .set = set, .name = "x", .pairs = &p};
    int64_t broken;
    size_t bytes;
    cr_assert_not(pair_sheet_write(&sheet, kit_path(&b.kit, "s.html"), &broken, &bytes, &err));
    EXPECT_TEXT(err.message, "the dataset's samples are single images");
    cr_assert_not(file_exists(kit_path(&b.kit, "s.html")));
    shown_free(&p);
    kit_dataset.close(set);
    finish(&b);
}

static void expect_error(bench *b, shown_options o, const char *want) {
    kd_error err = KD_ERROR_INIT;
    shown_pairs p;
    kd_set *set = open_set(b);
    cr_assert_not(pairs_shown(&kit_dataset, set, &o, &p, &err), "accepted: %s", want);
    EXPECT_TEXT(err.message, want);
    shown_free(&p);
    kit_dataset.close(set);
}

/* What a row says of a class is for images without one of their own. */
TEST(shown, classes_are_those_of_the_images) {
    bench b;
    init(&b);
    const char *path =
        kit_text(&b.kit, "named.csv", "index_a,index_b,class_name\n0,1,fish\n8,9,\n");
    kd_set *set = open_set(&b);
    shown_pairs p = choose(&b, set, (shown_options){.manifest = path, .seed = 1});
    EXPECT_TEXT(p.pair[0].side[0].class_name, "zero");
    EXPECT_TEXT(p.pair[0].side[1].class_name, "1");
    cr_assert_eq(p.pair[0].class, -1);
    shown_free(&p);
    b.list.labels = NULL;
    b.list.classes = 0;
    p = choose(&b, set, (shown_options){.manifest = path, .seed = 1});
    EXPECT_TEXT(p.pair[0].side[1].class_name, "fish");
    cr_assert_null(p.pair[1].side[0].class_name);
    shown_free(&p);
    kit_dataset.close(set);
    finish(&b);
}

TEST(shown, errors) {
    bench b;
    init(&b);
    const char *path = kit_text(&b.kit, "twice.csv", "id,index_a,index_b\nx,0,1\nx,2,3\n");
    expect_error(&b, (shown_options){.manifest = path},
                 arena_print(&b.kit.memory, "%s: two pairs have the id 'x'", path));
    path = kit_text(&b.kit, "self.csv", "index_a,index_b\n0,1\n2,2\n");
    expect_error(&b, (shown_options){.manifest = path},
                 arena_print(&b.kit.memory, "%s:3: an image is paired with itself", path));
    path = kit_text(&b.kit, "far.csv", "index_a,index_b\n0,80\n");
    expect_error(&b, (shown_options){.manifest = path},
                 arena_print(&b.kit.memory, "%s:2: index 80 is beyond the last, 79", path));
    path =
        kit_text(&b.kit, "other.csv", "index_a,index_b,label,class_name\n2,3,1,one\n0,1,0,zero\n");
    expect_error(&b, (shown_options){.manifest = path},
                 arena_print(&b.kit.memory, "%s:3: label 0, but '1.png' is of class 1", path));
    const char *reject = kit_text(&b.kit, "rejected.txt", "# none\nnobody\n");
    expect_error(&b, (shown_options){.manifest = b.manifest, .reject = reject},
                 arena_print(&b.kit.memory, "%s:2: no pair 'nobody' in %s", reject, b.manifest));
    finish(&b);
}

/* Fails unless every element is closed, in order, and text and attributes hold no bare < and &. */
static void expect_well_formed(const char *at) {
    char open[32][32];
    int depth = 0;
    cr_assert(strncmp(at, "<!DOCTYPE html>", 15) == 0);
    for (at += 15; *at;) {
        if (strncmp(at, "<![CDATA[", 9) == 0) {
            at = strstr(at, "]]>");
            cr_assert(at != NULL, "CDATA is not closed");
            at += 3;
        } else if (*at == '&') {
            const size_t length = strcspn(at, ";");
            cr_assert(length < 8, "a bare & in %.40s", at);
            at += length;
        } else if (*at != '<') {
            at++;
        } else {
            const bool closes = at[1] == '/';
            char name[32] = "";
            cr_assert_eq(sscanf(at + 1 + closes, "%31[a-z0-9]", name), 1, "a bare < in %.40s", at);
            for (bool quoted = false; *at != '>' || quoted; at++) {
                quoted ^= *at == '"';
                cr_assert(*at && !(quoted && *at == '<'), "<%s> is not closed", name);
            }
            if (closes) {
                cr_assert(depth > 0 && strcmp(open[--depth], name) == 0, "</%s>", name);
            } else if (at[-1] != '/') {
                cr_assert(depth < 32);
                strcpy(open[depth++], name);
            }
            at++;
        }
    }
    cr_assert_eq(depth, 0, "<%s> is not closed", depth ? open[depth - 1] : "");
}

TEST(sheet, is_one_page_with_every_pair) {
    bench b;
    init(&b);
    kd_set *set = open_set(&b);
    b.files[11] = (kit_file){"11.png", "no picture", 10};
    shown_pairs p = choose(&b, set, (shown_options){.manifest = b.manifest, .seed = 1});
    const char *page = page_of(&b, set, &p, 1);
    expect_well_formed(page);
    cr_assert_eq(occurrences(page, "type=\"checkbox\""), 40);
    cr_assert_eq(occurrences(page, "src=\"data:image/jpeg;base64,"), 79);
    cr_assert_eq(occurrences(page, "class=\"broken\">11.png: "), 1);
    for (int64_t i = 0; i < p.count; i++) {
        cr_assert_eq(occurrences(page, arena_print(&b.kit.memory, "value=\"%s\"", p.pair[i].id)),
                     1);
    }
    EXPECT_IN("<title>&lt;b&gt;&amp;&quot;&#39; 1</title>", page);
    EXPECT_IN("alt=\"&lt;b&gt;&amp;&quot;&#39; 10.png\"", page);
    cr_assert(!strstr(page, "<b>&"), "a name is not escaped");
    EXPECT_IN(">zero / 1<", page);
    EXPECT_IN("<span>0.750</span>", page);
    cr_assert_eq(occurrences(page, "http"), 0, "the page names something outside of it");
    cr_assert_lt(strlen(page), 40 * 5000 + 20000, "%zu bytes for 40 pairs", strlen(page));
    shown_free(&p);
    kit_dataset.close(set);
    finish(&b);
}

/* The list that the page gives: ids that are ticked, and those that it does not show. */
static const char *list_of(bench *b, const char *page) {
    char *ret = NULL, id[64];
    size_t bytes = 0;
    FILE *out = open_memstream(&ret, &bytes);
    fputs("# pairs turned down, for data.pairs.reject\n", out);
    for (const char *at = page; (at = strstr(at, "checked=\"checked\" value=\"")); at++) {
        cr_assert_eq(sscanf(at, "checked=\"checked\" value=\"%63[^\"]", id), 1);
        fprintf(out, "%s\n", id);
    }
    const char *hidden = strstr(page, "<pre id=\"hidden\" hidden=\"hidden\">");
    hidden = strchr(hidden, '>') + 1;
    fprintf(out, "%.*s", (int)strcspn(hidden, "<"), hidden);
    fclose(out);
    const char *path = kit_text(&b->kit, "new.txt", ret);
    free(ret);
    return path;
}

static int64_t left_for_training(bench *b, const char *reject) {
    source *s = NULL;
    kd_error err = KD_ERROR_INIT;
    const source_options o = {.table = &kit_dataset,
                              .config = &b->list,
                              .id = "list",
                              .version = "1",
                              .options = "",
                              .host = &kit_host,
                              .cache = kit_path(&b->kit, "cache"),
                              .pairs = {.manifest = b->manifest, .reject = reject}};
    EXPECT_GOOD(source_open(&o, &s, &err), err);
    const int64_t count = s->samples.count;
    source_close(s);
    return count;
}

TEST(sheet, keeps_what_was_turned_down_and_training_leaves_it_out) {
    bench b;
    init(&b);
    kd_set *set = open_set(&b);
    shown_pairs all = choose(&b, set, (shown_options){.manifest = b.manifest, .seed = 1});
    const char *reject = kit_text(&b.kit, "old.txt",
                                  arena_print(&b.kit.memory, "%s # no\n%s\n%s\n", all.pair[0].id,
                                              all.pair[17].id, all.pair[39].id));
    for (int count = 5; count <= 40; count += 35) {
        const shown_options o = {
            .manifest = b.manifest, .reject = reject, .count = count, .seed = 1};
        shown_pairs p = choose(&b, set, o);
        const char *page = page_of(&b, set, &p, 0);
        cr_assert_eq(occurrences(page, "checked=\"checked\"") + p.n_hidden, 3);
        cr_assert(count == 5 ? p.n_hidden > 0 : p.n_hidden == 0);
        cr_assert_eq(left_for_training(&b, list_of(&b, page)), 37);
        shown_free(&p);
    }
    cr_assert_eq(left_for_training(&b, NULL), 40);
    shown_free(&all);
    kit_dataset.close(set);
    finish(&b);
}
