/* Videos with predicted frames: order and time stamps, what encoder and decoder agree on, threads
 * and kernels, loss and damage, seeking, bit rate, lack of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/base/mem.h"
#include "codec/enc_predicted.h"
#include "codec/frame_threads.h"
#include "mica/mica.h"
#include "tests/unit/model.h"

#define MAX_FRAMES 1000

static MicaModel *tiny, *predicted;

static int set_up(void **state)
{
    (void)state;
    tiny = load_model(MICA_TINY_MODEL);
    predicted = load_model(MICA_PREDICTED_CONTEXT_MODEL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mica_model_unref(&tiny);
    mica_model_unref(&predicted);
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

static MicaVideoEncodeSettings encoder_settings(int gop, int bframes)
{
    MicaVideoEncodeSettings s;
    mica_video_encode_defaults(&s, sizeof s);
    s.model = tiny;
    s.predicted_model = predicted;
    s.threads = 1;
    s.effort = 1;
    s.gop = gop;
    s.bframes = bframes;
    s.scenecut = 0;
    return s;
}

static MicaVideoDecodeSettings decoder_settings(void)
{
    MicaVideoDecodeSettings s;
    mica_video_decode_defaults(&s, sizeof s);
    s.model = tiny;
    s.predicted_model = predicted;
    s.threads = 1;
    return s;
}

/* Time stamps of a variable frame rate. */
static int64_t time_of(int n)
{
    return 1000 + 40 * n + n % 3;
}

/* A pattern that moves with n; `scene` is another one. */
static void paint(const MicaVideoInfo *info, int n, int scene, uint8_t *block,
                  MicaVideoFrame *frame)
{
    memset(frame, 0, sizeof *frame);
    frame->struct_size = sizeof *frame;
    mica_frame_place(info, block, frame);
    const int ten = info->format >= MICA_PIXEL_YUV420P10;
    for (int p = 0; p < mica_pixel_planes(info->format); p++) {
        const int columns = (int)mica_pixel_row_bytes(info->format, info->width, p) >> ten;
        for (int y = 0; y < mica_pixel_rows(info->format, info->height, p); y++)
            for (int x = 0; x < columns; x++) {
                const double at = (double)x * info->width / columns + 2 * n;
                const double v = scene ? 128 + 90 * cos(y * 0.5 + at * 0.3)
                                       : 128 + 60 * sin(at * 0.1 + p) * cos(y * 0.07);
                uint8_t *to = frame->data[p] + y * frame->stride[p];
                if (ten)
                    memcpy(to + 2 * x, &(uint16_t){(uint16_t)(4 * v)}, 2);
                else
                    to[x] = (uint8_t)v;
            }
    }
    frame->pts = time_of(n);
    frame->duration = 40;
    frame->opaque = (void *)(uintptr_t)(n + 1);
}

/* ---- encoding ---- */

typedef struct Packet {
    uint8_t *data;
    size_t size;
    int64_t pts, dts;
    void *opaque;
    uint32_t flags;
} Packet;

typedef struct Video {
    MicaVideoInfo info;
    uint8_t extradata[256];
    size_t extradata_size;
    Packet packet[MAX_FRAMES];
    int count;
} Video;

static MicaStatus take_packets(MicaVideoEncoder *encoder, Video *v)
{
    MicaVideoPacket p = {.struct_size = sizeof p};
    MicaStatus status;
    while ((status = mica_video_encoder_receive(encoder, &p, NULL)) == MICA_OK) {
        assert_true(v->count < MAX_FRAMES);
        assert_int_equal(p.duration, 40);
        Packet *to = &v->packet[v->count++];
        *to = (Packet){malloc(p.size), p.size, p.pts, p.dts, p.opaque, p.flags};
        memcpy(to->data, p.data, p.size);
    }
    return status;
}

/* Frames 0..frames-1; another scene from `cut` on; a key frame is asked for at `forced`. */
static void send_frames(MicaVideoEncoder *encoder, Video *v, int frames, int cut, int forced)
{
    uint8_t *block = malloc(mica_frame_bytes(&v->info));
    for (int n = 0; n < frames; n++) {
        MicaVideoFrame frame;
        paint(&v->info, n, n >= cut, block, &frame);
        frame.flags = n == forced ? MICA_VIDEO_KEY : 0;
        MicaStatus status;
        while ((status = mica_video_encoder_send(encoder, &frame, NULL)) == MICA_ERROR_AGAIN)
            assert_int_equal(take_packets(encoder, v), MICA_ERROR_AGAIN);
        assert_int_equal(status, MICA_OK);
        memset(block, 0, mica_frame_bytes(&v->info)); /* the call was to have taken it */
    }
    free(block);
    assert_int_equal(mica_video_encoder_send(encoder, NULL, NULL), MICA_OK);
    assert_int_equal(take_packets(encoder, v), MICA_ERROR_EOF);
    assert_int_equal(mica_video_encoder_send(encoder, NULL, NULL), MICA_ERROR_EOF);
}

