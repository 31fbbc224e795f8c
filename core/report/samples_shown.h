/* SPDX-License-Identifier: Apache-2.0
 * Images of a store as parts of a page. */
#ifndef CORE_REPORT_SAMPLES_SHOWN_H
#define CORE_REPORT_SAMPLES_SHOWN_H

#include "data/source.h"
#include "report/thumbnail.h"

/* The store's image, borrowed. */
image shown_image(const store *s, int64_t index);

/* "frog", "class 3", "no label". */
void shown_label(const store *s, int32_t label, char *ret, size_t room);

/* Evenly chosen samples of a set, at most `most`, those without a label left out where `labelled`.
 * The store is shared. owns: shown_subset_free */
source shown_subset(const source *from, int64_t most, bool labelled);
void shown_subset_free(source *s);

/* <figure> of an image with a caption; `kind` is its class, "" for none. */
bool shown_figure(html *h, const image *from, const char *kind, const char *alt,
                  const char *caption, kd_error *err);

#endif
