/* SPDX-License-Identifier: Apache-2.0
 * Text of the progress line, and when to write it. */
#include "train/progress.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double live_seconds = 0.2, plain_seconds = 15;

double progress_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void progress_init(progress *p, FILE *out) {
    const bool live = isatty(fileno(out));
    *p = (progress){
        .out = out, .live = live, .every_seconds = live ? live_seconds : plain_seconds, .last = -1};
}

bool progress_due(const progress *p, double now) {
    return p->last < 0 || now - p->last >= p->every_seconds;
}

void progress_duration(double seconds, char *ret, size_t bytes) {
    if (!(seconds >= 0) || seconds > 1e8) {
        snprintf(ret, bytes, "?");
        return;
    }
    const int64_t s = (int64_t)(seconds + 0.5);
    if (s < 60) {
        snprintf(ret, bytes, "%ds", (int)s);
    } else if (s < 3600) {
        snprintf(ret, bytes, "%dm%02ds", (int)(s / 60), (int)(s % 60));
    } else if (s < 86400) {
        snprintf(ret, bytes, "%dh%02dm", (int)(s / 3600), (int)(s % 3600 / 60));
    } else {
        snprintf(ret, bytes, "%dd%02dh", (int)(s / 86400), (int)(s % 86400 / 3600));
    }
}

void progress_format(const progress_state *s, char *ret, size_t bytes) {
    char eta[16], probe[32] = "";
    progress_duration(s->eta_seconds, eta, sizeof eta);
    if (s->probed) {
        snprintf(probe, sizeof probe, "  probe %.1f%%", 100 * s->probe_accuracy);
    }
    snprintf(
        ret, bytes,
        "step %lld/%lld  epoch %lld/%lld  loss %.4f%s  lr %.3g  %.0f views/s  data wait %.1f%%  "
        "ETA %s",
        (long long)s->step, (long long)s->total, (long long)s->epoch, (long long)s->epochs, s->loss,
        probe, s->lr, s->views_per_second, 100 * s->data_wait, eta);
}

static int columns(const progress *p) {
    struct winsize size;
    const bool known = ioctl(fileno(p->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

/* One column less than there is, since a full last column wraps on some terminals. */
static void rewrite(progress *p, const char *text) {
    fprintf(p->out, "\r%.*s\033[K", columns(p) - 1, text);
    p->shown = true;
}

void progress_show(progress *p, const progress_state *state, double now) {
    char text[256];
    progress_format(state, text, sizeof text);
    if (p->live) {
        rewrite(p, text);
    } else {
        fprintf(p->out, "%s\n", text);
    }
    fflush(p->out);
    p->last = now;
}

void progress_note(progress *p, const char *text, double now) {
    if (p->live && progress_due(p, now)) {
        rewrite(p, text);
        fflush(p->out);
        p->last = now;
    }
}

void progress_log(void *p, int32_t level, const char *line) {
    const progress *over = p;
    (void)level;
    fprintf(over->out, "%s%s\n", over->live ? "\r\033[K" : "", line);
}

void progress_break(progress *p) {
    if (p->shown) {
        fputc('\n', p->out);
        fflush(p->out);
        p->shown = false;
    }
}
