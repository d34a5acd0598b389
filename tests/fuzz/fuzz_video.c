/*
 * Decoding arbitrary extradata and packets between good packets: no crash, one result for each
 * packet in order, and, where the extradata is intact, good frames before and after.
 *
 * The first byte says how the rest is meant: for extradata or packet, as it is or as edits of a
 * valid one, with checksums made right again or not, how many threads, and whether to conceal.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define BASES 4
#define PACKETS 2
#define PREFIX 14 /* what extradata has before its first section, and packets have not */
#define MAX_PIXELS (96 * 96)

typedef struct Base {
    MicaVideoInfo info;
    MicaBuffer extradata, packet[PACKETS], frame; /* the frame of packet 1 */
} Base;

static Base bases[BASES];

static MicaBuffer keep(const void *data, size_t size)
{
    return (MicaBuffer){.data = fuzz_copy(data, size), .size = size};
}

/* All planes of a frame in one block, which the caller releases. */
static MicaBuffer flatten(const MicaVideoInfo *info, const MicaVideoFrame *f)
{
    uint8_t *const block = malloc(3 * 2 * MAX_PIXELS);
    fuzz_require(block != NULL, "memory");
    size_t size = 0;
    for (int p = 0; p < mica_pixel_planes(info->format); p++) {
        const size_t row = mica_pixel_row_bytes(info->format, info->width, p);
        for (int y = 0; y < mica_pixel_rows(info->format, info->height, p); y++, size += row)
            memcpy(block + size, f->data[p] + y * f->stride[p], row);
    }
    return (MicaBuffer){.data = block, .size = size};
}

static MicaStatus open_decoder(MicaVideoDecoder **decoder, const uint8_t *extradata, size_t size,
                               int threads, int conceal)
{
    MicaVideoDecodeSettings settings;
    mica_video_decode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.threads = threads;
    settings.conceal = conceal;
    settings.max_pixels = MAX_PIXELS;
    MicaError error = {0};
    const MicaStatus status = mica_video_decoder_open(decoder, extradata, size, &settings, &error);
    if (status != MICA_OK) {
        fuzz_require(*decoder == NULL, "no decoder on failure");
        fuzz_require(error.status == status && error.text[0] && !strchr(error.text, '\n'),
                     "one line that says why");
    }
    return status;
}

static void make_base(Base *b, MicaPixelFormat format, int width, int height)
{
    mica_video_info_defaults(&b->info, sizeof b->info);
    b->info.width = width;
    b->info.height = height;
    b->info.format = format;
    MicaVideoEncodeSettings settings;
    mica_video_encode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.threads = 1;
    settings.gop = 1;
    MicaVideoEncoder *encoder;
    fuzz_require(mica_video_encoder_open(&encoder, &b->info, &settings, NULL) == MICA_OK, "open");
    const uint8_t *extradata;
    size_t size;
    mica_video_encoder_extradata(encoder, &extradata, &size);
    b->extradata = keep(extradata, size);
    uint8_t *const plane = calloc(2, 3 * MAX_PIXELS);
    fuzz_require(plane != NULL, "memory");
    for (int n = 0; n < PACKETS; n++) {
        for (size_t i = 0; i < 6 * MAX_PIXELS; i++)
            plane[i] = (uint8_t)(100 + (i * 7 / 3 + (size_t)n * 40) % 90);
        for (size_t i = 1; i < 6 * MAX_PIXELS && format >= MICA_PIXEL_YUV420P10; i += 2)
            plane[i] = (uint8_t)(n + 1);
        MicaVideoFrame frame = {.struct_size = sizeof frame};
        for (int p = 0; p < mica_pixel_planes(format); p++) {
            frame.data[p] = plane + (size_t)p * MAX_PIXELS / 2;
            frame.stride[p] = (ptrdiff_t)mica_pixel_row_bytes(format, width, p);
        }
        MicaVideoPacket packet = {.struct_size = sizeof packet};
        fuzz_require(mica_video_encoder_send(encoder, &frame, NULL) == MICA_OK, "send");
        fuzz_require(mica_video_encoder_receive(encoder, &packet, NULL) == MICA_OK, "receive");
        b->packet[n] = keep(packet.data, packet.size);
    }
    free(plane);
    mica_video_encoder_close(&encoder);

    MicaVideoDecoder *decoder;
    fuzz_require(open_decoder(&decoder, b->extradata.data, b->extradata.size, 1, 0) == MICA_OK,
                 "open");
    const MicaVideoPacket packet = {
        .struct_size = sizeof packet, .data = b->packet[1].data, .size = b->packet[1].size};
    MicaVideoFrame frame = {.struct_size = sizeof frame};
    fuzz_require(mica_video_decoder_send(decoder, &packet, NULL) == MICA_OK, "send");
    fuzz_require(mica_video_decoder_receive(decoder, &frame, NULL) == MICA_OK, "receive");
    b->frame = flatten(&b->info, &frame);
    mica_video_decoder_close(&decoder);
}

