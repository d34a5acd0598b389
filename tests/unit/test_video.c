/* The send/receive API with key frames only: every pixel format, threads, order and user data,
 * damage and recovery, concealment, bit rate, extradata, lack of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "codec/frame_threads.h"
#include "mica/mica.h"
#include "tests/unit/model.h"

#define FRAMES 6

static MicaModel *tiny;

static int load_tiny(void **state)
{
    (void)state;
    tiny = load_model(MICA_TINY_MODEL);
    return 0;
}

static int unload_tiny(void **state)
{
    (void)state;
    mica_model_unref(&tiny);
    return 0;
}

static MicaVideoInfo description(MicaPixelFormat format, int width, int height)
{
    MicaVideoInfo info;
    mica_video_info_defaults(&info, sizeof info);
    info.width = width;
    info.height = height;
    info.format = format;
    info.frame_rate[0] = 25;
    info.frame_rate[1] = 1;
    return info;
}

/* Not by memory: the struct has padding. */
static void assert_same_info(const MicaVideoInfo *a, const MicaVideoInfo *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->format, b->format);
    assert_int_equal(a->chroma_site, b->chroma_site);
    assert_int_equal(a->full_range, b->full_range);
    assert_int_equal(a->primaries, b->primaries);
    assert_int_equal(a->transfer, b->transfer);
    assert_int_equal(a->matrix, b->matrix);
    assert_memory_equal(a->frame_rate, b->frame_rate, sizeof a->frame_rate);
    assert_memory_equal(a->sample_aspect, b->sample_aspect, sizeof a->sample_aspect);
    assert_int_equal(a->reorder, b->reorder);
}

/* A smooth picture that moves with n, in the nominal range of luma. */
static void paint(const MicaVideoInfo *info, int n, uint8_t *block, MicaVideoFrame *frame)
{
    memset(frame, 0, sizeof *frame);
    frame->struct_size = sizeof *frame;
    mica_frame_place(info, block, frame);
    const int planes = mica_pixel_planes(info->format);
    const int ten = info->format >= MICA_PIXEL_YUV420P10;
    for (int p = 0; p < planes; p++) {
        const int columns = (int)mica_pixel_row_bytes(info->format, info->width, p) >> ten;
        for (int y = 0; y < mica_pixel_rows(info->format, info->height, p); y++)
            for (int x = 0; x < columns; x++) {
                const double scale = (double)info->width / columns;
                const double v =
                    128 + 60 * sin((x * scale + 3 * n) * 0.05 + p) * cos(y * scale * 0.04);
                uint8_t *to = frame->data[p] + y * frame->stride[p];
                if (ten)
                    memcpy(to + 2 * x, &(uint16_t){(uint16_t)(4 * v)}, 2);
                else
                    to[x] = (uint8_t)v;
            }
    }
    frame->pts = 1000 + 40 * n;
    frame->duration = 40;
    frame->opaque = (void *)(uintptr_t)(n + 1);
}

typedef struct Coded {
    uint8_t *data[FRAMES];
    size_t size[FRAMES];
    uint8_t extradata[256];
    size_t extradata_size;
    int count;
} Coded;

static void take_packets(MicaVideoEncoder *encoder, Coded *out, MicaStatus last)
{
    MicaVideoPacket p = {.struct_size = sizeof p};
    MicaStatus status;
    while ((status = mica_video_encoder_receive(encoder, &p, NULL)) == MICA_OK) {
        assert_true(out->count < FRAMES);
        assert_int_equal(p.pts, 1000 + 40 * out->count);
        assert_int_equal(p.dts, p.pts);
        assert_int_equal(p.duration, 40);
        assert_int_equal((uintptr_t)p.opaque, out->count + 1);
        assert_int_equal(p.flags, MICA_VIDEO_KEY);
        out->data[out->count] = malloc(p.size);
        memcpy(out->data[out->count], p.data, p.size);
        out->size[out->count++] = p.size;
    }
    assert_int_equal(status, last);
}

