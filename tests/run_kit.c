/* SPDX-License-Identifier: Apache-2.0
 * Small runs in temporary folders, in this process or another. */
#include "run_kit.h"

#include "base/file.h"
#include "train/checkpoint.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char small_run[] =
    "name: small\n"
    "device: {plugin: reference}\n"
    "data: {plugin: synthetic, kinds: 4, count: 64, size: 12}\n"
    "views:\n"
    "  - {recipe: simclr_cifar, size: 12, count: 2, normalize: store}\n"
    "backbone: {plugin: resnet, depth: 18, stem: tiny, width: 2}\n"
    "method: {plugin: simclr, temperature: 0.2, hidden: 16, output: 8}\n"
    "optimizer: {name: sgd, lr: 0.1}\n"
    "train: {epochs: 2, batch: 8, log_every: 1}\n"
    "checkpoint: {every_epochs: 0, every_steps: 4, keep: 2}\n";

void kit_open(run_kit *kit) {
    static const char *const kinds[] = {"devices", "backbones", "methods", "datasets", "evals"};
    const char *root = getenv("KINDRED_TEST_PLUGINS");
    kd_error err = KD_ERROR_INIT;
    arena memory = {0};
    cr_assert(root, "KINDRED_TEST_PLUGINS is not set");
    strcpy(kit->folder, "/tmp/kindred-run-XXXXXX");
    cr_assert(mkdtemp(kit->folder) && chdir(kit->folder) == 0, "no temporary folder");
    setenv("XDG_CACHE_HOME", kit->folder, true);
    setenv("XDG_DATA_HOME", kit->folder, true);
    const char *folders[5];
    for (int i = 0; i < 5; i++) {
        folders[i] = arena_print(&memory, "%s/%s", root, kinds[i]);
    }
    const plugin_search search = {.folders = folders, .n_folders = 5, .no_user_plugins = true};
    kit->plugins = registry_open(&search, &err);
    cr_assert(kit->plugins, "%s", err.message);
    cr_assert(file_write("run.yaml", small_run, sizeof small_run - 1, &err), "%s", err.message);
    arena_free(&memory);
}

void kit_close(run_kit *kit) {
    kd_error err = KD_ERROR_INIT;
    registry_close(kit->plugins);
    cr_assert(chdir("/") == 0);
    cr_assert(file_remove_tree(kit->folder, &err), "%s", err.message);
}

static bool train_run(run_kit *kit, run *r, int how, int *ret_outcome, kd_error *err) {
    const run_folder folder = run_folder_of(&r->memory, "runs", r->keys.name);
    assembly a = {.run = r};
    int lock = -1;
    if (!run_folder_check(&folder, r, how, err)) {
        return false;
    }
    const unsigned what = ASSEMBLE_STEP | ASSEMBLE_EVALS | ASSEMBLE_MEMORY;
    const bool ok = assembly_open(&a, r, kit->plugins, NULL, what, err) &&
                    run_folder_make(&folder, &a, how, &lock, err) &&
                    train(&a, &folder, ret_outcome, err);
    assembly_close(&a);
    if (lock >= 0) {
        close(lock);
    }
    return ok;
}

bool kit_train(run_kit *kit, int how, const char *const *overrides, int *ret_outcome,
               kd_error *err) {
    int count = 0;
    run *r = NULL;
    while (overrides[count]) {
        count++;
    }
    const bool ok = run_load(kit->plugins, "run.yaml", overrides, count, &r, err) &&
                    train_run(kit, r, how, ret_outcome, err);
    run_destroy(r);
    return ok;
}

char *kit_state(const char *name, int64_t step, size_t *ret_bytes) {
    char path[256], *data = NULL;
    kd_error err = KD_ERROR_INIT;
    snprintf(path, sizeof path, "runs/%s/checkpoints/step-%lld/state.safetensors", name,
             (long long)step);
    cr_assert(file_read(path, 0, &data, ret_bytes, &err), "%s", err.message);
    return data;
}

bool kit_same_state(const char *name, const char *other, int64_t step) {
    size_t bytes = 0, other_bytes = 0;
    char *a = kit_state(name, step, &bytes), *b = kit_state(other, step, &other_bytes);
    const bool same = bytes == other_bytes && memcmp(a, b, bytes) == 0;
    free(a);
    free(b);
    return same;
}

int kit_checkpoints(const char *name, int64_t **ret) {
    char path[256];
    snprintf(path, sizeof path, "runs/%s/checkpoints", name);
    return checkpoint_list(path, ret);
}

double kit_metric(const char *name, int64_t step, const char *key) {
    char path[256], line[16384];
    double value = NAN;
    snprintf(path, sizeof path, "runs/%s/metrics.jsonl", name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "%s is missing", path);
    while (fgets(line, sizeof line, file)) {
        json_t *object = json_loads(line, 0, NULL);
        const json_t *found = json_object_get(object, key);
        if (json_integer_value(json_object_get(object, "step")) == step && json_is_number(found)) {
            value = json_number_value(found);
        }
        json_decref(object);
    }
    fclose(file);
    return value;
}

int kit_start(const char *log, const char *const *words) {
    const char *program = getenv("KINDRED_TEST_PROGRAM"), *argv[32] = {"kindred"};
    int count = 1;
    cr_assert(program, "KINDRED_TEST_PROGRAM is not set");
    while (words[count - 1]) {
        argv[count] = words[count - 1];
        count++;
        cr_assert(count < 32);
    }
    const int pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        const int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(fd, 1);
        dup2(fd, 2);
        execv(program, (char *const *)argv);
        _exit(127);
    }
    return pid;
}

int kit_wait(int pid) {
    int status = 0;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
