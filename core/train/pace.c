/* SPDX-License-Identifier: Apache-2.0
 * Adding up the time that lines of training tell of. */
#include "train/pace.h"

void pace_add(training_pace *p, const json_t *lines, int64_t views_of_step) {
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        const double speed = json_number_value(json_object_get(line, "views_per_second"));
        const int64_t step = json_integer_value(json_object_get(line, "step"));
        if (speed > 0 && step > p->step) {
            p->seconds += (double)((step - p->step) * views_of_step) / speed;
            p->step = step;
            p->views_per_second = speed;
        }
    }
}

training_pace pace_of_file(const char *path, int64_t views_of_step) {
    kd_error ignored = KD_ERROR_INIT;
    training_pace p = {.step = 0};
    json_t *lines = json_lines_read(path, &ignored);
    pace_add(&p, lines, views_of_step);
    json_decref(lines);
    return p;
}
