/* SPDX-License-Identifier: Apache-2.0
 * Files of events: one for each start of a run, and none of steps that come again. */
#include "train/events.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "train/evaluation.h"
#include "train/event_record.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "events.out.tfevents.%08ld.kindred"

struct events {
    FILE *file;
    event_record record;
    bool warned;
};

static double wall_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Cuts a file off before its first event of a step after `step`, or before what is damaged. */
static bool cut(const char *path, int64_t step, kd_error *err) {
    char *data = NULL;
    size_t bytes = 0, kept = 0, frame;
    int64_t own = 0;
    if (!file_read(path, 0, &data, &bytes, err)) {
        return false;
    }
    while ((frame = event_read_step((const uint8_t *)data + kept, bytes - kept, &own)) &&
           own <= step) {
        kept += frame;
    }
    free(data);
    return kept == bytes || truncate(path, (off_t)kept) == 0 ||
           kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
}

/* Cuts all files that are there. ret_next: the number of the one to come. */
static bool cut_all(const char *folder, int64_t step, long *ret_next, kd_error *err) {
    char path[4096], name[64];
    bool ok = true;
    *ret_next = 1;
    DIR *directory = opendir(folder);
    if (!directory) {
        return kd_fail(err, KD_E_IO, "%s: %s", folder, strerror(errno));
    }
    for (const struct dirent *entry; ok && (entry = readdir(directory));) {
        long number = 0;
        if (sscanf(entry->d_name, "events.out.tfevents.%8ld", &number) != 1 || number < 1) {
            continue;
        }
        snprintf(name, sizeof name, FILE_NAME, number);
        if (strcmp(name, entry->d_name) == 0) {
            snprintf(path, sizeof path, "%s/%s", folder, name);
            ok = cut(path, step, err);
            *ret_next = number >= *ret_next ? number + 1 : *ret_next;
        }
    }
    closedir(directory);
    return ok;
}

static void put(events *e) {
    const event_record *r = &e->record;
    const bool written = fwrite(r->data, 1, r->bytes, e->file) == r->bytes && fflush(e->file) == 0;
    if (!written && !e->warned) {
        log_line(KD_LOG_WARN, "events.out.tfevents: an event is lost: %s", strerror(errno));
        e->warned = true;
    }
}

events *events_open(const char *folder, int64_t step, kd_error *err) {
    char path[4096], name[64];
    long number = 0;
    if (!cut_all(folder, step, &number, err)) {
        return NULL;
    }
    snprintf(name, sizeof name, FILE_NAME, number);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wxe");
    if (!file) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        return NULL;
    }
    events *e = kd_alloc(sizeof *e);
    e->file = file;
    event_version(&e->record, wall_time());
    put(e);
    if (number > 1) {
        event_start(&e->record, wall_time(), step + 1);
        put(e);
    }
    return e;
}

void events_close(events *e) {
    if (e) {
        fclose(e->file);
        event_free(&e->record);
        free(e);
    }
}

/* Results only: an eval's line repeats its first one as its value. */
static bool is_charted(const json_t *line, const char *key) {
    const bool eval = json_object_get(line, "eval") != NULL;
    return strcmp(key, "step") != 0 &&
           !(eval && (strcmp(key, "value") == 0 || strcmp(key, "seconds") == 0));
}

static void name_tag(const json_t *line, const char *key, char *ret, size_t room) {
    const char *eval = json_string_value(json_object_get(line, "eval"));
    const char *of = json_string_value(json_object_get(line, "of"));
    if (!eval) {
        snprintf(ret, room, "train/%s", key);
    } else if (!of || strcmp(of, OF_TRAINED) == 0) {
        snprintf(ret, room, "eval/%s/%s", eval, key);
    } else {
        snprintf(ret, room, "eval/%s/%s (%s)", eval, key, of);
    }
}

void events_write(events *e, const json_t *line) {
    const char *key;
    json_t *value;
    char tag[512];
    const json_int_t step = json_integer_value(json_object_get(line, "step"));
    event_begin(&e->record, wall_time(), step);
    json_object_foreach((json_t *)(uintptr_t)line, key, value) {
        if (json_is_number(value) && is_charted(line, key)) {
            name_tag(line, key, tag, sizeof tag);
            event_value(&e->record, tag, json_number_value(value));
        }
    }
    event_end(&e->record);
    put(e);
}
