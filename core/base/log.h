/* SPDX-License-Identifier: Apache-2.0
 * The host's one sink of log lines: plain lines on stderr, unless the progress line takes over. */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <kindred/plugin.h>

/* Levels are KD_LOG_DEBUG, KD_LOG_INFO and KD_LOG_WARN. [any thread] */
__attribute__((format(printf, 2, 3))) void log_line(int32_t level, const char *format, ...);

/* The same for text of known length, which need not end in 0 (what kd_host.log forwards to).
 * Control characters become spaces, so one call is always one line. [any thread] */
void log_text(int32_t level, const char *text, size_t length);

/* Gets one finished line ("warning: ..." where it warns), without newline, ending in 0. Calls never
 * overlap. Must not log itself. */
typedef void (*log_sink)(void *arg, int32_t level, const char *line);

/* NULL: back to stderr. Once it returns, the previous sink is not called any more. [any thread] */
void log_set_sink(log_sink sink, void *arg);

/* Lines below `level` are dropped; KD_LOG_INFO at first. [any thread] */
void log_set_level(int32_t level);

#endif
