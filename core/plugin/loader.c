/* SPDX-License-Identifier: Apache-2.0
 * Loads a plugin: dlopen, entry, comparison with the note. */
#include "plugin/loader.h"

#include "plugin/blame.h"
#include "plugin/guard.h"
#include "plugin/shared_object.h"
#include "plugin/tables.h"

#include <dlfcn.h>
#include <link.h>

typedef const kd_plugin *(*entry_function)(const kd_host *host, kd_error *err);

#define ENTRY "kindred_plugin_entry_v0"

/* The library, among those that the file asks for, whose absence `why` is about; NULL: none. The
 * linker's sentence may be in any language, its names are not. */
static const char *missing_library(const char *path, const char *why, arena *a) {
    elf_file elf;
    const char **needed;
    const char *missing = NULL;
    if (!elf_open(path, &elf, NULL)) {
        return NULL;
    }
    int n = elf_needed(&elf, a, &needed);
    for (int i = 0; i < n && !missing; i++) {
        void *there = dlopen(needed[i], RTLD_LAZY | RTLD_NOLOAD);
        if (there) {
            dlclose(there);
        } else if (strstr(why, needed[i])) {
            missing = needed[i];
        }
    }
    elf_close(&elf);
    return missing;
}

static void *open_failed(const char *path, kd_error *err) {
    const char *reason = dlerror();
    arena a = {0};
    const char *why = arena_text(&a, reason ? reason : "the dynamic linker gives no reason");
    const char *missing = missing_library(path, why, &a);
    if (missing) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s: needs the library %s, which is not here (%s)", path,
                missing, why);
        kd_hint(err, "install the package that has %s (on Debian: apt-file search %s)", missing,
                missing);
    } else if (strstr(why, "GLIBC_")) {
        kd_fail(err, KD_E_UNSUPPORTED, "%s: needs a newer C library than this system's: %s", path,
                why);
        kd_hint(err,
                "ask its author for a build made on an older system, or run it on a newer one");
    } else {
        kd_fail(err, KD_E_UNSUPPORTED, "%s: the dynamic linker refuses it: %s", path, why);
        kd_hint(err,
                "rebuild the plugin on this system; a plugin imports nothing from kindred, and "
                "linking it with -Wl,-z,defs shows what is undefined");
    }
    arena_free(&a);
    return NULL;
}

/* The entry of this very object: dlsym would also find one in a library that it needs. */
static entry_function find_entry(void *object, const char *path, kd_error *err) {
    entry_function entry = NULL;
    struct link_map *mine = NULL, *found = NULL;
    Dl_info info;
    void *symbol = dlsym(object, ENTRY);
    if (!symbol || dlinfo(object, RTLD_DI_LINKMAP, &mine) != 0 ||
        dladdr1(symbol, &info, (void **)&found, RTLD_DL_LINKMAP) == 0 || mine != found) {
        kd_fail(err, KD_E_INTERNAL, "%s: does not export " ENTRY, path);
        kd_hint(err, "end the plugin's file with KD_METHOD(...) or its like, and keep the symbol "
                     "global in the version script");
        return NULL;
    }
    memcpy(&entry, &symbol, sizeof entry);
    return entry;
}

/* The note decided what this plugin is, so its code has to agree. */
static bool agrees(const char *path, const plugin_note *note, const kd_plugin *p, kd_error *err) {
    if (p->size < KD_END(kd_plugin, table)) {
        return kd_fail(err, KD_E_INTERNAL, "%s: its descriptor's size is %u, less than %zu", path,
                       p->size, KD_END(kd_plugin, table));
    }
    bool same = p->id && p->version && strcmp(p->id, note->id) == 0 &&
                strcmp(p->version, note->version) == 0 && p->kind == note->kind &&
                p->abi_major == note->abi_major && p->abi_minor == note->abi_minor;
    if (!same) {
        const char *kind = plugin_kind_name(p->kind);
        kd_fail(err, KD_E_INTERNAL,
                "%s: its note says %s %s %s, ABI %d.%d, but its code says %s %s %s, ABI %u.%u",
                path, plugin_kind_name(note->kind), note->id, note->version, note->abi_major,
                note->abi_minor, kind ? kind : "an unknown kind", p->id ? p->id : "(no id)",
                p->version ? p->version : "(no version)", p->abi_major, p->abi_minor);
        return kd_hint(err, "the file changed while it was read, or its author should rebuild it "
                            "with KD_PLUGIN and KD_METHOD (or its like) in one file");
    }
    return true;
}

static const kd_plugin *call_entry(entry_function entry, const char *path, plugin_host *host,
                                   kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    const kd_plugin *p = entry(&host->table, &why);
    if (!p) {
        why.message[sizeof why.message - 1] = 0;
        why.hint[sizeof why.hint - 1] = 0;
        kd_fail(err, why.code ? why.code : KD_E_INTERNAL, "%s: its entry failed: %s", path,
                why.message[0] ? why.message : "it gives no reason");
        kd_hint(err, "%s", why.hint);
    }
    return p;
}

static const kd_custom_ops *ops_of(const kd_plugin *p) {
    return KD_HAS(kd_plugin, p, extension) ? p->extension(KD_CUSTOM_OPS_EXTENSION) : NULL;
}

static const void *open_unguarded(const char *path, const plugin_note *note, plugin_host *host,
                                  arena *a, custom_ops *ret_ops, kd_error *err) {
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!object) {
        return open_failed(path, err);
    }
    entry_function entry = find_entry(object, path, err);
    const kd_plugin *p = entry ? call_entry(entry, path, host, err) : NULL;
    if (!p || !agrees(path, note, p, err)) {
        return NULL;
    }
    const void *table = table_copy(note->kind, p->table, a, err);
    if (!table || !custom_ops_copy(ops_of(p), note, a, ret_ops, err)) {
        kd_while(err, "%s", path);
        kd_hint(err, "its author should mend the table that its entry returns");
        return NULL;
    }
    return table;
}

const void *loader_open(const char *path, const plugin_note *note, plugin_host *host, arena *a,
                        custom_ops *ret_ops, kd_error *err) {
    guard before;
    blame_begin(note->id, path, path);
    guard_take(&before);
    const void *table = open_unguarded(path, note, host, a, ret_ops, err);
    guard_restore(&before, note->id);
    blame_end();
    return table;
}
