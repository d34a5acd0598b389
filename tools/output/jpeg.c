#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "tools/output/writer.h"
#include "tools/picture.h"
#include "tools/report.h"

/* From here on chroma keeps its full resolution: subsampling would cost more than the quantisation
 * does. */
#define FULL_CHROMA_QUALITY 90

#define MARKER_SIZE_MAX 65533
static const char exif_header[6] = "Exif\0";
static const char xmp_header[] = "http://ns.adobe.com/xap/1.0/";
static const char icc_header[] = "ICC_PROFILE";

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

/* A block of metadata as markers, each with the same head and, if `numbered`, its number and how
 * many there are, as for ICC profiles. */
static void write_block(JpegWriter *w, int marker, const char *head, size_t head_size,
                        bool numbered, const MicaBuffer *block)
{
    const size_t room = MARKER_SIZE_MAX - head_size - (numbered ? 2 : 0);
    const size_t count = (block->size + room - 1) / room;
    for (size_t i = 0; i < count; i++) {
        const size_t first = i * room;
        const size_t size = block->size - first < room ? block->size - first : room;
        jpeg_write_m_header(&w->jpeg, marker, (unsigned)(head_size + (numbered ? 2 : 0) + size));
        for (size_t k = 0; k < head_size; k++)
            jpeg_write_m_byte(&w->jpeg, head[k]);
        if (numbered) {
            jpeg_write_m_byte(&w->jpeg, (int)i + 1);
            jpeg_write_m_byte(&w->jpeg, (int)count);
        }
        for (size_t k = 0; k < size; k++)
            jpeg_write_m_byte(&w->jpeg, block->data[first + k]);
    }
}

static void write_metadata(JpegWriter *w, const MicaImage *image)
{
    write_block(w, JPEG_APP0 + 1, exif_header, sizeof exif_header, false, &image->exif);
    write_block(w, JPEG_APP0 + 1, xmp_header, sizeof xmp_header, false, &image->xmp);
    write_block(w, JPEG_APP0 + 2, icc_header, sizeof icc_header, true, &image->icc);
}

/* What a JPEG has no place for. */
static MicaStatus check(const MicaImage *image, MicaError *error)
{
    if (picture_has_alpha(image))
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                           "the picture has alpha, JPEG has not; PNG and PAM have");
    if (image->exif.size > MARKER_SIZE_MAX - sizeof exif_header)
        return report_fail(error, MICA_ERROR_LIMIT,
                           "%zu bytes of Exif do not fit into a JPEG; --strip leaves them out",
                           image->exif.size);
    if (image->xmp.size > MARKER_SIZE_MAX - sizeof xmp_header)
        return report_fail(error, MICA_ERROR_LIMIT,
                           "%zu bytes of XMP do not fit into a JPEG; --strip leaves them out",
                           image->xmp.size);
    if (image->icc.size > 255 * (MARKER_SIZE_MAX - sizeof icc_header - 2))
        return report_fail(error, MICA_ERROR_LIMIT, "the ICC profile does not fit into a JPEG");
    return MICA_OK;
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
    write_metadata(w, image);
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
    if (check(image, error) != MICA_OK)
        return error->status;
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
                            .depth = 8,
                            .profiles_only = true,
                            .write = write_picture};
