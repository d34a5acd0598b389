#include "tools/colour.h"

#include <stdlib.h>
#include <string.h>

#include "tools/picture.h"
#include "tools/report.h"

#ifdef MICA_HAVE_LCMS2
#include <lcms2.h>
const bool colour_has_lcms2 = true;
#else
const bool colour_has_lcms2 = false;
#endif

bool colour_is_srgb(const MicaColour *colour)
{
    return !colour->described ||
           (colour->primaries == 1 && colour->transfer == 13 && colour->full_range);
}

static void plain_cmyk(const uint8_t *cmyk, bool inverted, MicaImage *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *to = image->data + y * image->stride;
        for (int x = 0; x < image->width; x++, cmyk += 4)
            for (int c = 0; c < 3; c++) {
                const int light = inverted ? cmyk[c] : 255 - cmyk[c];
                const int white = inverted ? cmyk[3] : 255 - cmyk[3];
                *to++ = (uint8_t)((light * white + 127) / 255);
            }
    }
}

#ifndef MICA_HAVE_LCMS2

static MicaStatus no_lcms2(MicaError *error, const char *what)
{
    return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                       "%s, which this build cannot do: it was made without lcms2", what);
}

MicaStatus colour_to_srgb(MicaImage *image, MicaError *error)
{
    if (!image->icc.size && colour_is_srgb(&image->colour))
        return MICA_OK;
    return no_lcms2(error, "the colours have to be converted to sRGB");
}

MicaStatus colour_from_cmyk(const uint8_t *cmyk, bool inverted, const MicaBuffer *profile,
                            MicaImage *image, bool *managed, MicaError *error)
{
    (void)profile;
    (void)error;
    *managed = false;
    plain_cmyk(cmyk, inverted, image);
    return MICA_OK;
}

MicaStatus colour_profile_from_gamma(double gamma, const double xy[8], bool gray,
                                     MicaBuffer *profile, MicaError *error)
{
    (void)gamma;
    (void)xy;
    (void)gray;
    (void)profile;
    return no_lcms2(error, "gamma and primaries of the PNG need an ICC profile");
}

MicaStatus colour_profile_from_description(const MicaImage *image, MicaBuffer *profile,
                                           MicaError *error)
{
    (void)image;
    (void)profile;
    return no_lcms2(error, "the colour description needs an ICC profile");
}

#else

static MicaStatus failed(MicaError *error, const char *what)
{
    return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE, "%s", what);
}

