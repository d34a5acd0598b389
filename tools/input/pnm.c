/*
 * PGM and PPM, plain (P2, P3) and raw (P5, P6), and PAM (P7), as Netpbm defines them. Maxvals other
 * than 255 are scaled to 8 bits, above 255 to 16.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/input/reader.h"
#include "tools/report.h"

#define MAX_VALUE 65535
#define MAX_TOKEN 32

typedef struct PnmReader {
    const uint8_t *p, *end;
    const ReadOptions *options;
    MicaError *error;
    uint64_t width, height, maxval;
    int depth; /* channels, alpha included */
    bool plain;
} PnmReader;

static bool probe(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '7' &&
           strchr(" \t\n\v\f\r#", data[2]) && data[2];
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static MicaStatus truncated(const PnmReader *r)
{
    return report_fail(r->error, MICA_ERROR_BITSTREAM, "bad PNM: the file is truncated");
}

static void skip_blanks(PnmReader *r)
{
    while (r->p < r->end) {
        if (*r->p == '#') {
            while (r->p < r->end && *r->p != '\n' && *r->p != '\r')
                r->p++;
        } else if (is_blank(*r->p)) {
            r->p++;
        } else {
            return;
        }
    }
}

/* A decimal number, and what follows it is a blank or the end. */
static MicaStatus read_number(PnmReader *r, uint64_t *value)
{
    skip_blanks(r);
    if (r->p == r->end)
        return truncated(r);
    uint64_t number = 0;
    int digits = 0;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, digits++)
        if (number <= UINT32_MAX) /* more is out of every range, and must not wrap around */
            number = 10 * number + (uint64_t)(*r->p - '0');
    if (digits == 0 || (r->p < r->end && !is_blank(*r->p) && *r->p != '#'))
        return report_fail(r->error, MICA_ERROR_BITSTREAM, "bad PNM: a number is malformed");
    *value = number;
    return MICA_OK;
}

/* The header of P2, P3, P5 and P6 after the magic. */
static MicaStatus read_pnm_header(PnmReader *r, uint8_t kind)
{
    MicaStatus status;
    r->plain = kind == '2' || kind == '3';
    r->depth = kind == '3' || kind == '6' ? 3 : 1;
    if ((status = read_number(r, &r->width)) != MICA_OK ||
        (status = read_number(r, &r->height)) != MICA_OK ||
        (status = read_number(r, &r->maxval)) != MICA_OK)
        return status;
    if (r->plain)
        return MICA_OK;
    if (r->p == r->end)
        return truncated(r);
    r->p++; /* a single blank, the samples follow */
    return MICA_OK;
}

/* The next word of a PAM header, which may be longer than the buffer. False at the end of the file.
 */
static bool read_token(PnmReader *r, char token[MAX_TOKEN])
{
    skip_blanks(r);
    size_t length = 0;
    for (; r->p < r->end && !is_blank(*r->p); r->p++)
        if (length < MAX_TOKEN - 1)
            token[length++] = (char)*r->p;
    token[length] = 0;
    return length > 0;
}

static MicaStatus read_tuple_type(PnmReader *r)
{
    char type[MAX_TOKEN];
    if (!read_token(r, type))
        return truncated(r);
    static const char *const known[] = {"BLACKANDWHITE",       "GRAYSCALE",       "RGB",
                                        "BLACKANDWHITE_ALPHA", "GRAYSCALE_ALPHA", "RGB_ALPHA"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(type, known[i]) == 0)
            return MICA_OK;
    return report_fail(r->error, MICA_ERROR_UNSUPPORTED_FEATURE,
                       "PAM tuple type %s is not supported", type);
}

static MicaStatus read_pam_header(PnmReader *r)
{
    uint64_t depth = 0;
    char token[MAX_TOKEN];
    for (;;) {
        MicaStatus status;
        if (!read_token(r, token))
            return truncated(r);
        if (strcmp(token, "ENDHDR") == 0)
            break;
        if (strcmp(token, "WIDTH") == 0)
            status = read_number(r, &r->width);
        else if (strcmp(token, "HEIGHT") == 0)
            status = read_number(r, &r->height);
        else if (strcmp(token, "DEPTH") == 0)
            status = read_number(r, &depth);
        else if (strcmp(token, "MAXVAL") == 0)
            status = read_number(r, &r->maxval);
        else if (strcmp(token, "TUPLTYPE") == 0)
            status = read_tuple_type(r);
        else
            status = report_fail(r->error, MICA_ERROR_BITSTREAM, "bad PAM: unknown header line %s",
                                 token);
        if (status != MICA_OK)
            return status;
    }
    while (r->p < r->end && *r->p != '\n')
        r->p++;
    if (r->p == r->end)
        return truncated(r);
    r->p++;
    if (depth < 1 || depth > 4)
        return report_fail(r->error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "PAM with a depth of %llu is not supported", (unsigned long long)depth);
    r->depth = (int)depth;
    return MICA_OK;
}

