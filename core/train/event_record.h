/* SPDX-License-Identifier: Apache-2.0
 * Records of TensorBoard's event files: TFRecord frames around messages of protobuf.
 *
 * Own code, since no library of Debian frames TFRecords, and of protobuf six fields are needed:
 * that is less than its compiler and a copy of TensorFlow's schema would be.
 *
 * source  tensorflow/core/lib/io/record_writer.h (frames), tensorflow/core/util/event.proto and
 *         framework/summary.proto (fields), RFC 3720 appendix B.4 (CRC-32C) */
#ifndef CORE_TRAIN_EVENT_RECORD_H
#define CORE_TRAIN_EVENT_RECORD_H

#include <stddef.h>
#include <stdint.h>

typedef struct event_record {
    uint8_t *data; /* the frame: u64 length, its CRC, the message, its CRC */
    size_t bytes, room;
} event_record; /* all zero: empty */

/* Event{wall_time, step, file_version: "brain.Event:2"}, which begins every file. */
void event_version(event_record *r, double wall_time);

/* Event{wall_time, step, session_log: START}: what was there of this step and later ones is void.
 */
void event_start(event_record *r, double wall_time, int64_t step);

/* Event{wall_time, step, summary}: event_begin, then a value at a time, then event_end. */
void event_begin(event_record *r, double wall_time, int64_t step);
void event_value(event_record *r, const char *tag, double value);
void event_end(event_record *r);
void event_free(event_record *r);

/* Of the first frame at `data`: its bytes and the step of its event. 0: it is damaged, cut short,
 * or not as written here. */
size_t event_read_step(const uint8_t *data, size_t bytes, int64_t *ret_step);

#endif
