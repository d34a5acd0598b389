/*
 * A small thread pool: run one function over a range of indices, on the calling thread and the
 * pool's workers.
 *
 * Indices are handed out one at a time in ascending order; which thread takes which is not
 * determined, so the work of an index must depend on nothing but the index. A pool is used by one
 * caller at a time.
 */
#ifndef MICA_BASE_POOL_H
#define MICA_BASE_POOL_H

#include "mica/status.h"

typedef struct MicaPool MicaPool;

typedef void (*MicaPoolFunction)(void *context, int index, int thread);

/* threads >= 1; with 1 no thread is started. MICA_ERROR_OUT_OF_MEMORY if threads cannot be started.
 */
MicaStatus mica_pool_create(MicaPool **pool, int threads);
void mica_pool_destroy(MicaPool **pool);
int mica_pool_threads(const MicaPool *pool);

/* Calls function(context, i, t) for every i in 0..count-1, with t in 0..threads-1, and returns when
 * all are done. */
void mica_pool_run(MicaPool *pool, int count, MicaPoolFunction function, void *context);

#endif
