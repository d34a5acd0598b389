#include "codec/stream.h"

#include <string.h>

#include "codec/base/crc32c.h"
#include "codec/base/diag.h"
#include "models/gains.h"
#include "models/network.h"
#include "models/restoration.h"

/* The first byte is not ASCII, so no text file starts like this. */
static const uint8_t magic[4] = {0x8b, 'm', 'i', 'c'};

enum {
    FLAG_GRAY = 1,
    FLAG_ALPHA = 2,
    FLAG_16_BITS = 4,
    FLAG_PREMULTIPLIED = 8,
    FLAG_COLOUR = 16, /* colour description follows */
    FLAG_PROGRESSIVE = 32,
    FLAG_RESTORATION = 64, /* its strength follows */
    FLAGS_KNOWN = 127
};

static const char *section_name(int type)
{
    switch (type) {
    case MICA_SECTION_PICTURE:
        return "PICT";
    case MICA_SECTION_HYPER:
        return "HYPR";
    case MICA_SECTION_LATENTS:
        return "LATE";
    case MICA_SECTION_ALPHA:
        return "ALPH";
    case MICA_METADATA_ICC:
        return "ICCP";
    case MICA_METADATA_EXIF:
        return "EXIF";
    case MICA_METADATA_XMP:
        return "XMP ";
    default:
        return "????";
    }
}

void mica_stream_write_section(MicaWriter *w, int type, const void *data, size_t size)
{
    mica_write8(w, (uint32_t)type);
    mica_write_varint(w, (uint32_t)size);
    mica_write_bytes(w, data, size);
    const uint8_t tag = (uint8_t)type;
    mica_write32(w, mica_crc32c(mica_crc32c(0, &tag, 1), data, size));
}

static uint32_t picture_flags(const MicaStreamHeader *h)
{
    uint32_t flags = h->channels < 3 ? FLAG_GRAY : 0;
    flags |= h->channels % 2 == 0 ? FLAG_ALPHA : 0;
    flags |= h->depth == 16 ? FLAG_16_BITS : 0;
    flags |= h->premultiplied ? FLAG_PREMULTIPLIED : 0;
    flags |= h->colour.described ? FLAG_COLOUR : 0;
    flags |= h->passes > 1 ? FLAG_PROGRESSIVE : 0;
    flags |= h->restoration ? FLAG_RESTORATION : 0;
    return flags;
}

void mica_stream_write_header(MicaWriter *w, const MicaStreamHeader *h)
{
    mica_write_bytes(w, magic, sizeof magic);
    mica_write8(w, MICA_STREAM_MAJOR);
    mica_write8(w, MICA_STREAM_MINOR);
    mica_write_bytes(w, h->model_id, sizeof h->model_id);

    MicaWriter p = {0};
    mica_write_varint(&p, (uint32_t)h->width);
    mica_write_varint(&p, (uint32_t)h->height);
    mica_write8(&p, picture_flags(h));
    mica_write_varint(&p, (uint32_t)h->quality);
    mica_write8(&p, (uint32_t)h->skip);
    mica_write_varint(&p, (uint32_t)h->segment_width / 2);
    mica_write_varint(&p, (uint32_t)h->segment_height / 2);
    if (h->colour.described) {
        mica_write8(&p, h->colour.primaries);
        mica_write8(&p, h->colour.transfer);
        mica_write8(&p, h->colour.full_range);
    }
    if (h->restoration)
        mica_write8(&p, (uint32_t)h->restoration);
    w->failed |= p.failed;
    mica_stream_write_section(w, MICA_SECTION_PICTURE, p.data, p.size);
    mica_writer_free(&p);
}

static MicaStatus read_picture_header(MicaStreamHeader *h, const uint8_t *data, size_t size,
                                      MicaError *error)
{
    MicaReader r = mica_reader(data, size);
    const uint32_t width = mica_read_varint(&r), height = mica_read_varint(&r);
    const uint32_t flags = mica_read8(&r), quality = mica_read_varint(&r);
    h->skip = mica_read8(&r);
    const uint32_t column_pairs = mica_read_varint(&r), row_pairs = mica_read_varint(&r);
    if (flags & FLAG_COLOUR) {
        h->colour.described = 1;
        h->colour.primaries = mica_read8(&r);
        h->colour.transfer = mica_read8(&r);
        h->colour.full_range = mica_read8(&r);
    }
    if (flags & FLAG_RESTORATION)
        h->restoration = (int)mica_read8(&r);
    if (r.failed)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the picture header is too short");
    if (width < 1 || height < 1 || width > MICA_MAX_DIMENSION || height > MICA_MAX_DIMENSION)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "dimensions %ux%u are out of range",
                         (unsigned)width, (unsigned)height);
    if (flags & ~(uint32_t)FLAGS_KNOWN)
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                         "the picture header has flags that this version does not know");
    if (quality > MICA_MAX_QUALITY || h->skip > 64 || column_pairs < 1 || row_pairs < 1 ||
        column_pairs > MICA_MAX_DIMENSION || row_pairs > MICA_MAX_DIMENSION ||
        h->colour.full_range > 1 || h->restoration > MICA_RESTORATION_STRONGEST ||
        ((flags & FLAG_PREMULTIPLIED) && !(flags & FLAG_ALPHA)))
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the picture header is damaged");
    h->width = (int)width;
    h->height = (int)height;
    h->channels = (flags & FLAG_GRAY ? 1 : 3) + (flags & FLAG_ALPHA ? 1 : 0);
    h->depth = flags & FLAG_16_BITS ? 16 : 8;
    h->premultiplied = flags & FLAG_PREMULTIPLIED ? 1 : 0;
    h->quality = (int)quality;
    h->segment_width = 2 * (int)column_pairs;
    h->segment_height = 2 * (int)row_pairs;
    h->passes = flags & FLAG_PROGRESSIVE ? MICA_CONTEXT_STEPS : 1;
    return MICA_OK;
}