static Coded encode(const MicaVideoInfo *info, const MicaVideoEncodeSettings *settings)
{
    Coded out = {.count = 0};
    MicaVideoEncoder *encoder;
    MicaError error = {0};
    const MicaStatus status = mica_video_encoder_open(&encoder, info, settings, &error);
    if (status != MICA_OK)
        print_error("%s\n", error.text);
    assert_int_equal(status, MICA_OK);
    const uint8_t *extradata;
    mica_video_encoder_extradata(encoder, &extradata, &out.extradata_size);
    assert_true(out.extradata_size <= sizeof out.extradata);
    memcpy(out.extradata, extradata, out.extradata_size);
    uint8_t *block = malloc(mica_frame_bytes(info));
    for (int n = 0; n < FRAMES; n++) {
        MicaVideoFrame frame;
        paint(info, n, block, &frame);
        while (mica_video_encoder_send(encoder, &frame, NULL) == MICA_ERROR_AGAIN)
            take_packets(encoder, &out, MICA_ERROR_AGAIN);
        memset(block, 0, mica_frame_bytes(info)); /* the call was to have taken what it needs */
    }
    assert_int_equal(mica_video_encoder_send(encoder, NULL, NULL), MICA_OK);
    take_packets(encoder, &out, MICA_ERROR_EOF);
    assert_int_equal(mica_video_encoder_send(encoder, NULL, NULL), MICA_ERROR_EOF);
    assert_int_equal(out.count, FRAMES);
    free(block);
    mica_video_encoder_close(&encoder);
    assert_null(encoder);
    return out;
}

static void forget(Coded *c)
{
    for (int i = 0; i < c->count; i++)
        free(c->data[i]);
}

static MicaVideoEncodeSettings fast(void)
{
    MicaVideoEncodeSettings s;
    mica_video_encode_defaults(&s, sizeof s);
    s.model = tiny;
    s.threads = 1;
    s.quality = 60;
    s.gop = 1;
    return s;
}

static MicaVideoDecoder *open_decoder(const Coded *c, const MicaModel *model, int threads,
                                      int conceal)
{
    MicaVideoDecodeSettings s;
    mica_video_decode_defaults(&s, sizeof s);
    s.model = model;
    s.threads = threads;
    s.conceal = conceal;
    MicaVideoDecoder *decoder;
    assert_int_equal(mica_video_decoder_open(&decoder, c->extradata, c->extradata_size, &s, NULL),
                     MICA_OK);
    return decoder;
}

/* Decode all packets; frames one after another, and the status of each. */
static uint8_t *decode(const Coded *c, const MicaVideoInfo *info, const MicaModel *model,
                       int threads, int conceal, MicaStatus status[FRAMES])
{
    const size_t bytes = mica_frame_bytes(info);
    uint8_t *all = calloc(FRAMES, bytes);
    MicaVideoDecoder *decoder = open_decoder(c, model, threads, conceal);
    int sent = 0, count = 0;
    for (;;) {
        MicaVideoPacket p = {.struct_size = sizeof p};
        if (sent < c->count) {
            /* An exact copy that is gone after the call. */
            uint8_t *copy = malloc(c->size[sent] ? c->size[sent] : 1);
            memcpy(copy, c->data[sent], c->size[sent]);
            p.data = copy;
            p.size = c->size[sent];
            p.pts = 7 * sent;
            p.opaque = (void *)(uintptr_t)(sent + 5);
            if (mica_video_decoder_send(decoder, &p, NULL) == MICA_OK)
                sent++;
            free(copy);
        } else if (sent == c->count) {
            assert_int_equal(mica_video_decoder_send(decoder, NULL, NULL), MICA_OK);
            sent++;
        }
        MicaVideoFrame frame = {.struct_size = sizeof frame};
        MicaError error = {0};
        const MicaStatus result = mica_video_decoder_receive(decoder, &frame, &error);
        if (result == MICA_ERROR_AGAIN)
            continue;
        if (result == MICA_ERROR_EOF)
            break;
        assert_true(count < FRAMES);
        assert_int_equal(frame.pts, 7 * count);
        assert_int_equal((uintptr_t)frame.opaque, count + 5);
        status[count] = result;
        if (result == MICA_OK) {
            assert_true(frame.flags == MICA_VIDEO_KEY || frame.flags == MICA_VIDEO_CONCEALED);
            mica_frame_copy(info, all + (size_t)count * bytes, &frame);
        } else {
            assert_null(frame.data[0]);
            assert_int_equal(error.status, result);
            assert_true(error.text[0] != 0);
        }
        count++;
    }
    assert_int_equal(count, FRAMES);
    mica_video_decoder_close(&decoder);
    return all;
}

