#include "codec/frame_queue.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "codec/base/mem.h"

typedef struct FrameWorker {
    MicaFrameQueue *queue;
    pthread_t thread;
    int number;
} FrameWorker;

/* A ring of slots: from `tail` on those in use, from `next` on those that no worker has begun. The
 * mutex guards what workers touch: next, waiting, busy, done, stop. */
struct MicaFrameQueue {
    MicaFrameWork work;
    void *context;
    int workers, started, count;
    FrameWorker *worker;
    int *done; /* per slot */

    pthread_mutex_t mutex;
    pthread_cond_t submitted, finished;
    int head;    /* slot to be filled next */
    int next;    /* slot to be worked on next */
    int tail;    /* oldest slot */
    int waiting; /* submitted, not begun */
    int used;    /* submitted, not released */
    int busy;    /* begun, not done */
    int taken;   /* 1 between take() and release() */
    int stop;
};

static void *worker_main(void *argument)
{
    const FrameWorker *const worker = argument;
    MicaFrameQueue *const q = worker->queue;
    pthread_mutex_lock(&q->mutex);
    for (;;) {
        while (!q->stop && q->waiting == 0)
            pthread_cond_wait(&q->submitted, &q->mutex);
        if (q->stop)
            break;
        const int slot = q->next;
        q->next = (q->next + 1) % q->count;
        q->waiting--;
        q->busy++;
        pthread_mutex_unlock(&q->mutex);

        q->work(q->context, slot, worker->number);

        pthread_mutex_lock(&q->mutex);
        q->busy--;
        q->done[slot] = 1;
        pthread_cond_signal(&q->finished);
    }
    pthread_mutex_unlock(&q->mutex);
    return NULL;
}

int mica_frame_queue_slots(int workers)
{
    /* One more than workers, so that none waits while the caller takes a result and fills a slot.
     */
    return workers == 1 ? 1 : workers + 1;
}

static MicaStatus start_workers(MicaFrameQueue *q)
{
    /* Signals belong to the threads of the program that uses the library. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (q->started < q->workers) {
        FrameWorker *const worker = &q->worker[q->started];
        worker->queue = q;
        worker->number = q->started;
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            break;
        q->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return q->started == q->workers ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
}

MicaStatus mica_frame_queue_create(MicaFrameQueue **queue, int workers, MicaFrameWork work,
                                   void *context)
{
    *queue = NULL;
    MicaFrameQueue *q = mica_alloc_zero(1, sizeof *q);
    if (!q)
        return MICA_ERROR_OUT_OF_MEMORY;
    q->work = work;
    q->context = context;
    q->workers = workers;
    q->count = mica_frame_queue_slots(workers);
    if (pthread_mutex_init(&q->mutex, NULL) != 0)
        goto no_mutex;
    if (pthread_cond_init(&q->submitted, NULL) != 0)
        goto no_submitted;
    if (pthread_cond_init(&q->finished, NULL) != 0)
        goto no_finished;
    q->done = mica_alloc_zero((size_t)q->count, sizeof *q->done);
    q->worker = mica_alloc_zero((size_t)workers, sizeof *q->worker);
    MicaStatus status = q->done && q->worker ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
    if (status == MICA_OK && workers > 1)
        status = start_workers(q);
    if (status != MICA_OK)
        mica_frame_queue_destroy(&q);
    *queue = q;
    return status;

no_finished:
    pthread_cond_destroy(&q->submitted);
no_submitted:
    pthread_mutex_destroy(&q->mutex);
no_mutex:
    mica_free(q);
    return MICA_ERROR_OUT_OF_MEMORY;
}

void mica_frame_queue_destroy(MicaFrameQueue **queue)
{
    MicaFrameQueue *const q = *queue;
    if (!q)
        return;
    pthread_mutex_lock(&q->mutex);
    q->stop = 1;
    pthread_cond_broadcast(&q->submitted);
    pthread_mutex_unlock(&q->mutex);
    for (int i = 0; i < q->started; i++)
        pthread_join(q->worker[i].thread, NULL);
    pthread_cond_destroy(&q->submitted);
    pthread_cond_destroy(&q->finished);
    pthread_mutex_destroy(&q->mutex);
    mica_free(q->done);
    mica_free(q->worker);
    mica_free(q);
    *queue = NULL;
}

int mica_frame_queue_acquire(MicaFrameQueue *q)
{
    return q->used < q->count ? q->head : -1;
}

void mica_frame_queue_submit(MicaFrameQueue *q)
{
    const int slot = q->head;
    q->head = (q->head + 1) % q->count;
    q->used++;
    if (q->workers == 1) {
        q->work(q->context, slot, 0);
        q->done[slot] = 1;
        return;
    }
    pthread_mutex_lock(&q->mutex);
    q->done[slot] = 0;
    q->waiting++;
    pthread_cond_signal(&q->submitted);
    pthread_mutex_unlock(&q->mutex);
}

int mica_frame_queue_pending(const MicaFrameQueue *q)
{
    return q->used - q->taken;
}

int mica_frame_queue_take(MicaFrameQueue *q, int wait)
{
    if (q->used == 0)
        return -1;
    pthread_mutex_lock(&q->mutex);
    while (wait && !q->done[q->tail])
        pthread_cond_wait(&q->finished, &q->mutex);
    const int slot = q->done[q->tail] ? q->tail : -1;
    pthread_mutex_unlock(&q->mutex);
    q->taken = slot >= 0;
    return slot;
}

void mica_frame_queue_release(MicaFrameQueue *q)
{
    if (!q->taken)
        return;
    q->done[q->tail] = 0;
    q->tail = (q->tail + 1) % q->count;
    q->used--;
    q->taken = 0;
}

void mica_frame_queue_flush(MicaFrameQueue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->waiting = 0;
    while (q->busy > 0)
        pthread_cond_wait(&q->finished, &q->mutex);
    memset(q->done, 0, (size_t)q->count * sizeof *q->done);
    q->head = q->next = q->tail = 0;
    q->used = q->taken = 0;
    pthread_mutex_unlock(&q->mutex);
}
