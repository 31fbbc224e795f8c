/* SPDX-License-Identifier: Apache-2.0
 * Log, suggestions, hashes and threads. */
#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/suggest.h"
#include "base/threads.h"

#include "leaks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

static char logged[4][64];
static int logged_count;

static void keep(void *arg, int32_t level, const char *line) {
    (void)arg;
    snprintf(logged[logged_count++], sizeof logged[0], "%d %s", level, line);
}

TEST(log, goes_to_the_sink_line_by_line) {
    log_set_sink(keep, NULL);
    log_line(KD_LOG_INFO, "step %d", 3);
    log_line(KD_LOG_DEBUG, "dropped");
    log_text(KD_LOG_WARN, "a\nb\x1b[31m\n and more", 8);
    log_set_level(KD_LOG_WARN);
    log_line(KD_LOG_INFO, "dropped");
    log_set_sink(NULL, NULL);
    cr_assert_eq(logged_count, 2);
    cr_assert_str_eq(logged[0], "1 step 3");
    cr_assert_str_eq(logged[1], "2 warning: a b [31m");
}

TEST(suggest, finds_the_near_and_only_the_near) {
    static const char *const words[] = {"path", "temperature", "lr", "k", NULL, "weight_decay"};
    static const struct {
        const char *word, *wanted;
    } cases[] = {
        {"pth", "path"},
        {"paht", "path"},
        {"PATH", "path"},
        {"temprature", "temperature"},
        {"rl", "lr"},
        {"weight_deacy", "weight_decay"},
        {"weightdecay", "weight_decay"},
        {"q", NULL},
        {"", NULL},
        {"batch", NULL},
        {"xyzzy", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = suggest(cases[i].word, words, 6);
        const char *wanted = cases[i].wanted;
        cr_assert(got == wanted || (got && wanted && strcmp(got, wanted) == 0), "%s gives %s",
                  cases[i].word, got ? got : "nothing");
    }
    char endless[5000];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    cr_assert_null(suggest(endless, words, 6));
}

TEST(sha256, matches_fips_180) {
    char hex[SHA256_HEX];
    sha256_bytes("abc", 3, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_bytes("", 0, hex);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(sha256, of_a_file_is_that_of_its_bytes) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    char of_bytes[SHA256_HEX], of_file[SHA256_HEX];
    const size_t bytes = 3000001;
    char *data = arena_alloc(&a, bytes);
    for (size_t i = 0; i < bytes; i++) {
        data[i] = (char)(i * 2654435761u >> 7);
    }
    const char *path = arena_print(&a, "/tmp/kindred-test-%d.data", getpid());
    cr_assert(file_write(path, data, bytes, &err), "%s", err.message);
    cr_assert(sha256_file(path, of_file, &err), "%s", err.message);
    sha256_bytes(data, bytes, of_bytes);
    cr_assert_str_eq(of_file, of_bytes);
    unlink(path);
    cr_assert(!sha256_file(path, of_file, &err));
    cr_assert(strstr(err.message, path) && strstr(err.message, "No such file"));
    arena_free(&a);
}

typedef struct loop {
    pool *pool;
    atomic_int seen[1000], pieces, niceness;
    int64_t grain, count;
} loop;

static void mark(void *arg, int64_t begin, int64_t end) {
    loop *l = arg;
    cr_assert_eq(begin % l->grain, 0);
    cr_assert(end - begin == l->grain || end == l->count);
    atomic_fetch_add(&l->pieces, 1);
    atomic_store(&l->niceness, getpriority(PRIO_PROCESS, (id_t)gettid()));
    for (int64_t i = begin; i < end; i++) {
        atomic_fetch_add(&l->seen[i], 1);
    }
}

TEST(threads, cover_everything_once) {
    static const int64_t counts[] = {0, 1, 7, 64, 1000}, grains[] = {1, 3, 64, 5000};
    kd_error err = KD_ERROR_INIT;
    for (int threads = 1; threads <= 5; threads += 2) {
        pool *p = pool_create(threads, 7, &err);
        cr_assert(p != NULL, "%s", err.message);
        cr_assert_eq(pool_threads(p), threads);
        for (int i = 0; i < 20; i++) {
            loop l = {.grain = grains[i % 4], .count = counts[i % 5]};
            /* More than the count is one piece. */
            l.grain = l.grain > l.count && l.count ? l.count : l.grain;
            pool_run(p, l.count, grains[i % 4], mark, &l);
            for (int64_t k = 0; k < 1000; k++) {
                cr_assert_eq(l.seen[k], k < l.count ? 1 : 0);
            }
            cr_assert_eq(l.pieces, (l.count + l.grain - 1) / l.grain);
            cr_assert(l.count == 0 || l.niceness >= 7, "%d", l.niceness);
        }
        pool_destroy(p);
    }
    pool_destroy(NULL);
    cr_assert(threads_available() >= 1);
}

static void run_inner(void *arg, int64_t begin, int64_t end) {
    loop *outer = arg;
    loop inner = {.grain = 2, .count = 10};
    (void)begin;
    (void)end;
    pool_run(outer->pool, inner.count, 2, mark, &inner);
    atomic_fetch_add(&outer->pieces, inner.pieces);
}

static void *run_outer(void *arg) {
    loop *l = arg;
    pool_run(l->pool, 50, 1, run_inner, l);
    return NULL;
}

TEST(threads, loops_nest_and_take_turns) {
    kd_error err = KD_ERROR_INIT;
    loop l = {.pool = pool_create(3, 0, &err)};
    pthread_t other;
    cr_assert_eq(pthread_create(&other, NULL, run_outer, &l), 0);
    run_outer(&l);
    pthread_join(other, NULL);
    cr_assert_eq(l.pieces, 2 * 50 * 5);
    pool_destroy(l.pool);
}
