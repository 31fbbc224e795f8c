/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's streams and events; see double.h.
 *
 * Work waits in a list, in the order of its stream. A stream that is late does it only when
 * somebody waits for it, so that what is not waited for is seen undone; one that is not does it at
 * once, unless it stands behind an event of a late one, so that what does not stand there is seen
 * done too early. One lock is over all: a thread that waits does the work. */
#include "double.h"

#include "stream.h"

#include <stdlib.h>
#include <string.h>

/* What a list holds: work with its arguments, or an event to note or to wait for. */
typedef struct item {
    struct item *next;
    double_work *work;
    void *arguments;
    bool copied;
    struct CUevent_st *notes, *waits;
    int64_t number;          /* of the event's recording */
    const char *begin, *end; /* host memory that it writes or reads; NULL: none */
} item;

/* An event knows its recordings by number, from 1. */
struct CUevent_st {
    struct CUstream_st *stream;
    struct CUgraph_st *captured; /* its last recording is part of a graph's capture */
    int64_t recorded, done;
    bool sleeps; /* who waits for it */
};

#define STREAMS 8
static struct CUstream_st *streams[STREAMS];

static bool is_late(const struct CUstream_st *s) {
    return s == streams[0] ? cuda_double.late : cuda_double.others_late;
}

static void do_first(struct CUstream_st *s);

/* Until that recording of the event is past. */
static void reach(struct CUevent_st *event, int64_t number) {
    while (event->done < number && event->stream->first) {
        do_first(event->stream);
    }
}

static void do_first(struct CUstream_st *s) {
    item *i = s->first;
    if (i->waits) {
        reach(i->waits, i->number);
    } else if (i->notes) {
        i->notes->done = i->number;
    } else {
        i->work(i->arguments, false);
        if (i->copied) {
            free(i->arguments);
        } else {
            i->work(i->arguments, true);
        }
    }
    s->first = i->next;
    s->end = s->first ? s->end : &s->first;
    free(i);
    cuda_double.late_count--;
}

void double_catch_up(struct CUstream_st *s) {
    while (s->first) {
        do_first(s);
    }
}

/* Does the stream's first item stand behind an event of a stream that is late? */
static bool stands(const struct CUstream_st *s) {
    const struct CUevent_st *event = s->first ? s->first->waits : NULL;
    return event && event->done < s->first->number && is_late(event->stream);
}

static void add(struct CUstream_st *s, const item *what) {
    item *i = malloc(sizeof *i);
    *i = *what;
    i->next = NULL;
    *s->end = i;
    s->end = &i->next;
    cuda_double.late_count++;
    while (!is_late(s) && s->first && !stands(s)) {
        do_first(s);
    }
}

static void *copy_of(const void *arguments, size_t bytes) {
    return memcpy(malloc(bytes), arguments, bytes);
}

static void enqueue(struct CUstream_st *s, item i, const void *arguments, size_t bytes) {
    i.arguments = copy_of(arguments, bytes);
    i.copied = true;
    if (s->captured) {
        double_append(s, i.work, i.arguments, true);
    } else {
        add(s, &i);
    }
}

void double_enqueue(struct CUstream_st *s, double_work *work, const void *arguments, size_t bytes) {
    double_lock();
    enqueue(s, (item){.work = work}, arguments, bytes);
    double_unlock();
}

/* An emulated kernel. */
static void enqueue_launch(void *stream, double_work *work, void *arguments) {
    double_lock();
    struct CUstream_st *s = stream;
    if (s->captured) {
        double_append(s, work, arguments, false);
    } else {
        add(s, &(item){.work = work, .arguments = arguments});
    }
    double_unlock();
}

__attribute__((constructor)) static void take_launches(void) {
    emulation_record(enqueue_launch);
}

void double_check_unused(const void *memory, size_t bytes) {
    const char *begin = memory, *end = begin + bytes;
    for (int s = 0; s < STREAMS; s++) {
        for (const item *i = streams[s] ? streams[s]->first : NULL; i; i = i->next) {
            const bool kernel = !i->begin && i->work, apart = i->end <= begin || end <= i->begin;
            if (kernel || (i->begin && !apart)) {
                double_misused("memory is freed before it was waited for");
            }
        }
    }
}

