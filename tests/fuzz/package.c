/* SPDX-License-Identifier: Apache-2.0
 * A fuzz target for what packages bring: any bytes as an archive, a manifest, sums, a signature or
 * a key. The first byte says which, so that one corpus serves all. Built and run by
 * tools/fuzz.sh. */
#include "package/package.h"
#include "base/file.h"
#include "package/archive_file.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Unpacks into memory's own file system, and looks that nothing lies beside. */
static void unpack(const char *text, size_t bytes, arena *a) {
    kd_error err = KD_ERROR_INIT;
    archive_contents c;
    const char *folder = arena_print(a, "/dev/shm/kindred-fuzz-%ld", (long)getpid());
    const int fd = memfd_create("package", MFD_CLOEXEC);
    const char *file = arena_print(a, "/proc/self/fd/%d", fd);
    if (write(fd, text, bytes) != (ssize_t)bytes || !file_make_directories(folder, &err)) {
        abort();
    }
    if (archive_file_unpack(file, folder, a, &c, &err)) {
        for (int i = 0; i < c.n_items; i++) {
            if (!file_exists(arena_print(a, "%s/%s", folder, c.items[i].path))) {
                abort();
            }
        }
        package p;
        package_open(folder, a, &p, &err);
    }
    close(fd);
    if (!file_remove_tree(folder, &err)) {
        abort();
    }
}

static void read_as(int what, const char *text, size_t bytes, arena *a) {
    kd_error err = KD_ERROR_INIT;
    package p = {0};
    minisign_key key;
    minisign_secret secret;
    switch (what) {
    case 'A':
        unpack(text, bytes, a);
        break;
    case 'M':
        package_manifest_read(text, bytes, a, &p, &err);
        break;
    case 'S':
        package_sums_read(text, a, &p, &err);
        break;
    case 'G':
        if (minisign_signature_read(text, a, &p.signature, &err)) {
            memset(&key, 0, sizeof key);
            minisign_verify(&key, &p.signature, text, bytes, &err);
        }
        break;
    default:
        minisign_key_read(text, &key, &err);
        minisign_secret_read(text, NULL, &secret, &err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    arena a = {0};
    if (bytes > 0) {
        read_as(data[0], arena_copy(&a, data + 1, bytes - 1), bytes - 1, &a);
    }
    arena_free(&a);
    return 0;
}
