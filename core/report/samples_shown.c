/* SPDX-License-Identifier: Apache-2.0
 * Choosing and naming images. */
#include "report/samples_shown.h"

#include "base/arena.h"
#include "data/pairs_arm.h"

#include <stdlib.h>

image shown_image(const store *s, int64_t index) {
    return (image){.height = s->height[index],
                   .width = s->width[index],
                   .channels = s->channels,
                   .pixels = (uint8_t *)(uintptr_t)(s->pixels + s->offset[index])};
}

void shown_label(const store *s, int32_t label, char *ret, size_t room) {
    if (label < 0) {
        snprintf(ret, room, "no label");
    } else if (label < s->classes && s->class_name && s->class_name[label]) {
        snprintf(ret, room, "%s", s->class_name[label]);
    } else {
        snprintf(ret, room, "class %d", label);
    }
}

source shown_subset(const source *from, int64_t most, bool labelled) {
    const samples *all = &from->samples;
    int64_t *kept = kd_alloc(sizeof *kept * (size_t)(all->count + 1)), n = 0;
    for (int64_t i = 0; i < all->count; i++) {
        if (!labelled || all->label[i] >= 0) {
            kept[n++] = i;
        }
    }
    const int64_t count = n < most ? n : most;
    source ret = {.store = from->store, .samples = {.n_images = all->n_images}};
    samples_make(&ret.samples, count, all->n_images);
    ret.samples.count = count;
    ret.samples.classes = all->classes;
    for (int64_t i = 0; i < count; i++) {
        const int64_t at = kept[i * n / count];
        ret.samples.label[i] = all->label[at];
        ret.samples.source[i] = all->source[at];
        memcpy(ret.samples.image + i * all->n_images, all->image + at * all->n_images,
               sizeof *all->image * (size_t)all->n_images);
    }
    free(kept);
    return ret;
}

void shown_subset_free(source *s) {
    samples_free(&s->samples);
}

bool shown_figure(html *h, const image *from, const char *kind, const char *alt,
                  const char *caption, kd_error *err) {
    html_markup(h, "<figure class=\"%s\">", kind);
    const bool ok = thumbnail_write(h, from, alt, err);
    html_markup(h, "<figcaption>");
    html_text(h, "%s", caption);
    html_markup(h, "</figcaption></figure>\n");
    return ok;
}
