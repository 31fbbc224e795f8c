/* SPDX-License-Identifier: Apache-2.0
 * Files and directories, also with every system call failing once, and with the writer killed.
 *
 * The linker routes these calls of the library through the __wrap_ functions below. */
#include "base/arena.h"
#include "base/file.h"
#include "base/safetensors.h"

#include "leaks.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls, failing_call; /* counted from 1; 0: none fails */

static char made[256]; /* the names of the calls, each with a space behind it */

static bool fails_now(const char *name) {
    const size_t used = strlen(made);
    snprintf(made + used, sizeof made - used, "%s ", name);
    errno = ENOSPC;
    return ++calls == failing_call;
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters {                                                                \
        return fails_now(#name) ? (type)-1 : __real_##name arguments;                              \
    }
WRAP(ssize_t, write, (int fd, const void *data, size_t bytes), (fd, data, bytes))
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t bytes, off_t at), (fd, data, bytes, at))
WRAP(int, fallocate64, (int fd, int mode, off_t at, off_t bytes), (fd, mode, at, bytes))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned how),
     (a, from, b, to, how))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))

static char *make_place(void) {
    char *place = strdup("/tmp/kindred-test-XXXXXX");
    cr_assert(mkdtemp(place) != NULL);
    return place;
}

static void remove_place(char *place) {
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_remove_tree(place, &err), "%s", err.message);
    free(place);
}

static int entries_in(const char *place) {
    int count = 0;
    DIR *directory = opendir(place);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static bool holds(const char *path, const char *text) {
    char *data;
    size_t bytes;
    kd_error err = KD_ERROR_INIT;
    if (!file_read(path, 0, &data, &bytes, &err)) {
        return false;
    }
    const bool same = bytes == strlen(text) && memcmp(data, text, bytes) == 0;
    free(data);
    return same;
}

#define PATH(arena_, place, name) arena_print(arena_, "%s/%s", place, name)

TEST(file, write_and_read_back) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char *place = make_place(), *data;
    size_t bytes;
    const char *path = PATH(&a, place, "f");
    cr_assert(file_write(path, "one", 3, &err) && file_write(path, "", 0, &err));
    cr_assert(holds(path, ""));
    cr_assert(file_write(path, "a\0b", 3, &err), "%s", err.message);
    cr_assert(file_read(path, 3, &data, &bytes, &err));
    cr_assert(bytes == 3 && memcmp(data, "a\0b", 4) == 0);
    free(data);
    cr_assert_eq(entries_in(place), 1);

    cr_assert(!file_read(path, 2, &data, &bytes, &err));
    cr_assert(strstr(err.message, "longer than 2 bytes") != NULL);
    cr_assert(!file_read(place, 0, &data, &bytes, &err));
    cr_assert(strstr(err.message, "Is a directory") && *err.hint, "%s", err.message);
    cr_assert(!file_read(PATH(&a, place, "none"), 0, &data, &bytes, &err));
    cr_assert(strstr(err.message, "/none: cannot open: No such file") && *err.hint);
    cr_assert(!file_write(PATH(&a, place, "f/g"), "", 0, &err));
    cr_assert(strstr(err.message, "Not a directory") && *err.hint, "%s", err.message);
    cr_assert(file_read("/proc/self/status", 0, &data, &bytes, &err) && bytes > 100);
    free(data);
    remove_place(place);
    arena_free(&a);
}

TEST(file, directories) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char *place = make_place();
    cr_assert(file_make_directories(PATH(&a, place, "a//b/c/"), &err), "%s", err.message);
    cr_assert(file_make_directories(PATH(&a, place, "a/b"), &err));
    cr_assert(file_exists(PATH(&a, place, "a/b/c")));
    cr_assert(file_write(PATH(&a, place, "a/f"), "x", 1, &err));
    cr_assert(!file_make_directories(PATH(&a, place, "a/f/d"), &err));
    cr_assert(strstr(err.message, "a/f: cannot make the directory: Not a directory"), "%s",
              err.message);
    cr_assert_eq(symlink("/tmp", PATH(&a, place, "a/link")), 0);
    cr_assert(file_remove_tree(PATH(&a, place, "a"), &err), "%s", err.message);
    cr_assert(!file_exists(PATH(&a, place, "a")) && file_exists("/tmp"));
    cr_assert(file_remove_tree(PATH(&a, place, "a"), &err));
    remove_place(place);
    arena_free(&a);
}

