/* Models of the tests. */
#ifndef MICA_TESTS_MODEL_H
#define MICA_TESTS_MODEL_H

#include <stdio.h>
#include <stdlib.h>

#include "mica/model.h"

/* After cmocka.h. */
static inline MicaModel *load_model(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(1 << 20);
    const size_t size = fread(data, 1, 1 << 20, f);
    fclose(f);
    MicaModel *model = NULL;
    assert_int_equal(mica_model_load(&model, data, size, NULL), MICA_OK);
    free(data);
    return model;
}

#endif