static double psnr(const uint8_t *a, const uint8_t *b, size_t bytes, int ten)
{
    double sum = 0;
    const size_t count = ten ? bytes / 2 : bytes;
    for (size_t i = 0; i < count; i++) {
        uint16_t v[2] = {a[i], b[i]};
        if (ten) {
            memcpy(&v[0], a + 2 * i, 2);
            memcpy(&v[1], b + 2 * i, 2);
        }
        sum += ((double)v[0] - v[1]) * ((double)v[0] - v[1]);
    }
    const double peak = ten ? 1023 : 255;
    return sum > 0 ? 10 * log10(peak * peak * (double)count / sum) : 100;
}

/* With the trained model every format comes back close to what it was, in its own layout. */
static void test_formats(void **state)
{
    (void)state;
    static const int sizes[][2] = {{96, 64}, {33, 31}};
    for (int f = 0; f < MICA_PIXEL_FORMATS; f++)
        for (size_t k = 0; k < 2; k++)
            for (int site = 0; site <= (f == MICA_PIXEL_YUV420P ? 3 : 0); site++) {
                MicaVideoInfo info = description((MicaPixelFormat)f, sizes[k][0], sizes[k][1]);
                info.chroma_site = (MicaChromaSite)site;
                info.full_range = site == MICA_CHROMA_CENTER;
                info.matrix = k ? 1 : 2;
                MicaVideoEncodeSettings s = fast();
                s.model = NULL;
                s.quality = 95;
                Coded c = encode(&info, &s);
                MicaStatus status[FRAMES];
                uint8_t *all = decode(&c, &info, NULL, 1, 0, status);
                const size_t bytes = mica_frame_bytes(&info);
                uint8_t *block = malloc(bytes);
                for (int n = 0; n < FRAMES; n++) {
                    MicaVideoFrame frame;
                    paint(&info, n, block, &frame);
                    assert_int_equal(status[n], MICA_OK);
                    const double v =
                        psnr(block, all + (size_t)n * bytes, bytes, f >= MICA_PIXEL_YUV420P10);
                    if (v < 32)
                        print_error("format %d, %dx%d, site %d: %.2f dB\n", f, info.width,
                                    info.height, site, v);
                    assert_true(v >= 32);
                }
                MicaVideoInfo back = {.struct_size = sizeof back};
                assert_int_equal(
                    mica_video_info_read(c.extradata, c.extradata_size, &back, NULL, NULL),
                    MICA_OK);
                assert_same_info(&back, &info);
                free(block);
                free(all);
                forget(&c);
            }
}

static void test_threads(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 130, 70);
    MicaVideoEncodeSettings s = fast();
    Coded one = encode(&info, &s);
    static const int threads[][2] = {{2, 0}, {4, 2}, {3, 1}, {1, 3}};
    MicaStatus status[FRAMES];
    uint8_t *frames = decode(&one, &info, tiny, 1, 0, status);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        s.threads = threads[i][0];
        s.frame_threads = threads[i][1];
        Coded c = encode(&info, &s);
        for (int n = 0; n < FRAMES; n++) {
            assert_int_equal(c.size[n], one.size[n]);
            assert_memory_equal(c.data[n], one.data[n], one.size[n]);
        }
        uint8_t *again = decode(&c, &info, tiny, threads[i][0], 0, status);
        assert_memory_equal(again, frames, FRAMES * mica_frame_bytes(&info));
        free(again);
        forget(&c);
    }
    free(frames);
    forget(&one);
}

