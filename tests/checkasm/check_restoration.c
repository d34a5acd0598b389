/* The restoration filter: Laplacians and the filter itself. */
#include <string.h>

#include "checkasm.h"
#include "transforms/kernels.h"
#include "transforms/ycocg.h"

#define MAX_LEVELS 16
#define CLASSES 5
#define MOST_BLOCKS 40
#define MARGIN 16 /* pixels beside the blocks */
#define PIXELS (MARGIN + MOST_BLOCKS * MICA_RESTORATION_BLOCK + MARGIN)
#define ROWS (2 * MICA_RESTORATION_REACH + 1)
#define SQUARES 64
#define MOST_LUMA 4080

typedef struct Case {
    MicaKernels reference, candidate;
    int16_t *samples; /* [ROWS][3][PIXELS]: Y, Co, Cg */
    int16_t *luma;    /* [4][PIXELS] */
    int16_t *weight;
    uint8_t *classes;
    size_t blocks;
    int16_t *out_reference, *out_candidate;   /* [3][PIXELS] */
    int32_t *sums_reference, *sums_candidate; /* [MICA_DIRECTIONS][SQUARES] */
} Case;

static void case_open(Case *c, const CheckLevel *level)
{
    memset(c, 0, sizeof *c);
    mica_kernels_init(&c->reference, 0);
    checkasm_kernels(&c->candidate, level);
    c->samples = checkasm_alloc(ROWS * PIXELS * 3 * sizeof(int16_t));
    c->luma = checkasm_alloc(4 * PIXELS * sizeof(int16_t));
    c->weight = checkasm_alloc(CLASSES * MICA_RESTORATION_WEIGHTS * sizeof(int16_t));
    c->classes = checkasm_alloc(MOST_BLOCKS + MICA_RESTORATION_MORE_BLOCKS);
    c->out_reference = checkasm_alloc(PIXELS * 3 * sizeof(int16_t));
    c->out_candidate = checkasm_alloc(PIXELS * 3 * sizeof(int16_t));
    c->sums_reference = checkasm_alloc(MICA_DIRECTIONS * SQUARES * sizeof(int32_t));
    c->sums_candidate = checkasm_alloc(MICA_DIRECTIONS * SQUARES * sizeof(int32_t));
}

static void case_close(Case *c)
{
    checkasm_free(c->samples);
    checkasm_free(c->luma);
    checkasm_free(c->weight);
    checkasm_free(c->classes);
    checkasm_free(c->out_reference);
    checkasm_free(c->out_candidate);
    checkasm_free(c->sums_reference);
    checkasm_free(c->sums_candidate);
}

/* Weights of a class as large together as they may be, or small ones. */
static void fill_weights(Case *c, CheckFill fill)
{
    for (int i = 0; i < CLASSES; i++) {
        const int large = checkasm_random() & 1, small = checkasm_range(1, 100);
        for (int k = 0; k < MICA_RESTORATION_WEIGHTS; k++) {
            const int count = k < MICA_RESTORATION_LUMA_WEIGHTS
                                  ? MICA_RESTORATION_LUMA_WEIGHTS
                                  : MICA_RESTORATION_WEIGHTS - MICA_RESTORATION_LUMA_WEIGHTS;
            const int most = large ? MICA_RESTORATION_MOST_WEIGHT / count : small;
            c->weight[i * MICA_RESTORATION_WEIGHTS + k] =
                (int16_t)checkasm_value(fill, (size_t)k, -most, most);
        }
    }
}

/* Planes of colours that there are. */
static void fill_row(int16_t *row, CheckFill fill)
{
    for (size_t i = 0; i < PIXELS; i++) {
        int rgb[3], ycocg[3];
        for (size_t c = 0; c < 3; c++)
            rgb[c] = checkasm_value(fill, 3 * i + c, 0, MICA_RESTORATION_MAX);
        mica_rgb_to_ycocg(rgb, ycocg);
        for (size_t c = 0; c < 3; c++)
            row[c * PIXELS + i] = (int16_t)ycocg[c];
    }
}

