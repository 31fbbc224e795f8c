/* SPDX-License-Identifier: Apache-2.0
 * Gives a fuzz target every file of its corpus, and beginnings and changed bytes of each, as a test
 * of every build: what a fuzzer once found stays found. `replay FOLDER` */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { MOST = 1 << 20, CUTS = 64 };

/* A copy of its own, so that a sanitizer sees where it ends. */
static void give(const uint8_t *data, size_t bytes) {
    uint8_t *copy = malloc(bytes ? bytes : 1);
    memcpy(copy, data, bytes);
    LLVMFuzzerTestOneInput(copy, bytes);
    free(copy);
}

static void give_variants(uint8_t *data, size_t bytes) {
    give(data, bytes);
    for (size_t i = 0; i < CUTS; i++) {
        const size_t at = bytes * i / CUTS;
        give(data, at);
        if (at < bytes) {
            data[at] ^= 0x81;
            give(data, bytes);
            data[at] ^= 0x81;
        }
    }
}

int main(int argc, char **argv) {
    static uint8_t data[MOST];
    DIR *folder = opendir(argc == 2 ? argv[1] : "");
    int files = 0;
    for (struct dirent *e; folder && (e = readdir(folder));) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        FILE *file = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (file) {
            give_variants(data, fread(data, 1, sizeof data, file));
            fclose(file);
            files++;
        }
    }
    if (folder) {
        closedir(folder);
    }
    printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}
