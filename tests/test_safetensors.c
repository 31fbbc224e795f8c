/* SPDX-License-Identifier: Apache-2.0
 * safetensors: round trips, layout, and a file with every kind of damage, each refused by name. */
#include "base/arena.h"
#include "base/file.h"
#include "base/safetensors.h"

#include "leaks.h"

#include <stdlib.h>
#include <unistd.h>

static char path[64];

static void make_path(void) {
    snprintf(path, sizeof path, "/tmp/kindred-test-%d.safetensors", getpid());
}

static kd_spec spec(int32_t dtype, int rank, int64_t a, int64_t b) {
    return (kd_spec){.dtype = dtype, .rank = rank, .dim = {a, b}};
}

/* Four tensors of sizes 1, 4, 8 and 0 elements, written interleaved and piece by piece. */
static bool write_example(kd_error *err) {
    static const unsigned char bytes[] = {1, 2, 3};
    static const float floats[] = {0.5f, -1, 2, 3};
    static const int64_t whole = -7;
    const kd_spec specs[] = {spec(KD_U8, 1, 3, 0), spec(KD_F32, 2, 2, 2), spec(KD_I64, 0, 0, 0),
                             spec(KD_F32, 2, 5, 0)};
    safetensors_writer *w = safetensors_writer_create(path);
    cr_assert_eq(safetensors_declare(w, "pixels", &specs[0]), 0);
    cr_assert_eq(safetensors_declare(w, "weight", &specs[1]), 1);
    cr_assert_eq(safetensors_declare(w, "count \"n\"", &specs[2]), 2);
    cr_assert_eq(safetensors_declare(w, "nothing", &specs[3]), 3);
    safetensors_set_metadata(w, "format", "pt");
    safetensors_set_metadata(w, "a", "\xc3\xa4");
    const bool done =
        safetensors_begin(w, err) && safetensors_write(w, 1, floats, sizeof(float), err) &&
        safetensors_write(w, 0, bytes, 2, err) &&
        safetensors_write(w, 1, floats + 1, 3 * sizeof(float), err) &&
        safetensors_write(w, 0, bytes + 2, 1, err) &&
        safetensors_write(w, 2, &whole, sizeof whole, err) && safetensors_commit(w, err);
    safetensors_writer_destroy(w);
    return done;
}

TEST(safetensors, round_trip) {
    kd_error err = KD_ERROR_INIT;
    make_path();
    cr_assert(write_example(&err), "%s", err.message);
    safetensors *file = safetensors_open(path, &err);
    cr_assert(file != NULL, "%s", err.message);
    cr_assert_str_eq(safetensors_path(file), path);
    cr_assert_eq(safetensors_count(file), 4);
    /* By falling element size: i64, f32, u8; the empty one takes no room. */
    cr_assert_str_eq(safetensors_at(file, 0)->name, "count \"n\"");
    cr_assert_str_eq(safetensors_at(file, 3)->name, "pixels");
    cr_assert_null(safetensors_at(file, 4));

    const safetensor *weight = safetensors_find(file, "weight");
    cr_assert_str_eq(weight->dtype, "F32");
    cr_assert(weight->spec.dtype == KD_F32 && weight->spec.rank == 2 && weight->bytes == 16);
    cr_assert_eq((uintptr_t)weight->data % 4, 0);
    cr_assert_eq(((const float *)weight->data)[1], -1);
    const safetensor *count = safetensors_find(file, "count \"n\"");
    cr_assert_eq((uintptr_t)count->data % 8, 0);
    cr_assert(count->spec.rank == 0 && *(const int64_t *)count->data == -7);
    cr_assert_eq(safetensors_find(file, "nothing")->bytes, 0);
    cr_assert_null(safetensors_find(file, "weigh"));

    cr_assert_eq(safetensors_metadata_count(file), 2);
    cr_assert_str_eq(safetensors_metadata_key(file, 1), "format");
    cr_assert_str_eq(safetensors_metadata(file, "format"), "pt");
    cr_assert_str_eq(safetensors_metadata(file, "a"), "\xc3\xa4");
    cr_assert_null(safetensors_metadata(file, "b"));
    safetensors_close(file);
    safetensors_close(NULL);
    unlink(path);
}

TEST(safetensors, equal_calls_give_equal_bytes) {
    kd_error err = KD_ERROR_INIT;
    make_path();
    char *data[2];
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        cr_assert(write_example(&err) && file_read(path, 0, &data[i], &bytes[i], &err));
    }
    cr_assert(bytes[0] == bytes[1] && memcmp(data[0], data[1], bytes[0]) == 0);
    free(data[0]);
    free(data[1]);
    unlink(path);
}

