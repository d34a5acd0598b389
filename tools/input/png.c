#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "tools/colour.h"
#include "tools/input/reader.h"
#include "tools/report.h"

/* Everything that must survive the longjmp() out of libpng: it belongs to the caller of the
 * function with setjmp(). */
typedef struct PngReader {
    jmp_buf jump;
    const ReadOptions *options;
    MicaError *error;
    MicaStatus status;
    const uint8_t *data;
    size_t size, offset;
    png_structp png;
    png_infop info;
    MicaImage *image;
    png_bytep *rows;
} PngReader;

static bool probe(const uint8_t *data, size_t size)
{
    return size >= 8 && png_sig_cmp(data, 0, 8) == 0;
}

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    PngReader *const r = png_get_error_ptr(png);
    r->status = report_fail(r->error, MICA_ERROR_BITSTREAM, "bad PNG: %s", text);
    longjmp(r->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    const PngReader *r = png_get_error_ptr(png);
    if (r->options->verbose)
        report_note(r->options->file, "note: libpng: %s", text);
}

/* Do all chunks up to IEND lie in the file? libpng clears a buffer of the length that a chunk
 * claims, up to 2 GiB, before it looks for the data. */
static bool chunks_fit(const uint8_t *data, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        const uint32_t length = (uint32_t)data[at] << 24 | (uint32_t)data[at + 1] << 16 |
                                (uint32_t)data[at + 2] << 8 | data[at + 3];
        if (length > size - at - 12)
            return false;
        if (memcmp(data + at + 4, "IEND", 4) == 0)
            return true;
        at += (size_t)length + 12;
    }
    return false;
}

static void on_read(png_structp png, png_bytep out, size_t size)
{
    PngReader *const r = png_get_io_ptr(png);
    if (size > r->size - r->offset)
        png_error(png, "the file is truncated");
    memcpy(out, r->data + r->offset, size);
    r->offset += size;
}

/* The cICP chunk, which this libpng may not know. Four bytes: primaries, transfer, matrix, range.
 */
static MicaStatus read_cicp(PngReader *r)
{
    png_unknown_chunkp chunks = NULL;
    const int count = png_get_unknown_chunks(r->png, r->info, &chunks);
    for (int i = 0; i < count; i++) {
        const uint8_t *data = chunks[i].data;
        if (memcmp(chunks[i].name, "cICP", 5) != 0)
            continue;
        if (chunks[i].size != 4 || data[2] != 0 || data[3] > 1)
            return report_fail(r->error, MICA_ERROR_BITSTREAM, "bad PNG: the cICP chunk is wrong");
        r->image->colour = (MicaColour){
            .described = 1, .primaries = data[0], .transfer = data[1], .full_range = data[3]};
    }
    return MICA_OK;
}

static bool near(const double *a, const double *b)
{
    for (int i = 0; i < 8; i++)
        if (fabs(a[i] - b[i]) > 0.002)
            return false;
    return true;
}

/* gAMA and cHRM, where nothing better says what the samples mean: as code points if there are such,
 * else as a profile. */
static MicaStatus read_gamma(PngReader *r, bool gray)
{
    static const double bt709[8] = {0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060};
    static const double bt2020[8] = {0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046};
    static const double p3[8] = {0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060};
    double gamma = 0, xy[8];
    const bool has_gamma = png_get_gAMA(r->png, r->info, &gamma) == PNG_INFO_gAMA;
    const bool has_xy = png_get_cHRM(r->png, r->info, xy, xy + 1, xy + 2, xy + 3, xy + 4, xy + 5,
                                     xy + 6, xy + 7) == PNG_INFO_cHRM;
    if ((!has_gamma && !has_xy) || r->options->strip)
        return MICA_OK;
    if (!has_xy || gray)
        memcpy(xy, bt709, sizeof xy);
    const int primaries = near(xy, bt709) ? 1 : near(xy, bt2020) ? 9 : near(xy, p3) ? 12 : 0;
    const int transfer = !has_gamma                     ? 13
                         : fabs(gamma - 0.45455) < 1e-3 ? 4
                         : fabs(gamma - 0.35714) < 1e-3 ? 5
                         : fabs(gamma - 1) < 1e-3       ? 8
                                                        : 0;
    if (primaries && transfer) {
        r->image->colour = (MicaColour){.described = 1,
                                        .primaries = (uint8_t)primaries,
                                        .transfer = (uint8_t)transfer,
                                        .full_range = 1};
        return MICA_OK;
    }
    return colour_profile_from_gamma(has_gamma ? gamma : 0.45455, xy, gray, &r->image->icc,
                                     r->error);
}

