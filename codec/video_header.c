#include "codec/video_header.h"

#include <string.h>

#include "codec/base/crc32c.h"
#include "codec/base/diag.h"
#include "codec/stream.h"

/* Like that of a picture, with another last letter. */
static const uint8_t magic[4] = {0x8b, 'm', 'i', 'v'};

#define FLAG_FULL_RANGE 1
#define MAX_CODE_POINT 255

/* The fields that every version has had. */
#define MIN_INFO_SIZE (sizeof(size_t) + 3 * sizeof(int))

/* How the format is written: chroma (0 gray, 1 RGB, 2 4:2:0, 3 4:2:2, 4 4:4:4) and bits. */
static const uint8_t layout[MICA_PIXEL_FORMATS][2] = {
    [MICA_PIXEL_GRAY8] = {0, 8},      [MICA_PIXEL_RGB24] = {1, 8},
    [MICA_PIXEL_YUV420P] = {2, 8},    [MICA_PIXEL_YUV422P] = {3, 8},
    [MICA_PIXEL_YUV444P] = {4, 8},    [MICA_PIXEL_YUV420P10] = {2, 10},
    [MICA_PIXEL_YUV422P10] = {3, 10}, [MICA_PIXEL_YUV444P10] = {4, 10},
};

void mica_video_info_defaults(MicaVideoInfo *info, size_t struct_size)
{
    const MicaVideoInfo full = {.struct_size = struct_size,
                                .format = MICA_PIXEL_YUV420P,
                                .primaries = 2,
                                .transfer = 2,
                                .matrix = 2};
    memcpy(info, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

static MicaStatus check_ratio(const uint32_t ratio[2], const char *what, MicaError *error)
{
    if ((ratio[0] == 0) != (ratio[1] == 0))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "%s %u/%u makes no sense", what,
                         (unsigned)ratio[0], (unsigned)ratio[1]);
    return MICA_OK;
}

static MicaStatus check_fields(const MicaVideoInfo *v, MicaError *error)
{
    if (v->width < 1 || v->height < 1 || v->width > MICA_MAX_DIMENSION ||
        v->height > MICA_MAX_DIMENSION)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "dimensions %dx%d are out of range",
                         v->width, v->height);
    if ((int)v->format < 0 || (int)v->format >= MICA_PIXEL_FORMATS)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "unknown pixel format %d",
                         (int)v->format);
    if ((int)v->chroma_site < 0 || v->chroma_site > MICA_CHROMA_TOP_LEFT)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "unknown place of chroma %d",
                         (int)v->chroma_site);
    if (v->primaries < 0 || v->primaries > MAX_CODE_POINT || v->transfer < 0 ||
        v->transfer > MAX_CODE_POINT || v->matrix < 0 || v->matrix > MAX_CODE_POINT)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "a colour code is not in 0..255");
    const MicaStatus status = check_ratio(v->frame_rate, "the frame rate", error);
    return status != MICA_OK ? status : check_ratio(v->sample_aspect, "the sample aspect", error);
}

MicaStatus mica_video_info_check(const MicaVideoInfo *given, MicaVideoInfo *full, MicaError *error)
{
    mica_video_info_defaults(full, sizeof *full);
    if (!given)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no description of the video");
    const size_t size = given->struct_size;
    if (size < MIN_INFO_SIZE || size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "struct_size is not set");
    memcpy(full, given, size < sizeof *full ? size : sizeof *full);
    full->struct_size = sizeof *full;
    full->full_range = full->full_range != 0;
    full->reorder = 0;
    return check_fields(full, error);
}

void mica_video_write_extradata(MicaWriter *w, const MicaVideoInfo *info, const uint8_t *model_id,
                                const uint8_t *predicted_id)
{
    mica_write_bytes(w, magic, sizeof magic);
    mica_write8(w, MICA_STREAM_MAJOR);
    mica_write8(w, MICA_STREAM_MINOR);
    mica_write_bytes(w, model_id, MICA_MODEL_ID_SIZE);
    MicaWriter p = {0};
    mica_write_varint(&p, (uint32_t)info->width);
    mica_write_varint(&p, (uint32_t)info->height);
    mica_write8(&p, layout[info->format][0]);
    mica_write8(&p, layout[info->format][1]);
    mica_write8(&p, info->full_range ? FLAG_FULL_RANGE : 0);
    mica_write8(&p, (uint32_t)info->chroma_site);
    mica_write8(&p, (uint32_t)info->primaries);
    mica_write8(&p, (uint32_t)info->transfer);
    mica_write8(&p, (uint32_t)info->matrix);
    mica_write_varint(&p, info->frame_rate[0]);
    mica_write_varint(&p, info->frame_rate[1]);
    mica_write_varint(&p, info->sample_aspect[0]);
    mica_write_varint(&p, info->sample_aspect[1]);
    mica_write_varint(&p, (uint32_t)info->reorder);
    w->failed |= p.failed;
    mica_stream_write_section(w, MICA_SECTION_VIDEO, p.data, p.size);
    mica_writer_free(&p);
    if (predicted_id)
        mica_stream_write_section(w, MICA_SECTION_PREDICTED_MODEL, predicted_id,
                                  MICA_MODEL_ID_SIZE);
}

