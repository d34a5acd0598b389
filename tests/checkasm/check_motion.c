/* Differences and interpolation of blocks, and RGB rows. */
#include <stdio.h>
#include <string.h>

#include "checkasm.h"
#include "transforms/motion_kernels.h"

#define MAX_LEVELS 16
#define ROUNDS 12 /* of each pair of fills */

/* A picture around the block, so that taps and strides have something to find. */
#define SIDE 64
#define PICTURE (SIDE * SIDE)
#define AT (20 * SIDE + 20)

#define WIDTH 300 /* of rows of RGB */
#define PLANE (16 * SIDE)

typedef struct Case {
    MicaMotionKernels reference, candidate;
    uint8_t *a, *b, *out_reference, *out_candidate;
    size_t out_size;
    int kernel, size; /* of the bench */
} Case;

static void case_open(Case *c, const CheckLevel *level)
{
    memset(c, 0, sizeof *c);
    mica_motion_kernels_init(&c->reference, 0);
    mica_motion_kernels_init(&c->candidate, level->flags);
    c->a = checkasm_alloc(PICTURE);
    c->b = checkasm_alloc(PICTURE);
    c->out_size = MICA_FRACTIONS * PLANE;
    c->out_reference = checkasm_alloc(c->out_size);
    c->out_candidate = checkasm_alloc(c->out_size);
}

static void case_close(Case *c)
{
    checkasm_free(c->a);
    checkasm_free(c->b);
    checkasm_free(c->out_reference);
    checkasm_free(c->out_candidate);
}

static void case_fill(Case *c, CheckFill a, CheckFill b)
{
    for (size_t i = 0; i < PICTURE; i++) {
        c->a[i] = (uint8_t)checkasm_value(a, i, 0, 255);
        c->b[i] = (uint8_t)checkasm_value(b, i, 0, 255);
    }
    memset(c->out_reference, 0x5a, c->out_size);
    memset(c->out_candidate, 0x5a, c->out_size);
}

/* Samples that make the filters of two phases reach their ends: 255 where both taps have the same
 * sign, or where they have not. */
static void fill_worst(Case *c, int phase_x, int phase_y, int high)
{
    const int8_t *f = mica_motion_filter[phase_x], *g = mica_motion_filter[phase_y];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            c->a[y * SIDE + x] = (uint8_t)((f[x % 8] * g[y % 8] > 0) == high ? 255 : 0);
}

static bool same_output(const Case *c)
{
    return checkasm_same(c->out_reference, c->out_candidate, c->out_size);
}

static void check_differences(Case *c, const char *level, int fills)
{
    const int place = checkasm_range(0, 15);
    for (int size = 0; size < MICA_BLOCK_SIZES; size++) {
        checkasm_context("motion %s sad %d, fills %d", level, 8 << size, fills);
        checkasm_result(c->reference.sad[size](c->a + place, SIDE, c->b + AT, SIDE) ==
                        c->candidate.sad[size](c->a + place, SIDE, c->b + AT, SIDE));
    }
    checkasm_context("motion %s satd8, fills %d", level, fills);
    checkasm_result(c->reference.satd8(c->a + place, SIDE, c->b + AT, SIDE) ==
                    c->candidate.satd8(c->a + place, SIDE, c->b + AT, SIDE));
    checkasm_context("motion %s satd16, fills %d", level, fills);
    uint16_t part[2][4];
    checkasm_result(c->reference.satd16(c->a + place, SIDE, c->b + AT, SIDE, part[0]) ==
                        c->candidate.satd16(c->a + place, SIDE, c->b + AT, SIDE, part[1]) &&
                    !memcmp(part[0], part[1], sizeof part[0]));
    checkasm_context("motion %s sad_row, fills %d", level, fills);
    uint16_t *sum[2] = {(uint16_t *)(void *)c->out_reference, (uint16_t *)(void *)c->out_candidate};
    const unsigned least = c->reference.sad_row(c->a + place, SIDE, c->b + AT, SIDE, sum[0]);
    checkasm_result(least == c->candidate.sad_row(c->a + place, SIDE, c->b + AT, SIDE, sum[1]) &&
                    same_output(c));
}

static void check_interpolation(Case *c, const char *level, int fills)
{
    for (int f = 0; f < MICA_FRACTIONS; f++)
        for (int size = 0; size < MICA_BLOCK_SIZES; size++) {
            const int x = f % MICA_PHASES, y = f / MICA_PHASES;
            if (fills < 0)
                fill_worst(c, x, y, fills == -1);
            const uint8_t *src = c->a + AT + checkasm_range(0, 15);
            checkasm_context("motion %s interpolate %d, phase %d %d, fills %d", level, 8 << size, x,
                             y, fills);
            c->reference.interpolate[size](src, SIDE, x, y, c->out_reference, SIDE);
            c->candidate.interpolate[size](src, SIDE, x, y, c->out_candidate, SIDE);
            checkasm_result(same_output(c));
        }
    const int rows = 2 * checkasm_range(1, 8);
    checkasm_context("motion %s fractions, %d rows, fills %d", level, rows, fills);
    c->reference.fractions(c->a + AT, SIDE, rows, c->out_reference, SIDE, PLANE);
    c->candidate.fractions(c->a + AT, SIDE, rows, c->out_candidate, SIDE, PLANE);
    checkasm_result(same_output(c));
}

