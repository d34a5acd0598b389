#include "codec/enc_rate.h"

#include <math.h>
#include <string.h>

#include "codec/base/diag.h"
#include "models/gains.h"

#define SIZE_TOLERANCE 0.01
#define PSNR_TOLERANCE 0.05
#define ROUGH 5 /* tolerances that a rough target has */

/* What a quality step typically adds: the nine anchors of the gains span a factor of 37 in bytes
 * and 15 dB on photographs. They and the typical picture at quality 0 are only a first guess. */
#define BYTES_SLOPE (3.6 / MICA_MAX_QUALITY)
#define PSNR_SLOPE (15.0 / MICA_MAX_QUALITY)
#define BYTES_AT_ZERO (0.06 / 8) /* per pixel */
#define PSNR_AT_ZERO 26.0

/* Between the last two steps the rounding decides; more than this many tries are not worth it. */
#define TUNE_TRIALS 6
#define TUNE_MOST 3.0
/* At effort 1 a threshold moves where a larger symbol costs more than 1.8 / (tune - 1) bits: less
 * than this changes nothing in many pictures. */
#define TUNE_FIRST 1.27
/* Where tunes this near to each other give too much and too little, the measure has a cliff. */
#define TUNE_CLIFF 0.1

typedef struct Search {
    const MicaRateTarget *target;
    MicaRateTrial trial;
    void *context;
    MicaError *error;
    double low, aim, high; /* the window of measures to hit, and where to aim */
    MicaRatePoint best;    /* an acceptable point, if `found` */
    double best_distance;  /* from the aim */
    int found, hit;        /* hit: best lies in the window */
    int trials;
    double slope;
} Search;

/* A measure that is about linear in the quality. */
static double measure(const Search *s, const MicaRatePoint *p)
{
    return s->target->goal == MICA_RATE_BYTES ? log((double)p->bytes) : p->psnr;
}

static MicaStatus run(Search *s, int quality, double tune, double *value)
{
    MicaRatePoint p = {.quality = quality, .tune = tune};
    const MicaStatus status = s->trial(s->context, &p, s->error);
    if (status != MICA_OK)
        return status;
    s->trials++;
    *value = measure(s, &p);
    /* A size is an upper limit; for the PSNR, near is good on both sides. */
    const int allowed = s->target->goal == MICA_RATE_PSNR || *value <= s->high;
    const double distance = fabs(*value - s->aim);
    if (allowed && (!s->found || distance < s->best_distance)) {
        mica_buffer_free(&s->best.stream);
        s->best = p;
        s->best_distance = distance;
        s->found = 1;
        s->hit = *value >= s->low && *value <= s->high;
    } else {
        mica_buffer_free(&p.stream);
    }
    return MICA_OK;
}

static int limit(double quality, int low, int high)
{
    return quality < low ? low : quality > high ? high : (int)quality;
}

typedef struct Bracket {
    int below, above; /* qualities known to give less and more than the window; or -1, and the
                         finest quality + 1 */
    double value_below, value_above;
} Bracket;

/* The next quality inside the bracket; `stuck` is how often the same side has moved in a row. */
static int next_quality(const Search *s, const Bracket *b, int last, double value, int stuck)
{
    const int low = b->below + 1, high = b->above - 1;
    if (b->below < 0 || b->above > MICA_MAX_QUALITY)
        return limit(floor(last + (s->aim - value) / s->slope + 0.5), low, high);
    const double part = (s->aim - b->value_below) / (b->value_above - b->value_below);
    double next = b->below + part * (b->above - b->below);
    if (stuck > 1) /* one end does not move: halve the bracket now and then */
        next = 0.5 * (next + 0.5 * (b->below + b->above));
    return limit(floor(next + 0.5), low, high);
}

static MicaStatus find_quality(Search *s, Bracket *b)
{
    const MicaRateTarget *t = s->target;
    int q = t->start;
    if (q < 0) {
        const double typical =
            t->goal == MICA_RATE_BYTES ? log(BYTES_AT_ZERO * t->pixels) : PSNR_AT_ZERO;
        q = limit(floor((s->aim - typical) / s->slope + 0.5), 0, MICA_MAX_QUALITY);
    }
    int last = -1, stuck = 0, side = 0;
    double value, last_value = 0;
    for (;;) {
        const MicaStatus status = run(s, q, 1, &value);
        if (status != MICA_OK || s->hit)
            return status;
        if (last >= 0 && q != last) {
            const double slope = (value - last_value) / (q - last);
            /* Neighbours can be out of order, and some pictures hardly react. */
            if (slope > 0.2 * s->slope)
                s->slope = slope < 5 * s->slope ? slope : 5 * s->slope;
        }
        const int now = value > s->high ? 1 : -1;
        stuck = now == side ? stuck + 1 : 0;
        side = now;
        if (now > 0) {
            b->above = q;
            b->value_above = value;
        } else {
            b->below = q;
            b->value_below = value;
        }
        if (b->above - b->below <= 1)
            return MICA_OK;
        last = q;
        last_value = value;
        q = next_quality(s, b, last, value, stuck);
    }
}