TEST(file, sweep_removes_only_what_is_left_over) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char *place = make_place();
    const pid_t child = fork(); /* its number is that of a process that is gone */
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, NULL, 0);
    const char *gone = arena_print(&a, "%s/step-4.tmp-%d", place, child);
    const char *ours = arena_print(&a, "%s/x.tmp-%d", place, getpid());
    const char *living = arena_print(&a, "%s/x.tmp-%d", place, getppid());
    cr_assert(file_make_directories(PATH(&a, gone, "inside"), &err));
    cr_assert(file_make_directories(ours, &err) && file_make_directories(living, &err));
    cr_assert(file_make_directories(PATH(&a, place, "x.tmp-"), &err));
    cr_assert(file_make_directories(PATH(&a, place, "x.tmp-12a"), &err));
    cr_assert(file_make_directories(PATH(&a, place, "step-4"), &err));
    const char *other = arena_print(&a, "%s/step-4.tmp-7.tmp-%d", place, child);
    const char *next = arena_print(&a, "%s/step-5.tmp-%d", place, child);
    cr_assert(file_make_directories(other, &err) && file_make_directories(next, &err));
    cr_assert(file_sweep_beside(PATH(&a, place, "step-4"), &err), "%s", err.message);
    cr_assert(!file_exists(gone) && file_exists(ours) && file_exists(other) && file_exists(next));
    cr_assert(file_make_directories(gone, &err));
    cr_assert(file_is_beside("step-4.tmp-9") && !file_is_beside("step-4.tmp-9a"));
    cr_assert(file_sweep(place, &err), "%s", err.message);
    cr_assert(!file_exists(other));
    cr_assert(!file_exists(gone) && !file_exists(ours) && file_exists(living));
    cr_assert_eq(entries_in(place), 4);
    cr_assert(file_sweep(PATH(&a, place, "none"), &err));
    remove_place(place);
    arena_free(&a);
}

/* A checkpoint: a directory of a safetensors file and a text, which say the same number. */
static bool write_checkpoint(const char *path, int number, kd_error *err) {
    const kd_spec spec = {.dtype = KD_I32, .rank = 0};
    char *beside;
    if (!directory_begin(path, &beside, err)) {
        return false;
    }
    arena a = {0};
    safetensors_writer *w = safetensors_writer_create(PATH(&a, beside, "tensors"));
    safetensors_declare(w, "number", &spec);
    const bool done = safetensors_begin(w, err) &&
                      safetensors_write(w, 0, &number, sizeof number, err) &&
                      safetensors_commit(w, err) &&
                      file_write(PATH(&a, beside, "text"), number == 1 ? "1" : "2", 1, err) &&
                      directory_commit(beside, path, err);
    safetensors_writer_destroy(w);
    if (!done) {
        file_remove_tree(beside, NULL);
    }
    free(beside);
    arena_free(&a);
    return done;
}

/* The number, 0 when there is no checkpoint; the test fails when it is not whole. */
static int read_checkpoint(const char *path) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    int number = 0;
    if (file_exists(path)) {
        safetensors *file = safetensors_open(PATH(&a, path, "tensors"), &err);
        cr_assert(file != NULL, "%s", err.message);
        const safetensor *t = safetensors_need(file, "number", NULL, &err);
        cr_assert(t != NULL, "%s", err.message);
        memcpy(&number, t->data, sizeof number);
        cr_assert(holds(PATH(&a, path, "text"), number == 1 ? "1" : "2"));
        safetensors_close(file);
    }
    arena_free(&a);
    return number;
}

