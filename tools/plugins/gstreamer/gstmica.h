/* The elements micaenc and micadec, and what they share. */
#ifndef GST_MICA_H
#define GST_MICA_H

#include <gst/gst.h>
#include <gst/video/video.h>
#include <mica/video.h>

#define MICA_CAPS "video/x-mica"

GST_DEBUG_CATEGORY_EXTERN(gst_mica_debug);
#define GST_CAT_DEFAULT gst_mica_debug

/* The formats that need no conversion, for pad templates. */
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define MICA_TEN_BITS "I420_10LE, I422_10LE, Y444_10LE"
#else
#define MICA_TEN_BITS "I420_10BE, I422_10BE, Y444_10BE"
#endif
#define MICA_FORMATS "{ I420, Y42B, Y444, " MICA_TEN_BITS ", RGB, GRAY8 }"

GstVideoFormat gst_mica_to_gst(MicaPixelFormat format);
/* FALSE for a format that is not one of those. */
gboolean gst_mica_from_gst(GstVideoFormat format, MicaPixelFormat *to);

/* A model file; NULL after a message on the element's bus. */
MicaModel *gst_mica_open_model(GstElement *element, const char *file);

GType gst_mica_enc_get_type(void);
GType gst_mica_dec_get_type(void);

#endif
