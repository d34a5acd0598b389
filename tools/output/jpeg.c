#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "tools/output/writer.h"
#include "tools/report.h"

/* From here on chroma keeps its full resolution: subsampling would cost more than the quantisation
 * does. */
#define FULL_CHROMA_QUALITY 90

/* Everything that must survive the longjmp() out of libjpeg: it belongs to the caller of the
 * function with setjmp(). */
typedef struct JpegWriter {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    struct jpeg_destination_mgr destination;
    struct jpeg_compress_struct jpeg;
    MicaError *error;
    OutputFile *out;
    JOCTET buffer[16384];
} JpegWriter;

static void on_error(j_common_ptr jpeg)
{
    JpegWriter *const w = (JpegWriter *)(void *)jpeg->err;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    if (w->out->error)
        report_fail_errno(w->error, w->out->error);
    else
        report_fail(w->error, MICA_ERROR_IO, "cannot write JPEG: %s", text);
    longjmp(w->jump, 1);
}

static void on_message(j_common_ptr jpeg, int level)
{
    (void)jpeg;
    (void)level;
}

static void init_destination(j_compress_ptr jpeg)
{
    JpegWriter *const w = (JpegWriter *)(void *)jpeg->err;
    w->destination.next_output_byte = w->buffer;
    w->destination.free_in_buffer = sizeof w->buffer;
}

static boolean empty_buffer(j_compress_ptr jpeg)
{
    JpegWriter *const w = (JpegWriter *)(void *)jpeg->err;
    if (!output_file_write(w->out, w->buffer, sizeof w->buffer))
        ERREXIT(jpeg, JERR_FILE_WRITE);
    init_destination(jpeg);
    return TRUE;
}

static void end_destination(j_compress_ptr jpeg)
{
    JpegWriter *const w = (JpegWriter *)(void *)jpeg->err;
    if (!output_file_write(w->out, w->buffer, sizeof w->buffer - w->destination.free_in_buffer))
        ERREXIT(jpeg, JERR_FILE_WRITE);
}

static MicaStatus write_guarded(JpegWriter *w, const MicaImage *image, int quality)
{
    struct jpeg_compress_struct *const jpeg = &w->jpeg;
    if (setjmp(w->jump))
        return MICA_ERROR_IO;
    jpeg_create_compress(jpeg);
    jpeg->dest = &w->destination;
    jpeg->image_width = (JDIMENSION)image->width;
    jpeg->image_height = (JDIMENSION)image->height;
    jpeg->input_components = image->channels;
    jpeg->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(jpeg);
    jpeg_set_quality(jpeg, quality, TRUE);
    if (image->channels == 3 && quality >= FULL_CHROMA_QUALITY) {
        jpeg->comp_info[0].h_samp_factor = 1;
        jpeg->comp_info[0].v_samp_factor = 1;
    }
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->optimize_coding = TRUE;
    jpeg_start_compress(jpeg, TRUE);
    while (jpeg->next_scanline < jpeg->image_height) {
        JSAMPROW row = image->data + (ptrdiff_t)jpeg->next_scanline * image->stride;
        jpeg_write_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_compress(jpeg);
    return MICA_OK;
}

static MicaStatus write_picture(OutputFile *out, const MicaImage *image,
                                const WriteOptions *options, MicaError *error)
{
    JpegWriter w;
    memset(&w, 0, sizeof w);
    w.error = error;
    w.out = out;
    w.jpeg.err = jpeg_std_error(&w.manager);
    w.manager.error_exit = on_error;
    w.manager.emit_message = on_message;
    w.destination.init_destination = init_destination;
    w.destination.empty_output_buffer = empty_buffer;
    w.destination.term_destination = end_destination;
    const MicaStatus status = write_guarded(&w, image, options->jpeg_quality);
    jpeg_destroy_compress(&w.jpeg);
    return status;
}

const Writer writer_jpeg = {.name = "jpeg",
                            .extensions = (const char *const[]){"jpg", "jpeg", NULL},
                            .binary = true,
                            .write = write_picture};
