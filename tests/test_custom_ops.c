/* SPDX-License-Identifier: Apache-2.0
 * Ops that plugins bring: names that are taken, kernels that are missing, what a run records. The
 * plugins are tests/plugin_corpus/brings_ops.c; what they compute is judged in test_plugin_check.
 */
#include "plugin_corpus.h"

#include "base/file.h"
#include "graph/engine.h"
#include "graph/op_kernel.h"
#include "plugin/host.h"

#include <kindred/ops.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Plugins of the corpus, loaded, with their ops in a set. */
typedef struct brought {
    arena a;
    registry *plugins;
    op_set *ops;
    bool added; /* all of them */
    kd_error err;
} brought;

static void mention_all(brought *b) {
    for (int i = 0; i < registry_count(b->plugins); i++) {
        const plugin *p = registry_at(b->plugins, i);
        for (int k = 0; k < p->note.n_ops; k++) {
            op_set_mention(b->ops, arena_print(&b->a, "%s %s", p->note.id, p->note.version),
                           p->note.ops[k].name, p->note.ops[k].devices);
        }
    }
}

/* used: of the files, the first that many are loaded, the others only installed. */
static brought bring(const char *const *names, int count, int used) {
    brought b = {.err = KD_ERROR_INIT, .added = true};
    const char *files[8];
    for (int i = 0; i < count; i++) {
        files[i] = corpus_file(&b.a, names[i]);
    }
    const plugin_search search = {.files = files, .n_files = count, .no_user_plugins = true};
    b.plugins = registry_open(&search, &b.err);
    cr_assert(b.plugins, "%s", b.err.message);
    b.ops = op_set_create(registry_host(b.plugins));
    mention_all(&b);
    for (int i = 0; i < registry_count(b.plugins) && b.added; i++) {
        const plugin *p = registry_at(b.plugins, i);
        bool wanted = false;
        for (int k = 0; k < used; k++) {
            wanted = wanted || strcmp(p->path, files[k]) == 0;
        }
        if (!wanted) {
            continue;
        }
        p = registry_load(b.plugins, KD_KIND_METHOD, p->note.id, &b.err);
        cr_assert(p, "%s", b.err.message);
        const op_source s = {.plugin = arena_print(&b.a, "%s %s", p->note.id, p->note.version),
                             .ops = p->ops.ops,
                             .n_ops = p->ops.n_ops,
                             .kernels = p->ops.kernels,
                             .n_kernels = p->ops.n_kernels};
        b.added = op_set_add(b.ops, &s, &b.err);
    }
    return b;
}

static void finish(brought *b) {
    op_set_destroy(b->ops);
    registry_close(b->plugins);
    arena_free(&b->a);
}

#define BRING(used, ...)                                                                           \
    bring((const char *const[]){__VA_ARGS__},                                                      \
          (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)), used)

TEST(custom_ops, stand_in_the_note) {
    brought b = BRING(0, "brings_ops");
    const plugin_note *note = &registry_at(b.plugins, 0)->note;
    cr_assert_eq(note->n_ops, 2);
    cr_expect_str_eq(note->ops[0].name, "cubes::cube");
    cr_expect_str_eq(note->ops[0].devices, "reference host");
    cr_expect_str_eq(note->ops[1].name, "cubes::cube_grad");
    EXPECT_IN("derivative", note->ops[1].help);
    finish(&b);
}

static void expect_refused(const char *name, const char *words) {
    arena a = {0};
    kd_error err = KD_ERROR_INIT;
    const char *file = corpus_file(&a, name);
    const plugin_search search = {.files = &file, .n_files = 1, .no_user_plugins = true};
    cr_assert_null(registry_open(&search, &err));
    EXPECT_IN(words, err.message);
    cr_expect(*err.hint, "%s", name);
    arena_free(&a);
}

TEST(custom_ops, a_note_is_refused_that_names_them_wrongly) {
    expect_refused("brings_op_label", "op \"squares::cube\" is not named cubes::WORD");
    expect_refused("brings_op_twice", "declares the op cubes::cube twice");
}

TEST(custom_ops, a_name_is_taken_once) {
    brought b = BRING(2, "brings_ops", "brings_op_again");
    cr_assert_not(b.added);
    EXPECT_IN("org.example.cubes 1.0.0", b.err.message);
    EXPECT_IN("org.second.cubes 1.0.0", b.err.message);
    EXPECT_IN("cubes::cube", b.err.message);
    cr_expect(*b.err.hint);
    finish(&b);
}

