#include "codec/yuv.h"

#include <string.h>

#include "codec/base/mem.h"

/* A row in scratch memory begins with a border that filters may read. */
#define BORDER 8

#define SCRATCH_ROWS 6

typedef struct FormatTraits {
    uint8_t planes, ten_bits, half_width, half_height;
} FormatTraits;

static const FormatTraits traits[MICA_PIXEL_FORMATS] = {
    [MICA_PIXEL_GRAY8] = {1, 0, 0, 0},     [MICA_PIXEL_RGB24] = {1, 0, 0, 0},
    [MICA_PIXEL_YUV420P] = {3, 0, 1, 1},   [MICA_PIXEL_YUV422P] = {3, 0, 1, 0},
    [MICA_PIXEL_YUV444P] = {3, 0, 0, 0},   [MICA_PIXEL_YUV420P10] = {3, 1, 1, 1},
    [MICA_PIXEL_YUV422P10] = {3, 1, 1, 0}, [MICA_PIXEL_YUV444P10] = {3, 1, 0, 0},
};

static int known(MicaPixelFormat format)
{
    return (int)format >= 0 && (int)format < MICA_PIXEL_FORMATS;
}

int mica_pixel_planes(MicaPixelFormat format)
{
    return known(format) ? traits[format].planes : 0;
}

size_t mica_pixel_row_bytes(MicaPixelFormat format, int width, int plane)
{
    if (!known(format) || plane < 0 || plane >= traits[format].planes || width < 1)
        return 0;
    if (format == MICA_PIXEL_RGB24)
        return 3 * (size_t)width;
    const size_t w = (size_t)width;
    return (plane && traits[format].half_width ? (w + 1) / 2 : w) << traits[format].ten_bits;
}

int mica_pixel_rows(MicaPixelFormat format, int height, int plane)
{
    if (!known(format) || plane < 0 || plane >= traits[format].planes || height < 1)
        return 0;
    return plane && traits[format].half_height ? height / 2 + (height & 1) : height;
}

int mica_yuv_channels(MicaPixelFormat format)
{
    return format == MICA_PIXEL_GRAY8 ? 1 : 3;
}

/* Kr and Kb of the H.273 code points, in 1/10000. */
static void luma_weights(int matrix, int height, int *kr, int *kb)
{
    switch (matrix) {
    case 1: /* BT.709 */
        *kr = 2126;
        *kb = 722;
        return;
    case 4: /* FCC */
        *kr = 3000;
        *kb = 1100;
        return;
    case 5: /* BT.601 625 lines */
    case 6: /* BT.601 525 lines */
        *kr = 2990;
        *kb = 1140;
        return;
    case 7: /* SMPTE 240M */
        *kr = 2120;
        *kb = 870;
        return;
    case 9: /* BT.2020 non-constant luminance */
        *kr = 2627;
        *kb = 593;
        return;
    default: /* What players assume where nothing is said. */
        luma_weights(height > 576 ? 1 : 6, height, kr, kb);
    }
}

/* numerator / denominator * 2^bits to the nearest, denominator > 0. */
static int fixed(int64_t numerator, int64_t denominator, int bits)
{
    const int64_t n = numerator * ((int64_t)1 << bits);
    return (int)(n >= 0 ? (n + denominator / 2) / denominator
                        : -((-n + denominator / 2) / denominator));
}

static size_t align_row(size_t samples)
{
    return (samples + 2 * BORDER + 31) & ~(size_t)31;
}

MicaStatus mica_yuv_create(MicaYuv *yuv, const MicaVideoInfo *info, int threads)
{
    const FormatTraits *t = &traits[info->format];
    const int up = t->ten_bits ? 2 : 0; /* 10 bits are 8 bits times 4, except for the full range */
    const int full = info->full_range;
    memset(yuv, 0, sizeof *yuv);
    yuv->width = info->width;
    yuv->height = info->height;
    yuv->planes = t->planes;
    yuv->ten_bits = t->ten_bits;
    yuv->half_width = t->half_width;
    yuv->half_height = t->half_height;
    yuv->left = info->chroma_site != MICA_CHROMA_CENTER;
    yuv->top = info->chroma_site == MICA_CHROMA_TOP_LEFT;
    yuv->most = (256 << up) - 1;
    yuv->luma_black = full ? 0 : 16 << up;
    yuv->luma_span = full ? yuv->most : 219 << up;
    yuv->chroma_offset = 128 << up;
    yuv->chroma_span = full ? yuv->most : 224 << up;
    luma_weights(info->matrix, info->height, &yuv->kr, &yuv->kb);
    mica_yuv_set_room(yuv, 0);
    yuv->threads = threads;
    yuv->scratch_size = SCRATCH_ROWS * align_row((size_t)info->width + 1);
    if (yuv->planes == 3)
        yuv->scratch = mica_alloc((size_t)threads, yuv->scratch_size * sizeof *yuv->scratch);
    return yuv->planes == 3 && !yuv->scratch ? MICA_ERROR_OUT_OF_MEMORY : MICA_OK;
}

