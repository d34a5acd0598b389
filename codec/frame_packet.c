#include "codec/frame_packet.h"

#include <string.h>

#include "codec/base/crc32c.h"
#include "codec/base/diag.h"
#include "codec/yuv.h"
#include "models/gains.h"

#define CHECKSUM_SIZE 4

/* Beside the references; without it the frame is one segment. */
#define SEGMENTS_FOLLOW 0x40u

/* Of all positions of y. */
static int whole_side(int pixels)
{
    return (pixels + 31) / 32 * 2;
}

static int is_one_segment(const MicaStreamHeader *h)
{
    return h->segment_width >= whole_side(h->width) && h->segment_height >= whole_side(h->height);
}

static void write_intra(MicaWriter *w, const MicaFrameHeader *h, const MicaBuffer *file)
{
    MicaWriter p = {0};
    mica_write8(&p, MICA_FRAME_INTRA);
    mica_write8(&p, h->room);
    if (h->keep) {
        mica_write8(&p, h->keep);
        mica_write_varint(&p, h->order);
        mica_write8(&p, h->number);
    }
    w->failed |= p.failed;
    mica_stream_write_section(w, MICA_SECTION_FRAME, p.data, p.size);
    mica_writer_free(&p);
    mica_write_bytes(w, file->data + MICA_STREAM_PREFIX_SIZE, file->size - MICA_STREAM_PREFIX_SIZE);
}

/* Every byte counts: such a packet has often less than a hundred. */
static MicaStatus write_predicted(MicaWriter *w, const MicaFrameHeader *h, const MicaBuffer *file,
                                  MicaMotionData motion, MicaError *error)
{
    MicaStream s;
    const MicaStatus status = mica_stream_read(&s, file->data, file->size, error);
    if (status != MICA_OK)
        return status;
    const size_t start = w->size;
    const uint32_t segments = is_one_segment(&s.header) ? 0 : SEGMENTS_FOLLOW;
    const uint32_t quality = (uint32_t)s.header.quality;
    mica_write8(w, MICA_SECTION_PREDICTED_FRAME);
    mica_write8(w, (uint32_t)(h->references | h->slot[0] << 2 | h->slot[1] << 4) | segments);
    mica_write8(w, h->keep | quality >> 8 << 4);
    mica_write8(w, quality & 255);
    mica_write8(w, (uint32_t)s.header.skip);
    mica_write8(w, h->number);
    mica_write_varint(w, h->order);
    if (segments) {
        mica_write_varint(w, (uint32_t)s.header.segment_width / 2);
        mica_write_varint(w, (uint32_t)s.header.segment_height / 2);
    }
    mica_write_varint(w, (uint32_t)motion.size);
    mica_write_varint(w, (uint32_t)s.section_size[MICA_SECTION_HYPER]);
    mica_write_bytes(w, motion.data, motion.size);
    mica_write_bytes(w, s.section[MICA_SECTION_HYPER], s.section_size[MICA_SECTION_HYPER]);
    mica_write_bytes(w, s.section[MICA_SECTION_LATENTS], s.section_size[MICA_SECTION_LATENTS]);
    if (!w->failed)
        mica_write32(w, mica_crc32c(0, w->data + start, w->size - start));
    return MICA_OK;
}

MicaStatus mica_frame_packet_write(MicaWriter *w, const MicaFrameHeader *header,
                                   const MicaBuffer *file, MicaMotionData motion, MicaError *error)
{
    MicaStatus status = MICA_OK;
    if (header->type == MICA_FRAME_PREDICTED)
        status = write_predicted(w, header, file, motion, error);
    else
        write_intra(w, header, file);
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

static MicaStatus damaged_frame(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_BITSTREAM, "the predicted frame is damaged");
}

static void read_segments(MicaReader *r, int follow, MicaStreamHeader *p)
{
    p->segment_width = whole_side(p->width);
    p->segment_height = whole_side(p->height);
    if (!follow)
        return;
    const uint32_t column_pairs = mica_read_varint(r), row_pairs = mica_read_varint(r);
    if (column_pairs < 1 || row_pairs < 1 || column_pairs > MICA_MAX_DIMENSION ||
        row_pairs > MICA_MAX_DIMENSION) {
        r->failed = 1;
        return;
    }
    p->segment_width = 2 * (int)column_pairs;
    p->segment_height = 2 * (int)row_pairs;
}

