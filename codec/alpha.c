#include "codec/alpha.h"

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "entropy/mask_coder.h"

/* How the levels that are coded stand for alpha. */
enum { LEVELS_UNIFORM = 0, LEVELS_LISTED = 1 };

/* Samples of a strip: enough to learn from, few enough to share the work among threads. */
#define STRIP_SAMPLES (1 << 20)
#define STRIP_ROWS_MIN 64

/* Longer lists cost more than they save. */
#define LISTED_MAX 512

int mica_colour_channels(int channels)
{
    return channels < 3 ? 1 : 3;
}

/* Level `i` of `count` (at least 2) from 0 to `max`. */
static uint32_t uniform_level(uint32_t i, uint32_t count, uint32_t max)
{
    return (uint32_t)(((uint64_t)i * max + (count - 1) / 2) / (count - 1));
}

static uint32_t nearest_level(uint32_t value, uint32_t count, uint32_t max)
{
    return (uint32_t)(((uint64_t)value * (count - 1) + max / 2) / max);
}

static uint32_t load_alpha(const MicaImage *image, const uint8_t *row, int x)
{
    const ptrdiff_t at = (ptrdiff_t)x * image->channels + image->channels - 1;
    if (image->depth != 16)
        return row[at];
    uint16_t v;
    memcpy(&v, row + 2 * at, sizeof v);
    return v;
}

static void store_alpha(const MicaImage *image, uint8_t *row, int x, uint32_t value)
{
    const ptrdiff_t at = (ptrdiff_t)x * image->channels + image->channels - 1;
    if (image->depth == 16) {
        const uint16_t v = (uint16_t)value;
        memcpy(row + 2 * at, &v, sizeof v);
    } else {
        row[at] = (uint8_t)value;
    }
}

typedef struct Strip {
    MicaWriter bytes;
    MicaStatus status;
} Strip;

typedef struct Encoder {
    const MicaImage *image;
    uint16_t *index; /* of each value: the level that stands for it */
    int top, strip_rows;
    Strip *strip;
} Encoder;

static void encode_strip(void *context, int index, int thread)
{
    Encoder *e = context;
    const MicaImage *image = e->image;
    Strip *strip = &e->strip[index];
    (void)thread;
    const int first = index * e->strip_rows;
    const int rows = image->height - first < e->strip_rows ? image->height - first : e->strip_rows;
    MicaMask mask;
    strip->status = mica_mask_alloc(&mask, image->width, rows);
    if (strip->status == MICA_OK) {
        for (int y = 0; y < rows; y++) {
            const uint8_t *from = image->data + (first + y) * image->stride;
            uint16_t *to = mask.level + y * mask.stride;
            for (int x = 0; x < image->width; x++)
                to[x] = e->index[load_alpha(image, from, x)];
        }
        strip->status = mica_mask_encode(&mask, e->top, &strip->bytes);
        mica_mask_free(&mask);
    }
}

/* The values that occur, as ones. */
static void find_used(const MicaImage *image, uint8_t *used)
{
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = image->data + y * image->stride;
        for (int x = 0; x < image->width; x++)
            used[load_alpha(image, row, x)] = 1;
    }
}

/* The first value from v on that occurs, or max + 1. Most of 65536 do not. */
static uint32_t next_used(const uint8_t *used, uint32_t v, uint32_t max)
{
    const uint8_t *found = v <= max ? memchr(used + v, 1, max + 1 - v) : NULL;
    return found ? (uint32_t)(found - used) : max + 1;
}

/* The fewest uniform levels that have all values that occur: one more than a divisor of max. */
static uint32_t fewest_uniform(const uint8_t *used, uint32_t max)
{
    /* Of 255, and then the further ones of 65535. */
    static const uint16_t divisor[] = {1,   3,   5,    15,   17,   51,    85,   255,
                                       257, 771, 1285, 3855, 4369, 13107, 21845};
    for (size_t i = 0; i < sizeof divisor / sizeof *divisor && divisor[i] < max; i++) {
        const uint32_t size = max / divisor[i];
        uint32_t v = next_used(used, 0, max);
        while (v <= max && v % size == 0)
            v = next_used(used, v + 1, max);
        if (v > max)
            return divisor[i] + 1u;
    }
    return max + 1;
}

