/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin list`: what there is, for people and programs. */
#include "cli/cli_plugin_words.h"

#include "cli/cli_plugin.h"
#include "package/trust.h"

#include <stdio.h>
#include <stdlib.h>

const char *plugin_state_word(plugin_state state) {
    static const char *const names[] = {[PLUGIN_CHOSEN] = "ok",
                                        [PLUGIN_SHADOWED] = "shadowed",
                                        [PLUGIN_TIED] = "tied",
                                        [PLUGIN_REFUSED] = "refused"};
    return names[state];
}

const char *text_or_dash(const char *text) {
    return text && *text ? text : "-";
}

const char *plugin_kind_word(const plugin *p) {
    return text_or_dash(p->note.id ? plugin_kind_name(p->note.kind) : NULL);
}

static int width(const registry *r, const char *(*text)(const plugin *p), bool all) {
    int widest = 0;
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        int length = (int)strlen(text(p));
        widest = (all || p->state == PLUGIN_CHOSEN) && length > widest ? length : widest;
    }
    return widest;
}

static const char *id_text(const plugin *p) {
    return text_or_dash(p->note.id);
}

static const char *version_text(const plugin *p) {
    return text_or_dash(p->note.version);
}

/* A line about the package that a plugin lies in, where it does. */
static void print_trust(const plugin *p) {
    arena a = {0};
    const char *word = trust_word(p, &a);
    if (word) {
        printf("          %s\n", word);
    }
    arena_free(&a);
}

static void print_list(const registry *r, bool all) {
    int id_width = width(r, id_text, all), version_width = width(r, version_text, all);
    int unusable = 0;
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        if (!all && p->state != PLUGIN_CHOSEN) {
            unusable += p->state != PLUGIN_SHADOWED;
            continue;
        }
        printf("%-8s  %-*s  %-*s  ", plugin_kind_word(p), id_width, id_text(p), version_width,
               version_text(p));
        if (all) {
            printf("%-8s  %s\n", plugin_state_word(p->state), p->path);
        } else {
            printf("%s\n", p->note.summary);
        }
        if (all && *p->reason) {
            printf("          %s: %s\n", p->reason, p->remedy);
        }
        if (all) {
            print_trust(p);
        }
    }
    if (unusable > 0) {
        printf("%d more cannot be used: kindred plugin list --all says why\n", unusable);
    }
    if (registry_count(r) == 0) {
        printf("no plugins found\n");
    }
}

static void print_list_json(const registry *r, bool all) {
    json_t *array = json_array();
    for (int i = 0; i < registry_count(r); i++) {
        const plugin *p = registry_at(r, i);
        if (all || p->state == PLUGIN_CHOSEN) {
            json_array_append_new(array, plugin_json(p, false));
        }
    }
    print_json(array);
}

bool command_plugin_list(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    registry *r = registry_open(&in->search, err);
    if (r) {
        (in->json ? print_list_json : print_list)(r, in->all);
    }
    registry_close(r);
    return r != NULL;
}
