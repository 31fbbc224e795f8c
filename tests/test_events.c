/* SPDX-License-Identifier: Apache-2.0
 * TensorBoard's event files, taken apart by a decoder of their own, over kills and resumed runs. */
#include "base/arena.h"
#include "base/file.h"
#include "leaks.h"
#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* By a table, four bits at a time; another way than the one tested. */
static uint32_t crc32c(const uint8_t *p, size_t bytes) {
    uint32_t table[16], crc = 0xffffffff;
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (int k = 0; k < 4; k++) {
            table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82f63b78 : table[i] >> 1;
        }
    }
    for (size_t i = 0; i < bytes; i++) {
        crc ^= p[i];
        crc = table[crc & 15] ^ crc >> 4;
        crc = table[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

static uint32_t unmask(const uint8_t *p) {
    uint32_t value;
    memcpy(&value, p, 4);
    value -= 0xa282ead8;
    return value >> 17 | value << 15;
}

typedef struct decoded {
    double wall_time;
    int64_t step;
    char version[32];
    int status, n_values;
    struct {
        char tag[128];
        float value;
    } values[16];
} decoded;

typedef struct field {
    unsigned number, type;
    uint64_t integer; /* or the length */
    const uint8_t *at;
} field;

static uint64_t read_varint(const uint8_t **p, const uint8_t *end) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        cr_assert(*p < end && shift < 64, "a varint is cut short");
        value |= (uint64_t)(**p & 0x7f) << shift;
        if (*(*p)++ < 0x80) {
            return value;
        }
    }
}

static field read_field(const uint8_t **p, const uint8_t *end) {
    const uint64_t key = read_varint(p, end);
    field f = {.number = (unsigned)(key >> 3), .type = key & 7, .at = *p};
    size_t bytes = 0;
    if (f.type == 0) {
        f.integer = read_varint(p, end);
        return f;
    }
    cr_assert(f.type == 1 || f.type == 2 || f.type == 5, "wire type %u", f.type);
    if (f.type == 2) {
        bytes = f.integer = read_varint(p, end);
        f.at = *p;
    } else {
        bytes = f.type == 1 ? 8 : 4;
    }
    cr_assert(bytes <= (size_t)(end - *p), "a field is cut short");
    *p += bytes;
    return f;
}

static void decode_value(const uint8_t *p, const uint8_t *end, decoded *e) {
    while (p < end) {
        const field f = read_field(&p, end);
        if (f.number == 1) {
            snprintf(e->values[e->n_values].tag, 128, "%.*s", (int)f.integer, (const char *)f.at);
        } else {
            cr_assert(f.number == 2 && f.type == 5);
            memcpy(&e->values[e->n_values].value, f.at, 4);
        }
    }
    e->n_values++;
}

static void decode_event(const uint8_t *p, const uint8_t *end, decoded *e) {
    while (p < end) {
        const field f = read_field(&p, end);
        const uint8_t *inner = f.at;
        if (f.number == 1) {
            memcpy(&e->wall_time, f.at, 8);
        } else if (f.number == 2) {
            e->step = (int64_t)f.integer;
        } else if (f.number == 3) {
            snprintf(e->version, sizeof e->version, "%.*s", (int)f.integer, (const char *)f.at);
        } else if (f.number == 5) {
            while (inner < f.at + f.integer) {
                const field value = read_field(&inner, f.at + f.integer);
                decode_value(value.at, value.at + value.integer, e);
            }
        } else {
            cr_assert_eq(f.number, 7);
            e->status = (int)read_field(&inner, f.at + f.integer).integer;
        }
    }
}

