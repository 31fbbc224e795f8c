/* SPDX-License-Identifier: Apache-2.0
 * Adding up what a run takes: the engine's plan, the host's buffers, evals in rehearsal, and the
 * process as it is. */
#include "train/plan.h"

#include "train/evaluation.h"
#include "train/feeder.h"

#include <kindred/op.h>

#include <jansson.h>

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static bool plan_evals(assembly *a, run_plan *p, kd_error *err) {
    rehearsal r;
    rehearsal_begin(&r, a);
    p->process_bytes = r.begin_bytes;
    const bool ok = evaluation_rehearse_all(a, &r, err);
    rehearsal_end(&r);
    size_t buffers = a->run->n_evals ? features_buffers(&a->features) : 0;
    if (assembly_compares(a)) {
        buffers = larger(buffers, features_buffers(&a->pixels));
    }
    p->eval_device_bytes = r.device_bytes;
    p->eval_host_bytes = r.host_bytes + buffers;
    p->eval_both_bytes = r.both_bytes + buffers;
    p->early = r.early;
    return ok;
}

bool plan_run(assembly *a, run_plan *ret, kd_error *err) {
    const int64_t count = a->data->samples.count;
    run_plan p = {.samples = count,
                  .epoch_steps = run_epoch_steps(a->run, count),
                  .total_steps = run_total_steps(a->run, count),
                  .host_bytes = feeder_bytes(a)};
    engine_get_plan(a->engine, &p.memory);
    p.device_own_bytes = a->machine.table->overhead(a->machine.device);
    p.host_bytes += p.memory.host_bytes;
    p.checkpoint_bytes = p.memory.host_copy_bytes;
    const size_t pixels = (size_t)a->data->store->pixel_bytes;
    p.image_bytes = a->pixel_memory.place == PIXELS_ON_DEVICE ? pixels : 0;
    p.pinned_bytes = a->pixel_memory.place == PIXELS_ON_HOST ? pixels : 0;
    program_get_cost(a->step, &p.step);
    if (!plan_evals(a, &p, err)) {
        return false;
    }
    const bool host_memory = a->machine.table->flags & KD_DEVICE_HOST_MEMORY;
    p.peak_bytes = p.process_bytes + p.host_bytes + p.checkpoint_bytes + p.pinned_bytes +
                   (host_memory ? p.memory.total_bytes : 0) +
                   (host_memory ? p.eval_both_bytes : p.eval_host_bytes);
    *ret = p;
    return true;
}

static void print_bytes(FILE *to, const char *what, size_t bytes, const char *note) {
    fprintf(to, "%-28s %10.1f MiB%s%s\n", what, (double)bytes / 1048576, *note ? "  " : "", note);
}

static size_t plan_device_bytes(const run_plan *plan) {
    return plan->memory.total_bytes + plan->image_bytes + plan->eval_device_bytes +
           plan->device_own_bytes;
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
    if (a->pixel_memory.place == PIXELS_ON_DEVICE) {
        print_bytes(to, "  images", plan->image_bytes, "");
    }
    if (m->room_bytes) {
        print_bytes(to, "  images of two batches", m->room_bytes, "all are in host memory");
    }
    if (m->copy_bytes) {
        print_bytes(to, "  copies", m->copy_bytes, "of variables for checkpoints, and of reports");
    }
    print_bytes(to, "  programs of evals", plan->eval_device_bytes, "");
    if (plan->device_own_bytes) {
        print_bytes(to, "  the device's own", plan->device_own_bytes, "libraries and tables");
    }
    print_bytes(to, "  in all", plan_device_bytes(plan), "");
    fprintf(to, "\nmemory of the process\n");
    print_bytes(to, "  program and libraries", plan->process_bytes, "");
    print_bytes(to, "  buffers of training", plan->host_bytes, "");
    print_bytes(to, "  buffers of a checkpoint", plan->checkpoint_bytes, "");
    print_bytes(to, "  buffers of evals", plan->eval_host_bytes, "");
    print_bytes(to, "  peak, predicted", plan->peak_bytes,
                "anonymous; mapped images are not in it");
    if (a->pixel_memory.place == PIXELS_ON_HOST) {
        print_bytes(to, "  images, pinned", plan->pinned_bytes,
                    "in the peak; the device takes them from there");
    }
    print_bytes(to, "  images, mapped", (size_t)a->data->store->pixel_bytes, "");
    if (plan->early.code) {
        fprintf(to, "\nEvals may take more: without images, %s.\n", plan->early.message);
    }
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

void plan_print_json(const assembly *a, const run_plan *plan, FILE *to) {
    json_t *all = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:I, s:f, s:I, s:I}", "run",
        a->run->keys.name, "device", a->machine.plugin->note.id, "precision",
        machine_precision(&a->machine), "data", a->identity, "samples", (json_int_t)plan->samples,
        "epoch_steps", (json_int_t)plan->epoch_steps, "total_steps", (json_int_t)plan->total_steps,
        "batch", a->run->train.batch, "views", a->views.count, "parameters",
        (json_int_t)plan->memory.parameters, "flops", plan->step.flops, "device_bytes",
        (json_int_t)plan_device_bytes(plan), "peak_bytes", (json_int_t)plan->peak_bytes);
    json_dumpf(all, to, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    fputc('\n', to);
    json_decref(all);
}
