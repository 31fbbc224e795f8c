/* SPDX-License-Identifier: Apache-2.0
 * Downloads from a server of the test's own: whole, gone on with, refused, broken off; and the
 * table of public sets. */
#include "fetch/download.h"
#include "fetch/md5.h"
#include "fetch/public_sets.h"

#include "base/file.h"
#include "http_server.h"
#include "leaks.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 300000 };
static const char other_md5[] = "51ae0a4a25dd5dd3dd8a2d6ab8ad0d0b";

static char data[BYTES], folder[64], path[128], part[160], wrong[160], md5[MD5_HEX];
static http_server server;

/* When `full` is set, writes to files larger than that fail as on a full disk. */
static int64_t full;
ssize_t __real_write(int fd, const void *from, size_t bytes);
ssize_t __wrap_write(int fd, const void *from, size_t bytes);
ssize_t __wrap_write(int fd, const void *from, size_t bytes) {
    struct stat info;
    if (full && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size >= full) {
        errno = ENOSPC;
        return -1;
    }
    return __real_write(fd, from, bytes);
}

/* When it is set, what is opened to be locked is renamed to it before the lock is taken, as by a
 * process that comes to its end just then. */
static const char *finished_as;
static bool begins_anew; /* and a third process has a part of its own by then */
int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __wrap_flock(int fd, int how) {
    if (finished_as) {
        cr_assert_eq(rename(part, finished_as), 0);
        finished_as = NULL;
        if (begins_anew) {
            FILE *file = fopen(part, "wb");
            cr_assert(file && fwrite(data, 1, 500, file) == 500 && fclose(file) == 0);
        }
    }
    return __real_flock(fd, how);
}

static void put(const char *to, const void *from, size_t bytes) {
    FILE *file = fopen(to, "wb");
    cr_assert(file && fwrite(from, 1, bytes, file) == bytes && fclose(file) == 0);
}

