/* SPDX-License-Identifier: Apache-2.0
 * Finding a plugin by its name, and saying why there is none. */
#include "plugin/registry_list.h"

#include "base/suggest.h"
#include "plugin/text.h"

/* What is asked for: "simclr@^1.2" as a method. */
typedef struct wanted {
    uint32_t kind; /* 0: any */
    const char *id, *pin;
} wanted;

static bool concerns(const candidate *c, const wanted *w) {
    const plugin_note *note = &c->plugin.note;
    return note->id && (w->kind == 0 || note->kind == w->kind) && strcmp(note->id, w->id) == 0;
}

static const char *kind_word(uint32_t kind) {
    const char *name = plugin_kind_name(kind);
    return name ? name : "";
}

/* "a, b, c" of the chosen plugins of the kind. */
static const char *ids_text(const registry *r, uint32_t kind, arena *a) {
    const char *text = "";
    for (int i = 0; i < r->n; i++) {
        const plugin *p = &r->list[i].plugin;
        if (p->state == PLUGIN_CHOSEN && (kind == 0 || p->note.kind == kind)) {
            text = arena_print(a, "%s%s%s", text, *text ? ", " : "", p->note.id);
        }
    }
    return *text ? text : "none";
}

static const char *places_text(const registry *r, arena *a) {
    const char *text = "";
    for (int i = 1; i < r->places.n_levels; i++) {
        text = arena_print(a, "%s%s%s", text, i > 1 ? ", " : "", r->places.levels[i]);
    }
    return text;
}

static const char *nearest_id(const registry *r, const wanted *w, arena *a) {
    const char **ids = arena_alloc(a, ((size_t)r->n + 1) * sizeof *ids);
    for (int i = 0; i < r->n; i++) {
        const plugin *p = &r->list[i].plugin;
        bool offered = p->state == PLUGIN_CHOSEN && (w->kind == 0 || p->note.kind == w->kind);
        ids[i] = offered ? p->note.id : NULL;
    }
    return suggest(w->id, ids, r->n);
}

/* Nothing has the id: says what comes near, what there is, and where it looked. */
static void fail_unknown(const registry *r, const wanted *w, kd_error *err) {
    arena a = {0};
    const char *near = nearest_id(r, w, &a);
    kd_fail(err, KD_E_INVALID, "no %s%splugin `%s`%s%s%s", kind_word(w->kind), w->kind ? " " : "",
            w->id, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    for (int i = 0; i < r->n && !near; i++) {
        const plugin *p = &r->list[i].plugin;
        if (p->state == PLUGIN_CHOSEN && strcmp(p->note.id, w->id) == 0) {
            kd_fail(err, KD_E_INVALID, "`%s` is a plugin of kind %s, not %s", w->id,
                    kind_word(p->note.kind), kind_word(w->kind));
        }
    }
    kd_hint(err, "there are: %s; looked in %s", ids_text(r, w->kind, &a), places_text(r, &a));
    arena_free(&a);
}

/* Files have the id, but none can be used: says why of each. */
static bool fail_unusable(const registry *r, const wanted *w, kd_error *err) {
    arena a = {0};
    const char *text = "", *remedy = "";
    for (int i = 0; i < r->n; i++) {
        const plugin *p = &r->list[i].plugin;
        if (!concerns(&r->list[i], w)) {
            continue;
        }
        bool refused = p->state == PLUGIN_REFUSED;
        text = arena_print(&a, "%s%s%s: %s%s", text, *text ? "; " : "", p->path,
                           refused ? p->reason : "is version ", refused ? "" : p->note.version);
        remedy = refused && !*remedy ? p->remedy : remedy;
    }
    bool any = *text != 0;
    if (any) {
        kd_fail(err, KD_E_UNSUPPORTED, "no usable plugin `%s%s%s`: %s", w->id, *w->pin ? "@" : "",
                w->pin, text);
        kd_hint(err, "%s", *remedy ? remedy : "choose a version that is here");
    }
    arena_free(&a);
    return any;
}

/* A file that --plugin names was meant to be used, so another one must not take its place. */
static bool named_is_refused(const registry *r, const wanted *w, kd_error *err) {
    for (int i = 0; i < r->n; i++) {
        const candidate *c = &r->list[i];
        if (c->named && c->plugin.state == PLUGIN_REFUSED && concerns(c, w)) {
            kd_fail(err, KD_E_UNSUPPORTED, "--plugin %s: %s", c->plugin.path, c->plugin.reason);
            kd_hint(err, "%s", c->plugin.remedy);
            return true;
        }
    }
    return false;
}

static bool wanted_parse(uint32_t kind, const char *name, arena *a, wanted *ret, kd_error *err) {
    const char *at = strchr(name, '@');
    *ret = (wanted){.kind = kind,
                    .id = at ? arena_copy(a, name, (size_t)(at - name)) : arena_text(a, name),
                    .pin = at ? at + 1 : ""};
    if (at && (!*ret->pin || !pin_parses(ret->pin))) {
        kd_fail(err, KD_E_INVALID, "`%s`: \"%s\" pins no version", name, ret->pin);
        return kd_hint(err, "write id@1.2.0 for that version, id@^1.2 for 1.2 or a newer 1.x");
    }
    return true;
}

static const candidate *choose(const registry *r, const wanted *w, kd_error *err) {
    const candidate *found = NULL, *tie = NULL;
    uint32_t first = w->kind ? w->kind : KD_KIND_METHOD, last = w->kind ? w->kind : KD_KIND_DEVICE;
    if (named_is_refused(r, w, err)) {
        return NULL;
    }
    for (uint32_t kind = first; kind <= last && !found; kind++) {
        found = candidates_choose(r->list, r->n, kind, w->id, w->pin, &tie);
    }
    if (tie) {
        kd_fail(err, KD_E_INVALID, "plugin `%s` %s is there twice: %s and %s", w->id,
                found->plugin.note.version, found->plugin.path, tie->plugin.path);
        kd_hint(err, "remove one of the two files, or name the one to use by --plugin");
        return NULL;
    }
    if (!found && !fail_unusable(r, w, err)) {
        fail_unknown(r, w, err);
    }
    return found;
}

const plugin *registry_find(const registry *r, uint32_t kind, const char *name, kd_error *err) {
    arena a = {0};
    wanted w;
    const candidate *found = wanted_parse(kind, name, &a, &w, err) ? choose(r, &w, err) : NULL;
    arena_free(&a);
    return found ? &found->plugin : NULL;
}
