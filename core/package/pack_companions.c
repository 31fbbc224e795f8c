/* SPDX-License-Identifier: Apache-2.0
 * Packs companions: kernels of a plugin's ops for one device, in a file of their own. */
#include "package/pack_internal.h"

#include "base/file.h"
#include "plugin/companion.h"
#include "plugin/shared_object.h"

#include <libgen.h>

static const char *name_of(const packing *p, const char *file) {
    return basename(arena_text(p->a, file));
}

bool packing_add_companion(packing *p, const char *file) {
    elf_file elf;
    plugin_note note;
    kd_error why = KD_ERROR_INIT;
    if (note_read(file, p->a, &note, &why) == NOTE_READ) {
        kd_fail(p->err, KD_E_INVALID, "%s: has a note, and is named as another plugin's companion",
                file);
        return kd_hint(p->err, "give the plugin's file another name");
    }
    if (!elf_open(file, &elf, &why)) {
        kd_fail(p->err, why.code, "%s: %s", file, why.message);
        return kd_hint(p->err, "give .so files of plugins and of their companions");
    }
    const char *machine = elf.machine, *triplet = packing_triplet(machine);
    elf_close(&elf);
    if (!triplet) {
        kd_fail(p->err, KD_E_UNSUPPORTED, "%s: built for %s, which packages do not know", file,
                machine);
        return kd_hint(p->err, "pack builds for x86-64, arm64 and riscv64");
    }
    packed_file *added =
        packing_add(p, file, arena_print(p->a, "lib/%s/%s", triplet, name_of(p, file)));
    if (added) {
        added->is_companion = true;
        added->note.machine = machine;
    }
    return added != NULL;
}

/* The companion of a plugin that is to be `path` there; false: failed. */
static bool add_beside(packing *p, const packed_file *of, const char *word, const char *path) {
    const char *file = companion_path(of->file, word, p->a);
    if (file_exists(file)) {
        if (!packing_add_companion(p, file)) {
            return false;
        }
        if (!packing_find(p, path)) {
            kd_fail(p->err, KD_E_INVALID, "%s: built for another machine than %s", file, of->file);
            return kd_hint(p->err, "build both for one machine");
        }
        return true;
    }
    if (companion_is_needed(word)) {
        kd_fail(p->err, KD_E_INVALID, "%s: its note says kernels for %s, and %s is not there",
                of->file, word, file);
        return kd_hint(p->err, "build that file too and put it beside the plugin, or name it; or "
                               "build the plugin without that device in its KD_CUSTOM_OP");
    }
    return true;
}

static bool claim(packing *p, packed_file *companion) {
    if (!companion->is_companion) {
        kd_fail(p->err, KD_E_INVALID, "%s: has a note, and is named as another plugin's companion",
                companion->file);
        return kd_hint(p->err, "give the plugin's file another name");
    }
    companion->is_claimed = true;
    return !p->in->check_companion || p->in->check_companion(companion->file, p->err) ||
           kd_while(p->err, "%s", companion->file);
}

static bool claim_all(packing *p, const packed_file *of) {
    const char *const *words;
    const int n = companion_words(&of->note, p->a, &words);
    for (int i = 0; i < n; i++) {
        const char *path = companion_path(of->source.path, words[i], p->a);
        if (!packing_find(p, path) && !add_beside(p, of, words[i], path)) {
            return false;
        }
        packed_file *companion = packing_find(p, path);
        if (companion && !claim(p, companion)) {
            return false;
        }
    }
    return true;
}

bool packing_claim_companions(packing *p) {
    const int given = p->n_files;
    for (int i = 0; i < given; i++) {
        if (p->files[i].note.id && !claim_all(p, &p->files[i])) {
            return false;
        }
    }
    for (int i = 0; i < given; i++) {
        if (p->files[i].is_companion && !p->files[i].is_claimed) {
            kd_fail(p->err, KD_E_INVALID,
                    "%s: has no kindred note, so it is no plugin, and no companion of one here",
                    p->files[i].file);
            return kd_hint(p->err, "a plugin's source begins with KD_PLUGIN(...); a companion is "
                                   "named PLUGIN.DEVICE.so, and the plugin's note names the "
                                   "device");
        }
    }
    return true;
}