TEST(safetensors, need_says_what_is_there) {
    kd_error err = KD_ERROR_INIT;
    make_path();
    cr_assert(write_example(&err), "%s", err.message);
    safetensors *file = safetensors_open(path, &err);
    const kd_spec right = spec(KD_F32, 2, -1, 2), type = spec(KD_I32, 2, 2, 2),
                  shape = spec(KD_F32, 2, -1, 3);
    cr_assert_not_null(safetensors_need(file, "weight", &right, &err));
    cr_assert_null(safetensors_need(file, "weight", &type, &err));
    cr_assert(strstr(err.message, "tensor weight is F32 [2, 2], wanted I32 [2, 2]"));
    cr_assert_null(safetensors_need(file, "weight", &shape, &err));
    cr_assert(strstr(err.message, "is F32 [2, 2], wanted F32 [any, 3]"), "%s", err.message);
    cr_assert_null(safetensors_need(file, "wieght", NULL, &err));
    cr_assert(strstr(err.message, "there is no tensor wieght") && strstr(err.hint, "weight"));
    safetensors_close(file);
    unlink(path);
}

TEST(safetensors, the_writer_refuses_mistakes) {
    kd_error err = KD_ERROR_INIT;
    make_path();
    const kd_spec good = spec(KD_F32, 1, 2, 0), negative = spec(KD_F32, 1, -2, 0),
                  huge = spec(KD_F32, 2, INT64_MAX / 4, 4), unknown = spec(77, 1, 2, 0),
                  real = spec(KD_REAL, 1, 2, 0);
    const struct {
        const char *name;
        const kd_spec *spec;
    } bad[] = {{"x", &good}, {"y", &negative},        {"y", &huge},   {"y", &unknown},
               {"y", &real}, {"__metadata__", &good}, {"\xff", &good}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        safetensors_writer *w = safetensors_writer_create(path);
        safetensors_declare(w, "x", &good);
        safetensors_declare(w, bad[i].name, bad[i].spec);
        cr_assert(!safetensors_begin(w, &err), "%zu", i);
        cr_assert(strstr(err.message, path) && err.code == KD_E_INTERNAL, "%s", err.message);
        safetensors_writer_destroy(w);
    }
    static const float zeros[3];
    safetensors_writer *w = safetensors_writer_create(path);
    cr_assert_eq(safetensors_declare(w, "x", &good), 0);
    cr_assert(!safetensors_write(w, 0, zeros, 4, &err) && !safetensors_commit(w, &err));
    cr_assert(safetensors_begin(w, &err), "%s", err.message);
    cr_assert(!safetensors_write(w, 0, zeros, 12, &err));
    cr_assert(safetensors_write(w, 0, zeros, 4, &err) && !safetensors_commit(w, &err));
    cr_assert(strstr(err.message, "tensor x has 8 bytes, 4 were written"), "%s", err.message);
    safetensors_writer_destroy(w);
    cr_assert(!file_exists(path), "an unfinished file appeared");
}

static safetensors *open_header(const char *header, size_t header_bytes, size_t data_bytes,
                                kd_error *err) {
    const size_t bytes = 8 + strlen(header) + data_bytes;
    char *file = kd_alloc(bytes);
    for (int i = 0; i < 8; i++) {
        file[i] = (char)(header_bytes >> 8 * i);
    }
    memcpy(file + 8, header, strlen(header));
    cr_assert(file_write(path, file, bytes, err), "%s", err->message);
    free(file);
    return safetensors_open(path, err);
}