static MicaStatus read_file(MicaStream *stream, const void *data, size_t size, MicaError *error)
{
    if (!data || size == 0)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the file is empty");
    MicaReader r = mica_reader(data, size);
    const uint8_t *m = mica_read_bytes(&r, sizeof magic);
    if (!m || memcmp(m, magic, sizeof magic) != 0)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "not a mica file");
    stream->version_major = mica_read8(&r);
    stream->version_minor = mica_read8(&r);
    /* Before version 1 every minor version is a format of its own. */
    if (!r.failed &&
        (stream->version_major != MICA_STREAM_MAJOR || stream->version_minor != MICA_STREAM_MINOR))
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_VERSION,
                         "format version %d.%d, this mica reads %d.%d", stream->version_major,
                         stream->version_minor, MICA_STREAM_MAJOR, MICA_STREAM_MINOR);
    const uint8_t *id = mica_read_bytes(&r, MICA_MODEL_ID_SIZE);
    if (!id)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the file is truncated in its header");
    memcpy(stream->header.model_id, id, MICA_MODEL_ID_SIZE);
    return mica_stream_read_sections(stream, r.data + r.offset, mica_reader_left(&r), r.offset,
                                     error);
}

MicaStatus mica_stream_read(MicaStream *stream, const void *data, size_t size, MicaError *error)
{
    *stream = (MicaStream){0};
    return read_file(stream, data, size, error);
}

MicaStatus mica_stream_read_tolerant(MicaStream *stream, const void *data, size_t size,
                                     MicaError *error)
{
    *stream = (MicaStream){.tolerant = 1};
    return read_file(stream, data, size, error);
}

/* Whether a tolerant reader goes on although a section of this type is cut off. */
static int may_be_cut(const MicaStream *stream, int type)
{
    return stream->tolerant && (type == MICA_SECTION_LATENTS || type == MICA_SECTION_ALPHA ||
                                (type & MICA_SECTION_OPTIONAL) != 0);
}

/* The same where its bytes are all there, but not as they were written. */
static int may_be_damaged(const MicaStream *stream, int type)
{
    return may_be_cut(stream, type) || (stream->tolerant && type == MICA_SECTION_HYPER);
}