static MicaVideoEncoder *open_encoder(Video *v, const MicaVideoInfo *info,
                                      const MicaVideoEncodeSettings *s)
{
    MicaVideoEncoder *encoder;
    MicaError error = {MICA_OK, ""};
    if (mica_video_encoder_open(&encoder, info, s, &error) != MICA_OK)
        fail_msg("%s", error.text);
    const uint8_t *extradata;
    memset(v, 0, sizeof *v);
    mica_video_encoder_extradata(encoder, &extradata, &v->extradata_size);
    assert_true(v->extradata_size <= sizeof v->extradata);
    memcpy(v->extradata, extradata, v->extradata_size);
    v->info.struct_size = sizeof v->info;
    assert_int_equal(mica_video_info_read(extradata, v->extradata_size, &v->info, NULL, NULL),
                     MICA_OK);
    return encoder;
}

static Video *encode(const MicaVideoInfo *info, const MicaVideoEncodeSettings *s, int frames,
                     int cut, int forced)
{
    Video *v = malloc(sizeof *v);
    MicaVideoEncoder *encoder = open_encoder(v, info, s);
    send_frames(encoder, v, frames, cut, forced);
    mica_video_encoder_close(&encoder);
    assert_int_equal(v->count, frames);
    return v;
}

static void forget(Video *v)
{
    for (int i = 0; i < v->count; i++)
        free(v->packet[i].data);
    free(v);
}

static void assert_same_packets(const Video *a, const Video *b)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_int_equal(a->packet[i].size, b->packet[i].size);
        assert_memory_equal(a->packet[i].data, b->packet[i].data, a->packet[i].size);
        assert_int_equal(a->packet[i].dts, b->packet[i].dts);
    }
}

/* ---- decoding ---- */

typedef struct Frames {
    uint8_t *samples;
    size_t bytes; /* of one */
    int count;
    int64_t pts[MAX_FRAMES];
    uintptr_t opaque[MAX_FRAMES];
    uint32_t flags[MAX_FRAMES];
    MicaStatus status[MAX_FRAMES];
} Frames;

static MicaStatus take_frames(MicaVideoDecoder *decoder, const Video *v, Frames *f)
{
    for (;;) {
        MicaVideoFrame frame = {.struct_size = sizeof frame};
        MicaError error = {MICA_OK, ""};
        const MicaStatus status = mica_video_decoder_receive(decoder, &frame, &error);
        if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
            return status;
        assert_true(f->count < MAX_FRAMES);
        assert_true((status == MICA_OK) == (frame.data[0] != NULL));
        assert_true(status == MICA_OK || (error.status == status && error.text[0]));
        uint8_t *to = f->samples + (size_t)f->count * f->bytes;
        if (status == MICA_OK) {
            uint8_t *const shown = frame.data[0];
            mica_frame_copy(&v->info, to, &frame);
            memset(shown, 77, 1); /* it is the caller's to change */
        }
        f->pts[f->count] = frame.pts;
        f->opaque[f->count] = (uintptr_t)frame.opaque;
        f->flags[f->count] = frame.flags;
        f->status[f->count++] = status;
    }
}

static void send_packets(MicaVideoDecoder *decoder, const Video *v, int first, Frames *f)
{
    for (int i = first; i < v->count; i++) {
        const Packet *p = &v->packet[i];
        if (!p->data)
            continue; /* lost */
        uint8_t *copy = malloc(p->size ? p->size : 1);
        memcpy(copy, p->data, p->size);
        const MicaVideoPacket packet = {.struct_size = sizeof packet,
                                        .data = copy,
                                        .size = p->size,
                                        .pts = p->pts,
                                        .dts = p->dts,
                                        .opaque = p->opaque};
        MicaStatus status;
        while ((status = mica_video_decoder_send(decoder, &packet, NULL)) == MICA_ERROR_AGAIN)
            assert_int_equal(take_frames(decoder, v, f), MICA_ERROR_AGAIN);
        assert_int_equal(status, MICA_OK);
        free(copy);
    }
    assert_int_equal(mica_video_decoder_send(decoder, NULL, NULL), MICA_OK);
    assert_int_equal(take_frames(decoder, v, f), MICA_ERROR_EOF);
}

static MicaVideoDecoder *open_decoder(const Video *v, const MicaVideoDecodeSettings *s)
{
    MicaVideoDecoder *decoder;
    assert_int_equal(mica_video_decoder_open(&decoder, v->extradata, v->extradata_size, s, NULL),
                     MICA_OK);
    return decoder;
}

static Frames *new_frames(const Video *v)
{
    Frames *f = calloc(1, sizeof *f);
    f->bytes = mica_frame_bytes(&v->info);
    f->samples = calloc((size_t)v->count, f->bytes);
    return f;
}

static Frames *decode(const Video *v, const MicaVideoDecodeSettings *s)
{
    Frames *f = new_frames(v);
    MicaVideoDecoder *decoder = open_decoder(v, s);
    send_packets(decoder, v, 0, f);
    mica_video_decoder_close(&decoder);
    return f;
}

static void release(Frames *f)
{
    free(f->samples);
    free(f);
}

/* ---- tests ---- */