static void start(void)
{
    make_base(&bases[0], MICA_PIXEL_YUV420P, 40, 24);
    make_base(&bases[1], MICA_PIXEL_YUV444P10, 33, 17);
    make_base(&bases[2], MICA_PIXEL_GRAY8, 16, 16);
    make_base(&bases[3], MICA_PIXEL_RGB24, 24, 40);
}

/* The input as extradata or as a packet. */
static MicaBuffer make(const MicaBuffer *base, int mode, int prefix, const uint8_t *input,
                       size_t size)
{
    MicaBuffer out;
    out.data = mode & 1 ? fuzz_copy(input, size)
                        : fuzz_edit(base->data, base->size, input, size, &out.size);
    if (mode & 1)
        out.size = size;
    if (mode & 1 && prefix && size >= PREFIX) /* outlives changes of version and model */
        memcpy(out.data, base->data, PREFIX);
    if (mode & 2 && prefix) {
        fuzz_fix_stream(out.data, out.size);
    } else if (mode & 2) {
        uint8_t *const whole = calloc(1, PREFIX + out.size);
        fuzz_require(whole != NULL, "memory");
        memcpy(whole + PREFIX, out.data, out.size);
        fuzz_fix_stream(whole, PREFIX + out.size);
        memcpy(out.data, whole + PREFIX, out.size);
        free(whole);
    }
    return out;
}

static void decode(MicaVideoDecoder *decoder, const Base *b, const MicaBuffer *packet, int intact,
                   int conceal)
{
    const MicaBuffer *const list[3] = {&b->packet[0], packet, &b->packet[1]};
    int sent = 0, received = 0;
    for (;;) {
        if (sent < 3) {
            const MicaVideoPacket p = {.struct_size = sizeof p,
                                       .data = list[sent]->data,
                                       .size = list[sent]->size,
                                       .pts = sent};
            const MicaStatus status = mica_video_decoder_send(decoder, &p, NULL);
            fuzz_require(status == MICA_OK || status == MICA_ERROR_AGAIN, "a packet is taken");
            sent += status == MICA_OK;
        } else if (sent == 3) {
            fuzz_require(mica_video_decoder_send(decoder, NULL, NULL) == MICA_OK, "the end");
            sent++;
        }
        MicaVideoFrame f = {.struct_size = sizeof f};
        const MicaStatus status = mica_video_decoder_receive(decoder, &f, NULL);
        if (status == MICA_ERROR_EOF)
            break;
        if (status == MICA_ERROR_AGAIN)
            continue;
        fuzz_require(f.pts == received, "in order");
        fuzz_require((status == MICA_OK) == (f.data[0] != NULL), "samples or an error");
        if (intact) {
            fuzz_require(status == MICA_OK || (received == 1 && !conceal), "good packets decode");
            if (received == 2) {
                const MicaBuffer got = flatten(&b->info, &f);
                fuzz_require(got.size == b->frame.size &&
                                 memcmp(got.data, b->frame.data, got.size) == 0,
                             "clean after the damage");
                free(got.data);
            }
        }
        received++;
    }
    fuzz_require(received == 3, "a result for every packet");
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (!bases[0].extradata.data)
        start();
    if (size < 1)
        return 0;
    const int mode = input[0], prefix = mode >> 2 & 1, conceal = mode >> 6 & 1;
    const Base *const b = &bases[(mode >> 3) % BASES];
    const MicaBuffer made =
        make(prefix ? &b->extradata : &b->packet[0], mode, prefix, input + 1, size - 1);
    const MicaBuffer *const extradata = prefix ? &made : &b->extradata;
    const MicaBuffer *const packet = prefix ? &b->packet[0] : &made;

    MicaVideoInfo info = {.struct_size = sizeof info};
    const MicaStatus header =
        mica_video_info_read(extradata->data, extradata->size, &info, NULL, NULL);
    MicaVideoDecoder *decoder;
    const MicaStatus status =
        open_decoder(&decoder, extradata->data, extradata->size, 1 + (mode >> 5 & 1), conceal);
    if (status == MICA_OK) {
        fuzz_require(header == MICA_OK, "the header of a stream that opens");
        decode(decoder, b, packet, !prefix, conceal);
        mica_video_decoder_close(&decoder);
    }
    free(made.data);
    return 0;
}
