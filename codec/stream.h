/*
 * The container of a coded picture: header and length-prefixed, checksummed sections
 * (docs/bitstream.md).
 *
 * Reading checks everything that the decoder will rely on before it allocates: versions,
 * dimensions, section order, lengths against the file, checksums.
 */
#ifndef MICA_CODEC_STREAM_H
#define MICA_CODEC_STREAM_H

#include "codec/base/bytes.h"
#include "mica/codec.h"

#define MICA_STREAM_MAJOR 0
#define MICA_STREAM_MINOR 2

typedef enum MicaSection {
    MICA_SECTION_PICTURE = 1, /* PictureHeader */
    MICA_SECTION_HYPER = 2,   /* symbols of z */
    MICA_SECTION_LATENTS = 3, /* symbols of y, in segments */
    MICA_SECTION_ALPHA = 4,   /* pictures with alpha only */
    MICA_SECTION_COUNT
} MicaSection;

/* A section type with this bit set may be skipped by a decoder that does not know it. */
#define MICA_SECTION_OPTIONAL 0x80

/* Optional sections: metadata, kept byte for byte. */
typedef enum MicaMetadata {
    MICA_METADATA_ICC = 0x81,
    MICA_METADATA_EXIF = 0x82,
    MICA_METADATA_XMP = 0x83
} MicaMetadata;
#define MICA_METADATA_COUNT 3

typedef struct MicaStreamHeader {
    uint8_t model_id[MICA_MODEL_ID_SIZE];
    int width, height;
    int channels; /* 1 or 3, one more with alpha */
    int depth;    /* bits per sample of the encoded picture, 8 or 16 */
    int premultiplied;
    MicaColour colour;
    int quality;                       /* 0..MICA_MAX_QUALITY */
    int skip;                          /* scale indices up to skip - 1 are not coded, 0 codes all */
    int segment_width, segment_height; /* positions of y in a segment, even */
    int restoration; /* strength of the filter, 0..MICA_RESTORATION_STRONGEST; 0: none */
    int passes;      /* 1, or progressive: MICA_CONTEXT_STEPS, every step of a segment by itself */
} MicaStreamHeader;

/* The payloads point into the stream. */
typedef struct MicaStream {
    int version_major, version_minor;
    MicaStreamHeader header;
    const uint8_t *section[MICA_SECTION_COUNT];
    size_t section_size[MICA_SECTION_COUNT];
    const uint8_t *metadata[MICA_METADATA_COUNT]; /* by type - MICA_METADATA_ICC */
    size_t metadata_size[MICA_METADATA_COUNT];
    int tolerant; /* latents, alpha and optional sections may be damaged, cut or missing, the hyper
                     section damaged */
    int damaged;  /* one of them is; section[] is NULL unless it is one of the next two */
    int latents_damaged;
    int hyper_damaged;
    uint32_t hyper_difference; /* its checksum XOR the one that it should have */
    int info_count;
    MicaSectionInfo info[MICA_MAX_SECTIONS];
} MicaStream;

/* MICA_ERROR_BITSTREAM, MICA_ERROR_UNSUPPORTED_VERSION, MICA_ERROR_UNSUPPORTED_FEATURE. */
MicaStatus mica_stream_read(MicaStream *stream, const void *data, size_t size, MicaError *error);

/* The same, but take what there is of the latents, and leave out other damaged sections that the
 * picture can do without. */
MicaStatus mica_stream_read_tolerant(MicaStream *stream, const void *data, size_t size,
                                     MicaError *error);

/* The sections alone, without what comes before them in a file; `stream` holds that already.
 * `position` is the place of the data in the file, for the offsets in `info`. */
MicaStatus mica_stream_read_sections(MicaStream *stream, const void *data, size_t size,
                                     size_t position, MicaError *error);

/* Bytes of a file before its first section: magic, version, model id. */
#define MICA_STREAM_PREFIX_SIZE (6 + MICA_MODEL_ID_SIZE)

void mica_stream_write_header(MicaWriter *w, const MicaStreamHeader *header);
void mica_stream_write_section(MicaWriter *w, int type, const void *data, size_t size);

/* What a header says about the kind of a picture. */
void mica_stream_describe(MicaStreamHeader *header, const MicaImage *image);

/* The metadata of a picture, a section for each block that is not empty. */
void mica_stream_write_metadata(MicaWriter *w, const MicaImage *image);

/* Copy kind and metadata into a picture. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_stream_copy_metadata(const MicaStream *stream, MicaImage *image, MicaError *error);

#endif
