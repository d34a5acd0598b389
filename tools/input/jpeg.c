#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "tools/colour.h"
#include "tools/input/reader.h"
#include "tools/report.h"

#define EXIF_HEADER_SIZE 6 /* "Exif\0\0" */
#define ICC_HEADER_SIZE 14 /* "ICC_PROFILE\0" and two numbers */
#define XMP_HEADER "http://ns.adobe.com/xap/1.0/"
#define EXTENDED_XMP_HEADER "http://ns.adobe.com/xmp/extension/"

/* Everything that must survive the longjmp() out of libjpeg: it belongs to the caller of the
 * function with setjmp(). */
typedef struct JpegReader {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    struct jpeg_decompress_struct jpeg;
    const ReadOptions *options;
    MicaError *error;
    MicaImage *image;
    uint8_t *icc, *cmyk; /* being put together */
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

static bool starts_with(jpeg_saved_marker_ptr m, const void *text, size_t size)
{
    return m->data_length > size && memcmp(m->data, text, size) == 0;
}

/* The parts of a profile are numbered from 1; all have to be there, each once. */
static MicaStatus read_icc(JpegReader *r)
{
    jpeg_saved_marker_ptr parts[256] = {NULL};
    int count = 0;
    size_t size = 0;
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m; m = m->next) {
        if (m->marker != JPEG_APP0 + 2 || !starts_with(m, "ICC_PROFILE", 12) ||
            m->data_length < ICC_HEADER_SIZE)
            continue;
        const int number = m->data[12], total = m->data[13];
        if (number < 1 || number > total || parts[number] || (count && count != total))
            return report_fail(r->error, MICA_ERROR_BITSTREAM,
                               "bad JPEG: the parts of the ICC profile do not fit together");
        parts[number] = m;
        count = total;
        size += m->data_length - ICC_HEADER_SIZE;
    }
    if (!count)
        return MICA_OK;
    r->icc = malloc(size + 1);
    if (!r->icc)
        return report_fail(r->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    size_t at = 0;
    for (int i = 1; i <= count; i++) {
        if (!parts[i])
            return report_fail(r->error, MICA_ERROR_BITSTREAM,
                               "bad JPEG: a part of the ICC profile is missing");
        const size_t length = parts[i]->data_length - ICC_HEADER_SIZE;
        memcpy(r->icc + at, parts[i]->data + ICC_HEADER_SIZE, length);
        at += length;
    }
    return input_keep(&r->image->icc, r->icc, size, r->error);
}

static MicaStatus read_metadata(JpegReader *r)
{
    MicaImage *image = r->image;
    MicaStatus status = read_icc(r);
    for (jpeg_saved_marker_ptr m = r->jpeg.marker_list; m && status == MICA_OK; m = m->next) {
        if (m->marker != JPEG_APP0 + 1)
            continue;
        const size_t xmp = sizeof XMP_HEADER;
        if (starts_with(m, "Exif\0", EXIF_HEADER_SIZE) && !image->exif.size)
            status = input_keep(&image->exif, m->data + EXIF_HEADER_SIZE,
                                m->data_length - EXIF_HEADER_SIZE, r->error);
        else if (starts_with(m, XMP_HEADER, xmp) && !image->xmp.size)
            status = input_keep(&image->xmp, m->data + xmp, m->data_length - xmp, r->error);
        else if (starts_with(m, EXTENDED_XMP_HEADER, sizeof EXTENDED_XMP_HEADER) &&
                 r->options->verbose)
            report_note(r->options->file, "note: extended XMP is dropped");
    }
    return status;
}

/* The samples of CMYK, which a MicaImage cannot hold, into it as RGB. */
static MicaStatus read_cmyk(JpegReader *r)
{
    struct jpeg_decompress_struct *const jpeg = &r->jpeg;
    const size_t row_size = (size_t)jpeg->output_width * 4;
    r->cmyk = malloc(row_size * jpeg->output_height);
    if (!r->cmyk)
        return report_fail(r->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = r->cmyk + (size_t)jpeg->output_scanline * row_size;
        jpeg_read_scanlines(jpeg, &row, 1);
    }
    bool managed;
    const MicaStatus status = colour_from_cmyk(r->cmyk, jpeg->saw_Adobe_marker, &r->image->icc,
                                               r->image, &managed, r->error);
    /* The profile described the inks, which are gone. */
    mica_buffer_free(&r->image->icc);
    if (status == MICA_OK && r->options->verbose)
        report_note(r->options->file,
                    managed ? "note: CMYK is converted to sRGB through its ICC profile"
                            : "note: CMYK is converted to RGB without a profile");
    return status;
}

static MicaStatus read_guarded(JpegReader *r, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *const jpeg = &r->jpeg;
    if (setjmp(r->jump))
        return MICA_ERROR_BITSTREAM;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, data, (unsigned long)size);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(jpeg, JPEG_APP0 + 2, 0xffff);
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
        jpeg->out_color_space = JCS_CMYK;
        break;
    default:
        return report_fail(r->error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "JPEG with %d components is not supported", jpeg->num_components);
    }
    MicaStatus status =
        input_alloc(r->image, jpeg->image_width, jpeg->image_height, channels, 8, r->error);
    if (status == MICA_OK)
        status = read_metadata(r);
    if (status != MICA_OK)
        return status;

    /* The accurate one; libjpeg's own tools use it as well. */
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    if (jpeg->out_color_space == JCS_CMYK && (status = read_cmyk(r)) != MICA_OK)
        return status;
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
    free(r.icc);
    free(r.cmyk);
    if (status != MICA_OK)
        mica_image_free(image);
    return status;
}

const Reader reader_jpeg = {.name = "jpeg", .probe = probe, .read = read_picture};