/* Packets come in order of dts, frames in order of pts, each with what belongs to it. */
static void test_order(void **state)
{
    (void)state;
    static const int bframes[] = {0, 1, 3, 7};
    enum { FRAMES = 23, FORCED = 13 }; /* incomplete groups at the key frame and at the end */
    for (int k = 0; k < 4; k++) {
        const MicaVideoInfo info = description(MICA_PIXEL_GRAY8, 24, 16);
        MicaVideoEncodeSettings s = encoder_settings(17, bframes[k]);
        Video *v = encode(&info, &s, FRAMES, FRAMES, FORCED);
        assert_int_equal(v->info.predicted, 1);
        assert_int_equal(v->info.reorder, k);
        for (int i = 0; i < FRAMES; i++) {
            const Packet *p = &v->packet[i];
            const int n = (int)(uintptr_t)p->opaque - 1;
            assert_int_equal(p->pts, time_of(n));
            assert_true(p->dts <= p->pts);
            assert_true(i == 0 || p->dts > p[-1].dts);
            assert_int_equal(p->flags, n == 0 || n == FORCED ? MICA_VIDEO_KEY : 0);
            if (k == 0)
                assert_int_equal(n, i);
        }
        const MicaVideoDecodeSettings d = decoder_settings();
        Frames *f = decode(v, &d);
        assert_int_equal(f->count, FRAMES);
        for (int n = 0; n < FRAMES; n++) {
            assert_int_equal(f->status[n], MICA_OK);
            assert_int_equal(f->pts[n], time_of(n));
            assert_int_equal(f->opaque[n], n + 1);
            assert_int_equal(f->flags[n], n == 0 || n == FORCED ? MICA_VIDEO_KEY : 0);
        }
        release(f);
        forget(v);
    }
}

/* Key frames where the gop ends and where the scene changes. */
static void test_keys(void **state)
{
    (void)state;
    enum { FRAMES = 20, CUT = 12 };
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 96, 96);
    for (int scenecut = 0; scenecut < 2; scenecut++) {
        MicaVideoEncodeSettings s = encoder_settings(5, 3);
        s.scenecut = scenecut;
        Video *v = encode(&info, &s, FRAMES, CUT, -1);
        for (int i = 0; i < FRAMES; i++) {
            const int n = (int)(uintptr_t)v->packet[i].opaque - 1;
            const int key = scenecut && n >= CUT ? (n - CUT) % 5 == 0 : n % 5 == 0;
            assert_int_equal(v->packet[i].flags, key ? MICA_VIDEO_KEY : 0);
        }
        forget(v);
    }
}

/* Every format with odd sizes comes back in the layout of the source. */
static void test_formats(void **state)
{
    (void)state;
    for (int format = 0; format < MICA_PIXEL_FORMATS; format++)
        for (int bframes = 0; bframes <= 3; bframes += 3) {
            const MicaVideoInfo info = description((MicaPixelFormat)format, 37, 21);
            MicaVideoEncodeSettings s = encoder_settings(120, bframes);
            Video *v = encode(&info, &s, 6, 6, -1);
            const MicaVideoDecodeSettings d = decoder_settings();
            Frames *f = decode(v, &d);
            assert_int_equal(f->count, 6);
            assert_int_equal(v->info.format, format);
            for (int n = 0; n < 6; n++)
                assert_int_equal(f->status[n], MICA_OK);
            release(f);
            forget(v);
        }
}

/* The room of the group of frames that a packet belongs to. */
static uint8_t room_of(const Video *v, const MicaVideoPacket *p, uint8_t before)
{
    MicaFrameHeader header;
    MicaStream stream;
    MicaMotionData motion;
    assert_int_equal(
        mica_frame_packet_read(p->data, p->size, &v->info, &header, &stream, &motion, NULL),
        MICA_OK);
    return header.type == MICA_FRAME_INTRA ? header.room : before;
}

/* What the encoder predicts from is what the decoder shows, also after a thousand frames. In YUV,
 * the second scene has colours that need more room than those of the first. */
