/*
 * Video: a sequence of pictures, coded and decoded by contexts that are opened once.
 *
 * Encoder and decoder take and give in two steps, as libavcodec has it: send until
 * MICA_ERROR_AGAIN, receive until MICA_ERROR_AGAIN; sending NULL says that nothing more comes, and
 * then receiving ends with MICA_ERROR_EOF.
 *
 *     mica_video_encoder_open(&encoder, &info, &settings, &error);
 *     mica_video_encoder_extradata(encoder, &data, &size);      into the header of the file
 *     for each frame, and NULL at the end:
 *         mica_video_encoder_send(encoder, frame, &error);
 *         while (mica_video_encoder_receive(encoder, &packet, &error) == MICA_OK)
 *             write packet.data
 *     mica_video_encoder_close(&encoder);
 *
 * With a gop of 1 every frame is a key frame. Otherwise the frames between are predicted from one
 * or two decoded ones, and with bframes packets come in another order than frames: dts says when to
 * decode, pts when to show.
 *
 * Frames have the pixel format of the source. The networks work on 8-bit RGB; the library converts
 * in integers (docs/video.md), so that the same packets give the same samples on every machine. The
 * number of threads changes neither packets nor frames. A context is used by one thread at a time.
 */
#ifndef MICA_VIDEO_H
#define MICA_VIDEO_H

#include <stddef.h>
#include <stdint.h>

#include "mica/model.h"
#include "mica/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Samples of more than 8 bits are uint16_t in the byte order of the machine. Chroma planes of
 * subsampled formats have (size + 1) / 2 columns or rows. */
typedef enum MicaPixelFormat {
    MICA_PIXEL_GRAY8 = 0,
    MICA_PIXEL_RGB24 = 1, /* one plane, R G B */
    MICA_PIXEL_YUV420P = 2,
    MICA_PIXEL_YUV422P = 3,
    MICA_PIXEL_YUV444P = 4,
    MICA_PIXEL_YUV420P10 = 5,
    MICA_PIXEL_YUV422P10 = 6,
    MICA_PIXEL_YUV444P10 = 7
} MicaPixelFormat;

#define MICA_PIXEL_FORMATS 8
#define MICA_PLANES 3

/* Number of planes; width in bytes and height in rows of a plane. 0 for what does not exist. */
MICA_API int mica_pixel_planes(MicaPixelFormat format);
MICA_API size_t mica_pixel_row_bytes(MicaPixelFormat format, int width, int plane);
MICA_API int mica_pixel_rows(MicaPixelFormat format, int height, int plane);

/* Where chroma samples lie (ITU-T H.273 numbers them from 0, AVChromaLocation as here). */
typedef enum MicaChromaSite {
    MICA_CHROMA_UNSPECIFIED = 0, /* treated as left */
    MICA_CHROMA_LEFT = 1,        /* on the left luma column, between two rows: MPEG-2 and later */
    MICA_CHROMA_CENTER = 2,      /* between columns and rows: JPEG, MPEG-1 */
    MICA_CHROMA_TOP_LEFT = 3     /* on a luma sample: BT.2020 */
} MicaChromaSite;

/* What a sequence has in common. Kept in the extradata, so that decoding returns the format of the
 * source. */
typedef struct MicaVideoInfo {
    size_t struct_size;
    int width, height; /* pixels, 1..MICA_MAX_DIMENSION */
    MicaPixelFormat format;
    MicaChromaSite chroma_site;
    int full_range; /* 0: luma 16..235 at 8 bits; ignored for RGB and gray, which are full */
    /* Code points of ITU-T H.273; 2 is unspecified. The matrix takes part in the conversion; where
     * it is unspecified or none that the library has (docs/video.md), a standard one stands in. */
    int primaries, transfer, matrix;
    uint32_t frame_rate[2];    /* numerator and denominator; 0/0: unknown or variable */
    uint32_t sample_aspect[2]; /* width : height of a pixel; 0/0: unknown */
    int reorder; /* read only: frames that may lie between a packet and its place in time, 0..3 */
    /* Read only: whether there are predicted frames, and the id of the model that decodes them. */
    int predicted;
    uint8_t predicted_model[MICA_MODEL_ID_SIZE];
} MicaVideoInfo;

/* All unspecified, 420. */
MICA_API void mica_video_info_defaults(MicaVideoInfo *info, size_t struct_size);

/* What a frame or packet is. */
#define MICA_VIDEO_KEY 1u       /* decodable without any other */
#define MICA_VIDEO_CONCEALED 2u /* a frame that was damaged and replaced */

typedef struct MicaVideoFrame {
    size_t struct_size;
    uint8_t *data[MICA_PLANES]; /* top row first */
    ptrdiff_t stride[MICA_PLANES];
    int64_t pts, duration; /* in any unit; handed through */
    void *opaque;          /* handed through */
    uint32_t flags;        /* output: MICA_VIDEO_...; input: MICA_VIDEO_KEY asks for a key frame */
} MicaVideoFrame;

typedef struct MicaVideoPacket {
    size_t struct_size;
    const uint8_t *data;
    size_t size;
    int64_t pts, dts, duration;
    void *opaque;
    uint32_t flags;
    double quality; /* output of the encoder: quality that the frame was coded with */
} MicaVideoPacket;

/* ---- encoder ---- */

typedef struct MicaVideoEncoder MicaVideoEncoder;

/* Which built-in model codes predicted frames. */
typedef enum MicaVideoPreset {
    MICA_PRESET_MAIN = 0, /* V */
    MICA_PRESET_FAST = 1  /* V-fast: little more than half the multiplications, and more bits */
} MicaVideoPreset;