static MicaStatus read_predicted(const uint8_t *data, size_t size, const MicaVideoInfo *info,
                                 MicaFrameHeader *h, MicaStream *s, MicaMotionData *motion,
                                 MicaError *error)
{
    MicaReader end = mica_reader(data, size);
    mica_read_bytes(&end, size < CHECKSUM_SIZE ? size : size - CHECKSUM_SIZE);
    const uint32_t crc = mica_read32(&end);
    if (end.failed)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the predicted frame is truncated");
    if (crc != mica_crc32c(0, data, size - CHECKSUM_SIZE))
        return mica_fail(error, MICA_ERROR_BITSTREAM, "checksum error in the predicted frame");
    MicaReader r = mica_reader(data, size - CHECKSUM_SIZE);
    mica_read8(&r); /* the type */
    const uint32_t references = mica_read8(&r), keep = mica_read8(&r);
    const uint32_t quality = mica_read8(&r) | (keep >> 4 & 3) << 8;
    MicaStreamHeader *p = &s->header;
    h->type = MICA_FRAME_PREDICTED;
    h->references = (int)(references & 3);
    h->slot[0] = (int)(references >> 2 & 3);
    h->slot[1] = (int)(references >> 4 & 3);
    h->keep = keep & ((1 << MICA_REFERENCE_SLOTS) - 1);
    describe(p, info);
    p->quality = (int)quality;
    p->skip = mica_read8(&r);
    h->number = mica_read8(&r);
    h->order = mica_read_varint(&r);
    if (r.failed || references >> 7 || keep >> 6 || h->references < 1 ||
        h->references > MICA_MOTION_REFERENCES || quality > MICA_MAX_QUALITY || p->skip > 64)
        return damaged_frame(error);
    h->known = 1;
    read_segments(&r, references & SEGMENTS_FOLLOW, p);
    motion->size = mica_read_varint(&r);
    s->section_size[MICA_SECTION_HYPER] = mica_read_varint(&r);
    motion->data = mica_read_bytes(&r, motion->size);
    s->section[MICA_SECTION_HYPER] = mica_read_bytes(&r, s->section_size[MICA_SECTION_HYPER]);
    s->section_size[MICA_SECTION_LATENTS] = mica_reader_left(&r);
    s->section[MICA_SECTION_LATENTS] = mica_read_bytes(&r, s->section_size[MICA_SECTION_LATENTS]);
    return r.failed ? damaged_frame(error) : MICA_OK;
}

static MicaStatus read_sections(const uint8_t *data, size_t size, size_t head,
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

static MicaStatus read_intra(const uint8_t *data, size_t size, const MicaVideoInfo *info,
                             MicaFrameHeader *header, MicaStream *stream, MicaError *error)
{
    MicaReader packet = mica_reader(data, size);
    MicaVideoSection s;
    const MicaStatus status = mica_video_read_section(&packet, "the frame header", &s, error);
    if (status != MICA_OK)
        return status;
    if (s.type != MICA_SECTION_FRAME)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the packet has no frame header");
    MicaReader r = mica_reader(s.data, s.size);
    const uint32_t type = mica_read8(&r);
    header->room = (uint8_t)mica_read8(&r);
    if (r.failed || (header->room && mica_pixel_planes(info->format) == 1))
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the frame header is damaged");
    if (type != MICA_FRAME_INTRA)
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                         "frame type %u is not known to this version", (unsigned)type);
    if (mica_reader_left(&r) > 0) {
        header->keep = mica_read8(&r);
        header->order = mica_read_varint(&r);
        header->number = mica_read8(&r);
        if (r.failed || header->keep >> MICA_REFERENCE_SLOTS)
            return mica_fail(error, MICA_ERROR_BITSTREAM, "the frame header is damaged");
    }
    header->known = 1;
    return read_sections(data, size, packet.offset, info, stream, error);
}

MicaStatus mica_frame_packet_read(const void *data, size_t size, const MicaVideoInfo *info,
                                  MicaFrameHeader *header, MicaStream *stream,
                                  MicaMotionData *motion, MicaError *error)
{
    memset(header, 0, sizeof *header);
    memset(stream, 0, sizeof *stream);
    memset(motion, 0, sizeof *motion);
    const uint8_t *bytes = data;
    return size > 0 && bytes[0] == MICA_SECTION_PREDICTED_FRAME
               ? read_predicted(bytes, size, info, header, stream, motion, error)
               : read_intra(bytes, size, info, header, stream, error);
}
