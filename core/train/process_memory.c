/* SPDX-License-Identifier: Apache-2.0
 * Reading /proc/self/status; see proc(5). */
#include "train/process_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Adds the lines of status that have these names, in bytes. */
static size_t sum_of(const char *const *names, int count) {
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    size_t sum = 0;
    while (status && fgets(line, sizeof line, status)) {
        for (int i = 0; i < count; i++) {
            const size_t length = strlen(names[i]);
            size_t kib = 0;
            if (strncmp(line, names[i], length) == 0 && sscanf(line + length, "%zu", &kib) == 1) {
                sum += kib * 1024;
            }
        }
    }
    if (status) {
        fclose(status);
    }
    return sum;
}

size_t process_memory(void) {
    static const char *const anonymous[] = {"RssAnon:"};
    return sum_of(anonymous, 1);
}

/* The kernel keeps the peak of all that is present. */
size_t process_memory_peak(void) {
    static const char *const all[] = {"VmHWM:"}, *const of_files[] = {"RssFile:", "RssShmem:"};
    const size_t peak = sum_of(all, 1), files = sum_of(of_files, 2), now = process_memory();
    return peak > files + now ? peak - files : now;
}

bool process_memory_mark(void) {
    const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    const bool ok = file >= 0 && write(file, "5", 1) == 1;
    if (file >= 0) {
        close(file);
    }
    return ok;
}
