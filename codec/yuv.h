/*
 * Between the pixel format of a video and the 8-bit RGB of the networks, in integers
 * (docs/video.md, "Conversion").
 */
#ifndef MICA_CODEC_YUV_H
#define MICA_CODEC_YUV_H

#include "codec/base/attributes.h"
#include "codec/base/pool.h"
#include "mica/image.h"
#include "mica/video.h"

/* Fixed-point coefficients, and what an axis of the chroma planes looks like. */
typedef struct MicaYuv {
    int width, height;
    int planes, ten_bits;
    int half_width, half_height; /* 1: chroma is subsampled there */
    int left, top;               /* 1: chroma lies on the even luma sample, 0: between two */
    int luma_black, luma_span, chroma_offset, chroma_span, most;
    int kr, kb; /* of the matrix, in 1/10000 */
    /* The rest depends on the room. */
    int to_rgb[5];          /* Y, Cr to R, Cb to G, Cr to G, Cb to B; 2^16 */
    int black;              /* where black lies in RGB; 2^16 */
    int to_luma[3];         /* of R, G, B; 2^16 */
    int luma_zero;          /* luma of R = G = B = 0, which may be below black; 2^16 */
    int to_cb[3], to_cr[3]; /* of R, G, B; 2^14 */
    int threads;
    int16_t *scratch; /* of all threads */
    size_t scratch_size;
} MicaYuv;

/* Channels of the picture that the networks see: 1 for gray, 3 otherwise. */
int mica_yuv_channels(MicaPixelFormat format);

/*
 * A YUV source may have colours that no RGB of 0..255 is. Room for them: the 8 bits of a sample
 * then stand for -FOOT..255 + HEAD, FOOT and HEAD being MICA_ROOM_UNIT times bits 0..3 and
 * bits 4..7. Key frames carry it (docs/video.md, section 2).
 */
#define MICA_ROOM_UNIT 8
MICA_INLINE int mica_room_foot(uint8_t room)
{
    return MICA_ROOM_UNIT * (room & 15);
}
MICA_INLINE int mica_room_head(uint8_t room)
{
    return MICA_ROOM_UNIT * (room >> 4);
}

/* Without room. */
MicaStatus mica_yuv_create(MicaYuv *yuv, const MicaVideoInfo *info, int threads);
void mica_yuv_free(MicaYuv *yuv);

/* Of the conversions to come. RGB and gray are what they are, and need none. */
void mica_yuv_set_room(MicaYuv *yuv, uint8_t room);

/* The image is allocated, with the size of the video. */
void mica_yuv_to_image(const MicaYuv *yuv, MicaPool *pool, uint8_t *const data[MICA_PLANES],
                       const ptrdiff_t stride[MICA_PLANES], const MicaImage *image);
void mica_yuv_from_image(const MicaYuv *yuv, MicaPool *pool, const MicaImage *image,
                         uint8_t *const data[MICA_PLANES], const ptrdiff_t stride[MICA_PLANES]);

#endif