static void check_agreement(MicaPixelFormat format, int bframes, int frames)
{
    const MicaVideoInfo given = description(format, 50, 34);
    MicaVideoEncodeSettings s = encoder_settings(1000, bframes);
    Video *v = encode(&given, &s, frames, 30, 30);
    const MicaVideoDecodeSettings d = decoder_settings();
    Frames *f = decode(v, &d);
    MicaFrameThreads threads;
    MicaEncodeSettings picture;
    mica_encode_defaults(&picture, sizeof picture);
    picture.effort = s.effort;
    assert_int_equal(mica_frame_threads_open(&threads, &v->info, tiny, 1, 1, UINT32_MAX, 0, NULL),
                     MICA_OK);
    MicaPredictedEncoder e = {.info = &v->info,
                              .picture = &picture,
                              .intra = &threads.worker[0].session,
                              .yuv = &threads.worker[0].yuv,
                              .gop = s.gop,
                              .bframes = bframes,
                              .lookahead = s.lookahead};
    assert_int_equal(mica_predicted_encoder_open(&e, predicted, 1, UINT32_MAX, NULL), MICA_OK);
    uint8_t *block = malloc(f->bytes), *seen = malloc(f->bytes);
    MicaVideoFrame converted;
    mica_frame_place(&v->info, seen, &converted);
    int count = 0;
    uint8_t room = 0, first_room = 0;
    for (int n = 0; n <= frames; n++) {
        MicaVideoFrame frame;
        paint(&v->info, n, n >= 30, block, &frame);
        frame.flags = n == 30 ? MICA_VIDEO_KEY : 0;
        assert_int_equal(mica_predicted_encoder_send(&e, n < frames ? &frame : NULL, NULL),
                         MICA_OK);
        MicaVideoPacket p = {.struct_size = sizeof p};
        while (mica_predicted_encoder_receive(&e, &p, NULL) == MICA_OK) {
            const uint8_t *shown = f->samples + ((size_t)(uintptr_t)p.opaque - 1) * f->bytes;
            assert_int_equal(p.size, v->packet[count].size);
            assert_memory_equal(p.data, v->packet[count++].data, p.size);
            room = room_of(v, &p, room);
            first_room = count == 1 ? room : first_room;
            mica_yuv_set_room(e.yuv, room);
            mica_yuv_from_image(e.yuv, e.predicted.pool, &e.decoded, converted.data,
                                converted.stride);
            assert_memory_equal(seen, shown, f->bytes);
        }
    }
    assert_int_equal(count, frames);
    assert_int_equal(mica_room_foot(room) > mica_room_foot(first_room), format != MICA_PIXEL_RGB24);
    free(block);
    free(seen);
    mica_predicted_encoder_close(&e);
    mica_frame_threads_close(&threads);
    release(f);
    forget(v);
}

static void test_agreement(void **state)
{
    (void)state;
    check_agreement(MICA_PIXEL_RGB24, 0, MAX_FRAMES);
    check_agreement(MICA_PIXEL_RGB24, 3, 60);
    check_agreement(MICA_PIXEL_YUV420P, 3, 60);
}

/* RGB needs no room, so that a packet which has some is damaged. */
static void test_room(void **state)
{
    (void)state;
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.model = tiny;
    s.effort = 1;
    MicaImage image;
    assert_int_equal(mica_image_alloc(&image, 8, 8, 3), MICA_OK);
    memset(image.data, 9, (size_t)(8 * image.stride));
    MicaBuffer file;
    assert_int_equal(mica_image_encode(&image, &s, &file, NULL), MICA_OK);
    for (int room = 0; room < 256; room += 51) {
        const MicaFrameHeader header = {.type = MICA_FRAME_INTRA, .room = (uint8_t)room};
        MicaWriter packet = {0};
        assert_int_equal(
            mica_frame_packet_write(&packet, &header, &file, (MicaMotionData){0}, NULL), MICA_OK);
        for (int format = MICA_PIXEL_RGB24; format <= MICA_PIXEL_YUV420P; format++) {
            const MicaVideoInfo info = description((MicaPixelFormat)format, 8, 8);
            MicaFrameHeader read;
            MicaStream stream;
            MicaMotionData motion;
            const MicaStatus status = mica_frame_packet_read(packet.data, packet.size, &info, &read,
                                                             &stream, &motion, NULL);
            const int damaged = room > 0 && format == MICA_PIXEL_RGB24;
            assert_int_equal(status, damaged ? MICA_ERROR_BITSTREAM : MICA_OK);
            assert_int_equal(read.room, room);
        }
        mica_writer_free(&packet);
    }
    mica_buffer_free(&file);
    mica_image_free(&image);
}

/* A packet comes as soon as so many frames wait behind its frame. */
static void test_lookahead(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 64, 48);
    for (int lookahead = 0; lookahead <= MICA_MAX_LOOKAHEAD; lookahead += 4) {
        MicaVideoEncodeSettings s = encoder_settings(5, 0);
        s.lookahead = lookahead;
        Video *v = malloc(sizeof *v);
        MicaVideoEncoder *encoder = open_encoder(v, &info, &s);
        uint8_t *block = malloc(mica_frame_bytes(&info));
        for (int n = 0; n < 12; n++) {
            MicaVideoFrame frame;
            paint(&info, n, 0, block, &frame);
            assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_OK);
            assert_int_equal(take_packets(encoder, v), MICA_ERROR_AGAIN);
            assert_int_equal(v->count, n < lookahead ? 0 : n + 1 - lookahead);
        }
        assert_int_equal(mica_video_encoder_send(encoder, NULL, NULL), MICA_OK);
        assert_int_equal(take_packets(encoder, v), MICA_ERROR_EOF);
        assert_int_equal(v->count, 12);
        mica_video_encoder_close(&encoder);
        free(block);
        forget(v);
        s.lookahead = MICA_MAX_LOOKAHEAD + 1;
        assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                         MICA_ERROR_INVALID_ARGUMENT);
    }
}

