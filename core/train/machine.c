/* SPDX-License-Identifier: Apache-2.0
 * Choosing and opening a device. */
#include "train/machine.h"

#include "base/log.h"

static const char *const precisions[] = {"auto", "f32", "bf16", "f64"};

static bool open_part(const part *p, registry *plugins, const kd_host *host, machine *ret,
                      kd_error *err) {
    const plugin *loaded = registry_load(plugins, KD_KIND_DEVICE, p->name, err);
    if (!loaded) {
        return false;
    }
    const kd_device_plugin *table = loaded->table;
    if (!table->open(p->config, host, &ret->device, err)) {
        return kd_while(err, "device %s", loaded->note.id);
    }
    ret->plugin = loaded;
    ret->table = table;
    return true;
}

static bool open_named(run *r, const char *name, registry *plugins, const kd_host *host,
                       machine *ret, kd_error *err) {
    part p = {.name = name, .plugin = registry_find(plugins, KD_KIND_DEVICE, name, err)};
    if (!p.plugin) {
        return false;
    }
    const plugin_note *note = &p.plugin->note;
    p.config = arena_alloc(&r->memory, note->config_size);
    return config_fill(NULL, note->options, note->n_options, NULL, p.config, note->config_size,
                       &r->memory, err) &&
           open_part(&p, plugins, host, ret, err);
}

/* Aloud only where there is a device that could be used and cannot: its code says so. */
static void say_why_not(const char *name, const kd_error *why) {
    const bool could = why->code == KD_E_DEVICE || why->code == KD_E_MEMORY;
    log_line(could ? KD_LOG_WARN : KD_LOG_DEBUG, "device %s is not used: %s%s%s", name,
             why->message, why->hint[0] ? "; " : "", why->hint);
}

/* The fastest first. */
static const char *const automatic[] = {"cuda", "cpu", "reference"};
#define AUTOMATIC ((int)(sizeof automatic / sizeof *automatic))

/* The first that opens, from the `from`-th on. */
static bool open_any(run *r, int from, registry *plugins, const kd_host *host, machine *ret,
                     kd_error *err) {
    for (int i = r->keys.precision == PRECISION_F64 ? AUTOMATIC - 1 : from; i < AUTOMATIC; i++) {
        if (open_named(r, automatic[i], plugins, host, ret, err)) {
            ret->others = AUTOMATIC - 1 - i;
            return true;
        }
        if (i < AUTOMATIC - 1) {
            say_why_not(automatic[i], err);
        }
    }
    return false;
}

static int choose_precision(int wanted, const kd_device_plugin *table) {
    if (wanted != PRECISION_AUTO) {
        return wanted;
    }
    return table->fast_types & 1u << KD_BF16 ? PRECISION_BF16 : PRECISION_F32;
}

/* What the run computes in on the device that was opened. */
static machine with_types(const run *r, machine m) {
    m.precision = choose_precision(r->keys.precision, m.table);
    m.graph = (graph_options){.real = m.precision == PRECISION_F64 ? KD_F64 : KD_F32,
                              .compute = m.precision == PRECISION_BF16 ? KD_BF16 : 0};
    return m;
}

bool machine_open(run *r, registry *plugins, const kd_host *host, machine *ret, kd_error *err) {
    machine m = {.device = NULL};
    const bool open = r->device.plugin ? open_part(&r->device, plugins, host, &m, err)
                                       : open_any(r, 0, plugins, host, &m, err);
    if (!open) {
        return false;
    }
    *ret = with_types(r, m);
    return true;
}

/* The host's memory is no larger for another device. */
bool machine_can_be_left(const machine *m, const kd_error *why) {
    return why->code == KD_E_MEMORY && m->others > 0 && !(m->table->flags & KD_DEVICE_HOST_MEMORY);
}

bool machine_open_next(run *r, registry *plugins, const kd_host *host, machine *m, kd_error *err) {
    const int next = AUTOMATIC - m->others;
    say_why_not(automatic[next - 1], err);
    machine_close(m);
    machine other = {.device = NULL};
    if (!open_any(r, next, plugins, host, &other, err)) {
        return false;
    }
    *m = with_types(r, other);
    return true;
}

void machine_close(machine *m) {
    if (m->device) {
        m->table->close(m->device);
        m->device = NULL;
    }
}

const char *machine_precision(const machine *m) {
    return precisions[m->precision];
}

const char *machine_text(const machine *m, arena *a) {
    return arena_print(a, "%s %s: %s; %s", m->plugin->note.id, m->plugin->note.version,
                       m->table->describe(m->device), machine_precision(m));
}
