/*
 * PSNR-HVS-M: N. Ponomarenko, F. Silvestri, K. Egiazarian, M. Carli, J. Astola, V. Lukin, "On
 * between-coefficient contrast masking of DCT basis functions", VPQM 2007. The errors of 8x8 DCT
 * coefficients of luma are weighted by how well the eye sees their frequency, after what the
 * contrast of the block hides has been taken off. Blocks do not overlap; what is left at the right
 * and bottom edge is not measured, as in the authors' program.
 */
#include <math.h>

#include "tools/metrics/measures.h"
#include "tools/metrics/plane.h"

#define SIDE 8

/* The contrast sensitivity function: weights of the coefficients, from the paper. */
static const double sensitivity[SIDE][SIDE] = {
    {1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887},
    {2.144591, 2.144591, 1.838221, 1.354478, 0.989811, 0.443708, 0.428918, 0.467911},
    {1.838221, 1.979622, 1.608443, 1.072295, 0.643377, 0.451493, 0.372972, 0.459555},
    {1.838221, 1.513829, 1.169777, 0.887417, 0.504610, 0.295806, 0.321689, 0.415082},
    {1.429727, 1.169777, 0.695543, 0.459555, 0.378457, 0.236102, 0.249855, 0.334222},
    {1.072295, 0.735288, 0.467911, 0.402111, 0.317717, 0.247453, 0.227744, 0.279729},
    {0.525206, 0.402111, 0.329937, 0.295806, 0.249855, 0.212687, 0.214459, 0.254803},
    {0.357432, 0.279729, 0.270896, 0.262603, 0.229778, 0.257351, 0.249855, 0.259950}};

/* How much the energy of a coefficient masks, and how well it resists being masked. */
static const double masking[SIDE][SIDE] = {
    {0.390625, 0.826446, 1.000000, 0.390625, 0.173611, 0.062500, 0.038447, 0.026874},
    {0.694444, 0.694444, 0.510204, 0.277008, 0.147929, 0.029727, 0.027778, 0.033058},
    {0.510204, 0.591716, 0.390625, 0.173611, 0.062500, 0.030779, 0.021004, 0.031888},
    {0.510204, 0.346021, 0.206612, 0.118906, 0.038447, 0.013212, 0.015625, 0.026015},
    {0.308642, 0.206612, 0.073046, 0.031888, 0.021626, 0.008417, 0.009426, 0.016866},
    {0.173611, 0.081633, 0.033058, 0.024414, 0.015242, 0.009246, 0.007831, 0.011815},
    {0.041649, 0.024414, 0.016437, 0.013212, 0.009426, 0.006830, 0.006944, 0.009803},
    {0.019290, 0.011815, 0.011080, 0.010412, 0.007972, 0.010000, 0.009426, 0.010203}};

typedef double Block[SIDE][SIDE];

static void make_basis(Block basis)
{
    for (int k = 0; k < SIDE; k++)
        for (int x = 0; x < SIDE; x++)
            basis[k][x] = cos((2 * x + 1) * k * 3.14159265358979323846 / (2 * SIDE)) *
                          sqrt((k ? 2.0 : 1.0) / SIDE);
}

/* The orthonormal DCT. */
static void transform(const Block basis, const Block from, Block to)
{
    Block rows;
    for (int y = 0; y < SIDE; y++)
        for (int k = 0; k < SIDE; k++) {
            rows[y][k] = 0;
            for (int x = 0; x < SIDE; x++)
                rows[y][k] += basis[k][x] * from[y][x];
        }
    for (int k = 0; k < SIDE; k++)
        for (int x = 0; x < SIDE; x++) {
            to[k][x] = 0;
            for (int y = 0; y < SIDE; y++)
                to[k][x] += basis[k][y] * rows[y][x];
        }
}

/* The sample variance of a square part of a block, times its number of samples. */
static double spread(const Block block, int top, int left, int side)
{
    double mean = 0, sum = 0;
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++)
            mean += block[y][x];
    const double count = side * side;
    mean /= count;
    for (int y = top; y < top + side; y++)
        for (int x = left; x < left + side; x++)
            sum += (block[y][x] - mean) * (block[y][x] - mean);
    return sum * count / (count - 1);
}

/* What the contrast of a block hides. An edge hides less than texture: its quarters vary less than
 * the whole. */
static double hidden(const Block samples, const Block coefficients)
{
    double energy = -masking[0][0] * coefficients[0][0] * coefficients[0][0];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            energy += masking[y][x] * coefficients[y][x] * coefficients[y][x];
    const double whole = spread(samples, 0, 0, SIDE);
    const double half = SIDE / 2;
    double texture = 0;
    if (whole > 0)
        for (int quarter = 0; quarter < 4; quarter++)
            texture += spread(samples, quarter / 2 * (int)half, quarter % 2 * (int)half, (int)half);
    const double product = whole > 0 ? energy * texture / whole : 0;
    return product > 0 ? sqrt(product) / 32 : 0;
}

static void load(const Plane *plane, int top, int left, Block block)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            block[y][x] =
                plane->data[(size_t)(top + y) * (size_t)plane->width + (size_t)(left + x)];
}

/* Sum of the weighted squared errors of a block. */
static double block_error(const Block basis, const Block a, const Block b)
{
    Block p, q;
    transform(basis, a, p);
    transform(basis, b, q);
    const double hidden_a = hidden(a, p), hidden_b = hidden(b, q);
    const double threshold = hidden_a > hidden_b ? hidden_a : hidden_b;
    double sum = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double difference = fabs(p[y][x] - q[y][x]);
            if (x || y) /* the mean is never masked */
                difference = fmax(difference - threshold / masking[y][x], 0);
            difference *= sensitivity[y][x];
            sum += difference * difference;
        }
    return sum;
}

static double planes_error(const Plane *a, const Plane *b)
{
    Block basis;
    make_basis(basis);
    double sum = 0;
    for (int y = 0; y + SIDE <= a->height; y += SIDE) {
        double row = 0;
        for (int x = 0; x + SIDE <= a->width; x += SIDE) {
            Block p, q;
            load(a, y, x, p);
            load(b, y, x, q);
            row += block_error(basis, p, q);
        }
        sum += row;
    }
    return sum / ((double)(a->width / SIDE * SIDE) * (a->height / SIDE * SIDE));
}

MicaStatus measure_hvs_m(const MicaImage *reference, const MicaImage *distorted, double *values,
                         MicaError *error)
{
    if (reference->width < METRICS_BLOCK_MIN || reference->height < METRICS_BLOCK_MIN)
        return MICA_OK;
    Plane a = {0}, b = {0};
    MicaStatus status = plane_luma(&a, reference, error);
    if (status == MICA_OK)
        status = plane_luma(&b, distorted, error);
    if (status == MICA_OK)
        values[METRIC_PSNR_HVS_M] = psnr_of(planes_error(&a, &b));
    plane_free(&a);
    plane_free(&b);
    return status;
}
