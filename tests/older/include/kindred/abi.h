/* SPDX-License-Identifier: Apache-2.0
 * The version of the contract, and the few macros that every other header of it needs.
 *
 * MAJOR stands in the entry symbol's name. MINOR only appends, and a plugin opts in to it: define
 * KD_ABI_MINOR before the first include to use what a later minor added. The default is the oldest,
 * so compiling against a newer header never makes a plugin need a newer host. */
#ifndef KINDRED_ABI_H
#define KINDRED_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KD_ABI_MAJOR 0
#define KD_ABI_MINOR_LATEST 0
#ifndef KD_ABI_MINOR
#define KD_ABI_MINOR 0
#endif
#ifndef KD_MIN_HOST_MINOR
#define KD_MIN_HOST_MINOR KD_ABI_MINOR
#endif
#if KD_ABI_MINOR > KD_ABI_MINOR_LATEST || KD_MIN_HOST_MINOR > KD_ABI_MINOR
#error "KD_ABI_MINOR or KD_MIN_HOST_MINOR does not fit these headers"
#endif

/* Every table and every struct that crosses the boundary starts with `uint32_t size`, set by the
 * side that allocates it, and only ever grows at the end. KD_HAS is the one way to ask whether a
 * slot is there. */
#define KD_END(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))
#define KD_HAS(type, table, field) ((table)->size >= KD_END(type, field) && (table)->field != NULL)

#if defined(__cplusplus)
#define KD_EXPORT extern "C" __attribute__((visibility("default")))
#else
#define KD_EXPORT extern __attribute__((visibility("default")))
#endif

#define KD_CONCAT_(a, b) a##b
#define KD_CONCAT(a, b) KD_CONCAT_(a, b)

#endif