MicaStatus mica_stream_read_sections(MicaStream *stream, const void *data, size_t size,
                                     size_t position, MicaError *error)
{
    MicaReader r = mica_reader(data, size);
    while (mica_reader_left(&r) > 0) {
        const uint8_t type = mica_read8(&r);
        const size_t length = mica_read_varint(&r);
        const size_t offset = position + r.offset;
        const size_t left = mica_reader_left(&r);
        const uint8_t *payload = mica_read_bytes(&r, length);
        const uint32_t crc = mica_read32(&r);
        if (r.failed && !may_be_cut(stream, type))
            return mica_fail(error, MICA_ERROR_BITSTREAM, "truncated in section %s",
                             section_name(type));
        if (r.failed) {
            stream->damaged = 1;
            if (type == MICA_SECTION_LATENTS && !stream->section[type]) {
                stream->latents_damaged = 1;
                stream->section[type] = r.data + r.size - left;
                stream->section_size[type] = left < length ? left : length;
            }
            break;
        }
        const uint32_t found = mica_crc32c(mica_crc32c(0, &type, 1), payload, length);
        if (crc != found) {
            if (!may_be_damaged(stream, type))
                return mica_fail(error, MICA_ERROR_BITSTREAM, "checksum error in section %s",
                                 section_name(type));
            stream->damaged = 1;
            if (type == MICA_SECTION_LATENTS) {
                stream->latents_damaged = 1;
            } else if (type == MICA_SECTION_HYPER) {
                stream->hyper_damaged = 1;
                stream->hyper_difference = crc ^ found;
            } else {
                continue;
            }
        }
        if (stream->info_count < MICA_MAX_SECTIONS) {
            MicaSectionInfo *info = &stream->info[stream->info_count++];
            memcpy(info->type, section_name(type), 5);
            info->offset = offset;
            info->size = length;
        }
        const unsigned metadata = (unsigned)type - MICA_METADATA_ICC;
        if (metadata < MICA_METADATA_COUNT) {
            if (stream->metadata[metadata])
                return mica_fail(error, MICA_ERROR_BITSTREAM, "two sections %s",
                                 section_name(type));
            stream->metadata[metadata] = payload;
            stream->metadata_size[metadata] = length;
            continue;
        }
        if (type == 0 || type >= MICA_SECTION_COUNT) {
            if (type & MICA_SECTION_OPTIONAL)
                continue;
            return mica_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                             "section type %d is not known to this version", type);
        }
        if (stream->section[type])
            return mica_fail(error, MICA_ERROR_BITSTREAM, "two sections %s", section_name(type));
        stream->section[type] = payload;
        stream->section_size[type] = length;
    }
    if (stream->tolerant && !stream->section[MICA_SECTION_LATENTS]) {
        stream->damaged = stream->latents_damaged = 1;
        stream->section[MICA_SECTION_LATENTS] = r.data + r.size;
    }
    for (int type = 1; type < MICA_SECTION_ALPHA; type++)
        if (!stream->section[type])
            return mica_fail(error, MICA_ERROR_BITSTREAM, "truncated: section %s is missing",
                             section_name(type));
    const MicaStatus status =
        read_picture_header(&stream->header, stream->section[MICA_SECTION_PICTURE],
                            stream->section_size[MICA_SECTION_PICTURE], error);
    if (status != MICA_OK)
        return status;
    const int has_alpha = stream->header.channels % 2 == 0;
    stream->damaged |= has_alpha && !stream->section[MICA_SECTION_ALPHA];
    if (has_alpha && !stream->section[MICA_SECTION_ALPHA] && !stream->tolerant)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "truncated: section %s is missing",
                         section_name(MICA_SECTION_ALPHA));
    if (!has_alpha && stream->section[MICA_SECTION_ALPHA])
        return mica_fail(error, MICA_ERROR_BITSTREAM,
                         "an alpha section in a picture without alpha");
    return MICA_OK;
}

MicaStatus mica_stream_info(const void *data, size_t size, MicaStreamInfo *info, MicaError *error)
{
    if (!info)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for the information");
    memset(info, 0, sizeof *info);
    MicaStream s;
    const MicaStatus status = mica_stream_read(&s, data, size, error);
    if (status != MICA_OK)
        return status;
    info->version_major = s.version_major;
    info->version_minor = s.version_minor;
    memcpy(info->model_id, s.header.model_id, sizeof info->model_id);
    info->width = s.header.width;
    info->height = s.header.height;
    info->channels = s.header.channels;
    info->depth = s.header.depth;
    info->premultiplied = s.header.premultiplied;
    info->colour = s.header.colour;
    info->quality = s.header.quality * 100.0 / MICA_MAX_QUALITY;
    info->section_count = s.info_count;
    memcpy(info->sections, s.info, sizeof info->sections);
    return MICA_OK;
}

void mica_stream_describe(MicaStreamHeader *header, const MicaImage *image)
{
    header->width = image->width;
    header->height = image->height;
    header->channels = image->channels;
    header->depth = image->depth == 16 ? 16 : 8;
    header->premultiplied = image->channels % 2 == 0 && image->premultiplied;
    header->colour = (MicaColour){0};
    if (image->colour.described) {
        header->colour = image->colour;
        header->colour.full_range = image->colour.full_range != 0;
    }
}

void mica_stream_write_metadata(MicaWriter *w, const MicaImage *image)
{
    const MicaBuffer *const blocks[MICA_METADATA_COUNT] = {&image->icc, &image->exif, &image->xmp};
    for (int i = 0; i < MICA_METADATA_COUNT; i++)
        if (blocks[i]->size)
            mica_stream_write_section(w, MICA_METADATA_ICC + i, blocks[i]->data, blocks[i]->size);
}

MicaStatus mica_stream_copy_metadata(const MicaStream *stream, MicaImage *image, MicaError *error)
{
    MicaBuffer *const blocks[MICA_METADATA_COUNT] = {&image->icc, &image->exif, &image->xmp};
    image->premultiplied = stream->header.premultiplied;
    image->colour = stream->header.colour;
    for (int i = 0; i < MICA_METADATA_COUNT; i++)
        if (mica_buffer_copy(blocks[i], stream->metadata[i], stream->metadata_size[i]) != MICA_OK)
            return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for metadata");
    return MICA_OK;
}
