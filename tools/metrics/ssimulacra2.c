/*
 * SSIMULACRA 2, version 2.1 (J. Sneyers, Cloudinary, 2022 and 2023, described with its reference
 * program at github.com/cloudinary/ssimulacra2). 100 is no visible difference, 90 hardly visible,
 * 70 high, 50 medium and 30 low quality; it can be negative.
 *
 * On up to six scales, each half the size of the one before (averaged in linear light), and in each
 * component of the XYB colours of JPEG XL, three maps are made: how far the local structure differs
 * (SSIM without its luminance term), where the distorted picture has edges that the reference has
 * not (ringing, blocking), and where it lost some (blur). The mean and the 4-norm of each map are
 * weighted with what its author fitted to 17611 human scores.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/metrics/measures.h"
#include "tools/report.h"

#define SCALES 6
#define MIN_SIDE 8
#define RADIUS 4
#define TAPS (2 * RADIUS + 1)

/* By component, scale, norm (1, 4) and map (structure, artifact, loss). */
static const double weights[3 * SCALES * 2 * 3] = {
    /* X */
    0,
    0.0007376606707406586,
    0,
    0,
    0.0007793481682867309,
    0,
    0,
    0.0004371155730107379,
    0,
    1.1041726426657346,
    0.00066284834129271,
    0.00015231632783718752,
    0,
    0.0016406437456599754,
    0,
    1.8422455520539298,
    11.441172603757666,
    0,
    0.0007989109436015163,
    0.000176816438078653,
    0,
    1.8787594979546387,
    10.94906990605142,
    0,
    0.0007289346991508072,
    0.9677937080626833,
    0,
    0.00014003424285435884,
    0.9981766977854967,
    0.00031949755934435053,
    0.0004550992113792063,
    0,
    0,
    0.0013648766163243398,
    0,
    0,
    /* Y */
    0,
    0,
    0,
    7.466890328078848,
    0,
    17.445833984131262,
    0.0006235601634041466,
    0,
    0,
    6.683678146179332,
    0.00037724407979611296,
    1.027889937768264,
    225.20515300849274,
    0,
    0,
    19.213238186143016,
    0.0011401524586618361,
    0.001237755635509985,
    176.39317598450694,
    0,
    0,
    24.43300999870476,
    0.28520802612117757,
    0.0004485436923833408,
    0,
    0,
    0,
    34.77906344483772,
    44.835625328877896,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    /* B */
    0,
    0.0008680556573291698,
    0,
    0,
    0,
    0,
    0,
    0.0005313191874358747,
    0,
    0.00016533814161379112,
    0,
    0,
    0,
    0,
    0,
    0.0004179171803251336,
    0.0017290828234722833,
    0,
    0.0020827005846636437,
    0,
    0,
    8.826982764996862,
    23.19243343998926,
    0,
    95.1080498811086,
    0.9863978034400682,
    0.9834382792465353,
    0.0012286405048278493,
    171.2667255897307,
    0.9807858872435379,
    0,
    0,
    0,
    0.0005130064588990679,
    0,
    0.00010854057858411537,
};

/* Three components of one picture, one after the other. */
typedef struct Components {
    int width, height;
    float *data;
} Components;

/* What is needed to measure one component, each as large as the picture at the first scale. In
 * double precision: variances are small differences of large numbers, and some weights are above
 * 100. */
enum { MEAN_A, MEAN_B, SQUARE_A, SQUARE_B, PRODUCT, ROWS, WORK_PLANES };

static size_t pixel_count(const Components *picture)
{
    return (size_t)picture->width * (size_t)picture->height;
}

static void load_linear(const MicaImage *image, Components *to)
{
    float linear[256];
    for (int i = 0; i < 256; i++)
        linear[i] = (float)srgb_to_linear(i);
    const int step = image->channels > 1;
    const size_t count = pixel_count(to);
    for (int c = 0; c < 3; c++) {
        float *out = to->data + (size_t)c * count;
        for (int y = 0; y < image->height; y++) {
            const uint8_t *from = image->data + y * image->stride + c * step;
            for (int x = 0; x < image->width; x++, from += image->channels)
                *out++ = linear[*from];
        }
    }
}

/* The mean of 2x2, the last row and column repeated where their number is odd; in place. */
static void halve(Components *picture)
{
    const int old_width = picture->width, old_height = picture->height;
    const int width = (old_width + 1) / 2, height = (old_height + 1) / 2;
    float *to = picture->data; /* never ahead of what is still to be read */
    for (int c = 0; c < 3; c++) {
        const float *from = picture->data + (size_t)c * (size_t)old_width * (size_t)old_height;
        for (int y = 0; y < height; y++) {
            const float *top = from + (size_t)(2 * y) * (size_t)old_width;
            const float *bottom = 2 * y + 1 < old_height ? top + old_width : top;
            for (int x = 0; x < width; x++) {
                const int left = 2 * x, right = left + 1 < old_width ? left + 1 : left;
                *to++ = (top[left] + top[right] + bottom[left] + bottom[right]) / 4;
            }
        }
    }
    picture->width = width;
    picture->height = height;
}

