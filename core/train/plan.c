/* SPDX-License-Identifier: Apache-2.0
 * Adding up what a run takes: the engine's plan, the host's buffers, and the process as it is. */
#include "train/plan.h"

#include "train/extraction.h"
#include "train/feeder.h"

#include <kindred/op.h>

/* Anonymous memory of this process in bytes; 0 where the kernel does not say. */
static size_t anonymous_bytes(void) {
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    size_t kib = 0;
    while (status && fgets(line, sizeof line, status)) {
        if (sscanf(line, "RssAnon: %zu kB", &kib) == 1) {
            break;
        }
    }
    if (status) {
        fclose(status);
    }
    return kib * 1024;
}

/* A checkpoint passes through a buffer of the largest variable's size. */
static size_t largest_variable(const engine *e) {
    size_t bytes = 0;
    for (int i = 0; i < engine_variables(e); i++) {
        const size_t own = kd_bytes(&engine_variable(e, i)->spec);
        bytes = own > bytes ? own : bytes;
    }
    return bytes;
}

static size_t set_bytes(const assembly *a, const feature_program *p) {
    const source *counted[2 * 64];
    int count = 0;
    size_t bytes = 0;
    for (int i = 0; i < 2 * a->run->n_evals && count < 2 * 64; i++) {
        const eval_data *d = &a->eval_data[i / 2];
        const source *s = i % 2 ? d->test : d->train;
        bool known = false;
        for (int k = 0; k < count; k++) {
            known = known || counted[k] == s;
        }
        if (!known) {
            counted[count++] = s;
            bytes += features_bytes(s);
        }
    }
    return bytes + (size_t)p->pixel_bytes + (size_t)(p->batch * p->width) * sizeof(double);
}

void plan_run(const assembly *a, run_plan *ret) {
    const int64_t count = a->data->samples.count;
    run_plan p = {.samples = count,
                  .epoch_steps = run_epoch_steps(a->run, count),
                  .total_steps = run_total_steps(a->run, count),
                  .process_bytes = anonymous_bytes()};
    engine_get_plan(a->engine, &p.memory);
    program_get_cost(a->step, &p.step);
    p.host_bytes = feeder_bytes(a->run, count);
    if (a->run->n_evals) {
        p.feature_bytes = set_bytes(a, &a->features);
        const size_t pixels = a->pixels.program ? set_bytes(a, &a->pixels) : 0;
        p.feature_bytes = pixels > p.feature_bytes ? pixels : p.feature_bytes;
    }
    p.checkpoint_bytes = largest_variable(a->engine);
    /* Checkpoints and evals take turns. */
    const size_t turn = p.checkpoint_bytes > p.feature_bytes ? p.checkpoint_bytes : p.feature_bytes;
    const bool host_memory = a->machine.table->flags & KD_DEVICE_HOST_MEMORY;
    p.peak_bytes = p.process_bytes + p.host_bytes + turn + (host_memory ? p.memory.total_bytes : 0);
    *ret = p;
}

static void print_bytes(FILE *to, const char *what, size_t bytes, const char *note) {
    fprintf(to, "%-28s %10.1f MiB%s%s\n", what, (double)bytes / 1048576, *note ? "  " : "", note);
}

static void print_memory(const assembly *a, const run_plan *plan, FILE *to) {
    const engine_plan *m = &plan->memory;
    fprintf(to, "\nmemory on the device\n");
    print_bytes(to, "  parameters", m->parameter_bytes, "");
    print_bytes(to, "  gradients", m->gradient_bytes, "");
    print_bytes(to, "  moments", m->moment_bytes, "");
    print_bytes(to, "  states", m->state_bytes, "");
    print_bytes(to, "  inputs", m->input_bytes, "");
    print_bytes(to, "  arena", m->arena_bytes, "values between operations, of the largest program");
    print_bytes(to, "  scratch", m->scratch_bytes, "");
    print_bytes(to, "  in all", m->total_bytes, "");
    const size_t overhead = a->machine.table->overhead(a->machine.device);
    if (overhead) {
        print_bytes(to, "  the device's own", overhead, "");
    }
    fprintf(to, "\nmemory of the process\n");
    print_bytes(to, "  program and libraries", plan->process_bytes, "");
    print_bytes(to, "  buffers of training", plan->host_bytes, "");
    print_bytes(to, "  buffers of a checkpoint", plan->checkpoint_bytes, "");
    print_bytes(to, "  features of evals", plan->feature_bytes,
                "what evals compute with comes on top");
    print_bytes(to, "  peak, predicted", plan->peak_bytes,
                "anonymous; mapped images are not in it");
    print_bytes(to, "  images, mapped", (size_t)a->data->store->pixel_bytes, "");
}

void plan_print(const assembly *a, const run_plan *plan, FILE *to) {
    fprintf(to, "run        %s\n", a->run->keys.name);
    fprintf(to, "device     %s: %s\n", a->machine.plugin->note.id,
            a->machine.table->describe(a->machine.device));
    fprintf(to, "precision  %s\n", machine_precision(&a->machine));
    fprintf(to, "data       %lld samples, %d views each\n", (long long)plan->samples,
            a->views.count);
    fprintf(to, "steps      %lld an epoch, %lld in all, %d samples each\n",
            (long long)plan->epoch_steps, (long long)plan->total_steps, a->run->train.batch);
    fprintf(to, "\none step\n");
    fprintf(to, "  %-26s %10.2f million\n", "parameters", (double)plan->memory.parameters / 1e6);
    fprintf(to, "  %-26s %10.2f GFLOP\n", "arithmetic", plan->step.flops / 1e9);
    fprintf(to, "  %-26s %10.2f GB\n", "bytes read and written", plan->step.bytes / 1e9);
    fprintf(to, "  %-26s %10d\n", "operations", plan->step.nodes);
    print_memory(a, plan, to);
}
