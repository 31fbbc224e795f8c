/* SPDX-License-Identifier: Apache-2.0
 * Level 3 for devices: memory, and the table of ops against the reference device. */
#include "check/plugin_kit.h"
#include "check/table.h"

/* Opens the checked device with its defaults; skips the rule where this machine has none. */
static bool open_checked(plugin_kit *k, plugin_case *c, check_device *ret) {
    kd_error err = KD_ERROR_INIT;
    if (!kit_open(k, c)) {
        return false;
    }
    *ret = (check_device){.name = k->subject->note.id, .table = k->subject->table};
    const void *options = kit_config(k, k->subject, NULL, &err);
    if (!options || !ret->table->open(options, &k->host.table, &ret->handle, &err)) {
        rule_skip(c, "cannot be opened on this machine: %s", err.message);
        return false;
    }
    return true;
}

enum { BYTES = 1021 };

static void check_copies(plugin_case *c, const check_device *d, void *memory) {
    kd_error err = KD_ERROR_INIT;
    unsigned char sent[BYTES], got[BYTES];
    d->table->download(d->handle, got, memory, BYTES);
    if (!d->table->wait(d->handle, &err)) {
        rule_fail(c, "%s", err.message);
    }
    for (int i = 0; i < BYTES; i++) {
        if (got[i] != 0) {
            rule_fail(c, "byte %d of new memory is %d, not 0", i, got[i]);
        }
        sent[i] = (unsigned char)(i * 7);
    }
    d->table->upload(d->handle, memory, sent, BYTES);
    d->table->download(d->handle, got, memory, BYTES);
    if (!d->table->wait(d->handle, &err) || memcmp(sent, got, BYTES) != 0) {
        rule_fail(c, "what comes back from memory is not what went there %s", err.message);
    }
}

/* A sanitizer ends the process where malloc would return NULL. */
static void check_too_much(plugin_case *c, const check_device *d) {
#if !defined(__SANITIZE_ADDRESS__)
    kd_error err = KD_ERROR_INIT;
    void *const before = &err, *memory = before;
    if (d->table->allocate(d->handle, (size_t)1 << 60, &memory, &err)) {
        rule_fail(c, "claims to have 2^60 bytes");
    } else if (err.code != KD_E_MEMORY || memory != before) {
        rule_fail(c,
                  "without memory left it fails with code %d, not KD_E_MEMORY, or writes to its "
                  "output",
                  err.code);
    }
#else
    (void)c;
    (void)d;
#endif
}

static void keeps_memory(plugin_case *c) {
    plugin_kit k;
    check_device d;
    kd_error err = KD_ERROR_INIT;
    void *one, *two;
    if (!open_checked(&k, c, &d)) {
        return;
    }
    if (!d.table->allocate(d.handle, BYTES, &one, &err) ||
        !d.table->allocate(d.handle, BYTES, &two, &err)) {
        rule_fail(c, "%s", err.message);
        return;
    }
    if ((uintptr_t)one % d.table->alignment != 0) {
        rule_fail(c, "memory is not aligned to the %u bytes that its table says",
                  d.table->alignment);
    }
    check_copies(c, &d, one);
    check_copies(c, &d, two); /* still zeros: the first is not the second */
    check_too_much(c, &d);
    d.table->release(d.handle, one);
    d.table->release(d.handle, two);
    d.table->close(d.handle);
}

typedef struct tally {
    plugin_case *c;
    int fine, unsupported;
} tally;

static void count_row(void *context, const op_result *r) {
    tally *t = context;
    t->fine += r->status == EAGER_FINE;
    t->unsupported += r->status == EAGER_UNSUPPORTED;
    if (r->status == EAGER_WRONG) {
        rule_fail(t->c, "%s in %s: %s", r->where, check_column_name(r->column), r->why);
    }
}

static void agrees_with_reference(plugin_case *c) {
    plugin_kit k;
    check_device d;
    if (!open_checked(&k, c, &d)) {
        return;
    }
    const check_device reference = {
        .name = "reference", .table = k.device_table, .handle = k.device};
    const check_choice choice = {.quick = true};
    tally t = {.c = c};
    check_table(&d, &reference, &choice, count_row, &t);
    if (t.fine == 0) {
        rule_fail(c, "computes none of the ops that kindred knows");
    } else if (t.unsupported > 0 && d.table->n_kernels < 40) {
        rule_warn(c, "%d rows of the op table agree, %d it does not compute", t.fine,
                  t.unsupported);
    }
    d.table->close(d.handle);
}

const plugin_rule plugin_rules_device[] = {
    {"M08", "memory begins as zeros, keeps what is written and can run out", 3, KINDS(DEVICE),
     keeps_memory},
    {"M09", "every op that it computes agrees with the reference device", 3, KINDS(DEVICE),
     agrees_with_reference},
    {.id = NULL},
};
