/*
 * symbol_counts [-e EFFORT] MODEL.mmodel QUALITY,... PICTURE.ppm...
 * symbol_counts -p PREDICTED.mmodel [-e EFFORT] MODEL.mmodel QUALITY,... FRAME.ppm...
 * codes the pictures at each quality and writes to standard output how often each latent symbol was
 * coded: for each quality uint32 [shape of the channel][scale][magnitude], 16 x 64 x 64 of them,
 * magnitudes from 63 on together. With -p the pictures are the frames of a video, of equal size,
 * and what counts are the symbols of the frames that the second model predicts. distributions.py
 * finds the best distributions for them.
 *
 * It listens at the coder, so it is linked with the internals of the library and
 * -Wl,--wrap=mica_symbols_encode.
 */
#include <string.h>

#include "entropy/symbol_coder.h"
#include "tools/train/encode.h"
#include "tools/train/inputs.h"

#define MAGNITUDES 64

static uint32_t counts[MICA_SHAPE_COUNT][MICA_SCALE_COUNT][MAGNITUDES];
static const MicaSymbolTables *counted;

MicaStatus __real_mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                                      const uint8_t *shapes, const uint8_t *scales, size_t count,
                                      MicaWriter *out);
MicaStatus __wrap_mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                                      const uint8_t *shapes, const uint8_t *scales, size_t count,
                                      MicaWriter *out);

/* Called by one thread: encoders here have no more. */
MicaStatus __wrap_mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                                      const uint8_t *shapes, const uint8_t *scales, size_t count,
                                      MicaWriter *out)
{
    for (size_t i = 0; i < count && tables == counted; i++) {
        const int magnitude = abs(symbols[i]);
        counts[shapes[i]][scales[i]][magnitude < MAGNITUDES ? magnitude : MAGNITUDES - 1]++;
    }
    return __real_mica_symbols_encode(tables, symbols, shapes, scales, count, out);
}

int main(int argc, char **argv)
{
    EncodeOptions options = encode_options(&argc, &argv);
    if (argc < 4) {
        fprintf(stderr, "usage: symbol_counts [-p PREDICTED.mmodel] [-e EFFORT] MODEL.mmodel "
                        "QUALITY,... PICTURE.ppm...\n");
        return 2;
    }
    MicaModel *model = load_model(argv[1]);
    counted = encode_network(model, &options)->y_tables;
    for (char *q = strtok(argv[2], ","); q; q = strtok(NULL, ",")) {
        memset(counts, 0, sizeof counts);
        encode_all(model, &options, atof(q), argc - 3, argv + 3);
        if (fwrite(counts, sizeof counts, 1, stdout) != 1)
            return 1;
    }
    mica_model_unref(&options.predicted);
    mica_model_unref(&model);
    return 0;
}
