#include "gstmica.h"

GST_DEBUG_CATEGORY(gst_mica_debug);

static const GstVideoFormat formats[MICA_PIXEL_FORMATS] = {
    [MICA_PIXEL_GRAY8] = GST_VIDEO_FORMAT_GRAY8,
    [MICA_PIXEL_RGB24] = GST_VIDEO_FORMAT_RGB,
    [MICA_PIXEL_YUV420P] = GST_VIDEO_FORMAT_I420,
    [MICA_PIXEL_YUV422P] = GST_VIDEO_FORMAT_Y42B,
    [MICA_PIXEL_YUV444P] = GST_VIDEO_FORMAT_Y444,
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
    [MICA_PIXEL_YUV420P10] = GST_VIDEO_FORMAT_I420_10LE,
    [MICA_PIXEL_YUV422P10] = GST_VIDEO_FORMAT_I422_10LE,
    [MICA_PIXEL_YUV444P10] = GST_VIDEO_FORMAT_Y444_10LE,
#else
    [MICA_PIXEL_YUV420P10] = GST_VIDEO_FORMAT_I420_10BE,
    [MICA_PIXEL_YUV422P10] = GST_VIDEO_FORMAT_I422_10BE,
    [MICA_PIXEL_YUV444P10] = GST_VIDEO_FORMAT_Y444_10BE,
#endif
};

GstVideoFormat gst_mica_to_gst(MicaPixelFormat format)
{
    return formats[format];
}

gboolean gst_mica_from_gst(GstVideoFormat format, MicaPixelFormat *to)
{
    for (int i = 0; i < MICA_PIXEL_FORMATS; i++)
        if (formats[i] == format) {
            *to = (MicaPixelFormat)i;
            return TRUE;
        }
    return FALSE;
}

MicaModel *gst_mica_open_model(GstElement *element, const char *file)
{
    gchar *data = NULL;
    gsize size = 0;
    GError *failure = NULL;
    if (!g_file_get_contents(file, &data, &size, &failure)) {
        GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ, ("%s", failure->message), (NULL));
        g_error_free(failure);
        return NULL;
    }
    MicaModel *model = NULL;
    MicaError error = {MICA_OK, ""};
    if (mica_model_load(&model, data, size, &error) != MICA_OK)
        GST_ELEMENT_ERROR(element, RESOURCE, OPEN_READ, ("%s: %s", file, error.text), (NULL));
    g_free(data);
    return model;
}

static gboolean plugin_init(GstPlugin *plugin)
{
    GST_DEBUG_CATEGORY_INIT(gst_mica_debug, "mica", 0, "mica learned codec");
    return gst_element_register(plugin, "micaenc", GST_RANK_PRIMARY, gst_mica_enc_get_type()) &&
           gst_element_register(plugin, "micadec", GST_RANK_PRIMARY, gst_mica_dec_get_type());
}

#define PACKAGE "mica"
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, mica,
                  "mica learned picture and video codec", plugin_init, MICA_PLUGIN_VERSION, "BSD",
                  "mica", "mica")
