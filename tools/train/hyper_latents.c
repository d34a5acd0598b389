/*
 * hyper_latents MODEL.mmodel LEVEL,... PICTURE.ppm...
 * hyper_latents -p PREDICTED.mmodel [-e EFFORT] MODEL.mmodel LEVEL,... FRAME.ppm...
 *
 * Writes the hyper latents of each picture at each level (0..1008) to standard output: int32 rows,
 * columns, channels, level, then int16 in 1/16 quantiser step, before they are rounded. With -p the
 * pictures are the frames of a video, of equal size, coded at the quality of each level, and what
 * is written are the hyper latents of the frames that the second model predicts, with the level
 * that each of them is given. hyper_context.py learns from them what a position can know of the
 * next.
 *
 * It needs the internals of the library, listens at the hyper-analysis, and is linked with
 * -Wl,--wrap=mica_hyper_analyse.
 */
#include <string.h>

#include "codec/base/mem.h"
#include "codec/session.h"
#include "models/nets.h"
#include "tools/train/encode.h"
#include "tools/train/inputs.h"

#define MOST_LEVELS 32

static const MicaNetwork *heard;

void __real_mica_hyper_analyse(const MicaRunner *runner, const MicaPlane *y, int quality, int first,
                               int last, const MicaPlane *z);
void __wrap_mica_hyper_analyse(const MicaRunner *runner, const MicaPlane *y, int quality, int first,
                               int last, const MicaPlane *z);

static void write_all(const void *data, size_t size)
{
    if (fwrite(data, 1, size, stdout) != size)
        die("standard output", "cannot be written");
}

/* An encoder works through a frame from the first row to the last, on one thread here; pictures
 * come whole. */
void __wrap_mica_hyper_analyse(const MicaRunner *runner, const MicaPlane *y, int quality, int first,
                               int last, const MicaPlane *z)
{
    __real_mica_hyper_analyse(runner, y, quality, first, last, z);
    if (runner->network != heard)
        return;
    const MicaGeometry *g = &runner->geometry;
    if (first == 0)
        write_all((int32_t[]){g->h64, g->w64, (int32_t)z->stride, quality}, 4 * sizeof(int32_t));
    write_all(mica_plane_at(z, 0, first),
              (size_t)(last - first) * (size_t)g->w64 * (size_t)z->stride * sizeof *z->data);
}

static void picture(const MicaSession *session, const char *path, const int *levels, int count)
{
    MicaImage image;
    MicaRunner runner;
    MicaError error;
    load_picture(path, &image);
    const MicaGeometry g = mica_geometry(image.width, image.height);
    const MicaNetworkConfig *c = &session->network->config;
    check(mica_runner_create(&runner, session->network, session->pool, &g,
                             (MicaWindowLimit){g.w16, g.h16}, &error),
          path, &error);
    MicaPlane y = {.stride = c->latents, .rect = mica_whole16(&g)};
    MicaPlane z = {.stride = c->hyper, .rect = {0, 0, g.w64, g.h64}};
    y.data = mica_alloc(mica_rect_area(&y.rect), (size_t)c->latents * sizeof *y.data);
    z.data = mica_alloc(mica_rect_area(&z.rect), (size_t)c->hyper * sizeof *z.data);
    if (!y.data || !z.data)
        die(path, "no memory");
    for (int i = 0; i < count; i++) {
        mica_analyse(&runner, &image, 0, levels[i], &y);
        mica_hyper_analyse(&runner, &y, levels[i], 0, g.h64, &z);
    }
    mica_free(y.data);
    mica_free(z.data);
    mica_runner_free(&runner);
    mica_image_free(&image);
}

static void pictures(const MicaModel *model, const char *path, const int *levels, int level_count,
                     int count, char **paths)
{
    MicaError error;
    MicaSession session;
    check(mica_session_open(&session, model, 1, UINT32_MAX, &error), path, &error);
    for (int i = 0; i < count; i++)
        picture(&session, paths[i], levels, level_count);
    mica_session_close(&session);
}

int main(int argc, char **argv)
{
    int levels[MOST_LEVELS], level_count = 0;
    EncodeOptions options = encode_options(&argc, &argv);
    if (argc < 4) {
        fprintf(stderr, "usage: hyper_latents [-p PREDICTED.mmodel [-e EFFORT]] MODEL.mmodel "
                        "LEVEL,... PICTURE.ppm...\n");
        return 2;
    }
    for (char *level = strtok(argv[2], ","); level; level = strtok(NULL, ",")) {
        const int v = atoi(level);
        if (level_count == MOST_LEVELS || v < 0 || v > MICA_MAX_QUALITY)
            die(level, "too many levels, or not one of 0..1008");
        levels[level_count++] = v;
    }
    MicaModel *model = load_model(argv[1]);
    heard = encode_network(model, &options);
    if (options.predicted)
        for (int i = 0; i < level_count; i++)
            encode_all(model, &options, 100.0 * levels[i] / MICA_MAX_QUALITY, argc - 3, argv + 3);
    else
        pictures(model, argv[1], levels, level_count, argc - 3, argv + 3);
    mica_model_unref(&options.predicted);
    mica_model_unref(&model);
    if (fflush(stdout))
        die("standard output", "cannot be written");
    return 0;
}