/* Between two neighbouring qualities: the finer one with more symbols rounded towards zero. Where
 * the measure has a cliff that the window lies in, the next finer quality, whose cliffs are
 * elsewhere. */
static MicaStatus find_tune(Search *s, const Bracket *b)
{
    double few = 1, many = TUNE_MOST; /* tunes that give too much and (once known) too little */
    double value_few = b->value_above, value_many = 0;
    int known = 0, quality = b->above;
    double tune = TUNE_FIRST;
    for (int i = 0; i < TUNE_TRIALS; i++) {
        double value;
        const MicaStatus status = run(s, quality, tune, &value);
        if (status != MICA_OK || s->hit)
            return status;
        const int above = value > s->high;
        if (known && value == (above ? value_few : value_many) && many - few < TUNE_CLIFF &&
            quality < MICA_MAX_QUALITY) {
            quality++; /* its measure at tune 1 is about that of the one before */
            few = 1;
            value_few = b->value_above;
            known = 0;
            continue;
        }
        if (above) {
            const double slope = (value - value_few) / (tune - few);
            few = tune;
            value_few = value;
            if (!known) {
                if (tune >= TUNE_MOST)
                    return MICA_OK;
                tune = slope < 0 ? tune + (s->aim - value) / slope : 2 * tune;
                tune = tune > TUNE_MOST ? TUNE_MOST : tune;
                continue;
            }
        } else {
            many = tune;
            value_many = value;
            known = 1;
        }
        const double part = (s->aim - value_few) / (value_many - value_few);
        tune = few + (many - few) * (part < 0.05 ? 0.05 : part > 0.95 ? 0.95 : part);
    }
    return MICA_OK;
}

/* The window holds a whole number of bytes. */
static int window_exists(const MicaRateTarget *t)
{
    return t->goal == MICA_RATE_PSNR || floor(t->value) >= ceil(t->value * (1 - SIZE_TOLERANCE));
}

static MicaStatus out_of_reach(const Search *s, double value)
{
    const MicaRateTarget *t = s->target;
    if (t->goal == MICA_RATE_BYTES)
        return mica_fail(s->error, MICA_ERROR_LIMIT,
                         "the target of %.6g %s cannot be reached: quality 0 takes %.6g",
                         t->value / t->unit, t->measure, exp(value) / t->unit);
    return mica_fail(s->error, MICA_ERROR_LIMIT,
                     "the target of %.6g %s cannot be reached: quality 100 gives %.6g", t->value,
                     t->measure, value);
}

MicaStatus mica_rate_search(const MicaRateTarget *target, MicaRateTrial trial, void *context,
                            MicaRatePoint *best, int *trials, double *slope, MicaError *error)
{
    const int bytes = target->goal == MICA_RATE_BYTES;
    Search s = {.target = target, .trial = trial, .context = context, .error = error};
    const double tolerance =
        (target->rough ? ROUGH : 1) * (bytes ? SIZE_TOLERANCE : PSNR_TOLERANCE);
    s.high = bytes ? log(target->value) : target->value + tolerance;
    s.low = bytes ? log(target->value * (1 - tolerance)) : target->value - tolerance;
    s.aim = 0.5 * (s.low + s.high);
    s.slope = target->slope > 0 ? target->slope : bytes ? BYTES_SLOPE : PSNR_SLOPE;
    memset(best, 0, sizeof *best);

    Bracket b = {.below = -1, .above = MICA_MAX_QUALITY + 1};
    MicaStatus status = find_quality(&s, &b);
    if (status == MICA_OK && !s.hit) {
        if (b.below < 0 && bytes)
            status = out_of_reach(&s, b.value_above);
        else if (b.above > MICA_MAX_QUALITY && !bytes)
            status = out_of_reach(&s, b.value_below);
        else if (b.below >= 0 && b.above <= MICA_MAX_QUALITY && !target->rough &&
                 window_exists(target))
            status = find_tune(&s, &b);
    }
    if (trials)
        *trials = s.trials;
    if (slope)
        *slope = s.slope;
    if (status != MICA_OK) {
        mica_buffer_free(&s.best.stream);
        return status;
    }
    *best = s.best;
    return MICA_OK;
}