void mica_yuv_set_room(MicaYuv *yuv, uint8_t room)
{
    const int64_t one = 10000, kr = yuv->kr, kb = yuv->kb, kg = one - kr - kb;
    const int64_t luma = yuv->luma_span, chroma = yuv->chroma_span;
    const int64_t foot = mica_room_foot(room), span = foot + 255 + mica_room_head(room);
    const int64_t down = 255 * 255; /* with 255 for the 0..255 that luma and chroma stand for */
    yuv->to_rgb[0] = fixed(down, span * luma, 16);
    yuv->to_rgb[1] = fixed(2 * (one - kr) * down, span * one * chroma, 16);
    yuv->to_rgb[2] = fixed(-2 * (one - kb) * kb * down, span * kg * one * chroma, 16);
    yuv->to_rgb[3] = fixed(-2 * (one - kr) * kr * down, span * kg * one * chroma, 16);
    yuv->to_rgb[4] = fixed(2 * (one - kb) * down, span * one * chroma, 16);
    yuv->black = fixed(foot * 255, span, 16);
    yuv->luma_zero = fixed(yuv->luma_black * 255 - foot * luma, 255, 16);
    const int64_t k[3] = {kr, kg, kb};
    for (int c = 0; c < 3; c++) {
        const int64_t cb = (c == 2) * one - k[c], cr = (c == 0) * one - k[c];
        yuv->to_luma[c] = fixed(k[c] * luma * span, one * down, 16);
        yuv->to_cb[c] = fixed(cb * chroma * span, 2 * (one - kb) * down, 14);
        yuv->to_cr[c] = fixed(cr * chroma * span, 2 * (one - kr) * down, 14);
    }
}

void mica_yuv_free(MicaYuv *yuv)
{
    mica_free(yuv->scratch);
    memset(yuv, 0, sizeof *yuv);
}

typedef struct YuvJob {
    const MicaYuv *yuv;
    uint8_t *const *data;
    const ptrdiff_t *stride;
    const MicaImage *image;
} YuvJob;

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

/* Row `index` of `count`; filters reach past the first and last row, which then repeat. */
static const uint8_t *plane_row(const YuvJob *j, int plane, int index, int count)
{
    return j->data[plane] + (ptrdiff_t)clamp(index, 0, count - 1) * j->stride[plane];
}

/* Repeat the first and last of n samples into the border. */
static void extend(int16_t *row, int n)
{
    for (int i = 1; i <= BORDER; i++) {
        row[-i] = row[0];
        row[n - 1 + i] = row[n - 1];
    }
}

/* ---- up: chroma to the luma grid, 16 times its value (4 times for 10 bits), around 0 ---- */

/* Four taps on rows of samples: the plane's own to a row at 1/16. */
static void up_vertical(const YuvJob *j, int plane, const int first, const int tap[4], int16_t *out)
{
    const MicaYuv *yuv = j->yuv;
    const int rows = yuv->half_height ? (yuv->height + 1) / 2 : yuv->height;
    const int n = yuv->half_width ? (yuv->width + 1) / 2 : yuv->width;
    const uint8_t *r[4];
    for (int i = 0; i < 4; i++)
        r[i] = plane_row(j, plane, first + i, rows);
    const int t0 = tap[0], t1 = tap[1], t2 = tap[2], t3 = tap[3];
    const int offset = yuv->chroma_offset * 128;
    if (yuv->ten_bits) {
        for (int x = 0; x < n; x++) {
            uint16_t v[4];
            for (int i = 0; i < 4; i++)
                memcpy(&v[i], r[i] + 2 * (size_t)x, 2);
            const int sum = v[0] * t0 + v[1] * t1 + v[2] * t2 + v[3] * t3;
            out[x] = (int16_t)clamp((sum - offset + 16) >> 5, -4096, 4095);
        }
    } else {
        for (int x = 0; x < n; x++) {
            const int sum = r[0][x] * t0 + r[1][x] * t1 + r[2][x] * t2 + r[3][x] * t3;
            out[x] = (int16_t)((sum - offset + 4) >> 3);
        }
    }
    extend(out, n);
}

static const int whole[4] = {0, 128, 0, 0};
static const int halfway[4] = {-8, 72, 72, -8};
static const int quarter[2][4] = {{-3, 29, 111, -9},
                                  {-9, 111, 29, -3}}; /* 3/4 and 1/4 of the way */

