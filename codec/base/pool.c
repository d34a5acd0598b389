#include "codec/base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "codec/base/mem.h"

typedef struct Worker {
    MicaPool *pool;
    pthread_t thread;
    int number; /* 1.., the caller of mica_pool_run() is 0 */
} Worker;

struct MicaPool {
    int threads;
    int started; /* workers that run */
    Worker *workers;

    pthread_mutex_t mutex; /* guards everything below but `next` */
    pthread_cond_t start, done;
    unsigned generation; /* of the job */
    int helpers;         /* workers 1..helpers take part in the job */
    int busy;            /* of these, how many have not finished */
    int stop;
    MicaPoolFunction function;
    void *context;
    unsigned count;
    atomic_uint next; /* unsigned: it passes `count` by one per thread, which may be INT_MAX */
};

static void work(MicaPool *pool, MicaPoolFunction function, void *context, unsigned count,
                 int thread)
{
    for (;;) {
        const unsigned index = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (index >= count)
            break;
        function(context, (int)index, thread);
    }
}

static void *worker_main(void *argument)
{
    const Worker *const worker = argument;
    MicaPool *const pool = worker->pool;
    unsigned seen = 0;

    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (!pool->stop && pool->generation == seen)
            pthread_cond_wait(&pool->start, &pool->mutex);
        if (pool->stop)
            break;
        seen = pool->generation;
        if (worker->number > pool->helpers)
            continue;
        const MicaPoolFunction function = pool->function;
        void *const context = pool->context;
        const unsigned count = pool->count;
        pthread_mutex_unlock(&pool->mutex);

        work(pool, function, context, count, worker->number);

        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static MicaStatus start_workers(MicaPool *pool)
{
    if (pool->threads == 1)
        return MICA_OK;
    pool->workers = mica_alloc_zero((size_t)pool->threads - 1, sizeof(*pool->workers));
    if (!pool->workers)
        return MICA_ERROR_OUT_OF_MEMORY;

    /* Workers inherit a mask of everything: signals belong to the threads of the program that uses
     * the library. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool->started < pool->threads - 1) {
        Worker *const worker = &pool->workers[pool->started];
        worker->pool = pool;
        worker->number = pool->started + 1;
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            break;
        pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool->started == pool->threads - 1 ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
}

MicaStatus mica_pool_create(MicaPool **out, int threads)
{
    if (!out)
        return MICA_ERROR_INVALID_ARGUMENT;
    *out = NULL;
    if (threads < 1)
        return MICA_ERROR_INVALID_ARGUMENT;
    MicaPool *pool = mica_alloc_zero(1, sizeof(*pool));
    if (!pool)
        return MICA_ERROR_OUT_OF_MEMORY;
    pool->threads = threads;
    atomic_init(&pool->next, 0);

    if (pthread_mutex_init(&pool->mutex, NULL) != 0)
        goto no_mutex;
    if (pthread_cond_init(&pool->start, NULL) != 0)
        goto no_start;
    if (pthread_cond_init(&pool->done, NULL) != 0)
        goto no_done;
    const MicaStatus status = start_workers(pool);
    if (status != MICA_OK)
        mica_pool_destroy(&pool);
    *out = pool;
    return status;

no_done:
    pthread_cond_destroy(&pool->start);
no_start:
    pthread_mutex_destroy(&pool->mutex);
no_mutex:
    mica_free(pool);
    return MICA_ERROR_OUT_OF_MEMORY;
}

void mica_pool_destroy(MicaPool **out)
{
    if (!out || !*out)
        return;
    MicaPool *const pool = *out;
    pthread_mutex_lock(&pool->mutex);
    pool->stop = 1;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);

    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->mutex);
    mica_free(pool->workers);
    mica_free(pool);
    *out = NULL;
}

int mica_pool_threads(const MicaPool *pool)
{
    return pool->threads;
}

void mica_pool_run(MicaPool *pool, int count, MicaPoolFunction function, void *context)
{
    /* More threads than indices would only be woken up to find nothing. */
    const int threads = count < pool->threads ? count : pool->threads;
    if (threads <= 1) {
        for (int i = 0; i < count; i++)
            function(context, i, 0);
        return;
    }

    pthread_mutex_lock(&pool->mutex);
    pool->function = function;
    pool->context = context;
    pool->count = (unsigned)count;
    pool->helpers = pool->busy = threads - 1;
    pool->generation++;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);

    work(pool, function, context, (unsigned)count, 0);

    pthread_mutex_lock(&pool->mutex);
    while (pool->busy)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}
