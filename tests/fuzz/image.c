/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target for pictures: any bytes as JPEG or PNG; the first says how small it may come out.
 */
#include "data/decode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile unsigned seen;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    image one = {0};
    kd_error err = KD_ERROR_INIT;
    if (bytes > 0 && image_decode(data + 1, bytes - 1, data[0], &one, &err)) {
        const size_t pixels = (size_t)one.height * (size_t)one.width * (size_t)one.channels;
        /* Not each: a few bytes may claim 64 million pixels, and a fuzzer has no time for them. */
        for (size_t i = 0; i < pixels; i += 4093) {
            seen += one.pixels[i];
        }
        seen += one.pixels[pixels - 1];
        free(one.pixels);
    }
    return 0;
}
