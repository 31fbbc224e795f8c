/* SPDX-License-Identifier: Apache-2.0
 * Opening a device by its id. */
#include "check/opened.h"

#include "config/config.h"

static bool open_filled(registry *plugins, const plugin *p, const device_choice *choice,
                        check_device *d, kd_error *err) {
    config *c = config_load_text(p->note.id, "{}", 2, choice->keys, choice->count, err);
    d->config = arena_alloc(&d->memory, p->note.config_size);
    const bool ok = c &&
                    config_fill(config_root(c), p->note.options, p->note.n_options, NULL, d->config,
                                p->note.config_size, &d->memory, err) &&
                    (d->table->open(d->config, registry_host(plugins), &d->handle, err) ||
                     kd_while(err, "device %s", p->note.id));
    config_destroy(c);
    return ok;
}

bool opened_open(registry *plugins, const device_choice *choice, check_device *ret, kd_error *err) {
    const plugin *p = registry_load(plugins, KD_KIND_DEVICE, choice->name, err);
    if (!p) {
        return false;
    }
    check_device d = {.name = p->note.id, .table = p->table};
    if (!open_filled(plugins, p, choice, &d, err)) {
        arena_free(&d.memory);
        return false;
    }
    *ret = d;
    return true;
}

void opened_close(check_device *d) {
    d->table->close(d->handle);
    arena_free(&d->memory);
}
