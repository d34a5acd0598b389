#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

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
    uint8_t *samples; /* with alpha, which a MicaImage cannot hold */
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

static void note_metadata(const PngReader *r)
{
    if (png_get_valid(r->png, r->info, PNG_INFO_iCCP))
        input_note_icc(r->options);
#ifdef PNG_eXIf_SUPPORTED
    png_uint_32 exif_size = 0;
    png_bytep exif = NULL;
    if (png_get_eXIf_1(r->png, r->info, &exif_size, &exif) && exif)
        input_note_exif(r->options, exif, exif_size);
#endif
}

/* Copy the colours of samples whose last channel is alpha; false if a pixel is not opaque. */
static bool drop_opaque_alpha(const PngReader *r)
{
    const int channels = r->image->channels;
    const uint8_t *from = r->samples;
    for (int y = 0; y < r->image->height; y++) {
        uint8_t *to = r->image->data + y * r->image->stride;
        for (int x = 0; x < r->image->width; x++) {
            for (int c = 0; c < channels; c++)
                *to++ = *from++;
            if (*from++ != 255)
                return false;
        }
    }
    return true;
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
    png_read_info(r->png, r->info);

    const png_uint_32 width = png_get_image_width(r->png, r->info);
    const png_uint_32 height = png_get_image_height(r->png, r->info);
    const int type = png_get_color_type(r->png, r->info);
    const bool transparent = png_get_valid(r->png, r->info, PNG_INFO_tRNS) != 0;
    const bool alpha = (type & PNG_COLOR_MASK_ALPHA) || transparent;
    const int channels = type & PNG_COLOR_MASK_COLOR ? 3 : 1;
    if (png_get_bit_depth(r->png, r->info) == 16) {
        if (!r->options->depth8)
            return input_refuse_depth(r->error, 16);
        png_set_scale_16(r->png);
    }
    const MicaStatus status = input_alloc(r->image, width, height, channels, r->error);
    if (status != MICA_OK)
        return status;
    note_metadata(r);

    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(r->png);
    if (type == PNG_COLOR_TYPE_GRAY)
        png_set_expand_gray_1_2_4_to_8(r->png);
    if (transparent)
        png_set_tRNS_to_alpha(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);

    const size_t row_size = (size_t)width * (size_t)(channels + alpha);
    if (png_get_rowbytes(r->png, r->info) != row_size)
        return report_fail(r->error, MICA_ERROR_INTERNAL, "unexpected PNG row size");
    r->rows = malloc(height * sizeof *r->rows);
    if (alpha)
        r->samples = malloc(height * row_size);
    if (!r->rows || (alpha && !r->samples))
        return report_fail(r->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    for (png_uint_32 y = 0; y < height; y++)
        r->rows[y] =
            alpha ? r->samples + y * row_size : r->image->data + (ptrdiff_t)y * r->image->stride;
    png_read_image(r->png, r->rows);
    png_read_end(r->png, NULL);
    if (alpha && !drop_opaque_alpha(r))
        return input_refuse_alpha(r->error);
    return MICA_OK;
}

static MicaStatus read_picture(const uint8_t *data, size_t size, const ReadOptions *options,
                               MicaImage *image, MicaError *error)
{
    PngReader r = {.options = options, .error = error, .data = data, .size = size, .image = image};
    memset(image, 0, sizeof *image);
    const MicaStatus status = read_guarded(&r);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    free(r.rows);
    free(r.samples);
    if (status != MICA_OK)
        mica_image_free(image);
    return status;
}

const Reader reader_png = {.name = "png", .probe = probe, .read = read_picture};