typedef struct MicaVideoEncodeSettings {
    size_t struct_size;
    const MicaModel *model; /* NULL: the built-in S; a reference is held */
    double quality;         /* 0 (fewest bits) .. 100, default 50 */
    int effort;             /* 1 (fastest) .. 9, default 2 */
    int threads;            /* 0: one per processor */
    int frame_threads;      /* frames coded at once, each on its share of the threads; 0: as many as
                               threads. Delays packets by as many frames. 1 with a bit rate. */
    uint32_t cpu_mask;      /* as of mica_image_encode() */
    int gop;                /* frames from key frame to key frame at most; 1: key frames only */
    uint64_t bitrate;       /* bits per second; 0: constant quality. Needs a frame rate. */
    int buffer_ms;          /* what the receiver buffers of such a stream, default 1000 */
    const MicaModel *predicted_model; /* of predicted frames; NULL: that of `preset` */
    int bframes;  /* frames between two that are predicted from the past, and predicted from both
                     sides: 0 (default), 1, 3 or 7 */
    int scenecut; /* 1 (default): a key frame also where prediction fails */
    /* Frames that wait behind one before it is coded, 0..8, default 8. Key frames, and those that B
     * frames are predicted from, are filtered with what the frames around show. 0: no filter, no
     * delay. */
    int lookahead;
    MicaVideoPreset preset; /* where predicted_model is NULL; default MICA_PRESET_MAIN */
} MicaVideoEncodeSettings;

MICA_API void mica_video_encode_defaults(MicaVideoEncodeSettings *settings, size_t struct_size);

/* settings may be NULL. MICA_ERROR_INVALID_ARGUMENT, MICA_ERROR_OUT_OF_MEMORY,
 * MICA_ERROR_MODEL_MISSING. On failure *encoder is NULL. */
MICA_API MicaStatus mica_video_encoder_open(MicaVideoEncoder **encoder, const MicaVideoInfo *info,
                                            const MicaVideoEncodeSettings *settings,
                                            MicaError *error);
MICA_API void mica_video_encoder_close(MicaVideoEncoder **encoder);

/* The header of the stream, for the container; valid as long as the encoder. */
MICA_API void mica_video_encoder_extradata(const MicaVideoEncoder *encoder, const uint8_t **data,
                                           size_t *size);

/* Give a frame, or NULL at the end. Its samples may be changed after the call. MICA_ERROR_AGAIN:
 * receive first; MICA_ERROR_EOF: after the end; MICA_ERROR_INVALID_ARGUMENT. */
MICA_API MicaStatus mica_video_encoder_send(MicaVideoEncoder *encoder, const MicaVideoFrame *frame,
                                            MicaError *error);

/* Take a packet; its data is valid until the next call with the same encoder. MICA_ERROR_AGAIN:
 * send first; MICA_ERROR_EOF: all taken. Another error is that of one frame, told by pts and
 * opaque; the encoder goes on with the next, as a key frame if more were to be predicted from the
 * one that is missing. */
MICA_API MicaStatus mica_video_encoder_receive(MicaVideoEncoder *encoder, MicaVideoPacket *packet,
                                               MicaError *error);

/* Drop what has not been received and start anew, also after the end: what follows is coded as if
 * the encoder had just been opened. */
MICA_API void mica_video_encoder_flush(MicaVideoEncoder *encoder);

/* ---- decoder ---- */

typedef struct MicaVideoDecoder MicaVideoDecoder;

typedef struct MicaVideoDecodeSettings {
    size_t struct_size;
    const MicaModel *model; /* NULL: a built-in one, by the id in the extradata */
    int threads, frame_threads;
    uint32_t cpu_mask;
    uint64_t max_pixels; /* larger frames are refused with MICA_ERROR_LIMIT; default 2^28 */
    int conceal;         /* 1: a damaged frame is replaced by the one before and no error */
    const MicaModel *predicted_model; /* NULL: a built-in one, by the id in the extradata */
} MicaVideoDecodeSettings;

MICA_API void mica_video_decode_defaults(MicaVideoDecodeSettings *settings, size_t struct_size);

/* Read extradata without opening a decoder; info->struct_size is set. model_id, if not NULL, has
 * room for MICA_MODEL_ID_SIZE bytes. MICA_ERROR_BITSTREAM and other errors of decoding. */
MICA_API MicaStatus mica_video_info_read(const void *extradata, size_t size, MicaVideoInfo *info,
                                         uint8_t *model_id, MicaError *error);

MICA_API MicaStatus mica_video_decoder_open(MicaVideoDecoder **decoder, const void *extradata,
                                            size_t size, const MicaVideoDecodeSettings *settings,
                                            MicaError *error);
MICA_API void mica_video_decoder_close(MicaVideoDecoder **decoder);

/* Give a packet (data, size, pts, duration and opaque count), or NULL at the end; its data may be
 * changed after the call. MICA_ERROR_AGAIN, MICA_ERROR_EOF, MICA_ERROR_INVALID_ARGUMENT. */
MICA_API MicaStatus mica_video_decoder_send(MicaVideoDecoder *decoder,
                                            const MicaVideoPacket *packet, MicaError *error);

/* Take a frame; its samples are valid, and may be changed, until the next call with the same
 * decoder. MICA_ERROR_AGAIN, MICA_ERROR_EOF. Another error is that of one packet, told by pts and
 * opaque; later key frames decode. */
MICA_API MicaStatus mica_video_decoder_receive(MicaVideoDecoder *decoder, MicaVideoFrame *frame,
                                               MicaError *error);

/* Drop what has not been received, for seeking; the next packet is to be a key frame. */
MICA_API void mica_video_decoder_flush(MicaVideoDecoder *decoder);

#ifdef __cplusplus
}
#endif

#endif
