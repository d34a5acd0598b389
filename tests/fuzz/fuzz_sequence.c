/*
 * Decoding arbitrary packets of a video with predicted frames: no crash, one result for each packet
 * in the order that the first byte asks for, and good frames after the next key frame.
 *
 * The first byte says how the rest is meant: which video, whether checksums are made right again,
 * threads, concealment. What follows are packets, each after two bytes: the packet of the valid
 * video that it is made from (as it is, edited, or nothing but the input), and its length.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/base/crc32c.h"
#include "codec/video_header.h"
#include "fuzz.h"

#define BASES 4
#define PACKETS 6 /* of a valid video: two groups of pictures */
#define GOP 4
#define PREFIX 14 /* what extradata has before its first section, and packets have not */
#define WIDTH 36
#define HEIGHT 20
#define MOST 24 /* packets of an input */

typedef struct Base {
    MicaBuffer extradata, packet[PACKETS];
} Base;

static Base bases[BASES];

static MicaBuffer keep(const void *data, size_t size)
{
    return (MicaBuffer){.data = fuzz_copy(data, size), .size = size};
}

static void take(MicaVideoEncoder *encoder, Base *b, int *count)
{
    MicaVideoPacket p = {.struct_size = sizeof p};
    while (mica_video_encoder_receive(encoder, &p, NULL) == MICA_OK) {
        fuzz_require(*count < PACKETS, "a packet for each frame");
        b->packet[(*count)++] = keep(p.data, p.size);
    }
}

static void make_base(Base *b, MicaPixelFormat format, int bframes)
{
    MicaVideoInfo info;
    mica_video_info_defaults(&info, sizeof info);
    info.width = WIDTH;
    info.height = HEIGHT;
    info.format = format;
    MicaVideoEncodeSettings settings;
    mica_video_encode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.predicted_model = fuzz_predicted();
    settings.threads = settings.effort = 1;
    settings.gop = GOP;
    settings.bframes = bframes;
    settings.scenecut = 0;
    MicaVideoEncoder *encoder;
    fuzz_require(mica_video_encoder_open(&encoder, &info, &settings, NULL) == MICA_OK, "open");
    const uint8_t *extradata;
    size_t size;
    mica_video_encoder_extradata(encoder, &extradata, &size);
    b->extradata = keep(extradata, size);
    static uint8_t plane[WIDTH * HEIGHT];
    int count = 0;
    for (int n = 0; n < PACKETS; n++) {
        MicaVideoFrame frame = {.struct_size = sizeof frame};
        for (int i = 0; i < WIDTH * HEIGHT; i++)
            plane[i] = (uint8_t)(60 + (i + n * 3) % WIDTH * 3 + i / WIDTH);
        for (int p = 0; p < mica_pixel_planes(format); p++) {
            frame.data[p] = plane;
            frame.stride[p] = (ptrdiff_t)mica_pixel_row_bytes(format, WIDTH, p);
        }
        while (mica_video_encoder_send(encoder, &frame, NULL) == MICA_ERROR_AGAIN)
            take(encoder, b, &count);
    }
    fuzz_require(mica_video_encoder_send(encoder, NULL, NULL) == MICA_OK, "the end");
    take(encoder, b, &count);
    fuzz_require(count == PACKETS, "a packet for each frame");
    mica_video_encoder_close(&encoder);
}

static void start(void)
{
    make_base(&bases[0], MICA_PIXEL_GRAY8, 0);
    make_base(&bases[1], MICA_PIXEL_YUV420P, 0);
    make_base(&bases[2], MICA_PIXEL_GRAY8, 3);
    make_base(&bases[3], MICA_PIXEL_YUV444P, 1);
}

/* A predicted frame ends in the checksum of all before; others are sections. */
static void fix_predicted(uint8_t *data, size_t size)
{
    const uint32_t crc = mica_crc32c(0, data, size - 4);
    for (size_t i = 0; i < 4; i++)
        data[size - 4 + i] = (uint8_t)(crc >> (8 * i));
}

static void fix(MicaBuffer *packet)
{
    if (packet->size > 4 && packet->data[0] == MICA_SECTION_PREDICTED_FRAME) {
        fix_predicted(packet->data, packet->size);
        return;
    }
    uint8_t *const whole = calloc(1, PREFIX + packet->size);
    fuzz_require(whole != NULL, "memory");
    memcpy(whole + PREFIX, packet->data, packet->size);
    fuzz_fix_stream(whole, PREFIX + packet->size);
    memcpy(packet->data, whole + PREFIX, packet->size);
    free(whole);
}

typedef struct Run {
    MicaVideoDecoder *decoder;
    int sent, received, last_status;
    int seen[MOST + PACKETS];
} Run;

static MicaStatus receive(Run *r)
{
    for (;;) {
        MicaVideoFrame f = {.struct_size = sizeof f};
        MicaError error = {MICA_OK, ""};
        const MicaStatus status = mica_video_decoder_receive(r->decoder, &f, &error);
        if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
            return status;
        fuzz_require((status == MICA_OK) == (f.data[0] != NULL), "samples or an error");
        fuzz_require(status == MICA_OK || (error.text[0] && !strchr(error.text, '\n')),
                     "one line that says why");
        fuzz_require(f.pts >= 0 && f.pts < r->sent && !r->seen[f.pts]++, "a result for a packet");
        r->last_status = status;
        r->received++;
    }
}

static void send(Run *r, const MicaBuffer *packet)
{
    const MicaVideoPacket p = {
        .struct_size = sizeof p, .data = packet->data, .size = packet->size, .pts = r->sent};
    MicaStatus status;
    while ((status = mica_video_decoder_send(r->decoder, &p, NULL)) == MICA_ERROR_AGAIN)
        fuzz_require(receive(r) == MICA_ERROR_AGAIN, "there is more to come");
    fuzz_require(status == MICA_OK, "a packet is taken");
    r->sent++;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (!bases[0].extradata.data)
        start();
    if (size < 1)
        return 0;
    const int mode = input[0];
    const Base *const b = &bases[mode % BASES];
    MicaVideoDecodeSettings settings;
    mica_video_decode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.predicted_model = fuzz_predicted();
    settings.threads = 1 + (mode >> 3 & 1);
    settings.conceal = mode >> 4 & 1;
    Run r = {.sent = 0};
    fuzz_require(mica_video_decoder_open(&r.decoder, b->extradata.data, b->extradata.size,
                                         &settings, NULL) == MICA_OK,
                 "open");
    for (size_t at = 1; size - at >= 2 && r.sent < MOST;) {
        const MicaBuffer *const base = &b->packet[input[at] % PACKETS];
        const int whole = input[at] & 128;
        size_t length = input[at + 1];
        at += 2;
        length = length < size - at ? length : size - at;
        MicaBuffer made;
        if (whole)
            made = keep(input + at, length);
        else
            made.data = fuzz_edit(base->data, base->size, input + at, length, &made.size);
        if (mode & 4)
            fix(&made);
        send(&r, &made);
        free(made.data);
        at += length;
    }
    /* The second group of pictures is intact, whatever came before. */
    for (int i = GOP; i < PACKETS; i++)
        send(&r, &b->packet[i]);
    fuzz_require(mica_video_decoder_send(r.decoder, NULL, NULL) == MICA_OK, "the end");
    fuzz_require(receive(&r) == MICA_ERROR_EOF, "the end");
    fuzz_require(r.received == r.sent, "a result for every packet");
    fuzz_require(r.last_status == MICA_OK, "a key frame ends the damage");
    mica_video_decoder_close(&r.decoder);
    return 0;
}
