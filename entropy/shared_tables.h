/*
 * One set of symbol tables for the whole process. They depend on nothing, and building them takes
 * longer than decoding a small picture, so everybody shares those that the first caller built; they
 * go away with the last one.
 *
 * From any thread.
 */
#ifndef MICA_ENTROPY_SHARED_TABLES_H
#define MICA_ENTROPY_SHARED_TABLES_H

#include "entropy/symbol_coder.h"

/* NULL if there is no memory. */
const MicaSymbolTables *mica_shared_tables_acquire(void);

/* Sets *tables to NULL; once for each acquired pointer, NULL is fine. */
void mica_shared_tables_release(const MicaSymbolTables **tables);

#endif
