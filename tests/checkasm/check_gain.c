#include <string.h>

#include "checkasm.h"
#include "transforms/kernels.h"

#define MAX_LEVELS 16

typedef void (*GainFunction)(const int16_t *, int16_t *, size_t, int, const int16_t *,
                             const uint8_t *);

typedef struct Case {
    MicaKernels reference, candidate;
    int channels;
    size_t pixels, bytes;
    int16_t *in, *out_reference, *out_candidate, *mantissa;
    uint8_t *shift;
} Case;

static void case_open(Case *c, const CheckLevel *level, int channels, size_t pixels)
{
    memset(c, 0, sizeof *c);
    mica_kernels_init(&c->reference, 0);
    checkasm_kernels(&c->candidate, level);
    c->channels = channels;
    c->pixels = pixels;
    c->bytes = pixels * (size_t)channels * sizeof(int16_t);
    c->in = checkasm_alloc(c->bytes);
    c->out_reference = checkasm_alloc(c->bytes);
    c->out_candidate = checkasm_alloc(c->bytes);
    c->mantissa = checkasm_alloc((size_t)channels * sizeof(int16_t));
    c->shift = checkasm_alloc((size_t)channels);
}

static void case_close(Case *c)
{
    checkasm_free(c->in);
    checkasm_free(c->out_reference);
    checkasm_free(c->out_candidate);
    checkasm_free(c->mantissa);
    checkasm_free(c->shift);
}

static void case_fill(Case *c, CheckFill mantissa, CheckFill input)
{
    for (int i = 0; i < c->channels; i++) {
        c->mantissa[i] = (int16_t)checkasm_value(mantissa, (size_t)i, 0, 32767);
        c->shift[i] =
            (uint8_t)(checkasm_random() & 1 ? checkasm_range(1, 30) : checkasm_range(12, 17));
    }
    for (size_t i = 0; i < c->bytes / 2; i++)
        c->in[i] = (int16_t)checkasm_value(input, i, INT16_MIN, INT16_MAX);
}

static bool compare(const Case *c)
{
    if (checkasm_random() & 1) {
        memcpy(c->out_reference, c->in, c->bytes);
        memcpy(c->out_candidate, c->in, c->bytes);
        c->reference.gain(c->out_reference, c->out_reference, c->pixels, c->channels, c->mantissa,
                          c->shift);
        c->candidate.gain(c->out_candidate, c->out_candidate, c->pixels, c->channels, c->mantissa,
                          c->shift);
    } else {
        c->reference.gain(c->in, c->out_reference, c->pixels, c->channels, c->mantissa, c->shift);
        c->candidate.gain(c->in, c->out_candidate, c->pixels, c->channels, c->mantissa, c->shift);
    }
    return checkasm_same(c->out_reference, c->out_candidate, c->bytes);
}

static void run_candidate(void *arg)
{
    const Case *c = arg;
    c->candidate.gain(c->in, c->out_candidate, c->pixels, c->channels, c->mantissa, c->shift);
}

void check_gain(const CheckLevel *level)
{
    static GainFunction seen[MAX_LEVELS];
    static size_t seen_count;
    MicaKernels kernels;

    checkasm_kernels(&kernels, level);
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i] == kernels.gain)
            return;
    seen[seen_count++] = kernels.gain;

    for (int channels = 32; channels <= 448; channels += 32) {
        for (int pixels = 0; pixels < 6; pixels++) {
            Case c;
            case_open(&c, level, channels, (size_t)pixels);
            for (int fill = 0; fill < CHECK_FILLS; fill++) {
                const int mantissa = checkasm_range(0, CHECK_FILLS - 1);
                case_fill(&c, fill ? (CheckFill)mantissa : CHECK_RANDOM, (CheckFill)fill);
                checkasm_context("gain %s %d channels, %d pixels, mantissa %d, input %d",
                                 level->name, channels, pixels, mantissa, fill);
                checkasm_result(compare(&c));
            }
            case_close(&c);
        }
    }
    if (level->bench) {
        Case c;
        case_open(&c, level, 192, 384);
        case_fill(&c, CHECK_RANDOM, CHECK_RANDOM);
        checkasm_context("gain %s 192 channels, 384 pixels", level->name);
        checkasm_print_rate((double)c.bytes / 2, checkasm_cycles(run_candidate, &c), "element");
        case_close(&c);
    }
}
