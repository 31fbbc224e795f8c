/* SPDX-License-Identifier: Apache-2.0
 * A sound method plugin with an option of every type. */
#include <kindred/method.h>

struct good {
    double temperature;
    int hidden;
    bool symmetric;
    const char *note;
    const char *weights;
    int head;
    kd_floats momentum;
    kd_ints widths;
};

KD_PLUGIN(METHOD, "good", "1.2.3", struct good, "does nothing, soundly", "no paper at all")
KD_FLOAT(struct good, temperature, 0.1, 1e-3, 10, "divides cosine similarities")
KD_INT(struct good, hidden, 2048, 1, 65536, "width of the hidden layer")
KD_BOOL(struct good, symmetric, true, "both ways round")
KD_TEXT(struct good, note, "", "free words")
KD_REQUIRED_PATH(struct good, weights, "where to start from")
KD_CHOICE(struct good, head, "v1", "none|v1|v2", "form of the head")
KD_FLOATS(struct good, momentum, "[0.9, 0.999]", 0, 1, "one a parameter group")
KD_INTS(struct good, widths, "[]", 1, 4096, "of further layers")

static kd_tensor *build(const void *config, kd_scope s, const kd_method_input *in) {
    (void)config;
    (void)s;
    (void)in;
    return NULL;
}

KD_METHOD(.min_views = 2, .max_views = 2, .build = build)