/* All events of a file, whose every CRC must be right; the caller frees. */
static decoded *decode(const char *path, int *ret_count) {
    char *data = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    decoded *all = NULL;
    *ret_count = 0;
    cr_assert(file_read(path, 0, &data, &bytes, &err), "%s", err.message);
    for (const uint8_t *p = (uint8_t *)data, *end = p + bytes; p < end;) {
        uint64_t length;
        cr_assert(end - p >= 16, "a frame is cut short");
        memcpy(&length, p, 8);
        cr_assert(length <= (uint64_t)(end - p - 16));
        cr_assert_eq(unmask(p + 8), crc32c(p, 8), "the CRC of a length");
        cr_assert_eq(unmask(p + 12 + length), crc32c(p + 12, length), "the CRC of an event");
        all = kd_grow(all, sizeof *all * (size_t)(*ret_count + 1));
        memset(&all[*ret_count], 0, sizeof *all);
        decode_event(p + 12, p + 12 + length, &all[(*ret_count)++]);
        p += length + 16;
    }
    free(data);
    return all;
}

static const char *file_name(const char *folder, int number) {
    static char path[256];
    snprintf(path, sizeof path, "%s/events.out.tfevents.%08d.kindred", folder, number);
    return path;
}

static char *temporary(void) {
    char *folder = strdup("/tmp/kindred-events-XXXXXX");
    cr_assert(folder && mkdtemp(folder), "no temporary folder");
    return folder;
}

static void remove_tree(char *folder) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_remove_tree(folder, &err), "%s", err.message);
    free(folder);
}

static events *open_events(const char *folder, int64_t step) {
    kd_error err = KD_ERROR_INIT;
    events *e = events_open(folder, step, &err);
    cr_assert(e != NULL, "%s", err.message);
    return e;
}

/* Steps [from, to], as a run's start that went so far. */
static void write_steps(const char *folder, int64_t after, int to) {
    events *e = open_events(folder, after);
    for (int step = (int)after + 1; step <= to; step++) {
        json_t *line = json_pack("{s:i, s:f, s:f}", "step", step, "loss", 1.0 / step, "lr", 0.1);
        events_write(e, line);
        json_decref(line);
    }
    events_close(e);
}

TEST(events, the_test_knows_crc32c) {
    cr_assert_eq(crc32c((const uint8_t *)"123456789", 9), 0xe3069283); /* RFC 3720 */
}

TEST(events, hold_what_lines_hold) {
    char *folder = temporary();
    int count = 0;
    events *e = open_events(folder, 0);
    json_t *line = json_pack("{s:I, s:f, s:n, s:i, s:s}", "step", (json_int_t)3000000000, "loss",
                             0.625, "lr", "n", 7, "word", "x");
    events_write(e, line);
    json_decref(line);
    events_close(e);
    decoded *all = decode(file_name(folder, 1), &count);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(all[0].version, "brain.Event:2");
    cr_assert(all[0].wall_time > 1.7e9 && all[1].wall_time >= all[0].wall_time);
    cr_assert(all[1].step == 3000000000 && all[1].n_values == 2);
    cr_assert_str_eq(all[1].values[0].tag, "train/loss");
    cr_assert_eq(all[1].values[0].value, 0.625f);
    cr_assert_str_eq(all[1].values[1].tag, "train/n");
    cr_assert_eq(all[1].values[1].value, 7);
    free(all);
    remove_tree(folder);
}

TEST(events, results_of_evals_have_names_of_their_own) {
    static const char *const of[] = {"trained encoder", "raw pixels"};
    static const char *const tags[] = {"eval/knn/top1", "eval/knn/top1 (raw pixels)"};
    char *folder = temporary();
    int count = 0;
    events *e = open_events(folder, 0);
    for (int i = 0; i < 2; i++) {
        json_t *line =
            json_pack("{s:i, s:s, s:s, s:f, s:f, s:s, s:f}", "step", 4, "eval", "knn", "of", of[i],
                      "top1", 0.5, "value", 0.5, "protocol", "p", "seconds", 1.5);
        events_write(e, line);
        json_decref(line);
    }
    events_close(e);
    decoded *all = decode(file_name(folder, 1), &count);
    cr_assert_eq(count, 3);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(all[1 + i].n_values, 1, "value repeats top1, seconds are no result");
        cr_assert_str_eq(all[1 + i].values[0].tag, tags[i]);
    }
    free(all);
    remove_tree(folder);
}

