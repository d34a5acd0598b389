#include "tools/contents.h"

#include "tools/colour.h"
#include "tools/picture.h"
#include "tools/report.h"

static void strip(MicaImage *image)
{
    mica_buffer_free(&image->exif);
    mica_buffer_free(&image->xmp);
}

MicaStatus contents_before_encoding(const EncodeContents *contents, MicaImage *image,
                                    MicaError *error)
{
    MicaStatus status = MICA_OK;
    image->premultiplied = contents->premultiplied && picture_has_alpha(image);
    if (contents->srgb)
        status = colour_to_srgb(image, error);
    /* Without its tag a turned picture would stay turned. */
    if (status == MICA_OK && (contents->orient || contents->strip))
        status = picture_orient(image, error);
    if (status == MICA_OK && contents->strip)
        strip(image);
    return status;
}

int contents_depth(const DecodeContents *contents, const Writer *writer)
{
    return writer->depth == 8 ? 8 : contents->depth;
}

/* Without a profile the picture would be shown as sRGB. */
static void describe_by_profile(MicaImage *image, const char *name)
{
    MicaError error = {MICA_OK, ""};
    if (image->icc.size || colour_is_srgb(&image->colour) ||
        colour_profile_from_description(image, &image->icc, &error) == MICA_OK)
        return;
    report_note(name,
                "the colour description (primaries %d, transfer %d, %s range) is lost, viewers "
                "will show sRGB: %s",
                image->colour.primaries, image->colour.transfer,
                image->colour.full_range ? "full" : "narrow", error.text);
}

MicaStatus contents_before_writing(const DecodeContents *contents, const Writer *writer,
                                   const char *name, MicaImage *image, MicaError *error)
{
    MicaStatus status = MICA_OK;
    /* No format that is written here knows premultiplied colours; sums are of what was decoded. */
    if (writer != &writer_md5)
        picture_unpremultiply(image);
    if (writer->depth == 8 && picture_is_opaque(image))
        status = picture_drop_alpha(image, error);
    if (status == MICA_OK && contents->orient)
        status = picture_orient(image, error);
    if (contents->strip)
        strip(image);
    if (status == MICA_OK && writer->profiles_only)
        describe_by_profile(image, name);
    return status;
}
