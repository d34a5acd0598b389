#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "tools/input/reader.h"
#include "tools/report.h"

#define EXIF_HEADER_SIZE 6 /* "Exif\0\0" */
#define ICC_HEADER_SIZE 14 /* "ICC_PROFILE\0" and two numbers */

/* Everything that must survive the longjmp() out of libjpeg: it belongs to the caller of the
 * function with setjmp(). */
typedef struct JpegReader {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    struct jpeg_decompress_struct jpeg;
    const ReadOptions *options;
    MicaError *error;
    MicaImage *image;
} JpegReader;

static bool probe(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

static void on_error(j_common_ptr jpeg)
{
    JpegReader *const r = (JpegReader *)(void *)jpeg->err;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    report_fail(r->error, MICA_ERROR_BITSTREAM, "bad JPEG: %s", text);
    longjmp(r->jump, 1);
}

/* libjpeg goes on after damage and makes pixels up; that is no picture to encode. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return; /* trace */
    const JpegReader *r = (JpegReader *)(void *)jpeg->err;
    const int code = jpeg->err->msg_code;
    if (code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM)
        on_error(jpeg);
    if (r->options->verbose) {
        char text[JMSG_LENGTH_MAX];
        jpeg->err->format_message(jpeg, text);
        report_note(r->options->file, "note: libjpeg: %s", text);
    }
}

static void note_metadata(const JpegReader *r)
{
    bool icc = false;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next) {
        if (m->marker == JPEG_APP0 + 1 && m->data_length > EXIF_HEADER_SIZE &&
            memcmp(m->data, "Exif\0", EXIF_HEADER_SIZE) == 0)
            input_note_exif(r->options, m->data + EXIF_HEADER_SIZE,
                            m->data_length - EXIF_HEADER_SIZE);
        if (m->marker == JPEG_APP0 + 2 && m->data_length > ICC_HEADER_SIZE &&
            memcmp(m->data, "ICC_PROFILE", 12) == 0)
            icc = true;
    }
    if (icc)
        input_note_icc(r->options);
}

static MicaStatus read_guarded(JpegReader *r, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *const jpeg = &r->jpeg;
    if (setjmp(r->jump))
        return MICA_ERROR_BITSTREAM;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, data, (unsigned long)size);
    if (r->options->verbose) {
        jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
        jpeg_save_markers(jpeg, JPEG_APP0 + 2, 0xffff);
    }
    jpeg_read_header(jpeg, TRUE);
    int channels = 3;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
        channels = 1;
        jpeg->out_color_space = JCS_GRAYSCALE;
        break;
    case JCS_YCbCr:
    case JCS_RGB:
        jpeg->out_color_space = JCS_RGB;
        break;
    case JCS_CMYK:
    case JCS_YCCK:
        return report_fail(r->error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "CMYK JPEG is not supported, convert it to RGB first");
    default:
        return report_fail(r->error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "JPEG with %d components is not supported", jpeg->num_components);
    }
    const MicaStatus status =
        input_alloc(r->image, jpeg->image_width, jpeg->image_height, channels, r->error);
    if (status != MICA_OK)
        return status;
    note_metadata(r);

    /* The accurate one; libjpeg's own tools use it as well. */
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = r->image->data + (ptrdiff_t)jpeg->output_scanline * r->image->stride;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    jpeg_finish_decompress(jpeg);
    return MICA_OK;
}

static MicaStatus read_picture(const uint8_t *data, size_t size, const ReadOptions *options,
                               MicaImage *image, MicaError *error)
{
    JpegReader r;
    memset(&r, 0, sizeof r);
    memset(image, 0, sizeof *image);
    r.options = options;
    r.error = error;
    r.image = image;
    r.jpeg.err = jpeg_std_error(&r.manager);
    r.manager.error_exit = on_error;
    r.manager.emit_message = on_message;
    const MicaStatus status = read_guarded(&r, data, size);
    jpeg_destroy_decompress(&r.jpeg);
    if (status != MICA_OK)
        mica_image_free(image);
    return status;
}

const Reader reader_jpeg = {.name = "jpeg", .probe = probe, .read = read_picture};