static void case_fill(Case *c, CheckFill fill, size_t blocks)
{
    c->blocks = blocks;
    for (int y = 0; y < ROWS; y++)
        fill_row(c->samples + y * 3 * PIXELS, fill);
    for (size_t i = 0; i < 4 * PIXELS; i++)
        c->luma[i] = (int16_t)checkasm_value(fill, i, 0, MOST_LUMA);
    for (size_t i = 0; i < MOST_BLOCKS + MICA_RESTORATION_MORE_BLOCKS; i++)
        c->classes[i] = (uint8_t)checkasm_range(0, CLASSES - 1);
    fill_weights(c, (CheckFill)checkasm_range(0, CHECK_FILLS - 1));
}

static void restore(const Case *c, const MicaKernels *kernels, int16_t *out)
{
    const int16_t *rows[3][ROWS];
    int16_t *planes[3];
    for (int p = 0; p < 3; p++) {
        planes[p] = out + p * PIXELS;
        for (int i = 0; i < ROWS; i++)
            rows[p][i] = c->samples + (3 * i + p) * PIXELS + MARGIN;
    }
    kernels->restore(rows, c->weight, c->classes, c->blocks, planes);
}

static void find_laplacians(const Case *c, const MicaKernels *kernels, int32_t *sums)
{
    const int16_t *rows[4];
    int32_t *of[MICA_DIRECTIONS];
    for (int i = 0; i < 4; i++)
        rows[i] = c->luma + i * PIXELS + MARGIN;
    for (int d = 0; d < MICA_DIRECTIONS; d++)
        of[d] = sums + d * SQUARES;
    kernels->laplacians(rows, SQUARES, of);
}

static bool compare(const Case *c)
{
    const size_t pixels = MICA_RESTORATION_BLOCK * c->blocks, room = 3 * PIXELS;
    const size_t more = MICA_RESTORATION_BLOCK * MICA_RESTORATION_MORE_BLOCKS;
    memset(c->out_reference, 0, room * sizeof(int16_t));
    memset(c->out_candidate, 0, room * sizeof(int16_t));
    restore(c, &c->reference, c->out_reference);
    restore(c, &c->candidate, c->out_candidate);
    for (int p = 0; p < 3; p++) { /* what lies behind may be written */
        memset(c->out_reference + p * PIXELS + pixels, 0, more * sizeof(int16_t));
        memset(c->out_candidate + p * PIXELS + pixels, 0, more * sizeof(int16_t));
    }
    find_laplacians(c, &c->reference, c->sums_reference);
    find_laplacians(c, &c->candidate, c->sums_candidate);
    return checkasm_same(c->out_reference, c->out_candidate, room * sizeof(int16_t)) &&
           checkasm_same(c->sums_reference, c->sums_candidate,
                         MICA_DIRECTIONS * SQUARES * sizeof(int32_t));
}

static void run_restore(void *arg)
{
    const Case *c = arg;
    restore(c, &c->candidate, c->out_candidate);
}

static void run_laplacians(void *arg)
{
    const Case *c = arg;
    find_laplacians(c, &c->candidate, c->sums_candidate);
}

void check_restoration(const CheckLevel *level)
{
    static void *seen[MAX_LEVELS];
    static size_t seen_count;
    Case c;

    case_open(&c, level);
    void *const function = (void *)c.candidate.restore;
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i] == function) {
            case_close(&c);
            return;
        }
    seen[seen_count++] = function;
    for (size_t blocks = 0; blocks <= MOST_BLOCKS; blocks++)
        for (int fill = 0; fill < CHECK_FILLS; fill++) {
            case_fill(&c, (CheckFill)fill, blocks);
            checkasm_context("restoration %s %d blocks, fill %d", level->name, (int)blocks, fill);
            checkasm_result(compare(&c));
        }
    if (level->bench) {
        case_fill(&c, CHECK_RANDOM, MOST_BLOCKS);
        checkasm_context("restoration %s", level->name);
        checkasm_print_rate(MOST_BLOCKS * MICA_RESTORATION_BLOCK, checkasm_cycles(run_restore, &c),
                            "pixel");
        checkasm_context("laplacians %s", level->name);
        checkasm_print_rate(2 * 2 * SQUARES, checkasm_cycles(run_laplacians, &c), "pixel");
    }
    case_close(&c);
}
