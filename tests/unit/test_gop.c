/* What the encoder of predicted frames decides before it codes: the order of frames and their
 * references, cuts, and the packets that say so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/base/crc32c.h"
#include "codec/enc_gop.h"
#include "codec/enc_scenecut.h"

/* ---- order ---- */

/* What a decoder knows of the frames that are coded. */
typedef struct Coded {
    int slot[MICA_REFERENCE_SLOTS]; /* order of the frame there, -1: empty */
    int seen[200];
    int count;
} Coded;

static void take(Coded *c, const MicaPlannedFrame *p)
{
    const MicaFrameHeader *h = &p->header;
    const int order = (int)h->order;
    assert_in_range(order, 0, 199);
    assert_int_equal(c->seen[order]++, 0);
    if (h->type == MICA_FRAME_INTRA) {
        memset(c->slot, -1, sizeof c->slot);
        assert_int_equal(order, 0);
    } else {
        assert_in_range(h->references, 1, 2);
        for (int i = 0; i < h->references; i++) {
            assert_in_range(h->slot[i], 0, MICA_REFERENCE_SLOTS - 1);
            assert_true(c->slot[h->slot[i]] >= 0);
        }
        if (p->depth > 0) { /* between its references */
            assert_true(c->slot[h->slot[0]] < order);
            assert_true(c->slot[h->slot[1]] > order);
        }
        if (p->depth == 0 && h->references == 2)
            assert_int_not_equal(c->slot[h->slot[0]], c->slot[h->slot[1]]);
    }
    for (int i = 0; i < MICA_REFERENCE_SLOTS; i++)
        if (h->keep >> i & 1)
            c->slot[i] = order;
    c->count++;
}

/* Groups of full and random sizes; every frame once, none later than `reorder` says. */
static void test_order(void **state)
{
    (void)state;
    static const int bframes[] = {0, 1, 3, 7}, reorder[] = {0, 1, 2, 3};
    for (int k = 0; k < 4; k++) {
        assert_int_equal(mica_gop_reorder(bframes[k]), reorder[k]);
        for (int full = 0; full < 2; full++) {
            MicaGop gop;
            Coded coded = {.count = 0};
            mica_gop_plan_key(&gop, bframes[k] == 0);
            const MicaPlannedFrame *p = mica_gop_next(&gop);
            assert_non_null(p);
            assert_int_equal(p->header.type, MICA_FRAME_INTRA);
            take(&coded, p);
            assert_null(mica_gop_next(&gop));
            for (int group = 0, end = 1; group < 20; group++) {
                const int size = full ? bframes[k] + 1 : 1 + group * 5 % (bframes[k] + 1);
                mica_gop_plan_group(&gop, size);
                int anchor = 1, most = 0;
                while ((p = mica_gop_next(&gop)) != NULL) {
                    assert_int_equal(p->depth == 0, anchor);
                    assert_int_equal(p->header.order, end + p->frame);
                    anchor = 0;
                    most = p->depth > most ? p->depth : most;
                    /* A frame may be shown when as many more as `reorder` have come. */
                    assert_true((int)p->header.order >= coded.count - reorder[k]);
                    take(&coded, p);
                }
                assert_true(most <= reorder[k]);
                end += size;
                assert_int_equal(coded.count, end);
            }
            for (int i = 0; i < coded.count; i++)
                assert_int_equal(coded.seen[i], 1);
        }
    }
}

/* ---- cuts ---- */

enum { WIDTH = 320, HEIGHT = 200 };

/* Scene 0 or 1 seen at some place, some part of its brightness. */
static void paint(MicaImage *image, int scene, double x0, double light)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            const double u = x + x0, v = y;
            const double value = scene ? sin(u * 0.21 + 3) * cos(v * 0.17) + sin((u - v) * 0.05)
                                       : sin(u * 0.11) * sin(v * 0.13) + cos((u + 2 * v) * 0.04);
            for (int c = 0; c < image->channels; c++)
                image->data[y * image->stride + x * image->channels + c] =
                    (uint8_t)(128 + 60 * light * value);
        }
}

/* Frames with and without a cut at frame 5; the frame at which one was found, -1 for none. */
static int find_cut(int channels, int change, double speed, double fade)
{
    MicaSceneCut cut;
    MicaImage image;
    int found = -1;
    assert_int_equal(mica_image_alloc(&image, WIDTH, HEIGHT, channels), MICA_OK);
    MicaMotionKernels kernels;
    mica_motion_kernels_init(&kernels, mica_cpu_flags());
    assert_int_equal(mica_scene_cut_create(&cut, WIDTH, HEIGHT), MICA_OK);
    for (int n = 0; n < 10; n++) {
        paint(&image, change && n >= 5, speed * n, 1 - fade * n);
        if (mica_scene_cut_next(&cut, &kernels, &image)) {
            assert_int_equal(found, -1);
            found = n;
        }
    }
    mica_scene_cut_restart(&cut); /* whatever comes then is no cut */
    paint(&image, 1 - change, 0, 1);
    assert_int_equal(mica_scene_cut_next(&cut, &kernels, &image), 0);
    mica_scene_cut_free(&cut);
    mica_image_free(&image);
    return found;
}

