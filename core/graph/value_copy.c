/* SPDX-License-Identifier: Apache-2.0
 * Copies of one value of a program, which reach the host while later runs go on: for what is read
 * so often that to wait for it would leave the device without work. */
#include "graph/engine_internal.h"

#include <kindred/device_extensions.h>

#include <assert.h>
#include <stdlib.h>

struct value_copy {
    const kd_device_copying *calls;
    kd_device_copy *room;
    struct value *value;
};

bool program_keep_copy(kd_program *p, const char *name) {
    const kd_device_copying *calls = kd_device_extension(p->e->table, p->e->device, KD_DEVICE_COPY);
    assert(!p->linked && !p->copy);
    if (!calls || !KD_HAS(kd_device_copying, calls, check)) {
        return false;
    }
    p->copy = kd_alloc(sizeof *p->copy);
    *p->copy = (value_copy){.calls = calls, .value = program_readable(p, name)};
    assert(p->copy->value);
    return true;
}

size_t value_copy_bytes(const kd_program *p) {
    return p->copy ? kd_bytes(&p->copy->value->spec) : 0;
}

bool value_copy_allocate(kd_program *p, kd_error *err) {
    value_copy *c = p->copy;
    return !c || c->calls->create(p->e->device, value_copy_bytes(p), &c->room, err) ||
           kd_while(err, "a copy of '%s'", c->value->name);
}

void value_copy_free(kd_program *p) {
    if (p->copy && p->copy->room) {
        p->copy->calls->destroy(p->e->device, p->copy->room);
    }
    free(p->copy);
}

void program_copy(kd_program *p) {
    const value_copy *c = p->copy;
    c->calls->put(p->e->device, c->room, 0, program_address(p, c->value), value_copy_bytes(p));
    c->calls->send(p->e->device, c->room);
}

bool program_copy_arrived(const kd_program *p) {
    return p->copy->calls->arrived(p->copy->room);
}

bool program_copy_wait(kd_program *p, const void **ret, kd_error *err) {
    const value_copy *c = p->copy;
    if (c->calls->wait(c->room, ret, err)) {
        return c->calls->check(p->e->device, err);
    }
    kd_error first = KD_ERROR_INIT; /* a copy that fails is mostly what came of something else */
    if (!p->e->table->wait(p->e->device, &first)) {
        *err = first;
    }
    return false;
}