/* Linear light to XYB, moved so that all three are positive for colours of sRGB. */
static void convert_xyb(const Components *linear, Components *xyb)
{
    const float bias = 0.0037930732552754493F, root = cbrtf(bias);
    const size_t count = pixel_count(linear);
    const float *red = linear->data, *green = red + count, *blue = green + count;
    xyb->width = linear->width;
    xyb->height = linear->height;
    for (size_t i = 0; i < count; i++) {
        const float r = red[i], g = green[i], b = blue[i];
        const float l = cbrtf(0.3F * r + 0.622F * g + 0.078F * b + bias) - root;
        const float m = cbrtf(0.23F * r + 0.692F * g + 0.078F * b + bias) - root;
        const float s = cbrtf(0.24342268924547819F * r + 0.20476744424496821F * g +
                              0.55180986650955360F * b + bias) -
                        root;
        xyb->data[i] = 7 * (l - m) + 0.42F;
        xyb->data[count + i] = (l + m) / 2 + 0.01F;
        xyb->data[2 * count + i] = s - (l + m) / 2 + 0.55F;
    }
}

/*
 * The blur is that of D. Charalampidis, "Recursive implementation of the Gaussian filter using
 * truncated cosine functions", IEEE Transactions on Signal Processing 64(14), 2016, with sigma 1.5
 * and three cosines of odd multiples of a quarter wave, which vanish together at RADIUS + 1. Their
 * amplitudes are those nearest to the Fourier coefficients of the Gaussian for which the taps sum
 * to 1 and have the variance sigma^2. With so few taps, summing them is as fast as recursion.
 */
static void make_taps(double taps[TAPS])
{
    const double sigma = 1.5, n = RADIUS + 1;
    double omega[3], amplitude[3], sum[3], variance[3]; /* the latter two for amplitude 1 */
    for (int k = 0; k < 3; k++) {
        omega[k] = (2 * k + 1) * 3.14159265358979323846 / (2 * n);
        amplitude[k] = exp(-sigma * sigma * omega[k] * omega[k] / 2) / n;
        sum[k] = variance[k] = 0;
        for (int i = -RADIUS; i <= RADIUS; i++) {
            sum[k] += cos(omega[k] * i);
            variance[k] += cos(omega[k] * i) * i * i;
        }
    }
    /* Move along the gradients of the two conditions until both hold. */
    double ss = 0, sv = 0, vv = 0, s_missing = 1, v_missing = sigma * sigma;
    for (int k = 0; k < 3; k++) {
        ss += sum[k] * sum[k];
        sv += sum[k] * variance[k];
        vv += variance[k] * variance[k];
        s_missing -= sum[k] * amplitude[k];
        v_missing -= variance[k] * amplitude[k];
    }
    const double determinant = ss * vv - sv * sv;
    const double s_move = (s_missing * vv - v_missing * sv) / determinant;
    const double v_move = (v_missing * ss - s_missing * sv) / determinant;
    for (int i = -RADIUS; i <= RADIUS; i++) {
        double tap = 0;
        for (int k = 0; k < 3; k++)
            tap += (amplitude[k] + s_move * sum[k] + v_move * variance[k]) * cos(omega[k] * i);
        taps[RADIUS + i] = tap;
    }
}

/* Blur a * b, or a where b is NULL; nothing (0) lies beyond the border. `rows` is scratch memory.
 */
static void blur(const float *a, const float *b, double *out, double *rows, int width, int height,
                 const double taps[TAPS])
{
    for (int y = 0; y < height; y++) {
        const size_t start = (size_t)y * (size_t)width;
        for (int x = 0; x < width; x++) {
            const int first = x < RADIUS ? -x : -RADIUS;
            const int last = x + RADIUS < width ? RADIUS : width - 1 - x;
            double total = 0;
            for (int k = first; k <= last; k++) {
                const size_t i = start + (size_t)(x + k);
                total += taps[RADIUS + k] * (b ? (double)a[i] * b[i] : a[i]);
            }
            rows[start + (size_t)x] = total;
        }
    }
    for (int y = 0; y < height; y++) {
        double *to = out + (size_t)y * (size_t)width;
        memset(to, 0, (size_t)width * sizeof *to);
        const int first = y < RADIUS ? -y : -RADIUS;
        const int last = y + RADIUS < height ? RADIUS : height - 1 - y;
        for (int k = first; k <= last; k++) {
            const double *from = rows + (size_t)(y + k) * (size_t)width, tap = taps[RADIUS + k];
            for (int x = 0; x < width; x++)
                to[x] += tap * from[x];
        }
    }
}