/* x and y of white, red, green and blue of CICP primaries; NULL for unknown ones. */
static const double *primaries_of(int code)
{
    static const struct {
        int code;
        double xy[8];
    } known[] = {
        {1, {0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060}},
        {5, {0.3127, 0.3290, 0.640, 0.330, 0.290, 0.600, 0.150, 0.060}},
        {6, {0.3127, 0.3290, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070}},
        {9, {0.3127, 0.3290, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046}},
        {11, {0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}},
        {12, {0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].code == code)
            return known[i].xy;
    return NULL;
}

/* The curve of a CICP transfer function, NULL for those that are not of a display's light. */
static cmsToneCurve *transfer_of(int code)
{
    /* Of lcms2's type 4: y = (a x + b)^g from d on, c x below. */
    static const double srgb[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
    static const double bt709[5] = {1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081};
    switch (code) {
    case 1:
    case 6:
    case 14:
    case 15:
        return cmsBuildParametricToneCurve(NULL, 4, bt709);
    case 4:
        return cmsBuildGamma(NULL, 2.2);
    case 5:
        return cmsBuildGamma(NULL, 2.8);
    case 8:
        return cmsBuildGamma(NULL, 1);
    case 13:
        return cmsBuildParametricToneCurve(NULL, 4, srgb);
    default:
        return NULL;
    }
}

static cmsHPROFILE profile_of(const double xy[8], cmsToneCurve *curve, bool gray)
{
    const cmsCIExyY white = {xy[0], xy[1], 1};
    const cmsCIExyYTRIPLE primaries = {{xy[2], xy[3], 1}, {xy[4], xy[5], 1}, {xy[6], xy[7], 1}};
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    return gray ? cmsCreateGrayProfile(&white, curve)
                : cmsCreateRGBProfile(&white, &primaries, curves);
}

static cmsHPROFILE described_profile(const MicaColour *colour, bool gray)
{
    const double *xy = colour->full_range ? primaries_of(colour->primaries) : NULL;
    cmsToneCurve *curve = xy ? transfer_of(colour->transfer) : NULL;
    if (!curve)
        return NULL;
    const cmsHPROFILE profile = profile_of(xy, curve, gray);
    cmsFreeToneCurve(curve);
    return profile;
}

static cmsUInt32Number layout(const MicaImage *image)
{
    const cmsUInt32Number bytes = image->depth == 16 ? 2 : 1;
    const bool gray = image->channels < 3;
    return COLORSPACE_SH(gray ? PT_GRAY : PT_RGB) | CHANNELS_SH(gray ? 1u : 3u) |
           EXTRA_SH(picture_has_alpha(image) ? 1u : 0u) | BYTES_SH(bytes);
}

/* Gray stays gray: it is converted to the gray of the sRGB curve. */
static cmsHPROFILE srgb_profile(bool gray)
{
    if (!gray)
        return cmsCreate_sRGBProfile();
    const MicaColour srgb = {.described = 1, .primaries = 1, .transfer = 13, .full_range = 1};
    return described_profile(&srgb, true);
}

MicaStatus colour_to_srgb(MicaImage *image, MicaError *error)
{
    if (!image->icc.size && colour_is_srgb(&image->colour))
        return MICA_OK;
    if (picture_has_alpha(image) && image->premultiplied)
        return failed(error, "premultiplied colours cannot be converted to sRGB");
    const bool gray = image->channels < 3;
    cmsHPROFILE from =
        image->icc.size ? cmsOpenProfileFromMem(image->icc.data, (cmsUInt32Number)image->icc.size)
                        : described_profile(&image->colour, gray);
    if (!from)
        return failed(error, image->icc.size ? "the ICC profile is damaged"
                                             : "the colours cannot be converted to sRGB");
    cmsHPROFILE to = srgb_profile(gray);
    const cmsUInt32Number format = layout(image);
    cmsHTRANSFORM transform = NULL;
    if (to && cmsGetColorSpace(from) == (gray ? cmsSigGrayData : cmsSigRgbData))
        transform = cmsCreateTransform(from, format, to, format, INTENT_RELATIVE_COLORIMETRIC,
                                       cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_COPY_ALPHA);
    if (transform) {
        /* In place; alpha is left as it is. */
        for (int y = 0; y < image->height; y++) {
            uint8_t *row = image->data + y * image->stride;
            cmsDoTransform(transform, row, row, (cmsUInt32Number)image->width);
        }
        cmsDeleteTransform(transform);
        mica_buffer_free(&image->icc);
        image->colour =
            (MicaColour){.described = 1, .primaries = 1, .transfer = 13, .full_range = 1};
    }
    cmsCloseProfile(from);
    if (to)
        cmsCloseProfile(to);
    return transform ? MICA_OK : failed(error, "the ICC profile does not fit the picture");
}

MicaStatus colour_from_cmyk(const uint8_t *cmyk, bool inverted, const MicaBuffer *profile,
                            MicaImage *image, bool *managed, MicaError *error)
{
    *managed = profile->size > 0;
    if (!*managed) {
        plain_cmyk(cmyk, inverted, image);
        return MICA_OK;
    }
    cmsHPROFILE from = cmsOpenProfileFromMem(profile->data, (cmsUInt32Number)profile->size);
    if (!from)
        return failed(error, "the ICC profile is damaged");
    cmsHPROFILE to = cmsCreate_sRGBProfile();
    cmsHTRANSFORM transform = NULL;
    if (to && cmsGetColorSpace(from) == cmsSigCmykData)
        transform =
            cmsCreateTransform(from, inverted ? TYPE_CMYK_8_REV : TYPE_CMYK_8, to, TYPE_RGB_8,
                               INTENT_RELATIVE_COLORIMETRIC, cmsFLAGS_BLACKPOINTCOMPENSATION);
    for (int y = 0; y < image->height && transform; y++, cmyk += (ptrdiff_t)image->width * 4)
        cmsDoTransform(transform, cmyk, image->data + y * image->stride,
                       (cmsUInt32Number)image->width);
    if (transform)
        cmsDeleteTransform(transform);
    cmsCloseProfile(from);
    if (to)
        cmsCloseProfile(to);
    return transform ? MICA_OK : failed(error, "the ICC profile is not one for CMYK");
}

/* The bytes of a profile, which is closed; MICA_ERROR_BITSTREAM if there is none. */
static MicaStatus save_profile(cmsHPROFILE made, MicaBuffer *profile)
{
    cmsUInt32Number size = 0;
    uint8_t *bytes = NULL;
    MicaStatus status = MICA_ERROR_BITSTREAM;
    if (made && cmsSaveProfileToMem(made, NULL, &size) && size && (bytes = malloc(size)) != NULL &&
        cmsSaveProfileToMem(made, bytes, &size))
        status = mica_buffer_copy(profile, bytes, size);
    free(bytes);
    if (made)
        cmsCloseProfile(made);
    return status;
}

MicaStatus colour_profile_from_gamma(double gamma, const double xy[8], bool gray,
                                     MicaBuffer *profile, MicaError *error)
{
    cmsToneCurve *curve = cmsBuildGamma(NULL, 1 / gamma);
    const MicaStatus status = save_profile(curve ? profile_of(xy, curve, gray) : NULL, profile);
    if (curve)
        cmsFreeToneCurve(curve);
    return status == MICA_OK
               ? status
               : report_fail(error, status, "gamma and primaries of the PNG make no sense");
}

MicaStatus colour_profile_from_description(const MicaImage *image, MicaBuffer *profile,
                                           MicaError *error)
{
    const MicaStatus status =
        save_profile(described_profile(&image->colour, image->channels < 3), profile);
    return status == MICA_OK ? status : failed(error, "no ICC profile can say the same");
}

#endif