static void test_cuts(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        assert_int_equal(find_cut(channels, 1, 0, 0), 5);
        assert_int_equal(find_cut(channels, 1, 3, 0), 5);
        assert_int_equal(find_cut(channels, 0, 0, 0), -1);
        assert_int_equal(find_cut(channels, 0, 12, 0), -1);   /* a pan */
        assert_int_equal(find_cut(channels, 0, 0, 0.05), -1); /* to gray */
    }
    MicaSceneCut cut;
    MicaImage dot;
    assert_int_equal(mica_image_alloc(&dot, 1, 1, 3), MICA_OK);
    MicaMotionKernels kernels;
    mica_motion_kernels_init(&kernels, mica_cpu_flags());
    assert_int_equal(mica_scene_cut_create(&cut, 1, 1), MICA_OK);
    memset(dot.data, 9, 3);
    assert_int_equal(mica_scene_cut_next(&cut, &kernels, &dot), 0);
    assert_int_equal(mica_scene_cut_next(&cut, &kernels, &dot), 0);
    mica_scene_cut_free(&cut);
    mica_image_free(&dot);
}

/* ---- packets ---- */

/* A coded picture as a predicted frame has it: sections with some bytes in them. */
static MicaWriter coded_picture(MicaVideoInfo *info, int segment)
{
    mica_video_info_defaults(info, sizeof *info);
    info->width = 100;
    info->height = 50;
    MicaStreamHeader h = {.width = 100,
                          .height = 50,
                          .channels = 3,
                          .depth = 8,
                          .passes = 1,
                          .quality = 77,
                          .skip = 5,
                          .segment_width = segment,
                          .segment_height = segment};
    MicaWriter w = {0};
    mica_stream_write_header(&w, &h);
    mica_stream_write_section(&w, MICA_SECTION_HYPER, (const uint8_t *)"hyper", 5);
    mica_stream_write_section(&w, MICA_SECTION_LATENTS, (const uint8_t *)"latents", 7);
    assert_false(w.failed);
    return w;
}

static MicaStatus read_packet(const void *data, size_t size, const MicaVideoInfo *info,
                              MicaFrameHeader *h, MicaStream *s, MicaMotionData *motion)
{
    MicaError error = {MICA_OK, ""};
    const MicaStatus status = mica_frame_packet_read(data, size, info, h, s, motion, &error);
    assert_true(status == MICA_OK || (error.status == status && error.text[0]));
    return status;
}

static void check_packet(const MicaFrameHeader *header, int segment)
{
    MicaVideoInfo info;
    MicaWriter picture = coded_picture(&info, segment), packet = {0};
    const MicaBuffer file = {.data = picture.data, .size = picture.size};
    const int predicted = header->type == MICA_FRAME_PREDICTED;
    const MicaMotionData motion = {(const uint8_t *)"motion", 6};
    assert_int_equal(mica_frame_packet_write(&packet, header, &file, motion, NULL), MICA_OK);
    MicaFrameHeader h;
    MicaStream s;
    MicaMotionData m;
    assert_int_equal(read_packet(packet.data, packet.size, &info, &h, &s, &m), MICA_OK);
    assert_int_equal(h.type, header->type);
    assert_int_equal(h.keep, header->keep);
    assert_int_equal(h.order, header->order);
    assert_int_equal(h.references, header->references);
    for (int i = 0; i < h.references; i++)
        assert_int_equal(h.slot[i], header->slot[i]);
    assert_int_equal(s.header.width, 100);
    assert_int_equal(s.header.height, 50);
    assert_int_equal(s.header.channels, 3);
    assert_int_equal(s.header.quality, 77);
    assert_int_equal(s.header.skip, 5);
    /* 8x4 positions of y: a predicted frame does not tell how much larger its one segment is. */
    assert_int_equal(s.header.segment_width, predicted && segment >= 8 ? 8 : segment);
    assert_int_equal(s.header.segment_height, predicted && segment >= 8 ? 4 : segment);
    assert_int_equal(s.section_size[MICA_SECTION_HYPER], 5);
    assert_memory_equal(s.section[MICA_SECTION_HYPER], "hyper", 5);
    assert_int_equal(s.section_size[MICA_SECTION_LATENTS], 7);
    assert_memory_equal(s.section[MICA_SECTION_LATENTS], "latents", 7);
    assert_int_equal(m.size, predicted ? 6 : 0);
    if (predicted)
        assert_memory_equal(m.data, "motion", 6);
    /* Every cut and every flip is seen. */
    for (size_t at = 0; at < packet.size; at++) {
        uint8_t *copy = malloc(packet.size);
        memcpy(copy, packet.data, packet.size);
        copy[at] ^= 0x21;
        assert_int_not_equal(read_packet(copy, packet.size, &info, &h, &s, &m), MICA_OK);
        free(copy);
        copy = malloc(at ? at : 1);
        memcpy(copy, packet.data, at);
        assert_int_not_equal(read_packet(copy, at, &info, &h, &s, &m), MICA_OK);
        free(copy);
    }
    mica_writer_free(&packet);
    mica_writer_free(&picture);
}