/* One row of chroma at the resolution of luma. */
static void up_chroma(const YuvJob *j, int plane, int y, int16_t *narrow, int16_t *out)
{
    const MicaYuv *yuv = j->yuv;
    if (!yuv->half_height)
        up_vertical(j, plane, y - 1, whole, yuv->half_width ? narrow : out);
    else if (yuv->top)
        up_vertical(j, plane, y / 2 - 1, y & 1 ? halfway : whole, narrow);
    else
        up_vertical(j, plane, y & 1 ? y / 2 - 1 : y / 2 - 2, quarter[y & 1], narrow);
    if (!yuv->half_width)
        return;
    const int n = (yuv->width + 1) / 2;
    if (yuv->left) {
        for (int i = 0; i < n; i++) {
            const int16_t *c = narrow + i;
            out[2 * i] = c[0];
            out[2 * i + 1] = (int16_t)((9 * (c[0] + c[1]) - c[-1] - c[2] + 8) >> 4);
        }
    } else {
        for (int i = 0; i < n; i++) {
            const int16_t *c = narrow + i;
            out[2 * i] = (int16_t)((-3 * c[-2] + 29 * c[-1] + 111 * c[0] - 9 * c[1] + 64) >> 7);
            out[2 * i + 1] = (int16_t)((-9 * c[-1] + 111 * c[0] + 29 * c[1] - 3 * c[2] + 64) >> 7);
        }
    }
}