static bool any_shape(const kd_node *node, kd_spec *outputs, kd_error *err) {
    (void)err;
    outputs[0] = node->inputs[0];
    return true;
}

TEST(custom_ops, kindreds_names_are_kindreds) {
    brought b = BRING(0, "brings_ops");
    const kd_op ops[] = {{.size = sizeof(kd_op), .name = "relu", .shape = any_shape}};
    const op_source s = {.plugin = "org.example.bold 1.0.0", .ops = ops, .n_ops = 1};
    cr_assert_not(op_set_add(b.ops, &s, &b.err));
    EXPECT_IN("org.example.bold 1.0.0 brings the op relu, which is kindred's already",
              b.err.message);
    finish(&b);
}

TEST(custom_ops, are_emitted_beside_kindreds_own) {
    brought b = BRING(1, "brings_ops", "brings_op_other");
    graph *g = graph_create(&(graph_options){.ops = b.ops});
    kd_scope s = graph_root(g);
    kd_tensor *x = kd_input(s, "x", (kd_spec){.rank = 2, .dim = {3, 4}});
    kd_tensor *y = kd_emit1("cubes::cube", x);
    cr_expect(graph_check(g, &b.err), "%s", b.err.message);
    cr_expect_eq(kd_dim(y, 1), 4);
    kd_output(s, "y", y);
    char *text = graph_dump(g);
    EXPECT_IN("cubes::cube", text);
    free(text);
    /* An op of a plugin that is here but not in use is named with it. */
    kd_emit1("other::cube", x);
    cr_assert_not(graph_check(g, &b.err));
    EXPECT_IN("other::cube is an op of org.example.other 1.0.0, which this run does not use",
              b.err.message);
    graph_destroy(g);
    finish(&b);
}

TEST(custom_ops, nobody_has_it) {
    brought b = BRING(1, "brings_ops");
    graph *g = graph_create(&(graph_options){.ops = b.ops});
    kd_emit1("cubes::sphere", kd_input(graph_root(g), "x", (kd_spec){0}));
    cr_assert_not(graph_check(g, &b.err));
    EXPECT_IN("cubes::sphere is not an op of this host", b.err.message);
    graph_destroy(g);
    finish(&b);
}

static const kd_device_kernels takes_cuda = {.size = sizeof takes_cuda, .accepts = "cuda"};
static const kd_device_kernels takes_host = {.size = sizeof takes_host, .accepts = "vector host"};

static const void *cuda_extension(kd_device *device, const char *id) {
    (void)device;
    return strcmp(id, KD_DEVICE_KERNELS) == 0 ? &takes_cuda : NULL;
}
static const void *host_extension(kd_device *device, const char *id) {
    (void)device;
    return strcmp(id, KD_DEVICE_KERNELS) == 0 ? &takes_host : NULL;
}

static void expect_missing(const kd_device_plugin *table, const op_set *ops, const char *words) {
    kd_error err = KD_ERROR_INIT;
    op_kernel k;
    const op_device d = op_device_of(table, NULL, ops);
    cr_assert_not(kernel_find(&d, "cubes::cube", &k, &err));
    cr_expect_eq(err.code, KD_E_UNSUPPORTED);
    EXPECT_IN("op 'cubes::cube' of org.example.cubes 1.0.0", err.message);
    EXPECT_IN(words, err.message);
    EXPECT_IN("device: {plugin: reference}", err.hint);
}

TEST(custom_ops, a_missing_kernel_names_who_has_one) {
    const kd_device_plugin cuda = {.size = sizeof cuda, .extension = cuda_extension};
    const kd_device_plugin closed = {.size = sizeof closed};
    brought b = BRING(1, "brings_op_no_host");
    expect_missing(&cuda, b.ops,
                   "no kernel for the device cuda; there are kernels in: "
                   "org.example.cubes 1.0.0 (reference)");
    expect_missing(&closed, b.ops, "this device, which takes none of other plugins");
    finish(&b);
}

