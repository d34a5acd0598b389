#include "models/grid.h"

MicaGrid mica_grid(const MicaGeometry *geometry, int segment_width, int segment_height)
{
    return (MicaGrid){
        .segment_width = segment_width,
        .segment_height = segment_height,
        .columns = (geometry->coded_w16 + segment_width - 1) / segment_width,
        .rows = (geometry->coded_h16 + segment_height - 1) / segment_height,
        .whole = mica_whole16(geometry),
        .coded = {0, 0, geometry->coded_w16, geometry->coded_h16},
    };
}

MicaRect mica_grid_rect(const MicaGrid *grid, int first, int last, int row)
{
    MicaRect r = {first * grid->segment_width, row * grid->segment_height,
                  last * grid->segment_width, (row + 1) * grid->segment_height};
    if (last == grid->columns)
        r.x1 = grid->whole.x1;
    if (row + 1 == grid->rows)
        r.y1 = grid->whole.y1;
    return r;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

int mica_grid_most_columns(const MicaGrid *grid)
{
    const int last = grid->whole.x1 - (grid->columns - 1) * grid->segment_width;
    return grid->columns > 1 ? larger(grid->segment_width, last) : last;
}

int mica_grid_most_rows(const MicaGrid *grid)
{
    const int last = grid->whole.y1 - (grid->rows - 1) * grid->segment_height;
    return grid->rows > 1 ? larger(grid->segment_height, last) : last;
}
