#include "codec/frame_packet.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/yuv.h"
#include "models/gains.h"

static int is_plain(const MicaFrameHeader *h)
{
    return h->type == MICA_FRAME_INTRA && !h->keep;
}

/* The picture of a predicted frame: every byte counts, so its header has no more than what differs
 * from frame to frame, and one checksum is for all. */
static MicaStatus write_predicted(MicaWriter *p, const MicaFrameHeader *h, const MicaBuffer *file,
                                  MicaMotionData motion, MicaError *error)
{
    MicaStream s;
    const MicaStatus status = mica_stream_read(&s, file->data, file->size, error);
    if (status != MICA_OK)
        return status;
    mica_write8(p, (uint32_t)(h->references | h->slot[0] << 2 | h->slot[1] << 4));
    mica_write_varint(p, (uint32_t)s.header.quality);
    mica_write8(p, (uint32_t)s.header.skip);
    mica_write_varint(p, (uint32_t)s.header.segment_width / 2);
    mica_write_varint(p, (uint32_t)s.header.segment_height / 2);
    mica_write_varint(p, (uint32_t)motion.size);
    mica_write_varint(p, (uint32_t)s.section_size[MICA_SECTION_HYPER]);
    mica_write_bytes(p, motion.data, motion.size);
    mica_write_bytes(p, s.section[MICA_SECTION_HYPER], s.section_size[MICA_SECTION_HYPER]);
    mica_write_bytes(p, s.section[MICA_SECTION_LATENTS], s.section_size[MICA_SECTION_LATENTS]);
    return MICA_OK;
}

MicaStatus mica_frame_packet_write(MicaWriter *w, const MicaFrameHeader *header,
                                   const MicaBuffer *file, MicaMotionData motion, MicaError *error)
{
    MicaWriter p = {0};
    MicaStatus status = MICA_OK;
    mica_write8(&p, (uint32_t)header->type);
    mica_write8(&p, 0); /* flags */
    if (!is_plain(header)) {
        mica_write8(&p, header->keep);
        mica_write_varint(&p, header->order);
        mica_write8(&p, header->number);
    }
    if (header->type == MICA_FRAME_PREDICTED)
        status = write_predicted(&p, header, file, motion, error);
    w->failed |= p.failed;
    if (status == MICA_OK)
        mica_stream_write_section(w, MICA_SECTION_FRAME, p.data, p.size);
    mica_writer_free(&p);
    if (header->type == MICA_FRAME_INTRA)
        mica_write_bytes(w, file->data + MICA_STREAM_PREFIX_SIZE,
                         file->size - MICA_STREAM_PREFIX_SIZE);
    if (status == MICA_OK && w->failed)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the frame");
    return status;
}

static void describe(MicaStreamHeader *h, const MicaVideoInfo *info)
{
    h->width = info->width;
    h->height = info->height;
    h->channels = mica_yuv_channels(info->format);
    h->depth = 8;
    h->passes = 1;
}

static MicaStatus read_predicted(MicaReader *r, MicaFrameHeader *h, const MicaVideoInfo *info,
                                 MicaStream *s, MicaMotionData *motion, MicaError *error)
{
    const uint32_t references = mica_read8(r), quality = mica_read_varint(r);
    MicaStreamHeader *p = &s->header;
    h->references = (int)(references & 3);
    h->slot[0] = (int)(references >> 2 & 3);
    h->slot[1] = (int)(references >> 4 & 3);
    describe(p, info);
    p->skip = mica_read8(r);
    const uint32_t column_pairs = mica_read_varint(r), row_pairs = mica_read_varint(r);
    motion->size = mica_read_varint(r);
    s->section_size[MICA_SECTION_HYPER] = mica_read_varint(r);
    motion->data = mica_read_bytes(r, motion->size);
    s->section[MICA_SECTION_HYPER] = mica_read_bytes(r, s->section_size[MICA_SECTION_HYPER]);
    s->section_size[MICA_SECTION_LATENTS] = mica_reader_left(r);
    s->section[MICA_SECTION_LATENTS] = mica_read_bytes(r, s->section_size[MICA_SECTION_LATENTS]);
    if (r->failed || references >> 6 || h->references < 1 ||
        h->references > MICA_MOTION_REFERENCES || quality > MICA_MAX_QUALITY || p->skip > 64 ||
        column_pairs < 1 || row_pairs < 1 || column_pairs > MICA_MAX_DIMENSION ||
        row_pairs > MICA_MAX_DIMENSION)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the predicted frame is damaged");
    p->quality = (int)quality;
    p->segment_width = 2 * (int)column_pairs;
    p->segment_height = 2 * (int)row_pairs;
    return MICA_OK;
}

static MicaStatus read_intra(const uint8_t *data, size_t size, size_t head,
                             const MicaVideoInfo *info, MicaStream *stream, MicaError *error)
{
    const MicaStatus status =
        mica_stream_read_sections(stream, data + head, size - head, head, error);
    if (status != MICA_OK)
        return status;
    const MicaStreamHeader *h = &stream->header;
    if (h->width != info->width || h->height != info->height ||
        h->channels != mica_yuv_channels(info->format))
        return mica_fail(error, MICA_ERROR_BITSTREAM,
                         "a frame of %dx%d does not belong to this video", h->width, h->height);
    return MICA_OK;
}

MicaStatus mica_frame_packet_read(const void *data, size_t size, const MicaVideoInfo *info,
                                  MicaFrameHeader *header, MicaStream *stream,
                                  MicaMotionData *motion, MicaError *error)
{
    memset(header, 0, sizeof *header);
    memset(stream, 0, sizeof *stream);
    memset(motion, 0, sizeof *motion);
    MicaReader packet = mica_reader(data, size);
    MicaVideoSection s;
    MicaStatus status = mica_video_read_section(&packet, "the frame header", &s, error);
    if (status != MICA_OK)
        return status;
    if (s.type != MICA_SECTION_FRAME)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the packet has no frame header");
    MicaReader r = mica_reader(s.data, s.size);
    const int type = mica_read8(&r), flags = mica_read8(&r);
    if (r.failed)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the frame header is damaged");
    if (type > MICA_FRAME_PREDICTED || flags)
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                         "frame type %d is not known to this version", type);
    header->type = (MicaFrameType)type;
    if (mica_reader_left(&r) > 0 || type == MICA_FRAME_PREDICTED) {
        header->keep = mica_read8(&r);
        header->order = mica_read_varint(&r);
        header->number = mica_read8(&r);
        if (r.failed || header->keep >> MICA_REFERENCE_SLOTS)
            return mica_fail(error, MICA_ERROR_BITSTREAM, "the frame header is damaged");
    }
    header->known = 1;
    if (type == MICA_FRAME_INTRA)
        return read_intra(data, size, packet.offset, info, stream, error);
    return read_predicted(&r, header, info, stream, motion, error);
}
