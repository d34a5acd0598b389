#include "codec/segments.h"

int mica_segment_count(const MicaGeometry *geometry, int segment_rows)
{
    return (geometry->coded_h16 + segment_rows - 1) / segment_rows;
}

static int clipped_rows(const MicaGeometry *g, int segment_rows)
{
    return segment_rows < g->h16 ? segment_rows : g->h16;
}

size_t mica_segment_capacity(const MicaLatents *latents, int segment_rows)
{
    const MicaGeometry *g = &latents->runner->geometry;
    return (size_t)clipped_rows(g, segment_rows) * (size_t)g->w16 * (size_t)latents->quarter;
}

size_t mica_segment_models(const MicaLatents *latents, int step, int segment, int segment_rows,
                           int skip, uint8_t *shape, uint8_t *scale, uint32_t *element)
{
    const MicaGeometry *g = &latents->runner->geometry;
    const int quarter = latents->quarter;
    const int first = segment * segment_rows;
    const int last = g->coded_h16 - first < segment_rows ? g->coded_h16 : first + segment_rows;
    size_t count = 0;
    for (int phase = 0; phase < 4; phase++) {
        const uint8_t *shapes =
            latents->runner->network->y_shape + mica_step_group(step, phase) * quarter;
        for (int y = first + (phase >> 1); y < last; y += 2)
            for (int x = phase & 1; x < g->coded_w16; x += 2) {
                const size_t at =
                    (size_t)phase * latents->phase_count +
                    ((size_t)(y / 2) * (size_t)(g->w16 / 2) + (size_t)(x / 2)) * (size_t)quarter;
                for (int c = 0; c < quarter; c++) {
                    const uint8_t s = latents->scale[at + (size_t)c];
                    /* Written always, kept only if coded: no branch to mispredict. */
                    shape[count] = shapes[c];
                    scale[count] = s;
                    element[count] = (uint32_t)(at + (size_t)c);
                    count += s >= skip;
                }
            }
    }
    return count;
}