/* Choose the levels, write them, and fill e->index. Returns their number. */
static uint32_t write_levels(Encoder *e, int quality, const uint8_t *used, MicaWriter *out)
{
    const uint32_t max = e->image->depth == 16 ? 65535 : 255;
    uint32_t count = 0, total = 0;
    for (uint32_t v = next_used(used, 0, max); v <= max; v = next_used(used, v + 1, max))
        total++;
    if (quality < 100) {
        count = 2 + (uint32_t)(quality * quality * 240 / 9801);
    } else {
        count = fewest_uniform(used, max);
    }
    if (total == 1 || (quality == 100 && total <= LISTED_MAX && 2 * total <= count)) {
        mica_write8(out, LEVELS_LISTED);
        mica_write_varint(out, total);
        uint32_t last = 0, i = 0;
        for (uint32_t v = next_used(used, 0, max); v <= max; v = next_used(used, v + 1, max)) {
            mica_write_varint(out, v - last);
            last = v;
            e->index[v] = (uint16_t)i++;
        }
        return total;
    }
    mica_write8(out, LEVELS_UNIFORM);
    mica_write_varint(out, count);
    for (uint32_t v = next_used(used, 0, max); v <= max; v = next_used(used, v + 1, max))
        e->index[v] = (uint16_t)nearest_level(v, count, max);
    return count;
}

MicaStatus mica_alpha_encode(const MicaImage *image, int quality, MicaPool *pool, MicaWriter *out)
{
    Encoder e = {.image = image};
    uint8_t *used = mica_alloc_zero(65536, 1);
    e.index = mica_alloc(65536, sizeof *e.index); /* only of values that occur */
    e.strip_rows = STRIP_SAMPLES / image->width;
    e.strip_rows = e.strip_rows < STRIP_ROWS_MIN ? STRIP_ROWS_MIN : e.strip_rows;
    e.strip_rows = e.strip_rows < image->height ? e.strip_rows : image->height;
    const int count = (image->height + e.strip_rows - 1) / e.strip_rows;
    e.strip = mica_alloc_zero((size_t)count, sizeof *e.strip);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (used && e.index && e.strip) {
        find_used(image, used);
        e.top = (int)write_levels(&e, quality, used, out) - 1;
        status = MICA_OK;
        if (e.top > 0) {
            mica_pool_run(pool, count, encode_strip, &e);
            mica_write_varint(out, (uint32_t)e.strip_rows);
            for (int i = 0; i + 1 < count; i++)
                mica_write_varint(out, (uint32_t)e.strip[i].bytes.size);
            for (int i = 0; i < count; i++) {
                mica_write_bytes(out, e.strip[i].bytes.data, e.strip[i].bytes.size);
                if (e.strip[i].status != MICA_OK || e.strip[i].bytes.failed)
                    status = MICA_ERROR_OUT_OF_MEMORY;
            }
        }
        if (out->failed)
            status = MICA_ERROR_OUT_OF_MEMORY;
    }
    for (int i = 0; e.strip && i < count; i++)
        mica_writer_free(&e.strip[i].bytes);
    mica_free(e.strip);
    mica_free(e.index);
    mica_free(used);
    return status;
}

typedef struct CodedStrip {
    const uint8_t *data;
    size_t size;
    MicaStatus status;
} CodedStrip;

typedef struct Decoder {
    MicaImage *image;
    int x, y, width, height, strip_rows;
    int top, first;  /* strip that job 0 decodes */
    uint16_t *value; /* of each level, in the depth of `image` */
    CodedStrip *strip;
} Decoder;

