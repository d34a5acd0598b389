/*
 * The coded values of a model file (docs/models.md, section 1): a segment of the entropy coder for
 * what can be predicted, plain bytes for the low parts of wide integers.
 *
 * A tensor is a matrix of its first dimension by all others; one of a single dimension is one row.
 * Its elements are zero-mean generalized Gaussians of one shape, whose scale index is the sum of an
 * index of the row and one of the column: rows differ because every output has its own quantiser
 * step, columns because inputs differ in importance.
 */
#ifndef MICA_MODELS_MODEL_VALUES_H
#define MICA_MODELS_MODEL_VALUES_H

#include "codec/base/bytes.h"
#include "models/model_file.h"

/* How the values of a tensor are coded; stands in the tensor table. */
typedef struct MicaValueCode {
    int shape;        /* of the distribution */
    int order;        /* 0 plain, 1 differences, 2 second differences from row to row */
    int low_bytes;    /* of each element that are stored plainly, 0..2 */
    int base;         /* scale index of all rows and columns together */
    int row_scale;    /* scale index of the distribution of the rows' indices */
    int column_scale; /* the same of the columns, or MICA_NO_COLUMNS */
    int32_t offset;   /* prediction of the first row, or of every row if order is 0 */
} MicaValueCode;

#define MICA_NO_COLUMNS 255

/* 0 if a field is out of range. */
int mica_value_code_read(MicaReader *r, MicaValueCode *code);

/* Decode all tensors into their `data`, whose sizes the caller has checked. `r` stands behind the
 * tensor table and must hold nothing else. MICA_ERROR_MODEL_CORRUPT, MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_values_decode(MicaReader *r, const MicaTensor *tensors, const MicaValueCode *codes,
                              int count, MicaError *error);

#endif
