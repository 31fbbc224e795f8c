/* SPDX-License-Identifier: Apache-2.0
 * Which of the files that claim an id is used. Earlier level > newer version > richer instruction
 * set that this machine has; two that are equal in all three are a mistake that only people mend.
 */
#include "plugin/choice.h"

#include "plugin/isa.h"
#include "plugin/text.h"

#include <stdlib.h>

void candidate_refuse(candidate *c, const char *reason, const char *remedy) {
    c->plugin.state = PLUGIN_REFUSED;
    c->plugin.reason = reason;
    c->plugin.remedy = remedy;
}

static bool judge_abi(candidate *c, arena *a) {
    const plugin_note *note = &c->plugin.note;
    if (note->abi_major != KD_ABI_MAJOR) {
        candidate_refuse(c,
                         arena_print(a, "made for plugin ABI %d, and this kindred has ABI %d",
                                     note->abi_major, KD_ABI_MAJOR),
                         arena_print(a,
                                     "rebuild it with this kindred's headers, or use a kindred "
                                     "with ABI %d",
                                     note->abi_major));
        return false;
    }
    if (note->min_host_minor > KD_ABI_MINOR_LATEST) {
        candidate_refuse(c,
                         arena_print(a, "needs plugin ABI %d.%d, and this kindred has %d.%d",
                                     note->abi_major, note->min_host_minor, KD_ABI_MAJOR,
                                     KD_ABI_MINOR_LATEST),
                         "update kindred, or install an older version of the plugin");
        return false;
    }
    return true;
}

static bool judge_machine(candidate *c, const char *isa, arena *a) {
    const plugin_note *note = &c->plugin.note;
    int wanted = isa_rank(note->isa);
    if (note->machine) {
        candidate_refuse(c, arena_print(a, "built for %s", note->machine),
                         "install the build for this machine");
        return false;
    }
    if (wanted < 0 || wanted > isa_rank(isa)) {
        candidate_refuse(c,
                         arena_print(a, "needs a CPU with %s, and this one has %s", note->isa,
                                     *isa ? isa : "the baseline only"),
                         "install the baseline build of the plugin, or run on a newer CPU");
        return false;
    }
    return true;
}

void candidate_judge(candidate *c, const char *isa, arena *a) {
    plugin *p = &c->plugin;
    p->state = PLUGIN_CHOSEN;
    p->reason = p->remedy = "";
    if (judge_abi(c, a) && judge_machine(c, isa, a) && !plugin_kind_name(p->note.kind)) {
        candidate_refuse(c, arena_print(a, "its kind %u is unknown here", p->note.kind),
                         "update kindred");
    }
}

static int compare_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

/* < 0: a has the better right. Both are of one kind and id, and not refused. */
static int compare_right(const candidate *a, const candidate *b) {
    if (a->rank != b->rank) {
        return a->rank - b->rank;
    }
    int version = version_compare(b->plugin.note.version, a->plugin.note.version);
    return version ? version : isa_rank(b->plugin.note.isa) - isa_rank(a->plugin.note.isa);
}

static bool same_claim(const candidate *a, const candidate *b) {
    return a->plugin.note.kind == b->plugin.note.kind &&
           compare_text(a->plugin.note.id, b->plugin.note.id) == 0;
}

static int by_right(const void *left, const void *right) {
    const candidate *a = left, *b = right;
    if (a->plugin.note.kind != b->plugin.note.kind) {
        return a->plugin.note.kind < b->plugin.note.kind ? -1 : 1;
    }
    int order = compare_text(a->plugin.note.id, b->plugin.note.id);
    bool out_a = a->plugin.state == PLUGIN_REFUSED, out_b = b->plugin.state == PLUGIN_REFUSED;
    if (order == 0 && out_a != out_b) {
        order = out_a - out_b;
    }
    if (order == 0 && !out_a) {
        order = compare_right(a, b);
    }
    if (order == 0) {
        order = a->rank - b->rank;
    }
    return order ? order : strcmp(a->plugin.path, b->plugin.path);
}

static void mark(candidate *c, const candidate *best, arena *a) {
    plugin *p = &c->plugin;
    if (compare_right(best, c) == 0) {
        p->state = PLUGIN_TIED;
        p->reason =
            arena_print(a, "%s claims the same id, version and instruction set", best->plugin.path);
        p->remedy = "remove one of the two files";
    } else {
        p->state = PLUGIN_SHADOWED;
        p->reason =
            arena_print(a, "%s %s goes before it", best->plugin.path, best->plugin.note.version);
        p->remedy = best->rank != c->rank ||
                            version_compare(best->plugin.note.version, p->note.version) == 0
                        ? "name the file by --plugin to use it"
                        : arena_print(a, "pin it as %s@%s to use it", p->note.id, p->note.version);
    }
}

void candidates_order(candidate *list, int n, arena *a) {
    qsort(list, (size_t)n, sizeof *list, by_right);
    const candidate *best = NULL;
    for (int i = 0; i < n; i++) {
        candidate *c = &list[i];
        if (c->plugin.state == PLUGIN_REFUSED) {
            continue;
        }
        if (!best || !same_claim(best, c)) {
            best = c;
            continue;
        }
        mark(c, best, a);
        if (c->plugin.state == PLUGIN_TIED && best->plugin.state == PLUGIN_CHOSEN) {
            mark(&list[best - list], c, a);
        }
    }
}

const candidate *candidates_choose(const candidate *list, int n, uint32_t kind, const char *id,
                                   const char *pin, const candidate **ret_tie) {
    const candidate *best = NULL;
    *ret_tie = NULL;
    for (int i = 0; i < n; i++) {
        const candidate *c = &list[i];
        if (c->plugin.state == PLUGIN_REFUSED || c->plugin.note.kind != kind ||
            strcmp(c->plugin.note.id, id) != 0 || !pin_accepts(pin, c->plugin.note.version)) {
            continue;
        }
        if (best) {
            *ret_tie = compare_right(best, c) == 0 ? c : NULL;
            return best;
        }
        best = c;
    }
    return best;
}
