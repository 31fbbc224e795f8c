/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target for what a plugin's file says of itself: any bytes as an ELF file with a note. What
 * is read must be whole, for a registry prints it and fills structs by it. */
#include "plugin/note.h"

#include "config/config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile size_t seen;

static void see(const char *text) {
    seen += text ? strlen(text) : 0;
}

static void see_all(const plugin_note *note) {
    see(note->id);
    see(note->version);
    see(note->summary);
    see(note->source);
    see(note->license);
    see(note->isa);
    for (int i = 0; i < note->n_options; i++) {
        const option *o = &note->options[i];
        see(o->name);
        see(o->value);
        see(o->min);
        see(o->max);
        see(o->choices);
        see(o->help);
    }
    for (int i = 0; i < note->n_ops; i++) {
        see(note->ops[i].name);
        see(note->ops[i].devices);
        see(note->ops[i].help);
    }
}

/* A note that was read can be used: defaults fill a struct of the size that it says. */
static void use(const plugin_note *note, arena *a) {
    kd_error err = KD_ERROR_INIT;
    config *c = config_load_text("fuzz", "{}", 2, NULL, 0, &err);
    if (!c || note->config_size > 1 << 20) {
        abort();
    }
    void *into = malloc(note->config_size);
    config_fill(config_root(c), note->options, note->n_options, NULL, into, note->config_size, a,
                &err);
    free(into);
    config_destroy(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    arena a = {0};
    plugin_note note = {0};
    kd_error err = KD_ERROR_INIT;
    const int fd = memfd_create("plugin", MFD_CLOEXEC);
    if (write(fd, data, bytes) != (ssize_t)bytes) {
        abort();
    }
    const note_outcome is = note_read(arena_print(&a, "/proc/self/fd/%d", fd), &a, &note, &err);
    see_all(&note);
    if (is == NOTE_READ && note_abi_fits(&note)) {
        use(&note, &a);
    }
    close(fd);
    arena_free(&a);
    return 0;
}