static double fourth_power(double x)
{
    return x * x * x * x;
}

/* Both norms of the three maps of one component: norms[norm][map]. `work` has WORK_PLANES planes.
 */
static void measure_component(const float *a, const float *b, double *work, int width, int height,
                              const double taps[TAPS], double norms[2][3])
{
    const double c2 = 0.0009;
    const size_t count = (size_t)width * (size_t)height;
    double *const rows = work + ROWS * count;
    blur(a, NULL, work + MEAN_A * count, rows, width, height, taps);
    blur(b, NULL, work + MEAN_B * count, rows, width, height, taps);
    blur(a, a, work + SQUARE_A * count, rows, width, height, taps);
    blur(b, b, work + SQUARE_B * count, rows, width, height, taps);
    blur(a, b, work + PRODUCT * count, rows, width, height, taps);

    double sums[2][3] = {{0, 0, 0}, {0, 0, 0}};
    for (size_t i = 0; i < count; i++) {
        const double mean_a = work[MEAN_A * count + i], mean_b = work[MEAN_B * count + i];
        const double aa = work[SQUARE_A * count + i] - mean_a * mean_a;
        const double bb = work[SQUARE_B * count + i] - mean_b * mean_b;
        const double ab = work[PRODUCT * count + i] - mean_a * mean_b;
        const double luminance = 1 - (mean_a - mean_b) * (mean_a - mean_b);
        const double structure = 1 - luminance * (2 * ab + c2) / (aa + bb + c2);
        const double edge = (1 + fabs(b[i] - mean_b)) / (1 + fabs(a[i] - mean_a)) - 1;
        const double maps[3] = {fmax(structure, 0), fmax(edge, 0), fmax(-edge, 0)};
        for (int m = 0; m < 3; m++) {
            sums[0][m] += maps[m];
            sums[1][m] += fourth_power(maps[m]);
        }
    }
    for (int m = 0; m < 3; m++) {
        norms[0][m] = sums[0][m] / (double)count;
        norms[1][m] = sqrt(sqrt(sums[1][m] / (double)count));
    }
}

/* From the weighted sum to the scale of quality that people use. */
static double score_of(double sum)
{
    const double x = 0.9562382616834844 * sum;
    const double distance =
        2.326765642916932 * x - 0.020884521182843837 * x * x + 6.248496625763138e-05 * x * x * x;
    return distance > 0 ? 100 - 10 * pow(distance, 0.6276336467831387) : 100;
}

/* `linear` and `xyb` hold the reference and the distorted picture; the former are used up. */
static double measure_scales(Components linear[2], Components xyb[2], double *work)
{
    double taps[TAPS];
    make_taps(taps);
    double norms[SCALES][3][2][3];
    int scales = 0;
    for (; scales < SCALES; scales++) {
        if (linear[0].width < MIN_SIDE || linear[0].height < MIN_SIDE)
            break;
        for (int p = 0; p < 2; p++) {
            if (scales > 0)
                halve(&linear[p]);
            convert_xyb(&linear[p], &xyb[p]);
        }
        const size_t count = pixel_count(&xyb[0]);
        for (size_t c = 0; c < 3; c++)
            measure_component(xyb[0].data + c * count, xyb[1].data + c * count, work, xyb[0].width,
                              xyb[0].height, taps, norms[scales][c]);
    }
    /* Pictures that are too small for all scales use the first weights of all, as in the reference
     * program: the score stays comparable with those of others. */
    const double *weight = weights;
    double sum = 0;
    for (int c = 0; c < 3; c++)
        for (int scale = 0; scale < scales; scale++)
            for (int norm = 0; norm < 2; norm++)
                for (int m = 0; m < 3; m++)
                    sum += *weight++ * norms[scale][c][norm][m];
    return score_of(sum);
}

MicaStatus measure_ssimulacra2(const MicaImage *reference, const MicaImage *distorted,
                               double *values, MicaError *error)
{
    if (reference->width < METRICS_BLOCK_MIN || reference->height < METRICS_BLOCK_MIN)
        return MICA_OK;
    const size_t count = (size_t)reference->width * (size_t)reference->height;
    float *const memory = malloc(count * 4 * 3 * sizeof *memory);
    double *const work = malloc(count * WORK_PLANES * sizeof *work);
    if (!memory || !work) {
        free(memory);
        free(work);
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    Components linear[2], xyb[2];
    for (size_t p = 0; p < 2; p++) {
        const Components whole = {reference->width, reference->height, memory + p * 3 * count};
        linear[p] = xyb[p] = whole;
        xyb[p].data += 2 * 3 * count;
        load_linear(p ? distorted : reference, &linear[p]);
    }
    values[METRIC_SSIMULACRA2] = measure_scales(linear, xyb, work);
    free(memory);
    free(work);
    return MICA_OK;
}
