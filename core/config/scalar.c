/* SPDX-License-Identifier: Apache-2.0
 * The core schema's patterns, matched by hand. */
#include "config/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words) {
    for (; *words; words++) {
        if (strcmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const trues[] = {"true", "True", "TRUE", NULL};
static const char *const falses[] = {"false", "False", "FALSE", NULL};
static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};

static const char *after_sign(const char *text) {
    return *text == '-' || *text == '+' ? text + 1 : text;
}

static size_t digits(const char *text) {
    return strspn(text, "0123456789");
}

/* The base of a whole number, 0 for others; *ret_digits: where its digits begin. */
static int int_base(const char *text, const char **ret_digits) {
    static const struct {
        const char *prefix, *digits;
        int base;
    } forms[] = {{"0x", "0123456789abcdefABCDEF", 16}, {"0o", "01234567", 8}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (strncmp(text, forms[i].prefix, 2) == 0) {
            *ret_digits = text + 2;
            const size_t length = strspn(text + 2, forms[i].digits);
            return length && text[2 + length] == 0 ? forms[i].base : 0;
        }
    }
    const char *start = after_sign(text);
    *ret_digits = text;
    return digits(start) && start[digits(start)] == 0 ? 10 : 0;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal(const char *text) {
    const char *at = after_sign(text);
    const size_t whole = digits(at);
    at += whole;
    if (*at == '.') {
        const size_t fraction = digits(at + 1);
        if (whole + fraction == 0) {
            return false;
        }
        at += 1 + fraction;
    } else if (whole == 0) {
        return false;
    }
    if (*at == 'e' || *at == 'E') {
        at = after_sign(at + 1);
        if (digits(at) == 0) {
            return false;
        }
        at += digits(at);
    }
    return *at == 0;
}

int scalar_kind(const char *text) {
    const char *start;
    if (is_one_of(text, nulls)) {
        return SCALAR_NULL;
    }
    if (is_one_of(text, trues) || is_one_of(text, falses)) {
        return SCALAR_BOOL;
    }
    if (int_base(text, &start)) {
        return SCALAR_INT;
    }
    const bool is_special = is_one_of(after_sign(text), infinities) || is_one_of(text, nans);
    return is_special || is_decimal(text) ? SCALAR_FLOAT : SCALAR_TEXT;
}

bool scalar_bool(const char *text, bool *ret) {
    const bool value = is_one_of(text, trues);
    if (!value && !is_one_of(text, falses)) {
        return false;
    }
    *ret = value;
    return true;
}

bool scalar_int(const char *text, int64_t *ret) {
    const char *start;
    const int base = int_base(text, &start);
    if (base == 0) {
        return false;
    }
    errno = 0;
    const long long value = strtoll(start, NULL, base);
    if (errno == ERANGE) {
        return false;
    }
    *ret = value;
    return true;
}

bool scalar_float(const char *text, double *ret) {
    int64_t whole;
    if (is_decimal(text)) {
        *ret = strtod(text, NULL);
    } else if (scalar_int(text, &whole)) {
        *ret = (double)whole;
    } else if (is_one_of(after_sign(text), infinities)) {
        *ret = *text == '-' ? -HUGE_VAL : HUGE_VAL;
    } else if (is_one_of(text, nans)) {
        *ret = (double)NAN;
    } else {
        return false;
    }
    return true;
}