#define X(shape, offsets)                                                                          \
    "{\"x\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define Y(dtype, offsets)                                                                          \
    "\"y\":{\"dtype\":\"" dtype "\",\"shape\":[1],\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data_bytes;
    const char *message; /* NULL: right */
} headers[] = {
    {X("[2]", "[0,8]"), 8, NULL},
    {X("[2]", "[0,8]") "   ", 8, NULL},
    {"{}", 0, NULL},
    {"{\"__metadata__\":{\"a\":\"b\"}}", 0, NULL},
    {"{" Y("F16", "[0,2]") "}", 2, NULL},
    {"", 0, "does not begin with {"},
    {" {}", 0, "does not begin with {"},
    {"[]", 0, "does not begin with {"},
    {"{", 0, "is no JSON"},
    {"{}{}", 0, "is no JSON"},
    {"{\"a\\u0000\":{}}", 0, "is no JSON"},
    {"{\"\xff\":{}}", 0, "is no JSON"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
     "\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
     1, "duplicate"},
    {"{\"x\":1}", 0, "tensor x: wants dtype"},
    {"{\"x\":{}}", 0, "tensor x: wants dtype"},
    {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":0}}", 1, "no more"},
    {"{" Y("F31", "[0,4]") "}", 4, "tensor y: unknown dtype F31"},
    {"{\"x\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "dtype is not a text"},
    {X("2", "[0,8]"), 8, "shape is not a list"},
    {X("[-2]", "[0,8]"), 8, "dimension 0 is not a whole number"},
    {X("[1,2.0]", "[0,8]"), 8, "dimension 1 is not a whole number"},
    {X("[99999999999999999999]", "[0,8]"), 8, "is no JSON"},
    {X("[4294967296,4294967296]", "[0,0]"), 0, "the shape is too large"},
    {X("[4611686018427387904]", "[0,0]"), 0, "need another number"},
    {X("[1,1,1,1,1,1,1]", "[0,4]"), 4, "7 dimensions, at most 6"},
    {X("[2]", "[0,4]"), 8, "has 4 bytes, but its dtype and shape need another number"},
    {X("[2]", "[0]"), 8, "data_offsets is not"},
    {X("[2]", "[0,8,8]"), 8, "data_offsets is not"},
    {X("[2]", "{\"0\":0}"), 8, "data_offsets is not"},
    {X("[2]", "[0,8.0]"), 8, "data_offsets is not"},
    {X("[2]", "[-8,0]"), 8, "bytes -8 to 0 are not in the file"},
    {X("[2]", "[8,0]"), 8, "bytes 8 to 0 are not in the file"},
    {X("[2]", "[0,8]"), 7, "bytes 0 to 8 are not in the file, which has 7 bytes"},
    {X("[2]", "[0,8]"), 9, "1 bytes at its end belong to no tensor"},
    {X("[2]", "[1,9]"), 9, "tensor x: there is a hole before it"},
    {"{" Y("U8", "[0,1]") ",\"z\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2,
     "tensor z: overlaps the one before it"},
    {"{\"__metadata__\":3}", 0, "__metadata__ is not a map of texts"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__: a is not a text"},
};

TEST(safetensors, damaged_headers) {
    make_path();
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        kd_error err = KD_ERROR_INIT;
        safetensors *file =
            open_header(headers[i].header, strlen(headers[i].header), headers[i].data_bytes, &err);
        if (!headers[i].message) {
            cr_assert(file != NULL, "%s: %s", headers[i].header, err.message);
        } else {
            cr_assert(file == NULL, "%s was read", headers[i].header);
            cr_assert(strstr(err.message, headers[i].message), "%s", err.message);
            cr_assert(strstr(err.message, path) == err.message && *err.hint);
        }
        safetensors_close(file);
    }
    unlink(path);
}

TEST(safetensors, damaged_lengths) {
    static const size_t lengths[] = {0, 1, 3, 100000001, SIZE_MAX, SIZE_MAX - 7, (size_t)1 << 63};
    make_path();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        kd_error err = KD_ERROR_INIT;
        cr_assert(open_header("{}", lengths[i], 0, &err) == NULL && *err.message, "%zu", i);
    }
    kd_error err = KD_ERROR_INIT;
    for (size_t bytes = 0; bytes < 8; bytes++) {
        cr_assert(file_write(path, "\2\0\0\0\0\0\0", bytes, &err));
        cr_assert(!safetensors_open(path, &err) && strstr(err.message, "bytes"));
    }
    unlink(path);
    cr_assert(!safetensors_open(path, &err) && strstr(err.message, "No such file"));
    cr_assert(!safetensors_open("/tmp", &err) && strstr(err.message, "is no file"));
}

/* Every byte of a right file replaced, and every truncation: an error or a file, never a crash. */
TEST(safetensors, any_byte_may_be_wrong) {
    kd_error err = KD_ERROR_INIT;
    make_path();
    char *good;
    size_t bytes, refused = 0;
    cr_assert(write_example(&err) && file_read(path, 0, &good, &bytes, &err));
    FILE *out = fopen(path, "r+b");
    for (size_t i = 0; i < bytes; i++) {
        static const char wrong[] = {0, '"', '9', '}', (char)0xff};
        for (size_t k = 0; k < sizeof wrong; k++) {
            fseek(out, (long)i, SEEK_SET);
            fputc(wrong[k], out);
            fflush(out);
            safetensors *file = safetensors_open(path, &err);
            refused += file == NULL;
            for (int t = 0; file && t < safetensors_count(file); t++) {
                const safetensor *tensor = safetensors_at(file, t);
                volatile unsigned char last =
                    tensor->bytes ? ((const unsigned char *)tensor->data)[tensor->bytes - 1] : 0;
                (void)last;
            }
            safetensors_close(file);
        }
        fseek(out, (long)i, SEEK_SET);
        fputc(good[i], out);
    }
    fflush(out);
    cr_assert(refused > bytes);
    for (size_t i = bytes; i-- > 0;) {
        cr_assert_eq(ftruncate(fileno(out), (off_t)i), 0);
        cr_assert_null(safetensors_open(path, &err));
    }
    fclose(out);
    free(good);
    unlink(path);
}