/* Each step once over all files, in order, though the run was stopped after step 5 and went on from
 * its checkpoint of step 3; and TensorBoard, which may have read step 5, is told. */
TEST(events, a_resumed_run_has_each_step_once) {
    char *folder = temporary();
    int count = 0, more = 0;
    write_steps(folder, 0, 5);
    write_steps(folder, 3, 6);
    decoded *all = decode(file_name(folder, 1), &count);
    decoded *then = decode(file_name(folder, 2), &more);
    cr_assert(count == 4 && all[3].step == 3, "%d events", count);
    cr_assert(more == 5 && then[1].status == 1 && then[1].step == 4, "%d events", more);
    for (int i = 2; i < more; i++) {
        cr_assert_eq(then[i].step, i + 2);
    }
    free(all);
    free(then);
    remove_tree(folder);
}

TEST(events, what_a_kill_left_half_written_is_cut_off) {
    char *folder = temporary(), *data = NULL;
    size_t bytes = 0;
    kd_error err = KD_ERROR_INIT;
    write_steps(folder, 0, 2);
    cr_assert(file_read(file_name(folder, 1), 0, &data, &bytes, &err));
    for (size_t kept = bytes - 1; kept > 0; kept--) {
        int count = 0;
        cr_assert(file_write(file_name(folder, 1), data, kept, &err));
        write_steps(folder, 2, 2);
        free(decode(file_name(folder, 1), &count));
        cr_assert_leq(count, 2);
        cr_assert_eq(unlink(file_name(folder, 2)), 0);
    }
    free(data);
    remove_tree(folder);
}

TEST(events, damage_and_strangers_do_no_harm) {
    char *folder = temporary(), *data = NULL;
    size_t bytes = 0;
    int count = 0;
    kd_error err = KD_ERROR_INIT;
    write_steps(folder, 0, 3);
    cr_assert(file_read(file_name(folder, 1), 0, &data, &bytes, &err));
    data[bytes - 20] ^= 1; /* in the last event */
    memset(data + bytes - 3, 0xff, 3);
    cr_assert(file_write(file_name(folder, 1), data, bytes, &err));
    free(data);
    char stranger[300];
    snprintf(stranger, sizeof stranger, "%s/events.out.tfevents.123.other", folder);
    cr_assert(file_write(stranger, "x", 1, &err));
    write_steps(folder, 3, 4);
    free(decode(file_name(folder, 1), &count));
    cr_assert_eq(count, 3);
    cr_assert(file_read(stranger, 0, &data, &bytes, &err) && bytes == 1, "not ours: left alone");
    free(data);
    remove_tree(folder);
}

TEST(events, metrics_are_mirrored) {
    char *folder = temporary(), path[256];
    int count = 0;
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    metrics *m = metrics_open(path, 0, &err);
    events *e = open_events(folder, 0);
    metrics_mirror(m, e);
    metrics_write(m, json_pack("{s:i, s:f}", "step", 1, "loss", 0.5));
    metrics_write(m, json_pack("{s:i, s:o}", "step", 2, "loss", metrics_real(NAN)));
    decoded *all =
        decode(file_name(folder, 1), &count); /* while it is open: nothing is held back */
    cr_assert(count == 3 && all[1].values[0].value == 0.5f && all[2].n_values == 0);
    free(all);
    metrics_close(m);
    events_close(e);
    remove_tree(folder);
}

TEST(events, a_folder_that_is_not_there_is_an_error) {
    kd_error err = KD_ERROR_INIT;
    cr_assert_null(events_open("/nowhere", 0, &err));
    cr_assert(strstr(err.message, "/nowhere"), "%s", err.message);
}