static void check_rows(Case *c, const char *level, int fills)
{
    for (int size = 0; size < MICA_BLOCK_SIZES; size++) {
        checkasm_context("motion %s mean %d, fills %d", level, 8 << size, fills);
        c->reference.mean[size](c->a + AT, SIDE, c->b + AT, SIDE, c->out_reference);
        c->candidate.mean[size](c->a + AT, SIDE, c->b + AT, SIDE, c->out_candidate);
        checkasm_result(same_output(c));
    }

    const size_t width = (size_t)checkasm_range(0, WIDTH);
    checkasm_context("motion %s split_rgb, %zu pixels, fills %d", level, width, fills);
    uint8_t *row[2][4];
    const uint8_t *in[3];
    for (int i = 0; i < 4; i++) {
        row[0][i] = c->out_reference + i * (WIDTH + 7);
        row[1][i] = c->out_candidate + i * (WIDTH + 7);
        in[i % 3] = c->b + i % 3 * (WIDTH + 5);
    }
    c->reference.split_rgb(c->a, width, row[0]);
    c->candidate.split_rgb(c->a, width, row[1]);
    checkasm_result(same_output(c));
    checkasm_context("motion %s join_rgb, %zu pixels, fills %d", level, width, fills);
    c->reference.join_rgb(in, width, c->out_reference);
    c->candidate.join_rgb(in, width, c->out_candidate);
    checkasm_result(same_output(c));
}

/* ---- bench ---- */

enum { SAD, SATD, SAD_ROW, COLUMNS, LINES, BOTH, FRACTIONS, MEAN, SPLIT, JOIN, KERNELS };

static void run_candidate(void *arg)
{
    Case *c = arg;
    const MicaMotionKernels *k = &c->candidate;
    uint8_t *row[4];
    static volatile unsigned sink;
    uint16_t part[4];
    for (int i = 0; i < 4; i++)
        row[i] = c->out_candidate + i * WIDTH;
    switch (c->kernel) {
    case SAD:
        sink = k->sad[c->size](c->a, SIDE, c->b + AT, SIDE);
        break;
    case SATD:
        sink = c->size ? k->satd16(c->a, SIDE, c->b + AT, SIDE, part)
                       : k->satd8(c->a, SIDE, c->b + AT, SIDE);
        break;
    case SAD_ROW:
        sink = k->sad_row(c->a, SIDE, c->b + AT, SIDE, (uint16_t *)(void *)c->out_candidate);
        break;
    case COLUMNS:
    case LINES:
    case BOTH:
        k->interpolate[c->size](c->a + AT, SIDE, c->kernel == COLUMNS ? 0 : 1,
                                c->kernel == LINES ? 0 : 2, c->out_candidate, 16);
        break;
    case FRACTIONS:
        k->fractions(c->a + AT, SIDE, 16, c->out_candidate, SIDE, PLANE);
        break;
    case MEAN:
        k->mean[c->size](c->a, SIDE, c->b, SIDE, c->out_candidate);
        break;
    case SPLIT:
        k->split_rgb(c->a, 256, row);
        break;
    default:
        k->join_rgb((const uint8_t *const *)row, 256, c->a);
        break;
    }
    (void)sink;
}

static void bench(const CheckLevel *level)
{
    static const struct {
        const char *name;
        int sizes;
        double work; /* samples of a block of 16x16 */
    } kernels[KERNELS] = {
        [SAD] = {"sad", 2, 256},
        [SATD] = {"satd", 2, 256},
        [SAD_ROW] = {"sad_row", 1, 4 * 64 * MICA_SAD_POSITIONS},
        [COLUMNS] = {"interpolate along y", 2, 256},
        [LINES] = {"interpolate along x", 2, 256},
        [BOTH] = {"interpolate along both", 2, 256},
        [FRACTIONS] = {"fractions", 1, 4 * 256 * (MICA_FRACTIONS - 1)},
        [MEAN] = {"mean", 2, 256},
        [SPLIT] = {"split_rgb", 1, 4 * 256},
        [JOIN] = {"join_rgb", 1, 4 * 256},
    };
    Case c;
    case_open(&c, level);
    case_fill(&c, CHECK_RANDOM, CHECK_RANDOM);
    for (c.kernel = 0; c.kernel < KERNELS; c.kernel++)
        for (c.size = 0; c.size < kernels[c.kernel].sizes; c.size++) {
            checkasm_context("motion %s %s %s", level->name, kernels[c.kernel].name,
                             kernels[c.kernel].sizes == 1 ? ""
                             : c.size                     ? "16x16"
                                                          : "8x8");
            checkasm_print_rate(kernels[c.kernel].work / (c.size ? 1 : 4),
                                checkasm_cycles(run_candidate, &c), "sample");
        }
    case_close(&c);
}

void check_motion(const CheckLevel *level)
{
    static MicaMotionKernels seen[MAX_LEVELS];
    static size_t seen_count;
    Case c;
    case_open(&c, level);
    for (size_t i = 0; i < seen_count; i++)
        if (!memcmp(&seen[i], &c.candidate, sizeof *seen)) {
            case_close(&c);
            return;
        }
    seen[seen_count++] = c.candidate;
    for (int i = 0; i < ROUNDS * CHECK_FILLS * CHECK_FILLS; i++) {
        const int fills = i % (CHECK_FILLS * CHECK_FILLS);
        case_fill(&c, (CheckFill)(fills % CHECK_FILLS), (CheckFill)(fills / CHECK_FILLS));
        check_differences(&c, level->name, fills);
        check_interpolation(&c, level->name, fills);
        check_rows(&c, level->name, fills);
    }
    check_interpolation(&c, level->name, -1);
    check_interpolation(&c, level->name, -2);
    case_close(&c);
    if (level->bench)
        bench(level);
}
