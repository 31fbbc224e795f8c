/* SPDX-License-Identifier: Apache-2.0
 * The one error idiom: the return value says whether, `*err` says why and what to do about it.
 *
 * A function that can fail returns bool (or a pointer, NULL on failure) and takes `kd_error *err`
 * last. On failure it writes err and touches none of its other outputs; on success it leaves err
 * alone. The struct lives with the caller, owns nothing and needs no freeing. */
#ifndef KINDRED_ERROR_H
#define KINDRED_ERROR_H

#include <kindred/abi.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Values are never reused. */
#define KD_E_INVALID 1     /* the user's input is wrong; the hint says how to mend it */
#define KD_E_UNSUPPORTED 2 /* right, but not possible here */
#define KD_E_MEMORY 3
#define KD_E_IO 4
#define KD_E_DEVICE 5
#define KD_E_CANCELLED 6
#define KD_E_DATA 7 /* a file or a sample is damaged */
#define KD_E_INTERNAL 8

typedef struct kd_error {
    uint32_t size;
    int32_t code;
    char message[1024]; /* what happened, and where */
    char hint[512];     /* what the user can do about it; may be empty */
} kd_error;

#define KD_ERROR_INIT {.size = sizeof(kd_error)}

/* Writes the message, clears the hint, returns false: `return kd_fail(err, KD_E_IO, ...)`. */
__attribute__((format(printf, 3, 4), unused)) static inline bool
kd_fail(kd_error *err, int32_t code, const char *format, ...) {
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
        err->hint[0] = 0;
        err->code = code;
    }
    return false;
}

/* Adds what the user can do. Returns false. */
__attribute__((format(printf, 2, 3), unused)) static inline bool kd_hint(kd_error *err,
                                                                         const char *format, ...) {
    if (err) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->hint, sizeof err->hint, format, arguments);
        va_end(arguments);
    }
    return false;
}

/* Puts what was being attempted in front: "resuming from step 400: ...". Returns false. */
__attribute__((format(printf, 2, 3), unused)) static inline bool kd_while(kd_error *err,
                                                                          const char *format, ...) {
    if (err) {
        char text[sizeof err->message];
        va_list arguments;
        va_start(arguments, format);
        int used = vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        if (used >= 0 && (size_t)used < sizeof text) {
            const int room = (int)sizeof text - used; /* what does not fit is cut off */
            snprintf(text + used, (size_t)room, ": %.*s", room, err->message);
        }
        memcpy(err->message, text, sizeof text);
    }
    return false;
}

#endif
