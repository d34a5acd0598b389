#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "tools/output/writer.h"
#include "tools/report.h"

/* Everything that must survive the longjmp() out of libpng: it belongs to the caller of the
 * function with setjmp(). */
typedef struct PngWriter {
    jmp_buf jump;
    MicaError *error;
    MicaStatus status;
    OutputFile *out;
    png_structp png;
    png_infop info;
    char *xmp; /* with a zero at its end, as libpng wants it */
} PngWriter;

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    PngWriter *const w = png_get_error_ptr(png);
    /* A write error has its errno in the output file; what libpng says of it is of no use. */
    w->status = report_fail(w->error, MICA_ERROR_IO, "cannot write PNG: %s", text);
    longjmp(w->jump, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_write(png_structp png, png_bytep data, size_t size)
{
    PngWriter *const w = png_get_io_ptr(png);
    if (!output_file_write(w->out, data, size))
        png_error(png, strerror(w->out->error));
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void set_colour(PngWriter *w, const MicaImage *image)
{
    const MicaColour *colour = &image->colour;
    /* A chunk of a newer PNG; what else is there for readers that do not know it follows. */
    if (colour->described) {
        png_byte data[4] = {colour->primaries, colour->transfer, 0, colour->full_range};
        png_unknown_chunk chunk = {
            .name = "cICP", .data = data, .size = sizeof data, .location = PNG_HAVE_IHDR};
        png_set_keep_unknown_chunks(w->png, PNG_HANDLE_CHUNK_ALWAYS, (png_const_bytep) "cICP", 1);
        png_set_unknown_chunks(w->png, w->info, &chunk, 1);
        png_set_unknown_chunk_location(w->png, w->info, 0, PNG_HAVE_IHDR);
    }
    if (image->icc.size) {
        png_set_iCCP(w->png, w->info, "ICC profile", PNG_COMPRESSION_TYPE_BASE, image->icc.data,
                     (png_uint_32)image->icc.size);
        return;
    }
    if (!colour->described)
        return;
    if (colour->primaries == 1 && colour->transfer == 13)
        png_set_sRGB(w->png, w->info, PNG_sRGB_INTENT_RELATIVE);
    else if (colour->transfer == 4 || colour->transfer == 8)
        png_set_gAMA(w->png, w->info, colour->transfer == 4 ? 0.45455 : 1);
}

static MicaStatus set_metadata(PngWriter *w, const MicaImage *image)
{
    set_colour(w, image);
    if (image->exif.size)
        png_set_eXIf_1(w->png, w->info, (png_uint_32)image->exif.size, image->exif.data);
    if (image->xmp.size) {
        w->xmp = malloc(image->xmp.size + 1);
        if (!w->xmp)
            return report_fail(w->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
        memcpy(w->xmp, image->xmp.data, image->xmp.size);
        w->xmp[image->xmp.size] = 0;
        char key[] = "XML:com.adobe.xmp", empty[] = "";
        png_text text = {.compression = PNG_ITXT_COMPRESSION_NONE,
                         .key = key,
                         .text = w->xmp,
                         .itxt_length = image->xmp.size,
                         .lang = empty,
                         .lang_key = empty};
        png_set_text(w->png, w->info, &text, 1);
    }
    return MICA_OK;
}

static MicaStatus write_guarded(PngWriter *w, const MicaImage *image)
{
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(w->jump))
        return w->status;
    w->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, w, on_error, on_warning);
    w->info = w->png ? png_create_info_struct(w->png) : NULL;
    if (!w->info)
        return report_fail(w->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    png_set_write_fn(w->png, w, on_write, on_flush);
    /* On photographs the default level takes longer than decoding the picture and saves
     * nothing. */
    png_set_compression_level(w->png, 3);
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height,
                 image->depth == 16 ? 16 : 8, types[image->channels - 1], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    const MicaStatus status = set_metadata(w, image);
    if (status != MICA_OK)
        return status;
    png_write_info(w->png, w->info);
    const uint16_t one = 1;
    if (image->depth == 16 && *(const uint8_t *)&one)
        png_set_swap(w->png);
    for (int y = 0; y < image->height; y++)
        png_write_row(w->png, image->data + y * image->stride);
    png_write_end(w->png, w->info);
    return MICA_OK;
}

static MicaStatus write_picture(OutputFile *out, const MicaImage *image,
                                const WriteOptions *options, MicaError *error)
{
    PngWriter w = {.error = error, .out = out};
    (void)options;
    const MicaStatus status = write_guarded(&w, image);
    png_destroy_write_struct(&w.png, &w.info);
    free(w.xmp);
    return status;
}

const Writer writer_png = {.name = "png",
                           .extensions = (const char *const[]){"png", NULL},
                           .binary = true,
                           .depth = 16,
                           .write = write_picture};
