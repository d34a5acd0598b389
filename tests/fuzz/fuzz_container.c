/*
 * Everything about a stream that needs no networks: header, sections, metadata, the directory of
 * chunks, and the plan of decoding it or a part. Cheap, so that a fuzzer gets far.
 *
 * The first byte says whether the rest is a whole file or edits of one of a few valid streams, and
 * whether checksums are made right again; the next four choose what is to be decoded.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"
#include "codec/chunks.h"
#include "codec/dec_plan.h"
#include "fuzz.h"
#include "models/gains.h"
#include "models/model.h"

#define BASES 8
#define CHOICES 4
#define MAX_PIXELS (1 << 22)

static MicaBuffer bases[BASES];
static const MicaNetwork *network;

static void write_payload(MicaWriter *w, int type, size_t size)
{
    uint8_t payload[64];
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)(i * 37 + (size_t)type);
    mica_stream_write_section(w, type, payload, size);
}

/* A stream whose symbols mean nothing but whose structure is right. */
static void make_base(MicaBuffer *base, const MicaStreamHeader *header)
{
    const MicaGeometry g = mica_geometry(header->width, header->height);
    const MicaGrid grid = mica_grid(&g, header->segment_width, header->segment_height);
    const size_t count = (size_t)grid.columns * (size_t)grid.rows * (size_t)header->passes;
    MicaWriter *const chunks = calloc(count, sizeof *chunks);
    fuzz_require(chunks != NULL, "memory");
    for (size_t i = 0; i < count; i++)
        mica_write_bytes(&chunks[i], "chunk of symbols", 1 + i % 16);
    MicaWriter latents = {0}, out = {0};
    mica_chunks_write(&latents, chunks, count);
    mica_stream_write_header(&out, header);
    write_payload(&out, MICA_SECTION_HYPER, 20);
    mica_stream_write_section(&out, MICA_SECTION_LATENTS, latents.data, latents.size);
    if (header->channels % 2 == 0)
        write_payload(&out, MICA_SECTION_ALPHA, 12);
    for (int i = 0; i < header->width % 4; i++)
        write_payload(&out, MICA_METADATA_ICC + i, (size_t)i * 9);
    fuzz_require(!out.failed && !latents.failed, "memory");
    *base = (MicaBuffer){.data = out.data, .size = out.size};
    for (size_t i = 0; i < count; i++)
        mica_writer_free(&chunks[i]);
    mica_writer_free(&latents);
    free(chunks);
}

static void start(void)
{
    static const MicaStreamHeader list[BASES] = {
        {.width = 1, .height = 1, .channels = 1, .depth = 8, .segment_width = 2},
        {.width = 64, .height = 65, .channels = 3, .depth = 8, .segment_width = 4},
        {.width = 130, .height = 40, .channels = 4, .depth = 16, .segment_width = 6},
        {.width = 77, .height = 300, .channels = 2, .depth = 8, .segment_width = 10},
        {.width = 2000, .height = 999, .channels = 3, .depth = 16, .segment_width = 64},
        {.width = 1600, .height = 7, .channels = 4, .depth = 8, .segment_width = 8},
        {.width = 33, .height = 33, .channels = 1, .depth = 16, .segment_width = 131070},
        {.width = 255, .height = 1025, .channels = 3, .depth = 8, .segment_width = 34},
    };
    fuzz_require(mica_model_network(fuzz_tiny(), mica_cpu_flags(), &network, NULL) == MICA_OK,
                 "the network");
    for (int i = 0; i < BASES; i++) {
        MicaStreamHeader h = list[i];
        h.quality = 100 * i;
        h.skip = 7;
        h.restoration = 2 * i;
        h.segment_height = h.segment_width;
        h.passes = i & 1 ? MICA_CONTEXT_STEPS : 1;
        h.premultiplied = i == 3;
        h.colour = (MicaColour){i == 4, 9, 16, 1};
        make_base(&bases[i], &h);
    }
}

static void check_error(MicaStatus status, const MicaError *error)
{
    fuzz_require(error->status == status && error->text[0] && !strchr(error->text, '\n'),
                 "one line that says why");
    fuzz_require(status != MICA_ERROR_INTERNAL, "no internal error");
}

/* Reads every byte of a section, so that the address sanitizer sees one that is not there. */
static void read_all(const uint8_t *data, size_t size)
{
    static volatile uint8_t sink;
    for (size_t i = 0; i < size; i++)
        sink = data[i];
    (void)sink;
}

/* What was read, written again, reads as the same. */
static void check_header(const MicaStreamHeader *h)
{
    MicaWriter w = {0};
    mica_stream_write_header(&w, h);
    for (int type = MICA_SECTION_HYPER; type <= MICA_SECTION_LATENTS + (h->channels % 2 == 0);
         type++)
        mica_stream_write_section(&w, type, NULL, 0);
    MicaStream again;
    fuzz_require(!w.failed && mica_stream_read(&again, w.data, w.size, NULL) == MICA_OK,
                 "the header again");
    const MicaStreamHeader *const a = &again.header;
    fuzz_require(a->width == h->width && a->height == h->height && a->channels == h->channels &&
                     a->depth == h->depth && a->premultiplied == h->premultiplied &&
                     a->quality == h->quality && a->skip == h->skip && a->passes == h->passes &&
                     a->restoration == h->restoration && a->segment_width == h->segment_width &&
                     a->segment_height == h->segment_height &&
                     memcmp(&a->colour, &h->colour, sizeof a->colour) == 0,
                 "the same header");
    mica_writer_free(&w);
}