/* What may stand before and after the samples; call it when all chunks have been read. */
static MicaStatus read_metadata(PngReader *r)
{
    png_charp name;
    png_bytep profile = NULL, exif = NULL;
    png_uint_32 size = 0;
    png_textp text = NULL;
    int method, count, intent;
    const bool gray = r->image->channels < 3;
    MicaStatus status = read_cicp(r);
    if (status == MICA_OK &&
        png_get_iCCP(r->png, r->info, &name, &method, &profile, &size) == PNG_INFO_iCCP)
        status = input_keep(&r->image->icc, profile, size, r->error);
    if (status == MICA_OK && !r->image->icc.size && !r->image->colour.described) {
        if (png_get_sRGB(r->png, r->info, &intent) == PNG_INFO_sRGB)
            r->image->colour =
                (MicaColour){.described = 1, .primaries = 1, .transfer = 13, .full_range = 1};
        else
            status = read_gamma(r, gray);
    }
    if (status == MICA_OK && png_get_eXIf_1(r->png, r->info, &size, &exif) == PNG_INFO_eXIf)
        status = input_keep(&r->image->exif, exif, size, r->error);
    png_get_text(r->png, r->info, &text, &count);
    for (int i = 0; i < count && text && status == MICA_OK; i++)
        if (strcmp(text[i].key, "XML:com.adobe.xmp") == 0)
            status = input_keep(&r->image->xmp, text[i].text,
                                text[i].itxt_length ? text[i].itxt_length : text[i].text_length,
                                r->error);
    return status;
}

static MicaStatus read_guarded(PngReader *r)
{
    if (!chunks_fit(r->data, r->size))
        return report_fail(r->error, MICA_ERROR_BITSTREAM, "bad PNG: the file is truncated");
    if (setjmp(r->jump))
        return r->status;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, r, on_error, on_warning);
    r->info = r->png ? png_create_info_struct(r->png) : NULL;
    if (!r->info)
        return report_fail(r->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    png_set_read_fn(r->png, r, on_read);
    /* The limits are ours, checked below with our own words. */
    png_set_user_limits(r->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    /* A damaged profile or Exif block is no less damaged than pixels are. */
    png_set_crc_action(r->png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_ALWAYS, (png_const_bytep) "cICP", 1);
    png_read_info(r->png, r->info);

    const png_uint_32 width = png_get_image_width(r->png, r->info);
    const png_uint_32 height = png_get_image_height(r->png, r->info);
    const int type = png_get_color_type(r->png, r->info);
    const bool transparent = png_get_valid(r->png, r->info, PNG_INFO_tRNS) != 0;
    const bool alpha = (type & PNG_COLOR_MASK_ALPHA) || transparent;
    const int channels = (type & PNG_COLOR_MASK_COLOR ? 3 : 1) + alpha;
    const int depth = png_get_bit_depth(r->png, r->info) == 16 ? 16 : 8;
    const MicaStatus status = input_alloc(r->image, width, height, channels, depth, r->error);
    if (status != MICA_OK)
        return status;

    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    if (type == PNG_COLOR_TYPE_GRAY)
        png_set_expand_gray_1_2_4_to_8(r->png);
    if (transparent)
        png_set_tRNS_to_alpha(r->png);
    const uint16_t one = 1;
    if (depth == 16 && *(const uint8_t *)&one)
        png_set_swap(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);

    if (png_get_rowbytes(r->png, r->info) != (size_t)r->image->stride)
        return report_fail(r->error, MICA_ERROR_INTERNAL, "unexpected PNG row size");
    r->rows = malloc(height * sizeof *r->rows);
    if (!r->rows)
        return report_fail(r->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    for (png_uint_32 y = 0; y < height; y++)
        r->rows[y] = r->image->data + (ptrdiff_t)y * r->image->stride;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, r->info);
    return read_metadata(r);
}

static MicaStatus read_picture(const uint8_t *data, size_t size, const ReadOptions *options,
                               MicaImage *image, MicaError *error)
{
    PngReader r = {.options = options, .error = error, .data = data, .size = size, .image = image};
    memset(image, 0, sizeof *image);
    const MicaStatus status = read_guarded(&r);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    free(r.rows);
    if (status != MICA_OK)
        mica_image_free(image);
    return status;
}

const Reader reader_png = {.name = "png", .probe = probe, .read = read_picture};