TEST(custom_ops, a_device_has_its_choice_of_kernels) {
    const kd_device_plugin vector = {.size = sizeof vector, .extension = host_extension};
    brought b = BRING(1, "brings_ops");
    op_kernel k;
    const op_device d = op_device_of(&vector, NULL, b.ops);
    cr_assert(kernel_find(&d, "cubes::cube", &k, &b.err), "%s", b.err.message);
    cr_expect_str_eq(k.brought->device, "host"); /* there is none for "vector" */
    cr_expect_null(k.own);
    cr_expect_eq(kernel_in_place(&k), 1);
    cr_expect_eq(d.host.host, registry_host(b.plugins));
    /* A device's own kernel of that name goes first. */
    const kd_kernel own[] = {{.size = sizeof(kd_kernel), .op = "cubes::cube"}};
    kd_device_plugin mine = vector;
    mine.n_kernels = 1;
    mine.kernel_stride = sizeof own[0];
    mine.kernels = own;
    const op_device with = op_device_of(&mine, NULL, b.ops);
    cr_assert(kernel_find(&with, "cubes::cube", &k, &b.err));
    cr_expect_eq(k.own, own);
    finish(&b);
}

TEST(custom_ops, a_companion_that_is_missing_is_named) {
    brought b = BRING(1, "brings_op_no_companion");
    const plugin *p = registry_at(b.plugins, 0);
    const kd_op_kernel *kernels;
    int count;
    cr_assert_not(registry_companion(b.plugins, p, "fake", &kernels, &count, &b.err));
    EXPECT_IN("brings_op_no_companion.fake.so is not there", b.err.message);
    cr_expect(*b.err.hint);
    finish(&b);
}

TEST(custom_ops, a_companion_has_kernels_for_its_device_alone) {
    brought b = BRING(1, "brings_op_companion");
    const kd_op_kernel *kernels;
    int count;
    cr_assert_not(
        registry_companion(b.plugins, registry_at(b.plugins, 0), "fake", &kernels, &count, &b.err));
    EXPECT_IN("has a kernel of cubes::cube for host, and fake belongs there", b.err.message);
    finish(&b);
}

/* In a process of its own, whose last words are read. */
TEST(custom_ops, a_companion_that_crashes_is_named) {
    brought b = BRING(1, "brings_op_crash");
    const kd_op_kernel *kernels;
    int count, words[2], status = 0;
    char said[4096];
    cr_assert_eq(pipe(words), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(words[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        registry_companion(b.plugins, registry_at(b.plugins, 0), "fake", &kernels, &count, &b.err);
        _exit(0);
    }
    close(words[1]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    const ssize_t bytes = read(words[0], said, sizeof said - 1);
    said[bytes > 0 ? bytes : 0] = 0;
    close(words[0]);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d: %s", status, said);
    EXPECT_IN("kindred: plugin org.example.cubes (", said);
    EXPECT_IN("brings_op_crash.fake.so) crashed when it was loaded: Aborted", said);
    EXPECT_IN("brings_op_crash.so' says more", said);
    finish(&b);
}

TEST(custom_ops, arrays_that_are_not_there_are_no_ops) {
    brought b = BRING(1, "brings_ops");
    custom_ops ops;
    const kd_custom_ops none = {.size = sizeof none, .n_ops = 1, .op_stride = sizeof(kd_op)};
    cr_assert_not(custom_ops_copy(&none, &registry_at(b.plugins, 0)->note, &b.a, &ops, &b.err));
    EXPECT_IN("is missing", b.err.message);
    finish(&b);
}

/* On a device that takes none, and says so by a table without words. */
static const kd_device_kernels takes_none = {.size = sizeof takes_none};
static const void *none_extension(kd_device *device, const char *id) {
    (void)device;
    return strcmp(id, KD_DEVICE_KERNELS) == 0 ? &takes_none : NULL;
}

TEST(custom_ops, a_kernel_of_a_companion_is_on_the_device_of_its_word) {
    const kd_device_plugin table = {.size = sizeof table, .extension = none_extension};
    const kd_op ops[] = {{.size = sizeof(kd_op), .name = "cubes::cube", .shape = any_shape}};
    const op_source s = {.plugin = "org.example.cubes 1.0.0", .ops = ops, .n_ops = 1};
    kd_error err = KD_ERROR_INIT;
    op_set *set = op_set_create(NULL);
    op_kernel k;
    cr_assert(op_set_add(set, &s, &err));
    op_set_mention(set, s.plugin, "cubes::cube", "cuda");
    const op_device d = op_device_of(&table, NULL, set);
    cr_assert_not(kernel_find(&d, "cubes::cube", &k, &err));
    EXPECT_IN("this device, which takes none of other plugins", err.message);
    EXPECT_IN("choose device: {plugin: cuda}", err.hint);
    op_set_destroy(set);
}
