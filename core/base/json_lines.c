/* SPDX-License-Identifier: Apache-2.0
 * Reading JSON line by line. */
#include "base/json_lines.h"

#include "base/arena.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void json_lines_walk(char *text, bool (*each)(void *context, const char *line, json_t *object),
                     void *context) {
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        json_t *object = json_loads(line, 0, NULL);
        const bool go_on = !json_is_object(object) || each(context, line, object);
        json_decref(object);
        if (!go_on) {
            return;
        }
    }
}

static bool add_line(void *context, const char *line, json_t *object) {
    (void)line;
    json_array_append(context, object);
    return true;
}

json_t *json_lines_read(const char *path, kd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    if (file_exists(path) && !file_read(path, 0, &text, &bytes, err)) {
        return NULL;
    }
    json_t *lines = json_array();
    if (text) {
        json_lines_walk(text, add_line, lines);
    }
    free(text);
    return lines;
}

/* Reads on to the end of the last whole line. A read that fails is tried again the next time. */
static void read_on(json_place *from, int fd, off_t size, json_t *lines) {
    const size_t room = (size_t)(size - from->bytes);
    char *text = kd_alloc(room + 1);
    const ssize_t got = pread(fd, text, room, from->bytes);
    size_t whole = got > 0 ? (size_t)got : 0;
    while (whole > 0 && text[whole - 1] != '\n') {
        whole--;
    }
    text[whole] = 0;
    json_lines_walk(text, add_line, lines);
    from->bytes += (off_t)whole;
    free(text);
}

json_t *json_lines_more(json_place *from, const char *path, bool *ret_anew) {
    struct stat now;
    json_t *lines = json_array();
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_anew = false;
    if (fd >= 0 && fstat(fd, &now) == 0) {
        if (from->device != now.st_dev || from->inode != now.st_ino || from->bytes > now.st_size) {
            *ret_anew = from->bytes > 0;
            *from = (json_place){.device = now.st_dev, .inode = now.st_ino};
        }
        read_on(from, fd, now.st_size, lines);
    }
    if (fd >= 0) {
        close(fd);
    }
    return lines;
}
