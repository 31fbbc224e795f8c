/* SPDX-License-Identifier: Apache-2.0
 * `kindred plugin key` makes a pair of keys, `kindred plugin trust` accepts another's. */
#include "cli/cli_plugin_package.h"

#include "base/file.h"
#include "package/places.h"
#include "package/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define MAX_KEY ((size_t)1 << 16)

static bool is_secret(const char *file, kd_error *err) {
    struct stat s;
    if (stat(file, &s) == 0 && (s.st_mode & (S_IRWXG | S_IRWXO))) {
        kd_fail(err, KD_E_INVALID, "%s: others may read this secret key", file);
        return kd_hint(err, "chmod 600 '%s'; and make a new key if someone did", file);
    }
    return true;
}

/* A line from the terminal that it does not show. */
static bool ask_password(const char *file, char *ret, size_t room, kd_error *err) {
    FILE *terminal = fopen("/dev/tty", "r+");
    struct termios shown, hidden;
    if (!terminal || tcgetattr(fileno(terminal), &shown) != 0) {
        if (terminal) {
            fclose(terminal);
        }
        kd_fail(err, KD_E_INVALID, "%s: locked by a password, and there is no terminal", file);
        return kd_hint(err, "sign where you can type it, or make a key without one for machines: "
                            "kindred plugin key NAME");
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(terminal, "password of %s: ", file);
    fflush(terminal);
    tcsetattr(fileno(terminal), TCSAFLUSH, &hidden);
    const bool typed = fgets(ret, (int)room, terminal) != NULL;
    tcsetattr(fileno(terminal), TCSAFLUSH, &shown);
    fputc('\n', terminal);
    fclose(terminal);
    ret[typed ? strcspn(ret, "\n") : 0] = 0;
    return true;
}

bool read_secret_key(const char *file, minisign_secret *ret, kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    char *text = NULL, password[256];
    size_t bytes = 0;
    if (!is_secret(file, err) || !file_read(file, MAX_KEY, &text, &bytes, err)) {
        return false;
    }
    bool ok = minisign_secret_read(text, NULL, ret, &why);
    bool asked = true;
    if (!ok && why.code == KD_E_UNSUPPORTED) {
        asked = ask_password(file, password, sizeof password, err);
        ok = asked && minisign_secret_read(text, password, ret, &why);
        sodium_memzero(password, sizeof password);
    }
    sodium_memzero(text, bytes);
    free(text);
    if (!ok && asked) {
        kd_fail(err, why.code, "%s: %s", file, why.message);
        kd_hint(err, "%s", why.hint);
    }
    return ok;
}

/* Writes a file that is not there yet. */
static bool write_new(const char *path, const char *text, mode_t mode, kd_error *err) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        kd_fail(err, KD_E_IO, "%s: %s", path, strerror(errno));
        return kd_hint(err, errno == EEXIST ? "choose another name: a key is never overwritten"
                                            : "choose a folder that you can write to");
    }
    const size_t length = strlen(text);
    const bool ok = write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
    close(fd);
    return ok || kd_fail(err, KD_E_IO, "%s: cannot write", path);
}

bool command_plugin_key(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    const char *public_text, *secret_text;
    const char *secret = arena_print(&a, "%s.key", in->subject);
    const char *public = arena_print(&a, "%s.pub", in->subject);
    (void)ret_status;
    bool ok = minisign_generate(&a, &public_text, &secret_text, err);
    if (ok && file_exists(public)) {
        kd_fail(err, KD_E_INVALID, "%s is there already", public);
        ok = kd_hint(err, "choose another name: a key is never overwritten");
    }
    ok = ok && write_new(secret, secret_text, 0600, err) &&
         write_new(public, public_text, 0644, err);
    if (ok) {
        sodium_memzero((char *)secret_text, strlen(secret_text));
        printf("%s signs (kindred plugin pack --key %s): keep it secret, and a copy safe\n"
               "%s is for those who use what you sign (kindred plugin trust %s)\n",
               secret, secret, public, public);
    }
    arena_free(&a);
    return ok;
}

/* The key with the lines that limit it: those given, else those of the file. */
static const char *limited(const command_line *in, const trusted_key *key, const char *text,
                           arena *a) {
    const char *ids = in->ids ? in->ids : key->ids, *until = in->until ? in->until : key->until;
    const char *second = strchr(text, '\n');
    const size_t length =
        second ? (size_t)(second - text) + 1 + strcspn(second + 1, "\r\n") : strlen(text);
    return arena_print(a, "%.*s\n%s%s%s%s%s%s", (int)length, text, *ids ? "ids: " : "", ids,
                       *ids ? "\n" : "", *until ? "until: " : "", until, *until ? "\n" : "");
}

static bool accept_key(const command_line *in, const char *folder, arena *a, const char **ret_file,
                       trusted_key *ret, kd_error *err) {
    char *text = NULL, id[MINISIGN_ID_TEXT];
    size_t bytes;
    kd_error ignored = KD_ERROR_INIT;
    if (!trusted_key_read(in->subject, a, ret, err) ||
        !file_read(in->subject, MAX_KEY, &text, &bytes, err)) {
        return false;
    }
    minisign_id_text(ret->key.id, id);
    *ret_file = arena_print(a, "%s/%s.pub", folder, id);
    const char *lines = limited(in, ret, text, a);
    free(text);
    const bool was_there = file_exists(*ret_file);
    const mode_t before = umask(022);
    bool ok =
        file_make_directories(folder, err) && file_write(*ret_file, lines, strlen(lines), err);
    umask(before);
    if (ok && !trusted_key_read(*ret_file, a, ret, err)) { /* what was given is no date */
        if (!was_there) {
            file_remove_tree(*ret_file, &ignored);
        }
        ok = false;
    }
    return ok;
}

bool command_plugin_trust(const command_line *in, int *ret_status, kd_error *err) {
    arena a = {0};
    trusted_key key;
    char id[MINISIGN_ID_TEXT];
    const char *file, *config = in->system ? places_system_config() : places_user_config(&a);
    (void)ret_status;
    bool ok = config || kd_fail(err, KD_E_INVALID, "there is no home folder for keys: set HOME");
    ok = ok && accept_key(in, arena_print(&a, "%s/keys.d", config), &a, &file, &key, err);
    if (ok) {
        minisign_id_text(key.key.id, id);
        printf("%s: the key %s is trusted for %s%s%s\n", file, id,
               *key.ids ? key.ids : "every plugin (--ids limits it)", *key.until ? " until " : "",
               key.until);
    }
    arena_free(&a);
    return ok;
}
