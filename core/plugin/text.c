/* SPDX-License-Identifier: Apache-2.0
 * The forms of texts that plugins bring. */
#include "plugin/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of the UTF-8 sequence that begins here, 0 when there is none; writes its code point. */
static int utf8_length(const unsigned char *p, uint32_t *ret_point) {
    static const struct {
        unsigned char mask, lead;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (int n = 0; n < 4; n++) {
        if ((p[0] & forms[n].mask) != forms[n].lead) {
            continue;
        }
        uint32_t point = p[0] & (unsigned char)~forms[n].mask;
        for (int i = 1; i <= n; i++) {
            if ((p[i] & 0xc0) != 0x80) {
                return 0;
            }
            point = point << 6 | (p[i] & 0x3fu);
        }
        *ret_point = point;
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        return point < forms[n].least || point > 0x10ffff || surrogate ? 0 : n + 1;
    }
    return 0;
}

bool text_is_plain(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        uint32_t point = 0;
        int length = utf8_length(p, &point);
        if (length == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0)) {
            return false;
        }
        p += length;
    }
    return true;
}

static bool lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool text_is_id(const char *text) {
    return lower_or_digit(*text) &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] == 0;
}

bool text_is_key(const char *text) {
    return *text && !isdigit((unsigned char)*text) &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0;
}

const char *text_label(const char *id) {
    const char *dot = strrchr(id, '.');
    return dot ? dot + 1 : id;
}

bool text_is_op(const char *name, const char *id) {
    const char *label = text_label(id);
    const size_t length = strlen(label);
    return strncmp(name, label, length) == 0 && strncmp(name + length, "::", 2) == 0 &&
           text_is_key(name + length + 2);
}

typedef struct version {
    long number[3];
    const char *before; /* "rc.1", or "" for a release */
    size_t before_length;
} version;

/* Reads "1.2.3" and moves on; at least `least` numbers, those left out read 0. */
static bool numbers_parse(const char **text, int least, long number[3]) {
    const char *p = *text;
    for (int i = 0; i < 3; i++) {
        number[i] = 0;
        if (i > 0 && *p != '.') {
            *text = p;
            return i >= least;
        }
        p += i > 0;
        size_t digits = strspn(p, "0123456789");
        if (digits == 0 || digits > 9) {
            return false;
        }
        number[i] = strtol(p, NULL, 10);
        p += digits;
    }
    *text = p;
    return true;
}

static bool parse(const char *text, int least, version *ret) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    *ret = (version){.before = ""};
    if (!numbers_parse(&text, least, ret->number)) {
        return false;
    }
    if (*text == '-') {
        ret->before = text + 1;
        ret->before_length = strspn(ret->before, letters);
        text += 1 + ret->before_length;
        if (ret->before_length == 0) {
            return false;
        }
    }
    if (*text == '+') {
        text += 1 + strspn(text + 1, letters);
    }
    return *text == 0;
}

bool version_parses(const char *text) {
    version v;
    return parse(text, 3, &v);
}

/* One dot-separated part of what stands before a release: numbers below words. */
static int part_compare(const char *a, size_t na, const char *b, size_t nb) {
    bool number_a = strspn(a, "0123456789") >= na, number_b = strspn(b, "0123456789") >= nb;
    if (number_a != number_b) {
        return number_a ? -1 : 1;
    }
    if (number_a && na != nb) {
        return na < nb ? -1 : 1;
    }
    int order = memcmp(a, b, na < nb ? na : nb);
    return order ? order : (na > nb) - (na < nb);
}

static size_t part_length(const char *text, size_t bytes) {
    const char *dot = memchr(text, '.', bytes);
    return dot ? (size_t)(dot - text) : bytes;
}

/* Semver's section 11: a release is above what came before it. */
static int before_compare(const version *a, const version *b) {
    size_t na = a->before_length, nb = b->before_length;
    const char *p = a->before, *q = b->before;
    if (na == 0 || nb == 0) {
        return (na == 0) - (nb == 0);
    }
    while (na > 0 && nb > 0) {
        size_t i = part_length(p, na), j = part_length(q, nb);
        int order = part_compare(p, i, q, j);
        if (order) {
            return order;
        }
        i += i < na;
        j += j < nb;
        p += i;
        na -= i;
        q += j;
        nb -= j;
    }
    return (na > 0) - (nb > 0);
}

static int compare(const version *a, const version *b) {
    for (int i = 0; i < 3; i++) {
        if (a->number[i] != b->number[i]) {
            return a->number[i] < b->number[i] ? -1 : 1;
        }
    }
    return before_compare(a, b);
}

int version_compare(const char *left, const char *right) {
    version a, b;
    parse(left, 3, &a);
    parse(right, 3, &b);
    return compare(&a, &b);
}

bool pin_parses(const char *pin) {
    version v;
    return *pin == 0 || (*pin == '^' ? parse(pin + 1, 1, &v) : parse(pin, 3, &v));
}

bool pin_accepts(const char *pin, const char *text) {
    version wanted, v;
    bool caret = *pin == '^';
    if (*pin == 0) {
        return true;
    }
    parse(pin + caret, caret ? 1 : 3, &wanted);
    parse(text, 3, &v);
    if (!caret) {
        return compare(&wanted, &v) == 0;
    }
    return wanted.number[0] == v.number[0] &&
           (wanted.number[0] > 0 || wanted.number[1] == v.number[1]) && compare(&wanted, &v) <= 0;
}