static void open_server(void) {
    kd_error err = KD_ERROR_INIT;
    uint32_t random = 7;
    for (int i = 0; i < BYTES; i++) {
        random = random * 1664525 + 1013904223;
        data[i] = (char)(random >> 24);
    }
    memcpy(data + 257, "ustar", 5);
    strcpy(folder, "/tmp/kindred-fetch-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/set.tar", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(wrong, sizeof wrong, "%s.wrong", path);
    static const char *const proxies[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (int i = 0; i < 3; i++) {
        unsetenv(proxies[i]);
    }
    put(path, data, BYTES);
    cr_assert(md5_file(path, md5, &err) && unlink(path) == 0, "%s", err.message);
    full = 0;
    server = (http_server){.data = data, .bytes = BYTES};
    http_start(&server);
}

static void close_server(void) {
    kd_error err = KD_ERROR_INIT;
    http_stop(&server);
    cr_assert(file_remove_tree(folder, &err), "%s", err.message);
}

TestSuite(fetch, .init = open_server, .fini = close_server);

static char url[128];

static bool fetch(const char *checksum, downloaded *ret, kd_error *err) {
    snprintf(url, sizeof url, "%sdir/set.tar", server.url);
    const download d = {.url = url, .path = path, .md5 = checksum};
    return download_file(&d, ret, err);
}

static void expect_file(const char *at, size_t bytes) {
    char *is = NULL;
    size_t n = 0;
    kd_error err = KD_ERROR_INIT;
    cr_assert(file_read(at, 0, &is, &n, &err), "%s", err.message);
    cr_assert(n == bytes && memcmp(is, data, n) == 0, "%zu bytes", n);
    free(is);
}

static downloaded expect_fetched(const char *checksum) {
    downloaded got;
    kd_error err = KD_ERROR_INIT;
    cr_assert(fetch(checksum, &got, &err), "%s", err.message);
    expect_file(path, BYTES);
    cr_assert(!file_exists(part) && !file_exists(wrong));
    return got;
}

static void expect_failure(const char *checksum, const char *message, const char *hint) {
    downloaded got;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(fetch(checksum, &got, &err), "fetched");
    cr_assert(strstr(err.message, message), "%s", err.message);
    cr_assert(strstr(err.hint, hint), "%s", err.hint);
    cr_assert_not(file_exists(path));
}

TEST(fetch, md5_is_that_of_the_standard) {
    kd_error err = KD_ERROR_INIT; /* RFC 1321, A.5 */
    char is[MD5_HEX];
    put(path, "message digest", 14);
    cr_assert(md5_file(path, is, &err));
    cr_assert_str_eq(is, "f96b697d7cb7938d525a2f31aaf161d0");
    cr_assert_not(md5_file("/nowhere", is, &err));
    unlink(path);
}

TEST(fetch, whole_and_once) {
    downloaded got = expect_fetched(md5);
    cr_assert(!got.was_there && got.resumed_from == 0 && server.range == -1);
    cr_assert_str_eq(server.path, "/dir/set.tar");
    got = expect_fetched(md5);
    cr_assert(got.was_there && server.requests == 1);
}

TEST(fetch, redirected) {
    server.redirects = true;
    expect_fetched(md5);
    cr_assert_str_eq(server.path, "/moved/dir/set.tar");
}

TEST(fetch, says_the_sum_where_none_is_published) {
    char want[SHA256_HEX];
    const downloaded got = expect_fetched(NULL);
    sha256_bytes(data, BYTES, want);
    cr_assert_str_eq(got.sha256, want);
}

TEST(fetch, goes_on_where_it_was_left) {
    server.cut_after = 100001;
    expect_failure(md5, "set.tar: ", "100001 bytes are kept");
    expect_file(part, 100001);
    expect_failure(md5, "set.tar: ", "200002 bytes are kept");
    cr_assert_eq(server.range, 100001);
    server.cut_after = 0;
    const downloaded got = expect_fetched(md5);
    cr_assert(got.resumed_from == 200002 && server.range == 200002);
}

TEST(fetch, begins_anew_where_the_server_has_no_ranges) {
    put(part, "something else", 14);
    server.no_ranges = true;
    const downloaded got = expect_fetched(md5);
    cr_assert(got.resumed_from == 0 && server.range == 14);
}

TEST(fetch, a_part_that_is_whole_is_done) {
    put(part, data, BYTES);
    const downloaded got = expect_fetched(md5);
    cr_assert(got.resumed_from == BYTES && server.requests == 1);
}

TEST(fetch, a_part_of_something_longer) {
    static char longer[BYTES + 1];
    memcpy(longer, data, BYTES);
    put(part, longer, sizeof longer);
    expect_failure(NULL, "does not go on from byte 300001", "remove ");
}

TEST(fetch, another_part_than_was_asked_for) {
    put(part, data, 1000);
    server.wrong_range = true;
    expect_failure(NULL, "does not go on from byte 1000", "remove ");
    expect_file(part, 1000);
}

TEST(fetch, a_wrong_sum_is_kept_aside) {
    expect_failure(other_md5, "and should be 51ae0a4a", "set.tar.wrong");
    expect_file(wrong, BYTES);
    cr_assert_not(file_exists(part));
    put(path, "old", 3);
    downloaded got;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(fetch(md5, &got, &err));
    cr_assert(strstr(err.message, "is there, but its MD5 is") && strstr(err.hint, "move it away"));
}

TEST(fetch, replies_that_are_no_file) {
    server.status = 404;
    expect_failure(md5, "the server answers 404", "--from");
    server.status = 503;
    put(part, data, 1000);
    expect_failure(NULL, "the server answers 503", "try again later");
    expect_file(part, 1000); /* a page of an error is not written behind it */
}

/* Without a checksum, length and first bytes have to tell. */
static void expect_unlike(int64_t bytes, const char *message, const char *hint) {
    downloaded got;
    kd_error err = KD_ERROR_INIT;
    snprintf(url, sizeof url, "%sset.tar", server.url);
    const download d = {.url = url, .path = path, .bytes = bytes};
    cr_assert_not(download_file(&d, &got, &err), "fetched");
    cr_assert_eq(err.code, KD_E_DATA);
    cr_assert(strstr(err.message, message), "%s", err.message);
    cr_assert(strstr(err.hint, hint), "%s", err.hint);
}

TEST(fetch, a_page_in_the_place_of_the_file) {
    server.status = 200;
    put(part, data, 1000);
    expect_failure(md5, "sends a page of HTML, and not the file", "by --from");
    expect_file(part, 1000);
    cr_assert_not(file_exists(wrong));
}

TEST(fetch, another_length) {
    put(part, data, 1000);
    expect_unlike(BYTES + 1, "the server's file has 300000 bytes, and not 300001", "--from");
    server.no_ranges = true;
    expect_unlike(BYTES + 1, "the server's file has 300000 bytes, and not 300001", "--from");
    expect_file(part, 1000);
    put(part, data, BYTES);
    expect_unlike(BYTES - 1, "it has 300000 bytes and should have 299999", "move it away");
    server.bytes = 500; /* would take the part's place */
    expect_unlike(0, "has 500 bytes, and 300000 are here", "--from");
    expect_file(part, BYTES);
    cr_assert_eq(unlink(part), 0);
    put(path, data, 18);
    expect_unlike(BYTES, "is there, but it has 18 bytes and should have 300000", "move it away");
    expect_file(path, 18);
}

TEST(fetch, no_archive) {
    static char zeros[5000];
    put(part, zeros, sizeof zeros);
    expect_unlike(BYTES, "is no part of it: it does not begin as a tar archive", "move it away");
    cr_assert(server.requests == 0 && file_exists(part));
    cr_assert_eq(unlink(part), 0);
    data[257] = 'x';
    expect_unlike(BYTES, "it does not begin as a tar archive", "set.tar.wrong");
    expect_file(wrong, BYTES);
    put(path, data, 100); /* ends before the bytes that would tell */
    expect_unlike(0, "is there, but it does not begin as a tar archive", "move it away");
}

TEST(fetch, no_server) {
    http_stop(&server);
    expect_failure(md5, "http://127.0.0.1", "check the network");
    http_start(&server);
}

TEST(fetch, no_other_protocol) {
    const download d = {.url = "file:///etc/passwd", .path = path};
    downloaded got;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(download_file(&d, &got, &err));
    cr_assert_not(file_exists(path));
}

TEST(fetch, full_disk) {
    full = 50000;
    expect_failure(md5, "No space left on device", "free some space");
    cr_assert(file_exists(part));
    full = 0;
    const downloaded got = expect_fetched(md5);
    cr_assert_geq(got.resumed_from, 50000);
}

TEST(fetch, one_at_a_time) {
    FILE *other = fopen(part, "wb");
    cr_assert(other && flock(fileno(other), LOCK_EX) == 0);
    expect_failure(md5, "another process is fetching it", "wait");
    fclose(other);
}

TEST(fetch, another_process_finishes_before_the_lock) {
    put(part, data, BYTES);
    finished_as = path;
    downloaded got = expect_fetched(md5);
    cr_assert(got.was_there && server.requests == 0);
    cr_assert_eq(unlink(path), 0);
    put(part, data, 1000); /* the other's sum was wrong: what it has is no beginning of ours */
    finished_as = wrong;
    kd_error err = KD_ERROR_INIT;
    cr_assert(fetch(md5, &got, &err), "%s", err.message);
    cr_assert(!got.was_there && got.resumed_from == 0);
    expect_file(path, BYTES);
    expect_file(wrong, 1000);
    cr_assert_eq(unlink(path), 0);
    begins_anew = true;
    put(part, data, 1000);
    finished_as = wrong;
    cr_assert(fetch(md5, &got, &err), "%s", err.message);
    cr_assert_eq(got.resumed_from, 500);
    expect_file(path, BYTES);
    expect_file(wrong, 1000);
}

static bool stop_after(void *context, int64_t done, int64_t total) {
    (void)context;
    (void)total;
    return done < 1;
}

TEST(fetch, stopped) {
    snprintf(url, sizeof url, "%sset.tar", server.url);
    const download d = {.url = url, .path = path, .md5 = md5, .progress = stop_after};
    downloaded got;
    kd_error err = KD_ERROR_INIT;
    cr_assert_not(download_file(&d, &got, &err));
    cr_assert_eq(err.code, KD_E_CANCELLED);
    cr_assert(file_exists(part) && !file_exists(path) && strstr(err.message, "are kept in"));
    expect_fetched(md5);
}

/* Starts `kindred data fetch tiny-imagenet --to TO`, its output into FOLDER/said. */
static pid_t start_program(const char *to) {
    char said[128];
    snprintf(said, sizeof said, "%s/said", folder);
    const pid_t pid = fork();
    if (pid == 0) {
        const char *program = getenv("KINDRED_TEST_PROGRAM");
        cr_assert(freopen(said, "w", stdout) && dup2(1, 2) == 2);
        execl(program, program, "data", "fetch", "tiny-imagenet", "--from", server.url, "--to", to,
              (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void expect_said(const char *text) {
    char said[128], *is = NULL;
    size_t bytes;
    kd_error err = KD_ERROR_INIT;
    snprintf(said, sizeof said, "%s/said", folder);
    cr_assert(file_read(said, 0, &is, &bytes, &err), "%s", err.message);
    cr_assert(strstr(is, text), "\"%s\" is not in \"%s\"", text, is);
    free(is);
}

static void wait_for_bytes(int64_t bytes) {
    struct stat info = {.st_size = -1};
    for (int i = 0; i < 3000 && info.st_size < bytes; i++) {
        usleep(10000);
        (void)!stat(part, &info);
    }
    cr_assert_eq(info.st_size, bytes);
}

/* The whole of Tiny-ImageNet, of zeros: pages that nobody writes to take no memory, and holes of a
 * part no disk. */
enum { TINY = 248100043, FIRST = 25000000, LAST = 100000 };

static char *open_tiny(void) {
    char *zeros = mmap(NULL, TINY, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cr_assert(zeros != MAP_FAILED);
    memcpy(zeros, "PK\3\4", 4);
    server.data = zeros;
    server.bytes = TINY;
    return zeros;
}

/* The folder's name means something else in YAML unless it is quoted. */
TEST(fetch, the_command_stops_and_goes_on) {
    int status;
    char hex[SHA256_HEX], to[96];
    kd_error err = KD_ERROR_INIT;
    char *zeros = open_tiny();
    snprintf(to, sizeof to, "%s/d, 1: #x", folder);
    snprintf(path, sizeof path, "%s/tiny-imagenet-200.zip", to);
    snprintf(part, sizeof part, "%s.part", path);
    server.cut_after = FIRST;
    server.stalls = true;
    const pid_t first = start_program(to);
    wait_for_bytes(FIRST);
    cr_assert_eq(kill(first, SIGINT), 0);
    cr_assert(waitpid(first, &status, 0) == first && WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 128 + SIGINT);
    expect_said("stopped after 25000000 bytes, which are kept in ");
    expect_said("10 %\n");
    cr_assert_eq(truncate(part, TINY - LAST), 0);
    server.cut_after = 0;
    server.stalls = false;
    const pid_t second = start_program(to);
    cr_assert(waitpid(second, &status, 0) == second && status == 0);
    cr_assert_eq(server.range, TINY - LAST);
    expect_said("went on after 248000043 bytes");
    expect_said("100 %\n");
    cr_assert(sha256_file(path, hex, &err), "%s", err.message);
    expect_said(hex);
    expect_said("data:\n  plugin: tiny_imagenet\n  path: ");
    expect_said("/d, 1: #x/tiny-imagenet-200.zip\"\n");
    cr_assert_eq(munmap(zeros, TINY), 0);
}

TEST(fetch, the_table_is_well_formed) {
    for (const public_set *s = public_sets; s->id; s++) {
        cr_assert(s == public_sets || strcmp(s[-1].id, s->id) < 0, "%s is not in order", s->id);
        cr_assert(*s->title && *s->size && *s->terms && strncmp(s->page, "http", 4) == 0);
        cr_assert(*s->plugin && (!s->path || s->path[0] != '/'));
        cr_assert_eq(public_set_find(s->id), s);
        cr_assert(s->files[0].name);
        for (const public_file *f = s->files; f->name; f++) {
            cr_assert(f->folder[strlen(f->folder) - 1] == '/', "%s", f->folder);
            cr_assert_eq(f->md5 != NULL, s->whose != NULL, "%s", s->id);
            cr_assert_eq(f->bytes > 0, f->md5 == NULL, "%s", f->name);
            cr_assert(!f->md5 || strlen(f->md5) == MD5_HEX - 1, "%s: %s", f->name, f->md5);
            for (const char *p = f->md5; p && *p; p++) {
                cr_assert(isxdigit(*p) && !isupper(*p), "%s: %s", f->name, f->md5);
            }
        }
    }
    cr_assert_null(public_set_find("cifar11"));
}