/* A preset is the name of a built-in model. */
static void test_presets(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 64, 48);
    static const char *const names[] = {"V", "V-fast"};
    for (int preset = MICA_PRESET_MAIN; preset <= MICA_PRESET_FAST; preset++) {
        MicaVideoEncodeSettings s = encoder_settings(120, 0);
        s.predicted_model = NULL;
        s.preset = (MicaVideoPreset)preset;
        Video *v = encode(&info, &s, 3, 3, -1);
        MicaModel *model;
        assert_int_equal(mica_model_builtin(&model, names[preset], NULL), MICA_OK);
        assert_memory_equal(v->info.predicted_model, mica_model_id(model), MICA_MODEL_ID_SIZE);
        mica_model_unref(&model);
        MicaVideoDecodeSettings d = decoder_settings();
        d.predicted_model = NULL;
        Frames *f = decode(v, &d);
        for (int n = 0; n < 3; n++)
            assert_int_equal(f->status[n], MICA_OK);
        release(f);
        forget(v);
        MicaVideoEncoder *encoder;
        s.preset = (MicaVideoPreset)(MICA_PRESET_FAST + 1);
        assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                         MICA_ERROR_INVALID_ARGUMENT);
    }
}

/* Threads and kernels change neither packets nor frames. */
static void test_threads_and_kernels(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 90, 70);
    for (int bframes = 0; bframes <= 3; bframes += 3) {
        MicaVideoEncodeSettings s = encoder_settings(120, bframes);
        MicaVideoDecodeSettings d = decoder_settings();
        Video *one = encode(&info, &s, 9, 6, -1);
        Frames *frames = decode(one, &d);
        const uint32_t flags = mica_cpu_flags();
        for (int bit = -1; bit < 32; bit++) {
            if (bit >= 0 && !(flags >> bit & 1))
                continue;
            s.threads = d.threads = bit % 2 ? 2 : 4;
            s.cpu_mask = d.cpu_mask = bit < 0 ? 0 : UINT32_MAX >> (31 - bit);
            Video *other = encode(&info, &s, 9, 6, -1);
            assert_same_packets(one, other);
            Frames *again = decode(other, &d);
            assert_int_equal(again->count, frames->count);
            assert_memory_equal(again->samples, frames->samples,
                                (size_t)frames->count * frames->bytes);
            release(again);
            forget(other);
        }
        release(frames);
        forget(one);
    }
}

/* After a flush the same frames give the same packets, in the midst of a group or after the end,
 * and with a bit rate as well. */
static void test_encoder_flush(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 64, 48);
    static const struct {
        int gop, bframes;
        uint64_t bitrate;
    } list[] = {{120, 0, 0}, {120, 3, 0}, {120, 0, 300000}, {120, 3, 300000}, {1, 0, 300000}};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) {
        MicaVideoEncodeSettings s = encoder_settings(list[k].gop, list[k].bframes);
        s.scenecut = 1;
        s.bitrate = list[k].bitrate;
        Video *fresh = encode(&info, &s, 9, 9, -1), *again = malloc(sizeof *again);
        MicaVideoEncoder *encoder = open_encoder(again, &info, &s);
        uint8_t *block = malloc(mica_frame_bytes(&info));
        for (int n = 0; n < 3; n++) {
            MicaVideoFrame frame;
            paint(&info, 50 * n, 1, block, &frame);
            MicaVideoPacket p = {.struct_size = sizeof p};
            assert_int_equal(mica_video_encoder_send(encoder, &frame, NULL), MICA_OK);
            if (n < 2)
                mica_video_encoder_receive(encoder, &p, NULL);
        }
        free(block);
        for (int round = 0; round < 2; round++) {
            mica_video_encoder_flush(encoder);
            send_frames(encoder, again, 9, 9, -1);
            assert_same_packets(fresh, again);
            for (int i = 0; i < again->count; i++)
                free(again->packet[i].data);
            again->count = 0;
        }
        mica_video_encoder_close(&encoder);
        forget(again);
        forget(fresh);
    }
}

/* As encode(), but the memory of one frame is refused when it is coded: the one after `failing`
 * packets. Its number goes to *lost. */
static Video *encode_with_failure(const MicaVideoInfo *info, const MicaVideoEncodeSettings *s,
                                  int frames, int failing, int *lost)
{
    Video *v = malloc(sizeof *v);
    MicaVideoEncoder *encoder = open_encoder(v, info, s);
    uint8_t *block = malloc(mica_frame_bytes(info));
    MicaVideoPacket p = {.struct_size = sizeof p};
    *lost = -1;
    for (int n = 0; n <= frames; n++) {
        MicaVideoFrame frame;
        paint(info, n, 0, block, &frame);
        assert_int_equal(mica_video_encoder_send(encoder, n < frames ? &frame : NULL, NULL),
                         MICA_OK);
        for (;;) {
            mica_alloc_fail_after(*lost < 0 && v->count == failing);
            const MicaStatus status = mica_video_encoder_receive(encoder, &p, NULL);
            mica_alloc_fail_after(0);
            if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
                break;
            if (status != MICA_OK) {
                assert_int_equal(status, MICA_ERROR_OUT_OF_MEMORY);
                assert_int_equal(*lost, -1);
                *lost = (int)(uintptr_t)p.opaque - 1;
                continue;
            }
            v->packet[v->count] = (Packet){malloc(p.size), p.size, p.pts, p.dts, p.opaque, p.flags};
            memcpy(v->packet[v->count++].data, p.data, p.size);
        }
    }
    free(block);
    mica_video_encoder_close(&encoder);
    return v;
}

/* A frame that cannot be coded: all others can, and decode in order. If later ones would have been
 * predicted from it, a key frame comes next; one between anchors is done without. */
