/* SPDX-License-Identifier: Apache-2.0
 * Variables: parameters, states and moments that outlive a step and that programs share by name. */
#include "graph/engine_internal.h"

#include <kindred/philox.h>

#include <math.h>
#include <stdlib.h>

#define REGION_ALIGNMENT 64

int engine_variables(const engine *e) {
    return e->variables.count;
}

const variable *engine_variable(const engine *e, int i) {
    return &((const stored_variable *)e->variables.item[i])->shown;
}

int engine_find_variable(const engine *e, const char *name) {
    for (int i = 0; i < e->variables.count; i++) {
        if (strcmp(engine_variable(e, i)->name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static int64_t append(memory *region, const kd_spec *spec) {
    const size_t offset = region->bytes, end = offset + kd_bytes(spec);
    region->bytes = (end + REGION_ALIGNMENT - 1) / REGION_ALIGNMENT * REGION_ALIGNMENT;
    return (int64_t)offset;
}

static stored_variable *add_variable(engine *e, const char *name, int kind, int home,
                                     const kd_spec *spec, const kd_init *init) {
    stored_variable *v = arena_alloc(&e->memory, sizeof *v);
    v->shown = (variable){.name = arena_text(&e->memory, name), .kind = kind, .spec = *spec};
    v->home = home;
    v->init = *init;
    v->drawn_as = v->shown.name;
    v->offset = append(&e->region[home], spec);
    list_add(&e->variables, v);
    return v;
}

static bool same_spec(const kd_spec *a, const kd_spec *b) {
    return a->dtype == b->dtype && a->rank == b->rank &&
           memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static bool merge_one(engine *e, kd_program *p, struct value *v, int kind, kd_error *err) {
    const int64_t wanted = v->offset;
    const int i = engine_find_variable(e, v->name);
    if (i >= 0) {
        const stored_variable *s = e->variables.item[i];
        /* What one program trains or averages, another may only read, under any name. */
        if (!same_spec(&s->shown.spec, &v->spec) || (p->g->gradients.count && s->home != v->home)) {
            return kd_fail(err, KD_E_INTERNAL, "%s has another shape in another program", v->name);
        }
        v->home = s->home;
        v->offset = s->offset;
    } else if (p->late) {
        v->own = true;
        v->offset = append(&p->own[v->home], &v->spec);
    } else {
        stored_variable *s = add_variable(e, v->name, kind, v->home, &v->spec, &v->init);
        s->drawn_as = v->drawn_as == v->name ? s->shown.name : arena_text(&e->memory, v->drawn_as);
        s->unit_rows = v->rule && (v->rule->flags & KD_RULE_UNIT_ROWS);
        v->offset = s->offset;
    }
    if (p->g->gradients.count && v->home != HOME_STATE && wanted != v->offset) {
        return kd_fail(err, KD_E_INTERNAL, "the program that trains must be compiled first");
    }
    return true;
}

void variables_add_moments(engine *e, int moments) {
    const int count = e->variables.count;
    for (int m = 1; m <= moments; m++) {
        for (int i = 0; i < count; i++) {
            const stored_variable *of = e->variables.item[i];
            if (of->shown.kind == VARIABLE_PARAMETER) {
                const char *name =
                    arena_print(&e->memory, "optimizer.moment%d.%s", m, of->shown.name);
                add_variable(e, name, VARIABLE_MOMENT, HOME_MOMENT1 + m - 1, &of->shown.spec,
                             &(kd_init){0});
            }
        }
    }
}

bool variables_merge(engine *e, kd_program *p, kd_error *err) {
    graph *g = p->g;
    for (int i = 0; i < g->parameters.count; i++) {
        if (!merge_one(e, p, g->parameters.item[i], VARIABLE_PARAMETER, err)) {
            return false;
        }
    }
    const list *const kept[] = {&g->averages, &g->states};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < kept[l]->count; i++) {
            if (!merge_one(e, p, kept[l]->item[i], VARIABLE_STATE, err)) {
                return false;
            }
        }
    }
    if (!g->gradients.count) {
        return true;
    }
    if (p->late || e->moments) {
        return kd_fail(err, KD_E_INTERNAL, "an engine trains one program");
    }
    e->moments = g->moments;
    e->region[HOME_GRADIENT].bytes = e->region[HOME_PARAMETER].bytes;
    variables_add_moments(e, g->moments);
    return true;
}

/* FNV-1a: the name's share of the key. */
static uint64_t hash_name(const char *name) {
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++) {
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    }
    return h;
}

static double uniform53(uint32_t high, uint32_t low) {
    return ((double)(high >> 5) * 67108864 + (double)(low >> 6)) / 9007199254740992.0;
}

static kd_philox draw(uint64_t seed, uint64_t name, int64_t element, uint32_t attempt) {
    return kd_philox_draw(seed, (uint32_t)element, (uint32_t)(element >> 32) ^ (attempt << 16),
                          (uint32_t)name, (uint32_t)(name >> 32));
}

static double normal(kd_philox w) {
    const double u = 1 - uniform53(w.word[0], w.word[1]), v = uniform53(w.word[2], w.word[3]);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

static double start_value(uint64_t seed, uint64_t name, const kd_init *init, int64_t i) {
    kd_philox w = draw(seed, name, i, 0);
    switch (init->kind) {
    case KD_INIT_NORMAL:
        return init->a + init->b * normal(w);
    case KD_INIT_UNIFORM:
        return init->a + (init->b - init->a) * uniform53(w.word[0], w.word[1]);
    case KD_INIT_TRUNC_NORMAL:
        for (uint32_t attempt = 1;; attempt++) {
            const double x = init->a + init->b * normal(w);
            if ((x >= -2 && x <= 2) || attempt > 1000) {
                return x;
            }
            w = draw(seed, name, i, attempt);
        }
    default:
        return init->a;
    }
}

static void store(void *to, int32_t dtype, int64_t i, double x) {
    switch (dtype) {
    case KD_F64:
        ((double *)to)[i] = x;
        break;
    case KD_F32:
        ((float *)to)[i] = (float)x;
        break;
    case KD_I64:
        ((int64_t *)to)[i] = (int64_t)x;
        break;
    case KD_I32:
        ((int32_t *)to)[i] = (int32_t)x;
        break;
    case KD_BF16: {
        const float f = (float)x;
        uint32_t bits;
        memcpy(&bits, &f, 4);
        ((uint16_t *)to)[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
        break;
    }
    default:
        ((uint8_t *)to)[i] = (uint8_t)x;
    }
}

void variable_initialise(uint64_t seed, const char *name, const kd_spec *spec, const kd_init *init,
                         void *to) {
    const uint64_t hash = hash_name(name);
    const int64_t count = kd_elements(spec);
    for (int64_t i = 0; i < count; i++) {
        store(to, spec->dtype, i, start_value(seed, hash, init, i));
    }
}

static void unit_rows(double *row, int64_t width) {
    double square = 0;
    for (int64_t i = 0; i < width; i++) {
        square += row[i] * row[i];
    }
    for (int64_t i = 0; i < width; i++) {
        row[i] /= fmax(sqrt(square), 1e-12);
    }
}

void variable_unit_rows(const kd_spec *spec, void *data) {
    const int64_t rows = spec->rank > 1 ? spec->dim[0] : 1;
    const int64_t width = rows > 0 ? kd_elements(spec) / rows : 0;
    double *row = kd_alloc((size_t)(width + 1) * sizeof *row);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < width; i++) {
            const int64_t at = r * width + i;
            row[i] = spec->dtype == KD_F64 ? ((double *)data)[at] : (double)((float *)data)[at];
        }
        unit_rows(row, width);
        for (int64_t i = 0; i < width; i++) {
            store(data, spec->dtype, r * width + i, row[i]);
        }
    }
    free(row);
}

static bool upload_start(engine *e, const char *name, const kd_spec *spec, const kd_init *init,
                         bool unit, void *address, kd_error *err) {
    const size_t bytes = kd_bytes(spec);
    void *host = kd_alloc(bytes);
    variable_initialise(e->seed, name, spec, init, host);
    if (unit) {
        variable_unit_rows(spec, host);
    }
    e->table->upload(e->device, address, host, bytes);
    const bool ok = e->table->wait(e->device, err);
    free(host);
    return ok;
}

static void *address_of(const engine *e, const stored_variable *v) {
    return (char *)e->region[v->home].base + v->offset;
}

bool variables_initialise(engine *e, kd_error *err) {
    for (int i = 0; i < e->variables.count; i++) {
        const stored_variable *v = e->variables.item[i];
        if (!upload_start(e, v->drawn_as, &v->shown.spec, &v->init, v->unit_rows, address_of(e, v),
                          err)) {
            return false;
        }
    }
    return true;
}

bool program_initialise_own(kd_program *p, kd_error *err) {
    const list *const lists[] = {&p->g->parameters, &p->g->states};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < lists[l]->count; i++) {
            struct value *v = lists[l]->item[i];
            if (v->own && !upload_start(p->e, v->drawn_as, &v->spec, &v->init, false,
                                        program_address(p, v), err)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_access(const engine *e, int i, size_t bytes, kd_error *err) {
    const stored_variable *v = e->variables.item[i];
    if (!e->allocated || bytes != kd_bytes(&v->shown.spec)) {
        return kd_fail(err, KD_E_INTERNAL, "%s holds %zu bytes, not %zu", v->shown.name,
                       kd_bytes(&v->shown.spec), bytes);
    }
    return true;
}

bool engine_read_variable(engine *e, int i, void *data, size_t bytes, kd_error *err) {
    if (!check_access(e, i, bytes, err)) {
        return false;
    }
    e->table->download(e->device, data, address_of(e, e->variables.item[i]), bytes);
    return e->table->wait(e->device, err);
}

bool engine_write_variable(engine *e, int i, const void *data, size_t bytes, kd_error *err) {
    if (!check_access(e, i, bytes, err)) {
        return false;
    }
    e->table->upload(e->device, address_of(e, e->variables.item[i]), data, bytes);
    return e->table->wait(e->device, err);
}
