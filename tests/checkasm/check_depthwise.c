#include <string.h>

#include "checkasm.h"
#include "transforms/kernels.h"

#define MAX_LEVELS 16
#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef void (*DepthwiseFunction)(const MicaDepthwise *, const int8_t *const[3], int8_t *, size_t);

typedef struct Case {
    MicaDepthwise layer;
    MicaKernels reference, candidate;
    int8_t *weight;
    void *packed_reference, *packed_candidate;
    int32_t *bias;
    int16_t *multiplier;
    uint8_t *shift;
    size_t width, in_bytes, out_bytes;
    int8_t *in[3], *out_reference, *out_candidate;
} Case;

static void case_open(Case *c, const CheckLevel *level, int channels, size_t width)
{
    memset(c, 0, sizeof *c);
    mica_kernels_init(&c->reference, 0);
    checkasm_kernels(&c->candidate, level);
    c->weight = checkasm_alloc(9 * (size_t)channels);
    c->bias = checkasm_alloc((size_t)channels * sizeof *c->bias);
    c->multiplier = checkasm_alloc((size_t)channels * sizeof *c->multiplier);
    c->shift = checkasm_alloc((size_t)channels);
    c->layer = (MicaDepthwise){channels, {c->bias, c->multiplier, c->shift}, NULL};
    c->packed_reference = checkasm_alloc(c->reference.depthwise_packed_size(&c->layer));
    c->packed_candidate = checkasm_alloc(c->candidate.depthwise_packed_size(&c->layer));
    c->width = width;
    c->in_bytes = (width + 2) * (size_t)channels;
    c->out_bytes = width * (size_t)channels;
    for (int i = 0; i < 3; i++)
        c->in[i] = checkasm_alloc(c->in_bytes);
    c->out_reference = checkasm_alloc(c->out_bytes);
    c->out_candidate = checkasm_alloc(c->out_bytes);
}

static void case_close(Case *c)
{
    checkasm_free(c->weight);
    checkasm_free(c->bias);
    checkasm_free(c->multiplier);
    checkasm_free(c->shift);
    checkasm_free(c->packed_reference);
    checkasm_free(c->packed_candidate);
    for (int i = 0; i < 3; i++)
        checkasm_free(c->in[i]);
    checkasm_free(c->out_reference);
    checkasm_free(c->out_candidate);
}

static void case_fill(Case *c, CheckFill weights, CheckFill input)
{
    const int channels = c->layer.channels;

    for (int i = 0; i < 9 * channels; i++)
        c->weight[i] = (int8_t)checkasm_value(weights, (size_t)i, -128, 127);
    for (int i = 0; i < channels; i++) {
        const bool any = checkasm_range(0, 7) == 0;
        c->bias[i] = checkasm_range(-(1 << 30), 1 << 30) >> checkasm_range(0, 30);
        c->shift[i] = (uint8_t)(any ? checkasm_range(0, 31) : checkasm_range(0, 4));
        c->multiplier[i] = (int16_t)checkasm_range(0, any ? 32767 : 512);
    }
    for (int row = 0; row < 3; row++)
        for (size_t i = 0; i < c->in_bytes; i++)
            c->in[row][i] = (int8_t)checkasm_value(input, i, 0, 127);
    c->reference.depthwise_pack(&c->layer, c->weight, c->packed_reference);
    c->candidate.depthwise_pack(&c->layer, c->weight, c->packed_candidate);
}

static bool compare(const Case *c)
{
    MicaDepthwise layer = c->layer;
    const int8_t *const rows[3] = {c->in[0], c->in[1], c->in[2]};

    memset(c->out_reference, 0x5a, c->out_bytes);
    memset(c->out_candidate, 0x5a, c->out_bytes);
    layer.packed = c->packed_reference;
    c->reference.depthwise(&layer, rows, c->out_reference, c->width);
    layer.packed = c->packed_candidate;
    c->candidate.depthwise(&layer, rows, c->out_candidate, c->width);
    return checkasm_same(c->out_reference, c->out_candidate, c->out_bytes);
}

static void run_candidate(void *arg)
{
    const Case *c = arg;
    const int8_t *const rows[3] = {c->in[0], c->in[1], c->in[2]};
    c->candidate.depthwise(&c->layer, rows, c->out_candidate, c->width);
}

static void bench(const CheckLevel *level)
{
    static const int shapes[][2] = {{64, 96}, {96, 96}, {128, 48}, {192, 48}, {448, 48}};

    for (size_t s = 0; s < COUNT(shapes); s++) {
        Case c;
        case_open(&c, level, shapes[s][0], (size_t)shapes[s][1]);
        case_fill(&c, CHECK_RANDOM, CHECK_RANDOM);
        c.layer.packed = c.packed_candidate;
        checkasm_context("depthwise %s %d channels, %d pixels", level->name, shapes[s][0],
                         shapes[s][1]);
        checkasm_print_rate(9.0 * (double)c.out_bytes, checkasm_cycles(run_candidate, &c), "MAC");
        case_close(&c);
    }
}

void check_depthwise(const CheckLevel *level)
{
    static DepthwiseFunction seen[MAX_LEVELS];
    static size_t seen_count;
    static const int channels[] = {32, 64, 96, 128, 160, 192, 320, 448};
    MicaKernels kernels;

    checkasm_kernels(&kernels, level);
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i] == kernels.depthwise)
            return;
    seen[seen_count++] = kernels.depthwise;

    for (size_t i = 0; i < COUNT(channels); i++) {
        for (int width = 0; width < 12; width++) {
            Case c;
            case_open(&c, level, channels[i], (size_t)(width < 9 ? width : 5 * width));
            for (int fill = 0; fill < CHECK_FILLS; fill++) {
                const int weights = checkasm_range(0, CHECK_FILLS - 1);
                case_fill(&c, fill ? (CheckFill)weights : CHECK_RANDOM, (CheckFill)fill);
                checkasm_context("depthwise %s %d channels, %zu pixels, weights %d, input %d",
                                 level->name, channels[i], c.width, weights, fill);
                checkasm_result(compare(&c));
            }
            case_close(&c);
        }
    }
    if (level->bench)
        bench(level);
}