typedef struct copy {
    char *to;
    const char *from; /* NULL: clear */
    size_t bytes;
} copy;

static void copy_now(void *arguments, bool last) {
    const copy *c = arguments;
    if (!last && c->from) {
        memmove(c->to, c->from, c->bytes);
    } else if (!last) {
        memset(c->to, 0, c->bytes);
    }
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    if (!stream || value != 0) {
        double_misused("a memset of %d on stream %p", value, (void *)stream);
    }
    const copy c = {.to = to, .bytes = bytes};
    double_lock();
    enqueue(stream, (item){.work = copy_now, .begin = c.to, .end = c.to + bytes}, &c, sizeof c);
    double_unlock();
    return cudaSuccess;
}

/* Its range for double_check_unused is the one that is not pinned for good: the device's. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    const copy c = {.to = to, .from = from, .bytes = bytes};
    const char *begin = kind == cudaMemcpyDeviceToHost ? c.from : c.to;
    double_lock();
    if (!stream) {
        double_misused("a copy on no stream");
    } else if (stream->captured && kind != cudaMemcpyDeviceToDevice) {
        double_misused("a copy between host and device while a program is captured");
    }
    enqueue(stream, (item){.work = copy_now, .begin = begin, .end = begin + bytes}, &c, sizeof c);
    if (kind == cudaMemcpyDeviceToHost && !double_is_pinned(to)) {
        double_catch_up(stream);
    }
    double_unlock();
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *ret, unsigned flags) {
    (void)flags;
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    int number = 0;
    double_lock();
    while (number < STREAMS - 1 && streams[number]) {
        number++;
    }
    struct CUstream_st *s = double_made(sizeof *s);
    s->end = &s->first;
    streams[number] = *ret = s;
    double_unlock();
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    double_lock();
    if (stream->first) {
        double_misused("a stream is destroyed with work to do");
        double_catch_up(stream);
    }
    for (int s = 0; s < STREAMS; s++) {
        streams[s] = streams[s] == stream ? NULL : streams[s];
    }
    double_gone(stream);
    double_unlock();
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    double_lock();
    if (stream->captured) {
        double_misused("waiting while a program is captured");
    }
    cuda_double.waits++;
    double_catch_up(stream);
    double_unlock();
    DOUBLE_CALL(double_error(cudaErrorIllegalAddress));
    return (cudaError_t)cuda_double.sticky;
}

/* A branch leaves the stream that is captured, or comes back to it. */
static cudaError_t wait_captured(struct CUstream_st *stream, const struct CUevent_st *event) {
    if (!event->captured || (stream->captured && stream->captured != event->captured)) {
        return double_error(cudaErrorStreamCaptureIsolation);
    }
    if (!stream->captured) {
        double_fork(event->captured, stream);
    } else if (!stream->branch && event->stream->branch) {
        double_join(stream->captured);
    }
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
    (void)flags;
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    cudaError_t status = cudaSuccess;
    double_lock();
    if (event->captured || stream->captured) {
        status = wait_captured(stream, event);
    } else if (event->recorded) {
        add(stream, &(item){.waits = event, .number = event->recorded});
    }
    double_unlock();
    return status;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *ret, unsigned flags) {
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    *ret = double_made(sizeof **ret);
    (*ret)->sleeps = flags & cudaEventBlockingSync;
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    if (event->done < event->recorded) {
        double_misused("an event is destroyed before it is reached");
    }
    double_gone(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    DOUBLE_CALL(double_error(cudaErrorInvalidValue));
    double_lock();
    event->stream = stream;
    event->captured = stream->captured;
    if (!event->captured) {
        add(stream, &(item){.notes = event, .number = ++event->recorded});
    }
    double_unlock();
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    DOUBLE_CALL(double_error(cudaErrorLaunchFailure));
    double_lock();
    const bool done = event->done >= event->recorded;
    double_unlock();
    return done ? cudaSuccess : double_error(cudaErrorNotReady);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    double_unsafe();
    DOUBLE_CALL(double_error(cudaErrorLaunchFailure));
    double_lock();
    cuda_double.spins += !event->sleeps;
    reach(event, event->recorded);
    cuda_double.waits += cuda_double.late && !streams[0]->first;
    double_unlock();
    return cudaSuccess;
}
