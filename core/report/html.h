/* SPDX-License-Identifier: Apache-2.0
 * Pages of HTML that need nothing else: written in memory, well-formed as XML too. */
#ifndef CORE_REPORT_HTML_H
#define CORE_REPORT_HTML_H

#include <kindred/error.h>

typedef struct html {
    char *text; /* NULL or what was written so far, plus an ending 0 */
    size_t bytes, room;
} html; /* all zero: empty */

/* As it is: for tags, and for numbers and attributes that need no escaping. */
__attribute__((format(printf, 2, 3))) void html_markup(html *h, const char *format, ...);

/* As text, between tags or between the quotes of an attribute: what means something to HTML is
 * escaped; what is no UTF-8, and control characters that XML lacks, become U+FFFD. */
__attribute__((format(printf, 2, 3))) void html_text(html *h, const char *format, ...);

/* From the doctype to <main>, with share/report/style.css inside: light or dark as the reader's
 * screen, readable from 320 px on. The caller writes sections, then ends the page. */
void html_begin(html *h, const char *title);
void html_end(html *h);

/* Writes the page as a file, whole or not at all. */
bool html_write(const html *h, const char *path, kd_error *err);
void html_free(html *h);

#endif