TEST(file, what_is_renamed_is_durable_first) {
    kd_error err = KD_ERROR_INIT;
    char *place = make_place(), *beside;
    arena a = {0};
    const char *path = PATH(&a, place, "f"), *step = PATH(&a, place, "step-1");
    made[0] = 0;
    cr_assert(file_write(path, "new", 3, &err), "%s", err.message);
    cr_assert_str_eq(made, "write fsync rename fsync ");
    for (failing_call = 1; failing_call <= 3; failing_call++) {
        calls = 0;
        cr_assert(!file_write(path, "newer", 5, &err), "call %d", failing_call);
        cr_assert(holds(path, "new") && entries_in(place) == 1, "call %d", failing_call);
    }
    failing_call = 0;
    cr_assert(directory_begin(step, &beside, &err), "%s", err.message);
    made[0] = 0;
    cr_assert(directory_commit(beside, step, &err), "%s", err.message);
    cr_assert_str_eq(made, "fsync renameat2 fsync ");
    free(beside);
    remove_place(place);
    arena_free(&a);
}

/* What is being removed is first out of the way, in one step, and then goes. */
TEST(file, a_removed_directory_is_whole_or_gone) {
    kd_error err = KD_ERROR_INIT;
    char *place = make_place();
    arena a = {0};
    const char *path = PATH(&a, place, "run");
    cr_assert(write_checkpoint(path, 1, &err), "%s", err.message);
    for (failing_call = 1; failing_call <= 2; failing_call++) {
        calls = 0;
        made[0] = 0;
        cr_assert(!directory_remove(path, &err), "call %d", failing_call);
        cr_assert_eq(read_checkpoint(path), failing_call == 1, "call %d", failing_call);
        cr_assert(file_sweep(place, &err) && entries_in(place) == (failing_call == 1));
    }
    failing_call = 0;
    cr_assert_str_eq(made, "rename fsync ");
    cr_assert(write_checkpoint(path, 2, &err) && directory_remove(path, &err), "%s", err.message);
    cr_assert_eq(entries_in(place), 0);
    cr_assert(directory_remove(path, &err));
    remove_place(place);
    arena_free(&a);
}

TEST(file, any_call_may_fail) {
    kd_error err = KD_ERROR_INIT;
    char *place = make_place();
    arena a = {0};
    const char *path = PATH(&a, place, "step-1");
    for (int old = 0; old <= 1; old++) {
        int n = 0;
        bool done = false;
        while (!done) {
            cr_assert(file_remove_tree(path, &err));
            failing_call = 0;
            cr_assert(old == 0 || write_checkpoint(path, 1, &err));
            calls = 0;
            failing_call = ++n;
            err = (kd_error)KD_ERROR_INIT;
            done = write_checkpoint(path, 2, &err);
            cr_assert(done ? calls < n : strstr(err.message, place) && strstr(err.message, "space"),
                      "call %d: %s", n, err.message);
            cr_assert(done || *err.hint);
            const int number = read_checkpoint(path);
            /* Only syncing the parent comes after the renaming. */
            cr_assert(number == 2 || (!done && number == old), "call %d: %d", n, number);
            cr_assert_eq(entries_in(place), number == 0 ? 0 : 1, "call %d", n);
        }
        cr_assert(n > 9, "only %d calls were made", n);
    }
    failing_call = 0;
    remove_place(place);
    arena_free(&a);
}

TEST(file, the_writer_may_be_killed) {
    kd_error err = KD_ERROR_INIT;
    char *place = make_place();
    arena a = {0};
    const char *path = PATH(&a, place, "step-1");
    cr_assert(write_checkpoint(path, 1, &err), "%s", err.message);
    for (int i = 0; i < 25; i++) {
        const pid_t child = fork();
        if (child == 0) {
            for (int number = 2;; number = 3 - number) {
                write_checkpoint(path, number, NULL);
            }
        }
        usleep((useconds_t)(500 + 777 * i % 9000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        cr_assert_neq(read_checkpoint(path), 0);
    }
    cr_assert(file_sweep(place, &err), "%s", err.message);
    cr_assert_eq(entries_in(place), 1);
    remove_place(place);
    arena_free(&a);
}
