#include <setjmp.h>
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

static MicaStatus write_guarded(PngWriter *w, const MicaImage *image)
{
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
    png_set_IHDR(w->png, w->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(w->png, w->info);
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
    return status;
}

const Writer writer_png = {.name = "png",
                           .extensions = (const char *const[]){"png", NULL},
                           .binary = true,
                           .write = write_picture};
