/* SPDX-License-Identifier: Apache-2.0
 * The bytes of events. */
#include "train/event_record.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Protobuf's types on the wire. */
#define VARINT 0u
#define FIXED64 1u
#define LENGTH 2u
#define FIXED32 5u

#define EVENT_WALL_TIME 1u
#define EVENT_STEP 2u
#define EVENT_FILE_VERSION 3u
#define EVENT_SUMMARY 5u
#define EVENT_SESSION_LOG 7u
#define SESSION_LOG_STATUS 1u
#define SESSION_LOG_START 1u
#define SUMMARY_VALUE 1u
#define VALUE_TAG 1u
#define VALUE_SIMPLE 2u

#define FRAME_HEAD 12u /* a length of 8 bytes and its CRC */
#define FRAME_TAIL 4u

static const uint32_t polynomial = 0x82f63b78; /* Castagnoli's, lowest bit first */

/* Bit by bit: an event has some hundred bytes. */
static uint32_t crc32c(const uint8_t *data, size_t bytes) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        }
    }
    return ~crc;
}

/* So that the CRC of data which holds CRCs stays a good one. */
static uint32_t masked(uint32_t crc) {
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void append(event_record *r, const void *data, size_t bytes) {
    if (r->bytes + bytes > r->room) {
        r->room = 2 * (r->bytes + bytes);
        r->data = kd_grow(r->data, r->room);
    }
    memcpy(r->data + r->bytes, data, bytes);
    r->bytes += bytes;
}

static void append_little(event_record *r, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        append(r, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
    }
}

static void append_varint(event_record *r, uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
        append(r, &(uint8_t){(uint8_t)(value | 0x80)}, 1);
    }
    append(r, &(uint8_t){(uint8_t)value}, 1);
}

static void append_key(event_record *r, unsigned field, unsigned type) {
    append_varint(r, field << 3 | type);
}

static void append_bytes(event_record *r, unsigned field, const void *data, size_t bytes) {
    append_key(r, field, LENGTH);
    append_varint(r, bytes);
    append(r, data, bytes);
}

void event_begin(event_record *r, double wall_time, int64_t step) {
    uint64_t bits;
    memcpy(&bits, &wall_time, sizeof bits);
    r->bytes = 0;
    append(r, (const uint8_t[FRAME_HEAD]){0}, FRAME_HEAD); /* event_end fills it */
    append_key(r, EVENT_WALL_TIME, FIXED64);
    append_little(r, bits, 8);
    append_key(r, EVENT_STEP, VARINT);
    append_varint(r, (uint64_t)step);
}

/* A message's field may come in parts, which are merged: each value is a summary of its own. */
void event_value(event_record *r, const char *tag, double value) {
    event_record inner = {0}, outer = {0};
    const float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    append_bytes(&inner, VALUE_TAG, tag, strlen(tag));
    append_key(&inner, VALUE_SIMPLE, FIXED32);
    append_little(&inner, bits, 4);
    append_bytes(&outer, SUMMARY_VALUE, inner.data, inner.bytes);
    append_bytes(r, EVENT_SUMMARY, outer.data, outer.bytes);
    event_free(&inner);
    event_free(&outer);
}

void event_end(event_record *r) {
    const uint64_t length = r->bytes - FRAME_HEAD;
    for (unsigned i = 0; i < 8; i++) {
        r->data[i] = (uint8_t)(length >> 8 * i);
    }
    const uint32_t head = masked(crc32c(r->data, 8));
    for (unsigned i = 0; i < 4; i++) {
        r->data[8 + i] = (uint8_t)(head >> 8 * i);
    }
    append_little(r, masked(crc32c(r->data + FRAME_HEAD, length)), FRAME_TAIL);
}

void event_version(event_record *r, double wall_time) {
    static const char version[] = "brain.Event:2";
    event_begin(r, wall_time, 0);
    append_bytes(r, EVENT_FILE_VERSION, version, sizeof version - 1);
    event_end(r);
}

void event_start(event_record *r, double wall_time, int64_t step) {
    static const uint8_t log[] = {SESSION_LOG_STATUS << 3 | VARINT, SESSION_LOG_START};
    event_begin(r, wall_time, step);
    append_bytes(r, EVENT_SESSION_LOG, log, sizeof log);
    event_end(r);
}

void event_free(event_record *r) {
    free(r->data);
    *r = (event_record){0};
}

static uint64_t little(const uint8_t *p, unsigned bytes) {
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)p[i] << 8 * i;
    }
    return value;
}

size_t event_read_step(const uint8_t *data, size_t bytes, int64_t *ret_step) {
    if (bytes < FRAME_HEAD + FRAME_TAIL || little(data + 8, 4) != masked(crc32c(data, 8))) {
        return 0;
    }
    const uint64_t length = little(data, 8);
    const uint8_t *event = data + FRAME_HEAD;
    if (length < 11 || length > bytes - FRAME_HEAD - FRAME_TAIL ||
        little(event + length, FRAME_TAIL) != masked(crc32c(event, length)) ||
        event[0] != (EVENT_WALL_TIME << 3 | FIXED64) || event[9] != (EVENT_STEP << 3 | VARINT)) {
        return 0;
    }
    uint64_t step = 0;
    for (unsigned i = 0; i < 10 && 10 + i < length; i++) {
        step |= (uint64_t)(event[10 + i] & 0x7f) << 7 * i;
        if (event[10 + i] < 0x80) {
            *ret_step = (int64_t)step;
            return FRAME_HEAD + length + FRAME_TAIL;
        }
    }
    return 0;
}
