/*
 * hyper_latents MODEL.mmodel LEVEL,... PICTURE.ppm...
 *
 * Writes the hyper latents of each picture at each level (0..1008) to standard output: int32 rows,
 * columns, channels, level, then int16 in 1/16 quantiser step, before they are rounded.
 * hyper_context.py learns from them what a position can know of the next.
 *
 * It needs the internals of the library.
 */
#include <string.h>

#include "codec/base/mem.h"
#include "codec/session.h"
#include "models/nets.h"
#include "tools/train/inputs.h"

#define MOST_LEVELS 32

/* Analysis and hyper-analysis of the whole plane at once. */
static void write_latents(const MicaRunner *runner, const MicaImage *image, int level, MicaPlane *y,
                          MicaPlane *z)
{
    const MicaGeometry *g = &runner->geometry;
    const int32_t header[4] = {g->h64, g->w64, (int32_t)z->stride, level};
    const size_t count = mica_rect_area(&z->rect) * (size_t)z->stride;
    mica_analyse(runner, image, 0, level, y);
    mica_hyper_analyse(runner, y, level, 0, g->h64, z);
    if (fwrite(header, sizeof header, 1, stdout) != 1 ||
        fwrite(z->data, sizeof *z->data, count, stdout) != count)
        die("standard output", "cannot be written");
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
    for (int i = 0; i < count; i++)
        write_latents(&runner, &image, levels[i], &y, &z);
    mica_free(y.data);
    mica_free(z.data);
    mica_runner_free(&runner);
    mica_image_free(&image);
}

int main(int argc, char **argv)
{
    int levels[MOST_LEVELS], count = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: hyper_latents MODEL.mmodel LEVEL,... PICTURE.ppm...\n");
        return 2;
    }
    for (char *level = strtok(argv[2], ","); level; level = strtok(NULL, ",")) {
        const int v = atoi(level);
        if (count == MOST_LEVELS || v < 0 || v > MICA_MAX_QUALITY)
            die(level, "too many levels, or not one of 0..1008");
        levels[count++] = v;
    }
    MicaError error;
    MicaSession session;
    MicaModel *model = load_model(argv[1]);
    check(mica_session_open(&session, model, 1, UINT32_MAX, &error), argv[1], &error);
    for (int i = 3; i < argc; i++)
        picture(&session, argv[i], levels, count);
    mica_session_close(&session);
    mica_model_unref(&model);
    if (fflush(stdout))
        die("standard output", "cannot be written");
    return 0;
}