static int clip(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static void decode_strip(void *context, int index, int thread)
{
    Decoder *d = context;
    MicaImage *image = d->image;
    CodedStrip *strip = &d->strip[d->first + index];
    (void)thread;
    const int first = (d->first + index) * d->strip_rows;
    const int rows = d->height - first < d->strip_rows ? d->height - first : d->strip_rows;
    MicaMask mask;
    strip->status = mica_mask_alloc(&mask, d->width, rows);
    if (strip->status != MICA_OK)
        return;
    strip->status = mica_mask_decode(&mask, d->top, strip->data, strip->size);
    const int from = clip(d->y, first, first + rows);
    const int to = clip(d->y + image->height, first, first + rows);
    for (int y = from; y < to; y++) {
        const uint16_t *level = mask.level + (y - first) * mask.stride + d->x;
        uint8_t *row = image->data + (y - d->y) * image->stride;
        for (int x = 0; x < image->width; x++)
            store_alpha(image, row, x, d->value[level[x]]);
    }
    mica_mask_free(&mask);
}

/* Alpha of `depth` bits in the depth of the image. */
static uint32_t convert(uint32_t value, int depth, const MicaImage *image)
{
    if (depth == 16 && image->depth != 16)
        return (value * 255 + 32767) / 65535;
    return depth != 16 && image->depth == 16 ? value * 257 : value;
}

/* False if the levels are not what an encoder writes. */
static int read_levels(Decoder *d, MicaReader *r, int depth)
{
    const uint32_t max = depth == 16 ? 65535 : 255;
    const uint32_t kind = mica_read8(r), count = mica_read_varint(r);
    if (kind > LEVELS_LISTED || count > max + 1 || count < (kind == LEVELS_LISTED ? 1 : 2))
        return 0;
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kind == LEVELS_LISTED) {
            const uint32_t step = mica_read_varint(r);
            value += step;
            if (value > max || (i > 0 && step == 0))
                return 0;
        } else {
            value = uniform_level(i, count, max);
        }
        d->value[i] = (uint16_t)convert((uint32_t)value, depth, d->image);
    }
    d->top = (int)count - 1;
    return !r->failed;
}

static MicaStatus damaged(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_BITSTREAM, "the alpha section is damaged");
}

/* Cut the section at its lengths and decode the strips that the image touches. */
static MicaStatus decode_strips(Decoder *d, MicaReader *r, MicaPool *pool, MicaError *error)
{
    const uint32_t strip_rows = mica_read_varint(r);
    if (r->failed || strip_rows < 1 || strip_rows > (uint32_t)d->height)
        return damaged(error);
    d->strip_rows = (int)strip_rows;
    const int count = (d->height + d->strip_rows - 1) / d->strip_rows;
    /* Each length takes a byte: a short section cannot ask for many strips. */
    if ((size_t)count > mica_reader_left(r))
        return damaged(error);
    d->strip = mica_alloc_zero((size_t)count, sizeof *d->strip);
    if (!d->strip)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for alpha");
    for (int i = 0; i + 1 < count; i++)
        d->strip[i].size = mica_read_varint(r);
    for (int i = 0; i < count; i++) {
        if (i + 1 == count)
            d->strip[i].size = mica_reader_left(r);
        d->strip[i].data = mica_read_bytes(r, d->strip[i].size);
    }
    if (r->failed)
        return damaged(error);
    d->first = d->y / d->strip_rows;
    const int last = (d->y + d->image->height - 1) / d->strip_rows;
    mica_pool_run(pool, last - d->first + 1, decode_strip, d);
    for (int i = d->first; i <= last; i++) {
        if (d->strip[i].status == MICA_ERROR_OUT_OF_MEMORY)
            return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for alpha");
        if (d->strip[i].status != MICA_OK)
            return damaged(error);
    }
    return MICA_OK;
}

MicaStatus mica_alpha_decode(const uint8_t *data, size_t size, int width, int height, int depth,
                             MicaPool *pool, MicaImage *image, int x, int y, MicaError *error)
{
    Decoder d = {.image = image, .x = x, .y = y, .width = width, .height = height};
    MicaReader r = mica_reader(data, size);
    d.value = mica_alloc(65536, sizeof *d.value);
    MicaStatus status = MICA_OK;
    if (!d.value) {
        status = mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for alpha");
    } else if (!read_levels(&d, &r, depth)) {
        status = damaged(error);
    } else if (d.top > 0) {
        status = decode_strips(&d, &r, pool, error);
    } else if (mica_reader_left(&r) > 0) {
        status = damaged(error);
    } else {
        for (int row = 0; row < image->height; row++)
            for (int column = 0; column < image->width; column++)
                store_alpha(image, image->data + row * image->stride, column, d.value[0]);
    }
    mica_free(d.strip);
    mica_free(d.value);
    return status;
}
