/*
 * Compress integers whose spread is predicted, with nothing of mica but its entropy coder:
 *
 *     compress_integers encode predictions.txt values.txt out.bin
 *     compress_integers decode predictions.txt out.bin > values.txt
 *
 * A line of predictions.txt holds the expected standard deviation of one value and, if it is not 0,
 * its mean; the decoder needs the same file. In practice both sides compute the predictions from
 * what they already know.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mica/codec.h"
#include "mica/entropy.h"

typedef struct Numbers {
    size_t count, capacity;
    int16_t *means, *values;
    uint8_t *scales;
} Numbers;

static int grow(Numbers *n)
{
    if (n->count < n->capacity)
        return 1;
    n->capacity = 2 * n->capacity + 1024;
    int16_t *means = realloc(n->means, n->capacity * sizeof *means);
    n->means = means ? means : n->means;
    int16_t *values = realloc(n->values, n->capacity * sizeof *values);
    n->values = values ? values : n->values;
    uint8_t *scales = realloc(n->scales, n->capacity);
    n->scales = scales ? scales : n->scales;
    return means && values && scales;
}

static int fail(const char *file, const char *reason)
{
    fprintf(stderr, "compress_integers: %s: %s\n", file, reason);
    return 0;
}

/* The predictions, brought to the coder's grids: any number is allowed, NaN included. */
static int read_predictions(Numbers *n, const char *file)
{
    FILE *f = fopen(file, "r");
    if (!f)
        return fail(file, "cannot be opened");
    char line[256];
    int ok = 1;
    while (ok && fgets(line, sizeof line, f)) {
        float deviation, mean = 0;
        if (sscanf(line, "%f %f", &deviation, &mean) < 1)
            continue;
        ok = grow(n) || fail(file, "out of memory");
        if (!ok)
            break;
        n->means[n->count] = mica_entropy_quantise_mean(mean);
        n->scales[n->count++] = mica_entropy_quantise_scale(deviation);
    }
    fclose(f);
    return ok;
}

static int read_values(Numbers *n, const char *file)
{
    FILE *f = fopen(file, "r");
    if (!f)
        return fail(file, "cannot be opened");
    size_t i = 0;
    long value;
    int ok = 1;
    while (ok && fscanf(f, "%ld", &value) == 1) {
        ok = i < n->count || fail(file, "more values than predictions");
        ok = ok && ((value >= -32768 && value <= 32767) || fail(file, "a value exceeds 16 bits"));
        if (ok)
            n->values[i++] = (int16_t)value;
    }
    fclose(f);
    return ok && (i == n->count || fail(file, "fewer values than predictions"));
}

static int encode(const MicaEntropyCoder *coder, const MicaEntropyModel *model, Numbers *n,
                  char **files)
{
    uint8_t *data;
    size_t size;
    if (!read_values(n, files[1]))
        return 0;
    MicaStatus status = mica_entropy_encode(coder, model, 0, n->values, n->count, &data, &size);
    if (status != MICA_OK)
        return fail(files[1], mica_status_string(status));
    FILE *f = fopen(files[2], "wb");
    int ok = f && fwrite(data, 1, size, f) == size;
    ok = f && fclose(f) == 0 && ok;
    mica_entropy_free(data);
    if (!ok)
        return fail(files[2], "cannot be written");
    fprintf(stderr, "%zu values in %zu bytes\n", n->count, size);
    return 1;
}

static int decode(const MicaEntropyCoder *coder, const MicaEntropyModel *model, Numbers *n,
                  char **files)
{
    FILE *f = fopen(files[1], "rb");
    if (!f)
        return fail(files[1], "cannot be opened");
    const size_t room = 8 * n->count + 64; /* no value takes more than 7 bytes */
    uint8_t *data = malloc(room);
    const size_t size = data ? fread(data, 1, room, f) : 0;
    fclose(f);
    MicaStatus status = data ? mica_entropy_decode(coder, model, data, size, n->values, n->count)
                             : MICA_ERROR_OUT_OF_MEMORY;
    free(data);
    if (status != MICA_OK)
        return fail(files[1], mica_status_string(status));
    for (size_t i = 0; i < n->count; i++)
        printf("%d\n", n->values[i]);
    return 1;
}

int main(int argc, char **argv)
{
    const int encoding = argc == 5 && strcmp(argv[1], "encode") == 0;
    if (!encoding && !(argc == 4 && strcmp(argv[1], "decode") == 0)) {
        fprintf(stderr, "usage: compress_integers encode PREDICTIONS VALUES OUT\n"
                        "       compress_integers decode PREDICTIONS IN\n");
        return 2;
    }
    Numbers n = {0};
    MicaEntropyCoder *coder = NULL;
    int ok = grow(&n) && read_predictions(&n, argv[2]);
    if (ok && mica_entropy_create(&coder, mica_cpu_flags()) != MICA_OK)
        ok = fail(argv[2], "out of memory");
    if (ok) {
        const MicaEntropyModel model = {
            .struct_size = sizeof model, .components = 1, .means = {n.means}, .scales = {n.scales}};
        ok = encoding ? encode(coder, &model, &n, argv + 2) : decode(coder, &model, &n, argv + 2);
    }
    mica_entropy_destroy(&coder);
    free(n.means);
    free(n.values);
    free(n.scales);
    return ok ? 0 : 1;
}
