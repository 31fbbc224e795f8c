/* SPDX-License-Identifier: Apache-2.0
 * One mutex round one sink, so that lines of several threads never mix. */
#include "base/log.h"

#include <kindred/plugin.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one piece of state of the process that every part shares. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static log_sink current_sink;
static void *current_arg;
static int32_t least_level = KD_LOG_INFO;

static void emit_line(int32_t level, const char *line) {
    pthread_mutex_lock(&mutex);
    if (level >= least_level) {
        if (current_sink) {
            current_sink(current_arg, level, line);
        } else {
            fprintf(stderr, "%s\n", line);
        }
    }
    pthread_mutex_unlock(&mutex);
}

void log_text(int32_t level, const char *text, size_t length) {
    char line[2048];
    size_t used =
        (size_t)snprintf(line, sizeof line, "%s", level >= KD_LOG_WARN ? "warning: " : "");
    while (length && (text[length - 1] == '\n' || text[length - 1] == 0)) {
        length--;
    }
    for (size_t i = 0; i < length && used + 1 < sizeof line; i++) {
        const unsigned char c = (unsigned char)text[i];
        line[used++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    line[used] = 0;
    emit_line(level, line);
}

void log_line(int32_t level, const char *format, ...) {
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_text(level, text, strlen(text));
}

void log_set_sink(log_sink sink, void *arg) {
    pthread_mutex_lock(&mutex);
    current_sink = sink;
    current_arg = arg;
    pthread_mutex_unlock(&mutex);
}

void log_set_level(int32_t level) {
    pthread_mutex_lock(&mutex);
    least_level = level;
    pthread_mutex_unlock(&mutex);
}