MicaStatus mica_video_read_section(MicaReader *r, const char *where, MicaVideoSection *s,
                                   MicaError *error)
{
    const uint8_t type = mica_read8(r);
    s->type = type;
    s->size = mica_read_varint(r);
    s->data = mica_read_bytes(r, s->size);
    const uint32_t crc = mica_read32(r);
    if (r->failed)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "%s is truncated", where);
    if (crc != mica_crc32c(mica_crc32c(0, &type, 1), s->data, s->size))
        return mica_fail(error, MICA_ERROR_BITSTREAM, "checksum error in %s", where);
    return MICA_OK;
}

static MicaStatus read_video_section(const MicaVideoSection *s, MicaVideoInfo *info,
                                     MicaError *error)
{
    MicaReader r = mica_reader(s->data, s->size);
    const uint32_t width = mica_read_varint(&r), height = mica_read_varint(&r);
    const uint8_t chroma = mica_read8(&r), bits = mica_read8(&r), flags = mica_read8(&r);
    info->chroma_site = (MicaChromaSite)mica_read8(&r);
    info->primaries = mica_read8(&r);
    info->transfer = mica_read8(&r);
    info->matrix = mica_read8(&r);
    for (int i = 0; i < 2; i++)
        info->frame_rate[i] = mica_read_varint(&r);
    for (int i = 0; i < 2; i++)
        info->sample_aspect[i] = mica_read_varint(&r);
    const uint32_t reorder = mica_read_varint(&r);
    if (r.failed)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the video header is too short");
    if (width > MICA_MAX_DIMENSION || height > MICA_MAX_DIMENSION)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "dimensions %ux%u are out of range",
                         (unsigned)width, (unsigned)height);
    if (flags & ~(uint32_t)FLAG_FULL_RANGE || reorder >= MICA_REFERENCE_SLOTS)
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                         "the video header has flags that this version does not know");
    int format = 0;
    while (format < MICA_PIXEL_FORMATS &&
           (layout[format][0] != chroma || layout[format][1] != bits))
        format++;
    if (format == MICA_PIXEL_FORMATS)
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                         "the pixel format (%d, %d bits) is not known to this version", chroma,
                         bits);
    info->width = (int)width;
    info->height = (int)height;
    info->format = (MicaPixelFormat)format;
    info->full_range = flags & FLAG_FULL_RANGE;
    info->reorder = (int)reorder;
    /* What is wrong here is wrong in the stream. */
    return check_fields(info, error) == MICA_OK
               ? MICA_OK
               : mica_fail(error, MICA_ERROR_BITSTREAM, "the video header is damaged");
}

MicaStatus mica_video_info_read(const void *extradata, size_t size, MicaVideoInfo *info,
                                uint8_t *model_id, MicaError *error)
{
    if (!info || info->struct_size < MIN_INFO_SIZE || info->struct_size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for the description");
    MicaVideoInfo full;
    mica_video_info_defaults(&full, sizeof full);
    MicaReader r = mica_reader(extradata, extradata ? size : 0);
    const uint8_t *m = mica_read_bytes(&r, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic) != 0)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "not the header of a mica video");
    const int major = mica_read8(&r), minor = mica_read8(&r);
    if (!r.failed && (major != MICA_STREAM_MAJOR || minor != MICA_STREAM_MINOR))
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_VERSION,
                         "format version %d.%d, this mica reads %d.%d", major, minor,
                         MICA_STREAM_MAJOR, MICA_STREAM_MINOR);
    const uint8_t *id = mica_read_bytes(&r, MICA_MODEL_ID_SIZE);
    if (!id)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the video header is truncated");
    int seen = 0;
    while (mica_reader_left(&r) > 0) {
        MicaVideoSection s;
        MicaStatus status = mica_video_read_section(&r, "the video header", &s, error);
        if (status != MICA_OK)
            return status;
        if (s.type & MICA_SECTION_OPTIONAL)
            continue;
        if (s.type == MICA_SECTION_PREDICTED_MODEL && s.size == MICA_MODEL_ID_SIZE) {
            full.predicted = 1;
            memcpy(full.predicted_model, s.data, s.size);
            continue;
        }
        if (s.type != MICA_SECTION_VIDEO)
            return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                             "section type %d is not known to this version", s.type);
        if (seen++)
            return mica_fail(error, MICA_ERROR_BITSTREAM, "two video headers");
        status = read_video_section(&s, &full, error);
        if (status != MICA_OK)
            return status;
    }
    if (!seen)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the video header is missing");
    if (model_id)
        memcpy(model_id, id, MICA_MODEL_ID_SIZE);
    full.struct_size = info->struct_size;
    memcpy(info, &full, full.struct_size < sizeof full ? full.struct_size : sizeof full);
    return MICA_OK;
}