static void test_packets(void **state)
{
    (void)state;
    for (int segment = 4; segment <= 64; segment *= 4) {
        check_packet(&(MicaFrameHeader){.type = MICA_FRAME_INTRA}, segment);
        check_packet(&(MicaFrameHeader){.type = MICA_FRAME_INTRA, .keep = 5}, segment);
        check_packet(
            &(MicaFrameHeader){
                .type = MICA_FRAME_PREDICTED, .keep = 15, .order = 7, .references = 1, .slot = {3}},
            segment);
        check_packet(
            &(MicaFrameHeader){
                .type = MICA_FRAME_PREDICTED, .order = 1 << 20, .references = 2, .slot = {2, 1}},
            segment);
    }
}

/* Checksums are right, and yet it makes no sense. */
static void test_bad_headers(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[16];
        size_t size;
        MicaStatus status;
    } intra[] =
        {
            {{0}, 0, MICA_ERROR_BITSTREAM},
            {{0}, 1, MICA_ERROR_BITSTREAM},
            {{2, 0}, 2, MICA_ERROR_UNSUPPORTED_FEATURE},
            {{0, 1}, 2, MICA_ERROR_BITSTREAM},           /* room, in a gray video */
            {{0, 0, 16, 0, 0}, 5, MICA_ERROR_BITSTREAM}, /* no such slot */
        },
      predicted[] = {
          {{10}, 1, MICA_ERROR_BITSTREAM},
          {{10, 1, 16, 50, 0, 0, 1, 0, 0}, 9, MICA_OK},
          {{10, 0, 1, 50, 0, 0, 1, 0, 0}, 9, MICA_ERROR_BITSTREAM},         /* no reference */
          {{10, 3, 1, 50, 0, 0, 1, 0, 0}, 9, MICA_ERROR_BITSTREAM},         /* three of them */
          {{10, 129, 1, 50, 0, 0, 1, 0, 0}, 9, MICA_ERROR_BITSTREAM},       /* unknown bits */
          {{10, 1, 65, 50, 0, 0, 1, 0, 0}, 9, MICA_ERROR_BITSTREAM},        /* unknown bits */
          {{10, 1, 49, 0xf1, 0, 0, 1, 0, 0}, 9, MICA_ERROR_BITSTREAM},      /* quality 1009 */
          {{10, 1, 1, 50, 65, 0, 1, 0, 0}, 9, MICA_ERROR_BITSTREAM},        /* skip */
          {{10, 65, 1, 50, 0, 0, 1, 8, 8, 0, 0}, 11, MICA_OK},              /* with segments */
          {{10, 65, 1, 50, 0, 0, 1, 0, 8, 0, 0}, 11, MICA_ERROR_BITSTREAM}, /* empty ones */
          {{10, 1, 1, 50, 0, 0, 1, 1, 0}, 9, MICA_ERROR_BITSTREAM},         /* no motion there */
          {{10, 1, 1, 50, 0, 0, 1, 0, 1}, 9, MICA_ERROR_BITSTREAM},         /* nor hyper latents */
      };
    MicaVideoInfo info;
    MicaWriter picture = coded_picture(&info, 64);
    mica_writer_free(&picture);
    MicaFrameHeader h;
    MicaStream s;
    MicaMotionData m;
    for (size_t i = 0; i < sizeof intra / sizeof *intra; i++) {
        MicaWriter w = {0};
        mica_stream_write_section(&w, MICA_SECTION_FRAME, intra[i].bytes, intra[i].size);
        assert_int_equal(read_packet(w.data, w.size, &info, &h, &s, &m), intra[i].status);
        mica_writer_free(&w);
    }
    for (size_t i = 0; i < sizeof predicted / sizeof *predicted; i++) {
        MicaWriter w = {0};
        mica_write_bytes(&w, predicted[i].bytes, predicted[i].size);
        mica_write32(&w, mica_crc32c(0, w.data, w.size));
        assert_int_equal(read_packet(w.data, w.size, &info, &h, &s, &m), predicted[i].status);
        mica_writer_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_packets),
        cmocka_unit_test(test_bad_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