static void test_failure(void **state)
{
    (void)state;
    enum { FRAMES = 19, GOP = 12 };
    static const int bframes[] = {0, 1, 3, 7};
    for (int k = 0; k < 4; k++) {
        const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 40, 24);
        const MicaVideoEncodeSettings s = encoder_settings(GOP, bframes[k]);
        Video *whole = encode(&info, &s, FRAMES, FRAMES, -1);
        for (int failing = 0; failing < FRAMES; failing++) {
            int lost, since_key = -1, keys = 0;
            Video *v = encode_with_failure(&info, &s, FRAMES, failing, &lost);
            assert_int_equal(lost + 1, (uintptr_t)whole->packet[failing].opaque);
            assert_int_equal(v->count, FRAMES - 1);
            for (int i = 0; i < v->count; i++) {
                const Packet *p = &v->packet[i];
                assert_true(p->dts <= p->pts);
                assert_true(i == 0 || p->dts > p[-1].dts);
                since_key = p->flags & MICA_VIDEO_KEY ? 0 : since_key + 1;
                assert_in_range(since_key, 0, GOP - 1);
                keys += (p->flags & MICA_VIDEO_KEY) != 0;
            }
            /* In the order of coding, anchors and key frames come before what is earlier in time,
             * so they are the ones with the latest time yet. */
            int anchor = 1;
            for (int i = 0; i < failing; i++)
                anchor &= (int)(uintptr_t)whole->packet[i].opaque - 1 < lost;
            if (anchor && failing < v->count)
                assert_int_equal(v->packet[failing].flags, MICA_VIDEO_KEY);
            if (!anchor)
                assert_int_equal(keys, 2);
            const MicaVideoDecodeSettings d = decoder_settings();
            Frames *f = decode(v, &d);
            assert_int_equal(f->count, FRAMES - 1);
            for (int i = 0; i < f->count; i++) {
                assert_int_equal(f->status[i], MICA_OK);
                assert_int_equal(f->pts[i], time_of(i + (i >= lost)));
            }
            release(f);
            forget(v);
        }
        forget(whole);
    }
}

/* Decoding from the second key frame on, at once and after something else. */
static void test_seek(void **state)
{
    (void)state;
    enum { FRAMES = 20, GOP = 8 };
    static const int bframes[] = {0, 1, 3, 7};
    for (int k = 0; k < 4; k++) {
        const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 40, 24);
        MicaVideoEncodeSettings s = encoder_settings(GOP, bframes[k]);
        Video *v = encode(&info, &s, FRAMES, FRAMES, -1);
        const MicaVideoDecodeSettings d = decoder_settings();
        Frames *all = decode(v, &d), *some = new_frames(v);
        MicaVideoDecoder *decoder = open_decoder(v, &d);
        for (int round = 0; round < 3; round++) {
            some->count = 0;
            send_packets(decoder, v, GOP, some);
            assert_int_equal(some->count, FRAMES - GOP);
            for (int n = 0; n < some->count; n++) {
                assert_int_equal(some->status[n], MICA_OK);
                assert_int_equal(some->pts[n], time_of(GOP + n));
            }
            assert_memory_equal(some->samples, all->samples + GOP * all->bytes,
                                (size_t)some->count * all->bytes);
            mica_video_decoder_flush(decoder);
            for (int i = 0; i <= round; i++) { /* then elsewhere, without taking the frames */
                const MicaVideoPacket p = {
                    .struct_size = sizeof p, .data = v->packet[i].data, .size = v->packet[i].size};
                mica_video_decoder_send(decoder, &p, NULL);
            }
            mica_video_decoder_flush(decoder);
        }
        /* Not from a key frame on: errors until there is one. */
        some->count = 0;
        send_packets(decoder, v, 1, some);
        assert_int_equal(some->count, FRAMES - 1);
        for (int n = 0; n < some->count; n++)
            assert_int_equal(some->status[n] == MICA_OK, n >= GOP - 1);
        mica_video_decoder_close(&decoder);
        release(some);
        release(all);
        forget(v);
    }
}

/* A damaged packet: an error for it and what depends on it, nothing wrong shown, in order of time
 * whether concealed or not, and all well from the next key frame on. Without time stamps, the order
 * of what the others say is enough. */
static void check_damage(Video *v, const Frames *good, int bad, size_t at, int gop)
{
    MicaVideoDecodeSettings d = decoder_settings();
    Packet *p = &v->packet[bad];
    const size_t size = p->size;
    const int damaged = (int)(uintptr_t)p->opaque - 1;
    d.conceal = (int)(at & 1);
    if (at & 2)
        p->size = at;
    p->data[at] ^= 0x10;
    Frames *f = decode(v, &d);
    p->data[at] ^= 0x10;
    p->size = size;
    assert_int_equal(f->count, v->count);
    int errors = 0;
    for (int i = 0; i < f->count; i++) {
        assert_int_equal(f->opaque[i], i + 1);
        const int concealed = f->flags[i] & MICA_VIDEO_CONCEALED;
        errors += concealed || f->status[i] != MICA_OK;
        if (i / gop != damaged / gop)
            assert_true(f->status[i] == MICA_OK && !concealed);
        /* There is nothing to show in place of the very first one. */
        assert_true(f->status[i] == MICA_OK || !d.conceal || (damaged == 0 && i < gop));
        if (concealed && i > 0)
            assert_memory_equal(f->samples + (size_t)i * f->bytes,
                                f->samples + (size_t)(i - 1) * f->bytes, f->bytes);
        else if (f->status[i] == MICA_OK)
            assert_memory_equal(f->samples + (size_t)i * f->bytes,
                                good->samples + (size_t)i * f->bytes, f->bytes);
    }
    assert_in_range(errors, 1, gop);
    release(f);
}

