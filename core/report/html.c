/* SPDX-License-Identifier: Apache-2.0
 * Escaping, and the page around everything. */
#include "report/html.h"

#include "base/arena.h"
#include "base/file.h"

#include <stdlib.h>

extern const char html_style[]; /* share/report/style.css */

static char *make_room(html *h, size_t more) {
    if (h->bytes + more + 1 > h->room) {
        h->room = 2 * (h->bytes + more + 1);
        h->text = kd_grow(h->text, h->room);
    }
    return h->text + h->bytes;
}

static void append(html *h, const char *text, size_t bytes) {
    char *end = make_room(h, bytes);
    memcpy(end, text, bytes);
    end[bytes] = 0;
    h->bytes += bytes;
}

void html_markup(html *h, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int bytes = vsnprintf(NULL, 0, format, arguments);
    char *end = make_room(h, (size_t)bytes);
    vsnprintf(end, (size_t)bytes + 1, format, again);
    h->bytes += (size_t)bytes;
    va_end(again);
    va_end(arguments);
}

/* Bytes of the character of UTF-8 at `p`; 0 where there is none: cut short, longer than it needs to
 * be, half of a surrogate pair, or beyond U+10FFFF. source: Unicode 15, table 3-7 */
static int character(const unsigned char *p) {
    static const struct {
        unsigned char first, last, low, high; /* of the first byte, and of the second */
        int bytes;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last) {
            continue;
        }
        bool good = rows[i].bytes == 1 || (p[1] >= rows[i].low && p[1] <= rows[i].high);
        for (int k = 2; good && k < rows[i].bytes; k++) {
            good = (p[k] & 0xc0) == 0x80;
        }
        return good ? rows[i].bytes : 0;
    }
    return 0;
}

/* Of XML's characters, U+FFFE and U+FFFF are none either. */
static bool is_noncharacter(const unsigned char *p, int bytes) {
    return bytes == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe;
}

static void escape(html *h, const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int bytes = character(p);
        const bool control = *p < 0x20 && *p != '\n' && *p != '\t';
        const char *instead = *p == '&'                                            ? "&amp;"
                              : *p == '<'                                          ? "&lt;"
                              : *p == '>'                                          ? "&gt;"
                              : *p == '"'                                          ? "&quot;"
                              : *p == '\''                                         ? "&#39;"
                              : bytes == 0 || control || is_noncharacter(p, bytes) ? "\xef\xbf\xbd"
                                                                                   : NULL;
        const size_t taken = bytes ? (size_t)bytes : 1;
        append(h, instead ? instead : (const char *)p, instead ? strlen(instead) : taken);
        p += taken;
    }
}

void html_text(html *h, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int bytes = vsnprintf(NULL, 0, format, arguments);
    char *text = kd_alloc((size_t)bytes + 1);
    vsnprintf(text, (size_t)bytes + 1, format, again);
    escape(h, text);
    free(text);
    va_end(again);
    va_end(arguments);
}

void html_begin(html *h, const char *title) {
    html_markup(h, "<!DOCTYPE html>\n"
                   "<html lang=\"en\">\n<head>\n"
                   "<meta charset=\"utf-8\"/>\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                   "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                   "<link rel=\"icon\" href=\"data:,\"/>\n<title>");
    html_text(h, "%s", title);
    html_markup(h, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n", html_style);
}

void html_end(html *h) {
    html_markup(h, "</main>\n</body>\n</html>\n");
}

bool html_write(const html *h, const char *path, kd_error *err) {
    return file_write(path, h->text ? h->text : "", h->bytes, err);
}

void html_free(html *h) {
    free(h->text);
    *h = (html){0};
}
