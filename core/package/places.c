/* SPDX-License-Identifier: Apache-2.0
 * The places of trust, and whether others may write there. */
#include "package/places.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_CONFIG "/etc/kindred"

/* $VARIABLE/kindred, or ~/FALLBACK/kindred. */
static const char *user_place(arena *a, const char *variable, const char *fallback) {
    const char *value = getauxval(AT_SECURE) ? NULL : getenv(variable);
    const char *home = getenv("HOME");
    if (value && value[0] == '/') {
        return arena_print(a, "%s/kindred", value);
    }
    return home && home[0] == '/' ? arena_print(a, "%s/%s/kindred", home, fallback) : NULL;
}

const char *places_user_config(arena *a) {
    return user_place(a, "XDG_CONFIG_HOME", ".config");
}

const char *places_user_state(arena *a) {
    return user_place(a, "XDG_STATE_HOME", ".local/state");
}

const char *places_system_config(void) {
    return SYSTEM_CONFIG;
}

int places_config(arena *a, const char *ret[2]) {
    const char *user = places_user_config(a);
    ret[0] = SYSTEM_CONFIG;
    ret[1] = user;
    return user ? 2 : 1;
}

/* A group of one: many systems give every user a group of their own, and let it write. */
static bool group_is_personal(uid_t user, gid_t group) {
    const struct passwd *p = getpwuid(user);
    const struct group *g = p && p->pw_gid == group ? getgrgid(group) : NULL;
    return g && g->gr_mem[0] == NULL && strcmp(g->gr_name, p->pw_name) == 0;
}

static bool owner_is_ours(uid_t owner) {
    struct stat program;
    return owner == 0 || owner == geteuid() ||
           (stat("/proc/self/exe", &program) == 0 && owner == program.st_uid);
}

static bool one_is_private(const char *path, kd_error *err) {
    struct stat s;
    if (stat(path, &s) != 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    if (!owner_is_ours(s.st_uid)) {
        kd_fail(err, KD_E_INVALID, "%s belongs to another user (number %ld)", path, (long)s.st_uid);
        return kd_hint(err, "make a copy that is yours, or have it belong to root (chown)");
    }
    /* In a sticky folder, such as /tmp, nobody replaces what is another's. */
    const bool sticky = S_ISDIR(s.st_mode) && (s.st_mode & S_ISVTX);
    const bool group = (s.st_mode & S_IWGRP) && s.st_gid && !group_is_personal(s.st_uid, s.st_gid);
    if (!sticky && ((s.st_mode & S_IWOTH) || group)) {
        kd_fail(err, KD_E_INVALID, "others may write to %s", path);
        return kd_hint(err, "chmod go-w '%s'", path);
    }
    return true;
}

bool places_private(const char *path, kd_error *err) {
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        return kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
    }
    for (;;) {
        if (!one_is_private(*real ? real : "/", err)) {
            return false;
        }
        if (!*real) {
            return true;
        }
        *strrchr(real, '/') = 0;
    }
}