/* The next `count` samples; raw ones were checked to be there. */
static MicaStatus read_samples(PnmReader *r, uint16_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        if (r->plain) {
            const MicaStatus status = read_number(r, &value);
            if (status != MICA_OK)
                return status;
        } else if (r->maxval > 255) {
            value = (uint64_t)r->p[0] << 8 | r->p[1];
            r->p += 2;
        } else {
            value = *r->p++;
        }
        if (value > r->maxval)
            return report_fail(r->error, MICA_ERROR_BITSTREAM,
                               "bad PNM: a sample of %llu is above the maxval of %llu",
                               (unsigned long long)value, (unsigned long long)r->maxval);
        samples[i] = (uint16_t)value;
    }
    return MICA_OK;
}

static MicaStatus read_row(PnmReader *r, uint16_t *samples, uint8_t *out)
{
    const size_t count = r->width * (size_t)r->depth;
    const MicaStatus status = read_samples(r, samples, count);
    if (status != MICA_OK)
        return status;
    const uint32_t maxval = (uint32_t)r->maxval;
    for (size_t i = 0; i < count; i++) {
        if (maxval <= 255) {
            out[i] = (uint8_t)((samples[i] * 255u + maxval / 2) / maxval);
        } else {
            const uint16_t v = (uint16_t)((samples[i] * 65535u + maxval / 2) / maxval);
            memcpy(out + 2 * i, &v, sizeof v);
        }
    }
    return MICA_OK;
}

static MicaStatus read_pixels(PnmReader *r, MicaImage *image)
{
    uint16_t *const samples = malloc(r->width * (size_t)r->depth * sizeof *samples);
    if (!samples)
        return report_fail(r->error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    MicaStatus status = MICA_OK;
    for (int y = 0; y < image->height && status == MICA_OK; y++)
        status = read_row(r, samples, image->data + y * image->stride);
    free(samples);
    if (status != MICA_OK)
        return status;

    /* Netpbm files may hold a sequence; encoding only the first would lose the others silently. */
    if (r->plain)
        skip_blanks(r);
    if (probe(r->p, (size_t)(r->end - r->p)))
        return report_fail(r->error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "the file holds more than one picture");
    if (r->p < r->end && r->options->verbose)
        report_note(r->options->file, "note: %zu bytes after the picture are ignored",
                    (size_t)(r->end - r->p));
    return MICA_OK;
}

static MicaStatus read_picture(const uint8_t *data, size_t size, const ReadOptions *options,
                               MicaImage *image, MicaError *error)
{
    PnmReader r = {.p = data + 2, .end = data + size, .options = options, .error = error};
    memset(image, 0, sizeof *image);
    const uint8_t kind = data[1];
    if (kind == '1' || kind == '4')
        return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "PBM bitmaps are not supported, convert to PGM first");
    MicaStatus status = kind == '7' ? read_pam_header(&r) : read_pnm_header(&r, kind);
    if (status != MICA_OK)
        return status;
    if (r.maxval < 1 || r.maxval > MAX_VALUE)
        return report_fail(error, MICA_ERROR_BITSTREAM, "bad PNM: maxval is not in 1..%d",
                           MAX_VALUE);
    /* The pixels have to be there before memory for them is asked for: a sample takes at least a
     * byte in every variant. The sides are below 2^36, so the first comparison keeps the product
     * from wrapping around. */
    const size_t left = (size_t)(r.end - r.p);
    const uint64_t sample_size = r.plain || r.maxval <= 255 ? 1 : 2;
    if (r.width <= MICA_MAX_DIMENSION && r.height <= MICA_MAX_DIMENSION &&
        r.width * r.height * (uint64_t)r.depth * sample_size > left)
        return truncated(&r);
    status = input_alloc(image, r.width, r.height, r.depth, r.maxval > 255 ? 16 : 8, error);
    if (status == MICA_OK)
        status = read_pixels(&r, image);
    if (status != MICA_OK)
        mica_image_free(image);
    return status;
}

const Reader reader_pnm = {.name = "pnm", .probe = probe, .read = read_picture};
