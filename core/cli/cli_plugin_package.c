/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin pack`, `verify`, `install`, `remove`: packages of plugins. */
#include "cli/cli_plugin_package.h"

#include "check/plugin_check.h"
#include "package/install.h"
#include "package/locks.h"
#include "plugin/search.h"
#include "plugin/text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static bool wrong_use(const char *name, const char *what, kd_error *err) {
    kd_fail(err, E_USAGE, "plugin %s: %s", name, what);
    return kd_hint(err, "kindred plugin %s --help", name);
}

bool package_folder(const command_line *in, const char *name, arena *a, const char **ret,
                    kd_error *err) {
    const char *user = search_user_folder(a);
    char here[PATH_MAX];
    if (in->user + in->system + (in->to != NULL) > 1) {
        return wrong_use(name, "--user, --system and --to each name a folder: give one", err);
    }
    if (in->to && in->to[0] != '/' && !getcwd(here, sizeof here)) {
        return kd_fail(err, KD_E_IO, "the working directory: %s", strerror(errno));
    }
    *ret = !in->to            ? in->system ? search_system_folder() : user
           : in->to[0] == '/' ? in->to
                              : arena_print(a, "%s/%s", here, in->to);
    if (!*ret) {
        kd_fail(err, KD_E_INVALID, "there is no home folder to install to");
        return kd_hint(err, "set HOME, or name a folder: --to DIR");
    }
    return true;
}

/* fails with the first rule of level 0 that the file breaks */
static bool check_static(const char *file, kd_error *err) {
    plugin_check *c = plugin_check_create(file, err);
    bool ok = c != NULL;
    if (c) {
        plugin_check_run(c, 0, NULL);
    }
    for (int i = 0; ok && i < plugin_check_count(c); i++) {
        const plugin_finding *f = plugin_check_at(c, i);
        if (f->verdict == VERDICT_FAIL) {
            kd_fail(err, KD_E_INVALID, "breaks rule %s (%s): %s", f->rule->id, f->rule->title,
                    f->why);
            ok = kd_hint(err, "its author should mend it until `kindred plugin check --level 0` "
                              "passes");
        }
    }
    plugin_check_destroy(c);
    return ok;
}

/* For signatures that are the same whenever they are made:
 * https://reproducible-builds.org/specs/source-date-epoch */
static int64_t signing_date(void) {
    const char *given = getenv("SOURCE_DATE_EPOCH");
    return given && *given ? strtoll(given, NULL, 10) : (int64_t)time(NULL);
}

bool command_plugin_pack(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    minisign_secret secret;
    char id[MINISIGN_ID_TEXT];
    const char *to, *name;
    const char **files = arena_alloc(&a, ((size_t)in->n_more + 1) * sizeof *files);
    files[0] = in->subject;
    for (int i = 0; i < in->n_more; i++) {
        files[i + 1] = in->more[i];
    }
    const pack_request request = {.files = files,
                                  .n_files = in->n_more + 1,
                                  .id = in->id,
                                  .to = in->to,
                                  .secret = in->key ? &secret : NULL,
                                  .date = signing_date(),
                                  .check = check_static,
                                  .check_companion = plugin_check_companion};
    (void)ret_status;
    bool ok = (!in->key || read_secret_key(in->key, &secret, err)) &&
              package_pack(&request, &a, &to, &name, err);
    if (ok && in->key) {
        minisign_id_text(secret.id, id);
        printf("%s: %s, signed by the key %s\n", to, name, id);
    } else if (ok) {
        printf("%s: %s, not signed\n", to, name);
    }
    if (in->key) {
        minisign_secret_wipe(&secret);
    }
    arena_free(&a);
    return ok;
}

static void print_package(const char *file, const verification *v) {
    printf("%s: %s %s\n", file, v->package.id, v->package.version);
    for (int i = 0; i < v->package.n_plugins; i++) {
        const package_plugin *p = &v->package.plugins[i];
        printf("  %-8s  %s  %s\n", p->kind, p->id, p->file);
        for (int k = 0; k < p->n_companions; k++) {
            printf("  kernels   %s  %s\n", p->id, p->companions[k].file);
        }
    }
    if (!v->fits) {
        printf("  no build for this machine\n");
    }
}

static void print_signer(const trusted_key *key) {
    char id[MINISIGN_ID_TEXT];
    minisign_id_text(key->key.id, id);
    printf("signed by the key %s (%s)\n", id, key->file);
}

bool command_plugin_verify(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    trust t;
    verification v;
    (void)ret_status;
    bool ok = trust_open(&t, err) &&
              package_verify(in->subject, &t, TRUST_WARN, check_static, &a, &v, err);
    if (ok) {
        print_package(in->subject, &v);
        if (v.key) {
            print_signer(v.key);
        } else {
            *err = v.doubt;
            kd_while(err, "%s", in->subject);
        }
        ok = v.key != NULL;
    }
    trust_close(&t);
    arena_free(&a);
    return ok;
}

static void print_installation(const installation *i) {
    const package *p = &i->what.package;
    printf("%s %s %s %s\n", p->id, p->version,
           i->was_there ? "is there already:" : "installed:", i->path);
    if (i->what.key) {
        print_signer(i->what.key);
    } else {
        printf("not verified: %s\n", i->what.doubt.message);
    }
    for (int k = 0; k < i->n_removed; k++) {
        printf("removed %s, which it replaces\n", i->removed[k]);
    }
    for (int k = 0; k < i->n_kept; k++) {
        printf("kept %s\n", i->kept[k]);
    }
    if (i->newer) {
        printf("%s is installed too and goes before it; pin this one as %s@%s\n", i->newer, p->id,
               p->version);
    }
}

bool command_plugin_install(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    trust t = {.n_keys = 0};
    installation i;
    install_request request = {
        .file = in->subject, .prunes = !in->system && !in->to, .check = check_static};
    (void)ret_status;
    const bool ok = package_folder(in, "install", &a, &request.folder, err) &&
                    trust_open(&t, err) && package_install(&request, &t, &a, &i, err);
    if (ok) {
        print_installation(&i);
    }
    trust_close(&t);
    arena_free(&a);
    return ok;
}

bool command_plugin_remove(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    const char *folder, *path, *at = strchr(in->subject, '@');
    const char *id =
        arena_copy(&a, in->subject, at ? (size_t)(at - in->subject) : strlen(in->subject));
    (void)ret_status;
    const bool ok = package_folder(in, "remove", &a, &folder, err) &&
                    package_remove(folder, id, at ? at + 1 : NULL, &a, &path, err);
    if (ok) {
        printf("removed %s\n", path);
    }
    arena_free(&a);
    return ok;
}
