/* SPDX-License-Identifier: Apache-2.0
 * `kindred data`: the list of public sets, and fetching them. */
#include "cli/cli_data.h"

#include "base/file.h"
#include "base/suggest.h"
#include "config/yaml_writer.h"
#include "fetch/download.h"
#include "fetch/public_sets.h"
#include "train/interrupt.h"
#include "train/progress.h"

bool command_data_list(const command_line *in, int *ret_status, kd_error *err) {
    (void)in;
    (void)ret_status;
    (void)err;
    for (const public_set *s = public_sets; s->id; s++) {
        printf("%-14s  %7s  %s\n", s->id, s->size, s->title);
        printf("%25s%s; %s\n", "", s->page, s->terms);
        for (const public_file *f = s->files; f->name; f++) {
            printf("%25s%s%s\n", "", f->folder, f->name);
        }
    }
    return true;
}

typedef struct meter {
    progress line;
    const char *name;
    double began;
    int64_t first;  /* bytes that were there when it began; -1: not begun */
    int64_t tenths; /* of the file that were said, where it is not a terminal */
} meter;

static void describe(const meter *m, int64_t done, int64_t total, char *ret, size_t bytes) {
    const double now = progress_now(), seconds = now - m->began;
    const double rate = seconds > 0 ? (double)(done - m->first) / seconds : 0;
    char left[16];
    if (total < 0) {
        snprintf(ret, bytes, "%s  %.1f MB  %.1f MB/s", m->name, 1e-6 * (double)done, 1e-6 * rate);
        return;
    }
    progress_duration(rate > 0 ? (double)(total - done) / rate : -1, left, sizeof left);
    enum { WIDTH = 20 };
    const int full = total > 0 ? (int)(done * WIDTH / total) : WIDTH;
    snprintf(ret, bytes, "%s  [%.*s%*s]  %.1f of %.1f MB  %.1f MB/s  ETA %s", m->name, full,
             "####################", WIDTH - full, "", 1e-6 * (double)done, 1e-6 * (double)total,
             1e-6 * rate, left);
}

/* A line that rewrites itself on a terminal; elsewhere one for each tenth. */
static bool show(void *context, int64_t done, int64_t total) {
    meter *m = context;
    char text[256];
    if (m->first < 0) {
        m->first = done;
        m->began = progress_now();
    }
    describe(m, done, total, text, sizeof text);
    const int64_t tenths = total > 0 ? 10 * done / total : 0;
    if (m->line.live) {
        progress_note(&m->line, text, progress_now());
    } else if (tenths > m->tenths) {
        m->tenths = tenths;
        printf("%s  %lld %%\n", m->name, (long long)(10 * tenths));
        fflush(stdout);
    }
    return interrupt_signal() == 0;
}

static const public_set *find_set(const char *id, kd_error *err) {
    enum { MOST = 64 };
    const public_set *found = public_set_find(id);
    const char *ids[MOST];
    int count = 0;
    if (found) {
        return found;
    }
    for (const public_set *s = public_sets; s->id && count < MOST; s++) {
        ids[count++] = s->id;
    }
    const char *near = suggest(id, ids, count);
    kd_fail(err, KD_E_INVALID,
            near ? "%s: no such public set; did you mean %s?" : "%s: no such public set", id, near);
    kd_hint(err, "kindred data list");
    return NULL;
}

static void say_result(const public_set *s, const public_file *f, const downloaded *got) {
    const char *there = got->was_there ? "is there" : "fetched";
    if (f->md5) {
        printf("%s: %s; its MD5 is right (%s, as %s %s)\n", f->name, there, f->md5, s->whose,
               strcmp(s->whose, "torchvision") == 0 ? "has it" : "says");
    } else {
        printf("%s: %s; nobody publishes a checksum to compare with, its SHA-256 is %s\n", f->name,
               there, got->sha256);
    }
}

static bool fetch_file(const public_set *s, const public_file *f, const char *to, const char *from,
                       arena *a, kd_error *err) {
    const char *folder = from ? from : f->folder;
    const bool slash = *folder && folder[strlen(folder) - 1] == '/';
    meter m = {.name = f->name, .first = -1};
    progress_init(&m.line, stdout);
    const download d = {.url = arena_print(a, "%s%s%s", folder, slash ? "" : "/", f->name),
                        .path = arena_print(a, "%s/%s", to, f->name),
                        .md5 = f->md5,
                        .bytes = f->bytes,
                        .progress = show,
                        .context = &m};
    downloaded got;
    const bool good = download_file(&d, &got, err);
    progress_break(&m.line);
    if (good) {
        if (got.resumed_from) {
            printf("%s: went on after %lld bytes\n", f->name, (long long)got.resumed_from);
        }
        say_result(s, f, &got);
    }
    return good;
}

static bool print_yaml(const public_set *s, const char *to, arena *a, kd_error *err) {
    yaml_writer *w = yaml_writer_create();
    yaml_begin_map(w, "data");
    yaml_write_text(w, "plugin", s->plugin);
    yaml_write_text(w, "path", s->path ? arena_print(a, "%s/%s", to, s->path) : to);
    for (const public_option *o = s->options; o->key; o++) {
        yaml_write_text(w, o->key, o->value);
    }
    yaml_end(w);
    const char *text = yaml_finish(w, err);
    if (text) {
        printf("\nTo use it:\n\n%s", text);
    }
    yaml_writer_destroy(w);
    return text != NULL;
}

bool command_data_fetch(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    const public_set *s = find_set(in->subject, err);
    if (!s) {
        return false;
    }
    arena a = {0};
    const char *to = in->to ? in->to : arena_print(&a, "data/%s", s->id);
    bool good = file_make_directories(to, err);
    if (good) {
        printf("%s (%s), about %s; terms of use: %s\n", s->title, s->page, s->size, s->terms);
        fflush(stdout);
    }
    interrupt_install();
    for (const public_file *f = s->files; good && f->name; f++) {
        good = fetch_file(s, f, to, in->from, &a, err);
    }
    good = good && print_yaml(s, to, &a, err);
    arena_free(&a);
    return good;
}
