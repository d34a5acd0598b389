#include "entropy/shared_tables.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards both */
static MicaSymbolTables *shared;
static size_t users;

const MicaSymbolTables *mica_shared_tables_acquire(void)
{
    pthread_mutex_lock(&lock);
    if (!shared)
        (void)mica_symbol_tables_create(&shared, 0);
    if (shared)
        users++;
    const MicaSymbolTables *const tables = shared;
    pthread_mutex_unlock(&lock);
    return tables;
}

void mica_shared_tables_release(const MicaSymbolTables **tables)
{
    if (!*tables)
        return;
    *tables = NULL;
    pthread_mutex_lock(&lock);
    if (--users == 0)
        mica_symbol_tables_destroy(&shared);
    pthread_mutex_unlock(&lock);
}
