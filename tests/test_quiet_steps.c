/* SPDX-License-Identifier: Apache-2.0
 * A step allocates nothing and opens no file: both are counted while a step runs on the cpu device,
 * in all threads. The functions below stand before libc's, and the one of oneDNN's before its own,
 * for everything that is loaded here.
 *
 * One thing remains, and is held to what it is: dnnl_primitive_execute makes a table of its
 * arguments, and some kernels a note of 80 bytes for each thread, and drop both before they return.
 * Scratchpads, which may be large, are the engine's. */
#include "leaks.h"
#include "method_cases.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *memory);
void *__libc_memalign(size_t alignment, size_t bytes);

static atomic_bool counting, in_onednn;
static atomic_int allocations, files, of_onednn, kept_by_onednn;
static atomic_size_t largest_of_onednn; /* bytes */

static void note_allocation(size_t bytes) {
    if (!counting) {
        return;
    }
    if (!in_onednn) {
        allocations++;
        return;
    }
    of_onednn++;
    kept_by_onednn++;
    largest_of_onednn = bytes > largest_of_onednn ? bytes : largest_of_onednn;
}

static void note_release(const void *memory) {
    kept_by_onednn -= counting && in_onednn && memory;
}

static void note_file(void) {
    files += counting;
}

void *malloc(size_t bytes) {
    note_allocation(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
    note_allocation(count * bytes);
    return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
    note_release(old);
    note_allocation(bytes);
    return __libc_realloc(old, bytes);
}

void free(void *memory) {
    note_release(memory);
    __libc_free(memory);
}

void *memalign(size_t alignment, size_t bytes) {
    note_allocation(bytes);
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    return memalign(alignment, bytes);
}

int posix_memalign(void **ret, size_t alignment, size_t bytes) {
    *ret = memalign(alignment, bytes);
    return *ret ? 0 : ENOMEM;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset) {
    note_allocation(bytes);
    return (void *)syscall(SYS_mmap, at, bytes, protection, flags, fd, offset);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    va_end(rest);
    note_file();
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode) {
    FILE *(*next)(const char *, const char *);
    *(void **)&next = dlsym(RTLD_NEXT, "fopen");
    note_file();
    return next(path, mode);
}

/* Libraries that are built with files of 64 bits call these. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));
void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

typedef int execute(const void *primitive, void *stream, int count, const void *arguments);
execute dnnl_primitive_execute;

int dnnl_primitive_execute(const void *primitive, void *stream, int count, const void *arguments) {
    static execute *next;
    if (!next) {
        void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_NOLOAD);
        *(void **)&next = library ? dlsym(library, "dnnl_primitive_execute") : NULL;
    }
    in_onednn = true;
    const int status = next(primitive, stream, count, arguments);
    in_onednn = false;
    return status;
}

/* The table's buckets are the largest: 152 bytes in oneDNN 2.6. */
#define SMALL_BYTES 512

static void expect_quiet(const method_run *r, kd_program *p, const char *what) {
    kd_error err = KD_ERROR_INIT;
    allocations = files = of_onednn = kept_by_onednn = 0;
    largest_of_onednn = 0;
    counting = true;
    const bool ok = program_run(p, &err);
    counting = false;
    cr_assert(ok, "%s", err.message);
    cr_expect(allocations == 0 && files == 0, "%s: %s: %d allocations, %d files", r->kit->name,
              what, allocations, files);
    cr_expect(largest_of_onednn <= SMALL_BYTES && kept_by_onednn == 0,
              "%s: %s: oneDNN makes %d allocations of up to %zu bytes and keeps %d", r->kit->name,
              what, of_onednn, largest_of_onednn, kept_by_onednn);
}

TEST(quiet_steps, are_told_from_others) {
    counting = true;
    free(strdup("an allocation of libc's"));
    FILE *file = fopen("/dev/null", "r");
    counting = false;
    cr_assert(file && allocations > 0 && files > 0, "%d, %d", allocations, files);
    fclose(file);
}

EACH_METHOD_CASE(quiet_steps, of_every_method) {
    method_kit k;
    kd_tensor *loss;
    method_open(&k, c->file, "cpu", KD_F32);
    const optimizer how = method_optimizer(&k);
    graph *g = method_graph(&k, &loss);
    graph_minimize(g, loss, &how);
    method_run r = method_compile(&k, g, NULL);
    method_feed(&r, 0);
    method_loss(&r, r.step);
    for (int i = 0; i < k.programs.count; i++) {
        expect_quiet(&r, r.further[i], k.programs.name[i]);
    }
    method_feed(&r, 1);
    expect_quiet(&r, r.step, "the step");
    cr_expect(of_onednn > 0, "%s: libraries' allocations are not seen", k.name);
    method_run_close(&r);
    method_close(&k);
}
