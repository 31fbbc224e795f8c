/* SPDX-License-Identifier: Apache-2.0
 * Writes images.npy, labels.npy and files like them that are wrong in one way each, as numpy.save()
 * does. $1: the folder */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 128, SIZE = 20, CLASSES = 4 };

static FILE *begin(const char *folder, const char *name, const char *type, const char *shape) {
    char path[4096], header[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    /* With what comes before it the header is a multiple of 64 bytes, ended by a newline. */
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type,
             shape);
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
    fprintf(file, "%-117s\n", header);
    return file;
}

/* Bars whose direction is the class, at places that differ. */
static int pixel(int i, int y, int x) {
    static const int step[CLASSES][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
    const int *s = step[i % CLASSES];
    return (s[0] * y + s[1] * x + i * 7 + 64) % 8 < 4 ? 40 + i % 50 : 200 + i % 50;
}

static void images(const char *folder, const char *name, const char *shape, int channels,
                   int count) {
    FILE *file = begin(folder, name, "|u1", shape);
    for (int i = 0; i < count; i++) {
        for (int at = 0; at < SIZE * SIZE; at++) {
            for (int c = 0; c < channels; c++) {
                fputc(pixel(i, at / SIZE, at % SIZE), file);
            }
        }
    }
    fclose(file);
}

static void labels(const char *folder, const char *name, const char *shape, int count) {
    FILE *file = begin(folder, name, "<i4", shape);
    for (int i = 0; i < count; i++) {
        fwrite((unsigned char[]){(unsigned char)(i % CLASSES), 0, 0, 0}, 1, 4, file);
    }
    fclose(file);
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : ".";
    images(folder, "images.npy", "(128, 20, 20, 3)", 3, COUNT);
    images(folder, "gray.npy", "(128, 20, 20)", 1, COUNT);
    labels(folder, "labels.npy", "(128,)", COUNT);
    images(folder, "short.npy", "(128, 20, 20, 3)", 3, COUNT - 1);
    images(folder, "channels.npy", "(128, 20, 20, 2)", 2, COUNT);
    images(folder, "deep.npy", "(2, 8, 20, 20, 3)", 3, 16);
    labels(folder, "few.npy", "(127,)", COUNT - 1);
    fclose(begin(folder, "floats.npy", "<f4", "(1, 1, 1)"));
    return 0;
}