static void check_plan(const MicaStreamHeader *h, const uint8_t *choice)
{
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.scale = 1 << choice[0] % 4;
    settings.depth = choice[0] & 16 ? 8 : choice[0] & 32 ? 16 : 0;
    if (choice[0] & 64)
        settings.region = (MicaRegion){choice[1] * 7, choice[2] * 5 - 9, choice[3], choice[1] - 3};
    MicaDecodePlan p;
    MicaError error = {0};
    const MicaStatus status = mica_decode_plan(&p, h, &settings, network, 1, &error);
    if (status != MICA_OK) {
        fuzz_require(status == MICA_ERROR_INVALID_ARGUMENT, "only the region can be wrong");
        check_error(status, &error);
        return;
    }
    fuzz_require(p.cells.x0 >= 0 && p.cells.y0 >= 0 && p.cells.x0 < p.cells.x1 &&
                     p.cells.y0 < p.cells.y1 && p.cells.x1 <= p.geometry.w8 &&
                     p.cells.y1 <= p.geometry.h8,
                 "cells of the picture");
    fuzz_require(p.first_column >= 0 && p.first_column < p.last_column &&
                     p.last_column <= p.grid.columns && p.first_row >= 0 &&
                     p.first_row < p.last_row && p.last_row <= p.grid.rows,
                 "segments of the grid");
    const MicaRect first = mica_grid_rect(&p.grid, p.first_column, p.last_column, p.first_row);
    const MicaRect last = mica_grid_rect(&p.grid, p.first_column, p.last_column, p.last_row - 1);
    const MicaRect y = mica_synthesis_latents(network, &p.geometry, p.cells);
    fuzz_require(first.x0 <= y.x0 && first.y0 <= y.y0 && last.x1 >= y.x1 && last.y1 >= y.y1,
                 "all latents that the cells need");
    fuzz_require(p.memory > (size_t)p.region.width * (size_t)p.region.height, "memory is counted");
}

static void check_chunks(const MicaStream *s)
{
    const MicaStreamHeader *const h = &s->header;
    const MicaGeometry g = mica_geometry(h->width, h->height);
    const MicaGrid grid = mica_grid(&g, h->segment_width, h->segment_height);
    const size_t count = (size_t)grid.columns * (size_t)grid.rows * (size_t)h->passes;
    MicaChunk *chunks;
    MicaError error = {0};
    const MicaStatus status =
        mica_chunks_read(&chunks, count, s->section[MICA_SECTION_LATENTS],
                         s->section_size[MICA_SECTION_LATENTS], s->latents_damaged, &error);
    if (status != MICA_OK) {
        fuzz_require(!chunks && !s->latents_damaged, "damage that is known is no error");
        check_error(status, &error);
        return;
    }
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        if (chunks[i].data) {
            read_all(chunks[i].data, chunks[i].size);
            size += chunks[i].size;
        }
    fuzz_require(size <= s->section_size[MICA_SECTION_LATENTS], "chunks lie in their section");
    mica_free(chunks);
}

static void check_stream(const MicaStream *s, const uint8_t *choice)
{
    const MicaStreamHeader *const h = &s->header;
    for (int type = 1; type < MICA_SECTION_COUNT; type++)
        read_all(s->section[type], s->section_size[type]);
    for (int i = 0; i < MICA_METADATA_COUNT; i++)
        read_all(s->metadata[i], s->metadata_size[i]);
    fuzz_require(h->width >= 1 && h->height >= 1 && h->width <= MICA_MAX_DIMENSION &&
                     h->height <= MICA_MAX_DIMENSION && h->channels >= 1 && h->channels <= 4 &&
                     h->quality <= MICA_MAX_QUALITY,
                 "a header in range");
    check_header(h);
    if ((uint64_t)h->width * (uint64_t)h->height > MAX_PIXELS) /* as the decoder does */
        return;
    check_plan(h, choice);
    check_chunks(s);
    MicaImage image = {0};
    fuzz_require(mica_stream_copy_metadata(s, &image, NULL) == MICA_OK, "metadata");
    fuzz_require(image.icc.size == s->metadata_size[0] && image.xmp.size == s->metadata_size[2],
                 "the size of metadata");
    mica_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size)
{
    if (!network)
        start();
    if (input_size < 1 + CHOICES)
        return 0;
    const int mode = input[0];
    const MicaBuffer *const base = &bases[(mode >> 2) % BASES];
    const uint8_t *const rest = input + 1 + CHOICES;
    size_t size = input_size - 1 - CHOICES;
    uint8_t *const data =
        mode & 1 ? fuzz_copy(rest, size) : fuzz_edit(base->data, base->size, rest, size, &size);
    if (mode & 2)
        fuzz_fix_stream(data, size);

    MicaStream stream, tolerant;
    MicaError error = {0};
    const MicaStatus status = mica_stream_read(&stream, data, size, &error);
    const MicaStatus second = mica_stream_read_tolerant(&tolerant, data, size, NULL);
    if (status == MICA_OK) {
        check_stream(&stream, input + 1);
        fuzz_require(second == MICA_OK && !tolerant.damaged, "intact for a tolerant reader too");
    } else {
        check_error(status, &error);
        fuzz_require(second != MICA_OK || tolerant.damaged, "damage is seen");
    }
    if (second == MICA_OK && tolerant.damaged)
        check_stream(&tolerant, input + 1);
    free(data);
    return 0;
}