static void test_damage(void **state)
{
    (void)state;
    enum { FRAMES = 29, GOP = 10 };
    static const int bframes[] = {0, 1, 3, 7};
    for (int k = 0; k < 4; k++) {
        const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 40, 24);
        MicaVideoEncodeSettings s = encoder_settings(GOP, bframes[k]);
        Video *v = encode(&info, &s, FRAMES, FRAMES, -1);
        const MicaVideoDecodeSettings d = decoder_settings();
        Frames *good = decode(v, &d);
        for (size_t at = 0; at < v->packet[3].size; at += 7)
            check_damage(v, good, 3, at, GOP);
        for (int timed = 1; timed >= 0; timed--) {
            for (int i = 0; i < FRAMES && !timed; i++)
                v->packet[i].pts = 0;
            for (int bad = 0; bad < FRAMES; bad++)
                for (size_t at = 3; at < v->packet[bad].size; at += v->packet[bad].size / 2)
                    check_damage(v, good, bad, at, GOP);
        }
        release(good);
        forget(v);
    }
}

/* A packet that never comes: nothing wrong comes out in its place or behind it. */
static void test_loss(void **state)
{
    (void)state;
    enum { FRAMES = 18, GOP = 6 };
    static const int bframes[] = {0, 1, 3, 7};
    for (int k = 0; k < 4; k++) {
        const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 40, 24);
        MicaVideoEncodeSettings s = encoder_settings(GOP, bframes[k]);
        Video *v = encode(&info, &s, FRAMES, FRAMES, -1);
        const MicaVideoDecodeSettings d = decoder_settings();
        Frames *all = decode(v, &d);
        for (int lost = 0; lost < FRAMES; lost++) {
            uint8_t *kept = v->packet[lost].data;
            v->packet[lost].data = NULL;
            Frames *f = decode(v, &d);
            v->packet[lost].data = kept;
            assert_int_equal(f->count, FRAMES - 1);
            const int gone = (int)(uintptr_t)v->packet[lost].opaque - 1;
            int errors = 0;
            for (int i = 0; i < f->count; i++) {
                const int n = (int)f->opaque[i] - 1;
                assert_int_equal(n, i + (i >= gone));
                /* What comes out is right, and frames of other gops do come out. */
                if (f->status[i] == MICA_OK)
                    assert_memory_equal(f->samples + (size_t)i * f->bytes,
                                        all->samples + (size_t)n * all->bytes, all->bytes);
                else
                    assert_int_equal(n / GOP, gone / GOP);
                errors += f->status[i] != MICA_OK;
                if (bframes[k] == 0)
                    assert_int_equal(f->status[i] == MICA_OK, n < gone || n / GOP != gone / GOP);
            }
            if (v->packet[lost].flags & MICA_VIDEO_KEY)
                assert_int_equal(errors, GOP - 1);
            release(f);
        }
        release(all);
        forget(v);
    }
}

/* Hundreds of frames from one key frame: each needs all before it, and none is refused. */
static void test_long(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_GRAY8, 16, 16);
    for (int bframes = 0; bframes <= 7; bframes += 7) {
        MicaVideoEncodeSettings s = encoder_settings(1000, bframes);
        Video *v = encode(&info, &s, MAX_FRAMES, MAX_FRAMES, -1);
        const MicaVideoDecodeSettings d = decoder_settings();
        Frames *f = decode(v, &d);
        assert_int_equal(f->count, MAX_FRAMES);
        for (int n = 0; n < MAX_FRAMES; n++) {
            assert_int_equal(f->status[n], MICA_OK);
            assert_int_equal(f->pts[n], time_of(n));
        }
        release(f);
        forget(v);
    }
}

/* Each frame is within the buffer, and the mean near the rate between that of two qualities. */
static void test_bitrate(void **state)
{
    (void)state;
    enum { FRAMES = 60 };
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 96, 64);
    for (int bframes = 0; bframes <= 3; bframes += 3) {
        MicaVideoEncodeSettings s = encoder_settings(20, bframes);
        double sum[3] = {0};
        for (int k = 0; k < 3; k++) {
            s.quality = k ? 80 : 30;
            s.bitrate = k == 2 ? (uint64_t)(sqrt(sum[0] * sum[1]) * 25 / FRAMES) : 0;
            Video *v = encode(&info, &s, FRAMES, FRAMES, -1);
            for (int i = 0; i < FRAMES; i++) {
                sum[k] += 8 * (double)v->packet[i].size;
                if (k == 2)
                    assert_true(8 * v->packet[i].size <= s.bitrate);
            }
            forget(v);
        }
        assert_true(sum[0] < 0.9 * sum[1]); /* or there is nothing to choose */
        const double off = sum[2] / sqrt(sum[0] * sum[1]) - 1;
        if (fabs(off) > 0.3)
            print_error("%.0f %% off the bit rate\n", 100 * off);
        assert_true(fabs(off) <= 0.3);
    }
}