/* Damage to one packet is an error of that frame only; concealed, it is the frame before. */
static void test_damage(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 80, 48);
    const size_t bytes = mica_frame_bytes(&info);
    MicaVideoEncodeSettings s = fast();
    Coded c = encode(&info, &s);
    MicaStatus status[FRAMES];
    uint8_t *good = decode(&c, &info, tiny, 1, 0, status);
    const size_t size = c.size[2];
    for (size_t at = 0; at < size; at += at < 40 ? 1 : 29)
        for (int cut = 0; cut < 2; cut++) {
            if (cut)
                c.size[2] = at;
            else
                c.data[2][at] ^= 0x10;
            const int threads = 1 + (int)(at % 2), conceal = (int)(at / 2 % 2);
            uint8_t *all = decode(&c, &info, tiny, threads, conceal, status);
            for (int n = 0; n < FRAMES; n++) {
                assert_int_equal(status[n] == MICA_OK, n != 2 || conceal);
                if (status[n] == MICA_OK)
                    assert_memory_equal(all + (size_t)n * bytes,
                                        good + (size_t)(n == 2 ? 1 : n) * bytes, bytes);
            }
            free(all);
            c.size[2] = size;
            if (!cut)
                c.data[2][at] ^= 0x10;
        }
    /* A packet of another video, valid by itself. */
    const MicaVideoInfo other = description(MICA_PIXEL_YUV420P, 80, 50);
    Coded o = encode(&other, &s);
    uint8_t *swap = c.data[0];
    const size_t swap_size = c.size[0];
    c.data[0] = o.data[0];
    c.size[0] = o.size[0];
    uint8_t *all = decode(&c, &info, tiny, 2, 1, status);
    assert_int_equal(status[0], MICA_ERROR_BITSTREAM); /* nothing to show instead */
    assert_int_equal(status[1], MICA_OK);
    free(all);
    c.data[0] = swap;
    c.size[0] = swap_size;
    forget(&o);
    free(good);
    forget(&c);
}

static void test_extradata(void **state)
{
    (void)state;
    MicaVideoInfo info = description(MICA_PIXEL_YUV422P10, 80, 48);
    info.primaries = 9;
    info.transfer = 16;
    info.matrix = 9;
    info.sample_aspect[0] = 4;
    info.sample_aspect[1] = 3;
    MicaVideoEncodeSettings s = fast();
    Coded c = encode(&info, &s);
    MicaVideoInfo back = {.struct_size = sizeof back};
    uint8_t id[MICA_MODEL_ID_SIZE];
    assert_int_equal(mica_video_info_read(c.extradata, c.extradata_size, &back, id, NULL), MICA_OK);
    assert_same_info(&back, &info);
    MicaModelInfo model;
    mica_model_info(tiny, &model);
    assert_memory_equal(id, model.id, sizeof id);
    MicaVideoDecoder *decoder;
    for (size_t size = 0; size < c.extradata_size; size++) {
        assert_int_not_equal(mica_video_info_read(c.extradata, size, &back, NULL, NULL), MICA_OK);
        assert_int_not_equal(mica_video_decoder_open(&decoder, c.extradata, size, NULL, NULL),
                             MICA_OK);
        assert_null(decoder);
    }
    for (size_t at = 0; at < c.extradata_size; at++) {
        c.extradata[at] ^= 4;
        MicaVideoDecodeSettings d;
        mica_video_decode_defaults(&d, sizeof d);
        d.model = tiny;
        assert_int_not_equal(
            mica_video_decoder_open(&decoder, c.extradata, c.extradata_size, &d, NULL), MICA_OK);
        c.extradata[at] ^= 4;
    }
    /* The built-in models do not include this one. */
    assert_int_equal(mica_video_decoder_open(&decoder, c.extradata, c.extradata_size, NULL, NULL),
                     MICA_ERROR_MODEL_MISSING);
    MicaVideoDecodeSettings d;
    mica_video_decode_defaults(&d, sizeof d);
    d.model = tiny;
    d.max_pixels = 80 * 48 - 1;
    assert_int_equal(mica_video_decoder_open(&decoder, c.extradata, c.extradata_size, &d, NULL),
                     MICA_ERROR_LIMIT);
    forget(&c);
}

