/* SPDX-License-Identifier: Apache-2.0
 * Packed stores that are damaged, or lie: they are never used, and made anew. */
#include "base/log.h"
#include "base/safetensors.h"
#include "data/store_file.h"
#include "packing.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void drop_log(void *arg, int32_t level, const char *line) {
    (void)level;
    snprintf(arg, 512, "%s", line);
}

static void expect_rebuilt(packing *p, const char *what) {
    char line[512] = "";
    p->reads = 0;
    log_set_sink(drop_log, line);
    store *s = packing_open(p);
    log_set_sink(NULL, NULL);
    cr_assert_eq(p->reads, MANY, "%s: used as it is", what);
    EXPECT_IN("making the packed store anew", line);
    cr_assert_eq(s->samples, MANY);
    store_close(s);
}

TEST(damage, a_damaged_one_is_made_anew) {
    packing p;
    image pictures[MANY];
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    store_close(packing_open(&p));
    char *path = packing_path(&p);
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
    packing_finish(&p);
}

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

TEST(damage, an_index_that_lies_is_refused) {
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
    packing_init(&p);
    packing_many(&p, pictures, MANY);
    store_close(packing_open(&p));
    char *path = packing_path(&p);
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
    packing_finish(&p);
}

TEST(damage, of_another_kind_is_refused) {
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