/* Models of the wrong kind, or not the ones that the video names. */
static void test_models(void **state)
{
    (void)state;
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 40, 24);
    MicaVideoEncodeSettings s = encoder_settings(12, 0);
    MicaVideoEncoder *encoder;
    MicaError error = {MICA_OK, ""};
    s.predicted_model = tiny;
    assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, &error),
                     MICA_ERROR_MODEL_MISMATCH);
    assert_true(error.text[0]);
    assert_null(encoder);
    s.predicted_model = s.model = predicted;
    for (s.gop = 1; s.gop < 3; s.gop++)
        assert_int_equal(mica_video_encoder_open(&encoder, &info, &s, NULL),
                         MICA_ERROR_MODEL_MISMATCH);
    s.model = tiny;
    Video *v = encode(&info, &s, 3, 3, -1);
    MicaVideoDecodeSettings d = decoder_settings();
    MicaVideoDecoder *decoder;
    d.predicted_model = NULL;
    assert_int_equal(mica_video_decoder_open(&decoder, v->extradata, v->extradata_size, &d, NULL),
                     MICA_ERROR_MODEL_MISSING);
    d.predicted_model = tiny;
    assert_int_equal(mica_video_decoder_open(&decoder, v->extradata, v->extradata_size, &d, NULL),
                     MICA_ERROR_MODEL_MISMATCH);
    forget(v);
}

/* ---- lack of memory ---- */

/* Key frame, anchor and a frame between; what fails first. */
static MicaStatus try_encode(Video *v)
{
    const MicaVideoInfo info = description(MICA_PIXEL_YUV420P, 24, 20);
    MicaVideoEncodeSettings s = encoder_settings(12, 1);
    s.scenecut = 1;
    MicaVideoEncoder *encoder;
    MicaVideoPacket p = {.struct_size = sizeof p};
    uint8_t block[24 * 20 * 3 / 2];
    MicaStatus status = mica_video_encoder_open(&encoder, &info, &s, NULL), failed = status;
    if (status != MICA_OK)
        return status;
    const uint8_t *extradata;
    mica_video_encoder_extradata(encoder, &extradata, &v->extradata_size);
    memcpy(v->extradata, extradata, v->extradata_size);
    v->info = info;
    for (int n = 0; n <= 3; n++) {
        MicaVideoFrame frame;
        paint(&info, n, 0, block, &frame);
        assert_int_equal(mica_video_encoder_send(encoder, n < 3 ? &frame : NULL, NULL), MICA_OK);
        while ((status = mica_video_encoder_receive(encoder, &p, NULL)) != MICA_ERROR_AGAIN &&
               status != MICA_ERROR_EOF) {
            failed = failed == MICA_OK ? status : failed;
            if (failed != MICA_OK)
                continue;
            v->packet[v->count] = (Packet){malloc(p.size), p.size, p.pts, p.dts, NULL, p.flags};
            memcpy(v->packet[v->count++].data, p.data, p.size);
        }
    }
    mica_video_encoder_close(&encoder);
    return failed;
}

static MicaStatus try_decode(Video *v)
{
    const MicaVideoDecodeSettings d = decoder_settings();
    MicaVideoDecoder *decoder;
    MicaStatus failed =
        mica_video_decoder_open(&decoder, v->extradata, v->extradata_size, &d, NULL);
    if (failed != MICA_OK)
        return failed;
    Frames *f = new_frames(v);
    send_packets(decoder, v, 0, f);
    mica_video_decoder_close(&decoder);
    assert_int_equal(f->count, v->count);
    /* What depends on the frame without memory may be shown before it. */
    for (int i = 0; i < f->count && failed != MICA_ERROR_OUT_OF_MEMORY; i++)
        failed = f->status[i] == MICA_OK ? failed : f->status[i];
    release(f);
    return failed;
}

static void every_allocation(MicaStatus (*f)(Video *v), Video *v)
{
    for (size_t n = 1; n < 2000; n++) {
        for (int i = 0; i < v->count && f == try_encode; i++)
            free(v->packet[i].data);
        v->count = f == try_encode ? 0 : v->count;
        mica_alloc_fail_after(n);
        const MicaStatus status = f(v);
        mica_alloc_fail_after(0);
        if (status == MICA_OK)
            return;
        assert_int_equal(status, MICA_ERROR_OUT_OF_MEMORY);
    }
    fail_msg("it does not end");
}

static void test_allocation_failures(void **state)
{
    (void)state;
    Video *v = calloc(1, sizeof *v);
    every_allocation(try_encode, v);
    assert_int_equal(v->count, 3);
    every_allocation(try_decode, v);
    forget(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_agreement),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_lookahead),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_threads_and_kernels),
        cmocka_unit_test(test_encoder_flush),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_seek),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_bitrate),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