static void test_arguments(void **state)
{
    (void)state;
    MicaVideoEncoder *encoder;
    MicaVideoEncodeSettings s = fast();
    MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 32, 32);
    s.gop = 0;
    assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    for (int bframes = -1; bframes <= 8; bframes++) {
        s = fast();
        s.gop = 12;
        s.bframes = bframes;
        const int valid = bframes == 0 || bframes == 1 || bframes == 3 || bframes == 7;
        assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                         valid ? MICA_OK : MICA_ERROR_INVALID_ARGUMENT);
        mica_video_encoder_close(&encoder);
    }
    s = fast();
    s.quality = NAN;
    assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    s = fast();
    s.bitrate = 100000;
    info.frame_rate[0] = info.frame_rate[1] = 0;
    assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    s = fast();
    const MicaVideoInfo good = info;
    static const int bad[][2] = {{0, 5}, {5, -1}, {65536, 5}};
    for (size_t i = 0; i < 3; i++) {
        info.width = bad[i][0];
        info.height = bad[i][1];
        assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                         MICA_ERROR_INVALID_ARGUMENT);
        info = good;
    }
    info.format = (MicaPixelFormat)99;
    assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_video_encoder_open(&encoder, NULL, &s, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_video_encoder_open(NULL, &good, &s, NULL), MICA_ERROR_INVALID_ARGUMENT);

    assert_int_equal(mica_video_encoder_open(&encoder, &good, &s, NULL), MICA_OK);
    MicaVideoPacket packet = {.struct_size = sizeof packet};
    assert_int_equal(mica_video_encoder_receive(encoder, &packet, NULL), MICA_ERROR_AGAIN);
    uint8_t block[32 * 32 * 3 / 2];
    MicaVideoFrame frame;
    paint(&good, 0, block, &frame);
    frame.stride[1] = 15;
    assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_ERROR_INVALID_ARGUMENT);
    frame.stride[1] = 16;
    frame.data[2] = NULL;
    assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_ERROR_INVALID_ARGUMENT);
    paint(&good, 0, block, &frame);
    assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_OK);
    assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_ERROR_AGAIN);
    mica_video_encoder_flush(encoder); /* the packet is gone */
    assert_int_equal(mica_video_encoder_receive(encoder, &packet, NULL), MICA_ERROR_AGAIN);
    assert_int_equal(mica_video_encoder_send(encoder, NULL, NULL), MICA_OK);
    assert_int_equal(mica_video_encoder_receive(encoder, &packet, NULL), MICA_ERROR_EOF);
    mica_video_encoder_flush(encoder); /* and after the end it goes on */
    assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_OK);
    assert_int_equal(mica_video_encoder_receive(encoder, &packet, NULL), MICA_OK);
    mica_video_encoder_close(&encoder);
    mica_video_encoder_close(&encoder);
    mica_video_encoder_close(NULL);
    assert_int_equal(mica_pixel_planes((MicaPixelFormat)-1), 0);
    assert_int_equal(mica_pixel_row_bytes(MICA_PIXEL_RGB24, 5, 1), 0);
    assert_int_equal(mica_pixel_row_bytes(MICA_PIXEL_YUV420P10, 5, 1), 6);
    assert_int_equal(mica_pixel_rows(MICA_PIXEL_YUV420P, 5, 2), 3);
}

/* Flush while packets are in work, then decode from the third on. */
static void test_seek(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV444P, 70, 40);
    const size_t bytes = mica_frame_bytes(&info);
    MicaVideoEncodeSettings s = fast();
    Coded c = encode(&info, &s);
    MicaStatus status[FRAMES];
    uint8_t *good = decode(&c, &info, tiny, 1, 0, status), *block = malloc(bytes);
    MicaVideoDecoder *decoder = open_decoder(&c, tiny, 3, 0);
    MicaVideoFrame frame = {.struct_size = sizeof frame};
    for (int round = 0; round < 20; round++) {
        for (int n = 0; n < 1 + round % 3; n++) {
            const MicaVideoPacket p = {
                .struct_size = sizeof p, .data = c.data[n], .size = c.size[n]};
            assert_int_equal(mica_video_decoder_send(decoder, &p, NULL), MICA_OK);
        }
        mica_video_decoder_flush(decoder);
        const MicaVideoPacket p = {
            .struct_size = sizeof p, .data = c.data[3], .size = c.size[3], .pts = 333};
        assert_int_equal(mica_video_decoder_send(decoder, &p, NULL), MICA_OK);
        assert_int_equal(mica_video_decoder_send(decoder, NULL, NULL), MICA_OK);
        assert_int_equal(mica_video_decoder_receive(decoder, &frame, NULL), MICA_OK);
        assert_int_equal(frame.pts, 333);
        mica_frame_copy(&info, block, &frame);
        assert_memory_equal(block, good + 3 * bytes, bytes);
        assert_int_equal(mica_video_decoder_receive(decoder, &frame, NULL), MICA_ERROR_EOF);
        mica_video_decoder_flush(decoder);
    }
    mica_video_decoder_close(&decoder);
    free(block);
    free(good);
    forget(&c);
}

