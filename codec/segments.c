#include "codec/segments.h"

size_t mica_segment_capacity(const MicaGrid *grid, const MicaNetwork *network)
{
    return (size_t)mica_grid_most_columns(grid) * (size_t)mica_grid_most_rows(grid) *
           (size_t)(network->config.latents / MICA_GROUPS);
}

size_t mica_segment_models(const MicaLatents *latents, int step, int segment, int skip,
                           uint8_t *shape, uint8_t *scale, uint32_t *element)
{
    const MicaRect *window = &latents->rect;
    const MicaRect *coded = &latents->grid->coded;
    const int quarter = latents->quarter, width = mica_rect_width(window) / 2;
    /* Coordinates within the window. */
    const int x0 = segment * latents->grid->segment_width;
    int x1 = x0 + latents->grid->segment_width, y1 = mica_rect_height(window);
    if (x1 > coded->x1 - window->x0 || segment + 1 == latents->segments)
        x1 = mica_rect_width(window);
    if (x1 > coded->x1 - window->x0)
        x1 = coded->x1 - window->x0;
    if (y1 > coded->y1 - window->y0)
        y1 = coded->y1 - window->y0;
    size_t count = 0;
    for (int phase = 0; phase < 4; phase++) {
        const uint8_t *shapes =
            latents->runner->network->y_shape + mica_step_group(step, phase) * quarter;
        for (int y = phase >> 1; y < y1; y += 2)
            for (int x = x0 + (phase & 1); x < x1; x += 2) {
                const size_t at =
                    (size_t)phase * latents->phase_count +
                    ((size_t)(y / 2) * (size_t)width + (size_t)(x / 2)) * (size_t)quarter;
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
