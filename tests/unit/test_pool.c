/* Thread pool: every index exactly once, on a thread number in range, over many runs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "codec/base/pool.h"

#define MAX_COUNT 1000
#define MAX_THREADS 7

typedef struct Job {
    atomic_int calls[MAX_COUNT];
    atomic_int running[MAX_THREADS]; /* one thread number is never in use twice at once */
    atomic_int errors;               /* cmocka's assertions belong to the main thread */
    int count, threads;
    uint32_t result[MAX_COUNT]; /* plain memory, which a run must hand over to its caller */
} Job;

static void visit(void *context, int index, int thread)
{
    Job *const job = context;
    if (index < 0 || index >= job->count || thread < 0 || thread >= job->threads) {
        atomic_fetch_add(&job->errors, 1);
        return;
    }
    if (atomic_fetch_add(&job->running[thread], 1) != 0)
        atomic_fetch_add(&job->errors, 1);
    atomic_fetch_add(&job->calls[index], 1);
    job->result[index] = (uint32_t)index * 2654435761u;
    atomic_fetch_sub(&job->running[thread], 1);
}

static void check_run(MicaPool *pool, Job *job, int threads, int count)
{
    memset(job->result, 0, sizeof(job->result));
    for (int i = 0; i < MAX_COUNT; i++)
        atomic_store(&job->calls[i], 0);
    job->count = count;
    job->threads = threads;
    mica_pool_run(pool, count, visit, job);
    assert_int_equal(atomic_load(&job->errors), 0);
    for (int i = 0; i < MAX_COUNT; i++) {
        assert_int_equal(atomic_load(&job->calls[i]), i < count);
        assert_int_equal(job->result[i], i < count ? (uint32_t)i * 2654435761u : 0);
    }
}

static void test_every_index_once(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 4, 7};
    static const int counts[] = {0, 1, 2, 3, 6, 7, 8, 64, 999};
    static Job job;
    for (size_t t = 0; t < sizeof(threads) / sizeof(threads[0]); t++) {
        MicaPool *pool = NULL;
        assert_int_equal(mica_pool_create(&pool, threads[t]), MICA_OK);
        assert_int_equal(mica_pool_threads(pool), threads[t]);
        for (int run = 0; run < 100; run++)
            for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
                check_run(pool, &job, threads[t], counts[c]);
        mica_pool_destroy(&pool);
        assert_null(pool);
    }
}

static void count_call(void *context, int index, int thread)
{
    (void)index;
    (void)thread;
    atomic_fetch_add((atomic_int *)context, 1);
}

static void test_many_short_runs(void **state)
{
    (void)state;
    MicaPool *pool = NULL;
    atomic_int calls;
    atomic_init(&calls, 0);
    assert_int_equal(mica_pool_create(&pool, 4), MICA_OK);
    for (int run = 0; run < 5000; run++)
        mica_pool_run(pool, 1 + run % 5, count_call, &calls);
    mica_pool_destroy(&pool);
    assert_int_equal(atomic_load(&calls), 15000);
}

static void test_create_and_destroy(void **state)
{
    (void)state;
    MicaPool *pool = NULL;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(mica_pool_create(&pool, 1 + i % MAX_THREADS), MICA_OK);
        mica_pool_destroy(&pool);
    }
    mica_pool_destroy(&pool);
    mica_pool_destroy(NULL);

    assert_int_equal(mica_pool_create(&pool, 0), MICA_ERROR_INVALID_ARGUMENT);
    assert_null(pool);
    assert_int_equal(mica_pool_create(&pool, -1), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_pool_create(NULL, 1), MICA_ERROR_INVALID_ARGUMENT);
    for (size_t n = 1; n <= 2; n++) {
        mica_alloc_fail_after(n);
        assert_int_equal(mica_pool_create(&pool, 3), MICA_ERROR_OUT_OF_MEMORY);
        assert_null(pool);
    }
    mica_alloc_fail_after(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_index_once),
        cmocka_unit_test(test_many_short_runs),
        cmocka_unit_test(test_create_and_destroy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