/* The mean comes near the rate that was asked for, and no frame exceeds the buffer. */
static void test_bitrate(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 128, 96);
    MicaVideoEncodeSettings s = fast();
    s.model = NULL;
    s.threads = 2;
    s.quality = 20;
    Coded low = encode(&info, &s);
    s.quality = 80;
    Coded high = encode(&info, &s);
    const double bits = 25 * 8 * sqrt((double)low.size[0] * (double)high.size[0]);
    s.bitrate = (uint64_t)bits;
    s.buffer_ms = 200;
    Coded c = encode(&info, &s);
    double sum = 0;
    for (int n = 0; n < FRAMES; n++) {
        sum += (double)c.size[n] * 8;
        assert_true((double)c.size[n] * 8 <= bits * 0.2);
    }
    const double mean = sum / FRAMES * 25;
    if (fabs(mean / bits - 1) > 0.3)
        print_error("%.0f bits per second instead of %.0f\n", mean, bits);
    assert_true(fabs(mean / bits - 1) <= 0.3);
    forget(&low);
    forget(&high);
    forget(&c);
}

/* Open, one frame through, close, with the n-th allocation failing. */
static MicaStatus one_encode(Coded *out)
{
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 40, 40);
    const MicaVideoEncodeSettings s = fast();
    MicaVideoEncoder *encoder;
    uint8_t block[40 * 40 * 3 / 2];
    MicaVideoFrame frame;
    MicaVideoPacket p = {.struct_size = sizeof p};
    paint(&info, 0, block, &frame);
    MicaStatus status = mica_video_encoder_open(&encoder, &info, &s, NULL);
    if (status == MICA_OK)
        status = mica_video_encoder_send(encoder, &frame, NULL);
    if (status == MICA_OK)
        status = mica_video_encoder_receive(encoder, &p, NULL);
    if (status == MICA_OK) {
        const uint8_t *extradata;
        mica_video_encoder_extradata(encoder, &extradata, &out->extradata_size);
        memcpy(out->extradata, extradata, out->extradata_size);
        out->data[0] = malloc(p.size);
        memcpy(out->data[0], p.data, p.size);
        out->size[0] = p.size;
        out->count = 1;
    }
    mica_video_encoder_close(&encoder);
    return status;
}

static MicaStatus one_decode(const Coded *c)
{
    MicaVideoDecodeSettings s;
    mica_video_decode_defaults(&s, sizeof s);
    s.model = tiny;
    s.threads = 1;
    s.conceal = 1;
    MicaVideoDecoder *decoder;
    const MicaVideoPacket p = {.struct_size = sizeof p, .data = c->data[0], .size = c->size[0]};
    MicaVideoFrame frame = {.struct_size = sizeof frame};
    MicaStatus status =
        mica_video_decoder_open(&decoder, c->extradata, c->extradata_size, &s, NULL);
    if (status == MICA_OK)
        status = mica_video_decoder_send(decoder, &p, NULL);
    if (status == MICA_OK)
        status = mica_video_decoder_receive(decoder, &frame, NULL);
    mica_video_decoder_close(&decoder);
    return status;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    Coded c = {.count = 0};
    for (int decoding = 0; decoding < 2; decoding++) {
        int done = 0;
        for (size_t n = 1; n < 400 && !done; n++) {
            mica_alloc_fail_after(n);
            const MicaStatus status = decoding ? one_decode(&c) : one_encode(&c);
            mica_alloc_fail_after(0);
            done = status == MICA_OK;
            assert_true(done || status == MICA_ERROR_OUT_OF_MEMORY);
        }
        assert_true(done);
    }
    forget(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_damage),    cmocka_unit_test(test_extradata),
        cmocka_unit_test(test_arguments), cmocka_unit_test(test_seek),
        cmocka_unit_test(test_bitrate),   cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, load_tiny, unload_tiny);
}