static uint8_t clamp8(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void row_to_rgb(void *context, int y, int thread)
{
    const YuvJob *j = context;
    const MicaYuv *yuv = j->yuv;
    const int width = yuv->width;
    uint8_t *out = j->image->data + y * j->image->stride;
    const uint8_t *luma = j->data[0] + y * j->stride[0];
    if (yuv->planes == 1) {
        memcpy(out, luma, (size_t)width * (size_t)j->image->channels);
        return;
    }
    const size_t row = yuv->scratch_size / SCRATCH_ROWS;
    int16_t *narrow = yuv->scratch + (size_t)thread * yuv->scratch_size + BORDER;
    int16_t *cb = narrow + row, *cr = cb + row, *level = cr + row;
    up_chroma(j, 1, y, narrow, cb);
    up_chroma(j, 2, y, narrow, cr);
    for (int x = 0; x < width; x++) {
        if (yuv->ten_bits)
            memcpy(&level[x], luma + 2 * (size_t)x, 2);
        else
            level[x] = luma[x];
        level[x] = (int16_t)((level[x] & 1023) - yuv->luma_black);
    }
    /* Luma in whole steps, chroma in 1/16 (10 bits: 1/4) of them. */
    const int bits = yuv->ten_bits ? 2 : 4, shift = 16 + bits;
    const int round = (1 << (shift - 1)) + yuv->black * (1 << bits);
    const int m0 = yuv->to_rgb[0] * (1 << bits), m1 = yuv->to_rgb[1], m2 = yuv->to_rgb[2];
    const int m3 = yuv->to_rgb[3], m4 = yuv->to_rgb[4];
    for (int x = 0; x < width; x++) {
        const int base = m0 * level[x] + round;
        out[3 * x] = clamp8((base + m1 * cr[x]) >> shift);
        out[3 * x + 1] = clamp8((base + m2 * cb[x] + m3 * cr[x]) >> shift);
        out[3 * x + 2] = clamp8((base + m4 * cb[x]) >> shift);
    }
}

/* ---- down ---- */

/* RGB of the rows around chroma row i to one, 64 times its value, with a border. */
static void down_vertical(const YuvJob *j, int i, int16_t *out)
{
    const MicaYuv *yuv = j->yuv;
    const MicaImage *image = j->image;
    const int n = 3 * yuv->width;
    if (!yuv->half_height) {
        const uint8_t *r = image->data + i * image->stride;
        for (int x = 0; x < n; x++)
            out[x] = (int16_t)(64 * r[x]);
    } else {
        /* Where chroma lies on a row, a half-band filter: rows 2i - 3, - 1, 0, + 1, + 3. Where it
         * lies between two, rows 2i - 1 to 2i + 2. */
        static const int at[2][5] = {{-1, 0, 1, 2, 0}, {-3, -1, 0, 1, 3}};
        static const int tap[2][5] = {{-4, 36, 36, -4, 0}, {-2, 18, 32, 18, -2}};
        const int *t = tap[yuv->top];
        const uint8_t *r[5];
        for (int k = 0; k < 5; k++)
            r[k] = image->data + clamp(2 * i + at[yuv->top][k], 0, yuv->height - 1) * image->stride;
        for (int x = 0; x < n; x++)
            out[x] = (int16_t)(t[0] * r[0][x] + t[1] * r[1][x] + t[2] * r[2][x] + t[3] * r[3][x] +
                               t[4] * r[4][x]);
    }
    for (int k = 1; k <= BORDER; k++)
        for (int c = 0; c < 3; c++) {
            out[c - 3 * k] = out[c];
            out[n - 3 + c + 3 * k] = out[n - 3 + c];
        }
}

/* Component c of every column, or, for subsampled chroma, filtered around every second. */
static void down_horizontal(const MicaYuv *yuv, const int16_t *rgb, int c, int16_t *out)
{
    const int n = yuv->half_width ? (yuv->width + 1) / 2 : yuv->width;
    const int16_t *p = rgb + c;
    if (!yuv->half_width)
        for (int i = 0; i < n; i++, p += 3)
            out[i] = p[0];
    else if (yuv->left)
        for (int i = 0; i < n; i++, p += 6)
            out[i] = (int16_t)((16 * p[0] + 9 * (p[-3] + p[3]) - p[-9] - p[9] + 16) >> 5);
    else
        for (int i = 0; i < n; i++, p += 6)
            out[i] = (int16_t)((9 * (p[0] + p[3]) - p[-3] - p[6] + 8) >> 4);
}

static void chroma_row(void *context, int i, int thread)
{
    const YuvJob *j = context;
    const MicaYuv *yuv = j->yuv;
    const size_t row = yuv->scratch_size / SCRATCH_ROWS;
    int16_t *rgb = yuv->scratch + (size_t)thread * yuv->scratch_size + 3 * BORDER;
    int16_t *part[3];
    down_vertical(j, i, rgb);
    for (size_t c = 0; c < 3; c++) {
        part[c] = yuv->scratch + (size_t)thread * yuv->scratch_size + (3 + c) * row;
        down_horizontal(yuv, rgb, (int)c, part[c]);
    }
    const int n = yuv->half_width ? (yuv->width + 1) / 2 : yuv->width;
    for (int plane = 1; plane < 3; plane++) {
        const int *m = plane == 1 ? yuv->to_cb : yuv->to_cr;
        uint8_t *out = j->data[plane] + i * j->stride[plane];
        for (int x = 0; x < n; x++) {
            const int sum = m[0] * part[0][x] + m[1] * part[1][x] + m[2] * part[2][x];
            const int v = clamp(((sum + (1 << 19)) >> 20) + yuv->chroma_offset, 0, yuv->most);
            if (yuv->ten_bits)
                memcpy(out + 2 * (size_t)x, &(uint16_t){(uint16_t)v}, 2);
            else
                out[x] = (uint8_t)v;
        }
    }
}

static void luma_row(void *context, int y, int thread)
{
    const YuvJob *j = context;
    const MicaYuv *yuv = j->yuv;
    const uint8_t *in = j->image->data + y * j->image->stride;
    uint8_t *out = j->data[0] + y * j->stride[0];
    (void)thread;
    if (yuv->planes == 1) {
        memcpy(out, in, (size_t)yuv->width * (size_t)j->image->channels);
        return;
    }
    const int m0 = yuv->to_luma[0], m1 = yuv->to_luma[1], m2 = yuv->to_luma[2];
    const int zero = yuv->luma_zero + (1 << 15);
    for (int x = 0; x < yuv->width; x++) {
        const int sum = m0 * in[3 * x] + m1 * in[3 * x + 1] + m2 * in[3 * x + 2];
        const int v = clamp((sum + zero) >> 16, 0, yuv->most);
        if (yuv->ten_bits)
            memcpy(out + 2 * (size_t)x, &(uint16_t){(uint16_t)v}, 2);
        else
            out[x] = (uint8_t)v;
    }
}

void mica_yuv_to_image(const MicaYuv *yuv, MicaPool *pool, uint8_t *const data[MICA_PLANES],
                       const ptrdiff_t stride[MICA_PLANES], const MicaImage *image)
{
    YuvJob job = {.yuv = yuv, .data = data, .stride = stride, .image = image};
    mica_pool_run(pool, yuv->height, row_to_rgb, &job);
}

void mica_yuv_from_image(const MicaYuv *yuv, MicaPool *pool, const MicaImage *image,
                         uint8_t *const data[MICA_PLANES], const ptrdiff_t stride[MICA_PLANES])
{
    YuvJob job = {.yuv = yuv, .data = data, .stride = stride, .image = image};
    mica_pool_run(pool, yuv->height, luma_row, &job);
    if (yuv->planes == 3)
        mica_pool_run(pool, yuv->half_height ? (yuv->height + 1) / 2 : yuv->height, chroma_row,
                      &job);
}
